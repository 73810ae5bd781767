// Tokens where scan.l has them. differential_test.cc holds the same against libpg_query over a corpus.

#include "analyzer/lexer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace analyzer {
namespace {

// "w:SELECT n:1": kind and text of each token.
std::string tokens_of(std::string_view text, bool standard_conforming_strings = true) {
  constexpr std::string_view kLetters = ".wqsNnpomB";  // in the order of TokenKind
  std::string out;
  Lexer lexer(text, standard_conforming_strings);
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    if (!out.empty()) out += ' ';
    out += kLetters[static_cast<std::size_t>(token.kind)];
    out += ':';
    out += lexer.text_of(token);
  }
  EXPECT_EQ(lexer.next().kind, TokenKind::kEnd);
  return out;
}

struct Case {
  std::string_view text, tokens;
};

TEST(Lexer, CutsTokensWhereScanLDoes) {
  const std::vector<Case> cases = {
      {"", ""},
      {" \t\n\r\f", ""},
      {"SELECT 1", "w:SELECT n:1"},
      {"a$b _c \xc3\xa9t\xc3\xa9", "w:a$b w:_c w:\xc3\xa9t\xc3\xa9"},
      {"-- x\n1--y", "n:1"},
      {"1/* a /* b */ c */2", "n:1 n:2"},
      {"/**/1/***/", "n:1"},
      {"/*/ 1 */2", "n:2"},
      {"'a''b'", "s:'a''b'"},
      {"'a\\'", "s:'a\\'"},
      {"E'a\\'b'", "s:E'a\\'b'"},
      {"e'\\\\' 1", "s:e'\\\\' n:1"},
      {"b'01' X'fF'", "s:b'01' s:X'fF'"},
      {"n'a'", "N:n s:'a'"},
      {"U&'a' u&\"b\"", "s:U&'a' q:u&\"b\""},
      {"u & 'a'", "w:u o:& s:'a'"},
      {"u&x", "w:u o:& w:x"},
      {"\"a\"\"b\"", "q:\"a\"\"b\""},
      {"'a'\n'b'", "s:'a'\n'b'"},
      {"'a' -- c\n 'b'", "s:'a' -- c\n 'b'"},
      {"'a' 'b'", "s:'a' s:'b'"},
      {"'a' /* */\n'b'", "s:'a' s:'b'"},
      {"E'a\\''\n'\\'b' 1", "s:E'a\\''\n'\\'b' n:1"},
      {"'a'\n-- c", "s:'a'"},
      {"$$a'b$$ $x$ $$ $x$", "s:$$a'b$$ s:$x$ $$ $x$"},
      {"$a$ $b$a$", "s:$a$ $b$a$"},
      {"$1 $23::int", "p:$1 p:$23 m::: w:int"},
      {"1.5 .5 5. 1e9 1.e-3 1..10", "n:1.5 n:.5 n:5. n:1e9 n:1.e-3 n:1 m:.. n:10"},
      {"a.b[1:2]", "w:a m:. w:b m:[ n:1 m:: n:2 m:]"},
      {"f(a=>1, b:=2)", "w:f m:( w:a o:=> n:1 m:, w:b m::= n:2 m:)"},
      {"a+-1", "w:a o:+ o:- n:1"},
      {"a@-1", "w:a o:@- n:1"},
      {"a=-1", "w:a o:= o:- n:1"},
      {"a<=-1", "w:a o:<= o:- n:1"},
      {"a<>+-1", "w:a o:<> o:+ o:- n:1"},
      {"1+/*c*/2", "n:1 o:+ n:2"},
      {"1+--c\n2", "n:1 o:+ n:2"},
      {"a->>'b' #- c", "w:a o:->> s:'b' o:#- w:c"},
      {"a ? b ?| c", "w:a o:? w:b o:?| w:c"},
  };
  for (const auto& [text, tokens] : cases) EXPECT_EQ(tokens_of(text), tokens) << text;
}

TEST(Lexer, WhatScanLRefusesIsBadAndTheWalkGoesOn) {
  const std::vector<Case> cases = {
      {"'open", "B:'open"},        {"E'open\\", "B:E'open\\"},      {"E'open\\'", "B:E'open\\'"},
      {"\"open", "B:\"open"},      {"\"\" 1", "B:\"\" n:1"},        {"$a$ open", "B:$a$ open"},
      {"/* open", "B:/* open"},    {"1 /* /* */", "n:1 B:/* /* */"}, {"$abc 1", "B:$ w:abc n:1"},
      {"123abc 1", "B:123abc n:1"}, {"1e+ 1", "B:1e+ n:1"},          {"$1a 1", "B:$1a n:1"},
      {"0x1F 1_000", "B:0x1F B:1_000"}, {"\\ 1", "B:\\ n:1"},        {"{a}", "B:{ w:a B:}"},
  };
  for (const auto& [text, tokens] : cases) EXPECT_EQ(tokens_of(text), tokens) << text;
  EXPECT_EQ(tokens_of(std::string_view("a\0b", 3)), std::string("w:a B:") + '\0' + " w:b");
}

TEST(Lexer, OldStringsReadBackslashes) {
  EXPECT_EQ(tokens_of("'a\\'b'", false), "s:'a\\'b'");
  EXPECT_EQ(tokens_of("'a\\'b'", true), "s:'a\\' B:b'");
  EXPECT_EQ(tokens_of("n'\\''", false), "N:n s:'\\''");
  EXPECT_EQ(tokens_of("b'1' U&'a' 1", false), "s:b'1' B:U&'a' n:1");
}

TEST(Lexer, TellsOfABackslashThatOldStringsReadDifferently) {
  const auto backslash = [](std::string_view text, bool standard) {
    Lexer lexer(text, standard);
    while (lexer.next().kind != TokenKind::kEnd) {
    }
    return lexer.backslash();
  };
  for (const bool standard : {false, true}) {
    EXPECT_TRUE(backslash("'a\\b'", standard));
    EXPECT_TRUE(backslash("'a'\n'b\\\\'", standard));
    EXPECT_FALSE(backslash("'a' || E'\\n' || $$\\$$ || \"\\\" -- \\", standard));
  }
}

TEST(Lexer, FoldsAndUnquotesNames) {
  EXPECT_EQ(name_of("FooBar"), "foobar");
  EXPECT_EQ(name_of("\"Foo\"\"Bar\""), "Foo\"Bar");
  EXPECT_EQ(name_of("U&\"x\""), "x");
  EXPECT_EQ(name_of("\xc3\x89T"), "\xc3\x89t");  // ASCII alone is folded
  EXPECT_TRUE(is_word("SeLeCT", "select"));
  EXPECT_FALSE(is_word("select1", "select"));
}

}  // namespace
}  // namespace analyzer
