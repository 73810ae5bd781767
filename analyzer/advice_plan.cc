#include "analyzer/advice_plan.h"

#include <algorithm>
#include <charconv>

#include "analyzer/tree.h"

namespace analyzer {
namespace {

// The first of that name is the whole plan's: a node says its own before its children's. Tree has no fractions.
double first_number(std::string_view json, std::string_view name) {
  double value = 0;
  if (std::size_t at = json.find(name); at != std::string_view::npos) {
    at += name.size();
    while (at < json.size() && (json[at] == ':' || json[at] == ' ')) ++at;
    std::from_chars(json.data() + at, json.data() + json.size(), value);
  }
  return value;
}

}  // namespace

bool Plan::uses(std::string_view index) const {
  return std::any_of(scans.begin(), scans.end(), [index](const Scan& scan) { return scan.index == index; });
}

std::string Plan::scan_of(std::string_view relation) const {
  std::string out;
  std::string_view last_relation;
  for (const Scan& scan : scans) {
    // A bitmap's index scans name no relation; they follow the heap scan that they are for.
    if (!scan.relation.empty()) last_relation = scan.relation;
    if (last_relation != relation) continue;
    if (out.find(scan.node) != std::string::npos && scan.index.empty()) continue;
    out += (out.empty() ? "" : ", ") + scan.node;
    if (!scan.index.empty()) out += " using " + scan.index;
  }
  return out;
}

std::optional<Plan> read_plan(std::string json) {
  Plan plan;
  plan.cost = first_number(json, "\"Total Cost\"");
  plan.rows = first_number(json, "\"Plan Rows\"");
  Tree tree;
  if (!tree.read(std::move(json)) || tree.size() == 0 || !tree.root().inner().has("Plan")) return std::nullopt;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const Node node = tree.at(i);
    if (node.key() != "Node Type") continue;
    const Node owner = node.parent();
    const auto type = node.text();
    if (type == "Nested Loop" || type.ends_with(" Join")) ++plan.joined;
    if (!type.ends_with("Scan")) continue;
    plan.scans.push_back({.schema = std::string(owner["Schema"].text()),
                          .relation = std::string(owner["Relation Name"].text()),
                          .node = std::string(type),
                          .index = std::string(owner["Index Name"].text()),
                          .cost = static_cast<double>(owner["Total Cost"].number())});
  }
  return plan;
}

}  // namespace analyzer
