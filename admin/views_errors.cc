// SHOW ERRORS: which statements fail, and in which way. The same counts as in SHOW QUERIES, a row for each class.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/views.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::Inspector;
using pooler::QueryRow;

// PostgreSQL's manual, Appendix A.
constexpr std::pair<std::string_view, std::string_view> kMeanings[] = {
    {"00", "successful completion"},
    {"01", "warning"},
    {"02", "no data"},
    {"03", "SQL statement not yet complete"},
    {"08", "connection exception"},
    {"09", "triggered action exception"},
    {"0A", "feature not supported"},
    {"0B", "invalid transaction initiation"},
    {"0F", "locator exception"},
    {"0L", "invalid grantor"},
    {"0P", "invalid role specification"},
    {"0Z", "diagnostics exception"},
    {"20", "case not found"},
    {"21", "cardinality violation"},
    {"22", "data exception"},
    {"23", "integrity constraint violation"},
    {"24", "invalid cursor state"},
    {"25", "invalid transaction state"},
    {"26", "invalid SQL statement name"},
    {"27", "triggered data change violation"},
    {"28", "invalid authorization specification"},
    {"2B", "dependent privilege descriptors still exist"},
    {"2D", "invalid transaction termination"},
    {"2F", "SQL routine exception"},
    {"34", "invalid cursor name"},
    {"38", "external routine exception"},
    {"39", "external routine invocation exception"},
    {"3B", "savepoint exception"},
    {"3D", "invalid catalog name"},
    {"3F", "invalid schema name"},
    {"40", "transaction rollback"},
    {"42", "syntax error or access rule violation"},
    {"44", "WITH CHECK OPTION violation"},
    {"53", "insufficient resources"},
    {"54", "program limit exceeded"},
    {"55", "object not in prerequisite state"},
    {"57", "operator intervention"},
    {"58", "system error"},
    {"72", "snapshot failure"},
    {"F0", "configuration file error"},
    {"HV", "foreign data wrapper error"},
    {"P0", "PL/pgSQL error"},
    {"XX", "internal error"},
};

struct ErrorRow {
  std::string error_class;
  uint64_t errors = 0;
  QueryRow query;
};

std::string meaning(const ErrorRow& row) {
  const auto found = std::find_if(std::begin(kMeanings), std::end(kMeanings),
                                  [&row](const auto& one) { return one.first == row.error_class; });
  return found == std::end(kMeanings) ? std::string() : std::string(found->second);
}

std::vector<ErrorRow> by_class(std::vector<QueryRow> queries) {
  std::vector<ErrorRow> rows;
  for (const QueryRow& query : queries)
    for (const auto& [name, count] : query.totals.error_classes.counts())
      rows.push_back({std::string(name.begin(), name.end()), count, query});
  std::stable_sort(rows.begin(), rows.end(), [](const ErrorRow& a, const ErrorRow& b) { return a.errors > b.errors; });
  return rows;
}

Columns<ErrorRow> error_columns() {
  return {
      {"class", "The first two characters of the SQLSTATE; ?? for what is none.", &ErrorRow::error_class},
      {"meaning", "What PostgreSQL calls that class; empty for one that it does not have.", meaning},
      {"errors", "How often the statement failed in that way.",
       [](const ErrorRow& row) { return static_cast<int64_t>(row.errors); }},
      {"calls", "How often it was run, those included that failed.",
       [](const ErrorRow& row) { return static_cast<int64_t>(row.query.totals.calls); }},
      {"fingerprint", "As in SHOW QUERIES.", [](const ErrorRow& row) { return fingerprint_text(row.query.fingerprint); }},
      {"query", "The statement, with $n for its values.", [](const ErrorRow& row) { return row.query.query; }},
      {"database", "Name of the database.", [](const ErrorRow& row) { return row.query.database; }},
      {"user", "Name of the user.", [](const ErrorRow& row) { return row.query.user; }},
      {"application_name", "What the client calls itself.", [](const ErrorRow& row) { return row.query.application; }},
  };
}

}  // namespace

std::vector<View> error_views() {
  std::vector<View> views;
  views.push_back(make_view("ERRORS", "Statements that failed, by the class of the error; most errors first.",
                            ConsoleRole::kStats, error_columns(),
                            [](const Sources& sources, const Inspector::Then<ErrorRow>& then) {
                              sources.inspector.queries(
                                  [then](std::vector<QueryRow> queries) { then(by_class(std::move(queries))); });
                            }));
  return views;
}

}  // namespace admin
