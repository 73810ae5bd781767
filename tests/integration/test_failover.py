"""Servers that die, move and come back, and the console's commands about them while clients are at work."""

import os
import pathlib
import signal
import threading
import time

import pytest

from rawpg import Closed, Late, errors, query, rows
from servers import Postgres, wait_for


def tell(pooler, command, timeout=10):
    with pooler.console() as console:
        reply = console.ask(command, timeout=timeout)
        assert not errors(reply), errors(reply)[0].fields


class Load:
    """Clients that ask all the time; what they were told, and when they were last answered."""

    def __init__(self, pooler, clients=4):
        self.pooler, self.stopping, self.refusals, self.answers, self.lost = pooler, threading.Event(), [], 0, 0
        self.threads = [threading.Thread(target=self._client) for _ in range(clients)]

    def _client(self):
        c = None
        while not self.stopping.is_set():
            try:
                if c is None:
                    c = self.pooler.connect()
                reply = c.ask("SELECT 1", timeout=8)
                bad = errors(reply)
                if bad:
                    self.refusals.append((time.monotonic(), bad[0].sqlstate, bad[0].fields["M"]))
                else:
                    self.answers += 1
            except (Closed, AssertionError) as error:
                self.lost += 1
                self.refusals.append((time.monotonic(), "closed" if isinstance(error, Closed) else "refused", str(error)))
                c = None
            time.sleep(0.01)
        if c is not None:
            c.drop()

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for t in self.threads:
            t.join(20)


def answered_again(load):
    before = load.answers
    wait_for(lambda: load.answers > before + 8, "answers again", 8)


@pytest.fixture
def own_postgres(folder):
    server = Postgres(folder / f"own-{time.monotonic_ns()}").create()
    yield server
    if server.running():
        server.stop("immediate")


@pytest.mark.slow
def test_a_server_that_is_stopped_at_once_and_started_again_serves_within_a_second_or_so(weir, own_postgres):
    pooler = weir(databases={"app": {"host": "127.0.0.1", "port": own_postgres.port}}, weir={"server_login_retry": 0.3})
    with Load(pooler) as load:
        wait_for(lambda: load.answers > 20, "the load to run")
        own_postgres.stop("immediate")
        down = time.monotonic()
        wait_for(lambda: load.refusals, "an error", 3)
        assert load.refusals[0][0] - down < 2
        own_postgres.start()
        back = time.monotonic()
        answered_again(load)
        assert time.monotonic() - back < 3
    assert {r[1][:2] for r in load.refusals} <= {"57", "08", "re", "cl"}, load.refusals[:5]


def back_in_service(server):
    """Starts a server again whose postmaster was killed; when it accepts connections."""
    wait_for(lambda: not children_of_nobody(server), "the backends to notice that they are orphans")
    # Its lock files stay behind, and where process 1 is slow to bury it, its number does too.
    for lock in [server.data / "postmaster.pid", *server.socket_dir.glob(".s.PGSQL.*")]:
        lock.unlink(missing_ok=True)
    server.start()
    return time.monotonic()


def children_of_nobody(server):
    """Processes that still have the server's data folder for their own."""
    mine = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd") == str(server.data):
                mine.append(entry.name)
        except OSError:
            pass
    return mine


@pytest.mark.slow
@pytest.mark.parametrize("seconds_down", [0, 5])
def test_a_postmaster_that_is_killed_costs_those_at_work_an_error_and_the_idle_nothing(weir, own_postgres, seconds_down):
    """With the settings as they are out of the box: after five seconds of failures no pause has grown."""
    pooler = weir(databases={"app": {"host": "127.0.0.1", "port": own_postgres.port}}, weir={"default_pool_size": 6})
    idle = [pooler.connect() for _ in range(4)]
    for c in idle:
        assert c.value("SELECT 1") == "1"
    with pooler.connect() as active, pooler.connect() as inside, pooler.connect() as sleeper:
        inside.ask("BEGIN")
        active.send(query("SELECT pg_sleep(60)"))
        assert active.quiet(0.3)
        began = time.monotonic()
        own_postgres.kill()
        # At work: an error that says what happened, and the session goes on.
        said = errors(active.until_ready(timeout=5))[0]
        assert said.sqlstate[:2] in ("08", "57") and "server" in said.fields["M"], said.fields
        # Inside a transaction: nothing true can be said there any more, so the end, with a reason.
        last = inside.until_closed(timeout=5)
        assert errors(last)[0].fields["V"] == "FATAL" and errors(last)[0].sqlstate[:2] in ("08", "57")
        assert time.monotonic() - began < 5
        # While it is away: an error at once, of a class that drivers try again after.
        deadline = time.monotonic() + seconds_down
        while True:
            asked = time.monotonic()
            reply = active.ask("SELECT 1")
            assert time.monotonic() - asked < 3
            assert errors(reply)[0].sqlstate[:2] in ("08", "57") and reply[-1].status == "I"
            if time.monotonic() >= deadline:
                break
            time.sleep(0.05)
        back = back_in_service(own_postgres)
        served = []

        def works(c):
            reply = c.ask("SELECT 'served'")
            return not errors(reply) and rows(reply) == [[b"served"]]
        for c in idle + [active, sleeper]:
            wait_for(lambda: works(c), "the session that was there all the time to work again", 10)
            served.append(time.monotonic() - back)
        # About a second is promised (server_login_retry); the rest is for a busy machine.
        assert max(served) < 4, served
        with pooler.connect() as fresh:
            assert fresh.value("SELECT 'served'") == "served"
    for c in idle:
        c.drop()


@pytest.mark.slow
def test_clients_that_come_while_the_server_is_away_are_served_when_it_is_back(weir, own_postgres):
    pooler = weir(databases={"app": {"host": "127.0.0.1", "port": own_postgres.port}})
    own_postgres.kill()
    with pytest.raises(AssertionError, match="08001|08006|57P03"):
        pooler.connect()
    back = back_in_service(own_postgres)

    def comes():
        try:
            pooler.connect().drop()
            return True
        except (AssertionError, Closed):
            return False
    wait_for(comes, "a new client to be let in", 10)
    assert time.monotonic() - back < 4


@pytest.mark.slow
@pytest.mark.parametrize("away, back, sqlstate", [
    ("ALTER ROLE alice CONNECTION LIMIT 0", "ALTER ROLE alice CONNECTION LIMIT -1", "53300"),
    ("ALTER DATABASE app ALLOW_CONNECTIONS false", "ALTER DATABASE app ALLOW_CONNECTIONS true", "55000")])
def test_a_server_that_lets_nobody_in_for_a_while_serves_when_it_does_again(weir, postgres, away, back, sqlstate):
    """However often it said no: after eight seconds a pause that doubled would last until the fifteenth."""
    pooler = weir()
    with pooler.connect() as c:
        assert c.value("SELECT 1") == "1"
        try:
            postgres.sql(away)
            postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'alice'")
            told, deadline = set(), time.monotonic() + 8
            while time.monotonic() < deadline:
                told |= {e.sqlstate for e in errors(c.ask("SELECT 1"))}
                time.sleep(0.05)
        finally:
            postgres.sql(back)
        again = time.monotonic()
        assert sqlstate in told and told <= {sqlstate, "57P01"}
        wait_for(lambda: not errors(c.ask("SELECT 1")), "service to return", 10)
        assert time.monotonic() - again < 4


@pytest.mark.short
def test_terminated_idle_servers_are_never_noticed(weir, postgres):
    pooler = weir(weir={"default_pool_size": 3})
    clients = [pooler.connect() for _ in range(3)]
    for _ in range(3):
        for c in clients:
            c.send(query("SELECT pg_sleep(0.05)"))
        for c in clients:
            assert not errors(c.until_ready())
        gone = postgres.sql("SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = 'alice'")
        assert int(gone[0][0]) >= 1
        for c in clients:
            assert not errors(c.ask("SELECT 1"))
    for c in clients:
        c.drop()


# ---- the console, with clients at work

@pytest.mark.short
def test_pause_lets_transactions_end_holds_the_rest_and_resume_serves_it(weir, postgres):
    pooler = weir(weir={"default_pool_size": 2})
    with pooler.connect() as inside, pooler.connect() as outside:
        outside.value("SELECT 1")
        inside.ask("BEGIN")
        with pooler.console() as console:
            console.send(query("PAUSE"))
            assert console.quiet(0.4)  # a transaction is open
            outside.send(query("SELECT 'after'"))
            assert outside.quiet(0.3)
            assert inside.value("SELECT 'goes on'") == "goes on"
            inside.ask("COMMIT")
            assert not errors(console.until_ready(timeout=5))
            assert postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'alice' AND application_name <> 'weir catalogue'") == [["0"]]
            assert outside.quiet(0.2)
            assert not errors(console.ask("RESUME"))
        assert rows(outside.until_ready(timeout=5)) == [[b"after"]]


def test_pause_of_one_database_leaves_the_other_alone(weir):
    pooler = weir()
    tell(pooler, "PAUSE app")
    with pooler.connect("bob", database="other") as c:
        assert c.value("SELECT 1") == "1"
    tell(pooler, "RESUME app")
    with pooler.connect() as c:
        assert c.value("SELECT 1") == "1"


def test_reconnect_replaces_every_server_at_the_end_of_its_transaction(weir):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as c:
        first = c.value("SELECT pg_backend_pid()")
        tell(pooler, "RECONNECT")
        second = c.value("SELECT pg_backend_pid()")
        assert second != first
        c.ask("BEGIN")
        tell(pooler, "RECONNECT app")
        assert c.value("SELECT pg_backend_pid()") == second
        c.ask("COMMIT")
        assert c.value("SELECT pg_backend_pid()") != second
        tell(pooler, "WAIT_CLOSE app")


def test_wait_close_waits_for_the_last_old_server(weir):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as c, pooler.console() as console:
        c.ask("BEGIN")
        tell(pooler, "RECONNECT app")
        console.send(query("WAIT_CLOSE app"))
        assert console.quiet(0.4)
        c.ask("COMMIT")
        assert not errors(console.until_ready(timeout=5))


def test_a_disabled_database_refuses_new_clients_until_it_is_enabled(weir):
    pooler = weir()
    with pooler.connect() as old:
        tell(pooler, "DISABLE app")
        assert old.value("SELECT 1") == "1"
        with pytest.raises(AssertionError, match="disabled"):
            pooler.connect()
        tell(pooler, "ENABLE app")
        pooler.connect().drop()


def test_kill_ends_clients_and_servers_of_its_database_only(weir, postgres):
    pooler = weir()
    with pooler.connect() as mine, pooler.connect("bob", database="other") as theirs:
        mine.ask("BEGIN")
        theirs.value("SELECT 1")
        tell(pooler, "KILL app")
        assert errors(mine.until_closed(timeout=3))
        assert theirs.value("SELECT 'untouched'") == "untouched"
        wait_for(lambda: postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'alice' AND application_name <> 'weir catalogue'") == [["0"]],
                 "the servers to be gone")
    tell(pooler, "RESUME app")
    with pooler.connect() as c:
        assert c.value("SELECT 1") == "1"


@pytest.mark.parametrize("how", ["SHUTDOWN", "SHUTDOWN WAIT_FOR_SERVERS", "SHUTDOWN WAIT_FOR_CLIENTS", signal.SIGINT,
                                 signal.SIGTERM, signal.SIGQUIT], ids=str)
def test_each_way_to_shut_down_waits_for_what_it_says(weir, how):
    pooler = weir()
    with pooler.connect() as c:
        c.ask("BEGIN")
        if isinstance(how, str):
            with pooler.console() as console:
                console.send(query(how))
                try:
                    console.more(0.3)
                except (Closed, Late):
                    pass
        else:
            pooler.send_signal(how)
        at_once = how in ("SHUTDOWN", signal.SIGQUIT)
        if not at_once:
            assert c.value("SELECT 'goes on'") == "goes on"
            assert c.ask("COMMIT")[-1].status == "I"
            if how in ("SHUTDOWN WAIT_FOR_CLIENTS", signal.SIGTERM):
                assert c.value("SELECT 'and on'") == "and on"
                c.drop()
        assert pooler.process.wait(5) == 0


@pytest.mark.short
def test_reloads_good_and_bad_disturb_no_one(weir):
    pooler = weir(weir={"default_pool_size": 2})
    good = pooler.config.read_text()
    with Load(pooler) as load, pooler.console() as console:
        for n in range(10):
            pooler.config.write_text(good if n % 2 else good + "[weir.nonsense]\nx = 1\n")
            assert bool(errors(console.ask("RELOAD"))) == (n % 2 == 0)
            time.sleep(0.05)
        wait_for(lambda: load.answers > 20, "answers")
    assert not load.refusals, load.refusals[:3]
