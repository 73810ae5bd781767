"""Rules about statements ([guards.NAME]): what they refuse and what they leave alone, in every protocol, in a transaction
and outside, and that their limits are those of the whole process."""

import concurrent.futures
import subprocess
import time

import psycopg
import pytest
from psycopg.rows import dict_row

from rawpg import bind, describe, errors, execute, extended, flush, parse, query, rows, sync, types
from servers import USERS, Weir, wait_for

MODES = ["transaction", "session"]
NO_MASS = {"shape": ["delete_without_where", "update_without_where"], "deny": True}


@pytest.fixture
def things(postgres):
    postgres.sql("CREATE TABLE guarded (id int PRIMARY KEY, n int); GRANT ALL ON guarded TO PUBLIC; "
                 "INSERT INTO guarded SELECT i, 0 FROM generate_series(1, 10) i", database="app")
    yield postgres
    postgres.sql("DROP TABLE guarded", database="app")


def shown(pooler, name):
    with console(pooler) as admin:
        return {row["name"]: row for row in admin.execute("SHOW GUARDS").fetchall()}[name]


def console(pooler):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="bob", password=USERS["bob"][0], dbname="weir",
                           autocommit=True, row_factory=dict_row)


def client(pooler, user="alice", database="app", application="app", **options):
    options = {"autocommit": True, "prepare_threshold": None} | options
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user=user, password=USERS[user][0], dbname=database,
                           application_name=application, **options)


def count(server):
    return int(server.sql("SELECT count(*) FROM guarded", database="app")[0][0])


def refused(messages, sqlstate="42501", name="no-mass"):
    error = errors(messages)[0]
    assert error.sqlstate == sqlstate and error.fields["S"] == "ERROR", error.fields
    assert f'refused by guard "{name}"' in error.fields["M"] and error.fields["H"], error.fields
    return True


# ---- deny

@pytest.mark.short
@pytest.mark.parametrize("mode", MODES)
def test_a_simple_query_is_refused_and_the_session_goes_on(weir, things, mode):
    pooler = weir(weir={"pool_mode": mode}, guards={"no-mass": NO_MASS})
    with pooler.connect() as c:
        for _ in range(2):  # with and without a server in session mode
            reply = c.ask("DELETE FROM guarded")
            assert types(reply) == "EZ" and reply[-1].status == "I" and refused(reply)
            assert errors(reply)[0].fields["D"] == "Its shape is delete_without_where."
            assert c.value("SELECT 'on'") == "on"
        assert c.ask("DELETE FROM guarded WHERE id = 99")[0].tag == "DELETE 0"
        # One of several: none of them runs, as with a syntax error.
        reply = c.ask("INSERT INTO guarded VALUES (77, 0); COMMIT; UPDATE guarded SET n = 7")
        assert types(reply) == "EZ" and reply[-1].status == "I" and refused(reply)
        # Of pipelined ones only it.
        c.send(query("SELECT 1"), query("DELETE FROM guarded"), query("SELECT 2"))
        reply = c.until_ready(3)
        assert types(reply) == "TDCZEZTDCZ" and rows(reply) == [[b"1"], [b"2"]] and refused(reply)
    assert count(things) == 10
    assert things.sql("SELECT sum(n) FROM guarded", database="app") == [["0"]]


@pytest.mark.parametrize("mode", MODES)
def test_within_a_transaction_the_transaction_fails(weir, things, mode):
    pooler = weir(weir={"pool_mode": mode}, guards={"no-mass": NO_MASS})
    for batch in (False, True):
        with pooler.connect() as c:
            c.ask("BEGIN")
            c.ask("INSERT INTO guarded VALUES (78, 0)")
            c.ask("SAVEPOINT s")
            if batch:
                c.send(extended("DELETE FROM guarded"), sync())
                reply = c.until_ready()
                assert types(reply) == "1EZ"
            else:
                reply = c.ask("DELETE FROM guarded")
                assert types(reply) == "EZ"
            assert reply[-1].status == "E" and refused(reply)
            assert errors(c.ask("SELECT 1"))[0].sqlstate == "25P02"
            assert errors(c.ask("DELETE FROM guarded"))[0].sqlstate == "25P02"  # as without a rule
            assert c.ask("ROLLBACK TO s")[-1].status == "T"
            assert c.value("SELECT count(*) FROM guarded") == "11"
            assert refused(c.ask("UPDATE guarded SET n = 1"))
            assert c.ask("COMMIT")[0].tag == "ROLLBACK"
            assert c.value("SELECT 'on'") == "on"
    assert count(things) == 10


@pytest.mark.short
@pytest.mark.parametrize("mode", MODES)
def test_a_batch_is_skipped_up_to_its_sync(weir, things, mode):
    pooler = weir(weir={"pool_mode": mode}, guards={"no-mass": NO_MASS})
    with pooler.connect() as c:
        # Alone, prepared and bound in one go.
        c.send(extended("DELETE FROM guarded"), sync())
        reply = c.until_ready()
        assert types(reply).lstrip("1") == "EZ" and reply[-1].status == "I" and refused(reply)
        # Behind another: that one is rolled back with it, and what follows is not looked at.
        c.send(extended("INSERT INTO guarded VALUES (79, 0)"), extended("DELETE FROM guarded"),
               extended("SELECT 'skipped'"), sync(), extended("SELECT 'on'"), sync())
        reply = c.until_ready(2)
        assert types(reply) == "12C1EZ12DCZ" and refused(reply) and rows(reply) == [[b"on"]]
        # Named, described first, with a Flush between.
        c.send(parse("kept", "UPDATE guarded SET n = $1"), describe("S", "kept"), flush())
        assert types(c.until("n")) == "1tn"
        c.send(bind("", "kept", (b"5",)), execute(), sync())
        reply = c.until_ready()
        assert types(reply) == "EZ" and reply[-1].status == "I" and refused(reply)
        # The name lives, and is refused again.
        c.send(bind("", "kept", (b"5",)), execute(), sync(), extended("SELECT 'on'"), sync())
        reply = c.until_ready(2)
        assert types(reply) == "EZ12DCZ" and refused(reply) and rows(reply) == [[b"on"]]
    assert count(things) == 10
    assert shown(pooler, "no-mass")["refused"] == 4


def test_what_execute_runs_counts(weir, things):
    pooler = weir(guards={"no-mass": NO_MASS})
    with pooler.connect() as c:
        assert refused(c.ask("PREPARE p AS DELETE FROM guarded"))
        c.send(parse("q", "DELETE FROM guarded"), sync())
        assert types(c.until_ready()) == "1Z"
        assert refused(c.ask("EXECUTE q"))
        assert refused(c.ask("EXPLAIN ANALYZE DELETE FROM guarded"))
        assert not errors(c.ask("EXPLAIN DELETE FROM guarded"))
    assert count(things) == 10


def test_drivers_read_it_as_any_error(weir, things):
    pooler = weir(guards={"no-mass": NO_MASS, "slow-sum": {"fingerprint": ["ffffffffffffffff"], "deny": True}})
    with client(pooler) as c:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no-mass"):
            c.execute("UPDATE guarded SET n = %s", (1,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), c.pipeline():
            c.execute("SELECT 1")
            c.execute("DELETE FROM guarded")
            c.execute("SELECT 2")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), c.transaction():
            c.execute("INSERT INTO guarded VALUES (80, 0)")
            c.execute("DELETE FROM guarded", prepare=True)
        assert c.execute("SELECT count(*) FROM guarded").fetchone() == (10,)


def test_a_fingerprint_is_as_show_queries_prints_it(weir, things):
    pooler = weir()
    with client(pooler) as c:
        c.execute("SELECT n FROM guarded WHERE id = 3")
    with console(pooler) as admin:
        found = admin.execute("SELECT fingerprint FROM queries WHERE query LIKE 'SELECT n FROM guarded%'").fetchone()
    pooler.rewrite(guards={"known": {"fingerprint": found["fingerprint"], "user": "alice", "deny": True}})
    with console(pooler) as admin:
        admin.execute("RELOAD")
    with client(pooler) as c:
        for sql in ("SELECT n FROM guarded WHERE id = 4", "select n from guarded where id=5", "SELECT 1; SELECT n FROM "
                    "guarded WHERE id = 6"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(sql)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("SELECT n FROM guarded WHERE id = %s", (4,), prepare=True)
        assert c.execute("SELECT id FROM guarded WHERE id = 4").fetchone() == (4,)
    with client(pooler, user="bob") as c:
        assert c.execute("SELECT n FROM guarded WHERE id = 4").fetchone() == (0,)


def test_a_rule_for_some_is_a_rule_for_them_alone(weir, things):
    pooler = weir(guards={"no-mass": NO_MASS | {"application_name": ["batch*"], "database": "app", "user": "alice"}})
    with client(pooler, application="batch-7") as c:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("DELETE FROM guarded")
        c.execute("SET application_name = 'web'")
        with c.transaction(force_rollback=True):
            assert c.execute("DELETE FROM guarded").rowcount == 10
        c.execute("SET application_name = 'batch'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("DELETE FROM guarded")
    with client(pooler, user="bob", application="batch-7") as c, c.transaction(force_rollback=True):
        assert c.execute("DELETE FROM guarded").rowcount == 10
    assert count(things) == 10


@pytest.mark.parametrize("limit", [0, 200])
def test_statements_whose_names_are_not_followed(weir, things, limit):
    pooler = weir(weir={"pool_mode": "session", "max_prepared_statements": limit}, guards={"no-mass": NO_MASS})
    with pooler.connect() as c:
        c.send(extended("DELETE FROM guarded", name="s"), sync(), extended("SELECT 'on'", name="t"), sync())
        reply = c.until_ready(2)
        assert types(reply).lstrip("1") == "EZ12DCZ" and refused(reply)
    assert count(things) == 10


def test_statistics_and_the_log_know_of_it_without_values(weir, things):
    pooler = weir(guards={"no-mass": NO_MASS})
    with client(pooler, application="counted") as c:
        for _ in range(20):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute("UPDATE guarded SET n = 424242")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), c.transaction():
            c.execute("UPDATE guarded SET n = 424242")
    with console(pooler) as admin:
        row = admin.execute("SELECT calls, errors, error_classes FROM queries WHERE query LIKE 'UPDATE guarded%'").fetchone()
    assert row == {"calls": 21, "errors": 21, "error_classes": "42:21"}
    lines = [line for line in pooler.log().splitlines() if "refused by guard" in line]
    assert 1 <= len(lines) <= 8 and "424242" not in pooler.log()
    assert '"alice" on "app", counted' in lines[0] and "UPDATE guarded SET n = " in lines[0]


# ---- dry run

def test_a_dry_run_counts_and_lets_pass(weir, things):
    pooler = weir(guards={"no-mass": NO_MASS | {"dry_run": True},
                          "rate": {"rate_limit": 1, "rate_period": "1h", "dry_run": True}})
    with client(pooler) as c:
        with c.transaction(force_rollback=True):
            assert c.execute("DELETE FROM guarded").rowcount == 10
            assert c.execute("UPDATE guarded SET n = 1").rowcount == 0
            c.execute("SELECT 1")
    row = shown(pooler, "no-mass")
    assert (row["action"], row["dry_run"], row["matched"], row["refused"], row["would_have_refused"]) == ("deny", 1, 2, 0, 2)
    assert row["matches"] == "shape=delete_without_where,update_without_where" and row["since"] and row["last_refused"]
    row = shown(pooler, "rate")
    assert (row["limit"], row["matched"], row["would_have_refused"]) == ("1 in 1h", 3, 2)
    assert "refused by guard" not in pooler.log()


# ---- rate

@pytest.mark.short
@pytest.mark.parametrize("mode", MODES)
def test_a_rate_is_that_of_the_process(weir, things, mode):
    pooler = weir(weir={"pool_mode": mode}, guards={"rate": {"user": "alice", "rate_limit": 100, "rate_period": "1d",
                                                             "per": "user"}})

    def work(number):
        passed = 0
        with client(pooler, prepare_threshold=0 if number % 2 else None) as c:
            for _ in range(40):
                try:
                    c.execute("SELECT %s::int", (number,))
                    passed += 1
                except psycopg.errors.ConfigurationLimitExceeded as error:
                    assert "more statements than 100 in 1d" in str(error)
                    assert error.diag.message_hint.startswith("Try again in ")
        return passed

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(work, range(8))) == 100
    row = shown(pooler, "rate")
    assert (row["matched"], row["refused"], row["keys"]) == (320, 220, 1)
    with client(pooler, user="bob") as c:
        assert c.execute("SELECT 1").fetchone() == (1,)


def test_a_rate_comes_back_and_leaves_transactions_alone(weir):
    pooler = weir(guards={"rate": {"rate_limit": 1, "rate_period": "1s", "rate_burst": 2}})
    with pooler.connect() as c:
        assert not errors(c.ask("BEGIN"))
        assert not errors(c.ask("SELECT 1")) and not errors(c.ask("SELECT 2"))
        assert refused(c.ask("SELECT 3"), "53400", "rate")
        assert c.ask("ROLLBACK")[-1].status == "I"
        time.sleep(1.2)
        assert not errors(c.ask("SELECT 4"))
        assert refused(c.ask("SELECT 5"), "53400", "rate")
        time.sleep(2.1)
        assert refused(c.ask("SELECT 1; SELECT 2; SELECT 3"), "53400", "rate")
        assert not errors(c.ask("SELECT 1; SELECT 2"))


# ---- concurrency

@pytest.mark.short
@pytest.mark.parametrize("mode", MODES)
def test_so_many_run_at_a_time(weir, mode):
    pooler = weir(weir={"pool_mode": mode}, guards={"cap": {"application_name": "report", "concurrency": 3, "per": "user"}})
    some = [client(pooler, application="report") for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        running = [threads.submit(c.execute, "SELECT pg_sleep(3)") for c in some[:3]]
        wait_for(lambda: shown(pooler, "cap")["matched"] == 3, "three to run")
        with pytest.raises(psycopg.errors.ConfigurationLimitExceeded, match="3 run already"):
            some[3].execute("SELECT 1")
        with pytest.raises(psycopg.errors.ConfigurationLimitExceeded):
            some[3].execute("SELECT %s::int", (1,), prepare=True)
        with client(pooler, user="bob", application="report") as other, client(pooler, application="web") as web:
            assert other.execute("SELECT 1").fetchone() == web.execute("SELECT 1").fetchone() == (1,)
        for one in running:
            one.result()
    assert some[3].execute("SELECT 2").fetchone() == (2,)
    # A client in a transaction that runs nothing takes no place; what runs when its client goes leaves its own.
    for c in some[:3]:
        c.autocommit = False
        c.execute("SELECT 1")
    assert some[3].execute("SELECT 3").fetchone() == (3,)
    for c in some:
        c.close()
    before, leaving = shown(pooler, "cap")["matched"], []
    for _ in range(3):
        c = pooler.connect(application_name="report")
        c.send(query("SELECT pg_sleep(20)"))
        leaving.append(c)
    wait_for(lambda: shown(pooler, "cap")["keys"] == 1 and shown(pooler, "cap")["matched"] == before + 3, "three to run")
    for c in leaving:
        c.drop()
    wait_for(lambda: shown(pooler, "cap")["keys"] == 0, "their places to be free")
    wait_for(lambda: all(p[column] == "0" for p in pooler.show("POOLS") if p["database"] == "app"
                         for column in ("sv_active", "sv_active_cancel", "sv_being_canceled")), "their servers to be free")


def test_who_waits_for_a_server_has_a_place_and_gives_it_back(weir):
    pooler = weir(weir={"default_pool_size": 1, "query_wait_timeout": 0.6}, guards={"cap": {"concurrency": 1, "user": "alice"}})
    with pooler.connect() as holder, pooler.connect() as waits, pooler.connect() as third:
        holder.ask("BEGIN")
        waits.send(query("SELECT 1"))
        wait_for(lambda: shown(pooler, "cap")["keys"] == 1, "the place to be taken")
        assert refused(third.ask("SELECT 1"), "53400", "cap")
        assert errors(waits.until_ready())[0].sqlstate == "53300"
        assert shown(pooler, "cap")["keys"] == 0
        holder.ask("COMMIT")
        assert third.value("SELECT 'free'") == "free"


# ---- reload

def test_a_reload_changes_rules_and_keeps_the_state_of_the_others(weir, things):
    pooler = weir(guards={"no-mass": NO_MASS, "rate": {"rate_limit": 3, "rate_period": "1d", "user": "alice"}})

    def reload(guards):
        pooler.sections["guards"] = guards
        if not guards:
            del pooler.sections["guards"]
        pooler.write()
        with console(pooler) as admin:
            admin.execute("RELOAD")

    with client(pooler) as c:
        c.execute("SELECT 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("DELETE FROM guarded")
        since = shown(pooler, "rate")["since"]
        reload({"rate": {"rate_limit": 3, "rate_period": "1d", "user": "alice"}, "new": {"shape": "truncate", "deny": True}})
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="new"):
            c.execute("TRUNCATE guarded")
        with c.transaction(force_rollback=True):
            assert c.execute("DELETE FROM guarded").rowcount == 10
        row = shown(pooler, "rate")
        assert (row["since"], row["matched"]) == (since, 2)
        c.execute("SELECT 2")
        with pytest.raises(psycopg.errors.ConfigurationLimitExceeded):
            c.execute("SELECT 3")
        reload({})
        for _ in range(5):
            c.execute("SELECT 4")
        with console(pooler) as admin:
            assert admin.execute("SHOW GUARDS").fetchall() == []
    assert count(things) == 10


def test_wrong_rules_are_refused_with_their_place(weir, folder):
    file = folder / "wrong.toml"
    file.write_text("[databases.app]\n[guards.both]\ndeny = true\nuser = \"x\"\nrate_limit = 3\n"
                    "[guards.none]\nuser = \"x\"\n[guards.shape]\nshape = [\"delet\"]\ndeny = true\n")
    told = subprocess.run([Weir.binary, "check", file], capture_output=True, text=True)
    assert told.returncode != 0
    text = told.stdout + told.stderr
    assert "wrong.toml:5:14: exactly one of deny, query_timeout, rate_limit and concurrency" in text
    assert "wrong.toml:6:9: exactly one of deny" in text
    assert "wrong.toml:9:9: shape must be one of update_without_where" in text
    # A running one goes on as before.
    pooler = weir(guards={"no-mass": NO_MASS})
    pooler.sections["guards"] = {"no-mass": NO_MASS | {"rate_limit": 3}}
    pooler.write()
    with console(pooler) as admin:
        with pytest.raises(psycopg.Error, match="exactly one of"):
            admin.execute("RELOAD")
    assert shown(pooler, "no-mass")["action"] == "deny"


# ---- beside

@pytest.mark.parametrize("mode", MODES)
def test_rules_that_match_nothing_change_nothing(weir, things, mode):
    """A conversation of all sorts, byte for byte that without rules."""
    def conversation(pooler):
        said = []
        with pooler.connect() as c:
            for sql in ("SELECT 1; SELECT 2", "", "SELEC", "BEGIN", "SELECT 1/0", "ROLLBACK", "SET work_mem = '1MB'",
                        "PREPARE p AS SELECT 3", "EXECUTE p", "DEALLOCATE p", "SELECT 'x' || repeat('y', 100000)"):
                said += c.ask(sql)
            c.send(parse("s", "SELECT $1::int"), describe("S", "s"), sync(), bind("", "s", (b"7",)), execute(), flush())
            said += c.until("C")
            c.send(bind("", "s", (b"8",)), execute(), sync(), query("SELECT 9"), parse("", "SELEC"), sync(),
                   bind("", "nowhere"), sync())
            said += c.until_ready(4)
            c.send(query("COPY guarded TO STDOUT"))
            said += c.until_ready()
        return [(m.type, m.body) for m in said if m.type not in "SN"]

    plain = conversation(weir(weir={"pool_mode": mode}))
    guarded = conversation(weir(weir={"pool_mode": mode}, guards={
        "no-mass": NO_MASS, "rate": {"rate_limit": 100000}, "cap": {"concurrency": 100, "per": "fingerprint"},
        "slow": {"query_timeout": 60}, "others": {"user": "bob", "shape": "copy", "deny": True}}))
    assert guarded == plain
