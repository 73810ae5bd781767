#include "analyzer/redact.h"

#include <cstddef>

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

}  // namespace

std::string without_values(std::string_view sql) {
  std::string out;
  Lexer lexer(sql, true);
  std::size_t end = 0;
  bool first = true;     // of a statement
  bool setting = false;  // the statement is a SET
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    if (token.at > end && !out.empty()) out += ' ';
    end = token.at + token.size;
    const std::string_view text = lexer.text_of(token);
    switch (token.kind) {
      case TokenKind::kString:
      case TokenKind::kNumber: out += '?'; break;
      case TokenKind::kBad: return out += '?';
      default: put(out, text);
    }
    if (lexer.backslash()) return out;
    if (token.kind == TokenKind::kWord && first) setting = is_word(text, "set");
    first = text == ";";
    if (setting && (text == "=" || is_word(text, "to"))) return out += " ?";
  }
  return out;
}

}  // namespace analyzer
