"""TLS with real servers: whose name is verified, what a cancel does, and TLS from the first byte.

PostgreSQL takes TLS from the first byte from version 17 on. Here a Weir in front of PostgreSQL 15 is that server for
another Weir, because it does so for its clients; and a server of our own, to see every byte.
"""

import re
import shutil
import ssl
import struct

import pytest

from rawpg import FakeBackend, Raw, cancel, error_response, errors, plain_answers, query, ready
from servers import Certificates, Postgres, give_away, wait_for

QUICK = {"auth_fail_delay": 0, "server_login_retry": 0.2}
ENCRYPTED = "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()"


def towards(mode, authority=None, **more):
    return QUICK | {"server_tls_sslmode": mode} | ({"server_tls_ca_file": authority.ca} if authority else {}) | more


def refusal(pooler):
    """Why no server can be had."""
    with Raw.connect(pooler.port) as c:
        said = c.try_login("alice", "alice-pw", "app")
        if said is None:
            c.send(query("SELECT 1"))
            said = next(m for m in c.until("E") if m.type == "E")
        return said.fields


# ---- real PostgreSQL

@pytest.fixture(scope="module")
def stranger(folder):
    """An authority that nobody believes."""
    return Certificates(folder / "stranger-to-servers")


@pytest.fixture
def shows(postgres, certificates):
    """shows(name) makes PostgreSQL show the certificate of that name; afterwards its own again."""
    certificates.issue("elsewhere", "db.example.net", "DNS:db.example.net")
    certificates.issue("common-name-only", "localhost")
    certificates.issue("any-of-ours", "ignored", "DNS:*.example.net,DNS:localhost")

    def install(name):
        for kind in ("crt", "key"):
            shutil.copy(certificates.folder / f"{name}.{kind}", postgres.data / f"server.{kind}")
            (postgres.data / f"server.{kind}").chmod(0o600)
            give_away(postgres.data / f"server.{kind}")
        fresh = ssl.PEM_cert_to_DER_cert((certificates.folder / f"{name}.crt").read_text())
        postgres.sql("SELECT pg_reload_conf()")

        def shown():
            with Raw.connect(postgres.port) as c:
                c.start_tls()
                return c.sock.getpeercert(binary_form=True) == fresh
        wait_for(shown, "PostgreSQL to show its new certificate")
    yield install
    install("server")


@pytest.mark.parametrize("certificate, host, mode, fine", [
    ("server", "localhost", "verify-full", True), ("server", "127.0.0.1", "verify-full", True),
    ("common-name-only", "localhost", "verify-full", True), ("common-name-only", "127.0.0.1", "verify-full", False),
    ("any-of-ours", "localhost", "verify-full", True), ("any-of-ours", "127.0.0.1", "verify-full", False),
    ("elsewhere", "localhost", "verify-full", False), ("elsewhere", "localhost", "verify-ca", True),
    ("elsewhere", "localhost", "require", True)])
def test_whose_name_a_real_server_shows(weir, postgres, certificates, shows, certificate, host, mode, fine):
    shows(certificate)
    pooler = weir(weir=towards(mode, certificates if mode != "require" else None),
                  databases={"app": {"host": host, "port": postgres.port}})
    if fine:
        with pooler.connect() as c:
            assert c.value(ENCRYPTED) == "t"
    else:
        said = refusal(pooler)
        assert said["C"][:2] == "08" and host in said["M"] and "certificate" in said["M"], said


def test_require_with_an_authority_verifies_it_as_libpq_does(weir, postgres, certificates, stranger):
    for authority, fine in ((certificates, True), (stranger, False)):
        pooler = weir(weir=towards("require", authority))
        if fine:
            with pooler.connect() as c:
                assert c.value(ENCRYPTED) == "t"
        else:
            assert "certificate" in refusal(pooler)["M"]


@pytest.fixture(scope="module")
def without_tls(folder):
    server = Postgres(folder / "without-tls").create()
    yield server
    server.stop("immediate")


@pytest.mark.parametrize("mode, fine", [("disable", True), ("allow", True), ("prefer", True), ("require", False),
                                        ("verify-ca", False), ("verify-full", False)])
def test_a_real_server_without_tls(weir, postgres, without_tls, certificates, mode, fine):
    pooler = weir(weir=towards(mode, certificates if mode.startswith("verify") else None),
                  databases={"app": {"host": "127.0.0.1", "port": without_tls.port}})
    if fine:
        with pooler.connect() as c:
            assert c.value(ENCRYPTED) == "f"
            c.send(query("SELECT pg_sleep(30)"))
            without_tls.until_asleep()
            send_cancel(pooler, c)
            assert errors(c.until_ready())[0].sqlstate == "57014"
    else:
        assert "does not support SSL" in refusal(pooler)["M"]


def send_cancel(pooler, c):
    with Raw.connect(pooler.port) as other:
        other.send(cancel(c.pid, c.key))
        other.bytes_until_closed()


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
def test_a_cancel_reaches_a_real_server_in_every_mode(weir, postgres, certificates, mode):
    pooler = weir(weir=towards(mode, certificates if mode.startswith("verify") else None, default_pool_size=1))
    with pooler.connect() as c:
        for _ in range(2):
            c.send(query("SELECT pg_sleep(30)"))
            postgres.until_asleep()
            send_cancel(pooler, c)
            assert errors(c.until_ready())[0].sqlstate == "57014"
        assert c.value("SELECT 'alive'") == "alive"


# ---- TLS from the first byte

@pytest.fixture
def front(weir, certificates):
    """A server that takes TLS from the first byte: Weir, in front of PostgreSQL."""
    return weir(weir=QUICK | {"client_tls_sslmode": "require", "client_tls_cert_file": certificates.server,
                              "client_tls_key_file": certificates.server_key})


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_tls_from_the_first_byte_with_a_query_and_a_cancel(weir, postgres, front, certificates, mode):
    pooler = weir(weir=towards(mode, certificates if mode.startswith("verify") else None, server_tls_negotiation="direct"),
                  databases={"app": {"host": "localhost", "port": front.port}})
    with pooler.connect() as c:
        assert c.value("SELECT 'direct'") == "direct"
        c.send(query("SELECT pg_sleep(30)"))
        postgres.until_asleep()
        send_cancel(pooler, c)
        assert errors(c.until_ready())[0].sqlstate == "57014"
        assert c.value("SELECT 'alive'") == "alive"


def test_a_server_of_before_17_says_no_to_it(weir, postgres):
    """PostgreSQL 15 takes the first bytes of TLS for a packet that is too long."""
    pooler = weir(weir=towards("require", server_tls_negotiation="direct"))
    assert refusal(pooler)["C"][:2] == "08"
    wait_for(lambda: "invalid length of startup packet" in postgres.log(), "what PostgreSQL says of it")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_it_is_refused_with_modes_that_would_go_on_without_tls(weir, mode):
    pooler = weir(weir=towards(mode, server_tls_negotiation="direct"), wait=False)
    assert pooler.process.wait(10) != 0
    assert "server_tls_negotiation" in pooler.log() and "require" in pooler.log()


def test_it_is_refused_for_a_database_whose_mode_would_go_on_without_tls(weir, postgres):
    pooler = weir(weir=towards("require", server_tls_negotiation="direct"), wait=False,
                  databases={"app": {"host": "127.0.0.1", "port": postgres.port, "server_tls_sslmode": "prefer"}})
    assert pooler.process.wait(10) != 0
    assert "server_tls_negotiation" in pooler.log() and re.search(r"weir\.toml:\d+:\d+: ", pooler.log())


def direct_server(authority, alpn, seen):
    """One that begins with TLS, or fails; it notes what came first and which protocol was agreed on."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(authority.server, authority.server_key)
    if alpn:
        made.set_alpn_protocols([alpn])
    waiting = []

    def handler(side):
        side.sock = made.wrap_socket(side.sock, server_side=True)
        seen.append(side.sock.selected_alpn_protocol())
        packet = side.read_startup()
        if "cancel" in packet:
            seen.append(packet)
            waiting[0].send(error_response(sqlstate="57014", message="canceled"), ready())
            return
        side.welcome()

        def answer(wire, m):
            if m.type == "Q" and b"pg_sleep" in m.body:
                waiting.append(wire)
            else:
                plain_answers(wire, m)
        side.serve(answer)
    return handler


def test_the_first_byte_is_tls_for_the_query_and_for_its_cancel(weir, certificates):
    seen = []
    with FakeBackend(direct_server(certificates, "postgresql", seen)) as backend:
        pooler = weir(weir=towards("verify-full", certificates, server_tls_negotiation="direct", default_pool_size=1,
                                   session_tracking=False),  # its side connection is no part of this
                      databases={"app": {"host": "127.0.0.1", "port": backend.port}})
        with pooler.connect() as c:
            assert c.value("SELECT 1") == "ok"
            c.send(query("SELECT pg_sleep(30)"))
            assert c.quiet(0.2)
            send_cancel(pooler, c)
            assert errors(c.until_ready())[0].sqlstate == "57014"
        assert not backend.failures, backend.failures
    assert seen == ["postgresql", "postgresql", {"cancel": struct.pack("!I", 4242) + b"\1\2\3\4"}]


@pytest.mark.parametrize("alpn", [None, "http/1.1"])
def test_a_server_that_does_not_agree_on_the_protocol_is_not_spoken_to(weir, certificates, alpn):
    """Without ALPN it could be any TLS server, led here by somebody in the middle (libpq refuses it too)."""
    seen = []
    with FakeBackend(direct_server(certificates, alpn, seen)) as backend:
        pooler = weir(weir=towards("verify-full", certificates, server_tls_negotiation="direct"),
                      databases={"app": {"host": "127.0.0.1", "port": backend.port}})
        said = refusal(pooler)
        assert said["C"][:2] == "08" and "ALPN" in said["M"], said
    assert set(seen) <= {None}  # Weir may be gone before the handshake is over on that side


def test_a_server_that_answers_in_plain_text_is_not_spoken_to(weir):
    def handler(side):
        assert side.exactly(1) == b"\x16"  # a TLS record, not the request for TLS
        side.send(b"S")
        side.bytes_until_closed(5)
    with FakeBackend(handler) as backend:
        pooler = weir(weir=towards("require", server_tls_negotiation="direct"),
                      databases={"app": {"host": "127.0.0.1", "port": backend.port}})
        assert refusal(pooler)["C"][:2] == "08"
        assert not backend.failures, backend.failures
