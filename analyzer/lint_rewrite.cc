#include "analyzer/lint_rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace analyzer {

namespace {

std::string of(const LintText& text, Node node) {
  const Extent where = text.extent(node);
  return text.text().substr(where.at, where.size);
}

// WHERE's own condition, and AND what comes with it. Nothing can be inserted where there is none of either.
bool add_condition(const LintText& text, Node query, const std::string& condition, Edits& edits) {
  if (const Node where = query["whereClause"]) {
    const Extent old = text.extent(where.inner());
    if (old.size == 0) return false;
    // Parentheses around all of it may stand outside of what the tree knows.
    const Extent keyword = text.word("where", text.extent(query["targetList"]).end());
    if (keyword.size == 0 || keyword.end() > old.at) return false;
    const bool is_or = where.inner().key() == "BoolExpr" && where.inner()["boolop"].text() == "OR_EXPR";
    edits.insert(keyword.end(), is_or ? fmt::format(" {} AND (", condition) : fmt::format(" {} AND", condition));
    if (is_or) {
      std::size_t end = old.end();
      int open = 0;  // that begin before what the tree knows
      for (const Token& token : text.tokens()) {
        if (token.at < keyword.end() || token.at >= old.at) continue;
        if (text.text()[token.at] == '(') ++open;
      }
      for (const Token& token : text.tokens()) {
        if (open == 0) break;
        if (token.at < end) continue;
        if (text.text()[token.at] != ')') return false;
        end = token.at + token.size;
        --open;
      }
      edits.insert(end, ")");
    }
    return true;
  }
  const Extent from = text.extent(query["fromClause"]);
  if (from.size == 0) return false;
  std::size_t end = from.end();
  // "t AS x", "t x": the alias has no place of its own.
  for (const Node entry : query["fromClause"]) {
    const std::string_view alias = entry.inner()["alias"]["aliasname"].text();
    if (alias.empty()) continue;
    for (const Token& token : text.tokens())
      if (token.at >= end && name_of(std::string_view(text.text()).substr(token.at, token.size)) == alias) {
        end = token.at + token.size;
        break;
      }
  }
  edits.insert(end, fmt::format(" WHERE {}", condition));
  return true;
}

struct SortColumn {
  std::string text;
  std::string_view name;
  bool descending = false;
};

// Plain columns of the one table, none of which can be NULL, and which no two rows share.
std::optional<std::vector<SortColumn>> total_order(const LintText& text, Node query, const FromItem& item) {
  std::vector<SortColumn> out;
  for (const Node entry : query["sortClause"]) {
    const Node by = entry.inner();
    const Node column = by["node"].inner();
    if (!is_column(column) || by["sortby_nulls"].text() != "SORTBY_NULLS_DEFAULT") return std::nullopt;
    const auto direction = by["sortby_dir"].text();
    if (direction != "SORTBY_DEFAULT" && direction != "SORTBY_ASC" && direction != "SORTBY_DESC") return std::nullopt;
    const LintColumn* known = item.known->column(column_name(column));
    if (known == nullptr || !known->not_null) return std::nullopt;
    out.push_back({of(text, column), column_name(column), direction == "SORTBY_DESC"});
  }
  const bool unique = std::any_of(item.known->indexes.begin(), item.known->indexes.end(), [&out](const LintIndex& index) {
    return index.unique && !index.columns.empty() &&
           std::all_of(index.columns.begin(), index.columns.end(), [&out](const std::string& name) {
             return std::any_of(out.begin(), out.end(), [&name](const SortColumn& column) { return column.name == name; });
           });
  });
  return unique ? std::optional(std::move(out)) : std::nullopt;
}

// (a, b) > ($1, $2), or the same written out where the directions differ.
std::string behind(const std::vector<SortColumn>& columns, int first) {
  const auto parameter = [first](std::size_t i) { return fmt::format("${}", first + static_cast<int>(i)); };
  const auto sign = [&columns](std::size_t i) { return columns[i].descending ? "<" : ">"; };
  if (columns.size() == 1) return fmt::format("{} {} {}", columns[0].text, sign(0), parameter(0));
  const bool same = std::all_of(columns.begin(), columns.end(), [&columns](const SortColumn& column) {
    return column.descending == columns[0].descending;
  });
  std::string names, values, out;
  if (same) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      names += (i > 0 ? ", " : "") + columns[i].text;
      values += (i > 0 ? ", " : "") + parameter(i);
    }
    return fmt::format("({}) {} ({})", names, sign(0), values);
  }
  std::string equal;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string last = fmt::format("{} {} {}", columns[i].text, sign(i), parameter(i));
    out += i == 0 ? last : fmt::format(" OR ({}{})", equal, last);
    equal += fmt::format("{} = {} AND ", columns[i].text, parameter(i));
  }
  return "(" + out + ")";
}

bool is_whole(std::string_view type) { return type == "int2" || type == "int4" || type == "int8"; }
bool is_moment(std::string_view type) { return type == "timestamp" || type == "timestamptz"; }

}  // namespace

std::string Edits::apply() const {
  std::vector<Edit> edits = edits_;
  std::stable_sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.where.at < b.where.at; });
  std::string out;
  std::size_t copied = 0;
  for (const Edit& edit : edits) {
    if (edit.where.at < copied || edit.where.end() > text_.text().size()) return {};
    out += text_.text().substr(copied, edit.where.at - copied);
    out += edit.with;
    copied = edit.where.end();
  }
  out += text_.text().substr(copied);
  LintText again;
  return again.read(out) ? shown(out) : std::string();
}

std::string keyset(const LintText& text, Node query, const LintCatalog* catalog) {
  const std::vector<FromItem> items = items_of(text, query, catalog);
  if (items.size() != 1 || items[0].known == nullptr || query["sortClause"].size() == 0) return {};
  if (aggregates(text, query) || query.has("distinctClause") || query["op"].text() != "SETOP_NONE") return {};
  const auto columns = total_order(text, query, items[0]);
  if (!columns) return {};
  Edits edits(text);
  if (!add_condition(text, query, behind(*columns, text.parameters() + 1), edits)) return {};
  const Extent value = text.extent(query["limitOffset"].inner());
  // The word in front of it; "OFFSET 5 ROWS" has one behind it too.
  Extent keyword;
  for (const Token& token : text.tokens()) {
    const std::string_view word = std::string_view(text.text()).substr(token.at, token.size);
    if (token.at < value.at && is_word(word, "offset")) keyword = {token.at, token.size};
  }
  if (keyword.size == 0 || value.size == 0) return {};
  std::size_t end = value.end();
  for (const Token& token : text.tokens()) {
    if (token.at < end) continue;
    const std::string_view word = std::string_view(text.text()).substr(token.at, token.size);
    if (is_word(word, "rows") || is_word(word, "row")) end = token.at + token.size;
    break;
  }
  std::size_t begin = keyword.at;
  while (begin > 0 && text.text()[begin - 1] == ' ') --begin;
  edits.replace({begin, end - begin}, "");
  return edits.apply();
}

std::string bare_column(const LintText& text, Node comparison, const LintCatalog* catalog) {
  Node left = comparison["lexpr"].inner(), right = comparison["rexpr"].inner();
  std::string sign(operator_of(comparison));
  if (comparison["kind"].text() != "AEXPR_OP") return {};
  if (is_value(text, left)) {
    std::swap(left, right);
    for (char& c : sign) c = c == '<' ? '>' : c == '>' ? '<' : c;
    if (sign == "><") sign = "<>";
  }
  static constexpr std::array<std::string_view, 5> kSigns = {"=", "<", ">", "<=", ">="};
  if (std::find(kSigns.begin(), kSigns.end(), sign) == kSigns.end() || !is_value(text, right)) return {};
  const std::string value = of(text, right);
  if (value.empty()) return {};
  // What a column's step is, as its beginning and the beginning of the next.
  const auto range = [&sign](const std::string& column, const std::string& from, const std::string& next) {
    if (sign == "=") return fmt::format("({0} >= {1} AND {0} < {2})", column, from, next);
    if (sign == "<") return fmt::format("{} < {}", column, from);
    if (sign == ">=") return fmt::format("{} >= {}", column, from);
    if (sign == ">") return fmt::format("{} >= {}", column, next);
    return fmt::format("{} < {}", column, next);
  };
  const auto day = [&](Node column) -> std::string {
    const LintColumn* known = known_column(text, column, catalog);
    if (known == nullptr || !is_moment(known->type)) return {};
    return range(of(text, column), fmt::format("CAST({} AS date)", value), fmt::format("(CAST({} AS date) + 1)", value));
  };
  std::string with;
  if (left.key() == "FuncCall" && function_of(left) == "date" && left["args"].size() == 1) {
    for (const Node argument : left["args"])
      if (is_column(argument.inner())) with = day(argument.inner());
  } else if (left.key() == "TypeCast" && is_column(left["arg"].inner())) {
    std::string_view type;
    for (const Node part : left["typeName"]["names"]) type = part["String"]["sval"].text();
    if (type == "date") with = day(left["arg"].inner());
  } else if (left.key() == "FuncCall" && (function_of(left) == "extract" || function_of(left) == "date_part")) {
    std::vector<Node> arguments;
    for (const Node argument : left["args"]) arguments.push_back(argument.inner());
    if (arguments.size() != 2 || !is_column(arguments[1])) return {};
    const LintColumn* known = known_column(text, arguments[1], catalog);
    if (known == nullptr || !(is_moment(known->type) || known->type == "date")) return {};
    if (arguments[0]["sval"]["sval"].text() != "year") return {};
    with = range(of(text, arguments[1]), fmt::format("make_date(CAST({} AS int), 1, 1)", value),
                 fmt::format("make_date(CAST({} AS int) + 1, 1, 1)", value));
  } else if (left.key() == "A_Expr" && left["kind"].text() == "AEXPR_OP") {
    const auto step = operator_of(left);
    const Node first = left["lexpr"].inner(), second = left["rexpr"].inner();
    if (step != "+" && step != "-") return {};
    const bool column_first = is_column(first) && is_value(text, second);
    if (!column_first && !(step == "+" && is_column(second) && is_value(text, first))) return {};
    const Node column = column_first ? first : second, other = column_first ? second : first;
    const LintColumn* known = known_column(text, column, catalog);
    if (known == nullptr || !is_whole(known->type)) return {};
    const bool compound = other.key() == "A_Expr" || right.key() == "A_Expr";
    const char* const plain = step == "+" ? "{} {} {} - {}" : "{} {} {} + {}";
    const char* const grouped = step == "+" ? "{} {} ({}) - ({})" : "{} {} ({}) + ({})";
    with = fmt::format(fmt::runtime(compound ? grouped : plain), of(text, column), sign, value, of(text, other));
  }
  if (with.empty()) return {};
  Edits edits(text);
  edits.replace(text.extent(comparison), with);
  return edits.apply();
}

std::string null_test(const LintText& text, Node comparison) {
  const Node left = comparison["lexpr"].inner(), right = comparison["rexpr"].inner();
  const bool null_right = right.key() == "A_Const" && right["isnull"].flag();
  const std::string what = of(text, null_right ? left : right);
  if (what.empty()) return {};
  Edits edits(text);
  edits.replace(text.extent(comparison), what + (operator_of(comparison) == "=" ? " IS NULL" : " IS NOT NULL"));
  return edits.apply();
}

std::string not_exists(const LintText& text, Node negation, const LintCatalog* catalog) {
  Node link;
  for (const Node argument : negation["args"]) link = argument.inner();
  const Node query = link["subselect"].inner();
  const Node tested = link["testexpr"].inner();
  if (link.key() != "SubLink" || query["op"].text() != "SETOP_NONE" || !is_column(tested)) return {};
  if (query.has("limitCount") || query.has("limitOffset") || query.has("withClause") || aggregates(text, query)) return {};
  if (query.has("distinctClause") || query["targetList"].size() != 1) return {};
  Node target;
  for (const Node entry : query["targetList"]) target = entry.inner()["val"].inner();
  if (!is_column(target)) return {};
  const auto outside = owner_of(text, tested, catalog);
  const auto inside = owner_of(text, target, catalog);
  if (!outside || !inside || outside->called().empty() || inside->called().empty()) return {};
  if (outside->called() == inside->called()) return {};
  const auto qualified = [&text](Node column, const FromItem& owner) {
    return qualifier(column).empty() ? fmt::format("{}.{}", owner.called(), of(text, column)) : of(text, column);
  };
  Edits edits(text);
  const Extent all = text.extent(negation);
  const Extent select = text.word("select", all.at, all.end());
  const Extent select_list = text.extent(query["targetList"]);
  if (select.size == 0 || select_list.size == 0) return {};
  // x NOT IN ( -> NOT EXISTS (
  const Extent open = {select.at - 1, 1};
  if (text.text()[open.at] != '(') return {};
  edits.replace({all.at, open.at - all.at}, "NOT EXISTS ");
  edits.replace(select_list, "1");
  if (!add_condition(text, query, fmt::format("{} = {}", qualified(target, *inside), qualified(tested, *outside)), edits))
    return {};
  return edits.apply();
}

std::string exists(const LintText& text, Node comparison, bool negated) {
  Node link = comparison["lexpr"].inner();
  if (link.key() != "SubLink") link = comparison["rexpr"].inner();
  const Node query = link["subselect"].inner();
  const Extent whole = text.extent(comparison), counted = text.extent(query["targetList"]);
  const Extent select = text.word("select", whole.at, whole.end());
  if (select.size == 0 || counted.size == 0) return {};
  // From the parenthesis in front of SELECT to the one that closes it.
  std::size_t open = select.at;
  while (open > whole.at && text.text()[open] != '(') --open;
  if (text.text()[open] != '(') return {};
  std::size_t close = 0;
  int depth = 0;
  for (const Token& token : text.tokens()) {
    if (token.at < open) continue;
    if (text.text()[token.at] == '(') ++depth;
    if (text.text()[token.at] == ')' && --depth == 0) {
      close = token.at + 1;
      break;
    }
  }
  if (close == 0 || close > whole.end() + 1) return {};
  Edits edits(text);
  edits.replace({whole.at, open - whole.at}, negated ? "NOT EXISTS " : "EXISTS ");
  edits.replace(counted, "1");
  if (whole.end() > close) edits.replace({close, whole.end() - close}, "");
  return edits.apply();
}

std::string any_of_array(const LintText& text, Node in) {
  const Node list = in["rexpr"]["List"]["items"];
  Node first;
  for (const Node item : list) {
    if (!first) first = item.inner();
    if (item.inner().key() != "ParamRef") return {};
  }
  const Extent whole = text.extent(in), left = text.extent(in["lexpr"].inner());
  if (!first || whole.size == 0 || left.end() > whole.end()) return {};
  const char* const words = operator_of(in) == "=" ? " = ANY (${})" : " <> ALL (${})";
  Edits edits(text);
  edits.replace({left.end(), whole.end() - left.end()}, fmt::format(fmt::runtime(words), first["number"].number()));
  return edits.apply();
}

std::string insert_rows(const LintText& text) {
  const Node rows = text.statement()["selectStmt"]["SelectStmt"]["valuesLists"];
  if (rows.size() != 1) return {};
  const Extent values = text.extent(rows);
  const Extent keyword = text.word("values", 0);
  if (values.size == 0 || keyword.size == 0) return {};
  std::size_t open = text.text().find('(', keyword.end());
  if (open == std::string::npos || open > values.at) return {};
  const std::size_t close = text.text().find(')', values.end() - (text.text()[values.end() - 1] == ')' ? 1 : 0));
  if (close == std::string::npos) return {};
  const int step = text.parameters();
  std::string more;
  for (int row = 1; row < 3; ++row) {
    more += ", ";
    for (std::size_t at = open; at <= close;) {
      const auto token = std::find_if(text.tokens().begin(), text.tokens().end(),
                                      [at](const Token& one) { return one.at >= at; });
      if (token == text.tokens().end() || token->at > close) break;
      more += text.text().substr(at, token->at - at);
      const std::string_view word = std::string_view(text.text()).substr(token->at, token->size);
      const auto number = token->kind == TokenKind::kParameter ? parameter_number(word) : std::nullopt;
      more += number ? fmt::format("${}", *number + row * step) : std::string(word);
      at = token->at + token->size;
    }
  }
  Edits edits(text);
  edits.insert(close + 1, more);
  return edits.apply();
}

std::string for_all_values(const LintText& text, int parameter) {
  const Node query = text.statement();
  if (text.kind() != "SelectStmt" || query["op"].text() != "SETOP_NONE" || query.has("limitCount")) return {};
  if (query.has("limitOffset") || query.has("distinctClause") || query.has("lockingClause") || aggregates(text, query)) return {};
  for (const Node condition : conditions_of(query)) {
    if (condition.key() != "A_Expr" || condition["kind"].text() != "AEXPR_OP" || operator_of(condition) != "=") continue;
    Node column = condition["lexpr"].inner(), value = condition["rexpr"].inner();
    if (!is_column(column)) std::swap(column, value);
    if (!is_column(column) || value.key() != "ParamRef" || value["number"].number() != parameter) continue;
    std::size_t uses = 0;
    for (const Node reference : all_inside(text, query, "ParamRef"))
      if (reference["number"].number() == parameter) ++uses;
    if (uses != 1) return {};
    bool has_it = false;
    for (const Node target : query["targetList"]) {
      const Node what = target.inner()["val"].inner();
      if (what.key() != "ColumnRef") continue;
      has_it = has_it || !is_column(what) || column_name(what) == column_name(column);
    }
    Edits edits(text);
    edits.replace(text.extent(condition), fmt::format("{} = ANY (${})", of(text, column), parameter));
    if (!has_it) {
      const Extent from = text.word("from", text.extent(query["targetList"]).end());
      if (from.size == 0) return {};
      std::size_t end = from.at;
      while (end > 0 && text.text()[end - 1] == ' ') --end;
      edits.insert(end, fmt::format(", {}", of(text, column)));
    }
    return edits.apply();
  }
  return {};
}

}  // namespace analyzer
