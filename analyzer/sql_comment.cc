#include "analyzer/sql_comment.h"

#include <algorithm>

#include "analyzer/char_class.h"

namespace analyzer {
namespace {

constexpr std::string_view kOpen = "/*", kClose = "*/";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// %41 is A, and \' is ', which sqlcommenter writes for the quote that encodes itself.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      out += text[++i];
    } else {
      out += text[i];
    }
  }
  return out;
}

// The end of a value that begins at `from`: its quote.
std::size_t value_end(std::string_view comment, std::size_t from) {
  while (from < comment.size() && comment[from] != '\'') from += comment[from] == '\\' ? 2U : 1U;
  return std::min(from, comment.size());
}

// So many digits of lower case, and not all of them 0.
bool is_id(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }) &&
         text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::string_view outer_comment(std::string_view sql) {
  std::string_view rest = sql;
  while (!rest.empty() && (is(rest.back(), kSpace) || rest.back() == ';')) rest.remove_suffix(1);
  if (rest.ends_with(kClose)) {
    rest.remove_suffix(kClose.size());
    const std::string_view near = rest.substr(rest.size() - std::min(rest.size(), kCommentMax + kOpen.size()));
    const std::size_t open = near.rfind(kOpen);
    return open == std::string_view::npos ? std::string_view() : near.substr(open + kOpen.size());
  }
  rest = sql;
  while (!rest.empty() && is(rest.front(), kSpace)) rest.remove_prefix(1);
  if (!rest.starts_with(kOpen)) return {};
  rest = rest.substr(kOpen.size(), kCommentMax + kClose.size());
  const std::size_t close = rest.find(kClose);
  return close == std::string_view::npos ? std::string_view() : rest.substr(0, close);
}

std::string comment_value(std::string_view comment, std::string_view key) {
  for (std::size_t at = 0; at < comment.size();) {
    const std::size_t equals = comment.find('=', at);
    if (equals == std::string_view::npos || equals + 1 >= comment.size() || comment[equals + 1] != '\'') return {};
    std::string_view name = comment.substr(at, equals - at);
    while (!name.empty() && (is(name.front(), kSpace) || name.front() == ',')) name.remove_prefix(1);
    while (!name.empty() && is(name.back(), kSpace)) name.remove_suffix(1);
    const std::size_t from = equals + 2;
    const std::size_t end = value_end(comment, from);
    if (end == comment.size()) return {};
    if (decoded(name) == key) return decoded(comment.substr(from, end - from));
    at = end + 1;
  }
  return {};
}

std::string traceparent_in(std::string_view comment) {
  // Version, trace, parent and flags; later versions may have more behind them.
  constexpr std::size_t kTrace = 3, kParent = 36, kFlags = 53, kSize = 55;
  std::string value = comment_value(comment, "traceparent");
  if (value.size() < kSize || value[kTrace - 1] != '-' || value[kParent - 1] != '-' || value[kFlags - 1] != '-') return {};
  const std::string_view text = value;
  const std::string_view version = text.substr(0, 2);
  const auto is_hex = [](std::string_view part) { return is_id(part) || part.find_first_not_of('0') == part.npos; };
  if (!is_hex(version) || version == "ff" || !is_hex(text.substr(kFlags, 2))) return {};
  if (!is_id(text.substr(kTrace, 32)) || !is_id(text.substr(kParent, 16))) return {};
  if (version == "00" ? value.size() != kSize : value.size() > kSize && value[kSize] != '-') return {};
  value.resize(kSize);
  return value;
}

}  // namespace analyzer
