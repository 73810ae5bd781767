"""Where the tests of real applications run: against PostgreSQL itself, and through Weir's transaction mode.

Each test has a database of its own and runs in every place with the same expected result, so what an application sees
directly is what it has to see through Weir. There it shares one or two servers with strangers: the same user in the same
pool, who set what applications set and prepare under the names that drivers use, and look after it all the time.
"""

import itertools
import json
import os
import subprocess
import threading
import time

import pytest

from servers import USERS, wait_for

SECONDS = 20  # for each program
# What drivers call their statements: PDO, DBD::Pg, ActiveRecord, PgJDBC, lib/pq, pgx.
DRIVERS_NAMES = ["pdo_stmt_00000001", "dbdpg_p1_1", "a1", "S_1", "1", "lrupsc_1_0"]
STRANGE = {"TimeZone": "Asia/Tokyo", "DateStyle": "SQL, DMY", "statement_timeout": "19s", "search_path": "pg_catalog",
           "application_name": "stranger", "default_transaction_isolation": "serializable", "work_mem": "777kB",
           "bytea_output": "escape", "extra_float_digits": "-3", "standard_conforming_strings": "off",
           "IntervalStyle": "sql_standard", "lock_timeout": "18s", "client_min_messages": "error"}
FIRST_LAST_VALUE = pytest.mark.xfail(
    strict=False, reason="INSERTs are watched for values of sequences only after a connection's first lastval() or currval()")
_number = itertools.count(1)


class Stranger(threading.Thread):
    """Lives on the application's servers until stopped, and keeps a list of what it saw that was not its own."""

    def __init__(self, pooler, database, mine):
        super().__init__(daemon=True)
        self.pooler, self.database, self.mine = pooler, database, mine
        self.ended, self.wrong, self.rounds = threading.Event(), [], 0

    def run(self):
        try:
            with self.pooler.connect(database=self.database) as c:
                c.ask("; ".join(f"SET {k} = '{v}'" if k != "DateStyle" else f"SET {k} = {v}" for k, v in self.mine.items()), SECONDS)
                for name in DRIVERS_NAMES:
                    c.ask(f"PREPARE \"{name}\" AS SELECT 'strange'", SECONDS)
                while not self.ended.is_set():
                    self.look(c)
                    self.rounds += 1
                    time.sleep(0.004)
        except BaseException as error:
            if not self.ended.is_set():
                self.wrong.append(repr(error))

    def look(self, c):
        if self.rounds % 5 == 0:
            for name, value in self.mine.items():
                seen = c.value(f"SELECT current_setting('{name}')", SECONDS)
                if seen != value:
                    self.wrong.append(f"{name} is {seen}, not {value}")
        name = DRIVERS_NAMES[self.rounds % len(DRIVERS_NAMES)]
        if c.value(f'EXECUTE "{name}"', SECONDS) != "strange":
            self.wrong.append(f"{name} is somebody else's")


class Place:
    """A database to connect to, at `port`. Through Weir, `pooler` is it and at most `size` servers serve all."""

    def __init__(self, postgres, database, pooler=None, size=0):
        self.postgres, self.database, self.pooler, self.size = postgres, database, pooler, size
        self.port, self.direct = (pooler or postgres).port, pooler is None
        self.strangers = []

    @property
    def url(self):
        return f"postgresql://alice:{USERS['alice'][0]}@127.0.0.1:{self.port}/{self.database}"

    def look(self, sql):
        """What a superuser sees who is connected to PostgreSQL itself."""
        return self.postgres.sql(sql, database=self.database)

    def program(self, *command, stdin=None, cwd="/", **environment):
        """Runs a program of its own that knows where to connect; the JSON that it prints last."""
        known = {"DATABASE_URL": self.url, "PGHOST": "127.0.0.1", "PGPORT": self.port, "PGUSER": "alice",
                 "PGPASSWORD": USERS["alice"][0], "PGDATABASE": self.database} | environment
        done = subprocess.run([str(c) for c in command], input=stdin, cwd=cwd, capture_output=True, text=True, timeout=SECONDS,
                              env=os.environ | {k: str(v) for k, v in known.items()})
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
        return json.loads(done.stdout.splitlines()[-1])

    def strangers_come(self):
        if not self.direct:
            self.strangers = [Stranger(self.pooler, self.database, STRANGE),
                              Stranger(self.pooler, self.database, dict(list(STRANGE.items())[:4], work_mem="888kB"))]
            for s in self.strangers:
                s.start()
            wait_for(lambda: all(s.rounds or s.wrong for s in self.strangers), "strangers on the servers")

    def strangers_leave(self):
        """They all saw only what was theirs, and there never were more servers than allowed."""
        for s in self.strangers:
            s.ended.set()
        for s in self.strangers:
            s.join(SECONDS)
            assert not s.is_alive(), "a stranger still waits for a server"
            assert not s.wrong, s.wrong[:5]
        if not self.direct:
            servers = self.look(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.database}' AND usename = 'alice' "
                                "AND application_name !~ '^weir'")
            assert int(servers[0][0]) <= self.size


def place_in(postgres, start, size):
    """The places of one test, one at a time; `size` servers, none for PostgreSQL itself."""
    database = f"apps_{next(_number)}"
    postgres.sql(f"CREATE DATABASE {database} OWNER alice")
    postgres.sql("GRANT ALL ON SCHEMA public TO PUBLIC", database=database)
    pooler = None
    if size:
        pooler = start(weir={"default_pool_size": size, "query_wait_timeout": SECONDS},
                       databases={database: {"host": "127.0.0.1", "port": postgres.port}})
    place = Place(postgres, database, pooler, size)
    place.strangers_come()
    try:
        yield place
        place.strangers_leave()
    finally:
        for s in place.strangers:
            s.ended.set()
        if pooler is not None:
            pooler.stop()
        postgres.sql(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.fixture(params=[0, 1, 2], ids=["directly", "one server", "two servers"])
def place(request, postgres, weir):
    """For applications with one transaction or pin at a time."""
    yield from place_in(postgres, weir, request.param)


@pytest.fixture(params=[0, 2], ids=["directly", "two servers"])
def roomy(request, postgres, weir):
    """For applications with two of their connections in transactions, or pinned, at once."""
    yield from place_in(postgres, weir, request.param)
