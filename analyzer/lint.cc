#include "analyzer/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "analyzer/lint_rules.h"

namespace analyzer {

namespace {

using enum LintSeverity;
using namespace lint_rules;

// Readers of docs/lint.md see: what, why, fix, guard.
constexpr std::array kRules{
    LintRule{"EQNULL", kError, true, "A comparison with NULL by = or <>.",
             "It is never true, so no row is ever found this way.", "IS NULL or IS NOT NULL.",
             "Silent where the server has transform_null_equals, and for what SET, INSERT and CASE assign.", null_comparison},
    LintRule{"NOWHERE", kError, true, "UPDATE or DELETE without WHERE, or with one that is always true, of many rows.",
             "Every row is written and left behind dead; more often than not nobody meant all of them.",
             "Name the rows; to empty a table, TRUNCATE.",
             "Only where calls change more than 100 rows, or the table has more than 1,000. Not for one that is joined.",
             no_where},
    LintRule{"NOTIN", kWarning, true, "NOT IN with a query whose column may be NULL.",
             "One NULL in it and the result is empty; and it cannot be planned as an anti join.", "NOT EXISTS.",
             "Only where the catalogue says that the column may be NULL, and nothing in the query excludes that.", not_in},
    LintRule{"NOLIMORDER", kInfo, true, "LIMIT without ORDER BY.",
             "Which rows come is up to the plan, and changes with it.", "ORDER BY something unique.",
             "Not where nothing but existence is asked for, one row is fixed by a unique key, or the query is one of "
             "EXISTS. Info alone: many a driver writes LIMIT for a query that finds one row.",
             limit_without_order},
    LintRule{"CARTESIAN", kWarning, false, "Tables in FROM that no condition links.",
             "Each row of one is joined with each of the other.", "The missing condition; or CROSS JOIN, if it is meant.",
             "Only where the product has a million rows by the catalogue, or so many came. Not where one side is a single row "
             "by a unique key, or for CROSS JOIN, functions and LATERAL.",
             cartesian},
    LintRule{"IDLEINTX", kWarning, true, "Clients leave a transaction open after it, and do nothing.",
             "The server, its locks and its snapshot are theirs meanwhile; others wait, and VACUUM can remove nothing.",
             "COMMIT before anything slow; idle_transaction_timeout.",
             "From five seconds a call on average; an error from a minute.", idle_in_transaction},
    LintRule{"LONGTX", kWarning, true, "A transaction has been open for long.",
             "Its locks and its snapshot stay: VACUUM can remove nothing that died since it began.",
             "Split the work; transaction_timeout.",
             "From a minute on where it wrote last, from ten minutes on otherwise, at the moment of the look.", long_transaction},
    LintRule{"OFFSET", kWarning, false, "OFFSET far into a result.",
             "The server makes and throws away every row up to there, page after page more.",
             "Keyset pagination: WHERE (sort columns, id) > (those of the last row).",
             "Only where values from lint_offset on were seen. Not for the first pages.", deep_offset},
    LintRule{"FUNCCOL", kWarning, false, "A column inside a function or a calculation, compared with a value.",
             "No index on the column can find it.",
             "A range on the bare column: c >= d AND c < d + 1 for date(c) = d; otherwise an index on the expression.",
             "Not where such an index exists, or for coalesce on a column that cannot be NULL. A warning where the range is "
             "mechanical, otherwise info. Silent below 1 ms a call, and where 500 rows come for each millisecond.",
             function_on_column},
    LintRule{"LEADWILD", kWarning, false, "LIKE with a pattern that begins with a wildcard.",
             "No B-tree can find it: every row is read.", "A trigram index (pg_trgm); for suffixes, one on reverse(column).",
             "Only where such a value was seen, and from 10 ms a call on. Not where there is a trigram index. Info in reports, "
             "that is, where several tables are joined or rows are counted.",
             leading_wildcard},
    LintRule{"CASTMISS", kWarning, false, "A whole-number column compared with numeric or float8.",
             "The column is cast row by row, and its index is of no use.", "Bind an integer; or cast the parameter.",
             "Only where the catalogue knows the column, and the driver or the text says the other type.", cast_of_column},
    LintRule{"ORJOIN", kInfo, false, "OR between conditions on different tables.",
             "Neither table's index can be used: the join is made first, and filtered then.",
             "UNION ALL of two queries, the second without the first one's rows.", "From 10 ms a call on.", or_over_tables},
    LintRule{"RANDORD", kWarning, false, "ORDER BY random().", "Every row is read and sorted to find a few.",
             "TABLESAMPLE, or WHERE id >= a random start.",
             "Only for tables of lint_rows rows by the catalogue, or results as large.", random_order},
    LintRule{"BIGIN", kWarning, false, "IN with hundreds of values.",
             "Each length is a text of its own to be parsed and planned; ten thousand values take milliseconds before the "
             "first row.",
             "= ANY ($1) with an array: one statement, prepared once.", "From 200 values on.", long_list},
    LintRule{"STAR", kInfo, false, "SELECT * from a wide table.",
             "Columns that nobody reads are fetched, sent and parsed; no index-only scan is possible.", "Name the columns.",
             "Only for tables of 15 columns or 500 bytes a row, rows of a kilobyte and a hundred calls an hour. Not count(*), "
             "EXISTS, RETURNING *, views and queries of WITH.",
             star},
    LintRule{"COUNTEXISTS", kWarning, false, "count(*) compared with zero.",
             "All rows are counted to know whether there is one.", "EXISTS.",
             "Only with 0 or 1, and not where it is grouped or limited.", count_for_existence},
    LintRule{"COUNTPOLL", kWarning, false, "count(*) of a whole large table, again and again.",
             "A count reads all of it, each time.", "pg_class.reltuples where about is enough; a counter kept by triggers.",
             "Only for tables of 100,000 rows by the catalogue, from 20 ms a call and 6 calls an hour on.", count_all},
    LintRule{"UNBOUNDED", kWarning, false, "A large result without LIMIT.",
             "Memory and network of both sides grow with the table; a slow client keeps its server.",
             "LIMIT with keyset pagination; a cursor; COPY for exports.",
             "Only where lint_rows rows or 10 MB come on average, in 5 calls or more. Not for aggregates, cursors and COPY.",
             unbounded},
    LintRule{"DISTINCTJOIN", kInfo, false, "SELECT DISTINCT over a join with a table of which nothing is selected.",
             "The join makes rows that DISTINCT then has to find and remove.", "EXISTS instead of the join.",
             "Only for inner joins of plain tables.", distinct_join},
    LintRule{"UNION", kInfo, false, "UNION of queries that cannot have a row in common.",
             "All rows are sorted or hashed to find what is twice, and nothing is.", "UNION ALL.",
             "Only where a constant column tells them apart, from 1,000 rows a call on. Each of the two may have had its own "
             "rows twice, which UNION ALL would show.",
             union_distinct},
    LintRule{"CORRSUB", kWarning, false, "A query in the select list that depends on the row.",
             "It is run once for each row.", "A join with GROUP BY, or LATERAL.", "From 100 rows a call on.",
             correlated_select},
    LintRule{"INSERTLOOP", kWarning, false, "INSERT of one row, many times one behind the other.",
             "Each pays for a round trip, and without a transaction for a commit that waits for the disk.",
             "Rows together in VALUES, unnest() of arrays, or COPY; at least in one transaction.",
             "From 50 one behind the other on, if those are a tenth of its calls. Not pipelined, not with RETURNING or ON "
             "CONFLICT ... DO UPDATE, whose rows the application may need one by one.",
             insert_loop},
    LintRule{"CACHEABLE", kInfo, false, "The same query with the same values over and over.",
             "Its answer hardly ever changes, and is computed each time.", "A cache in the application.",
             "Only without volatile functions and locks, with at least 4 of 5 calls repeating values, 60 an hour, answers of "
             "64 kB at most, from tables that are written in one of a hundred calls at most.",
             cacheable},
    LintRule{"MATVIEW", kInfo, false, "A slow report over and over.",
             "The same rows are joined and summed up each time.",
             "A materialized view with a unique index, REFRESH CONCURRENTLY.",
             "Only aggregates of three tables or more, from 1 s a call and 6 calls an hour on, with hardly any different values.",
             materialized_view},
    LintRule{"PARTITION", kInfo, false, "DELETE of old rows from a very large table.",
             "Every row leaves a dead one, and VACUUM reads all of it.", "Partitions by range; then DROP one.",
             "Only for tables of 100 million rows or 50 GB by the catalogue, by a range of one column.", partition},
    LintRule{"STATS", kInfo, false, "A table that has changed much since it was analyzed.",
             "Plans are made for what it was.", "ANALYZE; a smaller autovacuum_analyze_scale_factor for it.",
             "Only from lint_rows rows on, with a fifth of them changed.", old_statistics},
    LintRule{"PREPMISS", kInfo, false, "The same statement with its values in the text, a thousand times a minute.",
             "Each is parsed and planned anew.", "The extended protocol, or prepared statements: Weir keeps them across servers.",
             "Only without Parse messages, from 1,000 calls a minute on.", not_prepared},
};

bool is_off(const LintLimits& limits, std::string_view name) {
  return std::find(limits.off.begin(), limits.off.end(), name) != limits.off.end();
}

// How often each table of each database is written.
std::map<std::string, std::map<std::string, TableWrites, std::less<>>> writes_in(std::span<const LintStatement> statements) {
  std::map<std::string, std::map<std::string, TableWrites, std::less<>>> out;
  for (const LintStatement& statement : statements) {
    const std::string_view query = lint_text_of(statement);
    Lexer lexer(query, true);
    std::string_view word = lexer.text_of(lexer.next());
    // Which statements can write is told by their first word; what WITH hides is found by reading it.
    if (is_word(word, "select")) continue;
    LintText text;
    if (!text.read(query)) continue;
    for (const std::string_view kind : {"InsertStmt", "UpdateStmt", "DeleteStmt"})
      for (const Node write : all_inside(text, text.statement(), kind))
        out[statement.database][std::string(write["relation"]["relname"].text())].calls_per_hour += statement.calls_per_hour();
  }
  return out;
}

void report(const LintRule& rule, const LintStatement& statement, LintHit hit, const LintLimits& limits,
            std::vector<LintFinding>& out) {
  LintFinding finding{.rule = &rule,
                      .severity = hit.severity.value_or(rule.severity),
                      .fingerprint = statement.fingerprint,
                      .database = statement.database,
                      .query = statement.query,
                      .evidence = std::move(hit.evidence),
                      .note = std::move(hit.note),
                      .rewritten = std::move(hit.rewritten),
                      .calls = statement.calls,
                      .lost_ms_per_hour = statement.ms_per_hour() * hit.lost,
                      .confidence = hit.confidence};
  if (!rule.wrong && finding.lost_ms_per_hour < limits.ms_per_hour) return;
  out.push_back(std::move(finding));
}

}  // namespace

std::string_view name_of(LintSeverity severity) {
  return severity == kInfo ? "info" : severity == kWarning ? "warning" : "error";
}

std::span<const LintRule> all_lint_rules() { return kRules; }

const LintRule* find_rule(std::string_view name) {
  const auto found = std::find_if(kRules.begin(), kRules.end(), [name](const LintRule& rule) { return rule.name == name; });
  return found == kRules.end() ? nullptr : &*found;
}

const ParameterFacts& LintContext::facts_of(Node value) const {
  static const ParameterFacts kNone;
  while (value.key() == "TypeCast") value = value["arg"].inner();
  if (value.key() != "ParamRef" || statement.facts == nullptr) return kNone;
  return statement.facts->parameter(static_cast<std::size_t>(std::max<int64_t>(value["number"].number(), 0)));
}

// The one that clients sent, where it was seen: the other may be cut off, and has lists of any length.
std::string_view lint_text_of(const LintStatement& statement) {
  return statement.facts != nullptr && !statement.facts->text().empty() ? std::string_view(statement.facts->text())
                                                                        : std::string_view(statement.query);
}

LintResult lint(std::span<const LintStatement> statements, const LintAround& around, const LintLimits& limits) {
  static const std::map<std::string, TableWrites, std::less<>> kNoWrites;
  LintResult result;
  const auto writes = writes_in(statements);
  for (const LintStatement& statement : statements) {
    ++result.statements;
    LintText text;
    if (!text.read(lint_text_of(statement))) {
      ++result.unread;
      continue;
    }
    const auto catalog = around.catalogs.find(statement.database);
    const auto written = writes.find(statement.database);
    const LintContext context{.text = text,
                              .statement = statement,
                              .catalog = catalog == around.catalogs.end() ? nullptr : &catalog->second,
                              .writes = written == writes.end() ? kNoWrites : written->second,
                              .limits = limits};
    for (const LintRule& rule : kRules) {
      if (is_off(limits, rule.name)) continue;
      std::vector<LintHit> hits;
      rule.check(context, hits);
      // One line for each rule and statement: its first evidence, and how many there are.
      if (hits.empty()) continue;
      LintHit& first = hits.front();
      if (hits.size() > 1) first.note += fmt::format("{}in {} places", first.note.empty() ? "" : "; ", hits.size());
      report(rule, statement, std::move(first), limits, result.findings);
    }
  }
  std::stable_sort(result.findings.begin(), result.findings.end(), [](const LintFinding& a, const LintFinding& b) {
    return std::pair(a.severity, a.lost_ms_per_hour) > std::pair(b.severity, b.lost_ms_per_hour);
  });
  if (result.findings.size() > limits.findings_max) result.findings.resize(limits.findings_max);
  return result;
}

std::string lint_document() {
  std::string out =
      "# Lint\n\n"
      "This page is written by `weir --print-docs lint` from the table in `analyzer/lint.cc`. Do not edit it.\n\n"
      "With `lint = true` in `[advice]`, Weir holds the statements that it counts against these rules, every `lint_interval` "
      "and when\nsomebody asks: `SHOW LINT` has what was found, `SHOW N_PLUS_ONE` the loops, `SHOW POOL_ADVICE` what the pools "
      "could do with.\nWhat is an error goes into the log too, once. Weir changes no statement; what stands under "
      "`rewritten` is for whoever owns\nthe application.\n\n"
      "A rule about cost tells of what loses `lint_time` in an hour; what a statement *loses* is a part of its time that the "
      "rule\nestimates, and `confidence` says how well that is known. Values are never shown: what is remembered of them is "
      "their number,\nsize, and whether a pattern begins with a wildcard.\n\n"
      "What rules need of the catalogue (types, NULLs, keys, sizes) is read as the pool's own user from `pg_catalog`, of "
      "the tables\nthat the statements name; a rule whose guard needs it is silent without.\n";
  for (const LintRule& rule : kRules)
    out += fmt::format("\n## {}\n\n{}: {}{}\n\n- **Why**: {}\n- **Instead**: {}\n- **Guard**: {}\n", rule.name,
                       name_of(rule.severity), rule.what, rule.wrong ? " Told of whatever it costs." : "", rule.why, rule.fix,
                       rule.guard);
  out +=
      "\n## N_PLUS_ONE\n\n"
      "warning: The same SELECT by one client again and again, one behind the other, with only a value changing: a loop over "
      "the rows\nof another query.\n\n"
      "- **Why**: Each pays for a round trip and a turn in the pool; one query for all values costs little more than one of "
      "them.\n"
      "- **Instead**: `= ANY` with all values at once, a join, or what the framework calls eager loading.\n"
      "- **Guard**: Behind a SELECT of more rows than one in the same transaction, or without a pause of `n_plus_one_gap`. "
      "From\n  `n_plus_one_calls` on, with four of five values different and `n_plus_one_time` lost in all, of one table found "
      "by an\n  equality; not pipelined, not with more than 100 rows a call. Told of after three loops, or by two clients. "
      "Confidence is\n  high where that SELECT returned as many rows as the loop has turns.\n";
  return out;
}

}  // namespace analyzer
