"""Databases with several hosts: which of them a pool connects to, and what happens when their roles change."""

import threading
import time

import pytest

from rawpg import (Closed, FakeBackend, Raw, command_complete, data_row, error_response, errors, frame, plain_answers, query,
                   ready, row_description, rows)
from servers import Postgres, wait_for

QUICK = {"server_login_retry": 0.2}


def several(*ports, attrs="any", **more):
    """A database on several ports of this machine, tried in the order given."""
    return {"host": ",".join(["127.0.0.1"] * len(ports)), "port": list(ports), "dbname": "app",
            "load_balance_hosts": "disable", "target_session_attrs": attrs} | more


def where(c):
    return int(c.value("SELECT pg_catalog.inet_server_port()"))


def refused(pooler, timeout=10):
    """Why the first client of a database cannot have a server."""
    with Raw.connect(pooler.port) as c:
        said = c.try_login("alice", "alice-pw", "app")
        if said is None:
            c.send(query("SELECT 1"))
            said = next(m for m in c.until("E", timeout=timeout) if m.type == "E")
        return said.fields


@pytest.mark.short
@pytest.mark.parametrize("attrs, wanted", [
    ("any", "first"), ("read-write", "primary"), ("primary", "primary"), ("standby", "standby"),
    ("read-only", "standby"), ("prefer-standby", "standby")])
def test_each_kind_is_found_wherever_it_stands_in_the_list(weir, postgres, replica, attrs, wanted):
    ports = {"primary": postgres.port, "standby": replica.port}
    for order in (["primary", "standby"], ["standby", "primary"]):
        pooler = weir(databases={"app": several(*(ports[name] for name in order), attrs=attrs)})
        with pooler.connect() as c:
            assert where(c) == ports[order[0] if wanted == "first" else wanted], order
            assert c.value("SELECT pg_is_in_recovery()") == ("t" if where(c) == replica.port else "f")


def test_hosts_in_turn_still_means_only_those_that_suit(weir, postgres, replica):
    pooler = weir(weir={"default_pool_size": 4},
                  databases={"app": several(replica.port, postgres.port, replica.port, attrs="primary",
                                            load_balance_hosts="round-robin")})
    clients = [pooler.connect() for _ in range(4)]
    for c in clients:
        c.ask("BEGIN")
    assert [where(c) for c in clients] == [postgres.port] * 4
    for c in clients:
        c.drop()


@pytest.mark.parametrize("attrs, alone", [("read-write", "standby"), ("primary", "standby"), ("standby", "primary"),
                                          ("read-only", "primary")])
def test_where_nobody_suits_the_client_is_told_so(weir, postgres, replica, attrs, alone):
    port = replica.port if alone == "standby" else postgres.port
    pooler = weir(databases={"app": several(port, port, attrs=attrs)})
    said = refused(pooler)
    assert said["C"] == "08001" and "target_session_attrs" in said["M"] and str(port) in said["M"]


def test_a_preferred_standby_is_only_preferred(weir, postgres):
    pooler = weir(databases={"app": several(postgres.port, postgres.port, attrs="prefer-standby")})
    with pooler.connect() as c:
        assert where(c) == postgres.port


def test_a_primary_whose_sessions_are_read_only_is_a_primary_and_is_not_read_write(weir, postgres, replica):
    postgres.sql("ALTER ROLE alice SET default_transaction_read_only = on")
    try:
        for attrs, port in (("primary", postgres.port), ("read-only", postgres.port), ("standby", replica.port)):
            pooler = weir(databases={"app": several(postgres.port, replica.port, attrs=attrs)})
            with pooler.connect() as c:
                assert where(c) == port, attrs
        pooler = weir(databases={"app": several(postgres.port, replica.port, attrs="read-write")})
        assert "target_session_attrs" in refused(pooler)["M"]
    finally:
        postgres.sql("ALTER ROLE alice RESET default_transaction_read_only")


def test_a_host_that_does_not_answer_is_passed_over(weir, postgres):
    with FakeBackend(lambda side: side.drop()) as dead:
        pooler = weir(databases={"app": several(dead.port, postgres.port, attrs="read-write")})
        with pooler.connect() as c:
            assert where(c) == postgres.port


# ---- roles that change

@pytest.fixture
def pair(folder):
    """A primary and a streaming standby of its own."""
    stamp = time.monotonic_ns()
    primary = Postgres(folder / f"pair-{stamp}-a").create()
    standby = primary.replica(folder / f"pair-{stamp}-b")
    primary.sql("CREATE TABLE done (client int, n int); GRANT ALL ON done TO PUBLIC", database="app")
    yield primary, standby
    for server in (primary, standby):
        if server.running():
            server.stop("immediate")


class Writer(threading.Thread):
    """A client that writes, one transaction after the other, on one connection; it asks again when told to."""

    def __init__(self, pooler, number):
        super().__init__()
        self.pooler, self.number, self.stopping = pooler, number, threading.Event()
        self.done, self.refusals, self.connections = [], [], 0

    def run(self):
        c, n = None, 0
        while not self.stopping.is_set():
            try:
                if c is None:
                    c = self.pooler.connect()
                    self.connections += 1
                reply = c.ask(f"INSERT INTO done VALUES ({self.number}, {n}) RETURNING pg_catalog.inet_server_port()", timeout=15)
                if errors(reply):
                    self.refusals.append((time.monotonic(), errors(reply)[0].sqlstate, errors(reply)[0].fields["M"]))
                else:
                    self.done.append((time.monotonic(), n, int(rows(reply)[0][0])))
                    n += 1
            except (Closed, AssertionError) as error:
                self.refusals.append((time.monotonic(), "lost", str(error)))
                c = None
            time.sleep(0.02)
        if c is not None:
            c.drop()


@pytest.mark.slow
@pytest.mark.parametrize("attrs", ["read-write", "primary"])
def test_a_promoted_standby_is_found_by_new_clients_and_by_those_that_were_there(weir, pair, attrs):
    primary, standby = pair
    pooler = weir(weir=QUICK, databases={"app": several(primary.port, standby.port, attrs=attrs)})
    writers = [Writer(pooler, n) for n in range(4)]
    for w in writers:
        w.start()
    try:
        wait_for(lambda: all(len(w.done) > 10 for w in writers), "the writers to be at work")
        assert {port for w in writers for _, _, port in w.done} == {primary.port}
        wait_for(lambda: standby.sql("SELECT count(*) > 20 FROM done", database="app") == [["t"]], "the standby to follow")
        primary.stop("immediate")
        gone = time.monotonic()
        wait_for(lambda: all(w.refusals for w in writers), "the writers to be told", 8)
        assert standby.sql("SELECT pg_promote()") == [["t"]]
        promoted = time.monotonic()
        wait_for(lambda: all(w.done[-1][0] > promoted for w in writers), "every writer to go on", 8)
        assert {w.done[-1][2] for w in writers} == {standby.port}
        assert min(w.refusals[0][0] for w in writers) - gone < 2
        with pooler.connect() as late:
            assert where(late) == standby.port
    finally:
        for w in writers:
            w.stopping.set()
        for w in writers:
            w.join(20)
    for w in writers:
        assert w.connections == 1, w.refusals  # nobody was thrown out: the next transaction was enough
        assert {code[:2] for _, code, _ in w.refusals} <= {"08", "57"}, w.refusals[:5]
        # Once somebody had been served by the new primary, nobody was refused any more, but for one try or two.
        after = [r for r in w.refusals if r[0] > promoted]
        assert len(after) <= 20, after  # at 0.2 s between attempts, and one client asking every 20 ms
    counted = standby.sql("SELECT client, count(*), count(DISTINCT n) FROM done GROUP BY 1 ORDER BY 1", database="app")
    for (client, count, distinct), w in zip(counted, writers):
        assert count == distinct, f"client {client} was answered with an error for what had been done"


@pytest.mark.slow
def test_a_standby_pool_serves_on_while_its_standby_is_promoted_and_new_servers_are_standbys(weir, pair):
    primary, standby = pair
    pooler = weir(weir=QUICK, databases={"app": several(primary.port, standby.port, attrs="standby")})
    with pooler.connect() as c:
        assert where(c) == standby.port
        assert standby.sql("SELECT pg_promote()") == [["t"]]
        # The connection lives on; only new ones are asked what they are.
        assert c.value("SELECT 'lives on'") == "lives on"
        with pooler.console() as console:
            assert not errors(console.ask("RECONNECT app"))
        reply = c.ask("SELECT 1")
        assert errors(reply)[0].sqlstate == "08001" and "target_session_attrs" in errors(reply)[0].fields["M"]


# ---- servers from before PostgreSQL 14 do not say what they are, they have to be asked

def old_server(answer, asked):
    """One that reports neither in_hot_standby nor default_transaction_read_only."""
    def handler(side):
        side.read_startup()
        old = {"server_version": "13.14", "server_encoding": "UTF8", "client_encoding": "UTF8", "DateStyle": "ISO, MDY",
               "integer_datetimes": "on", "standard_conforming_strings": "on", "TimeZone": "Etc/UTC"}
        side.welcome(parameters=False)
        side.serve(lambda wire, m: reply(wire, m))

    def reply(wire, m):
        if m.type == "Q" and b"pg_is_in_recovery" in m.body:
            asked.append(m.body.rstrip(b"\0").decode())
            wire.send(*answer)
        else:
            plain_answers(wire, m)
    return handler


def says(*values):
    return (row_description(*("standby", "read_only", "more")[:len(values)]), data_row(*values), command_complete("SELECT 1"),
            ready())


PRIMARY, STANDBY, READ_ONLY = says(b"f", b"f"), says(b"t", b"t"), says(b"f", b"t")


@pytest.mark.parametrize("attrs, suits", [
    ("read-write", [PRIMARY]), ("read-only", [STANDBY, READ_ONLY]), ("primary", [PRIMARY, READ_ONLY]), ("standby", [STANDBY])])
def test_an_old_server_is_asked_what_it_is(weir, attrs, suits):
    for answer in (PRIMARY, STANDBY, READ_ONLY):
        asked = []
        with FakeBackend(old_server(answer, asked)) as backend:
            pooler = weir(databases={"app": several(backend.port, attrs=attrs)})
            if answer in suits:
                with pooler.connect() as c:
                    assert c.value("SELECT 1") == "ok"
            else:
                assert "target_session_attrs" in refused(pooler)["M"]
        assert asked and not backend.failures


def test_an_old_server_is_not_asked_when_any_will_do(weir):
    asked = []
    with FakeBackend(old_server(PRIMARY, asked)) as backend:
        pooler = weir(databases={"app": several(backend.port, attrs="any")})
        with pooler.connect() as c:
            assert c.value("SELECT 1") == "ok"
    assert asked == []


def test_the_question_is_one_that_postgresql_understands(weir, postgres, replica):
    """What Weir asks an old server, put to real ones."""
    asked = []
    with FakeBackend(old_server(PRIMARY, asked)) as backend:
        pooler = weir(databases={"app": several(backend.port, attrs="primary")})
        pooler.connect().drop()
    assert postgres.sql(asked[0]) == [["f", "f"]]
    assert replica.sql(asked[0]) == [["t", "t"]]


@pytest.mark.short
@pytest.mark.parametrize("answer", [
    (row_description("standby", "read_only"), command_complete("SELECT 0"), ready()),
    (frame("I"), ready()), (ready(),), says(b"f"), says(b"f", b"f", b"f"), says(None, None), says(b"false", b"false"),
    says(b"", b""), (error_response(message="permission denied"), ready())],
    ids=["no-row", "empty", "only-ready", "one-column", "three-columns", "nulls", "words", "nothing", "error"])
def test_an_old_server_that_does_not_answer_the_question_is_not_used(weir, answer):
    asked = []
    with FakeBackend(old_server(answer, asked)) as backend:
        pooler = weir(databases={"app": several(backend.port, attrs="read-write")})
        said = refused(pooler)
        assert said["C"][:2] in ("08", "XX"), said
    assert asked
