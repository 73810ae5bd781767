#include "pooler/rewrite.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"

namespace pooler {
namespace {

using analyzer::Analysis;
using analyzer::Effect;
using analyzer::Kind;
using analyzer::Setting;
using analyzer::Statement;

// A statement that stands at `part` in `text`.
Statement at(std::string_view text, std::string_view part, Kind kind) {
  Statement statement;
  statement.kind = kind;
  statement.at = text.find(part);
  statement.size = part.size();
  return statement;
}

Statement named(std::string_view text, std::string_view part, Kind kind, std::string name) {
  Statement statement = at(text, part, kind);
  statement.name = name;
  statement.name_at = text.find(name, statement.at);
  statement.name_size = name.size();
  return statement;
}

Statement reset(std::string_view text, std::string_view part, std::string name,
                Setting::Op op = Setting::Op::kReset, bool local = false) {
  Statement statement = at(text, part, Kind::kSet);
  statement.settings.push_back({std::move(name), "", op, local});
  return statement;
}

class RewriteTest : public testing::Test {
 protected:
  Rewriting run(std::string_view text, std::vector<Statement> all, bool alone = true) {
    Analysis analysis;
    analysis.statements = std::move(all);
    for (const auto& one : analysis.statements) analysis.effects |= one.effects;
    return rewrite(text, analysis, {startup, names, alone, true, refused, {}, listen_error});
  }
  std::string text_of(std::string_view text, std::vector<Statement> all, bool alone = true) {
    return run(text, std::move(all), alone).text;
  }

  ParamList startup;
  ClientStatements names;
  analyzer::Effects refused;
  const base::Error* listen_error = nullptr;
};

TEST(Raising, SaysAllThatAnErrorSays) {
  EXPECT_EQ(raising({"53400", "it's too much", {}, {}}),
            "DO " + base::quote_literal("BEGIN RAISE EXCEPTION USING ERRCODE='53400',MESSAGE='it''s too much';END"));
  EXPECT_EQ(raising({"42501", "no", "d", "h"}),
            "DO " + base::quote_literal("BEGIN RAISE EXCEPTION USING ERRCODE='42501',MESSAGE='no',DETAIL='d',HINT='h';END"));
}

TEST_F(RewriteTest, WhatNeedsNoOtherWordsStays) {
  const auto rewriting = run("SET a = 1", {at("SET a = 1", "SET a = 1", Kind::kSet)});
  EXPECT_FALSE(rewriting.changed);
  EXPECT_TRUE(rewriting.reworded.empty());
}

TEST_F(RewriteTest, ResetLeadsBackToTheValueOfTheLogin) {
  startup = {{"work_mem", "7MB"}};
  const auto rewriting = run("RESET work_mem", {reset("RESET work_mem", "RESET work_mem", "work_mem")});
  EXPECT_EQ(rewriting.text, R"(SET "work_mem" TO '7MB')");
  ASSERT_EQ(rewriting.reworded.size(), 1U);
  EXPECT_EQ(rewriting.reworded[0].tag, "RESET");
}

TEST_F(RewriteTest, ResetOfAnotherSettingIsTheServersOwn) {
  startup = {{"work_mem", "7MB"}};
  EXPECT_FALSE(run("RESET jit", {reset("RESET jit", "RESET jit", "jit")}).changed);
}

TEST_F(RewriteTest, SetToDefaultKeepsItsTagAndItsScope) {
  startup = {{"app.tenant", "it's"}};
  const std::string text = "SET LOCAL app.tenant TO DEFAULT";
  const auto rewriting = run(text, {reset(text, text, "app.tenant", Setting::Op::kReset, true)});
  EXPECT_EQ(rewriting.text, R"(SET LOCAL "app"."tenant" TO 'it''s')");
  EXPECT_EQ(rewriting.reworded[0].tag, "SET");
}

TEST_F(RewriteTest, AListOfNamesIsSetAsItWasWritten) {
  const std::string text = "RESET search_path";
  startup = {{"search_path", "b,a"}};
  EXPECT_EQ(text_of(text, {reset(text, text, "search_path")}),
            "DO 'BEGIN PERFORM pg_catalog.set_config(''search_path'',''b,a'',false);END'");
}

TEST_F(RewriteTest, PositionsAreThoseOfTheClientsText) {
  const auto foo = sql_statement(" AS SELECT 1", {});
  names.add("foo", foo);
  const std::string text = "/* \u00e9 */ EXECUTE foo('x', 'y')";
  const auto rewriting = run(text, {named(text, "EXECUTE foo('x', 'y')", Kind::kExecute, "foo")});
  const auto position = [](std::string_view in, std::string_view what) {  // in characters, from 1
    std::size_t at = 1;
    for (const char c : in.substr(0, in.find(what))) at += (c & 0xC0) != 0x80 ? 1 : 0;
    return at;
  };
  for (const std::string_view what : {"EXECUTE", "'x'", "'y'"})
    EXPECT_EQ(client_position(position(rewriting.text, what), rewriting.edits), position(text, what)) << what;
  EXPECT_EQ(client_position(position(rewriting.text, foo->name), rewriting.edits), position(text, "foo"));
  EXPECT_EQ(client_position(position(rewriting.text, foo->name) + 3, rewriting.edits), position(text, "foo"));
}

TEST_F(RewriteTest, ResetAllSetsTheLoginsValuesAgain) {
  startup = {{"a.b", "1"}, {"work_mem", "7MB"}};
  const auto rewriting = run("reset all", {reset("reset all", "reset all", "", Setting::Op::kResetAll)});
  EXPECT_EQ(rewriting.text,
            R"(DO 'BEGIN RESET ALL;SET "a"."b" TO ''1'';SET "work_mem" TO ''7MB'';END')");
  EXPECT_EQ(rewriting.reworded[0].tag, "RESET");
}

TEST_F(RewriteTest, ResetAllWithoutValuesOfTheLoginStays) {
  EXPECT_FALSE(run("RESET ALL", {reset("RESET ALL", "RESET ALL", "", Setting::Op::kResetAll)}).changed);
}

TEST_F(RewriteTest, DiscardAllKeepsTheStatementsOfOthers) {
  Statement statement = at("DISCARD ALL;", "DISCARD ALL", Kind::kDiscard);
  statement.discard = "all";
  const auto rewriting = run("DISCARD ALL;", {statement});
  EXPECT_TRUE(rewriting.text.starts_with("DO 'BEGIN EXECUTE ''CLOSE ALL'';"));
  EXPECT_TRUE(rewriting.text.ends_with("END';"));
  EXPECT_EQ(rewriting.text.find("DEALLOCATE"), std::string::npos);
  EXPECT_EQ(rewriting.reworded[0].tag, "DISCARD ALL");
  EXPECT_TRUE(rewriting.reworded[0].removes_all);
}

TEST_F(RewriteTest, DiscardAllWhereItIsAnErrorStaysOne) {
  const std::string text = "SELECT 1; DISCARD ALL";
  Statement statement = at(text, "DISCARD ALL", Kind::kDiscard);
  statement.discard = "all";
  EXPECT_FALSE(run(text, {at(text, "SELECT 1", Kind::kSelect), statement}).changed);
  EXPECT_FALSE(run(text, {statement}, false).changed);
}

TEST_F(RewriteTest, ListenDoesNothingHere) {
  const std::string text = "BEGIN; LISTEN x; COMMIT";
  const auto rewriting = run(text, {at(text, "BEGIN", Kind::kBegin), named(text, "LISTEN x", Kind::kListen, "x"),
                                    at(text, "COMMIT", Kind::kCommit)});
  EXPECT_EQ(rewriting.text, "BEGIN; RESET weir.nothing; COMMIT");
  ASSERT_EQ(rewriting.reworded.size(), 3U);
  EXPECT_EQ(rewriting.reworded[0].tag, "");
  EXPECT_EQ(rewriting.reworded[1].tag, "LISTEN");
}

TEST_F(RewriteTest, ListenThatCannotBeFailsWithTheReason) {
  const base::Error error{"55000", "no listening today", {}, {}};
  listen_error = &error;
  EXPECT_EQ(text_of("LISTEN x", {named("LISTEN x", "LISTEN x", Kind::kListen, "x")}),
            "DO 'BEGIN RAISE EXCEPTION USING ERRCODE=''55000'',MESSAGE=''no listening today'';END'");
}

TEST_F(RewriteTest, PrepareGetsANameOfOurs) {
  const std::string text = "PREPARE foo (int) AS SELECT $1";
  const auto rewriting = run(text, {named(text, text, Kind::kPrepare, "foo")});
  ASSERT_EQ(rewriting.reworded.size(), 1U);
  const PreparedPtr made = rewriting.reworded[0].adds;
  ASSERT_TRUE(made);
  EXPECT_EQ(rewriting.reworded[0].name, "foo");
  EXPECT_EQ(made->sql, " (int) AS SELECT $1");
  EXPECT_EQ(rewriting.text, "PREPARE " + made->name + " (int) AS SELECT $1");
  EXPECT_TRUE(rewriting.needs.empty());
}

TEST_F(RewriteTest, ANameThatExistsIsRefusedByTheServer) {
  names.add("foo", sql_statement(" AS SELECT 1", {}));
  const std::string text = "PREPARE foo AS SELECT 2";
  const auto rewriting = run(text, {named(text, text, Kind::kPrepare, "foo")});
  EXPECT_FALSE(rewriting.changed);
  EXPECT_EQ(rewriting.taken, std::vector<std::string>{"foo"});
}

TEST_F(RewriteTest, ExecuteNamesWhatTheServerMustHave) {
  const auto foo = sql_statement(" AS SELECT 1", Effect::kTemporary);
  names.add("foo", foo);
  const std::string text = "EXPLAIN EXECUTE foo(1)";
  const auto rewriting = run(text, {named(text, text, Kind::kExecute, "foo")});
  EXPECT_EQ(rewriting.text, "EXPLAIN EXECUTE " + foo->name + "(1)");
  EXPECT_EQ(rewriting.needs, std::vector<PreparedPtr>{foo});
  EXPECT_TRUE(rewriting.inner.has(Effect::kTemporary));
}

TEST_F(RewriteTest, WhatIsExecutedMaySetWhatIsNotSeen) {
  names.add("foo", sql_statement(" AS SELECT set_config('a', $1, false)", Effect::kSettings));
  const std::string text = "EXECUTE foo('1')";
  EXPECT_TRUE(run(text, {named(text, text, Kind::kExecute, "foo")}).inner.has(Effect::kAnySetting));
}

TEST_F(RewriteTest, AnUnknownNameIsForTheServerToRefuse) {
  EXPECT_FALSE(run("EXECUTE foo", {named("EXECUTE foo", "EXECUTE foo", Kind::kExecute, "foo")}).changed);
  const std::string text = "EXECUTE weir_ps_1";
  EXPECT_EQ(text_of(text, {named(text, text, Kind::kExecute, "weir_ps_1")}), R"(EXECUTE "Weir_ps_1")");
}

TEST_F(RewriteTest, WithinOneTextNamesFollowItsOrder) {
  const std::string text = "PREPARE a AS SELECT 1; EXECUTE a; DEALLOCATE a; EXECUTE a";
  const auto rewriting = run(text, {named(text, "PREPARE a AS SELECT 1", Kind::kPrepare, "a"),
                                    [&] {
                                      auto s = at(text, "EXECUTE a", Kind::kExecute);
                                      s.name = "a", s.name_at = s.at + 8, s.name_size = 1;
                                      return s;
                                    }(),
                                    [&] {
                                      auto s = at(text, "DEALLOCATE a", Kind::kDeallocate);
                                      s.name = "a", s.name_at = s.at + 11, s.name_size = 1;
                                      return s;
                                    }(),
                                    [&] {
                                      auto s = at(text, "EXECUTE a", Kind::kExecute);
                                      s.at = text.rfind("EXECUTE a");
                                      s.name = "a", s.name_at = s.at + 8, s.name_size = 1;
                                      return s;
                                    }()});
  const std::string& name = rewriting.reworded.at(0).adds->name;
  EXPECT_EQ(rewriting.text, "PREPARE " + name + " AS SELECT 1; EXECUTE " + name + "; DEALLOCATE " + name + "; EXECUTE a");
  EXPECT_TRUE(rewriting.needs.empty());
  EXPECT_EQ(rewriting.reworded[2].removes, rewriting.reworded[0].adds);
}

TEST_F(RewriteTest, DeallocateAllTouchesNobodyElses) {
  names.add("foo", sql_statement(" AS SELECT 1", {}));
  Statement statement = at("DEALLOCATE ALL", "DEALLOCATE ALL", Kind::kDeallocate);
  statement.all = true;
  const auto rewriting = run("DEALLOCATE ALL", {statement});
  EXPECT_EQ(rewriting.text, "RESET weir.nothing");
  EXPECT_EQ(rewriting.reworded[0].tag, "DEALLOCATE ALL");
  EXPECT_TRUE(rewriting.reworded[0].removes_all);
}

TEST_F(RewriteTest, APolicyMakesTheServerRefuse) {
  refused = Effect::kTemporary;
  const std::string text = "CREATE TEMP TABLE t (a int)";
  Statement statement = at(text, text, Kind::kDdl);
  statement.effects = Effect::kTemporary;
  const auto rewriting = run(text, {statement});
  EXPECT_TRUE(rewriting.text.starts_with("DO 'BEGIN RAISE EXCEPTION USING ERRCODE=''0A000''"));
  EXPECT_NE(rewriting.text.find("temporary objects"), std::string::npos);
}

}  // namespace
}  // namespace pooler
