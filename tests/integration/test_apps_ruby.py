"""Ruby's pg gem and ActiveRecord through transaction mode: Rails' migrations under an advisory lock, prepared statements,
the schema cache, transactions, LISTEN, COPY and cancel."""

import shutil
import subprocess

import pytest

from apps import place, roomy  # noqa: F401 (fixtures)

RUBY = "/usr/bin/ruby" if shutil.which("/usr/bin/ruby") else None
HAS_RAILS = RUBY is not None and subprocess.run([RUBY, "-W0", "-e", "require 'pg'; require 'active_record'"],
                                                capture_output=True).returncode == 0
pytestmark = pytest.mark.skipif(not HAS_RAILS, reason="ruby, ruby-pg and ruby-activerecord are not installed")

PRELUDE = """
require 'json'; require 'pg'; require 'timeout'
AT = { host: ENV['PGHOST'], port: ENV['PGPORT'], dbname: ENV['PGDATABASE'], user: ENV['PGUSER'], password: ENV['PGPASSWORD'] }
def connection = PG.connect(**AT)
def one(c, sql, *values) = (values.empty? ? c.exec(sql) : c.exec_params(sql, values)).getvalue(0, 0)
def code; yield; 'no error'; rescue PG::Error => e; e.result ? e.result.error_field(PG::PG_DIAG_SQLSTATE) : e.class.name; end
"""

RAILS = PRELUDE + """
require 'logger'; require 'active_record'
Record = ActiveRecord::Base
OPTIONS = { adapter: 'postgresql', host: AT[:host], port: AT[:port], database: AT[:dbname], username: AT[:user], password: AT[:password],
            pool: 5 }
def rails(**more) = Record.establish_connection(**OPTIONS, **more)
def db = Record.connection
ActiveRecord::Migration.verbose = false

class CreateItems < ActiveRecord::Migration[6.1]
  def change
    create_table(:items) { |t| t.string :name, null: false; t.integer :stock, default: 0; t.jsonb :tags, default: []; t.timestamps }
    create_table(:orders) { |t| t.references :item, foreign_key: true; t.integer :count }
  end
end
class AlterItems < ActiveRecord::Migration[6.1]
  def up
    add_column :items, :price, :decimal, precision: 8, scale: 2, default: 1
    change_column :items, :name, :text
    add_index :items, :name, unique: true
    execute "ALTER TABLE items ADD CONSTRAINT stock_not_negative CHECK (stock >= 0)"
  end
  def down; remove_index :items, :name; remove_column :items, :price; execute "ALTER TABLE items DROP CONSTRAINT stock_not_negative"; end
end
class IndexStock < ActiveRecord::Migration[6.1]
  disable_ddl_transaction!
  def change; add_index :items, :stock, algorithm: :concurrently; end
end
class Item < Record; has_many :orders, dependent: :destroy; end
class Order < Record; belongs_to :item; end
def migrator(direction = :up, to = nil)
  steps = [CreateItems.new('CreateItems', 1), AlterItems.new('AlterItems', 2), IndexStock.new('IndexStock', 3)]
  ActiveRecord::Migrator.new(direction, steps, Record.connection.schema_migration, to)
end
def migrate(*where) = migrator(*where).migrate
def failure; yield; 'no error'; rescue => e; [e.class.name, e.cause && e.cause.respond_to?(:result) && e.cause.result&.error_field(PG::PG_DIAG_SQLSTATE)]; end
"""


def ruby(place, script, prelude=RAILS):
    return place.program(RUBY, "-W0", "-", stdin=prelude + "puts JSON.generate(lambda {\n" + script + "\n}.call)")


def advisory_locks(place):
    return int(place.look("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                          "(SELECT oid FROM pg_database WHERE datname = current_database())")[0][0])


# ActiveRecord holds its lock on one connection while another migrates: it needs two servers.
def test_rails_migrates_under_an_advisory_lock(roomy):
    got = ruby(roomy, """
      rails; migrate
      Item.reset_column_information
      log = [Item.column_names.sort, db.schema_migration.all_versions, db.index_exists?(:items, :stock)]
      migrate(:down, 1)
      Item.reset_column_information
      log << Item.column_names.include?('price') << db.schema_migration.all_versions
      migrate
      Item.reset_column_information
      log << Item.column_names.include?('price')
      log << db.select_value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")""")
    assert got == [["created_at", "id", "name", "price", "stock", "tags", "updated_at"], ["1", "2", "3"], True, False, ["1"], True, 0]
    assert advisory_locks(roomy) == 0


def test_rails_refuses_a_second_migration_at_the_same_time(roomy):
    # The lock is the first connection's, on its server, until it lets go of it: a second migration must not get it.
    got = ruby(roomy, """
      rails
      holder, again = connection, connection
      number = migrator.send(:generate_migrator_advisory_lock_id)
      log = [one(holder, "SELECT pg_try_advisory_lock(#{number})")]
      log << failure { migrate }.first << db.table_exists?(:items)
      5.times { log << one(again, "SELECT pg_try_advisory_lock(#{number})") }
      5.times { one(holder, 'SELECT 1') }
      log << one(holder, "SELECT pg_advisory_unlock(#{number})")
      migrate
      log << db.table_exists?(:items) << one(holder, "SELECT pg_advisory_unlock(#{number})")""")
    assert got == ["t", "ActiveRecord::ConcurrentMigrationError", False] + ["f"] * 5 + ["t", True, "f"]
    assert advisory_locks(roomy) == 0


@pytest.mark.parametrize("options", ["prepared_statements: true", "prepared_statements: false", "statement_limit: 3",
                                     "variables: { statement_timeout: 9000, timezone: 'Europe/Zurich' }, min_messages: 'error'",
                                     "schema_search_path: 'public, pg_catalog'"])
def test_rails_models_create_query_and_update(roomy, options):
    got = ruby(roomy, """
      rails(%s); migrate
      Item.reset_column_information
      20.times { |i| Item.create!(name: "item #{i}", stock: i, tags: ["t#{i %% 3}", nil]) }
      work = Array.new(4) { |t| Thread.new { Record.connection_pool.with_connection {
        10.times { |n| Item.find_by!(name: "item #{(t + n) %% 20}").orders.create!(count: n) } } } }
      work.each(&:join)
      log = [Item.where(stock: 5..8).order(:id).pluck(:name), Item.where("tags @> ?", ['t1'].to_json).count,
             Item.joins(:orders).group(:name).order(:name).sum(:count).first(2), Order.count]
      item = Item.lock.find_by(name: 'item 7')
      item.update!(stock: 70, price: '9.99')
      log << item.reload.stock << item.price.to_s << Item.find_or_create_by!(name: 'item 7').id - item.id
      log << failure { Item.create!(name: 'item 7') } << failure { Item.where(id: item.id).update_all(stock: -1) }
      log << failure { Item.where('nowhere = 1').to_a } << Item.in_batches(of: 7).map(&:count)
      log << Item.insert_all([{ name: 'new', created_at: Time.now, updated_at: Time.now }, { name: 'item 1', created_at: Time.now,
                              updated_at: Time.now }]).rows.size
      log << Item.find_by(name: 'item 0').destroy.destroyed? << Item.count << db.select_value('SHOW search_path')
      log << (Time.now - Item.maximum(:created_at)).abs.to_i / 100 << db.select_value('SHOW TimeZone')""" % options)
    path, zone = {"sch": ("public, pg_catalog", "UTC"), "var": ('"$user", public', "Europe/Zurich")}.get(
        options[:3], ('"$user", public', "UTC"))
    assert got == [["item 5", "item 6", "item 7", "item 8"], 7, [["item 0", 0], ["item 1", 1]], 40, 70, "9.99", 0,
                   ["ActiveRecord::RecordNotUnique", "23505"], ["ActiveRecord::StatementInvalid", "23514"],
                   ["ActiveRecord::StatementInvalid", "42703"], [7, 7, 6], 1, True, 20, path, 0, zone]


def test_rails_transactions_nest_and_survive_a_changed_table(roomy):
    got = ruby(roomy, """
      rails; migrate
      Item.reset_column_information
      3.times { |i| Item.create!(name: "item #{i}", stock: 10) }
      stock = -> { Item.order(:id).pluck(:stock) }
      Record.transaction do
        Item.first.update!(stock: 11)
        Record.transaction(requires_new: true) { Item.second.update!(stock: 11); raise ActiveRecord::Rollback }
        failure { Record.transaction(requires_new: true) { Item.where(name: 'item 2').update_all(stock: -1) } }
        Item.third.update!(stock: 12)
      end
      log = [stock.call]
      Record.transaction(isolation: :serializable) { log << db.select_value('SHOW transaction_isolation') }
      log << db.select_value('SHOW transaction_isolation')
      failure { Record.transaction { Item.update_all(stock: 0); raise 'no' } }
      log << stock.call
      # A prepared SELECT * whose table gets a column: Rails prepares it again outside of a transaction.
      3.times { Item.find(1) }
      connection.exec('ALTER TABLE items ADD COLUMN extra int DEFAULT 5')
      log << failure { 3.times { Item.find(1) } }
      Item.reset_column_information
      log << Item.find(1).extra << db.active? << (db.reset!; db.select_value('SELECT 1')) << (db.reconnect!; Item.count)""")
    assert got == [[11, 10, 12], "serializable", "read committed", [11, 10, 12], "no error", 5, True, 1, 3]


def test_pg_hears_notifications(place):
    got = ruby(place, """
      c, other = connection, connection
      hear = ->(wait) { heard = nil; c.wait_for_notify(wait) { |channel, pid, payload| heard = [channel, payload] }; heard }
      c.exec('LISTEN news')
      other.exec_params('SELECT pg_notify($1, $2)', ['news', 'one'])
      log = [hear.(5)]
      other.transaction { |t| t.exec("NOTIFY news, 'two'"); log << hear.(0.2) }
      log << hear.(5)
      one(c, 'SELECT 1')
      Thread.new { sleep 0.3; other.exec("NOTIFY news, 'three'") }
      log << hear.(5)
      c.exec('UNLISTEN news'); other.exec('NOTIFY news')
      log << hear.(0.2)""", PRELUDE)
    assert got == [["news", "one"], None, ["news", "two"], ["news", "three"], None]


def test_pg_prepares_copies_and_cancels(place):
    got = ruby(place, """
      c, other, log = connection, connection, []
      c.exec('CREATE TABLE item (id int PRIMARY KEY, name text)')
      c.prepare('q', 'SELECT $1::int * 2'); other.prepare('q', 'SELECT $1::int * 3')
      log << (1..3).flat_map { |i| [c, other].map { |one| one.exec_prepared('q', [i]).getvalue(0, 0).to_i } }
      log << c.describe_prepared('q').nfields << code { other.exec_prepared('none', []) } << code { c.prepare('q', 'SELECT 1') }
      c.copy_data('COPY item FROM STDIN') { 1000.times { |i| c.put_copy_data("#{i}\\tname #{i}\\n") } }
      rows = []
      other.copy_data('COPY item TO STDOUT') { while (row = other.get_copy_data) do rows << row end }
      log << rows.size << rows.last.chomp << code { c.copy_data('COPY item FROM STDIN') { c.put_copy_data("x\\ty\\n") } }
      log << code { c.copy_data('COPY item FROM STDIN') { c.put_copy_data("5000\\ty\\n"); raise PG::Error, 'stop' } }
      log << one(c, 'SELECT count(*) FROM item').to_i
      c.send_query('SELECT pg_sleep(20)')
      sleep 0.3
      log << c.cancel << code { c.get_last_result } << one(c, 'SELECT 1')
      c.send_query('SELECT generate_series(1, 500)')
      c.set_single_row_mode
      n = 0
      while (r = c.get_result) do r.check; r.stream_each { n += 1 } end
      log << n
      c.transaction { |t| t.exec('DECLARE walk CURSOR FOR SELECT id FROM item ORDER BY id'); 10.times { n += t.exec('FETCH 50 FROM walk').ntuples } }
      log << n << code { c.transaction { |t| t.exec("INSERT INTO item VALUES (9000, 'x')"); t.exec('SELECT 1/0') } }
      log << one(other, 'SELECT count(*) FROM item WHERE id = $1', 9000).to_i << c.transaction_status
      c.reset
      log << code { c.exec_prepared('q', [1]) }""", PRELUDE)
    assert got == [[2, 3, 4, 6, 6, 9], 1, "26000", "42P05", 1000, "999\tname 999", "22P02", "PG::Error", 1000, None, "57014",
                   "1", 500, 1000, "22012", 0, 0, "26000"]


def test_pg_pipelines_on_connections_that_take_turns(place):
    got = ruby(place, """
      all = Array.new(3) { connection }
      all.each(&:enter_pipeline_mode)
      out = []
      5.times do |n|
        all.each_with_index do |c, i|
          c.send_query_params('SELECT $1::int', [n * 10 + i])
          c.send_query_params(n == 3 ? 'SELECT 1/0' : 'SELECT 2', [])
          c.pipeline_sync
        end
        all.each do |c|
          got = []
          loop do
            r = c.get_result
            next if r.nil?
            break if r.result_status == PG::PGRES_PIPELINE_SYNC
            got << (r.result_status == PG::PGRES_TUPLES_OK ? r.getvalue(0, 0).to_i : r.error_field(PG::PG_DIAG_SQLSTATE))
          end
          out << got
        end
      end
      out""", PRELUDE)
    assert got == [[n * 10 + i, "22012" if n == 3 else 2] for n in range(5) for i in range(3)]
