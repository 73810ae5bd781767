"""Parity: COPY, LISTEN and NOTIFY, errors and reconnects, between other state and beside it."""

from parity import Case, cases, check, parametrize

COPY = cases(r"""
=== copy-out
    Q COPY base.numbers TO STDOUT
    Q COPY (SELECT n FROM base.numbers WHERE n < 3 ORDER BY n) TO STDOUT WITH (FORMAT csv, HEADER)
    X COPY (SELECT 1) TO STDOUT
    Q SET search_path = a
    Q COPY who TO STDOUT
    Q BEGIN; SET LOCAL search_path = b; COPY who TO STDOUT; COMMIT
    Q COPY who TO STDOUT
    Q COPY nothing TO STDOUT
    Q COPY (SELECT 1/(n-2) FROM base.numbers ORDER BY n) TO STDOUT
    Q SELECT 'after'
=== copy-in
    Q CREATE TABLE c (n int, t text)
    (
    Q COPY c FROM STDIN
    d 1	one
    d 2	two
    c
    )
    Q SELECT * FROM c ORDER BY n
    (
    P : COPY c FROM STDIN WITH (FORMAT csv)
    B
    E
    d 3,three
    c
    S
    )
    Q SELECT count(*) FROM c
=== copy-in-fails
    Q CREATE TABLE c (n int)
    (
    Q COPY c FROM STDIN
    d not a number
    c
    )
    Q SELECT count(*) FROM c
    (
    Q COPY c FROM STDIN
    d 1
    f changed my mind
    )
    Q SELECT count(*) FROM c
    (
    Q COPY nothing FROM STDIN
    d 1
    c
    )
    Q SELECT 'after'
=== copy-in-with-settings
    Q CREATE TABLE c (d date)
    Q SET DateStyle = 'SQL, DMY'
    (
    Q COPY c FROM STDIN
    d 01/02/2024
    c
    )
    Q SELECT * FROM c
    Q SET DateStyle = 'ISO, YMD'
    Q SELECT * FROM c
=== copy-in-a-transaction
    Q CREATE TABLE c (n int)
    Q BEGIN
    Q SET LOCAL work_mem = '7MB'
    (
    Q COPY c FROM STDIN
    d 1
    c
    )
    Q SHOW work_mem
    (
    Q COPY c FROM STDIN
    d x
    c
    )
    Q COMMIT
    Q SELECT count(*) FROM c
=== copy-between-settings-in-one-text
    Q SET work_mem = '7MB'; COPY (SELECT current_setting('work_mem')) TO STDOUT; SET work_mem = '8MB'
    Q SHOW work_mem
    Q CREATE TABLE c (n int)
    (
    Q SET work_mem = '9MB'; COPY c FROM STDIN; SHOW work_mem
    d 5
    c
    )
    Q SHOW work_mem
    Q SELECT * FROM c
    (
    Q SET work_mem = '10MB'; COPY c FROM STDIN; SHOW work_mem
    f no
    )
    Q SHOW work_mem
=== copy-and-encoding
    Q SET client_encoding = latin1
    Q COPY (SELECT chr(233)) TO STDOUT
    Q RESET client_encoding
    Q COPY (SELECT chr(233)) TO STDOUT
""")

LISTEN = cases(r"""
=== listen-and-notify-oneself
    Q LISTEN ch
    Q NOTIFY ch, 'to myself'
    A 1
    Q SELECT 1
=== listen-and-hear-another
    Q LISTEN ch
    admin NOTIFY ch, 'from another'
    A 1
    Q SELECT 1
    admin NOTIFY ch; NOTIFY ch, 'with payload'; NOTIFY other_ch, 'not for us'
    A 2
=== listen-quoted
    Q LISTEN "Mixed Channel"
    Q LISTEN folded
    admin NOTIFY "Mixed Channel", 'quoted'; NOTIFY FOLDED, 'folded'
    A 2
=== listen-twice-heard-once
    Q LISTEN ch
    Q LISTEN ch
    X LISTEN ch
    admin NOTIFY ch, 'once'
    A 1
    admin NOTIFY ch, 'twice'
    A 1
=== listen-rolled-back
    Q BEGIN
    Q LISTEN never
    Q ROLLBACK
    Q LISTEN ch
    admin NOTIFY never, 'not heard'; NOTIFY ch, 'heard'
    A 1
=== listen-at-commit
    Q BEGIN
    Q LISTEN ch
    admin NOTIFY ch, 'too early'
    Q SELECT 1
    Q COMMIT
    admin NOTIFY ch, 'in time'
    A 1
=== listen-in-a-failed-transaction
    Q BEGIN
    Q LISTEN never
    Q SELECT 1/0
    Q LISTEN never
    Q COMMIT
    Q LISTEN never; SELECT 1/0
    Q LISTEN ch
    admin NOTIFY never, 'not heard'; NOTIFY ch, 'heard'
    A 1
=== listen-in-a-savepoint
    Q BEGIN
    Q SAVEPOINT s
    Q LISTEN never
    Q ROLLBACK TO s
    Q LISTEN ch
    Q COMMIT
    admin NOTIFY never, 'not heard'; NOTIFY ch, 'heard'
    A 1
=== unlisten
    Q LISTEN ch
    Q LISTEN other_ch
    Q UNLISTEN ch
    admin NOTIFY ch, 'not heard'; NOTIFY other_ch, 'heard'
    A 1
    Q UNLISTEN *
    Q LISTEN last_ch
    admin NOTIFY ch, 'not heard'; NOTIFY other_ch, 'not heard'; NOTIFY last_ch, 'heard'
    A 1
=== unlisten-rolled-back
    Q LISTEN ch
    Q BEGIN; UNLISTEN ch; ROLLBACK
    admin NOTIFY ch, 'still heard'
    A 1
    Q BEGIN; UNLISTEN *; LISTEN other_ch; COMMIT
    admin NOTIFY ch, 'not heard'; NOTIFY other_ch, 'heard'
    A 1
=== unlisten-nothing
    Q UNLISTEN ch
    Q UNLISTEN *
    X UNLISTEN *
    Q LISTEN ch; UNLISTEN ch; SELECT 1
=== listen-ended-by-discard-all
    Q LISTEN ch
    Q DISCARD ALL
    Q LISTEN other_ch
    admin NOTIFY ch, 'not heard'; NOTIFY other_ch, 'heard'
    A 1
=== notify-in-transactions
    Q LISTEN ch
    Q BEGIN
    Q NOTIFY ch, 'committed'
    Q SELECT 1
    Q COMMIT
    A 1
    Q BEGIN; NOTIFY ch, 'rolled back'; ROLLBACK
    Q NOTIFY ch, 'after'
    A 1
=== notify-same-payload
    Q LISTEN ch
    Q BEGIN; NOTIFY ch, 'same'; NOTIFY ch, 'same'; NOTIFY ch, 'different'; COMMIT
    A 2
    Q SELECT pg_notify('ch', 'by function')
    A 1
    X SELECT pg_notify($1, $2) | ch | extended
    A 1
=== listen-gone-after-reconnect
    Q LISTEN ch
    reconnect
    Q LISTEN other_ch
    admin NOTIFY ch, 'not heard'; NOTIFY other_ch, 'heard'
    A 1
=== listen-in-a-pipeline
    (
    X LISTEN ch
    X SELECT 1
    X NOTIFY ch, 'one'
    X SELECT 2
    )
    A 1
=== listen-in-a-transaction-of-work
    Q BEGIN; CREATE TABLE made (n int); LISTEN ch; NOTIFY ch, 'made'; COMMIT
    A 1
    Q SELECT * FROM made
=== notify-refused
    Q NOTIFY ch, 'x' 'y'
    Q SELECT pg_notify('', 'no channel')
    Q SELECT 1
=== listening-channels
    Q SELECT * FROM pg_listening_channels()
    Q LISTEN ch
    Q SELECT count(*) FROM pg_listening_channels() c WHERE c = 'strange'
""")

RECONNECTS = cases(r"""
=== reconnect-forgets-all
    startup TimeZone=Asia/Tokyo
    Q SET work_mem = '7MB'; SET TimeZone = 'UTC'; SET ROLE role_a
    Q PREPARE p AS SELECT 1
    P s: SELECT 2
    S
    reconnect
    Q SELECT current_setting('work_mem'), current_setting('TimeZone'), current_user
    Q EXECUTE p
    B /s
    E
    S
=== abort-in-a-transaction
    Q CREATE TABLE made (n int)
    Q BEGIN
    Q INSERT INTO made VALUES (1)
    Q SET work_mem = '7MB'
    abort
    Q SELECT count(*) FROM made
    Q SHOW work_mem
=== abort-in-a-failed-transaction
    Q BEGIN
    Q SELECT 1/0
    abort
    Q SELECT 'alive'
=== terminate-in-a-transaction
    Q CREATE TABLE made (n int)
    Q BEGIN
    Q INSERT INTO made VALUES (1)
    reconnect
    Q SELECT count(*) FROM made
=== terminate-with-everything
    Q SET search_path = a; SET work_mem = '7MB'; SET ROLE role_a; SET custom.x = 'mine'
    Q PREPARE p AS SELECT 1
    Q BEGIN
    Q DECLARE c CURSOR FOR SELECT n FROM base.numbers
    Q FETCH c
    Q SAVEPOINT s
    Q SET LOCAL work_mem = '8MB'
    abort
    Q SELECT current_setting('search_path'), current_setting('work_mem'), current_user
    Q SELECT coalesce(current_setting('custom.x', true), '')
    Q FETCH c
    Q EXECUTE p
=== errors-in-pipelines
    (
    Q SELECT 1; SELECT 1/0; SELECT 2
    X SELECT 3
    X SELECT $1::int | four
    Q SELEC 5
    X SELEC 6
    Q SELECT 7
    )
    Q SELECT 8
=== errors-that-a-function-raises
    Q DO $$ BEGIN RAISE EXCEPTION 'mine' USING ERRCODE = 'MY001', DETAIL = 'd', HINT = 'h'; END $$
    Q DO $$ BEGIN RAISE NOTICE 'a notice'; RAISE WARNING 'a warning'; END $$
    maybe
    Q SELECT 1
=== a-statement-that-is-no-statement
    Q SELECT
    Q ;
    Q
    X
    Q SELECT 1;;
    Q (SELECT 1) UNION (SELECT 2) ORDER BY 1
    Q TABLE base.numbers
    Q VALUES (1), (2)
=== newer-syntax-is-the-servers-business
    Q SELECT JSON_OBJECT('a': 1)
    Q CREATE TABLE t (n int) NO SUCH WORDS
    Q SET work_mem = '7MB'
    Q SELECT any_value(n) FROM base.numbers
    Q SHOW work_mem
=== notices-and-warnings
    Q SET client_min_messages = debug1
    Q SET client_min_messages = warning
    Q DROP TABLE IF EXISTS nothing
    Q SET client_min_messages = notice
    Q DROP TABLE IF EXISTS nothing
    Q BEGIN; SET LOCAL client_min_messages = error; DROP TABLE IF EXISTS nothing; ROLLBACK
    Q DROP TABLE IF EXISTS nothing
=== function-call-protocol-is-rare-but-settings-hold
    Q SET bytea_output = escape
    X SELECT '\x6162'::bytea
    Q SET bytea_output = hex
    X SELECT '\x6162'::bytea
""") + [
    Case("a-large-result", "Q SET work_mem = '7MB'\nQ SELECT n, repeat('x', 500) FROM generate_series(1, 400) n\nQ SHOW work_mem"),
    Case("a-large-statement", f"Q SET work_mem = '7MB'; SELECT length('{'y' * 60000}')\nQ SHOW work_mem\nX SELECT length($1) | {'z' * 60000}"),
    Case("many-small-statements", "Q " + "; ".join(f"SET custom.x = '{n}'; SHOW custom.x" for n in range(80)) + "\nQ SHOW custom.x"),
    Case("a-long-pipeline", "(\n" + "\n".join(f"X SET custom.x = '{n}'\nX SELECT current_setting('custom.x')" for n in range(60)) +
         "\n)\nQ SHOW custom.x"),
    Case("a-long-pipeline-of-transactions", "(\n" + "\n".join(
        f"X BEGIN\nX SET LOCAL custom.x = 'local {n}'\nX SET work_mem = '{n + 1}MB'\nX SHOW custom.x\nX {'COMMIT' if n % 3 else 'ROLLBACK'}\n"
        "X SHOW work_mem" for n in range(20)) + "\n)\nQ SHOW work_mem"),
    Case("deep-parentheses", f"Q SELECT {'(' * 200}1{')' * 200}\nQ SET work_mem = '7MB'\nQ SELECT {'1+' * 3000}1\nQ SHOW work_mem"),
]

ALL = COPY + LISTEN + RECONNECTS


@parametrize(ALL)
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
