#pragma once
// An Asker without a server: it writes down what it is asked, and answers what it is told to.

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/advice_measure.h"

namespace analyzer {

class FakeAsker final : public Asker {
 public:
  std::vector<std::string> asked;  // "SELECT $1 (value)"
  std::string fails;               // what is this text fails
  bool hypopg = false;
  std::string number{};  // what a sum, or a part, is

  base::Result<SqlRows> ask(std::string_view sql, const SqlRow& params) override {
    std::string text(sql);
    for (const auto& value : params) text += " (" + value.value_or("NULL") + ")";
    asked.push_back(text);
    if (!fails.empty() && sql == fails) return base::Error{"42P01", "it failed", {}, {}};
    if (sql.starts_with("EXPLAIN"))
      return SqlRows{{R"([{"Plan": {"Node Type": "Result", "Total Cost": 1.5, "Plan Rows": 1}}])"}};
    if (sql.find("hypopg_create_index") != std::string_view::npos) return SqlRows{{"<" + params.at(0).value_or("") + ">"}};
    if (sql == kExtensionsSql && hypopg) return SqlRows{{"hypopg", "public", "1.3.1"}};
    const bool sampled = sql.starts_with("SELECT pg_catalog.sum") || sql.starts_with("SELECT (pg_catalog.count");
    if (!number.empty() && sampled) return SqlRows{{number}};
    return SqlRows{};
  }
  bool out_of_time() const override { return false; }
};

}  // namespace analyzer
