"""Tables and statements for which a DBA would know the right indexes, and how to ask Weir for them.

test_advice.py holds Weir's advice against them; bench/advice.py creates what is advised and measures it.
"""

import psycopg
from psycopg.rows import dict_row

from servers import USERS

ROWS = 60_000  # of the largest table; bench/advice.py takes more


def create_tables(server, rows=ROWS):
    server.sql("CREATE EXTENSION hypopg; CREATE EXTENSION pg_trgm; CREATE ROLE adviser LOGIN PASSWORD 'adviser pw'; "
               "GRANT pg_monitor, pg_read_all_data TO adviser", database="app")
    server.sql(SCHEMA.replace("ROWS", str(rows)), database="app")
    # 300 samples 90,000 rows, all there are of most tables: the statistics, and with them the advice, are the same in every run.
    server.sql("ALTER DATABASE app SET default_statistics_target = 300", database="app")
    server.sql("VACUUM ANALYZE", database="app")
    server.sql("CREATE TABLE raw AS SELECT i % 3000 AS k, 'x' AS t FROM generate_series(1, 30000) i; GRANT ALL ON raw TO PUBLIC",
               database="app")


SCHEMA = """
CREATE TABLE o (id int PRIMARY KEY, tenant int NOT NULL, uid int NOT NULL, status text NOT NULL, flag boolean NOT NULL,
                created timestamptz NOT NULL, total int NOT NULL, processed_at timestamptz, prio int NOT NULL, note text,
                email text, d jsonb);
INSERT INTO o SELECT i, i::bigint * 7919 % 100, i::bigint * 104729 % 20000,
  CASE WHEN i % 1000 = 0 THEN 'pending' WHEN i % 50 = 1 THEN 'failed' ELSE 'done' END, i % 2 = 0,
  timestamptz '2026-01-01' + i * interval '1 minute', i::bigint * 6151 % 100000,
  CASE WHEN i % 1000 = 5 THEN NULL ELSE timestamptz '2026-01-02' END, i % 10, 'note ' || i * 7 % 30000,
  'User' || i || '@example.com', jsonb_build_object('k', i, 'type', CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END)
  FROM generate_series(1, ROWS) i;
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
CREATE TABLE counted (id int PRIMARY KEY, grp int, hits int, filler text);
INSERT INTO counted SELECT i, i % 30, 0, repeat('x', 80) FROM generate_series(1, 30000) i;
CREATE SCHEMA "Odd";
CREATE TABLE "Odd"."Mixed Case" ("Tenant Id" int, "select" int, x text);
INSERT INTO "Odd"."Mixed Case" SELECT i % 3000, i, 'x' FROM generate_series(1, 30000) i;
CREATE TABLE doc (id int PRIMARY KEY, body text, tags text[], d jsonb);
INSERT INTO doc SELECT i, md5(i::text) || ' ' || md5('x' || i), ARRAY['all', 't' || i % 3000],
  jsonb_build_object('k', i % 3000, 'type', CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END) FROM generate_series(1, 30000) i;
CREATE TABLE wide (k text, n int); INSERT INTO wide SELECT repeat(md5(i::text), 6), i FROM generate_series(1, 20000) i;
-- A page holds few rows, so that there are many pages.
CREATE TABLE events (id bigserial, at timestamptz, what text) WITH (fillfactor = 10);
INSERT INTO events (at, what) SELECT timestamptz '2026-01-01' + i * interval '1 minute', repeat('x', 40) FROM generate_series(1, 80000) i;
-- What is sought lies at the end of the order in which it is sought.
CREATE TABLE late (id int PRIMARY KEY, state text);
INSERT INTO late SELECT i, CASE WHEN i > 299000 THEN 'pending' ELSE 'done' END FROM generate_series(1, 300000) i;
CREATE TABLE parted (id int, k int, at timestamptz) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (20001);
CREATE TABLE "Odd"."parted 2" PARTITION OF parted FOR VALUES FROM (20001) TO (100000);
INSERT INTO parted SELECT i, i * 7 % 5000, timestamptz '2026-01-01' + i * interval '1 minute' FROM generate_series(1, 40000) i;
CREATE VIEW seen AS SELECT id, tenant AS whose, uid AS whom, created AS at FROM o;
CREATE VIEW seen_again AS SELECT * FROM seen;
ALTER TABLE u ADD COLUMN uid int; UPDATE u SET uid = id;
CREATE TABLE ou AS SELECT id AS oid, uid, total FROM o;
CREATE TABLE guarded AS SELECT i % 3000 AS k, i AS n FROM generate_series(1, 30000) i;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY half ON guarded USING (n % 2 = 0);
CREATE TABLE found AS SELECT * FROM doc; CREATE INDEX ON found USING gin (tags);
CREATE TABLE twice (a int, b int);
INSERT INTO twice SELECT i, i FROM generate_series(1, 60000) i;
CREATE INDEX twice_a ON twice (a); CREATE INDEX twice_a_again ON twice (a); CREATE INDEX twice_a_b ON twice (a, b);
GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC; GRANT USAGE ON SCHEMA "Odd" TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA "Odd" TO PUBLIC; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC
"""


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
    text = row["statement"].splitlines()[0].split(" ON ", 1)[1].rstrip(";").replace('"', "").removeprefix("ONLY ")
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
    ("names with everything", [('SELECT * FROM "Odd"."Mixed Case" WHERE "Tenant Id" = %s', [(i * 17,) for i in range(60)])],
     [{"Odd.Mixed Case (Tenant Id)"}]),
    ("a CTE", [("WITH w AS (SELECT * FROM o WHERE uid = %s) SELECT count(*) FROM w", [(i * 17,) for i in range(12)])], [{"o (uid)"}]),
    ("exists", [("SELECT count(*) FROM u WHERE name = %s AND EXISTS (SELECT FROM o WHERE o.uid = u.id)",
                 [(f"u{i * 13 + 1}",) for i in range(12)])], [{"u (name)", "o (uid)"}, {"u (name, id)", "o (uid)"}]),
    ("a text within texts", [("SELECT * FROM doc WHERE body ILIKE %s", [(f"%{i * 7919:06d}%",) for i in range(12)])],
     [{"doc USING gin (body gin_trgm_ops)"}]),
    ("a pattern", [("SELECT * FROM doc WHERE body ~ %s", [(f"{i * 7919:06d}",) for i in range(12)])],
     [{"doc USING gin (body gin_trgm_ops)"}]),
    ("what a JSON value contains", [("SELECT * FROM doc WHERE d @> %s::jsonb", [('{"k": %d}' % i,) for i in range(12)])],
     [{"doc USING gin (d jsonb_path_ops)"}]),
    ("the keys of a JSON value too", [("SELECT * FROM doc WHERE d @> %s::jsonb", [('{"k": %d}' % i,) for i in range(12)]),
                                      ("SELECT * FROM doc WHERE d ? %s", [(f"no{i}",) for i in range(12)])],
     [{"doc USING gin (d)"}]),
    ("what an array contains", [("SELECT * FROM doc WHERE tags @> %s", [([f"t{i}"],) for i in range(12)])], [{"doc USING gin (tags)"}]),
    ("words of a text", [("SELECT * FROM doc WHERE to_tsvector('simple', body) @@ plainto_tsquery('simple', %s)",
                          [(f"word{i}",) for i in range(6)])], [{"doc USING gin ((to_tsvector('simple', body)))"}]),
    ("a wide key", [("SELECT * FROM wide WHERE k = %s", [(f"no key {i}",) for i in range(60)])], [{"wide USING hash (k)"}]),
    ("a log that lies in its order",
     [("INSERT INTO events (at, what) SELECT timestamptz '2027-01-01' + i * interval '1 s', 'x' FROM generate_series(1, 2000) i", [()] * 20),
      ("SELECT count(*) FROM events WHERE at BETWEEN %s AND %s", [(f"2026-01-{i + 2:02d}", f"2026-01-{i + 3:02d}") for i in range(12)])],
     [{"events USING brin (at)"}]),
    ("the first of the last", [("SELECT * FROM late WHERE state = 'pending' ORDER BY id LIMIT 1", [()] * 12)],
     [{"late (state, id)"}, {"late (id) WHERE state = 'pending'"}]),
    ("a view", [("SELECT * FROM seen WHERE whose = %s ORDER BY at DESC LIMIT 20", CALLS)], [{"o (tenant, created)"}]),
    ("a view of a view, joined", [("SELECT count(*) FROM u JOIN seen_again s ON s.whom = u.id WHERE u.name = %s",
                                   [(f"u{i * 13 + 1}",) for i in range(12)])], [{"u (name)", "o (uid)"}, {"u (name, id)", "o (uid)"}]),
    ("a table out of a query", [("SELECT * FROM (SELECT uid AS whom, total FROM o) s WHERE whom = %s", [(i * 17,) for i in range(12)])],
     [{"o (uid)"}]),
    ("a table with partitions", [("SELECT * FROM parted WHERE k = %s", [(i * 17,) for i in range(40)])], [{"parted (k)"}]),
    ("one of the partitions", [("SELECT * FROM parted WHERE k = %s AND id > 30000 ORDER BY at LIMIT 3", [(i * 17,) for i in range(40)])],
     [{"parted (k)"}, {"parted (k, at)"}, {"parted (k, id)"}, {"parted (k, at, id)"}]),
    ("several values and an order", [("SELECT * FROM o WHERE tenant IN (%s, %s) ORDER BY created DESC LIMIT 10", [(i, i + 50) for i in range(12)])],
     [{"o (created)"}, {"o (tenant, created)"}, {"o (created, tenant)"}]),
    ("the newest of each", [("SELECT DISTINCT ON (uid) uid, created FROM o WHERE uid BETWEEN %s AND %s ORDER BY uid, created DESC",
                             [(i * 50, i * 50 + 20) for i in range(12)])],
     [{"o (uid, created DESC)"}, {"o (uid, created)"}, {"o (uid)"}]),
    ("an order with NULL at its end", [("SELECT id FROM o WHERE tenant = %s ORDER BY processed_at DESC NULLS LAST LIMIT 5", CALLS)],
     [{"o (tenant, processed_at DESC NULLS LAST)"}, {"o (tenant, processed_at NULLS FIRST)"}]),
    ("a table that was never analyzed", [("SELECT * FROM raw WHERE k = %s", [(i,) for i in range(40)])], [{"raw (k)"}]),
    ("a CTE that is materialized", [("WITH w AS MATERIALIZED (SELECT * FROM o WHERE uid = %s) SELECT count(*) FROM w WHERE total > 7",
                                     [(i * 17,) for i in range(12)])], [{"o (uid)"}]),
    ("rows that policies hide", [("SELECT * FROM guarded WHERE k = %s", [(i,) for i in range(60)])], [{"guarded (k)"}]),
    ("a UNION", [("SELECT id FROM o WHERE uid = %s UNION ALL SELECT id FROM o WHERE note = %s", [(i * 11, f"note {i * 7}") for i in range(12)])],
     [{"o (uid)", "o (note)"}]),
    ("a count for each row", [("SELECT id, (SELECT count(*) FROM o WHERE o.uid = u.id) FROM u WHERE name = %s", [(f"u{i * 13 + 1}",) for i in range(12)])],
     [{"u (name)", "o (uid)"}, {"u (name, id)", "o (uid)"}]),
    ("what is missing", [("SELECT count(*) FROM u LEFT JOIN o ON o.uid = u.id WHERE u.name = %s AND o.id IS NULL", [(f"u{i * 13 + 1}",) for i in range(12)])],
     [{"u (name)", "o (uid)"}, {"u (name, id)", "o (uid)"}]),
    ("JOIN USING", [("SELECT count(*) FROM u JOIN ou USING (uid) WHERE u.name = %s", [(f"u{i * 13 + 1}",) for i in range(12)])],
     [{"u (name)", "ou (uid)"}, {"u (name, uid)", "ou (uid)"}]),
    # None of these.
    ("a sum over many rows", [("SELECT sum(total) FROM o WHERE tenant = %s", CALLS)], [{"o (tenant) INCLUDE (total)"}]),
    ("a sum over columns that change", [("SELECT sum(hits) FROM counted WHERE grp = %s", [(i % 30,) for i in range(120)]),
                                        ("UPDATE counted SET hits = hits + 1", [()] * 3)],
     [{"counted (grp)"}]),
    ("two halves", [("SELECT sum(total) FROM o WHERE flag AND status = 'done'", [()] * 12)], [set()]),
    ("a GIN index that is there", [("SELECT * FROM found WHERE tags @> %s", [([f"t{i}"],) for i in range(40)])], [set()]),
    ("a temporary table", [("CREATE TEMP TABLE mine AS SELECT i AS k FROM generate_series(1, 30000) i", [()]),
                           ("SELECT * FROM mine WHERE k = %s", [(i,) for i in range(40)])], [set()]),
    ("an expression of few values", [("SELECT count(total) FROM o WHERE length(note) = %s", [(i % 2 + 9,) for i in range(12)])], [set()]),
    ("the catalogue", [("SELECT count(*) FROM pg_class WHERE relpages > %s", [(i,) for i in range(40)])], [set()]),
    ("an update of all rows", [("UPDATE counter SET n = n + 1", [()] * 3)], [set()]),
    ("either of a few and of many", [("SELECT count(total) FROM o WHERE uid = %s OR total > 10", [(i * 11,) for i in range(12)])], [set()]),
    ("half of the values", [("SELECT count(total) FROM o WHERE tenant = ANY(%s)", [(list(range(i, i + 50)),) for i in range(12)])], [set()]),
    ("a text without a trigram", [("SELECT count(*) FROM doc WHERE body ILIKE %s", [(f"%{i}%",) for i in range(12)])], [set()]),
    ("what half of the JSON values contain",
     [("SELECT count(*) FROM doc WHERE d @> %s::jsonb", [('{"type": "%s"}' % "ab"[i % 2],) for i in range(12)])], [set()]),
    ("what all arrays contain", [("SELECT count(*) FROM doc WHERE tags @> %s", [(["all"],)] * 12)], [set()]),
    ("texts that are written much",
     [("INSERT INTO doc SELECT -i, md5(i::text), '{}', '{}' FROM generate_series(1, 2000) i", [()]),
      ("UPDATE doc SET body = body || '' WHERE id < 0", [()] * 30), ("DELETE FROM doc WHERE id < 0", [()]),
      ("SELECT count(*) FROM doc WHERE body ILIKE %s", [(f"%{i * 7919:06d}%",) for i in range(5)])], [set()]),
    ("the first of many", [("SELECT * FROM late WHERE state = 'done' ORDER BY id LIMIT 1", [()] * 12)], [set()]),
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


def statements(row):
    """Those of a table with partitions are several, and none may be in a transaction."""
    return [line.rstrip(";") for line in row["statement"].splitlines()]


def allowed(found, wanted):
    return any(found == one for one in wanted)
