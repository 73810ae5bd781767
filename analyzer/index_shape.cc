#include "analyzer/index_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "analyzer/hash.h"
#include "analyzer/lexer.h"
#include "base/text.h"

namespace analyzer {
namespace {

constexpr std::size_t kNameMax = 63;  // NAMEDATALEN - 1
constexpr std::string_view kOn = "ON ";

std::string key_text(const IndexKey& key) {
  std::string out = key.expression ? "(" + key.text + ")" : base::quote_identifier(key.text);
  if (!key.opclass.empty()) out += " " + key.opclass;
  if (key.descending) out += " DESC";
  if (key.nulls_first != key.descending) out += key.nulls_first ? " NULLS FIRST" : " NULLS LAST";
  return out;
}

// The index on one of the partitions.
IndexShape on_partition(const IndexShape& shape, const std::pair<std::string, std::string>& partition) {
  IndexShape out = shape;
  out.schema = partition.first;
  out.table = partition.second;
  out.partitions.clear();
  return out;
}

std::string tail(const IndexShape& shape) {
  std::string out = fmt::format("ON {} USING {} ({})", qualified_name(shape.schema, shape.table), shape.method, keys_text(shape));
  if (!shape.include.empty()) {
    out += " INCLUDE (";
    for (const std::string& column : shape.include) out += (out.back() == '(' ? "" : ", ") + base::quote_identifier(column);
    out += ")";
  }
  if (!shape.predicate.empty()) out += " WHERE " + shape.predicate;
  return out;
}

// What a name may take from an expression.
std::string words_of(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
    if (letter)
      out += c;
    else if (!out.empty() && out.back() != '_')
      out += '_';
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out;
}

std::string_view unqualified(std::string_view name) { return name.substr(name.rfind('.') + 1); }

bool same_key(const IndexKey& a, const IndexKey& b) {
  if (unqualified(a.opclass) != unqualified(b.opclass)) return false;
  if (a.text == b.text) return true;
  return (a.expression || b.expression) && plain_expression(a.text) == plain_expression(b.text);
}

}  // namespace

IndexKey key_on(std::string column) { return {.text = std::move(column)}; }

std::string qualified_name(std::string_view schema, std::string_view name) {
  return (schema.empty() ? std::string() : base::quote_identifier(schema) + ".") + base::quote_identifier(name);
}

std::string keys_text(const IndexShape& shape) {
  std::string out;
  for (const IndexKey& key : shape.keys) out += (out.empty() ? "" : ", ") + key_text(key);
  return out;
}

std::string index_name(const IndexShape& shape) {
  std::string name = shape.table;
  for (const IndexKey& key : shape.keys) name += "_" + words_of(key.text);
  for (const std::string& column : shape.include) name += "_" + words_of(column);
  if (shape.method != "btree") name += "_" + shape.method;
  if (!shape.predicate.empty()) name += "_where_" + words_of(shape.predicate);
  constexpr std::string_view kEnd = "_idx";
  if (name.size() + kEnd.size() > kNameMax) {
    const std::string sum = fmt::format("_{:08x}", static_cast<uint32_t>(plain_hash(name)));
    std::size_t size = kNameMax - kEnd.size() - sum.size();
    while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xC0U) == 0x80U) --size;  // no half letter
    name = name.substr(0, size) + sum;
  }
  return name + std::string(kEnd);
}

std::string create_statement(const IndexShape& shape) {
  const std::string name = base::quote_identifier(index_name(shape));
  if (shape.partitions.empty()) return fmt::format("CREATE INDEX CONCURRENTLY IF NOT EXISTS {} {};", name, tail(shape));
  std::string out = fmt::format("CREATE INDEX IF NOT EXISTS {} ON ONLY {};", name, tail(shape).substr(kOn.size()));
  for (const auto& partition : shape.partitions) {
    const IndexShape part = on_partition(shape, partition);
    out += fmt::format("\n{}\nALTER INDEX {} ATTACH PARTITION {};", create_statement(part),
                       qualified_name(shape.schema, index_name(shape)), qualified_name(part.schema, index_name(part)));
  }
  return out;
}

std::string what_if_statement(const IndexShape& shape) { return "CREATE INDEX " + tail(shape); }

std::vector<std::string> what_if_statements(const IndexShape& shape) {
  if (shape.partitions.empty()) return {what_if_statement(shape)};
  std::vector<std::string> out;
  for (const auto& partition : shape.partitions) out.push_back(what_if_statement(on_partition(shape, partition)));
  return out;
}

std::string advice_id(std::string_view database, const IndexShape& shape) {
  return fmt::format("{:016x}", plain_hash(std::string(database) + '\0' + tail(shape)));
}

bool covers(const IndexShape& has, const IndexShape& wanted) {
  if (has.schema != wanted.schema || has.table != wanted.table || has.method != wanted.method) return false;
  if (wanted.keys.size() > has.keys.size()) return false;
  if (has.method != "btree" && wanted.keys.size() != has.keys.size()) return false;
  if (!has.predicate.empty() && plain_expression(has.predicate) != plain_expression(wanted.predicate)) return false;
  bool straight = true, turned = true;
  for (std::size_t i = 0; i < wanted.keys.size(); ++i) {
    const IndexKey& a = has.keys[i];
    const IndexKey& b = wanted.keys[i];
    if (!same_key(a, b)) return false;
    straight = straight && a.descending == b.descending && a.nulls_first == b.nulls_first;
    turned = turned && a.descending != b.descending && a.nulls_first != b.nulls_first;
  }
  if (!straight && !turned) return false;
  return std::all_of(wanted.include.begin(), wanted.include.end(), [&has](const std::string& column) {
    return std::find(has.include.begin(), has.include.end(), column) != has.include.end() ||
           std::any_of(has.keys.begin(), has.keys.end(), [&column](const IndexKey& key) { return key.text == column; });
  });
}

std::string plain_expression(std::string_view sql) {
  std::string out;
  Lexer lexer(sql, true);
  bool cast = false;
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    const std::string_view text = lexer.text_of(token);
    if (text == "::") {
      cast = true;
      continue;
    }
    if (cast && token.kind == TokenKind::kWord && !is_word(text, "and") && !is_word(text, "or") && !is_word(text, "is"))
      continue;  // character varying
    cast = false;
    if (text == "(" || text == ")") continue;
    if (token.kind == TokenKind::kWord || token.kind == TokenKind::kQuotedName)
      out += name_of(text);
    else
      out += text;
    out += ' ';
  }
  return out;
}

}  // namespace analyzer
