#pragma once
// SessionState: what the statements of one client have done to its session, as far as it is followed.
//
// Settings and LISTEN are transactional: they hold when the transaction that made them commits, and are gone when it, or
// the subtransaction they were made in, is rolled back. So they are kept as a log until then. What a text does not tell
// (set_config() with an expression) is asked of the server when the transaction is over, and so is whether something is
// left that cannot be followed at all. Pure: it hears what the server has confirmed, in the order of the answers.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/statement.h"
#include "wire/types.h"

namespace pooler {

class SessionState {
 public:
  // A change that has come to hold, in the order in which they were made.
  struct Change {
    enum class Kind : uint8_t { kSet, kReset, kResetAll, kListen, kUnlisten, kUnlistenAll };
    Kind kind;
    std::string name;   // setting or channel
    std::string value;  // kSet
  };
  struct Outcome {
    std::vector<Change> changes;
    std::vector<std::string> ask;  // settings whose value only the server knows; sorted, each once
    analyzer::Effects seen;        // all that the transaction's statements may have done
    bool empty() const { return changes.empty() && ask.empty() && seen.empty(); }
  };

  // The server has completed a statement. `tag` is its command tag: a COMMIT may turn out to be a ROLLBACK.
  void done(const analyzer::Statement& statement, std::string_view tag);
  // A statement may do something and it is not known when: it was sent.
  void sent(analyzer::Effects effects) { seen_ |= effects; }
  // The server has answered an error.
  void failed() { failed_ = true; }
  // ReadyForQuery. What holds now is in the outcome; it is empty within a transaction.
  Outcome ready(wire::TxStatus status);
  // What the transaction so far may have done.
  analyzer::Effects seen() const { return seen_; }
  // Nothing is kept: an idle client costs nothing.
  bool idle() const { return log_.empty() && ask_.empty() && committed_.empty() && seen_.empty(); }

 private:
  struct Entry {
    bool savepoint = false;
    Change change;  // of a savepoint only the name
  };
  void add(Change::Kind kind, std::string name, std::string value = {});
  void commit();
  void roll_back_to(std::string_view name);
  void release(std::string_view name);

  std::vector<Entry> log_;
  std::vector<Change> committed_;
  std::vector<std::string> ask_;
  analyzer::Effects seen_;
  bool failed_ = false;
};

}  // namespace pooler
