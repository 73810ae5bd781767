"""Runs a workload: makes its tables, sends its statements through Weir, asks for advice, and times the statements with the
indexes that somebody wants: none, Weir, whoever made the reference.

A time is what a server's process was on a processor for a statement, everything being in memory: what else the machine does
counts little then. It is the median of some rounds, straight to PostgreSQL, after one that is not counted; one that takes seconds
is taken once. A statement is slower if a quarter was added to the fastest of its rounds, five milliseconds or more, under another
plan, and a second look at both states says so too.
"""

import dataclasses
import pathlib
import statistics
import sys
import time

import psycopg


ROOT = pathlib.Path(__file__).resolve().parents[1]

sys.path.insert(0, str(ROOT / "tests" / "integration"))

from advice_cases import client, console, keys, statements  # noqa: E402
from servers import USERS, Weir  # noqa: E402

TIMEOUT = 20  # seconds; a statement that takes longer is ended, and counts as this
ROUNDS = 3
LONG = 2.0  # seconds; what takes longer is timed once
MEASURED = 2  # values of each statement that are timed; the traffic has all
CALLS = 6  # of each statement in the traffic ...
TRAFFIC = 15.0  # ... unless they have taken so long
SLOWER, SLOWER_SECONDS = 1.25, 0.005
SERVER = {"shared_buffers": "512MB", "random_page_cost": "1.1", "max_parallel_workers_per_gather": "0", "jit": "off",
          "default_statistics_target": "300", "statement_timeout": "0", "max_wal_size": "4GB"}


@dataclasses.dataclass
class Outcome:
    """What one set of indexes made of a workload."""
    indexes: list
    seconds: dict  # of each call: (statement, number of the call) -> median
    fastest: dict
    plans: dict
    costs: dict
    size: int = 0
    slower: list = dataclasses.field(default_factory=list)

    @property
    def total(self):
        return sum(self.seconds.values())

    @property
    def ended(self):
        return sum(one >= TIMEOUT for one in self.seconds.values())


@dataclasses.dataclass
class Advised:
    """What Weir said: rows of SHOW INDEX_ADVICE, and SHOW ADVISOR's."""
    rows: list
    state: dict

    @property
    def found(self):
        return {keys(row) for row in self.rows}

    @property
    def statements(self):
        return [one for row in self.rows for one in statements(row)]


def settings(server, database, deadline):
    return {"weir": {"listen_addr": "127.0.0.1", "unix_socket_dir": "", "auth_type": "scram-sha-256", "admin_users": ["bob"]},
            "databases": {"app": {"host": "127.0.0.1", "port": server.port, "dbname": database}},
            "users": {name: {"password": secret} for name, (secret, _) in USERS.items()},
            "advice": {"user": "adviser", "password": "adviser pw", "enabled": True, "interval": "1h", "deadline": deadline}}


def start(server, folder, database, deadline):
    return Weir(folder / f"weir-{database}", settings(server, database, deadline)).start(True)


def prepare(server):
    server.sql("CREATE ROLE adviser LOGIN PASSWORD 'adviser pw'; GRANT pg_monitor, pg_read_all_data TO adviser; "
               f"ALTER ROLE alice SET statement_timeout = '{TIMEOUT}s'")


def load(server, name, extensions, making):
    server.sql(f"CREATE DATABASE {name}")
    with owner(server, name) as connection:
        for statement in [*(f"CREATE EXTENSION {one}" for one in extensions), *making,
                          "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC", "VACUUM ANALYZE"]:
            connection.execute(statement)


def send(pooler, queries):
    """As traffic: each statement some times, with one of its values after the other."""
    with client(pooler, prepare_threshold=None) as c:
        for query in queries:
            began = time.monotonic()
            for number in range(CALLS):
                try:
                    c.execute(query.sql, query.calls[number % len(query.calls)])
                except psycopg.errors.QueryCanceled:
                    pass
                if time.monotonic() - began > TRAFFIC:
                    break


def advice(pooler):
    with console(pooler) as admin:
        admin.execute("ADVISE NOW")
        (state,) = admin.execute("SHOW ADVISOR").fetchall()
        return Advised(admin.execute("SHOW INDEX_ADVICE").fetchall(), state)


def calls_of(queries):
    return {(query.name, number): (query.sql, values)
            for query in queries for number, values in enumerate(query.calls[:MEASURED])}


def on_processor(pid):
    """Seconds that a process has been running, not waiting to."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def once(connection, sql, values):
    began = on_processor(connection.info.backend_pid)
    try:
        connection.execute(sql, values)
    except psycopg.errors.QueryCanceled:
        return TIMEOUT
    return on_processor(connection.info.backend_pid) - began


def timed(connection, sql, values):
    """What each round took; the first says how many there are, and is left out if there are others."""
    times = [once(connection, sql, values)]
    if times[0] < LONG and ROUNDS > 1:
        times = [once(connection, sql, values) for _ in range(ROUNDS)]
    return times


def owner(server, database, **options):
    return psycopg.connect(host="127.0.0.1", port=server.port, user="postgres", dbname=database, prepare_threshold=None,
                           autocommit=True, **options)


def direct(server, database):
    return owner(server, database, options=f"-c statement_timeout={TIMEOUT * 1000}")


def plan_of(connection, sql, values):
    """Its shape, and what PostgreSQL takes it to cost."""
    (plan,) = connection.execute("EXPLAIN (FORMAT JSON) " + sql, values).fetchone()
    return shape(plan[0]["Plan"]), plan[0]["Plan"]["Total Cost"]


def shape(node):
    return (node["Node Type"], node.get("Relation Name"), node.get("Index Name"), tuple(map(shape, node.get("Plans", ()))))


def measure(server, database, queries, indexes=()):
    seconds, fastest, plans, costs = {}, {}, {}, {}
    with direct(server, database) as connection:
        for call, (sql, values) in calls_of(queries).items():
            plans[call], costs[call] = plan_of(connection, sql, values)
            times = timed(connection, sql, values)
            seconds[call], fastest[call] = statistics.median(times), min(times)
    return Outcome(list(indexes), seconds, fastest, plans, costs)


class Built:
    """The indexes are there while this is; dropped afterwards."""

    def __init__(self, server, database, creating):
        self.server, self.database, self.creating, self.names = server, database, creating, []

    def _sql(self, text):
        with owner(self.server, self.database) as connection:
            answer = connection.execute(text)
            return answer.fetchall() if answer.description else []

    def _indexes(self):
        return {name: size for name, size in self._sql(
            "SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indrelid "
            "WHERE relnamespace = 'public'::regnamespace")}

    def __enter__(self):
        before = self._indexes()
        for one in self.creating:
            self._sql(one)
        self._sql("ANALYZE")
        after = self._indexes()
        self.names = sorted(after.keys() - before.keys())
        self.size = sum(after[name] for name in self.names)
        return self

    def __exit__(self, *_):
        for name in self.names:
            self._sql(f"DROP INDEX {name}")


def slower_than(outcome, before):
    return [call for call in outcome.seconds
            if outcome.plans[call] != before.plans[call] and outcome.fastest[call] > SLOWER * before.fastest[call]
            and outcome.fastest[call] - before.fastest[call] > SLOWER_SECONDS]


def again(server, database, queries, calls, outcome):
    """More rounds of some, where the machine may have been busy with something else."""
    with direct(server, database) as connection:
        for call in calls:
            sql, values = calls_of(queries)[call]
            outcome.fastest[call] = min(timed(connection, sql, values) + [outcome.fastest[call]])


def with_indexes(server, work, creating, before):
    """The outcome with these, built."""
    with Built(server, work.name, creating) as built:
        outcome = measure(server, work.name, work.queries, built.names)
        outcome.size = built.size
        suspected = slower_than(outcome, before)
        again(server, work.name, work.queries, suspected, outcome)
    again(server, work.name, work.queries, suspected, before)
    outcome.slower = slower_than(outcome, before)
    return outcome
