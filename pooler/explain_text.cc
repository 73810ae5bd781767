#include "pooler/explain_text.h"

#include <algorithm>
#include <vector>

#include "analyzer/lexer.h"
#include "analyzer/redact.h"
#include "base/text.h"
#include "pooler/bind_values.h"

namespace pooler {
namespace {

// One statement, and no doubt where its strings end: with standard_conforming_strings on or off, in any encoding that a
// server may have.
bool is_plain(std::string_view sql) {
  if (sql.find('\0') != std::string_view::npos || !base::valid_utf8(sql)) return false;
  analyzer::Lexer lexer(sql, true);
  bool ended = false;
  for (analyzer::Token token = lexer.next(); token.kind != analyzer::TokenKind::kEnd; token = lexer.next()) {
    if (ended || token.kind == analyzer::TokenKind::kBad || lexer.backslash()) return false;
    ended = lexer.text_of(token) == ";";
  }
  return true;
}

int highest_parameter(std::string_view sql) {
  int highest = 0;
  analyzer::Lexer lexer(sql, true);
  for (analyzer::Token token = lexer.next(); token.kind != analyzer::TokenKind::kEnd; token = lexer.next())
    if (token.kind == analyzer::TokenKind::kParameter)
      highest = std::max(highest, analyzer::parameter_number(lexer.text_of(token)).value_or(analyzer::kParametersMax + 1));
  return highest;
}

// "(int4, unknown) AS": what is unknown PostgreSQL infers, as it did for Parse.
std::string type_list(const KeptStatement& kept, std::size_t count) {
  const std::vector<wire::Oid> types = parse_types(kept.types());
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += out.empty() ? "(" : ", ";
    out += usual_type_name(i < types.size() ? types[i] : wire::Oid{});
  }
  return out.empty() ? out : out + ")";
}

std::string value_list(const BindValues& bound) {
  std::string out;
  for (const auto& value : bound.values) {
    out += out.empty() ? "(" : ", ";
    out += value ? base::quote_literal(*value) : "NULL";
  }
  return out.empty() ? out : out + ")";
}

}  // namespace

std::optional<std::string> explain_text(const KeptStatement& kept, bool prepared,
                                        std::optional<std::string_view> search_path) {
  const KeptStatement::Facts& facts = kept.facts();
  std::string_view sql = kept.text();
  if (kept.cut() || sql.empty() || facts.kind != analyzer::Kind::kSelect || facts.writes || facts.several || !is_plain(sql))
    return std::nullopt;
  // Whatever an error has left of the question before.
  std::string out = "ROLLBACK; DEALLOCATE ALL; BEGIN READ ONLY; ";
  out += search_path ? "SELECT pg_catalog.set_config('search_path', " + base::quote_literal(*search_path) + ", true); "
                     : "SET LOCAL search_path TO DEFAULT; ";
  // A comment to the end of the line may be the last of it.
  if (!prepared) return out.append("EXPLAIN ").append(sql).append("\n; ROLLBACK");
  const BindValues bound = bind_values(kept.bind(), kept.types());
  if (!kept.one_bind() || !bound.whole || !bound.readable || highest_parameter(sql) > static_cast<int>(bound.values.size()))
    return std::nullopt;
  while (!sql.empty() && (sql.back() == ';' || base::trim(sql.substr(sql.size() - 1)).empty())) sql.remove_suffix(1);
  out.append("PREPARE weir_explain").append(type_list(kept, bound.values.size())).append(" AS ").append(sql);
  return out.append("\n; EXPLAIN EXECUTE weir_explain").append(value_list(bound)).append("; ROLLBACK; DEALLOCATE weir_explain");
}

std::string plan_without_values(std::string_view plan) {
  std::string out;
  while (true) {
    const std::size_t end = plan.find('\n');
    const std::string_view line = plan.substr(0, end);
    if (line.find("  (cost=") != std::string_view::npos) {
      out += line;
    } else {
      out.append(line.substr(0, line.find_first_not_of(' ')));  // its depth
      out += analyzer::without_values(line);
    }
    if (end == std::string_view::npos) return out;
    out += '\n';
    plan.remove_prefix(end + 1);
  }
}

}  // namespace pooler
