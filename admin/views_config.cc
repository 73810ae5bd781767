// SHOW CONFIG, STATE, VERSION and WEIR_VERSION.
#include <algorithm>

#include "admin/views.h"
#include "conf/diff.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::Inspector;

struct PairRow {
  std::string key, value;
};

std::string yes_or_no(bool yes) { return yes ? "yes" : "no"; }

void read_config(const Sources& sources, const Inspector::Then<ConfigRow>& then) {
  std::vector<ConfigRow> rows = sources.config();
  std::stable_sort(rows.begin(), rows.end(),
                   [](const ConfigRow& a, const ConfigRow& b) { return a.key < b.key; });
  then(std::move(rows));
}

void read_state(const Sources& sources, const Inspector::Then<PairRow>& then) {
  const Inspector::RunState state = sources.inspector.state();
  then({{"active", yes_or_no(state == Inspector::RunState::kActive)},
        {"paused", yes_or_no(state == Inspector::RunState::kPaused)},
        {"suspended", yes_or_no(state == Inspector::RunState::kSuspended)}});
}

}  // namespace

std::vector<View> config_views() {
  std::vector<View> views;
  views.push_back(make_view(
      "CONFIG", "Every setting, its value, its default, and whether a reload can change it.", ConsoleRole::kStats,
      Columns<ConfigRow>{
          {"key", "Name of the setting.", &ConfigRow::key},
          {"value", "Its value now.", &ConfigRow::value},
          {"default", "Its value when nothing is configured.", &ConfigRow::default_value},
          {"changeable", "yes: RELOAD or SET changes it; no: it needs a restart.",
           [](const ConfigRow& row) { return yes_or_no(row.changeable); }}},
      read_config));
  views.push_back(make_view("STATE", "Whether Weir is active, paused or suspended.", ConsoleRole::kStats,
                            Columns<PairRow>{{"key", "active, paused or suspended.", &PairRow::key},
                                             {"value", "yes or no.", &PairRow::value}},
                            read_state));
  views.push_back(make_view(
      "VERSION", "The PgBouncer version whose console this one is compatible with; tools parse it.",
      ConsoleRole::kStats, Columns<PairRow>{{"version", "Name and version.", &PairRow::value}},
      [](const Sources&, const Inspector::Then<PairRow>& then) {
        then({{"version", std::string(kCompatibleVersion)}});
      }));
  views.push_back(make_view(
      "WEIR_VERSION", "The version of Weir itself. Not in PgBouncer.", ConsoleRole::kStats,
      Columns<PairRow>{{"version", "Name and version.", &PairRow::value}},
      [](const Sources& sources, const Inspector::Then<PairRow>& then) {
        then({{"version", "Weir " + sources.version}});
      }));
  return views;
}

}  // namespace admin
