"""SELECT in the console, through real clients, and beside PostgreSQL itself."""

import asyncio
import datetime
import os
import pathlib
import subprocess
import threading
import time

import asyncpg
import psycopg
import pytest

from servers import USERS, wait_for

ADMIN, STATS = "bob", "alice"
JAR = pathlib.Path("/usr/share/java/postgresql.jar")


def parameters(pooler, user=STATS, database="weir"):
    return dict(host="127.0.0.1", port=pooler.port, user=user, password=USERS[user][0], dbname=database)


def psql(pooler, sql, user=STATS, *options):
    return subprocess.run(
        ["psql", "-X", "-At", *options, "-h", "127.0.0.1", "-p", str(pooler.port), "-U", user, "-d", "weir", "-c", sql],
        env=os.environ | {"PGPASSWORD": USERS[user][0]}, capture_output=True, text=True, timeout=60)


@pytest.mark.short
def test_psql_asks_tables(weir):
    pooler = weir()
    with psycopg.connect(**parameters(pooler, database="app"), application_name="watched") as client:
        client.execute("SELECT 1")
        assert psql(pooler, "SELECT application_name, state, user FROM clients WHERE database = 'app'").stdout == \
            "watched|active|alice\n"
        joined = psql(pooler, "SELECT c.application_name, p.cl_active, s.state FROM clients c JOIN pools p USING (database, "
                              "\"user\") JOIN servers s ON s.ptr = c.link WHERE p.cl_active > 0")
        assert joined.stdout == "watched|1|active\n", joined.stderr
        assert psql(pooler, "SELECT count(*) FROM clients WHERE connect_time > now() - interval '1 minute' "
                            "AND application_name = 'watched'").stdout == "1\n"
    assert "pools|17|stats_users|" in psql(pooler, "SHOW TABLES").stdout
    assert "pools|cl_active|int4|" in psql(pooler, "SHOW COLUMNS FROM pools").stdout


@pytest.mark.short
def test_every_table_answers_as_its_view(weir):
    pooler = weir()
    moving = {"stats", "stats_totals", "stats_averages", "totals", "mem", "clients", "clients_extended", "sockets",
              "active_sockets", "pools", "databases", "users", "lists"}
    tables = psql(pooler, "SELECT name FROM tables").stdout.split()
    assert len(tables) > 25
    for table in tables:
        user = ADMIN if table == "fds" else STATS
        view = "config" if table == "settings" else table
        shown, selected = psql(pooler, f"SHOW {view}", user, "-F~"), psql(pooler, f"SELECT * FROM {table}", user, "-F~")
        assert shown.returncode == 0 and selected.returncode == 0, (table, selected.stderr)
        if table in moving:
            assert len(shown.stdout.splitlines()) == len(selected.stdout.splitlines()), table
        else:
            assert shown.stdout == selected.stdout, table


@pytest.mark.short
@pytest.mark.parametrize("sql, code, words", [
    ("SELECT * FROM pool", "42P01", "SHOW TABLES"),
    ("SELECT databse FROM pools", "42703", 'Did you mean "database"'),
    ("SELECT FROM WHERE", "42601", "syntax error at or near"),
    ("DELETE FROM pools", "25006", "read-only"),
    ("SELECT * FROM fds", "42501", "admin_users"),
    ("SELECT 1 / 0 FROM state", "22012", "division by zero"),
    ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", "54000", "more than 100000 rows"),
])
def test_errors_say_what_to_do(weir, sql, code, words):
    result = psql(weir(), sql, STATS, "-v", "VERBOSITY=verbose")
    assert code in result.stderr and words in result.stderr, result.stderr


def test_an_endless_select_ends_and_holds_up_nobody(weir):
    pooler = weir()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"
    outcome = {}

    def ask():
        start = time.monotonic()
        outcome["error"] = psql(pooler, endless, STATS, "-v", "VERBOSITY=verbose").stderr
        outcome["seconds"] = time.monotonic() - start

    asking = threading.Thread(target=ask)
    asking.start()
    slowest = 0
    with psycopg.connect(**parameters(pooler, database="app"), autocommit=True) as client:
        while asking.is_alive():
            start = time.monotonic()
            assert client.execute("SELECT 1").fetchone() == (1,)
            psql(pooler, "SHOW POOLS")
            slowest = max(slowest, time.monotonic() - start)
    assert "57014" in outcome["error"] and 4 < outcome["seconds"] < 20, outcome
    assert slowest < 2


def test_an_endless_select_does_not_hold_up_a_shutdown(weir):
    pooler = weir()
    connection = psycopg.connect(**parameters(pooler), autocommit=True)
    connection.pgconn.send_query(b"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n")
    connection.pgconn.flush()
    time.sleep(0.5)
    start = time.monotonic()
    psql(pooler, "SHUTDOWN", ADMIN)
    pooler.process.wait(20)
    connection.close()
    assert time.monotonic() - start < 3


def test_ctrl_c_ends_a_select(weir):
    pooler = weir()
    with psycopg.connect(**parameters(pooler), autocommit=True) as connection:
        threading.Timer(0.5, connection.cancel).start()
        start = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled, match="user request"):
            connection.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n")
        assert time.monotonic() - start < 4
        assert connection.execute("SELECT count(*) FROM state").fetchone() == (3,)


@pytest.mark.short
def test_psycopg_with_parameters_in_text_and_binary(weir):
    pooler = weir()
    with psycopg.connect(**parameters(pooler)) as connection:
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            for _ in range(7):  # past the driver's threshold for named statements
                cursor.execute("SELECT database, cl_active, now(), cl_active > %s, cl_active / 2.0, now() - now() "
                               "FROM pools WHERE database = %s AND cl_active >= %s LIMIT %s", (0, "pgbouncer", 1, 5))
                row = cursor.fetchone()
            assert row[:2] == ("pgbouncer", 1) and row[3] is True and row[4] == 0.5
            assert abs(row[2] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=1)
            assert row[5] == datetime.timedelta(0)
            since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=5)
            assert cursor.execute("SELECT count(*) FROM clients WHERE connect_time > %s", (since,)).fetchone()[0] >= 1


@pytest.mark.short
def test_asyncpg_with_typed_parameters(weir):
    pooler = weir()

    async def conversation():
        connection = await asyncpg.connect(host="127.0.0.1", port=pooler.port, user=STATS, password=USERS[STATS][0],
                                           database="weir")
        rows = await connection.fetch('SELECT database, sum(cl_active) AS active, avg(cl_active) AS mean FROM pools '
                                      'WHERE cl_active >= $1 AND database LIKE $2 GROUP BY 1 LIMIT $3', 1, "pg%", 10)
        assert [dict(row) for row in rows] == [{"database": "pgbouncer", "active": 1, "mean": 1.0}]
        statement = await connection.prepare("SELECT now() - $1::interval, $2::bool, $3::timestamptz < now()")
        assert [p.name for p in statement.get_parameters()] == ["interval", "bool", "timestamptz"]
        row = await statement.fetchrow(datetime.timedelta(hours=1), True, datetime.datetime.now(datetime.timezone.utc))
        assert row[1] is True and row[2] is True
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.fetch("SELECT * FROM nothing_here")
        async with connection.transaction():
            found = [row["name"] async for row in connection.cursor("SELECT name FROM tables ORDER BY name", prefetch=5)]
        assert found == sorted(found) and len(found) > 25
        await connection.close()

    asyncio.run(conversation())


JAVA = """
import java.sql.*;
public class ConsoleSql {
  public static void main(String[] args) throws Exception {
    for (String extra : new String[] {"", "&prepareThreshold=1", "&preferQueryMode=simple", "&binaryTransfer=false"}) {
      try (Connection c = DriverManager.getConnection(args[0] + extra)) {
        String sql = "SELECT database, cl_active, cl_active / 4.0 AS part, now() AS at, cl_active > ? AS busy "
            + "FROM pools WHERE database = ? AND cl_active < ? LIMIT ?";
        try (PreparedStatement s = c.prepareStatement(sql)) {
          for (int i = 0; i < 7; i++) {
            s.setInt(1, 0);
            s.setString(2, "pgbouncer");
            s.setLong(3, 100L);
            s.setInt(4, 5);
            try (ResultSet r = s.executeQuery()) {
              r.next();
              if (Math.abs(r.getTimestamp("at").getTime() - System.currentTimeMillis()) > 60000) throw new Exception("time");
              String line = r.getString("database") + r.getInt("cl_active") + r.getDouble("part") + r.getBoolean("busy");
              if (i == 6) System.out.println(line);
            }
          }
        }
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
          s.setFetchSize(3);
          ResultSet r = s.executeQuery("SELECT name FROM tables WHERE name IN ('pools', 'stats', 'users', 'mem', 'lists')");
          int rows = 0;
          while (r.next()) rows++;
          if (rows != 5) throw new Exception("rows " + rows);
        }
        c.commit();
      }
    }
  }
}
"""


@pytest.mark.slow
@pytest.mark.skipif(not JAR.exists(), reason="needs libpostgresql-jdbc-java")
def test_jdbc_in_its_query_modes(weir, tmp_path):
    pooler = weir()
    source = tmp_path / "ConsoleSql.java"
    source.write_text(JAVA)
    url = f"jdbc:postgresql://127.0.0.1:{pooler.port}/weir?user={STATS}&password={USERS[STATS][0]}"
    result = subprocess.run(["java", "-cp", str(JAR), str(source), url], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["pgbouncer10.25true"] * 4


# What the console computes, PostgreSQL computes alike: values and types. {t} stands for rows that both have.
ROWS = "(VALUES (1, 'a', 1.5::float8, true), (2, 'b', NULL, false), (3, 'a', 4.25, NULL)) t(i, s, f, b)"
ALIKE = [
    "SELECT * FROM {t} ORDER BY i", "SELECT i, s FROM {t} WHERE f IS NULL OR b ORDER BY 1",
    "SELECT s, count(*), sum(i), max(f), min(s) FROM {t} GROUP BY s ORDER BY s",
    "SELECT s AS x, count(DISTINCT b) FROM {t} GROUP BY x HAVING count(*) > 1",
    "SELECT i FROM {t} ORDER BY f DESC", "SELECT i FROM {t} ORDER BY f", "SELECT i FROM {t} ORDER BY b NULLS FIRST, i DESC",
    "SELECT DISTINCT s FROM {t} ORDER BY s DESC", "SELECT i FROM {t} ORDER BY i LIMIT 1 OFFSET 1",
    "SELECT i % 2, -i, i / 2, i * 2 - 1, f / 2, f + i, f - 1, f * f FROM {t} ORDER BY i",
    "SELECT s || '-' || i, upper(s), length(s || 'xy'), substr('hello', i, 2), lower('ABC') FROM {t} ORDER BY i",
    "SELECT CASE WHEN i > 2 THEN 'big' WHEN b THEN 'yes' END, coalesce(f, 0), nullif(s, 'a') FROM {t} ORDER BY i",
    "SELECT greatest(i, 2), least(f, 2), abs(-i), round(f), ceil(f), floor(f), trunc(f) FROM {t} ORDER BY i",
    "SELECT s LIKE 'a%', s ILIKE 'A', s NOT LIKE '_', 'a_b' LIKE 'a\\_b', s IN ('a', 'c'), i NOT IN (1, 2) FROM {t} ORDER BY i",
    "SELECT i BETWEEN 2 AND 3, b IS TRUE, b IS NOT FALSE, b IS UNKNOWN, f IS DISTINCT FROM 1.5, NOT b FROM {t} ORDER BY i",
    "SELECT i, row_number() OVER (PARTITION BY s ORDER BY i), sum(i) OVER (ORDER BY i), lag(i) OVER (ORDER BY i) FROM {t} ORDER BY i",
    "SELECT count(*) FILTER (WHERE b), bool_and(i > 0), bool_or(b), string_agg(s, ',') FROM {t}",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY f), percentile_disc(0.5) WITHIN GROUP (ORDER BY f) FROM {t}",
    "WITH x AS (SELECT s, sum(i) AS n FROM {t} GROUP BY s) SELECT * FROM x WHERE n > 2 ORDER BY n",
    "SELECT i FROM {t} WHERE i = (SELECT max(u.i) FROM {u})", "SELECT i FROM {t} WHERE EXISTS (SELECT 1 FROM {u} WHERE u.i > t.i) ORDER BY i",
    "SELECT * FROM {t} JOIN {u} USING (s) ORDER BY t.i, u.i", "SELECT t.i, u.i FROM {t} LEFT JOIN {u} ON t.i = u.i + 1 ORDER BY 1",
    "SELECT i FROM {t} UNION SELECT 7 ORDER BY i", "SELECT s FROM {t} INTERSECT SELECT 'a'", "SELECT i FROM {t} EXCEPT SELECT 1 ORDER BY i",
    "SELECT '12'::int8, 2.5::float8::int4, '1.5'::float8, 't'::bool, 3::text, true::text, 1::int2 = 1, '2026-11-21 03:04:05.5+02'::timestamptz",
    "SELECT '2026-11-21'::timestamptz - '2026-11-20 12:30'::timestamptz, '2026-11-21'::timestamptz + interval '90 minutes'",
    "SELECT interval '1 day 02:03:04.5', interval '-5 minutes', interval '2 days', interval '90 s' * 2",
    "SELECT date_trunc('hour', '2026-11-21 03:04:05'::timestamptz), extract(epoch FROM interval '2 minutes')::int8",
    "SELECT 7 / -2, -7 % 3, 9223372036854775807, 1e3::float8, 0.1::float8 + 0.2::float8, 1 IN (SELECT 1)",
    "SELECT 1 = 1, 'a' < 'b', 1.5::float8 > 1, NULL IS NULL, NULL::text || 'x'", "SELECT 1 WHERE false",
    "SELECT s::text, i::text, f::text, b::text FROM {t} ORDER BY i", "SELECT pg_size_pretty(20971520::int8)",
]
# ... and what it refuses, PostgreSQL refuses alike.
REFUSED_ALIKE = [
    "SELECT s FROM {t} GROUP BY i", "SELECT x FROM {t}", "SELECT t.x FROM {t}", "SELECT z.i FROM {t}", "SELECT i FROM {t}, {u}",
    "SELECT 1 FROM {t} WHERE i", "SELECT s + 1 FROM {t}", "SELECT 'x'::int4", "SELECT i / 0 FROM {t}", "SELECT count(count(*)) FROM {t}",
    "SELECT 1 FROM {t} WHERE count(*) > 1", "SELECT i FROM {t} ORDER BY 5", "SELECT 1 UNION SELECT 1, 2", "SELECT nothing(1)",
    "SELECT (SELECT 1, 2)", "SELECT 1 LIMIT -1", "SELECT 9223372036854775807 + 1", "SELECT s = i FROM {t}", "SELECT 1::nothing",
    "SELECT i FROM {t} JOIN {t} ON true", "SELECT rank()", "SELECT lower(s) OVER () FROM {t}", "SELECT substr('a', 1, -1)",
    "SELECT 'ab' LIKE 'a\\'", "SELECT * FROM nothing", "SELECT * FROM (SELECT 1)", "SELECT CASE WHEN 1 THEN 2 END",
]


def spelled(sql):
    return sql.replace("{t}", ROWS).replace("{u}", ROWS.replace(" t(", " u("))


def answer(connection, sql):
    try:
        cursor = connection.execute(sql)
        return [(column.name, column.type_code) for column in cursor.description], cursor.fetchall()
    except psycopg.Error as error:
        return error.sqlstate


@pytest.fixture
def both(weir):
    pooler = weir()
    with psycopg.connect(**parameters(pooler), autocommit=True) as console, \
            psycopg.connect(**parameters(pooler, database="app"), autocommit=True, options="-c timezone=UTC") as postgres:
        yield console, postgres


# Types that the console has fewer of: it computes in 64 bits.
def same_family(one, other):
    families = [{20, 21, 23, 1700, 701}, {25, 1042, 1043, 705}]
    return one == other or any({one, other} <= family for family in families)


@pytest.mark.parametrize("sql", ALIKE)
def test_the_console_computes_what_postgresql_computes(both, sql):
    (console_columns, console_rows), (columns, rows) = (answer(c, spelled(sql)) for c in both)
    assert [[float(v) if isinstance(v, (int, float)) and not isinstance(v, bool) or type(v).__name__ == "Decimal" else v
             for v in row] for row in console_rows] == \
           [[float(v) if isinstance(v, (int, float)) and not isinstance(v, bool) or type(v).__name__ == "Decimal" else v
             for v in row] for row in rows]
    assert [name for name, _ in console_columns] == [name for name, _ in columns]
    assert all(same_family(a[1], b[1]) for a, b in zip(console_columns, columns)), (console_columns, columns)


@pytest.mark.parametrize("sql", REFUSED_ALIKE)
def test_the_console_refuses_what_postgresql_refuses(both, sql):
    console, postgres = (answer(connection, spelled(sql)) for connection in both)
    assert console == postgres, (console, postgres)
