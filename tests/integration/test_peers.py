"""Several processes of one service: a cancel request that reaches the wrong one finds its way."""

import os
import socket
import struct
import time

import pytest

from gate import Gate
from rawpg import V3_2, FakeBackend, Raw, cancel, errors, plain_answers, query, types
from servers import free_port, give_away, wait_for


@pytest.fixture
def service(weir):
    """service(count) starts so many processes, each with the others as its peers 1, 2, ..."""
    def start(count=2, databases=None, **more):
        ports = [free_port() for _ in range(count)]
        peers = {str(n + 1): {"host": "127.0.0.1", "port": port} for n, port in enumerate(ports)}
        return [weir(weir={"listen_port": port, "peer_id": n + 1} | more, databases=databases, peers=peers)
                for n, port in enumerate(ports)]
    return start


def send_cancel(port, pid, key, host="127.0.0.1"):
    with Raw.connect(port, host) as k:
        k.send(cancel(pid, key))
        assert k.bytes_until_closed() == b""


def cancelled(c):
    reply = c.until_ready(timeout=5)
    return types(reply) in ("TEZ", "EZ") and errors(reply)[0].sqlstate == "57014"


@pytest.mark.short
@pytest.mark.parametrize("version", [0x00030000, V3_2])
def test_a_cancel_that_reaches_another_process_is_passed_on(service, postgres, version):
    processes = service(3)
    for own in processes:
        for other in processes:
            with Raw.connect(own.port).login("alice", "alice-pw", "app", version=version) as c:
                assert len(c.key) == (32 if version == V3_2 else 4)
                c.send(query("SELECT pg_sleep(20)"))
                postgres.until_asleep()
                send_cancel(other.port, c.pid, c.key)
                assert cancelled(c)
                assert c.value("SELECT 'again'") == "again"


def test_a_client_in_line_is_cancelled_through_another_process_too(service):
    first, second = service(2, default_pool_size=1)
    with first.connect() as busy, first.connect() as waiting:
        busy.ask("BEGIN")
        waiting.send(query("SELECT 'never runs'"))
        wait_for(lambda: [p for p in first.show("POOLS") if p["database"] == "app" and p["cl_waiting"] == "1"],
                 "the client to stand in line")
        send_cancel(second.port, waiting.pid, waiting.key)
        assert cancelled(waiting)


def test_a_peer_on_a_unix_socket_is_reached(weir, postgres, folder):
    sockets = folder / "peer-of-mine"
    sockets.mkdir(mode=0o755)
    give_away(sockets)
    first = weir(weir={"peer_id": 1, "unix_socket_dir": sockets})
    second = weir(weir={"peer_id": 2}, peers={"1": {"host": str(sockets), "port": first.port}})
    with first.connect() as c:
        c.send(query("SELECT pg_sleep(20)"))
        postgres.until_asleep()
        send_cancel(second.port, c.pid, c.key)
        assert cancelled(c)


@pytest.mark.short
def test_a_wrong_key_is_passed_on_and_cancels_nobody(service):
    first, second = service(2)
    with first.connect() as c, first.connect() as witness:
        c.send(query("SELECT pg_sleep(1.5), 'slept'"))
        assert c.quiet(0.1)
        wrong = [bytes(b ^ bit for b in c.key) for bit in (0x80, 0x04)] + [c.key[:-1] + bytes([c.key[-1] ^ 0x10]), os.urandom(32)]
        for key in wrong:
            for port in (first.port, second.port):
                send_cancel(port, c.pid, key)
        send_cancel(second.port, c.pid ^ 1, c.key)
        assert types(c.until_ready(timeout=5)) == "TDCZ"
        assert witness.value("SELECT 'untouched'") == "untouched"


def of_peer(pid, peer):
    """The process id as a process with that number would have made it."""
    return (pid & 0x7f0000ff) | (peer << 8)


def test_a_cancel_for_a_peer_that_nobody_knows_ends_where_it_arrives(weir):
    with FakeBackend(lambda side: plain_answers) as peer:
        pooler = weir(weir={"peer_id": 1}, peers={"2": {"host": "127.0.0.1", "port": peer.port}})
        with pooler.connect() as c:
            c.send(query("SELECT pg_sleep(1), 'slept'"))
            for stranger in (3, 0, 16383, 0xffff):
                send_cancel(pooler.port, of_peer(c.pid, stranger), c.key)
            send_cancel(pooler.port, of_peer(c.pid, 1), b"none")
            assert types(c.until_ready(timeout=5)) == "TDCZ"
        assert peer.accepted == 0
        send_cancel(pooler.port, of_peer(1, 2), b"some")
        wait_for(lambda: peer.accepted == 1, "the one that is known to be asked")


def test_without_a_number_of_its_own_a_process_passes_nothing_on(weir):
    with FakeBackend(lambda side: None) as peer:
        pooler = weir(peers={"2": {"host": "127.0.0.1", "port": peer.port}})
        send_cancel(pooler.port, of_peer(1, 2), b"some")
        with pooler.connect() as c:
            assert c.value("SELECT 1") == "1"
        assert peer.accepted == 0


def test_what_a_peer_is_told_is_the_request_with_one_hop_less(weir):
    heard = []
    with FakeBackend(lambda side: heard.append(side.bytes_until_closed(5))) as peer:
        pooler = weir(weir={"peer_id": 1}, peers={"2": {"host": "127.0.0.1", "port": peer.port}})
        for secret in (b"abc\xff", b"abc\xfd", b"x" * 31 + b"\x43", b"abc\xfc"):
            send_cancel(pooler.port, of_peer(77, 2), secret)
        wait_for(lambda: peer.accepted == 3, "the peer to be asked")
        with pooler.connect() as c:
            assert c.value("SELECT 1") == "1"
        assert peer.accepted == 3  # the fourth had no hops left
        for side in peer.open:
            side.sock.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: len(heard) == 3, "what the peer has heard")
    wanted = [b"abc\xfe", b"abc\xfc", b"x" * 31 + b"\x42"]
    assert sorted(heard) == sorted(struct.pack("!III", 12 + len(s), 80877102, of_peer(77, 2)) + s for s in wanted)


@pytest.mark.short
def test_peers_that_name_each_other_for_a_third_do_not_play_on_for_ever(weir):
    ports = [free_port(), free_port()]
    with Gate(ports[1]) as to_second, Gate(ports[0]) as to_first:
        first = weir(weir={"peer_id": 1, "listen_port": ports[0]}, peers={"3": {"host": "127.0.0.1", "port": to_second.port}})
        second = weir(weir={"peer_id": 2, "listen_port": ports[1]}, peers={"3": {"host": "127.0.0.1", "port": to_first.port}})
        send_cancel(first.port, of_peer(77, 3), b"abc\xff")
        wait_for(lambda: to_second.pairs and to_first.pairs, "the request to go round")
        time.sleep(0.5)
        assert (len(to_second.pairs), len(to_first.pairs)) == (2, 1)
        for pooler in (first, second):
            with pooler.connect() as c:
                assert c.value("SELECT 'well'") == "well"


@pytest.mark.slow
def test_a_peer_that_hangs_or_is_gone_holds_nothing_up(weir, postgres):
    with FakeBackend(lambda side: time.sleep(30)) as deaf:
        gone = free_port()
        pooler = weir(weir={"peer_id": 1}, peers={"2": {"host": "127.0.0.1", "port": deaf.port},
                                                  "3": {"host": "127.0.0.1", "port": gone}})
        began = time.monotonic()
        for n in range(100):
            send_cancel(pooler.port, of_peer(n + 1, 2 + n % 2), os.urandom(3) + b"\xff")
        assert time.monotonic() - began < 5
        with pooler.connect() as c:
            c.send(query("SELECT pg_sleep(20)"))
            postgres.until_asleep()
            send_cancel(pooler.port, c.pid, c.key)
            assert cancelled(c)
        wait_for(lambda: pooler.open_files() < 60, "the sockets to the peer to be given up", 15)


def test_the_console_shows_the_peers(service):
    first, second = service(2)
    for pooler in (first, second):
        assert pooler.show("PEERS") == [
            {"peer_id": "1", "host": "127.0.0.1", "port": str(first.port), "pool_size": "20"},
            {"peer_id": "2", "host": "127.0.0.1", "port": str(second.port), "pool_size": "20"}]
        assert [r["peer_id"] for r in pooler.show("PEER_POOLS")] == ["1", "2"]


def peer_pool(pooler, peer):
    row = next(r for r in pooler.show("PEER_POOLS") if r["peer_id"] == str(peer))
    return [int(row[c]) for c in ("cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active_cancel", "sv_login")]


def test_the_console_counts_the_requests_on_their_way_and_pool_size_bounds_them(weir):
    heard = []

    def listen(side):
        heard.append(side.sock.recv(100))
        side.bytes_until_closed(20)
    with FakeBackend(listen) as peer:
        pooler = weir(weir={"peer_id": 1}, peers={"2": {"host": "127.0.0.1", "port": peer.port, "pool_size": 2},
                                                  "3": {"host": "127.0.0.1", "port": free_port()}})
        assert peer_pool(pooler, 2) == [0, 0, 0, 0]
        for n in range(5):
            send_cancel(pooler.port, of_peer(77, 2), b"ab" + bytes([n]) + b"\xff")
        wait_for(lambda: peer_pool(pooler, 2) == [2, 3, 2, 0], "two requests to be sent and three to wait")
        assert peer_pool(pooler, 3) == [0, 0, 0, 0]
        # The kernel answers a connection before the peer takes it up.
        wait_for(lambda: peer.accepted == 2, "the peer to take both up")
        for done in range(5):
            wait_for(lambda: peer.accepted > done and len(heard) > done, "the next one's turn")
            assert peer.accepted <= done + 2
            peer.open[done].sock.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: peer_pool(pooler, 2) == [0, 0, 0, 0], "all to have ended")
    # Connections are taken up by threads: those that were open together may be heard in either order.
    assert sorted(h[14] for h in heard) == [0, 1, 2, 3, 4]


def test_the_console_counts_a_connection_to_a_peer_that_is_being_opened(weir):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = []
        for _ in range(3):  # what the kernel does not queue stays unanswered
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        pooler = weir(weir={"peer_id": 1}, peers={"2": {"host": "127.0.0.1", "port": port}})
        send_cancel(pooler.port, of_peer(77, 2), b"abc\xff")
        wait_for(lambda: peer_pool(pooler, 2) == [0, 1, 0, 1], "the connection to be dialled")
        for filler in fillers:
            filler.close()


def test_a_peer_that_a_reload_brings_is_used(weir, postgres):
    first, second = weir(weir={"peer_id": 1}), weir(weir={"peer_id": 2})
    with first.connect() as c:
        c.send(query("SELECT pg_sleep(20)"))
        postgres.until_asleep()
        send_cancel(second.port, c.pid, c.key)
        assert c.quiet(0.3)
        second.rewrite(peers={"1": {"host": "127.0.0.1", "port": first.port}})
        with second.console() as console:
            assert not errors(console.ask("RELOAD"))
        send_cancel(second.port, c.pid, c.key)
        assert cancelled(c)
