"""Every recorded session, cut at every byte boundary in both directions, gives the same transcript.

A session is the client's bytes, in rounds; its transcript is every message that comes back, bodies and all. The
reference is PostgreSQL's own transcript. Then the client's bytes are cut in two at every position, and sent one byte
at a time; and a gate between Weir and PostgreSQL does the same to the server's bytes.

The cuts are real, not a matter of timing: the sockets are Unix sockets, whose output queue is empty only once the
peer has read what was sent, and the second piece leaves only then.
"""

import fcntl
import os
import select
import socket
import struct
import termios
import time

import pytest

from rawpg import (V3_0, ScramClient, bind, close, copy_data, copy_done, copy_fail, cstr, describe, execute, extended,
                   flush, frame, parse, password, query, sasl_initial, sasl_response, startup, sync)
from servers import USERS, Weir, free_port, give_away

SECONDS = 10.0
SAMPLE = 11  # every so many boundaries in a short run


def call(oid, *values):
    """A FunctionCall with text arguments and a text result."""
    body = struct.pack("!IHHH", oid, 1, 0, len(values))
    body += b"".join(struct.pack("!I", len(v)) + v for v in values)
    return frame("F", body + struct.pack("!H", 0))


# Each round: the client's bytes, and what ends the wait for their answer: so many ReadyForQuery, or one of these types.
# A session leaves everything as it found it, so that it can be played any number of times.
SESSIONS = {
    "simple query": [(query("SELECT 1 AS one, 'two' AS two, NULL AS three"), 1)],
    "many statements in one query": [(query("SELECT 1; SELECT 'a' WHERE false; VALUES (2), (3); BEGIN; COMMIT"), 1)],
    "empty queries": [(query("") + query(" ; ") + query("-- nothing"), 3)],
    "error between statements": [(query("SELECT 1; SELECT 1/0; SELECT 2"), 1)],
    "pipelined queries, one fails": [(query("SELECT 1") + query("SELECT nothing") + query("SELECT 3"), 3)],
    "error with detail and constraint": [(query("INSERT INTO cut VALUES (1, 'again')"), 1)],
    "failed transaction": [(query("BEGIN") + query("SELEKT") + query("SELECT 'refused'") + query("ROLLBACK"), 4)],
    "savepoints": [(query("BEGIN") + query("SAVEPOINT a") + query("SELECT 1/0") + query("ROLLBACK TO a"), 4),
                   (query("SELECT n FROM cut") + query("COMMIT"), 2)],
    "extended query": [(parse("", "SELECT $1::int + $2, $3::text", [0, 23, 0]) + bind("", "", [40, 2, None]) +
                        describe("P") + execute() + sync(), 1)],
    "binary both ways": [(parse("", "SELECT $1::int8, $2::bytea") + bind("", "", [b"\0" * 7 + b"\5", b"\0\xff\0"], [1], [1]) +
                          describe("P") + execute() + sync(), 1)],
    "named statement used again": [(parse("s", "SELECT n, t FROM cut WHERE n = $1") + describe("S", "s") + sync(), 1),
                                   (bind("", "s", [1]) + execute() + sync() + bind("", "s", [2]) + execute() + sync(), 2),
                                   (bind("", "s", [3]) + describe("P") + execute() + close("S", "s") + sync(), 1)],
    "named twice, and unknown": [(parse("s", "SELECT 1") + sync() + parse("s", "SELECT 2") + bind("", "s") + sync(), 2),
                                 (close("S", "s") + bind("", "s") + execute() + sync() + describe("S", "none") + sync(), 2),
                                 (close("S", "none") + close("P", "none") + close("S", "s") + sync(), 1)],
    "unnamed statement in later batches": [(parse("", "SELECT $1::text || '!'") + sync(), 1),
                                           (bind("", "", ["a"]) + execute() + sync(), 1),
                                           (describe("S") + bind("", "", [""]) + execute() + sync(), 1)],
    "pipeline with an error in the middle": [(extended("SELECT 1") + sync() + extended("SELECT 2") + extended("SELECT 1/0") +
                                              extended("SELECT 3") + query("SELECT 'skipped'") + sync() +
                                              extended("SELECT 4") + sync() + query("SELECT 5"), 4)],
    "batch that is undone": [(extended("INSERT INTO cut VALUES (9, 'nine')") + extended("INSERT INTO cut VALUES (1, '')") +
                              sync(), 1), (query("SELECT count(*) FROM cut"), 1)],
    "syntax error in Parse": [(parse("bad", "SELECT (") + describe("S", "bad") + bind("", "bad") + execute() + sync(), 1),
                              (bind("", "bad") + sync(), 1)],
    "wrong parameters in Bind": [(parse("p", "SELECT $1::int") + bind("", "p", ["x"]) + execute() + sync(), 1),
                                 (bind("", "p", []) + execute() + sync() + bind("", "p", [7]) + execute() + sync(), 2),
                                 (close("S", "p") + sync(), 1)],
    "flush": [(parse("", "SELECT $1::int") + describe("S") + flush(), "T"), (bind("", "", [42]) + execute() + flush(), "C"),
              (sync(), 1)],
    "flush after an error": [(parse("", "SELEKT") + flush(), "E"), (bind() + execute() + sync(), 1)],
    "nothing but flush and sync": [(flush() + sync() + flush() + sync(), 2)],
    "portals": [(query("BEGIN"), 1),
                (parse("", "SELECT generate_series(1, 7)") + bind("p") + execute("p", 2) + execute("p", 3) + flush(), "s"),
                (execute("p", 2) + execute("p", 2) + close("P", "p") + execute("p") + sync(), 1), (query("ROLLBACK"), 1)],
    "no data": [(parse("", "DELETE FROM cut WHERE n = $1") + describe("S") + bind("", "", [77]) + describe("P") + execute() +
                 sync(), 1)],
    "extended, then simple, without Sync": [(extended("SELECT 'a'") + query("SELECT 'b'") + extended("SELECT 'c'") + sync(), 2)],
    "COPY out": [(query("COPY cut TO STDOUT") + query("COPY (SELECT 1) TO STDOUT (FORMAT binary)"), 2)],
    "COPY out, extended": [(extended("COPY cut TO STDOUT") + extended("SELECT 'after'") + sync(), 1)],
    "COPY out that fails": [(query("COPY (SELECT 2 / (3 - n) FROM cut ORDER BY n) TO STDOUT"), 1)],
    "COPY in": [(query("COPY cut FROM STDIN"), "G"), (copy_data(b"10\tte") + copy_data(b"n\n11\t") + copy_data(b"\n") +
                                                     copy_done() + query("DELETE FROM cut WHERE n > 3"), 2)],
    "COPY in, the client gives up": [(query("COPY cut FROM STDIN"), "G"), (copy_data(b"10\tten\n") + copy_fail("enough") +
                                                                         query("SELECT 'on'"), 2)],
    "COPY in of rubbish": [(query("COPY cut FROM STDIN"), "G"), (copy_data(b"x\ty\n"), 1),
                           (copy_data(b"11\te\n") + copy_done() + query("SELECT 'on'"), 1)],
    "COPY in, extended": [(extended("COPY cut FROM STDIN") + sync(), "G"),
                          (copy_data(b"10\tten\n") + copy_data(b"11\t\\N\n") + copy_done() + sync(), 1),
                          (query("DELETE FROM cut WHERE n > 3"), 1)],
    "COPY in, extended, the client gives up": [(extended("COPY cut FROM STDIN") + flush(), "G"),
                                               (copy_data(b"10\tten\n") + copy_fail("no") + sync() + query("SELECT 1"), 2)],
    "COPY in, extended, of rubbish": [(extended("COPY cut FROM STDIN") + flush(), "G"),
                                      (copy_data(b"x\n") + copy_data(b"11\te\n") + copy_done() + sync(), 1)],
    "COPY in that cannot begin": [(query("COPY nowhere FROM STDIN") + copy_data(b"1\n") + copy_done() + query("SELECT 1"), 2)],
    "function call": [(call(177, b"40", b"2") + call(177, b"40", b"x") + call(1, b""), 3)],
    "notices": [(query("DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two' USING HINT = 'h', DETAIL = 'd'; END $$") +
                 extended("DO $$ BEGIN RAISE NOTICE 'three'; RAISE EXCEPTION 'four'; END $$") + sync(), 2)],
    "parameters": [(query("SET TimeZone = 'Asia/Tokyo'; SELECT 1; SET application_name = 'cut'"), 1),
                   (query("SHOW TimeZone") + extended("SET DateStyle = 'German'") + sync(), 2),
                   (query("RESET DateStyle") + query("BEGIN; SET LOCAL TimeZone = 'UTC'; COMMIT"), 2),
                   (query("RESET TimeZone; SET application_name = 'boundaries'"), 1)],
    "PREPARE and EXECUTE as SQL": [(query("BEGIN; PREPARE q (int) AS SELECT $1 + 1; EXECUTE q (1)") +
                                    extended("EXECUTE q (2)") + sync() + query("DEALLOCATE q; COMMIT"), 3)],
    "values that are long, empty and null": [(parse("", "SELECT $1::text, $2::text, $3::text, repeat('r', 300)") +
                                              bind("", "", ["v" * 300, "", None]) + execute() + sync(), 1)],
}


def read_by_peer(sock):
    """Returns once the peer has read everything that was sent: a Unix socket's queue holds what it has not."""
    deadline, waiting = time.monotonic() + SECONDS, bytearray(4)
    while True:
        fcntl.ioctl(sock, termios.TIOCOUTQ, waiting)
        if waiting == b"\0\0\0\0":
            return
        assert time.monotonic() < deadline, "Weir does not read"
        os.sched_yield()


class Cutter:
    """Sends a stream in pieces that end where `cuts` (positions since begin()) say."""

    def __init__(self, sock):
        self.sock = sock
        self.begin()

    def begin(self, cuts=()):
        self.cuts, self.sent, self.made = cuts, 0, 0

    def send(self, data):
        if isinstance(self.cuts, range):
            at = [c - self.sent for c in self.cuts[max(0, self.sent):self.sent + len(data)]]
        else:
            at = [c - self.sent for c in self.cuts]
        begin = 0
        for end in [c for c in at if 0 < c < len(data)]:
            self.sock.sendall(data[begin:end])
            read_by_peer(self.sock)
            begin, self.made = end, self.made + 1
        self.sock.sendall(data[begin:])
        if self.cuts and self.sent + len(data) in self.cuts:  # a cut between two sends
            read_by_peer(self.sock)
            self.made += 1
        self.sent += len(data)


class Messages:
    """A byte stream as messages."""

    def __init__(self):
        self.rest, self.whole = b"", []

    def feed(self, data):
        self.rest += data
        while len(self.rest) >= 5:
            size = 1 + struct.unpack_from("!I", self.rest, 1)[0]
            if len(self.rest) < size:
                return
            self.whole.append((chr(self.rest[0]), self.rest[5:size]))
            self.rest = self.rest[size:]


def unix(folder, port):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(SECONDS)
    sock.connect(f"{folder}/.s.PGSQL.{port}")
    return sock


class Client:
    """One logged-in connection that plays sessions."""

    def __init__(self, sock, secret=None, database="app", cuts=(), gate=None):
        self.sock, self.cutter, self.gate, self.stream = sock, Cutter(sock), gate, Messages()
        self.cutter.begin(cuts)
        self.login = self._log_in("alice", secret, database)

    def _log_in(self, user, secret, database):
        """The transcript of the login, without what is random in it."""
        self.cutter.send(startup(user, database, V3_0, application_name="boundaries"))
        seen, scram = [], ScramClient(secret or "")
        while True:
            kind, body = self.next()
            if kind == "R":
                code = struct.unpack_from("!I", body)[0]
                if code == 10:
                    self.cutter.send(sasl_initial("SCRAM-SHA-256", scram.first()))
                elif code == 11:
                    self.cutter.send(sasl_response(scram.final(body[4:])))
                elif code == 12:
                    scram.check(body[4:])
                seen.append(f"R {code}")
            else:
                seen.append(kind if kind == "K" else f"{kind} {body!r}")
            assert kind != "E", seen
            if kind == "Z":
                return seen

    def next(self):
        while not self.stream.whole:
            if self.gate is not None:
                self.gate.pump(self.sock)
            data = self.sock.recv(65536)
            assert data, "the connection was closed"
            self.stream.feed(data)
        return self.stream.whole.pop(0)

    def play(self, session, cuts=()):
        """The transcript of the session: every message with its body."""
        self.cutter.begin(cuts)
        transcript = []
        for data, until in session:
            self.cutter.send(data)
            ready = 0
            while True:
                kind, body = self.next()
                transcript.append((kind, body))
                ready += kind == "Z"
                if ready == until or kind == until:
                    break
        assert not self.stream.whole and not self.stream.rest, "more came than the session asked for"
        return transcript


class CuttingGate:
    """Between Weir and PostgreSQL, on the test's own thread: cuts what the server says."""

    def __init__(self, folder, postgres):
        self.folder, self.postgres, self.port = folder, postgres, free_port()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{folder}/.s.PGSQL.{self.port}")
        os.chmod(f"{folder}/.s.PGSQL.{self.port}", 0o777)
        self.listener.listen(16)
        self.pairs, self.cuts, self.made, self.passed = {}, (), 0, 0
        self.poll = select.poll()
        self.poll.register(self.listener, select.POLLIN)

    def begin(self, cuts=()):
        """Of all connections together, of which one speaks at a time; the next one to open takes it over."""
        self.cuts, self.made, self.passed = cuts, 0, 0
        for side in self.pairs.values():
            if side[2] is not None:
                side[2].begin(cuts)

    def pump(self, client):
        """Carries bytes until the client has something to read."""
        self.poll.register(client, select.POLLIN)
        try:
            while True:
                ready = [fd for fd, _ in self.poll.poll(SECONDS * 1000)]
                assert ready, "nothing happens: a session hangs"
                for fd in ready:
                    if fd == self.listener.fileno():
                        self._accept()
                    elif fd in self.pairs:
                        self._carry(fd)
                if client.fileno() in ready:
                    return
        finally:
            self.poll.unregister(client)

    def _accept(self):
        weir, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.postgres.port), timeout=SECONDS)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        to_weir = Cutter(weir)
        to_weir.begin(self.cuts)
        self.pairs[weir.fileno()] = (weir, server, None)
        self.pairs[server.fileno()] = (server, weir, to_weir)
        for sock in (weir, server):
            self.poll.register(sock, select.POLLIN)

    def _carry(self, fd):
        source, sink, cutter = self.pairs[fd]
        data = source.recv(65536)
        if not data:
            self._drop(source, sink)
        elif cutter is None:
            if b"application_name\0weir " in data:  # a connection for what Weir itself asks: at its own time, and not cut
                self.pairs[sink.fileno()] = (sink, source, None)
            sink.sendall(data)
        else:
            made = cutter.made
            cutter.send(data)
            self.passed, self.made = cutter.sent, self.made + cutter.made - made

    def _drop(self, *socks):
        for sock in socks:
            self.pairs.pop(sock.fileno(), None)
            self.poll.unregister(sock)
            sock.close()

    def drop_servers(self):
        for sock, other, cutter in list(self.pairs.values()):
            if cutter is None and sock.fileno() >= 0:
                self._drop(sock, other)

    def close(self):
        self.drop_servers()
        self.listener.close()


class Rig:
    """PostgreSQL, Weir in front of it, and Weir in front of it through the gate: a client of each."""

    def __init__(self, folder, postgres):
        self.folder, self.secret = folder / "boundaries", USERS["alice"][0]
        self.folder.mkdir()
        self.folder.chmod(0o777)
        give_away(self.folder)
        self.postgres, self.gate = postgres, CuttingGate(self.folder, postgres)
        postgres.sql("DROP TABLE IF EXISTS cut; CREATE TABLE cut (n int PRIMARY KEY, t text); "
                     "INSERT INTO cut VALUES (1, 'one'), (2, NULL), (3, E'tab\\there'); GRANT ALL ON cut TO alice", database="app")
        self.weir = Weir(self.folder / "weir", {
            "weir": {"listen_addr": "127.0.0.1", "unix_socket_dir": str(self.folder), "pool_mode": "transaction",
                     "auth_type": "scram-sha-256", "default_pool_size": 1, "server_check_delay": 3600},
            "databases": {"app": {"host": str(postgres.socket_dir), "port": postgres.port},
                          "gated": {"host": str(self.folder), "port": self.gate.port, "dbname": "app"}},
            "users": {"alice": {"password": self.secret}}}).start()
        self.direct = Client(unix(postgres.socket_dir, postgres.port))
        self.pooled = self.connect("app")
        self.gated = self.connect("gated", gate=self.gate)
        self.references = {}

    def connect(self, database, cuts=(), gate=None):
        return Client(unix(self.folder, self.weir.port), self.secret, database, cuts, gate)

    def reference(self, name):
        """PostgreSQL's own transcript, and that it is the same each time."""
        if name not in self.references:
            first, second = (self.direct.play(SESSIONS[name]) for _ in range(2))
            assert first == second, "the session is not repeatable"
            self.references[name] = first
        return self.references[name]

    def close(self):
        self.weir.stop()
        for client in (self.direct, self.pooled, self.gated):
            client.sock.close()
        self.gate.close()
        assert not self.weir.bugs(), self.weir.bugs()


@pytest.fixture(scope="module")
def rig(folder, primary):
    rig = Rig(folder, primary)
    yield rig
    rig.close()


def positions(size, step):
    """Every boundary of so many bytes, or a sample that always has those of the first and last message header."""
    return range(1, size) if step == 1 else sorted({*range(1, size, step), *range(1, min(6, size)), *range(max(1, size - 1), size)})


def cut_client(rig, name, step=1):
    session, expected = SESSIONS[name], rig.reference(name)
    size = sum(len(data) for data, _ in session)
    assert rig.pooled.play(session) == expected, "uncut"
    for at in positions(size, step):
        assert rig.pooled.play(session, (at,)) == expected, f"cut at {at} of {size}"
        assert rig.pooled.cutter.made == 1
    assert rig.pooled.play(session, range(0, size + 1)) == expected, "one byte at a time"
    assert rig.pooled.cutter.made >= size - 1


def cut_server(rig, name, step=1):
    session, expected, gate = SESSIONS[name], rig.reference(name), rig.gate
    for _ in range(2):  # the first may have statements to prepare
        gate.begin()
        assert rig.gated.play(session) == expected, "uncut"
    size = gate.passed
    for at in positions(size, step):
        gate.begin((at,))
        assert rig.gated.play(session) == expected, f"cut at {at} of {size}"
        # What Weir asks for itself (an old statement closed, say) makes one play longer than another.
        assert gate.made == 1 or gate.passed < at
    gate.begin(range(0, 2 * size))
    assert rig.gated.play(session) == expected, "one byte at a time"
    assert gate.made >= gate.passed - 1  # none at all where Weir needs no server to answer
    gate.begin()


@pytest.mark.parametrize("name", SESSIONS)
def test_the_clients_bytes_cut_anywhere_give_the_same_transcript(rig, name):
    cut_client(rig, name)


@pytest.mark.parametrize("name", SESSIONS)
def test_the_servers_bytes_cut_anywhere_give_the_same_transcript(rig, name):
    cut_server(rig, name)


@pytest.mark.short
def test_a_sample_of_all_cuts(rig):
    for name in SESSIONS:
        cut_client(rig, name, SAMPLE)
        cut_server(rig, name, SAMPLE)


def log_in_cut(rig, cuts):
    client = rig.connect("app", cuts)
    client.sock.close()
    return client.login, client.cutter


@pytest.mark.short
def test_a_clients_login_cut_anywhere_is_the_same_login(rig):
    whole, cutter = log_in_cut(rig, ())
    assert [line.split()[0] for line in whole if line[0] != "S"] == ["R", "R", "R", "R", "K", "Z"]
    for at in range(1, cutter.sent):
        cut, used = log_in_cut(rig, (at,))
        assert cut == whole and used.made == 1, f"cut at {at} of {cutter.sent}"
    assert log_in_cut(rig, range(0, cutter.sent + 1))[0] == whole, "one byte at a time"


def test_a_login_to_the_server_cut_anywhere_is_the_same_login(rig):
    session, gate = SESSIONS["simple query"], rig.gate
    expected = rig.reference("simple query")

    def over_a_new_connection(cuts):
        gate.drop_servers()
        gate.begin(cuts)
        assert rig.gated.play(session) == expected
        return gate.passed

    size = over_a_new_connection(())
    assert size > 400  # the login is in it
    for at in positions(size, 1):
        over_a_new_connection((at,))
        assert gate.made == 1, f"cut at {at} of {size}"
    over_a_new_connection(range(0, size + 1))
    assert gate.made >= size - 40  # a salt or a key may be shorter one time
    gate.begin()
