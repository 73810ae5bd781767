#include "analyzer/advice_text.h"

#include <algorithm>

#include "analyzer/lexer.h"
#include "base/text.h"

namespace analyzer {
namespace {

struct Piece {
  Token token;
  int depth = 0;
};

// Nothing where it is more than one statement, or reads otherwise in other sessions.
std::optional<std::vector<Piece>> pieces_of(std::string_view sql) {
  if (sql.find('\0') != std::string_view::npos || !base::valid_utf8(sql)) return std::nullopt;
  std::vector<Piece> out;
  Lexer lexer(sql, true);
  int depth = 0;
  bool ended = false;
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    const std::string_view text = lexer.text_of(token);
    if (ended || token.kind == TokenKind::kBad || lexer.backslash()) return std::nullopt;
    if (text == ")") --depth;
    if (text == ";") {
      ended = true;
      continue;
    }
    out.push_back({token, depth});
    if (text == "(") ++depth;
  }
  return out;
}

class Rewriter {
 public:
  Rewriter(std::string_view sql, const std::vector<Piece>& pieces) : sql_(sql), pieces_(pieces) {}

  std::optional<std::string> rewrite() const {
    std::size_t at = 0;
    while (at < pieces_.size() && !word(at, "select") && !word(at, "update") && !word(at, "delete") && !word(at, "values")) {
      if (at == 0 && !word(at, "with") && text(at) != "(") return std::nullopt;
      ++at;
    }
    if (at == pieces_.size()) return std::nullopt;
    const std::string before(sql_.substr(0, pieces_[at].token.at));
    if (word(at, "update")) return before + changed(at + 1, "from");
    if (word(at, "delete")) return word(at + 1, "from") ? std::optional(before + changed(at + 2, "using")) : std::nullopt;
    return without_locks(at);
  }

  std::optional<std::string> without_limit() const {
    for (std::size_t i = 1; i < pieces_.size(); ++i)
      if ((word(i, "limit") || word(i, "offset") || word(i, "fetch")) && text(i - 1) != "." && !word(i - 1, "as"))
        return between(0, i);
    return std::nullopt;
  }

 private:
  std::string_view text(std::size_t i) const {
    return i < pieces_.size() ? sql_.substr(pieces_[i].token.at, pieces_[i].token.size) : std::string_view();
  }
  // A keyword outside of all parentheses.
  bool word(std::size_t i, std::string_view lower) const {
    return i < pieces_.size() && pieces_[i].depth == 0 && pieces_[i].token.kind == TokenKind::kWord &&
           is_word(text(i), lower);
  }
  std::string between(std::size_t from, std::size_t to) const {
    if (from >= to) return {};
    const Token& last = pieces_[to - 1].token;
    return std::string(sql_.substr(pieces_[from].token.at, last.at + last.size - pieces_[from].token.at));
  }

  // t SET ... FROM u WHERE w RETURNING r, and t USING u WHERE w RETURNING r.
  std::string changed(std::size_t begin, std::string_view more) const {
    std::size_t end = pieces_.size(), set = end, from = end, where = end;
    for (std::size_t i = begin; i < pieces_.size(); ++i) {
      if (word(i, "returning")) {
        end = i;
        break;
      }
      if (word(i, "set") && set == pieces_.size()) set = i;
      if (word(i, more) && !word(i - 1, "distinct") && from == pieces_.size() && where == pieces_.size()) from = i;
      if (word(i, "where") && where == pieces_.size()) where = i;
    }
    from = std::min(from, end);
    where = std::min(where, end);
    std::string out = "SELECT * FROM " + between(begin, std::min({set, from, where, end}));
    if (from < where) out += ", " + between(from + 1, where);
    if (where < end) out += " " + between(where, end);
    return out;
  }

  std::string without_locks(std::size_t begin) const {
    std::size_t end = pieces_.size();
    for (std::size_t i = begin; i < end; ++i)
      if (word(i, "for") && (word(i + 1, "update") || word(i + 1, "no") || word(i + 1, "share") || word(i + 1, "key")))
        end = i;
    return between(0, end);
  }

  std::string_view sql_;
  const std::vector<Piece>& pieces_;
};

}  // namespace

std::optional<std::string> with_values(std::string_view sql, const std::vector<SampleValue>& values, bool nulls) {
  const auto pieces = pieces_of(sql);
  if (!pieces) return std::nullopt;
  std::string out;
  std::size_t at = 0;
  for (const Piece& piece : *pieces) {
    if (piece.token.kind != TokenKind::kParameter) continue;
    const auto number = parameter_number(sql.substr(piece.token.at, piece.token.size));
    if (!number || *number < 1 || static_cast<std::size_t>(*number) > values.size()) return std::nullopt;
    const SampleValue& value = values[static_cast<std::size_t>(*number) - 1];
    out.append(sql.substr(at, piece.token.at - at));
    if (!value.text && !nulls) return std::nullopt;
    out += value.text ? base::quote_literal(*value.text) : "NULL";
    if (!value.type.empty()) out += "::pg_catalog." + value.type;
    at = piece.token.at + piece.token.size;
  }
  out.append(sql.substr(at));
  return out;
}

std::optional<std::string> as_select(std::string_view sql) {
  const auto pieces = pieces_of(sql);
  return pieces ? Rewriter(sql, *pieces).rewrite() : std::nullopt;
}

std::optional<std::string> without_limit(std::string_view sql) {
  const auto pieces = pieces_of(sql);
  return pieces ? Rewriter(sql, *pieces).without_limit() : std::nullopt;
}

}  // namespace analyzer
