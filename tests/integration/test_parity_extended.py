"""Parity: the extended protocol, its names beside those of SQL; unnamed statements, portals and Flush."""

from parity import cases, check, parametrize

PROTOCOL = cases(r"""
=== protocol-name-used-by-sql
    P p: SELECT 'by protocol'
    S
    Q EXECUTE p
    X EXECUTE p
    B /p
    E
    S
    Q DEALLOCATE p
    B /p
    E
    S
    Q EXECUTE p
=== sql-name-used-by-protocol
    Q PREPARE p AS SELECT 'by SQL'
    B /p
    E
    S
    DS p
    S
    CS p
    S
    Q EXECUTE p
    B /p
    E
    S
=== sql-name-taken-by-protocol
    Q PREPARE p AS SELECT 'by SQL'
    P p: SELECT 'by protocol'
    S
    Q EXECUTE p
    CS p
    P p: SELECT 'by protocol'
    S
    Q EXECUTE p
=== protocol-name-taken-by-sql
    P p: SELECT 'by protocol'
    S
    Q PREPARE p AS SELECT 'by SQL'
    Q EXECUTE p
    Q DEALLOCATE p
    Q PREPARE p AS SELECT 'by SQL'
    B /p
    E
    S
=== both-with-parameters
    P p: SELECT $1::int + 1, $2::text
    DS p
    S
    Q EXECUTE p(1, 'x')
    Q EXECUTE p(1)
    Q PREPARE q(int, text) AS SELECT $1 + 2, $2
    DS q
    B /q: 5 | y
    DP
    E
    S
    B /q: 5
    E
    S
=== both-in-one-pipeline
    (
    P p: SELECT 'protocol'
    S
    Q EXECUTE p
    Q DEALLOCATE p
    P p: SELECT 'again'
    B /p
    E
    S
    Q PREPARE q AS SELECT 'sql'
    B /q
    E
    S
    Q DEALLOCATE ALL
    B /p
    E
    S
    B /q
    E
    S
    )
    Q EXECUTE p
=== both-in-one-batch
    (
    P : PREPARE p AS SELECT 'sql in a batch'
    B
    E
    P : EXECUTE p
    B
    E
    B /p
    E
    P : DEALLOCATE p
    B
    E
    P : EXECUTE p
    B
    E
    S
    )
    Q EXECUTE p
=== batch-with-an-error-behind
    (
    P p: SELECT 'p'
    P : PREPARE q AS SELECT 'q'
    B
    E
    P : SELECT 1/0
    B
    E
    P r: SELECT 'r'
    S
    )
    Q EXECUTE p
    Q EXECUTE q
    Q EXECUTE r
=== deallocate-all-closes-both
    P p: SELECT 'p'
    P "Mixed": SELECT 'm'
    S
    Q PREPARE q AS SELECT 'q'
    Q DEALLOCATE ALL
    B /p
    E
    S
    B /Mixed
    E
    S
    Q EXECUTE q
=== discard-all-closes-both
    P p: SELECT 'p'
    S
    Q PREPARE q AS SELECT 'q'
    X DISCARD ALL
    B /p
    E
    S
    Q EXECUTE q
    P p: SELECT 'p again'
    B /p
    E
    S
=== names-with-odd-characters
    P "with space": SELECT 'space'
    S
    Q EXECUTE "with space"
    P "q""uote": SELECT 'quote'
    S
    Q EXECUTE "q""uote"
    P Upper: SELECT 'upper'
    S
    Q EXECUTE upper
    Q EXECUTE "Upper"
    P weir_ps_1: SELECT 'ours'
    B /weir_ps_1
    E
    S
    Q EXECUTE weir_ps_1
=== unnamed-over-transactions
    P : SELECT $1::int
    S
    B : 1
    E
    S
    B : 2
    E
    S
    Q SELECT 'a simple query drops the unnamed statement'
    B : 3
    E
    S
=== unnamed-parsed-alone-and-used-later
    P : SELECT n FROM base.numbers WHERE n = $1
    DS
    S
    DS
    S
    B : 4
    DP
    E
    S
    CS
    S
    B : 4
    E
    S
=== unnamed-replaced
    P : SELECT 'one'
    S
    P : SELECT 'two'
    S
    B
    E
    S
    P : SELEC
    S
    B
    E
    S
=== unnamed-in-a-transaction
    Q BEGIN
    P : SELECT $1::int
    S
    B : 1
    E
    S
    Q COMMIT
    B : 2
    E
    S
=== unnamed-after-an-error
    P : SELECT 10 / $1::int
    S
    B : 0
    E
    S
    B : 2
    E
    S
=== named-in-transactions
    Q BEGIN
    P s: SELECT $1::text
    S
    Q ROLLBACK
    B /s: still
    E
    S
    Q BEGIN
    Q SELECT 1/0
    P t: SELECT 2
    S
    B /s: no
    E
    S
    P c: ROLLBACK
    B /c
    E
    S
    B /s: yes
    E
    S
=== named-exists-and-unknown
    P s: SELECT 1
    S
    P s: SELECT 2
    S
    B /s
    E
    S
    B /nobody
    E
    S
    DS nobody
    S
    CS nobody
    S
    CS s
    S
    B /s
    E
    S
=== portals-in-a-transaction
    Q BEGIN
    P s: SELECT n FROM base.numbers ORDER BY n
    B one/s
    B two/s
    E one 2
    E two 1
    S
    E one 2
    S
    E two 0
    S
    B one/s
    S
    Q COMMIT
    E one 1
    S
=== portals-closed
    Q BEGIN
    P s: SELECT n FROM base.numbers ORDER BY n
    B one/s
    E one 2
    S
    CP one
    S
    E one 1
    S
    Q ROLLBACK
    CP one
    S
=== portal-outlives-no-sync
    P s: SELECT n FROM base.numbers ORDER BY n
    B one/s
    E one 2
    S
    E one 2
    S
    DP one
    S
=== portal-fetched-by-sql
    Q BEGIN
    P s: SELECT n FROM base.numbers ORDER BY n
    B one/s
    S
    Q FETCH 2 FROM one
    Q CLOSE one
    E one
    S
    Q ROLLBACK
=== cursor-executed-by-protocol
    Q BEGIN
    Q DECLARE c CURSOR FOR SELECT n FROM base.numbers ORDER BY n
    DP c
    E c 2
    S
    Q FETCH c
    Q COMMIT
    E c 1
    S
=== flushes
    P s: SELECT $1::int AS n
    DS s
    H
    S
    B /s: 1
    H
    E
    H
    B /s: 2
    E
    H
    S
    P : SELECT 1/0
    B
    E
    H
    S
    Q SELECT 'alive'
=== flush-in-a-transaction
    X BEGIN
    P : SELECT 1
    B
    E
    H
    P : SELECT 2
    B
    E
    H
    S
    X COMMIT
=== many-named-statements
    P s1: SELECT 1
    P s2: SELECT 2
    P s3: SELECT 3
    P s4: SELECT $1::text
    P s5: SELECT $1::text
    S
    B /s3
    E
    B /s1
    E
    S
    CS s1
    S
    B /s5: five
    E
    B /s4: four
    E
    B /s2
    E
    S
    B /s1
    E
    S
=== the-same-text-under-two-names
    P one: SELECT 'the same'
    P two: SELECT 'the same'
    S
    CS one
    S
    B /two
    E
    S
    B /one
    E
    S
=== types-given-in-parse
    P s(20,25): SELECT $1, $2
    DS s
    S
    P t(23,25): SELECT $1, $2
    DS t
    S
    B /s: 1 | a
    DP
    E
    S
    B /t: 1 | a
    DP
    E
    S
=== empty-statements
    P e:
    DS e
    S
    B /e
    E
    S
    P :
    B
    DP
    E
    S
    Q EXECUTE e
=== several-statements-in-one-parse
    P m: SELECT 1; SELECT 2
    S
    B /m
    E
    S
    P m: SELECT 1;
    B /m
    E
    S
""")

ALL = PROTOCOL


@parametrize(ALL)
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
