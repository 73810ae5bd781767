#pragma once
// Console statements as words: a tokenizer that knows SQL's lexical rules and nothing of what the words mean.
//
// Keywords and unquoted names are lower-cased, "quoted names" and 'texts' are kept, comments (-- and nested /* */)
// are skipped, semicolons part statements. Pure; the tokens own their text.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace admin {

// More than any statement needs; it bounds what one client can make the console copy.
inline constexpr std::size_t kMaxSqlLength = 1024 * 1024;
// Statements in one query, and words in one statement: no client sends thousands of console commands at once.
inline constexpr std::size_t kMaxStatements = 1000;
inline constexpr std::size_t kMaxTokens = 1000;

struct Token {
  enum class Kind {
    kWord,       // a keyword or a name, lower-cased
    kQuoted,     // "a name"
    kText,       // 'a text'
    kNumber,     // digits, with sign, point and exponent
    kParameter,  // $1: text is the number
    kSymbol,     // any other character
  };
  Kind kind = Kind::kWord;
  std::string text;
  std::size_t at = 0, end = 0;  // where it stands in the query; no part of what it is
  bool operator==(const Token& other) const { return kind == other.kind && text == other.text; }
};

using Statement = std::vector<Token>;  // never with a semicolon; empty only where the statement is

// The statements of a query, empty ones left out; so an empty list is an empty query. Errors are 42601 and 54000.
base::Result<std::vector<Statement>> parse(std::string_view sql);

// The part of that query that a statement was made of.
std::string_view text_of(const Statement& statement, std::string_view sql);

// "syntax error at or near ..." for statement[at], or at the end of it.
base::Error syntax_error_at(const Statement& statement, std::size_t at);

// The candidate that was probably meant by `word`, or nothing. Compares without case.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace admin
