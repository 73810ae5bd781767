"""psql and pgbench through transaction mode: all query modes, reconnecting, pipelines, many clients on few servers.

pgbench's own tables keep the books: the accounts hold what the history says, and the branches what their tellers do.
"""

import os
import re
import subprocess

import pytest

from servers import PG_BIN, USERS

MODES = ["simple", "extended", "prepared"]
SECONDS = 60


def run(program, pooler, *arguments, stdin=None, ok=True):
    where = ["-h", "127.0.0.1", "-p", str(pooler.port), "-U", "alice"]
    done = subprocess.run([str(PG_BIN / program), *where, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          timeout=SECONDS, env=dict(os.environ, PGPASSWORD=USERS["alice"][0], PGAPPNAME="load"))
    assert not ok or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture
def pooler(weir):
    return weir(weir={"default_pool_size": 3, "max_client_conn": 1000})


@pytest.fixture(scope="module")
def tables(primary):
    subprocess.run([str(PG_BIN / "pgbench"), "-h", "127.0.0.1", "-p", str(primary.port), "-U", "alice", "-i", "-s", "4", "-q",
                    "app"], check=True, capture_output=True, timeout=SECONDS, env=dict(os.environ, PGPASSWORD=USERS["alice"][0]))


@pytest.fixture
def books(postgres, tables):
    """books(): how many transactions were noted since; what was added must agree."""
    def state():
        count, history, branches, tellers, accounts = postgres.sql(
            "SELECT (SELECT count(*) FROM pgbench_history), (SELECT coalesce(sum(delta), 0) FROM pgbench_history),"
            " (SELECT sum(bbalance) FROM pgbench_branches), (SELECT sum(tbalance) FROM pgbench_tellers),"
            " (SELECT sum(abalance) FROM pgbench_accounts)", database="app")[0]
        assert history == accounts and branches == tellers  # pgbench -N leaves branches and tellers out
        return int(count)

    before = state()
    return lambda: state() - before


def processed(done):
    """How many transactions pgbench says it did, and that none failed."""
    assert "number of failed transactions: 0 (0.000%)" in done.stdout, done.stdout
    return int(re.search(r"number of transactions actually processed: (\d+)", done.stdout)[1])


def servers_of(pooler):
    return sum(int(v) for p in pooler.show("POOLS") if p["database"] == "app" for k, v in p.items()
               if k in ("sv_active", "sv_idle", "sv_used"))


@pytest.mark.parametrize("mode", MODES)
def test_pgbench_ten_clients_on_three_servers(pooler, books, mode):
    done = run("pgbench", pooler, "-n", "-M", mode, "-c", 10, "-t", 20, "app")
    assert processed(done) == 200 and books() == 200
    assert servers_of(pooler) <= 3


@pytest.mark.parametrize("mode", MODES)
def test_pgbench_with_a_connection_for_each_transaction(pooler, books, mode):
    done = run("pgbench", pooler, "-n", "-C", "-M", mode, "-c", 8, "-t", 10, "app")
    assert processed(done) == 80 and books() == 80
    assert servers_of(pooler) <= 3


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_pgbench_five_hundred_clients_on_twenty_servers(weir, books, mode):
    pooler = weir(weir={"default_pool_size": 20, "max_client_conn": 1000, "query_wait_timeout": SECONDS})
    done = run("pgbench", pooler, "-n", "-M", mode, "-c", 500, "-j", 2, "-t", 3, "-N", "app")
    assert processed(done) == 1500 and books() == 1500
    assert servers_of(pooler) <= 20


@pytest.mark.parametrize("mode", ["extended", "prepared"])
def test_pgbench_pipelines(pooler, postgres, tmp_path, mode):
    postgres.sql("DROP TABLE IF EXISTS piped; CREATE TABLE piped (client int, n int); GRANT ALL ON piped TO alice", database="app")
    script = tmp_path / "pipeline.sql"
    script.write_text("\\set n random(1, 1000)\n\\startpipeline\nBEGIN;\n" + "INSERT INTO piped VALUES (:client_id, :n);\n" * 5 +
                      "SELECT :n + 1;\nCOMMIT;\n\\endpipeline\n"
                      "\\startpipeline\nSELECT 1;\nUPDATE piped SET n = -n WHERE client = :client_id AND n = :n;\n\\endpipeline\n"
                      "SELECT count(*) AS c FROM piped WHERE client = :client_id \\gset\n")
    done = run("pgbench", pooler, "-n", "-M", mode, "-c", 10, "-t", 8, "-f", script, "app")
    assert processed(done) == 80
    assert postgres.sql("SELECT client, count(*), max(n) < 0 FROM piped GROUP BY client ORDER BY client", database="app") == [
        [str(i), "40", "t"] for i in range(10)]
    assert servers_of(pooler) <= 3


@pytest.mark.short
def test_psql_prints_what_postgresql_answers(pooler, postgres):
    script = ("BEGIN;\nCREATE TEMP TABLE t (n int) ON COMMIT DROP;\n\\copy t from stdin\n1\n2\n3\n\\.\nSELECT sum(n) FROM t;\n"
              "\\copy t to stdout\nCOMMIT;\nSELECT 1/0;\nSELECT 'a' UNION ALL SELECT 'b' ORDER BY 1;\n\\d nothing\n"
              "DO $$ BEGIN RAISE NOTICE 'noticed'; END $$;\nSELECT 1\\;SELECT 2;\nSELECT 1 AS one, 'x' AS two \\gdesc\n")
    through, direct = (run("psql", where, "-X", "-q", "app", stdin=script) for where in (pooler, postgres))
    assert through.stdout == direct.stdout and "6\n" in through.stdout
    assert through.stderr == direct.stderr and "division by zero" in through.stderr and "noticed" in through.stderr


def test_psql_stops_at_an_error_and_undoes_a_single_transaction(pooler, postgres):
    postgres.sql("DROP TABLE IF EXISTS once; CREATE TABLE once (n int); GRANT ALL ON once TO alice", database="app")
    done = run("psql", pooler, "-X", "-1", "-v", "ON_ERROR_STOP=1", "app", ok=False,
               stdin="INSERT INTO once VALUES (1);\nINSERT INTO once VALUES ('x');\n")
    assert done.returncode == 3 and "invalid input syntax" in done.stderr
    assert postgres.sql("SELECT count(*) FROM once", database="app") == [["0"]]
