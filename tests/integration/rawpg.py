"""PostgreSQL's wire protocol by hand: a client that can send any bytes, and a backend that can answer any.

    with Raw.connect(port) as c:
        c.login("alice", "secret", "app")
        c.send(query("SELECT 1"))
        assert types(c.until_ready()) == "TDCZ"

Nothing here waits without a deadline: a wait that is too long raises Late.
"""

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import threading
import time
from typing import NamedTuple

DEADLINE = 10.0
SSL_REQUEST, GSSENC_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
V3_0, V3_2 = 0x00030000, 0x00030002


class Late(AssertionError):
    """Something did not happen before its deadline."""


class Closed(Exception):
    """The peer closed the connection (an orderly end or a reset)."""


class Msg(NamedTuple):
    type: str
    body: bytes

    @property
    def fields(self):
        """The fields of an ErrorResponse or NoticeResponse."""
        out, rest = {}, self.body
        while rest and rest[0]:
            value, _, tail = rest[1:].partition(b"\0")
            out[chr(rest[0])] = value.decode("utf-8", "replace")
            rest = tail
        return out

    @property
    def sqlstate(self):
        return self.fields.get("C", "")

    @property
    def row(self):
        """The values of a DataRow: bytes, or None for NULL."""
        count, at, values = struct.unpack_from("!H", self.body)[0], 2, []
        for _ in range(count):
            size = struct.unpack_from("!i", self.body, at)[0]
            at += 4
            values.append(None if size < 0 else self.body[at:at + size])
            at += max(size, 0)
        return values

    @property
    def tag(self):
        return self.body.rstrip(b"\0").decode()

    @property
    def status(self):
        """The transaction status of a ReadyForQuery: I, T or E."""
        return self.body.decode()


def types(messages, without="SNA"):
    """The message types in a row, without those that may come at any moment."""
    return "".join(m.type for m in messages if m.type not in without)


def rows(messages):
    return [m.row for m in messages if m.type == "D"]


def errors(messages):
    return [m for m in messages if m.type == "E"]


# ---- frames

def frame(kind, body=b"", length=None):
    """One message; `length` replaces the true length, for liars."""
    size = len(body) + 4 if length is None else length & 0xFFFFFFFF
    return kind.encode() + struct.pack("!I", size) + body


def cstr(text):
    return (text if isinstance(text, bytes) else text.encode()) + b"\0"


def untyped(body, length=None):
    size = len(body) + 4 if length is None else length & 0xFFFFFFFF
    return struct.pack("!I", size) + body


def startup(user=None, database=None, version=V3_0, pairs=(), **params):
    body = struct.pack("!I", version)
    if user is not None:
        body += cstr("user") + cstr(user)
    if database is not None:
        body += cstr("database") + cstr(database)
    for name, value in list(params.items()) + list(pairs):
        body += cstr(name) + cstr(value)
    return untyped(body + b"\0")


def ssl_request():
    return untyped(struct.pack("!I", SSL_REQUEST))


def gssenc_request():
    return untyped(struct.pack("!I", GSSENC_REQUEST))


def cancel(pid, key):
    return untyped(struct.pack("!II", CANCEL_REQUEST, pid) + key)


def query(sql):
    return frame("Q", cstr(sql))


def parse(name, sql, oids=()):
    return frame("P", cstr(name) + cstr(sql) + struct.pack("!H", len(oids)) + b"".join(struct.pack("!I", o) for o in oids))


def bind(portal="", name="", values=(), formats=(), result_formats=()):
    body = cstr(portal) + cstr(name) + struct.pack("!H", len(formats))
    body += b"".join(struct.pack("!H", f) for f in formats) + struct.pack("!H", len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            data = value if isinstance(value, bytes) else str(value).encode()
            body += struct.pack("!I", len(data)) + data
    body += struct.pack("!H", len(result_formats)) + b"".join(struct.pack("!H", f) for f in result_formats)
    return frame("B", body)


def describe(kind="S", name=""):
    return frame("D", kind.encode() + cstr(name))


def execute(portal="", limit=0):
    return frame("E", cstr(portal) + struct.pack("!I", limit))


def close(kind="S", name=""):
    return frame("C", kind.encode() + cstr(name))


def sync():
    return frame("S")


def flush():
    return frame("H")


def terminate():
    return frame("X")


def copy_data(data):
    return frame("d", data)


def copy_done():
    return frame("c")


def copy_fail(why="stop"):
    return frame("f", cstr(why))


def password(text):
    return frame("p", cstr(text))


def sasl_initial(mechanism, data, length=None):
    size = len(data) if length is None else length & 0xFFFFFFFF
    return frame("p", cstr(mechanism) + struct.pack("!I", size) + data)


def sasl_response(data):
    return frame("p", data)


def extended(sql, values=(), name="", portal=""):
    """Parse, Bind, Execute: no Sync."""
    return parse(name, sql) + bind(portal, name, values) + execute(portal)


# ---- SCRAM

def _hmac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


class ScramClient:
    """The client's half of SCRAM-SHA-256 without channel binding."""

    def __init__(self, secret, nonce=None):
        self.secret = secret.encode()
        self.nonce = nonce or base64.b64encode(os.urandom(18)).decode()
        self.first_bare = "n=,r=" + self.nonce

    def first(self):
        return ("n,," + self.first_bare).encode()

    def final(self, server_first):
        parts = dict(p.split("=", 1) for p in server_first.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self.secret, base64.b64decode(parts["s"]), int(parts["i"]))
        client_key = _hmac(salted, b"Client Key")
        without_proof = "c=biws,r=" + parts["r"]
        self.message = ",".join([self.first_bare, server_first.decode(), without_proof]).encode()
        signature = _hmac(hashlib.sha256(client_key).digest(), self.message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.server_signature = _hmac(_hmac(salted, b"Server Key"), self.message)
        return (without_proof + ",p=" + base64.b64encode(proof).decode()).encode()

    def check(self, server_final):
        assert server_final == b"v=" + base64.b64encode(self.server_signature), "the server does not know the password"


# ---- sockets

class Wire:
    """A socket with deadlines, reading messages. The client's side and the backend's side share it."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.sock.setblocking(True)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.drop()

    def drop(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def reset(self):
        """Closes with a TCP reset instead of an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop()

    def send(self, *pieces, timeout=DEADLINE):
        self.sock.settimeout(timeout)
        try:
            self.sock.sendall(b"".join(pieces))
        except socket.timeout:
            raise Late(f"the peer did not take {sum(map(len, pieces))} bytes within {timeout} s")
        except OSError as error:
            raise Closed(str(error))

    def trickle(self, data, pause=0.0, step=1):
        for at in range(0, len(data), step):
            self.send(data[at:at + step])
            if pause:
                time.sleep(pause)

    def more(self, timeout=DEADLINE):
        """Whatever comes next, into the buffer; Closed at the end of the stream."""
        self.sock.settimeout(max(timeout, 0.001))
        try:
            got = self.sock.recv(65536)
        except (socket.timeout, ssl.SSLWantReadError):
            raise Late(f"nothing came within {timeout:.1f} s (so far {self.buffer[:80]!r})")
        except OSError as error:
            raise Closed(str(error))
        if not got:
            raise Closed("end of stream")
        self.buffer += got

    def exactly(self, count, timeout=DEADLINE):
        deadline = time.monotonic() + timeout
        if count > 1 << 20:  # large messages: no quadratic copying
            pieces, have = [self.buffer], len(self.buffer)
            self.buffer = b""
            while have < count:
                self.more(deadline - time.monotonic())
                pieces.append(self.buffer)
                have += len(self.buffer)
                self.buffer = b""
            self.buffer = b"".join(pieces)
        while len(self.buffer) < count:
            self.more(deadline - time.monotonic())
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def message(self, timeout=DEADLINE):
        head = self.exactly(5, timeout)
        size = struct.unpack("!I", head[1:])[0]
        assert 4 <= size < 1 << 31, f"a message of type {head[:1]!r} says it is {size} bytes long"
        return Msg(chr(head[0]), self.exactly(size - 4, timeout))

    def until(self, *last, timeout=DEADLINE):
        """Messages up to and with the first whose type is in `last`."""
        out, deadline = [], time.monotonic() + timeout
        while not out or out[-1].type not in last:
            out.append(self.message(deadline - time.monotonic()))
        return out

    def until_ready(self, count=1, timeout=DEADLINE):
        out = []
        for _ in range(count):
            out += self.until("Z", timeout=timeout)
        return out

    def until_closed(self, timeout=DEADLINE):
        """Whole messages until the peer closes; bytes after the last whole one stay in `buffer`."""
        out, deadline = [], time.monotonic() + timeout
        try:
            while True:
                out.append(self.message(deadline - time.monotonic()))
        except Closed:
            return out

    def bytes_until_closed(self, timeout=DEADLINE):
        deadline = time.monotonic() + timeout
        try:
            while True:
                self.more(deadline - time.monotonic())
        except Closed:
            out, self.buffer = self.buffer, b""
            return out

    def quiet(self, seconds=0.3):
        """Does nothing come for so long?"""
        if self.buffer:
            return False
        try:
            self.more(seconds)
        except Late:
            return True
        except Closed:
            return False
        return False


class Raw(Wire):
    """A client."""

    def __init__(self, sock):
        super().__init__(sock)
        self.parameters, self.pid, self.key, self.negotiated = {}, 0, b"", None

    @classmethod
    def connect(cls, port, host="127.0.0.1", timeout=DEADLINE, rcvbuf=None):
        """host may be an address, or the path of a folder with a Unix socket in it."""
        family = socket.AF_UNIX if host.startswith("/") else socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.settimeout(timeout)
        sock.connect(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))
        return cls(sock)

    def start_tls(self, context=None, server_hostname=None):
        self.send(ssl_request())
        answer = self.exactly(1)
        assert answer == b"S", f"asked for TLS and got {answer!r}"
        self.wrap_tls(context, server_hostname)
        return self

    def wrap_tls(self, context=None, server_hostname=None):
        if context is None:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        assert not self.buffer, "bytes between the answer to SSLRequest and the handshake"
        self.sock.settimeout(DEADLINE)
        self.sock = context.wrap_socket(self.sock, server_hostname=server_hostname)

    def authenticate(self, secret, user):
        """Answers what the server asks until AuthenticationOk, an error (returned) or the end."""
        scram = None
        while True:
            m = self.message()
            if m.type == "E":
                return m
            if m.type == "v":
                self.negotiated = m.body
                continue
            if m.type in "NS":
                continue
            assert m.type == "R", f"message {m.type!r} while logging in"
            kind, rest = struct.unpack("!I", m.body[:4])[0], m.body[4:]
            if kind == 0:
                return None
            if kind == 3:
                self.send(password(secret))
            elif kind == 5:
                inner = hashlib.md5((secret + user).encode()).hexdigest().encode()
                self.send(password("md5" + hashlib.md5(inner + rest).hexdigest()))
            elif kind == 10:
                assert b"SCRAM-SHA-256" in rest.split(b"\0")
                scram = ScramClient(secret)
                self.send(sasl_initial("SCRAM-SHA-256", scram.first()))
            elif kind == 11:
                self.send(sasl_response(scram.final(rest)))
            elif kind == 12:
                scram.check(rest)
            else:
                raise AssertionError(f"authentication request {kind}")

    def try_login(self, user, secret="", database=None, version=V3_0, pairs=(), **params):
        """The refusal (a Msg of type E), or None once the session is ready."""
        self.send(startup(user, database, version, pairs, **params))
        refusal = self.authenticate(secret, user)
        if refusal:
            return refusal
        while True:
            m = self.message()
            if m.type == "S":
                name, value = m.body.split(b"\0")[:2]
                self.parameters[name.decode()] = value.decode()
            elif m.type == "K":
                self.pid, self.key = struct.unpack("!I", m.body[:4])[0], m.body[4:]
            elif m.type == "E":
                return m
            elif m.type == "Z":
                return None

    def login(self, user, secret="", database=None, version=V3_0, pairs=(), **params):
        refusal = self.try_login(user, secret, database, version, pairs, **params)
        assert refusal is None, f"login refused: {refusal.fields}"
        return self

    def ask(self, sql, timeout=DEADLINE):
        """A simple query and everything up to its ReadyForQuery."""
        self.send(query(sql))
        return self.until_ready(timeout=timeout)

    def value(self, sql, timeout=DEADLINE):
        """The first column of the first row, as text; an AssertionError with the server's words on an error."""
        reply = self.ask(sql, timeout)
        assert not errors(reply), errors(reply)[0].fields
        got = rows(reply)[0][0]
        return None if got is None else got.decode()


class BackendSide(Wire):
    """One connection that reached a FakeBackend."""

    def read_startup(self, answer_ssl=b"N"):
        """The startup packet's parameters; SSLRequest and GSSENCRequest are answered on the way."""
        while True:
            size = struct.unpack("!I", self.exactly(4))[0]
            body = self.exactly(size - 4)
            code = struct.unpack("!I", body[:4])[0]
            if code in (SSL_REQUEST, GSSENC_REQUEST):
                self.send(answer_ssl)
                continue
            self.code = code
            if code == CANCEL_REQUEST:
                return {"cancel": body[4:]}
            parts = body[4:].split(b"\0")
            return dict(zip(parts[0:-2:2], parts[1:-2:2]))

    def welcome(self, parameters=True, pid=4242, key=b"\1\2\3\4"):
        """AuthenticationOk up to ReadyForQuery, as PostgreSQL says it."""
        out = frame("R", struct.pack("!I", 0))
        if parameters:
            for name, value in DEFAULT_PARAMETERS.items():
                out += frame("S", cstr(name) + cstr(value))
        self.send(out + frame("K", struct.pack("!I", pid) + key) + frame("Z", b"I"))

    def serve(self, answer):
        """Answers queries until the peer goes: answer(wire, message) sends what it likes."""
        try:
            while True:
                m = self.message(timeout=60)
                if m.type == "X":
                    return
                answer(self, m)
        except (Closed, Late):
            return


DEFAULT_PARAMETERS = {
    "application_name": "", "client_encoding": "UTF8", "DateStyle": "ISO, MDY", "default_transaction_read_only": "off",
    "in_hot_standby": "off", "integer_datetimes": "on", "IntervalStyle": "postgres", "is_superuser": "off",
    "server_encoding": "UTF8", "server_version": "15.15", "session_authorization": "alice",
    "standard_conforming_strings": "on", "TimeZone": "Etc/UTC",
}


def row_description(*names):
    body = struct.pack("!H", len(names))
    for name in names:
        body += cstr(name) + struct.pack("!IHIhiH", 0, 0, 25, -1, -1, 0)
    return frame("T", body)


def data_row(*values):
    body = struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!I", len(value)) + value
    return frame("D", body)


def command_complete(tag):
    return frame("C", cstr(tag))


def ready(status="I"):
    return frame("Z", status.encode())


def error_response(severity="ERROR", sqlstate="XX000", message="made up"):
    return frame("E", b"S" + cstr(severity) + b"V" + cstr(severity) + b"C" + cstr(sqlstate) + b"M" + cstr(message) + b"\0")


def plain_answers(wire, m):
    """A backend that knows one answer: each simple query gets one row, 'ok'."""
    if m.type == "Q":
        wire.send(row_description("answer"), data_row(b"ok"), command_complete("SELECT 1"), ready())
    elif m.type == "S":
        wire.send(ready())


class FakeBackend:
    """A server on a loopback port whose every byte is the test's choice.

        with FakeBackend(handler) as backend:    # handler(BackendSide) runs in a thread per connection
            weir(databases={"d": {"host": "127.0.0.1", "port": backend.port}})
    """

    def __init__(self, handler):
        self.handler, self.accepted, self.failures = handler, 0, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            side = BackendSide(sock)
            self.open.append(side)
            self.accepted += 1
            threading.Thread(target=self._serve, args=(side,), daemon=True).start()

    def _serve(self, side):
        try:
            self.handler(side)
        except (Closed, Late):
            pass
        except Exception as error:  # shown by the test that looks
            self.failures.append(error)
        finally:
            side.drop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        for side in self.open:
            try:
                side.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            side.drop()
