#include "conf/hba_tokens.h"

#include <gtest/gtest.h>

namespace conf {
namespace {

// "a|b c" for a field of two tokens and a field of one; quoted tokens in < >.
std::string shape(std::string_view text) {
  std::string out;
  for (const HbaLine& line : hba_lines(text)) {
    if (!out.empty()) out += '\n';
    out += std::to_string(line.line) + ":";
    for (const HbaField& field : line.fields) {
      out += ' ';
      for (std::size_t i = 0; i < field.size(); ++i) {
        if (i > 0) out += '|';
        out += field[i].quoted ? "<" + field[i].text + ">" : field[i].text;
      }
    }
  }
  return out;
}

TEST(HbaTokens, BlanksPartFieldsAndCommasJoinThem) {
  EXPECT_EQ(shape("a b\tc"), "1: a b c");
  EXPECT_EQ(shape("a,b c"), "1: a|b c");
  EXPECT_EQ(shape("a, b c"), "1: a|b c");
  EXPECT_EQ(shape("a ,b c"), "1: a b c") << "only a comma that ends a token joins, as in PostgreSQL";
}

TEST(HbaTokens, QuotesKeepBlanksCommasAndHashes) {
  EXPECT_EQ(shape("\"a b\" \"c,d\" \"#e\" x=\"y z\""), "1: <a b> <c,d> <#e> x=y z");
  EXPECT_EQ(shape("\"a\"\"b\""), "1: <a\"b>");
  EXPECT_EQ(shape("\"\""), "1: <>");
  EXPECT_EQ(shape("\"open"), "1: <open>");
}

TEST(HbaTokens, CommentsAndEmptyLinesVanish) {
  EXPECT_EQ(shape("# x\n\n a # b\n"), "3: a");
  EXPECT_EQ(shape("a#b"), "1: a");
}

TEST(HbaTokens, BackslashAtTheEndContinuesALine) {
  EXPECT_EQ(shape("a \\\nb\nc"), "1: a b\n3: c");
  EXPECT_EQ(shape("a\\\r\nb\\"), "1: ab");
  EXPECT_EQ(shape("a\\ \nb"), "1: a\\\n2: b");
}

}  // namespace
}  // namespace conf
