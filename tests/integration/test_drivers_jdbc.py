"""PgJDBC through transaction mode, with more connections than servers. jdbc/Drive.java does the work, one scenario a run."""

import pathlib
import subprocess

import pytest

from servers import USERS, give_away

JAR = pathlib.Path("/usr/share/java/postgresql.jar")
SOURCE = pathlib.Path(__file__).with_name("jdbc") / "Drive.java"
SECONDS = 60

pytestmark = pytest.mark.skipif(not JAR.exists(), reason="libpostgresql-jdbc-java is not installed")


@pytest.fixture(scope="module")
def classes(folder):
    out = folder / "classes"
    out.mkdir()
    done = subprocess.run(["javac", "-cp", str(JAR), "-d", str(out), str(SOURCE)], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    give_away(out)
    return out


@pytest.fixture
def drive(weir, postgres, classes):
    """drive(options, scenario...): the scenarios' lines, with PgJDBC's connection options."""
    pooler = weir(weir={"default_pool_size": 2, "query_wait_timeout": SECONDS})
    postgres.sql("DROP TABLE IF EXISTS drive; CREATE TABLE drive (id int PRIMARY KEY, n int NOT NULL); "
                 "INSERT INTO drive SELECT i, 100 FROM generate_series(1, 10) i; GRANT ALL ON drive TO alice", database="app")

    def run(options, *scenarios):
        url = f"jdbc:postgresql://127.0.0.1:{pooler.port}/app?user=alice&password={USERS['alice'][0]}&sslmode=disable&{options}"
        done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", f"{classes}:{JAR}", "Drive", url, *scenarios],
                              capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        assert sum(int(p["sv_active"]) + int(p["sv_idle"]) + int(p["sv_used"])
                   for p in pooler.show("POOLS") if p["database"] == "app") <= 2
        return done.stdout.splitlines()

    return run


EVERYTHING = ["statements", "batches", "transactions", "copy", "cursor", "cancel", "metadata"]
EXPECTED = ["statements 300 right", "batches 500 rows, sum 124750, failed batch 23505, 500 rows after",
            "transactions 30 committed, 10 undone, sum 1030", "copy in 2000, out 2000, bad 22P02, then 2000",
            "cursor 500500", "cancel 57014, then 1", "metadata id,n"]


@pytest.mark.parametrize("options", ["prepareThreshold=1", "prepareThreshold=5", "prepareThreshold=-1",
                                     "prepareThreshold=1&preparedStatementCacheQueries=2",
                                     "preferQueryMode=simple", "preferQueryMode=extended",
                                     "preferQueryMode=extendedForPrepared", "preferQueryMode=extendedCacheEverything",
                                     "prepareThreshold=1&reWriteBatchedInserts=true&autosave=always"])
def test_jdbc_gets_right_answers_in_every_mode(drive, options):
    assert drive(options, *EVERYTHING) == EXPECTED
