#include "pooler/mentions.h"

#include <algorithm>
#include <array>
#include <functional>

namespace pooler {
namespace {

// A longer name is none: PostgreSQL cuts names at 63 bytes.
constexpr std::size_t kNameMax = 63;

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<signed char>(c) < 0;
}
bool continues_name(char c) { return begins_name(c) || (c >= '0' && c <= '9') || c == '$'; }
bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

std::string folded(std::string_view word) {
  std::string name(word.substr(0, kNameMax));
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return name;
}

// Calls `visit` with each word, or name in double quotes, and whether a parenthesis follows.
void each_word(std::string_view source, const std::function<void(std::string_view, bool quoted, bool called)>& visit) {
  const auto is_called = [source](std::size_t at) {
    while (at < source.size() && blank(source[at])) ++at;
    return at < source.size() && source[at] == '(';
  };
  for (std::size_t i = 0; i < source.size();) {
    if (begins_name(source[i])) {
      std::size_t end = i + 1;
      while (end < source.size() && continues_name(source[end])) ++end;
      visit(source.substr(i, end - i), false, is_called(end));
      i = end;
      continue;
    }
    if (source[i] == '"') {
      const std::size_t end = source.substr(0, std::min(source.size(), i + 2 + kNameMax)).find('"', i + 1);
      if (end != std::string_view::npos && end > i + 1)
        visit(source.substr(i + 1, end - i - 1), true, is_called(end + 1));
    }
    ++i;
  }
}

}  // namespace

Mentions mentions_of(std::string_view source) {
  static constexpr std::array<std::string_view, 7> kWriters = {"insert", "update", "delete",  "merge",
                                                               "copy",   "truncate", "refresh"};
  Mentions found;
  each_word(source, [&found](std::string_view word, bool quoted, bool called) {
    std::string name = quoted ? std::string(word) : folded(word);
    if (!quoted && std::find(kWriters.begin(), kWriters.end(), name) != kWriters.end()) found.writes = true;
    if (called) found.called.insert(name);
    found.words.insert(std::move(name));
  });
  return found;
}

bool mentions_notify(std::string_view source) {
  bool found = false;
  each_word(source, [&found](std::string_view word, bool, bool) {
    if (found || (word.size() != 6 && word.size() != 9)) return;
    const std::string name = folded(word);
    found = name == "notify" || name == "pg_notify";
  });
  return found;
}

}  // namespace pooler
