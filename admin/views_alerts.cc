// SHOW ALERTS and ALERTING: the rules about the traffic, and what became of what was said about them.
#include <optional>

#include "admin/alert_webhook.h"
#include "admin/alerts.h"
#include "admin/views.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::Inspector;

Columns<AlertRow> alert_columns() {
  const auto said = [](std::string conf::Alert::*member) {
    return [member](const AlertRow& row) { return row.rule->settings.*member; };
  };
  const auto when = [](base::WallTime AlertStatus::*member) {
    return [member](const AlertRow& row) { return Timestamp{row.status.*member}; };
  };
  return {
      {"alert", "Name of the rule: the NAME of [alerts.NAME].", said(&conf::Alert::name)},
      {"state", "inactive; pending: above, but not yet for long enough; firing; resolved: it has fired, and is over.",
       [](const AlertRow& row) { return name_of(row.status.state); }},
      {"since", "Since when it is in that state.", when(&AlertStatus::since)},
      {"value", "What was seen at the last look, in `unit`; NULL where there was nothing to be seen.",
       [](const AlertRow& row) { return row.status.reading.value; }},
      {"above", "The threshold.", [](const AlertRow& row) { return row.rule->above; }},
      {"unit", "ms or %.", [](const AlertRow& row) { return conf::name_of(row.rule->kind.unit); }},
      {"worst", "Which pool or limit it was worst of, where there are several.",
       [](const AlertRow& row) { return row.status.reading.where; }},
      {"metric", "What is looked at.", [](const AlertRow& row) { return conf::to_string(row.rule->kind.metric); }},
      {"severity", "As the rule says.", said(&conf::Alert::severity)},
      {"firing", "1 while it fires.",
       [](const AlertRow& row) { return row.status.state == AlertState::kFiring ? 1 : 0; }},
      {"firings", "How often it has fired since the rule is there.",
       [](const AlertRow& row) { return static_cast<int64_t>(row.status.firings); }},
      {"last_fired", "When it last began to.", when(&AlertStatus::fired)},
      {"last_resolved", "When it was last resolved.", when(&AlertStatus::resolved)},
      {"description", "As the rule says.", said(&conf::Alert::description)},
  };
}

Columns<AlertingRow> alerting_columns() {
  const auto count = [](uint64_t AlertingRow::*member) {
    return [member](const AlertingRow& row) { return static_cast<int64_t>(row.*member); };
  };
  return {
      {"state", "off: there is no webhook_url; idle, sending, or retrying: see last_error.", &AlertingRow::state},
      {"webhook", "Where alerts are posted, without what may be secret of it.", &AlertingRow::webhook},
      {"rules", "Rules that are looked at.", count(&AlertingRow::rules)},
      {"sent", "Messages that were taken.", count(&AlertingRow::sent)},
      {"retries", "Attempts beyond the first ones.", count(&AlertingRow::retries)},
      {"given_up", "Messages given up: refused, or tried in vain webhook_attempts times.", count(&AlertingRow::given_up)},
      {"dropped", "Messages that found too many in line, or whose webhook was taken away.", count(&AlertingRow::dropped)},
      {"waiting", "Messages in line, the one under way included.", count(&AlertingRow::waiting)},
      {"last_error", "Why an attempt failed last.", &AlertingRow::last_error},
      {"last_error_at", "When that was.", [](const AlertingRow& row) { return Timestamp{row.last_error_at}; }},
      {"last_sent_at", "When the last message was taken.", [](const AlertingRow& row) { return Timestamp{row.last_sent_at}; }},
  };
}

}  // namespace

std::vector<View> alert_views() {
  std::vector<View> views;
  views.push_back(make_view("ALERTS", "Rules about the traffic, and whether what they wait for is so.", ConsoleRole::kStats,
                            alert_columns(), [](const Sources& sources, const Inspector::Then<AlertRow>& then) {
                              then(sources.alerts.rows ? sources.alerts.rows() : std::vector<AlertRow>());
                            }));
  views.push_back(make_view("ALERTING", "What became of alerts that were to be posted.", ConsoleRole::kStats,
                            alerting_columns(), [](const Sources& sources, const Inspector::Then<AlertingRow>& then) {
                              AlertingRow row = sources.alerts.webhook ? sources.alerts.webhook() : AlertingRow();
                              row.rules = sources.alerts.rows ? sources.alerts.rows().size() : 0;
                              then({std::move(row)});
                            }));
  return views;
}

}  // namespace admin
