"""Parity: temporary objects cannot follow their client: it keeps its server, and only as long as they are there.

`pin` says that from there on no stranger may get the server; `free` that every stranger must get it again.
"""

from parity import cases, check, parametrize

TEMPORARY = cases(r"""
=== temp-table
    Q CREATE TEMP TABLE t (n int)
    pin
    Q INSERT INTO t VALUES (1), (2)
    X SELECT n FROM t ORDER BY n
    Q UPDATE t SET n = n + 10
    Q BEGIN; SELECT count(*) FROM t; COMMIT
    Q DROP TABLE t
    free
    Q SELECT to_regclass('t')
=== temp-table-extended
    X CREATE TEMPORARY TABLE t AS SELECT 7 AS n
    pin
    XN s: SELECT n FROM t
    B /s
    E
    S
    X DROP TABLE t
    free
    B /s
    E
    S
=== temp-table-words
    Q CREATE LOCAL TEMPORARY TABLE t (n int)
    pin
    Q SELECT * FROM t
    Q DROP TABLE pg_temp.t
    free
    Q SELECT 1
=== temp-table-qualified
    Q CREATE TABLE pg_temp.t (n int)
    pin
    Q SELECT * FROM t
    Q DROP TABLE t
    free
    Q SELECT 1
=== temp-table-by-search-path
    Q SET search_path = pg_temp, a
    Q CREATE TABLE t (n int)
    pin
    Q SELECT n FROM t
    Q SELECT name FROM who
    Q DROP TABLE t
    free
    Q SELECT name FROM who
=== select-into-temp
    Q SELECT n, t INTO TEMP tmp FROM base.numbers WHERE n < 3
    pin
    Q SELECT * FROM tmp ORDER BY n
    Q DROP TABLE tmp
    free
    Q SELECT 1
=== two-temp-tables
    Q CREATE TEMP TABLE t (n int); CREATE TEMP TABLE tmp (n int)
    pin
    Q DROP TABLE t
    Q SELECT * FROM tmp
    Q DROP TABLE tmp
    free
    Q SELECT 1
=== both-dropped-at-once
    Q CREATE TEMP TABLE t (n int)
    pin
    Q CREATE TEMP TABLE tmp (n int)
    Q DROP TABLE t, tmp
    free
    Q SELECT 1
=== on-commit-drop
    Q BEGIN
    Q CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 5 AS n
    Q SELECT n FROM t
    Q COMMIT
    Q SELECT to_regclass('t')
=== on-commit-drop-in-one-text
    Q BEGIN; CREATE TEMP TABLE t (n int) ON COMMIT DROP; INSERT INTO t VALUES (1); SELECT * FROM t; COMMIT
    Q SELECT to_regclass('t')
    Q CREATE TEMP TABLE t (n int) ON COMMIT DROP
    Q SELECT to_regclass('t')
=== on-commit-delete-rows
    Q CREATE TEMP TABLE t (n int) ON COMMIT DELETE ROWS
    pin
    Q BEGIN; INSERT INTO t VALUES (1); SELECT count(*) FROM t; COMMIT
    Q SELECT count(*) FROM t
    Q DROP TABLE t
    free
    Q SELECT 1
=== creation-rolled-back
    Q BEGIN
    Q CREATE TEMP TABLE t (n int)
    Q INSERT INTO t VALUES (1)
    Q ROLLBACK
    Q SELECT to_regclass('t')
=== creation-failed
    Q CREATE TEMP TABLE t AS SELECT 1/0
    Q CREATE TEMP TABLE t (n no_such_type)
    Q SELECT 1
=== creation-rolled-back-to-a-savepoint
    Q BEGIN
    Q SAVEPOINT s
    Q CREATE TEMP TABLE t (n int)
    Q ROLLBACK TO s
    Q COMMIT
    Q SELECT to_regclass('t')
=== creation-in-a-failed-transaction
    Q BEGIN
    Q CREATE TEMP TABLE t (n int)
    Q SELECT 1/0
    Q COMMIT
    Q SELECT to_regclass('t')
=== creation-in-a-failed-batch
    (
    P : CREATE TEMP TABLE t (n int)
    B
    E
    P : SELECT 1/0
    B
    E
    S
    )
    Q CREATE TEMP TABLE t (n int); SELECT 1/0
    Q SELECT to_regclass('t')
=== drop-rolled-back
    Q CREATE TEMP TABLE t AS SELECT 1 AS n
    pin
    Q BEGIN
    Q DROP TABLE t
    Q ROLLBACK
    Q SELECT n FROM t
    Q BEGIN; SAVEPOINT s; DROP TABLE t; ROLLBACK TO s; COMMIT
    Q SELECT n FROM t
    Q BEGIN; DROP TABLE t; COMMIT
    free
    Q SELECT to_regclass('t')
=== created-and-dropped-in-a-pipeline
    (
    X CREATE TEMP TABLE t (n int)
    X INSERT INTO t VALUES (1)
    X SELECT n FROM t
    X DROP TABLE t
    X SELECT 1
    )
    Q SELECT to_regclass('t')
=== created-in-a-pipeline
    (
    X SELECT 1
    X CREATE TEMP TABLE t (n int)
    X INSERT INTO t VALUES (1)
    )
    pin
    X SELECT n FROM t
    Q SELECT 1; DROP TABLE t; SELECT 2
    free
    Q SELECT to_regclass('t')
=== temp-view
    Q CREATE TEMP VIEW v AS SELECT n FROM base.numbers WHERE n < 3
    pin
    Q SELECT * FROM v ORDER BY n
    Q CREATE OR REPLACE TEMP VIEW v AS SELECT 5 AS n
    Q DROP VIEW v
    free
    Q SELECT 1
=== view-on-a-temp-table
    Q CREATE TEMP TABLE t AS SELECT 1 AS n
    pin
    Q CREATE VIEW v AS SELECT n FROM t
    Q SELECT n FROM v
    Q DROP TABLE t
    Q DROP TABLE t CASCADE
    free
    Q SELECT 1
=== temp-sequence
    Q CREATE TEMP SEQUENCE sq
    pin
    Q SELECT nextval('sq')
    Q SELECT nextval('sq')
    Q DROP SEQUENCE sq
    maybe
    Q SELECT 1
=== temp-function
    Q CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS $$ SELECT 'temporary' $$
    pin
    Q SELECT pg_temp.f()
    Q DROP FUNCTION pg_temp.f()
    free
    Q SELECT 1
=== temp-type
    Q CREATE TYPE pg_temp.mood AS ENUM ('good', 'bad')
    pin
    Q SELECT 'good'::pg_temp.mood
    Q DROP TYPE pg_temp.mood
    free
    Q SELECT 1
=== temp-index-and-constraint
    Q CREATE TEMP TABLE t (n int PRIMARY KEY, m serial)
    pin
    Q CREATE INDEX ON t (m)
    Q INSERT INTO t (n) VALUES (1) RETURNING n, m
    Q INSERT INTO t (n) VALUES (1)
    Q TRUNCATE t
    Q DROP TABLE t
    maybe
    Q SELECT 1
=== temp-table-and-settings
    Q SET work_mem = '7MB'
    Q CREATE TEMP TABLE t (n int)
    pin
    Q SET work_mem = '8MB'; SET search_path = a
    Q SELECT name FROM who
    Q DROP TABLE t
    free
    Q SHOW work_mem
    Q SELECT name FROM who
=== temp-table-and-prepared
    Q PREPARE p AS SELECT 'p'
    Q CREATE TEMP TABLE t AS SELECT 1 AS n
    pin
    Q PREPARE q AS SELECT n FROM t
    Q EXECUTE q
    XN s: SELECT n + 1 FROM t
    Q DROP TABLE t
    free
    Q EXECUTE p
    Q EXECUTE q
    B /s
    E
    S
=== temp-table-shadows
    Q SET search_path = a
    Q SELECT name FROM who
    Q CREATE TEMP TABLE who AS SELECT 'temporary' AS name
    pin
    Q SELECT name FROM who
    Q SELECT name FROM a.who
    Q DROP TABLE who
    free
    Q SELECT name FROM who
=== temp-table-shadows-in-a-prepared-statement
    Q SET search_path = a
    XN s: SELECT name FROM who
    Q CREATE TEMP TABLE who AS SELECT 'temporary' AS name
    pin
    B /s
    E
    S
    Q DROP TABLE who
    free
    B /s
    E
    S
=== temp-table-renamed
    Q CREATE TEMP TABLE t AS SELECT 1 AS n
    pin
    Q ALTER TABLE t RENAME TO renamed
    Q SELECT n FROM renamed
    Q DROP TABLE renamed
    free
    Q SELECT 1
=== temp-table-if-exists
    Q DROP TABLE IF EXISTS t
    Q CREATE TEMP TABLE IF NOT EXISTS t (n int)
    pin
    Q CREATE TEMP TABLE IF NOT EXISTS t (n int)
    Q DROP TABLE IF EXISTS t
    free
    Q DROP TABLE IF EXISTS t
=== discard-temp
    Q CREATE TEMP TABLE t (n int)
    pin
    Q DISCARD TEMP
    free
    Q SELECT to_regclass('t')
    X CREATE TEMP TABLE t (n int)
    pin
    X DISCARD TEMPORARY
    free
    Q SELECT to_regclass('t')
=== discard-all-of-a-temp-table
    Q CREATE TEMP TABLE t (n int)
    pin
    Q SET work_mem = '7MB'
    Q DISCARD ALL
    free
    Q SELECT to_regclass('t'), current_setting('work_mem')
=== temp-table-left-at-disconnect
    Q CREATE TEMP TABLE t (n int)
    pin
    Q INSERT INTO t VALUES (1)
    reconnect
    Q SELECT to_regclass('t')
    Q CREATE TEMP TABLE t (n int)
    pin
    Q SELECT * FROM t
    abort
    Q SELECT to_regclass('t')
=== temp-table-left-at-the-end
    Q CREATE TEMP TABLE t (n int)
    pin
    Q SELECT * FROM t
=== temp-table-by-a-function
    setup CREATE FUNCTION public.make() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE made AS SELECT 1 AS n; END $$
    Q SELECT make()
    pin
    Q SELECT n FROM made
    Q DROP TABLE made
    free
    Q SELECT 1
=== temp-table-by-do
    Q DO $$ BEGIN CREATE TEMP TABLE made AS SELECT 1 AS n; END $$
    pin
    Q SELECT n FROM made
    Q DROP TABLE made
    free
    Q SELECT 1
=== temp-table-within-a-function
    setup CREATE FUNCTION public.f() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE c bigint; BEGIN CREATE TEMP TABLE made AS SELECT 1 AS n; SELECT count(*) INTO c FROM made; DROP TABLE made; RETURN c; END $$
    Q SELECT f()
    X SELECT f()
    maybe
    Q SELECT f()
=== copy-into-a-temp-table
    Q CREATE TEMP TABLE t (n int, s text)
    pin
    (
    Q COPY t FROM STDIN
    d 1	one
    d 2	two
    c
    )
    Q SELECT * FROM t ORDER BY n
    Q COPY t TO STDOUT
    Q DROP TABLE t
    free
    Q SELECT 1
=== temp-table-with-role
    Q SET ROLE role_a
    Q CREATE TEMP TABLE t AS SELECT 1 AS n
    pin
    Q SELECT n FROM t
    Q RESET ROLE
    Q SELECT n FROM t
    Q SET ROLE role_a
    Q DROP TABLE t
    free
    Q SELECT current_user
""")

ALL = TEMPORARY


@parametrize(ALL)
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
