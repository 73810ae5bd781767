#include "pooler/session_catalogue.h"

#include <gtest/gtest.h>

namespace pooler {
namespace {

using analyzer::Effect;
using analyzer::Effects;
using Who = CatalogueUse::Who;
using What = CatalogueUse::What;

constexpr std::string_view kSets = "BEGIN PERFORM set_config('a.b', 'c', false); END";
constexpr std::string_view kLocks = "BEGIN PERFORM pg_advisory_lock(1); END";
constexpr std::string_view kNothing = "BEGIN RETURN 1; END";
const Hidden kNone;

class SessionCatalogueTest : public testing::Test {
 protected:
  // A function in plpgsql; its oid.
  uint64_t function(std::string schema, std::string name, std::string_view source, std::string language = "plpgsql") {
    rows_.functions.push_back(
        {++last_oid_, std::move(schema), std::move(name), std::move(language), false, std::string(source)});
    return last_oid_;
  }
  uint64_t procedure(std::string schema, std::string name, std::string_view source) {
    const uint64_t oid = function(std::move(schema), std::move(name), source);
    rows_.functions.back().procedure = true;
    return oid;
  }
  void runs(const std::string& relation, bool written, uint64_t oid, const std::string& name = "") {
    rows_.uses.push_back({Who::kRelation, "public", relation, written, What::kFunction, oid, "public", name});
  }
  void trigger(const std::string& table, uint64_t oid) { runs(table, true, oid); }
  void leads(const std::string& relation, bool written, const std::string& other) {
    rows_.uses.push_back({Who::kRelation, "public", relation, written, What::kRelation, 0, "public", other});
  }
  SessionCataloguePtr built() { return SessionCatalogue::build(rows_); }

  CatalogueRows rows_;
  uint64_t last_oid_ = 16384;
};

Effects effects(const Hidden& hidden) { return hidden.effects; }

TEST_F(SessionCatalogueTest, ADatabaseWithoutEffectsIsEmpty) {
  EXPECT_TRUE(built()->empty());
  trigger("t", function("public", "harmless", kNothing));
  procedure("public", "p", kNothing);
  leads("v", false, "t");
  EXPECT_TRUE(built()->empty());
  EXPECT_EQ(built()->of_function("", "harmless"), kNone);
}

TEST_F(SessionCatalogueTest, ABodyIsJudgedByItsWords) {
  function("public", "sets", kSets);
  function("public", "locks", "SELECT pg_advisory_lock(1)", "sql");
  function("public", "temp", "BEGIN CREATE TEMP TABLE x (a int); END");
  function("public", "listens", "BEGIN EXECUTE 'LISTEN ' || c; END");
  function("public", "python", "plpy.execute(\"SET search_path = x\")", "plpython3u");
  const auto catalogue = built();
  EXPECT_FALSE(catalogue->empty());
  EXPECT_EQ(effects(catalogue->of_function("", "sets")), Effects(Effect::kAnySetting));
  EXPECT_EQ(effects(catalogue->of_function("public", "locks")), Effects(Effect::kAdvisoryLock));
  EXPECT_TRUE(effects(catalogue->of_function("", "temp")).has(Effect::kTemporary));
  EXPECT_TRUE(effects(catalogue->of_function("", "listens")).has(Effect::kListen));
  EXPECT_TRUE(effects(catalogue->of_function("", "python")).has(Effect::kAnySetting));
}

TEST_F(SessionCatalogueTest, SchemasAreKeptApartWhereTheyAreWritten) {
  function("one", "f", kSets);
  function("two", "f", kLocks);
  function("three", "f", kNothing);
  const auto catalogue = built();
  EXPECT_EQ(effects(catalogue->of_function("one", "f")), Effects(Effect::kAnySetting));
  EXPECT_EQ(effects(catalogue->of_function("two", "f")), Effects(Effect::kAdvisoryLock));
  EXPECT_EQ(catalogue->of_function("three", "f"), kNone);
  EXPECT_EQ(catalogue->of_function("pg_catalog", "f"), kNone);
  EXPECT_EQ(effects(catalogue->of_function("", "f")), Effect::kAnySetting | Effect::kAdvisoryLock);
}

TEST_F(SessionCatalogueTest, OverloadsCountTogether) {
  function("public", "f", kNothing);
  function("public", "f", kLocks);
  function("public", "f", kSets);
  EXPECT_EQ(effects(built()->of_function("public", "f")), Effect::kAnySetting | Effect::kAdvisoryLock);
}

TEST_F(SessionCatalogueTest, NamesAreExact) {
  function("public", "Mixed Case", kSets);
  const auto catalogue = built();
  EXPECT_EQ(catalogue->of_function("", "mixed case"), kNone);
  EXPECT_FALSE(catalogue->of_function("", "Mixed Case").empty());
  EXPECT_FALSE(catalogue->of_function("public", "Mixed Case").empty());
}

TEST_F(SessionCatalogueTest, CallsAreFollowedHoweverDeep) {
  function("public", "a", "BEGIN PERFORM b(); END");
  function("public", "b", "SELECT x.c()", "sql");
  function("x", "c", "BEGIN EXECUTE 'SELECT \"D d\"(1)'; END");
  function("public", "D d", kSets);
  function("public", "apart", "BEGIN b := 1; END");  // a word, not a call
  const auto catalogue = built();
  for (const auto* name : {"a", "b", "c", "D d"})
    EXPECT_TRUE(effects(catalogue->of_function("", name)).has(Effect::kAnySetting)) << name;
  EXPECT_EQ(catalogue->of_function("", "apart"), kNone);
}

TEST_F(SessionCatalogueTest, CirclesEnd) {
  function("public", "a", "BEGIN PERFORM b(); END");
  function("public", "b", "BEGIN PERFORM c(); END");
  function("public", "c", "BEGIN PERFORM a(); PERFORM pg_advisory_lock(1); END");
  function("public", "self", "BEGIN PERFORM self(); END");
  const auto catalogue = built();
  for (const auto* name : {"a", "b", "c"})
    EXPECT_EQ(effects(catalogue->of_function("", name)), Effects(Effect::kAdvisoryLock)) << name;
  EXPECT_EQ(catalogue->of_function("", "self"), kNone);
}

TEST_F(SessionCatalogueTest, ALongChainIsFollowed) {
  for (int i = 0; i < 5000; ++i)
    function("public", "f" + std::to_string(i), "BEGIN PERFORM f" + std::to_string(i + 1) + "(); END");
  function("public", "f5000", kSets);
  EXPECT_EQ(effects(built()->of_function("", "f0")), Effects(Effect::kAnySetting));
}

TEST_F(SessionCatalogueTest, ATriggerRunsWhenItsTableIsWritten) {
  trigger("t", function("public", "f", kSets));
  const auto catalogue = built();
  EXPECT_EQ(effects(catalogue->of_write("public", "t")), Effects(Effect::kAnySetting));
  EXPECT_EQ(effects(catalogue->of_write("", "t")), Effects(Effect::kAnySetting));
  EXPECT_EQ(catalogue->of_read("", "t"), kNone);
  EXPECT_EQ(catalogue->of_write("other", "t"), kNone);
}

TEST_F(SessionCatalogueTest, AFunctionThatWritesATableRunsItsTriggers) {
  function("public", "saves", "BEGIN INSERT INTO t VALUES (1); END");
  function("public", "reads", "BEGIN RETURN (SELECT count(*) FROM t); END");
  trigger("t", function("public", "f", kLocks));
  // And triggers that write tables with triggers.
  trigger("u", function("public", "g", "BEGIN UPDATE public.t SET a = 1; RETURN NEW; END"));
  const auto catalogue = built();
  EXPECT_EQ(effects(catalogue->of_function("", "saves")), Effects(Effect::kAdvisoryLock));
  EXPECT_EQ(catalogue->of_function("", "reads"), kNone);
  EXPECT_EQ(effects(catalogue->of_write("", "u")), Effects(Effect::kAdvisoryLock));
}

TEST_F(SessionCatalogueTest, AViewDoesWhatItCallsAndWhatItStandsOn) {
  runs("v", false, function("public", "f", kSets));
  leads("w", false, "v");
  leads("w", true, "v");
  trigger("t", function("public", "g", kLocks));
  leads("plain", false, "t");
  leads("plain", true, "t");
  function("public", "through", "SELECT * FROM w", "sql");
  const auto catalogue = built();
  EXPECT_EQ(effects(catalogue->of_read("", "v")), Effects(Effect::kAnySetting));
  EXPECT_EQ(effects(catalogue->of_read("", "w")), Effects(Effect::kAnySetting));
  EXPECT_EQ(effects(catalogue->of_write("", "w")), Effects(Effect::kAnySetting));
  EXPECT_EQ(effects(catalogue->of_function("", "through")), Effects(Effect::kAnySetting));
  EXPECT_EQ(catalogue->of_read("", "plain"), kNone);
  EXPECT_EQ(effects(catalogue->of_write("", "plain")), Effects(Effect::kAdvisoryLock));
}

TEST_F(SessionCatalogueTest, WhatRunsOnEveryReadRunsOnEveryWriteToo) {
  runs("guarded", false, function("public", "policy", kSets));
  EXPECT_EQ(effects(built()->of_write("", "guarded")), Effects(Effect::kAnySetting));
}

TEST_F(SessionCatalogueTest, FunctionsThatAreKnownByNameNeedNoBody) {
  runs("t", true, 3000, "set_config");
  runs("u", true, 3001, "lower");
  runs("v", true, 3002, "pg_notify");
  const auto catalogue = built();
  EXPECT_EQ(effects(catalogue->of_write("", "t")), Effects(Effect::kAnySetting));
  EXPECT_EQ(catalogue->of_write("", "u"), kNone);
  EXPECT_TRUE(catalogue->of_write("", "v").notifies);
  EXPECT_TRUE(effects(catalogue->of_write("", "v")).empty());
}

TEST_F(SessionCatalogueTest, EventTriggersRunWithDdl) {
  const auto oid = function("public", "f", kSets);
  rows_.uses.push_back({Who::kDdl, "", "", true, What::kFunction, oid, "public", "f"});
  EXPECT_EQ(effects(built()->of_ddl()), Effects(Effect::kAnySetting));
  EXPECT_FALSE(built()->empty());
}

TEST_F(SessionCatalogueTest, NotificationsAreSeenThroughTriggers) {
  trigger("t", function("public", "tell", "BEGIN PERFORM pg_notify('t', NEW.id::text); RETURN NEW; END"));
  const auto catalogue = built();
  EXPECT_FALSE(catalogue->empty());
  EXPECT_TRUE(catalogue->of_write("", "t").notifies);
  EXPECT_TRUE(effects(catalogue->of_write("", "t")).empty());
}

TEST_F(SessionCatalogueTest, ProceduresAreKnownAlsoWhenTheyDoNothing) {
  procedure("public", "quiet", kNothing);
  procedure("public", "loud", kLocks);
  function("public", "no_procedure", kLocks);
  const auto catalogue = built();
  EXPECT_EQ(catalogue->of_procedure("", "quiet"), kNone);
  EXPECT_EQ(catalogue->of_procedure("public", "quiet"), kNone);
  EXPECT_EQ(effects(catalogue->of_procedure("", "loud").value()), Effects(Effect::kAdvisoryLock));
  EXPECT_EQ(catalogue->of_procedure("", "no_procedure"), std::nullopt);
  EXPECT_EQ(catalogue->of_procedure("other", "quiet"), std::nullopt);
}

TEST_F(SessionCatalogueTest, AStatementIsAllThatItNames) {
  function("public", "f", kSets);
  trigger("t", function("public", "g", kLocks));
  runs("v", false, function("public", "h", "BEGIN CREATE TEMP TABLE x (); END"));
  const auto catalogue = built();
  analyzer::Statement statement;
  statement.kind = analyzer::Kind::kInsert;
  EXPECT_EQ(catalogue->of(statement), kNone);
  statement.tables = {{.schema = "", .name = "t", .written = false}};
  EXPECT_EQ(catalogue->of(statement), kNone);
  statement.tables = {{.schema = "public", .name = "t", .written = true},
                      {.schema = "", .name = "v", .written = false}};
  statement.functions = {{.schema = "", .name = "f"}, {.schema = "", .name = "lower"}};
  const Effects all = effects(catalogue->of(statement));
  EXPECT_TRUE(all.has(Effect::kSettings) || all.has(Effect::kAnySetting));
  EXPECT_TRUE(all.has(Effect::kAdvisoryLock));
  EXPECT_TRUE(all.has(Effect::kTemporary));
}

TEST_F(SessionCatalogueTest, ADenseCatalogueIsFollowedToItsEnd) {
  // Every body names a hundred others, the last one a lock.
  for (int i = 0; i < 1000; ++i) {
    std::string body = "BEGIN ";
    for (int j = 0; j < 100; ++j) body += "PERFORM f" + std::to_string((i * 7 + j * 13 + 1) % 1000) + "(); ";
    function("public", "f" + std::to_string(i), body + (i == 999 ? "PERFORM pg_advisory_lock(1); END" : "END"));
  }
  const auto catalogue = built();
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(effects(catalogue->of_function("", "f" + std::to_string(i))), Effects(Effect::kAdvisoryLock)) << i;
  EXPECT_EQ(catalogue->size(), 2000u);
  EXPECT_GT(catalogue->bytes(), 2000 * sizeof(std::string));
}

}  // namespace
}  // namespace pooler
