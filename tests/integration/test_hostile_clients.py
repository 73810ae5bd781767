"""Clients that lie, dribble, flood, vanish and guess. Each probe runs against PostgreSQL too: what it accepts there,
a pooler must accept, and what it refuses there must be refused.

Most are bugs that other poolers shipped; the names are those of the table in the project's reliability notes.
"""

import os
import pathlib
import random
import re
import struct
import threading
import time

import pytest

import rawpg
from rawpg import (Closed, Late, Raw, ScramClient, bind, cancel, close, cstr, describe, errors, execute, extended, flush,
                   frame, gssenc_request, parse, query, rows, sasl_initial, ssl_request, startup, sync, terminate, types,
                   untyped)
from servers import listens, wait_for


LIES = [0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE]


def refused(c, timeout=10.0):
    """Everything until the peer closes: at most errors, nothing that grants anything."""
    got = c.until_closed(timeout)
    assert not [m for m in got if m.type in "ZKSD"], types(got, without="")
    return got


def finish(c):
    """Says that no more will come, so that a server waiting for the rest of a message gives up."""
    import socket
    try:
        c.sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass


# ---- lengths

@pytest.mark.short
@pytest.mark.parametrize("length", LIES)
def test_a_startup_packet_of_impossible_length_is_refused(peer, length):
    with peer.connect() as c:
        c.send(struct.pack("!I", length), struct.pack("!I", rawpg.V3_0), b"user\0alice\0\0")
        finish(c)
        refused(c)
    peer.healthy()


@pytest.mark.short
@pytest.mark.parametrize("length", LIES)
def test_a_password_message_of_impossible_length_is_refused(peer, length):
    with peer.connect() as c:
        c.send(startup("alice", "app"))
        assert c.message().type == "R"
        c.send(frame("p", b"SCRAM-SHA-256\0", length))
        finish(c)
        refused(c)
    peer.healthy()


@pytest.mark.short
@pytest.mark.parametrize("kind", "QPBDEHSCXF")
@pytest.mark.parametrize("length", [0, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_message_of_impossible_length_ends_the_session(peer, kind, length):
    with peer.login() as c:
        c.send(frame(kind, b"SELECT 1\0", length))
        finish(c)
        got = c.until_closed()
        assert not [m for m in got if m.type in "DC"], types(got)
    peer.healthy()


@pytest.mark.parametrize("inner", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFE])
def test_a_sasl_answer_that_lies_about_its_inner_length_is_refused(peer, inner):
    with peer.connect() as c:
        c.send(startup("alice", "app"))
        assert c.message().type == "R"
        c.send(sasl_initial("SCRAM-SHA-256", ScramClient("x").first(), length=inner))
        refused(c)
    peer.healthy()


@pytest.mark.parametrize("size", [63, 64, 65, 1000, 9000])
@pytest.mark.parametrize("which", ["user", "database"])
def test_a_long_name_is_refused_as_any_other(peer, which, size):
    name = "n" * size
    with peer.connect() as c:
        refusal = c.try_login(name, "x", "app") if which == "user" else c.try_login("alice", "alice-pw", name)
        assert refusal is not None and refusal.fields["S"] == "FATAL"
    peer.healthy()


def test_a_startup_packet_over_the_limit_is_refused(peer):
    with peer.connect() as c:
        c.send(startup("alice", "app", application_name="x" * 10_100))
        refused(c)
    peer.healthy()


@pytest.mark.parametrize("size", [1023, 1024, 70_000])
def test_a_long_password_is_a_wrong_password(peer, size):
    with peer.connect() as c:
        try:
            refusal = c.try_login("alice", "p" * size, "app")
            assert refusal.sqlstate in ("28P01", "08P01")
        except Closed:
            pass
    peer.healthy()


# ---- what may come when

@pytest.mark.parametrize("kind", [chr(b) for b in range(0x41, 0x7B) if chr(b).isalpha() and chr(b) != "p"])
@pytest.mark.parametrize("state", ["asked for a password", "in the middle of SCRAM"])
def test_any_other_message_during_login_is_refused(peer, kind, state):
    with peer.connect() as c:
        c.send(startup("alice", "app"))
        assert c.message().type == "R"
        if state == "in the middle of SCRAM":
            c.send(sasl_initial("SCRAM-SHA-256", ScramClient("alice-pw").first()))
            assert c.message().type == "R"
        c.send(frame(kind, b"SELECT 1\0"))
        finish(c)
        refused(c)
    peer.healthy()


@pytest.mark.parametrize("kind", [chr(b) for b in range(0x41, 0x7B) if chr(b).isalpha()
                                  and chr(b) not in "QPBDEHSCXFpdcf"])
def test_an_unknown_message_ends_the_session_with_a_protocol_violation(peer, kind):
    with peer.login() as c:
        c.send(frame(kind, b"\0"))
        got = c.until_closed()
        assert types(got) == "E" and got[-1].sqlstate == "08P01" and got[-1].fields["V"] == "FATAL"
    peer.healthy()


@pytest.mark.short
def test_a_second_startup_packet_cannot_change_who_logs_in(peer):
    for first_database in ("app", "no_such_database"):
        with peer.connect() as c:
            c.send(startup("alice", first_database))
            assert c.message().type == "R"
            scram = ScramClient("alice-pw")
            c.send(sasl_initial("SCRAM-SHA-256", scram.first()))
            m = c.message()
            if m.type == "E":
                continue
            c.send(startup("bob", "app"))
            try:
                c.send(rawpg.sasl_response(scram.final(m.body[4:])))
            except Closed:
                pass
            finish(c)
            refused(c)
    peer.healthy()


@pytest.mark.parametrize("request_bytes", [ssl_request(), gssenc_request()], ids=["SSLRequest", "GSSENCRequest"])
def test_bytes_sent_with_an_encryption_request_are_never_executed(peer, request_bytes):
    with peer.connect() as c:
        c.send(request_bytes, startup("alice", "app"), query("SELECT 'injected'"))
        finish(c)
        got = c.bytes_until_closed()
        assert b"injected" not in got and b"Z\0\0\0\5" not in got
    peer.healthy()


def test_encryption_requests_are_not_answered_for_ever(peer):
    with peer.connect() as c:
        answered = 0
        try:
            for _ in range(50):
                for request_bytes in (gssenc_request(), ssl_request()):
                    c.send(request_bytes)
                    answer = c.exactly(1)
                    if answer in b"SG":  # it waits for a handshake now
                        raise Closed("handshake expected")
                    assert answer in (b"N", b"E"), answer
                    if answer == b"E":
                        raise Closed("refused")
                    answered += 1
        except Closed:
            pass
        assert answered <= 4
    peer.healthy()


@pytest.mark.short
def test_an_option_with_an_empty_name_is_refused_and_nothing_loops(peer):
    for options in ("-c =", "-c=", "-c", "--", "--=x", "-c =x", "-c a", "\\", "-c \\"):
        with peer.connect() as c:
            began = time.monotonic()
            try:
                c.try_login("alice", "alice-pw", "app", options=options)
            except Closed:
                pass
            assert time.monotonic() - began < 5, options
    peer.healthy()


def test_two_hundred_unknown_startup_parameters_do_not_hurt(peer):
    pairs = [(f"ext.key{i}", "wert ü" * (i % 5)) for i in range(200)]
    with peer.connect() as c:
        assert c.try_login("alice", "alice-pw", "app", pairs=pairs) is None
    for pairs in ([("", "x")], [("application_name", "a"), ("application_name", "b")]):
        with peer.connect() as c:
            try:
                c.try_login("alice", "alice-pw", "app", pairs=pairs)
            except Closed:
                pass
    peer.healthy()


@pytest.mark.parametrize("body", [
    struct.pack("!I", rawpg.V3_0),                             # no list at all
    struct.pack("!I", rawpg.V3_0) + b"user\0alice",            # not terminated
    struct.pack("!I", rawpg.V3_0) + b"user\0\0",               # an empty user
    struct.pack("!I", rawpg.V3_0) + b"database\0app\0\0",      # no user
    struct.pack("!I", rawpg.V3_0) + b"user\0alice\0\0more",    # bytes after the end
    struct.pack("!I", 0x00020000) + b"user\0alice\0\0",        # version 2
    struct.pack("!I", 0x00040000) + b"user\0alice\0\0",        # version 4
    struct.pack("!I", 0), struct.pack("!I", 0xFFFFFFFF),
])
def test_a_malformed_startup_packet_is_refused(peer, body):
    with peer.connect() as c:
        c.send(untyped(body))
        finish(c)
        refused(c)
    peer.healthy()


# ---- slow and many

@pytest.mark.short
def test_a_login_and_a_query_one_byte_at_a_time_work(peer):
    with peer.connect() as c:
        c.trickle(startup("alice", "app"))
        scram = ScramClient("alice-pw")
        assert c.message().type == "R"
        c.trickle(sasl_initial("SCRAM-SHA-256", scram.first()))
        c.trickle(rawpg.sasl_response(scram.final(c.message().body[4:])))
        c.until_ready()
        c.trickle(extended("SELECT $1::text", ["slow"]) + sync())
        reply = c.until_ready()
        assert types(reply) == "12DCZ" and rows(reply) == [[b"slow"]]


@pytest.mark.settings(weir={"max_client_conn": 50, "client_login_timeout": 2})
def test_half_open_logins_do_not_keep_others_out(weir):
    pooler = weir(weir={"max_client_conn": 50, "client_login_timeout": 2})
    held = []
    try:
        for _ in range(60):
            c = Raw.connect(pooler.port)
            c.send(b"\0\0")
            held.append(c)
        with pooler.connect() as c:
            assert c.value("SELECT 1") == "1"
        began = time.monotonic()
        for c in held:
            c.bytes_until_closed(timeout=8)
        assert time.monotonic() - began < 8
    finally:
        for c in held:
            c.drop()


def test_headers_that_promise_gigabytes_cost_nothing(weir):
    pooler = weir()
    with pooler.connect() as c:
        c.value("SELECT 1")
    before = pooler.rss_kib()
    held = []
    try:
        for _ in range(100):
            c = Raw.connect(pooler.port)
            c.send(struct.pack("!I", 0x7FFFFFFF), b"\0\3\0\0")
            held.append(c)
        for _ in range(20):
            c = pooler.connect()
            c.send(b"Q", struct.pack("!I", 0x3FFFFFFF), b"SELECT")
            held.append(c)
        assert pooler.rss_kib() - before < 20 * 1024
        with pooler.connect(database="other") as c:
            assert c.value("SELECT 2") == "2"
    finally:
        for c in held:
            c.drop()


def test_two_hundred_logins_to_databases_that_do_not_exist(peer):
    def guess(number):
        with peer.connect() as c:
            c.try_login("alice", "alice-pw", f"none_{number}")

    for batch in range(0, 200, 20):
        threads = [threading.Thread(target=guess, args=(batch + i,)) for i in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
    peer.healthy()


# ---- what is said to strangers, and what is logged

def test_an_unknown_user_cannot_be_told_from_a_wrong_password(peer):
    def transcript(user, database):
        with peer.connect() as c:
            c.send(startup(user, database))
            kinds, scram = [], ScramClient("wrong")
            m = c.message()
            while m.type == "R":
                kind = struct.unpack("!I", m.body[:4])[0]
                kinds.append((m.type, kind))
                if kind == 10:
                    c.send(sasl_initial("SCRAM-SHA-256", scram.first()))
                elif kind == 11:
                    first = dict(p.split("=", 1) for p in m.body[4:].decode().split(","))
                    kinds.append((len(first["r"]), len(first["s"]), first["i"]))
                    c.send(rawpg.sasl_response(scram.final(m.body[4:])))
                else:
                    break
                m = c.message()
            text = m.fields
            return kinds, text.get("C"), text.get("M", "").replace(user, "USER")

    wrong = transcript("alice", "app")
    assert wrong[1] == "28P01"
    assert transcript("nobody_here", "app") == wrong
    if not peer.direct:
        assert transcript("alice", "no_such_database")[0] == wrong[0]
        assert transcript("nobody_here", "no_such_database")[:2] == wrong[:2]


def test_a_salt_for_an_unknown_user_stays_the_same(peer):
    def salt():
        with peer.connect() as c:
            c.send(startup("nobody_here", "app"))
            c.message()
            c.send(sasl_initial("SCRAM-SHA-256", ScramClient("x").first()))
            return re.search(rb"s=([^,]+)", c.message().body)[1]

    assert salt() == salt()


def test_control_bytes_and_formats_stay_harmless_in_the_log(weir):
    pooler = weir(weir={"log_connections": True, "log_disconnections": True})
    marks = ["%n%n%s%s%x", "line\nFATAL forged line", "esc\x1b[31mred", "\r\n\tx", "bell\x07"]
    for mark in marks:
        for user, database, name in ((mark, "app", ""), ("alice", mark, ""), ("alice", "app", mark)):
            with Raw.connect(pooler.port) as c:
                try:
                    c.try_login(user, "alice-pw", database, application_name=name)
                except Closed:
                    pass
    with pooler.connect() as c:
        assert c.value("SELECT 1") == "1"
    log = pooler.logfile.read_bytes()
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", log.replace(b"\n", b"")), "raw control bytes in the log"
    assert not re.search(rb"^FATAL forged line", log, re.M)
    assert b"%n%n%s%s%x" in log, "the name is logged as it is"


def test_no_secret_is_ever_logged(weir):
    pooler = weir(weir={"log_connections": True, "verbose": 3})
    with pooler.connect() as c:
        key = c.key
        c.value("SELECT 1")
    with Raw.connect(pooler.port) as c:
        c.try_login("alice", "a-wrong-guess", "app")
    log = pooler.log()
    for secret in ("alice-pw", "bob-pw", "md5er-pw", "a-wrong-guess", key.hex()):
        assert secret not in log


# ---- pipelines and endings

@pytest.mark.short
def test_a_query_sent_together_with_terminate_is_answered(peer):
    with peer.login() as c:
        c.send(query("SELECT 'last words'"), terminate())
        got = c.until_closed()
        assert types(got) == "TDCZ" and rows(got) == [[b"last words"]]


@pytest.mark.short
def test_a_query_between_an_error_and_sync_is_skipped(peer):
    with peer.login() as c:
        c.send(parse("", "SELECT nonsense("), query("SELECT 'skipped'"), sync(), query("SELECT 1"))
        assert types(c.until_ready(2)) == "EZTDCZ"


@pytest.mark.short
def test_two_hundred_syncs_in_one_piece_are_answered_in_order(peer):
    with peer.login() as c:
        c.send(*(extended("SELECT $1::int", [i]) + sync() for i in range(200)))
        reply = c.until_ready(200)
        assert types(reply) == "12DCZ" * 200
        assert [int(r[0]) for r in rows(reply)] == list(range(200))


def test_an_error_in_the_middle_of_a_pipeline_hits_its_own_segment_only(peer):
    with peer.login() as c:
        c.send(*(extended("SELECT 1 / $1::int" if i == 50 else "SELECT $1::int", [0 if i == 50 else i]) + sync()
                 for i in range(100)))
        reply = c.until_ready(100)
        assert [m.sqlstate for m in errors(reply)] == ["22012"]
        assert types(reply).count("Z") == 100
        assert [int(r[0]) for r in rows(reply)] == [i for i in range(100) if i != 50]


def test_answers_come_at_flush_before_sync(peer):
    with peer.login() as c:
        c.send(extended("SELECT 'early'"), flush())
        assert types(c.until("C")) == "12DC"
        assert c.quiet()
        c.send(extended("SELECT 'late'"), sync())
        assert types(c.until_ready()) == "12DCZ"


@pytest.mark.slow
def test_eight_megabytes_both_ways_at_once_do_not_lock_up(peer):
    big = b"x" * (8 << 20)
    with peer.login() as c:
        writer = threading.Thread(target=lambda: c.send(
            extended("SELECT repeat('y', 8388608)"), extended("SELECT length($1)", [big]), sync(), timeout=60))
        writer.start()
        reply = c.until_ready(timeout=60)
        writer.join(5)
        assert not writer.is_alive()
        assert len(rows(reply)[0][0]) == 8 << 20 and rows(reply)[1] == [str(8 << 20).encode()]


@pytest.mark.parametrize("cut", [1, 4, 5, 9])
def test_a_client_gone_in_the_middle_of_a_message_hurts_nobody(peer, cut):
    whole = extended("SELECT 1") + sync()
    for at in range(cut, len(whole), 7):
        c = peer.login()
        c.send(whole[:at])
        c.reset() if at % 2 else c.drop()
    peer.healthy()


@pytest.mark.short
def test_an_open_transaction_of_a_vanished_client_is_rolled_back(peer):
    peer.postgres.sql("DROP TABLE IF EXISTS vanished; CREATE TABLE vanished (n int); GRANT ALL ON vanished TO alice",
                      database="app")
    c = peer.login()
    c.ask("BEGIN")
    c.ask("INSERT INTO vanished VALUES (1)")
    c.ask("LOCK TABLE vanished")
    c.reset()
    with peer.login() as other:
        wait_for(lambda: not errors(other.ask("BEGIN; LOCK TABLE vanished NOWAIT; COMMIT; SELECT 1")) or
                 (other.ask("ROLLBACK") and False), "the lock to be released", 10, 0.05)
        assert other.value("SELECT count(*) FROM vanished") == "0"


@pytest.mark.slow
def test_the_answer_of_a_vanished_client_reaches_nobody_else(peer):
    for round_number in range(8):
        c = peer.login()
        c.send(query("SELECT repeat('stale', 2000) FROM generate_series(1, 20000)"))
        c.message()
        c.reset()
        for other in range(4):
            with peer.login() as d:
                for n in range(3):
                    token = f"own-{round_number}-{other}-{n}"
                    assert d.value(f"SELECT '{token}'") == token
    peer.healthy()


@pytest.mark.slow
@pytest.mark.settings(weir={"default_pool_size": 2})
def test_a_late_cancel_never_hits_somebody_else(peer):
    """Cancels fired around the end of short queries; victims share the servers and must never see 57014."""
    stop, wrong = time.monotonic() + 4, []

    def attacker(seed):
        dice = random.Random(seed)
        with peer.login() as c:
            while time.monotonic() < stop:
                c.send(query(f"SELECT pg_sleep({dice.uniform(0, 0.005):.4f})"))
                time.sleep(dice.uniform(0, 0.008))
                with peer.connect() as k:
                    k.send(cancel(c.pid, c.key))
                    k.bytes_until_closed()
                c.until_ready()

    def victim(number):
        with peer.login() as c:
            n = 0
            while time.monotonic() < stop:
                n += 1
                try:
                    got = c.value(f"SELECT 'v{number}.{n}'")
                    if got != f"v{number}.{n}":
                        wrong.append(got)
                except AssertionError as error:
                    wrong.append(str(error))

    threads = [threading.Thread(target=attacker, args=(i,)) for i in range(3)]
    threads += [threading.Thread(target=victim, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    assert not any(t.is_alive() for t in threads)
    assert not wrong, wrong[:3]
    peer.healthy()


@pytest.mark.parametrize("key_length", [0, 3, 4, 5, 32, 252, 256, 5000])
def test_cancels_with_wrong_keys_of_any_length_do_nothing(peer, key_length):
    with peer.login() as c:
        c.send(query("SELECT pg_sleep(0.3)"))
        for _ in range(20):
            with peer.connect() as k:
                k.send(cancel(c.pid, os.urandom(key_length)))
                k.bytes_until_closed()
        assert types(c.until_ready()) == "TDCZ"
    peer.healthy()


@pytest.mark.slow
def test_a_client_that_does_not_read_costs_little_memory(weir):
    pooler = weir()
    with pooler.connect() as c:
        c.value("SELECT 1")
    before, slow = pooler.rss_kib(), []
    for _ in range(3):
        c = Raw.connect(pooler.port, rcvbuf=8192).login("alice", "alice-pw", "app")
        c.send(query("SELECT repeat('z', 1000) FROM generate_series(1, 200000)"))
        slow.append(c)
    time.sleep(2)
    assert pooler.rss_kib() - before < 8 * 1024
    with pooler.connect(database="other") as c:
        assert c.value("SELECT 1") == "1"
    for c in slow:
        c.drop()


@pytest.mark.slow
def test_nested_and_endless_texts_do_not_kill_anything(peer):
    for text in ("SELECT " + "(" * 10_000 + "1" + ")" * 10_000, "SELECT 1 " + "AND 1 " * 50_000,
                 "/*" * 10_000, "SELECT '" + "''" * 100_000, "$a$" * 30_001):
        with peer.login() as c:
            c.send(query(text))
            c.until_ready(timeout=30)
    peer.healthy()


def test_file_descriptors_come_back_after_a_storm_of_broken_connections(weir):
    pooler = weir()
    with pooler.connect() as c:
        c.value("SELECT 1")
    before = pooler.open_files()
    dice = random.Random(20261121)
    for _ in range(300):
        c = Raw.connect(pooler.port)
        c.send(dice.choice([b"", b"\0", startup("alice", "app"), ssl_request(), os.urandom(20), cancel(1, b"1234")]))
        c.reset() if dice.random() < 0.5 else c.drop()
    wait_for(lambda: pooler.open_files() <= before + 2, "descriptors to come back", 10)


@pytest.mark.short
@pytest.mark.parametrize("last", [b"\xff\0\0\0\4", b"Q\0\0\0\1", b"p\0\0\0\5x"], ids=["no type", "no length", "a password"])
def test_a_query_and_rubbish_in_one_breath_hold_the_server_up_for_nobody(weir, last):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as c:
        pid = c.value("SELECT pg_backend_pid()")
    for _ in range(3):
        with pooler.connect() as c:
            c.send(query("SELECT 1") + last)
            c.until_closed()
        before = time.monotonic()
        with pooler.connect() as c:
            assert c.value("SELECT pg_backend_pid()") == pid
        assert time.monotonic() - before < 3, "a recovery that waits is given up after five seconds"
