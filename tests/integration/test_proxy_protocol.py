"""The PROXY protocol, version 2: believed from listed addresses only."""

import socket
import ssl
import struct
import time

import pytest

from rawpg import Raw, query, rows, ssl_request, startup
from servers import give_away, wait_for

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FROM = {"proxy_protocol_from": ["127.0.0.1/32"], "auth_fail_delay": 0}


def header(source="203.0.113.7", port=50123, command=1, family=0x11, tail=b"", destination="192.0.2.1"):
    kind = socket.AF_INET6 if ":" in source else socket.AF_INET
    if kind == socket.AF_INET6:
        family, destination = 0x21, "2001:db8::1"
    body = socket.inet_pton(kind, source) + socket.inet_pton(kind, destination) + struct.pack("!HH", port, 6432) + tail
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack("!H", len(body)) + body


LOCAL = SIGNATURE + bytes([0x20, 0]) + struct.pack("!H", 0)


def seen(pooler):
    """Address and port of the clients as the console shows them."""
    return {(row["addr"], row["port"]) for row in pooler.show("CLIENTS") if row["database"] == "app"}


@pytest.fixture
def behind(weir, folder, postgres):
    """A Weir behind a balancer; its console is reached over the Unix socket."""
    def start(**more):
        sockets = folder / f"proxy-{time.monotonic_ns()}"
        sockets.mkdir()
        give_away(sockets)
        pooler = weir(weir=FROM | {"unix_socket_dir": sockets} | more)
        pooler.console = lambda: Raw.connect(pooler.port, str(sockets)).login("bob", "bob-pw", "weir")
        return pooler
    return start


@pytest.mark.parametrize("source, tail", [("203.0.113.7", b""), ("2001:db8::9", b""), ("203.0.113.8", b"\x04\0\x40" + b"\0" * 64)])
def test_the_client_is_who_the_header_says(behind, source, tail):
    pooler = behind()
    with Raw.connect(pooler.port) as c:
        c.send(header(source, tail=tail))
        c.login("alice", "alice-pw", "app")
        assert c.value("SELECT 1") == "1"
        assert seen(pooler) == {(source, "50123")}


def test_an_ipv4_address_in_ipv6_clothes_is_shown_as_ipv4(behind):
    pooler = behind()
    with Raw.connect(pooler.port) as c:
        c.send(header("::ffff:203.0.113.5"))
        c.login("alice", "alice-pw", "app")
        assert seen(pooler) == {("203.0.113.5", "50123")}


def test_the_header_may_come_with_the_startup_packet_or_byte_by_byte(behind):
    pooler = behind()
    with Raw.connect(pooler.port) as c:
        c.send(header() + startup("alice", "app"))
        assert c.message().type == "R"
    with Raw.connect(pooler.port) as c:
        for byte in header():
            c.send(bytes([byte]))
        c.login("alice", "alice-pw", "app")
        assert seen(pooler) == {("203.0.113.7", "50123")}


def test_a_balancers_own_connection_keeps_its_address(behind):
    pooler = behind()
    with Raw.connect(pooler.port) as c:
        c.send(LOCAL)
        c.login("alice", "alice-pw", "app")
        assert {addr for addr, _ in seen(pooler)} == {"127.0.0.1"}


@pytest.mark.parametrize("first", [
    b"PROXY TCP4 203.0.113.7 192.0.2.1 50123 6432\r\n", b"PROXY UNKNOWN\r\n",  # version 1
    startup("alice", "app"),                                                   # no header at all
    SIGNATURE + b"\x11\x11\x00\x0c" + b"\0" * 12,                              # version 1 in binary
    SIGNATURE + b"\x21\x11\x00\x04" + b"\0" * 4,                               # too short for its family
    SIGNATURE + b"\x21\x11\xff\xff",                                           # 64 kB to come
    SIGNATURE + b"\x22\x11\x00\x0c" + b"\0" * 12,                              # an unknown command
], ids=["v1", "v1-unknown", "none", "binary-v1", "short", "huge", "command"])
def test_from_a_listed_address_anything_else_is_refused(behind, first):
    pooler = behind()
    with Raw.connect(pooler.port) as c:
        c.send(first)
        got = c.bytes_until_closed(5)
        assert got[:1] in (b"E", b"") and b"AuthenticationOk" not in got
        assert got == b"" or b"08P01" in got
    with Raw.connect(pooler.port) as c:
        c.send(header())
        c.login("alice", "alice-pw", "app")


def test_from_other_addresses_a_header_is_no_startup_packet(weir):
    pooler = weir(weir={"proxy_protocol_from": ["198.51.100.0/24"], "auth_fail_delay": 0})
    with Raw.connect(pooler.port) as c:
        c.send(header() + startup("alice", "app"))
        got = c.bytes_until_closed(5)
        assert got[:1] == b"E" and b"08P01" in got
    with Raw.connect(pooler.port) as c:
        c.login("alice", "alice-pw", "app")
        assert {addr for addr, _ in seen(pooler)} == {"127.0.0.1"}


def test_the_address_of_the_header_is_the_one_the_hba_file_judges(weir, folder, postgres):
    rules = folder / "proxy-hba.conf"
    rules.write_text("host all all 203.0.113.0/24 trust\nhost all all 0.0.0.0/0 reject\n")
    give_away(rules)
    pooler = weir(weir=FROM | {"auth_type": "hba", "auth_hba_file": rules}, users={"u": {}},
                  databases={"app": {"host": "127.0.0.1", "port": postgres.port, "user": "trusty"}})
    for first, fine in ((header("203.0.113.9"), True), (header("198.51.100.9"), False), (LOCAL, False)):
        with Raw.connect(pooler.port) as c:
            c.send(first)
            refusal = c.try_login("u", "", "app")
            assert (refusal is None) == fine
            if first == LOCAL:
                assert 'host "127.0.0.1"' in refusal.fields["M"]
            elif not fine:
                assert 'host "198.51.100.9"' in refusal.fields["M"]


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("together", [False, True])
def test_tls_after_the_header(behind, certificates, direct, together):
    pooler = behind(client_tls_sslmode="require", client_tls_cert_file=certificates.server,
                    client_tls_key_file=certificates.server_key)
    context = ssl.create_default_context(cafile=certificates.ca)
    if direct:
        context.set_alpn_protocols(["postgresql"])
    first = header() + (b"" if direct else ssl_request())
    with Raw.connect(pooler.port) as c:
        if together and direct:
            # The header and the first flight of the handshake in one segment.
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            c.send(first + outgoing.read())
            assert c.exactly(1) == b"\x16", "the server's part of the handshake"
            return
        if together:
            c.send(first)
        else:
            c.send(header())
            time.sleep(0.05)
            if not direct:
                c.send(ssl_request())
        if not direct:
            assert c.exactly(1) == b"S"
        c.wrap_tls(context, "localhost")
        c.login("alice", "alice-pw", "app")
        assert c.value("SELECT 'secure'") == "secure"
        assert seen(pooler) == {("203.0.113.7", "50123")}


def test_failures_count_against_the_client_and_not_the_balancer(behind):
    pooler = behind(auth_fail_delay="2s")
    with Raw.connect(pooler.port) as c:
        c.send(header("203.0.113.66"))
        assert c.try_login("alice", "wrong", "app").sqlstate == "28P01"
    before = time.monotonic()
    with Raw.connect(pooler.port) as c:
        c.send(header("203.0.113.67"))
        c.login("alice", "alice-pw", "app")
        c.send(query("SELECT 1"))
        assert rows(c.until_ready()) == [[b"1"]]
    assert time.monotonic() - before < 2


def test_a_client_that_sends_half_a_header_is_let_go_in_time(behind):
    pooler = behind(client_login_timeout=1)
    with Raw.connect(pooler.port) as c:
        c.send(header()[:20])
        before = time.monotonic()
        c.bytes_until_closed(8)
        assert time.monotonic() - before < 6
    wait_for(pooler.alive, "Weir")
