#pragma once
// Cuts pg_hba.conf and pg_ident.conf into lines, fields and tokens, as the manual's chapter 21.1 describes
// them: blanks part fields, commas join tokens into one, double quotes take the meaning from everything
// inside, # starts a comment, a backslash at the end of a line continues it.

#include <string>
#include <string_view>
#include <vector>

namespace conf {

struct HbaToken {
  std::string text;
  bool quoted = false;  // began with a quote: never a keyword, never @file
  int column = 0;
};
using HbaField = std::vector<HbaToken>;  // at least one token

struct HbaLine {
  int line = 0;  // the first one, of a continued line
  std::vector<HbaField> fields;
};

// Lines without a field are left out.
std::vector<HbaLine> hba_lines(std::string_view text);

}  // namespace conf
