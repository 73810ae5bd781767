"""Parity, written by hand: SET ROLE and SET SESSION AUTHORIZATION."""

from parity import cases, check, parametrize

ROLES = cases(r"""
=== set-role
    Q SET ROLE role_a
    Q SELECT current_user, session_user
    Q SET ROLE 'role_b'
    Q SELECT current_user
    Q SET SESSION ROLE "Mixed Role"
    Q SELECT current_user
    Q SET ROLE mixed_role
    Q SELECT current_user
    Q SET role TO role_a
    Q SHOW role
    Q SET ROLE NONE
    Q SELECT current_user
    Q SET role = none
    Q SHOW role
    Q SELECT set_config('role', 'role_b', false)
    Q SELECT current_user
    Q RESET ROLE
    Q SELECT current_user, current_setting('role')
=== set-role-refused
    Q SET ROLE bob
    Q SELECT current_user
    Q SET ROLE nobody
    Q SET LOCAL ROLE role_a
    Q SELECT current_user
=== role-and-permissions
    Q SET ROLE role_a
    Q CREATE TABLE owned (n int)
    Q SELECT tableowner FROM pg_tables WHERE tablename = 'owned'
    Q SET ROLE role_b
    Q SELECT * FROM owned
    Q DROP TABLE owned
    Q RESET ROLE
    Q SELECT * FROM owned
=== role-in-savepoints
    Q BEGIN
    Q SET ROLE role_a
    Q SAVEPOINT s
    Q SET LOCAL ROLE role_b
    Q SELECT current_user
    Q ROLLBACK TO s
    Q SELECT current_user
    Q SET LOCAL ROLE role_b
    Q COMMIT
    Q SELECT current_user
=== role-and-settings-and-reset-all
    Q SET ROLE role_a; SET search_path = a; SET work_mem = '7MB'
    Q SELECT current_user, name, current_setting('work_mem') FROM who
    Q RESET ALL
    Q SELECT current_user, current_setting('work_mem')
    Q SET search_path = b
    Q RESET ROLE
    Q SELECT current_user, name FROM who
=== search-path-with-user
    setup CREATE SCHEMA role_a; CREATE TABLE role_a.who AS SELECT 'role_a' AS name; GRANT ALL ON SCHEMA role_a TO PUBLIC; GRANT ALL ON role_a.who TO PUBLIC
    teardown DROP SCHEMA role_a CASCADE
    Q SET search_path = "$user", b
    Q SELECT name FROM who
    Q SET ROLE role_a
    Q SELECT name FROM who
    P s: SELECT name FROM who
    B /s
    E
    S
    Q RESET ROLE
    B /s
    E
    S
=== session-authorization
    user bob
    Q SET SESSION AUTHORIZATION alice
    Q SELECT current_user, session_user, current_setting('is_superuser')
    Q SET ROLE role_a
    Q SELECT current_user, session_user
    Q SET SESSION AUTHORIZATION 'role_b'
    Q SELECT current_user, session_user
    Q SET SESSION AUTHORIZATION DEFAULT
    Q SELECT current_user, session_user, current_setting('is_superuser')
    Q SET LOCAL SESSION AUTHORIZATION alice
    Q SELECT session_user
    Q BEGIN; SET LOCAL SESSION AUTHORIZATION alice; SELECT session_user; COMMIT
    Q SELECT session_user
=== session-authorization-in-transactions
    user bob
    Q BEGIN; SET SESSION AUTHORIZATION alice
    Q SELECT session_user
    Q ROLLBACK
    Q SELECT session_user
    Q BEGIN; SET SESSION AUTHORIZATION alice; SAVEPOINT a; RESET SESSION AUTHORIZATION; ROLLBACK TO a; COMMIT
    Q SELECT session_user, current_user
    Q SET SESSION AUTHORIZATION bob
    Q SELECT session_user, current_user
=== session-authorization-and-settings
    user bob
    Q SET work_mem = '7MB'
    Q SET SESSION AUTHORIZATION alice
    Q SET search_path = a
    Q SET ROLE role_a
    Q SELECT session_user, current_user, name, current_setting('work_mem') FROM who
    Q RESET ROLE
    Q SELECT session_user, current_user
    Q RESET ALL
    Q SELECT session_user, current_setting('work_mem')
    Q RESET SESSION AUTHORIZATION
    Q SELECT session_user
=== session-authorization-resets-the-role
    user bob
    Q SET ROLE role_a
    Q SET SESSION AUTHORIZATION alice
    Q SELECT session_user, current_user, current_setting('role')
    Q SET ROLE role_b
    Q RESET SESSION AUTHORIZATION
    Q SELECT session_user, current_user, current_setting('role')
=== session-authorization-in-batches
    user bob
    X SET SESSION AUTHORIZATION alice
    X SELECT session_user
    (
    X SET ROLE role_b
    X SELECT current_user
    X SELECT 1/0
    X RESET ROLE
    X SELECT current_user
    )
    X SELECT session_user, current_user
=== membership-revoked-in-between
    teardown GRANT role_a TO alice
    Q SET ROLE role_b
    admin REVOKE role_a FROM alice
    Q SET ROLE role_a
    Q SELECT current_user
""")

ALL = ROLES


@parametrize(ALL)
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
