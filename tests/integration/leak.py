#!/usr/bin/python3
"""The leak test: two clients, one server connection. One leaves every kind of state there and is killed by a TCP reset at a
random point; the other looks what it finds. It must find nothing.

    tests/integration/leak.py --handovers 100000 [--seed N]     starts its own PostgreSQL and Weir; the first leak ends it

Every random choice comes from the seed and the number of the hand-over, so that a story can be told again.
"""

import argparse
import collections
import contextlib
import pathlib
import random
import shutil
import socket
import struct
import sys
import tempfile
import time
from typing import NamedTuple

import leftovers
from rawpg import Closed, Late, Raw, bind, close, copy_data, describe, errors, execute, flush, parse, query, startup, sync
from servers import USERS, Postgres, Weir

DATABASE, USER, OTHER = "leaks", "bob", "alice"  # bob is a superuser: he can leave every kind of state
NEXT_CLIENT_SECONDS = 15.0  # a server that must be cleaned, or replaced, is there after this

# An object that is there already is a leak that the killer himself has noticed.
ALREADY_THERE = ("42P05", "42P07", "42P03", "42723", "42710")

SETUP = f"""
    CREATE TABLE leak_rows (n int, t text); CREATE SEQUENCE leak_seq; CREATE TABLE leak_ids (id serial, t text);
    CREATE ROLE leak_role; GRANT leak_role TO {OTHER};
    CREATE FUNCTION leak_put(name text, value text) RETURNS void LANGUAGE plpgsql AS
      $$ BEGIN PERFORM set_config(name, value, false); END $$;
    GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC"""


class Step(NamedTuple):
    text: str
    data: bytes
    end: str = "Z"  # the type of the last message of the answer


def q(sql):
    return Step(f"Q {sql}", query(sql))


def x(sql, name="", values=()):
    return Step(f"X {name}: {sql}", parse(name, sql) + bind("", name, values) + execute() + sync())


def some_settings(r):
    return [r.choice([
        q(f"SET work_mem = '{r.randrange(64, 9999)}kB'"), q("SET search_path = leaked, public"), q("SET TIME ZONE 'Asia/Tokyo'"),
        q("SET DateStyle = 'SQL, DMY'"), q("SET application_name = 'leaked'"), q("SET leak.x = 'leaked'"),
        q("SET statement_timeout = '1h'; SET extra_float_digits = 0"), q("SET client_encoding = 'latin1'"),
        q("SET standard_conforming_strings = off"), q("SET bytea_output = escape; SET IntervalStyle = iso_8601"),
        q("SET log_min_duration_statement = 765432"), q("SET session_replication_role = replica"),
        x("SET enable_seqscan = off"), q("SET LOCAL work_mem = '77kB'; SET LOCAL leak.x = 'local'"),
        q("SELECT set_config('leak.x', 'by function', false), set_config('work_mem', '99kB', false)"),
        x("SELECT set_config($1, $2, false)", values=("leak.x", "by parameter")), q("SELECT leak_put('leak.x', 'inside')"),
        q("DO $$ BEGIN SET work_mem = '88kB'; END $$"), q("SET lock_timeout = '2h'; RESET ALL; SET geqo = off"),
    ]) for _ in range(r.randrange(1, 4))]


def some_roles(r):
    return [r.choice([q("SET ROLE leak_role"), q(f"SET SESSION AUTHORIZATION {OTHER}"), q("SET LOCAL ROLE leak_role"),
                      q(f"SET SESSION AUTHORIZATION {OTHER}; SET ROLE leak_role"), x("SET ROLE leak_role")])]


def some_characteristics(r):
    return [r.choice([q("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY"),
                      q("SET default_transaction_read_only = on"), q("SET default_transaction_deferrable = on")])]


def some_statements(r):
    steps = [q("PREPARE leaked AS SELECT 1"), q('PREPARE "Leaked too" (int) AS SELECT $1'), x("SELECT 'protocol'", "leaked_p"),
             x("SELECT 'another'", f"leaked_{r.randrange(5)}"), Step("P unfinished", parse("leaked_half", "SELECT 2") + flush(), "1")]
    return r.sample(steps[:4], r.randrange(1, 4)) + (steps[4:] if r.random() < 0.3 else [])


def some_temporary(r):
    return r.sample([q("CREATE TEMP TABLE leaked_t AS SELECT 1 AS n"), q("CREATE TEMP VIEW leaked_v AS SELECT 1 AS n"),
                     q("CREATE TEMP SEQUENCE leaked_s"), x("CREATE TEMP TABLE leaked_x (n int)"),
                     q("CREATE FUNCTION pg_temp.leaked_f() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
                     q("DO $$ BEGIN CREATE TEMP TABLE leaked_d (n int); END $$")], r.randrange(1, 4))


def some_locks(r):
    key = r.randrange(1 << 30)
    return [r.choice([q(f"SELECT pg_advisory_lock({key})"), q(f"SELECT pg_try_advisory_lock({key}, 1)"),
                      q(f"SELECT pg_advisory_lock_shared({key})"), x("SELECT pg_advisory_lock($1)", values=(key,)),
                      q(f"SELECT pg_advisory_lock(n) FROM generate_series({key}, {key + 9}) n"),
                      q(f"DO $$ BEGIN PERFORM pg_advisory_lock({key}); END $$")])]


def some_cursors(r):
    return [r.choice([q("DECLARE leaked_c CURSOR WITH HOLD FOR SELECT n FROM generate_series(1, 50) n"),
                      q("BEGIN; DECLARE leaked_o CURSOR FOR SELECT 1; FETCH leaked_o"),
                      x("DECLARE leaked_e CURSOR WITH HOLD FOR SELECT 1")])]


def some_channels(r):
    return [r.choice([q("LISTEN leaked"), x("LISTEN leaked"), q("LISTEN leaked; NOTIFY leaked, 'to myself'")])]


def some_sequences(r):
    return [r.choice([q("SELECT nextval('leak_seq')"), q("INSERT INTO leak_ids (t) VALUES ('x')"), q("SELECT setval('leak_seq', 5)"),
                      x("SELECT nextval($1::regclass)", values=("leak_seq",))])]


def some_transactions(r):
    return [r.choice([q("BEGIN; INSERT INTO leak_rows VALUES (1, 'open')"), q("BEGIN; SELECT 1/0"), x("BEGIN"),
                      q("BEGIN; SAVEPOINT a; INSERT INTO leak_rows VALUES (2, 'sub'); SET work_mem = '70kB'"),
                      q("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"),
                      Step("an open batch", parse("", "INSERT INTO leak_rows VALUES (3, 'batch')") + bind() + execute() + flush(), "C")])]


def some_copies(r):
    return [r.choice([
        Step("COPY in, unfinished", query("COPY leak_rows FROM STDIN") + copy_data(b"1\tone\n") * r.randrange(40), "G"),
        Step("COPY in by Execute", parse("", "COPY leak_rows FROM STDIN") + bind() + execute() + copy_data(b"1\tone\n"), ""),
        Step("COPY out, unread", query("COPY (SELECT repeat('x', 900) FROM generate_series(1, 2000)) TO STDOUT"), "d")])]


def some_work(r):
    return [r.choice([Step("a long query", query("SELECT pg_sleep(0.02)"), ""),
                      Step("a large result, unread", query("SELECT repeat('y', 900) FROM generate_series(1, 2000)"), "D"),
                      Step("half a message", query("SELECT 'never whole'")[:-r.randrange(1, 9)], ""),
                      q("SELECT 1; SELECT 1/0; SELECT 2"), Step("Describe and Close", describe("S", "no") + close("S", "no") + sync())])]


def some_discards(r):
    return [r.choice([q("DISCARD ALL"), q("DEALLOCATE ALL"), q("RESET ALL"), q("DISCARD TEMP"), q("UNLISTEN *")])]


def load(r):
    return [q("LOAD 'auto_explain'; SET auto_explain.log_min_duration = '9h'")] if r.random() < 0.1 else []


KINDS = {"settings": some_settings, "roles": some_roles, "characteristics": some_characteristics, "statements": some_statements,
         "temporary": some_temporary, "locks": some_locks, "cursors": some_cursors, "channels": some_channels,
         "sequences": some_sequences, "transactions": some_transactions, "copies": some_copies, "work": some_work,
         "discards": some_discards, "load": load}
ENDS = ("work", "copies")  # after these a client sends nothing more


class Leak(AssertionError):
    """Something of one client was visible to the next."""


class Hunt:
    """Kills clients and looks behind them."""

    def __init__(self, port, database, seed, without=()):
        self.port, self.database, self.seed, self.without = port, database, seed, without
        self.greeting = startup(USER, database)
        self.question = query(leftovers.question(USER))
        self.checker = None
        self.done = self.same = self.fresh = 0
        self.kinds, self.replaced = collections.Counter(), collections.Counter()
        self.slowest, self.slow = (0.0, 0), 0

    def log_in(self):
        c = Raw.connect(self.port)
        c.send(self.greeting)
        reply = c.until_ready(timeout=NEXT_CLIENT_SECONDS)
        if errors(reply):
            raise Leak(f"a client cannot log in: {errors(reply)[0].fields}")
        return c

    def look(self, c):
        """What the server connection that this client gets has of others: its pid, and what was found."""
        c.send(self.question)
        return leftovers.verdict(c.until_ready(timeout=NEXT_CLIENT_SECONDS))

    def plan(self, number):
        r = random.Random(f"{self.seed}/{number}")
        # In turn, so that each kind leads as often as another; then some more at random.
        leading = list(KINDS)[number % len(KINDS)]
        others = r.sample([k for k in KINDS if k not in ENDS and k != leading], r.choice((0, 0, 1, 2)))
        kinds = others + [leading] if leading in ENDS else [leading] + others
        steps = [s for k in kinds for s in KINDS[k](r) if not any(w in s.text for w in self.without)]
        if r.random() < 0.3:
            steps.insert(0, q("BEGIN"))
        if r.random() < 0.2 and kinds[-1] not in ENDS:
            steps.append(r.choice([q("COMMIT"), q("ROLLBACK"), q("SELECT 1/0"), q("COMMIT AND CHAIN")]))
        return r, kinds, steps

    def hand_over(self, number):
        r, kinds, steps = self.plan(number)
        waited = r.choice((len(steps), len(steps), r.randrange(len(steps) + 1), 0))  # so many are answered before the end
        rest = b"".join(s.data for s in steps[waited:])
        rest = rest[:r.choice((len(rest), len(rest), r.randrange(len(rest) + 1)))]
        story = (f"hand-over {number} of seed {self.seed}: {', '.join(kinds)}\n  answered:\n" +
                 "".join(f"    {s.text}\n" for s in steps[:waited]) +
                 f"  then {len(rest)} bytes of, unanswered:\n" + "".join(f"    {s.text}\n" for s in steps[waited:]) + "  then a reset\n")
        try:
            victim = self.log_in()
            if r.random() < 0.125:
                self.fresh += 1
                first, found = self.look(victim)
            else:
                victim.send(query("SELECT pg_backend_pid()"))
                reply = victim.until_ready(timeout=NEXT_CLIENT_SECONDS)
                first, found = int(next(m.row[0] for m in reply if m.type == "D")), []
            if found:
                raise Leak(f"{story}but before all this the client, new as it was, found on server {first}: {found}")
            for s in steps[:waited]:
                victim.send(s.data)
                if s.end:
                    got = victim.until(*("Z" if s.end == "Z" else s.end + "ZE"), timeout=NEXT_CLIENT_SECONDS)
                    bad = [m for m in errors(got) if m.sqlstate in ALREADY_THERE]
                    if bad:
                        raise Leak(f"{story}but {s.text} met what another had left: {bad[0].fields}")
                    if s.end != "Z" and got[-1].type == "E":  # an open batch that failed: nothing more is heard before a Sync
                        rest = b""
                        break
            if rest:
                victim.send(rest)
                if r.random() < 0.3:
                    time.sleep(r.random() * 0.002)
            victim.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            victim.sock.close()
            self.checker = self.checker or self.log_in()
            second, found = self.look(self.checker)
        except (Late, Closed) as error:
            raise Leak(f"{story}and then: {type(error).__name__}: {error}")
        if found:
            raise Leak(f"{story}and the next client found on {'the same' if first == second else 'another'} server: {found}")
        self.done += 1
        self.kinds[kinds[0] if kinds[-1] not in ENDS else kinds[-1]] += 1
        if first == second:
            self.same += 1
        else:
            self.replaced[kinds[0] if kinds[-1] not in ENDS else kinds[-1]] += 1

    def run(self, count, tell=None):
        """So many hand-overs; Leak at the first that leaks."""
        began = time.monotonic()
        for number in range(count):
            at = time.monotonic()
            self.hand_over(number)
            self.slowest = max(self.slowest, (time.monotonic() - at, number))
            self.slow += time.monotonic() - at > 1.0
            if tell and self.done % 2000 == 0:
                tell(f"{self.done} hand-overs, {self.same} on the same server connection, {self.done / (time.monotonic() - began):.0f}/s")
        if self.checker:
            self.checker.drop()
        return self

    def summary(self):
        replaced = ", ".join(f"{k} {n} of {self.kinds[k]}" for k, n in self.replaced.most_common())
        return (f"{self.done} hand-overs without a leak, {self.same} of them on the same server connection; "
                f"{self.fresh} new clients looked too; the slowest took {self.slowest[0]:.2f} s (number {self.slowest[1]}), "
                f"{self.slow} more than a second; the connection was replaced after: {replaced or 'none'}")


def prepare(postgres):
    postgres.sql(f"CREATE DATABASE {DATABASE} OWNER {OTHER}")
    postgres.sql(SETUP, database=DATABASE)


def settings(postgres):
    return {"weir": {"listen_addr": "127.0.0.1", "unix_socket_dir": "", "auth_type": "trust", "admin_users": [USER],
                     "pool_mode": "transaction", "default_pool_size": 1, "log_connections": False, "log_disconnections": False,
                     "log_stats": False, "query_wait_notify": 0},
            "databases": {DATABASE: {"host": "127.0.0.1", "port": postgres.port, "server_tls_sslmode": "disable"}},
            "users": {name: {"password": USERS[name][0]} for name in (USER, OTHER)}}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--handovers", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options.add_argument("--without", action="append", default=[], metavar="TEXT", help="leave out steps with this in them")
    options.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of [weir], to compare")
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-leak-"))
    folder.chmod(0o755)
    with contextlib.ExitStack() as end:
        end.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = Postgres(folder / "postgres", settings={"log_min_messages": "fatal"}).create()
        end.callback(postgres.stop, "immediate")
        prepare(postgres)
        sections = settings(postgres)
        sections["weir"] |= {k: v == "true" if v in ("true", "false") else v for k, v in (o.split("=", 1) for o in options.set)}
        pooler = Weir(folder / "weir", sections).start()
        end.callback(pooler.stop)
        hunt = Hunt(pooler.port, DATABASE, options.seed, options.without)
        before = pooler.rss_kib()
        try:
            hunt.run(options.handovers, lambda line: print(line, flush=True))
        except Leak as leak:
            print(leak, f"\nafter {hunt.done} hand-overs; the pooler's last words:\n{pooler.log()[-2000:]}")
            return 1
        print(f"{hunt.summary()}; the pooler grew from {before} to {pooler.rss_kib()} KiB")
        return 1 if pooler.bugs() else 0


if __name__ == "__main__":
    sys.exit(main())
