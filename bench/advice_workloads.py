#!/usr/bin/env python3
"""Is the advice good for whole workloads? Each as traffic through Weir; what is advised is created, and the statements are timed
without any index, with these, and with those that a DBA made.

    bench/advice_workloads.py [--only pgbench,tpch,star,job] [--scale 1] [--write docs/advice_workloads.md]
    bench/advice_workloads.py --short                 tiny tables: does it still run?

It ends with 1 if a bar is missed, if the tables are not tiny.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

import workload_job
import workload_measure as measuring
import workload_pgbench
import workload_report as report
import workload_star
import workload_tpch
from servers import Certificates, Postgres

WORKLOADS = {one.name: one for one in (workload_tpch.WORKLOAD, workload_star.WORKLOAD, workload_job.WORKLOAD)}
SHORT = 0.01


def run(server, folder, work, scale, deadline):
    measuring.load(server, work.name, ["hypopg", "pg_trgm"], work.tables(scale * work.scale))
    pooler = measuring.start(server, folder, work.name, deadline)
    try:
        measuring.send(pooler, work.queries)
        advised = measuring.advice(pooler)
    finally:
        pooler.stop()
    before = measuring.measure(server, work.name, work.queries)
    weir = measuring.with_indexes(server, work, advised.statements, before)
    reference = measuring.with_indexes(server, work, [f"CREATE INDEX ON {one}" for one in work.reference], before)
    return report.Result(work, scale, advised, before, weir, reference)


def tell(result, where):
    """Each statement, for whoever wants to know more."""
    print("milliseconds of each statement: none, Weir, reference; and the costs", file=where)
    for call in result.before.seconds:
        all_three = (result.before, result.weir, result.reference)
        times = " ".join(f"{1000 * one.seconds[call]:10.2f}" for one in all_three)
        costs = " ".join(f"{one.costs[call]:10.0f}" for one in all_three)
        print(f"{times} {costs}  {call[0]} ({call[1]})", file=where)


def sections(server, folder, options):
    """(text, bars) of each."""
    for name in options.only.split(","):
        if name == "pgbench":
            scale = 1 if options.short else max(1, int(workload_pgbench.SCALE * options.scale))
            story = workload_pgbench.run(server, folder, scale, options.deadline, *((1, 1) if options.short else (8, 3)))
            yield report.pgbench_section(story, scale), report.pgbench_bars(story)
        else:
            result = run(server, folder, WORKLOADS[name], options.scale, options.deadline)
            tell(result, sys.stderr)
            yield report.section(result), result.bars()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default=",".join(["pgbench", *WORKLOADS]))
    options.add_argument("--scale", type=float, default=1)
    options.add_argument("--deadline", default="2s")
    options.add_argument("--short", action="store_true")
    options.add_argument("--write", type=pathlib.Path)
    options = options.parse_args()
    if options.short:
        options.scale, options.deadline = SHORT, "1s"
        measuring.ROUNDS, measuring.MEASURED, measuring.CALLS = 1, 1, 5
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-workloads-"))
    folder.chmod(0o755)
    server = Postgres(folder / "postgres", Certificates(folder / "certificates"), settings=measuring.SERVER).create()
    texts, bars, loads = [], [], [os.getloadavg()[0]]
    try:
        measuring.prepare(server)
        for text, of_it in sections(server, folder, options):
            print(text, flush=True)
            texts.append(text)
            bars += of_it
            loads.append(os.getloadavg()[0])
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
    if options.write:
        options.write.write_text(report.page(texts, statistics.mean(loads)))
    return 0 if options.short or all(good for _, _, good in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
