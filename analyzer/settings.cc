#include "analyzer/settings.h"

#include <algorithm>
#include <array>
#include <optional>

#include "analyzer/lexer.h"
#include "base/text.h"

namespace analyzer {

namespace {

using Op = Setting::Op;

// PostgreSQL 15's keywords but for the unreserved ones: what quote_identifier() quotes.
constexpr auto kKeywords = std::to_array<std::string_view>({
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between",
    "bigint", "binary", "bit", "boolean", "both", "case", "cast", "char", "character", "check", "coalesce", "collate",
    "collation", "column", "concurrently", "constraint", "create", "cross", "current_catalog", "current_date",
    "current_role", "current_schema", "current_time", "current_timestamp", "current_user", "dec", "decimal",
    "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "exists", "extract", "false", "fetch",
    "float", "for", "foreign", "freeze", "from", "full", "grant", "greatest", "group", "grouping", "having", "ilike",
    "in", "initially", "inner", "inout", "int", "integer", "intersect", "interval", "into", "is", "isnull", "join",
    "lateral", "leading", "least", "left", "like", "limit", "localtime", "localtimestamp", "national", "natural",
    "nchar", "none", "normalize", "not", "notnull", "null", "nullif", "numeric", "offset", "on", "only", "or",
    "order", "out", "outer", "overlaps", "overlay", "placing", "position", "precision", "primary", "real",
    "references", "returning", "right", "row", "select", "session_user", "setof", "similar", "smallint", "some",
    "substring", "symmetric", "table", "tablesample", "then", "time", "timestamp", "to", "trailing", "treat", "trim",
    "true", "union", "unique", "user", "using", "values", "varchar", "variadic", "verbose", "when", "where", "window",
    "with", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse",
    "xmlpi", "xmlroot", "xmlserialize", "xmltable",
});
static_assert(std::is_sorted(kKeywords.begin(), kKeywords.end()));

// Lists of names (GUC_LIST_QUOTE): each element is quoted.
bool list_of_names(std::string_view setting) {
  constexpr auto kLists = std::to_array<std::string_view>({"local_preload_libraries", "search_path",
                                                           "session_preload_libraries", "shared_preload_libraries",
                                                           "temp_tablespaces", "unix_socket_directories"});
  return std::find(kLists.begin(), kLists.end(), setting) != kLists.end();
}

// Theirs is the transaction's, not the session's.
bool of_transaction(std::string_view setting) {
  return setting == "transaction_isolation" || setting == "transaction_read_only" ||
         setting == "transaction_deferrable";
}

// The first schema of a search_path, where new tables go.
bool begins_with_temporary(std::string_view search_path) {
  const auto first = base::trim(search_path.substr(0, search_path.find(',')));
  return base::to_lower(first) == "pg_temp" || first == "\"pg_temp\"";
}

void add(Statement& out, Setting setting) {
  if (of_transaction(setting.name)) return;
  if (setting.name == "seed") {  // a function in disguise: seeds random()
    out.effects |= Effect::kLasting;
    return;
  }
  if (setting.op != Op::kSet) setting.value.clear();
  if (setting.name == "search_path" && begins_with_temporary(setting.value)) out.effects |= Effect::kTemporary;
  out.effects |= Effect::kSettings;
  out.settings.push_back(std::move(setting));
}

// A constant as text; nothing for what is none. NULL is empty and says so.
struct Constant {
  std::string text;
  bool null = false;
};
std::optional<Constant> constant_of(Node node) {
  Node value = node["A_Const"];
  if (!value) return std::nullopt;
  if (value["isnull"].flag()) return Constant{"", true};
  if (const Node text = value["sval"]) return Constant{std::string(text["sval"].text())};
  if (const Node number = value["ival"]) return Constant{std::to_string(number["ival"].number())};
  if (const Node number = value["fval"]) return Constant{std::string(number["fval"].text())};
  if (const Node flag = value["boolval"]) return Constant{flag["boolval"].flag() ? "true" : "false"};
  return std::nullopt;
}

// A whole number that the JSON does not give: 0, or negative. The text has it.
std::string number_at(std::string_view sql, Node constant) {
  const auto at = static_cast<std::size_t>(constant["A_Const"]["location"].number(static_cast<int64_t>(sql.size())));
  Lexer lexer(sql.substr(std::min(at, sql.size())));
  if (lexer.text_of(lexer.next()) != "-") return "0";
  const auto digits = lexer.text_of(lexer.next());
  const auto significant = digits.find_first_not_of('0');
  return significant == std::string_view::npos ? "0" : "-" + std::string(digits.substr(significant));
}

// Through casts that leave a text as it is.
Node without_text_cast(Node node) {
  while (const Node cast = node["TypeCast"]) {
    Node last;
    for (const Node name : cast["typeName"]["names"]) last = name;
    const auto type = last["String"]["sval"].text();
    if (type != "text" && type != "unknown") return {};
    if (cast["typeName"].has("arrayBounds")) return {};
    node = cast["arg"];
  }
  return node;
}

// The arguments of SET as set_config() would take them; nothing if they are no constants.
std::optional<std::string> joined(std::string_view sql, Node arguments, bool quote) {
  std::string out;
  bool first = true;
  for (const Node argument : arguments) {
    const auto value = constant_of(argument);
    if (!value || value->null) return std::nullopt;
    if (!first) out += ", ";
    first = false;
    const Node number = argument["A_Const"]["ival"];
    if (number && !number.has("ival")) {
      out += number_at(sql, argument);
    } else {
      const bool text = argument["A_Const"].has("sval");
      out += quote && text ? quoted_if_needed(value->text) : value->text;
    }
  }
  return out;
}

void add_characteristics(Node set, Statement& out) {
  for (const Node element : set["args"]) {
    const Node option = element["DefElem"];
    const auto value = constant_of(option["arg"]);
    if (!value) continue;
    add(out, {"default_" + std::string(option["defname"].text()), value->text, Op::kSet, set["is_local"].flag()});
  }
}

}  // namespace

void add_settings_of_set(std::string_view sql, Node set, Statement& out) {
  const auto kind = set["kind"].text();
  Setting setting;
  setting.name = base::to_lower(set["name"].text());
  setting.local = set["is_local"].flag();
  if (kind == "VAR_SET_MULTI") {  // "TRANSACTION", "SESSION CHARACTERISTICS", "TRANSACTION SNAPSHOT"
    if (setting.name == "session characteristics") add_characteristics(set, out);
    return;
  }
  if (kind == "VAR_RESET_ALL") {
    setting.op = Op::kResetAll;
  } else if (kind == "VAR_RESET" || kind == "VAR_SET_DEFAULT") {
    setting.op = Op::kReset;
  } else if (auto value = joined(sql, set["args"], list_of_names(setting.name)); kind == "VAR_SET_VALUE" && value) {
    setting.value = std::move(*value);
  } else {
    setting.op = Op::kSetQuery;
  }
  add(out, std::move(setting));
}

void add_settings_of_set_config(Node call, bool surely, Statement& out) {
  const Node arguments = call["args"];
  std::array<Node, 3> given;
  std::size_t count = 0;
  for (const Node argument : arguments) {
    if (count < given.size()) given[count] = argument;
    ++count;
  }
  const auto name = constant_of(without_text_cast(given[0]));
  if (count != given.size() || !name || name->null || call.has("agg_filter") || call.has("over")) {
    out.effects |= Effect::kAnySetting;
    return;
  }
  Setting setting;
  setting.name = base::to_lower(name->text);
  const Node local = given[2]["A_Const"]["boolval"];
  setting.local = local["boolval"].flag();
  const auto value = constant_of(without_text_cast(given[1]));
  const bool text = value && (value->null || without_text_cast(given[1])["A_Const"].has("sval"));
  if (!surely || !text || !local) {
    setting.op = Op::kSetQuery;
  } else if (value->null) {
    setting.op = Op::kReset;
  } else {
    setting.value = value->text;
  }
  add(out, std::move(setting));
}

std::string quoted_if_needed(std::string_view name) {
  const auto first = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const auto more = [&](char c) { return first(c) || (c >= '0' && c <= '9'); };
  const bool plain = !name.empty() && first(name[0]) && std::all_of(name.begin(), name.end(), more) &&
                     !std::binary_search(kKeywords.begin(), kKeywords.end(), name);
  return plain ? std::string(name) : base::quote_identifier(name);
}

}  // namespace analyzer
