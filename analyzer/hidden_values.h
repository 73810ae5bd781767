#pragma once
// HiddenValues: whose values may be shown to operators, and whose may not.
//
// A rule is "table.column", where * stands for any letters: "users.email", "*.token". It concerns every statement that
// names the table and the column, whatever for, and an INSERT into the table that names no columns: all values of such a
// statement are hidden, because which of them goes where is not always to be seen. The schema does not matter, nor does
// upper or lower case. What a view or a function hides from the text is hidden from the rules too.
//
// Whatever the rules, nothing is shown of statements other than SELECT, INSERT, UPDATE, DELETE and MERGE, of a text that
// cannot be read to its end, and where a name says that secrets are about: password, and what encrypts or takes one.
//
// Immutable; any thread.

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/statement.h"

namespace analyzer {

class HiddenValues {
 public:
  HiddenValues() = default;
  // Rules of another form are passed over; conf/check.cc refuses them.
  explicit HiddenValues(const std::vector<std::string>& rules);

  bool may_show(std::string_view sql, Kind kind) const;
  // Statements of this kind have values that may be shown.
  static bool has_any(Kind kind);

 private:
  struct Rule {
    std::string table, column;  // lower case, with *
  };
  std::vector<Rule> rules_;
};

// Does the whole of `text` fit the pattern, in which * stands for any letters?
bool fits(std::string_view text, std::string_view pattern);

}  // namespace analyzer
