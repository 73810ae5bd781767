#pragma once
// The rows of [alerting] and [alerts.NAME], for conf/settings_table.h.

#include <chrono>

#include "conf/settings_alerts.h"

namespace conf {

constexpr auto Alerting::fields() {
  using enum Reload;
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  using std::chrono::seconds;
  return Rows{
      Field{"interval", &Alerting::interval, kLive, "How often the rules are looked at.", within(seconds(1), seconds(3600))},
      Field{"instance", &Alerting::instance, kLive,
            "The label `instance` of every alert, for those who hear of several processes; empty for none."},
      Field{"webhook_url", &Alerting::webhook_url, kLive,
            "Where alerts are posted as JSON, as Prometheus' Alertmanager posts them. Never shown whole: its path may be a "
            "secret. Unset: nowhere."},
      Field{"webhook_token", &Alerting::webhook_token, kLive, "Sent along as `Authorization: Bearer ...`."},
      Field{"webhook_ca_file", &Alerting::webhook_ca_file, kLive,
            "Certificates that an https:// webhook must lead back to; empty for those that the system believes."},
      Field{"webhook_timeout", &Alerting::webhook_timeout, kLive, "Longest time for one attempt.",
            within(milliseconds(100), minutes(5))},
      Field{"webhook_attempts", &Alerting::webhook_attempts, kLive,
            "After so many attempts a message is given up, and SHOW ALERTING counts it.", within(1, 1000)},
      Field{"webhook_retry", &Alerting::webhook_retry, kLive, "Time until the second attempt; then twice as long each time.",
            within(milliseconds(10), hours(1))},
      Field{"webhook_retry_max", &Alerting::webhook_retry_max, kLive, "Longest time between two attempts.",
            within(milliseconds(10), hours(1))},
      Field{"webhook_queue", &Alerting::webhook_queue, kLive,
            "Most messages in line; one more, and the oldest is dropped and counted.", within(1, 10'000)},
  };
}

constexpr auto Alert::fields() {
  using enum Reload;
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  return Rows{
      Heading{"When"},
      Field{"metric", &Alert::metric, kLive, "What is looked at; operations.md says what each means."},
      Field{"above", &Alert::above, kLive, "The threshold with its unit: \"5%\", \"250ms\"."},
      Field{"for", &Alert::hold, kLive, "It must be above for so long before the alert fires; until then it is pending.",
            within(seconds(0), hours(24))},
      Field{"resolve_below", &Alert::resolve_below, kLive,
            "Once it fires, it is resolved when the value is no longer above this; empty for the same as above."},
      Field{"resolve_after", &Alert::resolve_after, kLive, "And has not been for so long.", within(seconds(0), hours(24))},
      Field{"window", &Alert::window, kLive,
            "Statements of the last so long count, for error_rate, p95, p99 and mean_wait.", within(seconds(1), hours(1))},
      Field{"min_calls", &Alert::min_calls, kLive,
            "Fewer statements than this in the window tell nothing, and nothing is above then.", within(1, 1'000'000'000)},

      Heading{"Of what"},
      Field{"database", &Alert::database, kLive, "In one of these databases; empty for all."},
      Field{"user", &Alert::user, kLive, "Of one of these users."},
      Field{"application_name", &Alert::application_name, kLive,
            "Of clients that call themselves one of these; a * at the end stands for anything. For what is counted of "
            "statements."},
      Field{"fingerprint", &Alert::fingerprint, kLive,
            "Of statements with one of these fingerprints, as SHOW QUERIES prints them."},

      Heading{"What is said"},
      Field{"severity", &Alert::severity, kLive, "The label `severity`, for those who sort alerts."},
      Field{"description", &Alert::description, kLive, "For whoever is woken: what it means and what to do."},
  };
}

}  // namespace conf
