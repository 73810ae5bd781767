"""The console through real clients: psql, psycopg 2 and 3, asyncpg, JDBC, Debian's Prometheus exporter."""

import asyncio
import os
import pathlib
import signal
import subprocess
import urllib.request

import asyncpg
import psycopg
import psycopg2
import pytest

from servers import USERS, free_port, wait_for

ADMIN, STATS = "bob", "alice"
JAR = pathlib.Path("/usr/share/java/postgresql.jar")
EXPORTER = pathlib.Path("/usr/bin/prometheus-pgbouncer-exporter")

CHANGING = ["RELOAD", "PAUSE", "RESUME", "DISABLE app", "ENABLE app", "RECONNECT", "KILL app", "KILL_CLIENT 999999",
            "SUSPEND", "SHUTDOWN WAIT_FOR_CLIENTS", "WAIT_CLOSE", "SET query_timeout = 1"]


def secret(user):
    return USERS[user][0]


def parameters(pooler, user, database="pgbouncer"):
    return dict(host="127.0.0.1", port=pooler.port, user=user, password=secret(user), dbname=database)


def psql(pooler, sql, user=ADMIN, database="pgbouncer"):
    return subprocess.run(
        ["psql", "-X", "-At", "-h", "127.0.0.1", "-p", str(pooler.port), "-U", user, "-d", database, "-c", sql],
        env=os.environ | {"PGPASSWORD": secret(user)}, capture_output=True, text=True, timeout=30)


@pytest.mark.short
@pytest.mark.parametrize("database", ["pgbouncer", "weir"])
def test_psql_reads_every_view(weir, database):
    pooler = weir()
    for view in ("POOLS", "DATABASES", "USERS", "PEERS", "PEER_POOLS", "STATS", "STATS_TOTALS", "STATS_AVERAGES",
                 "TOTALS", "CLIENTS", "SERVERS", "SOCKETS", "ACTIVE_SOCKETS", "FDS", "CLIENTS_EXTENDED",
                 "PINS", "PIN_COUNTS", "STATEMENT_CACHE", "LISTENERS", "QUERIES", "ACTIVE_QUERIES", "TRANSACTIONS",
                 "SLOW_QUERIES", "SLOW_LOG", "TRACES",
                 "LINT", "N_PLUS_ONE", "POOL_ADVICE", "LINT_RULES", "ALERTS", "ALERTING",
                 "CONFIG", "STATE", "VERSION", "WEIR_VERSION", "LISTS", "MEM", "DNS_HOSTS", "DNS_ZONES", "TABLES",
                 "COLUMNS", "HELP"):
        result = psql(pooler, f"SHOW {view}", database=database)
        assert result.returncode == 0, f"{view}: {result.stderr}"
    assert psql(pooler, "SHOW VERSION").stdout == "PgBouncer 1.25.2\n"


@pytest.mark.short
def test_rows_tell_of_real_clients_and_servers(weir):
    pooler = weir()
    with psycopg.connect(**parameters(pooler, "alice", "app"), application_name="watched") as client:
        client.execute("SELECT 1")
        rows = psql(pooler, "SHOW CLIENTS").stdout.splitlines()
        assert any("|watched|" in row and "|alice|app|" in row for row in rows)
        pools = psql(pooler, "SHOW POOLS").stdout
        assert any(row.startswith("app|alice|1|") for row in pools.splitlines()), pools
        assert any(row.startswith("S|alice|app|") for row in psql(pooler, "SHOW SERVERS").stdout.splitlines())


@pytest.mark.short
@pytest.mark.parametrize("command", CHANGING + ["SHOW FDS"])
def test_stats_users_only_look(weir, command):
    pooler = weir()
    result = psql(pooler, command, user=STATS)
    assert result.returncode != 0 and "permission denied" in result.stderr
    assert psql(pooler, "SHOW STATE", user=STATS).stdout.startswith("active|yes")


def test_changes_are_written_to_the_log(weir):
    pooler = weir()
    psql(pooler, "RECONNECT app")
    psql(pooler, "RECONNECT app", user=STATS)
    wait_for(lambda: "was denied RECONNECT" in pooler.log(), "the audit lines")
    assert ADMIN in pooler.log() and "ran RECONNECT" in pooler.log()


def test_psycopg2_and_psycopg3_in_and_out_of_transactions(weir):
    pooler = weir()
    old = psycopg2.connect(**parameters(pooler, ADMIN))
    with old, old.cursor() as cursor:
        cursor.execute("SHOW POOLS")
        assert cursor.fetchall()
    with psycopg.connect(**parameters(pooler, ADMIN)) as new:
        text = new.execute("SHOW STATS_TOTALS").fetchall()
        binary = new.cursor(binary=True).execute("SHOW STATS_TOTALS").fetchall()
        assert [len(row) for row in text] == [len(row) for row in binary]
        for _ in range(8):  # past the driver's threshold for named statements
            assert new.execute("SHOW LISTS").fetchall()
        with pytest.raises(psycopg.errors.SyntaxError):
            new.execute("SHOW NOTHING_OF_THE_KIND")


def test_asyncpg_by_the_extended_protocol(weir):
    pooler = weir()

    async def conversation():
        pool = await asyncpg.create_pool(host="127.0.0.1", port=pooler.port, user=ADMIN, password=secret(ADMIN),
                                         database="pgbouncer", min_size=1)
        for _ in range(2):  # the second time after the pool's reset query
            async with pool.acquire() as connection:
                assert await connection.fetchval("SHOW VERSION") == "PgBouncer 1.25.2"
                assert await connection.fetchval("SELECT 1") == 1
                rows = await connection.fetch("SHOW STATS_TOTALS")
                assert "query_count" in rows[0].keys()
                assert await connection.execute("RECONNECT $1", "app") == "RECONNECT"
        await pool.close()

    asyncio.run(conversation())


JAVA = """
import java.sql.*;
public class Console {
  public static void main(String[] args) throws Exception {
    for (String extra : new String[] {"", "&prepareThreshold=1", "&preferQueryMode=simple"}) {
      try (Connection c = DriverManager.getConnection(args[0] + extra)) {
        if (!c.isValid(5)) throw new RuntimeException("not valid");
        for (int i = 0; i < 7; i++) {
          try (PreparedStatement s = c.prepareStatement("SHOW STATS_TOTALS"); ResultSet r = s.executeQuery()) {
            while (r.next()) r.getLong("query_count");
          }
        }
        try (PreparedStatement s = c.prepareStatement("RECONNECT ?")) {
          s.setString(1, "app");
          s.execute();
        }
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
          s.setFetchSize(3);
          ResultSet r = s.executeQuery("SHOW LISTS");
          int rows = 0;
          while (r.next()) rows++;
          System.out.println(rows);
        }
        c.commit();
      }
    }
  }
}
"""


@pytest.mark.slow
@pytest.mark.skipif(not JAR.exists(), reason="needs libpostgresql-jdbc-java")
def test_jdbc_in_three_query_modes(weir, tmp_path):
    pooler = weir()
    source = tmp_path / "Console.java"
    source.write_text(JAVA)
    url = f"jdbc:postgresql://127.0.0.1:{pooler.port}/pgbouncer?user={ADMIN}&password={secret(ADMIN)}"
    result = subprocess.run(["java", "-cp", str(JAR), str(source), url], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["14", "14", "14"]


def test_ctrl_c_takes_a_waiting_pause_back(weir):
    pooler = weir()
    with psycopg.connect(**parameters(pooler, "alice", "app")) as client:
        client.execute("SELECT 1")  # holds its server, so PAUSE waits
        pause = subprocess.Popen(
            ["psql", "-X", "-h", "127.0.0.1", "-p", str(pooler.port), "-U", ADMIN, "-d", "pgbouncer", "-c", "PAUSE"],
            env=os.environ | {"PGPASSWORD": secret(ADMIN)}, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: "paused|yes" in psql(pooler, "SHOW STATE").stdout, "PAUSE to begin")
        pause.send_signal(signal.SIGINT)
        _, errors = pause.communicate(timeout=10)
        assert "canceling statement due to user request" in errors
        client.rollback()
    wait_for(lambda: "active|yes" in psql(pooler, "SHOW STATE").stdout, "the pool to be active again")
    with psycopg.connect(**parameters(pooler, "alice", "app")) as client:
        assert client.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.slow
@pytest.mark.skipif(not EXPORTER.exists(), reason="needs prometheus-pgbouncer-exporter")
def test_debians_prometheus_exporter_reads_the_console(weir):
    pooler = weir()
    port = free_port()
    environment = os.environ | {"PGPASSWORD": secret(STATS), "PGOPTIONS": "-c weir.legacy_columns=on"}
    exporter = subprocess.Popen(
        [str(EXPORTER), "--host", "127.0.0.1", "--port", str(port), "--pgbouncer-host", "127.0.0.1",
         "--pgbouncer-port", str(pooler.port), "--pgbouncer-user", STATS],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        def metrics():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
            except OSError:
                assert exporter.poll() is None, exporter.stdout.read()
                return ""
        wait_for(lambda: 'pgbouncer_requests_total{database="' in metrics(), "the exporter's metrics", seconds=20)
        for name in ("pgbouncer_pool_size", "pgbouncer_reserve_pool", "pgbouncer_active_clients",
                     "pgbouncer_used_clients"):
            assert name in metrics()
    finally:
        exporter.terminate()
        exporter.wait(10)
