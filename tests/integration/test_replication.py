"""Replication connections, physical and logical, pass through to one server of their own."""

import os
import shutil
import signal
import subprocess
import time

import pytest

from rawpg import Raw, cancel, query, rows, types
from servers import PG_BIN, give_away, unprivileged, wait_for

SECRETS = {"HOME": "/nonexistent", "PATH": os.environ["PATH"], "PGPASSWORD": "bob-pw", "PGCONNECT_TIMEOUT": "10"}


@pytest.fixture
def through(weir, postgres):
    """A Weir with a server that takes bob, a superuser, for replication."""
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(before + "host replication bob 127.0.0.1/32 scram-sha-256\n")
    postgres.sql("SELECT pg_reload_conf()")

    def allowed():
        with Raw.connect(postgres.port) as c:
            return c.try_login("bob", "bob-pw", "other", replication="true") is None
    wait_for(allowed, "the server's new rules")
    # Programs for physical replication name no database of ours: "*" takes those.
    yield weir(databases={name: {"host": "127.0.0.1", "port": postgres.port} for name in ("app", "other", "*")})
    rules.write_text(before)
    postgres.sql("SELECT pg_reload_conf()")


@pytest.fixture
def target(folder):
    path = folder / f"received-{time.monotonic_ns()}"
    path.mkdir()
    give_away(path)
    yield path
    shutil.rmtree(path)


def start(*words, output):
    return subprocess.Popen([str(w) for w in words], stdout=output, stderr=subprocess.STDOUT, env=SECRETS, cwd="/",
                            **unprivileged())


def end(process):
    process.send_signal(signal.SIGINT)
    return process.wait(15)


def test_the_commands_of_a_replication_connection(through, postgres):
    with Raw.connect(through.port) as c:
        c.login("bob", "bob-pw", "other", replication="true")
        reply = c.ask("IDENTIFY_SYSTEM")
        assert types(reply) == "TDCZ" and len(rows(reply)[0]) == 4
        assert rows(c.ask("SHOW wal_segment_size")) == [[b"16MB"]]
        reply = c.ask("NONSENSE")
        with Raw.connect(postgres.port).login("bob", "bob-pw", "other", replication="true") as direct:
            said = direct.ask("NONSENSE")
        assert types(reply) == types(said) == "EZ" and reply[0].fields == said[0].fields
        assert types(c.ask("IDENTIFY_SYSTEM")) == "TDCZ"


def test_a_logical_connection_runs_sql_too(through):
    with Raw.connect(through.port) as c:
        c.login("bob", "bob-pw", "app", replication="database")
        assert types(c.ask("IDENTIFY_SYSTEM")) == "TDCZ"
        assert c.value("SELECT current_database()") == "app"


def test_a_user_who_may_not_replicate_gets_the_servers_words(through):
    with Raw.connect(through.port) as c:
        refusal = c.try_login("alice", "alice-pw", "app", replication="database")
        assert refusal is not None and refusal.sqlstate == "42501", refusal
        assert "replication" in refusal.fields["M"].lower() or "wal sender" in refusal.fields["M"].lower()
    with through.connect("alice") as c:
        assert c.value("SELECT 1") == "1"


def test_pg_receivewal_streams(through, postgres, target):
    with (target / "log").open("wb") as log:
        process = start(PG_BIN / "pg_receivewal", "-h", "127.0.0.1", "-p", through.port, "-U", "bob", "-w", "-D", target,
                        "--no-loop", output=log)
        try:
            wait_for(lambda: list(target.glob("*.partial")), "a first piece of WAL")
            written = postgres.sql("SELECT pg_logical_emit_message(false, 'test', repeat('w', 1000000)); "
                                   "SELECT pg_switch_wal(); SELECT 1")
            assert written
            wait_for(lambda: [p for p in target.iterdir() if len(p.name) == 24], "a whole segment of WAL", 15)
            assert process.poll() is None, (target / "log").read_text()
            assert through.connect("alice").value("SELECT 'beside'") == "beside"
        finally:
            code = end(process)
    assert code == 0, (target / "log").read_text()
    (segment, *_) = sorted(p for p in target.iterdir() if len(p.name) == 24)
    assert segment.stat().st_size == 16 * 1024 * 1024
    assert segment.read_bytes() == (postgres.data / "pg_wal" / segment.name).read_bytes()


def test_pg_recvlogical_streams_the_changes(through, postgres, target):
    postgres.sql("DROP TABLE IF EXISTS changes; CREATE TABLE changes (n int, t text)", database="app")
    base = [PG_BIN / "pg_recvlogical", "-h", "127.0.0.1", "-p", through.port, "-U", "bob", "-w", "-d", "app", "--slot", "through"]
    with (target / "log").open("wb") as log:
        assert start(*base, "--create-slot", "--plugin", "test_decoding", output=log).wait(20) == 0, (target / "log").read_text()
        process = start(*base, "--start", "--no-loop", "-f", target / "out", "--fsync-interval=0", output=log)
        try:
            wait_for(lambda: postgres.sql("SELECT active FROM pg_replication_slots WHERE slot_name = 'through'") == [["t"]],
                     "the slot to be used")
            postgres.sql("INSERT INTO changes SELECT i, repeat('c', 100) FROM generate_series(1, 500) i", database="app")
            wait_for(lambda: (target / "out").exists() and "n[integer]:500" in (target / "out").read_text(), "the changes")
            lines = (target / "out").read_text().splitlines()
            assert sum("table public.changes: INSERT" in line for line in lines) == 500
        finally:
            code = end(process)
            wait_for(lambda: postgres.sql("SELECT active FROM pg_replication_slots WHERE slot_name = 'through'") == [["f"]],
                     "the slot to be free")
            assert start(*base, "--drop-slot", output=log).wait(20) == 0, (target / "log").read_text()
    assert code == 0, (target / "log").read_text()
    assert postgres.sql("SELECT count(*) FROM pg_replication_slots") == [["0"]]


def test_pg_basebackup_copies_the_whole_cluster(through, target):
    copy = target / "base"
    with (target / "log").open("wb") as log:
        code = start(PG_BIN / "pg_basebackup", "-h", "127.0.0.1", "-p", through.port, "-U", "bob", "-w", "-D", copy,
                     "-X", "stream", "--checkpoint=fast", "--no-sync", output=log).wait(60)
    assert code == 0, (target / "log").read_text()
    checked = subprocess.run([str(PG_BIN / "pg_verifybackup"), str(copy)], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=60, cwd="/", **unprivileged())
    assert checked.returncode == 0, checked.stdout


def test_a_replication_clients_server_ends_with_it(through, postgres):
    def walsenders():  # a standby of another test may have one
        return int(postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'"
                                " AND application_name = 'ends with its client'")[0][0])

    with Raw.connect(through.port) as c:
        c.login("bob", "bob-pw", "other", replication="true", application_name="ends with its client")
        c.ask("IDENTIFY_SYSTEM")
        assert walsenders() == 1
    wait_for(lambda: walsenders() == 0, "the walsender to end")
    with through.connect("bob", database="other") as c:
        assert c.value("SELECT 1") == "1"


def test_a_cancel_reaches_the_server_of_a_replication_connection(through, postgres):
    with Raw.connect(through.port) as c:
        c.login("bob", "bob-pw", "app", replication="database")
        c.send(query("SELECT pg_sleep(30)"))
        postgres.until_asleep()
        with Raw.connect(through.port) as other:
            other.send(cancel(c.pid, c.key))
            other.bytes_until_closed()
        assert [m.sqlstate for m in c.until_ready() if m.type == "E"] == ["57014"]
