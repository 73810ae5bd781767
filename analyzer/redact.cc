#include "analyzer/redact.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "analyzer/lexer.h"
#include "base/text.h"

namespace analyzer {
namespace {

void put(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = base::utf8_length(text.substr(at));
    if (size == 0)
      out += '?';
    else
      out += text.substr(at, size);
    at += size == 0 ? 1 : size;
  }
}

int highest_parameter(std::string_view sql) {
  int highest = 0;
  Lexer lexer(sql, true);
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    if (token.kind != TokenKind::kParameter) continue;
    const std::optional<int> number = parameter_number(lexer.text_of(token));
    if (number && *number <= kParametersMax) highest = std::max(highest, *number);
  }
  return highest;
}

enum class Signs { kStay, kGo };

// `put_value(out)` writes what stands for a value.
template <typename PutValue>
std::string redacted(std::string_view sql, std::size_t bytes_max, Signs signs, PutValue put_value) {
  std::string out;
  Lexer lexer(sql, true);
  std::size_t end = 0;
  bool first = true;     // of a statement
  bool setting = false;  // the statement is a SET
  bool value_next = false;  // an operator, a bracket or a comma stands before
  std::size_t sign_at = std::string::npos;  // of a sign that stands there, in `out`
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd && out.size() <= bytes_max; token = lexer.next()) {
    if (token.at > end && !out.empty()) out += ' ';
    end = token.at + token.size;
    const std::string_view text = lexer.text_of(token);
    if (token.kind == TokenKind::kNumber && sign_at != std::string::npos) out.resize(sign_at);
    const bool sign = signs == Signs::kGo && value_next && (text == "-" || text == "+");
    sign_at = sign ? out.size() : std::string::npos;
    value_next = token.kind == TokenKind::kOperator || text == "(" || text == "[" || text == ",";
    switch (token.kind) {
      case TokenKind::kString:
      case TokenKind::kNumber: put_value(out); break;
      case TokenKind::kBad: put_value(out); return out;
      default: put(out, text);
    }
    if (lexer.backslash()) return out;
    if (token.kind == TokenKind::kWord && first) setting = is_word(text, "set");
    first = text == ";";
    if (setting && (text == "=" || is_word(text, "to"))) {
      out += ' ';
      put_value(out);
      return out;
    }
  }
  return out;
}

}  // namespace

std::string without_values(std::string_view sql) {
  return redacted(sql, SIZE_MAX, Signs::kStay, [](std::string& out) { out += '?'; });
}

std::string normalized(std::string_view sql, std::size_t bytes_max) {
  constexpr std::string_view kCut = "...";
  int number = highest_parameter(sql);
  std::string out = redacted(sql, bytes_max, Signs::kGo, [&number](std::string& to) { to += '$' + std::to_string(++number); });
  if (out.size() <= bytes_max) return out;
  std::size_t size = bytes_max - std::min(bytes_max, kCut.size());
  while (size > 0 && (static_cast<unsigned char>(out[size]) & 0xc0U) == 0x80U) --size;  // not within a character
  out.resize(size);
  return out += kCut;
}

}  // namespace analyzer
