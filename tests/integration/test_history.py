"""The history: what was counted is still there tomorrow, whatever becomes of the process, its file or its disk."""

import collections
import datetime
import os
import subprocess
import time

import psycopg
import pytest
from psycopg.rows import dict_row

from servers import USERS, unprivileged, wait_for

INTERVAL = 1.0


@pytest.fixture
def place(folder, request):
    """A folder that the pooler may write into."""
    made = folder / f"history-{request.node.name[:40].replace('[', '-').replace(']', '')}"
    made.mkdir()
    made.chmod(0o777)
    return made


@pytest.fixture
def start(weir, place):
    def begin(file="history", **settings):
        tables = {"history": {"path": str(place / file), "interval": INTERVAL} | settings}
        return weir(weir={"default_pool_size": 3}, **tables)
    return begin


def console(pooler):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="bob", password=USERS["bob"][0], dbname="weir",
                           autocommit=True, row_factory=dict_row)


def client(pooler, name="web"):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="alice", password=USERS["alice"][0], dbname="app",
                           application_name=name, autocommit=True, prepare_threshold=None)


def ask(pooler, sql, *values):
    with console(pooler) as c:
        return c.execute(sql, values or None).fetchall()


def state(pooler):
    return ask(pooler, "SHOW HISTORY")[0]


def counted(pooler, table="queries_history", application="web"):
    rows = ask(pooler, f"SELECT query, sum(calls) AS calls, sum(errors) AS errors, sum(rows) AS rows FROM {table} "
                       f"WHERE application_name = '{application}' GROUP BY query")
    return {row["query"]: (row["calls"], row["errors"], row["rows"]) for row in rows}


def calls(pooler, table="queries_history"):
    """Of everybody, those without a row of their own included."""
    return ask(pooler, f"SELECT coalesce(sum(calls), 0) AS calls FROM {table}")[0]["calls"]


def written(pooler, more=1):
    """Waits until intervals that begin after now are in the file."""
    before = state(pooler)["written"]
    wait_for(lambda: state(pooler)["written"] >= before + more, "an interval in the history", seconds=20)


class Driver:
    """Runs statements and knows what it ran."""

    def __init__(self):
        self.ran = collections.defaultdict(lambda: [0, 0, 0])

    def run(self, connection, shown, sql, params=()):
        self.ran[shown][0] += 1
        try:
            self.ran[shown][2] += max(connection.execute(sql, params).rowcount, 0)
        except psycopg.Error:
            self.ran[shown][1] += 1

    def some(self, connection, rounds):
        for i in range(rounds):
            self.run(connection, "SELECT $1::int4", "SELECT %s::int4", (i,))
            self.run(connection, "SELECT generate_series($2, $1::int4)", "SELECT generate_series(1, %s::int4)", (i % 5,))
            if i % 10 == 0:
                self.run(connection, "SELECT $1::int4 / $2", "SELECT %s::int4 / 0", (i,))

    def seen(self):
        return {shown: tuple(numbers) for shown, numbers in self.ran.items()}


def test_sums_are_what_a_driver_counted_over_intervals_resets_and_restarts(start):
    driver, pooler = Driver(), start()
    with client(pooler) as c:
        driver.some(c, 100)
        written(pooler)
        driver.some(c, 57)
        with console(pooler) as admin:
            admin.execute("RESET QUERIES")
        driver.some(c, 31)
        time.sleep(2 * INTERVAL)
        driver.some(c, 11)
    written(pooler, 2)
    assert counted(pooler) == driver.seen()
    assert counted(pooler, "queries_by_hour") == driver.seen()
    assert counted(pooler, "queries_by_day") == driver.seen()

    with client(pooler) as c:
        driver.some(c, 23)
    pooler.stop()  # the open interval is written
    pooler.start()
    wait_for(lambda: state(pooler)["state"] == "writing", "the history to be open")
    assert counted(pooler) == driver.seen()
    with client(pooler) as c:
        driver.some(c, 5)
    written(pooler, 2)
    assert counted(pooler) == driver.seen()
    assert state(pooler)["lost"] == 0


def test_sigkill_loses_at_most_the_open_interval(start):
    driver, pooler = Driver(), start()
    pooler.may_die = True
    with client(pooler) as c:
        driver.some(c, 50)
    written(pooler, 2)
    safe = driver.seen()
    with client(pooler) as c:
        driver.some(c, 50)
    pooler.process.kill()
    pooler.process.wait()
    pooler.start()
    wait_for(lambda: state(pooler)["state"] == "writing", "the history to be open")
    after = counted(pooler)
    assert after.keys() == safe.keys()
    for shown, (least, _, _) in safe.items():
        assert least <= after[shown][0] <= driver.ran[shown][0]
    assert state(pooler)["last_error"] == ""


@pytest.mark.slow
def test_sigkill_again_and_again(start):
    pooler = start()
    pooler.may_die = True
    safe = told = ran = 0
    for round_ in range(5):
        with client(pooler) as c:
            for _ in range(40):
                c.execute("SELECT 1")
            ran += 40
        if round_ % 2 == 0:
            written(pooler, 2)
            assert calls(pooler) == told + 40
            safe = told + 40
        time.sleep(0.31 * round_)
        pooler.process.kill()
        pooler.process.wait()
        pooler.start()
        wait_for(lambda: state(pooler)["state"] == "writing", "the history to be open")
        told = calls(pooler)
        assert safe <= told <= ran
        assert state(pooler)["last_error"] == ""


def test_what_was_slow_and_what_is_new(start):
    pooler = start()
    with client(pooler) as c:
        c.execute("SELECT 1")
    written(pooler, 2)
    deploy = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(1.2 * INTERVAL)
    with client(pooler) as c:
        c.execute("SELECT pg_sleep(0.2)")
        c.execute("SELECT 1")
    written(pooler, 2)
    slow = ask(pooler, "SELECT query, max(p95_ms) AS p95, sum(total_ms) AS ms FROM queries_history "
                       "WHERE at > now() - interval '7 days' AND application_name = 'web' "
                       "GROUP BY query ORDER BY ms DESC LIMIT 1")
    assert slow[0]["query"] == "SELECT pg_sleep($1)" and 180 <= slow[0]["p95"] <= 2000
    new = ask(pooler, "SELECT DISTINCT query FROM queries_history WHERE first_at > %s AND application_name = 'web'", deploy)
    assert [row["query"] for row in new] == ["SELECT pg_sleep($1)"]
    hour = ask(pooler, "SELECT date_trunc('hour', at) AS hour, sum(calls) AS calls FROM queries_history "
                       "WHERE at >= date_trunc('day', now()) - interval '1 day' AND query = 'SELECT $1' GROUP BY 1")
    assert sum(row["calls"] for row in hour) == 2
    assert not ask(pooler, "SELECT 1 FROM queries_history WHERE at < now() - interval '1 day'")
    shown = ask(pooler, "SHOW QUERIES_HISTORY")
    assert {row["resolution"] for row in shown} == {"minute"}
    assert [row["at"] for row in shown] == sorted((row["at"] for row in shown), reverse=True)
    week = ask(pooler, "SELECT a.query FROM queries_by_day a JOIN queries_history b ON a.fingerprint = b.fingerprint "
                       "WHERE b.at > now() - interval '1 hour' AND b.query LIKE '%%sleep%%' GROUP BY a.query")
    assert [row["query"] for row in week] == ["SELECT pg_sleep($1)"]


def test_pools_have_a_history_too(start):
    pooler = start()
    with client(pooler) as c:
        for _ in range(25):
            c.execute("SELECT pg_sleep(0.01)")
    written(pooler, 2)
    row = ask(pooler, "SELECT sum(queries) AS queries, max(servers_max) AS servers, max(p99_ms) AS p99 FROM pools_history "
                      "WHERE database = 'app' AND \"user\" = 'alice'")[0]
    assert row["queries"] == 25 and row["servers"] >= 1 and 10 <= row["p99"] < 1000


def test_a_corrupt_file_is_moved_aside_and_told_of(start, place):
    driver, pooler = Driver(), start()
    with client(pooler) as c:
        driver.some(c, 10)
    written(pooler, 2)
    pooler.stop()
    file = place / "history"
    damaged = bytearray(file.read_bytes())
    damaged[4096:] = os.urandom(len(damaged) - 4096)
    file.write_bytes(damaged)
    pooler.start()
    wait_for(lambda: state(pooler)["state"] == "writing", "a new history")
    assert "damaged" in state(pooler)["last_error"]
    assert (place / "history.corrupt").exists()
    assert pooler.log().count("is damaged") == 1
    with client(pooler) as c:
        c.execute("SELECT 1")
    written(pooler, 2)
    assert calls(pooler) == 1


def test_the_second_with_the_same_file_is_refused_and_serves_all_the_same(start):
    first = start()
    second = start()
    wait_for(lambda: state(second)["state"] == "failing", "the refusal")
    assert "in use by another process" in state(second)["last_error"]
    assert "in use by another process" in second.log()
    with client(second) as c:
        c.execute("SELECT 1")
    time.sleep(2 * INTERVAL)
    assert second.log().count("is not written") == 1
    first.stop()
    wait_for(lambda: state(second)["state"] == "writing", "the second to take over", seconds=15)
    wait_for(lambda: calls(second) == 1, "what it had kept for itself")


def longest_file(pooler, size):
    """Its user may change the limit, and root need not be allowed to."""
    subprocess.run(["prlimit", f"--pid={pooler.pid}", f"--fsize={size}:"], check=True, **unprivileged())


def test_a_full_disk_is_told_and_over_when_there_is_room(start, place):
    """The limit on the size of files is the disk that is full: of this process, at any moment."""
    pooler = start()
    with client(pooler) as c:
        for _ in range(10):
            c.execute("SELECT 1")
    written(pooler, 2)
    full = (place / "history").stat().st_size
    longest_file(pooler, 4096)
    with client(pooler) as c:
        for i in range(300):
            c.execute(f'SELECT 1 AS "column {i}"')
    wait_for(lambda: state(pooler)["state"] == "failing", "the full disk to be noticed", seconds=20)
    time.sleep(2 * INTERVAL)
    assert state(pooler)["waiting"] >= 1
    assert pooler.alive() and pooler.log().count("is not written") <= 2
    with client(pooler) as c:
        c.execute("SELECT 1")
    longest_file(pooler, "unlimited")
    wait_for(lambda: state(pooler)["state"] == "writing", "the history to go on", seconds=20)
    written(pooler, 2)
    assert calls(pooler) == 311 and state(pooler)["lost"] == 0
    assert "is written again" in pooler.log()
    assert (place / "history").stat().st_size >= full


@pytest.mark.slow
def test_size_is_bounded_under_many_distinct_statements(start, place):
    pooler = start(size_max="1MB", queries_max=50)
    ran = 0
    until = time.monotonic() + 12
    with client(pooler) as c:
        while time.monotonic() < until:
            for _ in range(50):
                names = ", ".join(f'1 AS "c{ran}_{k}"' for k in range(60))
                c.execute(f"SELECT {names}")
                ran += 1
            size = sum(file.stat().st_size for file in place.iterdir())
            assert size <= 4 << 20, [(file.name, file.stat().st_size) for file in place.iterdir()]
    written(pooler, 2)
    assert (place / "history").stat().st_size <= 1 << 20
    assert state(pooler)["state"] == "writing" and state(pooler)["lost"] == 0
    assert calls(pooler, "queries_by_day") == ran  # the sums outlive the minutes


def test_without_a_path_there_is_none(weir):
    pooler = weir()
    assert state(pooler)["state"] == "off"
    assert ask(pooler, "SELECT * FROM queries_history") == [] and ask(pooler, "SHOW POOLS_HISTORY") == []


def test_the_file_is_private_and_has_no_values(start, place):
    pooler = start()
    with client(pooler) as c:
        c.execute("SELECT 'the card is 4711'")
    written(pooler, 2)
    pooler.stop()
    assert (place / "history").stat().st_mode & 0o777 == 0o600
    text = b"".join(file.read_bytes() for file in place.iterdir())
    assert b"4711" not in text and b"SELECT $1" in text
