"""A table changes, and a prepared statement returns other columns than before (0A000, "cached plan must not change result
type"). Who is told the new columns with the rows gets them; who may still believe in the old ones gets PostgreSQL's error,
on whichever server it is. docs/decisions/009."""

import pytest

from rawpg import bind, close, describe, errors, execute, flush, parse, query, rows, sync, types

STAR = "SELECT * FROM changing"


def run(c, *pieces, ready=1):
    c.send(*pieces, sync())
    return c.until_ready(ready)


@pytest.fixture(params=["transaction", "session"])
def changing(request, weir, postgres):
    """A client, and change(sql) for the table behind its back."""
    postgres.sql("DROP TABLE IF EXISTS changing; CREATE TABLE changing AS SELECT 1 AS a, 2 AS b; GRANT ALL ON changing TO alice",
                 database="app")
    pooler = weir(weir={"default_pool_size": 1, "pool_mode": request.param})
    with pooler.connect() as c:
        c.another = pooler.connect
        yield c, lambda sql: postgres.sql("ALTER TABLE changing " + sql, database="app")


def states(reply):
    return [m.sqlstate for m in errors(reply)]


def is_the_real_error(reply):
    (error,) = errors(reply)
    return (error.sqlstate, error.fields["R"], error.fields["M"]) == (
        "0A000", "RevalidateCachedQuery", "cached plan must not change result type")


@pytest.mark.short
def test_who_is_told_the_columns_each_time_notices_nothing(changing):
    c, change = changing
    run(c, parse("s", STAR), describe("S", "s"))
    again = bind("", "s", result_formats=[0]) + describe("P") + execute()
    assert rows(run(c, again)) == [[b"1", b"2"]]
    change("ADD x text DEFAULT 'x'")
    reply = run(c, again)
    assert types(reply) == "2TDCZ" and rows(reply) == [[b"1", b"2", b"x"]]
    change("DROP a")
    assert rows(run(c, parse("other", "SELECT 5"), again)) == [[b"2", b"x"]]
    change("ALTER b TYPE text")
    assert types(run(c, describe("S", "s"))) == "tTZ"
    assert rows(run(c, again)) == [[b"2", b"x"]]


@pytest.mark.short
def test_who_was_told_once_gets_the_error_every_time(changing):
    c, change = changing
    run(c, parse("s", STAR), describe("S", "s"))
    change("DROP a")
    for _ in range(3):
        reply = run(c, bind("", "s"), execute())
        assert types(reply) == "EZ" and is_the_real_error(reply)
    reply = run(c, bind("", "s", result_formats=[1, 1]), describe("P"), execute())
    assert types(reply) == "EZ" and is_the_real_error(reply), "formats for two columns"
    run(c, close("S", "s"))
    assert rows(run(c, parse("s", STAR), bind("", "s"), execute())) == [[b"2"]], "as drivers do then"


@pytest.mark.short
def test_a_describe_after_the_change_tells_what_is_now(changing):
    c, change = changing
    run(c, parse("s", STAR), describe("S", "s"))
    change("DROP a")
    assert types(run(c, describe("S", "s"))) == "tTZ"
    assert rows(run(c, bind("", "s"), execute())) == [[b"2"]]


def test_another_client_that_parses_the_text_now_sees_no_error(changing, request):
    c, change = changing
    run(c, parse("s", STAR), describe("S", "s"))
    change("DROP a")
    if "session" in request.node.name:
        pytest.skip("there is one server")
    with c.another() as fresh:
        run(fresh, parse("known", "SELECT 1"), describe("S", "known"))
        assert rows(run(fresh, parse("t", STAR), bind("", "t"), execute())) == [[b"2"]]
        assert types(run(fresh, parse("u", STAR), describe("S", "u"))) == "1tTZ"
    assert is_the_real_error(run(c, bind("", "s"), execute()))


@pytest.mark.parametrize("place", ["transaction", "pipeline", "behind", "flush", "savepoint"])
def test_the_error_passes_where_the_batch_cannot_be_repeated(changing, place):
    c, change = changing
    run(c, parse("s", STAR), parse("one", "SELECT 1"))
    one, all_ = bind("", "one") + describe("P") + execute(), bind("", "s") + describe("P") + execute()
    assert rows(run(c, all_)) == [[b"1", b"2"]]
    if place in ("transaction", "savepoint"):
        c.ask("BEGIN; SAVEPOINT s" if place == "savepoint" else "BEGIN")
    change("ADD x int DEFAULT 3")
    if place == "pipeline":
        reply = run(c, one, all_)
        assert types(reply) == "2TDCEZ"
    elif place == "behind":
        reply = run(c, all_, sync(), one, ready=2)
        assert types(reply) == "EZ2TDCZ"
    elif place == "flush":
        c.send(all_, flush())
        reply = c.until("E")
        c.send(sync())
        c.until_ready()
    else:
        reply = run(c, all_)
    assert is_the_real_error(reply)
    if place in ("transaction", "savepoint"):
        assert reply[-1].status == "E"
        c.ask("ROLLBACK")
    assert rows(run(c, all_)) == [[b"1", b"2", b"3"]]


def test_what_a_repeated_batch_fails_with_is_the_clients(changing):
    c, change = changing
    run(c, parse("s", "SELECT *, 1 / $1::int FROM changing"))
    again = bind("", "s", ["1"]) + describe("P") + execute()
    run(c, again)
    change("ADD x int DEFAULT 3")
    reply = run(c, bind("", "s", ["0"]) + describe("P") + execute())
    assert states(reply) == ["22012"] and types(reply)[-2:] == "EZ"
    assert rows(run(c, again)) == [[b"1", b"2", b"3", b"1"]]


def test_a_batch_that_came_in_pieces_is_answered(changing):
    """Whether it is repeated depends on how it came; it is answered once, and the session goes on."""
    c, change = changing
    run(c, parse("s", STAR))
    again = bind("", "s") + describe("P") + execute() + sync()
    for at in range(1, len(again), 3):
        change(f"ADD c{at} int DEFAULT 3")
        c.send(again[:at])
        c.send(again[at:])
        assert types(c.until_ready()) in ("2TDCZ", "EZ")
        assert c.value("SELECT 'goes on'") == "goes on"


def test_a_large_batch_is_not_kept_for_that(changing):
    c, change = changing
    run(c, parse("s", "SELECT *, length($1) FROM changing"))
    again = bind("", "s", ["x" * 100_000]) + describe("P") + execute()
    assert rows(run(c, again)) == [[b"1", b"2", b"100000"]]
    change("ADD x int DEFAULT 3")
    assert is_the_real_error(run(c, again))
    assert rows(run(c, bind("", "s", ["x"]) + describe("P") + execute())) == [[b"1", b"2", b"3", b"1"]]


@pytest.mark.parametrize("sql", ["EXECUTE p(3)", "EXPLAIN (COSTS OFF) EXECUTE p(3)", "CREATE TEMP TABLE out AS EXECUTE p(3)"])
def test_execute_is_prepared_again_too(changing, request, sql):
    c, change = changing
    c.ask("PREPARE p(int) AS SELECT *, $1 FROM changing")
    assert rows(c.ask("EXECUTE p(3)")) == [[b"1", b"2", b"3"]]
    change("DROP a")
    reply = c.ask(sql)
    if "session" in request.node.name:
        assert is_the_real_error(reply) or "EXPLAIN" in sql, "a session of its own is PostgreSQL's"
        return
    assert not errors(reply) and reply[-1].status == "I"
    assert rows(c.ask("EXECUTE p(3)")) == [[b"2", b"3"]]
    assert not errors(c.ask("DEALLOCATE p"))
    assert states(c.ask("EXECUTE p(3)")) == ["26000"]


def test_execute_among_other_statements_fails_as_it_would(changing):
    c, change = changing
    c.ask("PREPARE p AS SELECT * FROM changing")
    c.ask("EXECUTE p")
    change("DROP a")
    c.send(query("SELECT 1; EXECUTE p; SELECT 2"))
    assert is_the_real_error(c.until_ready())


# ---- on another server, that parses the statement after the change

@pytest.fixture
def wandering(weir, postgres):
    """A client that was told the columns of "s", and is on another server now: elsewhere() brings it to the other one."""
    postgres.sql("DROP TABLE IF EXISTS changing; CREATE TABLE changing AS SELECT 1 AS a, 2 AS b, 'x'::text AS c; "
                 "GRANT ALL ON changing TO alice", database="app")
    pooler = weir(weir={"default_pool_size": 2})
    with pooler.connect() as c, pooler.connect() as one, pooler.connect() as two:
        idle, holds = [one, two], []

        def elsewhere():
            """Somebody takes the server that the client had last; the other one is free."""
            if not holds:
                c.ask("BEGIN")
                holds.append(idle.pop())
                holds[0].ask("BEGIN")
                c.ask("ROLLBACK")
            before = c.value("SELECT pg_backend_pid()")
            holds.append(idle.pop())
            holds[1].ask("BEGIN")
            idle.append(holds.pop(0))
            idle[0].ask("ROLLBACK")
            assert c.value("SELECT pg_backend_pid()") != before

        run(c, parse("s", STAR), describe("S", "s"))
        assert rows(run(c, bind("", "s"), execute())) == [[b"1", b"2", b"x"]]
        elsewhere()
        yield c, lambda sql: postgres.sql("ALTER TABLE changing " + sql, database="app"), elsewhere


@pytest.mark.parametrize("change_to", ["DROP b", "ALTER b TYPE text", "ADD d int", "RENAME b TO z"])
def test_on_another_server_the_error_is_the_same(wandering, change_to):
    c, change, elsewhere = wandering
    change(change_to)
    for _ in range(3):
        for more in (b"", describe("P")):
            reply = run(c, bind("", "s", result_formats=[1, 1, 0]) + more + execute())
            assert types(reply) == "EZ" and is_the_real_error(reply), [m.fields for m in errors(reply)]
        reply = run(c, bind("", "s"), execute())
        assert types(reply) == "EZ" and is_the_real_error(reply)
        elsewhere()
    run(c, close("S", "s"))
    assert not errors(run(c, parse("s", STAR), bind("", "s"), execute()))


def test_on_another_server_nothing_is_different_where_nothing_changed(wandering):
    c, _, elsewhere = wandering
    for formats in ([], [0], [0, 0, 0]):
        assert rows(run(c, bind("", "s", result_formats=formats), execute())) == [[b"1", b"2", b"x"]]
        elsewhere()
    assert c.ask("BEGIN")[-1].status == "T"
    assert rows(run(c, bind("", "s"), execute())) == [[b"1", b"2", b"x"]]
    assert c.ask("COMMIT")[-1].status == "I"


def test_on_another_server_in_a_transaction_the_error_fails_it(wandering):
    c, change, _ = wandering
    change("DROP b")
    c.ask("BEGIN")
    reply = run(c, bind("", "s"), execute())
    assert is_the_real_error(reply) and reply[-1].status == "E"
    assert states(run(c, bind("", "s"), execute())) == ["25P02"]
    c.ask("ROLLBACK")


def test_on_another_server_who_is_told_the_columns_gets_them(wandering):
    c, change, elsewhere = wandering
    change("DROP b")
    for _ in range(3):
        assert rows(run(c, bind("", "s"), describe("P"), execute())) == [[b"1", b"x"]]
        elsewhere()
    assert types(run(c, describe("S", "s"))) == "tTZ"
    assert rows(run(c, bind("", "s", result_formats=[0, 0]), execute())) == [[b"1", b"x"]]
    elsewhere()
    assert rows(run(c, bind("", "s", result_formats=[0, 0]), execute())) == [[b"1", b"x"]]


def test_two_clients_with_one_text_about_temporary_tables_of_their_own(weir):
    pooler = weir(weir={"default_pool_size": 2})
    with pooler.connect() as a, pooler.connect() as b:
        a.ask("CREATE TEMP TABLE mine AS SELECT 1 AS x")
        b.ask("CREATE TEMP TABLE mine AS SELECT 1 AS x, 2 AS y")
        for _ in range(3):
            for c, row in ((a, [b"1"]), (b, [b"1", b"2"])):
                run(c, parse("m", "SELECT * FROM mine"), describe("S", "m"))
                assert rows(run(c, bind("", "m", result_formats=[0] * len(row)), execute())) == [row]
                assert rows(run(c, bind("", "m"), execute())) == [row]
                run(c, close("S", "m"))
