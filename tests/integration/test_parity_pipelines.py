"""Parity: pipelines of several Syncs, and plans that became invalid."""

from parity import cases, check, parametrize

PIPELINES = cases(r"""
=== pipeline-of-syncs
    (
    P s: SELECT $1::int
    S
    B /s: 1
    E
    S
    B /s: x
    E
    S
    B /s: 3
    E
    S
    P : SELECT 1/0
    B
    E
    P never: SELECT 1
    S
    B /never
    E
    S
    CS s
    S
    B /s: 4
    E
    S
    S
    )
    B /s: 5
    E
    S
=== pipeline-with-transactions
    (
    X BEGIN
    XN w: SELECT 'in'
    X SELECT 1/0
    B /w
    E
    S
    X COMMIT
    B /w
    E
    S
    Q SELECT 'simple'
    )
    B /w
    E
    S
=== pipeline-of-settings-and-names
    (
    X SET search_path = a
    XN w: SELECT name FROM who
    X SET search_path = b
    B /w
    E
    S
    X BEGIN
    X SET LOCAL search_path = "Mixed Case"
    B /w
    E
    S
    X ROLLBACK
    B /w
    E
    S
    )
    B /w
    E
    S
=== plan-invalidated-by-protocol
    setup CREATE TABLE public.k AS SELECT 1 AS n; GRANT ALL ON public.k TO PUBLIC
    P s: SELECT n FROM k
    S
    B /s
    E
    S
    admin DROP TABLE public.k
    B /s
    E
    S
    admin CREATE TABLE public.k AS SELECT 2 AS n; GRANT ALL ON public.k TO PUBLIC
    B /s
    E
    S
    Q BEGIN
    B /s
    E
    S
    Q COMMIT
=== result-type-changed-within-a-transaction
    setup CREATE TABLE public.k AS SELECT 1 AS n; GRANT ALL ON public.k TO PUBLIC; ALTER TABLE public.k OWNER TO alice
    P s: SELECT * FROM k
    S
    Q BEGIN
    B /s
    E
    S
    Q ALTER TABLE k ADD COLUMN m int DEFAULT 2
    B /s
    E
    S
    B /s
    E
    S
    Q ROLLBACK
    B /s
    E
    S
=== result-type-changed-behind-delivered-rows
    sizes 1
    setup CREATE TABLE public.k AS SELECT 1 AS n; GRANT ALL ON public.k TO PUBLIC; ALTER TABLE public.k OWNER TO alice
    strangers off
    P s: SELECT * FROM k
    B /s
    E
    S
    (
    P : ALTER TABLE k ADD COLUMN m int DEFAULT 2
    B
    E
    B /s
    E
    S
    )
    B /s
    E
    S
=== result-type-the-same-after-all
    setup CREATE TABLE public.k AS SELECT 1 AS n; GRANT ALL ON public.k TO PUBLIC; ALTER TABLE public.k OWNER TO alice
    P s: SELECT n FROM k
    B /s
    E
    S
    Q ALTER TABLE k ADD COLUMN m int
    B /s
    E
    S
    Q ALTER TABLE k RENAME COLUMN n TO o
    B /s
    E
    S
    Q ALTER TABLE k RENAME COLUMN o TO n
    B /s
    E
    S
""")

ALL = PIPELINES


@parametrize(ALL)
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
