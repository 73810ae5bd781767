"""What each timeout ends, what it leaves alone, and with which SQLSTATE the client hears of it."""

import time

import pytest

from rawpg import (BackendSide, Closed, FakeBackend, Raw, cancel, errors, extended, plain_answers, query, rows, startup,
                   sync, types)
from servers import wait_for


def hold(pooler, **who):
    c = pooler.connect(**who)
    assert not errors(c.ask("BEGIN"))
    return c


def ends_with(c, sqlstate, within=4.0):
    """The session ends with this FATAL."""
    got = c.until_closed(timeout=within)
    assert errors(got) and errors(got)[-1].sqlstate == sqlstate, [m.fields for m in errors(got)]
    assert errors(got)[-1].fields["S"] == "FATAL"


def server_pid(c):
    return c.value("SELECT pg_backend_pid()")


# ---- waiting for a server

@pytest.mark.short
def test_a_query_that_waits_too_long_fails_and_the_session_lives(weir):
    pooler = weir(weir={"default_pool_size": 1, "query_wait_timeout": 0.5})
    with hold(pooler) as holder, pooler.connect() as c:
        began = time.monotonic()
        reply = c.ask("SELECT 1", timeout=4)
        assert 0.4 < time.monotonic() - began < 2
        assert types(reply) == "EZ" and reply[-1].status == "I"
        assert errors(reply)[0].fields["S"] == "ERROR" and errors(reply)[0].sqlstate == "53300"
        assert "query_wait_timeout" in errors(reply)[0].fields["M"]
        assert errors(c.ask("SELECT 1", timeout=4))  # and again, with a wait of its own
        holder.ask("COMMIT")
        assert c.value("SELECT 'lives'") == "lives"


@pytest.mark.short
def test_a_pipeline_that_waits_too_long_fails_up_to_its_sync_and_the_session_lives(weir):
    pooler = weir(weir={"default_pool_size": 1, "query_wait_timeout": 0.5})
    with hold(pooler) as holder, pooler.connect() as c:
        c.send(extended("SELECT 1", name="kept"), extended("SELECT 2"), sync())
        reply = c.until_ready(timeout=4)
        assert types(reply) == "EZ" and errors(reply)[0].sqlstate == "53300"
        holder.ask("COMMIT")
        c.send(extended("SELECT 'named again'", name="kept"), sync())
        reply = c.until_ready()
        assert types(reply) == "12DCZ" and rows(reply) == [[b"named again"]]
        assert c.quiet(0.1)


def test_requests_behind_the_one_that_waited_too_long_are_answered_each(weir):
    pooler = weir(weir={"default_pool_size": 1, "query_wait_timeout": 0.4})
    with hold(pooler) as holder, pooler.connect() as c:
        c.send(query("SELECT 1"), query("SELECT 2"), extended("SELECT 3"), sync())
        reply = c.until_ready(3, timeout=6)
        assert types(reply) == "EZEZEZ"
        holder.ask("COMMIT")
        assert c.value("SELECT 'lives'") == "lives"


def test_a_user_and_a_database_may_wait_for_a_time_of_their_own(weir, postgres):
    target = {"host": "127.0.0.1", "port": postgres.port, "dbname": "app"}
    pooler = weir(weir={"default_pool_size": 1, "query_wait_timeout": 30},
                  databases={"app": target, "short": target | {"query_wait_timeout": 0.3}},
                  users={"alice": {"password": "alice-pw"}, "bob": {"password": "bob-pw", "query_wait_timeout": 0.3}})
    for who in ({"database": "short"}, {"user": "bob"}):
        with hold(pooler, **who), pooler.connect(**who) as c:
            assert errors(c.ask("SELECT 1", timeout=3))[0].sqlstate == "53300", who
    with hold(pooler), pooler.connect() as c:
        c.send(query("SELECT 1"))
        assert c.quiet(1)


def test_a_waiting_client_is_told_so_once_by_a_notice(weir):
    pooler = weir(weir={"default_pool_size": 1, "query_wait_notify": 0.3})
    with hold(pooler) as holder, pooler.connect() as c:
        c.send(query("SELECT 'served'"))
        notice = c.message(timeout=3)
        assert notice.type == "N" and notice.fields["S"] == "NOTICE" and "queued" in notice.fields["M"]
        assert c.quiet(0.7)
        holder.ask("COMMIT")
        assert rows(c.until_ready()) == [[b"served"]]


# ---- running

@pytest.mark.short
def test_a_query_that_runs_too_long_ends_and_so_does_its_work_on_the_server(weir, postgres):
    pooler = weir(weir={"default_pool_size": 1, "query_timeout": 0.5})
    with pooler.connect() as c:
        c.send(query("SELECT pg_sleep(20) /* too long */"))
        ends_with(c, "57014")
    wait_for(lambda: postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%/* too long */' "
                                  "AND state = 'active' AND pid <> pg_backend_pid()") == [["0"]],
             "the query to be gone from the server", 3)
    with pooler.connect() as c:
        assert c.value("SELECT 1", timeout=3) == "1"


def test_query_timeout_leaves_idle_and_short_work_alone(weir):
    pooler = weir(weir={"query_timeout": 0.5})
    with pooler.connect() as c:
        for _ in range(3):
            assert c.value("SELECT 1") == "1"
            time.sleep(0.3)
        c.ask("BEGIN")
        time.sleep(0.9)
        assert c.value("SELECT 2") == "2"
        for _ in range(4):
            c.ask("SELECT pg_sleep(0.25)")
        assert c.ask("COMMIT")[-1].status == "I"


def test_query_timeout_counts_each_query_of_a_pipeline_by_itself(weir):
    pooler = weir(weir={"query_timeout": 1})
    with pooler.connect() as c:
        c.send(*[query("SELECT pg_sleep(0.4)")] * 4)
        assert not errors(c.until_ready(4, timeout=5))


def test_a_users_own_query_timeout_wins(weir):
    pooler = weir(weir={"query_timeout": 30},
                  users={"alice": {"password": "alice-pw", "query_timeout": 0.4}, "bob": {"password": "bob-pw"}})
    with pooler.connect() as c, pooler.connect("bob") as other:
        c.send(query("SELECT pg_sleep(3)"))
        ends_with(c, "57014", 2)
        assert not errors(other.ask("SELECT pg_sleep(1)"))


def test_a_database_may_have_timeouts_of_its_own_and_a_user_wins_over_them(weir, postgres):
    target = {"host": "127.0.0.1", "port": postgres.port, "dbname": "app"}
    pooler = weir(weir={"query_timeout": 30, "idle_transaction_timeout": 30, "transaction_timeout": 30},
                  databases={"app": target, "running": target | {"query_timeout": 0.4},
                             "idle": target | {"idle_transaction_timeout": 0.4},
                             "long": target | {"transaction_timeout": 0.4},
                             "free": target | {"query_timeout": 0.4, "idle_transaction_timeout": 0.4,
                                               "transaction_timeout": 0.4}},
                  users={"alice": {"password": "alice-pw"},
                         "bob": {"password": "bob-pw", "query_timeout": 0, "idle_transaction_timeout": 0,
                                 "transaction_timeout": 20}})
    with pooler.connect(database="running") as c:
        c.send(query("SELECT pg_sleep(3)"))
        ends_with(c, "57014", 2)
    with hold(pooler, database="idle") as c:
        ends_with(c, "25P03", 2)
    with hold(pooler, database="long") as c:
        ends_with(c, "25P04", 2)
    for who in ({}, {"database": "free", "user": "bob"}):
        with hold(pooler, **who) as c:
            time.sleep(0.9)
            assert not errors(c.ask("SELECT pg_sleep(0.9)")), who


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_client_idle_in_a_transaction_is_ended_and_its_server_is_free_again(weir, mode):
    pooler = weir(weir={"default_pool_size": 1, "idle_transaction_timeout": 0.5, "pool_mode": mode})
    with hold(pooler) as idle:
        ends_with(idle, "25P03")
    with pooler.connect() as c:
        assert c.value("SELECT 'free'", timeout=3) == "free"
        time.sleep(0.9)  # idle outside a transaction is something else
        assert c.value("SELECT 1") == "1"
        c.ask("BEGIN")
        assert not errors(c.ask("SELECT pg_sleep(0.9)"))  # and so is a query that takes its time
        assert c.ask("COMMIT")[-1].status == "I"


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_transaction_that_takes_too_long_is_ended_busy_or_not(weir, mode):
    pooler = weir(weir={"default_pool_size": 2, "transaction_timeout": 0.6, "pool_mode": mode})
    with hold(pooler) as idle:
        ends_with(idle, "25P04")
    with hold(pooler) as busy:
        with pytest.raises(Closed):
            for _ in range(20):
                assert not errors(busy.ask("SELECT pg_sleep(0.1)"))
    with pooler.connect() as c:
        for _ in range(4):
            assert not errors(c.ask("SELECT pg_sleep(0.3)"))


# ---- idle clients

@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_client_that_says_nothing_is_ended_and_one_that_talks_is_not(weir, mode):
    pooler = weir(weir={"client_idle_timeout": 0.7, "pool_mode": mode})
    with pooler.connect() as silent, pooler.connect() as talks:
        for _ in range(4):
            assert talks.value("SELECT 1") == "1"
            time.sleep(0.3)
        ends_with(silent, "57P05", 1)
        talks.ask("BEGIN")
        time.sleep(1)
        assert talks.ask("COMMIT")[-1].status == "I"


@pytest.mark.short
def test_a_login_that_is_not_finished_in_time_ends(weir):
    pooler = weir(weir={"client_login_timeout": 0.5})
    with Raw.connect(pooler.port) as mute, Raw.connect(pooler.port) as half:
        mute.send(b"\0")  # tcp_defer_accept leaves whoever sends nothing at all to the kernel
        half.send(startup("alice", "app"))
        assert half.message().type == "R"
        for c in (mute, half):
            began = time.monotonic()
            c.until_closed(timeout=3)
            assert time.monotonic() - began < 2


# ---- servers

def test_a_server_past_its_lifetime_is_replaced_between_transactions(weir):
    pooler = weir(weir={"default_pool_size": 1, "server_lifetime": 1})
    with pooler.connect() as c:
        first = server_pid(c)
        c.ask("BEGIN")
        time.sleep(1.3)
        assert server_pid(c) == first  # never under a transaction
        c.ask("COMMIT")
        assert server_pid(c) != first


def test_with_lifetime_zero_a_server_serves_one_client_only(weir):
    pooler = weir(weir={"default_pool_size": 1, "server_lifetime": 0})
    with pooler.connect() as c:
        pids = [server_pid(c) for _ in range(4)]
        assert len(set(pids)) == 4
        c.ask("BEGIN")
        assert server_pid(c) == server_pid(c)
        c.ask("COMMIT")


def test_an_idle_server_is_closed_after_server_idle_timeout_and_a_used_one_is_kept(weir, postgres):
    pooler = weir(weir={"default_pool_size": 2, "server_idle_timeout": 0.6})
    with pooler.connect() as c, hold(pooler) as second:
        first = server_pid(c)
        second.ask("COMMIT")
        for _ in range(5):
            time.sleep(0.25)
            assert len(rows(c.ask("SELECT 1"))) == 1
        count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'alice' AND application_name <> 'weir catalogue'"
        assert postgres.sql(count) == [["1"]]
        time.sleep(1.2)
        assert postgres.sql(count) == [["0"]]
        assert server_pid(c) != first


def recording(seen, refuse_check=False):
    def handler(side: BackendSide):
        side.read_startup()
        side.welcome()

        def answer(wire, m):
            if m.type == "Q":
                text = m.body.rstrip(b"\0").decode()
                seen.append(text)
                if refuse_check and text == "SELECT 'check'":
                    wire.drop()
                    raise Closed("refused to answer")
            plain_answers(wire, m)

        side.serve(answer)
    return handler


def pooler_in_front(weir, backend, **settings):
    return weir(databases={"app": {"host": "127.0.0.1", "port": backend.port, "server_tls_sslmode": "disable"}},
                weir={"default_pool_size": 1} | settings)


def test_a_server_that_lay_longer_than_server_check_delay_is_checked_first(weir):
    seen = []
    with FakeBackend(recording(seen)) as backend:
        pooler = pooler_in_front(weir, backend, server_check_delay=0.5, server_check_query="SELECT 'check'",
                                 session_tracking=False)  # its side connection is no part of this
        with pooler.connect() as c:
            c.ask("SELECT 'first'")
            c.ask("SELECT 'second'")
            assert "SELECT 'check'" not in seen
            time.sleep(0.8)
            c.ask("SELECT 'third'")
        assert [s for s in seen if s] == ["SELECT 'first'", "SELECT 'second'", "SELECT 'check'", "SELECT 'third'"]


def test_with_check_delay_zero_every_idle_server_is_checked_and_with_no_query_none_is(weir):
    for text, expected in (("SELECT 'check'", True), ("", False)):
        seen = []
        with FakeBackend(recording(seen)) as backend:
            pooler = pooler_in_front(weir, backend, server_check_delay=0, server_check_query=text)
            with pooler.connect() as c:
                c.ask("SELECT 'first'")
                time.sleep(0.1)
                c.ask("SELECT 'second'")
            assert ("SELECT 'check'" in seen) == expected, seen


def test_a_server_that_fails_its_check_is_replaced_unseen(weir):
    seen = []
    with FakeBackend(recording(seen, refuse_check=True)) as backend:
        pooler = pooler_in_front(weir, backend, server_check_delay=0.3, server_check_query="SELECT 'check'")
        with pooler.connect() as c:
            c.ask("SELECT 'first'")
            time.sleep(0.6)
            assert rows(c.ask("SELECT 'second'")) == [[b"ok"]]
        assert "SELECT 'check'" in seen and backend.accepted >= 2


# ---- cancelling

def test_a_cancel_that_finds_no_way_to_the_server_is_given_up(weir):
    """The server takes connections for cancel requests and never closes them; the query itself ends."""
    stuck, servers = [], []

    def handler(side):
        start = side.read_startup()
        if "cancel" in start:
            stuck.append(start)
            time.sleep(8)
            return
        side.welcome()

        def answer(wire, m):
            if m.type == "Q" and b"slow" in m.body:
                time.sleep(1)
            if m.type == "Q" and (b"slow" in m.body or b"goes on" in m.body):
                servers.append(id(wire))
            plain_answers(wire, m)

        side.serve(answer)

    with FakeBackend(handler) as backend:
        pooler = pooler_in_front(weir, backend, cancel_wait_timeout=1)
        with pooler.connect() as c:
            c.send(query("slow"))
            time.sleep(0.3)
            with Raw.connect(pooler.port) as other:
                other.send(cancel(c.pid, c.key))
                began = time.monotonic()
                other.until_closed(timeout=6)
                assert time.monotonic() - began < 4
            wait_for(lambda: stuck, "the cancel request at the server", 4)
            assert rows(c.until_ready()) == [[b"ok"]]
            # The server is not lent while the cancel could still hit somebody; after the timeout another serves.
            assert rows(c.ask("SELECT 'goes on'", timeout=9)) == [[b"ok"]]
            assert len(set(servers)) == 2


def test_the_end_of_the_process_ends_a_cancel_that_is_under_way(weir):
    """Of interest to the address sanitizer."""
    under_way = []

    def handler(side):
        if "cancel" in side.read_startup():
            under_way.append(side)
            time.sleep(5)
            return
        side.welcome()
        side.serve(lambda wire, m: None if b"slow" in m.body else plain_answers(wire, m))

    with FakeBackend(handler) as backend:
        pooler = pooler_in_front(weir, backend)
        with pooler.connect() as c, Raw.connect(pooler.port) as other:
            c.send(query("slow"))
            wait_for(lambda: pooler.show("POOLS")[0]["sv_active"] == "1", "the query to run")
            other.send(cancel(c.pid, c.key))
            wait_for(lambda: under_way, "the cancel request at the server", 4)
            assert pooler.stop() == 0 and not pooler.bugs()
