#include "wire/saslprep.h"

#include <gtest/gtest.h>

#include <string>

namespace wire {
namespace {

std::string utf8(std::u8string_view text) { return {text.begin(), text.end()}; }

TEST(SaslPrep, AsciiStaysAsItIs) {
  EXPECT_EQ(saslprep(""), "");
  EXPECT_EQ(saslprep("secret \t\x01"), "secret \t\x01");
}

TEST(SaslPrep, TheExamplesOfRfc4013) {
  EXPECT_EQ(saslprep(utf8(u8"I\u00ADX")), "IX");
  EXPECT_EQ(saslprep("user"), "user");
  EXPECT_EQ(saslprep("USER"), "USER");
  EXPECT_EQ(saslprep(utf8(u8"\u00AA")), "a");
  EXPECT_EQ(saslprep(utf8(u8"\u2168")), "IX");
}

TEST(SaslPrep, SpacesAndFormsBecomeOne) {
  EXPECT_EQ(saslprep(utf8(u8"a\u00A0b\u3000c")), "a b c");
  EXPECT_EQ(saslprep(utf8(u8"e\u0301")), utf8(u8"\u00E9"));
  EXPECT_EQ(saslprep(utf8(u8"\uFB01\uFF21")), "fiA");
  EXPECT_EQ(saslprep(utf8(u8"a\u0323\u0307")), saslprep(utf8(u8"a\u0307\u0323")));  // marks in any order
  EXPECT_EQ(saslprep(utf8(u8"\u1112\u1161\u11AB")), utf8(u8"\uD55C"));
  EXPECT_EQ(saslprep(utf8(u8"\uD55C\uAE00")), utf8(u8"\uD55C\uAE00"));
  EXPECT_EQ(saslprep(utf8(u8"\u0627\u0628")), utf8(u8"\u0627\u0628"));
}

TEST(SaslPrep, WhatIsForbiddenStaysAsItIs) {
  for (const std::string& raw :
       {utf8(u8"\uFB01\u0007"), utf8(u8"\u0627\uFB01"), utf8(u8"\u0627\uFB01\u0628"), utf8(u8"\uFB01\uE000"),
        utf8(u8"\uFB01\U000E0001"), utf8(u8"\u00AD"), utf8(u8"\uFB01\u0221")}) {
    EXPECT_EQ(saslprep(raw), raw);
  }
}

TEST(SaslPrep, WhatIsNotUtf8StaysAsItIs) {
  for (const std::string raw : {"\xff", "\xc3", "a\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80",
                                "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xc2\xaa\xff", "\xf0\x9f\x98"}) {
    EXPECT_EQ(saslprep(raw), raw);
  }
}

}  // namespace
}  // namespace wire
