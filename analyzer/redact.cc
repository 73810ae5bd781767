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

// `put_value(out, literal)` writes what stands for a value; the literal is empty where nobody can know it.
template <typename PutValue>
std::string redacted(std::string_view sql, std::size_t bytes_max, Signs signs, PutValue put_value) {
  std::string out;
  Lexer lexer(sql, true);
  std::size_t end = 0;
  bool first = true;     // of a statement
  bool setting = false;  // the statement is a SET
  bool value_next = false;  // an operator, a bracket or a comma stands before
  std::size_t sign_at = std::string::npos;  // of a sign that stands there, in `out`
  std::size_t sign_from = 0;                // the same, in `sql`
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd && out.size() <= bytes_max; token = lexer.next()) {
    if (token.at > end && !out.empty()) out += ' ';
    end = token.at + token.size;
    const std::string_view text = lexer.text_of(token);
    std::string_view literal = lexer.backslash() ? std::string_view() : text;
    if (token.kind == TokenKind::kNumber && sign_at != std::string::npos) {
      out.resize(sign_at);
      literal = sql.substr(sign_from, end - sign_from);
    }
    const bool sign = signs == Signs::kGo && value_next && (text == "-" || text == "+");
    sign_at = sign ? out.size() : std::string::npos;
    sign_from = token.at;
    value_next = token.kind == TokenKind::kOperator || text == "(" || text == "[" || text == ",";
    switch (token.kind) {
      case TokenKind::kString:
      case TokenKind::kNumber: put_value(out, literal); break;
      case TokenKind::kBad: put_value(out, {}); return out;
      default: put(out, text);
    }
    if (lexer.backslash()) return out;
    if (token.kind == TokenKind::kWord && first) setting = is_word(text, "set");
    first = text == ";";
    if (setting && (text == "=" || is_word(text, "to"))) {
      out += ' ';
      put_value(out, {});
      return out;
    }
  }
  return out;
}

// Not longer than `bytes_max`.
std::string bounded(std::string out, std::size_t bytes_max) {
  constexpr std::string_view kCut = "...";
  if (out.size() <= bytes_max) return out;
  std::size_t size = bytes_max - std::min(bytes_max, kCut.size());
  while (size > 0 && (static_cast<unsigned char>(out[size]) & 0xc0U) == 0x80U) --size;  // not within a character
  out.resize(size);
  return out += kCut;
}

// A literal without its plain quotes.
std::string value_of(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != '\'' || literal.back() != '\'') return std::string(literal);
  std::string out;
  for (std::size_t i = 1; i + 1 < literal.size(); ++i) {
    if (literal[i] == '\'' && literal[++i] != '\'') return std::string(literal);  // in pieces
    out += literal[i];
  }
  return out;
}

}  // namespace

std::string without_values(std::string_view sql) {
  return redacted(sql, SIZE_MAX, Signs::kStay, [](std::string& out, std::string_view) { out += '?'; });
}

std::string normalized(std::string_view sql, std::size_t bytes_max) {
  int number = highest_parameter(sql);
  return bounded(redacted(sql, bytes_max, Signs::kGo,
                          [&number](std::string& to, std::string_view) { to += '$' + std::to_string(++number); }),
                 bytes_max);
}

Normalized normalized_with_values(std::string_view sql, std::size_t bytes_max) {
  int number = highest_parameter(sql);
  Normalized out{.text = {}, .first = number + 1};
  out.text = bounded(redacted(sql, bytes_max, Signs::kGo,
                              [&](std::string& to, std::string_view literal) {
                                to += '$' + std::to_string(++number);
                                auto& value = out.values.emplace_back();
                                if (!literal.empty()) value = value_of(literal);
                              }),
                     bytes_max);
  return out;
}

}  // namespace analyzer
