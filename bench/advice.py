#!/usr/bin/env python3
"""Is the advice good? Each case of tests/integration/advice_cases.py as traffic through Weir; what is advised is created, and
the statements are timed without and with it.

    bench/advice.py [--rows 300000] [--only NAME] [--write docs/advice_cases.md]

Time left is what the reading statements of a case take with the indexes, beside what they took without: the median of five
rounds each, straight to PostgreSQL, everything in memory. A case whose right answer is no index must get none, and is not timed.
"""

import argparse
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import psycopg  # noqa: E402

from advice_cases import CASES, advice, allowed, create_tables, keys, run, statements  # noqa: E402
from servers import USERS, Certificates, Postgres, Weir  # noqa: E402

ROUNDS = 5
# A case is helped if this part of the time is left, or less.
LEFT_MAX = 0.05


def seconds(server, queries):
    """The median of some rounds over the statements that read."""
    reading = [(sql, calls) for sql, calls in queries if sql.startswith(("SELECT", "WITH"))] or queries
    rounds = []
    with psycopg.connect(host="127.0.0.1", port=server.port, user="postgres", dbname="app", prepare_threshold=None) as c:
        c.execute("SET max_parallel_workers_per_gather = 0")
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            for sql, calls in reading:
                for parameters in calls:
                    c.execute(sql, parameters)
            rounds.append(time.perf_counter() - began)
            c.rollback()
            c.execute("SET max_parallel_workers_per_gather = 0")
    return statistics.median(rounds[1:])


def measure(server, pooler, name, queries, wanted):
    server.sql("VACUUM ANALYZE", database="app")  # what cases before it have left
    none = wanted == [set()]
    before = 0 if none else seconds(server, queries)
    run(pooler, queries)
    rows, state = advice(pooler)
    made = []
    for row in rows:
        for statement in statements(row):
            server.sql(statement, database="app")
        schema = row["table"].split(".", 1)[0]
        made.append(f'"{schema}".' + row["statement"].split(" EXISTS ", 1)[1].split(" ON ", 1)[0])
    size = 0
    if made:
        server.sql("ANALYZE", database="app")
        size = int(server.sql("SELECT " + " + ".join(f"pg_relation_size('{one}')" for one in made), database="app")[0][0])
    after = seconds(server, queries) if made and not none else before
    for one in made:
        server.sql(f"DROP INDEX {one}", database="app")
    found = {keys(row) for row in rows}
    return {"name": name, "found": sorted(found), "right": allowed(found, wanted), "none": none, "before": before,
            "left": after / before if before else 1, "size": size, "estimated": sum(row["estimated_bytes"] for row in rows),
            "took": state["took_ms"] / 1000, "questions": state["questions"]}


def settings(server):
    return {"weir": {"listen_addr": "127.0.0.1", "unix_socket_dir": "", "auth_type": "scram-sha-256", "admin_users": ["bob"]},
            "databases": {"app": {"host": "127.0.0.1", "port": server.port}},
            "users": {name: {"password": secret} for name, (secret, _) in USERS.items()},
            "advice": {"user": "adviser", "password": "adviser pw", "enabled": True, "interval": "1h", "deadline": "60s"}}


def verdict(row):
    if row["none"]:
        return "ok" if not row["found"] else "**not wanted**"
    return "ok" if row["right"] or row["left"] <= LEFT_MAX else "**missed**"


def report(rows, tables):
    helped = [row for row in rows if not row["none"]]
    out = [f"Tables of {tables:,} rows and less; times of one round over the reading statements.", "",
           "| case | advised | before | time left | size (estimated) | looked for |", "|---|---|---|---|---|---|"]
    for row in rows:
        advised = "<br>".join(f"`{one}`" for one in row["found"]) or "none"
        before = "" if row["none"] else f"{1000 * row['before']:.1f} ms"
        left = f"{100 * row['left']:.1f} %" if before and row["found"] else ""
        size = f"{row['size'] / 2**20:.2f} ({row['estimated'] / 2**20:.2f}) MB" if row["found"] else ""
        out.append(f"| {row['name']}: {verdict(row)} | {advised} | {before} | {left} | {size} | {row['took']:.2f} s |")
    good = sum(verdict(row) == "ok" for row in helped)
    none = sum(row["none"] and verdict(row) == "ok" for row in rows)
    speed = statistics.geometric_mean([1 / row["left"] for row in helped] or [1])
    out += ["", f"{good} of {len(helped)} cases helped, {none} of {len(rows) - len(helped)} left alone; {speed:.1f} times as fast "
            f"on (geometric) average, {sum(row['size'] for row in helped) / 2**20:.0f} MB of indexes."]
    return "\n".join(out)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=300_000)
    options.add_argument("--only", default="")
    options.add_argument("--write", type=pathlib.Path)
    options = options.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-advice-"))
    folder.chmod(0o755)
    server = Postgres(folder / "postgres", Certificates(folder / "certificates")).create()
    rows = []
    try:
        create_tables(server, options.rows)
        for number, (name, queries, wanted) in enumerate(CASES):
            if options.only not in name:
                continue
            pooler = Weir(folder / f"weir-{number}", settings(server)).start(True)
            rows.append(measure(server, pooler, name, queries, wanted))
            pooler.stop()
            print(f"{rows[-1]['name']}: {verdict(rows[-1])}, {100 * rows[-1]['left']:.1f} % left, {rows[-1]['found']}", flush=True)
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
    text = report(rows, options.rows)
    print(text)
    if options.write:
        options.write.write_text("# The cases\n\nWritten by `bench/advice.py`; what they are is in "
                                 "`tests/integration/advice_cases.py`.\n\n" + text + "\n")
    return 0 if all(verdict(row) == "ok" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
