#pragma once
// Reads and prints the value of one setting, for every type a setting may have:
//
//   bool                  true/false, also 1/0, yes/no, on/off     shown as 1 or 0
//   int                   a whole number                           shown as a number
//   double                a decimal number                    shown in its shortest form
//   int64_t               a size: bytes, or a text such as "64kB"  shown in bytes
//   base::Duration        seconds, or a text such as "500ms"       shown in seconds
//   milliseconds          milliseconds, or a text with a unit      shown in milliseconds
//   std::string           a text
//   Names                 a list, or a text with commas            shown with commas
//   std::vector<int>      the same, of numbers
//   std::vector<Cidr>     the same, of networks
//   FileMode              octal digits: "0770"
//   Secret                a text, never shown
//   an enum               one of its names
//   std::vector<enum>     a list of them
//   std::optional<T>      as T; shown empty when unset
//
// Pure. The error's message says what is wrong and what would be right, without the setting's name in front.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conf/fields.h"
#include "conf/settings.h"

namespace conf {

base::Status parse_value(std::string_view text, Bounds bounds, bool& out);
base::Status parse_value(std::string_view text, Bounds bounds, int& out);
base::Status parse_value(std::string_view text, Bounds bounds, int64_t& out);
base::Status parse_value(std::string_view text, Bounds bounds, double& out);
base::Status parse_value(std::string_view text, Bounds bounds, base::Duration& out);
base::Status parse_value(std::string_view text, Bounds bounds, std::chrono::milliseconds& out);
base::Status parse_value(std::string_view text, Bounds bounds, std::string& out);
base::Status parse_value(std::string_view text, Bounds bounds, Names& out);
base::Status parse_value(std::string_view text, Bounds bounds, std::vector<int>& out);
base::Status parse_value(std::string_view text, Bounds bounds, std::vector<Cidr>& out);
base::Status parse_value(std::string_view text, Bounds bounds, FileMode& out);
base::Status parse_value(std::string_view text, Bounds bounds, Secret& out);

std::string show_value(bool value);
std::string show_value(int value);
std::string show_value(int64_t value);
std::string show_value(double value);
std::string show_value(base::Duration value);
std::string show_value(std::chrono::milliseconds value);
std::string show_value(const std::string& value);
std::string show_value(const Names& value);
std::string show_value(const std::vector<int>& value);
std::string show_value(const std::vector<Cidr>& value);
std::string show_value(FileMode value);
std::string show_value(const Secret& value);  // always the same stars

// The value as a TOML file would say it: true, 20, "transaction", ["a", "b"], "2min".
std::string toml_value(bool value);
std::string toml_value(int value);
std::string toml_value(int64_t value);
std::string toml_value(double value);
std::string toml_value(base::Duration value);
std::string toml_value(std::chrono::milliseconds value);
std::string toml_value(const std::string& value);
std::string toml_value(const Names& value);
std::string toml_value(const std::vector<int>& value);
std::string toml_value(const std::vector<Cidr>& value);
std::string toml_value(FileMode value);
std::string toml_value(const Secret& value);  // "..."

// A TOML string that means exactly `text`. Bytes that are not UTF-8 cannot be said in TOML and become U+FFFD.
std::string toml_string(std::string_view text);
// A TOML key, bare if it can be.
std::string toml_key(std::string_view text);

// What a value of the type looks like, for messages and documents: "a number of seconds or a text such as
// \"500ms\"".
std::string_view type_text(const bool*);
std::string_view type_text(const int*);
std::string_view type_text(const int64_t*);
std::string_view type_text(const double*);
std::string_view type_text(const base::Duration*);
std::string_view type_text(const std::chrono::milliseconds*);
std::string_view type_text(const std::string*);
std::string_view type_text(const Names*);
std::string_view type_text(const std::vector<int>*);
std::string_view type_text(const std::vector<Cidr>*);
std::string_view type_text(const FileMode*);
std::string_view type_text(const Secret*);

// The members of a list in a text: split at commas, blanks around each dropped, empty ones too.
Names split_list(std::string_view text);

base::Error not_one_of(std::string_view text, const std::vector<std::string_view>& names);
// The candidate nearest to a mistyped word, empty if none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// "must be between 1 and 65535", "must be at least 4096".
std::string bounds_text(Bounds bounds);
std::string duration_bounds_text(Bounds bounds);

// ---- Enums and optionals ----

template <typename E>
requires std::is_enum_v<E> std::vector<std::string_view> names_of() {
  std::vector<std::string_view> names;
  for (const auto& entry : kNames<E>) names.push_back(entry.name);
  return names;
}

template <typename E>
requires std::is_enum_v<E> base::Status parse_value(std::string_view text, Bounds, E& out) {
  for (const auto& entry : kNames<E>) {
    if (entry.name == text) {
      out = entry.value;
      return base::Ok{};
    }
  }
  return not_one_of(text, names_of<E>());
}
template <typename E>
requires std::is_enum_v<E> std::string show_value(E value) { return std::string(to_string(value)); }
template <typename E>
requires std::is_enum_v<E> std::string toml_value(E value) { return toml_string(to_string(value)); }
template <typename E>
requires std::is_enum_v<E> std::string_view type_text(const E*) { return "word"; }

template <typename E>
requires std::is_enum_v<E> base::Status parse_value(std::string_view text, Bounds bounds, std::vector<E>& out) {
  std::vector<E> all;
  for (const std::string& entry : split_list(text)) TRY_STATUS(parse_value(entry, bounds, all.emplace_back()));
  out = std::move(all);
  return base::Ok{};
}
template <typename E>
requires std::is_enum_v<E> Names words_of(const std::vector<E>& value) {
  Names words;
  for (const E one : value) words.emplace_back(to_string(one));
  return words;
}
template <typename E>
requires std::is_enum_v<E> std::string show_value(const std::vector<E>& value) { return show_value(words_of(value)); }
template <typename E>
requires std::is_enum_v<E> std::string toml_value(const std::vector<E>& value) { return toml_value(words_of(value)); }
template <typename E>
requires std::is_enum_v<E> std::string_view type_text(const std::vector<E>*) { return "list"; }

template <typename T>
base::Status parse_value(std::string_view text, Bounds bounds, std::optional<T>& out) {
  T value{};
  TRY_STATUS(parse_value(text, bounds, value));
  out = std::move(value);
  return base::Ok{};
}
template <typename T>
std::string show_value(const std::optional<T>& value) {
  return value ? show_value(*value) : std::string();
}
template <typename T>
std::string_view type_text(const std::optional<T>*) {
  return type_text(static_cast<const T*>(nullptr));
}

}  // namespace conf
