#include "analyzer/skeleton.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace analyzer {

namespace {

constexpr std::string_view kMarker = "$";  // no token of PostgreSQL's

// What a word means to what stands behind it or before it. `lower` is folded.
enum class Word : uint8_t {
  kPlain,
  kPrecision,  // what stands behind it in parentheses says which type is meant, and is no value
  kLiteral,
  kValues,
};

Word meaning(std::string_view lower) {
  const auto when = [lower](std::string_view word, Word what) { return lower == word ? what : Word::kPlain; };
  switch (lower.size()) {
    case 4: return lower == "null" ? Word::kLiteral : when("true", Word::kLiteral);
    case 5: return lower == "false" ? Word::kLiteral : when("float", Word::kPrecision);
    case 6: return when("values", Word::kValues);
    case 9: return when("localtime", Word::kPrecision);
    case 12: return when("current_time", Word::kPrecision);
    case 14: return when("localtimestamp", Word::kPrecision);
    case 17: return when("current_timestamp", Word::kPrecision);
    default: return Word::kPlain;
  }
}

}  // namespace

void Skeleton::make(std::string_view sql, bool standard_conforming_strings) {
  // A token of one byte takes two; "nchar " takes the place of an n before a string.
  const std::size_t needed = sql.size() * 3 + 32;
  if (out_.size() < needed) out_.resize(needed + needed / 2);
  size_ = shape_size_ = first_at_ = first_size_ = tokens_ = depth_ = value_count_ = 0;
  parameters_ = 0;
  multiple_ = backslash_ = semicolon_ = precision_ = false;
  sound_ = first_open_ = true;
  levels_[0] = Level();
  sql_end_ = sql.data() + sql.size();

  Lexer lexer(sql, standard_conforming_strings);
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    if (token.kind == TokenKind::kWord && !semicolon_)
      put_word(lexer.text_of(token));
    else
      put_token(token, lexer.text_of(token));
  }
  if (sql.find('\0') != std::string_view::npos) sound_ = false;  // in a string, say
  backslash_ = lexer.backslash();
  looked_at_again_ = lexer.looked_at_again();
  finish();
}

void Skeleton::put_token(const Token& token, std::string_view text) {
  if (semicolon_ && !(token.kind == TokenKind::kMark && text == ";")) {
    semicolon_ = false;
    if (size_ > 0) {
      multiple_ = true;
      put(";");
    }
  }
  switch (token.kind) {
    case TokenKind::kWord: put_word(text); return;
    case TokenKind::kNational: other_item(); put("nchar"); return;
    case TokenKind::kParameter: {
      const std::optional<int> number = parameter_number(text);
      if (!number || *number > kParametersMax) sound_ = false;
      parameters_ = std::max(parameters_, number.value_or(0));
      put_literal(text);
      return;
    }
    case TokenKind::kString:
    case TokenKind::kNumber:
      if (put_literal(text)) {
        if (value_count_ < kValuesMax)
          values_[value_count_] = {static_cast<uint32_t>(token.at), static_cast<uint32_t>(token.size)};
        ++value_count_;
      }
      return;
    case TokenKind::kMark:
      switch (text.size() == 1 ? text[0] : '\0') {
        case '(': case '[': open(text); return;
        case ')': case ']': close(text); return;
        case ',': comma(text); return;
        case ';': semicolon(text); return;
        default: break;
      }
      other_item();
      put(text);
      return;
    case TokenKind::kOperator:
      if (Level* list = level(); list != nullptr) {
        const bool sign = list->item == Level::Item::kNone && (text == "-" || text == "+");
        list->item = sign ? Level::Item::kSign : Level::Item::kOther;
      }
      put(text);
      return;
    case TokenKind::kQuotedName:
      if (text.front() != '"') sound_ = false;  // what follows UESCAPE would be part of the name
      other_item();
      put(text);
      return;
    case TokenKind::kBad:
      sound_ = false;
      other_item();
      put(text.data() + text.size() == sql_end_ ? kMarker : text);  // cut off: a literal, most likely
      return;
    case TokenKind::kEnd: return;
  }
}

Skeleton::Level* Skeleton::level() { return depth_ < kLevels ? &levels_[depth_] : nullptr; }

void Skeleton::other_item() {
  if (Level* list = level(); list != nullptr) list->item = Level::Item::kOther;
  first_open_ = false;
}

void Skeleton::put(std::string_view text) {
  std::memcpy(out_.data() + size_, text.data(), text.size());
  size_ += text.size();
  out_[size_++] = ' ';
  ++tokens_;
}

void Skeleton::put_folded(std::string_view text) {
  char* to = out_.data() + size_;
  const char* from = text.data();
  const char* const end = from + text.size();
  const auto left = [this](const char* at) { return static_cast<std::size_t>(sql_end_ - at); };
  // A block may reach behind the word; what is written of that is written over.
  for (; from < end && left(from) >= kBlock; from += kBlock, to += kBlock) fold(from, to);
  for (; from < end; ++from, ++to) *to = folded(*from);
  size_ += text.size();
  out_[size_++] = ' ';
  ++tokens_;
}

// Says whether it became a mark.
bool Skeleton::put_literal(std::string_view text) {
  first_open_ = false;
  if (Level* list = level(); list != nullptr) {
    if (list->literal) {
      list->item = Level::Item::kOther;
      put(text);
      return false;
    }
    const bool alone = list->item == Level::Item::kNone || list->item == Level::Item::kSign;
    list->item = alone ? Level::Item::kLiteral : Level::Item::kOther;
  }
  put(kMarker);
  return true;
}

void Skeleton::put_word(std::string_view text) {
  const std::size_t at = size_;
  put_folded(text);
  if (first_open_) {
    first_open_ = false;
    first_at_ = at;
    first_size_ = text.size();
  }
  Level* list = level();
  if (list == nullptr) return;
  const Word word = meaning({out_.data() + at, text.size()});
  if (word == Word::kPrecision) precision_ = true;
  const bool literal = list->item == Level::Item::kNone && word == Word::kLiteral;
  list->item = literal ? Level::Item::kLiteral : Level::Item::kOther;
  if (depth_ == 0 && word == Word::kValues) begin_item(*list);
}

// The next token is the first of a list.
void Skeleton::begin_item(Level& list) {
  list = Level();
  list.list_at = list.item_at = size_;
  list.item_tokens = tokens_;
}

// The item that ends here: if it is a literal, or a row of them, and the one before it was the same, only that one stays.
// Says whether it is one.
bool Skeleton::end_item(Level& list) {
  const bool literal = list.item == Level::Item::kLiteral && depth_ > 0;
  if (literal) {  // a sign, NULL, TRUE: all the same
    size_ = list.item_at;
    tokens_ = list.item_tokens;
    put(kMarker);
  }
  const bool row = list.item == Level::Item::kRow;
  if ((literal || row) && list.last == list.item) {
    size_ = list.comma_at;
    tokens_ = list.comma_tokens;
  }
  return literal || row;
}

void Skeleton::open(std::string_view text) {
  // A row begins only where an item does.
  if (Level* list = level(); list != nullptr && list->item != Level::Item::kNone) list->item = Level::Item::kOther;
  put(text);
  ++depth_;
  if (Level* list = level(); list != nullptr) {
    begin_item(*list);
    list->literal = precision_;
  }
  precision_ = false;
}

void Skeleton::close(std::string_view text) {
  bool row = false;
  if (Level* list = level(); list != nullptr && depth_ > 0) {
    // One literal or many, and nothing else: a row.
    row = end_item(*list) && list->item == Level::Item::kLiteral && size_ == list->list_at + kMarker.size() + 1;
  }
  put(text);
  if (depth_ == 0) return;
  --depth_;
  if (Level* list = level(); list != nullptr) {
    // The rows of an array are counted.
    const bool whole = row && text == ")" && list->item == Level::Item::kNone;
    list->item = whole ? Level::Item::kRow : Level::Item::kOther;
  }
}

void Skeleton::comma(std::string_view text) {
  first_open_ = false;
  Level* list = level();
  if (list == nullptr) {
    put(text);
    return;
  }
  list->last = end_item(*list) ? list->item : Level::Item::kOther;
  list->comma_at = size_;
  list->comma_tokens = tokens_;
  put(text);
  list->item = Level::Item::kNone;
  list->item_at = size_;
  list->item_tokens = tokens_;
}

void Skeleton::semicolon(std::string_view text) {
  if (depth_ > 0) {  // CREATE RULE ... DO (a; b)
    other_item();
    put(text);
  } else {
    semicolon_ = true;
    if (size_ > 0) first_open_ = false;
    levels_[0].item = Level::Item::kOther;
  }
}

void Skeleton::finish() {
  shape_size_ = size_;
  if (parameters_ == 0) return;
  char* end = out_.data() + out_.size();
  const auto written = std::to_chars(out_.data() + size_, end, parameters_);
  size_ = static_cast<std::size_t>(written.ptr - out_.data());
}

}  // namespace analyzer
