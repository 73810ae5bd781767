#pragma once
// Text that people read or write: durations, sizes, quoting, and making foreign bytes safe to print.
// Everything here is a pure function; a string_view is borrowed for the call.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace base {

// ---- Durations ----

// Longest duration a text may say: 10 years, so that adding two never overflows.
inline constexpr Duration kMaxDuration = std::chrono::hours(24 * 3650);

// "500ms", "1.5s", "2min", "1h", "1d", "250us"; a bare number counts `bare` each. Nothing for anything else,
// a negative or a too long duration.
std::optional<Duration> parse_duration(std::string_view text, Duration bare = std::chrono::seconds(1));

// The shortest form parse_duration reads back as the same: "2min", "90s", "1500ms", "0s".
std::string duration_text(Duration duration);

// Seconds as a plain number: "120", "0.5".
std::string seconds_text(Duration duration);

// ---- Sizes ----

// "4096", "64kB", "64KiB", "1MB", "2GB": units of 1024, as in PostgreSQL. Case does not matter.
std::optional<int64_t> parse_size(std::string_view text);

// The shortest form parse_size reads back as the same: "4kB", "4097".
std::string size_text(int64_t bytes);

// ---- Numbers ----

// A whole decimal number and nothing else around it.
std::optional<int64_t> parse_int(std::string_view text);
// The same, of any number as PostgreSQL writes it: 1e+06, -0.5.
std::optional<double> parse_double(std::string_view text);

// ---- Quoting ----

// An SQL string constant that means `text` whatever standard_conforming_strings says: 'it''s', E'a\\b'.
std::string quote_literal(std::string_view text);
// An SQL identifier, always in double quotes.
std::string quote_identifier(std::string_view text);

// ---- Foreign bytes ----

bool valid_utf8(std::string_view text);

// What is safe in one line of a log and on a terminal: control characters, invalid UTF-8 and characters that
// turn the writing direction become \n, \x1b or \u{202e}; the rest is kept. Longer than `max_bytes`, it is
// cut at a character and ends in "...".
std::string escape_for_log(std::string_view text, std::size_t max_bytes = SIZE_MAX);

// The bytes of the well-formed UTF-8 character `text` starts with, 0 if it starts with none. Never reads past
// the end.
std::size_t utf8_length(std::string_view text);

// ---- Small helpers ----

std::string_view trim(std::string_view text);                      // ASCII blanks, tabs and line ends
std::string to_lower(std::string_view text);                       // ASCII only
bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII only

}  // namespace base
