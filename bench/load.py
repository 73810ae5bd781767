#!/usr/bin/env python3
"""make load PROFILE=smoke|load|stress|spike|soak: primary-key reads through Weir, passed or failed by thresholds.

A line for each second: transactions, percentiles in ms, clients in line, servers, memory. What was seen is left in
build/load/PROFILE.json and .svg. stress and spike go on until it breaks, and say where. SOAK_SECONDS sets the length of
soak (an hour). LOAD_POOLER=pgbouncer loads PgBouncer instead, to compare. PROFILE=list names the profiles.
"""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

import plot
import profiles
import report
from pgbench import command, environment, parse
from processes import rss_kib
from seconds import Seconds, Tail
from stage import ROOT, Closed, Stage, console_pools

DRAIN_SECONDS = 5  # for clients in line to be served, once nobody comes any more


class Watch:
    """What happens beside the transactions, looked at a few times in a second until stop()."""

    def __init__(self, contestant):
        self.contestant, self.servers, self.waiting, self.over = contestant, 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def look(self):
        """-1 in line: the console did not answer."""
        try:
            self.waiting, servers = console_pools(self.contestant)
            self.servers = max(self.servers, servers)
        except (OSError, AssertionError, Closed):
            self.waiting = -1

    def run(self):
        while not self.over.wait(0.25):
            self.look()

    def stop(self):
        """Afterwards `waiting` is who was still in line when the line had had its time to empty."""
        self.over.set()
        self.thread.join()
        deadline = time.monotonic() + DRAIN_SECONDS
        self.look()
        while self.waiting != 0 and time.monotonic() < deadline:
            time.sleep(0.1)
            self.look()


class Run:
    """pgbench in the background; `folder`: with a log of its transactions there."""

    def __init__(self, contestant, clients, seconds, folder=None, sampling=1.0):
        mode = "extended" if contestant.name == "pgbouncer" else "prepared"  # 1.18 cannot in transaction mode
        seconds += clients // 1000  # the time that pgbench itself takes to log so many in is part of its duration
        options = ["-S", "-M", mode, "-c", clients, "-j", min(2, clients), "-T", seconds]
        if folder:
            options += ["-l", "--log-prefix", f"{folder}/tx", "--sampling-rate", sampling]
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command(contestant, *options), stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        env=environment(contestant))

    def running(self):
        return self.process.poll() is None

    def finish(self, outcome, timeout):
        """Adds what pgbench says to the outcome; its throughput."""
        try:
            out = self.process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            out = self.process.communicate()[0]
            outcome.words = "pgbench did not end in time"
        self.errors.seek(0)
        err = self.errors.read()
        self.errors.close()
        said = parse(out, err)
        if self.process.returncode not in (0, 2) and not outcome.words:
            outcome.words = err[-1500:] or f"pgbench ended with {self.process.returncode}"
        outcome.transactions += said["transactions"]
        outcome.lost += said["aborted"]
        outcome.failed += said["failed"]
        connected = re.search(r"initial connection time = ([\d.]+)", out)
        return said["tps"], float(connected[1]) if connected else 0.0


def ms(value):
    return f"{value:9.2f}" if math.isfinite(value) else f"{'-':>9}"


def tell(clients, row, watch, resident):
    print(f"  {row['second']:>5} s {clients:>6} {row['tps']:>9,.0f} {ms(row['p50'])}{ms(row['p95'])}{ms(row['p99'])}"
          f"{ms(row['max'])} {watch.waiting:>8} {watch.servers:>8} {resident / 1024:>9.1f}", flush=True)


def run_phase(contestant, profile, phase):
    outcome, before = profiles.Outcome(), rss_kib(contestant.pid)
    print(f"{phase.name}: {phase.clients + phase.beside:,} clients for {phase.seconds} s\n"
          f"  {'':>5}   {'clients':>6} {'tx/s':>9} {'p50':>9}{'p95':>9}{'p99':>9}{'max':>9} {'in line':>8} {'servers':>8} {'MiB':>9}",
          flush=True)
    with tempfile.TemporaryDirectory(prefix="weir-load-") as folder:
        watch, beside = Watch(contestant), None
        if phase.beside:
            beside = Run(contestant, phase.beside, phase.seconds + 2)
            time.sleep(1)
        run = Run(contestant, phase.clients, phase.seconds, folder, profile.sampling)
        seconds, tail = Seconds(time.time(), profile.sampling), Tail(f"{folder}/tx*")
        late = 1.5 if profile.sampling == 1 else 3  # pgbench's log is some kilobytes behind
        told, deadline = 0, time.monotonic() + phase.seconds * 1.2 + 90
        while run.running() and time.monotonic() < deadline:
            time.sleep(0.1)
            for ended, took in tail.new():
                seconds.add(ended, took)
            while told < time.time() - seconds.start - late:
                if told % profile.every == 0:
                    tell(phase.clients + phase.beside, seconds.row(told), watch, rss_kib(contestant.pid))
                told += 1
            seconds.close(told)
        outcome.tps, outcome.connect_ms = run.finish(outcome, 10)
        if beside:
            beside.finish(outcome, 60)
        for ended, took in tail.new():
            seconds.add(ended, took)
        tail.close()
        watch.stop()
    for second in range(told, phase.seconds):
        if second % profile.every == 0:
            tell(phase.clients + phase.beside, seconds.row(second), watch, rss_kib(contestant.pid))
    outcome.p50, outcome.p95, outcome.p99 = seconds.all.percentiles(0.50, 0.95, 0.99)
    outcome.rows = seconds.rows(max(told, phase.seconds))
    outcome.growth_kib = max(rss_kib(contestant.pid) - before, 0)
    outcome.servers, outcome.waiting = watch.servers, watch.waiting
    print(f"  {outcome.transactions:,.0f} transactions, {outcome.tps:,.0f}/s, p50 {outcome.p50:.2f} p95 {outcome.p95:.2f} "
          f"p99 {outcome.p99:.2f} ms, {outcome.lost} clients lost, connected in {outcome.connect_ms:.0f} ms", flush=True)
    if outcome.words:
        print(f"  pgbench: {outcome.words.strip()}", flush=True)
    return outcome


def run_phases(contestant, profile):
    """[(phase, outcome)]. Behind a step that breaks come no greater ones."""
    done, best, broken = [], 0.0, False
    for phase in profile.phases:
        if phase.step and broken:
            continue
        outcome = run_phase(contestant, profile, phase)
        done.append((phase, outcome))
        for what, value, most, holds in profiles.demanded(phase, outcome):
            print(f"  {'ok  ' if holds else 'FAIL'} {what}: {value:.4g} (at most {most:g})", flush=True)
        if phase.step:
            broken = bool(profiles.breakage(phase, outcome, best))
            best = max(best, outcome.tps)
    return done


def write(profile, done, where, verdict, broke):
    folder = ROOT / "build" / "load"
    folder.mkdir(parents=True, exist_ok=True)

    def finite(value):
        return None if isinstance(value, float) and not math.isfinite(value) else value

    phases = [dataclasses.asdict(phase)
              | {k: finite(v) for k, v in dataclasses.asdict(outcome).items() if k != "rows"}
              | {"error_rate": outcome.error_rate, "rows": [{k: finite(v) for k, v in row.items()} for row in outcome.rows]}
              for phase, outcome in done]
    (folder / f"{profile.name}.json").write_text(
        json.dumps(where | {"profile": profile.name, "verdict": verdict, "breaking_point": broke, "phases": phases}, indent=1) + "\n")
    series, rate, base = {"p50": [], "p95": [], "p99": []}, [], 0
    for _, outcome in done:
        for row in outcome.rows:
            for name in series:
                series[name].append((base + row["second"], row[name]))
            rate.append((base + row["second"], row["tps"]))
        base += len(outcome.rows)
    (folder / f"{profile.name}.svg").write_text(plot.lines(
        f"make load PROFILE={profile.name}", report.machine_words(where),
        [("latency in ms", series), ("transactions in a second", {"tx/s": rate})]))
    return folder


def main(name):
    profile = profiles.profile(name, int(os.environ.get("SOAK_SECONDS", "3600")))
    if profile is None:
        print(f"profiles: {', '.join(profiles.NAMES)}", file=sys.stdout if name == "list" else sys.stderr)
        return 0 if name == "list" else 2
    where = report.surroundings()
    with Stage(scale=profile.scale) as stage:
        done = run_phases(stage.contestant(os.environ.get("LOAD_POOLER", "weir")), profile)
    failures = [f"{phase.name}: {what}" for phase, outcome in done
                for what, _, _, holds in profiles.demanded(phase, outcome) if not holds]
    stepped = [(phase, outcome) for phase, outcome in done if phase.step]
    broke = profiles.breaking_point(stepped) if stepped else ""
    verdict = "passed" if not failures else "FAILED"
    folder = write(profile, done, where, verdict, broke)
    if broke:
        print(f"breaking point: {broke}")
    print(f"every second: {folder / (name + '.json')} and .svg")
    print(f"{name}: {verdict}" + (f": {', '.join(failures)}" if failures else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "smoke"))
