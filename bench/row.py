"""A row of the table, as data: who is measured, how, what is shown of it, and what it is held against."""

from dataclasses import dataclass
from typing import Callable

from figures import Bound  # noqa: F401 (for those who declare rows)

# metric: (how a column is called, unit, decimals, is more better?)
METRICS = {
    "cpu_us": ("CPU/tx", "us", 2, False),
    "cpu_login_us": ("CPU/log-in", "us", 1, False),
    "tps": ("tx/s", "", 0, True),
    "logins_s": ("log-ins/s", "", 0, True),
    "latency_ms": ("latency", "ms", 3, False),
    "p50_us": ("p50", "us", 1, False),
    "p99_ms": ("p99", "ms", 2, False),
    "calls": ("calls/tx", "", 2, False),
    "idle_kib": ("idle", "KiB", 2, False),
    "queried_kib": ("after a query", "KiB", 2, False),
    "mb_s": ("MB/s", "", 0, True),
    "growth_kib": ("growth", "KiB", 0, False),
    "rss_mib": ("resident", "MiB", 1, False),
    "start_ms": ("to first query", "ms", 1, False),
    "quiet_p99_ms": ("p99 alone", "ms", 2, False),
    "storm_p99_ms": ("p99 in the storm", "ms", 2, False),
    "storm_ratio": ("ratio", "", 2, False),
    "errors": ("errors", "", 0, False),
    "servers": ("servers", "", 0, False),
    "waiting": ("left waiting", "", 0, False),
    "ns": ("time", "ns", 1, False),
    "instructions": ("instructions", "", 0, False),
}


@dataclass(frozen=True)
class Length:
    """How long things take, and how many of them there are: in full, and where it only matters that they run."""
    seconds: float = 4
    crowd: int = 10000
    clients_most: int = 5000
    result_mb: int = 100
    copy_mb: int = 1000
    spike: int = 1000
    storm: int = 1000    # log-ins in a second
    short: bool = False

    @staticmethod
    def momentary():
        return Length(seconds=0, crowd=40, clients_most=40, result_mb=1, copy_mb=2, spike=40, storm=100, short=True)


@dataclass(frozen=True)
class Row:
    group: str
    name: str
    measure: Callable            # (stage, contestant, length) -> {metric: value}; raises Failed
    who: tuple = ("direct", "relay", "pgbouncer", "weir")
    shows: tuple = ("cpu_us", "tps", "latency_ms")
    bounds: tuple = ()
    rounds: tuple = (5, 11)      # at least, at most
    steady: bool = False         # counts and sizes: one round is enough to say
    note: str = ""


class Failed(Exception):
    """A measurement that did not run; its words."""
