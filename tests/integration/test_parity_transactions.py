"""Parity, written by hand: transactions, savepoints and chains."""

from parity import cases, check, parametrize

TRANSACTIONS = cases(r"""
=== savepoints-restore-each-level
    Q BEGIN
    Q SET work_mem = '1MB'
    Q SAVEPOINT a
    Q SET work_mem = '2MB'
    Q SAVEPOINT b
    Q SET work_mem = '3MB'
    Q SET LOCAL custom.x = 'deep'
    Q ROLLBACK TO b
    Q SELECT current_setting('work_mem'), current_setting('custom.x', true)
    Q ROLLBACK TO a
    Q SHOW work_mem
    Q SET work_mem = '4MB'
    Q RELEASE a
    Q SET LOCAL work_mem = '5MB'
    Q SHOW work_mem
    Q COMMIT
    Q SHOW work_mem
=== savepoints-of-one-name
    Q BEGIN
    Q SAVEPOINT s
    Q SET custom.x = 'one'
    Q SAVEPOINT s
    Q SET custom.x = 'two'
    Q SAVEPOINT s
    Q SET custom.x = 'three'
    Q RELEASE s
    Q ROLLBACK TO s
    Q SHOW custom.x
    Q RELEASE s
    Q SHOW custom.x
    Q ROLLBACK TO s
    Q SELECT current_setting('custom.x', true)
    Q COMMIT
    Q SELECT current_setting('custom.x', true)
=== savepoints-quoted-names
    Q BEGIN
    Q SAVEPOINT "A b"
    Q SET work_mem = '7MB'
    Q SAVEPOINT a
    Q ROLLBACK TO SAVEPOINT "A b"
    Q SHOW work_mem
    Q ROLLBACK TO SAVEPOINT A
    Q ROLLBACK
    Q SHOW work_mem
=== savepoint-release-outer
    Q BEGIN; SAVEPOINT a; SET work_mem = '7MB'; SAVEPOINT b; SET custom.x = 'b'; RELEASE a
    Q SELECT current_setting('work_mem'), current_setting('custom.x')
    Q ROLLBACK TO b
    Q ROLLBACK
    Q SHOW work_mem
=== savepoint-rollback-outer
    Q BEGIN; SAVEPOINT a; SET work_mem = '7MB'; SAVEPOINT b; SET custom.x = 'b'; RELEASE b; ROLLBACK TO a
    Q SELECT current_setting('work_mem'), current_setting('custom.x', true)
    Q COMMIT
    Q SHOW work_mem
=== savepoint-twice-rolled-back
    Q BEGIN
    Q SET work_mem = '1MB'
    Q SAVEPOINT a
    Q SET work_mem = '2MB'
    Q ROLLBACK TO a
    Q SET work_mem = '3MB'
    Q ROLLBACK TO a
    Q SHOW work_mem
    Q COMMIT
    Q SHOW work_mem
=== savepoint-after-errors
    Q BEGIN
    Q SAVEPOINT a
    Q SET work_mem = '2MB'
    Q SELECT nothing
    Q SET work_mem = '3MB'
    Q SAVEPOINT b
    Q RELEASE a
    Q ROLLBACK TO a
    Q SHOW work_mem
    Q SET work_mem = '4MB'
    Q RELEASE a
    Q COMMIT
    Q SHOW work_mem
=== savepoint-outside
    Q SAVEPOINT a
    Q ROLLBACK TO a
    Q RELEASE a
    Q SET work_mem = '7MB'; SAVEPOINT a
    Q SHOW work_mem
=== savepoint-unknown
    Q BEGIN
    Q SET work_mem = '7MB'
    Q ROLLBACK TO nowhere
    Q COMMIT
    Q SHOW work_mem
=== savepoint-in-extended
    X BEGIN
    X SAVEPOINT a
    X SET work_mem = '7MB'
    X ROLLBACK TO a
    X SHOW work_mem
    X SET work_mem = '8MB'
    X RELEASE SAVEPOINT a
    X END
    X SHOW work_mem
=== savepoint-in-a-pipeline
    (
    X BEGIN
    X SAVEPOINT a
    X SET work_mem = '7MB'
    X SELECT 1/0
    X SET work_mem = '8MB'
    X ROLLBACK TO a
    X SET work_mem = '9MB'
    X COMMIT
    X SHOW work_mem
    )
    Q SHOW work_mem
=== deep-savepoints
    Q BEGIN
    Q SAVEPOINT s1; SET custom.x = '1'; SAVEPOINT s2; SET custom.x = '2'; SAVEPOINT s3; SET custom.x = '3'; SAVEPOINT s4; SET custom.x = '4'
    Q ROLLBACK TO s4; SHOW custom.x
    Q ROLLBACK TO s3; SHOW custom.x
    Q RELEASE s2; SHOW custom.x
    Q COMMIT
    Q SHOW custom.x
=== local-then-session-in-levels
    Q SET work_mem = '1MB'
    Q BEGIN
    Q SET LOCAL work_mem = '2MB'
    Q SAVEPOINT a
    Q SET work_mem = '3MB'
    Q SHOW work_mem
    Q ROLLBACK TO a
    Q SHOW work_mem
    Q COMMIT
    Q SHOW work_mem
=== session-then-local-in-levels
    Q BEGIN
    Q SET work_mem = '2MB'
    Q SAVEPOINT a
    Q SET LOCAL work_mem = '3MB'
    Q RELEASE a
    Q SHOW work_mem
    Q COMMIT
    Q SHOW work_mem
=== reset-in-a-savepoint
    Q SET work_mem = '1MB'
    Q BEGIN
    Q SAVEPOINT a
    Q RESET work_mem
    Q SHOW work_mem
    Q ROLLBACK TO a
    Q SHOW work_mem
    Q SAVEPOINT b
    Q RESET ALL
    Q RELEASE b
    Q COMMIT
    Q SHOW work_mem
=== reset-all-rolled-back
    Q SET work_mem = '1MB'; SET custom.x = 'x'; SET TimeZone = 'Asia/Tokyo'
    Q BEGIN
    Q RESET ALL
    Q SELECT current_setting('work_mem'), current_setting('custom.x'), current_setting('TimeZone') = 'Asia/Tokyo'
    Q ROLLBACK
    Q SELECT current_setting('work_mem'), current_setting('custom.x'), current_setting('TimeZone')
=== chains
    Q BEGIN ISOLATION LEVEL SERIALIZABLE
    Q SET work_mem = '1MB'
    Q COMMIT AND CHAIN
    Q SHOW transaction_isolation
    Q SET work_mem = '2MB'
    Q ROLLBACK AND CHAIN
    Q SELECT current_setting('work_mem'), current_setting('transaction_isolation')
    Q SET LOCAL work_mem = '3MB'
    Q COMMIT AND CHAIN
    Q SHOW work_mem
    Q COMMIT AND NO CHAIN
    Q SELECT current_setting('work_mem'), current_setting('transaction_isolation')
=== chain-of-a-failed-transaction
    Q BEGIN; SET work_mem = '1MB'; COMMIT AND CHAIN
    Q SET work_mem = '2MB'
    Q SELECT 1/0
    Q COMMIT AND CHAIN
    Q SHOW work_mem
    Q ROLLBACK
    Q COMMIT AND CHAIN
    Q SHOW work_mem
=== implicit-transactions-of-multi-statements
    Q SET work_mem = '1MB'; SET custom.x = 'a'; SELECT 1/0
    Q SELECT current_setting('work_mem'), current_setting('custom.x', true)
    Q BEGIN; SET work_mem = '2MB'; COMMIT; SET custom.x = 'b'; SELECT 1/0
    Q SELECT current_setting('work_mem'), current_setting('custom.x', true)
    Q SET custom.x = 'c'; BEGIN; SET work_mem = '3MB'; ROLLBACK; SHOW custom.x
    Q SELECT current_setting('work_mem'), current_setting('custom.x', true)
    Q SET custom.x = 'd'; COMMIT; SET custom.x = 'e'; ROLLBACK
    Q SHOW custom.x
    Q SET LOCAL custom.x = 'f'; SHOW custom.x; COMMIT; SHOW custom.x
    Q SHOW custom.x
=== begin-in-multi-stays-open
    Q SET custom.x = 'before'; BEGIN; SET custom.x = 'inside'
    Q SHOW custom.x
    Q SELECT 1/0
    Q ROLLBACK
    Q SELECT current_setting('custom.x', true)
=== multi-ends-and-begins
    Q BEGIN
    Q SET custom.x = 'one'; COMMIT; BEGIN; SET custom.x = 'two'
    Q SHOW custom.x
    Q ROLLBACK; SHOW custom.x
    Q SHOW custom.x
=== implicit-transactions-of-batches
    (
    P : SET work_mem = '1MB'
    B
    E
    P : SET custom.x = 'a'
    B
    E
    P : SELECT 1/0
    B
    E
    S
    )
    Q SELECT current_setting('work_mem'), current_setting('custom.x', true)
    (
    P : SET work_mem = '1MB'
    B
    E
    S
    P : SET custom.x = 'a'
    B
    E
    P : SELECT 1/0
    B
    E
    S
    )
    Q SELECT current_setting('work_mem'), current_setting('custom.x', true)
=== set-local-in-a-batch
    (
    P : SET LOCAL custom.x = 'batch'
    B
    E
    P : SELECT current_setting('custom.x', true)
    B
    E
    S
    )
    Q SELECT current_setting('custom.x', true)
=== batch-with-begin-and-commit
    (
    P : BEGIN
    B
    E
    P : SET work_mem = '1MB'
    B
    E
    P : COMMIT
    B
    E
    P : SET custom.x = 'lost'
    B
    E
    P : SELECT 1/0
    B
    E
    S
    )
    Q SELECT current_setting('work_mem'), current_setting('custom.x', true)
=== begin-twice-and-commit-twice
    Q BEGIN
    Q BEGIN
    Q SET work_mem = '1MB'
    Q COMMIT
    Q COMMIT
    Q SHOW work_mem
    Q ROLLBACK
    Q ABORT
=== words-for-transactions
    Q START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE
    Q SHOW transaction_isolation
    Q SET custom.x = 'kept'
    Q END TRANSACTION
    Q BEGIN WORK; SET custom.x = 'dropped'; ABORT WORK
    Q SHOW custom.x
    Q BEGIN TRANSACTION READ ONLY; CREATE TABLE no (n int)
    Q ROLLBACK TRANSACTION
=== set-transaction
    Q BEGIN
    Q SET TRANSACTION ISOLATION LEVEL REPEATABLE READ
    Q SHOW transaction_isolation
    Q COMMIT
    Q SHOW transaction_isolation
    Q BEGIN; SELECT 1; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
    Q ROLLBACK
    Q BEGIN; SET transaction_isolation = 'serializable'; SHOW transaction_isolation; COMMIT
    Q BEGIN; SET LOCAL transaction_read_only = on; SHOW transaction_read_only; COMMIT
    Q SHOW transaction_read_only
    Q SET transaction_isolation = 'serializable'
    Q SHOW transaction_isolation
    Q SET TRANSACTION READ ONLY
    Q SHOW transaction_read_only
=== set-transaction-snapshot-refused
    Q BEGIN ISOLATION LEVEL REPEATABLE READ
    Q SET TRANSACTION SNAPSHOT '00000003-0000001B-1'
    Q ROLLBACK
    Q SET TRANSACTION SNAPSHOT 'x'
=== session-characteristics
    Q SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
    Q CREATE TABLE no (n int)
    Q SHOW default_transaction_read_only
    Q SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, ISOLATION LEVEL SERIALIZABLE, DEFERRABLE
    Q BEGIN; SHOW transaction_isolation; SHOW transaction_deferrable; COMMIT
    Q SET default_transaction_isolation TO DEFAULT
    Q SHOW transaction_isolation
    Q RESET ALL
    Q SHOW transaction_deferrable
=== session-characteristics-rolled-back
    Q BEGIN
    Q SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
    Q SHOW transaction_read_only
    Q ROLLBACK
    Q SHOW default_transaction_read_only
=== a-setting-that-fails-ends-the-transaction
    Q BEGIN
    Q SET work_mem = '1MB'
    Q SET work_mem = 'lots'
    Q SHOW work_mem
    Q COMMIT
    Q SHOW work_mem
=== deferred-constraint-fails-at-commit
    setup CREATE TABLE public.u (n int UNIQUE DEFERRABLE INITIALLY DEFERRED); GRANT ALL ON public.u TO PUBLIC
    Q BEGIN
    Q SET work_mem = '1MB'
    Q PREPARE p AS SELECT 1
    Q INSERT INTO u VALUES (1), (1)
    Q COMMIT
    Q SHOW work_mem
    Q EXECUTE p
    (
    X BEGIN
    X SET work_mem = '2MB'
    X INSERT INTO u VALUES (1), (1)
    X COMMIT
    X SHOW work_mem
    )
    Q SET work_mem = '3MB'; INSERT INTO u VALUES (2), (2)
    Q SHOW work_mem
=== two-phase-commit-refused-or-done
    Q BEGIN
    Q SET work_mem = '1MB'
    Q PREPARE TRANSACTION 'one'
    Q SHOW work_mem
    Q COMMIT PREPARED 'one'
    Q ROLLBACK PREPARED 'none'
=== errors-keep-the-session
    Q SELECT 1/0
    Q SELECT * FROM no_such_table
    Q SELEC 1
    X SELECT $1::int | x
    X SELECT 'a'::int
    P : SELECT $1
    B
    E
    S
    B /unknown
    E
    S
    E nowhere
    S
    DS nobody
    S
    CS nobody
    S
    Q SELECT 'alive'
""")

ALL = TRANSACTIONS


@parametrize(ALL)
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
