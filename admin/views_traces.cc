// SHOW TRACES: what became of the statements that were traced.
#include "admin/views.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::Inspector;
using pooler::TraceCounts;
using pooler::TracesRow;

Columns<TracesRow> traces_columns() {
  const auto count = [](uint64_t TraceCounts::*member) {
    return [member](const TracesRow& row) { return static_cast<int64_t>(row.counts.*member); };
  };
  return {
      {"endpoint", "Where traces are sent; empty: no statement is traced.", &TracesRow::endpoint},
      {"waiting", "Statements that wait to be sent.", count(&TraceCounts::waiting)},
      {"exported", "Statements that the collector has taken.", count(&TraceCounts::exported)},
      {"dropped", "Statements that were dropped because queue_max of them waited.", count(&TraceCounts::dropped)},
      {"lost", "Statements that the collector did not take: it was away, or refused them.", count(&TraceCounts::lost)},
      {"rejected_spans", "Spans that it did not keep of those it took.", count(&TraceCounts::rejected_spans)},
      {"requests", "Requests to the collector.", count(&TraceCounts::requests)},
      {"retries", "Of these, for what was sent before.", count(&TraceCounts::retries)},
      {"failure", "Why the last ones were lost; empty when all is well.",
       [](const TracesRow& row) { return row.counts.failure; }},
      {"failed_at", "When something was lost last.", [](const TracesRow& row) { return Timestamp{row.counts.failed_at}; }},
  };
}

}  // namespace

std::vector<View> trace_views() {
  std::vector<View> views;
  views.push_back(make_view(
      "TRACES", "What became of statements that were traced, since the start.", ConsoleRole::kStats, traces_columns(),
      [](const Sources& sources, const Inspector::Then<TracesRow>& then) { sources.inspector.traces(then); }));
  return views;
}

}  // namespace admin
