#pragma once
// pgbouncer.ini to weir.toml, for `weir convert`.
//
// The result means what the ini meant: where Weir's default differs from PgBouncer's and the ini is silent,
// PgBouncer's is written out. Nothing is dropped in silence: each line that could not be carried over is in
// the report.

#include <string>
#include <string_view>
#include <vector>

#include "conf/problem.h"
#include "conf/surroundings.h"

namespace conf {

struct Converted {
  std::string toml;
  std::vector<Problem> not_carried;  // by file and line: what was left out, and why
  std::vector<Problem> notes;        // carried, but worth a look
  std::vector<Problem> open;         // what Weir still refuses in the result, such as a file that is missing
};

// `file` is where the text came from: included files are relative to its folder, messages name it.
Converted convert_ini(std::string_view text, const std::string& file, const Surroundings& surroundings);
// The same without looking whether Weir takes the result: `open` is empty.
Converted rewrite_ini(std::string_view text, const std::string& file, const Surroundings& surroundings);

}  // namespace conf
