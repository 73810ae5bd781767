"""Attacks that others' advisories tell of, where no other test has them."""

import ssl
import struct
import threading
import time

import pytest

from rawpg import Closed, Raw, frame, query, startup, sync
from servers import USERS, wait_for


# Each breaks the layout of its message in front of what is smuggled in.
BROKEN = {"B": b"\0\0" + struct.pack("!h", -1), "P": b"name\0", "D": b"S\0", "C": b"S\0", "E": b"\0" + bytes(4), "F": bytes(4)}


@pytest.mark.short
@pytest.mark.parametrize("kind", BROKEN)
def test_a_query_inside_a_broken_message_is_never_run(peer, kind):
    """CVE-2015-0244: after an error inside a message, what was left of it was read as messages."""
    with peer.login() as c:
        c.send(frame(kind, BROKEN[kind] + query("CREATE TABLE smuggled (n int)")), sync())
        try:
            assert not [m for m in c.until_ready(timeout=5) if m.type == "C"]
        except Closed:
            pass
    peer.healthy()
    assert peer.postgres.sql("SELECT count(*) FROM pg_class WHERE relname = 'smuggled'", database="app") == [["0"]]


@pytest.mark.short
@pytest.mark.slow
def test_tls_that_is_ended_just_as_the_login_is_over_time(weir, certificates):
    """CVE-2015-3165: a login that is timed out while the client ends TLS freed the session twice."""
    pooler = weir(weir={"client_login_timeout": 1, "client_tls_sslmode": "require", "client_tls_cert_file": certificates.server,
                        "client_tls_key_file": certificates.server_key})
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def leave(milliseconds):
        with Raw.connect(pooler.port) as c:
            began = time.monotonic()
            c.start_tls(context)
            c.send(startup("alice", "app"))
            time.sleep(max(0, began + 1 + milliseconds / 1000 - time.monotonic()))
            try:
                c.sock.settimeout(5)
                c.sock.unwrap()
            except (OSError, ValueError):
                pass

    for _ in range(4):
        leaving = [threading.Thread(target=leave, args=(n,)) for n in range(-8, 9, 1)]
        for one in leaving:
            one.start()
        for one in leaving:
            one.join(20)
    assert pooler.alive()
    wait_for(lambda: all(r["items"] == "0" for r in pooler_lists(pooler, context) if r["list"] == "login_clients"),
             "the logins to be over")


def pooler_lists(pooler, context):
    with Raw.connect(pooler.port) as c:
        c.start_tls(context)
        c.login("bob", USERS["bob"][0], "weir")
        return [{"list": m.row[0].decode(), "items": m.row[1].decode()} for m in c.ask("SHOW LISTS") if m.type == "D"]


@pytest.mark.short
@pytest.mark.parametrize("method", ["scram-sha-256", "md5", "plain"])
@pytest.mark.parametrize("database", ["weir", "pgbouncer"])
def test_the_console_asks_for_the_right_password_with_every_method(weir, method, database):
    """PgDog #1053: the administrators' database let in whoever knew a name."""
    pooler = weir(weir={"auth_type": method, "auth_fail_delay": 0})
    for user in ("bob", "alice"):
        for wrong in ("", "wrong", USERS["alice" if user == "bob" else "bob"][0]):
            with Raw.connect(pooler.port) as c:
                assert c.try_login(user, wrong, database).sqlstate == "28P01"
        with Raw.connect(pooler.port) as c:
            assert c.try_login(user, USERS[user][0], database) is None
