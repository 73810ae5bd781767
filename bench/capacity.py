#!/usr/bin/env python3
"""How many clients and queries take how many cores, bytes and instances.

    bench/capacity.py --clients 20000 --qps 80000 --server-ms 0.5
    bench/capacity.py --clients 20000 --qps 80000 --mode prepared --tls --logins 200 --core-price 25
    bench/capacity.py --write docs/capacity.md       puts costs and tables between the marks of that page

Costs are those that `make bench` has left in bench/results.json, or, without it, those that stand below. They are of the
machine that they were measured on: measure on yours.
"""

import argparse
import json
import math
import pathlib
import re
import sys
from dataclasses import dataclass

RESULTS = pathlib.Path(__file__).resolve().parent / "results.json"

BUSY = 0.7           # of a core, and of a pool: beyond that, waiting grows faster than what is got for it
FILES = 65536        # descriptors of an instance, as packaging/weir.service has it
SPARE = 64           # descriptors beside clients and servers
MODES = ("simple", "extended", "prepared")

# Read before there was a results.json, on two virtual cores that others used as well: rough, and rather too much.
ROUGH = {
    "simple_us": 10.0, "extended_us": 12.0, "prepared_us": 12.0, "tls_simple_us": 14.0, "tls_extended_us": 16.0,
    "tls_prepared_us": 16.0, "login_us": 80.0, "scram_login_us": 150.0, "tls_login_us": 600.0,
    "client_kib": 2.0, "tls_client_kib": 15.0, "base_mib": 25.0,
}
# Where each is in results.json: (row, metric).
PLACES = {
    "simple_us": ("select simple", "cpu_us"), "extended_us": ("select extended", "cpu_us"),
    "prepared_us": ("select prepared", "cpu_us"), "tls_simple_us": ("select simple, TLS", "cpu_us"),
    "tls_extended_us": ("select extended, TLS", "cpu_us"), "tls_prepared_us": ("select prepared, TLS", "cpu_us"),
    "login_us": ("plain", "cpu_login_us"), "scram_login_us": ("SCRAM", "cpu_login_us"), "tls_login_us": ("TLS", "cpu_login_us"),
    "client_kib": ("10,000 idle clients", "queried_kib"), "tls_client_kib": ("10,000 idle clients, TLS", "queried_kib"),
    "base_mib": ("500 busy clients", "rss_mib"),
}
NAMES = {
    "simple_us": "a simple query", "extended_us": "an extended one", "prepared_us": "a prepared one",
    "tls_simple_us": "a simple query, TLS with the client", "tls_extended_us": "an extended one, TLS",
    "tls_prepared_us": "a prepared one, TLS", "login_us": "a log-in by trust, with one query",
    "scram_login_us": "by SCRAM-SHA-256",
    "tls_login_us": "by trust over TLS", "client_kib": "a client that has queried", "tls_client_kib": "the same over TLS",
    "base_mib": "the process, 500 clients at work",
}


@dataclass(frozen=True)
class Wanted:
    clients: int
    qps: float
    mode: str = "simple"
    tls: bool = False
    logins: float = 0.0      # in a second
    scram: bool = True
    server_ms: float = 1.0   # that a server is kept for one query
    cores: int = 4           # of an instance's machine that Weir may use
    spare: int = 1           # instances beyond those needed, so that one may fail
    files: int = FILES


@dataclass(frozen=True)
class Needed:
    cores: float             # at work
    cores_given: int         # so that none is busier than BUSY
    memory_mib: float        # of all instances
    servers: int
    files: int
    instances: int           # with the spare ones
    reconnect_s: float       # until all clients have logged in again, after all were lost
    why: str                 # what sets the number of instances


def costs_of(results):
    """Costs from what `make bench` has written; what is not there is the rough figure."""
    found = {row["row"]: row["figures"].get("weir", {}) for row in results.get("rows", [])}
    return {name: found.get(row, {}).get(metric, {}).get("median", ROUGH[name]) for name, (row, metric) in PLACES.items()}


def needed(wanted, costs):
    query = costs[("tls_" if wanted.tls else "") + wanted.mode + "_us"]
    login = costs["scram_login_us" if wanted.scram else "login_us"] + (
        max(costs["tls_login_us"] - costs["login_us"], 0) if wanted.tls else 0)
    cores = (wanted.qps * query + wanted.logins * login) / 1e6
    servers = max(math.ceil(wanted.qps * wanted.server_ms / 1000 / BUSY), 1)  # Little's law
    files = wanted.clients + servers + SPARE
    by = {"cores": math.ceil(cores / BUSY / wanted.cores), "descriptors": math.ceil(files / wanted.files), "": 1}
    why = max(by, key=by.get)
    instances = by[why] + wanted.spare
    kib = costs["tls_client_kib" if wanted.tls else "client_kib"]
    memory = instances * costs["base_mib"] + wanted.clients * kib / 1024
    return Needed(cores, max(math.ceil(cores / BUSY), 1), memory, servers, files, instances,
                  wanted.clients * login / 1e6 / (by[why] * wanted.cores), why or "one carries it")


def ends_at(costs, cores, mode="simple", tls=False):
    """Queries in a second where so many cores are as busy as they should be, and where they are full."""
    per_core = 1e6 / costs[("tls_" if tls else "") + mode + "_us"]
    return cores * per_core * BUSY, cores * per_core


def table(heads, rows):
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
                     + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def page(costs, source, core_price):
    """What stands between the marks of docs/capacity.md."""
    def unit(name):
        return "µs of CPU" if name.endswith("_us") else "KiB" if name.endswith("_kib") else "MiB"

    parts = [f"Costs: {source}.", table(["what", "costs"], [[NAMES[n], f"{v:,.1f} {unit(n)}"] for n, v in costs.items()])]
    rows = []
    for clients, qps, mode, tls in ((500, 2000, "simple", False), (2000, 10000, "extended", False),
                                    (10000, 40000, "prepared", False), (10000, 40000, "prepared", True),
                                    (50000, 150000, "prepared", True), (200000, 500000, "prepared", True)):
        n = needed(Wanted(clients, qps, mode, tls, logins=clients / 600), costs)
        rows.append([f"{clients:,}", f"{qps:,}", mode + (", TLS" if tls else ""), f"{n.cores:.2f}", n.cores_given,
                     f"{n.memory_mib:,.0f} MiB", f"{n.servers:,}", n.instances, f"{n.instances * 4 * core_price:,.0f}",
                     f"{n.reconnect_s:.1f} s"])
    parts += ["", table(["clients", "queries/s", "how", "cores at work", "cores to give", "memory", "servers", "instances",
                         "a month", "all log in again"], rows)]
    parts += ["", "Where one machine ends:", "",
              table(["cores for Weir", "queries/s, simple", "prepared", "prepared, TLS", "log-ins/s, SCRAM", "clients in 8 GiB",
                     "over TLS"],
                    [[c, *(f"{ends_at(costs, c, *how)[0]:,.0f}" for how in (("simple",), ("prepared",), ("prepared", True))),
                      f"{c * BUSY * 1e6 / costs['scram_login_us']:,.0f}",
                      *(f"{(8192 - costs['base_mib']) * 1024 / costs[kib]:,.0f}" for kib in ("client_kib", "tls_client_kib"))]
                     for c in (1, 2, 4, 8, 16)])]
    return "\n".join(parts)


MARKS = ("<!-- capacity.py: from here -->", "<!-- capacity.py: to here -->")


def between_marks(text, new):
    begin, end = (re.escape(mark) for mark in MARKS)
    if not re.search(f"{begin}.*{end}", text, re.S):
        raise ValueError("the page has no marks")
    return re.sub(f"{begin}.*{end}", lambda _: f"{MARKS[0]}\n{new}\n{MARKS[1]}", text, flags=re.S)


def arguments(words=None):
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--clients", type=int, default=1000)
    options.add_argument("--qps", type=float, default=10000, help="queries in a second, of all clients")
    options.add_argument("--mode", choices=MODES, default="simple")
    options.add_argument("--tls", action="store_true", help="clients come over TLS")
    options.add_argument("--logins", type=float, default=0, help="in a second; applications without a pool of their own have many")
    options.add_argument("--trust", action="store_true", help="log-ins without SCRAM")
    options.add_argument("--server-ms", type=float, default=1.0, help="for which one query keeps a server (SHOW QUERIES tells)")
    options.add_argument("--cores", type=int, default=4, help="of each machine that are Weir's")
    options.add_argument("--spare", type=int, default=1, help="instances that may fail")
    options.add_argument("--files", type=int, default=FILES, help="descriptors that an instance may have (LimitNOFILE)")
    options.add_argument("--core-price", type=float, default=25.0, help="of a core for a month, in whatever you pay with")
    options.add_argument("--write", type=pathlib.Path, help="the page whose tables are to be made anew")
    return options.parse_args(words)


def main():
    chosen = arguments()
    if RESULTS.exists():
        results = json.loads(RESULTS.read_text())
        machine = results["machine"]
        source = f"`make bench` of {results['date'][:10]}, {machine['processor']}, {machine['cores']} cores"
    else:
        results, source = {}, "rough ones; `make bench` has left no results yet"
    costs = costs_of(results)
    if chosen.write:
        chosen.write.write_text(between_marks(chosen.write.read_text(), page(costs, source, chosen.core_price)))
        return 0
    wanted = Wanted(chosen.clients, chosen.qps, chosen.mode, chosen.tls, chosen.logins, not chosen.trust, chosen.server_ms,
                    chosen.cores, chosen.spare, chosen.files)
    n, price = needed(wanted, costs), chosen.core_price * chosen.cores
    print(f"costs are {source}\n"
          f"{wanted.clients:,} clients, {wanted.qps:,.0f} {wanted.mode} queries/s{' over TLS' if wanted.tls else ''}, "
          f"{wanted.logins:g} log-ins/s, {wanted.server_ms:g} ms in a server\n\n"
          f"  cores at work          {n.cores:.2f}\n"
          f"  cores to give          {n.cores_given}   ({BUSY:.0%} busy)\n"
          f"  memory                 {n.memory_mib:,.0f} MiB\n"
          f"  servers                {n.servers:,}   (default_pool_size, all instances together)\n"
          f"  descriptors            {n.files:,}\n"
          f"  instances              {n.instances} of {wanted.cores} cores, {wanted.spare} of them spare   ({n.why})\n"
          f"  a month                {n.instances * price:,.0f}\n"
          f"  all log in again in    {n.reconnect_s:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
