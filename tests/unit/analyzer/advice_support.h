#pragma once
// A small catalogue, and statements read against it.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/advice_candidates.h"
#include "analyzer/advice_uses.h"
#include "analyzer/parser.h"
#include "analyzer/skeleton.h"

namespace analyzer::advice_support {

// o (a, b, c, n integer; t, e text; f boolean; d jsonb; ts timestamptz; tags text[]; v tsvector) and u (id, oid integer;
// name text), both large.
inline AdviceCatalog catalog() {
  AdviceCatalog out;
  const auto column = [](std::string name, std::string type, double distinct, int width = 4) {
    AdviceColumn made{.name = std::move(name), .type = std::move(type)};
    made.not_null = made.name != "n";
    made.c_collation = made.type != "text";
    made.distinct = distinct;
    made.width = width;
    return made;
  };
  AdviceTable o{.oid = 1, .schema = "public", .name = "o"};
  o.rows = 100'000;
  o.pages = 1000;
  o.columns = {column("id", "integer", -1),  column("a", "integer", 100),
               column("b", "integer", 5000), column("c", "integer", 10),
               column("n", "integer", 50),   column("t", "text", 3, 8),
               column("e", "text", -1, 20),  column("f", "boolean", 2, 1),
               column("d", "jsonb", -1, 60), column("ts", "timestamp with time zone", -1, 8),
               column("tags", "text[]", -1, 40), column("v", "tsvector", -1, 100)};
  AdviceIndex key{.shape = {.schema = "public", .table = "o", .keys = {key_on("id")}}, .name = "o_pkey"};
  key.unique = key.primary = key.needed = true;
  o.indexes = {key};
  AdviceTable u{.oid = 2, .schema = "public", .name = "u"};
  u.rows = 20'000;
  u.pages = 300;
  u.columns = {column("id", "integer", -1), column("oid", "integer", -0.5), column("name", "text", -1, 10)};
  out.tables = {o, u};
  return out;
}

inline std::vector<TableUse> uses(const AdviceCatalog& known, std::string_view sql) {
  Skeleton skeleton;
  skeleton.make(sql);
  Parse parsed;
  parse(sql, skeleton, {}, parsed);
  EXPECT_EQ(parsed.outcome, Parse::Outcome::kParsed) << sql << parsed.error;
  TableOf tables;
  for (const WrittenTable& written : tables_of(parsed.tree))
    for (const AdviceTable& table : known.tables)
      if (table.schema == (written.schema.empty() ? "public" : written.schema) && table.name == written.name)
        tables.emplace_back(written, &table);
  return uses_of(parsed.tree, tables);
}

inline std::vector<std::string> candidates(const AdviceCatalog& known, std::string_view sql) {
  std::vector<std::string> out;
  for (const TableUse& use : uses(known, sql))
    for (const Candidate& one : candidates_of(use, "gin_trgm_ops")) {
      std::string text = one.shape.table + (one.shape.method == "btree" ? "(" : " " + one.shape.method + "(");
      text += keys_text(one.shape) + ")";
      if (!one.shape.predicate.empty()) text += " WHERE " + one.shape.predicate;
      std::erase(text, '"');
      out.push_back(text);
    }
  return out;
}

}  // namespace analyzer::advice_support
