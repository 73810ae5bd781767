"""node-postgres and postgres.js through transaction mode, with more connections than servers.

Each test is a small Node program that prints JSON; node_modules of tests/interop/node hold the pinned drivers.
"""

import json
import os
import subprocess

import pytest

from servers import ROOT

INTEROP = ROOT / "tests" / "interop" / "node"
SECONDS = 30

pytestmark = pytest.mark.skipif(not (INTEROP / "node_modules").is_dir(), reason="npm ci in tests/interop/node first")


@pytest.fixture
def node(weir):
    """node(script): what the program printed; `url` and the drivers are there for it."""
    pooler = weir(weir={"default_pool_size": 2, "query_wait_timeout": SECONDS})

    def run(script):
        program = ("const pg = require('pg'), postgres = require('postgres'), url = process.env.POOLED_URL;\n"
                   "const many = (n, f) => Promise.all(Array.from({ length: n }, (_, i) => f(i)));\n"
                   "async function code(work) { try { await work(); return 'no error' } catch (e) { return e.code } }\n"
                   f"(async () => {{ {script} }})().then(\n"
                   "  v => { console.log(JSON.stringify(v)) }, e => { console.error(e); process.exit(1) })")
        done = subprocess.run(["node", "-e", program], cwd=INTEROP, env=dict(os.environ, POOLED_URL=pooler.url()),
                              capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def ledger(postgres):
    postgres.sql("DROP TABLE IF EXISTS ledger; CREATE TABLE ledger (id int PRIMARY KEY, n int NOT NULL); "
                 "INSERT INTO ledger SELECT i, 100 FROM generate_series(1, 10) i; GRANT ALL ON ledger TO alice", database="app")
    return lambda: int(postgres.sql("SELECT sum(n) FROM ledger", database="app")[0][0])


def test_pg_named_statements_of_many_clients_stay_apart(node):
    got = node("""
      const clients = await many(6, async () => { const c = new pg.Client(url); await c.connect(); return c });
      const out = [];
      for (let n = 0; n < 5; n++)
        for (let i = 0; i < 6; i++) {
          // One name, another text for each client; then one text for all.
          const own = await clients[i].query({ name: 'q', text: `SELECT ${i} * 100 + $1::int AS v`, values: [n] });
          const all = await clients[i].query({ name: 'all', text: 'SELECT $1::text AS v', values: [`${i}-${n}`] });
          out.push([own.rows[0].v, all.rows[0].v]);
        }
      await many(6, i => clients[i].end());
      return out;""")
    assert got == [[i * 100 + n, f"{i}-{n}"] for n in range(5) for i in range(6)]


def test_pg_pool_transactions_add_up_and_errors_roll_back(node, ledger):
    got = node("""
      const pool = new pg.Pool({ connectionString: url, max: 10 });
      const codes = await many(40, i => code(async () => {
        const c = await pool.connect();
        try {
          await c.query('BEGIN');
          await c.query('UPDATE ledger SET n = n + 1 WHERE id = $1', [1 + i % 10]);
          if (i % 4 == 0) await c.query('SELECT 1 / $1::int', [0]);
          await c.query('COMMIT');
        } catch (e) { await c.query('ROLLBACK'); throw e } finally { c.release() }
      }));
      const { rows } = await pool.query('SELECT sum(n)::int AS sum, count(*)::int AS count FROM ledger');
      await pool.end();
      return { codes, rows };""")
    assert got["codes"] == ["22012" if i % 4 == 0 else "no error" for i in range(40)]
    assert got["rows"] == [{"sum": 1030, "count": 10}] and ledger() == 1030


def test_pg_queued_queries_errors_notices_and_types(node):
    got = node("""
      const c = new pg.Client(url), other = new pg.Client(url), notices = [], strangers = [];
      await c.connect(); await other.connect();
      c.on('notice', n => notices.push([n.severity, n.message]));
      other.on('notice', n => strangers.push(n.message));
      const results = await Promise.all([
        c.query('SELECT 1 AS v'), code(() => c.query('SELECT * FROM nowhere')), c.query('SELECT $1::int[] AS v', [[1, 2, 3]]),
        code(() => c.query({ name: 'bad', text: 'SELEKT $1', values: [1] })), c.query("SELECT 'after' AS v"),
        c.query("DO $$ BEGIN RAISE NOTICE 'heard'; END $$"), other.query('SELECT 1 AS v'),
        c.query({ text: 'SELECT NULL AS a, true AS b, 1.5::float8 AS c', rowMode: 'array' }), c.query('SELECT 1; SELECT 2 AS v'),
      ]);
      await c.end(); await other.end();
      return [...results.map(r => r.rows ?? (Array.isArray(r) ? r.map(x => x.rows) : r)), notices, strangers];""")
    assert got == [[{"v": 1}], "42P01", [{"v": [1, 2, 3]}], "42601", [{"v": "after"}], [], [{"v": 1}],
                   [[None, True, 1.5]], [[{"?column?": 1}], [{"v": 2}]], [["NOTICE", "heard"]], []]


def test_postgres_js_pipelines_on_one_connection(node):
    got = node("""
      const sql = postgres(url, { max: 1 });
      const all = await many(200, async i => (await sql`SELECT ${i}::int + 1 AS v`)[0].v);
      const codes = await Promise.all([1, 0, 2].map(n => code(() => sql`SELECT 6 / ${n}::int`)));
      const last = await sql.unsafe("SELECT 'on' AS v");
      await sql.end();
      return [all, codes, last[0].v];""")
    assert got == [[i + 1 for i in range(200)], ["no error", "22012", "no error"], "on"]


@pytest.mark.parametrize("prepare", ["true", "false"])
def test_postgres_js_describes_first_on_a_pool_of_ten(node, ledger, prepare):
    # Without types in the text it asks with Parse, Describe, Flush, and binds when it knows them.
    got = node(f"""
      const sql = postgres(url, {{ max: 10, prepare: {prepare} }});
      const inserted = await many(30, i => sql`INSERT INTO ledger ${{sql([{{ id: 100 + i, n: i }}])}} RETURNING id`);
      const found = await many(30, i => sql`SELECT n FROM ledger WHERE id = ${{100 + i}} AND n < ${{1000}}`);
      const code1 = await code(() => sql`INSERT INTO ledger ${{sql({{ id: 1, n: 1 }})}}`);
      await sql.end();
      return [inserted.map(r => r[0].id), found.map(r => r[0].n), code1];""")
    assert got == [[100 + i for i in range(30)], list(range(30)), "23505"]
    assert ledger() == 1000 + sum(range(30))


def test_postgres_js_transactions_savepoints_cursors_and_cancel(node, ledger):
    got = node("""
      const sql = postgres(url, { max: 8, onnotice: () => {} });
      const codes = await many(24, i => code(() => sql.begin(async t => {
        await t`UPDATE ledger SET n = n + 1 WHERE id = ${1 + i % 10}`;
        await t.savepoint(s => s`SELECT 1 / ${0}::int`).catch(() => {});
        if (i % 3 == 0) throw Object.assign(new Error('undo'), { code: 'undone' });
      })));
      let sum = 0, batches = 0;
      await sql`SELECT g::int FROM generate_series(1, 1000) g`.cursor(64, rows => { batches++; for (const r of rows) sum += r.g });
      const slow = sql`SELECT pg_sleep(20)`;
      const cancelled = code(() => slow);
      setTimeout(() => slow.cancel(), 400);
      const result = [codes, sum, batches, await cancelled, (await sql`SELECT 1 AS v`)[0].v];
      await sql.end();
      return result;""")
    assert got == [["undone" if i % 3 == 0 else "no error" for i in range(24)], 500_500, 16, "57014", 1]
    assert ledger() == 1016


def test_postgres_js_copies_in_and_out(node, ledger):
    got = node("""
      const sql = postgres(url, { max: 3 }), { pipeline } = require('stream/promises'), { Readable } = require('stream');
      const lines = Array.from({ length: 2000 }, (_, i) => `${1000 + i}\\t1\\n`);
      await pipeline(Readable.from(lines), await sql`COPY ledger FROM STDIN`.writable());
      let out = '';
      for await (const chunk of await sql`COPY (SELECT id FROM ledger WHERE id >= 1000 ORDER BY id) TO STDOUT`.readable()) out += chunk;
      const v = (await sql`SELECT count(*)::int AS v FROM ledger`)[0].v;
      await sql.end();
      return [out.trim().split('\\n').length, out.slice(0, 9), v];""")
    assert got == [2000, "1000\n1001", 2010]
