"""The fixture itself: servers start, the gate cuts, the protocol by hand agrees with PostgreSQL."""

import pytest

import rawpg
from gate import Flow, Gate, Plan
from rawpg import Closed, FakeBackend, Raw, query, rows, types
from servers import PgBouncer


@pytest.mark.short
@pytest.mark.parametrize("user", ["alice", "md5er", "plain", "trusty"])
def test_every_kind_of_password_logs_in_to_postgres(postgres, user):
    secret = {"plain": "plain-pw", "trusty": ""}.get(user, user + "-pw")
    with Raw.connect(postgres.port).login(user, secret, "app") as c:
        assert c.value("SELECT current_user") == user


def test_tls_reaches_postgres(postgres):
    with Raw.connect(postgres.port) as c:
        c.start_tls().login("alice", "alice-pw", "app")
        assert c.value("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "t"


def test_a_replica_follows_the_primary(postgres, replica):
    from servers import wait_for
    postgres.sql("CREATE TABLE IF NOT EXISTS followed (id int); INSERT INTO followed VALUES (1)", database="app")
    wait_for(lambda: _count(replica) is not None, "the row on the replica")
    assert replica.sql("SELECT pg_is_in_recovery()") == [["t"]]


def _count(replica):
    try:
        return replica.sql("SELECT id FROM followed", database="app") or None
    except AssertionError:
        return None


def test_the_gate_passes_bytes_and_cuts_where_it_is_told(postgres):
    with Gate(postgres.port) as gate:
        with Raw.connect(gate.port).login("alice", "alice-pw", "app") as c:
            assert c.value("SELECT 1") == "1"
        gate.plan = Plan(to_client=Flow(cut_after=60))
        with Raw.connect(gate.port) as c, pytest.raises(Closed):
            c.login("alice", "alice-pw", "app")
        gate.plan = Plan(to_client=Flow(step=1), to_server=Flow(step=1))
        with Raw.connect(gate.port).login("alice", "alice-pw", "app") as c:
            assert c.value("SELECT 2") == "2"


def test_the_fake_backend_answers_as_told():
    def handler(side):
        assert side.read_startup()[b"user"] == b"alice"
        side.welcome()
        side.serve(rawpg.plain_answers)

    with FakeBackend(handler) as backend, Raw.connect(backend.port).login("alice", "", "app") as c:
        c.send(query("SELECT 1"))
        reply = c.until_ready()
        assert types(reply) == "TDCZ" and rows(reply) == [[b"ok"]]
    assert not backend.failures


@pytest.mark.short
def test_the_pooler_answers_a_query(weir):
    pooler = weir()
    with pooler.connect() as c:
        assert c.value("SELECT 1 + 1") == "2"
    code = pooler.stop()
    assert code == 0 or isinstance(pooler, PgBouncer)  # whose 1.18 always ends with 1
