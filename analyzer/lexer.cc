#include "analyzer/lexer.h"

#include <charconv>

#include "base/text.h"

namespace analyzer {

namespace {

bool line_end(char c) { return c == '\n' || c == '\r'; }

// Behind the digits that begin at `at`.
std::size_t digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is(text[at], kDigit)) ++at;
  return at;
}

std::size_t line_comment_end(std::string_view text, std::size_t at) {
  while (at < text.size() && !line_end(text[at])) ++at;
  return at;
}

// Of an operator: can it not be a row of SQL's own?
bool beyond_sql(char c) { return std::string_view("~!@#^&|`?%").find(c) != std::string_view::npos; }

}  // namespace

Token Lexer::next_other() {
  skip_blank();
  const std::size_t at = at_;
  if (at >= text_.size()) return {TokenKind::kEnd, text_.size(), 0};
  if (unclosed_comment_) return token(TokenKind::kBad, at, text_.size());
  const char c = text_[at];
  if (is(c, kStart)) return word(at);
  if (c == '\'') return string(at, at, !standard_conforming_strings_);
  if (is(c, kDigit) || (c == '.' && is(peek(at + 1), kDigit))) return number(at);
  if (is(c, kOp)) return oper(at);
  if (is(c, kSelf)) {
    const char after = peek(at + 1);
    const bool two = (c == ':' && (after == ':' || after == '=')) || (c == '.' && after == '.');
    return token(TokenKind::kMark, at, at + (two ? 2 : 1));
  }
  if (c == '"') return quoted_name(at, at);
  if (c == '$') return dollar(at);
  return token(TokenKind::kBad, at, at + 1);
}

Token Lexer::token(TokenKind kind, std::size_t at, std::size_t end) {
  at_ = end;
  return {kind, at, end - at};
}

void Lexer::skip_blank() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (is(c, kSpace)) {
      ++at_;
    } else if (c == '-' && peek(at_ + 1) == '-') {
      at_ = line_comment_end(text_, at_);
    } else if (c == '/' && peek(at_ + 1) == '*') {
      const std::size_t end = comment_end(at_);
      if (end == std::string_view::npos) {
        unclosed_comment_ = true;
        return;
      }
      at_ = end;
    } else {
      return;
    }
  }
}

// Behind the comment that begins with / * at `at`; npos if it is not closed.
std::size_t Lexer::comment_end(std::size_t at) {
  std::size_t depth = 0;
  std::size_t row_end = 0;
  while (true) {
    at = text_.find_first_of("*/", at);
    if (at == std::string_view::npos || at + 1 >= text_.size()) return std::string_view::npos;
    if (text_[at] == '/' && text_[at + 1] == '*') {
      if (row_end < at) {
        for (row_end = at + 2; row_end < text_.size() && is(text_[row_end], kOp);) ++row_end;
      }
      looked_at_again_ += row_end - at;
      ++depth;
      at += 2;
    } else if (text_[at] == '*' && text_[at + 1] == '/') {
      at += 2;
      if (--depth == 0) return at;
    } else {
      ++at;
    }
  }
}

Token Lexer::word(std::size_t at) {
  const char after = peek(at + 1);
  if (after == '\'') {
    switch (text_[at]) {
      case 'e': case 'E': return string(at, at + 1, true);
      case 'b': case 'B': case 'x': case 'X': return string(at, at + 1, false);
      case 'n': case 'N': return token(TokenKind::kNational, at, at + 1);
      default: break;
    }
  } else if (after == '&' && (text_[at] == 'u' || text_[at] == 'U')) {
    if (peek(at + 2) == '"') return quoted_name(at, at + 2);
    if (peek(at + 2) == '\'') {
      Token found = string(at, at + 2, false);
      if (!standard_conforming_strings_) found.kind = TokenKind::kBad;  // PostgreSQL refuses it then
      return found;
    }
  }
  return token(TokenKind::kWord, at, word_end(text_, at + 1));
}

Token Lexer::quoted_name(std::size_t at, std::size_t open) {
  std::size_t end = open + 1;
  while (true) {
    end = text_.find('"', end);
    if (end == std::string_view::npos) return token(TokenKind::kBad, at, text_.size());
    if (peek(end + 1) != '"') break;
    end += 2;
  }
  const bool empty = end == open + 1;  // "zero-length delimited identifier"
  return token(empty ? TokenKind::kBad : TokenKind::kQuotedName, at, end + 1);
}

Token Lexer::string(std::size_t at, std::size_t open, bool escapes) {
  const bool plain = open == at;
  std::size_t end = open + 1;
  while (true) {
    if (escapes) {
      end = text_.find_first_of("'\\", end);
    } else {
      const std::size_t quote = text_.find('\'', end);
      if (plain && !backslash_) {
        const auto part = text_.substr(end, quote == std::string_view::npos ? quote : quote - end);
        backslash_ = part.find('\\') != std::string_view::npos;
      }
      end = quote;
    }
    if (end == std::string_view::npos) return token(TokenKind::kBad, at, text_.size());
    if (text_[end] == '\\') {
      backslash_ = backslash_ || plain;
      end += 2;
      if (end > text_.size()) return token(TokenKind::kBad, at, text_.size());
    } else if (peek(end + 1) == '\'') {
      end += 2;
    } else {
      const std::size_t more = continued(end + 1);
      if (more == 0) return token(TokenKind::kString, at, end + 1);
      end = more;
    }
  }
}

// Behind the quote that continues a string which closed before `at`, or 0: there must be a line end between them.
std::size_t Lexer::continued(std::size_t at) const {
  bool seen_line_end = false;
  while (at < text_.size()) {
    const char c = text_[at];
    if (is(c, kSpace)) {
      seen_line_end = seen_line_end || line_end(c);
      ++at;
    } else if (c == '-' && peek(at + 1) == '-') {
      at = line_comment_end(text_, at);
    } else {
      return c == '\'' && seen_line_end ? at + 1 : 0;
    }
  }
  return 0;
}

Token Lexer::dollar(std::size_t at) {
  if (is(peek(at + 1), kDigit)) {
    const std::size_t end = digits(text_, at + 1);
    if (is(peek(end), kStart)) return token(TokenKind::kBad, at, word_end(text_, end));
    return token(TokenKind::kParameter, at, end);
  }
  std::size_t tag_end = at + 1;
  while (tag_end < text_.size() && is(text_[tag_end], kStart | kDigit)) ++tag_end;
  if (peek(tag_end) != '$') return token(TokenKind::kBad, at, at + 1);
  const auto tag = text_.substr(at, tag_end + 1 - at);
  const std::size_t close = text_.find(tag, tag_end + 1);
  if (close == std::string_view::npos) return token(TokenKind::kBad, at, text_.size());
  return token(TokenKind::kString, at, close + tag.size());
}

Token Lexer::number(std::size_t at) {
  std::size_t end = digits(text_, at);
  if (peek(end) == '.' && !(end > at && peek(end + 1) == '.')) end = digits(text_, end + 1);
  bool bad = false;
  const char exponent = peek(end);
  if (exponent == 'e' || exponent == 'E') {
    const char sign = peek(end + 1);
    const std::size_t from = end + (sign == '+' || sign == '-' ? 2 : 1);
    if (is(peek(from), kDigit)) {
      end = digits(text_, from);
    } else if (from == end + 2) {
      bad = true;
      end = from;
    }
  }
  if (!bad && is(peek(end), kStart)) {
    bad = true;
    end = word_end(text_, end);
  }
  return token(bad ? TokenKind::kBad : TokenKind::kNumber, at, end);
}

Token Lexer::oper(std::size_t at) {
  if (at >= row_end_) {  // a new row: up to what is no operator character, or begins a comment
    beyond_end_ = unsigned_end_ = 0;
    for (row_end_ = at; row_end_ < text_.size() && is(text_[row_end_], kOp); ++row_end_) {
      const char c = text_[row_end_];
      const char after = peek(row_end_ + 1);
      if (row_end_ > at && ((c == '/' && after == '*') || (c == '-' && after == '-'))) break;
      if (beyond_sql(c)) beyond_end_ = row_end_ + 1;
      if (c != '+' && c != '-') unsigned_end_ = row_end_ + 1;
    }
  }
  looked_at_again_ += row_end_ - at - 1;
  // A + or - ends an operator only if it cannot be a row of SQL's own.
  const std::size_t end = beyond_end_ > at ? row_end_ : unsigned_end_ > at ? unsigned_end_ : at + 1;
  return token(TokenKind::kOperator, at, end);
}

std::optional<int> parameter_number(std::string_view token) {
  int number = 0;
  const auto read = std::from_chars(token.data() + 1, token.data() + token.size(), number);
  return read.ec == std::errc() ? std::optional(number) : std::nullopt;
}

std::string name_of(std::string_view token) {
  const std::size_t open = token.find('"');
  if (open == std::string_view::npos) return base::to_lower(token);
  std::string out;
  for (std::size_t i = open + 1; i + 1 < token.size(); ++i) {
    out += token[i];
    if (token[i] == '"') ++i;
  }
  return out;
}

bool is_word(std::string_view token, std::string_view lower) {
  if (token.size() != lower.size()) return false;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const char c = token[i];
    const char folded = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    if (folded != lower[i]) return false;
  }
  return true;
}

}  // namespace analyzer
