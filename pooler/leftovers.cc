#include "pooler/leftovers.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace pooler {
namespace {

using analyzer::Effect;
using analyzer::Effects;

struct Question {
  Effect kind;
  std::string_view sql;
};
// In the order of the bits.
constexpr std::array kQuestions{
    Question{Effect::kTemporary,
             "(EXISTS(SELECT FROM pg_catalog.pg_class WHERE relnamespace=pg_catalog.pg_my_temp_schema())"
             " OR EXISTS(SELECT FROM pg_catalog.pg_proc WHERE pronamespace=pg_catalog.pg_my_temp_schema())"
             " OR EXISTS(SELECT FROM pg_catalog.pg_type WHERE typnamespace=pg_catalog.pg_my_temp_schema()))"},
    Question{Effect::kAdvisoryLock,
             "EXISTS(SELECT FROM pg_catalog.pg_locks WHERE locktype='advisory' AND pid=pg_catalog.pg_backend_pid()"
             " AND granted)"},
    Question{Effect::kHoldCursor, "EXISTS(SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)"},
    Question{Effect::kPrepared,
             "EXISTS(SELECT FROM pg_catalog.pg_prepared_statements WHERE NOT pg_catalog.starts_with(name,'weir_ps_'))"},
};

}  // namespace

std::string leftovers_query(Effects kinds, const std::vector<std::string>& settings) {
  std::string sql = "SELECT ";
  bool first = true;
  const auto add = [&](std::string_view what) {
    if (!std::exchange(first, false)) sql += ',';
    sql += what;
  };
  for (const Question& question : kQuestions)
    if (kinds.has(question.kind)) add(question.sql);
  for (const std::string& name : settings)
    add("pg_catalog.current_setting(" + base::quote_literal(name) + ",true)");
  return sql;
}

Leftovers read_leftovers(Effects kinds, const std::vector<std::optional<std::string>>& row) {
  Leftovers out;
  auto at = row.begin();
  for (const Question& question : kQuestions)
    if (kinds.has(question.kind) && at != row.end() && *at++ == "t") out.found |= question.kind;
  out.values.assign(at, row.end());
  return out;
}

Cleaning cleaning(Effects kinds) {
  Cleaning out;
  if (kinds.any(kLasting | Effect::kUnknown)) return {false, {}};
  const auto when = [&](Effects effects, std::string_view sql) {
    if (kinds.any(effects)) out.sql += sql;
  };
  when(Effect::kHoldCursor, "CLOSE ALL;");
  when(Effect::kSettings | Effect::kAnySetting, "SET SESSION AUTHORIZATION DEFAULT;RESET ROLE;RESET ALL;");
  when(Effect::kListen, "UNLISTEN *;");
  when(Effect::kAdvisoryLock, "SELECT pg_catalog.pg_advisory_unlock_all();");
  when(Effect::kSequenceMade, "DISCARD SEQUENCES;");
  when(Effect::kTemporary, "DISCARD TEMP;");
  when(Effect::kPrepared, "DEALLOCATE ALL;");
  return out;
}

}  // namespace pooler
