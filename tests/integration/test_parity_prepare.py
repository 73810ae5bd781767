"""Parity: statements prepared by SQL, under names that have to mean the same on every server."""

from parity import cases, check, parametrize

SQL = cases(r"""
=== prepare-execute
    Q PREPARE p AS SELECT 1 AS one
    Q EXECUTE p
    X EXECUTE p
    Q EXECUTE p
    Q DEALLOCATE p
    Q EXECUTE p
=== prepare-with-types
    Q PREPARE p (int, text) AS SELECT $1 + 1 AS next, $2 || '!' AS loud
    Q EXECUTE p(41, 'hey')
    Q EXECUTE p('41', NULL)
    X EXECUTE p(1, 'x')
    Q EXECUTE p(1)
    Q EXECUTE p(1, 'x', 2)
    Q EXECUTE p('x', 'x')
    Q EXECUTE p(2.5, 'x')
=== prepare-without-types
    Q PREPARE p AS SELECT n, t FROM base.numbers WHERE n = $1 AND t <> $2
    Q EXECUTE p(3, '')
    Q EXECUTE p(3 + 1, upper('a'))
    Q EXECUTE p((SELECT max(n) FROM base.numbers), 'x')
    Q EXECUTE p((1), $$dollar$$)
=== prepare-partly-typed
    Q PREPARE p (unknown, bigint) AS SELECT $1::text, $2
    Q EXECUTE p('a', 5)
=== prepare-unknown-type
    Q PREPARE p (no_such_type) AS SELECT $1
    Q EXECUTE p('a')
    Q PREPARE p AS SELECT $1
    Q EXECUTE p('a')
=== name-exists
    Q PREPARE p AS SELECT 'first'
    Q PREPARE p AS SELECT 'second'
    Q EXECUTE p
    X PREPARE p AS SELECT 'third'
    X EXECUTE p
=== name-unknown
    Q EXECUTE nothing
    Q EXECUTE nothing(1, 2)
    X EXECUTE nothing
    Q DEALLOCATE nothing
    Q DEALLOCATE PREPARE nothing
    Q EXPLAIN EXECUTE nothing
    Q CREATE TABLE made AS EXECUTE nothing
    Q SELECT 'alive'
=== name-unknown-in-a-transaction
    Q BEGIN
    Q EXECUTE nothing
    Q EXECUTE nothing
    Q DEALLOCATE nothing
    Q ROLLBACK
    Q BEGIN
    Q DEALLOCATE nothing
    Q COMMIT
=== quoted-names
    Q PREPARE "Mixed" AS SELECT 'quoted'
    Q EXECUTE "Mixed"
    Q EXECUTE mixed
    Q PREPARE Mixed AS SELECT 'folded'
    Q EXECUTE MIXED
    Q EXECUTE "mixed"
    Q PREPARE "with ""quotes"" and; semicolons" AS SELECT 'odd'
    Q EXECUTE "with ""quotes"" and; semicolons"
    Q DEALLOCATE "Mixed"
    Q EXECUTE mixed
    Q EXECUTE "Mixed"
    Q PREPARE "select" AS SELECT 'keyword'
    Q EXECUTE "select"
    Q PREPARE "weir_ps_1" AS SELECT 'ours'
    Q EXECUTE weir_ps_1
    Q PREPARE U&"\00e4" AS SELECT 'escaped'
    Q EXECUTE U&"\00e4"
=== truncated-names
    Q PREPARE a234567890b234567890c234567890d234567890e234567890f234567890g234567890 AS SELECT 'long'
    Q EXECUTE a234567890b234567890c234567890d234567890e234567890f234567890g234567890
    Q EXECUTE a234567890b234567890c234567890d234567890e234567890f234567890g23
    Q DEALLOCATE a234567890b234567890c234567890d234567890e234567890f234567890g23xyz
    Q EXECUTE a234567890b234567890c234567890d234567890e234567890f234567890g23
=== kinds-of-statements
    setup CREATE TABLE public.k (n int, t text); GRANT ALL ON public.k TO PUBLIC
    Q PREPARE i (int) AS INSERT INTO k VALUES ($1, 'new') RETURNING n, t
    Q PREPARE u AS UPDATE k SET t = $2 WHERE n = $1
    Q PREPARE d AS DELETE FROM k WHERE n = $1 RETURNING *
    Q PREPARE v AS VALUES (1, 'a'), ($1, $2)
    Q PREPARE m AS MERGE INTO k USING (VALUES ($1::int)) s(n) ON k.n = s.n WHEN MATCHED THEN UPDATE SET t = 'merged' WHEN NOT MATCHED THEN INSERT VALUES (s.n, 'by merge')
    Q EXECUTE i(1)
    Q EXECUTE i(2)
    Q EXECUTE u(2, 'changed')
    Q EXECUTE d(1)
    Q EXECUTE v(2, 'b')
    Q EXECUTE m(2)
    Q EXECUTE m(3)
    Q SELECT * FROM k ORDER BY n
    Q PREPARE c AS CREATE TABLE no (n int)
    Q PREPARE b AS BEGIN
    Q PREPARE s AS SHOW work_mem
=== syntax-errors
    Q PREPARE p AS SELEC 1
    Q PREPARE p AS
    Q PREPARE AS SELECT 1
    Q EXECUTE
    Q EXECUTE p(
    Q PREPARE p AS SELECT no_such_column FROM base.numbers
    Q PREPARE p AS SELECT 1; SELEC 2
    Q EXECUTE p
    Q DEALLOCATE
=== explain-execute
    Q PREPARE p(int) AS SELECT n FROM base.numbers WHERE n = $1
    Q EXPLAIN (COSTS OFF) EXECUTE p(3)
    X EXPLAIN (COSTS OFF) EXECUTE p(4)
    Q EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE p(3)
    Q BEGIN; EXPLAIN (COSTS OFF) EXECUTE p(1); ROLLBACK
=== create-table-as-execute
    Q PREPARE p(int) AS SELECT n, t FROM base.numbers WHERE n < $1
    Q CREATE TABLE made AS EXECUTE p(3)
    Q SELECT * FROM made ORDER BY n
    Q CREATE TABLE IF NOT EXISTS made AS EXECUTE p(3)
    Q CREATE TABLE made2 (a, b) AS EXECUTE p(2) WITH NO DATA
    Q SELECT * FROM made2
    X CREATE TABLE made3 AS EXECUTE p(5)
    Q SELECT count(*) FROM made3
=== create-temp-table-as-execute
    Q PREPARE p(int) AS SELECT n FROM base.numbers WHERE n < $1
    Q CREATE TEMP TABLE tmp AS EXECUTE p(3)
    pin
    Q SELECT count(*) FROM tmp
    Q DROP TABLE tmp
    free
    Q EXECUTE p(2)
=== deallocate-all
    Q PREPARE p AS SELECT 'p'
    Q PREPARE q AS SELECT 'q'
    Q DEALLOCATE ALL
    Q EXECUTE p
    Q EXECUTE q
    Q PREPARE p AS SELECT 'p again'
    Q EXECUTE p
    X DEALLOCATE ALL
    X EXECUTE p
    Q DEALLOCATE PREPARE ALL
=== discards
    Q PREPARE p AS SELECT 'p'
    Q DISCARD PLANS
    Q EXECUTE p
    Q DISCARD TEMP
    Q DISCARD SEQUENCES
    Q EXECUTE p
    Q DISCARD ALL
    Q EXECUTE p
    Q PREPARE p AS SELECT 'new'
    Q EXECUTE p
    Q BEGIN
    Q DISCARD ALL
    Q ROLLBACK
    Q EXECUTE p
    Q SELECT 1; DISCARD ALL
    Q EXECUTE p
=== a-rolled-back-transaction-keeps-it
    Q BEGIN
    Q PREPARE p AS SELECT 'stays'
    Q ROLLBACK
    Q EXECUTE p
    Q BEGIN
    Q DEALLOCATE p
    Q ROLLBACK
    Q EXECUTE p
    Q BEGIN
    Q PREPARE q AS SELECT 'q'
    Q SELECT 1/0
    Q COMMIT
    Q EXECUTE q
    Q BEGIN
    Q SAVEPOINT s
    Q PREPARE r AS SELECT 'r'
    Q ROLLBACK TO s
    Q EXECUTE r
    Q COMMIT
    Q EXECUTE r
=== deallocate-all-rolled-back
    Q PREPARE p AS SELECT 'p'
    Q BEGIN
    Q DEALLOCATE ALL
    Q PREPARE p AS SELECT 'inside'
    Q ROLLBACK
    Q EXECUTE p
=== failed-transactions
    Q PREPARE p AS SELECT 'p'
    Q BEGIN
    Q SELECT 1/0
    Q EXECUTE p
    Q PREPARE q AS SELECT 'q'
    Q DEALLOCATE p
    Q DEALLOCATE ALL
    Q EXPLAIN EXECUTE p
    X EXECUTE p
    Q DISCARD ALL
    Q ROLLBACK
    Q EXECUTE p
    Q EXECUTE q
=== prepared-in-a-transaction-used-in-the-next
    Q BEGIN
    Q PREPARE p(int) AS SELECT $1 * 2
    Q EXECUTE p(1)
    Q COMMIT
    Q EXECUTE p(2)
    Q BEGIN
    Q EXECUTE p(3)
    Q COMMIT
    (
    X BEGIN
    X EXECUTE p(4)
    X COMMIT
    X EXECUTE p(5)
    )
=== multi-statement-texts
    Q PREPARE p AS SELECT 'p'; EXECUTE p; DEALLOCATE p; PREPARE p AS SELECT 'p2'; EXECUTE p
    Q EXECUTE p
    Q SET work_mem = '7MB'; EXECUTE p; SHOW work_mem
    Q EXECUTE p; EXECUTE nothing; EXECUTE p
    Q EXECUTE p; SELECT 1/0
    Q PREPARE q AS SELECT 'q'; SELECT 1/0
    Q EXECUTE q
    Q DEALLOCATE q; SELECT 1/0
    Q EXECUTE q
    Q BEGIN; PREPARE r AS SELECT 'r'; COMMIT; EXECUTE r
    Q EXECUTE r; DEALLOCATE ALL; EXECUTE r
    Q EXECUTE p
=== names-that-are-no-names
    Q SELECT 'EXECUTE p' AS "execute p", $$PREPARE p AS SELECT 1$$ -- EXECUTE p
    Q /* DEALLOCATE ALL */ SELECT 1
    Q PREPARE p AS SELECT 'p' -- and a comment
    Q EXECUTE /* here */ p -- there
    Q EXECUTE
    + p
    + ;
    Q   EXECUTE	p;
    Q ;EXECUTE p;;
=== case-of-keywords
    Q prepare P as select 'p'
    Q execute P
    Q ExEcUtE p
    Q deallocate prepare P
    Q execute p
=== search-path-at-prepare-and-execute
    Q SET search_path = a
    Q PREPARE p AS SELECT name FROM who
    Q EXECUTE p
    Q SET search_path = b
    Q EXECUTE p
    Q BEGIN; SET LOCAL search_path = "Mixed Case"; EXECUTE p; COMMIT
    Q EXECUTE p
    Q SET search_path = ''
    Q EXECUTE p
    Q SET search_path = a
    Q EXECUTE p
=== types-depend-on-the-search-path
    setup CREATE TYPE a.color AS ENUM ('red'); CREATE TYPE b.color AS ENUM ('blue')
    teardown DROP TYPE a.color CASCADE; DROP TYPE b.color CASCADE
    Q SET search_path = a
    Q PREPARE p(color) AS SELECT $1::text
    Q EXECUTE p('red')
    Q SET search_path = b
    Q EXECUTE p('red')
    Q EXECUTE p('blue')
=== settings-at-prepare
    Q SET standard_conforming_strings = off
    Q PREPARE p AS SELECT 'a\\b'
    Q EXECUTE p
    Q SET standard_conforming_strings = on
    Q EXECUTE p
    Q SET TimeZone = 'Asia/Tokyo'
    Q PREPARE z AS SELECT '2024-01-01 00:00'::timestamptz
    Q EXECUTE z
    Q SET TimeZone = 'UTC'
    Q EXECUTE z
=== role-at-prepare
    Q CREATE TABLE private AS SELECT 1 AS n
    Q PREPARE p AS SELECT n FROM private
    Q EXECUTE p
    Q SET ROLE role_a
    Q EXECUTE p
    Q PREPARE q AS SELECT n FROM private
    Q EXECUTE q
    Q RESET ROLE
    Q EXECUTE q
=== prepare-in-a-failed-role
    Q SET ROLE role_a
    Q PREPARE p AS SELECT current_user
    Q EXECUTE p
    Q RESET ROLE
    Q EXECUTE p
=== after-reconnect-gone
    Q PREPARE p AS SELECT 'p'
    XN s: SELECT 's'
    reconnect
    Q EXECUTE p
    B /s
    E
    S
    Q PREPARE p AS SELECT 'new'
    Q EXECUTE p
    abort
    Q EXECUTE p
=== plan-invalidated
    setup CREATE TABLE public.k AS SELECT 1 AS n; GRANT ALL ON public.k TO PUBLIC
    Q PREPARE p AS SELECT n FROM k
    Q EXECUTE p
    admin CREATE INDEX ON public.k (n); ANALYZE public.k
    Q EXECUTE p
    admin DROP TABLE public.k
    Q EXECUTE p
    admin CREATE TABLE public.k AS SELECT 2 AS n; GRANT ALL ON public.k TO PUBLIC
    Q EXECUTE p
=== plan-cache-mode
    Q SET plan_cache_mode = force_generic_plan
    Q PREPARE p(int) AS SELECT n FROM base.numbers WHERE n = $1
    Q EXPLAIN (COSTS OFF) EXECUTE p(3)
    Q SET plan_cache_mode = force_custom_plan
    Q EXPLAIN (COSTS OFF) EXECUTE p(3)
=== many-executes
    Q PREPARE p(int) AS SELECT t FROM base.numbers WHERE n = $1
    Q EXECUTE p(1)
    Q EXECUTE p(2)
    Q EXECUTE p(3)
    Q EXECUTE p(4)
    Q EXECUTE p(5)
    Q EXECUTE p(6)
    Q EXECUTE p(7)
=== an-execute-in-an-explain-in-a-cursor
    Q PREPARE p AS SELECT n FROM base.numbers WHERE n < 3 ORDER BY n
    Q BEGIN
    Q DECLARE c CURSOR FOR EXECUTE p
    Q ROLLBACK
    Q COPY (EXECUTE p) TO STDOUT
=== prepare-uses-a-setting-function
    Q PREPARE p(text) AS SELECT set_config('work_mem', $1, false)
    maybe
    Q EXECUTE p('7MB')
    Q SHOW work_mem
    X EXECUTE p('8MB')
    Q SHOW work_mem
=== prepare-that-takes-a-lock
    Q PREPARE l AS SELECT pg_advisory_lock(71)
    Q PREPARE ul AS SELECT pg_advisory_unlock(71)
    Q EXECUTE l
    pin
    Q SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    Q EXECUTE ul
    free
    Q SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
""")

ALL = SQL


@parametrize(ALL)
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
