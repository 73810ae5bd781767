"""psycopg2, psycopg 3 and asyncpg through transaction mode, with more connections than servers.

Every test asks for results that only the right server, statement and transaction can give.
"""

import asyncio
import io
import threading
import time

import asyncpg
import psycopg
import psycopg2
import psycopg2.extensions
import psycopg2.extras
import pytest

CLIENTS = 8
SECONDS = 20


@pytest.fixture
def pooler(weir):
    """Two servers for everybody."""
    return weir(weir={"default_pool_size": 2, "query_wait_timeout": SECONDS})


@pytest.fixture
def accounts(postgres):
    postgres.sql("DROP TABLE IF EXISTS accounts; CREATE TABLE accounts (id int PRIMARY KEY, n int NOT NULL CHECK (n >= 0));"
                 "INSERT INTO accounts SELECT i, 1000 FROM generate_series(1, 10) i; GRANT ALL ON accounts TO alice", database="app")

    def state():
        return [int(v) for v in postgres.sql("SELECT sum(n), count(*) FROM accounts", database="app")[0]]

    return state


def in_threads(count, work):
    """work(i) in so many threads; the first failure is raised."""
    failures = []

    def guarded(i):
        try:
            work(i)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(i,), daemon=True) for i in range(count)]
    for t in threads:
        t.start()
    deadline = time.monotonic() + SECONDS
    for t in threads:
        t.join(max(0.0, deadline - time.monotonic()))
        assert not t.is_alive(), "a client is still at work"
    if failures:
        raise failures[0]


def servers_of(pooler):
    return sum(int(p["sv_active"]) + int(p["sv_idle"]) + int(p["sv_used"])
               for p in pooler.show("POOLS") if p["database"] == "app")


# ---- psycopg2

def test_psycopg2_transfers_in_eight_threads_lose_nothing(pooler, accounts):
    def work(i):
        connection = psycopg2.connect(pooler.url())
        for n in range(10):
            one, two = 1 + (i + n) % 10, 1 + (i + n + 3) % 10
            with connection, connection.cursor() as c:
                for account, change in sorted(((one, -n), (two, n))):  # in order: no deadlock
                    c.execute("UPDATE accounts SET n = n + %s WHERE id = %s", (change, account))
                    assert c.rowcount == 1
        connection.close()

    in_threads(CLIENTS, work)
    assert accounts() == [10_000, 10]
    assert servers_of(pooler) <= 2


@pytest.mark.short
def test_psycopg2_sees_an_error_and_a_failed_transaction_as_its_own(pooler, accounts):
    a, b = psycopg2.connect(pooler.url()), psycopg2.connect(pooler.url())
    ca, cb = a.cursor(), b.cursor()
    ca.execute("UPDATE accounts SET n = 1 WHERE id = 1")
    with pytest.raises(psycopg2.errors.CheckViolation):
        ca.execute("UPDATE accounts SET n = -1 WHERE id = 2")
    with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
        ca.execute("SELECT 1")
    cb.execute("SELECT n FROM accounts WHERE id = 1")
    assert cb.fetchall() == [(1000,)]
    a.rollback()
    ca.execute("SELECT sum(n) FROM accounts")
    assert ca.fetchone() == (10_000,)
    a.close()
    b.close()


def test_psycopg2_server_side_cursor_reads_every_row(pooler):
    held = [psycopg2.connect(pooler.url()) for _ in range(CLIENTS)]
    for connection in held:
        with connection, connection.cursor("rows") as c:
            c.itersize = 100
            c.execute("SELECT generate_series(1, 1000)")
            assert sum(n for (n,) in c) == 500_500
    for connection in held:
        connection.close()


def test_psycopg2_copies_in_and_out_and_reports_a_bad_row(pooler, accounts):
    connection = psycopg2.connect(pooler.url())
    with connection, connection.cursor() as c:
        c.copy_expert("COPY accounts FROM STDIN", io.StringIO("".join(f"{i}\t{i}\n" for i in range(11, 5011))))
        assert c.rowcount == 5000
    with connection.cursor() as c:
        with pytest.raises(psycopg2.errors.InvalidTextRepresentation):
            c.copy_expert("COPY accounts FROM STDIN", io.StringIO("6001\t1\nnot\tnumbers\n" + "6002\t1\n" * 10_000))
        connection.rollback()
        out = io.StringIO()
        c.copy_expert("COPY (SELECT id FROM accounts ORDER BY id) TO STDOUT", out)
        assert [int(line) for line in out.getvalue().split()] == list(range(1, 5011))
    connection.close()


def test_psycopg2_hands_out_notices_to_the_client_that_caused_them(pooler):
    a, b = psycopg2.connect(pooler.url()), psycopg2.connect(pooler.url())
    for connection, word in ((a, "mine"), (b, "yours")):
        with connection, connection.cursor() as c:
            c.execute(f"DO $$ BEGIN RAISE NOTICE '{word}'; RAISE WARNING '{word} again'; END $$")
    assert a.notices == ["NOTICE:  mine\n", "WARNING:  mine again\n"]
    assert b.notices == ["NOTICE:  yours\n", "WARNING:  yours again\n"]
    a.close()
    b.close()


def test_psycopg2_cancel_ends_its_own_query(pooler):
    connection, other = psycopg2.connect(pooler.url()), psycopg2.connect(pooler.url())
    c = connection.cursor()
    timer = threading.Timer(0.3, connection.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(psycopg2.errors.QueryCanceled):
        c.execute("SELECT pg_sleep(15)")
    assert time.monotonic() - began < 5
    timer.join()
    connection.rollback()
    for each in (connection, other):
        with each.cursor() as again:
            again.execute("SELECT 'alive'")
            assert again.fetchone() == ("alive",)
        each.close()


def test_psycopg2_asynchronous_connections_take_turns_on_two_servers(pooler):
    import select

    def step(connection):
        """Waits until the connection has nothing under way."""
        deadline = time.monotonic() + SECONDS
        while True:
            state = connection.poll()
            if state == psycopg2.extensions.POLL_OK:
                return
            readers, writers = ([connection], []) if state == psycopg2.extensions.POLL_READ else ([], [connection])
            assert any(select.select(readers, writers, [], deadline - time.monotonic())), "nothing came"

    connections = [psycopg2.connect(pooler.url(), async_=True) for _ in range(CLIENTS)]
    for connection in connections:
        step(connection)
    cursors = [connection.cursor() for connection in connections]
    for i, cursor in enumerate(cursors):
        cursor.execute("SELECT %s, pg_sleep(0.05)", (i,))
    for i, (connection, cursor) in enumerate(zip(connections, cursors)):
        step(connection)
        assert cursor.fetchone()[0] == i
        connection.close()


# ---- psycopg 3

@pytest.mark.parametrize("threshold", [0, 1, 2, 3, 4, 5, None])
def test_psycopg_prepared_statements_follow_their_client(pooler, threshold):
    connections = [psycopg.connect(pooler.url(), autocommit=True, prepare_threshold=threshold) for _ in range(5)]
    for connection in connections:
        connection.prepared_max = 3  # so that statements are dropped, too
    for n in range(8):
        for i, connection in enumerate(connections):
            assert connection.execute("SELECT %s::int * 100 + %s::int", (i, n)).fetchone() == (i * 100 + n,)
            assert connection.execute("SELECT %s::text || 'x'", (f"{i}-{n}",), prepare=None).fetchone() == (f"{i}-{n}x",)
            # The same text for all, and texts that only one has: the names (_pg3_0, ...) collide on purpose.
            assert connection.execute(f"SELECT {i}, %s::int", (n,)).fetchone() == (i, n)
    for connection in connections:
        connection.close()


def test_psycopg_prepares_inside_transactions_that_fail(pooler, accounts):
    with psycopg.connect(pooler.url(), prepare_threshold=0) as connection, \
            psycopg.connect(pooler.url(), prepare_threshold=0) as other:
        for n in range(4):
            with pytest.raises(psycopg.errors.CheckViolation):
                with connection.transaction():
                    connection.execute("UPDATE accounts SET n = %s WHERE id = %s", (7, 1))
                    connection.execute("UPDATE accounts SET n = %s WHERE id = %s", (-1, 2))
            with other.transaction():
                assert other.execute("SELECT n FROM accounts WHERE id = %s", (1,)).fetchone() == (1000,)
            with connection.transaction():
                with connection.transaction():  # a savepoint
                    connection.execute("UPDATE accounts SET n = n + %s WHERE id = %s", (1, 3))
    assert accounts() == [10_004, 10]


def test_psycopg_transfers_with_binary_parameters_and_results(pooler, accounts):
    def work(i):
        with psycopg.connect(pooler.url(), prepare_threshold=1) as connection:
            for n in range(10):
                with connection.transaction(), connection.cursor(binary=True) as c:
                    c.execute("UPDATE accounts SET n = n + %b WHERE id = %b RETURNING n", (1, 1 + (i + n) % 10))
                    assert c.fetchone()[0] > 1000

    in_threads(CLIENTS, work)
    assert accounts() == [10_000 + CLIENTS * 10, 10]


@pytest.mark.short
def test_psycopg_pipelines_keep_their_order(pooler, accounts):
    def work(i):
        with psycopg.connect(pooler.url(), autocommit=True, prepare_threshold=2) as connection:
            for _ in range(3):
                with connection.pipeline():
                    cursors = [connection.execute("SELECT %s::int + %s::int", (i, n)) for n in range(50)]
                assert [c.fetchone()[0] for c in cursors] == [i + n for n in range(50)]

    in_threads(CLIENTS, work)


def test_psycopg_an_error_in_a_pipeline_undoes_its_batch_only(pooler, accounts):
    with psycopg.connect(pooler.url(), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            with connection.pipeline() as p:
                connection.execute("UPDATE accounts SET n = 5000 WHERE id = 1")
                p.sync()
                connection.execute("UPDATE accounts SET n = 0 WHERE id = 2")
                connection.execute("SELECT 1/0")
                after = connection.execute("UPDATE accounts SET n = 0 WHERE id = 3")
                p.sync()
        with pytest.raises(psycopg.Error):
            after.fetchone()
        assert connection.execute("SELECT n FROM accounts WHERE id < 4 ORDER BY id").fetchall() == [(5000,), (1000,), (1000,)]
    assert accounts() == [14_000, 10]


def test_psycopg_executemany_and_copy_in_and_out(pooler, accounts):
    with psycopg.connect(pooler.url()) as connection:
        with connection.transaction(), connection.cursor() as c:
            c.executemany("INSERT INTO accounts VALUES (%s, %s)", [(i, i) for i in range(11, 211)])
            assert c.rowcount == 200
        with connection.transaction(), connection.cursor() as c:
            with c.copy("COPY accounts (id, n) FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["int4", "int4"])
                for i in range(211, 1211):
                    copy.write_row((i, 1))
        with connection.transaction(), connection.cursor() as c:
            with c.copy("COPY (SELECT id FROM accounts ORDER BY id) TO STDOUT") as copy:
                assert [int(row[0]) for row in copy.rows()] == list(range(1, 1211))
        with pytest.raises(psycopg.errors.UniqueViolation):
            with connection.transaction(), connection.cursor() as c, c.copy("COPY accounts FROM STDIN") as copy:
                for i in range(5000):
                    copy.write_row((1, i))
        with pytest.raises(psycopg.errors.QueryCanceled, match="ZeroDivisionError"):  # the client gives up: CopyFail
            with connection.transaction(), connection.cursor() as c, c.copy("COPY accounts FROM STDIN") as copy:
                copy.write_row((9999, 1))
                raise ZeroDivisionError
        assert connection.execute("SELECT count(*) FROM accounts").fetchone() == (1210,)


def test_psycopg_server_side_cursors_scroll_and_hold_no_other_client(pooler):
    connections = [psycopg.connect(pooler.url()) for _ in range(CLIENTS)]
    for connection in connections:
        with connection.transaction(), connection.cursor("c", scrollable=True) as c:
            c.execute("SELECT generate_series(1, %s::int)", (500,))
            assert c.fetchmany(3) == [(1,), (2,), (3,)]
            c.scroll(100)
            assert c.fetchone() == (104,)
            c.scroll(0, mode="absolute")
            c.itersize = 50
            assert sum(n for (n,) in c) == 125_250
    for connection in connections:
        connection.close()


def test_psycopg_hands_out_notices_and_follows_parameters_inside_a_transaction(pooler):
    with psycopg.connect(pooler.url()) as a, psycopg.connect(pooler.url()) as b:
        heard = {"a": [], "b": []}
        a.add_notice_handler(lambda d: heard["a"].append((d.severity, d.message_primary)))
        b.add_notice_handler(lambda d: heard["b"].append((d.severity, d.message_primary)))
        with a.transaction():
            a.execute("DO $$ BEGIN RAISE NOTICE 'to a'; END $$")
            a.execute("SET LOCAL TimeZone = 'Asia/Tokyo'")
            assert a.info.parameter_status("TimeZone") == "Asia/Tokyo"
            with b.transaction():
                b.execute("DO $$ BEGIN RAISE WARNING 'to b'; END $$")
                assert b.info.parameter_status("TimeZone") != "Asia/Tokyo"
        assert a.info.parameter_status("TimeZone") != "Asia/Tokyo"
        assert heard == {"a": [("NOTICE", "to a")], "b": [("WARNING", "to b")]}


def test_psycopg_async_clients_share_two_servers(pooler, accounts):
    async def client(i):
        async with await psycopg.AsyncConnection.connect(pooler.url(), prepare_threshold=1) as connection:
            total = 0
            for n in range(10):
                async with connection.transaction():
                    cursor = await connection.execute(
                        "UPDATE accounts SET n = n + 1 WHERE id = %s RETURNING %s::int", (1 + (i + n) % 10, i))
                    total += (await cursor.fetchone())[0]
            async with connection.pipeline():
                cursors = [await connection.execute("SELECT %s::int", (n,)) for n in range(20)]
            assert [(await c.fetchone())[0] for c in cursors] == list(range(20))
            return total

    async def main():
        return await asyncio.wait_for(asyncio.gather(*(client(i) for i in range(20))), SECONDS)

    assert asyncio.run(main()) == [i * 10 for i in range(20)]
    assert accounts() == [10_200, 10]


def test_psycopg_cancel_ends_its_own_query(pooler):
    with psycopg.connect(pooler.url(), autocommit=True) as connection:
        timer = threading.Timer(0.3, connection.cancel)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(15)")
        timer.join()
        assert connection.execute("SELECT 1").fetchone() == (1,)


# ---- asyncpg

def run(main):
    return asyncio.run(asyncio.wait_for(main, SECONDS))


@pytest.mark.short
def test_asyncpg_statement_cache_works_on_whichever_server_answers(pooler):
    async def main():
        connections = [await asyncpg.connect(pooler.url(), statement_cache_size=5) for _ in range(6)]
        for n in range(6):
            for i, c in enumerate(connections):
                assert await c.fetchval("SELECT $1::int + $2::int", i, n) == i + n
                assert await c.fetchval(f"SELECT $1::text || '-{(i + n) % 9}'", "x") == f"x-{(i + n) % 9}"
        results = await asyncio.gather(*(c.fetch("SELECT $1::int AS i, g FROM generate_series(1, 200) g", i)
                                         for i, c in enumerate(connections)))
        for i, got in enumerate(results):
            assert [(r["i"], r["g"]) for r in got] == [(i, g) for g in range(1, 201)]
        for c in connections:
            await c.close()

    run(main())
    assert servers_of(pooler) <= 2


def test_asyncpg_pool_of_twenty_on_two_servers_keeps_its_books(pooler, accounts):
    async def main():
        async with asyncpg.create_pool(pooler.url(), min_size=20, max_size=20) as pool:
            async def transfer(i):
                async with pool.acquire() as c, c.transaction():
                    for account, change in sorted(((1 + i % 10, -1), (1 + (i + 3) % 10, 1))):
                        await c.execute("UPDATE accounts SET n = n + $1 WHERE id = $2", change, account)

            async def failing(i):
                async with pool.acquire() as c:
                    with pytest.raises(asyncpg.CheckViolationError):
                        async with c.transaction():
                            await c.execute("UPDATE accounts SET n = n + $1 WHERE id = $2", 500, 1 + i % 10)
                            await c.execute("UPDATE accounts SET n = -1 WHERE id = $1", 1 + i % 10)

            await asyncio.gather(*(transfer(i) if i % 3 else failing(i) for i in range(90)))

    run(main())
    assert accounts() == [10_000, 10]
    assert servers_of(pooler) <= 2


def test_asyncpg_copies_prepares_iterates_and_nests_transactions(pooler, accounts):
    async def main():
        c = await asyncpg.connect(pooler.url())
        assert await c.copy_records_to_table("accounts", records=((i, 2) for i in range(11, 2011))) == "COPY 2000"
        out = io.BytesIO()
        assert await c.copy_from_query("SELECT id FROM accounts WHERE id > $1 ORDER BY id", 10, output=out) == "COPY 2000"
        assert [int(line) for line in out.getvalue().split()] == list(range(11, 2011))
        with pytest.raises(asyncpg.UniqueViolationError):
            await c.copy_records_to_table("accounts", records=[(1, 1)] * 100)
        async with c.transaction():
            statement = await c.prepare("SELECT g FROM generate_series(1, $1::int) g")
            assert sum([r["g"] async for r in statement.cursor(1000, prefetch=7)]) == 500_500
            with pytest.raises(asyncpg.DivisionByZeroError):
                async with c.transaction():
                    await c.execute("UPDATE accounts SET n = 0 WHERE id = 1")
                    await c.fetchval("SELECT 1 / $1::int", 0)
            await c.executemany("UPDATE accounts SET n = n + $1 WHERE id = $2", [(1, i) for i in range(1, 11)])
        await c.close()

    run(main())
    assert accounts() == [10_000 + 10 + 4000, 2010]


def test_asyncpg_timeouts_cancel_their_query_and_the_connection_goes_on(pooler):
    async def main():
        c, other = await asyncpg.connect(pooler.url()), await asyncpg.connect(pooler.url())
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await c.fetchval("SELECT pg_sleep($1)", 10, timeout=0.2)
            assert await c.fetchval("SELECT 'on'") == "on"
            assert await other.fetchval("SELECT 'untouched'") == "untouched"
        task = asyncio.create_task(c.execute("SELECT pg_sleep(10)"))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await c.fetchval("SELECT 42") == 42
        await c.close()
        await other.close()

    run(main())


def test_asyncpg_heals_a_plan_that_a_table_change_broke(pooler, postgres):
    postgres.sql("DROP TABLE IF EXISTS shape; CREATE TABLE shape (a int); INSERT INTO shape VALUES (1); "
                 "GRANT ALL ON shape TO alice", database="app")

    async def main():
        c = await asyncpg.connect(pooler.url())
        assert [tuple(r) for r in await c.fetch("SELECT * FROM shape")] == [(1,)]
        postgres.sql("ALTER TABLE shape ADD b text DEFAULT 'two'", database="app")
        assert [tuple(r) for r in await c.fetch("SELECT * FROM shape")] == [(1, "two")]
        await c.close()

    run(main())
