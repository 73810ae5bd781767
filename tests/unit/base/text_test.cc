#include "base/text.h"

#include <gtest/gtest.h>

#include <chrono>

namespace base {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Duration, EveryUnitIsRead) {
  EXPECT_EQ(parse_duration("250us"), Duration(250));
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_duration("2min"), seconds(120));
  EXPECT_EQ(parse_duration("2m"), seconds(120));
  EXPECT_EQ(parse_duration("1h"), seconds(3600));
  EXPECT_EQ(parse_duration(" 1 d "), seconds(86400));
  EXPECT_EQ(parse_duration("2 MIN"), seconds(120));
}

TEST(Duration, BareNumberCountsSecondsUnlessToldOtherwise) {
  EXPECT_EQ(parse_duration("120"), seconds(120));
  EXPECT_EQ(parse_duration("0.5"), milliseconds(500));
  EXPECT_EQ(parse_duration("0.000001"), microseconds(1));
  EXPECT_EQ(parse_duration("750", milliseconds(1)), milliseconds(750));
}

TEST(Duration, FractionOfALongUnitIsExact) {
  EXPECT_EQ(parse_duration("0.25d"), seconds(21600));
  EXPECT_EQ(parse_duration("0.1h"), seconds(360));
}

TEST(Duration, WhatIsNoDurationIsRefused) {
  for (const char* text : {"", " ", "s", "-1", "-1s", "+1", "1 2", "1.", ".5", "1.s", "1x", "1e3", "0x10",
                           "1s1", "99999999999999999999", "1000000d", "nan", "inf"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, TenYearsIsTheLongest) {
  EXPECT_EQ(parse_duration("3650d"), kMaxDuration);
  EXPECT_EQ(parse_duration("3651d"), std::nullopt);
}

TEST(Duration, PrintedTextReadsBackAsTheSame) {
  EXPECT_EQ(duration_text(seconds(0)), "0s");
  EXPECT_EQ(duration_text(seconds(90)), "90s");
  EXPECT_EQ(duration_text(seconds(120)), "2min");
  EXPECT_EQ(duration_text(milliseconds(1500)), "1500ms");
  EXPECT_EQ(duration_text(seconds(86400)), "1d");
  for (int64_t us = 1; us < 10'000'000'000'000; us = us * 3 + 7) {
    EXPECT_EQ(parse_duration(duration_text(Duration(us))), Duration(us)) << us;
    EXPECT_EQ(parse_duration(seconds_text(Duration(us))), Duration(us)) << us;
  }
}

TEST(Duration, SecondsArePrintedAsAPlainNumber) {
  EXPECT_EQ(seconds_text(seconds(0)), "0");
  EXPECT_EQ(seconds_text(seconds(120)), "120");
  EXPECT_EQ(seconds_text(milliseconds(500)), "0.5");
  EXPECT_EQ(seconds_text(microseconds(1)), "0.000001");
  EXPECT_EQ(seconds_text(milliseconds(-500)), "-0.5");
  EXPECT_EQ(seconds_text(milliseconds(-1500)), "-1.5");
}

TEST(Size, UnitsAreThoseOfPostgres) {
  EXPECT_EQ(parse_size("4096"), 4096);
  EXPECT_EQ(parse_size("0"), 0);
  EXPECT_EQ(parse_size("64kB"), 65536);
  EXPECT_EQ(parse_size("64KiB"), 65536);
  EXPECT_EQ(parse_size("64k"), 65536);
  EXPECT_EQ(parse_size("1.5 MB"), 1572864);
  EXPECT_EQ(parse_size("2gb"), int64_t{2} << 30);
  EXPECT_EQ(parse_size("1TB"), int64_t{1} << 40);
  EXPECT_EQ(parse_size("9223372036854775807"), INT64_MAX);
}

TEST(Size, WhatIsNoSizeIsRefused) {
  for (const char* text :
       {"", "kB", "-1", "1.5", "1 XB", "9223372036854775808", "9000000TB", "1kBB", "1ib"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Size, PrintedTextReadsBackAsTheSame) {
  EXPECT_EQ(size_text(0), "0");
  EXPECT_EQ(size_text(4096), "4kB");
  EXPECT_EQ(size_text(4097), "4097");
  EXPECT_EQ(size_text(int64_t{64} << 20), "64MB");
  for (int64_t size = 1; size < INT64_MAX / 5; size = size * 2 + (size % 3))
    EXPECT_EQ(parse_size(size_text(size)), size);
}

TEST(Number, OnlyAWholeNumberIsRead) {
  EXPECT_EQ(parse_int("42"), 42);
  EXPECT_EQ(parse_int("-7"), -7);
  for (const char* text : {"", " 1", "1 ", "1.0", "0x1", "+1", "9223372036854775808"}) {
    EXPECT_EQ(parse_int(text), std::nullopt) << text;
  }
}

TEST(Number, ANumberAsPostgresWritesItIsRead) {
  EXPECT_EQ(parse_double("-0.5"), -0.5);
  EXPECT_EQ(parse_double("1e+06"), 1e6);
  EXPECT_EQ(parse_double("60000"), 60000);
  for (const char* text : {"", " 1", "1 ", "many", "1,5"}) EXPECT_EQ(parse_double(text), std::nullopt) << text;
}

TEST(Quote, LiteralSurvivesQuotesAndBackslashes) {
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\b'c"), "E'a\\\\b''c'");
  EXPECT_EQ(quote_literal(""), "''");
}

TEST(Quote, IdentifierDoublesItsQuotes) { EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\""); }

TEST(Utf8, OnlyWellFormedSequencesAreValid) {
  for (const char* good :
       {"", "plain", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac", "\xf0\x9f\x90\x98", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(valid_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xff", "a\xe2\x82", "\xf0\x9f\x90"}) {
    EXPECT_FALSE(valid_utf8(bad));
  }
}

TEST(EscapeForLog, ControlBytesCannotForgeALine) {
  EXPECT_EQ(escape_for_log("a\nERROR b\r\t\x1b[31m"), "a\\nERROR b\\r\\t\\x1b[31m");
  EXPECT_EQ(escape_for_log(std::string_view("\0x", 2)), "\\x00x");
  EXPECT_EQ(escape_for_log("\x7f\xc2\x85\xe2\x80\xa8\xe2\x80\xae"), "\\x7f\\u{85}\\u{2028}\\u{202e}");
}

TEST(EscapeForLog, InvalidUtf8BecomesHexAndTheRestStays) {
  EXPECT_EQ(escape_for_log("gr\xc3\xbc\xdf!"), "gr\xc3\xbc\\xdf!");
}

TEST(EscapeForLog, OutputOfAnyByteIsValidUtf8WithoutControls) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b), 'z'};
      const std::string escaped = escape_for_log(text);
      ASSERT_TRUE(valid_utf8(escaped));
      for (const char c : escaped) ASSERT_GE(static_cast<unsigned char>(c), 0x20);
    }
  }
}

TEST(EscapeForLog, LongTextIsCutAtACharacter) {
  EXPECT_EQ(escape_for_log("abcdef", 3), "abc...");
  EXPECT_EQ(escape_for_log("abc", 3), "abc");
  EXPECT_EQ(escape_for_log("ab\ncdef", 5), "ab\\nc...");
  EXPECT_EQ(escape_for_log("ab\n", 3), "ab...");
  EXPECT_EQ(escape_for_log("ab\xe2\x82\xac", 4), "ab...");
}

TEST(Helpers, TrimAndCase) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(to_lower("AbC-9"), "abc-9");
  EXPECT_TRUE(equal_ignoring_case("Prefer", "pREFER"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
}

}  // namespace
}  // namespace base
