#pragma once
// The table rows of [advice]. Included by conf/settings_table.h.

#include <chrono>

#include "conf/settings.h"

namespace conf {

constexpr auto Advice::fields() {
  using enum Reload;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  return Rows{
      Field{"lint", &Advice::lint, kLive,
            "Hold statements against the rules of docs/lint.md, and look for N+1: SHOW LINT, SHOW N_PLUS_ONE. Needs "
            "query_stats."},
      Field{"lint_interval", &Advice::lint_interval, kLive, "How often, for errors to be logged; SHOW LINT looks at once.",
            within(seconds(1), seconds(86'400))},
      Field{"lint_time", &Advice::lint_time, kLive,
            "A statement that costs servers less than this in an hour is only told of where it is wrong.",
            within(milliseconds(0), seconds(3600))},
      Field{"lint_rows", &Advice::lint_rows, kLive, "From so many rows on a table or a result is large.",
            within(1, 1'000'000'000)},
      Field{"lint_offset", &Advice::lint_offset, kLive, "From here on an OFFSET skips many rows.", within(1, 1'000'000'000)},
      Field{"n_plus_one_calls", &Advice::n_plus_one_calls, kLive,
            "So many statements that differ in a value alone, one behind the other, are a loop.", within(3, 10'000)},
      Field{"n_plus_one_gap", &Advice::n_plus_one_gap, kLive,
            "Outside of a transaction, a pause of this length ends the loop.", within(milliseconds(1), seconds(60))},
      Field{"n_plus_one_time", &Advice::n_plus_one_time, kLive, "A loop that took less than this in all is none.",
            within(milliseconds(0), seconds(60))},
      Field{"findings_max", &Advice::findings_max, kLive, "Most findings that are kept, those that cost the most.",
            within(1, 10'000)},
      Field{"lint_off", &Advice::lint_off, kLive, "Rules that are not looked at, by name."},
      Field{"enabled", &Advice::enabled, kLive,
            "Look for indexes that statements lack: SHOW INDEX_ADVICE. Needs query_stats; keeps a few statements of each kind "
            "with their values in memory."},
      Field{"user", &Advice::user, kLive,
            "Role that asks PostgreSQL; unset, the database's user, or auth_user. docs/advice.md has the GRANTs that it needs."},
      Field{"password", &Advice::password, kLive, "Password for user; unset, the one in [users] or auth_file."},
      Field{"apply_user", &Advice::apply_user, kLive,
            "Role that ADVICE APPLY creates indexes as, the owner of the tables. Unset, Weir creates none."},
      Field{"apply_password", &Advice::apply_password, kLive,
            "Password for apply_user; unset, the one in [users] or auth_file."},
      Field{"interval", &Advice::interval, kLive, "How often; ADVISE NOW does it at once.", within(seconds(1), seconds(86'400))},
      Field{"deadline", &Advice::deadline, kLive,
            "How long one database may be measured at a time; then the best that was found so far is told.",
            within(milliseconds(100), seconds(300))},
      Field{"statement_timeout", &Advice::statement_timeout, kLive, "How long PostgreSQL may take for one of our questions.",
            within(milliseconds(10), seconds(60))},
      Field{"queries_max", &Advice::queries_max, kLive,
            "Most kinds of statements of a database that are looked at, those that take the most time.", within(1, 1000)},
      Field{"candidates_max", &Advice::candidates_max, kLive, "Most indexes that are thought of for one statement.",
            within(1, 1000)},
      Field{"index_size_max", &Advice::index_size_max, kLive,
            "Most bytes that the indexes advised for a database may take together; 0 for no limit.",
            within(int64_t{0}, int64_t{1} << 40)},
      Field{"samples_memory", &Advice::samples_memory, kLive, "Most bytes of statements that are kept with their values.",
            within(int64_t{64} << 10, int64_t{1} << 30)},
  };
}

}  // namespace conf
