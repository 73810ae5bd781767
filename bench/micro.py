"""Micro-benchmarks."""
ROWS = []


def measure(rows):
    return []
