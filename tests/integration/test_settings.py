"""Settings whose meaning shows only from outside, and is not shown by the tests of what they belong to."""

import re
import signal
import socket
import threading
import time

import pytest

from rawpg import Raw, bind, errors, execute, parse, sync
from servers import USERS, free_port, listens, wait_for


def refused(c):
    """The FATAL that ends the connection."""
    last = errors(c.until_closed(timeout=5))
    assert len(last) == 1 and last[0].fields["S"] == "FATAL"
    return last[0]


def secret(user):
    return USERS[user][0]


@pytest.mark.parametrize("fast", [False, True])
def test_reconnect_reaches_a_session_at_its_end_or_with_server_fast_close_at_that_of_its_transaction(weir, fast):
    pooler = weir(weir={"pool_mode": "session", "server_fast_close": fast})
    with pooler.connect() as idle, pooler.connect() as busy, pooler.console() as console:
        first = idle.value("SELECT pg_backend_pid()")
        busy.ask("BEGIN")
        second = busy.value("SELECT pg_backend_pid()")
        assert not errors(console.ask("RECONNECT app"))
        if fast:
            assert refused(idle).sqlstate == "57P01"
        else:
            time.sleep(0.5)
            assert idle.value("SELECT pg_backend_pid()") == first
        assert busy.value("SELECT pg_backend_pid()") == second
        assert busy.ask("COMMIT")[-1].status == "I"
        if fast:
            assert refused(busy).sqlstate == "57P01"
        else:
            time.sleep(0.5)
            assert busy.value("SELECT pg_backend_pid()") == second
    with pooler.connect() as c:
        assert c.value("SELECT pg_backend_pid()") not in (first, second)


def test_disable_pqexec_leaves_the_extended_protocol_alone(weir):
    pooler = weir(weir={"disable_pqexec": True})
    with pooler.connect() as c:
        c.send(parse("", "SELECT 'in'") + bind() + execute() + sync())
        assert not errors(c.until_ready())
        c.send(b"Q" + (4 + 9).to_bytes(4, "big") + b"SELECT 1\0")
        assert refused(c).sqlstate == "0A000"


@pytest.mark.parametrize("own, shown", [(None, "app"), ("shop", "shop")])
def test_application_name_add_host_tells_the_server_where_a_client_is(weir, own, shown):
    pooler = weir(weir={"application_name_add_host": True})
    with pooler.connect(**({"application_name": own} if own else {})) as c:
        address, port = c.sock.getsockname()[:2]
        seen = c.value("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")
        assert seen == f"{shown} - {address}:{port}"


def test_max_query_size_bounds_what_is_kept_whole_and_nothing_else(weir):
    pooler = weir(weir={"max_query_size": "64kB"})
    with pooler.connect() as c, pooler.connect() as other:
        c.send(parse("", "SELECT length($1)") + bind(values=[b"x" * 1_000_000]) + execute() + sync())
        assert not errors(c.until_ready())
        c.send(parse("", "SELECT 1 -- " + "x" * 300_000) + sync())
        assert refused(c).sqlstate == "54000"
        assert other.value("SELECT 1") == "1"


def test_drain_timeout_bounds_a_shutdown_that_waits(weir):
    pooler = weir(weir={"drain_timeout": "1s"})
    with pooler.connect() as c:
        began = time.monotonic()
        pooler.send_signal(signal.SIGTERM)
        assert c.value("SELECT 'there'") == "there"
        assert pooler.process.wait(10) == 0
        assert 0.9 < time.monotonic() - began < 8
        assert refused(c).sqlstate == "57P01"
    assert "drain_timeout is over: 1 clients are disconnected" in pooler.log()


def test_suspend_waits_for_those_who_have_a_server_as_long_as_suspend_timeout(weir):
    pooler = weir(weir={"suspend_timeout": "1s"})
    with pooler.console() as console, pooler.connect() as idle, pooler.connect() as busy:
        assert idle.value("SELECT 1") == "1"
        busy.ask("BEGIN")
        assert not errors(console.ask("SUSPEND", timeout=10))
        assert refused(busy).sqlstate == "57P01"
        idle.send(parse("", "SELECT 'later'") + bind() + execute() + sync())
        with Raw.connect(pooler.port) as late:  # in the kernel's line
            assert idle.quiet(0.3)
            assert not errors(console.ask("RESUME"))
            assert not errors(idle.until_ready(timeout=5))
            late.login("alice", secret("alice"), "app")
            assert late.value("SELECT 'served'") == "served"


@pytest.mark.parametrize("said", [True, False])
def test_log_pooler_errors_says_or_keeps_what_clients_were_told(weir, said):
    pooler = weir(weir={"log_pooler_errors": said, "client_idle_timeout": "100ms"})
    with pooler.connect() as c:
        assert refused(c).sqlstate == "57P05"
    wait_for(lambda: "client_idle_timeout" in pooler.log() or not said, "the log")
    assert ("closing: client_idle_timeout" in pooler.log()) == said


def test_stats_period_is_how_often_the_log_sums_up(weir):
    pooler = weir(weir={"stats_period": "1s", "log_stats": True})
    with pooler.connect() as c:
        c.value("SELECT 1")
        wait_for(lambda: len(re.findall(r"stats: \d", pooler.log())) >= 2, "two lines", seconds=10)


class Relay(threading.Thread):
    """Listens on ::1 and passes bytes to and fro a port of 127.0.0.1."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.to, self.listening = port, socket.create_server(("::1", 0), family=socket.AF_INET6)
        self.port = self.listening.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                near, _ = self.listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.to))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.pass_on, args=(one, other), daemon=True).start()

    @staticmethod
    def pass_on(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listening.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_clients_and_servers_may_have_ipv6_addresses(weir, postgres):
    with Relay(postgres.port) as relay:
        port = free_port()
        pooler = weir(weir={"listen_addr": ["127.0.0.1", "::1"], "listen_port": port},
                      databases={"app": {"host": "::1", "port": relay.port}})
        wait_for(lambda: listens(port), "Weir to listen")
        with Raw.connect(port, "::1").login("alice", secret("alice"), "app") as c, pooler.connect() as d:
            assert c.value("SELECT 'six'") == "six" and d.value("SELECT 'four'") == "four"
            assert {row["addr"] for row in pooler.show("CLIENTS") if row["database"] == "app"} == {"::1", "127.0.0.1"}
            assert {row["addr"] for row in pooler.show("SERVERS")} == {"::1"}
