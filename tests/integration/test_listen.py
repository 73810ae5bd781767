"""LISTEN, UNLISTEN and NOTIFY in transaction mode, against PostgreSQL itself and through the pooler with two servers.

A probe with `peer` runs against both, so that PostgreSQL says what is right.
"""

import asyncio
import json
import os
import select
import struct
import subprocess
import threading
import time

import asyncpg
import psycopg
import psycopg2
import psycopg2.extensions
import pytest

from rawpg import Closed, errors, extended, query, rows, sync
from servers import ROOT, Postgres, wait_for

SECONDS = 20
LISTENER = "weir listen"  # application_name of the shared connection
# More than a notification takes from commit to client, on a busy machine too.
PAUSE = 0.5

TWO_SERVERS = {"default_pool_size": 2, "query_wait_timeout": SECONDS}
two_servers = pytest.mark.settings(weir=TWO_SERVERS)
one_server = pytest.mark.settings(weir={"default_pool_size": 1, "query_wait_timeout": SECONDS})


def heard_in(messages):
    """(channel, payload) of the notifications among them."""
    return [tuple(p.decode() for p in m.body[4:].split(b"\0")[:2]) for m in messages if m.type == "A"]


def heard(c, seconds=PAUSE):
    """What comes to a client that says nothing; anything but notifications fails."""
    got = []
    while not c.quiet(seconds if not got else 0.1):
        m = c.message()
        assert m.type in "AS", (m.type, m.fields if m.type in "EN" else m.body)
        got.append(m)
    return heard_in(got)


def wait_heard(c, count, seconds=10, after=0.1):
    """So many notifications, which must come; and then no more for a moment."""
    got, deadline = [], time.monotonic() + seconds
    while len(got) < count:
        m = c.message(deadline - time.monotonic())
        assert m.type in "AS", (m.type, m.fields if m.type in "EN" else m.body)
        got += heard_in([m])
    return got + heard(c, after)


def ask(c, sql):
    """The reply to a statement that must succeed."""
    reply = c.ask(sql, timeout=SECONDS)
    assert not errors(reply), errors(reply)[0].fields
    return reply


def tags(reply):
    return [m.tag for m in reply if m.type == "C"]


def channels(c):
    return sorted(r[0].decode() for r in rows(ask(c, "SELECT * FROM pg_listening_channels()")))


def not_yet(peer, request, why):
    """What a pooler does not do yet; when it does, this has to go."""
    if not peer.direct:
        request.node.add_marker(pytest.mark.xfail(reason=why, strict=True))


@pytest.fixture
def direct(postgres):
    """notify(sql, database): from a connection around any pooler."""
    return lambda sql, database="app": postgres.sql(sql, database=database)


# ---- what PostgreSQL does, probed on both

@two_servers
def test_a_listener_hears_what_others_notify(peer, direct):
    with peer.login() as c, peer.login() as other:
        assert tags(ask(c, "LISTEN jobs")) == ["LISTEN"]
        direct("NOTIFY jobs, 'direct'")
        assert wait_heard(c, 1) == [("jobs", "direct")]
        assert tags(ask(other, "NOTIFY jobs, 'pooled'")) == ["NOTIFY"]
        assert wait_heard(c, 1) == [("jobs", "pooled")]
        ask(other, "SELECT pg_notify('jobs', 'by function')")
        assert wait_heard(c, 1) == [("jobs", "by function")]
        direct("NOTIFY jobs; NOTIFY elsewhere, 'x'")
        assert wait_heard(c, 1) == [("jobs", "")]
        assert heard(other) == []


@two_servers
def test_notifications_of_one_transaction_come_in_order_and_only_at_its_commit(peer):
    with peer.login() as c, peer.login() as other:
        ask(c, "LISTEN a; LISTEN b")
        ask(other, "BEGIN; NOTIFY b, '1'; NOTIFY a, '2'; NOTIFY b, '3'; NOTIFY b, '1'")
        assert heard(c) == []
        ask(other, "COMMIT")
        assert wait_heard(c, 3) == [("b", "1"), ("a", "2"), ("b", "3")]
        ask(other, "BEGIN; NOTIFY a, 'never'; ROLLBACK")
        ask(other, "BEGIN; NOTIFY a, 'kept'; SAVEPOINT s; NOTIFY a, 'undone'; ROLLBACK TO s; COMMIT")
        assert wait_heard(c, 1) == [("a", "kept")]


@one_server
def test_ones_own_notification_comes_before_ready_for_query(peer):
    with peer.login() as c:
        ask(c, "LISTEN me")
        for i in range(50):
            reply = ask(c, f"NOTIFY me, '{i}'")
            assert heard_in(reply) == [("me", str(i))], i
            assert reply[-1].type == "Z"
        reply = ask(c, "SELECT pg_notify('me', 'function')")
        assert heard_in(reply) == [("me", "function")]
        ask(c, "BEGIN")
        assert heard_in(ask(c, "NOTIFY me, 'later'")) == []
        assert heard_in(ask(c, "COMMIT")) == [("me", "later")]
        c.send(extended("NOTIFY me, 'extended'"), sync())
        assert heard_in(c.until_ready()) == [("me", "extended")]


@one_server
def test_listen_and_notify_in_one_transaction_is_heard(peer):
    with peer.login() as c:
        ask(c, "BEGIN; LISTEN mine; NOTIFY mine, 'at once'")
        assert heard_in(ask(c, "COMMIT")) == [("mine", "at once")]
        assert heard_in(ask(c, "LISTEN again; NOTIFY again, 'one text'")) == [("again", "one text")]


@two_servers
def test_what_was_notified_before_is_not_heard(peer, direct):
    with peer.login() as first, peer.login() as c:
        ask(first, "LISTEN c")
        for i in range(20):
            direct(f"NOTIFY c, 'before {i}'")
            ask(c, "LISTEN c")
            direct(f"NOTIFY c, 'after {i}'")
            assert wait_heard(c, 1) == [("c", f"after {i}")]
            ask(c, "UNLISTEN c")
        assert len(wait_heard(first, 40)) == 40


@two_servers
def test_listen_takes_effect_at_commit(peer, direct):
    with peer.login() as c:
        ask(c, "BEGIN; LISTEN t; SELECT 1")
        assert heard(c) == []
        ask(c, "COMMIT")
        direct("NOTIFY t, 'after'")
        assert wait_heard(c, 1) == [("t", "after")]


@two_servers
@pytest.mark.parametrize("commit", ["COMMIT", "END", "extended"])
def test_what_is_notified_between_a_first_listen_and_its_commit_is_not_heard(peer, direct, commit):
    """PostgreSQL itself delivers it to a session that listened to something else before; applications must bear both."""
    with peer.login() as c:
        ask(c, "BEGIN; LISTEN t")
        direct("NOTIFY t, 'inside'")
        time.sleep(PAUSE)
        ask(c, "NOTIFY t, 'own'")
        c.send(extended("COMMIT") + sync() if commit == "extended" else query(commit))
        got = heard_in(c.until_ready(timeout=SECONDS))
        direct("NOTIFY t, 'after'")
        got += wait_heard(c, 1)
        assert got == [("t", "own"), ("t", "after")]


@two_servers
def test_what_is_sent_after_the_commit_is_never_lost(peer, direct):
    with peer.login() as c:
        for i in range(30):
            ask(c, f"BEGIN; LISTEN c{i}")
            direct(f"NOTIFY c{i}, 'early'")
            ask(c, "COMMIT")
            direct(f"NOTIFY c{i}, 'after'")
            got = wait_heard(c, 1, after=0)
            while ("c%d" % i, "after") not in got:
                got += wait_heard(c, 1, after=0)
            assert got[-1] == (f"c{i}", "after") and len(got) == 1


@two_servers
def test_a_commit_that_adds_nothing_waits_for_nothing(peer, direct):
    with peer.login() as c:
        ask(c, "LISTEN a")
        ask(c, "BEGIN; LISTEN a")
        direct("NOTIFY a, 'listened to before'")
        time.sleep(PAUSE)
        got = heard_in(ask(c, "COMMIT"))
        assert got + (wait_heard(c, 1) if not got else []) == [("a", "listened to before")]


@two_servers
@pytest.mark.parametrize("undo", [["ROLLBACK"], ["SELECT 1/0", "COMMIT"], ["SELECT 1/0", "ROLLBACK"]])
def test_a_listen_that_is_rolled_back_never_was(peer, direct, undo):
    with peer.login() as c:
        ask(c, "LISTEN kept")
        ask(c, "BEGIN; LISTEN undone; UNLISTEN kept")
        for sql in undo:
            c.ask(sql)
        direct("NOTIFY undone; NOTIFY kept, 'still'")
        assert wait_heard(c, 1) == [("kept", "still")]


@two_servers
def test_savepoints_undo_what_was_listened_behind_them(peer, direct):
    with peer.login() as c:
        ask(c, "BEGIN; LISTEN a; SAVEPOINT s; LISTEN b; UNLISTEN a; ROLLBACK TO s; LISTEN c; COMMIT")
        direct("NOTIFY a; NOTIFY b; NOTIFY c")
        assert wait_heard(c, 2) == [("a", ""), ("c", "")]


@two_servers
def test_unlisten_one_all_and_by_discard(peer, direct):
    with peer.login() as c:
        ask(c, "LISTEN a; LISTEN b; LISTEN c")
        assert tags(ask(c, "UNLISTEN b")) == ["UNLISTEN"]
        direct("NOTIFY a; NOTIFY b; NOTIFY c")
        assert wait_heard(c, 2) == [("a", ""), ("c", "")]
        assert tags(ask(c, "UNLISTEN *")) == ["UNLISTEN"]
        direct("NOTIFY a; NOTIFY b; NOTIFY c")
        assert heard(c) == []
        ask(c, "LISTEN a")
        ask(c, "DISCARD ALL")
        direct("NOTIFY a")
        assert heard(c) == []
        ask(c, "UNLISTEN never_listened")
        ask(c, "LISTEN a")
        direct("NOTIFY a, 'back'")
        assert wait_heard(c, 1) == [("a", "back")]


@two_servers
def test_listening_twice_is_listening_once(peer, direct):
    with peer.login() as c:
        ask(c, "LISTEN a; LISTEN a")
        ask(c, "LISTEN a")
        direct("NOTIFY a")
        assert wait_heard(c, 1) == [("a", "")]
        ask(c, "UNLISTEN a")
        direct("NOTIFY a")
        assert heard(c) == []


@two_servers
@pytest.mark.parametrize("written, name", [
    ("MiXed", "mixed"), ('"MiXed"', "MiXed"), ('"with space"', "with space"), ('"qu""ote"', 'qu"ote'), ("grün", "grün"),
    ('"; UNLISTEN *; --"', "; UNLISTEN *; --"), ('"1"', "1"), ('"select"', "select"), ("l" + "o" * 80 + "ng", "l" + "o" * 62),
    ('"' + "ä" * 40 + '"', "ä" * 31)])
def test_names_are_folded_quoted_and_cut_as_postgresql_does(peer, direct, written, name):
    with peer.login() as c:
        reply = c.ask(f"LISTEN {written}")
        assert not errors(reply)
        direct("SELECT pg_notify($$" + name + "$$, 'right'); NOTIFY other")
        assert wait_heard(c, 1) == [(name, "right")]
        assert not errors(c.ask(f"UNLISTEN {written}"))
        direct("SELECT pg_notify($$" + name + "$$, 'late')")
        assert heard(c) == []


@two_servers
def test_names_that_differ_in_case_are_two_channels(peer, direct):
    with peer.login() as c, peer.login() as other:
        ask(c, 'LISTEN "Jobs"')
        ask(other, "LISTEN Jobs")
        direct("NOTIFY \"Jobs\", 'upper'; NOTIFY jobs, 'lower'")
        assert wait_heard(c, 1) == [("Jobs", "upper")]
        assert wait_heard(other, 1) == [("jobs", "lower")]


@two_servers
@pytest.mark.parametrize("sql, sqlstate", [("LISTEN", "42601"), ("LISTEN 'a'", "42601"), ('LISTEN ""', "42601"),
                                           ("LISTEN a, b", "42601"), ("UNLISTEN", "42601")])
def test_errors_are_postgresqls(peer, sql, sqlstate):
    with peer.login() as c:
        assert [m.sqlstate for m in errors(c.ask(sql))] == [sqlstate]
        ask(c, "BEGIN")
        assert errors(c.ask(sql))
        assert [m.sqlstate for m in errors(c.ask("LISTEN a"))] == ["25P02"]
        ask(c, "ROLLBACK")


@two_servers
def test_payloads_of_every_size_and_kind(peer, direct):
    with peer.login() as c:
        ask(c, "LISTEN p")
        for payload in ["", "x" * 7999, "häß€ 😀", "it''s", "line\nbreak\ttab"]:
            direct(f"NOTIFY p, '{payload}'")
            assert wait_heard(c, 1) == [("p", payload.replace("''", "'"))]
        assert [m.sqlstate for m in errors(c.ask("SELECT pg_notify('p', repeat('x', 8000))"))] == ["22023"]


@two_servers
def test_two_databases_do_not_mix(peer, direct):
    with peer.login() as app, peer.login("bob", "other") as other:
        ask(app, "LISTEN same")
        ask(other, "LISTEN same")
        direct("NOTIFY same, 'to app'", "app")
        direct("NOTIFY same, 'to other'", "other")
        assert wait_heard(app, 1) == [("same", "to app")]
        assert wait_heard(other, 1) == [("same", "to other")]


@two_servers
def test_two_users_of_one_database_hear_each_other(peer):
    with peer.login() as alice, peer.login("bob") as bob:
        ask(alice, "LISTEN same")
        ask(bob, "LISTEN same")
        ask(alice, "NOTIFY same, 'from alice'")
        assert wait_heard(bob, 1) == [("same", "from alice")]
        ask(bob, "NOTIFY same, 'from bob'")
        assert ("same", "from bob") in wait_heard(alice, 1)


@two_servers
def test_a_client_in_a_transaction_is_told_when_it_ends(peer, direct):
    with peer.login() as c:
        ask(c, "LISTEN t")
        for end in ("COMMIT", "ROLLBACK"):
            ask(c, "BEGIN; SELECT 1")
            direct(f"NOTIFY t, '{end}'")
            assert heard(c) == []
            assert heard_in(ask(c, "SELECT 2")) == []
            reply = ask(c, end)
            assert heard_in(reply) or wait_heard(c, 1) == [("t", end)]
        ask(c, "BEGIN")
        c.ask("SELECT 1/0")
        direct("NOTIFY t, 'failed'")
        assert heard(c) == []
        reply = ask(c, "ROLLBACK")
        assert (heard_in(reply) or wait_heard(c, 1)) == [("t", "failed")]


@two_servers
def test_a_notification_waits_while_a_query_runs(peer, direct):
    with peer.login() as c:
        ask(c, "LISTEN t")
        c.send(query("SELECT i, pg_sleep(0.02) FROM generate_series(1, 50) i"))
        time.sleep(0.3)
        direct("NOTIFY t, 'meanwhile'")
        reply = c.until_ready(timeout=SECONDS)
        kinds = "".join(m.type for m in reply if m.type in "TDCAZ")
        assert kinds in ("T" + "D" * 50 + "CAZ", "T" + "D" * 50 + "CZ"), kinds
        assert (heard_in(reply) or wait_heard(c, 1)) == [("t", "meanwhile")]


@two_servers
def test_listening_in_a_pipeline_and_with_the_extended_protocol(peer, direct):
    with peer.login() as c:
        c.send(*[extended(sql) + sync() for sql in ("LISTEN a", "SELECT 1", "LISTEN b")])
        reply = c.until_ready(3)
        assert not errors(reply) and tags(reply) == ["LISTEN", "SELECT 1", "LISTEN"]
        direct("NOTIFY a; NOTIFY b")
        assert wait_heard(c, 2) == [("a", ""), ("b", "")]
        # One batch is one transaction: its error undoes the LISTEN in it.
        c.send(extended("LISTEN never"), extended("SELECT 1/0"), sync())
        assert errors(c.until_ready())
        direct("NOTIFY never")
        assert heard(c) == []


@two_servers
def test_a_listener_works_on_like_anybody(peer, direct):
    with peer.login() as c:
        ask(c, "LISTEN t")
        for i in range(30):
            direct(f"NOTIFY t, '{i}'")
            reply = ask(c, f"SELECT {i}")
            assert rows(reply) == [[str(i).encode()]]
            got = heard_in(reply) or wait_heard(c, 1)
            assert got == [("t", str(i))]


@two_servers
@pytest.mark.parametrize("encoding, name", [("LATIN1", "latin-1"), ("UTF8", "utf-8")])
def test_each_client_hears_in_its_own_encoding(peer, direct, encoding, name):
    with peer.login(client_encoding=encoding) as c:
        body = "LISTEN grün".encode(name)
        c.send(b"Q" + struct.pack("!I", len(body) + 5) + body + b"\0")
        assert not errors(c.until_ready())
        direct("NOTIFY grün, 'blau für dich'")
        m = c.until("A")[-1]
        assert m.body[4:] == "grün".encode(name) + b"\0" + "blau für dich".encode(name) + b"\0"


@two_servers
def test_pg_listening_channels_says_what_is_listened_to(peer, request):
    not_yet(peer, request, "it is asked of a shared server, which listens to nothing")
    with peer.login() as c:
        ask(c, "LISTEN b; LISTEN a")
        assert channels(c) == ["a", "b"]
        ask(c, "BEGIN; UNLISTEN a; LISTEN c")
        assert channels(c) == ["a", "b"]
        ask(c, "COMMIT")
        assert channels(c) == ["b", "c"]


# ---- what is the pooler's own

@pytest.fixture
def pooler(weir):
    return weir(weir=TWO_SERVERS)


def listeners(postgres):
    return [r[0] for r in postgres.sql(f"SELECT pid FROM pg_stat_activity WHERE application_name = '{LISTENER}'")]


def test_two_hundred_listeners_share_two_servers_and_one_connection(pooler, postgres, direct):
    clients = [pooler.connect() for _ in range(200)]
    try:
        for i, c in enumerate(clients):
            ask(c, f"LISTEN everybody; LISTEN own_{i}")
        assert len(listeners(postgres)) == 1
        # Two servers and the one that listens; those of an earlier pooler may still be on their way out.
        wait_for(lambda: int(postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'alice'")[0][0]) <= 3,
                 "no more than three connections")
        direct("NOTIFY everybody, 'hello'")
        for c in clients:
            assert wait_heard(c, 1, after=0.001) == [("everybody", "hello")]
        direct("; ".join(f"NOTIFY own_{i}" for i in range(0, 200, 20)))
        for i, c in enumerate(clients):
            if i % 20 == 0:
                assert wait_heard(c, 1) == [(f"own_{i}", "")]
        assert all(c.quiet(0.001) for c in clients)
    finally:
        for c in clients:
            c.drop()


def test_no_server_is_left_listening(pooler, postgres, direct):
    with pooler.connect() as c:
        ask(c, "LISTEN a")
        c.send(extended("LISTEN b"), sync())
        c.until_ready()
        with pooler.connect() as stranger:
            for _ in range(4):
                assert channels(stranger) == []
            direct("NOTIFY a; NOTIFY b")
            assert heard(stranger) == []
        assert wait_heard(c, 2) == [("a", ""), ("b", "")]


def test_a_listener_that_is_killed_listens_again(pooler, postgres, direct):
    with pooler.connect() as c, pooler.connect() as other:
        ask(c, "LISTEN a; LISTEN b")
        ask(other, "LISTEN b")
        before = listeners(postgres)
        postgres.sql(f"SELECT pg_terminate_backend({before[0]})")
        wait_for(lambda: listeners(postgres) and listeners(postgres) != before, "another listening connection")

        def again():
            direct("NOTIFY b, 'again'")
            return heard(other, 0.1)

        wait_for(again, "a notification after the loss")
        heard(c, 0.1)
        direct("NOTIFY a, 'one'; NOTIFY b, 'two'")
        assert wait_heard(c, 2) == [("a", "one"), ("b", "two")]
        assert wait_heard(other, 1) == [("b", "two")]
    assert "listening connection was lost" in pooler.log()


def test_reconnect_and_kill_reach_the_listening_connection(pooler, postgres, direct):
    admin = pooler.connect("bob", database="weir")
    with pooler.connect() as c:
        ask(c, "LISTEN a")
        before = listeners(postgres)
        ask(admin, "RECONNECT other")
        time.sleep(PAUSE)
        assert listeners(postgres) == before, "of another database"
        ask(admin, "RECONNECT app")
        wait_for(lambda: listeners(postgres) and listeners(postgres) != before, "another listening connection")

        def heard_again():
            direct("NOTIFY a, 'again'")
            return heard(c, 0.1)

        wait_for(heard_again, "a notification on the new connection")
        ask(admin, "KILL app")
        wait_for(lambda: listeners(postgres) == [], "the end of the listening connection", 10)
        ask(admin, "RESUME app")
    with pooler.connect() as c:
        ask(c, "LISTEN a")
        direct("NOTIFY a, 'new'")
        assert wait_heard(c, 1) == [("a", "new")]
    admin.drop()


def test_a_restart_of_the_server_is_survived(weir, folder):
    own = Postgres(folder / f"own-{time.monotonic_ns()}").create()
    try:
        pooler = weir(weir=TWO_SERVERS, databases={"app": {"host": "127.0.0.1", "port": own.port}})
        with pooler.connect() as c:
            ask(c, "LISTEN a")
            own.stop("immediate")
            time.sleep(0.3)
            own.start()
            wait_for(lambda: listeners(own), "the listening connection", 15)

            def again():
                own.sql("NOTIFY a, 'again'", database="app")
                return heard(c, 0.1)

            wait_for(again, "a notification after the restart", 15)
    finally:
        own.stop("immediate")


def test_an_error_of_listen_is_the_clients_and_its_session_goes_on(weir, postgres, replica):
    """A standby refuses LISTEN; PostgreSQL says so with 25006."""
    pooler = weir(weir=TWO_SERVERS, databases={"app": {"host": "127.0.0.1", "port": replica.port}})
    with pooler.connect() as c:
        assert [m.sqlstate for m in errors(c.ask("LISTEN a", timeout=SECONDS))] == ["25006"]
        assert rows(ask(c, "SELECT 1")) == [[b"1"]]


def test_clients_that_come_and_go_leave_nothing(pooler, postgres, direct):
    for i in range(30):
        c = pooler.connect()
        ask(c, f"LISTEN c{i}")
        if i % 3 == 0:
            c.reset()
        else:
            c.drop()
    with pooler.connect() as c:
        direct("; ".join(f"NOTIFY c{i}" for i in range(30)))
        assert heard(c) == []
    wait_for(lambda: not listeners(postgres), "the listening connection to be closed", 15)
    with pooler.connect() as c:
        ask(c, "LISTEN late")
        direct("NOTIFY late, 'here'")
        assert wait_heard(c, 1) == [("late", "here")]


def test_a_client_that_leaves_while_notifications_come(pooler, direct):
    stop = threading.Event()
    failures = []

    def storm():
        while not stop.is_set():
            try:
                direct("SELECT count(pg_notify('storm', i::text)) FROM generate_series(1, 100) i")
            except BaseException as error:  # noqa: BLE001
                failures.append(error)
                return

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        for i in range(40):
            c = pooler.connect()
            c.ask("LISTEN storm")
            if i % 2:
                c.reset()
            else:
                c.drop()
    finally:
        stop.set()
        thread.join()
    assert not failures
    assert pooler.alive() and not pooler.bugs()


@pytest.mark.slow
def test_a_client_that_never_takes_its_notifications_is_disconnected(pooler, direct):
    with pooler.connect() as slow, pooler.connect() as quick:
        ask(slow, "LISTEN flood")
        ask(slow, "BEGIN; SELECT 1")  # nothing may be told now
        ask(quick, "LISTEN flood")
        count = 0
        for i in range(4):
            direct(f"SELECT count(pg_notify('flood', '{i} ' || g || repeat('x', 7900))) FROM generate_series(1, 1000) g")
            count += 1000
            assert len(wait_heard(quick, 1000, 30)) == 1000
        assert count * 7900 > 16 * 1024 * 1024
        try:
            reply = slow.until_closed(timeout=SECONDS)
            assert [m.sqlstate for m in errors(reply)][-1:] == ["53400"]
        except Closed:
            pass
        ask(quick, "SELECT 1")


# ---- drivers

def test_psycopg2(pooler, direct):
    c = psycopg2.connect(pooler.url())
    try:
        c.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
        with c.cursor() as cursor:
            cursor.execute("LISTEN jobs")
            direct("NOTIFY jobs, 'direct'")
            assert select.select([c], [], [], 10)[0]
            c.poll()
            assert [(n.channel, n.payload) for n in c.notifies] == [("jobs", "direct")]
            del c.notifies[:]
            cursor.execute("NOTIFY jobs, 'own'")
            c.poll()
            assert [(n.channel, n.payload) for n in c.notifies] == [("jobs", "own")]
    finally:
        c.close()


def test_psycopg3(pooler, direct):
    with psycopg.connect(pooler.url(), autocommit=True) as c:
        c.execute("LISTEN jobs")
        timer = threading.Timer(0.3, direct, args=["NOTIFY jobs, 'one'; NOTIFY jobs, 'two'"])
        timer.start()
        got = []
        for notify in c.notifies():
            got.append((notify.channel, notify.payload))
            if len(got) == 2:
                break
        timer.join()
        assert got == [("jobs", "one"), ("jobs", "two")]
        assert c.execute("SELECT 1").fetchone() == (1,)


def test_asyncpg(pooler, direct):
    async def work():
        c = await asyncpg.connect(pooler.url())
        got = asyncio.Queue()
        await c.add_listener("jobs", lambda _c, _pid, channel, payload: got.put_nowait((channel, payload)))
        await asyncio.to_thread(direct, "NOTIFY jobs, 'direct'")
        assert await asyncio.wait_for(got.get(), 10) == ("jobs", "direct")
        async with c.transaction():
            await c.execute("SELECT pg_notify('jobs', 'own')")
            assert got.empty()
        assert await asyncio.wait_for(got.get(), 10) == ("jobs", "own")
        # A pool resets its connections with UNLISTEN * and more when they come back.
        await c.reset()
        await asyncio.to_thread(direct, "NOTIFY jobs, 'late'")
        await asyncio.sleep(PAUSE)
        assert got.empty()
        await c.close()

    asyncio.run(asyncio.wait_for(work(), 60))


def node(pooler, script):
    interop = ROOT / "tests" / "interop" / "node"
    if not (interop / "node_modules").is_dir():
        pytest.skip("npm ci in tests/interop/node first")
    program = ("const pg = require('pg'), postgres = require('postgres'), url = process.env.POOLED_URL;\n"
               "const wait = ms => new Promise(done => setTimeout(done, ms));\n"
               f"(async () => {{ {script} }})().then(\n"
               "  v => { console.log(JSON.stringify(v)); process.exit(0) }, e => { console.error(e); process.exit(1) })")
    done = subprocess.run(["node", "-e", program], cwd=interop, env=dict(os.environ, POOLED_URL=pooler.url()),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_node_postgres(pooler):
    assert node(pooler, """
      const c = new pg.Client(url), other = new pg.Client(url);
      await c.connect(); await other.connect();
      const got = [];
      c.on('notification', n => got.push([n.channel, n.payload]));
      await c.query('LISTEN jobs');
      await other.query("NOTIFY jobs, 'from the other'");
      await c.query("NOTIFY jobs, 'own'");
      for (let i = 0; i < 100 && got.length < 2; i++) await wait(50);
      await c.query('UNLISTEN jobs');
      await other.query("NOTIFY jobs, 'late'");
      await wait(300);
      await c.end(); await other.end();
      return got;""") == [["jobs", "from the other"], ["jobs", "own"]]


def test_postgres_js(pooler):
    assert node(pooler, """
      const sql = postgres(url, { max: 2 });
      const got = [];
      const { unlisten } = await sql.listen('jobs', payload => got.push(payload));
      await sql.notify('jobs', 'one');
      await sql`SELECT pg_notify('jobs', 'two')`;
      for (let i = 0; i < 100 && got.length < 2; i++) await wait(50);
      await unlisten();
      await sql.notify('jobs', 'late');
      await wait(300);
      await sql.end({ timeout: 1 });
      return got;""") == ["one", "two"]
