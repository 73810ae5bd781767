"""Drizzle over postgres.js and node-postgres through transaction mode: its migrations, queries and transactions.

Prisma is not here: the engine that migrates is a program that its installer downloads from elsewhere, so npm's lock file
cannot pin it. The advisory lock around its migrations is taken here as it takes it.
"""

import json

import pytest

from apps import place, roomy  # noqa: F401 (fixtures)
from servers import ROOT

INTEROP = ROOT / "tests" / "interop" / "node"

pytestmark = pytest.mark.skipif(not (INTEROP / "node_modules" / "drizzle-orm").is_dir(), reason="scripts/setup.sh test first")

PRELUDE = """
const fs = require('fs'), path = require('path');
const { Client, Pool } = require('pg'), postgres = require('postgres');
const core = require('drizzle-orm/pg-core'), { eq, gt, sql, desc, and, inArray, relations } = require('drizzle-orm');
const url = process.env.DATABASE_URL, folder = process.env.MIGRATIONS;
const kind = core.pgEnum('kind', ['small', 'large']);
const items = core.pgTable('items', { id: core.serial('id').primaryKey(), name: core.text('name').notNull().unique(),
  stock: core.integer('stock').notNull().default(0), tags: core.jsonb('tags').$type(), at: core.timestamp('at', { withTimezone: true }).defaultNow(),
  kind: kind('kind').default('small') });
const orders = core.pgTable('orders', { id: core.serial('id').primaryKey(), itemId: core.integer('item_id').references(() => items.id),
  count: core.integer('count') });
const schema = { items, orders, itemsHave: relations(items, ({ many }) => ({ orders: many(orders) })),
                 ordersHave: relations(orders, ({ one }) => ({ item: one(items, { fields: [orders.itemId], references: [items.id] }) })) };
function open(driver, max) {
  if (driver === 'postgres-js') {
    const client = postgres(url, { max, onnotice: () => {} });
    const { drizzle } = require('drizzle-orm/postgres-js'), { migrate } = require('drizzle-orm/postgres-js/migrator');
    return { db: drizzle(client, { schema }), migrate, end: () => client.end() };
  }
  const client = new Pool({ connectionString: url, max });
  const { drizzle } = require('drizzle-orm/node-postgres'), { migrate } = require('drizzle-orm/node-postgres/migrator');
  return { db: drizzle(client, { schema }), migrate, end: () => client.end() };
}
const sleep = ms => new Promise(r => setTimeout(r, ms));
const many = (n, f) => Promise.all(Array.from({ length: n }, (_, i) => f(i)));
async function code(work) { try { await work(); return 'none' } catch (e) { return (e.cause && e.cause.code) || e.code || e.message } }
"""

FIRST = """CREATE TYPE "kind" AS ENUM('small', 'large');
--> statement-breakpoint
CREATE TABLE "items" ("id" serial PRIMARY KEY NOT NULL, "name" text NOT NULL, "stock" integer DEFAULT 0 NOT NULL,
  "tags" jsonb, CONSTRAINT "items_name_unique" UNIQUE("name"));
--> statement-breakpoint
CREATE TABLE "orders" ("id" serial PRIMARY KEY NOT NULL, "item_id" integer, "count" integer);
--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_item_id_fk" FOREIGN KEY ("item_id") REFERENCES "public"."items"("id");
"""
SECOND = """ALTER TABLE "items" ADD COLUMN "at" timestamp with time zone DEFAULT now();
--> statement-breakpoint
ALTER TABLE "items" ADD COLUMN "kind" "kind" DEFAULT 'small';
--> statement-breakpoint
CREATE INDEX "items_stock" ON "items" ("stock");
"""
BROKEN = 'ALTER TABLE "items" ADD COLUMN "more" int;\n--> statement-breakpoint\nALTER TABLE "nowhere" ADD COLUMN "x" int;\n'


def migrations(root, *texts):
    """A folder as drizzle-kit leaves it."""
    (root / "meta").mkdir(parents=True)
    names = [f"{n:04}_step" for n in range(len(texts))]
    for name, sql in zip(names, texts):
        (root / f"{name}.sql").write_text(sql)
    entries = [{"idx": n, "version": "7", "when": 1700000000000 + n, "tag": name, "breakpoints": True} for n, name in enumerate(names)]
    (root / "meta" / "_journal.json").write_text(json.dumps({"version": "7", "dialect": "postgresql", "entries": entries}))
    return root


@pytest.fixture
def node(tmp_path):
    """node(place, script): what the program returned; `folder` holds one.../two.../broken... migrations."""
    for name, texts in {"one": [FIRST], "two": [FIRST, SECOND], "broken": [FIRST, SECOND, BROKEN]}.items():
        migrations(tmp_path / name, *texts)

    def run(place, script):
        program = PRELUDE + f"(async () => {{ {script} }})().then(v => console.log(JSON.stringify(v)), e => {{ console.error(e); process.exit(1) }})"
        return place.program("node", "-e", program, cwd=INTEROP, MIGRATIONS=tmp_path)

    return run


DRIVERS = pytest.mark.parametrize("driver", ["postgres-js", "node-postgres"])


@DRIVERS
def test_drizzle_migrates_in_steps_and_undoes_a_broken_one(node, place, driver):
    got = node(place, f"""
      const {{ db, migrate, end }} = open('{driver}', 1);
      const columns = async () => {{
        const found = await db.execute(sql`SELECT column_name::text AS name FROM information_schema.columns WHERE table_name = 'items' ORDER BY 1`);
        return (found.rows ?? found).map(r => r.name).join(' ');
      }};
      const log = [];
      for (const step of ['one', 'two', 'two']) {{ await migrate(db, {{ migrationsFolder: path.join(folder, step) }}); log.push(await columns()) }}
      log.push(await code(() => migrate(db, {{ migrationsFolder: path.join(folder, 'broken') }})), await columns());
      const done = await db.execute(sql`SELECT count(*)::int AS n FROM drizzle.__drizzle_migrations`);
      await end();
      return [...log, (done.rows ?? done)[0].n];""")
    all_of_them = "at id kind name stock tags"
    assert got == ["id name stock tags", all_of_them, all_of_them, "42P01", all_of_them, 2]


@DRIVERS
def test_drizzle_creates_and_queries(node, place, driver):
    got = node(place, f"""
      const {{ db, migrate, end }} = open('{driver}', 4);
      await migrate(db, {{ migrationsFolder: path.join(folder, 'two') }});
      await db.insert(items).values(Array.from({{ length: 20 }}, (_, i) => ({{ name: `item ${{i}}`, stock: i, tags: {{ n: [i, null] }} }})));
      const made = await many(12, i => db.insert(orders).values({{ itemId: 1 + i % 3, count: i }}).returning({{ id: orders.itemId }}));
      const again = await db.insert(items).values({{ name: 'item 3', stock: 1 }})
        .onConflictDoUpdate({{ target: items.name, set: {{ stock: sql`${{items.stock}} + 100` }} }}).returning();
      const by = db.select({{ name: items.name, n: items.stock }}).from(items).where(eq(items.id, sql.placeholder('id'))).prepare('by_id');
      const found = await many(20, i => by.execute({{ id: 1 + i }}));
      const joined = await db.select({{ name: items.name, sold: sql`sum(${{orders.count}})::int` }}).from(items)
        .innerJoin(orders, eq(orders.itemId, items.id)).groupBy(items.name).orderBy(items.name);
      const nested = await db.query.items.findFirst({{ where: eq(items.id, 2), with: {{ orders: {{ columns: {{ count: true }} }} }} }});
      const codes = [await code(() => db.insert(items).values({{ name: 'item 1' }})), await code(() => db.execute(sql`SELECT 1 / ${{0}}::int`)),
                     await code(() => db.insert(orders).values({{ itemId: 999 }})), await code(() => db.execute(sql`SELEKT`))];
      const gone = await db.delete(items).where(and(gt(items.stock, 15), inArray(items.name, ['item 16', 'item 17']))).returning({{ name: items.name }});
      await end();
      return [made.map(r => r[0].id).join(''), again[0].stock, found.map(r => r[0].n), joined, nested.orders.map(o => o.count).sort((a, b) => a - b),
              nested.tags, nested.at instanceof Date, nested.kind, codes, gone.map(g => g.name).sort()];""")
    assert got == ["123123123123", 103, [0, 1, 2, 103] + list(range(4, 20)),
                   [{"name": "item 0", "sold": 18}, {"name": "item 1", "sold": 22}, {"name": "item 2", "sold": 26}], [1, 4, 7, 10],
                   {"n": [1, None]}, True, "small", ["23505", "22012", "23503", "42601"], ["item 16", "item 17"]]


@DRIVERS
def test_drizzle_transactions_nest_and_keep_their_levels(node, place, driver):
    got = node(place, f"""
      const {{ db, migrate, end }} = open('{driver}', 4);
      await migrate(db, {{ migrationsFolder: path.join(folder, 'two') }});
      await db.insert(items).values(Array.from({{ length: 5 }}, (_, i) => ({{ name: `item ${{i}}`, stock: 100 }})));
      const level = async t => {{ const r = await t.execute(sql`SHOW transaction_isolation`); return (r.rows ?? r)[0].transaction_isolation }};
      const codes = await many(15, i => code(() => db.transaction(async t => {{
        await t.update(items).set({{ stock: sql`${{items.stock}} + 1` }}).where(eq(items.id, 1 + i % 5));
        await code(() => t.transaction(async nested => {{
          await nested.update(items).set({{ stock: 0 }}).where(eq(items.id, 1 + i % 5));
          await nested.execute(sql`SELECT 1 / 0`);
        }}));
        if (i % 5 == 0) t.rollback();
      }})));
      const levels = [await db.transaction(level, {{ isolationLevel: 'serializable', accessMode: 'read only', deferrable: true }}), await level(db),
                      await code(() => db.transaction(t => t.delete(items), {{ accessMode: 'read only' }}))];
      const sum = await db.select({{ sum: sql`sum(${{items.stock}})::int` }}).from(items);
      await end();
      return [codes.map(c => c == 'none' ? 1 : 0), levels, sum[0].sum];""")
    assert got == [[0 if i % 5 == 0 else 1 for i in range(15)], ["serializable", "read committed", "25006"], 512]


def test_postgres_js_subscribers_hear_and_reserved_connections_keep_theirs(node, place):
    got = node(place, """
      const client = postgres(url, { max: 3, onnotice: () => {}, fetch_types: true, connection: { application_name: 'shop', TimeZone: 'Europe/Zurich' } });
      const heard = [];
      const subscription = await client.listen('news', payload => heard.push(payload));
      await client.notify('news', 'one');
      await client.begin(async t => { await t`SELECT pg_notify('news', 'two')`; await sleep(100); heard.push('before') });
      for (let i = 0; i < 100 && heard.length < 3; i++) await sleep(20);
      await subscription.unlisten();
      await client.notify('news', 'three');
      await sleep(100);
      const zones = await many(20, async () => (await client`SHOW TimeZone`)[0].TimeZone + (await client`SHOW application_name`)[0].application_name);
      await client.end();
      return [heard, [...new Set(zones)]];""")
    assert got == [["one", "before", "two"], ["Europe/Zurichshop"]]


def test_node_postgres_hears_keeps_a_temporary_table_and_reads_what_it_prepared(node, roomy):
    got = node(roomy, """
      const a = new Client(url), b = new Client(url), heard = [];
      await a.connect(); await b.connect();
      a.on('notification', n => heard.push([n.channel, n.payload]));
      await a.query('LISTEN news');
      await b.query("SELECT pg_notify('news', $1)", ['one']);
      for (let i = 0; i < 100 && heard.length < 1; i++) await sleep(20);
      await a.query("SET TIME ZONE 'Asia/Kolkata'");
      await a.query('CREATE TEMP TABLE mine AS SELECT generate_series(1, 3) AS n');
      const seen = new Set();
      for (let i = 0; i < 10; i++) {
        const mine = await a.query({ name: 'mine', text: 'SELECT sum(n)::int AS v FROM mine WHERE n > $1', values: [1] });
        seen.add(mine.rows[0].v + (await a.query('SHOW TimeZone')).rows[0].TimeZone);
        seen.add(await code(() => b.query('SELECT * FROM mine')));
      }
      await a.query('DISCARD ALL');
      seen.add(await code(() => a.query('SELECT * FROM mine')));
      await b.query("NOTIFY news, 'not heard'");
      await sleep(100);
      await a.end(); await b.end();
      return [heard, [...seen]];""")
    assert got == [[["news", "one"]], ["5Asia/Kolkata", "42P01"]]


def test_a_migration_lock_as_prismas_is_held_by_one(node, roomy):
    # Prisma's schema engine: SELECT pg_advisory_lock(72707369), then its statements on the same connection.
    got = node(roomy, """
      const a = new Client(url), b = new Client(url), order = [];
      await a.connect(); await b.connect();
      await a.query('SELECT pg_advisory_lock(72707369)');
      const waits = b.query('SELECT pg_advisory_lock(72707369)').then(() => order.push('b has it'));
      for (let i = 0; i < 5; i++) {
        await a.query(`CREATE TABLE step_${i} (id int)`);
        await sleep(30);
      }
      order.push('a is done');
      await a.query('SELECT pg_advisory_unlock(72707369)');
      await waits;
      const seen = await b.query("SELECT count(*)::int AS n FROM pg_tables WHERE tablename LIKE 'step%'");
      const again = await a.query('SELECT pg_try_advisory_lock(72707369) AS got');
      await b.end();
      let got = false;
      for (let i = 0; i < 100 && !got; i++) { got = (await a.query('SELECT pg_try_advisory_lock(72707369) AS got')).rows[0].got; await sleep(20) }
      await a.end();
      return [order, seen.rows[0].n, again.rows[0].got, got];""")
    assert got == [["a is done", "b has it"], 5, False, True]
