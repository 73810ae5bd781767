#include "analyzer/advice_expression.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace analyzer {
namespace {

std::string constant(Node node) {
  // Tree writes 0 and what is below it as nothing: it is not known which.
  if (const int64_t number = node["ival"]["ival"].number(); number > 0) return std::to_string(number);
  if (const Node real = node["fval"]["fval"]) return std::string(real.text());
  if (const Node flag = node["boolval"]) return flag["boolval"].flag() ? "true" : "false";
  if (const Node text = node["sval"]) {
    const auto value = text["sval"].text();
    return value.find('\\') == std::string_view::npos ? base::quote_literal(value) : std::string();
  }
  return {};
}

// A name of several parts, as types and functions have.
std::string dotted(Node parts) {
  std::string out;
  for (const Node part : parts) out += (out.empty() ? "" : ".") + base::quote_identifier(part["String"]["sval"].text());
  return out;
}

std::string name_of_type(Node type) {
  if (type.has("arrayBounds") || type.has("typmods") || type["setof"].flag()) return {};
  return dotted(type["names"]);
}

std::string text_of(Node node, int depth) {
  const auto key = node.key();
  if (depth > kExpressionDepthMax) return {};
  if (key == "ColumnRef") {
    std::string_view last;
    for (const Node field : node["fields"]) last = field["String"]["sval"].text();
    return last.empty() ? std::string() : base::quote_identifier(last);
  }
  if (key == "A_Const") return constant(node);
  if (key == "TypeCast") {
    const std::string inside = text_of(node["arg"].inner(), depth + 1), type = name_of_type(node["typeName"]);
    return inside.empty() || type.empty() ? std::string() : "(" + inside + ")::" + type;
  }
  if (key == "FuncCall") {
    for (const std::string_view more :
         {"agg_order", "agg_filter", "over", "agg_within_group", "agg_distinct", "agg_star", "func_variadic"})
      if (node.has(more)) return {};
    std::string out = dotted(node["funcname"]) + "(";
    bool first = true;
    for (const Node argument : node["args"]) {
      const std::string inside = text_of(argument.inner(), depth + 1);
      if (inside.empty()) return {};
      out += (first ? "" : ", ") + inside;
      first = false;
    }
    return out + ")";
  }
  if (key == "A_Expr" && node["kind"].text() == "AEXPR_OP" && node["name"].size() == 1 && node.has("lexpr")) {
    const std::string left = text_of(node["lexpr"].inner(), depth + 1), right = text_of(node["rexpr"].inner(), depth + 1);
    if (left.empty() || right.empty()) return {};
    return "(" + left + " " + std::string(node["name"].inner()["String"]["sval"].text()) + " " + right + ")";
  }
  return {};
}

}  // namespace

std::string expression_text(Node node) { return text_of(node, 0); }

std::string_view text_constant(Node node) {
  return node.key() == "A_Const" ? node["sval"]["sval"].text() : std::string_view();
}

std::string_view literal_prefix(std::string_view pattern) { return pattern.substr(0, pattern.find_first_of("%_\\")); }

std::string equality_text(const std::string& column, std::string_view kind, Node right) {
  const std::string name = base::quote_identifier(column);
  std::string value;
  if (kind == "AEXPR_IN") {
    for (const Node item : right["items"]) {
      const std::string text = expression_text(item.inner());
      if (text.empty()) return {};
      value += (value.empty() ? "" : ", ") + text;
    }
  } else {
    value = expression_text(right);
  }
  if (value.empty()) return {};
  return kind == "AEXPR_IN"       ? name + " IN (" + value + ")"
         : kind == "AEXPR_OP_ANY" ? name + " = ANY (" + value + ")"
                                  : name + " = " + value;
}

bool is_plain(Node node) {
  while (node.key() == "TypeCast") node = node["arg"].inner();
  if (node.key() == "A_Const") return true;
  if (node.key() != "FuncCall" || node["funcname"].size() != 1) return false;
  constexpr std::string_view kQueries[] = {"to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery"};
  const auto name = node["funcname"].inner()["String"]["sval"].text();
  if (std::find(std::begin(kQueries), std::end(kQueries), name) == std::end(kQueries)) return false;
  for (const Node argument : node["args"])
    if (argument.inner().key() == "FuncCall" || !is_plain(argument.inner())) return false;
  return true;
}

bool is_document(Node node) {
  return node.key() == "FuncCall" && node["funcname"].size() == 1 &&
         node["funcname"].inner()["String"]["sval"].text() == "to_tsvector" && node["args"].size() == 2 &&
         is_plain(node["args"].inner().inner());
}

}  // namespace analyzer
