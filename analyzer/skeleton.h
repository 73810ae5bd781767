#pragma once
// A text without what makes it one of many: literals and parameters are one mark, the case of words, comments and
// blanks are gone, and `1, 2, 3` in parentheses is as long as `1`. Texts with the same skeleton have the same
// fingerprint and, but for what classify() says of literals, the same facts.
//
//   analyzer::Skeleton skeleton;          // keep it: its memory is used again
//   skeleton.make(sql, standard_conforming_strings);
//   find(keyed_hash(skeleton.bytes()), skeleton.bytes())
//
// One thread at a time.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "analyzer/lexer.h"

namespace analyzer {

class Skeleton {
 public:
  // One pass over the text, and no allocation once the memory is large enough. Memory: twice the longest text so far.
  void make(std::string_view sql, bool standard_conforming_strings = true);

  // The tokens, each followed by a blank; at the end the highest parameter, which is a fact too. Valid until the next
  // make().
  std::string_view bytes() const { return {out_.data(), size_}; }
  // Without that parameter: what the text is called where libpg_query does not name it.
  std::string_view shape() const { return {out_.data(), shape_size_}; }
  // The first word, folded; empty if something else comes first (but for opening parentheses).
  std::string_view first_word() const { return {out_.data() + first_at_, first_size_}; }

  // Literals of the text that are a mark in it, in order; nothing if there are more than kValuesMax.
  struct Value {
    uint32_t at = 0, size = 0;
  };
  static constexpr std::size_t kValuesMax = 16;
  std::span<const Value> values() const { return {values_.data(), value_count_ <= kValuesMax ? value_count_ : 0}; }

  std::size_t tokens() const { return tokens_; }  // those that are left: what a parser's stack has to be feared for
  std::size_t looked_at_again() const { return looked_at_again_; }  // Lexer's
  int parameters() const { return parameters_; }
  bool multiple() const { return multiple_; }    // perhaps more than one statement
  bool backslash() const { return backslash_; }  // a plain string holds one
  bool empty() const { return tokens_ == 0; }
  // PostgreSQL's lexer takes it, and no literal is part of a name (U&"" UESCAPE ''): fit to be a key.
  bool sound() const { return sound_; }

 private:
  // One list in parentheses, or the rows of VALUES. Positions are in out_; the counts are tokens_ at that place.
  struct Level {
    std::size_t list_at = 0;                    // of its first item
    std::size_t item_at = 0, item_tokens = 0;   // of the item that is being written
    std::size_t comma_at = 0, comma_tokens = 0; // of the comma before it
    bool literal = false;  // its literals are no values: float(53)
    enum class Item : char { kNone, kSign, kLiteral, kRow, kOther } item = Item::kNone, last = Item::kOther;
  };
  static constexpr std::size_t kLevels = 32;  // lists nested deeper keep their length

  void begin_item(Level& level);
  bool end_item(Level& level);
  void put(std::string_view text);
  void put_folded(std::string_view text);
  void put_token(const Token& token, std::string_view text);
  bool put_literal(std::string_view text);
  void put_word(std::string_view text);
  void open(std::string_view text);
  void close(std::string_view text);
  void comma(std::string_view text);
  void semicolon(std::string_view text);
  void other_item();
  Level* level();
  void finish();

  std::string out_;
  std::size_t size_ = 0, shape_size_ = 0, first_at_ = 0, first_size_ = 0, tokens_ = 0, depth_ = 0, looked_at_again_ = 0;
  const char* sql_end_ = nullptr;  // of the text that is being read
  int parameters_ = 0;
  bool multiple_ = false, backslash_ = false, sound_ = true, first_open_ = true, semicolon_ = false, precision_ = false;
  Level levels_[kLevels];
  std::array<Value, kValuesMax> values_;
  std::size_t value_count_ = 0;
};

}  // namespace analyzer
