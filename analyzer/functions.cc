#include "analyzer/functions.h"

#include <algorithm>
#include <array>

namespace analyzer {

namespace {

using enum Effect;

constexpr std::string_view kLock = "a lock of the session";
constexpr std::string_view kTransactionLock = "a lock is of use on the primary";
constexpr std::string_view kRemote = "a connection to elsewhere that stays open";
constexpr std::string_view kSlot = "a temporary slot belongs to the session";
constexpr std::string_view kBackup = "the backup belongs to the session";
constexpr std::string_view kLargeObject = "large objects are data";
constexpr std::string_view kPrimary = "refused on a standby, or about the primary";
constexpr std::string_view kRuns = "executes the SQL it is given";
constexpr std::string_view kSequence = "a sequence moves, and the session remembers";

constexpr auto kFunctions = std::to_array<KnownFunction>({
    {"brin_*", {}, true, false, kPrimary},
    {"crosstab*", {}, false, true, kRuns},
    {"currval", kSequenceUse, false, false, "reads what nextval() gave this session"},
    {"dblink_connect*", kLasting, false, false, kRemote},
    {"dblink_disconnect", kLasting, false, false, kRemote},
    {"dblink_exec", {}, true, false, "writes elsewhere"},
    {"gin_clean_pending_list", {}, true, false, kPrimary},
    {"hypopg", kLasting, false, false, "hypothetical indexes"},
    {"hypopg_*", kLasting, false, false, "hypothetical indexes"},
    {"lastval", kSequenceUse, false, false, "reads what nextval() gave this session"},
    {"lo_creat", {}, true, false, kLargeObject},
    {"lo_create", {}, true, false, kLargeObject},
    {"lo_from_bytea", {}, true, false, kLargeObject},
    {"lo_import", {}, true, false, kLargeObject},
    {"lo_open", {}, true, false, kLargeObject},
    {"lo_put", {}, true, false, kLargeObject},
    {"lo_truncate*", {}, true, false, kLargeObject},
    {"lo_unlink", {}, true, false, kLargeObject},
    {"lowrite", {}, true, false, kLargeObject},
    {"nextval", kSequenceMade, true, false, kSequence},
    {"pg_advisory_lock", kAdvisoryLock, true, false, kLock},
    {"pg_advisory_lock_shared", kAdvisoryLock, true, false, kLock},
    {"pg_advisory_unlock", kAdvisoryLock, true, false, kLock},
    {"pg_advisory_unlock_all", kAdvisoryLock, true, false, kLock},
    {"pg_advisory_unlock_shared", kAdvisoryLock, true, false, kLock},
    {"pg_advisory_xact_*", {}, true, false, kTransactionLock},
    {"pg_backup_start", kLasting, true, false, kBackup},
    {"pg_backup_stop", kLasting, true, false, kBackup},
    {"pg_copy_logical_replication_slot", kLasting, true, false, kSlot},
    {"pg_copy_physical_replication_slot", kLasting, true, false, kSlot},
    {"pg_create_logical_replication_slot", kLasting, true, false, kSlot},
    {"pg_create_physical_replication_slot", kLasting, true, false, kSlot},
    {"pg_create_restore_point", {}, true, false, kPrimary},
    {"pg_current_xact_id", {}, true, false, kPrimary},
    {"pg_drop_replication_slot", kLasting, true, false, kSlot},
    {"pg_import_system_collations", {}, true, false, kPrimary},
    {"pg_logical_emit_message", {}, true, false, kPrimary},
    {"pg_logical_slot_get_*", {}, true, false, kPrimary},
    {"pg_nextoid", {}, true, false, kPrimary},
    {"pg_notify", {}, true, false, kPrimary},
    {"pg_replication_origin_advance", {}, true, false, kPrimary},
    {"pg_replication_origin_create", {}, true, false, kPrimary},
    {"pg_replication_origin_drop", {}, true, false, kPrimary},
    {"pg_replication_origin_session_*", kLasting, true, false, "the session's replication origin"},
    {"pg_replication_origin_xact_*", {}, true, false, kPrimary},
    {"pg_replication_slot_advance", {}, true, false, kPrimary},
    {"pg_start_backup", kLasting, true, false, kBackup},
    {"pg_stat_reset*", {}, true, false, kPrimary},
    {"pg_stop_backup", kLasting, true, false, kBackup},
    {"pg_switch_wal", {}, true, false, kPrimary},
    {"pg_try_advisory_lock", kAdvisoryLock, true, false, kLock},
    {"pg_try_advisory_lock_shared", kAdvisoryLock, true, false, kLock},
    {"pg_try_advisory_xact_*", {}, true, false, kTransactionLock},
    {"pgv_*", kLasting, false, false, "variables of pg_variables"},
    {"pldbg_*", kLasting, false, false, "the debugger's session"},
    {"query_to_xml*", {}, false, true, kRuns},
    {"reset_user", kAnySetting, false, false, "changes the role"},
    {"sepgsql_setcon", kLasting, false, false, "the session's security label"},
    {kSetConfig, kAnySetting, false, false, "sets a setting"},
    {"set_limit", kAnySetting, false, false, "pg_trgm.similarity_threshold by another name"},
    {"set_user*", kAnySetting, false, false, "changes the role"},
    {"setseed", kLasting, false, false, "what random() gives from now on"},
    {"setval", kSequenceMade, true, false, kSequence},
    {"ts_rewrite", {}, false, true, kRuns},
    {"ts_stat", {}, false, true, kRuns},
    {"txid_current", {}, true, false, kPrimary},
});

// orafce's packages: each keeps buffers or handles for its session.
constexpr auto kSchemas = std::to_array<std::string_view>({
    "dbms_alert", "dbms_output", "dbms_pipe", "dbms_random", "dbms_session", "dbms_sql", "utl_file"});
constexpr KnownFunction kOfSchema = {"", kLasting, false, false, "a package with a state of its own"};

constexpr bool open_ended(std::string_view name) { return name.ends_with('*'); }
constexpr std::string_view stem(std::string_view name) {
  return open_ended(name) ? name.substr(0, name.size() - 1) : name;
}
static_assert(std::is_sorted(kFunctions.begin(), kFunctions.end(), [](const auto& a, const auto& b) {
  return stem(a.name) < stem(b.name);
}));

}  // namespace

std::span<const KnownFunction> known_functions() { return kFunctions; }

const KnownFunction* find_function(std::string_view schema, std::string_view name) {
  // The last entry that does not come behind the name is the name itself or, of the prefixes, the longest that could fit.
  auto found = std::upper_bound(kFunctions.begin(), kFunctions.end(), name,
                                [](std::string_view key, const KnownFunction& f) { return key < stem(f.name); });
  while (found != kFunctions.begin()) {
    --found;
    const auto known = stem(found->name);
    if (name == known || (open_ended(found->name) && name.starts_with(known))) return &*found;
    if (known.empty() || known[0] != name[0] || !name.starts_with(known.substr(0, 2))) break;
  }
  if (std::find(kSchemas.begin(), kSchemas.end(), schema) != kSchemas.end()) return &kOfSchema;
  return nullptr;
}

}  // namespace analyzer
