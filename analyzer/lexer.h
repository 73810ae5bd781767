#pragma once
// PostgreSQL's tokens, as scan.l of PostgreSQL 15 cuts them: one pass, no memory of its own, no error. What scan.l
// refuses comes as kBad and the walk goes on behind it.
//
//   analyzer::Lexer lexer(sql, standard_conforming_strings);
//   for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) ...
//
// Pure. The text is borrowed for as long as the lexer lives.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "analyzer/char_class.h"

namespace analyzer {

enum class TokenKind : uint8_t {
  kEnd,
  kWord,        // identifiers without quotes and keywords
  kQuotedName,  // "x", U&"x"
  kString,      // 'x', E'x', U&'x', B'1', X'1', $$x$$; pieces continued over a line end are one
  kNational,    // the n of n'x', which means nchar; the string follows on its own
  kNumber,
  kParameter,  // $1
  kOperator,   // + <= ->> =>
  kMark,       // , ( ) [ ] . ; : :: .. :=
  kBad,        // not closed, a number that runs into letters, a character without meaning
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::size_t at = 0, size = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view text, bool standard_conforming_strings = true)
      : text_(text), standard_conforming_strings_(standard_conforming_strings) {}

  // The next token; kEnd, at the end of the text, for ever after the last.
  Token next() {
    // Most of a text is words with single blanks between them; what is anything else is cut out of line.
    const char* const text = text_.data();
    const std::size_t size = text_.size();
    while (at_ < size && is(text[at_], kSpace)) ++at_;
    const std::size_t at = at_;
    if (at >= size || !is(text[at], kStart)) return next_other();
    if (at + 1 < size && (text[at + 1] == '\'' || text[at + 1] == '&')) return next_other();  // E'', U&"", and v&x
    at_ = word_end(text_, at + 1);
    return {TokenKind::kWord, at, at_ - at};
  }

  std::string_view text_of(const Token& token) const { return text_.substr(token.at, token.size); }
  // PostgreSQL's own scanner looks further than a token: at a whole row of operator characters for each operator and each
  // comment that begins in it. So many bytes it looks at twice, so far; a hostile text makes that many times its size.
  std::size_t looked_at_again() const { return looked_at_again_; }
  // Does a string so far hold a backslash that the other value of standard_conforming_strings reads differently?
  bool backslash() const { return backslash_; }

 private:
  Token next_other();
  void skip_blank();
  Token token(TokenKind kind, std::size_t at, std::size_t end);
  Token word(std::size_t at);
  Token quoted_name(std::size_t at, std::size_t open);
  Token string(std::size_t at, std::size_t open, bool escapes);
  Token dollar(std::size_t at);
  Token number(std::size_t at);
  Token oper(std::size_t at);
  std::size_t comment_end(std::size_t at);
  std::size_t continued(std::size_t behind_quote) const;
  char peek(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }

  std::string_view text_;
  std::size_t at_ = 0;
  // Of the row of operator characters that was met last: its end, and in it, as positions and one more, the last character
  // that SQL's own operators do not have and the last that is no sign. 0: there is none.
  std::size_t row_end_ = 0, beyond_end_ = 0, unsigned_end_ = 0;
  std::size_t looked_at_again_ = 0;
  bool standard_conforming_strings_;
  bool backslash_ = false;
  bool unclosed_comment_ = false;
};

// What Bind can carry.
inline constexpr int kParametersMax = 65535;
// The number of a kParameter token; nothing if it is too long to be one. It may be above kParametersMax.
std::optional<int> parameter_number(std::string_view token);

// A word or quoted name as PostgreSQL reads it: folded, or without its quotes. A U&"" name keeps its escapes.
std::string name_of(std::string_view token);

// The same word? `lower` is lower case already. ASCII only, as keywords are.
bool is_word(std::string_view token, std::string_view lower);

}  // namespace analyzer
