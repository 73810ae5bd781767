"""pgbench's tables without their keys, and its own transactions: what is advised, and what that does to reading and writing.

Two looks. At first every transaction reads all accounts. Once accounts have what was advised, transactions are thousands of
times as many, and a report comes along now and then: the ten smallest balances of a branch. (bid, abalance) would serve it
best, and take from every transaction the cheap (HOT) update of a balance; (bid) serves it well.
"""

import dataclasses
import os
import pathlib
import statistics
import subprocess

import workload_measure as measuring
from pgbench import parse
from servers import PG_BIN, USERS
from workload import Answer, Query, led_by, on

DATABASE = "pgbench"
SCALE = 20
TRANSACTIONS = 500  # of each of two clients, for each 100,000 accounts
REPORT = Query("smallest balances", "SELECT aid, abalance FROM pgbench_accounts WHERE bid = %s ORDER BY abalance LIMIT 10",
               [(bid,) for bid in range(1, 7)])
SEARCH = Query("text within a filler", "SELECT count(*) FROM pgbench_accounts WHERE filler LIKE %s",
               [(f"%{i}%",) for i in range(6)])
WRITES_MIN = 0.9  # of the transactions that a processor does in a second without the report's index

FIRST = [
    Answer("accounts by aid", lambda found: led_by(found, "pgbench_accounts", "aid")),
    Answer("nothing for branches and tellers", lambda found: not on(found, "pgbench_branches") | on(found, "pgbench_tellers")),
    Answer("nothing else", lambda found: len(found) == 1)]
THEN = [
    Answer("accounts by bid", lambda found: led_by(found, "pgbench_accounts", "bid")),
    Answer("nothing with a balance, which each transaction changes", lambda found: not any("abalance" in one for one in found)),
    Answer("nothing for branches and tellers", lambda found: not on(found, "pgbench_branches") | on(found, "pgbench_tellers"))]


@dataclasses.dataclass
class Rate:
    """With some indexes: transactions in a second, microseconds that servers were on a processor for one, the part of updates
    that were HOT, and the report's milliseconds."""
    indexes: str
    tps: float
    cpu_us: float
    hot: float
    report_ms: float
    size: int


@dataclasses.dataclass
class Story:
    first: measuring.Advised
    then: measuring.Advised
    transactions: int  # beside the reports
    reads: tuple  # selects in a second, without and with what was advised first
    rates: list


def pgbench(where, user, *options):
    done = subprocess.run([PG_BIN / "pgbench", "-h", "127.0.0.1", "-p", str(where.port), "-U", user, *map(str, options),
                           where_in(where)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600, check=False,
                          env=dict(os.environ) | {"PGPASSWORD": USERS.get(user, ("",))[0]})
    assert done.returncode == 0, done.stdout + done.stderr
    return parse(done.stdout, done.stderr)


def where_in(where):
    """Weir calls the database app."""
    return DATABASE if where.__class__.__name__ == "Postgres" else "app"


def load(server, scale):
    server.sql(f"CREATE DATABASE {DATABASE}")
    pgbench(server, "postgres", "-i", "-I", "dtgv", "-F", 90, "-q", "-s", scale)  # with room for HOT
    with measuring.owner(server, DATABASE) as connection:
        for statement in ("CREATE EXTENSION hypopg", "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC", "VACUUM ANALYZE"):
            connection.execute(statement)


def traffic(pooler, *length):
    """pgbench's own transactions, and its selects."""
    for options in ((), ("-S",)):
        pgbench(pooler, "alice", "-n", "-c", 2, *length, *options)


def of_ended_servers(server):
    """Processor seconds of the server's processes that have ended, those of pgbench's connections among them."""
    fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def rate(server, seconds, indexes, creating):
    with measuring.Built(server, DATABASE, creating) as built, measuring.owner(server, DATABASE) as connection:
        def updates():
            connection.execute("SELECT pg_sleep(0.2), pg_stat_clear_snapshot()")  # backends that end have told theirs
            return connection.execute("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables "
                                      "WHERE relname = 'pgbench_accounts'").fetchone()
        before = updates()
        began = of_ended_servers(server)
        said = pgbench(server, "postgres", "-n", "-c", 2, "-T", seconds)
        after = updates()
        cpu_us = 1e6 * (of_ended_servers(server) - began) / max(1, said["transactions"])
        took = [measuring.once(connection, REPORT.sql, values) for values in REPORT.calls]
        hot = (after[1] - before[1]) / max(1, after[0] - before[0])
        return Rate(indexes, said["tps"], cpu_us, hot, 1000 * statistics.median(took), built.size)


def rates(server, seconds, rounds, sets):
    """In turns, so that what else the machine does is shared."""
    rounds = [[rate(server, seconds, *one) for one in sets] for _ in range(rounds)]
    return [dataclasses.replace(same[0], **{name: statistics.median(getattr(one, name) for one in same)
                                            for name in ("tps", "cpu_us", "hot", "report_ms")}) for same in zip(*rounds)]


def run(server, folder, scale, deadline, seconds, rounds):
    load(server, scale)
    pooler = measuring.start(server, folder, DATABASE, deadline)
    try:
        traffic(pooler, "-T", seconds)
        measuring.send(pooler, [SEARCH])
        first = measuring.advice(pooler)
        without = pgbench(server, "postgres", "-n", "-c", 2, "-T", seconds, "-S")["tps"]
        for statement in first.statements:
            with measuring.owner(server, DATABASE) as connection:
                connection.execute(statement)
        reads = (without, pgbench(server, "postgres", "-n", "-c", 2, "-T", seconds, "-S")["tps"])
        with measuring.console(pooler) as admin:
            admin.execute("RESET QUERIES")
        traffic(pooler, "-t", TRANSACTIONS * rounds * scale)
        measuring.send(pooler, [REPORT])
        then = measuring.advice(pooler)
    finally:
        pooler.stop()
    then.rows = [row for row in then.rows if row["id"] not in {known["id"] for known in first.rows}]
    sets = [("those of the first look", []), ("and those of the second", then.statements),
            ("and (bid, abalance) instead", ["CREATE INDEX ON pgbench_accounts (bid, abalance)"])]
    return Story(first, then, 2 * TRANSACTIONS * rounds * scale, reads, rates(server, seconds, rounds, sets))
