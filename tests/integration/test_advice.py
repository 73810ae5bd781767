"""Index advice: traffic goes through Weir, ADVISE NOW looks, and what it says is held against what a DBA would say.

HypoPG measures; a PostgreSQL without it is told of, and no more.
"""

import pathlib

import psycopg
import pytest

from advice_cases import (CASES, TENANTS_AND_USERS, advice, allowed, client, console, create_tables, keys, run,
                          statements)
from servers import USERS, Postgres, wait_for

HYPOPG = pathlib.Path("/usr/share/postgresql/15/extension/hypopg.control")
pytestmark = pytest.mark.skipif(not HYPOPG.exists(), reason="postgresql-15-hypopg is not installed (make setup)")


@pytest.fixture(scope="module")
def advised(folder, certificates):
    """A PostgreSQL with HypoPG and the tables of the cases."""
    server = Postgres(folder / "advised", certificates).create()
    create_tables(server)
    yield server
    server.stop("immediate")


@pytest.fixture
def start(weir, advised):
    def begin(enabled=True, **settings):
        own = {"user": "adviser", "password": "adviser pw", "enabled": enabled, "interval": "1h", "deadline": "20s"} | settings
        pooler = weir(databases={"app": {"host": "127.0.0.1", "port": advised.port}}, advice=own)
        return pooler

    return begin


def test_the_cases(start, capsys):
    """Each case alone, with a pooler that has seen nothing else."""
    hits, misses = 0, []
    for name, queries, wanted in CASES:
        pooler = start()
        run(pooler, queries)
        rows, state = advice(pooler)
        found = {keys(row) for row in rows}
        if allowed(found, wanted):
            hits += 1
        else:
            misses.append(f"{name}: {sorted(found)} instead of {wanted[0]} ({state['candidates']} candidates, {state['notes']})")
        pooler.stop()
    with capsys.disabled():
        print(f"\n{hits} of {len(CASES)} cases; missed:", *misses, sep="\n  ")
    assert not misses


BY_USER = [("SELECT * FROM o WHERE uid = %s", [(i * 17,) for i in range(12)])]


def test_advice_says_what_and_why_and_goes_when_it_is_followed(start, advised):
    pooler = start()
    run(pooler, BY_USER)
    (found,), _ = advice(pooler)
    assert found["status"] == "new" and found["model"] == "hypopg" and found["table"] == "public.o"
    assert found["statement"].startswith('CREATE INDEX CONCURRENTLY IF NOT EXISTS "o_uid_idx" ON "public"."o"')
    assert found["cost_after"] < found["cost_before"] / 5 and found["saves_ms_per_hour"] > 0
    assert 300_000 < found["estimated_bytes"] < 2_000_000
    assert "uid (equality)" in found["reason"]
    with console(pooler) as admin:
        (why,) = admin.execute(f"SHOW INDEX_ADVICE '{found['id']}'").fetchall()
        assert (why["plan_before"], why["calls"]) == ("Seq Scan", 12)
        assert "o_uid_idx" in why["plan_after"]
        assert why["samples"] >= 5
        assert "17" not in why["query"]
        assert admin.execute("SELECT count(*) AS n FROM index_advice WHERE confidence = 'high'").fetchone()["n"] == 1
    (again,), _ = advice(pooler)
    assert (again["id"], again["status"], again["first_seen"]) == (found["id"], "confirmed", found["first_seen"])
    advised.sql(found["statement"].rstrip(";"), database="app")
    try:
        advised.sql("ANALYZE o", database="app")
        (created,), state = advice(pooler)
        assert created["status"] == "created" and state["candidates"] == 0
        indexes = advised.sql("SELECT pg_relation_size('o_uid_idx')", database="app")
        assert 0.5 < found["estimated_bytes"] / int(indexes[0][0]) < 2
        assert created["effect"] is None
        run(pooler, [(BY_USER[0][0], [(i,) for i in range(220)])])
        (verified,), _ = advice(pooler)
        assert verified["status"] == "verified", verified
        assert verified["effect"].endswith("; 12 calls before, 220 since")
    finally:
        advised.sql('DROP INDEX "o_uid_idx"', database="app")
    (anew,), _ = advice(pooler)
    assert (anew["id"], anew["status"], anew["effect"]) == (found["id"], "new", None)


def test_what_was_thought_of_and_not_advised_is_told(start):
    pooler = start()
    run(pooler, [("SELECT * FROM o WHERE tenant = %s AND uid = %s", TENANTS_AND_USERS),
                 ("SELECT count(total) FROM o WHERE length(note) = %s", [(i % 2 + 9,) for i in range(12)]),
                 ("SELECT sum(total) FROM o WHERE flag", [()] * 12)])
    rows, _ = advice(pooler)
    assert len(rows) == 1, [keys(row) for row in rows]
    (advised,) = rows
    with console(pooler) as admin:
        shown = admin.execute("SHOW ADVICE_CANDIDATES").fetchall()
        by_statement = admin.execute("SELECT q.query, c.verdict FROM advice_candidates c JOIN queries q USING (fingerprint)").fetchall()
    verdicts = {row["index"].replace('"', "").replace(" USING btree", "").replace("public.", ""): row for row in shown}
    assert verdicts[keys(advised)]["verdict"] == "advised"
    assert verdicts[keys(advised)]["cost_after"] < verdicts[keys(advised)]["cost_before"] / 10
    assert {row["verdict"] for row in shown if row["fingerprint"] == advised["best_fingerprint"]} >= {"advised"}
    expression = verdicts["o ((length(note)))"]
    assert "do not tell rows apart" in expression["verdict"] and expression["cost_after"] is None
    assert any(row["verdict"].startswith("would hold 50 %") for row in shown), shown
    assert any(row["verdict"].startswith("helps, but others") for row in shown), shown
    assert any("length" in row["query"] for row in by_statement)


def test_a_slow_application_is_helped_and_the_help_is_proved(start, advised):
    """The whole of it: slow statements, advice, ADVICE APPLY, and what they take since."""
    pooler = start(apply_user="postgres")
    with client(pooler) as c, console(pooler) as admin:
        for i in range(30):
            c.execute("SELECT * FROM o WHERE uid = %s", (i,))
        slowest = admin.execute("SELECT * FROM queries WHERE database = 'app' ORDER BY total_ms DESC LIMIT 1").fetchone()
        assert slowest["query"] == "SELECT * FROM o WHERE uid = $1" and slowest["calls"] == 30
        (found,), _ = advice(pooler)
        assert found["best_fingerprint"] == slowest["fingerprint"]
        try:
            admin.execute(f"ADVICE APPLY '{found['id']}'")
            assert advised.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'o_uid_idx'::regclass", database="app") == [["t"]]
            (created,) = admin.execute("SHOW INDEX_ADVICE").fetchall()
            assert created["status"] == "created"
            with pytest.raises(psycopg.Error) as twice:
                admin.execute(f"ADVICE APPLY '{found['id']}'")
            assert twice.value.sqlstate == "55000"
            advice(pooler)
            for i in range(210):
                c.execute("SELECT * FROM o WHERE uid = %s", (i,))
            (verified,), _ = advice(pooler)
            assert verified["status"] == "verified" and verified["note"] is None, verified
            before, since = (float(part.split()[-1]) for part in verified["effect"].split(" ms, ")[0].split(" -> "))
            assert since < before / 2, verified["effect"]
            assert "o_uid_idx" in pooler.log()
        finally:
            advised.sql('DROP INDEX IF EXISTS "o_uid_idx"', database="app")


def test_the_statements_for_a_table_with_partitions_make_one_index(start, advised):
    pooler = start(apply_user="postgres")
    run(pooler, [("SELECT * FROM parted WHERE k = %s", [(i * 17,) for i in range(40)])])
    (found,), _ = advice(pooler)
    assert len(statements(found)) == 5 and "ONLY" in statements(found)[0]
    with console(pooler) as admin:
        (why,) = admin.execute(f"SHOW INDEX_ADVICE '{found['id']}'").fetchall()
        assert "parted_k_idx" in why["plan_after"] and why["plan_before"] == "Seq Scan"
        with pytest.raises(psycopg.Error) as refused:
            admin.execute(f"ADVICE APPLY '{found['id']}'")
        assert refused.value.sqlstate == "0A000"
    try:
        for statement in statements(found):
            advised.sql(statement, database="app")
        assert advised.sql("SELECT bool_and(indisvalid), count(*) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid "
                           "WHERE c.relname LIKE 'parted%k_idx'", database="app") == [["t", "3"]]
        (created,), _ = advice(pooler)
        assert created["status"] == "created"
        with console(pooler) as admin:
            assert not any("parted" in row["index"] for row in admin.execute("SHOW REDUNDANT_INDEXES").fetchall())
    finally:
        advised.sql("DROP INDEX IF EXISTS parted_k_idx", database="app")


def test_nothing_is_created_unless_a_role_for_it_is_named(start, advised):
    pooler = start()
    run(pooler, BY_USER)
    (found,), _ = advice(pooler)
    with console(pooler) as admin:
        with pytest.raises(psycopg.Error) as refused:
            admin.execute(f"ADVICE APPLY '{found['id']}'")
        assert refused.value.sqlstate == "55000" and "apply_user" in refused.value.diag.message_hint


def test_what_postgresql_refuses_is_told_and_leaves_nothing(start, advised):
    pooler = start(apply_user="alice", apply_password=USERS["alice"][0])
    run(pooler, BY_USER)
    (found,), _ = advice(pooler)
    with console(pooler) as admin:
        with pytest.raises(psycopg.Error) as refused:
            admin.execute(f"ADVICE APPLY '{found['id']}'")
        assert refused.value.sqlstate == "42501", refused.value  # not the owner
        with pytest.raises(psycopg.Error) as missing:
            admin.execute("ADVICE APPLY 'nothing'")
        assert missing.value.sqlstate == "42704"
        (still,) = admin.execute("SHOW INDEX_ADVICE").fetchall()
        assert still["status"] == "new"
    assert advised.sql("SELECT to_regclass('o_uid_idx')", database="app") in ([[""]], [[None]])


def test_how_far_an_index_is_can_be_seen(start, advised):
    """A transaction that is older than the index holds it up; meanwhile the console says so."""
    pooler = start(apply_user="postgres")
    run(pooler, BY_USER)
    (found,), _ = advice(pooler)
    try:
        with psycopg.connect(host="127.0.0.1", port=advised.port, user="alice", password=USERS["alice"][0], dbname="app") as old:
            old.execute("UPDATE o SET note = note WHERE id = 1")
            waits = console(pooler)
            with console(pooler) as admin:
                waits.pgconn.send_query(f"ADVICE APPLY '{found['id']}'".encode())
                wait_for(lambda: "waiting for writers" in (admin.execute("SHOW INDEX_ADVICE").fetchone()["note"] or ""), "the progress")
                assert admin.execute("SHOW INDEX_ADVICE").fetchone()["status"] == "creating"
                with pytest.raises(psycopg.Error) as again:
                    admin.execute(f"ADVICE APPLY '{found['id']}'")
                assert again.value.sqlstate == "55006"
            waits.pgconn.finish()  # it does not wait any more; the index does
            old.rollback()
        with console(pooler) as admin:
            wait_for(lambda: admin.execute("SHOW INDEX_ADVICE").fetchone()["status"] == "created", "the index")
    finally:
        advised.sql('DROP INDEX IF EXISTS "o_uid_idx"', database="app")


def test_dismissed_advice_stays_so(start):
    pooler = start()
    run(pooler, BY_USER)
    (found,), _ = advice(pooler)
    with console(pooler) as admin:
        admin.execute(f"ADVICE DISMISS '{found['id']}'")
        with pytest.raises(psycopg.Error) as missing:
            admin.execute("ADVICE DISMISS 'nothing'")
        assert missing.value.sqlstate == "42704"
    (again,), _ = advice(pooler)
    assert again["status"] == "dismissed"


def test_advice_outlives_the_process(weir, advised, folder):
    place = folder / "advice-history"
    place.mkdir()
    place.chmod(0o777)
    own = {"user": "adviser", "password": "adviser pw", "enabled": True, "interval": "1h", "deadline": "20s"}
    options = {"databases": {"app": {"host": "127.0.0.1", "port": advised.port}}, "advice": own,
               "history": {"path": str(place / "history")}}
    first = weir(**options)
    run(first, BY_USER + [("SELECT * FROM o WHERE note = %s", [(f"no note {i}",) for i in range(12)])])
    found = {keys(row): row for row in advice(first)[0]}
    assert found.keys() == {"o (uid)", "o (note)"}
    with console(first) as admin:
        admin.execute(f"ADVICE DISMISS '{found['o (note)']['id']}'")
    first.stop()
    second = weir(**options)
    with console(second) as admin:
        wait_for(lambda: len(admin.execute("SHOW INDEX_ADVICE").fetchall()) == 2, "the advice of the process before")
        again = {keys(row): row for row in admin.execute("SHOW INDEX_ADVICE").fetchall()}
        same = ("id", "statement", "saves_ms_per_hour", "cost_before", "reason", "first_seen", "best_fingerprint")
        assert {name: again["o (uid)"][name] for name in same} == {name: found["o (uid)"][name] for name in same}
        assert (again["o (uid)"]["status"], again["o (note)"]["status"]) == ("new", "dismissed")
        assert admin.execute(f"SHOW INDEX_ADVICE '{found['o (uid)']['id']}'").fetchone()["samples"] >= 5
    run(second, BY_USER)
    assert {row["status"] for row in advice(second)[0] if keys(row) == "o (uid)"} == {"confirmed"}


def test_off_it_asks_nothing_and_keeps_nothing(start, advised):
    pooler = start(enabled=False)
    run(pooler, BY_USER)
    with console(pooler) as admin:
        with pytest.raises(psycopg.Error) as off:
            admin.execute("ADVISE NOW")
        assert off.value.sqlstate == "55000"
        assert admin.execute("SHOW ADVISOR").fetchall() == []
        assert admin.execute("SHOW INDEX_ADVICE").fetchall() == []
    assert advised.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir advice'") == [["0"]]


def test_what_the_role_may_not_read_is_left_out_and_said(start, advised):
    advised.sql("CREATE ROLE blind LOGIN PASSWORD 'blind pw'; GRANT pg_monitor TO blind; REVOKE ALL ON o FROM PUBLIC; GRANT ALL ON o TO alice",
                database="app")
    try:
        pooler = start(user="blind", password="blind pw")
        run(pooler, BY_USER)
        rows, state = advice(pooler)
        assert rows == []
        assert "permission denied on public.o" in state["notes"]
    finally:
        advised.sql("GRANT ALL ON o TO PUBLIC; DROP ROLE blind", database="app")


def test_a_function_that_lies_about_itself_writes_nothing(start, advised):
    # PL/pgSQL itself forbids an immutable function to write, but not to call one that does.
    advised.sql("CREATE TABLE written (at timestamptz); GRANT ALL ON written TO PUBLIC; "
                "CREATE FUNCTION scribble() RETURNS void LANGUAGE sql VOLATILE AS $$ INSERT INTO written VALUES (now()) $$; "
                "CREATE FUNCTION liar(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
                "$$ BEGIN PERFORM scribble(); RETURN i; END $$", database="app")
    pooler = start()
    run(pooler, [("SELECT * FROM o WHERE uid = liar(17)", [()] * 12)])
    before = advised.sql("SELECT count(*) FROM written", database="app")
    assert int(before[0][0]) > 0
    advice(pooler)
    assert advised.sql("SELECT count(*) FROM written", database="app") == before
    advised.sql("DROP FUNCTION liar, scribble; DROP TABLE written", database="app")


def test_foreign_keys_without_an_index(start, advised):
    """EXPLAIN of the DELETE shows nothing of them, so no measuring finds them."""
    advised.sql("""
        CREATE TABLE "Parent" (id int PRIMARY KEY, a int, b int, UNIQUE (a, b)); INSERT INTO "Parent" SELECT i, i, i FROM generate_series(1, 200) i;
        CREATE TABLE quiet (id int PRIMARY KEY);  -- nothing is deleted here
        CREATE TABLE child (id int, "Pid" int REFERENCES "Parent", x int, y int, q int REFERENCES quiet,
                            CONSTRAINT both_keys FOREIGN KEY (x, y) REFERENCES "Parent" (a, b));
        CREATE TABLE served (pid int REFERENCES "Parent", x int, y int, FOREIGN KEY (x, y) REFERENCES "Parent" (a, b));
        CREATE INDEX ON served (pid) WHERE pid IS NOT NULL; CREATE INDEX ON served (y, x);
        CREATE TABLE partly (pid int REFERENCES "Parent", z int);
        CREATE INDEX ON partly (z, pid); CREATE INDEX ON partly (pid) WHERE z > 5;
        CREATE TABLE tiny (pid int REFERENCES "Parent");
        INSERT INTO child SELECT i, i % 190 + 11, i % 190 + 11, i % 190 + 11 FROM generate_series(1, 60000) i;
        INSERT INTO served SELECT "Pid", x, y FROM child; INSERT INTO partly SELECT "Pid", x FROM child; INSERT INTO tiny VALUES (20);
        ANALYZE child, served, partly, tiny, "Parent"; DELETE FROM "Parent" WHERE id <= 10""", database="app")
    try:
        pooler = start()
        run(pooler, [("SELECT 1", [()] * 12)])
        wait_for(lambda: {keys(row): row for row in advice(pooler)[0]}.keys() == {"child (Pid)", "child (x, y)", "partly (pid)"},
                 "advice on three foreign keys")
        rows = {keys(row): row for row in advice(pooler)[0]}
        one = rows["child (Pid)"]
        assert (one["model"], one["confidence"], one["queries"], one["cost_before"]) == ("rule", "medium", 0, None)
        assert one["reason"] == ('foreign key child_Pid_fkey: each row deleted from public."Parent" looks for its rows here, 10 so far')
        assert one["saves_ms_per_hour"] > 0 and one["write_ms_per_hour"] > 0
        assert rows["child (x, y)"]["reason"].startswith("foreign key both_keys: ")
        advised.sql(one["statement"].rstrip(";"), database="app")
        size = int(advised.sql("SELECT pg_relation_size('\"child_Pid_idx\"')", database="app")[0][0])
        assert 0.5 < one["estimated_bytes"] / size < 2
        assert next(row for row in advice(pooler)[0] if row["id"] == one["id"])["status"] == "created"
    finally:
        advised.sql('DROP TABLE child, served, partly, tiny, quiet, "Parent"', database="app")


def test_a_foreign_key_that_a_statement_wants_too_is_advised_once(start, advised):
    advised.sql("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 2000); "
                "CREATE TABLE c (pid int REFERENCES p, note text); INSERT INTO c SELECT i % 1900 + 100, 'x' FROM generate_series(1, 60000) i; "
                "GRANT ALL ON c TO PUBLIC; ANALYZE p, c; DELETE FROM p WHERE id < 100", database="app")
    try:
        pooler = start()
        run(pooler, [("SELECT * FROM c WHERE pid = %s", [(i,) for i in range(100, 112)])])
        (only,), _ = advice(pooler)
        assert (keys(only), only["model"]) == ("c (pid)", "hypopg")
    finally:
        advised.sql("DROP TABLE c, p", database="app")


def test_redundant_and_unused_indexes(start):
    pooler = start()
    run(pooler, BY_USER)
    advice(pooler)
    with console(pooler) as admin:
        redundant = {row["index"]: row["reason"] for row in admin.execute("SHOW REDUNDANT_INDEXES").fetchall()}
        assert set(redundant) >= {"twice_a", "twice_a_again"} and "twice_a_b" not in redundant
        unused = {row["index"]: row["statement"] for row in admin.execute("SHOW UNUSED_INDEXES").fetchall()}
        assert unused["twice_a_b"] == 'DROP INDEX CONCURRENTLY "public"."twice_a_b";'
        assert not any(name.endswith("_pkey") for name in unused)


def test_without_hypopg_conditions_are_reckoned_from_statistics_and_that_is_said(weir, postgres):
    postgres.sql("DROP TABLE IF EXISTS bare; CREATE TABLE bare AS SELECT i AS a, i % 2 AS b, i AS c FROM generate_series(1, 50000) i; "
                 "GRANT ALL ON bare TO PUBLIC; ANALYZE bare", database="app")
    pooler = weir(databases={"app": {"host": "127.0.0.1", "port": postgres.port}},
                  advice={"user": "postgres", "enabled": True, "interval": "1h"})
    run(pooler, [("SELECT * FROM bare WHERE a = %s", [(i,) for i in range(12)]),
                 ("SELECT * FROM bare WHERE b = %s", [(i % 2,) for i in range(12)]),
                 ("SELECT * FROM bare ORDER BY c LIMIT 1", [()] * 12),
                 ("SELECT count(*) FROM bare WHERE abs(c) = %s", [(i,) for i in range(12)])])
    rows, state = advice(pooler)
    assert [(keys(row), row["model"], row["confidence"]) for row in rows] == [("bare (a)", "statistics", "low")]
    assert state["hypopg"] == "not installed" and "nothing is measured" in state["notes"]
    with console(pooler) as admin:
        (detail,) = admin.execute(f"SHOW INDEX_ADVICE {rows[0]['id']}").fetchall()
    assert detail["plan_before"] == "Seq Scan" and detail["cost_after"] < detail["cost_before"] / 10


def test_without_hypopg_no_case_that_needs_no_index_gets_one(start, advised, capsys):
    advised.sql("DROP EXTENSION hypopg", database="app")
    helped, wrong = 0, []
    try:
        clean = [case for case in CASES if case[2] == [set()]]
        others = [case for case in CASES if case[2] != [set()]][::4]
        for name, queries, wanted in clean + others:
            pooler = start()
            run(pooler, queries)
            found = {keys(row) for row in advice(pooler)[0]}
            helped += bool(found)
            if found and wanted == [set()]:
                wrong.append(f"{name}: {sorted(found)}")
            pooler.stop()
    finally:
        advised.sql("CREATE EXTENSION hypopg", database="app")
    with capsys.disabled():
        print(f"\nwithout HypoPG: advice in {helped} of {len(others)} cases; wrong:", *wrong, sep="\n  ")
    assert not wrong and helped >= len(others) / 2


def test_without_trigrams_what_they_would_help_is_said(start, advised):
    advised.sql("DROP EXTENSION pg_trgm", database="app")
    try:
        pooler = start()
        run(pooler, [("SELECT * FROM doc WHERE body ILIKE %s", [(f"%{i * 7919:06d}%",) for i in range(12)])])
        rows, state = advice(pooler)
        assert rows == [] and "CREATE EXTENSION pg_trgm" in state["notes"]
    finally:
        advised.sql("CREATE EXTENSION pg_trgm", database="app")


def test_plans_are_asked_of_a_replica_while_there_is_one(weir, advised, folder):
    replica = advised.replica(folder / "advised-replica")
    replica.stop()
    replica.settings["log_statement"] = "all"
    replica.start()
    pooler = weir(databases={"app": {"host": "127.0.0.1", "port": advised.port, "advice_host": "127.0.0.1",
                                     "advice_port": replica.port}},
                  advice={"user": "adviser", "password": "adviser pw", "enabled": True, "interval": "1h", "deadline": "20s"})
    try:
        run(pooler, BY_USER)
        assert [keys(row) for row in advice(pooler)[0]] == ["o (uid)"]
        said = replica.logfile.read_text()
        assert "EXPLAIN (FORMAT JSON) SELECT" in said and "hypopg_create_index" in said
        assert "pg_stat_get_numscans" in said and "t.relkind IN ('r', 'm', 'p')" not in said  # what is unused, the primary tells
    finally:
        replica.stop("immediate")
    rows, state = advice(pooler)
    assert [keys(row) for row in rows] == ["o (uid)"] and state["failures"] == 0


def test_a_schema_of_thousands_of_tables_is_looked_at_in_time(weir, advised, capsys):
    """A look asks for the tables that statements name, and for the indexes of all."""
    advised.sql("CREATE DATABASE many")
    try:
        advised.sql("CREATE EXTENSION hypopg", database="many")
        for thousand in range(5):  # a transaction holds so many locks
            advised.sql(f"DO $$ BEGIN FOR i IN {thousand * 1000}..{thousand * 1000 + 999} LOOP "
                        "EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, k int)', i); END LOOP; END $$", database="many")
        advised.sql("INSERT INTO t7 SELECT i, i % 3000 FROM generate_series(1, 30000) i; GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC; "
                    "ANALYZE t7", database="many")
        own = {"user": "adviser", "password": "adviser pw", "enabled": True, "interval": "1h", "deadline": "5s"}
        pooler = weir(databases={"app": {"host": "127.0.0.1", "port": advised.port, "dbname": "many"}}, advice=own)
        run(pooler, [("SELECT * FROM t7 WHERE k = %s", [(i,) for i in range(40)])] +
            [(f"SELECT * FROM t{i} WHERE k = %s", [(1,)] * 5) for i in range(100, 160)])
        (found,), state = advice(pooler)
        assert keys(found) == "t7 (k)" and state["state"] == "ok"
        with capsys.disabled():
            print(f"\n5,000 tables: {state['took_ms']:.0f} ms, {state['questions']} questions")
    finally:
        advised.sql("DROP DATABASE many WITH (FORCE)")


def test_a_server_that_cannot_be_asked_is_left_alone(start):
    pooler = start(user="nobody", password="wrong")
    run(pooler, BY_USER)
    with console(pooler) as admin:
        for expected in ("failed", "failed", "resting", "resting"):
            admin.execute("ADVISE NOW")
            (state,) = admin.execute("SHOW ADVISOR").fetchall()
            assert state["state"] == expected, state
        assert state["looks"] == 3
    with client(pooler) as c:
        assert c.execute("SELECT 1").fetchone() == (1,)


def test_secrets_are_not_sampled(start, advised):
    """A statement whose values operators may not see is not measured, so nothing is advised for it."""
    advised.sql("CREATE TABLE accounts AS SELECT i AS id, 'x' || i AS password, 'y' || i AS code FROM generate_series(1, 30000) i;"
                "GRANT ALL ON accounts TO PUBLIC; ANALYZE accounts", database="app")
    pooler = start()
    run(pooler, [("SELECT * FROM accounts WHERE password = %s", [(f"x{i}",) for i in range(12)])])
    rows, _ = advice(pooler)
    assert rows == []
    advised.sql("DROP TABLE accounts", database="app")
