#include "admin/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

namespace admin {

namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
// Bytes of UTF-8 above ASCII are letters, as they are to PostgreSQL.
bool starts_word(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool goes_on_word(char c) { return starts_word(c) || is_digit(c) || c == '$'; }

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : size_(sql.size()), rest_(sql) {}

  // The next token, or nothing at the end.
  base::Result<std::optional<Token>> next() {
    TRY_STATUS(skip_blanks());
    if (rest_.empty()) return std::optional<Token>();
    const std::size_t at = size_ - rest_.size();
    TRY(std::optional<Token> token, cut());
    token->at = at;
    token->end = size_ - rest_.size();
    return token;
  }

 private:
  base::Result<std::optional<Token>> cut() {
    const char c = rest_.front();
    if (starts_word(c)) return word();
    if (c == '"') return quoted('"', Token::Kind::kQuoted, "unterminated quoted identifier");
    if (c == '\'') return quoted('\'', Token::Kind::kText, "unterminated quoted string");
    if (is_digit(c) || ((c == '-' || c == '+' || c == '.') && is_digit(peek(1)))) return number();
    if (c == '$' && is_digit(peek(1))) return parameter();
    rest_.remove_prefix(1);
    return some(Token::Kind::kSymbol, std::string(1, c));
  }

  static std::optional<Token> some(Token::Kind kind, std::string text) { return Token{.kind = kind, .text = std::move(text)}; }

  char peek(std::size_t at) const { return at < rest_.size() ? rest_[at] : '\0'; }

  template <typename Pred>
  std::string_view take_while(Pred pred) {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), pred);
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  base::Status skip_blanks() {
    for (;;) {
      take_while(is_space);
      if (rest_.starts_with("--")) {
        take_while([](char c) { return c != '\n'; });
      } else if (rest_.starts_with("/*")) {
        TRY_STATUS(skip_comment());
      } else {
        return base::Ok{};
      }
    }
  }

  base::Status skip_comment() {
    std::size_t depth = 0;
    do {
      if (rest_.empty()) return base::syntax_error("unterminated /* comment");
      if (rest_.starts_with("/*")) {
        ++depth;
        rest_.remove_prefix(2);
      } else if (rest_.starts_with("*/")) {
        --depth;
        rest_.remove_prefix(2);
      } else {
        rest_.remove_prefix(1);
      }
    } while (depth > 0);
    return base::Ok{};
  }

  std::optional<Token> word() {
    std::string text(take_while(goes_on_word));
    std::transform(text.begin(), text.end(), text.begin(), lower);
    return some(Token::Kind::kWord, std::move(text));
  }

  base::Result<std::optional<Token>> quoted(char quote, Token::Kind kind, std::string_view unterminated) {
    rest_.remove_prefix(1);
    std::string text;
    for (;;) {
      text += take_while([quote](char c) { return c != quote; });
      if (rest_.empty()) return base::syntax_error(std::string(unterminated));
      rest_.remove_prefix(1);
      if (peek(0) != quote) break;
      text += quote;  // a doubled quote stands for one
      rest_.remove_prefix(1);
    }
    if (kind == Token::Kind::kQuoted && text.empty()) {
      return base::syntax_error("zero-length delimited identifier at or near \"\"\"\"");
    }
    return some(kind, std::move(text));
  }

  std::optional<Token> number() {
    std::string text(1, rest_.front());
    rest_.remove_prefix(1);
    // Units stay with their number: 5s, 10min, 1GB.
    text += take_while([](char c) { return goes_on_word(c) || c == '.'; });
    return some(Token::Kind::kNumber, std::move(text));
  }

  std::optional<Token> parameter() {
    rest_.remove_prefix(1);
    return some(Token::Kind::kParameter, std::string(take_while(is_digit)));
  }

  std::size_t size_;
  std::string_view rest_;
};

std::string shown(const Token& token) {
  constexpr std::size_t kMost = 64;  // a message names the place, it does not repeat the input
  std::string text = token.text.substr(0, kMost);
  if (token.kind == Token::Kind::kText) return "'" + text + "'";
  if (token.kind == Token::Kind::kParameter) return "$" + text;
  return text;
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

base::Result<std::vector<Statement>> parse(std::string_view sql) {
  if (sql.size() > kMaxSqlLength) {
    return base::Error{"54000", fmt::format("console queries are limited to {} bytes", kMaxSqlLength), {}, {}};
  }
  Lexer lexer(sql);
  std::vector<Statement> statements;
  Statement current;
  for (;;) {
    TRY(std::optional<Token> token, lexer.next());
    const bool ends = !token || (token->kind == Token::Kind::kSymbol && token->text == ";");
    if (!ends) {
      current.push_back(*std::move(token));
      if (current.size() > kMaxTokens) {
        return base::Error{"54001", fmt::format("console statements are limited to {} words", kMaxTokens), {}, {}};
      }
      continue;
    }
    if (!current.empty()) statements.push_back(std::exchange(current, {}));
    if (statements.size() > kMaxStatements) {
      return base::Error{"54000", fmt::format("console queries are limited to {} statements", kMaxStatements),
                         {}, {}};
    }
    if (!token) return statements;
  }
}

std::string_view text_of(const Statement& statement, std::string_view sql) {
  if (statement.empty()) return {};
  return sql.substr(statement.front().at, statement.back().end - statement.front().at);
}

base::Error syntax_error_at(const Statement& statement, std::size_t at) {
  if (at >= statement.size()) return base::syntax_error("syntax error at end of input");
  return base::syntax_error(fmt::format("syntax error at or near \"{}\"", shown(statement[at])));
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  constexpr std::size_t kLongestWord = 64;  // no name of ours is longer; the work stays small
  if (word.size() > kLongestWord) return {};
  std::size_t best = word.size() < 4 ? 2 : 3;  // exclusive
  std::string_view found;
  for (std::string_view candidate : candidates) {
    const std::size_t d = distance(word, candidate);
    if (d < best) {
      best = d;
      found = candidate;
    }
  }
  return found;
}

}  // namespace admin
