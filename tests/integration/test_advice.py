"""Index advice: traffic goes through Weir, ADVISE NOW looks, and what it says is held against what a DBA would say.

HypoPG measures; a PostgreSQL without it is told of, and no more.
"""

import pathlib

import psycopg
import pytest
from psycopg.rows import dict_row

from servers import USERS, Postgres, wait_for

HYPOPG = pathlib.Path("/usr/share/postgresql/15/extension/hypopg.control")
pytestmark = pytest.mark.skipif(not HYPOPG.exists(), reason="postgresql-15-hypopg is not installed (make setup)")

ROWS = 60_000


@pytest.fixture(scope="module")
def advised(folder, certificates):
    """A PostgreSQL with HypoPG and the tables of the cases."""
    server = Postgres(folder / "advised", certificates).create()
    server.sql("CREATE EXTENSION hypopg; CREATE ROLE adviser LOGIN PASSWORD 'adviser pw'; GRANT pg_monitor, pg_read_all_data TO adviser",
               database="app")
    server.sql(SCHEMA, database="app")
    # 300 samples 90,000 rows, all there are: the statistics, and with them the advice, are the same in every run.
    server.sql("ALTER DATABASE app SET default_statistics_target = 300", database="app")
    server.sql("VACUUM ANALYZE", database="app")
    yield server
    server.stop("immediate")


SCHEMA = f"""
CREATE TABLE o (id int PRIMARY KEY, tenant int NOT NULL, uid int NOT NULL, status text NOT NULL, flag boolean NOT NULL,
                created timestamptz NOT NULL, total int NOT NULL, processed_at timestamptz, prio int NOT NULL, note text,
                email text, d jsonb);
INSERT INTO o SELECT i, i * 7919 % 100, i::bigint * 104729 % 20000,
  CASE WHEN i % 1000 = 0 THEN 'pending' WHEN i % 50 = 1 THEN 'failed' ELSE 'done' END, i % 2 = 0,
  timestamptz '2026-01-01' + i * interval '1 minute', i::bigint * 6151 % 100000,
  CASE WHEN i % 1000 = 5 THEN NULL ELSE timestamptz '2026-01-02' END, i % 10, 'note ' || i * 7 % 30000,
  'User' || i || '@example.com', jsonb_build_object('k', i, 'type', CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END)
  FROM generate_series(1, {ROWS}) i;
CREATE TABLE u (id int PRIMARY KEY, region int NOT NULL, name text);
INSERT INTO u SELECT i, i % 200, 'u' || i FROM generate_series(1, 20000) i;
CREATE TABLE small (id int, kind int);
INSERT INTO small SELECT i, i % 20 FROM generate_series(1, 200) i;
CREATE TABLE covered (a int, b int, c int);
INSERT INTO covered SELECT i % 500, i, i FROM generate_series(1, 30000) i;
CREATE INDEX covered_a_b ON covered (a, b);
CREATE TABLE log (id bigserial, kind int, text text);
INSERT INTO log (kind, text) SELECT i % 300, 'x' FROM generate_series(1, 30000) i;
CREATE TABLE counter (id int PRIMARY KEY, hits int, n int);
INSERT INTO counter SELECT i, i, i FROM generate_series(1, 20000) i;
CREATE SCHEMA "Odd";
CREATE TABLE "Odd"."Mixed Case" ("Tenant Id" int, "select" int, x text);
INSERT INTO "Odd"."Mixed Case" SELECT i % 3000, i, 'x' FROM generate_series(1, 30000) i;
CREATE TABLE twice (a int, b int);
INSERT INTO twice SELECT i, i FROM generate_series(1, 60000) i;
CREATE INDEX twice_a ON twice (a); CREATE INDEX twice_a_again ON twice (a); CREATE INDEX twice_a_b ON twice (a, b);
GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC; GRANT USAGE ON SCHEMA "Odd" TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA "Odd" TO PUBLIC; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC
"""


@pytest.fixture
def start(weir, advised):
    def begin(enabled=True, **settings):
        own = {"user": "adviser", "password": "adviser pw", "enabled": enabled, "interval": "1h", "deadline": "20s"} | settings
        pooler = weir(databases={"app": {"host": "127.0.0.1", "port": advised.port}}, advice=own)
        return pooler

    return begin


def client(pooler, **options):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="alice", password=USERS["alice"][0], dbname="app",
                           autocommit=True, **({"prepare_threshold": 1} | options))


def console(pooler):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="bob", password=USERS["bob"][0], dbname="weir",
                           autocommit=True, row_factory=dict_row)


def run(pooler, queries):
    """queries: (SQL, list of parameters of each call)."""
    with client(pooler) as c:
        for sql, calls in queries:
            for parameters in calls:
                c.execute(sql, parameters)


def advice(pooler):
    with console(pooler) as admin:
        admin.execute("ADVISE NOW")
        (state,) = admin.execute("SHOW ADVISOR").fetchall()
        assert state["state"] == "ok", state
        return admin.execute("SHOW INDEX_ADVICE").fetchall(), state


def keys(row):
    """'o (tenant, created) WHERE ...' of a CREATE INDEX."""
    text = row["statement"].split(" ON ", 1)[1].rstrip(";").replace('"', "")
    return text.replace(" USING btree", "").replace("public.", "")


CALLS = [(i * 37 % 100,) for i in range(12)]
TENANTS_AND_USERS = [(i * 7919 % 100, i * 104729 % 20000) for i in range(1, 13)]

# name, queries, the advice that is right: each set of indexes that would do; the empty one says that there must be none.
CASES = [
    ("two equalities", [("SELECT * FROM o WHERE tenant = %s AND uid = %s", TENANTS_AND_USERS)],
     [{"o (uid, tenant)"}, {"o (tenant, uid)"}, {"o (uid)"}]),
    ("equality and order", [("SELECT * FROM o WHERE tenant = %s ORDER BY created DESC LIMIT 20", CALLS)], [{"o (tenant, created)"}]),
    ("equality and range", [("SELECT * FROM o WHERE tenant = %s AND created BETWEEN '2026-02-01' AND '2026-02-02'", CALLS)],
     [{"o (tenant, created)"}]),
    ("equalities, range, order, limit",
     [("SELECT * FROM o WHERE tenant = %s AND status = 'failed' AND created > '2026-01-05' ORDER BY created LIMIT 10", CALLS)],
     [{"o (tenant, status, created)"}, {"o (status, tenant, created)"}, {"o (tenant, created) WHERE status = 'failed'"}]),
    ("mixed directions", [("SELECT id FROM o ORDER BY total DESC, created ASC LIMIT 10", [()] * 12)],
     [{"o (total DESC, created)"}, {"o (total, created DESC)"}]),
    ("a rare value", [("SELECT * FROM o WHERE status = 'pending' ORDER BY created LIMIT 10", [()] * 12)],
     [{"o (created) WHERE status = 'pending'"}]),
    ("a queue", [("SELECT * FROM o WHERE processed_at IS NULL ORDER BY prio, id LIMIT 5 FOR UPDATE SKIP LOCKED", [()] * 12)],
     [{"o (prio, id) WHERE processed_at IS NULL"}]),
    ("either of two", [("SELECT * FROM o WHERE uid = %s OR note = %s", [(i * 11, f"note {i * 7}") for i in range(12)])],
     [{"o (uid)", "o (note)"}]),
    ("a join", [("SELECT count(*) FROM u JOIN o ON o.uid = u.id WHERE u.name = %s", [(f"u{i * 13 + 1}",) for i in range(12)])],
     [{"u (name)", "o (uid)"}, {"u (name, id)", "o (uid)"}]),
    ("an expression", [("SELECT * FROM o WHERE lower(email) = %s", [(f"user{i * 997 + 1}@example.com",) for i in range(12)])],
     [{"o ((lower(email)))"}]),
    ("a prefix", [("SELECT * FROM o WHERE email LIKE 'User4999%%'", [()] * 12)], [{"o (email text_pattern_ops)"}]),
    ("a JSON key", [("SELECT * FROM o WHERE d->>'k' = %s", [(str(i * 31 + 1),) for i in range(12)])], [{"o (((d ->> 'k')))"}]),
    ("one for two", [("SELECT * FROM o WHERE uid = %s", [(i * 17,) for i in range(12)]),
                     ("SELECT * FROM o WHERE uid = %s ORDER BY created", [(i * 17 + 5,) for i in range(12)])],
     [{"o (uid, created)"}, {"o (uid)"}]),
    ("the last", [("SELECT max(created) FROM o WHERE uid = %s", [(i * 17,) for i in range(12)])], [{"o (uid, created)"}, {"o (uid)"}]),
    ("in a subquery", [("SELECT count(*) FROM o WHERE uid IN (SELECT id FROM u WHERE name = %s)", [(f"u{i * 13 + 1}",) for i in range(12)])],
     [{"u (name)", "o (uid)"}, {"u (name, id)", "o (uid)"}]),
    ("an update", [("UPDATE o SET prio = prio WHERE uid = %s AND total = -1", [(i * 17,) for i in range(12)])],
     [{"o (uid)"}, {"o (total)"}, {"o (uid, total)"}, {"o (total, uid)"}]),
    ("a delete", [("DELETE FROM o WHERE note = %s", [(f"no note {i}",) for i in range(12)])], [{"o (note)"}]),
    ("an alias, reversed", [("SELECT * FROM o x WHERE %s = x.uid", [(i * 17,) for i in range(12)])], [{"o (uid)"}]),
    ("names with everything", [('SELECT * FROM "Odd"."Mixed Case" WHERE "Tenant Id" = %s', [(i * 17,) for i in range(12)])],
     [{"Odd.Mixed Case (Tenant Id)"}]),
    ("a CTE", [("WITH w AS (SELECT * FROM o WHERE uid = %s) SELECT count(*) FROM w", [(i * 17,) for i in range(12)])], [{"o (uid)"}]),
    ("exists", [("SELECT count(*) FROM u WHERE name = %s AND EXISTS (SELECT FROM o WHERE o.uid = u.id)",
                 [(f"u{i * 13 + 1}",) for i in range(12)])], [{"u (name)", "o (uid)"}, {"u (name, id)", "o (uid)"}]),
    # None of these.
    ("half of the rows", [("SELECT sum(total) FROM o WHERE flag = %s", [(i % 2 == 0,) for i in range(12)])], [set()]),
    ("a small table", [("SELECT * FROM small WHERE kind = %s", [(i,) for i in range(20)])], [set()]),
    ("there is one that begins so", [("SELECT * FROM covered WHERE a = %s", CALLS)], [set()]),
    ("nearly all of the rows", [("SELECT count(total) FROM o WHERE status = 'done'", [()] * 12)], [set()]),
    ("a key of two values", [("SELECT count(total) FROM o WHERE d->>'type' = %s", [("ab"[i % 2],) for i in range(12)])], [set()]),
    ("all of it", [("SELECT sum(total) FROM o", [()] * 12)], [set()]),
    ("a primary key", [("SELECT * FROM o WHERE id = %s", CALLS)], [set()]),
    ("a syntax that is none", [("SELECT 1", [()] * 12)], [set()]),
    ("written much, read little",
     [("INSERT INTO log (kind, text) SELECT i %% 300, 'x' FROM generate_series(1, 4000) i", [()] * 25),
      ("SELECT count(*) FROM log WHERE kind = %s", CALLS[:5])], [set()]),
    ("a counter", [("UPDATE counter SET hits = hits + 1 WHERE id = %s", [(i % 20000,) for i in range(1500)]),
                   ("SELECT * FROM counter WHERE hits = %s", [(i * 40 + 100000,) for i in range(5)])], [set()]),
]


def allowed(found, wanted):
    return any(found == one for one in wanted)


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


def test_without_hypopg_nothing_is_measured_and_that_is_said(weir, postgres):
    postgres.sql("DROP TABLE IF EXISTS bare; CREATE TABLE bare AS SELECT i AS a FROM generate_series(1, 20000) i; GRANT ALL ON bare TO PUBLIC",
                 database="app")
    pooler = weir(databases={"app": {"host": "127.0.0.1", "port": postgres.port}},
                  advice={"user": "postgres", "enabled": True, "interval": "1h"})
    run(pooler, [("SELECT * FROM bare WHERE a = %s", [(i,) for i in range(12)])])
    rows, state = advice(pooler)
    assert rows == []
    assert state["hypopg"] == "not installed" and "no measured advice" in state["notes"]


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
