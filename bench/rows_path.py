"""Rows of the data path: what one query costs, in every way that it can come."""

import re
import subprocess
import time

from pgbench import Logged, lasting, loaded, pgbench
from processes import cpu_seconds
from row import Bound, Failed, Row
from stage import POOL

GROUP, TLS, WORKERS = "Data path", "Data path over TLS", "Workers"
SIXTEEN = ("-c", 16, "-j", 1)
NOT_PGBOUNCER = ("direct", "relay", "weir")  # 1.18 knows no prepared statements in transaction mode

SCRIPTS = {
    # The same text each time.
    "same text": "SELECT abalance FROM pgbench_accounts WHERE aid = 1;\n",
    # Numbers, a sign, a string and a list: every text is another.
    "inlined": """\\set aid random(1, 100000 * :scale)
\\set d random(1, 5000)
SELECT abalance FROM pgbench_accounts WHERE aid = :aid AND filler <> 'x:aid' AND abalance > -10000000 - :d AND aid IN (:aid, :d);
""",
    # Ten queries, one Sync.
    "pipeline": "\\set aid random(1, 100000 * :scale)\n\\startpipeline\n"
                + "SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n" * 10 + "\\endpipeline\n",
}


def script(stage, name):
    path = stage.folder / f"{name.replace(' ', '-')}.sql"
    if not path.exists():
        path.write_text(SCRIPTS[name])
    return ["-f", path, "-D", f"scale={stage.scale}"]


def workload(*options, clients=16, named="", variant="plain", many=False):
    def measure(stage, name, length):
        chosen = [*options, *(script(stage, named) if named else [])]
        return loaded(stage.contestant(name, variant), [*chosen, "-j", 1], clients, length, many)
    return measure


def one_client(stage, name, length):
    """The middle of what single transactions take, from pgbench's log of each."""
    said = Logged(stage.contestant(name), "-S", "-c", 1, "-j", 1, *lasting(length, 1)).finish()
    return {"p50_us": said["p50_us"], "p99_ms": said["p99_us"] / 1000, "tps": said["tps"]}


def counter_of(pid):
    """Counts system calls of a process: (method, command, reader of its words). perf does not slow what it counts."""
    perf = ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", str(pid)]
    try:
        trial = subprocess.run([*perf, "--", "true"], capture_output=True, text=True, timeout=20)
        if trial.returncode == 0 and "not supported" not in trial.stderr:
            return "perf stat", perf, lambda words: re.search(r"^(\d+),", words, re.M)
    except (OSError, subprocess.TimeoutExpired):
        pass
    return ("strace", ["strace", "-f", "-c", "-q", "-p", str(pid)],
            lambda words: re.search(r"^\s*100\.00\s+[\d.]+\s+\d*\s+(\d+).*total", words, re.M))


def system_calls(stage, name, length):
    contestant = stage.contestant(name)
    method, command, read = counter_of(contestant.pid)
    counter = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(0.3)
        said = pgbench(contestant, "-S", *SIXTEEN, *lasting(length, 16, 100))
        counter.send_signal(2)
        words = counter.communicate(timeout=30)[1]
    except subprocess.TimeoutExpired:
        raise Failed(f"{method} did not end")
    finally:
        if counter.poll() is None:
            counter.kill()
            counter.wait()
    found = read(words)
    if not found:
        return {}  # a container may forbid counting; the row says "not measured"
    return {"calls": int(found[1]) / said["transactions"]}


def with_workers(stage, name, length):
    """One contestant with so many workers, beside nobody else; its servers are counted by what they did."""
    contestant, since = stage.contestant(name), stage.now()
    figures = loaded(contestant, ["-S", "-j", 1], 64, length)
    return figures | {"servers": stage.busy_servers(since)}


def cpu(limit, of, **more):
    return Bound("cpu_us", limit, of=of, **more)


def throughput(limit, of, **more):
    return Bound("tps", limit, of=of, at_least=True, **more)


ROWS = [
    Row(GROUP, "select simple", workload("-S", "-M", "simple"), bounds=(cpu(1.05, "relay"), cpu(1.00, "pgbouncer"))),
    Row(GROUP, "select same text", workload("-M", "simple", named="same text"),
        bounds=(cpu(1.05, "relay"), cpu(1.00, "pgbouncer"))),
    Row(GROUP, "inlined literals", workload("-M", "simple", named="inlined"), bounds=(cpu(1.15, "relay"),),
        note="numbers, a sign, a string and a list; every text differs"),
    Row(GROUP, "select extended", workload("-S", "-M", "extended"), bounds=(throughput(1.00, "pgbouncer"),)),
    Row(GROUP, "select prepared", workload("-S", "-M", "prepared"), NOT_PGBOUNCER, bounds=(cpu(1.10, "relay"),)),
    Row(GROUP, "TPC-B simple", workload("-M", "simple"), bounds=(throughput(1.00, "pgbouncer"),)),
    Row(GROUP, "TPC-B extended", workload("-M", "extended"), bounds=(throughput(1.00, "pgbouncer"),)),
    Row(GROUP, "pipelines", workload("-M", "extended", named="pipeline"), bounds=(throughput(1.00, "pgbouncer"),),
        note="a transaction is ten queries and one Sync"),
    Row(GROUP, "pipelines prepared", workload("-M", "prepared", named="pipeline"), NOT_PGBOUNCER),
    Row(GROUP, "latency at one client", one_client, shows=("p50_us", "p99_ms", "tps"),
        bounds=(Bound("p50_us", 1.00, of="pgbouncer"),),
        note="what is added to direct is no more than what PgBouncer adds if p50 is no more"),
    Row(GROUP, "system calls", system_calls, ("relay", "pgbouncer", "weir"), shows=("calls",), bounds=(Bound("calls", 4.3),),
        rounds=(1, 3), steady=True, note="of a simple select, 16 clients"),

    Row(TLS, "select simple, TLS", workload("-S", "-M", "simple", variant="tls"), ("direct", "pgbouncer", "weir"),
        bounds=(cpu(1.05, "pgbouncer"),)),
    Row(TLS, "select extended, TLS", workload("-S", "-M", "extended", variant="tls"), ("direct", "pgbouncer", "weir"),
        bounds=(cpu(1.05, "pgbouncer"), throughput(1.00, "pgbouncer"))),
    Row(TLS, "select prepared, TLS", workload("-S", "-M", "prepared", variant="tls"), ("direct", "weir")),

    Row(WORKERS, "1, 2 and 4 workers", with_workers, ("weir 1", "weir 2", "weir 4"), shows=("cpu_us", "tps", "servers"),
        bounds=(cpu(1.10, "weir 1", whom="weir 2"), cpu(1.10, "weir 1", whom="weir 4"),
                Bound("servers", POOL, whom="weir 2"), Bound("servers", POOL, whom="weir 4")),
        note="64 clients; each worker is a thread"),
]
