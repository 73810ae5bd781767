"""Servers that lie, stall and die. The pooler's other databases must not notice, and a client gets the server's words
or an SQLSTATE that it can classify, soon."""

import base64
import hashlib
import itertools
import struct
import time

import pytest

import rawpg
from gate import Flow, Gate, Plan
from rawpg import (Closed, FakeBackend, Late, Raw, command_complete, cstr, data_row, error_response, errors, frame, query,
                   ready, row_description, rows, types)
from servers import wait_for


@pytest.fixture
def behind(weir, postgres):
    """behind(handler): a pooler whose database `fake` is served by handler and whose `app` is healthy."""
    opened = []

    def start(handler, **settings):
        backend = FakeBackend(handler)
        opened.append(backend)
        pooler = weir(
            weir={"server_connect_timeout": 2, "query_wait_timeout": 4, "server_login_retry": 1} | settings,
            databases={"fake": {"host": "127.0.0.1", "port": backend.port},
                       "app": {"host": "127.0.0.1", "port": postgres.port}})
        return pooler, backend

    yield start
    for backend in opened:
        backend.__exit__()


def try_query(pooler, database="fake", sql="SELECT 1", timeout=12):
    """What a client gets that logs in to the lying database and asks something."""
    with Raw.connect(pooler.port) as c:
        try:
            refusal = c.try_login("alice", "alice-pw", database)
            if refusal:
                return [refusal]
            c.send(query(sql))
            return c.until_ready(timeout=timeout)
        except Closed:
            return []


def others_are_well(pooler):
    assert pooler.alive() and not pooler.bugs()
    began = time.monotonic()
    assert rows(try_query(pooler, "app", "SELECT 'well'")) == [[b"well"]]
    assert time.monotonic() - began < 2


def after_startup(*pieces):
    def handler(side):
        side.read_startup()
        side.send(*pieces)
        side.bytes_until_closed(timeout=20)
    return handler


@pytest.mark.parametrize("fields", ["", *("".join(f) for n in range(1, 6) for f in itertools.combinations("SVCMD", n))])
def test_any_subset_of_error_fields_at_login_is_passed_on_or_replaced(behind, fields):
    values = {"S": "FATAL", "V": "FATAL", "C": "53300", "M": "sorry, too many", "D": "really"}
    body = b"".join(f.encode() + cstr(values[f]) for f in fields) + b"\0"
    pooler, _ = behind(after_startup(frame("E", body)))
    got = try_query(pooler)
    assert not rows(got)
    if errors(got):
        assert len(errors(got)[-1].sqlstate) == 5
    others_are_well(pooler)


@pytest.mark.parametrize("body", [b"", b"\0", b"S", b"SFATAL", b"SFATAL\0", b"\xff\xff\xff", b"C\0\0", b"M" + b"x" * 100_000 + b"\0\0"])
def test_a_broken_error_response_at_login_hurts_nobody(behind, body):
    pooler, _ = behind(after_startup(frame("E", body)))
    assert not rows(try_query(pooler))
    others_are_well(pooler)


@pytest.mark.parametrize("length", [0, 1, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("kind", "RSKZEN")
def test_a_login_message_of_impossible_length_hurts_nobody(behind, kind, length):
    pooler, _ = behind(after_startup(frame(kind, b"\0\0\0\0", length)))
    assert not rows(try_query(pooler))
    others_are_well(pooler)


def scram_first(server_first):
    """A backend whose SCRAM server-first-message is server_first(client nonce)."""
    def handler(side):
        side.read_startup()
        side.send(frame("R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0"))
        first = side.message().body
        nonce = first.split(b"r=", 1)[1].decode()
        side.send(frame("R", struct.pack("!I", 11) + server_first(nonce).encode()))
        side.bytes_until_closed(timeout=20)
    return handler


@pytest.mark.parametrize("size", [300, 450, 3000, 65_000])
def test_a_long_scram_nonce_from_a_server_hurts_nobody(behind, size):
    pooler, _ = behind(scram_first(lambda nonce: f"r={nonce}{'n' * size},s=c2FsdHNhbHQ=,i=4096"))
    assert not rows(try_query(pooler))
    others_are_well(pooler)


@pytest.mark.parametrize("iterations", ["2147483647", "1000000000", "0", "-1", "1", "4096x", "", "99999999999999999999"])
def test_scram_iterations_of_a_server_cannot_freeze_the_others(behind, iterations):
    pooler, _ = behind(scram_first(lambda nonce: f"r={nonce}more,s=c2FsdHNhbHQ=,i={iterations}"))
    with Raw.connect(pooler.port) as c:
        if c.try_login("alice", "alice-pw", "fake") is None:
            c.send(query("SELECT 1"))
        time.sleep(0.2)
        others_are_well(pooler)


@pytest.mark.parametrize("first", ["", "r=", "r=someone-else,s=c2FsdA==,i=4096", "s=c2FsdA==", "r={n},s=!!!,i=4096",
                                   "r={n},s=,i=4096", "m=ext,r={n}x,s=c2FsdA==,i=4096", "e=other-error", "r={n}\0,s=,i=1"])
def test_a_broken_scram_answer_of_a_server_hurts_nobody(behind, first):
    pooler, _ = behind(scram_first(lambda nonce: first.replace("{n}", nonce)))
    assert not rows(try_query(pooler))
    others_are_well(pooler)


def test_a_server_that_does_not_prove_it_knows_the_password_is_refused(behind):
    def handler(side):
        side.read_startup()
        side.send(frame("R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0"))
        nonce = side.message().body.split(b"r=", 1)[1].decode()
        side.send(frame("R", struct.pack("!I", 11) + f"r={nonce}x,s=c2FsdHNhbHQ=,i=4096".encode()))
        side.message()
        side.send(frame("R", struct.pack("!I", 12) + b"v=" + base64.b64encode(b"\0" * 32)))
        side.welcome()
        side.serve(rawpg.plain_answers)

    pooler, _ = behind(handler)
    assert not rows(try_query(pooler))
    others_are_well(pooler)


def test_a_server_that_skips_the_end_of_scram_is_refused(behind):
    def handler(side):
        side.read_startup()
        side.send(frame("R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0"))
        side.message()
        side.welcome()
        side.serve(rawpg.plain_answers)

    pooler, _ = behind(handler)
    assert not rows(try_query(pooler))
    others_are_well(pooler)


@pytest.mark.short
def test_a_server_without_parameter_status_is_taken(behind):
    def handler(side):
        side.read_startup()
        side.welcome(parameters=False)
        side.serve(rawpg.plain_answers)

    pooler, _ = behind(handler)
    assert rows(try_query(pooler)) == [[b"ok"]]
    others_are_well(pooler)


def test_login_messages_in_any_order_or_missing_hurt_nobody(behind):
    pieces = {"S": frame("S", b"TimeZone\0UTC\0"), "K": frame("K", struct.pack("!II", 1, 2)),
              "N": frame("N", b"SNOTICE\0C00000\0Mhello\0\0"), "Z": ready()}
    orders = iter(sorted({p for n in range(1, 5) for p in itertools.permutations("SKNZ", n)}))

    def handler(side):
        side.read_startup()
        side.send(frame("R", struct.pack("!I", 0)), *(pieces[p] for p in next(orders)))
        side.serve(rawpg.plain_answers)

    pooler, _ = behind(handler, server_lifetime=1, server_connect_timeout=1)
    for _ in range(12):
        try:
            try_query(pooler, timeout=6)
        except Late:
            pass
    others_are_well(pooler)


BROKEN_REPLIES = [
    frame("D", struct.pack("!H", 5)),                                # fewer values than promised
    frame("D", struct.pack("!Hi", 1, 1000) + b"x"),                  # a value longer than its row
    frame("D", struct.pack("!Hi", 1, -2)),
    frame("T", struct.pack("!H", 65535) + b"a\0"),
    frame("T", b""), frame("C", b""), frame("C", b"SELECT 1"),       # no end of string
    frame("Z", b""), frame("Z", b"Q"), frame("Z", b"II"),
    frame("S", b""), frame("S", b"TimeZone"), frame("A", b"\0\0"), frame("K", b""),
    frame("R", struct.pack("!I", 3)), frame("G", b""), frame("W", b"\0\0\1"), b"\0\0\0\0\0", b"?\0\0\0\4",
    command_complete("SELECT 1") + ready() + ready(),                # one end too many
    frame("1") + frame("2") + frame("n") + frame("s"), error_response() + error_response() + ready(),
]


@pytest.mark.parametrize("number", range(len(BROKEN_REPLIES)))
def test_a_broken_reply_hurts_nobody_else(behind, number):
    reply = BROKEN_REPLIES[number]

    def handler(side):
        side.read_startup()
        side.welcome()
        side.message()
        side.send(reply)
        side.bytes_until_closed(timeout=5)

    pooler, _ = behind(handler, query_timeout=3)
    try:
        try_query(pooler, timeout=3)
    except (Late, AssertionError):
        pass  # the client of a liar may wait; the others may not
    others_are_well(pooler)


@pytest.mark.parametrize("announced", [0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 3])
def test_a_row_that_lies_about_its_length_costs_no_memory(behind, announced):
    def handler(side):
        side.read_startup()
        side.welcome()
        side.message()
        side.send(row_description("a"), frame("D", b"x" * 1000, announced))
        side.bytes_until_closed(timeout=5)

    pooler, _ = behind(handler)
    before = pooler.rss_kib()
    with Raw.connect(pooler.port) as c:
        if c.try_login("alice", "alice-pw", "fake") is None:
            c.send(query("SELECT 1"))
            time.sleep(0.5)
        assert pooler.rss_kib() - before < 16 * 1024
    others_are_well(pooler)


def test_an_answer_nobody_asked_for_never_reaches_a_client(behind):
    """A server that sends a result while idle is not clean: it must not be leased to anyone."""
    def handler(side):
        side.read_startup()
        side.welcome()
        side.message()
        side.send(row_description("answer"), data_row(b"ok"), command_complete("SELECT 1"), ready())
        time.sleep(0.1)
        side.send(row_description("answer"), data_row(b"poison"), command_complete("SELECT 1"), ready())
        side.serve(rawpg.plain_answers)

    pooler, backend = behind(handler)
    assert rows(try_query(pooler)) == [[b"ok"]]
    for _ in range(3):
        time.sleep(0.3)  # the poison is sent 0.1 s after an answer: by now it is there, and nobody waits for one
        assert b"poison" not in b"".join(r[0] for r in rows(try_query(pooler)))
    others_are_well(pooler)


def test_a_server_that_never_answers_the_login_is_given_up(behind):
    def handler(side):
        side.read_startup()
        side.bytes_until_closed(timeout=30)

    pooler, _ = behind(handler)
    began = time.monotonic()
    got = try_query(pooler)
    assert errors(got) and errors(got)[-1].sqlstate[:2] in ("08", "57", "53")
    assert time.monotonic() - began < 8
    others_are_well(pooler)


def test_the_words_of_a_server_that_refuses_reach_the_client(behind):
    pooler, _ = behind(after_startup(error_response("FATAL", "53300", "sorry, too many clients already")))
    got = try_query(pooler)
    assert errors(got)[-1].sqlstate == "53300" and "too many clients" in errors(got)[-1].fields["M"]


@pytest.mark.parametrize("flow", [Flow(cut_after=n) for n in (1, 5, 9, 20, 100, 300, 350, 400, 450, 500)] +
                         [Flow(cut_after=n, reset=True) for n in (7, 333, 430)])
def test_a_server_cut_at_any_byte_ends_in_an_error_and_service_returns(weir, postgres, flow):
    with Gate(postgres.port, plan=Plan(to_client=flow)) as gate:
        pooler = weir(databases={"app": {"host": "127.0.0.1", "port": gate.port}},
                      weir={"server_login_retry": 1, "query_wait_timeout": 5})
        got = try_query(pooler, "app")
        assert not rows(got) or types(got).endswith("Z")
        gate.plan = Plan()
        began = time.monotonic()
        wait_for(lambda: rows(try_query(pooler, "app", "SELECT 'back'")) == [[b"back"]], "service to return", 10)
        assert time.monotonic() - began < 6
