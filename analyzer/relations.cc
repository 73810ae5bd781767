#include "analyzer/relations.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace analyzer {

namespace {

// One query of a WITH: where its name is visible.
struct WithQuery {
  std::string_view name;
  Node statement;  // that the WITH belongs to
  Node with;
  Node query;
  bool recursive;

  bool visible_at(Node place) const {
    if (!statement.contains(place)) return false;
    if (recursive || !with.contains(place)) return true;
    return query.before(place) && !query.contains(place);  // in the queries behind it
  }
};

// Does the member of this name in a node of this type say what is written?
bool target(Node range) {
  const auto member = range.key();
  Node owner = range.parent();
  const auto type = owner.key();
  if (member == "relation") {
    if (type == "CopyStmt") return owner["is_from"].flag();
    if (type == "TableLikeClause") return false;
    // LOCK, VACUUM and GRANT have lists; COMMENT and rules have no relation that they write.
    return true;
  }
  if (member == "rel" || member == "view" || member == "sequence") return true;  // SELECT INTO, CREATE ... AS, VIEW
  return member == "RangeVar" && range.parent().parent().key() == "relations" &&
         range.parent().parent().parent().key() == "TruncateStmt";
}

void add(Statement& out, std::string_view schema, std::string_view name, bool written) {
  for (Table& table : out.tables) {
    if (table.schema != schema || table.name != name) continue;
    table.written = table.written || written;
    return;
  }
  out.tables.push_back({std::string(schema), std::string(name), written});
}

// DROP TABLE a, b.c: names as lists of strings.
void add_dropped(Node drop, Statement& out) {
  constexpr std::string_view kKinds[] = {"OBJECT_TABLE",    "OBJECT_VIEW",          "OBJECT_MATVIEW",
                                         "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE", "OBJECT_INDEX"};
  if (std::find(std::begin(kKinds), std::end(kKinds), drop["removeType"].text()) == std::end(kKinds)) return;
  for (const Node object : drop["objects"]) {
    std::string_view schema;
    std::string_view name;
    for (const Node part : object["List"]["items"]) {
      schema = name;
      name = part["String"]["sval"].text();
    }
    if (!name.empty()) add(out, schema, name, true);
  }
}

}  // namespace

void add_relations(const Tree& tree, Node statement, Statement& out) {
  std::vector<WithQuery> with_queries;
  std::vector<Node> ranges;
  const std::size_t end = statement.position() + statement.total();
  for (std::size_t i = statement.position(); i < end; ++i) {
    const Node node = tree.at(i);
    if (node.key() == "withClause") {
      for (const Node query : node["ctes"]) {
        const Node common = query["CommonTableExpr"];
        with_queries.push_back({common["ctename"].text(), node.parent(), node, query, node["recursive"].flag()});
      }
    } else if (node.key() == "relname" && node.is_text()) {
      const Node range = node.parent();
      // FOR UPDATE OF x names what FROM has named already.
      if (range.parent().parent().key() != "lockedRels") ranges.push_back(range);
    } else if (node.key() == "DropStmt") {
      add_dropped(node, out);
    }
  }
  for (const Node range : ranges) {
    const auto schema = range["schemaname"].text();
    const auto name = range["relname"].text();
    const bool written = target(range);
    const auto is_query = [&](const WithQuery& query) { return query.name == name && query.visible_at(range); };
    if (schema.empty() && !written && std::any_of(with_queries.begin(), with_queries.end(), is_query)) continue;
    add(out, schema, name, written);
  }
}

}  // namespace analyzer
