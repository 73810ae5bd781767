"""Prepared statements of the protocol: each client has its own names, whichever server it gets and whoever had it before."""

import threading

import pytest

from rawpg import (bind, close, describe, errors, execute, extended, flush, parse, rows, sync, types)


def hold(pooler, **who):
    c = pooler.connect(**who)
    assert not errors(c.ask("BEGIN"))
    return c


def run(c, *pieces, ready=1):
    c.send(*pieces, sync())
    return c.until_ready(ready)


def call(c, name, *values):
    return rows(run(c, bind("", name, values), execute()))


def on_server(c):
    """The statements of this client's server, as PostgreSQL lists them."""
    return [r[0].decode() for r in rows(c.ask("SELECT statement FROM pg_prepared_statements WHERE NOT from_sql ORDER BY 1"))]


# ---- following the client

@pytest.mark.short
def test_a_named_statement_works_on_every_server_of_the_pool(weir):
    pooler = weir(weir={"default_pool_size": 3})
    with pooler.connect() as c:
        assert types(run(c, parse("mine", "SELECT $1::int * 2, pg_backend_pid()", (23,)))) == "1Z"
        pids, busy = set(), []
        for n in range(3):
            (value, pid), = call(c, "mine", n)
            assert value == b"%d" % (2 * n)
            pids.add(pid)
            busy.append(hold(pooler))  # takes the server that c just had
        assert len(pids) == 3
        for b in busy:
            b.drop()


@pytest.mark.short
def test_two_clients_use_one_name_for_two_texts(weir):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as a, pooler.connect() as b:
        run(a, parse("s", "SELECT 'a'"))
        run(b, parse("s", "SELECT 'b'"))
        for _ in range(3):
            assert call(a, "s") == [[b"a"]] and call(b, "s") == [[b"b"]]


@pytest.mark.short
def test_many_clients_with_one_text_share_one_statement_of_the_server(weir):
    pooler = weir(weir={"default_pool_size": 1})
    clients = [pooler.connect() for _ in range(20)]
    for n, c in enumerate(clients):
        assert types(run(c, parse(f"name{n}", "SELECT 'shared', $1::text"))) == "1Z"
        assert call(c, f"name{n}", n) == [[b"shared", b"%d" % n]]
    assert on_server(clients[0]) == ["SELECT 'shared', $1::text"]
    for c in clients:
        c.drop()


def test_the_same_text_with_other_parameter_types_is_another_statement(weir):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as c:
        run(c, parse("as_int", "SELECT pg_typeof($1)::text", (23,)), parse("as_text", "SELECT pg_typeof($1)::text", (25,)))
        assert call(c, "as_int", 7) == [[b"integer"]] and call(c, "as_text", 7) == [[b"text"]]
        assert len(on_server(c)) == 2


def test_a_parse_of_a_statement_the_pool_knows_needs_no_server(weir):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as c, pooler.connect() as other:
        run(other, parse("", "SELECT 0"))
        run(other, parse("first", "SELECT 'known'"))
        with hold(pooler) as holder:
            assert types(run(c, parse("mine", "SELECT 'known'"))) == "1Z"
            assert types(run(c, close("S", "mine"))) == "3Z"
            assert types(run(c, parse("mine", "SELECT 'known'"), flush())) == "1Z"
            c.send(bind("", "mine"), execute(), sync())
            assert c.quiet(0.2)
            holder.ask("COMMIT")
            assert rows(c.until_ready()) == [[b"known"]]


def test_parse_describe_flush_and_much_later_bind(weir):
    pooler = weir(weir={"default_pool_size": 2})
    with pooler.connect() as c:
        reply = run(c, parse("", "SELECT $1::int AS n"), describe("S"))
        assert types(reply) == "1tTZ"
        with hold(pooler) as busy:  # another server from here on
            busy.send(extended("SELECT 'theirs'"), sync())
            busy.until_ready()
            assert rows(run(c, bind("", "", (5,)), describe("P"), execute())) == [[b"5"]]


def test_the_unnamed_statement_of_another_client_is_never_used(weir):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as a, pooler.connect() as b:
        run(a, parse("", "SELECT 'secret'"))
        assert errors(run(b, bind(), execute()))[0].sqlstate == "26000"
        assert errors(run(b, describe("S")))[0].sqlstate == "26000"
        assert call(a, "") == [[b"secret"]]
        a.ask("SELECT 1")  # a simple query drops it, as in PostgreSQL
        assert errors(run(a, bind(), execute()))[0].sqlstate == "26000"


# ---- errors

@pytest.mark.short
def test_a_name_whose_parse_failed_is_free(peer):
    with peer.login() as c:
        for _ in range(2):
            reply = run(c, parse("again", "SELEKT"))
            assert types(reply) == "EZ" and errors(reply)[0].sqlstate == "42601"
        assert errors(run(c, bind("", "again")))[0].sqlstate == "26000"
        assert types(run(c, parse("again", "SELECT 'fine'"), bind("", "again"), execute())) == "12DCZ"


def test_a_parse_that_was_skipped_after_an_error_defines_nothing(peer):
    with peer.login() as c:
        reply = run(c, parse("bad", "SELECT 1/"), parse("skipped", "SELECT 'x'"), bind("", "skipped"), execute())
        assert types(reply) == "EZ"
        assert errors(run(c, bind("", "skipped"), execute()))[0].sqlstate == "26000"
        assert types(run(c, parse("skipped", "SELECT 'now'"), bind("", "skipped"), execute())) == "12DCZ"


def test_a_close_that_was_skipped_after_an_error_closes_nothing(peer):
    with peer.login() as c:
        run(c, parse("stays", "SELECT 'still here'"))
        assert types(run(c, parse("", "SELECT 1/"), close("S", "stays"))) == "EZ"
        assert call(c, "stays") == [[b"still here"]]


@pytest.mark.short
def test_errors_in_the_middle_of_a_deep_pipeline_hit_their_own_segment_only(peer):
    with peer.login() as c:
        run(c, parse("ok", "SELECT $1::int"), parse("div", "SELECT 1 / $1::int"))
        pieces, expected = [], []
        for n in range(200):
            if n % 7 == 3:
                pieces += [bind("", "div", (0,)), execute(), bind("", "ok", (n,)), execute(), sync()]
                expected.append("E")
            elif n % 7 == 5:
                pieces += [bind("", f"unknown{n}"), execute(), sync()]
                expected.append("E")
            else:
                pieces += [bind("", "ok", (n,)), execute(), sync()]
                expected.append(str(n))
        c.send(*pieces)
        got = []
        for _ in range(200):
            reply = c.until_ready()
            got.append("E" if errors(reply) else rows(reply)[0][0].decode())
        assert got == expected and c.quiet(0.1)


def test_in_a_failed_transaction_only_its_end_may_be_parsed(peer):
    with peer.login() as c:
        run(c, parse("sel", "SELECT 1"), parse("end", "ROLLBACK"))
        c.ask("BEGIN")
        c.ask("SELECT 1/0")
        assert errors(run(c, parse("other", "SELECT 1")))[0].sqlstate == "25P02"
        assert errors(run(c, bind("", "sel"), execute()))[0].sqlstate == "25P02"
        assert types(run(c, bind("", "end"), execute())) == "2CZ"
        assert call(c, "sel") == [[b"1"]]


def test_a_server_that_vanishes_takes_no_statement_of_a_client_with_it(weir, postgres):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as c:
        run(c, parse("kept", "SELECT 'kept'"), parse("", "SELECT 'unnamed'"))
        postgres.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'alice'")
        assert call(c, "kept") == [[b"kept"]]
        assert call(c, "") == [[b"unnamed"]]


# ---- no more than max_prepared_statements

@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_server_keeps_no_more_statements_than_it_may(weir, limit):
    pooler = weir(weir={"default_pool_size": 1, "max_prepared_statements": limit})
    with pooler.connect() as c:
        for n in range(12):
            run(c, parse(f"s{n}", f"SELECT {n}"))
        assert len(on_server(c)) <= limit
        for n in list(range(12)) + list(range(11, -1, -1)):
            assert call(c, f"s{n}") == [[b"%d" % n]]
            assert len(on_server(c)) <= limit


@pytest.mark.parametrize("limit", [1, 3])
def test_eviction_within_one_pipeline_answers_every_message_in_order(weir, limit):
    pooler = weir(weir={"default_pool_size": 1, "max_prepared_statements": limit})
    with pooler.connect() as a, pooler.connect() as b:
        for c in (a, b):
            c.send(*(parse(f"s{n}", f"SELECT {n}") + describe("S", f"s{n}") for n in range(20)), sync())
        for c in (a, b):
            assert types(c.until_ready()) == "1tT" * 20 + "Z"
        order = [(n * 7) % 20 for n in range(60)]
        for c in (a, b):
            c.send(*(bind("", f"s{n}") + execute() for n in order), sync())
        for c in (a, b):
            reply = c.until_ready()
            assert not errors(reply) and [int(r[0]) for r in rows(reply)] == order
        assert len(on_server(a)) <= limit


def test_eviction_in_a_pipeline_that_fails_leaves_every_statement_usable(weir):
    pooler = weir(weir={"default_pool_size": 1, "max_prepared_statements": 2})
    with pooler.connect() as c:
        for n in range(6):
            run(c, parse(f"s{n}", f"SELECT {n}"))
        for failing in range(6):
            pieces = []
            for n in range(6):
                pieces.append(bind("", f"s{n}") + execute())
                if n == failing:
                    pieces.append(extended("SELECT 1/0"))
            assert types(run(c, *pieces)).endswith("EZ")
            for n in range(6):
                assert call(c, f"s{n}") == [[b"%d" % n]]
        assert len(on_server(c)) <= 2


def test_a_portal_outlives_the_eviction_of_its_statement(weir):
    pooler = weir(weir={"default_pool_size": 1, "max_prepared_statements": 1})
    with pooler.connect() as c:
        c.ask("BEGIN")
        run(c, parse("gen", "SELECT generate_series(1, 4)"), bind("p", "gen"), execute("p", 2))
        run(c, parse("other", "SELECT 'evicts'"), bind("", "other"), execute())
        assert rows(run(c, execute("p", 2))) == [[b"3"], [b"4"]]
        c.ask("COMMIT")


def test_with_zero_the_protocols_statements_are_left_alone(weir):
    pooler = weir(weir={"default_pool_size": 1, "max_prepared_statements": 0})
    with pooler.connect() as c:
        c.send(parse("raw", "SELECT 'as it is'"), bind("", "raw"), execute(), close("S", "raw"), sync())
        reply = c.until_ready()
        assert types(reply) == "12DC3Z"
        run(c, parse("raw", "SELECT 1"))
        assert rows(c.ask("SELECT name FROM pg_prepared_statements")) == [[b"raw"]]
        assert errors(run(c, parse("raw", "SELECT 1")))[0].sqlstate == "42P05"
        run(c, close("S", "raw"))


# ---- DEALLOCATE, DISCARD and SQL's own PREPARE

@pytest.mark.parametrize("sql", ["DEALLOCATE ALL", "DISCARD ALL"])
def test_forgetting_everything_forgets_for_this_client_only(weir, sql):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as a, pooler.connect() as b:
        run(a, parse("s", "SELECT 'a'"))
        run(b, parse("s", "SELECT 'b'"))
        reply = a.ask(sql)
        assert [m.tag for m in reply if m.type == "C"] == [sql]
        assert errors(run(a, bind("", "s"), execute()))[0].sqlstate == "26000"
        assert call(b, "s") == [[b"b"]]
        assert types(run(a, parse("s", "SELECT 'a again'"), bind("", "s"), execute())) == "12DCZ"
        # and by the extended protocol
        assert types(run(a, extended(sql))) == "12CZ"
        assert errors(run(a, bind("", "s"), execute()))[0].sqlstate == "26000"
        assert call(b, "s") == [[b"b"]]


def test_deallocate_all_in_a_failed_transaction_or_after_an_error_forgets_nothing(peer):
    with peer.login() as c:
        run(c, parse("s", "SELECT 'kept'"))
        c.ask("BEGIN")
        c.ask("SELECT 1/0")
        assert errors(c.ask("DEALLOCATE ALL"))[0].sqlstate == "25P02"
        c.ask("ROLLBACK")
        assert call(c, "s") == [[b"kept"]]
        c.ask("SELECT 1/0; DEALLOCATE ALL")
        assert call(c, "s") == [[b"kept"]]
        c.ask("SELECT 1; DEALLOCATE ALL; SELECT 2")
        assert errors(run(c, bind("", "s"), execute()))[0].sqlstate == "26000"


def test_sql_prepare_stays_on_its_server_within_a_transaction(peer):
    with peer.login() as c:
        c.ask("BEGIN")
        c.ask("PREPARE by_sql AS SELECT 'sql'")
        assert c.value("EXECUTE by_sql") == "sql"
        c.ask("DEALLOCATE by_sql")
        c.ask("COMMIT")


# ---- the tables change

def test_a_table_that_changed_is_planned_anew_by_a_client_that_parses_anew(weir):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as a, pooler.connect() as b:
        a.ask("DROP TABLE IF EXISTS changing; CREATE TABLE changing AS SELECT 1 AS x")
        run(a, parse("all", "SELECT * FROM changing"))
        assert call(a, "all") == [[b"1"]]
        b.ask("ALTER TABLE changing ADD y int DEFAULT 2")
        reply = run(a, bind("", "all"), execute())
        assert errors(reply)[0].sqlstate == "0A000" if errors(reply) else rows(reply) == [[b"1", b"2"]]
        run(b, parse("mine", "SELECT * FROM changing"))
        assert call(b, "mine") == [[b"1", b"2"]]
        run(a, close("S", "all"))
        run(a, parse("all", "SELECT * FROM changing"))
        assert call(a, "all") == [[b"1", b"2"]]
        a.ask("DROP TABLE changing")


# ---- all at once

def test_many_clients_with_many_statements_on_few_servers(weir):
    pooler = weir(weir={"default_pool_size": 3, "max_prepared_statements": 10})
    wrong = []

    def client(number):
        with pooler.connect() as c:
            for n in range(25):
                run(c, parse(f"s{n}", f"SELECT {n}, $1::int -- {n % 5}"))
            for turn in range(40):
                names = [(number * 3 + turn * 7 + i) % 25 for i in range(5)]
                pieces = [bind("", f"s{n}", (number,)) + execute() for n in names]
                if turn % 4 == 0:
                    pieces.insert(3, bind("", "unknown"))
                reply = run(c, *pieces)
                got = [(int(r[0]), int(r[1])) for r in rows(reply)]
                want = [(n, number) for n in (names[:3] if turn % 4 == 0 else names)]
                if got != want:
                    wrong.append((number, turn, want, got, [m.fields for m in errors(reply)]))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not any(t.is_alive() for t in threads)
    assert not wrong, wrong[:3]
