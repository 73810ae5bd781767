#include "analyzer/advice_uses.h"

#include <algorithm>
#include <map>
#include <optional>

#include "analyzer/advice_expression.h"
#include "base/text.h"

namespace analyzer {
namespace {

// Queries in one statement, and tables in one of them, that are looked at; and queries around a column.
constexpr std::size_t kBlocksMax = 64, kTablesMax = 32;
constexpr int kAroundMax = 16;

// Operators that GIN has classes for: of jsonb, arrays, tsvector; with pg_trgm, of text.
bool is_match(std::string_view op) {
  constexpr std::string_view kMatches[] = {"@>", "?", "?|", "?&", "@?", "@@", "&&", "~~", "~~*", "~", "~*"};
  return std::find(std::begin(kMatches), std::end(kMatches), op) != std::end(kMatches);
}

bool is_query(Node node) {
  const auto key = node.key();
  if (key == "SelectStmt" || key == "UpdateStmt" || key == "DeleteStmt") return true;
  return (key == "larg" || key == "rarg") && node.parent().key() != "JoinExpr";  // of UNION
}

// The queries of its WITH, by their names.
std::map<std::string, Node, std::less<>> with_names(const Tree& tree) {
  std::map<std::string, Node, std::less<>> names;
  for (std::size_t i = 0; i < tree.size(); ++i)
    if (const Node name = tree.at(i); name.key() == "ctename") names.emplace(name.text(), name.parent()["ctequery"].inner());
  return names;
}

std::vector<std::string_view> fields_of(Node reference) {
  std::vector<std::string_view> names;
  for (const Node field : reference["fields"]) names.push_back(field["String"]["sval"].text());
  return names;  // a * has no name
}

WrittenTable written(Node range) { return {std::string(range["schemaname"].text()), std::string(range["relname"].text())}; }

class Reader {
 public:
  Reader(const Tree& tree, const TableOf& tables) : tree_(tree), tables_(tables), with_names_(with_names(tree)) {}

  std::vector<TableUse> read() {
    for (std::size_t i = 0; i < tree_.size() && blocks_.size() < kBlocksMax; ++i)
      if (is_query(tree_.at(i))) blocks_.push_back(block_of(tree_.at(i)));
    for (Block& block : blocks_) read_block(block);
    read_columns();
    std::vector<TableUse> out;
    for (Block& block : blocks_)
      for (Instance& one : block.instances)
        if (one.use.table != nullptr) out.push_back(std::move(one.use));
    return out;
  }

 private:
  struct Instance {
    std::string schema, name, alias;
    TableUse use;
    Node select{};  // of a subquery, or of one in WITH
  };
  struct Block {
    Node node;
    std::vector<Instance> instances;
    std::vector<Node> conditions;
    std::vector<std::string> shared;  // columns of JOIN USING
  };
  struct Found {
    Instance* instance = nullptr;
    std::string column;
    explicit operator bool() const { return instance != nullptr; }
  };

  Block block_of(Node node) const {
    Block block{.node = node, .instances = {}, .conditions = {}, .shared = {}};
    std::vector<Node> open;
    for (const std::string_view list : {"fromClause", "usingClause"})
      for (const Node item : node[list]) open.push_back(item.inner());
    if (const Node relation = node["relation"]) add(block, relation);
    while (!open.empty()) {
      const Node item = open.back();
      open.pop_back();
      if (item.key() == "RangeVar") {
        add(block, item);
      } else if (item.key() == "RangeSubselect") {
        if (block.instances.size() < kTablesMax)
          block.instances.push_back({.schema = {},
                                     .name = {},
                                     .alias = std::string(item["alias"]["aliasname"].text()),
                                     .use = {},
                                     .select = item["alias"].has("colnames") ? Node() : item["subquery"].inner()});
      } else if (item.key() == "JoinExpr") {
        open.push_back(item["rarg"].inner());
        open.push_back(item["larg"].inner());
        if (const Node quals = item["quals"]) block.conditions.push_back(quals.inner());
        for (const Node column : item["usingClause"]) block.shared.emplace_back(column["String"]["sval"].text());
      }
    }
    if (const Node where = node["whereClause"]) block.conditions.push_back(where.inner());
    return block;
  }

  void add(Block& block, Node range) const {
    if (block.instances.size() >= kTablesMax) return;
    const WrittenTable name = written(range);
    Instance one{
        .schema = name.schema, .name = name.name, .alias = std::string(range["alias"]["aliasname"].text()), .use = {}};
    const auto with = name.schema.empty() ? with_names_.find(name.name) : with_names_.end();
    if (with != with_names_.end()) {
      one.select = with->second;
    } else {
      const auto found = std::find_if(tables_.begin(), tables_.end(), [&](const auto& entry) { return entry.first == name; });
      if (found != tables_.end()) one.use.table = found->second;
    }
    block.instances.push_back(std::move(one));
  }

  // What is read of each table at all. A name that is not found may be a whole row of any of them.
  void read_columns() {
    for (std::size_t i = 0; i < tree_.size(); ++i) {
      const Node node = tree_.at(i);
      const bool of_all = node.key() == "isNatural" && node.flag();
      if (node.key() != "ColumnRef" && !of_all) continue;
      const auto names = of_all ? std::vector<std::string_view>() : fields_of(node);
      for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
        if (!block->node.contains(node)) continue;
        if (const Found found = of_all || names.empty() ? Found() : find(node, *block)) {
          auto& read = found.instance->use.read;
          if (std::find(read.begin(), read.end(), found.column) == read.end()) read.push_back(found.column);
        } else if (names.empty() || !names.back().empty() || names.size() == 1) {
          for (Instance& one : block->instances) one.use.all_read = true;
        } else {  // t.*
          for (Instance& one : block->instances)
            if (names[names.size() - 2] == (one.alias.empty() ? one.name : one.alias)) one.use.all_read = true;
        }
        break;
      }
    }
    for (Block& block : blocks_)
      for (const std::string& column : block.shared)
        for (Instance& one : block.instances)
          if (one.use.table != nullptr && one.use.table->column(column) != nullptr) one.use.read.push_back(column);
  }

  // The column that a ColumnRef is, sought from this query outwards.
  Found find(Node reference, const Block& from) {
    if (reference.key() != "ColumnRef") return {};
    const auto names = fields_of(reference);
    if (names.empty() || names.size() > 3 || names.back().empty()) return {};
    for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block)
      if (block->node.contains(from.node))
        if (const Found found = find_in(*block, names, 0)) return found;
    return {};
  }

  Found find_in(Block& block, const std::vector<std::string_view>& names, int around) {
    for (Instance& one : block.instances) {
      if (names.size() == 2 && names[0] != (one.alias.empty() ? one.name : one.alias)) continue;
      if (names.size() == 3 && (names[0] != one.schema || names[1] != one.name)) continue;
      if (one.use.table != nullptr && one.use.table->column(names.back()) != nullptr) return {&one, std::string(names.back())};
      if (one.select)
        if (const Found found = find_output(one.select, names.back(), around + 1)) return found;
    }
    return {};
  }

  // The column that a query gives out under that name. PostgreSQL compares inside of it, where it may.
  Found find_output(Node select, std::string_view name, int around) {
    const auto inner = std::find_if(blocks_.begin(), blocks_.end(), [select](const Block& one) { return one.node == select; });
    if (inner == blocks_.end() || around > kAroundMax) return {};
    for (const Node target : select["targetList"]) {
      const Node value = target["ResTarget"]["val"].inner();
      auto fields = value.key() == "ColumnRef" ? fields_of(value) : std::vector<std::string_view>();
      if (fields.empty()) continue;
      const auto given = target["ResTarget"]["name"].text();
      const bool all = fields.back().empty();  // *
      if (!all && (given.empty() ? fields.back() : given) != name) continue;
      if (all) fields.back() = name;
      if (const Found found = find_in(*inner, fields, around)) return found;
      if (!all) return {};
    }
    return {};
  }

  void read_block(Block& block) {
    for (std::size_t i = 0; i < block.conditions.size(); ++i) {
      const Node condition = block.conditions[i];
      if (condition.key() == "BoolExpr" && condition["boolop"].text() == "AND_EXPR") {
        for (const Node part : condition["args"]) block.conditions.push_back(part.inner());
        continue;
      }
      read_condition(block, condition);
    }
    for (const std::string& column : block.shared) read_shared(block, column);
    const bool limited = block.node.has("limitCount");
    const bool cut_short = std::any_of(blocks_.begin(), blocks_.end(), [&block](const Block& around) {
      return around.node.has("limitCount") && around.node.contains(block.node);
    });
    for (Instance& one : block.instances) {
      one.use.limited = limited;
      one.use.cut_short = cut_short;
    }
    if (block.node.key() == "SelectStmt" || block.node.key() == "larg" || block.node.key() == "rarg") read_order(block);
  }

  // JOIN ... USING (x): x of each table that has one.
  static void read_shared(Block& block, const std::string& column) {
    std::vector<Instance*> with;
    for (Instance& one : block.instances)
      if (one.use.table != nullptr && one.use.table->column(column) != nullptr) with.push_back(&one);
    for (Instance* const one : with)
      if (with.size() > 1) one->use.join.push_back(column);
  }

  void read_condition(Block& block, Node node) {
    const auto key = node.key();
    if (key == "A_Expr") return read_comparison(block, node, false);
    if (key == "NullTest") {
      const Found column = find(node["arg"].inner(), block);
      if (!column) return;
      const bool null = node["nulltesttype"].text() == "IS_NULL";
      const std::string predicate = base::quote_identifier(column.column) + (null ? " IS NULL" : " IS NOT NULL");
      column.instance->use.predicates.push_back(predicate);
      return;
    }
    if (key == "ColumnRef") {
      if (const Found column = find(node, block))
        column.instance->use.predicates.push_back(base::quote_identifier(column.column));
      return;
    }
    if (key == "BoolExpr" && node["boolop"].text() == "NOT_EXPR") {
      if (const Found column = find(node["args"].inner().inner(), block))
        column.instance->use.predicates.push_back("NOT " + base::quote_identifier(column.column));
      return;
    }
    if (key == "BoolExpr") {  // OR
      for (const Node arm : node["args"]) {
        std::vector<Node> open{arm.inner()};
        for (std::size_t i = 0; i < open.size(); ++i) {
          if (open[i].key() == "BoolExpr" && open[i]["boolop"].text() == "AND_EXPR")
            for (const Node part : open[i]["args"]) open.push_back(part.inner());
          else if (open[i].key() == "A_Expr")
            read_comparison(block, open[i], true);
        }
      }
      return;
    }
    if (key == "SubLink" && node["subLinkType"].text() == "ANY_SUBLINK") read_in(block, node);
  }

  // x IN (SELECT y ...): both sides are compared.
  void read_in(Block& block, Node link) {
    const Node name = link["operName"];
    if (name && name.inner()["String"]["sval"].text() != "=") return;
    if (const Found outer = find(link["testexpr"].inner(), block)) outer.instance->use.join.push_back(outer.column);
    const Node select = link["subselect"].inner();
    const auto inner =
        std::find_if(blocks_.begin(), blocks_.end(), [select](const Block& one) { return one.node == select; });
    if (inner == blocks_.end()) return;
    if (const Found target = find(select["targetList"].inner()["ResTarget"]["val"].inner(), *inner))
      target.instance->use.join.push_back(target.column);
  }

  void read_comparison(Block& block, Node node, bool in_or) {
    const auto kind = node["kind"].text();
    Node left = node["lexpr"].inner();
    Node right = node["rexpr"].inner();
    std::string_view op;
    for (const Node part : node["name"]) op = part["String"]["sval"].text();
    Found column = find(left, block);
    if (kind == "AEXPR_OP" && !column) {
      if (Found other = find(right, block)) {
        column = other;
        std::swap(left, right);
        op = op == "<"    ? ">"
             : op == ">"  ? "<"
             : op == "<=" ? ">="
             : op == ">=" ? "<="
             : op == "@>" ? "<@"
             : op == "<@" ? "@>"
                          : op;
      }
    }
    if (!column) return in_or ? void() : read_expression(block, left, right, kind, op);
    TableUse& use = column.instance->use;
    if (const Found other = kind == "AEXPR_OP" ? find(right, block) : Found()) {
      if (op == "=" && other.instance != column.instance && !in_or) {
        use.join.push_back(column.column);
        other.instance->use.join.push_back(other.column);
      }
      return;
    }
    if (has_columns(right)) return;
    const bool equal = kind == "AEXPR_OP" && op == "=";
    const bool many = (kind == "AEXPR_IN" || kind == "AEXPR_OP_ANY") && op == "=";
    if (in_or) {
      if (equal || many) use.either.push_back(column.column);
      return;
    }
    if (equal || many) {
      use.equal.push_back({.column = column.column,
                           .many = many,
                           .value = equal ? expression_text(right) : std::string(),
                           .condition = equality_text(column.column, kind, right)});
    } else if (kind == "AEXPR_BETWEEN" || (kind == "AEXPR_OP" && (op == "<" || op == "<=" || op == ">" || op == ">="))) {
      use.range.push_back(column.column);
      read_bound(use, column.column, kind == "AEXPR_BETWEEN", right, op);
    } else if (kind == "AEXPR_LIKE" && op == "~~" && !literal_prefix(text_constant(right)).empty()) {
      use.prefix.push_back(column.column);
    } else if (is_match(op) && (kind == "AEXPR_OP" || kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE")) {
      read_match(use, key_on(column.column), right, op);
    }
  }

  static void read_bound(TableUse& use, const std::string& column, bool between, Node right, std::string_view op) {
    const std::string name = base::quote_identifier(column);
    if (between) {
      std::vector<std::string> ends;
      for (const Node end : right["items"]) ends.push_back(expression_text(end.inner()));
      if (ends.size() == 2 && !ends[0].empty() && !ends[1].empty())
        use.bounds.push_back({column, name + " BETWEEN " + ends[0] + " AND " + ends[1]});
    } else if (const std::string end = expression_text(right); !end.empty()) {
      use.bounds.push_back({column, name + " " + std::string(op) + " " + end});
    }
  }

  static void read_match(TableUse& use, IndexKey key, Node right, std::string_view op) {
    const std::string value = is_plain(right) ? expression_text(right) : std::string();
    if (value.empty()) return;
    const std::string left = key.expression ? key.text : base::quote_identifier(key.text);
    use.matches.push_back({.key = std::move(key),
                           .op = std::string(op),
                           .value = std::string(text_constant(uncast(right))),
                           .condition = left + " " + std::string(op) + " " + value});
  }

  static Node uncast(Node node) {
    while (node.key() == "TypeCast") node = node["arg"].inner();
    return node;
  }

  // lower(x) = 'a': an index on the expression.
  void read_expression(Block& block, Node left, Node right, std::string_view kind, std::string_view op) {
    if ((op != "=" && op != "@@") || (kind != "AEXPR_OP" && kind != "AEXPR_IN" && kind != "AEXPR_OP_ANY")) return;
    if (!has_columns(left)) std::swap(left, right);
    if (has_columns(right) || !has_columns(left)) return;
    Instance* only = nullptr;
    for (const Node reference : column_references(tree_, left)) {
      const Found found = find(reference, block);
      if (!found || (only != nullptr && only != found.instance)) return;
      only = found.instance;
    }
    const std::string text = only == nullptr ? std::string() : expression_text(left);
    if (text.empty()) return;
    if (op == "=") return only->use.expressions.push_back(text);
    if (kind == "AEXPR_OP" && is_document(left)) read_match(only->use, {.text = text, .expression = true}, right, op);
  }

  void read_order(Block& block) {
    const Node select = block.node;
    const Node targets = select["targetList"];
    // What 1, or the name of an output column, stands for.
    const auto meant = [&](Node node) {
      int64_t number = node.key() == "A_Const" ? node["ival"]["ival"].number() : 0;
      const std::string_view alias =
          node.key() == "ColumnRef" && node["fields"].size() == 1 ? node["fields"].inner()["String"]["sval"].text() : "";
      for (const Node target : targets) {
        const Node value = target["ResTarget"]["val"].inner();
        if (--number == 0) return value;
        if (!alias.empty() && target["ResTarget"]["name"].text() == alias) return value;
      }
      return node;
    };
    Instance* only = nullptr;
    const auto of_one_table = [&](Node node) -> std::optional<std::string> {
      const Found found = find(meant(node), block);
      if (!found || (only != nullptr && only != found.instance)) return std::nullopt;
      only = found.instance;
      return found.column;
    };
    std::vector<std::string> group;
    for (const Node item : select["groupClause"]) {
      const auto column = of_one_table(item.inner());
      if (!column) return;
      group.push_back(*column);
    }
    if (!group.empty()) {
      only->use.group = group;
      return;
    }
    if (targets.size() == 1 && select["sortClause"].size() == 0) return read_extreme(block, targets);
    std::vector<IndexKey> keys;
    for (const Node item : select["sortClause"]) {
      const Node sort = item["SortBy"];
      const auto column = of_one_table(sort["node"].inner());
      if (!column || sort.has("useOp")) return;
      IndexKey key = key_on(*column);
      key.descending = sort["sortby_dir"].text() == "SORTBY_DESC";
      const auto nulls = sort["sortby_nulls"].text();
      key.nulls_first = nulls == "SORTBY_NULLS_FIRST" || (nulls == "SORTBY_NULLS_DEFAULT" && key.descending);
      // Without nulls it does not matter where they are.
      if (only->use.table->column(*column)->not_null) key.nulls_first = key.descending;
      keys.push_back(std::move(key));
    }
    if (!keys.empty()) only->use.sort = std::move(keys);
  }

  // min(x), max(x): the first of an order.
  void read_extreme(Block& block, Node targets) {
    const Node call = targets.inner()["ResTarget"]["val"].inner();
    if (call.key() != "FuncCall" || call["args"].size() != 1 || call["funcname"].size() != 1) return;
    const auto name = call["funcname"].inner()["String"]["sval"].text();
    if (name != "min" && name != "max") return;
    if (const Found column = find(call["args"].inner().inner(), block)) {
      column.instance->use.sort = {key_on(column.column)};
      column.instance->use.limited = true;
    }
  }

  static std::vector<Node> column_references(const Tree& tree, Node inside) {
    std::vector<Node> out;
    for (std::size_t i = inside.position(); i < inside.position() + inside.total(); ++i)
      if (tree.at(i).key() == "ColumnRef") out.push_back(tree.at(i));
    return out;
  }
  // Columns, or a query, of which nothing is known.
  bool has_columns(Node inside) const {
    for (std::size_t i = inside.position(); i < inside.position() + inside.total(); ++i)
      if (const auto key = tree_.at(i).key(); key == "ColumnRef" || key == "SubLink") return true;
    return false;
  }

  const Tree& tree_;
  const TableOf& tables_;
  const std::map<std::string, Node, std::less<>> with_names_;
  std::vector<Block> blocks_;
};

}  // namespace

std::vector<WrittenTable> tables_of(const Tree& tree) {
  const auto names = with_names(tree);
  std::vector<WrittenTable> out;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (tree.at(i).key() != "relname") continue;
    WrittenTable table = written(tree.at(i).parent());
    if (table.schema.empty() && names.contains(table.name)) continue;
    if (std::find(out.begin(), out.end(), table) == out.end()) out.push_back(std::move(table));
  }
  return out;
}

std::vector<TableUse> uses_of(const Tree& tree, const TableOf& tables) { return Reader(tree, tables).read(); }

std::vector<WrittenColumns> writes_of(const Tree& tree) {
  std::vector<WrittenColumns> out;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const Node node = tree.at(i);
    using enum WrittenColumns::How;
    const auto key = node.key();
    if (key == "InsertStmt") {
      out.push_back({written(node["relation"]), kInsert, {}});
    } else if (key == "DeleteStmt") {
      out.push_back({written(node["relation"]), kDelete, {}});
    } else if (key == "UpdateStmt") {
      WrittenColumns& update = out.emplace_back(WrittenColumns{written(node["relation"]), kUpdate, {}});
      for (const Node target : node["targetList"]) update.columns.emplace_back(target["ResTarget"]["name"].text());
    }
  }
  return out;
}

}  // namespace analyzer
