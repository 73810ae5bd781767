"""Lint, N+1 and advice on pools: from real traffic, and with rewritten statements that bring the same rows."""

import contextlib
import os
import re
import subprocess
import threading
import time

import psycopg
import pytest
from psycopg.rows import dict_row

from servers import USERS, wait_for

ADVICE = {"lint": True, "lint_time": 0, "n_plus_one_time": 0.001}


@pytest.fixture(scope="module")
def shop(primary):
    """Tables with rows, and statistics of them."""
    with psycopg.connect(host="127.0.0.1", port=primary.port, user="alice", password=USERS["alice"][0], dbname="app",
                         autocommit=True) as c:
        c.execute("""
            DROP TABLE IF EXISTS lint_lines, lint_orders, lint_users;
            CREATE TABLE lint_users (id int PRIMARY KEY, name text NOT NULL, email text);
            CREATE TABLE lint_orders (id int PRIMARY KEY, user_id int NOT NULL, buyer int, placed timestamptz NOT NULL,
                                      n int NOT NULL, note text);
            INSERT INTO lint_users SELECT i, 'user ' || i, i || '@example.com' FROM generate_series(1, 500) i;
            INSERT INTO lint_orders SELECT i, i % 500 + 1, CASE WHEN i % 3 = 0 THEN NULL ELSE i END,
                timestamptz '2024-01-01 00:00+00' + i * interval '7 minutes', i % 97, 'note ' || i
                FROM generate_series(1, 20000) i;
            ANALYZE lint_users, lint_orders""")
    yield primary


@pytest.fixture
def start(weir, shop):
    def begin(**settings):
        return weir(weir={"default_pool_size": 3}, advice=ADVICE | settings)
    return begin


def client(pooler, **options):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="alice", password=USERS["alice"][0], dbname="app",
                           autocommit=True, prepare_threshold=None, **options)


def ask(pooler, sql):
    with psycopg.connect(host="127.0.0.1", port=pooler.port, user="bob", password=USERS["bob"][0], dbname="weir",
                         autocommit=True, row_factory=dict_row) as c:
        return c.execute(sql).fetchall()


def findings(pooler):
    return {(row["rule"], row["query"]): row for row in ask(pooler, "SHOW LINT")}


def found(pooler, rule):
    return [row for row in ask(pooler, "SHOW LINT") if row["rule"] == rule]


def same_rows(postgres, first, then, values=()):
    """The texts have $n; values are theirs."""
    def rows(sql, values):
        with psycopg.connect(host="127.0.0.1", port=postgres.port, user="alice", password=USERS["alice"][0],
                             dbname="app") as c:
            types = ", ".join(kind for kind, _ in values)
            c.execute(f"PREPARE s{'(' + types + ')' if types else ''} AS {sql}")
            given = ", ".join(f"{value}" for _, value in values)
            return sorted(c.execute(f"EXECUTE s{'(' + given + ')' if given else ''}").fetchall(), key=repr)
    before, after = rows(first, values[0] if values else ()), rows(then, values[1] if values else ())
    assert before, "a statement without rows proves nothing"
    assert before == after


@pytest.mark.short
def test_traffic_is_held_against_the_rules(start):
    pooler = start()
    with client(pooler) as c:
        c.execute("SELECT id FROM lint_users WHERE email = NULL")
        for day in range(1, 6):
            c.execute(f"SELECT pg_sleep(0.002), id FROM lint_orders WHERE date(placed) = '2024-01-0{day}' LIMIT 3")
        c.execute("SELECT id FROM lint_orders ORDER BY id LIMIT 5 OFFSET 15000")
        c.execute("SELECT id FROM lint_users WHERE id NOT IN (SELECT buyer FROM lint_orders)")
        c.execute("SELECT id FROM lint_orders WHERE id IN (" + ", ".join(map(str, range(1000))) + ")")
        c.execute("UPDATE lint_orders SET n = n")
    rows = ask(pooler, "SHOW LINT")
    rules = {row["rule"]: row for row in rows}
    assert {"EQNULL", "FUNCCOL", "OFFSET", "NOTIN", "BIGIN", "NOWHERE"} <= rules.keys(), rules.keys()
    assert rules["EQNULL"]["severity"] == "error" and rules["EQNULL"]["evidence"] == "email = NULL"
    assert rules["EQNULL"]["rewritten"] == "SELECT id FROM lint_users WHERE email IS NULL"
    assert rules["FUNCCOL"]["evidence"] == "date(placed) = $2" and rules["FUNCCOL"]["calls"] == 5
    assert rules["NOTIN"]["severity"] == "error" and "always empty" in rules["NOTIN"]["note"]
    assert rules["BIGIN"]["note"] == "1,000 values"
    assert rules["OFFSET"]["note"] == "up to 15,000 rows are thrown away"
    assert all(row["database"] == "app" and row["fingerprint"] and row["advice"] for row in rows)
    assert rows[0]["severity"] == "error", "what is wrong comes first"
    # The same as a table, beside the statistics of the same statement.
    joined = ask(pooler, "SELECT l.rule, q.calls FROM lint l JOIN queries q ON q.fingerprint = l.fingerprint "
                         "WHERE l.rule = 'FUNCCOL'")
    assert joined == [{"rule": "FUNCCOL", "calls": 5}]
    assert "EQNULL" in {row["rule"] for row in ask(pooler, "SHOW LINT_RULES")}


@pytest.mark.short
def test_values_are_never_shown(start):
    pooler = start()
    with client(pooler) as c:
        c.execute("SELECT id FROM lint_orders WHERE note = 'hunter2' AND buyer = NULL ORDER BY id OFFSET 7654321")
        c.execute("SELECT id FROM lint_users WHERE email = %s AND name <> NULL", ("hunter2",))
    assert len(found(pooler, "EQNULL")) == 2
    text = repr(ask(pooler, "SHOW LINT"))
    assert "hunter2" not in text
    assert "hunter2" not in pooler.log()


@pytest.mark.short
def test_nothing_is_looked_at_unless_it_is_switched_on(start):
    pooler = start(lint=False)
    with client(pooler) as c:
        c.execute("SELECT id FROM lint_users WHERE email = NULL")
    assert ask(pooler, "SHOW LINT") == []
    assert ask(pooler, "SHOW N_PLUS_ONE") == []
    pooler.rewrite(advice=ADVICE)
    with psycopg.connect(host="127.0.0.1", port=pooler.port, user="bob", password=USERS["bob"][0], dbname="weir",
                         autocommit=True) as console:
        console.execute("RELOAD")
    with client(pooler) as c:
        c.execute("SELECT id FROM lint_users WHERE email = NULL")
    wait_for(lambda: found(pooler, "EQNULL"), "a finding after the reload")


@pytest.mark.short
def test_a_rule_that_is_off_is_silent(start):
    pooler = start(lint_off=["EQNULL", "NOSUCH"])
    with client(pooler) as c:
        c.execute("SELECT id FROM lint_users WHERE email = NULL")
        c.execute("SELECT id FROM lint_users WHERE id NOT IN (SELECT buyer FROM lint_orders)")
    assert not found(pooler, "EQNULL")
    assert found(pooler, "NOTIN")
    assert "there is no rule called NOSUCH" in pooler.log()


@pytest.mark.parametrize("binary", [False, True])
def test_bound_values_are_understood(start, binary):
    pooler = start()
    with client(pooler, cursor_factory=psycopg.Cursor) as c:
        for _ in range(3):
            c.execute("SELECT id FROM lint_orders ORDER BY id LIMIT 5 OFFSET %s", (12000,), binary=binary)
            c.execute("SELECT pg_sleep(0.012), id FROM lint_orders WHERE note LIKE %s LIMIT 1", ("%99",), binary=binary)
            c.execute("SELECT n FROM lint_orders WHERE id = %s::numeric", (5,), binary=binary)
    assert found(pooler, "OFFSET")[0]["note"] == "up to 12,000 rows are thrown away"
    assert found(pooler, "LEADWILD")[0]["evidence"] == "note LIKE $1"
    assert found(pooler, "CASTMISS")[0]["note"] == "id is int4, the value numeric"


def test_rewritten_statements_bring_the_same_rows(start, shop):
    pooler = start()
    date, count = ("date", "'2024-01-05'"), ("int", "20")
    cases = {
        # rule: statement as sent, values of the normalised text before and after
        "SELECT pg_sleep(0.001), id FROM lint_orders WHERE date(placed) = '2024-01-05'":
            ("FUNCCOL", [("float8", "0"), date], [("float8", "0"), date]),
        "SELECT id, pg_sleep(0.00001) FROM lint_orders WHERE placed::date > '2024-04-01' AND n = 5":
            ("FUNCCOL", [("float8", "0"), ("date", "'2024-04-01'"), ("int", "5")],
             [("float8", "0"), ("date", "'2024-04-01'"), ("int", "5")]),
        "SELECT id, n FROM lint_orders WHERE n < 3 AND pg_sleep(0.00001) IS NOT NULL AND extract(year FROM placed) < 2025":
            ("FUNCCOL", [("int", "3"), ("float8", "0"), ("int", "2025")], [("int", "3"), ("float8", "0"), ("int", "2025")]),
        "SELECT id, pg_sleep(0.00001) FROM lint_orders WHERE n + 5 = 20":
            ("FUNCCOL", [("float8", "0"), ("int", "5"), count], [("float8", "0"), ("int", "5"), count]),
        "SELECT id FROM lint_orders ORDER BY placed DESC, id DESC LIMIT 7 OFFSET 9000":
            ("OFFSET", [("int", "7"), ("int", "9000")], None),
        "SELECT id FROM lint_orders WHERE n > 3 OR n < 2 ORDER BY n, id DESC LIMIT 7 OFFSET 9000":
            ("OFFSET", [("int", "3"), ("int", "2"), ("int", "7"), ("int", "9000")], None),
        "SELECT u.id FROM lint_users u WHERE (SELECT count(*) FROM lint_orders o WHERE o.n = u.id) > 0":
            ("COUNTEXISTS", [("int", "0")], [("int", "0")]),
        "SELECT u.id FROM lint_users u WHERE 0 = (SELECT count(*) FROM lint_orders o WHERE o.n = u.id) AND u.id > 90":
            ("COUNTEXISTS", [("int", "0"), ("int", "90")], [("int", "0"), ("int", "90")]),
        "SELECT name FROM lint_users WHERE id NOT IN (SELECT buyer FROM lint_orders WHERE n = 5 AND id <> 9)": ("NOTIN", None, None),
        "SELECT n FROM lint_orders WHERE id = 77::numeric": ("CASTMISS", [("numeric", "77")], [("numeric", "77")]),
    }
    with client(pooler) as c:
        for sql in cases:
            for _ in range(3):
                c.execute(sql)
    all_findings = findings(pooler)
    seen = 0
    for sql, (rule, before, after) in cases.items():
        shape = re.sub(r"\d|'[^']*'|\$|\.|-", "", sql)
        row = next((row for (name, query), row in all_findings.items()
                    if name == rule and re.sub(r"\d|'[^']*'|\$|\.|-", "", query) == shape), None)
        assert row, f"{rule} does not find {sql}: {list(all_findings)}"
        assert row["rewritten"], f"{rule} rewrites {sql}"
        seen += 1
        if rule == "OFFSET":
            # The page behind the last row of the one before.
            columns = ("placed, id" if "placed" in sql else "n, id")
            last = before[:-1] + [("int", str(int(before[-1][1]) - 1))]
            one = row["query"].replace("SELECT id", f"SELECT {columns}")
            with psycopg.connect(host="127.0.0.1", port=shop.port, user="alice", password=USERS["alice"][0], dbname="app") as c:
                c.execute(f"PREPARE s({', '.join(kind for kind, _ in last)}) AS {one}")
                key = c.execute(f"EXECUTE s({', '.join(value for _, value in last)})").fetchone()
            kinds = ("timestamptz", "int") if "placed" in sql else ("int", "int")
            after = before + [(kind, f"'{value}'") for kind, value in zip(kinds, key)]
        if rule == "NOTIN":
            before = after = [("int", "5"), ("int", "9")]
            row["query"] = row["query"].replace("WHERE n", "WHERE buyer IS NOT NULL AND n")
        same_rows(shop, row["query"], row["rewritten"], (before, after))
    assert seen == len(cases)


def test_inserts_one_by_one(start, shop):
    pooler = start()
    with client(pooler) as c:
        c.execute("CREATE TABLE IF NOT EXISTS lint_lines (a int, b text)")
        for i in range(200):
            c.execute("INSERT INTO lint_lines (a, b) VALUES (%s, %s)", (i, "x"))
    row = found(pooler, "INSERTLOOP")[0]
    assert row["evidence"] == "INSERT INTO lint_lines"
    with psycopg.connect(host="127.0.0.1", port=shop.port, user="alice", password=USERS["alice"][0], dbname="app") as c:
        c.execute("TRUNCATE lint_lines")
        c.execute(f"PREPARE s AS {row['rewritten']}")
        c.execute("EXECUTE s(1, 'a', 2, 'b', 3, 'c')")
        assert c.execute("SELECT a, b FROM lint_lines ORDER BY a").fetchall() == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.short
@pytest.mark.parametrize("transaction", [False, True])
def test_a_loop_over_rows_is_found(start, shop, transaction):
    pooler = start()
    with client(pooler) as c:
        for page in range(4):
            with c.transaction() if transaction else contextlib.nullcontext():
                users = c.execute("SELECT id, name FROM lint_users ORDER BY id LIMIT 20 OFFSET %s", (page * 20,)).fetchall()
                for user, _ in users:
                    c.execute("SELECT id, note FROM lint_orders WHERE user_id = %s", (user,)).fetchall()
            time.sleep(0.15)
    wait_for(lambda: ask(pooler, "SHOW N_PLUS_ONE"), "the loop")
    row = ask(pooler, "SHOW N_PLUS_ONE")[0]
    assert row["query"] == "SELECT id, note FROM lint_orders WHERE user_id = $1"
    assert row["loops"] >= 3 and row["turns"] == 20 and row["confidence"] == "high"
    assert row["source_query"].startswith("SELECT id, name FROM lint_users")
    assert row["rewritten"] == "SELECT id, note, user_id FROM lint_orders WHERE user_id = ANY ($1)"
    with psycopg.connect(host="127.0.0.1", port=shop.port, user="alice", password=USERS["alice"][0], dbname="app") as c:
        c.execute(f"PREPARE s(int[]) AS {row['rewritten']}")
        together = c.execute("EXECUTE s(ARRAY[3, 4, 5])").fetchall()
        single = [one for user in (3, 4, 5)
                  for one in c.execute("SELECT id, note, user_id FROM lint_orders WHERE user_id = %s", (user,)).fetchall()]
        assert sorted(together) == sorted(single) and together
    assert ask(pooler, "SELECT sum(calls) AS calls FROM n_plus_one")[0]["calls"] >= 60


def test_pgbench_is_clean(start, shop):
    environment = os.environ | {"PGPASSWORD": USERS["alice"][0]}
    common = ["-h", "127.0.0.1", "-U", "alice"]
    subprocess.run(["pgbench", *common, "-p", str(shop.port), "-i", "-q", "-s", "1", "app"], env=environment, check=True,
                   capture_output=True)
    pooler = start()
    for mode in ("simple", "prepared"):
        for script in ("tpcb-like", "select-only"):
            subprocess.run(["pgbench", *common, "-p", str(pooler.port), "-n", "-c", "4", "-T", "2", "-M", mode, "-b", script,
                            "app"], env=environment, check=True, capture_output=True)
    time.sleep(0.5)
    warnings = [row for row in ask(pooler, "SHOW LINT") if row["severity"] != "info"]
    assert not warnings, "\n".join(f"{key}: {value}" for row in warnings for key, value in row.items())
    assert ask(pooler, "SHOW N_PLUS_ONE") == [], "a benchmark that draws keys is no loop over rows"


@pytest.mark.short
def test_hostile_texts_are_survived(start):
    pooler = start()
    texts = ["SELECT " + "(" * 20000 + "1", "SELECT 1" + "+1" * 100000, "SELECT '" + "x" * (1 << 20) + "'",
             "SELECT 1" + " UNION SELECT 1" * 5000, "SELECT 1 WHERE " + "NOT " * 10000 + "true",
             "SELECT * FROM lint_users WHERE id IN (" + ",".join(map(str, range(100000))) + ")", "SELECT $$", ";;", ""]
    for text in texts:
        with client(pooler) as c:
            try:
                c.execute(text)
            except psycopg.Error:
                pass
    with client(pooler) as c:
        c.execute("SELECT id FROM lint_users WHERE email = NULL")
    assert found(pooler, "EQNULL")
    assert pooler.alive()


def test_pools_are_advised(start, shop):
    pooler = start()
    rows = ask(pooler, "SHOW POOL_ADVICE")
    assert rows == [] or rows[0]["change"] == "not enough was seen yet"
    stop = time.monotonic() + 17

    def work():
        with client(pooler) as c:
            while time.monotonic() < stop:
                c.execute("SELECT pg_sleep(0.02)")

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row = next(row for row in ask(pooler, "SHOW POOL_ADVICE") if row["database"] == "app")
    assert row["pool_size"] == 3 and row["suggested_pool_size"] > 3, row
    assert 2 < row["busy"] <= 3.2, "three servers that never rest"
    assert row["held_ms"] >= 20 and row["wait_ms"] > 20
    assert row["wait_after_ms"] < row["wait_ms"]
    assert row["change"].startswith("default_pool_size 3 -> ")
