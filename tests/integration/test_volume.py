"""A gigabyte in each direction at once: nothing waits for ever, and Weir's memory does not notice.

Too slow for sanitizers (not marked short), and their memory is another matter anyway.
"""

import hashlib
import ssl
import struct
import threading
import time

import pytest

from rawpg import (FakeBackend, Raw, bind, command_complete, cstr, errors, execute, frame, parse, query, ready, rows,
                   sync)
from servers import wait_for

SIZE = 256_000_000          # where PostgreSQL has to hold the parameter in its memory
GIGABYTE = 1_000_000_000
PIECE = 1_000_000
GROWTH_MIB_MAX = 64

pytestmark = pytest.mark.slow


class Memory(threading.Thread):
    """The largest resident size that a process had while it was watched, over what it had before, in MiB."""

    def __init__(self, pooler):
        super().__init__(daemon=True)
        self.pooler, self.before, self.most, self.stopping = pooler, pooler.rss_kib(), 0, threading.Event()

    def run(self):
        while not self.stopping.wait(0.01):
            self.most = max(self.most, self.pooler.rss_kib())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join()

    def growth_mib(self):
        assert self.most > 0
        return (self.most - self.before) / 1024


class Sender(threading.Thread):
    """Writes what a generator makes, as fast as the peer takes it."""

    def __init__(self, wire, pieces):
        super().__init__(daemon=True)
        self.wire, self.pieces, self.sent, self.failure = wire, pieces, 0, None
        self.start()

    def run(self):
        try:
            for piece in self.pieces:
                self.wire.sock.sendall(piece)
                self.sent += len(piece)
        except OSError as error:
            self.failure = error


def big_bind(size, name=""):
    """A Bind with one binary parameter of so many bytes, in pieces."""
    head = cstr("") + cstr(name) + struct.pack("!HHHI", 1, 1, 1, size)
    tail = struct.pack("!H", 0)
    yield b"B" + struct.pack("!I", 4 + len(head) + size + len(tail)) + head
    piece = bytes(range(256)) * (PIECE // 256)
    left = size
    while left:
        yield piece[:left]
        left -= min(left, len(piece))
    yield tail


def read_all(wire, readies=1, seconds=35):
    """Bytes of rows up to so many ReadyForQuery, without keeping them, and the other messages."""
    deadline, row_bytes, others, skip = time.monotonic() + seconds, 0, [], 0
    held = b""
    buffer = bytearray(1 << 20)
    wire.sock.settimeout(seconds)
    while readies:
        assert time.monotonic() < deadline, f"{row_bytes} bytes of rows so far, {others}"
        if skip:
            got = wire.sock.recv_into(buffer, min(skip, len(buffer)))
            assert got, "closed in the middle of a row"
            skip -= got
            row_bytes += got
            continue
        if len(held) < 5 or (held[0:1] != b"D" and len(held) < 1 + struct.unpack("!I", held[1:5])[0]):
            got = wire.sock.recv(65536)
            assert got, f"closed after {row_bytes} bytes of rows and {others}"
            held += got
            continue
        size = 1 + struct.unpack("!I", held[1:5])[0]
        if held[0:1] == b"D":
            row_bytes += min(len(held), size)
            skip = max(0, size - len(held))
        else:
            others.append((held[0:1].decode(), held[5:size]))
            readies -= held[0:1] == b"Z"
        held = held[size:]
    return row_bytes, others


def tls_settings(certificates):
    return {"client_tls_sslmode": "require", "client_tls_cert_file": certificates.server,
            "client_tls_key_file": certificates.server_key, "server_tls_sslmode": "require"}


def connected(pooler, secure):
    c = Raw.connect(pooler.port)
    if secure:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        c.start_tls(context)
    return c.login("alice", "alice-pw", "app")


def test_a_quarter_gigabyte_each_way_through_postgresql(weir):
    """The rows are on their way while the parameter is: PostgreSQL takes it when it has sent them."""
    pooler = weir(weir={"default_pool_size": 2})
    with connected(pooler, False) as c, pooler.connect() as witness:
        witness.value("SELECT 1")

        def pieces():
            yield parse("", f"SELECT repeat('x', {PIECE}) FROM generate_series(1, {SIZE // PIECE})") + bind() + execute()
            yield parse("", "SELECT octet_length($1::bytea)")
            yield from big_bind(SIZE)
            yield execute() + sync()
        with Memory(pooler) as memory:
            sender = Sender(c, pieces())
            slowest, stop = [0.0], threading.Event()

            def ask():
                while not stop.wait(0.05):
                    began = time.monotonic()
                    assert witness.value("SELECT 'there'") == "there"
                    slowest[0] = max(slowest[0], time.monotonic() - began)
            asking = threading.Thread(target=ask)
            asking.start()
            try:
                row_bytes, others = read_all(c)
            finally:
                stop.set()
                asking.join()
            sender.join(5)
        assert not sender.failure and sender.sent > SIZE
        assert row_bytes > SIZE + SIZE // PIECE * 5
        assert "".join(kind for kind, _ in others if kind not in "NS") == "12C12CZ", others
        assert others[-2][1] == b"SELECT 1\0"
        assert memory.growth_mib() < GROWTH_MIB_MAX, memory.growth_mib()
        assert slowest[0] < 3, slowest
        assert c.value("SELECT 'still in step'") == "still in step"


def test_the_parameter_arrives_whole(weir):
    pooler = weir()
    with connected(pooler, False) as c:
        size = 20_000_003
        value = b"".join(list(big_bind(size))[1:-1])

        def pieces():
            yield parse("", "SELECT md5($1::bytea), octet_length($1::bytea)")
            yield from big_bind(size)
            yield execute() + sync()
        Sender(c, pieces())
        assert rows(c.until_ready(timeout=20)) == [[hashlib.md5(value).hexdigest().encode(), str(size).encode()]]


class Duplex:
    """A server that goes on reading while it sends rows, each as fast as it goes. PostgreSQL would read on only then."""

    def __init__(self):
        self.taken, self.done = 0, threading.Event()

    def __call__(self, side):
        side.read_startup()
        side.welcome()
        assert [side.message(timeout=30).type for _ in range(3)] == ["P", "B", "E"]
        rows_out = Sender(side, self.rows())
        assert side.message(timeout=30).type == "P"
        head = side.exactly(5, timeout=30)
        assert head[:1] == b"B"
        left = struct.unpack("!I", head[1:])[0] - 4
        here = side.exactly(min(left, len(side.buffer)))
        left, self.taken = left - len(here), len(here)
        buffer = bytearray(1 << 20)
        side.sock.settimeout(35)
        while left:
            got = side.sock.recv_into(buffer, min(left, len(buffer)))
            assert got, "the client's message ended early"
            left -= got
            self.taken += got
        assert [side.message().type for _ in range(2)] == ["E", "S"]
        rows_out.join(35)
        side.send(frame("1"), frame("2"), command_complete("SELECT 1"), ready())
        self.done.set()
        side.bytes_until_closed(60)

    @staticmethod
    def rows():
        yield frame("1") + frame("2")
        message = frame("D", struct.pack("!HI", 1, PIECE) + b"x" * PIECE)
        for _ in range(GIGABYTE // PIECE):
            yield message
        yield command_complete("SELECT 1000")


@pytest.mark.parametrize("seconds_silent", [0, 2])
def test_both_directions_really_at_once(weir, seconds_silent):
    """...and when the client does not read for a while, the server is stopped, not stored."""
    server = Duplex()
    with FakeBackend(server) as backend:
        pooler = weir(weir={"default_pool_size": 1, "session_tracking": False}, databases={"app": {"host": "127.0.0.1", "port": backend.port}})
        with connected(pooler, False) as c, Memory(pooler) as memory:
            def pieces():
                yield parse("", "SELECT x") + bind() + execute() + parse("", "SELECT y")
                yield from big_bind(GIGABYTE)
                yield execute() + sync()
            sender = Sender(c, pieces())
            time.sleep(seconds_silent)
            row_bytes, others = read_all(c)
            assert server.done.wait(5) and not backend.failures, backend.failures
        sender.join(5)
        assert not sender.failure and server.taken > GIGABYTE and row_bytes > GIGABYTE
        assert "".join(kind for kind, _ in others if kind not in "NS") == "12C12CZ"
        assert memory.growth_mib() < GROWTH_MIB_MAX, memory.growth_mib()


def test_both_ways_through_tls_on_both_sides(weir, certificates):
    size = SIZE // 4
    pooler = weir(weir=tls_settings(certificates))
    with connected(pooler, True) as c, Memory(pooler) as memory:
        c.send(parse("rows", f"SELECT repeat('x', {PIECE}) FROM generate_series(1, {size // PIECE})"),
               parse("big", "SELECT octet_length($1::bytea)"), sync())
        assert not errors(c.until_ready())
        # One thread: a TLS socket of Python's must not be read and written at once. Rows first, asked for in front.
        c.send(bind("", "rows"), execute(), sync())
        row_bytes, _ = read_all(c)
        for piece in big_bind(size, "big"):
            c.sock.sendall(piece)
        c.send(execute(), sync())
        assert rows(c.until_ready(timeout=20)) == [[str(size).encode()]]
    assert row_bytes > size
    assert memory.growth_mib() < GROWTH_MIB_MAX, memory.growth_mib()


def test_a_server_that_does_not_read_stops_its_client(weir):
    """While PostgreSQL sleeps nobody takes the parameter: the client's socket fills, and not Weir."""
    pooler = weir()
    with connected(pooler, False) as c, Memory(pooler) as memory:
        def pieces():
            yield parse("", "SELECT pg_sleep(2)") + bind() + execute() + parse("", "SELECT octet_length($1::bytea)")
            yield from big_bind(SIZE // 4)
            yield execute() + sync()
        sender = Sender(c, pieces())
        time.sleep(1)
        stopped_at = sender.sent
        assert stopped_at < SIZE // 8
        time.sleep(0.3)
        assert sender.sent == stopped_at
        assert rows(c.until_ready(timeout=20))[-1] == [str(SIZE // 4).encode()]
    assert memory.growth_mib() < GROWTH_MIB_MAX, memory.growth_mib()


def test_a_client_that_does_not_read_stops_its_server(weir, postgres):
    pooler = weir()
    with connected(pooler, False) as c, Memory(pooler) as memory:
        c.send(query(f"SELECT repeat('x', {PIECE}) FROM generate_series(1, {SIZE // PIECE})"))
        wait_for(lambda: postgres.sql("SELECT wait_event FROM pg_stat_activity WHERE usename = 'alice' AND state = 'active' AND "
                                      "query LIKE 'SELECT repeat%'") == [["ClientWrite"]], "the server to be held back")
        time.sleep(1)
        row_bytes, _ = read_all(c)
    assert row_bytes > SIZE
    assert memory.growth_mib() < GROWTH_MIB_MAX, memory.growth_mib()
