// SHOW INDEX_ADVICE and its like: indexes that statements lack, and indexes that nobody needs.

#include "admin/views.h"

#include "pooler/advisor.h"

namespace admin {

namespace {

using analyzer::Advice;
using analyzer::AdviceDetail;
using analyzer::ConsideredIndex;
using analyzer::IndexFinding;
using pooler::AdvisorRow;
using pooler::ConsoleRole;

std::optional<std::string> or_null(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

struct DetailRow {
  std::string id, index;
  AdviceDetail detail;
};

Columns<Advice> advice_columns() {
  const auto size = [](const Advice& row) { return row.details.size(); };
  const auto cost = [](double Advice::*member) {
    return [member](const Advice& row) { return row.details.empty() ? std::nullopt : std::optional(row.*member); };
  };
  return {
      {"id", "Names this advice, the same after a restart: for SHOW INDEX_ADVICE id, ADVICE APPLY and ADVICE DISMISS.",
       &Advice::id},
      {"status",
       "new; confirmed, when a second look has found it too; creating, by ADVICE APPLY (note says how far it is); created, when "
       "an index does the same; then verified, no effect or regressed, by what its statements take since; stale, when three "
       "looks did not find it any more; dismissed.",
       [](const Advice& row) { return analyzer::kAdviceStatusNames[static_cast<std::size_t>(row.status)]; }},
      {"database", "Name of the database.", &Advice::database},
      {"table", "The table, with its schema.", [](const Advice& row) { return row.shape.schema + "." + row.shape.table; }},
      {"statement", "What creates it. It cannot run in a transaction.",
       [](const Advice& row) { return analyzer::create_statement(row.shape); }},
      {"saves_ms_per_hour", "Time of servers that it is expected to save, from the plans' costs and what was counted.",
       &Advice::saves_ms_per_hour},
      {"write_ms_per_hour", "Time that INSERT and UPDATE are expected to lose to it.", &Advice::write_ms_per_hour},
      {"queries", "Kinds of statements that it helps.", [size](const Advice& row) { return static_cast<int>(size(row)); }},
      {"best_fingerprint", "The one of them that gains the most, as in SHOW QUERIES.",
       [](const Advice& row) {
         return row.details.empty() ? std::string() : fingerprint_text(row.details.front().fingerprint);
       }},
      {"cost_before", "Of that one, the planner's cost as it is; NULL where nothing was measured.", cost(&Advice::cost_before)},
      {"cost_after", "And with the index.", cost(&Advice::cost_after)},
      {"estimated_bytes", "How large it will be.", &Advice::bytes},
      {"confidence", "high, medium or low: how many samples there were, how sure their plans are.",
       [](const Advice& row) { return analyzer::name_of(row.confidence); }},
      {"model",
       "How it was measured: hypopg, the planner's cost with a hypothetical index; sample, reckoned from the rows of a sample of "
       "the table that match (GIN, BRIN); statistics, reckoned from how many rows the planner expects to match (without HypoPG); "
       "rule, not at all (foreign keys).",
       &Advice::model},
      {"reason", "What each of its keys is for.", &Advice::why},
      {"makes_redundant", "Indexes that are no longer needed then; NULL for none.",
       [](const Advice& row) { return or_null(row.makes_redundant); }},
      {"note", "What else to do; NULL for nothing.", [](const Advice& row) { return or_null(row.note); }},
      {"effect", "What its statements took before there was the index, and take since; NULL until they have run often enough.",
       [](const Advice& row) { return or_null(row.effect); }},
      {"first_seen", "When it was found.", [](const Advice& row) { return Timestamp{row.first_seen}; }},
      {"last_confirmed", "When a look found it last.", [](const Advice& row) { return Timestamp{row.last_confirmed}; }},
  };
}

Columns<DetailRow> detail_columns() {
  const auto text = [](std::string AdviceDetail::*member) {
    return [member](const DetailRow& row) { return row.detail.*member; };
  };
  const auto number = [](double AdviceDetail::*member) {
    return [member](const DetailRow& row) { return row.detail.*member; };
  };
  return {
      {"id", "Of the advice.", &DetailRow::id},
      {"index", "Its keys.", &DetailRow::index},
      {"fingerprint", "A statement that it helps, as in SHOW QUERIES.",
       [](const DetailRow& row) { return fingerprint_text(row.detail.fingerprint); }},
      {"calls", "How often it was run.", [](const DetailRow& row) { return static_cast<int64_t>(row.detail.calls); }},
      {"ms_per_call", "Milliseconds that a server took for it, on average.", number(&AdviceDetail::ms_per_call)},
      {"cost_before", "The planner's cost without this index, but with the others that are advised.",
       number(&AdviceDetail::cost_before)},
      {"cost_after", "And with it.", number(&AdviceDetail::cost_after)},
      {"plan_before", "How the table is read now.", text(&AdviceDetail::node_before)},
      {"plan_after", "How it would be read.", text(&AdviceDetail::node_after)},
      {"samples", "How many different statements as they ran were measured.",
       [](const DetailRow& row) { return static_cast<int>(row.detail.samples); }},
      {"query", "The statement, with $n for its values.", text(&AdviceDetail::query)},
  };
}

Columns<ConsideredIndex> considered_columns() {
  return {
      {"database", "Name of the database.", &ConsideredIndex::database},
      {"fingerprint", "The statement that it was thought of for, as in SHOW QUERIES.",
       [](const ConsideredIndex& row) { return fingerprint_text(row.fingerprint); }},
      {"index", "The table, and what an index on it would be.", &ConsideredIndex::index},
      {"reason", "What each of its keys is for.", &ConsideredIndex::why},
      {"cost_before", "The planner's cost as it is.", &ConsideredIndex::cost_before},
      {"cost_after", "And with this index alone; NULL where it was dropped before that.",
       [](const ConsideredIndex& row) { return row.cost_with > 0 ? std::optional(row.cost_with) : std::nullopt; }},
      {"verdict", "advised, or why not.", &ConsideredIndex::verdict},
  };
}

Columns<IndexFinding> finding_columns() {
  return {
      {"database", "Name of the database.", &IndexFinding::database},
      {"table", "The table, with its schema.", [](const IndexFinding& row) { return row.schema + "." + row.table; }},
      {"index", "Name of the index.", &IndexFinding::index},
      {"definition", "Its method and keys.", &IndexFinding::definition},
      {"reason", "Why it may go.", &IndexFinding::why},
      {"statement", "What removes it.", &IndexFinding::statement},
      {"bytes", "How large it is.", &IndexFinding::bytes},
      {"scans", "How often that server has used it since its statistics began; replicas count for themselves.",
       &IndexFinding::scans},
  };
}

Columns<AdvisorRow> advisor_columns() {
  return {
      {"database", "Name of the database.", &AdvisorRow::database},
      {"state", "ok; truncated, when the deadline came before the end; failed; resting after several failures.",
       &AdvisorRow::state},
      {"hypopg", "Version of HypoPG there, without which nothing is measured, but reckoned.", &AdvisorRow::hypopg},
      {"looks", "How often it was looked at.", [](const AdvisorRow& row) { return static_cast<int64_t>(row.looks); }},
      {"failures", "How many of these came to nothing.",
       [](const AdvisorRow& row) { return static_cast<int64_t>(row.failures); }},
      {"queries", "Kinds of statements in the last look.",
       [](const AdvisorRow& row) { return static_cast<int>(row.queries); }},
      {"candidates", "Indexes that helped one of them alone.",
       [](const AdvisorRow& row) { return static_cast<int>(row.candidates); }},
      {"questions", "What PostgreSQL was asked for that.",
       [](const AdvisorRow& row) { return static_cast<int64_t>(row.questions); }},
      {"took_ms", "Milliseconds that it took.",
       [](const AdvisorRow& row) { return static_cast<double>(row.took.count()) / 1000; }},
      {"last", "When that was.", [](const AdvisorRow& row) { return Timestamp{row.last}; }},
      {"notes", "What was left out, and why; NULL for nothing.", [](const AdvisorRow& row) { return or_null(row.notes); }},
  };
}

// What the advisor knows; nothing where there is none.
template <typename Row, typename Get>
auto rows_of(Get get) {
  return [get](const Sources& sources, const std::function<void(std::vector<Row>)>& then) {
    then(sources.advisor != nullptr ? get(*sources.advisor) : std::vector<Row>());
  };
}

std::vector<DetailRow> details(const pooler::Advisor& advisor) {
  std::vector<DetailRow> rows;
  for (const Advice& advice : advisor.advice())
    for (const AdviceDetail& detail : advice.details) rows.push_back({advice.id, analyzer::keys_text(advice.shape), detail});
  return rows;
}

}  // namespace

std::vector<View> advice_views() {
  using pooler::Advisor;
  std::vector<View> views;
  views.push_back(make_view("INDEX_ADVICE", "Indexes that statements lack; what saves the most first.", ConsoleRole::kStats,
                            advice_columns(), rows_of<Advice>([](const Advisor& advisor) { return advisor.advice(); })));
  views.push_back(make_view(kAdviceDetails, "The statements that each of them helps.", ConsoleRole::kStats, detail_columns(),
                            rows_of<DetailRow>([](const Advisor& advisor) { return details(advisor); })));
  views.push_back(make_view("ADVICE_CANDIDATES", "Indexes that the last look has thought of, and what became of that.",
                            ConsoleRole::kStats, considered_columns(),
                            rows_of<ConsideredIndex>([](const Advisor& advisor) { return advisor.considered(); })));
  views.push_back(make_view("UNUSED_INDEXES", "Indexes that a server has never used.", ConsoleRole::kStats, finding_columns(),
                            rows_of<IndexFinding>([](const Advisor& advisor) { return advisor.unused(); })));
  views.push_back(make_view("REDUNDANT_INDEXES", "Indexes that do what another does, and invalid ones.", ConsoleRole::kStats,
                            finding_columns(),
                            rows_of<IndexFinding>([](const Advisor& advisor) { return advisor.redundant(); })));
  views.push_back(make_view("ADVISOR", "How the advisor's looks at each database went.", ConsoleRole::kStats,
                            advisor_columns(), rows_of<AdvisorRow>([](const Advisor& advisor) { return advisor.rows(); })));
  return views;
}

}  // namespace admin
