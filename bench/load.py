#!/usr/bin/env python3
"""make load PROFILE=smoke|load|stress|spike|soak: pgbench through Weir, passed or failed by thresholds.

stress and spike report where it breaks instead of hiding it. SOAK_SECONDS sets the length of soak (an hour).
LOAD_POOLER=pgbouncer loads PgBouncer instead, to compare.
"""

import glob
import os
import sys
import threading
import time

from stage import PgBouncer, Stage, Weir, pgbench, pooler

ERROR_RATE, P95_MS, P99_MS, GROWTH_KIB = 0.0005, 25.0, 100.0, 1024
failures = []


def check(what, value, bound, unit=""):
    ok = value <= bound
    print(f"  {'ok  ' if ok else 'FAIL'} {what}: {value:.3f}{unit} (at most {bound}{unit})", flush=True)
    if not ok:
        failures.append(what)
    return ok


def one_run(stage, target, clients, seconds, sampling=1.0, mode="prepared"):
    """A read-only run; its transactions, errors and percentiles in ms."""
    logs = stage.folder / f"log-{time.monotonic_ns()}"
    logs.mkdir()
    if target.name == "pgbouncer" and mode == "prepared":
        mode = "extended"
    r = pgbench(target, "-S", "-M", mode, "-c", clients, "-j", 2, "-T", seconds, "-l", "--sampling-rate", sampling,
                "--log-prefix", "tx", cwd=logs, timeout=seconds + 120)
    taken = sorted(int(line.split()[2]) / 1000 for name in glob.glob(f"{logs}/tx*") for line in open(name))
    attempts = r["transactions"] + r["aborted"]
    if r["code"] not in (0, 2) or not taken:
        print(r["text"][-1500:])
    return {"transactions": r["transactions"], "tps": r["tps"], "aborted": r["aborted"],
            "error_rate": r["aborted"] / attempts if attempts else 1.0,
            "p50": at(taken, 0.50), "p95": at(taken, 0.95), "p99": at(taken, 0.99)}


def at(values, share):
    return values[min(int(len(values) * share), len(values) - 1)] if values else float("inf")


def describe(name, r):
    print(f"{name}: {r['transactions']:.0f} transactions, {r['tps']:.0f}/s, p50 {r['p50']:.2f} p95 {r['p95']:.2f} "
          f"p99 {r['p99']:.2f} ms, {r['aborted']} clients lost", flush=True)


def steady(stage, target, clients, seconds):
    one_run(stage, target, clients, max(2, min(10, seconds // 5)))  # warm-up
    before = target.rss_kib()
    r = one_run(stage, target, clients, seconds, sampling=1.0 if seconds <= 30 else 0.1)
    describe(f"{clients} clients, {seconds} s", r)
    check("error rate", r["error_rate"], ERROR_RATE)
    check("p95", r["p95"], P95_MS, " ms")
    check("p99", r["p99"], P99_MS, " ms")
    check("memory growth after warm-up", max(0, target.rss_kib() - before), GROWTH_KIB, " KiB")


def stress(stage, target):
    broke = None
    for clients in (100, 200, 400, 800, 1600, 3200):
        r = one_run(stage, target, clients, 10, sampling=0.2)
        describe(f"{clients} clients", r)
        if r["error_rate"] > ERROR_RATE or r["p99"] > 1000:
            broke = clients
            break
    print(f"breaking point: {'none up to 3200 clients' if broke is None else f'{broke} clients'}")
    check("error rate at 200 clients", one_run(stage, target, 200, 10)["error_rate"], ERROR_RATE)


def spike(stage, target):
    """From 10 clients to 1,000 within a second and back: no errors, the line drained, no server beyond the pool."""
    outcome, most = {}, [0]

    def crowd():
        outcome["spike"] = one_run(stage, target, 1000, 10, sampling=0.2)

    def watch(stop):
        while not stop.is_set():
            n = stage.postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'bench'")[0][0]
            most[0] = max(most[0], int(n))
            time.sleep(0.2)

    describe("before", one_run(stage, target, 10, 3))
    stop = threading.Event()
    threads = [threading.Thread(target=crowd), threading.Thread(target=watch, args=(stop,))]
    for t in threads:
        t.start()
    threads[0].join()
    stop.set()
    threads[1].join()
    describe("spike to 1,000", outcome["spike"])
    after = one_run(stage, target, 10, 3)
    describe("after", after)
    check("error rate in the spike", outcome["spike"]["error_rate"], ERROR_RATE)
    check("server connections", most[0], 20)
    check("p99 afterwards", after["p99"], P99_MS, " ms")


def main(profile):
    kind = PgBouncer if os.environ.get("LOAD_POOLER") == "pgbouncer" else Weir
    plans = {
        "smoke": lambda s, t: steady(s, t, 20, 5),
        "load": lambda s, t: steady(s, t, 200, 60),
        "stress": stress,
        "spike": spike,
        "soak": lambda s, t: steady(s, t, 50, int(os.environ.get("SOAK_SECONDS", "3600"))),
    }
    if profile not in plans:
        print(f"no profile {profile!r}: {', '.join(plans)}", file=sys.stderr)
        return 2
    with Stage(scale=10 if profile != "smoke" else 1) as stage:
        target = stage.add(pooler(stage, kind))
        plans[profile](stage, target)
    print(f"{profile}: {'passed' if not failures else 'FAILED: ' + ', '.join(failures)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "smoke"))
