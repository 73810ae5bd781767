#include "analyzer/place.h"

#include <optional>

#include "analyzer/lexer.h"

namespace analyzer {

namespace {

// The walk to the name. Tokens come one at a time; the name is the last one for which token() says so.
class NameSearch {
 public:
  explicit NameSearch(Kind kind) : kind_(kind) {}

  bool token(const Token& token, std::string_view text) {
    const bool first = count_++ == 0;
    if (kind_ == Kind::kPrepare) return count_ == 2;
    if (kind_ == Kind::kDeallocate) {  // [PREPARE] name, and the name may be prepare
      if (count_ == 3) return name_is_next_ && !is_word(text, "uescape");
      name_is_next_ = count_ == 2 && token.kind == TokenKind::kWord && is_word(text, "prepare");
      return count_ == 2;
    }
    if (found_) return false;
    if (name_is_next_) return found_ = true;
    if (token.kind == TokenKind::kMark) {
      if (text == "(") ++depth_;
      if (text == ")") --depth_;
      return false;
    }
    if (token.kind != TokenKind::kWord || depth_ > 0) return false;
    if (first) {
      create_ = !is_word(text, "execute") && !is_word(text, "explain");
      name_is_next_ = is_word(text, "execute");
    } else if (!create_) {  // EXPLAIN [ANALYZE] [VERBOSE] or (options): then EXECUTE or CREATE
      create_ = is_word(text, "create");
      name_is_next_ = is_word(text, "execute");
    } else if (as_) {
      name_is_next_ = is_word(text, "execute");
      as_ = false;
    } else {
      as_ = is_word(text, "as");  // reserved, so this is the one of CREATE TABLE ... AS
    }
    return false;
  }

 private:
  Kind kind_;
  std::size_t count_ = 0;
  int depth_ = 0;
  bool create_ = false, as_ = false, name_is_next_ = false, found_ = false;
};

}  // namespace

void locate(std::string_view sql, std::size_t at, std::size_t size, bool standard_conforming_strings, Statement& out) {
  if (at > sql.size()) at = sql.size();
  const auto text = sql.substr(at, size == 0 ? std::string_view::npos : size);
  const bool named = out.kind == Kind::kPrepare || out.kind == Kind::kExecute ||
                     (out.kind == Kind::kDeallocate && !out.all);

  Lexer lexer(text, standard_conforming_strings);
  NameSearch search(out.kind);
  std::optional<Token> first;
  std::optional<Token> name;
  Token last;
  bool escape = false;  // UESCAPE is next, or its string
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    const auto word = lexer.text_of(token);
    if (token.kind == TokenKind::kMark && word == ";") continue;
    if (!first) first = token;
    if (named && search.token(token, word)) {
      name = token;
    } else if (name && token.kind == TokenKind::kWord && is_word(word, "uescape") && last.at == name->at) {
      escape = true;  // U&"..." UESCAPE '!': the name goes on to the end of the string
    } else if (escape) {
      name->size = token.at + token.size - name->at;
      escape = false;
    }
    last = token;
  }
  if (!first) return;
  out.at = at + first->at;
  out.size = last.at + last.size - first->at;
  if (!name) return;
  const auto written = text.substr(name->at, name->size);
  const bool escaped = written.size() > 2 && written[1] == '&';
  const auto read = name_of(written);
  // PostgreSQL cuts names at 63 bytes.
  if (!escaped && read != out.name && !read.starts_with(out.name)) return;
  out.name_at = at + name->at;
  out.name_size = name->size;
}

}  // namespace analyzer
