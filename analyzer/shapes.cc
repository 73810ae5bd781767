#include "analyzer/shapes.h"

#include <string_view>
#include <vector>

namespace analyzer {
namespace {

constexpr Shapes bit(Shape shape) { return static_cast<Shapes>(shape); }

// LIMIT ALL and LIMIT NULL are none.
bool limited(Node select) {
  const Node count = select["limitCount"];
  return count && !count["A_Const"]["isnull"].flag();
}

// The queries of UNION, INTERSECT and EXCEPT, at any depth; of another query itself.
std::vector<Node> arms_of(Node select) {
  std::vector<Node> arms, open{select};
  while (!open.empty()) {
    const Node one = open.back();
    open.pop_back();
    const Node left = one["larg"];
    if (!left) {
      arms.push_back(one);
      continue;
    }
    open.push_back(left);
    open.push_back(one["rarg"]);
  }
  return arms;
}

// What a client that runs this query reads.
Shapes of_query(Node select) {
  if (limited(select)) return 0;
  Shapes found = 0;
  for (const Node arm : arms_of(select)) {
    if (arm["fromClause"].size() == 0) continue;
    found |= bit(Shape::kSelectWithoutLimit);
    if (!arm.has("whereClause") && !limited(arm)) found |= bit(Shape::kSelectWithoutWhere);
  }
  return found;
}

// The query that a SELECT, or PREPARE or EXPLAIN ANALYZE of one, gives to the client.
Node query_of(Node node) {
  Node select = node["SelectStmt"];
  for (const std::string_view around : {"PrepareStmt", "ExplainStmt"})
    if (!select) select = node[around]["query"]["SelectStmt"];
  return select;
}

}  // namespace

Shapes shapes_of(const Tree& tree, Node statement, Kind kind) {
  Shapes found = 0;
  const Node node = statement.inner();
  const auto type = node.key();
  if (const Node select = query_of(statement)) {
    found |= of_query(select);
    for (const Node arm : arms_of(select))
      if (arm.has("intoClause")) found |= bit(Shape::kDdl);
  }
  if (type == "TruncateStmt") return bit(Shape::kTruncate);
  if (type == "CopyStmt") found |= bit(Shape::kCopy);
  if (type == "LockStmt") found |= bit(Shape::kLockTable);
  if (type == "CreateTableAsStmt" || statement["ExplainStmt"]["query"].has("CreateTableAsStmt"))
    found |= bit(Shape::kDdl);
  else if (kind == Kind::kDdl) {
    found |= bit(Shape::kDdl);
    if (type.starts_with("Drop")) found |= bit(Shape::kDrop);
    return found;  // a rule or a function may hold any statement, and runs none now
  }
  const std::size_t end = statement.position() + statement.total();
  for (std::size_t i = statement.position(); i < end; ++i) {
    const Node inside = tree.at(i);
    const auto key = inside.key();
    if (key == "UpdateStmt" && !inside.has("whereClause")) found |= bit(Shape::kUpdateWithoutWhere);
    if (key == "DeleteStmt" && !inside.has("whereClause")) found |= bit(Shape::kDeleteWithoutWhere);
  }
  return found;
}

}  // namespace analyzer
