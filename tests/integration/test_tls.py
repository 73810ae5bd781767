"""TLS with clients and with servers: every mode, what is verified, and what is never said in plain text."""

import hashlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import time

import pytest

from rawpg import (FakeBackend, Raw, ScramClient, cancel, command_complete, data_row, error_response, errors, extended,
                   frame, gssenc_request, plain_answers, query, ready, row_description, rows, sasl_initial, ssl_request,
                   startup, sync)
from servers import PG_BIN, Certificates, Weir, free_port, give_away, wait_for

QUICK = {"auth_fail_delay": 0}


@pytest.fixture(scope="session")
def authority(certificates):
    """The authority of the tests with certificates more."""
    certificates.client("bob")
    certificates.issue("other-name", "db.example.net", "DNS:db.example.net")
    certificates.issue("renewed", "localhost", "DNS:localhost,IP:127.0.0.1")
    return certificates


@pytest.fixture(scope="session")
def stranger(folder):
    """An authority that nobody believes."""
    other = Certificates(folder / "stranger")
    other.client("alice-of-theirs")
    return other


def client_tls(authority, mode="prefer", **more):
    return QUICK | {"client_tls_sslmode": mode, "client_tls_cert_file": authority.server,
                    "client_tls_key_file": authority.server_key} | more


def psql(port, sql="SELECT 'in'", user="alice", password="alice-pw", database="app", host="127.0.0.1", **options):
    """The exit code and what psql said, with connection options of libpq."""
    words = {"host": host, "port": port, "user": user, "dbname": database, "connect_timeout": 10} | options
    text = " ".join(f"{k}='{v}'" for k, v in words.items())
    done = subprocess.run([str(PG_BIN / "psql"), "-XAtw", "-d", text, "-c", sql], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=30, text=True, cwd="/",
                          env={"PATH": os.environ["PATH"], "PGPASSWORD": password, "HOME": "/nonexistent"})
    return done.returncode, done.stdout.strip()


def context(authority=None, certificate=None, alpn=()):
    made = ssl.create_default_context(cafile=authority.ca if authority else None)
    if authority is None:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if certificate:
        made.load_cert_chain(authority.folder / f"{certificate}.crt", authority.folder / f"{certificate}.key")
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


# ---- with clients

@pytest.mark.parametrize("mode, plain, secure", [
    ("disable", True, False), ("allow", True, True), ("prefer", True, True), ("require", False, True)])
def test_what_each_mode_lets_in(weir, authority, mode, plain, secure):
    settings = QUICK | {"client_tls_sslmode": mode} if mode == "disable" else client_tls(authority, mode)
    pooler = weir(weir=settings)
    code, said = psql(pooler.port, sslmode="disable")
    assert (code == 0) == plain, said
    if not plain:
        assert "SSL" in said
    code, said = psql(pooler.port, sslmode="require")
    assert (code == 0) == secure, said
    if secure:
        code, said = psql(pooler.port, sslmode="verify-full", sslrootcert=authority.ca, host="localhost")
        assert (code, said) == (0, "in")


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_the_verifying_modes_want_a_certificate_of_ours(weir, authority, stranger, mode):
    pooler = weir(weir=client_tls(authority, mode, client_tls_ca_file=authority.ca))
    own = {"sslcert": authority.folder / "client-alice.crt", "sslkey": authority.folder / "client-alice.key"}
    theirs = {"sslcert": stranger.folder / "client-alice-of-theirs.crt", "sslkey": stranger.folder / "client-alice-of-theirs.key"}
    assert psql(pooler.port, sslmode="require", **own) == (0, "in")
    for options in ({"sslmode": "require"}, {"sslmode": "require"} | theirs, {"sslmode": "disable"}):
        code, said = psql(pooler.port, **options)
        assert code == 2, (options, said)


def test_auth_type_cert_takes_the_certificates_name_for_the_user(weir, authority):
    pooler = weir(weir=client_tls(authority, "verify-full", client_tls_ca_file=authority.ca, auth_type="cert"))
    own = {"sslcert": authority.folder / "client-alice.crt", "sslkey": authority.folder / "client-alice.key"}
    assert psql(pooler.port, sslmode="require", password="", **own) == (0, "in")
    code, said = psql(pooler.port, sslmode="require", user="bob", password="bob-pw", **own)
    assert code == 2 and 'certificate authentication failed for user "bob"' in said


def test_hba_with_cert_hostssl_and_an_ident_map(weir, authority, folder, postgres):
    def kept(name, text):
        path = folder / f"{name}-{time.monotonic_ns()}"
        path.write_text(text)
        give_away(path)
        return path
    rules = kept("hba", "hostssl app mapped 127.0.0.1/32 cert map=m\nhostssl app both 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
                        "hostssl app plain 127.0.0.1/32 password\nhostnossl app open 127.0.0.1/32 trust\n")
    ident = kept("ident", "m /^(.*)$ mapped_\\1\nm alice mapped\n")
    users = {"mapped": {}, "both": {"password": "both-pw"}, "plain": {"password": "plain-pw"}, "open": {}}
    pooler = weir(weir=client_tls(authority, client_tls_ca_file=authority.ca, auth_type="hba", auth_hba_file=rules,
                                  auth_ident_file=ident),
                  users=users, databases={"app": {"host": "127.0.0.1", "port": postgres.port, "user": "trusty"}})
    alice = {"sslcert": authority.folder / "client-alice.crt", "sslkey": authority.folder / "client-alice.key"}
    bob = {"sslcert": authority.folder / "client-bob.crt", "sslkey": authority.folder / "client-bob.key"}
    none = {"sslcert": "/nonexistent"}
    assert psql(pooler.port, user="mapped", password="", sslmode="require", **alice) == (0, "in")
    assert psql(pooler.port, user="mapped", password="", sslmode="require", **bob)[0] == 2
    code, said = psql(pooler.port, user="mapped", password="", sslmode="require", **none)
    assert code == 2 and "requires a valid client certificate" in said
    assert psql(pooler.port, user="both", password="both-pw", sslmode="require", **bob) == (0, "in")
    assert psql(pooler.port, user="both", password="both-pw", sslmode="require", **none)[0] == 2
    assert psql(pooler.port, user="both", password="wrong", sslmode="require", **bob)[0] == 2
    assert psql(pooler.port, user="plain", password="plain-pw", sslmode="require", **none) == (0, "in")
    code, said = psql(pooler.port, user="plain", password="plain-pw", sslmode="disable")
    assert code == 2 and "no pg_hba.conf entry" in said and "no encryption" in said
    assert psql(pooler.port, user="open", password="", sslmode="disable") == (0, "in")


def test_passwords_in_clear_over_a_network_without_tls_are_warned_of(folder, authority):
    for mode, warned in (("prefer", True), ("require", False)):
        config = folder / f"plain-{mode}.toml"
        config.write_text(f'[weir]\nlisten_addr = "0.0.0.0"\nlisten_port = {free_port()}\nunix_socket_dir = ""\nauth_type = "plain"\n'
                          f'client_tls_sslmode = "{mode}"\nclient_tls_cert_file = "{authority.server}"\n'
                          f'client_tls_key_file = "{authority.server_key}"\n[databases.app]\nhost = "127.0.0.1"\n')
        done = subprocess.run([str(Weir.binary), "check", "--config", str(config)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=30)
        assert done.returncode == 0, done.stdout
        assert ("warning" in done.stdout and "sends passwords as they are" in done.stdout) == warned, done.stdout


def test_channel_binding_required_by_the_client(weir, authority):
    pooler = weir(weir=client_tls(authority))
    assert psql(pooler.port, sslmode="require", channel_binding="require") == (0, "in")
    assert psql(pooler.port, sslmode="require", channel_binding="disable") == (0, "in")
    code, said = psql(pooler.port, sslmode="disable", channel_binding="require")
    assert code == 2 and "channel binding" in said
    assert psql(pooler.port, sslmode="require", channel_binding="require", password="wrong")[0] == 2


def test_a_client_that_could_bind_and_says_nobody_offered_is_refused(weir, authority):
    pooler = weir(weir=client_tls(authority))
    with Raw.connect(pooler.port) as c:
        c.start_tls()
        c.send(startup("alice", "app"))
        assert b"SCRAM-SHA-256-PLUS" in c.message().body
        c.send(sasl_initial("SCRAM-SHA-256", b"y" + ScramClient("alice-pw").first()[1:]))
        last = c.until_closed()[-1]
        assert last.type == "E" and last.sqlstate in ("28000", "08P01"), last.fields


def test_direct_tls_with_alpn_and_without(weir, authority):
    pooler = weir(weir=client_tls(authority, "require"))
    with Raw.connect(pooler.port) as c:
        c.wrap_tls(context(authority, alpn=["postgresql"]), "localhost")
        assert c.sock.selected_alpn_protocol() == "postgresql"
        c.login("alice", "alice-pw", "app")
        assert c.value("SELECT 'direct'") == "direct"
    with Raw.connect(pooler.port) as c:
        c.wrap_tls(context())
        c.send(startup("alice", "app"))
        try:
            last = c.until_closed()[-1]
            assert last.type == "E" and last.sqlstate == "08P01" and "ALPN" in last.fields["M"]
        except OSError:
            pytest.fail("the connection was reset before its error arrived")
    with Raw.connect(pooler.port) as c, pytest.raises((ssl.SSLError, ConnectionError)):
        c.wrap_tls(context(alpn=["http/1.1"]))
        c.sock.recv(1)


def test_after_an_ssl_request_alpn_is_a_clients_choice(weir, authority):
    pooler = weir(weir=client_tls(authority))
    for alpn in ((), ("postgresql",)):
        with Raw.connect(pooler.port) as c:
            c.start_tls(context(authority, alpn=alpn), "localhost")
            c.login("alice", "alice-pw", "app")
            assert c.value("SELECT 1") == "1"


def test_direct_tls_can_be_switched_off(weir, authority):
    pooler = weir(weir=client_tls(authority, client_tls_direct=False))
    with Raw.connect(pooler.port) as c, pytest.raises((ssl.SSLError, ConnectionError)):
        c.wrap_tls(context(alpn=["postgresql"]))


@pytest.mark.short
@pytest.mark.parametrize("request_first, answer", [(ssl_request(), b"S"), (gssenc_request(), b"N")])
def test_plaintext_after_an_encryption_request_is_refused(weir, authority, request_first, answer):
    pooler = weir(weir=client_tls(authority))
    with Raw.connect(pooler.port) as c:
        c.send(request_first + startup("alice", "app"))
        got = c.bytes_until_closed()
        assert got[:1] == b"E" and b"08P01" in got and b"unencrypted data" in got
    with Raw.connect(pooler.port) as c:
        c.send(request_first)
        assert c.exactly(1) == answer


def test_one_request_for_gss_and_one_for_tls_in_either_order_and_no_third(weir, authority):
    pooler = weir(weir=client_tls(authority))
    with Raw.connect(pooler.port) as c:
        c.send(gssenc_request())
        assert c.exactly(1) == b"N"
        c.start_tls()
        c.login("alice", "alice-pw", "app")
        assert c.value("SELECT 1") == "1"
    for again in (ssl_request(), gssenc_request()):
        with Raw.connect(pooler.port) as c:
            c.start_tls()
            c.send(again)
            assert again != ssl_request() or c.bytes_until_closed()[:1] in (b"E", b"")
    with Raw.connect(pooler.port) as c:
        c.send(gssenc_request())
        assert c.exactly(1) == b"N"
        c.send(gssenc_request())
        assert c.bytes_until_closed()[:1] == b"E"


def test_tls_1_1_and_garbage_instead_of_a_handshake_end_only_their_connection(weir, authority):
    pooler = weir(weir=client_tls(authority))
    with Raw.connect(pooler.port) as healthy:
        healthy.login("alice", "alice-pw", "app")
        for garbage in (b"\0" * 64, b"GET / HTTP/1.0\r\n\r\n", os.urandom(4096), b"\x16\x03\x01\xff\xff" + b"x" * 100):
            with Raw.connect(pooler.port) as c:
                c.send(ssl_request())
                assert c.exactly(1) == b"S"
                c.send(garbage)
                c.sock.shutdown(socket.SHUT_WR)
                c.bytes_until_closed()
        assert healthy.value("SELECT 'still'") == "still"


def serial_of(port):
    with Raw.connect(port) as c:
        c.start_tls()
        return hashlib.sha256(c.sock.getpeercert(binary_form=True)).hexdigest()


def test_a_reload_takes_a_new_certificate_and_keeps_the_old_pair_when_the_new_one_is_bad(weir, authority, folder):
    own = folder / f"pair-{time.monotonic_ns()}"
    own.mkdir()
    own.chmod(0o755)

    def install(certificate, key):
        for source, target in ((certificate, "tls.crt"), (key, "tls.key")):
            shutil.copy(authority.folder / source, own / target)
            (own / target).chmod(0o600)
            give_away(own / target)
    install("server.crt", "server.key")
    pooler = weir(weir=client_tls(authority) | {"client_tls_cert_file": own / "tls.crt", "client_tls_key_file": own / "tls.key"})
    first = serial_of(pooler.port)
    with Raw.connect(pooler.port) as old:
        old.start_tls()
        old.login("alice", "alice-pw", "app")
        install("server.crt", "renewed.key")  # a pair that does not fit
        with pooler.console() as admin:
            assert any(m.type == "E" for m in admin.ask("RELOAD"))
            assert serial_of(pooler.port) == first
            install("renewed.crt", "renewed.key")
            assert not any(m.type == "E" for m in admin.ask("RELOAD"))
        wait_for(lambda: serial_of(pooler.port) != first, "the new certificate")
        assert old.value("SELECT 'kept'") == "kept"


# ---- with servers

def server_tls(mode, authority=None, **more):
    return QUICK | {"server_tls_sslmode": mode} | ({"server_tls_ca_file": authority.ca} if authority else {}) | more


def encrypted(pooler):
    with pooler.connect("alice") as c:
        return c.value("SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()") == "t"


@pytest.mark.parametrize("mode, tls", [("disable", False), ("allow", False), ("prefer", True), ("require", True),
                                       ("verify-ca", True), ("verify-full", True)])
def test_each_mode_with_a_server_that_has_tls(weir, authority, mode, tls):
    pooler = weir(weir=server_tls(mode, authority if mode.startswith("verify") else None))
    assert encrypted(pooler) == tls


def refusal(pooler):
    """Why no server can be had."""
    with Raw.connect(pooler.port) as c:
        said = c.try_login("alice", "alice-pw", "app")
        if said is None:
            c.send(query("SELECT 1"))
            said = next(m for m in c.until("E") if m.type == "E")
        return said.fields


def test_a_server_of_an_unknown_authority_is_refused_where_it_is_verified(weir, stranger):
    for mode, fine in (("require", True), ("verify-ca", False), ("verify-full", False)):
        pooler = weir(weir=server_tls(mode, None if mode == "require" else stranger))
        if fine:
            assert encrypted(pooler)
        else:
            assert "certificate" in refusal(pooler)["M"], mode


def test_verify_full_wants_the_name_that_was_connected_to(weir, authority, postgres):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(authority.folder / "other-name.crt", authority.folder / "other-name.key")

    def handler(side):
        size = struct.unpack("!I", side.exactly(4))[0]
        side.exactly(size - 4)
        side.send(b"S")
        try:
            side.sock = made.wrap_socket(side.sock, server_side=True)
        except (ssl.SSLError, OSError):
            return
        side.read_startup()
        side.welcome()
        side.serve(plain_answers)
    with FakeBackend(handler) as backend:
        for mode, fine in (("verify-ca", True), ("verify-full", False)):
            pooler = weir(weir=server_tls(mode, authority),
                          databases={"app": {"host": "127.0.0.1", "port": backend.port}})
            if fine:
                with pooler.connect("alice") as c:
                    assert c.value("SELECT 1") == "ok"
            else:
                said = refusal(pooler)
                assert "127.0.0.1" in said["M"] and "certificate" in said["M"], said


def test_a_server_without_tls(weir):
    def handler(side):
        side.read_startup(answer_ssl=b"N")
        side.welcome()
        side.serve(plain_answers)
    with FakeBackend(handler) as backend:
        for mode, fine in (("disable", True), ("allow", True), ("prefer", True), ("require", False), ("verify-full", False)):
            pooler = weir(weir=server_tls(mode), databases={"app": {"host": "127.0.0.1", "port": backend.port}})
            if fine:
                with pooler.connect("alice") as c:
                    assert c.value("SELECT 1") == "ok", mode
            else:
                assert "does not support SSL" in refusal(pooler)["M"], mode


def test_allow_turns_to_tls_when_the_server_insists_on_it(weir, postgres):
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("hostnossl other alice 127.0.0.1/32 reject\n" + before)
    postgres.sql("SELECT pg_reload_conf()")
    try:
        pooler = weir(weir=server_tls("allow"))
        sql = "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()"

        def insists():
            with Raw.connect(postgres.port) as c:
                return c.try_login("alice", "alice-pw", "other") is not None
        wait_for(insists, "the server's new rules")
        with pooler.connect("alice", database="other") as c:
            assert c.value(sql) == "t"
    finally:
        rules.write_text(before)
        postgres.sql("SELECT pg_reload_conf()")


def forged():
    """What somebody in the middle would slip in: a whole answered query."""
    return (frame("R", struct.pack("!I", 0)) + frame("Z", b"I") + row_description("answer") + data_row(b"forged") +
            command_complete("SELECT 1") + ready())


@pytest.mark.short
@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_plaintext_behind_the_servers_answer_is_never_believed(weir, mode):
    def handler(side):
        size = struct.unpack("!I", side.exactly(4))[0]
        side.exactly(size - 4)
        side.send(b"S" + forged())
        side.bytes_until_closed(5)
    with FakeBackend(handler) as backend:
        pooler = weir(weir=server_tls(mode), databases={"app": {"host": "127.0.0.1", "port": backend.port}})
        said = refusal(pooler)
        assert "unencrypted data" in said["M"] and "forged" not in str(said)


def test_an_error_instead_of_an_answer_is_not_shown_to_clients(weir):
    def handler(side):
        size = struct.unpack("!I", side.exactly(4))[0]
        side.exactly(size - 4)
        side.send(frame("E", b"SFATAL\0CXX000\0Mbelieve me " + b"x" * 30000 + b"\0\0"))
    with FakeBackend(handler) as backend:
        pooler = weir(weir=server_tls("require"), databases={"app": {"host": "127.0.0.1", "port": backend.port}})
        assert "believe me" not in str(refusal(pooler))


def test_channel_binding_required_of_the_server(weir, postgres):
    pooler = weir(weir=server_tls("require", channel_binding="require", client_tls_sslmode="disable"))
    code, said = psql(pooler.port, sslmode="disable")
    assert (code, said) == (0, "in")
    pooler = weir(weir=server_tls("disable", channel_binding="require"))
    assert "channel binding required" in refusal(pooler)["M"]


def test_a_client_certificate_for_the_server(weir, authority, postgres):
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("hostssl app alice 127.0.0.1/32 cert\n" + before)
    postgres.sql("SELECT pg_reload_conf()")
    try:
        pooler = weir(weir=server_tls("verify-full", authority,
                                      server_tls_cert_file=authority.folder / "client-alice.crt",
                                      server_tls_key_file=authority.folder / "client-alice.key"))
        with pooler.connect("alice") as c:
            dn = c.value("SELECT client_dn FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()")
            assert dn == "/CN=alice"
    finally:
        rules.write_text(before)
        postgres.sql("SELECT pg_reload_conf()")


# ---- through both

@pytest.fixture
def both(weir, authority):
    return weir(weir=client_tls(authority, "require", server_tls_sslmode="verify-full", server_tls_ca_file=authority.ca,
                                default_pool_size=2))


def secure(pooler):
    c = Raw.connect(pooler.port)
    c.start_tls()
    return c.login("alice", "alice-pw", "app")


def test_big_rows_and_big_parameters_pass(both):
    with secure(both) as c:
        size = 8 * 1024 * 1024
        c.send(extended("SELECT repeat('x', $1::int)", [size]), sync())
        reply = c.until_ready(timeout=30)
        assert len(rows(reply)[0][0]) == size
        c.send(extended("SELECT md5($1), length($1)", [b"y" * size]), sync())
        reply = c.until_ready(timeout=30)
        assert rows(reply) == [[hashlib.md5(b"y" * size).hexdigest().encode(), str(size).encode()]]


@pytest.mark.short
def test_deep_pipelines_pass(both):
    with secure(both) as c:
        c.send(b"".join(extended(f"SELECT {i}, repeat('z', 100)") + sync() for i in range(500)))
        reply = c.until_ready(500, timeout=30)
        assert [int(r[0]) for r in rows(reply)] == list(range(500))
        c.send(b"".join(extended(f"SELECT {i}") for i in range(500)) + sync())
        assert [int(r[0]) for r in rows(c.until_ready(timeout=30))] == list(range(500))


def test_many_clients_share_two_encrypted_servers(both):
    clients = [secure(both) for _ in range(10)]
    try:
        for turn in range(20):
            for n, c in enumerate(clients):
                c.send(query(f"SELECT '{n}-{turn}'"))
            for n, c in enumerate(clients):
                assert rows(c.until_ready()) == [[f"{n}-{turn}".encode()]]
    finally:
        for c in clients:
            c.drop()


@pytest.mark.parametrize("how", ["plain", "request", "direct"])
def test_cancel_over_tls(both, postgres, how):
    with secure(both) as c:
        c.send(query("SELECT pg_sleep(30)"))
        postgres.until_asleep()
        with Raw.connect(both.port) as other:
            if how == "request":
                other.start_tls()
            elif how == "direct":
                other.wrap_tls(context(alpn=["postgresql"]))
            other.send(cancel(c.pid, c.key))
            other.bytes_until_closed()
        assert [m.sqlstate for m in c.until_ready() if m.type == "E"] == ["57014"]
        assert c.value("SELECT 'alive'") == "alive"


@pytest.mark.parametrize("answer", [b"S", b"N"])
def test_a_cancel_towards_a_server_is_as_secret_as_the_query_was(weir, authority, answer):
    """CVE-2020-25694: the key that cancels never travels in plain text where TLS is required."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(authority.server, authority.server_key)
    plain, inside, waiting = [], [], []

    def handler(side):
        first = side.exactly(8)
        if waiting:  # the query runs: this is the cancel
            plain.append(first)
            side.send(answer)
            if answer == b"N":
                plain.append(side.bytes_until_closed(5))
                return
            side.sock = made.wrap_socket(side.sock, server_side=True)
            inside.append(side.exactly(16))
            waiting[0].send(error_response(sqlstate="57014", message="canceled"), ready())
            return
        assert first == ssl_request()
        side.send(b"S")
        side.sock = made.wrap_socket(side.sock, server_side=True)
        side.read_startup()
        side.welcome()
        side.message()
        waiting.append(side)
        side.bytes_until_closed(10)
    with FakeBackend(handler) as backend:
        pooler = weir(weir=server_tls("verify-full", authority, default_pool_size=1, session_tracking=False),
                      databases={"app": {"host": "127.0.0.1", "port": backend.port}})
        with pooler.connect("alice") as c:
            c.send(query("SELECT pg_sleep(30)"))
            wait_for(lambda: waiting, "the query to arrive")
            with Raw.connect(pooler.port) as other:
                other.send(cancel(c.pid, c.key))
                other.bytes_until_closed()
            if answer == b"S":
                assert errors(c.until_ready())[0].sqlstate == "57014"
                assert inside == [cancel(4242, b"\1\2\3\4")] and plain == [ssl_request()]
            else:
                wait_for(lambda: len(plain) == 2, "Weir to give the cancel up")
                assert plain == [ssl_request(), b""]
