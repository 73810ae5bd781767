"""Parity: state that cannot follow its client, so that the client keeps its server, and only as long as the state lasts.

`pin` says that from there on no stranger may get the server; `free` that every stranger must get it again.
"""

from parity import cases, check, parametrize

LOCKS = cases(r"""
=== advisory-lock
    Q SELECT pg_advisory_lock(1)
    pin
    Q SELECT objid, mode, granted FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    Q SELECT pg_advisory_unlock(1)
    free
    Q SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
=== advisory-lock-extended
    X SELECT pg_advisory_lock($1) | 2
    pin
    X SELECT pg_try_advisory_lock($1) | 2
    X SELECT pg_advisory_unlock($1) | 2
    X SELECT pg_advisory_unlock($1) | 2
    free
    X SELECT pg_advisory_unlock($1) | 2
=== advisory-two-keys
    Q SELECT pg_advisory_lock(3, 4)
    pin
    Q SELECT pg_advisory_unlock(3, 4)
    free
    Q SELECT 1
=== advisory-taken-twice-released-once
    Q SELECT pg_advisory_lock(5)
    pin
    Q SELECT pg_advisory_lock(5)
    Q SELECT pg_advisory_unlock(5)
    Q SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    Q SELECT pg_advisory_unlock(5)
    free
    Q SELECT pg_advisory_unlock(5)
=== advisory-unlock-all
    Q SELECT pg_advisory_lock(6), pg_advisory_lock(7), pg_advisory_lock_shared(8)
    pin
    Q SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    Q SELECT pg_advisory_unlock_all()
    free
    Q SELECT 1
=== advisory-shared
    Q SELECT pg_advisory_lock_shared(9)
    pin
    Q SELECT pg_try_advisory_lock_shared(9)
    Q SELECT pg_advisory_unlock_shared(9)
    Q SELECT pg_advisory_unlock(9)
    Q SELECT pg_advisory_unlock_shared(9)
    free
    Q SELECT pg_advisory_unlock_shared(9)
=== advisory-try-refused
    setup SELECT pg_advisory_lock(10)
    teardown SELECT pg_advisory_unlock_all()
    Q SELECT pg_try_advisory_lock(10)
    Q SELECT pg_try_advisory_lock(10)
    X SELECT pg_try_advisory_lock_shared($1) | 10
    Q SELECT pg_advisory_unlock(10)
=== advisory-try-granted
    Q SELECT pg_try_advisory_lock(11)
    pin
    Q SELECT pg_advisory_unlock(11)
    free
    Q SELECT 1
=== advisory-transaction-level
    Q SELECT pg_advisory_xact_lock(12)
    Q BEGIN
    Q SELECT pg_advisory_xact_lock(12)
    Q SELECT pg_try_advisory_xact_lock(13)
    Q COMMIT
    Q SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
=== advisory-in-a-rolled-back-transaction
    Q BEGIN
    Q SELECT pg_advisory_lock(14)
    Q ROLLBACK
    pin
    Q SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    Q SELECT pg_advisory_unlock(14)
    free
    Q SELECT 1
=== advisory-before-an-error
    Q SELECT pg_advisory_lock(15); SELECT 1/0
    pin
    Q SELECT pg_advisory_unlock(15)
    free
    (
    P : SELECT pg_advisory_lock(16)
    B
    E
    P : SELECT 1/0
    B
    E
    S
    )
    pin
    Q SELECT pg_advisory_unlock(16)
    free
    Q SELECT 1
=== advisory-unlock-in-a-rolled-back-transaction
    Q SELECT pg_advisory_lock(17)
    pin
    Q BEGIN; SELECT pg_advisory_unlock(17); ROLLBACK
    free
    Q SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
=== advisory-lock-timeout
    setup SELECT pg_advisory_lock(18)
    teardown SELECT pg_advisory_unlock_all()
    Q SET lock_timeout = 20
    Q SELECT pg_advisory_lock(18)
    Q SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
=== advisory-over-rows
    Q SELECT pg_advisory_lock(n) FROM base.numbers WHERE n < 3 ORDER BY n
    pin
    Q SELECT pg_advisory_unlock(n) FROM base.numbers WHERE n < 3 ORDER BY n
    free
    Q SELECT pg_advisory_lock(n) FROM base.numbers WHERE n < 0
    Q SELECT 1
=== advisory-in-an-expression
    Q SELECT CASE WHEN pg_try_advisory_lock(19) THEN 'mine' ELSE 'not mine' END
    pin
    Q SELECT CASE WHEN pg_advisory_unlock(19) THEN 'given up' END
    free
    Q SELECT 1
=== advisory-migration-style
    Q SELECT pg_try_advisory_lock(2053462845)
    pin
    Q CREATE TABLE migrated (n int)
    Q BEGIN
    Q ALTER TABLE migrated ADD COLUMN m int
    Q COMMIT
    Q SELECT pg_advisory_unlock(2053462845)
    free
    Q SELECT * FROM migrated
=== advisory-discard-all
    Q SELECT pg_advisory_lock(20)
    pin
    Q DISCARD ALL
    free
    Q SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
=== advisory-left-at-disconnect
    Q SELECT pg_advisory_lock(21)
    pin
    Q SELECT 1
    reconnect
    admin DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 21) LOOP PERFORM pg_sleep(0.005); END LOOP; END $$
    Q SELECT pg_try_advisory_lock(21)
    pin
    Q SELECT 1
    abort
    admin DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 21) LOOP PERFORM pg_sleep(0.005); END LOOP; END $$
    Q SELECT 1
=== advisory-and-temp-table
    Q SELECT pg_advisory_lock(22)
    pin
    Q CREATE TEMP TABLE t (n int)
    Q SELECT pg_advisory_unlock(22)
    Q SELECT * FROM t
    Q DROP TABLE t
    free
    Q SELECT 1
=== advisory-by-do
    Q DO $$ BEGIN PERFORM pg_advisory_lock(23); END $$
    pin
    Q SELECT pg_advisory_unlock(23)
    free
    Q SELECT 1
=== advisory-by-a-function
    setup CREATE FUNCTION public.take() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(24); END $$
    Q SELECT take()
    pin
    Q SELECT pg_advisory_unlock(24)
    free
    Q SELECT 1
""")

CURSORS = cases(r"""
=== with-hold
    Q BEGIN
    Q DECLARE h CURSOR WITH HOLD FOR SELECT n FROM base.numbers ORDER BY n
    Q FETCH 2 FROM h
    Q COMMIT
    pin
    Q FETCH 2 FROM h
    Q BEGIN; FETCH h; COMMIT
    X FETCH h
    Q CLOSE h
    free
    Q FETCH h
=== with-hold-outside-a-transaction
    Q DECLARE h CURSOR WITH HOLD FOR SELECT n FROM base.numbers ORDER BY n
    pin
    Q FETCH ALL FROM h
    X CLOSE h
    free
    Q SELECT 1
=== with-hold-scroll
    Q DECLARE h SCROLL CURSOR WITH HOLD FOR SELECT n FROM base.numbers ORDER BY n
    pin
    Q FETCH LAST FROM h
    Q FETCH PRIOR FROM h
    Q MOVE ABSOLUTE 2 IN h
    Q FETCH h
    Q CLOSE ALL
    free
    Q SELECT count(*) FROM pg_cursors WHERE is_holdable
=== with-hold-rolled-back
    Q BEGIN
    Q DECLARE h CURSOR WITH HOLD FOR SELECT 1
    Q ROLLBACK
    Q FETCH h
=== with-hold-failed
    Q BEGIN
    Q DECLARE h CURSOR WITH HOLD FOR SELECT 1
    Q SELECT 1/0
    Q COMMIT
    Q FETCH h
=== with-hold-fails-at-commit
    Q BEGIN
    Q DECLARE h CURSOR WITH HOLD FOR SELECT 1 / (n - 3) FROM base.numbers ORDER BY n
    Q FETCH h
    Q COMMIT
    Q FETCH h
=== with-hold-savepoint
    Q BEGIN
    Q SAVEPOINT s
    Q DECLARE h CURSOR WITH HOLD FOR SELECT 1
    Q ROLLBACK TO s
    Q COMMIT
    Q FETCH h
=== with-hold-two
    Q DECLARE h CURSOR WITH HOLD FOR SELECT 1
    pin
    Q DECLARE "Other" CURSOR WITH HOLD FOR SELECT 2
    Q CLOSE h
    Q FETCH "Other"
    Q CLOSE "Other"
    free
    Q SELECT 1
=== with-hold-discard-all
    Q DECLARE h CURSOR WITH HOLD FOR SELECT 1
    pin
    Q DISCARD ALL
    free
    Q FETCH h
=== with-hold-close-rolled-back
    Q DECLARE h CURSOR WITH HOLD FOR SELECT n FROM base.numbers ORDER BY n
    pin
    Q BEGIN; CLOSE h; ROLLBACK
    free
    Q FETCH h
=== with-hold-left-at-disconnect
    Q DECLARE h CURSOR WITH HOLD FOR SELECT 1
    pin
    Q SELECT 1
    reconnect
    Q FETCH h
=== with-hold-in-a-multi-statement
    Q BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT n FROM base.numbers ORDER BY n; COMMIT; FETCH h
    pin
    Q FETCH h; CLOSE h; SELECT 1
    free
    Q FETCH h
=== plain-cursor
    Q BEGIN
    Q DECLARE c CURSOR FOR SELECT n FROM base.numbers ORDER BY n
    Q FETCH 2 FROM c
    Q MOVE 1 IN c
    Q FETCH c
    Q CLOSE c
    Q FETCH c
    Q ROLLBACK
=== plain-cursor-ends-with-the-transaction
    Q BEGIN
    Q DECLARE c CURSOR FOR SELECT n FROM base.numbers ORDER BY n
    Q COMMIT
    Q FETCH c
    Q DECLARE c CURSOR FOR SELECT 1
    Q DECLARE c CURSOR FOR SELECT 1; FETCH c
    Q CLOSE c
=== plain-cursor-binary-and-update
    Q CREATE TABLE u AS SELECT n FROM base.numbers
    Q BEGIN
    Q DECLARE c CURSOR FOR SELECT n FROM u ORDER BY n FOR UPDATE
    Q FETCH c
    Q UPDATE u SET n = 100 WHERE CURRENT OF c
    Q COMMIT
    Q SELECT max(n) FROM u
=== plain-cursor-by-do
    Q BEGIN
    Q DO $$ DECLARE r refcursor := 'named'; BEGIN OPEN r FOR SELECT n FROM base.numbers ORDER BY n; END $$
    Q FETCH named
    Q COMMIT
    maybe
    Q FETCH named
=== cursor-returned-by-a-function
    setup CREATE FUNCTION public.opened() RETURNS refcursor LANGUAGE plpgsql AS $$ DECLARE r refcursor := 'opened'; BEGIN OPEN r FOR SELECT n FROM base.numbers ORDER BY n; RETURN r; END $$
    Q BEGIN
    Q SELECT opened()
    Q FETCH 2 FROM opened
    Q COMMIT
    Q FETCH opened
""")

SEQUENCES = cases(r"""
=== currval-in-a-transaction
    Q CREATE SEQUENCE sq
    maybe
    Q BEGIN
    Q SELECT nextval('sq')
    Q SELECT currval('sq'), lastval()
    Q COMMIT
=== currval-undefined
    Q CREATE SEQUENCE sq
    Q SELECT currval('sq')
    Q SELECT lastval()
    Q SELECT 1
=== currval-in-the-same-text
    Q CREATE SEQUENCE sq
    maybe
    Q SELECT nextval('sq'); SELECT currval('sq')
    (
    X SELECT nextval('sq')
    X SELECT currval('sq')
    )
=== currval-in-the-next-transaction
    Q CREATE SEQUENCE sq
    maybe
    Q SELECT nextval('sq')
    Q SELECT currval('sq')
    Q SELECT nextval('sq')
    Q SELECT lastval()
    X SELECT currval('sq')
=== lastval-after-an-insert
    Q CREATE TABLE ids (id serial, t text)
    maybe
    Q INSERT INTO ids (t) VALUES ('a') RETURNING id
    Q SELECT lastval()
    Q INSERT INTO ids (t) VALUES ('b')
    Q SELECT lastval(), currval('ids_id_seq'), currval(pg_get_serial_sequence('ids', 'id'))
=== lastval-after-an-insert-in-a-transaction
    Q CREATE TABLE ids (id int GENERATED ALWAYS AS IDENTITY, t text)
    Q BEGIN
    Q INSERT INTO ids (t) VALUES ('a')
    Q SELECT lastval()
    Q ROLLBACK
=== currval-after-rollback
    Q CREATE SEQUENCE sq
    maybe
    Q BEGIN
    Q SELECT nextval('sq')
    Q ROLLBACK
    Q SELECT currval('sq')
=== setval-and-currval
    Q CREATE SEQUENCE sq
    maybe
    Q SELECT setval('sq', 50)
    Q SELECT currval('sq')
    Q SELECT nextval('sq')
=== discard-sequences
    Q CREATE SEQUENCE sq
    maybe
    Q SELECT nextval('sq')
    Q SELECT currval('sq')
    Q DISCARD SEQUENCES
    free
    Q SELECT currval('sq')
    Q SELECT lastval()
=== discard-all-sequences
    Q CREATE SEQUENCE sq
    maybe
    Q SELECT nextval('sq')
    Q SELECT lastval()
    Q DISCARD ALL
    free
    Q SELECT lastval()
=== cached-sequence
    Q CREATE SEQUENCE sq CACHE 10
    strangers off
    Q SELECT nextval('sq'), nextval('sq')
    Q BEGIN
    Q SELECT nextval('sq')
    Q COMMIT
""")

OTHERS = cases(r"""
=== load
    user bob
    Q LOAD 'auto_explain'
    pin
    Q SHOW auto_explain.log_nested_statements
    Q SET auto_explain.log_nested_statements = on
    Q SHOW auto_explain.log_nested_statements
    reconnect
    Q SELECT 1
=== load-refused
    Q LOAD 'auto_explain'
    Q LOAD '$libdir/no_such_library'
    Q SELECT 1
=== load-failed
    user bob
    Q LOAD '$libdir/no_such_library'
    Q SELECT 1
=== discards-of-nothing
    Q DISCARD TEMP
    Q DISCARD SEQUENCES
    Q DISCARD PLANS
    X DISCARD ALL
    X DISCARD TEMP
    Q BEGIN; DISCARD TEMP; DISCARD PLANS; DISCARD SEQUENCES; COMMIT
    Q SELECT 1
=== row-locks-and-table-locks-end-with-the-transaction
    Q BEGIN; LOCK base.numbers IN SHARE MODE; SELECT 1; COMMIT
    Q SELECT count(*) FROM base.numbers
=== everything-at-once
    Q SET work_mem = '7MB'; SET search_path = a
    Q PREPARE p AS SELECT name FROM who
    Q SELECT pg_advisory_lock(31)
    pin
    Q CREATE TEMP TABLE t AS SELECT 1 AS n
    Q BEGIN
    Q DECLARE h CURSOR WITH HOLD FOR SELECT n FROM base.numbers ORDER BY n
    Q SET ROLE role_a
    Q COMMIT
    Q FETCH h
    Q EXECUTE p
    Q RESET ROLE
    Q SELECT pg_advisory_unlock(31)
    Q DROP TABLE t
    Q FETCH h
    Q CLOSE h
    free
    Q EXECUTE p
    Q SHOW work_mem
    Q SELECT current_user
=== everything-discarded
    Q SET work_mem = '7MB'; SET ROLE role_a
    Q PREPARE p AS SELECT 1
    Q SELECT pg_advisory_lock(32)
    pin
    Q CREATE TEMP TABLE t AS SELECT 1 AS n
    Q DECLARE h CURSOR WITH HOLD FOR SELECT 1
    Q LISTEN somebody
    Q DISCARD ALL
    free
    Q SHOW work_mem
    Q SELECT current_user, to_regclass('t')
    Q EXECUTE p
    Q FETCH h
    Q SELECT pg_advisory_unlock(32)
""")

ALL = LOCKS + CURSORS + SEQUENCES + OTHERS


@parametrize(ALL)
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
