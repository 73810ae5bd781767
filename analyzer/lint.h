#pragma once
// Lint: statements that are wrong, or cost more than they need to, by a table of rules.
//
//   for (const LintRule& rule : all_lint_rules()) ...           // docs/lint.md, SHOW LINT
//   std::vector<LintFinding> found = lint(statements, around, limits);
//
// A rule that needs to know something (the catalogue, what values there were, how many rows came) and does not is silent.
// Pure; any thread. A statement takes some microseconds for each rule.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/confidence.h"
#include "analyzer/lint_catalog.h"
#include "analyzer/lint_facts.h"
#include "analyzer/lint_scope.h"
#include "analyzer/lint_text.h"

namespace analyzer {

enum class LintSeverity : uint8_t { kInfo, kWarning, kError };
std::string_view name_of(LintSeverity severity);

// One kind of statement in one database, as it was counted; all users and applications together.
struct LintStatement {
  uint64_t fingerprint = 0;
  std::string database, query;  // without values
  uint64_t calls = 0, rows = 0, bytes_out = 0, parses = 0;
  uint64_t server_us = 0, idle_us = 0, p50_us = 0;
  uint64_t open_us = 0;         // the age of the oldest transaction that is open and ran it last
  double hours = 1;             // since it was first seen; not less than a minute
  const LintFacts* facts = nullptr;

  double calls_per_hour() const { return static_cast<double>(calls) / hours; }
  double ms_per_hour() const { return static_cast<double>(server_us) / 1000 / hours; }
  double mean_ms() const { return calls == 0 ? 0 : static_cast<double>(server_us) / 1000 / static_cast<double>(calls); }
  double mean_rows() const { return calls == 0 ? 0 : static_cast<double>(rows) / static_cast<double>(calls); }
  double mean_bytes() const { return calls == 0 ? 0 : static_cast<double>(bytes_out) / static_cast<double>(calls); }
};

struct LintLimits {
  double ms_per_hour = 1000;  // a rule about cost is silent below
  double rows = 10'000;       // a table or a result is large
  int64_t offset = 1000;
  std::size_t findings_max = 1000;
  std::vector<std::string> off{};  // rules, by name
};

// What a rule has found in a statement.
struct LintHit {
  std::string evidence;            // the piece of the statement
  std::string note{};              // figures, in words
  std::string rewritten{};         // the whole statement, where that is mechanical; empty otherwise
  std::optional<LintSeverity> severity{};  // instead of the rule's
  double lost = 0.5;               // which part of its time is lost, as far as anybody can tell
  Confidence confidence = Confidence::kMedium;
};

struct LintRule;

struct LintFinding {
  const LintRule* rule = nullptr;
  LintSeverity severity = LintSeverity::kInfo;
  uint64_t fingerprint = 0;
  std::string database, query, evidence, note, rewritten;
  uint64_t calls = 0;
  double lost_ms_per_hour = 0;
  Confidence confidence = Confidence::kMedium;
};

// How often tables are written, for rules that care. By name.
struct TableWrites {
  double calls_per_hour = 0;
};

// What a rule looks at.
struct LintContext {
  const LintText& text;
  const LintStatement& statement;
  const LintCatalog* catalog = nullptr;      // of its database
  const std::map<std::string, TableWrites, std::less<>>& writes;  // of its database
  const LintLimits& limits;

  const ParameterFacts& facts_of(Node value) const;  // of a $n, which may be cast; empty for anything else
};

struct LintRule {
  std::string_view name;
  LintSeverity severity;
  bool wrong;                // told of whatever it costs, because its result is not what it looks like
  std::string_view what, why, fix, guard;
  void (*check)(const LintContext&, std::vector<LintHit>&);
};

std::span<const LintRule> all_lint_rules();
const LintRule* find_rule(std::string_view name);  // null: there is none

struct LintAround {
  std::map<std::string, LintCatalog, std::less<>> catalogs{};  // by database
};

struct LintResult {
  std::vector<LintFinding> findings;  // what costs the most first
  std::size_t statements = 0, unread = 0;  // looked at; those of them that could not be read
};
LintResult lint(std::span<const LintStatement> statements, const LintAround& around, const LintLimits& limits);
// The text that is looked at.
std::string_view lint_text_of(const LintStatement& statement);

// docs/lint.md.
std::string lint_document();

}  // namespace analyzer
