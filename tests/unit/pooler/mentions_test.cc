#include "pooler/mentions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pooler {
namespace {

using testing::ElementsAre;
using testing::Contains;
using testing::Not;

struct Names {
  std::set<std::string> called, words;
  bool writes = false;
};
Names mentions_of(std::string_view source) {
  Names names;
  names.writes = each_mention(source, [&names](std::string_view name, bool called) {
                   if (called) names.called.emplace(name);
                   names.words.emplace(name);
                 }).writes;
  return names;
}
bool mentions_notify(std::string_view source) {
  return each_mention(source, [](std::string_view, bool) {}).notifies;
}

TEST(Mentions, CalledIsWhatAParenthesisFollows) {
  const auto found = mentions_of("BEGIN PERFORM a.Do_It (1); x := y + z; RETURN helper\n\t(2)::int; END");
  EXPECT_THAT(found.called, ElementsAre("do_it", "helper"));
  EXPECT_THAT(found.words,
              ElementsAre("a", "begin", "do_it", "end", "helper", "int", "perform", "return", "x", "y", "z"));
  EXPECT_FALSE(found.writes);
}

TEST(Mentions, NamesAreFoundInStringsAndComments) {
  EXPECT_THAT(mentions_of("EXECUTE 'SELECT hidden()'; -- also(x)\n/* this(y) */").called,
              ElementsAre("also", "hidden", "this"));
  EXPECT_THAT(mentions_of("plpy.execute(\"SELECT deep('x')\")").called, ElementsAre("deep", "execute"));
}

TEST(Mentions, QuotedNamesCountAsTheyStand) {
  const auto found = mentions_of(R"(SELECT "My Function" (1), "other".f(), "Mixed" FROM "T")");
  EXPECT_THAT(found.called, Contains("My Function"));
  EXPECT_THAT(found.called, Contains("f"));
  EXPECT_THAT(found.words, Contains("Mixed"));
  EXPECT_THAT(found.words, Contains("T"));
  EXPECT_THAT(found.called, Not(Contains("Mixed")));
}

TEST(Mentions, WritingIsAWordOfItsOwn) {
  for (const auto* text : {"INSERT INTO t", "update t set", "EXECUTE 'delete from t'", "MERGE INTO t", "COPY t FROM",
                           "TRUNCATE t", "REFRESH MATERIALIZED VIEW m"})
    EXPECT_TRUE(mentions_of(text).writes) << text;
  for (const auto* text : {"SELECT updated FROM t", "SELECT inserts", "PERFORM update_all()"})
    EXPECT_FALSE(mentions_of(text).writes) << text;
}

TEST(Mentions, NotifyIsACommandOrAFunction) {
  EXPECT_TRUE(mentions_notify("PERFORM pg_notify('x', 'y')"));
  EXPECT_TRUE(mentions_notify("BEGIN Notify jobs; END"));
  EXPECT_TRUE(mentions_notify("EXECUTE 'NOTIFY ' || c"));
  EXPECT_FALSE(mentions_notify("SELECT notify_me(), notified"));
}

TEST(Mentions, AnyBytesWillDo) {
  for (const auto* text : {"", "\"", "\"\"", "\"\"\"\"\"", "\xff\xfe(", "(((", "x(\"", "$1("}) (void)mentions_of(text);
  EXPECT_THAT(mentions_of(std::string_view("a\0b(", 4)).called, ElementsAre("b"));
  std::string endless(100'000, 'X');
  endless.push_back('(');
  EXPECT_THAT(mentions_of(endless).called, ElementsAre(std::string(63, 'x')));
  EXPECT_THAT(mentions_of("grün(1)").called, ElementsAre("grün"));
}

}  // namespace
}  // namespace pooler
