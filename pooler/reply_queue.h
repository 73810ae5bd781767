#pragma once
// ReplyQueue: what a server still owes, message by message. Pure: no stream, no clock.
//
// Everything that leaves for a server is entered here in the same step, so that each reply finds the message it
// answers. Counting ReadyForQuery is not enough: after an error in an extended message PostgreSQL skips everything
// up to the next Sync, simple queries included, and answers once; after an error in a simple query it skips nothing
// (manual: "Message Flow", "Extended Query"; "COPY Operations").
//
// An entry is forwarded (the client asked), dropped (we asked) or inserted (the client asked, the server did not
// have to be asked). An entry may carry the Change that its message made to the prepared statement maps: it is
// settled, as done or undone, on the server's word alone.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/ring.h"
#include "pooler/prepared.h"
#include "pooler/watch.h"

namespace pooler {

enum class Expect : uint8_t {
  kParse,
  kBind,
  kDescribeStatement,
  kDescribePortal,
  kClose,
  kExecute,
  kQuery,
  kFunctionCall,
  kSync,
  kCopyEnd,  // CopyDone or CopyFail: owed nothing; marks where a COPY stopped reading
  kProbe,    // our own empty query that tells how many ReadyForQuery stood before it
};

enum class Action : uint8_t {
  kForward,
  kDrop,      // we asked on the client's behalf: only an error is the client's
  kInternal,  // our own statement: nothing of it is the client's, notices and errors included
  kGuard,     // the same, in front of a client's statement that must not run when it fails
  kInsert,    // never sent: its reply is ours to make, in its turn
};

class ReplyQueue {
 public:
  enum class Verdict : uint8_t {
    kForward,
    kDrop,
    kInternalError,  // an ErrorResponse to our own statement
    kGuardError,     // an ErrorResponse to one that guards
    kUnexpected,     // nothing that PostgreSQL would say here: the connection is of no more use
  };

  struct Settled {
    enum class How : uint8_t { kDone, kFailed, kSkipped };
    How how;
    std::unique_ptr<Change> change;
  };

  // A message was sent (or, for kInsert, need not be).
  void expect(Expect kind, Action action, std::unique_ptr<Change> change = nullptr, WatchPtr watch = nullptr);

  // What was expected last carries this number, for whoever counts; 0 where nobody does.
  void tag_newest(uint32_t tag) { ring_.back().tag = tag; }
  // That of what is answered now.
  uint32_t tag();
  // Of each request under way, that of the statement which is or would be answered next, in their order.
  std::vector<uint32_t> tags_under_way() const;

  // The watch of what is answered now, and how many of its statements are completed; null if it has none.
  const WatchPtr& watch();
  std::size_t completed() const { return ring_.empty() ? 0 : ring_.front().completed; }
  bool in_simple_query() const { return !ring_.empty() && ring_.front().kind == Expect::kQuery; }
  // What is answered now is a guard.
  bool at_guard() const { return !ring_.empty() && ring_.front().action == Action::kGuard; }

  // A message of this type arrived. Asynchronous ones (NoticeResponse, ParameterStatus, NotificationResponse) are
  // for on_async. Afterwards the caller takes next_insert() until it is 0, then settled().
  Verdict on_reply(char type);
  // It is a row, or what tells of rows, on its way to the client: on_reply() would say kForward, and do no more than this.
  bool just_passes(char type) {
    if (ring_.empty()) return false;
    Entry& head = ring_.front();
    if (head.action != Action::kForward) return false;
    const bool passes = type == 'D' ? head.kind == Expect::kQuery || head.kind == Expect::kExecute
                                    : type == 'T' && head.kind == Expect::kQuery;
    if (passes) head.begun = true;
    return passes;
  }
  // Where an asynchronous message goes that arrives now.
  Verdict on_async() const;

  // If the entry at the head is an inserted one, removes it and returns the type of the reply to make; else 0.
  char next_insert() {
    drop_copy_ends();
    return !ring_.empty() && ring_.front().action == Action::kInsert ? take_insert() : '\0';
  }

  // Changes whose outcome is known since the last call, to be undone in this order where they were not done.
  std::vector<Settled>& settled() { return settled_; }

  // An error was answered, and the server ignores everything but Sync (and Terminate): the caller sends nothing else.
  bool skipping() const { return skipping_; }
  // The server reads, or may be about to read, COPY data: CopyData, CopyDone and CopyFail mean something to it.
  bool may_copy_in() const { return copy_in_ || !ring_.empty(); }
  bool in_copy_in() const { return copy_in_; }
  // Extended messages were sent that no Sync has followed.
  bool open_batch() const { return open_batch_; }
  // How many ReadyForQuery are uncertain is decided by kProbe, which the caller sends when this says so.
  bool needs_probe() const { return doubtful_ && ring_.empty() && !open_batch_ && !skipping_; }
  // Nothing is owed and nothing is half said.
  bool clean() const { return ring_.empty() && !open_batch_ && !skipping_ && !copy_in_ && !doubtful_; }
  bool empty() const { return ring_.empty(); }
  // Nothing of the client's is owed that executes anything.
  bool executes_nothing() const;
  // The same of what was sent since the last Sync.
  bool batch_executes_nothing() const;
  // A Describe of it is under way that tells its columns.
  bool describes(const Prepared& statement) const;
  // How many ReadyForQuery the client still waits for.
  std::size_t ready_owed() const;
  // Messages of the client's that were sent and are not answered in full.
  std::size_t owed_to_client() const;
  bool owes_client() const;
  // What is answered now is the client's, and nothing of its answer has arrived but the types of parameters.
  bool at_beginning() const {
    return !ring_.empty() && ring_.front().action == Action::kForward && (!ring_.front().begun || types_told());
  }
  bool types_told() const { return !ring_.empty() && ring_.front().begun && ring_.front().kind == Expect::kDescribeStatement; }
  // After an error that is not the client's: the ReadyForQuery that comes next is dropped, as what failed is sent again
  // behind it; the types of parameters are, too, if they were told.
  void repeat(bool types_told) {
    ring_.front().action = Action::kDrop;
    drop_types_ = types_told;
    error_answered_ = false;
  }
  // The error of what is answered now has been passed on; its ReadyForQuery has not.
  bool error_answered() const { return error_answered_; }
  std::size_t size() const { return ring_.size(); }
  // Changes to maps that the server has not confirmed, in segments before the current one (a segment ends with
  // Sync): looking up what they touch must wait.
  bool unsettled_before_this_segment() const { return changes_ > changes_in_segment_; }
  // Some unconfirmed change concerns a client's statement of that name, or this statement.
  bool unsettled(std::string_view name, const Prepared* statement) const;

 private:
  struct Entry {
    Expect kind;
    Action action;
    bool copied = false;       // kExecute: it went into copy-in mode
    bool begun = false;        // some of the answer has arrived
    uint32_t completed = 0;    // CommandComplete that have arrived
    uint32_t tag = 0;
    std::unique_ptr<Change> change;
    WatchPtr watch;
  };

  void pop(Settled::How how);
  void drop_copy_ends() {
    while (!ring_.empty() && ring_.front().kind == Expect::kCopyEnd) pop(Settled::How::kDone);
  }
  char take_insert();
  void settle(Entry& entry, Settled::How how);
  Verdict on_error();
  Verdict on_ready();
  void swallow_syncs_of_copy();
  void erase_front(std::size_t count, Settled::How first, Settled::How others);

  base::Ring<Entry, 16> ring_;
  std::vector<Settled> settled_;
  std::size_t changes_ = 0;
  std::size_t changes_in_segment_ = 0;
  bool open_batch_ = false;
  bool skipping_ = false;
  bool copy_in_ = false;
  bool doubtful_ = false;
  bool probe_answered_ = false;
  bool error_answered_ = false;
  bool drop_types_ = false;
};

}  // namespace pooler
