#include "pooler/mentions.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace pooler {
namespace {

// A longer name is none: PostgreSQL cuts names at 63 bytes.
constexpr std::size_t kNameMax = 63;

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<signed char>(c) < 0;
}
bool continues_name(char c) { return begins_name(c) || (c >= '0' && c <= '9') || c == '$'; }
bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

bool parenthesis_at(std::string_view source, std::size_t at) {
  while (at < source.size() && blank(source[at])) ++at;
  return at < source.size() && source[at] == '(';
}

void note(std::string_view word, Mentioned& found) {
  static constexpr std::array<std::string_view, 7> kWriters = {"insert", "update",   "delete", "merge",
                                                               "copy",   "truncate", "refresh"};
  if (std::find(kWriters.begin(), kWriters.end(), word) != kWriters.end()) found.writes = true;
  if (word == "notify" || word == "pg_notify") found.notifies = true;
}

}  // namespace

Mentioned each_mention(std::string_view source, const OnMention& visit) {
  Mentioned found;
  std::array<char, kNameMax> folded{};
  for (std::size_t i = 0; i < source.size();) {
    if (begins_name(source[i])) {
      std::size_t end = i + 1;
      while (end < source.size() && continues_name(source[end])) ++end;
      const std::size_t size = std::min(end - i, kNameMax);
      const std::string_view written = source.substr(i, size);
      std::transform(written.begin(), written.end(), folded.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
      const std::string_view word(folded.data(), size);
      note(word, found);
      visit(word, parenthesis_at(source, end));
      i = end;
      continue;
    }
    if (source[i] == '"') {
      const std::size_t end = source.substr(0, std::min(source.size(), i + 2 + kNameMax)).find('"', i + 1);
      if (end != std::string_view::npos && end > i + 1)
        visit(source.substr(i + 1, end - i - 1), parenthesis_at(source, end + 1));
    }
    ++i;
  }
  return found;
}

}  // namespace pooler
