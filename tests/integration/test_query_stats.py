"""SHOW QUERIES: what was counted is what the drivers did, to the call, the row, the error and the byte.

PostgreSQL's own count, pg_stat_statements, is asked in the same run.
"""

import collections
import os
import re
import subprocess
import time

import psycopg
import pytest
from psycopg.rows import dict_row

from rawpg import Raw, bind, close, copy_data, copy_done, describe, execute, parse, query, sync, types
from servers import PG_BIN, USERS, Postgres, wait_for

MODES = ["transaction", "session"]


@pytest.fixture(scope="module")
def counting(folder):
    """A PostgreSQL that counts for itself."""
    server = Postgres(folder / "counting", settings={"shared_preload_libraries": "pg_stat_statements",
                                                     "pg_stat_statements.track": "top",
                                                     "pg_stat_statements.max": 5000}).create()
    server.sql("CREATE EXTENSION pg_stat_statements", database="app")
    server.sql("CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL); GRANT ALL ON things TO PUBLIC", database="app")
    yield server
    server.stop("immediate")


@pytest.fixture(params=MODES)
def pooler(request, weir, counting):
    return weir(weir={"default_pool_size": 4, "pool_mode": request.param},
                databases={"app": {"host": "127.0.0.1", "port": counting.port}})


def console(pooler):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="bob", password=USERS["bob"][0], dbname="weir",
                           autocommit=True, row_factory=dict_row)


def client(pooler, name="mixed", **options):
    options = {"autocommit": True, "prepare_threshold": None} | options
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="alice", password=USERS["alice"][0], dbname="app",
                           application_name=name, **options)


def raw(pooler, name="raw"):
    return Raw.connect(pooler.port).login("alice", USERS["alice"][0], "app", application_name=name)


def queries(pooler, application=None):
    """SHOW QUERIES by query, of one application."""
    with console(pooler) as admin:
        rows = admin.execute("SHOW QUERIES").fetchall()
    return {row["query"]: row for row in rows if application in (None, row["application_name"])}


def squeezed(text):
    return re.sub(r"\s+", "", text)


class Tally:
    """What a driver has seen, by the query that SHOW QUERIES is to show."""

    def __init__(self):
        self.calls, self.errors, self.rows = (collections.Counter() for _ in range(3))
        self.classes = collections.defaultdict(collections.Counter)

    def ok(self, shown, rows=0, calls=1):
        self.calls[shown] += calls
        self.rows[shown] += rows

    def failed(self, shown, sqlstate):
        self.calls[shown] += 1
        self.errors[shown] += 1
        self.classes[shown][sqlstate[:2]] += 1

    def run(self, connection, shown, sql, params=None, **options):
        try:
            cursor = connection.execute(sql, params, **options)
        except psycopg.Error as error:
            self.failed(shown, error.sqlstate)
            return None
        self.ok(shown, max(cursor.rowcount, 0))
        return cursor

    def check(self, counted):
        assert {q: row["calls"] for q, row in counted.items()} == dict(self.calls)
        assert {q: row["errors"] for q, row in counted.items()} == {q: self.errors[q] for q in self.calls}
        assert {q: row["rows"] for q, row in counted.items()} == {q: self.rows[q] for q in self.calls}
        for shown, classes in self.classes.items():
            assert counted[shown]["error_classes"] == " ".join(f"{c}:{n}" for c, n in sorted(classes.items()))


def simple(connection):
    """A connection whose statements go by the simple protocol."""
    connection.cursor_factory = psycopg.ClientCursor
    return connection


def test_a_mixed_workload_is_counted_exactly(pooler, counting):
    counting.sql("TRUNCATE things", database="app")
    counting.sql("SELECT pg_stat_statements_reset()", database="app")
    tally = Tally()
    insert, by_id, all_of = ("INSERT INTO things VALUES ($1, $2)", "SELECT name FROM things WHERE id = $1", "SELECT * FROM things")

    with client(pooler) as c:
        for i in range(10):
            tally.run(c, insert, "INSERT INTO things VALUES (%s, %s)", (i, f"thing {i}"))
        for i in range(20):
            tally.run(c, by_id, "SELECT name FROM things WHERE id = %s", (i,))
        tally.run(c, insert, "INSERT INTO things VALUES (%s, %s)", (3, "again"))  # 23505
        tally.run(c, insert, "INSERT INTO things VALUES (%s, %s)", (99, None))    # 23502
        tally.run(c, "SELECT nosuch FROM things", "SELECT nosuch FROM things", (), prepare=True)  # 42703, at Parse
        tally.run(c, "SELECT $1 / $2", "SELECT 1 / 0")
        for _ in range(7):
            tally.run(c, all_of, "SELECT * FROM things", prepare=True)

    with simple(client(pooler)) as c:
        for i in range(5):
            tally.run(c, by_id, "SELECT name FROM things WHERE id = %s", (i,))
        # Several statements in one text count one by one; what stands behind an error has not run.
        for _ in range(4):
            c.execute("UPDATE things SET name = 'x' WHERE id < 3; SELECT name FROM things WHERE id = 5; SELECT * FROM things")
            tally.ok("UPDATE things SET name = $1 WHERE id < $2", 3)
            tally.ok(by_id, 1)
            tally.ok(all_of, 10)
        with pytest.raises(psycopg.errors.UniqueViolation):
            c.execute("SELECT * FROM things; INSERT INTO things VALUES (1, 'y'); SELECT name FROM things WHERE id = 1")
        tally.ok(all_of, 10)
        tally.failed(insert, "23505")

    with client(pooler, autocommit=False) as c:
        # What is refused in a failed transaction is an error of its own.
        tally.ok("BEGIN")
        tally.run(c, "SELECT min(id) FROM things", "SELECT min(id) FROM things")
        tally.run(c, "SELECT $1 / $2", "SELECT 1 / 0")  # with it goes the portal before, which PostgreSQL then does not count
        for _ in range(3):
            tally.run(c, all_of, "SELECT * FROM things")
        assert tally.classes[all_of] == {"25": 3}
        c.rollback()
        tally.ok("ROLLBACK")

        # Cursors of SQL.
        with c.cursor("held") as cursor:
            tally.ok("BEGIN")
            cursor.execute("SELECT * FROM things ORDER BY id")
            tally.ok('DECLARE "held" CURSOR FOR SELECT * FROM things ORDER BY id')
            assert len(cursor.fetchmany(4)) == 4 and len(cursor.fetchall()) == 6
            tally.ok('FETCH FORWARD 4 FROM "held"'.replace("4", "$1"), 4)
            tally.ok('FETCH FORWARD ALL FROM "held"', 6)
        tally.ok('CLOSE "held"')
        c.commit()
        tally.ok("COMMIT")

    with client(pooler) as c:
        with c.cursor() as cursor:
            with cursor.copy("COPY things FROM STDIN") as copy:
                for i in range(100, 150):
                    copy.write_row((i, "copied"))
            tally.ok("COPY things FROM STDIN", 50)
            with cursor.copy("COPY things TO STDOUT") as copy:
                assert sum(bytes(part).count(b"\n") for part in copy) == 60
            tally.ok("COPY things TO STDOUT", 60)
            with pytest.raises(psycopg.errors.UniqueViolation):
                with cursor.copy("COPY things FROM STDIN") as copy:
                    copy.write_row((100, "again"))
            tally.failed("COPY things FROM STDIN", "23505")
        with c.pipeline() as pipeline:
            done = [c.execute("SELECT name FROM things WHERE id = %s", (i,)) for i in range(30)]
            done.append(c.execute("UPDATE things SET name = 'z' WHERE id < 3"))
            pipeline.sync()
            for i in range(30):
                tally.ok(by_id, done[i].rowcount)
            tally.ok("UPDATE things SET name = $1 WHERE id < $2", done[-1].rowcount)
        # What a pipeline skips after an error nobody has run.
        with pytest.raises(psycopg.errors.DivisionByZero):
            with c.pipeline() as pipeline:
                c.execute("SELECT * FROM things")
                c.execute("SELECT 1 / 0")
                c.execute("SELECT * FROM things")
                pipeline.sync()
        tally.ok(all_of, 60)
        tally.failed("SELECT $1 / $2", "22012")

    counted = queries(pooler, "mixed")
    tally.check(counted)
    for row in counted.values():
        assert row["database"] == "app" and row["user"] == "alice" and len(row["fingerprint"]) == 16
        assert row["total_ms"] >= row["max_ms"] >= row["p99_ms"] >= row["p50_ms"] >= row["min_ms"] >= 0
        assert row["mean_ms"] == pytest.approx(row["total_ms"] / row["calls"])
        assert row["first_seen"] <= row["last_seen"] != ""

    # PostgreSQL counts what has succeeded, and some commands not at all as one.
    theirs = {squeezed(text): (calls, rows) for text, calls, rows in counting.sql(
        "SELECT query, sum(calls), sum(rows) FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE rolname = 'alice'"
        " GROUP BY query", database="app")}  # it tells parameters of different types apart
    compared = 0
    for shown, row in counted.items():
        if squeezed(shown) not in theirs or shown == "COMMIT":  # Weir ends its own transactions with one
            continue
        calls, rows = theirs[squeezed(shown)]
        assert (row["calls"] - row["errors"], row["rows"]) == (int(calls), int(rows)), shown
        compared += 1
    assert compared >= 9, (sorted(theirs), sorted(counted))


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench_is_counted_exactly(pooler, counting, mode):
    def pgbench(*arguments, port):
        done = subprocess.run([str(PG_BIN / "pgbench"), "-h", "127.0.0.1", "-p", str(port), "-U", "alice", *map(str, arguments), "app"],
                              capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, PGPASSWORD=USERS["alice"][0], PGAPPNAME="bench"))
        assert done.returncode == 0, done.stderr
        return done.stdout

    pgbench("-i", "-s", 2, "-q", port=counting.port)
    counting.sql("SELECT pg_stat_statements_reset()", database="app")
    pgbench("-n", "-M", mode, "-c", 8, "-t", 100, port=pooler.port)
    pgbench("-n", "-S", "-M", mode, "-c", 8, "-t", 250, port=pooler.port)
    counted = queries(pooler, "bench")
    expected = {
        "BEGIN": (800, 0), "END": (800, 0),
        "UPDATE pgbench_accounts SET abalance = abalance + $ WHERE aid = $": (800, 800),
        "SELECT abalance FROM pgbench_accounts WHERE aid = $": (2800, 2800),
        "UPDATE pgbench_tellers SET tbalance = tbalance + $ WHERE tid = $": (800, 800),
        "UPDATE pgbench_branches SET bbalance = bbalance + $ WHERE bid = $": (800, 800),
        "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES ($, $, $, $, CURRENT_TIMESTAMP)": (800, 800),
    }
    got = {re.sub(r"\$\d+", "$", q).rstrip(";"): (r["calls"], r["rows"]) for q, r in counted.items() if "count(*)" not in q}
    assert {q: n for q, n in got.items() if q in expected} == expected, got
    theirs = {re.sub(r"\$\d+", "$", text): (int(calls), int(rows)) for text, calls, rows in counting.sql(
        "SELECT query, sum(calls), sum(rows) FROM pg_stat_statements GROUP BY query", database="app")}
    if mode == "prepared":  # a second BEGIN of the same plan is none to it
        expected = {q: n for q, n in expected.items() if q not in ("BEGIN", "END")}
    assert {q: theirs.get(q) for q in expected} == expected
    if mode == "prepared":
        row = next(r for q, r in counted.items() if q.startswith("SELECT abalance"))
        assert row["parses"] == 16  # one a client and run
        assert 1 <= row["server_parses"] <= 16  # and the rest found it there


def test_bytes_both_ways_are_those_of_the_messages(pooler):
    with raw(pooler) as c:
        def ask(*messages, ready=1):
            c.send(*messages)
            return c.until_ready(ready)

        def size(messages, without="ZS"):
            return sum(len(m.body) + 5 for m in messages if m.type not in without)

        q = query("SELECT repeat('x', 1000)")
        out = size(ask(q)) + size(ask(q))
        first = [parse("", "SELECT generate_series(1, $1::int)"), bind("", "", [b"10"]), describe("P", ""), execute("")]
        second = size(ask(*first, sync()))
        row = queries(pooler, "raw")
        assert (row["SELECT repeat($1, $2)"]["bytes_in"], row["SELECT repeat($1, $2)"]["bytes_out"]) == (2 * len(q), out)
        series = row["SELECT generate_series($2, $1::int)"]
        assert (series["bytes_in"], series["bytes_out"], series["rows"]) == (sum(map(len, first)), second, 10)

        c.ask("CREATE TEMP TABLE load (a text)")
        start, data = query("COPY load FROM STDIN"), [copy_data(b"x" * 5000 + b"\n") for _ in range(20)]
        c.send(start)
        c.until("G")
        c.send(*data, copy_done())
        c.until_ready()
        row = queries(pooler, "raw")["COPY load FROM STDIN"]
        assert (row["bytes_in"], row["rows"]) == (len(start) + sum(map(len, data)) + len(copy_done()), 20)


def test_a_portal_that_is_read_in_parts_is_one_call(pooler):
    with raw(pooler) as c:
        c.ask("BEGIN")
        c.send(parse("", "SELECT generate_series(1, 25)"), bind("part", ""), execute("part", 10), sync())
        assert types(c.until_ready()) == "12" + "D" * 10 + "sZ"
        c.send(execute("part", 10), sync())
        c.until_ready()
        c.send(execute("part", 10), close("P", "part"), sync())
        assert types(c.until_ready()) == "D" * 5 + "C3Z"
        c.ask("COMMIT")
    row = queries(pooler, "raw")["SELECT generate_series($1, $2)"]
    assert (row["calls"], row["rows"], row["errors"]) == (1, 25, 0)


def test_waiting_and_idling_are_told_apart_from_the_servers_time(weir, counting):
    pooler = weir(weir={"default_pool_size": 1}, databases={"app": {"host": "127.0.0.1", "port": counting.port}})
    with raw(pooler, "holder") as holder, raw(pooler, "waiter") as waiter:
        holder.ask("BEGIN")
        holder.ask("SELECT pg_sleep(0.3)")
        waiter.send(query("SELECT 'waited'"))
        time.sleep(0.5)
        with console(pooler) as admin:
            active = admin.execute("SHOW ACTIVE_QUERIES").fetchall()
            assert [(r["application_name"], r["state"]) for r in active] == [("waiter", "waiting")]
            assert active[0]["age_ms"] > 300
            [open_one] = admin.execute("SHOW TRANSACTIONS").fetchall()
            assert (open_one["application_name"], open_one["state"], open_one["statements"]) == ("holder", "idle in transaction", 2)
            assert open_one["query"] == "SELECT pg_sleep($1)" and open_one["transaction_ms"] > 700
            assert open_one["server_pid"] > 0
        holder.ask("COMMIT")
        waiter.until_ready()
        holder.send(query("SELECT pg_sleep(0.5)"))
        with console(pooler) as admin:
            def running():
                return [r for r in admin.execute("SHOW ACTIVE_QUERIES").fetchall() if r["state"] == "active"]
            [row] = wait_for(running, "the query to be shown")
            assert (row["application_name"], row["query"]) == ("holder", "SELECT pg_sleep($1)")
        holder.until_ready()
        counted = queries(pooler)
        assert counted["SELECT $1"]["wait_ms"] > 400 > 200 > counted["SELECT $1"]["total_ms"]
        slept = counted["SELECT pg_sleep($1)"]
        assert 800 < slept["total_ms"] < 1500 and slept["idle_ms"] > 400
        assert 290 < slept["p50_ms"] < 500 < slept["max_ms"]
        assert counted["BEGIN"]["total_ms"] < 200


def test_what_weir_itself_refuses_or_loses_is_an_error_of_the_statement(weir, counting):
    pooler = weir(weir={"default_pool_size": 1, "query_wait_timeout": "300ms"},
                  databases={"app": {"host": "127.0.0.1", "port": counting.port}})
    with raw(pooler, "holder") as holder, raw(pooler, "late") as late, raw(pooler, "gone") as gone:
        holder.ask("BEGIN")
        late.send(query("SELECT 'too late'"))
        late.until_ready()
        late.send(parse("", "SELECT length($1)"), bind("", "", [b"1"]), execute(""), sync())
        late.until_ready()
        holder.ask("ROLLBACK")
        pid = int(holder.value("SELECT pg_backend_pid()"))
        holder.send(query("SELECT pg_sleep(10)"))
        with console(pooler) as admin:
            wait_for(lambda: admin.execute("SHOW ACTIVE_QUERIES").fetchall(), "the query to run")
        counting.sql(f"SELECT pg_terminate_backend({pid})")
        holder.until_ready()
        gone.send(query("SELECT pg_sleep(9), 'nobody reads this'"))
        with console(pooler) as admin:
            wait_for(lambda: [r for r in admin.execute("SHOW ACTIVE_QUERIES").fetchall() if r["state"] == "active"], "the query to run")
        gone.drop()
        counted = wait_for(lambda: (lambda q: q if "SELECT pg_sleep($1), $2" in q else None)(queries(pooler)), "the end")
    assert counted["SELECT $1"]["error_classes"] == "53:1" and counted["SELECT $1"]["wait_ms"] >= 300
    assert counted["SELECT length($1)"]["error_classes"] == "53:1"
    assert counted["SELECT pg_sleep($1)"]["error_classes"] == "57:1"
    assert (counted["SELECT pg_sleep($1), $2"]["calls"], counted["SELECT pg_sleep($1), $2"]["error_classes"]) == (1, "08:1")


def test_what_weir_asks_itself_is_not_counted(weir, counting):
    pooler = weir(weir={"default_pool_size": 2}, databases={"app": {"host": "127.0.0.1", "port": counting.port}})
    with client(pooler, "one", prepare_threshold=0) as one, client(pooler, "two", prepare_threshold=0) as two:
        for c in (one, two, one, two):
            c.execute("SET work_mem = '5MB'")       # replayed when the server changes
            c.execute("CREATE TEMP TABLE IF NOT EXISTS t (a int)")
            c.execute("DROP TABLE t")               # the server is asked what is left
            c.execute("SELECT 1")
        pooler_rows = queries(pooler)
    assert {q: r["calls"] for q, r in pooler_rows.items()} == {
        "SET work_mem = $1": 2, "CREATE TEMP TABLE IF NOT EXISTS t (a int)": 2, "DROP TABLE t": 2, "SELECT $1": 2,
        "DEALLOCATE ALL": 2}  # psycopg's own
    with console(pooler) as admin:
        assert sum(r["calls"] for r in admin.execute("SHOW QUERIES").fetchall()) == 20


def test_no_value_is_shown_and_reset_begins_again(weir, counting):
    pooler = weir(databases={"app": {"host": "127.0.0.1", "port": counting.port}})
    with simple(client(pooler)) as c:
        c.execute("SELECT 'secret 4711', 4711, $$4711$$")
        c.execute("SET application_name = 'tool 4712'")
        c.execute("SELECT '4712'")
        with console(pooler) as admin:
            before = admin.execute("SHOW STATS").fetchall()
            shown = [r["query"] for r in admin.execute("SHOW QUERIES").fetchall()]
            assert sorted(shown) == ["SELECT $1", "SELECT $1, $2, $3", "SET application_name = $1"]
            by_name = {r["application_name"]: r["query"] for r in admin.execute("SHOW QUERIES").fetchall()}
            assert by_name["tool 4712"] == "SELECT $1"
            admin.execute("RESET QUERIES")
            assert admin.execute("SHOW QUERIES").fetchall() == []
            total = "total_query_count"
            after = admin.execute("SHOW STATS").fetchall()
            assert [r[total] for r in after if r["database"] == "app"] == [r[total] for r in before if r["database"] == "app"]
            c.execute("SELECT '4713'")
            assert [(r["query"], r["calls"]) for r in admin.execute("SHOW QUERIES").fetchall()] == [("SELECT $1", 1)]
    with psycopg.connect(host="127.0.0.1", port=pooler.port, user="alice", password=USERS["alice"][0], dbname="weir", autocommit=True) as c:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("RESET QUERIES")


def test_the_light_make_room_and_the_sum_is_exact(weir, counting):
    pooler = weir(weir={"query_stats_max": 50}, databases={"app": {"host": "127.0.0.1", "port": counting.port}})
    with simple(client(pooler)) as c:
        for i in range(300):
            c.execute(f"SELECT c_{i} FROM (SELECT 1 AS c_{i}) t")
            c.execute("SELECT pg_sleep(0.001)")
    with console(pooler) as admin:
        rows = admin.execute("SHOW QUERIES").fetchall()
    assert len(rows) <= 51
    assert sum(r["calls"] for r in rows) == 600
    assert {r["query"]: r["calls"] for r in rows}["SELECT pg_sleep($1)"] == 300
    assert re.fullmatch(r"others \(\d+ rows that made room\)", rows[-1]["query"])
    assert rows[-1]["fingerprint"] == ""


def test_off_and_on_again(weir, counting):
    settings = {"query_stats": False}
    pooler = weir(weir=settings, databases={"app": {"host": "127.0.0.1", "port": counting.port}})
    with simple(client(pooler)) as c, console(pooler) as admin:
        c.execute("SELECT 1")
        assert admin.execute("SHOW QUERIES").fetchall() == []
        admin.execute("SET query_stats = on")
        c.execute("SELECT 1, 2")
        c.execute("SELECT 1, 2")
        assert [(r["query"], r["calls"]) for r in admin.execute("SHOW QUERIES").fetchall()] == [("SELECT $1, $2", 2)]
        admin.execute("SET query_stats = off")
        c.execute("SELECT 1, 2, 3")
        assert [(r["query"], r["calls"]) for r in admin.execute("SHOW QUERIES").fetchall()] == [("SELECT $1, $2", 2)]


def test_a_batch_that_is_repeated_unseen_is_one_call(pooler, counting):
    """0A000, "cached plan must not change result type": what the server refused first has not run (decisions/009)."""
    counting.sql("DROP TABLE IF EXISTS changing; CREATE TABLE changing AS SELECT 1 AS a, 2 AS b; GRANT ALL ON changing TO alice",
                 database="app")
    again = (bind("", "s", result_formats=[0]), describe("P"), execute(), sync())
    with raw(pooler, "repeated") as c:
        c.send(parse("s", "SELECT * FROM changing"), sync(), *again)
        c.until_ready(2)
        counting.sql("ALTER TABLE changing DROP a", database="app")
        c.send(*again)
        assert types(c.until_ready()) == "2TDCZ"
    row = queries(pooler, "repeated")["SELECT * FROM changing"]
    assert (row["calls"], row["rows"], row["errors"]) == (2, 2, 0)
