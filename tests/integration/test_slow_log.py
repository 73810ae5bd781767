"""The slow log: what took long is there, with what it cost and never with what it must not show; pgBadger reads it."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import psycopg
import pytest
from psycopg.rows import dict_row

from rawpg import Raw, bind, execute, parse, sync
from servers import USERS, wait_for

LINE = re.compile(r"^(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC) \[(?P<pid>\d+)\]: user=(?P<user>.*?),db=(?P<db>.*?),"
                  r"app=(?P<app>.*?),client=(?P<client>\S*) (?P<kind>LOG|DETAIL|CONTEXT):  (?P<text>.*)$", re.S)
DURATION = re.compile(r"^duration: (?P<ms>\d+\.\d{3}) ms  (?P<how>statement|execute [^:]+): (?P<query>.*)$", re.S)
TRACE = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01"


@pytest.fixture
def slow(weir, postgres):
    """slow(settings, databases={...}, users={...}) starts a Weir whose slow log is pooler.slow."""
    postgres.sql("DROP TABLE IF EXISTS people; CREATE TABLE people (id int PRIMARY KEY, email text, secret_password text);"
                 "INSERT INTO people SELECT i, 'p' || i FROM generate_series(1, 10) i; GRANT ALL ON people TO PUBLIC", database="app")

    def start(settings=None, databases=None, users=None, file=True):
        own = {"log_min_duration": 0, "slow_log_max_rate": 0} | ({"slow_log_file": "slow.log"} if file else {}) | (settings or {})
        sections = {"app": {"host": "127.0.0.1", "port": postgres.port}} | (databases or {})
        passwords = {name: {"password": secret} | (users or {}).get(name, {}) for name, (secret, _) in USERS.items()}
        pooler = weir(weir=own, databases=sections, users=passwords)
        pooler.slow = pooler.folder / "slow.log"
        return pooler

    return start


def console(pooler, user="bob"):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user=user, password=USERS[user][0], dbname="weir",
                           autocommit=True, row_factory=dict_row)


def client(pooler, name="shop", user="alice", dbname="app", simple=False, **options):
    options = {"autocommit": True, "prepare_threshold": 100} | options
    if simple:
        options["cursor_factory"] = psycopg.ClientCursor
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user=user, password=USERS[user][0], dbname=dbname,
                           application_name=name, **options)


def raw(pooler, name="shop"):
    return Raw.connect(pooler.port).login("alice", USERS["alice"][0], "app", application_name=name)


def records(pooler):
    """What the text log says, a dict for each statement; every line is one that PostgreSQL could have written."""
    found = []
    lines = []
    for line in pooler.slow.read_text().split("\n")[:-1]:
        if line.startswith("\t"):
            lines[-1] += "\n" + line
        else:
            lines.append(line)
    for line in lines:
        parts = LINE.match(line)
        assert parts, line
        one = parts.groupdict()
        if one["kind"] == "LOG" and (duration := DURATION.match(one["text"])):
            found.append(one | duration.groupdict() | {"detail": None, "context": None})
        elif one["kind"] == "LOG":
            assert "statements are missing here" in one["text"], line
            found.append({"missing": int(re.search(r"(\d+) statements", one["text"])[1]), "text": one["text"], "app": ""})
        else:
            assert found[-1]["pid"] == one["pid"]
            found[-1][one["kind"].lower()] = one["text"]
    return found


def told(pooler, count, app="shop"):
    """The records of one application, when there are so many of them; there are no more."""
    wait_for(lambda: pooler.slow.exists() and len([r for r in records(pooler) if r["app"] == app]) >= count, f"{count} records")
    time.sleep(0.05)
    found = [r for r in records(pooler) if r["app"] == app]
    assert len(found) == count, found
    return found


def slow_queries(pooler, app="shop"):
    with console(pooler) as admin:
        return admin.execute(f"SELECT * FROM slow_queries WHERE application_name = '{app}' ORDER BY ended").fetchall()


def test_a_simple_query_is_told_as_postgres_would(slow):
    pooler = slow({"log_min_duration": "50ms"})
    with client(pooler, simple=True) as c:
        c.execute("SELECT 1")
        c.execute("SELECT pg_sleep(0.12), 'private'")
    (one,) = told(pooler, 1)
    assert (one["user"], one["db"], one["client"], one["how"]) == ("alice", "app", "127.0.0.1", "statement")
    assert one["query"] == "SELECT pg_sleep($1), $2"
    assert 120 <= float(one["ms"]) < 5000
    assert one["detail"] is None
    assert re.search(r"queue: \d+\.\d+ ms, server: 1\d\d\.\d+ ms, rows: 1, bytes: \d+, fingerprint: [0-9a-f]{16}", one["context"])
    assert "private" not in pooler.slow.read_text()
    (row,) = slow_queries(pooler)
    assert (row["query"], row["rows"], row["parameters"], row["sqlstate"]) == (one["query"], 1, None, None)
    assert row["total_ms"] == pytest.approx(float(one["ms"]), abs=0.001)
    assert row["server_pid"] == int(one["pid"]) > 0


def test_values_are_shown_where_that_is_allowed(slow):
    pooler = slow({"slow_log_parameters": True, "slow_log_redact": ["people.email"]})
    with client(pooler) as c:
        c.execute("SELECT * FROM people WHERE id = %s AND 'lit' <> %s", (77, "it's"), prepare=True)
        c.execute("SELECT * FROM people WHERE id = %s", (None,))
        c.execute("SELECT id FROM people WHERE email = %s", ("hidden@x",))
        c.execute("SELECT id FROM people WHERE secret_password = %s", ("hidden pw",))
        c.execute("INSERT INTO people VALUES (%s, %s) ON CONFLICT DO NOTHING", (1, "hidden@y"))
    with client(pooler, simple=True) as c:
        c.execute("SELECT * FROM people WHERE id = %s AND 'x' <> %s", (-5, "a\nb"))
        c.execute("SET app.secret = 'hidden three'")
        c.execute("SELECT id FROM people WHERE email = 'hidden@z'")
    found = told(pooler, 8)
    assert re.fullmatch(r"execute _pg3_\d+", found[0]["how"])
    assert found[0]["query"] == "SELECT * FROM people WHERE id = $1 AND $3 <> $2"
    assert [r["detail"] for r in found] == [
        "parameters: $1 = '77', $2 = 'it''s', $3 = 'lit'",
        "parameters: $1 = NULL",
        "parameters: $1 = '?'",
        "parameters: $1 = '?'",
        "parameters: $1 = '?', $2 = '?'",
        "parameters: $1 = '-5', $2 = 'x', $3 = 'a\n\tb'",
        "parameters: $1 = '?'",
        "parameters: $1 = '?'"]
    assert found[1]["how"] == "execute <unnamed>"
    for text in (pooler.slow.read_text(), pooler.log(), str(slow_queries(pooler))):
        assert "hidden" not in text
    assert slow_queries(pooler)[0]["parameters"] == "$1 = '77', $2 = 'it''s', $3 = 'lit'"


def test_a_password_is_never_shown(slow, postgres):
    pooler = slow({"slow_log_parameters": True}, databases={"super": {"host": "127.0.0.1", "port": postgres.port, "dbname": "app",
                                                                     "user": "postgres"}})
    with client(pooler, dbname="super", simple=True) as c:
        c.execute("CREATE ROLE passing PASSWORD 'tell nobody'")
        c.execute("ALTER ROLE passing PASSWORD 'tell nobody'")
        c.execute("DO $$ BEGIN PERFORM 'tell nobody'; END $$")
        c.execute("PREPARE p AS SELECT $1::text; EXECUTE p('tell nobody')")
        c.execute("SELECT set_config('app.x', 'tell nobody', false)")
        c.execute("DROP ROLE passing")
    found = told(pooler, 6)
    assert found[0]["query"] == "CREATE ROLE passing PASSWORD $1"
    for text in (pooler.slow.read_text(), str(slow_queries(pooler))):
        assert "tell nobody" not in text


def test_binary_values_are_readable(slow):
    pooler = slow({"slow_log_parameters": True})
    import datetime
    import decimal
    import uuid
    with client(pooler) as c:
        cursor = c.cursor()
        cursor.execute("SELECT %b::int4, %b::int8, %b::float8, %b::text, %b::bool, %b::uuid, %b::date, %b::numeric, %b::timestamp",
                       (7, -(2 ** 40), 1.5, "täxt", True, uuid.UUID(int=1), datetime.date(2026, 2, 28), decimal.Decimal("-12.340"),
                        datetime.datetime(1999, 12, 31, 23, 59, 59, 250000)))
    (one,) = told(pooler, 1)
    assert one["detail"] == ("parameters: $1 = '7', $2 = '-1099511627776', $3 = '1.5', $4 = 'täxt', $5 = 't', "
                             "$6 = '00000000-0000-0000-0000-000000000001', $7 = '2026-02-28', $8 = '-12.340', "
                             "$9 = '1999-12-31 23:59:59.250000'")


def test_two_binds_before_one_execute_show_no_values(slow):
    """Which of them runs is not known; a wrong value would be worse than none."""
    pooler = slow({"slow_log_parameters": True})
    with raw(pooler) as c:
        c.send(parse("s", "SELECT $1::text"), bind("a", "s", [b"first"]), bind("b", "s", [b"second"]), execute("a"), execute("b"), sync())
        c.until_ready()
    found = told(pooler, 2)
    assert "first" not in pooler.slow.read_text() and "second" not in pooler.slow.read_text()
    assert found[0]["how"] == "execute s"


def test_errors_are_told_with_their_sqlstate_alone(slow):
    pooler = slow({"log_min_duration": "50ms"})
    with client(pooler, simple=True) as c:
        c.execute("SET statement_timeout = '100ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            c.execute("SELECT pg_sleep(10)")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            c.execute("SELECT ('private' || (SELECT 1 FROM pg_sleep(0.08)))::int")
    found = told(pooler, 2)
    assert [re.search(r"error: (\w+)", r["context"])[1] for r in found] == ["57014", "22P02"]
    assert [r["sqlstate"] for r in slow_queries(pooler)] == ["57014", "22P02"]
    assert "private" not in pooler.slow.read_text()


def test_a_text_of_several_statements_is_one_as_in_postgres(slow):
    pooler = slow({"slow_log_parameters": True, "log_min_duration": "40ms"})
    with client(pooler, simple=True) as c:
        c.execute("SELECT 1; SELECT pg_sleep(0.06), 2; SELECT id FROM people; SELECT pg_sleep(0.07), 'x'")
        c.execute("SELECT 1; SET application_name = 'shop'; SELECT pg_sleep(0.06)")
        with pytest.raises(psycopg.errors.DivisionByZero):
            c.execute("SELECT pg_sleep(0.06); SELECT 1 / 0; SELECT pg_sleep(5)")
    found = told(pooler, 3)
    assert [r["query"] for r in found] == [
        "SELECT $1; SELECT pg_sleep($2), $3; SELECT id FROM people; SELECT pg_sleep($4), $5",
        "SELECT $1; SET application_name = $2",
        "SELECT pg_sleep($1); SELECT $2 / $3; SELECT pg_sleep($4)"]
    assert float(found[0]["ms"]) >= 130 and "rows: 13," in found[0]["context"]
    assert found[0]["detail"] == "parameters: $1 = '1', $2 = '0.06', $3 = '2', $4 = '0.07', $5 = 'x'"
    assert found[1]["detail"] == "parameters: $1 = '?', $2 = '?'"
    assert "error: 22012" in found[2]["context"]


def test_the_limit_of_a_user_beats_the_databases_and_that_the_processs(slow, postgres):
    app = {"host": "127.0.0.1", "port": postgres.port, "dbname": "app"}
    pooler = slow({"log_min_duration": -1}, databases={"all": app | {"log_min_duration": 0}, "some": app | {"log_min_duration": "50ms"}},
                  users={"bob": {"log_min_duration": -1}})
    for database in ("app", "all", "some"):
        for user in ("alice", "bob"):
            with client(pooler, dbname=database, user=user, simple=True) as c:
                c.execute("SELECT 1")
                c.execute("SELECT pg_sleep(0.08)")
    assert [(r["db"], r["user"], r["query"]) for r in told(pooler, 3)] == [
        ("all", "alice", "SELECT $1"), ("all", "alice", "SELECT pg_sleep($1)"), ("some", "alice", "SELECT pg_sleep($1)")]


def test_of_the_faster_ones_a_sample_is_told(slow):
    pooler = slow({"log_min_duration": "50ms", "log_sample_rate": 0.1})
    with client(pooler, simple=True) as c:
        for _ in range(300):
            c.execute("SELECT 1")
        c.execute("SELECT pg_sleep(0.08)")
    wait_for(lambda: any("sleep" in r["query"] for r in records(pooler)), "the slow one")
    assert 20 <= len([r for r in records(pooler) if r["query"] == "SELECT $1"]) <= 40


def test_what_is_above_the_rate_is_counted_and_said(slow):
    pooler = slow({"slow_log_max_rate": 20})
    with client(pooler, simple=True) as c:
        for _ in range(200):
            c.execute("SELECT 1")
    wait_for(lambda: any("missing" in r for r in records(pooler)), "what is missing")

    def sums():
        found = records(pooler)
        return sum("missing" not in r for r in found), sum(r.get("missing", 0) for r in found)

    wait_for(lambda: sum(sums()) == 200, "all of them accounted for")
    assert sums()[0] >= 20 and sums()[1] > 0
    assert "slow_log_max_rate = 20" in pooler.slow.read_text()
    assert "slow statements were not logged: slow_log_max_rate = 20 in a second" in pooler.log()
    with console(pooler) as admin:
        row = admin.execute("SHOW SLOW_LOG").fetchone()
    assert (row["written"], row["over_rate"], row["queue_full"], row["lost"]) == (*sums(), 0, 0)


def test_a_trace_is_joined(slow):
    pooler = slow({"slow_log_format": "json"})
    with client(pooler) as c:
        c.execute(f"SELECT 1 /*db_driver='x',traceparent='{TRACE}'*/")
        c.execute(f"SELECT 2 /*traceparent='{TRACE.replace('-', '%2D')}',route='%2Fa'*/ ;", prepare=True)
        c.execute("SELECT 3 /*traceparent='00-zz-yy-01'*/")
    wait_for(lambda: pooler.slow.exists() and len(pooler.slow.read_text().splitlines()) == 3, "three lines")
    assert [json.loads(line)["traceparent"] for line in pooler.slow.read_text().splitlines()] == [TRACE, TRACE, None]
    assert [r["traceparent"] for r in slow_queries(pooler)] == [TRACE, TRACE, None]


def test_json_is_one_object_a_line(slow):
    pooler = slow({"slow_log_format": "json", "slow_log_parameters": True, "log_min_duration": "50ms"})
    with client(pooler, name="näme \"x\"") as c:
        c.execute("SELECT pg_sleep(0.06), %s::text, repeat('y', 100)", ("a\n\"b\"",))
        with pytest.raises(psycopg.Error):
            c.execute("SELECT 1 / (SELECT count(*)::int - 1 FROM pg_sleep(0.06))")
    wait_for(lambda: pooler.slow.exists() and len(pooler.slow.read_text().splitlines()) == 2, "two lines")
    first, second = map(json.loads, pooler.slow.read_text().splitlines())
    assert list(first) == list(second) == [
        "ts", "fp", "db", "user", "app", "client", "server_pid", "traceparent", "queue_ms", "server_ms", "total_ms", "rows", "bytes_in",
        "bytes", "error", "prepared", "name", "query", "parameters"]
    assert (first["db"], first["user"], first["rows"], first["error"], first["prepared"]) == ("app", "alice", 1, None, True)
    assert first["parameters"] == [{"n": 1, "value": 'a\n"b"'}, {"n": 2, "value": "0.06"}, {"n": 3, "value": "y"}, {"n": 4, "value": "100"}]
    assert first["total_ms"] == pytest.approx(first["queue_ms"] + first["server_ms"], abs=0.01)
    assert first["server_ms"] >= 60 and first["bytes"] > 100
    assert (second["error"], second["rows"]) == ("22012", 0)


def test_what_waits_for_a_server_waits_in_the_log_too(slow):
    pooler = slow({"log_min_duration": "100ms", "default_pool_size": 1})
    with client(pooler, name="first", simple=True) as one, client(pooler, simple=True) as two:
        one.execute("BEGIN")
        one.execute("SELECT 1")
        connection = two.pgconn
        connection.send_query(b"SELECT 2")
        connection.flush()
        time.sleep(0.3)
        one.execute("COMMIT")
        while connection.get_result():
            pass
    (row,) = [r for r in told(pooler, 1)]
    queue, server = re.search(r"queue: ([\d.]+) ms, server: ([\d.]+) ms", row["context"]).groups()
    assert 250 < float(queue) < 3000 and float(server) < 250
    assert float(row["ms"]) == pytest.approx(float(queue) + float(server), abs=0.01)


def test_who_got_no_server_at_all_is_told(slow):
    pooler = slow({"log_min_duration": "100ms", "default_pool_size": 1, "query_wait_timeout": "300ms"})
    with client(pooler, name="first", simple=True) as one, client(pooler, simple=True) as two:
        one.execute("BEGIN")
        with pytest.raises(psycopg.Error):
            two.execute("SELECT 2")
        one.execute("COMMIT")
    (row,) = told(pooler, 1)
    assert row["pid"] == "0" and "error: " in row["context"] and float(row["ms"]) >= 300


def test_it_works_without_statistics(slow):
    pooler = slow({"query_stats": False, "slow_log_parameters": True})
    with client(pooler) as c:
        c.execute("SELECT %s::int", (1,))
        c.execute("SELECT 'x'")
    assert [(r["query"], r["detail"]) for r in told(pooler, 2)] == [
        ("SELECT $1::int", "parameters: $1 = '1'"), ("SELECT $1", "parameters: $1 = 'x'")]
    with console(pooler) as admin:
        assert admin.execute("SHOW QUERIES").fetchall() == []


def test_without_a_file_it_is_the_log_and_shows_no_values(slow):
    pooler = slow({"slow_log_parameters": True}, file=False)
    with client(pooler, simple=True) as c:
        c.execute("SELECT 'private'")
    wait_for(lambda: "statement: SELECT $1 (user=alice,db=app,app=shop," in pooler.log(), "the line")
    assert "private" not in pooler.log()
    assert slow_queries(pooler)[0]["parameters"] == "$1 = 'private'"


def test_settings_change_with_a_reload(slow):
    pooler = slow({"log_min_duration": -1})
    with client(pooler, simple=True) as c, console(pooler) as admin:
        c.execute("SELECT 'before'")
        admin.execute("SET log_min_duration = '0'")
        c.execute("SELECT 1")
        told(pooler, 1)
        admin.execute("SET slow_log_parameters = on")
        c.execute("SELECT 2")
        assert told(pooler, 2)[1]["detail"] == "parameters: $1 = '2'"
        admin.execute("SET log_min_duration = '-1'")
        c.execute("SELECT 'after'")
        pooler.rewrite(weir={"slow_queries_max": 1, "log_min_duration": 0})
        admin.execute("RELOAD")
        c.execute("SELECT 3")
        told(pooler, 3)
        assert [r["parameters"] for r in slow_queries(pooler)] == [None]
        for wrong in ("SET slow_log_redact = 'email'", "SET log_min_duration = '-2'", "SET log_sample_rate = '2'"):
            with pytest.raises(psycopg.Error):
                admin.execute(wrong)


@pytest.mark.parametrize("how", ["HUP", "RELOAD"])
def test_after_rotation_it_goes_on_in_the_new_file(slow, how):
    pooler = slow()
    with client(pooler, simple=True) as c:
        c.execute("SELECT 1")
        told(pooler, 1)
        os.rename(pooler.slow, pooler.folder / "slow.log.1")
        if how == "HUP":
            pooler.send_signal(signal.SIGHUP)
        else:
            with console(pooler) as admin:
                admin.execute("RELOAD")
        wait_for(pooler.slow.exists, "the new file")
        c.execute("SELECT 2 FROM people")
    assert told(pooler, 1)[0]["query"] == "SELECT $1 FROM people"
    assert (pooler.folder / "slow.log.1").read_text().count("duration:") == 1


def test_a_full_disk_is_said_once_and_stops_nothing(slow):
    pooler = slow({"slow_log_file": "/dev/full"})
    with client(pooler, simple=True) as c, console(pooler) as admin:
        for i in range(50):
            assert c.execute(f"SELECT {i}").fetchone() == (i,)
        wait_for(lambda: admin.execute("SHOW SLOW_LOG").fetchone()["lost"] == 50, "all of them lost")
        assert admin.execute("SHOW SLOW_LOG").fetchone()["failure"] == "No space left on device"
        admin.execute(f"SET slow_log_file = '{pooler.slow}'")
        c.execute("SELECT 'there'")
        told(pooler, 1)
        assert admin.execute("SHOW SLOW_LOG").fetchone()["failure"] == ""
    assert pooler.log().count("could not write to slow_log_file") == 1


def test_a_file_that_cannot_be_opened_leaves_the_one_before(slow):
    pooler = slow()
    with client(pooler, simple=True) as c, console(pooler) as admin:
        admin.execute("SET slow_log_file = '/nowhere/slow.log'")
        c.execute("SELECT 1")
        told(pooler, 1)
    assert "the slow log stays as it is" in pooler.log()


def test_console_remembers_the_last_ones_over_all_workers(slow):
    pooler = slow({"slow_queries_max": 5})
    for i in range(4):
        with client(pooler, simple=True) as c:
            for j in range(4):
                c.execute(f"SELECT n_{i}_{j} FROM (SELECT 1 AS n_{i}_{j}) t")
    told(pooler, 16)
    assert [r["query"].split()[1] for r in slow_queries(pooler)] == ["n_2_3", "n_3_0", "n_3_1", "n_3_2", "n_3_3"]


def plans(pooler):
    return [row for row in slow_queries(pooler) if row["plan"] is not None]


def test_plans_of_slow_selects_with_their_values(slow):
    pooler = slow({"slow_log_explain": True, "slow_log_parameters": True, "slow_log_redact": ["people.email"]})
    with client(pooler) as c:
        c.execute("SELECT email FROM people WHERE id = %s AND 'x' <> %s", (7, "it's"), prepare=True)
        c.execute("UPDATE people SET id = id WHERE id = %s", (3,))
        c.execute("SELECT count(*) FROM people WHERE id < %s", (3,))
    with client(pooler, simple=True) as c:
        c.execute("SELECT count(*) FROM people WHERE id BETWEEN 2 AND 8 AND 'a;b' <> 'c' -- end")
    wait_for(lambda: len(plans(pooler)) == 3, "three plans", 20)
    first, second, third = plans(pooler)
    assert "people" in first["plan"] and "(cost=" in first["plan"] and "it's" not in first["plan"] and "id = ?" in first["plan"]
    assert re.search(r"id < '?3", second["plan"])
    assert "id >= 2" in third["plan"]
    with client(pooler, simple=True) as c:
        c.execute("SELECT count(*) FROM people WHERE id BETWEEN 3 AND 9 AND 'a;b' <> 'c'")
    time.sleep(1.5)
    assert len(plans(pooler)) == 3, "the same statement is not asked about again so soon"


def test_plans_show_no_values_unless_these_are_allowed(slow):
    pooler = slow({"slow_log_explain": True})
    with client(pooler) as c:
        c.execute("SET search_path TO pg_catalog, public")
        c.execute("SELECT relname FROM pg_class WHERE relname = %s", ("private",))
    wait_for(lambda: plans(pooler), "the plan", 20)
    assert "pg_class" in plans(pooler)[0]["plan"] and "private" not in str(slow_queries(pooler)) + pooler.slow.read_text()


def test_long_texts_are_told_to_a_bound(slow):
    pooler = slow({"slow_log_parameters": True})
    with client(pooler, simple=True) as c:
        c.execute("SELECT " + ", ".join(["'value'"] * 1500))
        c.execute("SELECT '" + "x" * 3_000_000 + "'")
    first, second = told(pooler, 2)
    assert first["query"].startswith("SELECT $1, $2, $3") and len(first["query"]) <= 16 * 1024 + 3
    assert second["query"] == "SELECT $1"
    assert pooler.slow.stat().st_size < 100_000


@pytest.mark.skipif(shutil.which("pgbadger") is None, reason="pgbadger is not installed")
def test_pgbadger_reads_it(slow):
    pooler = slow({"log_min_duration": "20ms", "slow_log_parameters": True})
    with client(pooler, simple=True) as c:
        for _ in range(5):
            c.execute("SELECT pg_sleep(0.03)")
        c.execute("SELECT pg_sleep(0.05), 'it''s', 'a\nb' FROM people WHERE id = 3")
    with client(pooler) as c:
        for i in range(3):
            c.execute("SELECT pg_sleep(0.04), id FROM people WHERE id = %s", (i + 1,), prepare=True)
        with pytest.raises(psycopg.Error):
            c.execute("SELECT 1 / (SELECT count(*)::int - 1 FROM pg_sleep(0.03))")
    found = told(pooler, 10)
    report = pooler.folder / "report.json"
    command = ["pgbadger", "-q", "-f", "stderr", "-p", "%m [%p]: user=%u,db=%d,app=%a,client=%h ", "-x", "json", "-o", str(report)]
    subprocess.run([*command, str(pooler.slow)], check=True, cwd=pooler.folder, timeout=60)
    data = json.loads(report.read_text())
    overall = data["overall_stat"]["postgres"] if "postgres" in data["overall_stat"] else data["overall_stat"]
    assert overall["queries_number"] == 10
    assert overall["queries_duration"]["execute"] == pytest.approx(sum(float(r["ms"]) for r in found), abs=0.05)
    kinds = data["normalyzed_info"]["postgres"] if "postgres" in data["normalyzed_info"] else data["normalyzed_info"]
    assert sorted(kind["count"] for kind in kinds.values()) == [1, 1, 3, 5]
    (prepared,) = [kind for text, kind in kinds.items() if "people" in text and kind["count"] == 3]
    assert any("id = '2'" in sample["query"] for sample in prepared["samples"].values()), prepared["samples"]
    html = pooler.folder / "report.html"
    subprocess.run([*command[:-4], "-o", str(html), str(pooler.slow)], check=True, cwd=pooler.folder, timeout=60)
    assert html.stat().st_size > 10_000
