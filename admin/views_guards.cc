// SHOW GUARDS: the rules about statements, and what each has done.

#include "admin/views.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::GuardRow;
using pooler::Inspector;

Columns<GuardRow> guard_columns() {
  const auto when = [](base::WallTime GuardRow::*moment) {
    return [moment](const GuardRow& row) { return Timestamp{row.*moment}; };
  };
  return {
      {"name", "Name of the rule: the NAME of [guards.NAME].", &GuardRow::name},
      {"matches", "Which statements it is about; empty for all.", &GuardRow::matches},
      {"action", "What it does: deny, query_timeout, rate_limit or concurrency.", &GuardRow::action},
      {"limit", "How much it allows, and what is counted apart.", &GuardRow::limit},
      {"dry_run", "Whether it only counts.", [](const GuardRow& row) { return row.dry_run ? 1 : 0; }},
      {"matched", "Statements that it was about.", [](const GuardRow& row) { return static_cast<int64_t>(row.matched); }},
      {"refused", "Statements that it refused, or whose time was over.",
       [](const GuardRow& row) { return static_cast<int64_t>(row.refused); }},
      {"would_have_refused", "The same, had it not been a dry run.",
       [](const GuardRow& row) { return static_cast<int64_t>(row.would_have_refused); }},
      {"keys", "How many users, applications or whatever it counts apart it knows now.",
       [](const GuardRow& row) { return static_cast<int>(row.keys); }},
      {"since", "Since when it counts: the start, or the reload that brought or changed it.", when(&GuardRow::since)},
      {"last_matched", "When it last was about a statement.", when(&GuardRow::last_matched)},
      {"last_refused", "When it last refused one, or would have.", when(&GuardRow::last_refused)},
  };
}

}  // namespace

std::vector<View> guard_views() {
  std::vector<View> views;
  views.push_back(make_view(
      "GUARDS", "Rules about statements, and what they have done.", ConsoleRole::kStats, guard_columns(),
      [](const Sources& sources, const Inspector::Then<GuardRow>& then) { sources.inspector.guards(then); }));
  return views;
}

}  // namespace admin
