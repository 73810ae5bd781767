"""One test per row of the list of protocol bugs that poolers shipped. Where PostgreSQL itself can be asked, it is: the
`peer` fixture runs the same test against it and through the pooler."""

import os
import signal
import threading
import time

import pytest

from gate import Gate, Plan
from rawpg import (Closed, Late, Raw, bind, cancel, close, copy_data, copy_done, copy_fail, describe, errors, execute,
                   extended, flush, parse, query, rows, sync, types)
from servers import USERS, wait_for

ONE_SERVER = pytest.mark.settings(weir={"default_pool_size": 1})
TRACKED = pytest.mark.settings(weir={"default_pool_size": 1, "max_prepared_statements": 50})


# ---- rows 1 to 8: whose ReadyForQuery is it, which statement is it

@pytest.mark.short
def test_row_1_an_error_swallows_everything_up_to_sync_and_one_ready_follows(peer):
    with peer.login() as c:
        c.send(parse("", "SELECT broken("), bind(), execute(), query("SELECT 'dropped'"), sync(), query("SELECT 'kept'"))
        reply = c.until_ready(2)
        assert types(reply) == "EZTDCZ" and rows(reply) == [[b"kept"]]
        assert c.quiet()


@pytest.mark.short
def test_row_2_three_queries_at_once_and_the_second_fails(peer):
    with peer.login() as c:
        c.send(query("SELECT 1"), query("SELECT 1/0"), query("SELECT 3"))
        assert types(c.until_ready(3)) == "TDCZEZTDCZ"
        assert c.quiet()


def test_row_3_nothing_is_committed_before_sync(peer):
    peer.postgres.sql("DROP TABLE IF EXISTS row3; CREATE TABLE row3 (n int); GRANT ALL ON row3 TO alice", database="app")
    with peer.login() as c:
        c.send(extended("INSERT INTO row3 VALUES (1)"), flush())
        assert types(c.until("C")) == "12C"
        assert peer.postgres.sql("SELECT count(*) FROM row3", database="app") == [["0"]]
        c.send(extended("INSERT INTO row3 VALUES (2)"), sync())
        assert types(c.until_ready()) == "12CZ"
        assert peer.postgres.sql("SELECT count(*) FROM row3", database="app") == [["2"]]
        c.send(extended("INSERT INTO row3 VALUES (3)"), extended("SELECT 1/0"), sync())
        c.until_ready()
        assert peer.postgres.sql("SELECT count(*) FROM row3", database="app") == [["2"]]


@TRACKED
def test_row_4_flush_is_answered_and_the_rest_of_the_batch_finds_its_statement(peer):
    with peer.login() as c:
        c.send(parse("", "SELECT $1::int + 1"), describe("S"), flush())
        assert types(c.until("T")) == "1tT"
        assert c.quiet(0.2)
        c.send(bind(values=[41]), execute(), sync())
        reply = c.until_ready()
        assert types(reply) == "2DCZ" and rows(reply) == [[b"42"]]


@TRACKED
def test_row_5_the_unnamed_statement_survives_another_client_on_the_same_server(peer):
    with peer.login() as a, peer.login() as b:
        a.send(parse("", "SELECT 'mine'"), sync())
        a.until_ready()
        b.send(extended("SELECT 'other'"), sync())
        assert rows(b.until_ready()) == [[b"other"]]
        b.ask("SELECT 'simple'")  # a simple query destroys the unnamed statement of its server
        a.send(bind(), execute(), sync())
        assert rows(a.until_ready()) == [[b"mine"]]


@pytest.mark.short
def test_row_6_closing_an_unknown_name_succeeds(peer):
    with peer.login() as c:
        c.send(close("S", "never"), close("P", "never"), sync())
        assert types(c.until_ready()) == "33Z"


@TRACKED
def test_row_7_a_duplicate_name_is_an_error_and_the_session_lives(peer):
    with peer.login() as c:
        c.send(parse("twice", "SELECT 1"), sync())
        assert types(c.until_ready()) == "1Z"
        c.send(parse("twice", "SELECT 2"), bind("", "twice"), execute(), sync())
        reply = c.until_ready()
        assert types(reply) == "EZ" and errors(reply)[0].sqlstate == "42P05"
        c.send(bind("", "twice"), execute(), sync())
        assert rows(c.until_ready()) == [[b"1"]]
        c.send(close("S", "twice"), parse("twice", "SELECT 2"), bind("", "twice"), execute(), sync())
        reply = c.until_ready()
        assert types(reply) == "312DCZ" and rows(reply) == [[b"2"]]


@TRACKED
def test_an_unknown_statement_is_26000_and_an_unknown_portal_34000(peer):
    with peer.login() as c:
        c.send(bind("", "never"), sync())
        assert errors(c.until_ready())[0].sqlstate == "26000"
        c.send(describe("S", "never"), sync())
        assert errors(c.until_ready())[0].sqlstate == "26000"
        c.send(execute("never"), sync())
        assert errors(c.until_ready())[0].sqlstate == "34000"
        assert c.value("SELECT 1") == "1"


@TRACKED
def test_row_8_every_one_of_a_thousand_texts_keeps_its_own_plan(peer):
    with peer.login() as a, peer.login() as b:
        for start in range(0, 1000, 100):
            for c in (a, b):
                c.send(*(parse(f"s{i}", f"SELECT {i} -- text {i * 7919}") for i in range(start, start + 100)), sync())
                c.until_ready()
            for c in (a, b):
                c.send(*(bind("", f"s{i}") + execute() for i in range(start, start + 100)), sync())
                assert [int(r[0]) for r in rows(c.until_ready())] == list(range(start, start + 100))


# ---- rows 11 and 12: large streams

@pytest.mark.slow
def test_row_11_data_after_a_failed_copy_is_drained_and_the_session_lives(peer):
    peer.postgres.sql("DROP TABLE IF EXISTS row11; CREATE TABLE row11 (n int); GRANT ALL ON row11 TO alice", database="app")
    with peer.login() as c:
        c.send(query("COPY row11 FROM STDIN"))
        assert c.until("G")
        c.send(copy_data(b"not a number\n"))
        chunk = copy_data(b"1\n" * 30_000)
        for _ in range(17_000):  # a gigabyte
            c.send(chunk, timeout=30)
        c.send(copy_done())
        reply = c.until_ready(timeout=60)
        assert types(reply) == "EZ" and errors(reply)[0].sqlstate == "22P02"
        assert c.value("SELECT count(*) FROM row11") == "0"


@pytest.mark.parametrize("how", ["simple", "extended"])
@pytest.mark.parametrize("end", ["done", "fail"])
def test_copy_in_ends_as_the_client_says(peer, how, end):
    peer.postgres.sql("DROP TABLE IF EXISTS copied; CREATE TABLE copied (n int); GRANT ALL ON copied TO alice", database="app")
    with peer.login() as c:
        c.send(query("COPY copied FROM STDIN") if how == "simple" else extended("COPY copied FROM STDIN") + sync())
        c.until("G")
        c.send(*(copy_data(f"{i}\n".encode()) for i in range(100)))
        # The Sync sent before the data is ignored while copying; a client sends its own after CopyDone.
        c.send(copy_done() if end == "done" else copy_fail("enough"), b"" if how == "simple" else sync())
        reply = c.until_ready()
        assert types(reply) == ("CZ" if end == "done" else "EZ")
        assert c.value("SELECT count(*) FROM copied") == ("100" if end == "done" else "0")


def test_copy_out_passes_every_row(peer):
    with peer.login() as c:
        reply = c.ask("COPY (SELECT generate_series(1, 50000)) TO STDOUT")
        assert types(reply).startswith("Hd") and types(reply).endswith("dcCZ")
        assert b"".join(m.body for m in reply if m.type == "d").count(b"\n") == 50_000
        c.send(extended("COPY (SELECT 1) TO STDOUT"), sync())
        assert types(c.until_ready()) == "12HdcCZ"


@pytest.mark.slow
def test_row_12_a_huge_bind_and_huge_rows_at_the_same_time_use_little_memory(peer):
    size = 64 << 20
    value = b"b" * size
    with peer.login() as c:
        before = peer.pooler.rss_kib() if peer.pooler else 0
        peak, stop = [before], threading.Event()

        def watch():
            while not stop.is_set():
                if peer.pooler:
                    peak[0] = max(peak[0], peer.pooler.rss_kib())
                time.sleep(0.01)

        watcher = threading.Thread(target=watch)
        writer = threading.Thread(target=lambda: c.send(
            extended("SELECT repeat('r', 1000000) FROM generate_series(1, 64)"),
            extended("SELECT length($1)", [value]), sync(), timeout=120))
        watcher.start()
        writer.start()
        got = 0
        reply = []
        while not reply or reply[-1].type != "Z":  # the large rows are counted and dropped
            reply.append(c.message(timeout=120))
            if reply[-1].type == "D" and len(reply[-1].body) > 1000:
                got += len(reply.pop().body)
        writer.join(10)
        stop.set()
        watcher.join(5)
        assert got > 64_000_000 and rows(reply)[-1] == [str(size).encode()]
        assert peak[0] - before < 16 * 1024


# ---- rows 17 to 25: cancel, death, log-in

def test_row_17_a_cancel_hits_its_own_query_and_only_that(peer):
    with peer.login() as c, peer.login() as other:
        c.send(query("SELECT pg_sleep(20)"))
        peer.postgres.until_asleep()
        with peer.connect() as k:
            k.send(cancel(c.pid, c.key))
            assert k.bytes_until_closed() == b""
        reply = c.until_ready(timeout=5)
        assert types(reply) in ("TEZ", "EZ") and errors(reply)[0].sqlstate == "57014"
        assert c.value("SELECT 'again'") == "again"
        with peer.connect() as k:  # between queries: nothing to cancel
            k.send(cancel(c.pid, c.key))
            k.bytes_until_closed()
        assert other.value("SELECT 'untouched'") == "untouched"


@ONE_SERVER
def test_row_17_a_client_in_line_is_cancelled_out_of_it(weir):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as busy, pooler.connect() as waiting:
        busy.ask("BEGIN")
        waiting.send(query("SELECT 'never runs'"))
        wait_for(lambda: [p for p in pooler.show("POOLS") if p["database"] == "app" and p["cl_waiting"] == "1"],
                 "the client to stand in line")
        with Raw.connect(pooler.port) as k:
            k.send(cancel(waiting.pid, waiting.key))
            k.bytes_until_closed()
        reply = waiting.until_ready(timeout=5)
        assert types(reply) == "EZ" and errors(reply)[0].sqlstate == "57014"
        busy.ask("COMMIT")
        assert waiting.value("SELECT 'alive'") == "alive"


@pytest.mark.slow
def test_row_18_ten_thousand_wrong_cancels_are_bounded_work(peer):
    with peer.login() as c:
        c.send(query("SELECT pg_sleep(1)"))
        for n in range(10_000 if peer.pooler else 100):  # PostgreSQL forks for each
            with peer.connect() as k:
                k.send(cancel(n, os.urandom(4)))
        assert types(c.until_ready(timeout=60)) == "TDCZ"
    peer.healthy()
    if peer.pooler:
        wait_for(lambda: peer.pooler.open_files() < 60, "the sockets to be gone")


def test_row_19_a_killed_client_leaves_a_server_that_is_clean_or_gone(weir, postgres):
    pooler = weir(weir={"default_pool_size": 1})
    postgres.sql("DROP TABLE IF EXISTS row19; CREATE TABLE row19 (n int); GRANT ALL ON row19 TO alice", database="app")
    c = pooler.connect()
    c.ask("BEGIN")
    before = c.value("SELECT pg_backend_pid()")
    c.ask("INSERT INTO row19 VALUES (1)")
    c.reset()
    began = time.monotonic()
    with pooler.connect() as d:
        after = d.value("SELECT pg_backend_pid()")
        assert d.value("SELECT count(*) FROM row19") == "0"
    assert time.monotonic() - began < 2
    assert after == before, "provably clean after ROLLBACK: reused"


@pytest.mark.slow
def test_row_19_a_client_killed_in_a_long_statement_frees_its_server_at_once(weir):
    pooler = weir(weir={"default_pool_size": 1})
    c = pooler.connect()
    c.send(query("SELECT pg_sleep(60)"))
    time.sleep(0.3)
    c.reset()
    began = time.monotonic()
    with pooler.connect() as d:
        assert d.value("SELECT 1") == "1"
    assert time.monotonic() - began < 5


def test_row_20_a_server_killed_in_a_result_says_why_and_the_session_goes_on(weir, postgres):
    pooler = weir()
    with pooler.connect() as c:
        pid = c.value("SELECT pg_backend_pid()")
        c.send(query("SELECT pg_sleep(20)"))
        postgres.until_asleep()
        postgres.sql(f"SELECT pg_terminate_backend({pid})")
        try:
            reply = c.until("Z", timeout=5)
        except Closed:
            pytest.fail("the session ended without a word")
        assert errors(reply)[0].sqlstate in ("57P01", "08006")
        if errors(reply)[0].fields["V"] == "ERROR":
            assert c.value("SELECT 'goes on'") == "goes on"


def test_row_21_an_idle_server_that_was_reset_is_replaced_unseen(weir, postgres):
    with Gate(postgres.port) as gate:
        pooler = weir(databases={"app": {"host": "127.0.0.1", "port": gate.port}})
        with pooler.connect() as c:
            assert c.value("SELECT 1") == "1"
            for _ in range(5):
                assert gate.reset_all() >= 1
                time.sleep(0.1)
                assert c.value("SELECT 2") == "2"


@pytest.mark.parametrize("parameters, check, value", [
    ({"extra_float_digits": "2"}, "extra_float_digits", "2"),
    ({"search_path": "pg_catalog"}, "search_path", "pg_catalog"),
    ({"options": "-c statement_timeout=5s"}, "statement_timeout", "5s"),
    ({"options": "-c statement_timeout=7000 -c work_mem=5MB"}, "work_mem", "5MB"),
    ({"options": "--geqo=off"}, "geqo", "off"),
    ({"application_name": "Grüße \\ ' \" %s"}, "application_name", None),
    ({"TimeZone": "America/New_York"}, "TimeZone", "America/New_York"),
    ({"DateStyle": "German"}, "DateStyle", "German, DMY"),
    ({"client_encoding": "latin1"}, "client_encoding", None),
])
def test_row_22_startup_parameters_are_taken(peer, parameters, check, value):
    with peer.connect() as c:
        c.login("alice", "alice-pw", "app", **parameters)
        got = c.value(f"SHOW {check}")
        if value is not None:
            assert got == value


def test_row_23_the_first_login_while_the_server_is_down_is_refused_soon_and_clearly(weir):
    from servers import free_port
    pooler = weir(databases={"app": {"host": "127.0.0.1", "port": free_port()}}, weir={"query_wait_timeout": 5})
    began = time.monotonic()
    with Raw.connect(pooler.port) as c:
        refusal = c.try_login("alice", "alice-pw", "app")
        if refusal is None:
            c.send(query("SELECT 1"))
            refusal = errors(c.until("E", timeout=8))[0]
    assert time.monotonic() - began < 8
    assert refusal.sqlstate[:2] in ("08", "57")
    assert refusal.fields["M"]


@pytest.mark.slow
def test_row_23_no_failure_is_remembered_once_the_server_is_back(weir, postgres):
    pooler = weir(weir={"server_login_retry": 1})
    with pooler.connect() as c:
        c.value("SELECT 1")
    postgres.stop("immediate")
    try:
        with Raw.connect(pooler.port) as c:
            try:
                if c.try_login("alice", "alice-pw", "app") is None:
                    c.send(query("SELECT 1"))
                    c.until("E", timeout=3)
            except (Closed, Late):
                pass
    finally:
        postgres.start()
    began = time.monotonic()

    def back():
        with Raw.connect(pooler.port) as c:
            try:
                return c.try_login("alice", "alice-pw", "app") is None and c.value("SELECT 1", timeout=5) == "1"
            except (Closed, AssertionError):
                return False

    wait_for(back, "service to return", 10)
    assert time.monotonic() - began < 3


@pytest.mark.slow
def test_row_24_a_storm_of_scram_logins_does_not_slow_running_queries(weir):
    pooler = weir()
    stop = threading.Event()

    def p99(seconds):
        times = []
        with pooler.connect() as c:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                began = time.monotonic()
                c.value("SELECT 1")
                times.append(time.monotonic() - began)
                time.sleep(0.002)
        return sorted(times)[int(len(times) * 0.99)]

    def storm():
        while not stop.is_set():
            with Raw.connect(pooler.port) as c:
                c.try_login("md5er", "md5er-pw", "app")

    calm = p99(2)
    threads = [threading.Thread(target=storm) for _ in range(2)]
    for t in threads:
        t.start()
    try:
        stormy = p99(3)
    finally:
        stop.set()
        for t in threads:
            t.join(10)
    # The storm shares two processors with its victims and the test, so this only catches a blocked loop.
    assert stormy < max(0.1, calm * 20)


def test_row_25_an_md5_secret_for_a_scram_server_is_named_in_the_error(weir, postgres):
    import hashlib
    secret = "md5" + hashlib.md5(b"alice-pwalice").hexdigest()
    pooler = weir(users={"alice": {"password": secret}, "bob": {"password": "bob-pw"}}, weir={"auth_type": "md5"})
    with Raw.connect(pooler.port) as c:
        refusal = c.try_login("alice", "alice-pw", "app")
        if refusal is None:
            c.send(query("SELECT 1"))
            refusal = errors(c.until("E", timeout=10))[0]
    text = (refusal.fields["M"] + refusal.fields.get("D", "") + refusal.fields.get("H", "")).lower()
    assert "scram" in text or "password" in text


# ---- rows 36 to 40: operating it

def test_row_36_an_idle_transaction_that_starves_the_pool_is_seen_and_ended(weir):
    pooler = weir(weir={"default_pool_size": 1, "idle_transaction_timeout": 1})
    with pooler.connect() as idle, pooler.connect() as waiting:
        idle.ask("BEGIN")
        waiting.send(query("SELECT 'served'"))
        reply = waiting.until_ready(timeout=6)
        assert rows(reply) == [[b"served"]]
        got = idle.until_closed(timeout=3)
        assert errors(got) and errors(got)[0].sqlstate == "25P03"


@pytest.mark.slow
def test_row_37_the_last_of_many_pools_is_served_fairly(weir, postgres):
    names = [f"p{i:02}" for i in range(9)] + ["zzz"]
    target = {"host": "127.0.0.1", "port": postgres.port, "dbname": "app"}
    pooler = weir(databases={n: dict(target) for n in names},
                  weir={"default_pool_size": 5, "max_host_connections": 3, "query_wait_timeout": 20})
    done = dict.fromkeys(names, 0)
    stop = time.monotonic() + 4

    def client(name):
        with pooler.connect(database=name) as c:
            while time.monotonic() < stop:
                c.value("SELECT pg_sleep(0.01)", timeout=20)
                done[name] += 1

    threads = [threading.Thread(target=client, args=(n,)) for n in names for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not any(t.is_alive() for t in threads)
    assert min(done.values()) > 0
    assert done["zzz"] * 5 > sum(done.values()) / len(done), done


@pytest.mark.short
def test_row_38_reloading_a_broken_file_changes_nothing_and_says_so(weir):
    pooler = weir()
    good = pooler.config.read_text()
    pooler.config.write_text(good + "\n[weir\nnonsense = \n")
    with pooler.console() as c:
        reply = c.ask("RELOAD")
        assert errors(reply), "RELOAD of a broken file must fail"
    pooler.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    with pooler.connect() as c:
        assert c.value("SELECT 1") == "1"
    assert "weir.toml:" in pooler.log()
    pooler.config.write_text(good)
    with pooler.console() as c:
        assert not errors(c.ask("RELOAD"))


@pytest.mark.slow


# Row 39, the exporter: test_console.py, test_debians_prometheus_exporter_reads_the_console.


@pytest.mark.short
def test_row_40_the_console_speaks_the_extended_protocol(weir):
    pooler = weir()
    with pooler.console() as c:
        c.send(parse("", "SHOW POOLS"), describe("S"), bind(), describe("P"), execute(), sync())
        reply = c.until_ready()
        assert types(reply).startswith("1t") and types(reply).endswith("CZ") and not errors(reply)
        simple = c.ask("SHOW POOLS")
        assert next(m for m in reply if m.type == "T").body[:2] == next(m for m in simple if m.type == "T").body[:2]


# ---- what PostgreSQL does that every pooler must do too

@pytest.mark.short
def test_notices_notifications_and_parameter_changes_arrive(peer):
    with peer.login() as c:
        c.send(query("DO $$ BEGIN RAISE NOTICE 'listen'; END $$"))
        reply = c.until_ready()
        assert [m for m in reply if m.type == "N" and m.fields["M"] == "listen"]
        reply = c.ask("SET application_name = 'renamed'")
        assert [m for m in reply if m.type == "S" and m.body == b"application_name\0renamed\0"]
        reply = c.ask("BEGIN; LISTEN row; NOTIFY row, 'hello'; COMMIT")
        assert [m for m in reply if m.type == "A" and m.body.endswith(b"row\0hello\0")] or \
            c.until("A", timeout=3)[-1].body.endswith(b"row\0hello\0")


def test_a_portal_is_read_in_pieces(peer):
    with peer.login() as c:
        c.send(parse("", "SELECT generate_series(1, 5)"), bind("p"), execute("p", 2), flush())
        assert types(c.until("s")) == "12DDs"
        c.send(execute("p", 2), flush())
        assert types(c.until("s")) == "DDs"
        c.send(execute("p", 2), sync())
        assert types(c.until_ready()) == "DCZ"


def test_a_function_call_message_is_answered(peer):
    import struct
    from rawpg import frame
    with peer.login() as c:
        oid = int(c.value("SELECT 'pg_catalog.int4abs'::regproc::oid::int"))
        c.send(frame("F", struct.pack("!IHHHI", oid, 1, 1, 1, 4) + struct.pack("!i", -7) + struct.pack("!H", 1)))
        reply = c.until_ready()
        assert types(reply) == "VZ" and reply[0].body == struct.pack("!Ii", 4, 7)


@pytest.mark.parametrize("version", [0x00030001, 0x00030002, 0x00030063])
def test_a_newer_minor_protocol_version_is_negotiated(peer, version):
    with peer.connect() as c:
        c.login("alice", "alice-pw", "app", version=version, **{"_pq_.something": "on"})
        assert c.negotiated is not None
        assert c.value("SELECT 1") == "1"


def test_an_empty_query_and_many_statements_in_one(peer):
    with peer.login() as c:
        assert types(c.ask("")) == "IZ"
        assert types(c.ask(";")) == "IZ"
        assert types(c.ask("SELECT 1; SELECT 2; SELECT 1/0; SELECT 4")) in ("TDCTDCTEZ", "TDCTDCEZ")
        c.send(parse("", ""), bind(), execute(), sync())
        assert types(c.until_ready()) == "12IZ"


def test_transaction_status_is_always_true(peer):
    with peer.login() as c:
        for sql, status in (("SELECT 1", "I"), ("BEGIN", "T"), ("SELECT 1/0", "E"), ("SELECT 1", "E"), ("ROLLBACK", "I"),
                            ("BEGIN; SELECT 1", "T"), ("COMMIT", "I")):
            assert c.ask(sql)[-1].status == status, sql


def test_five_hundred_clients_share_twenty_servers(weir, postgres):
    pooler = weir(weir={"default_pool_size": 20, "max_client_conn": 600})
    clients = [pooler.connect() for _ in range(500)]
    try:
        for n, c in enumerate(clients):
            c.send(query(f"SELECT {n}, pg_backend_pid()"))
        pids = set()
        for n, c in enumerate(clients):
            value, pid = rows(c.until_ready(timeout=20))[0]
            assert int(value) == n
            pids.add(pid)
        assert len(pids) <= 20
    finally:
        for c in clients:
            c.drop()
