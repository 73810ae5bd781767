// Reading a real server's catalogue, and keeping up with it.

#include "pooler/catalogues.h"

#include <gmock/gmock.h>

#include "tests/unit/pooler/listen_fixture.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;
using analyzer::Effect;
using analyzer::Effects;

class CataloguesTest : public ListenFixture {
 protected:
  CataloguesTest() {
    static int count = 0;
    dbname_ = "catalogue" + std::to_string(++count);
    postgres_.run("DROP DATABASE IF EXISTS " + dbname_);
    postgres_.run("CREATE DATABASE " + dbname_);
  }
  ~CataloguesTest() override {
    clients_.clear();
    other_.stop();
    thread_.join();
    catalogues_.stop_worker(0);
    catalogues_.stop_worker(1);
    thread_ = std::thread([] {});
  }

  void open() {
    pool_ = pool(dbname_);
    view_ = CatalogueView(catalogues_.of(pool_));
    settle();
  }
  // Until all changes noted so far are known.
  void settle() {
    bool told = false;
    const auto ticket = view_.catalogue().when_known(0, [&] {
      EXPECT_TRUE(loop_.in_loop_thread());
      told = true;
    });
    EXPECT_FALSE(told);
    ASSERT_TRUE(wait([&] { return told; }));
  }
  void run(const std::string& sql) { notify(sql, dbname_); }
  void run_and_note(const std::string& sql) {
    run(sql);
    view_.catalogue().note_ddl();
    settle();
  }
  Effects of_write(const std::string& table) { return view_.get().of_write("", table).effects; }
  Effects of_read(const std::string& table) { return view_.get().of_read("", table).effects; }
  Effects of_function(const std::string& name) { return view_.get().of_function("", name).effects; }

  static constexpr const char* kSets =
      "CREATE FUNCTION sets() RETURNS int LANGUAGE plpgsql AS "
      "$$BEGIN PERFORM set_config('a.b', 'c', false); RETURN 1; END$$";
  static constexpr const char* kLocks =
      "CREATE FUNCTION locks() RETURNS trigger LANGUAGE plpgsql AS "
      "$$BEGIN PERFORM pg_advisory_lock(1); RETURN NEW; END$$";

  std::string dbname_;
  std::shared_ptr<Pool> pool_;
  Catalogues catalogues_{runtime_};
  CatalogueView view_;
};

TEST_F(CataloguesTest, ANewDatabaseIsEmpty) {
  open();
  EXPECT_TRUE(view_.catalogue().known());
  EXPECT_TRUE(view_.empty());
  const auto rows = catalogues_.rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].database, pool_->database());
  EXPECT_TRUE(rows[0].known);
  EXPECT_EQ(rows[0].readings, 1u);
  EXPECT_EQ(rows[0].last_error, "");
}

TEST_F(CataloguesTest, FunctionsOfEveryReadableLanguageAreSeen) {
  run(kSets);
  run("CREATE FUNCTION calls() RETURNS int LANGUAGE sql AS 'SELECT sets()'");
  run("CREATE FUNCTION standard() RETURNS int LANGUAGE sql RETURN sets()");
  run("CREATE FUNCTION atomic() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT sets(); END");
  run("CREATE SCHEMA s CREATE TABLE x (a int)");
  run("CREATE PROCEDURE s.p() LANGUAGE plpgsql AS 'BEGIN CREATE TEMP TABLE y (a int); END'");
  run("CREATE PROCEDURE s.q() LANGUAGE sql AS 'SELECT 1'");
  run("CREATE FUNCTION s.nothing() RETURNS int LANGUAGE sql AS 'SELECT 1'");
  open();
  EXPECT_FALSE(view_.empty());
  for (const auto* name : {"sets", "calls", "standard", "atomic"})
    EXPECT_EQ(of_function(name), Effects(Effect::kAnySetting)) << name;
  EXPECT_TRUE(of_function("nothing").empty());
  EXPECT_TRUE(view_.get().of_procedure("s", "p").value().effects.has(Effect::kTemporary));
  EXPECT_TRUE(view_.get().of_procedure("", "q").value().empty());
  EXPECT_FALSE(view_.get().of_procedure("", "nothing").has_value());
}

TEST_F(CataloguesTest, TriggersAreSeenOnTheirTablesAndThroughWhatLeadsThere) {
  run(kLocks);
  run("CREATE TABLE t (id int PRIMARY KEY)");
  run("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION locks()");
  run("CREATE TABLE plain (id int PRIMARY KEY)");
  run("CREATE TABLE off (id int)");
  run("CREATE TRIGGER g BEFORE INSERT ON off FOR EACH ROW EXECUTE FUNCTION locks()");
  run("ALTER TABLE off DISABLE TRIGGER g");
  run("CREATE VIEW v AS SELECT * FROM t");
  run("CREATE TABLE parted (id int) PARTITION BY RANGE (id)");
  run("CREATE TABLE part PARTITION OF parted FOR VALUES FROM (1) TO (10)");
  run("CREATE TRIGGER g BEFORE INSERT ON part FOR EACH ROW EXECUTE FUNCTION locks()");
  run("CREATE TABLE parent (id int PRIMARY KEY)");
  run("CREATE TABLE child (id int REFERENCES parent ON DELETE CASCADE)");
  run("CREATE TRIGGER g AFTER DELETE ON child FOR EACH ROW EXECUTE FUNCTION locks()");
  run("CREATE FUNCTION saves() RETURNS void LANGUAGE sql AS 'INSERT INTO t VALUES (1)'");
  open();
  for (const auto* name : {"t", "v", "parted", "part", "parent", "child"}) {
    EXPECT_EQ(of_write(name), Effects(Effect::kAdvisoryLock)) << name;
    EXPECT_TRUE(of_read(name).empty()) << name;
  }
  EXPECT_TRUE(of_write("plain").empty());
  EXPECT_TRUE(of_write("off").empty());
  EXPECT_EQ(of_function("saves"), Effects(Effect::kAdvisoryLock));
}

TEST_F(CataloguesTest, ExpressionsOfRelationsAreSeen) {
  run(kSets);
  run("CREATE TABLE defaults (a int DEFAULT sets(), b serial)");
  run("CREATE TABLE builtin (a text DEFAULT set_config('a.b', 'c', false))");
  run("CREATE TABLE checks (a int CHECK (a > 0 AND sets() = 1))");
  run("CREATE TABLE rows (a int); ");
  run("CREATE POLICY p ON rows USING (sets() = a)");
  run("CREATE VIEW v AS SELECT sets() AS a");
  run("CREATE VIEW vv AS SELECT * FROM v");
  run("CREATE VIEW locked AS SELECT pg_try_advisory_lock(1)");
  run("CREATE MATERIALIZED VIEW m AS SELECT sets() AS a");
  run("CREATE TABLE ruled (a int)");
  run("CREATE RULE r AS ON UPDATE TO ruled DO ALSO SELECT sets()");
  run("CREATE TABLE harmless (a serial PRIMARY KEY, b text DEFAULT lower('X'), c timestamptz DEFAULT now())");
  open();
  const Effects setting = Effect::kAnySetting;
  for (const auto* name : {"defaults", "builtin", "checks", "rows", "v", "vv", "ruled"})
    EXPECT_EQ(of_write(name), setting) << name;
  for (const auto* name : {"rows", "v", "vv"}) EXPECT_EQ(of_read(name), setting) << name;
  for (const auto* name : {"defaults", "builtin", "checks", "m", "ruled"}) EXPECT_TRUE(of_read(name).empty()) << name;
  EXPECT_EQ(of_read("locked"), Effects(Effect::kAdvisoryLock));
  EXPECT_TRUE(of_write("harmless").empty());
  EXPECT_TRUE(of_read("harmless").empty());
}

TEST_F(CataloguesTest, EventTriggersAndNotificationsAreSeen) {
  run("CREATE FUNCTION watches() RETURNS event_trigger LANGUAGE plpgsql AS "
      "$$BEGIN PERFORM set_config('a.b', 'c', false); END$$");
  run("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION watches()");
  run("CREATE FUNCTION tells() RETURNS trigger LANGUAGE plpgsql AS "
      "$$BEGIN PERFORM pg_notify('t', ''); RETURN NEW; END$$");
  run("CREATE TABLE t (a int)");
  run("CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION tells()");
  open();
  EXPECT_EQ(view_.get().of_ddl().effects, Effects(Effect::kAnySetting));
  EXPECT_TRUE(view_.get().of_write("public", "t").notifies);
}

TEST_F(CataloguesTest, DdlThatIsNotedIsKnownSoon) {
  open();
  EXPECT_TRUE(view_.empty());
  run_and_note(kSets);
  EXPECT_FALSE(view_.empty());
  EXPECT_EQ(of_function("sets"), Effects(Effect::kAnySetting));
  // Changed, renamed, moved, dropped.
  run_and_note("CREATE OR REPLACE FUNCTION sets() RETURNS int LANGUAGE sql AS 'SELECT 1'");
  EXPECT_TRUE(view_.empty());
  run("CREATE SCHEMA s");
  run("DROP FUNCTION sets()");
  run_and_note(kSets);
  run_and_note("ALTER FUNCTION sets() RENAME TO other");
  EXPECT_TRUE(of_function("sets").empty());
  EXPECT_FALSE(of_function("other").empty());
  run_and_note("ALTER FUNCTION other() SET SCHEMA s");
  EXPECT_TRUE(view_.get().of_function("public", "other").empty());
  EXPECT_FALSE(view_.get().of_function("s", "other").empty());
  run_and_note("DROP FUNCTION s.other()");
  EXPECT_TRUE(view_.empty());
}

TEST_F(CataloguesTest, AStormOfDdlIsReadOnceAtATimeAndNothingIsMissed) {
  open();
  for (int i = 0; i < 200; ++i) view_.catalogue().note_ddl();
  EXPECT_FALSE(view_.catalogue().known());
  settle();
  EXPECT_TRUE(view_.catalogue().known());
  EXPECT_EQ(catalogues_.rows()[0].readings, 1u);  // nothing had changed
  run(kSets);
  for (int i = 0; i < 200; ++i) view_.catalogue().note_ddl();
  settle();
  EXPECT_EQ(of_function("sets"), Effects(Effect::kAnySetting));
  EXPECT_EQ(catalogues_.rows()[0].readings, 2u);
}

TEST_F(CataloguesTest, ManyFunctionsAndLongBodiesAreRead) {
  run("DO $$BEGIN FOR i IN 1..650 LOOP EXECUTE format('CREATE FUNCTION f%s() RETURNS int LANGUAGE sql AS "
      "''SELECT 1''', i); END LOOP; END$$");
  // The word that counts stands across the end of a piece, and characters have several bytes.
  run("DO $$BEGIN EXECUTE format('CREATE FUNCTION long() RETURNS int LANGUAGE plpgsql AS %L', "
      "'BEGIN /* ' || repeat('ä', 16384 - 26) || ' */ PERFORM pg_advisory_lock(1); ' "
      "|| repeat('-- ü' || chr(10), 20000) || ' PERFORM sets(); RETURN 1; END'); END$$");
  run(kSets);
  open();
  EXPECT_EQ(of_function("long"), Effect::kAdvisoryLock | Effect::kAnySetting);
  EXPECT_EQ(view_.get().size(), 4u);  // two, each with its schema and without
}

TEST_F(CataloguesTest, AFailureKeepsWhatWasKnownAndHoldsNobodyUp) {
  run(kSets);
  open();
  ASSERT_FALSE(view_.empty());
  auto broken = settings("no_such_database");
  pool_->configure(broken);
  view_.catalogue().note_ddl();
  settle();
  EXPECT_TRUE(view_.catalogue().known());
  EXPECT_FALSE(view_.empty());
  EXPECT_EQ(catalogues_.rows()[0].failures, 1u);
  EXPECT_THAT(catalogues_.rows()[0].last_error, testing::HasSubstr("no_such_database"));
  // It is tried again by itself.
  pool_->configure(settings(dbname_));
  run("DROP FUNCTION sets()");
  ASSERT_TRUE(wait([&] { return view_.empty(); }));
  EXPECT_EQ(catalogues_.rows()[0].last_error, "");
}

TEST_F(CataloguesTest, AReaderWhoseServerGoesAwayComesBack) {
  open();
  run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'weir catalogue'");
  run_and_note(kSets);
  ASSERT_TRUE(wait([&] { return !view_.empty(); }));
}

TEST_F(CataloguesTest, WithdrawnWaitsAreNotAnswered) {
  open();
  view_.catalogue().note_ddl();
  auto ticket = view_.catalogue().when_known(0, [] { ADD_FAILURE() << "called back"; });
  ticket.drop();
  settle();
  // One that is answered at once, and withdrawn before.
  auto known = view_.catalogue().when_known(0, [] { ADD_FAILURE() << "called back"; });
  known.drop();
  support::run_for(loop_, 20ms);
}

TEST_F(CataloguesTest, TheConnectionIsClosedWhenItIsNotNeeded) {
  open();
  const auto readers = [this] {
    return look("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir catalogue' AND datname = '" +
                dbname_ + "'");
  };
  EXPECT_EQ(readers(), "1");
  EXPECT_TRUE(wait([&] { return readers() == "0"; }, 20s));
  run_and_note(kSets);
  EXPECT_FALSE(view_.empty());
}

}  // namespace
}  // namespace pooler
