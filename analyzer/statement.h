#pragma once
// What a statement is, and what it may leave behind in its session: facts, made once per text and shared by all
// threads. Immutable.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace analyzer {

// The command, as far as a pooler treats commands differently.
enum class Kind : uint8_t {
  kUnknown,  // not parsed: newer syntax, an error, or too large; taken for a write
  kEmpty,
  kSelect,
  kInsert,
  kUpdate,
  kDelete,
  kMerge,
  kCopyFrom,
  kCopyTo,
  kBegin,
  kCommit,
  kRollback,
  kSavepoint,
  kRelease,
  kRollbackTo,
  kPrepareTransaction,
  kTwoPhase,  // COMMIT PREPARED, ROLLBACK PREPARED
  kSet,       // SET, SET LOCAL, RESET and their kin; see settings
  kShow,
  kPrepare,
  kExecute,  // also CREATE TABLE ... AS EXECUTE and EXPLAIN EXECUTE: see prepared_name
  kDeallocate,
  kDiscard,
  kListen,
  kUnlisten,
  kNotify,
  kDeclareCursor,
  kFetch,
  kCloseCursor,
  kExplain,
  kLock,
  kCall,
  kDo,
  kDdl,
  kMaintenance,  // VACUUM, ANALYZE, REINDEX, CLUSTER, CHECKPOINT, REFRESH
  kLoad,
  kOther,
};

// Kinds of state that a statement may leave in the session that ran it, or end there. They say "may": what the session
// really has is asked of the server where it matters.
enum class Effect : uint32_t {
  kSettings = 1U << 0,       // `settings` says which
  kAnySetting = 1U << 1,     // settings that cannot be named (a function's body, a text that was not parsed)
  kTemporary = 1U << 2,      // creates or drops objects in the temporary schema
  kAdvisoryLock = 1U << 3,   // takes or releases advisory locks of the session
  kHoldCursor = 1U << 4,     // DECLARE ... WITH HOLD, CLOSE
  kPrepared = 1U << 5,       // PREPARE, EXECUTE, DEALLOCATE in SQL, by name
  kListen = 1U << 6,         // LISTEN, UNLISTEN
  kSequenceUse = 1U << 7,    // reads currval() or lastval()
  kSequenceMade = 1U << 8,   // calls nextval() or setval() by name (INSERT and COPY FROM may do so unseen)
  kLibrary = 1U << 9,        // LOAD: stays until the connection ends
  kLasting = 1U << 10,       // a function with a state of its own (dblink_connect, setseed, ...): until the connection ends
  kUnknown = 1U << 11,       // DO, CALL, a text that could not be parsed and contains something suspicious
  kDiscard = 1U << 12,       // DISCARD, see `discard`
  kTransaction = 1U << 13,   // begins, ends or marks transactions: BEGIN to ROLLBACK TO
};

class Effects {
 public:
  constexpr Effects() = default;
  constexpr Effects(Effect effect) : bits_(static_cast<uint32_t>(effect)) {}  // NOLINT: one is a set
  constexpr bool has(Effect effect) const { return (bits_ & static_cast<uint32_t>(effect)) != 0; }
  constexpr bool any(Effects others) const { return (bits_ & others.bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr Effects& operator|=(Effects others) {
    bits_ |= others.bits_;
    return *this;
  }
  constexpr Effects without(Effects others) const {
    Effects rest;
    rest.bits_ = bits_ & ~others.bits_;
    return rest;
  }
  constexpr uint32_t bits() const { return bits_; }
  friend constexpr Effects operator|(Effects a, Effects b) { return a |= b; }
  friend constexpr Effects operator&(Effects a, Effects b) {
    a.bits_ &= b.bits_;
    return a;
  }
  friend constexpr bool operator==(Effects, Effects) = default;

 private:
  uint32_t bits_ = 0;
};
constexpr Effects operator|(Effect a, Effect b) { return Effects(a) | Effects(b); }

// One change of a setting. Names are lower case; SET TIME ZONE is "timezone", SET NAMES "client_encoding", SET SCHEMA
// "search_path", SET ROLE "role", SET SESSION AUTHORIZATION "session_authorization", SET SESSION CHARACTERISTICS the
// default_transaction_* it means. SET TRANSACTION and the transaction_* settings last for the transaction and are none.
struct Setting {
  enum class Op : uint8_t {
    kSet,       // to `value`
    kSetQuery,  // to something that the text does not tell (set_config with an expression, SET ... FROM CURRENT)
    kReset,     // RESET x, SET x TO DEFAULT, SET SESSION AUTHORIZATION DEFAULT
    kResetAll,
  };
  std::string name;
  std::string value;   // as set_config() takes it: elements of a list are quoted and joined as SET does
  Op op = Op::kSet;
  bool local = false;  // SET LOCAL, set_config(..., true)
};

struct Table {
  std::string schema;  // empty if it was not written
  std::string name;
  bool written = false;
};

struct Function {
  std::string schema;  // empty if it was not written
  std::string name;
};

// What a statement looks like, as rules about statements name it (shapes.h). Only what the text alone decides.
enum class Shape : uint16_t {
  kUpdateWithoutWhere = 1U << 0,  // an UPDATE without WHERE, wherever it stands
  kDeleteWithoutWhere = 1U << 1,
  kSelectWithoutWhere = 1U << 2,  // reads from something, and a SELECT of it has neither WHERE nor LIMIT
  kSelectWithoutLimit = 1U << 3,  // reads from something without LIMIT
  kTruncate = 1U << 4,
  kDrop = 1U << 5,
  kDdl = 1U << 6,                 // CREATE, ALTER, DROP, GRANT and their kin, SELECT INTO
  kCopy = 1U << 7,
  kLockTable = 1U << 8,
};
using Shapes = uint16_t;  // of Shape

// One statement of a text.
struct Statement {
  Kind kind = Kind::kUnknown;
  Effects effects;
  Shapes shapes = 0;  // of PREPARE: those of what it prepares; none of what EXPLAIN does not run
  // Where it stands in the text: from its first token to its last, without the semicolon. The text that was analyzed
  // first, where texts that differ in literals share their facts (then nothing here depends on the place).
  std::size_t at = 0, size = 0;
  bool local_setting_only = false;  // kSettings, and all of them LOCAL
  bool writes = true;               // may change data, or cannot be told
  bool chain = false;               // COMMIT AND CHAIN, ROLLBACK AND CHAIN
  bool all = false;                 // DEALLOCATE ALL, UNLISTEN *, CLOSE ALL
  bool hold = false;                // DECLARE ... WITH HOLD
  std::string name;      // of the savepoint, prepared statement, channel or cursor; as PostgreSQL folds it
  std::size_t name_at = 0, name_size = 0;  // where that name stands in the text (kPrepare, kExecute, kDeallocate)
  std::string discard;   // "all", "plans", "sequences", "temp"
  std::vector<Setting> settings;
  std::vector<Table> tables;       // without those of CTEs; unknown if kind is kUnknown
  std::vector<Function> functions; // called by name, each once
  int parameters = 0;              // the highest $n
};

// All that a text says.
struct Analysis {
  std::vector<Statement> statements;  // at least one, of kind kEmpty or kUnknown where there is none
  Effects effects;                    // of all of them
  uint64_t fingerprint = 0;           // libpg_query's, or the lexer's where it was not parsed
  bool parsed = false;
  bool writes = true;
  // One statement, and texts of the same skeleton say the same (skeleton.h): the facts may be shared with them.
  bool shareable = false;
  // Nothing here concerns the session. What most statements are, and all that the data path looks at.
  bool plain() const { return effects.without(Effect::kSequenceMade).empty(); }
};
using AnalysisPtr = std::shared_ptr<const Analysis>;

}  // namespace analyzer
