#!/usr/bin/env python3
"""make bench: Weir, Debian's PgBouncer and the bare relay in one run, alternating, medians.

Figures of different machines, or of the same one on different days, do not compare; the ratios of one run do.
CPU per transaction is the process's user and system time over the transactions that pgbench counted.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

from stage import ROOT, Direct, PgBouncer, Raw, Relay, Stage, Weir, cpu_seconds, pgbench, pooler

WORKLOADS = {  # name: (pgbench options, who can run it)
    "select simple": (["-S", "-M", "simple", "-c", 16, "-j", 1], "all"),
    "select extended": (["-S", "-M", "extended", "-c", 16, "-j", 1], "all"),
    "select prepared": (["-S", "-M", "prepared", "-c", 16, "-j", 1], "no pgbouncer"),  # 1.18 cannot in transaction mode
    "tpcb simple": (["-M", "simple", "-c", 16, "-j", 1], "all"),
    "select 1 client": (["-S", "-M", "simple", "-c", 1, "-j", 1], "all"),
    "connect + select": (["-S", "-C", "-M", "simple", "-c", 4, "-j", 1], "all"),
}


def measure(target, options, seconds):
    before = cpu_seconds(target.process)
    result = pgbench(target, *options, "-T", seconds)
    if result["code"] != 0 or not result["transactions"]:
        return None, result["text"][-1500:]
    cpu = (cpu_seconds(target.process) - before) / result["transactions"] * 1e6
    return {"cpu_us": cpu, "tps": result["tps"], "latency_ms": result["latency_ms"]}, ""


def memory(target, clients):
    """Bytes of resident memory per client: idle after login, and idle after one query."""
    def rss():
        text = open(f"/proc/{target.process.pid}/status").read()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024

    with Raw.connect(target.port, host=target.host).login("postgres", "", "bench") as first:
        first.value("SELECT 1")
        start, held = rss(), []
        try:
            for _ in range(clients):
                held.append(Raw.connect(target.port, host=target.host).login("postgres", "", "bench"))
            time.sleep(0.5)
            idle = (rss() - start) / clients
            for c in held:
                c.value("SELECT 1")
            time.sleep(0.5)
            return {"idle": idle, "queried": (rss() - start) / clients}
        finally:
            for c in held:
                c.drop()


def system_calls(target, seconds):
    """System calls per transaction of a simple select with 16 clients, counted by strace."""
    tracer = subprocess.Popen(["strace", "-f", "-c", "-q", "-p", str(target.process.pid)], stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    if tracer.poll() is not None:
        return None  # a container may forbid tracing
    result = pgbench(target, "-S", "-c", 16, "-j", 1, "-T", seconds)
    tracer.send_signal(2)
    try:
        table = tracer.communicate(timeout=20)[1]
    except subprocess.TimeoutExpired:
        tracer.kill()
        return None
    total = re.search(r"^\s*100\.00\s+[\d.]+\s+\d*\s+(\d+).*total", table, re.M)
    return int(total[1]) / result["transactions"] if total and result["transactions"] else None


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--short", action="store_true", help="one short round: does everything run?")
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--without-weir", action="store_true", help="the peers alone")
    options.add_argument("--json", default=str(ROOT / "build" / "bench.json"))
    chosen = options.parse_args()
    if chosen.short:
        chosen.seconds, chosen.rounds = 2, 1

    problems, results = [], {}
    with Stage(scale=1 if chosen.short else 10) as stage:
        contestants = [stage.add(Direct(stage)), stage.add(Relay(stage)), stage.add(pooler(stage, PgBouncer))]
        if not chosen.without_weir:
            contestants.append(stage.add(pooler(stage, Weir)))
        for workload, (arguments, who) in WORKLOADS.items():
            series = {c.name: [] for c in contestants}
            for round_number in range(chosen.rounds):
                for contestant in contestants:
                    if who == "no pgbouncer" and contestant.name == "pgbouncer":
                        continue
                    print(f"\r{workload}: round {round_number + 1} of {chosen.rounds}, {contestant.name:<12}",
                          end="", file=sys.stderr, flush=True)
                    got, words = measure(contestant, arguments, chosen.seconds)
                    if got is None:
                        problems.append(f"{workload} through {contestant.name} failed:\n{words}")
                    else:
                        series[contestant.name].append(got)
            results[workload] = {name: {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
                                 for name, rounds in series.items() if rounds}
        print(file=sys.stderr)
        for contestant in contestants[2:]:
            results.setdefault("memory per client", {})[contestant.name] = memory(contestant, 200 if chosen.short else 2000)
        for contestant in contestants[1:]:
            count = system_calls(contestant, 1 if chosen.short else 3)
            if count is not None:
                results.setdefault("system calls", {})[contestant.name] = {"per query": count}

    floor = "relay"
    print(f"\n{'':<20}{'':<12}{'CPU/tx':>10}{'x relay':>9}{'tx/s':>10}{'latency':>10}")
    for workload in WORKLOADS:
        for name, r in results[workload].items():
            base = results[workload].get(floor, {}).get("cpu_us") or 0
            ratio = f"{r['cpu_us'] / base:.2f}" if base and name != "direct" else "-"
            cpu = f"{r['cpu_us']:.2f} us" if name != "direct" else "-"
            print(f"{workload:<20}{name:<12}{cpu:>10}{ratio:>9}{r['tps']:>10.0f}{r['latency_ms']:>7.3f} ms")
    for name, r in results.get("memory per client", {}).items():
        print(f"{'memory per client':<20}{name:<12}{r['idle'] / 1024:>7.2f} KiB idle{r['queried'] / 1024:>9.2f} KiB after a query")
    for name, r in results.get("system calls", {}).items():
        print(f"{'system calls':<20}{name:<12}{r['per query']:>10.2f} per query")
    os.makedirs(os.path.dirname(chosen.json), exist_ok=True)
    with open(chosen.json, "w") as out:
        json.dump(results, out, indent=2)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
