#include "analyzer/lint_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "analyzer/skeleton.h"

namespace analyzer {

namespace {

// Behind these a string is part of a literal.
constexpr std::array<std::string_view, 16> kTypes = {"interval", "date",  "timestamp", "timestamptz", "time", "timetz",
                                                     "zone",     "bytea", "json",      "jsonb",       "uuid", "inet",
                                                     "cidr",     "point", "numeric",   "macaddr"};
// Behind these and a parenthesis, a number is a length.
constexpr std::array<std::string_view, 12> kLengths = {"varchar", "char", "character", "varying",   "bit",         "float",
                                                       "time",    "interval", "second", "timestamp", "timestamptz", "timetz"};

template <std::size_t kSize>
bool one_of(std::string_view word, const std::array<std::string_view, kSize>& words) {
  return std::any_of(words.begin(), words.end(), [word](std::string_view one) { return is_word(word, one); });
}

std::size_t place_of(Node node) {
  const Node location = node["location"];
  const int64_t at = location ? location.number(-1) : -1;
  return at < 0 ? SIZE_MAX : static_cast<std::size_t>(at);
}

}  // namespace

std::string parsable(std::string_view normalized) {
  std::string out;
  Lexer lexer(normalized, true);
  std::size_t copied = 0;
  std::string_view last, before_last;
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    const std::string_view text = lexer.text_of(token);
    if (token.kind == TokenKind::kParameter) {
      const bool literal = one_of(last, kTypes);
      if (literal || (last == "(" && one_of(before_last, kLengths))) {
        out += normalized.substr(copied, token.at - copied);
        literal ? out.append(1, '\'').append(text).append(1, '\'') : out.append(1, '1');
        copied = token.at + token.size;
      }
    }
    before_last = last;
    last = text;
  }
  return out += normalized.substr(copied);
}

std::string shown(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at).starts_with("'$")) {
      const std::size_t end = text.find('\'', at + 1);
      if (end != std::string_view::npos && end > at + 2 && end < at + 8) {
        out += text.substr(at + 1, end - at - 1);
        at = end;
        continue;
      }
    }
    out += text[at];
  }
  return out;
}

bool LintText::read(std::string_view normalized) {
  tokens_.clear();
  statement_ = {};
  parameters_ = 0;
  if (normalized.size() > kParsedBytesMax) return false;
  text_ = parsable(normalized);
  Skeleton skeleton;
  skeleton.make(text_);
  parse(text_, skeleton, {}, parse_);
  if (parse_.outcome != Parse::Outcome::kParsed) return false;
  const Node statements = parse_.tree.root()["stmts"];
  if (statements.size() != 1) return false;
  for (const Node one : statements) statement_ = one["stmt"].inner();
  parameters_ = skeleton.parameters();
  Lexer lexer(text_, true);
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) tokens_.push_back(token);
  return true;
}

Extent LintText::extent(Node node) const {
  if (!node || tokens_.empty()) return {};
  std::size_t first = SIZE_MAX, last = 0;
  for (std::size_t i = node.position(); i < node.position() + node.total(); ++i) {
    const std::size_t at = place_of(parse_.tree.at(i));
    if (at == SIZE_MAX) continue;
    first = std::min(first, at);
    last = std::max(last, at);
  }
  if (first == SIZE_MAX) return {};
  const auto token_at = [this](std::size_t at) {
    const auto found = std::upper_bound(tokens_.begin(), tokens_.end(), at,
                                        [](std::size_t place, const Token& token) { return place < token.at; });
    return static_cast<std::size_t>(found - tokens_.begin()) - (found == tokens_.begin() ? 0 : 1);
  };
  const auto is = [this](std::size_t i, std::string_view mark) {
    return i < tokens_.size() && std::string_view(text_).substr(tokens_[i].at, tokens_[i].size) == mark;
  };
  std::size_t from = token_at(first), to = token_at(last);
  // The rest of a qualified name, and the arguments of a function: its place is where its name begins.
  for (;;) {
    if (is(to + 1, ".") && to + 2 < tokens_.size()) {
      to += 2;
    } else if (is(to + 1, "(") && tokens_[to].kind == TokenKind::kWord && tokens_[to].at == last) {
      ++to;
    } else {
      break;
    }
  }
  int open = 0, missing = 0;
  for (std::size_t i = from; i <= to; ++i) {
    if (is(i, "(") || is(i, "[")) ++open;
    if (is(i, ")") || is(i, "]")) open > 0 ? static_cast<void>(--open) : static_cast<void>(++missing);
  }
  while (open > 0 && to + 1 < tokens_.size()) {
    ++to;
    if (is(to, "(") || is(to, "[")) ++open;
    if (is(to, ")") || is(to, "]")) --open;
  }
  while (missing > 0 && from > 0) {
    --from;
    if (is(from, ")") || is(from, "]")) ++missing;
    if (is(from, "(") || is(from, "[")) --missing;
  }
  return {tokens_[from].at, tokens_[to].at + tokens_[to].size - tokens_[from].at};
}

std::string LintText::slice(Node node) const {
  constexpr std::size_t kSliceMax = 300;  // more is no evidence but a text
  const Extent where = extent(node);
  std::string out = shown(std::string_view(text_).substr(where.at, where.size));
  if (out.size() <= kSliceMax) return out;
  std::size_t size = kSliceMax;
  while (size > 0 && (static_cast<unsigned char>(out[size]) & 0xc0U) == 0x80U) --size;
  out.resize(size);
  return out += "...";
}

Extent LintText::word(std::string_view lower, std::size_t at, std::size_t end) const {
  for (const Token& token : tokens_)
    if (token.at >= at && token.at < end && is_word(std::string_view(text_).substr(token.at, token.size), lower))
      return {token.at, token.size};
  return {};
}

}  // namespace analyzer
