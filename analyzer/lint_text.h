#pragma once
// A statement that rules look at: its text, its tokens and its tree, and what of it stands where.
//
//   LintText text;
//   if (text.read("SELECT a FROM t WHERE date(b) = $1")) text.slice(node);   // "date(b) = $1"
//
// Nodes of its tree are valid as long as it lives. Pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/lexer.h"
#include "analyzer/parser.h"
#include "analyzer/tree.h"

namespace analyzer {

struct Extent {
  std::size_t at = 0, size = 0;
  std::size_t end() const { return at + size; }
};

class LintText {
 public:
  LintText() = default;
  LintText(const LintText&) = delete;
  LintText& operator=(const LintText&) = delete;

  // A text without values. False if it is no single statement of PostgreSQL's, or too large to be read.
  bool read(std::string_view normalized);

  const std::string& text() const { return text_; }
  const Tree& tree() const { return parse_.tree; }
  Node statement() const { return statement_; }  // SelectStmt and the like
  std::string_view kind() const { return statement_.key(); }
  // The highest $n.
  int parameters() const { return parameters_; }

  // Where all of the node stands, with the parentheses that are open or closed in it. Nothing if it has no place.
  Extent extent(Node node) const;
  // The same, for people.
  std::string slice(Node node) const;
  // The first token at or behind `at` that is this word; size 0 if there is none before `end`.
  Extent word(std::string_view lower, std::size_t at, std::size_t end = SIZE_MAX) const;
  const std::vector<Token>& tokens() const { return tokens_; }

 private:
  std::string text_;
  std::vector<Token> tokens_;
  Parse parse_;
  Node statement_;
  int parameters_ = 0;
};

// Where a text without values has $1 behind the name of a type, or as its length, the grammar wants a literal. What stands
// there then is '$1', or 1.
std::string parsable(std::string_view normalized);
// And back.
std::string shown(std::string_view text);

}  // namespace analyzer
