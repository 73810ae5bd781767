"""Load profiles, as data: phases of so many clients for so long, and what is demanded of them. Pure.

What is demanded: a share of transactions that fail, latencies of primary-key reads at up to 200 clients, memory that does
not grow, no server beyond the pool, nobody left in line. Stress and spike go on beyond what is demanded, step by step,
until it breaks, and tell where that was.
"""

import math
from dataclasses import dataclass, field

ERROR_RATE, P95_MS, P99_MS, GROWTH_KIB = 0.0005, 25.0, 100.0, 1024
POOL = 20
COLLAPSE = 0.5  # of the best throughput: what is below is a breakdown, whatever the latencies


@dataclass(frozen=True)
class Phase:
    name: str
    clients: int
    seconds: int
    demands: tuple = ()     # errors, latency, growth, pool
    step: bool = False      # beyond what is demanded: it may break, and that is told
    beside: int = 0         # clients that go on meanwhile


@dataclass(frozen=True)
class Profile:
    name: str
    phases: tuple
    scale: int = 10
    sampling: float = 1.0   # of transactions in the log
    every: int = 1          # seconds between lines on the screen


@dataclass
class Outcome:
    """What a phase came to."""
    transactions: float = 0
    lost: int = 0           # clients that ended with an error, each with the transaction it had
    failed: float = 0
    tps: float = 0
    p50: float = math.inf
    p95: float = math.inf
    p99: float = math.inf
    growth_kib: int = 0
    servers: int = 0        # the most at a time
    waiting: int = 0        # still in line when it was over
    connect_ms: float = 0
    words: str = ""         # of pgbench, where it did not run
    rows: list = field(default_factory=list)

    @property
    def error_rate(self):
        attempts = self.transactions + self.lost + self.failed
        return (self.lost + self.failed) / attempts if attempts else 1.0


def demanded(phase, outcome):
    """[(what, value, the most it may be, holds)]."""
    out = []

    def at_most(what, value, most):
        out.append((what, value, most, value <= most))

    if "errors" in phase.demands:
        at_most("error rate", outcome.error_rate, ERROR_RATE)
    if "latency" in phase.demands:
        at_most("p95 in ms", outcome.p95, P95_MS)
        at_most("p99 in ms", outcome.p99, P99_MS)
    if "growth" in phase.demands:
        at_most("memory growth in KiB", outcome.growth_kib, GROWTH_KIB)
    if "pool" in phase.demands:
        at_most("servers", outcome.servers, POOL)
        out.append(("clients left in line", outcome.waiting, 0, outcome.waiting == 0))  # -1: nobody could say
    return out


def breakage(phase, outcome, best_tps):
    """Why this step is more than could be carried; empty if it is not. A step is a breakdown, not merely slow."""
    if outcome.words:
        return "it did not run"
    if outcome.error_rate > ERROR_RATE:
        return f"{outcome.error_rate:.2%} of the transactions failed"
    if outcome.servers > POOL:
        return f"{outcome.servers} servers for a pool of {POOL}"
    if outcome.waiting < 0:
        return "the console did not answer"
    if outcome.waiting:
        return f"{outcome.waiting} clients were left in line"
    if outcome.tps < best_tps * COLLAPSE:
        return f"{outcome.tps:,.0f} transactions in a second, of {best_tps:,.0f} at best"
    return ""


def breaking_point(steps):
    """[(phase, outcome)] -> words: where it broke, and up to where latency was what is demanded of fewer clients."""
    best, slow = 0.0, None
    for phase, outcome in steps:
        why = breakage(phase, outcome, best)
        if why:
            return f"{phase.clients:,} clients: {why}" + slow_words(slow)
        best = max(best, outcome.tps)
        if slow is None and (outcome.p95 > P95_MS or outcome.p99 > P99_MS):
            slow = phase.clients
    most = max((phase.clients for phase, _ in steps), default=0)
    return f"none up to {most:,} clients; at best {best:,.0f} transactions in a second" + slow_words(slow)


def slow_words(slow):
    return f"; from {slow:,} clients on, p95 over {P95_MS:g} ms or p99 over {P99_MS:g} ms" if slow else ""


def steps(name, counts, seconds, **more):
    return tuple(Phase(f"{name} {n:,}", n, seconds, step=True, **more) for n in counts)


def profile(name, soak_seconds=3600):
    """None: there is no such profile."""
    held = ("errors", "pool")
    profiles = {
        # Of a moment on a machine that may be busy with other things, latencies say nothing.
        "smoke": lambda: Profile("smoke", (Phase("warm-up", 20, 2), Phase("smoke", 20, 5, (*held, "growth"))), scale=1),
        "load": lambda: Profile("load", (Phase("warm-up", 200, 10), Phase("load", 200, 60, (*held, "latency", "growth")))),
        "stress": lambda: Profile("stress", (Phase("what is demanded", 200, 10, (*held, "latency")),
                                             *steps("stress", (400, 800, 1600, 3200, 6400, 12800), 10)), sampling=0.2),
        "spike": lambda: Profile("spike", (
            Phase("before", 10, 5, held), Phase("spike to 1,000", 990, 8, held, beside=10),
            Phase("after", 10, 5, (*held, "latency")), *steps("spike to", (2000, 4000, 8000, 16000), 8, beside=10),
            Phase("at the end", 10, 5, (*held, "latency"))), sampling=0.5),
        "soak": lambda: Profile("soak", (Phase("warm-up", 50, max(min(60, soak_seconds // 10), 2)),
                                         Phase("soak", 50, soak_seconds, (*held, "latency", "growth"))), sampling=0.05, every=10),
    }
    return profiles[name]() if name in profiles else None


NAMES = ("smoke", "load", "stress", "spike", "soak")
