#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conf/hba.h"

namespace conf {
namespace {

using ::testing::HasSubstr;

IdentMaps parse(std::string_view text) {
  std::vector<TextProblem> problems;
  IdentMaps maps = parse_ident(text, problems);
  for (const TextProblem& problem : problems) ADD_FAILURE() << problem.line << ": " << problem.message;
  return maps;
}

TEST(Ident, WithoutAMapTheNamesMustBeEqual) {
  const IdentMaps maps;
  EXPECT_TRUE(maps.allows("", "jane", "jane"));
  EXPECT_FALSE(maps.allows("", "jane", "Jane"));
  EXPECT_FALSE(maps.allows("missing", "jane", "jane")) << "a map that is not there allows nobody";
}

// The example of the manual, chapter 21.2.
TEST(Ident, MapsOfTheManual) {
  const IdentMaps maps = parse(
      "omicron bryanh bryanh\nomicron ann ann\n# bob has user name robert on these machines\n"
      "omicron robert bob\nomicron bryanh guest1\n"
      "mymap /^(.*)@mydomain\\.com$ \\1\nmymap /^(.*)@otherdomain\\.com$ guest\n");
  EXPECT_TRUE(maps.allows("omicron", "bryanh", "bryanh"));
  EXPECT_TRUE(maps.allows("omicron", "bryanh", "guest1"));
  EXPECT_TRUE(maps.allows("omicron", "robert", "bob"));
  EXPECT_FALSE(maps.allows("omicron", "robert", "robert"));
  EXPECT_FALSE(maps.allows("omicron", "ann", "bob"));
  EXPECT_TRUE(maps.allows("mymap", "sue@mydomain.com", "sue"));
  EXPECT_FALSE(maps.allows("mymap", "sue@mydomain.com", "bob"));
  EXPECT_FALSE(maps.allows("mymap", "sue@mydomainxcom", "sue"));
  EXPECT_TRUE(maps.allows("mymap", "sue@otherdomain.com", "guest"));
}

TEST(Ident, PatternMatchesAnywhereUnlessAnchored) {
  const IdentMaps maps = parse("m /adm admin\nm /^x(\\d+)$ u\\1u\n");
  EXPECT_TRUE(maps.allows("m", "the admin", "admin"));
  EXPECT_TRUE(maps.allows("m", "x42", "u42u"));
  EXPECT_FALSE(maps.allows("m", "xd", "udu")) << "\\d is a digit";
}

TEST(Ident, GroupThatTookNoPartIsEmpty) { EXPECT_TRUE(parse("m /a(b)?c x\\1\n").allows("m", "ac", "x")); }

TEST(Ident, ZeroBytesAndVeryLongNamesNeverMatchAPattern) {
  const IdentMaps maps = parse("m /.* x\n");
  EXPECT_TRUE(maps.allows("m", "anything", "x"));
  EXPECT_FALSE(maps.allows("m", std::string_view("a\0b", 3), "x"));
  EXPECT_FALSE(maps.allows("m", std::string(100'000, 'a'), "x"));
}

TEST(Ident, WrongLinesSayWhatIsWrong) {
  struct Wrong {
    const char* line;
    const char* message;
  };
  const Wrong cases[] = {
      {"m jane", "this one has 2 fields"},
      {"m a b c", "this one has 4 fields"},
      {"m a,b c", "lists are not allowed"},
      {"m /( x", "is no regular expression"},
      {"m /a \\1", "needs a group"},
      {"m /(?:a) x", "(?, which is not supported"},
      {"m /\\m x", "\\m, which is not supported"},
      {"m /(a)\\1 x", "\\1, which is not supported"},
      {"m /((a{99}){99}){99} x", "more than 1000 times"},
      {"m /a++ x", "repeats a repeat"},
      {"m /a*? x", "repeats a repeat"},
      {"m /[[:alpha:]] x", "a [ inside [ ]"},
      {"m /((((((((((a)+)+)+)+)+)+)+)+)+)+ x", "more than 1000 times"},
      {"m /[\\d] x", "backslash inside [ ]"},
  };
  for (const Wrong& c : cases) {
    std::vector<TextProblem> problems;
    EXPECT_TRUE(parse_ident(c.line, problems).maps.empty()) << c.line;
    ASSERT_EQ(problems.size(), 1U) << c.line;
    EXPECT_THAT(problems[0].message, HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace conf
