"""Rows of scale: many clients on a pool of twenty, log-ins, storms and spikes."""

import subprocess
import threading
import time

from pgbench import Logged, command, environment, lasting, loaded, parse, pgbench
from processes import cpu_seconds
from row import Bound, Failed, Row
from rows_path import SIXTEEN, cpu, throughput
from stage import POOL, console_pools

CLIENTS, LOGINS, STORMS = "Clients on a pool of 20", "Log-ins", "Storms and spikes"
RUNNING = 2000  # queries in a second beside the storm: a load that leaves two cores room


def crowd(clients):
    many = clients >= 64

    def measure(stage, name, length):
        return loaded(stage.contestant(name), ["-S", "-j", 1], min(clients, length.clients_most), length, many)

    # A relay or PostgreSQL itself would need a server for each.
    who = ("direct", "relay", "pgbouncer", "weir") if clients <= 64 else ("pgbouncer", "weir")
    bounds = (cpu(1.00, "pgbouncer"), throughput(1.00, "pgbouncer"))
    return Row(CLIENTS, f"{clients:,} clients" if clients > 1 else "1 client", measure, who, bounds=bounds)


def logins(variant):
    def measure(stage, name, length):
        contestant = stage.contestant(name, variant)
        before = cpu_seconds(contestant.pid)
        said = pgbench(contestant, "-S", "-C", "-c", 4, "-j", 2, *lasting(length, 4))
        figures = {"logins_s": said["tps"]}
        if contestant.pid is not None:
            figures["cpu_login_us"] = (cpu_seconds(contestant.pid) - before) / said["transactions"] * 1e6
        return figures
    return measure


def login_row(name, variant, **more):
    return Row(LOGINS, name, logins(variant), ("direct", "pgbouncer", "weir") if variant != "scram" else ("pgbouncer", "weir"),
               shows=("logins_s", "cpu_login_us"), bounds=(Bound("logins_s", 1.00, of="pgbouncer", at_least=True),
                                                           Bound("cpu_login_us", 1.00, of="pgbouncer")), **more)


def storm(stage, name, length):
    """The p99 of queries that come at a steady rate, alone and while a thousand clients in a second log in and leave."""
    contestant = stage.contestant(name, "scram")
    seconds = 1 if length.short else max(length.seconds, 4)

    def steady(seconds):
        return Logged(contestant, "-S", "-M", "simple", "-c", 8, "-j", 1, "-R", RUNNING if not length.short else 200, "-T", seconds)

    quiet = steady(seconds).finish()
    storming = subprocess.Popen(command(contestant, "-S", "-C", "-c", 8, "-j", 8, "-R", length.storm, "-T", seconds + 1),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(contestant))
    try:
        time.sleep(0.3)
        beside = steady(seconds).finish()
        out, err = storming.communicate(timeout=60)
    finally:
        if storming.poll() is None:
            storming.kill()
            storming.wait()
    if storming.returncode != 0:
        raise Failed(f"the storm broke off:\n{(out + err)[-1500:]}")
    return {"quiet_p99_ms": quiet["p99_us"] / 1000, "storm_p99_ms": beside["p99_us"] / 1000,
            "storm_ratio": beside["p99_us"] / quiet["p99_us"], "logins_s": parse(out)["tps"]}


def spike(stage, name, length):
    """Ten clients; within a second there are a thousand; then ten again."""
    contestant, since = stage.contestant(name), stage.now()
    seconds = 3 if length.short else 8
    few = Logged(contestant, "-S", "-c", 10, "-j", 1, "-T", seconds)
    time.sleep(1)
    many = Logged(contestant, "-S", "-c", length.spike - 10, "-j", 2, "-T", seconds - 2)
    outcomes = {}
    threads = [threading.Thread(target=lambda run=run, key=key: outcomes.update({key: attempt(run)}))
               for key, run in (("few", few), ("many", many))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for outcome in outcomes.values():
        if isinstance(outcome, Failed):
            raise outcome
    time.sleep(0.2)
    many = outcomes["many"]
    lost = sum(o["aborted"] + o["failed"] for o in outcomes.values())
    return {"errors": lost, "servers": stage.busy_servers(since), "waiting": console_pools(contestant)[0],
            "p99_ms": many["p99_us"] / 1000, "tps": many["tps"]}


def attempt(run):
    try:
        return run.finish(may_lose=True)
    except Failed as failed:
        return failed


ROWS = [
    *[crowd(n) for n in (1, 16, 64, 500, 5000)],
    login_row("plain", "plain", note="pgbench -C: each transaction logs in, asks once and leaves"),
    login_row("SCRAM", "scram", note="the verifier has one iteration, so that it is not pgbench's hashing that is measured"),
    login_row("TLS", "tls"),
    Row(STORMS, "1,000 SCRAM log-ins a second", storm, ("pgbouncer", "weir"),
        shows=("quiet_p99_ms", "storm_p99_ms", "storm_ratio", "logins_s"), bounds=(Bound("storm_ratio", 1.20),),
        note=f"beside {RUNNING:,} queries a second"),
    Row(STORMS, "from 10 clients to 1,000", spike, ("pgbouncer", "weir"),
        shows=("errors", "servers", "waiting", "p99_ms", "tps"),
        bounds=(Bound("errors", 0), Bound("servers", POOL), Bound("waiting", 0)), rounds=(1, 3), steady=True),
]
