#include "admin/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace admin {
namespace {

using Kind = Token::Kind;

TEST(ConsoleParse, FoldsWordsAndKeepsQuotedNamesAndTexts) {
  const auto parsed = parse(R"(Pause "My ""DB""" 'it''s' 5s -1 $2 =)");
  ASSERT_TRUE(parsed.ok());
  const Statement expected{{Kind::kWord, "pause"},  {Kind::kQuoted, "My \"DB\""}, {Kind::kText, "it's"},
                           {Kind::kNumber, "5s"},   {Kind::kNumber, "-1"},        {Kind::kParameter, "2"},
                           {Kind::kSymbol, "="}};
  ASSERT_EQ(parsed->size(), 1u);
  EXPECT_EQ(parsed->front(), expected);
}

TEST(ConsoleParse, SkipsComments) {
  const auto parsed = parse("-- first\nSHOW /* nested /* twice */ */ POOLS -- last");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, (std::vector<Statement>{{{Kind::kWord, "show"}, {Kind::kWord, "pools"}}}));
}

TEST(ConsoleParse, SemicolonsPartStatementsButNotInsideQuotes) {
  const auto parsed = parse(";PAUSE \"a;b\";; RESUME ;");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, (std::vector<Statement>{{{Kind::kWord, "pause"}, {Kind::kQuoted, "a;b"}},
                                             {{Kind::kWord, "resume"}}}));
}

TEST(ConsoleParse, NothingButBlanksIsAnEmptyQuery) {
  for (const char* sql : {"", ";", " ;; ", "-- only a comment", "/* */"}) {
    const auto parsed = parse(sql);
    ASSERT_TRUE(parsed.ok()) << sql;
    EXPECT_TRUE(parsed->empty()) << sql;
  }
}

TEST(ConsoleParse, UnterminatedThingsAreSyntaxErrors) {
  for (const char* sql : {"PAUSE \"x", "PAUSE 'x", "PAUSE 'x''", "/* ", "/* /* */", "PAUSE \"\""}) {
    const auto parsed = parse(sql);
    ASSERT_FALSE(parsed.ok()) << sql;
    EXPECT_EQ(parsed.error().sqlstate, "42601") << sql;
  }
}

TEST(ConsoleParse, IsBoundedInBytesWordsAndStatements) {
  EXPECT_TRUE(parse(std::string(kMaxSqlLength, ' ')).ok());
  EXPECT_EQ(parse(std::string(kMaxSqlLength + 1, ' ')).error().sqlstate, "54000");
  std::string words, statements;
  for (std::size_t i = 0; i <= kMaxTokens; ++i) words += "x ";
  for (std::size_t i = 0; i <= kMaxStatements; ++i) statements += "x;";
  EXPECT_EQ(parse(words).error().sqlstate, "54001");
  EXPECT_EQ(parse(statements).error().sqlstate, "54000");
}

TEST(ConsoleParse, EveryByteStringIsAnsweredWithoutHarm) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string sql{static_cast<char>(a), static_cast<char>(b), 'x'};
      const auto parsed = parse(sql);
      if (parsed.ok()) {
        for (const Statement& statement : *parsed) EXPECT_FALSE(statement.empty());
      }
    }
  }
}

TEST(ConsoleParse, SuggestsTheNearestWord) {
  const std::vector<std::string_view> words{"POOLS", "CLIENTS", "SERVERS"};
  EXPECT_EQ(nearest("pool", words), "POOLS");
  EXPECT_EQ(nearest("clinets", words), "CLIENTS");
  EXPECT_EQ(nearest("tables", words), "");
  EXPECT_EQ(nearest(std::string(10'000, 'p'), words), "");
}

TEST(ConsoleParse, SyntaxErrorsNameThePlace) {
  const auto parsed = parse("PAUSE 'a' b");
  EXPECT_EQ(syntax_error_at(parsed->front(), 1).message, "syntax error at or near \"'a'\"");
  EXPECT_EQ(syntax_error_at(parsed->front(), 3).message, "syntax error at end of input");
}

}  // namespace
}  // namespace admin
