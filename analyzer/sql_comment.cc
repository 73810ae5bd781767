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

// The size of the part of a traceparent that every version has.
constexpr std::size_t kTraceparentSize = 55;

// Between the marks of the comment that ends the text; nothing where none does.
std::optional<std::string_view> last_comment(std::string_view sql) {
  while (!sql.empty() && (is(sql.back(), kSpace) || sql.back() == ';')) sql.remove_suffix(1);
  if (!sql.ends_with(kClose)) return std::nullopt;
  sql.remove_suffix(kClose.size());
  const std::string_view near = sql.substr(sql.size() - std::min(sql.size(), kCommentMax + kOpen.size()));
  const std::size_t open = near.rfind(kOpen);
  return open == std::string_view::npos ? std::string_view() : near.substr(open + kOpen.size());
}

std::string_view first_comment(std::string_view sql) {
  while (!sql.empty() && is(sql.front(), kSpace)) sql.remove_prefix(1);
  if (!sql.starts_with(kOpen)) return {};
  sql = sql.substr(kOpen.size(), kCommentMax + kClose.size());
  const std::size_t close = sql.find(kClose);
  return close == std::string_view::npos ? std::string_view() : sql.substr(0, close);
}

}  // namespace

std::string_view outer_comment(std::string_view sql) {
  const auto last = last_comment(sql);
  return last ? *last : first_comment(sql);
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
  std::string value = comment_value(comment, "traceparent");
  if (!trace_context(value)) return {};
  value.resize(kTraceparentSize);
  return value;
}

std::optional<TraceContext> trace_of(std::string_view sql, bool cut) {
  if (!cut)
    if (const auto last = last_comment(sql); last && !last->empty())
      if (const auto context = trace_context(comment_value(*last, "traceparent"))) return context;
  const std::string_view first = first_comment(sql);
  return first.empty() ? std::nullopt : trace_context(comment_value(first, "traceparent"));
}

}  // namespace analyzer
