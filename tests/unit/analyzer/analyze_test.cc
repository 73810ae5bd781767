// A text, all the way to its facts.

#include "analyzer/analyze.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace analyzer {
namespace {

Finding analyze_text(std::string_view sql, bool standard_conforming_strings = true, ParseLimits limits = {}) {
  Skeleton skeleton;
  skeleton.make(sql, standard_conforming_strings);
  return analyze(sql, standard_conforming_strings, skeleton, limits);
}

TEST(Analyze, AnEmptyTextIsOneEmptyStatement) {
  for (const auto* text : {"", " ", ";", ";;", "-- nothing", "/* a /* b */ c */ ;"}) {
    const auto facts = analyze_text(text).analysis;
    ASSERT_EQ(facts->statements.size(), 1u) << text;
    EXPECT_EQ(facts->statements[0].kind, Kind::kEmpty) << text;
    EXPECT_TRUE(facts->parsed && facts->plain() && !facts->writes) << text;
  }
}

TEST(Analyze, EachStatementOfATextStandsInItsPlace) {
  const std::string text = " /*a*/ SELECT 1 ; -- b\n;UPDATE t SET x = ';' /*c*/; COMMIT  ";
  const auto facts = analyze_text(text).analysis;
  ASSERT_EQ(facts->statements.size(), 3u);
  const auto part = [&](std::size_t i) { return text.substr(facts->statements[i].at, facts->statements[i].size); };
  EXPECT_EQ(part(0), "SELECT 1");
  EXPECT_EQ(part(1), "UPDATE t SET x = ';'");
  EXPECT_EQ(part(2), "COMMIT");
  EXPECT_EQ(facts->effects, Effects(Effect::kTransaction));
  EXPECT_TRUE(facts->writes && !facts->shareable);
}

TEST(Analyze, WhatIsNotParsedIsOneUnknownWrite) {
  for (const std::string_view text : {"SELEC 1", "SELECT 'open", "SELECT json_object('a': 1)", "SELECT 0x1F, 1_000"}) {
    const auto found = analyze_text(text);
    EXPECT_EQ(found.outcome, Parse::Outcome::kRefused) << text;
    ASSERT_EQ(found.analysis->statements.size(), 1u);
    const Statement& statement = found.analysis->statements[0];
    EXPECT_EQ(statement.kind, Kind::kUnknown);
    EXPECT_TRUE(statement.writes && found.analysis->writes && !found.analysis->parsed && !found.analysis->shareable);
    EXPECT_TRUE(statement.effects.empty()) << text;
    EXPECT_EQ(text.substr(statement.at, statement.size), text);
    EXPECT_NE(found.analysis->fingerprint, 0u);
  }
  const auto found = analyze_text("SET a = 1; SELEC 1").analysis;
  EXPECT_EQ(found->effects, Effect::kAnySetting | Effect::kUnknown);
}

TEST(Analyze, OldStringsWithABackslashAreNotParsed) {
  EXPECT_TRUE(analyze_text(R"(SELECT 'a\')").analysis->parsed);
  EXPECT_FALSE(analyze_text(R"(SELECT 'a\'')", false).analysis->parsed);
  EXPECT_TRUE(analyze_text(R"(SELECT 'a', E'\'')", false).analysis->parsed);
  // With old strings this hides a SET in a string for one side and not for the other.
  const auto hidden = analyze_text(R"(SELECT '\'; SET x = 1; --')", false).analysis;
  EXPECT_TRUE(hidden->effects.empty());
  const auto open = analyze_text(R"(SELECT '\''; SET x = 1; --')", false).analysis;
  EXPECT_TRUE(open->effects.has(Effect::kAnySetting));
}

TEST(Analyze, LimitsAreKept) {
  ParseLimits limits;
  limits.bytes_max = 20;
  EXPECT_EQ(analyze_text("SELECT 1 + 1 + 1 + 1 + 1", true, limits).outcome, Parse::Outcome::kTooLong);
  limits = {};
  limits.tokens_max = 5;
  EXPECT_EQ(analyze_text("SELECT 1 + 1 + 1", true, limits).outcome, Parse::Outcome::kTooLong);
  EXPECT_EQ(analyze_text("SELECT x IN (1, 2, 3, 4, 5, 6)", true, {200, 7}).outcome, Parse::Outcome::kParsed);
}

TEST(Analyze, ALongTextIsNamedAfterItsBeginning) {
  Skeleton scratch;
  const auto insert = [](std::string_view value) {
    std::string text = "INSERT INTO t (a) VALUES (1), (" + std::string(value) + ")";
    while (text.size() < 100'000) text += ", (12345)";
    return text;
  };
  const auto one = analyze_long(insert("2"), true, scratch);
  const auto two = analyze_long(insert("'more of it'"), true, scratch);
  const auto other = analyze_long("UPDATE" + insert("2"), true, scratch);
  EXPECT_EQ(one->fingerprint, two->fingerprint);
  EXPECT_NE(one->fingerprint, other->fingerprint);
  EXPECT_TRUE(one->effects.empty() && one->writes && !one->parsed);
  EXPECT_TRUE(analyze_long(insert("2") + "; SET x = 1", true, scratch)->effects.has(Effect::kAnySetting));
}

TEST(Analyze, OnlyQueriesAndChangesOfDataShareFacts) {
  const auto shares = [](std::string_view text) { return analyze_text(text).analysis->shareable; };
  EXPECT_TRUE(shares("SELECT * FROM t WHERE a = 1"));
  EXPECT_TRUE(shares("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x"));
  EXPECT_TRUE(shares("SELECT nextval('s')"));
  EXPECT_FALSE(shares("SELECT set_config('a', 'b', false)"));
  EXPECT_FALSE(shares("SELECT * FROM t WHERE a = set_config($1, $2, $3)"));
  EXPECT_FALSE(shares("SELECT query_to_xml('SELECT 1', true, true, '')"));
  EXPECT_FALSE(shares("SET x = 1"));
  EXPECT_FALSE(shares("SELECT 1; SELECT 2"));
  EXPECT_FALSE(shares("EXECUTE p(1)"));
}

TEST(Analyze, WeightGrowsWithWhatIsKept) {
  const auto small = analyze_text("SELECT 1").analysis;
  const auto large = analyze_text("SELECT 1; SELECT f(1) FROM a, b, c; SET search_path = a, b, c").analysis;
  EXPECT_GT(weight_of(*large), weight_of(*small) + 2 * sizeof(Statement));
}

}  // namespace
}  // namespace analyzer
