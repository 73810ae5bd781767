#include "analyzer/hidden_values.h"

#include <algorithm>
#include <optional>

#include "analyzer/lexer.h"
#include "base/text.h"

namespace analyzer {
namespace {

// Functions that are given secrets stand here beside the words for these.
constexpr std::string_view kSecretNames[] = {"*password*", "*passwd*", "crypt",  "hmac",       "pgp_sym_*",
                                             "pgp_pub_*",  "encrypt*", "decrypt*", "dblink*", "set_config"};

// The names of a statement, and whether some INSERT in it says which columns it fills.
struct Names {
  std::vector<std::string> all;
  bool unnamed_columns = false;
};

// Follows INSERT [INTO name [AS name]] to what stands behind: a list of columns, or something else.
class InsertWalk {
 public:
  // True if an INSERT without a list of columns has been met with this token.
  bool next(const Token& token, std::string_view text) {
    const bool name = token.kind == TokenKind::kWord || token.kind == TokenKind::kQuotedName;
    switch (at_) {
      case At::kOutside:
        if (token.kind == TokenKind::kWord && is_word(text, "insert")) at_ = At::kInsert;
        return false;
      case At::kInsert:  // MERGE has no INTO
        if (is_word(text, "into")) return go(At::kTable);
        if (text == "(") return go(At::kList);
        return go(At::kOutside, true);
      case At::kTable:  // what may follow the first name: . name, AS name
        if (text == "(") return go(At::kList);
        if (text == "." || is_word(text, "as")) return go(At::kAlias);
        if (!began_ && name) return began_ = true, false;
        return go(At::kOutside, true);
      case At::kAlias: return go(At::kTable);
      case At::kList:
        return go(At::kOutside, !name || is_word(text, "select") || is_word(text, "values") || is_word(text, "with") ||
                                    is_word(text, "table"));
    }
    return false;
  }
  bool open() const { return at_ != At::kOutside; }

 private:
  enum class At { kOutside, kInsert, kTable, kAlias, kList };
  bool go(At at, bool found = false) {
    if (at == At::kOutside || at == At::kList) began_ = false;
    if (at == At::kTable && at_ == At::kAlias) began_ = true;
    at_ = at;
    return found;
  }
  At at_ = At::kOutside;
  bool began_ = false;
};

// Nothing where the text cannot be read to its end.
std::optional<Names> names_in(std::string_view sql) {
  Names names;
  InsertWalk inserts;
  Lexer lexer(sql, true);
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    const std::string_view text = lexer.text_of(token);
    if (token.kind == TokenKind::kBad || lexer.backslash()) return std::nullopt;
    const bool quoted = token.kind == TokenKind::kQuotedName;
    if (quoted && !text.starts_with('"') && text.find('\\') != std::string_view::npos) return std::nullopt;
    if (inserts.next(token, text)) names.unnamed_columns = true;
    if (quoted || token.kind == TokenKind::kWord) names.all.push_back(base::to_lower(name_of(text)));
  }
  if (inserts.open()) names.unnamed_columns = true;
  return names;
}

bool any_fits(const std::vector<std::string>& names, std::string_view pattern) {
  return std::any_of(names.begin(), names.end(), [pattern](const std::string& name) { return fits(name, pattern); });
}

}  // namespace

bool fits(std::string_view text, std::string_view pattern) {
  // Of the last * only: what an earlier one takes need never change.
  std::size_t at = 0, in = 0, star = std::string_view::npos, taken = 0;
  while (at < text.size()) {
    if (in < pattern.size() && pattern[in] == '*') {
      star = in++;
      taken = at;
    } else if (in < pattern.size() && pattern[in] == text[at]) {
      ++in;
      ++at;
    } else if (star != std::string_view::npos) {
      in = star + 1;
      at = ++taken;
    } else {
      return false;
    }
  }
  while (in < pattern.size() && pattern[in] == '*') ++in;
  return in == pattern.size();
}

HiddenValues::HiddenValues(const std::vector<std::string>& rules) {
  for (const std::string& rule : rules) {
    const std::size_t dot = rule.find('.');
    if (dot == std::string::npos) continue;
    rules_.push_back({base::to_lower(rule.substr(0, dot)), base::to_lower(rule.substr(dot + 1))});
  }
}

bool HiddenValues::has_any(Kind kind) {
  switch (kind) {
    case Kind::kSelect:
    case Kind::kInsert:
    case Kind::kUpdate:
    case Kind::kDelete:
    case Kind::kMerge: return true;
    default: return false;
  }
}

bool HiddenValues::may_show(std::string_view sql, Kind kind) const {
  if (!has_any(kind)) return false;
  const auto names = names_in(sql);
  if (!names) return false;
  for (const std::string_view secret : kSecretNames)
    if (any_fits(names->all, secret)) return false;
  return std::none_of(rules_.begin(), rules_.end(), [&names](const Rule& rule) {
    return any_fits(names->all, rule.table) && (names->unnamed_columns || any_fits(names->all, rule.column));
  });
}

}  // namespace analyzer
