#pragma once
// What PostgreSQL does with single values and SQLite does otherwise: moments and intervals, casts that can fail, LIKE.
// Pure; moments are microseconds since 1970 in UTC, intervals microseconds.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace admin {

// "2026-11-21 03:14:40.5+00", as PostgreSQL writes it in UTC.
std::string timestamp_text(int64_t time_us);
// "2026-11-21", "2026-11-21 03:14", with seconds, a fraction, and Z, UTC, GMT or an offset behind; "now" is not known.
// 22007, 22008.
base::Result<int64_t> parse_timestamp(std::string_view text);

// "3 days 04:05:06.7", as PostgreSQL writes it; an hour is never more than a part of a day here.
std::string interval_text(int64_t interval_us);
// "5 minutes", "1 day 02:00", "-1h30m", "00:05". Months and years have no length of their own and are refused. 22007.
base::Result<int64_t> parse_interval(std::string_view text);

// date_trunc and extract of a moment: microsecond to year. 22023 for a field that is not known.
base::Result<int64_t> truncate_timestamp(std::string_view field, int64_t time_us);
base::Result<double> timestamp_field(std::string_view field, int64_t time_us);

// Texts as the types they are cast to. 22P02, 22003.
base::Result<int64_t> parse_int8(std::string_view text);
base::Result<double> parse_float8(std::string_view text);
base::Result<bool> parse_bool(std::string_view text);
// The shortest text that reads back as the same.
std::string float_text(double number);

// pg_size_pretty.
std::string size_pretty(int64_t bytes);

// substr(text, from, length): characters, counted from 1; places before the first count as well.
std::string_view substring(std::string_view text, int64_t from, std::optional<int64_t> length);

// LIKE, without its recursion: time grows with the product of both lengths at worst, so `go_on` is asked now and then
// and ends the search by false. 22025 for an escape at the end or of more than one character.
base::Result<bool> like(std::string_view text, std::string_view pattern, std::string_view escape, bool ignore_case,
                        const std::function<bool()>& go_on);

}  // namespace admin
