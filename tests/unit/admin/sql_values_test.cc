#include "admin/sql_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace admin {
namespace {

const auto go_on = [] { return true; };

bool matches(std::string_view text, std::string_view pattern, std::string_view escape = "\\", bool ignore_case = false) {
  return like(text, pattern, escape, ignore_case, go_on).value();
}

TEST(SqlValues, Moments) {
  for (const std::string_view text : {"2026-11-21 03:14:40+00", "2026-11-21 03:14:40.5+00", "1969-12-31 23:59:59+00",
                                      "2024-02-29 00:00:00.000001+00"}) {
    EXPECT_EQ(timestamp_text(parse_timestamp(text).value()), text);
  }
  EXPECT_EQ(timestamp_text(parse_timestamp("2026-11-21 03:14:40 UTC").value()), "2026-11-21 03:14:40+00");
  EXPECT_EQ(timestamp_text(parse_timestamp("2026-11-21T03:14+02:00").value()), "2026-11-21 01:14:00+00");
  EXPECT_EQ(timestamp_text(parse_timestamp("2026-11-21").value()), "2026-11-21 00:00:00+00");
  for (const std::string_view text : {"", "x", "2026", "2026-11-21 3", "2026-11-21 03:14:40 CET", "2026-11-21 25:00"}) {
    EXPECT_EQ(parse_timestamp(text).error().sqlstate, "22007") << text;
  }
  EXPECT_EQ(parse_timestamp("2026-02-30").error().sqlstate, "22008");
}

TEST(SqlValues, Intervals) {
  struct Row {
    std::string_view text, shown;
  };
  for (const Row& row : std::vector<Row>{{"5 minutes", "00:05:00"},
                                         {"1 day 02:00", "1 day 02:00:00"},
                                         {"-1h30m", "-00:30:00"},  // the sign is the hour's
                                         {"1.5s", "00:00:01.5"},
                                         {"2 days", "2 days"},
                                         {"-00:05", "-00:05:00"},
                                         {"0", "00:00:00"}}) {
    EXPECT_EQ(interval_text(parse_interval(row.text).value()), row.shown) << row.text;
  }
  EXPECT_EQ(parse_interval("1 month").error().sqlstate, "0A000");
  EXPECT_EQ(parse_interval("soon").error().sqlstate, "22007");
  EXPECT_EQ(parse_interval("999999999999 days").error().sqlstate, "22008");
}

TEST(SqlValues, PartsOfMoments) {
  const int64_t time = parse_timestamp("2026-11-21 03:14:40.25+00").value();  // a Saturday
  const auto truncated = [time](std::string_view field) { return timestamp_text(truncate_timestamp(field, time).value()); };
  EXPECT_EQ(truncated("minute"), "2026-11-21 03:14:00+00");
  EXPECT_EQ(truncated("week"), "2026-11-16 00:00:00+00");
  EXPECT_EQ(truncated("month"), "2026-11-01 00:00:00+00");
  EXPECT_EQ(truncated("year"), "2026-01-01 00:00:00+00");
  EXPECT_EQ(timestamp_text(truncate_timestamp("hour", -1).value()), "1969-12-31 23:00:00+00");
  EXPECT_EQ(timestamp_field("dow", time).value(), 6);
  EXPECT_EQ(timestamp_field("second", time).value(), 40.25);
  EXPECT_EQ(timestamp_field("fortnight", time).error().sqlstate, "22023");
}

TEST(SqlValues, Numbers) {
  EXPECT_EQ(parse_int8(" +7 ").value(), 7);
  EXPECT_EQ(parse_int8("9223372036854775808").error().sqlstate, "22003");
  EXPECT_EQ(parse_int8("1x").error().sqlstate, "22P02");
  EXPECT_EQ(parse_float8("1e3").value(), 1000);
  EXPECT_EQ(parse_bool("maybe").error().sqlstate, "22P02");
  EXPECT_EQ(float_text(0.1), "0.1");
  EXPECT_EQ(float_text(-3), "-3");
  EXPECT_EQ(size_pretty(10239), "10239 bytes");
  EXPECT_EQ(size_pretty(10240), "10 kB");
}

TEST(SqlValues, Substrings) {
  EXPECT_EQ(substring("abc", 2, std::nullopt), "bc");
  EXPECT_EQ(substring("abc", -1, 3), "a");  // places before the first count
  EXPECT_EQ(substring("a\u00e4b", 2, 1), "\u00e4");
  EXPECT_EQ(substring("abc", 4, 1), "");
  EXPECT_EQ(substring("abc", 1, 0), "");
  EXPECT_EQ(substring("abc", INT64_MIN, INT64_MAX), "");
}

TEST(SqlValues, Like) {
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("abc", "%"));
  EXPECT_TRUE(matches("abc", "a%c"));
  EXPECT_TRUE(matches("aXbXc", "a%X_"));
  EXPECT_FALSE(matches("abc", "ab"));
  EXPECT_FALSE(matches("abc", "b%"));
  EXPECT_TRUE(matches("a_c", "a\\_c"));
  EXPECT_FALSE(matches("abc", "a\\_c"));
  EXPECT_TRUE(matches("a\u00e4c", "a_c"));
  EXPECT_TRUE(matches("a\\c", "a\\c", ""));
  EXPECT_TRUE(matches("ABC", "%b%", "\\", true));
  EXPECT_EQ(like("ab", "a\\", "\\", false, go_on).error().sqlstate, "22025");
  EXPECT_FALSE(matches("a", "a\\"));  // PostgreSQL does not look that far
  EXPECT_EQ(like("a", "a", "xy", false, go_on).error().sqlstate, "22019");
}

TEST(SqlValues, LikeEndsWhenItIsTold) {
  const std::string text(1 << 20, 'a');
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "%a";
  EXPECT_FALSE(matches(std::string(3000, 'a'), pattern + "b"));
  const std::string slow = "%" + std::string(1 << 19, 'a') + "b";
  EXPECT_EQ(like(text, slow, "\\", false, [] { return false; }).error().sqlstate, "57014");
}

}  // namespace
}  // namespace admin
