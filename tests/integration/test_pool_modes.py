"""When a server goes back to its pool, who decides it, and what is cleaned before the next client."""

import pytest

from rawpg import BackendSide, FakeBackend, errors, extended, plain_answers, query, rows, sync, types


def target(postgres, **more):
    return {"host": "127.0.0.1", "port": postgres.port, "dbname": "app"} | more


def shares_servers(pooler, **who):
    """Whether a second client is served by the one server while the first is idle outside a transaction."""
    with pooler.connect(**who) as first, pooler.connect(**who) as second:
        first.value("SELECT 1")
        second.send(query("SELECT 'served'"))
        if second.quiet(0.4):
            first.drop()
            assert rows(second.until_ready()) == [[b"served"]]
            return False
        assert rows(second.until_ready()) == [[b"served"]]
        return True


@pytest.mark.parametrize("general, database, user, shares", [
    ("transaction", None, None, True), ("session", None, None, False), ("statement", None, None, True),
    ("session", "transaction", None, True), ("transaction", "session", None, False),
    ("transaction", "transaction", "session", False), ("session", "session", "transaction", True),
])
def test_the_narrower_setting_of_the_pool_mode_wins(weir, postgres, general, database, user, shares):
    own = {} if database is None else {"pool_mode": database}
    users = {"alice": {"password": "alice-pw"} | ({} if user is None else {"pool_mode": user}), "bob": {"password": "bob-pw"}}
    pooler = weir(weir={"pool_mode": general, "default_pool_size": 1}, databases={"app": target(postgres, **own)}, users=users)
    with pooler.connect() as c:  # the pool knows its server
        c.value("SELECT 1")
    assert shares_servers(pooler) == shares


@pytest.mark.short
def test_a_session_keeps_its_server_and_all_it_left_there(weir):
    pooler = weir(weir={"pool_mode": "session", "default_pool_size": 2})
    with pooler.connect() as c, pooler.connect() as other:
        other.value("SELECT 1")
        c.ask("CREATE TEMP TABLE mine AS SELECT 7 AS n; SET work_mem = '5MB'; PREPARE p AS SELECT 'p'")
        for _ in range(3):
            other.value("SELECT 1")
            assert c.value("SELECT n FROM mine") == "7"
            assert c.value("SHOW work_mem") == "5MB"
            assert c.value("EXECUTE p") == "p"


@pytest.mark.short
def test_the_next_session_finds_a_clean_server(weir):
    pooler = weir(weir={"pool_mode": "session", "default_pool_size": 1})
    with pooler.connect() as c:
        pid = c.value("SELECT pg_backend_pid()")
        c.ask("CREATE TEMP TABLE left_behind AS SELECT 1; SET work_mem = '5MB'; SELECT pg_advisory_lock(77); LISTEN somebody")
        c.send(extended("SELECT 'named'", name="named"), sync())
        c.until_ready()
    with pooler.connect() as c:
        assert c.value("SELECT pg_backend_pid()") == pid
        assert c.value("SELECT to_regclass('left_behind')") is None
        assert c.value("SHOW work_mem") == "4MB"
        assert c.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0"
        assert c.value("SELECT count(*) FROM pg_listening_channels()") == "0"
        assert c.value("SELECT count(*) FROM pg_prepared_statements") == "0"
        c.send(extended("SELECT 'named anew'", name="named"), sync())
        assert rows(c.until_ready()) == [[b"named anew"]]


def statements(weir, **settings):
    """What a server hears while two clients use it one after the other."""
    seen = []

    def handler(side: BackendSide):
        side.read_startup()
        side.welcome()

        def answer(wire, m):
            if m.type == "Q":
                seen.append(m.body.rstrip(b"\0").decode())
            plain_answers(wire, m)

        side.serve(answer)

    with FakeBackend(handler) as backend:
        pooler = weir(weir={"default_pool_size": 1} | settings,
                      databases={"app": {"host": "127.0.0.1", "port": backend.port, "server_tls_sslmode": "disable"}})
        for n in (1, 2):
            with pooler.connect() as c:
                assert rows(c.ask(f"SELECT {n}")) == [[b"ok"]]
    return seen


@pytest.mark.parametrize("settings, resets", [
    ({"pool_mode": "session", "server_reset_query": "RESET everything"}, True),
    ({"pool_mode": "transaction", "server_reset_query": "RESET everything"}, False),
    ({"pool_mode": "transaction", "server_reset_query": "RESET everything", "server_reset_query_always": True}, True),
    ({"pool_mode": "session", "server_reset_query": ""}, False),
])
def test_the_reset_query_runs_between_two_clients_where_it_should(weir, settings, resets):
    seen = statements(weir, **settings)
    first, second = seen.index("SELECT 1"), seen.index("SELECT 2")
    assert ("RESET everything" in seen[first:second]) == resets, seen


@pytest.mark.short
def test_statement_mode_refuses_a_transaction_and_leaves_the_server_clean(weir):
    pooler = weir(weir={"pool_mode": "statement", "default_pool_size": 1})
    for request in (query("BEGIN"), extended("BEGIN") + sync()):
        with pooler.connect() as c:
            assert c.value("SELECT 1") == "1"
            c.send(request)
            got = errors(c.until_closed(timeout=4))
            assert got and got[0].fields["S"] == "FATAL" and "statement pooling" in got[0].fields["M"]
        with pooler.connect() as c:
            reply = c.ask("SELECT 'clean'")
            assert types(reply) == "TDCZ" and reply[-1].status == "I"


def test_statement_mode_lets_a_transaction_within_one_message_pass(weir):
    pooler = weir(weir={"pool_mode": "statement"})
    with pooler.connect() as c:
        assert not errors(c.ask("BEGIN; SELECT 1; COMMIT"))
        assert errors(c.ask("SELECT 1/0"))[0].sqlstate == "22012"
        assert c.value("SELECT 'lives'") == "lives"
