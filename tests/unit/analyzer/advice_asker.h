#pragma once
// An Asker without a server: it writes down what it is asked, and answers what it is told to.

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/advice_measure.h"

namespace analyzer {

// Of {"CREATE INDEX a","CREATE INDEX b"}; of any other text, that.
inline std::vector<std::string> items_of(const std::string& array) {
  if (!array.starts_with('{')) return {array};
  std::vector<std::string> out;
  for (std::size_t at = array.find('"'); at != std::string::npos; at = array.find('"', at)) {
    std::string& one = out.emplace_back();
    for (++at; at < array.size() && array[at] != '"'; ++at) one += array[at] == '\\' ? array[++at] : array[at];
    ++at;
  }
  return out;
}

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
    if (sql.find("hypopg_create_index") != std::string_view::npos) return created(params.at(0).value_or(""));
    if (sql == kExtensionsSql && hypopg) return SqlRows{{"hypopg", "public", "1.3.1"}};
    const bool sampled = sql.starts_with("SELECT pg_catalog.sum") || sql.starts_with("SELECT (pg_catalog.count");
    if (!number.empty() && sampled) return SqlRows{{number}};
    return SqlRows{};
  }
  bool out_of_time() const override { return false; }

 private:
  base::Result<SqlRows> created(const std::string& what) const {
    SqlRows rows;
    for (const std::string& one : items_of(what)) {
      if (!refuses.empty() && one.find(refuses) != std::string::npos) return base::Error{"42P17", "not immutable", {}, {}};
      rows.push_back({"<" + one + ">"});
    }
    return rows;
  }

 public:
  std::string refuses{};  // HypoPG, what has this text in it
};

}  // namespace analyzer
