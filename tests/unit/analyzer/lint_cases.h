#pragma once
// What the tests of the rules share: a database that is known, heavy traffic, and one call that says what is found.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/lint.h"
#include "analyzer/redact.h"

namespace analyzer {

// Of one statement: as a client wrote it, and how it was run.
struct LintCase {
  std::string_view sql;
  std::string_view evidence{};  // what is found; empty: nothing
  uint64_t calls = 10'000;      // in one hour
  double mean_ms = 50;
  double rows = 10;             // a call
  double bytes = 1000;          // a call
};

inline LintTable lint_table(std::string name, double rows, std::vector<LintColumn> columns, std::vector<LintIndex> indexes) {
  LintTable table;
  table.schema = "public";
  table.name = std::move(name);
  table.rows = rows;
  table.columns = std::move(columns);
  table.indexes = std::move(indexes);
  return table;
}

// orders has a million rows, users a hundred thousand, small ten, wide twenty columns.
inline LintCatalog lint_catalog() {
  const auto column = [](std::string name, std::string type, bool not_null = true, double nulls = 0, int width = 8) {
    return LintColumn{std::move(name), std::move(type), not_null, nulls, width};
  };
  const auto key = [](std::string name) {
    return LintIndex{{name}, "CREATE UNIQUE INDEX k ON t USING btree (" + name + ")", true, false};
  };
  LintCatalog catalog;
  catalog.add(lint_table("orders", 1e6,
                         {column("id", "int8"), column("user_id", "int8"), column("total", "numeric"), column("n", "int4"),
                          column("placed", "timestamptz"), column("day", "date"), column("note", "text", false, 0.5),
                          column("buyer", "int8", false), column("active", "bool")},
                         {key("id"), LintIndex{{"placed", "id"}, "CREATE INDEX o ON orders USING btree (placed, id)", false, false}}));
  catalog.add(lint_table("users", 1e5,
                         {column("id", "int8"), column("name", "text"), column("email", "text", false), column("born", "date"),
                          column("made", "timestamp")},
                         {key("id"),
                          LintIndex{{}, "CREATE INDEX e ON public.users USING btree (lower(email))", false, true},
                          LintIndex{{"name"}, "CREATE INDEX n ON public.users USING gin (name gin_trgm_ops)", false, false}}));
  catalog.add(lint_table("small", 10, {column("id", "int4"), column("a", "int4")}, {key("id")}));
  std::vector<LintColumn> many{column("id", "int8")};
  for (int i = 0; i < 20; ++i) many.push_back(column("c" + std::to_string(i), "text", false, 0, 100));
  catalog.add(lint_table("wide", 1e6, many, {key("id")}));
  LintTable huge = lint_table("events", 5e8, {column("at", "timestamptz"), column("id", "int8"), column("kind", "int4")}, {});
  huge.changed = 2e8;
  catalog.add(huge);
  return catalog;
}

struct LintRun {
  bool catalog = true;
  LintLimits limits{};
  std::vector<LintCall> calls{};  // instead of ten with the text alone
};

inline LintStatement lint_statement(const LintCase& one, const LintFacts* facts) {
  LintStatement statement;
  statement.fingerprint = 7;
  statement.database = "app";
  statement.query = normalized(one.sql, 2048);
  statement.calls = one.calls;
  statement.rows = static_cast<uint64_t>(one.rows * static_cast<double>(one.calls));
  statement.bytes_out = static_cast<uint64_t>(one.bytes * static_cast<double>(one.calls));
  statement.server_us = static_cast<uint64_t>(one.mean_ms * 1000 * static_cast<double>(one.calls));
  statement.p50_us = static_cast<uint64_t>(one.mean_ms * 1000);
  statement.hours = 1;
  statement.facts = facts;
  return statement;
}

inline LintFacts lint_facts(const LintCase& one, const LintRun& run = {}) {
  LintFacts facts;
  if (run.calls.empty())
    for (uint64_t i = 0; i < 10; ++i)
      facts.look({.text = one.sql, .rows = static_cast<uint64_t>(one.rows), .value_hash = i * 0x9e3779b97f4a7c15U});
  for (LintCall call : run.calls) {
    if (call.text.empty()) call.text = one.sql;
    facts.look(call);
  }
  return facts;
}

// All that is found of one statement.
inline std::vector<LintFinding> lint_one(const LintCase& one, const LintRun& run = {}) {
  const LintFacts facts = lint_facts(one, run);
  const LintStatement statement = lint_statement(one, &facts);
  LintAround around;
  if (run.catalog) around.catalogs.emplace("app", lint_catalog());
  const LintResult result = lint({&statement, 1}, around, run.limits);
  EXPECT_EQ(result.unread, 0u) << one.sql << " is read as " << statement.query;
  return result.findings;
}

inline const LintFinding* finding_of(const std::vector<LintFinding>& findings, std::string_view rule) {
  for (const LintFinding& finding : findings)
    if (finding.rule->name == rule) return &finding;
  return nullptr;
}

// Each case is found by the rule, with this evidence, or is not.
inline void expect_cases(std::string_view rule, const std::vector<LintCase>& cases, const LintRun& run = {}) {
  std::size_t positive = 0, negative = 0;
  for (const LintCase& one : cases) {
    const auto findings = lint_one(one, run);
    const LintFinding* found = finding_of(findings, rule);
    ++(one.evidence.empty() ? negative : positive);
    if (one.evidence.empty()) {
      EXPECT_EQ(found, nullptr) << rule << " finds " << (found != nullptr ? found->evidence : "") << " in " << one.sql;
    } else {
      EXPECT_NE(found, nullptr) << rule << " does not find " << one.sql;
      if (found != nullptr) {
        EXPECT_EQ(found->evidence, one.evidence) << one.sql;
      }
    }
  }
  EXPECT_GE(positive, 3u) << rule;
  EXPECT_GE(negative, 5u) << rule;
}

}  // namespace analyzer
