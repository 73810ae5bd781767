#pragma once
// What EXPLAIN (FORMAT JSON) says, as far as the advisor asks. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace analyzer {

struct Plan {
  struct Scan {
    std::string schema, relation, node, index;  // node: "Seq Scan"; index: empty where it uses none
    double cost = 0;                            // without fractions
  };
  double cost = 0, rows = 0;  // of the whole
  std::vector<Scan> scans;
  int joined = 0;  // nodes that join

  bool uses(std::string_view index) const;
  // How a table is read: "Seq Scan", "Index Scan using x"; empty where it is not.
  std::string scan_of(std::string_view relation) const;
};

// Nothing where it is no plan.
std::optional<Plan> read_plan(std::string json);

}  // namespace analyzer
