#include "pooler/reply_queue.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "wire/frame.h"

namespace pooler {
namespace {

// The replies that may answer a message, and those of them that end the answer. ErrorResponse and ReadyForQuery
// have their own rules.
struct Grammar {
  wire::TypeSet allowed, last;
};

constexpr auto kGrammar = [] {
  std::array<Grammar, static_cast<std::size_t>(Expect::kProbe) + 1> out{};
  const auto rule = [&out](Expect kind, std::string_view allowed, std::string_view last) {
    out[static_cast<std::size_t>(kind)] = {wire::TypeSet(allowed), wire::TypeSet(last)};
  };
  rule(Expect::kParse, "1", "1");
  rule(Expect::kBind, "2", "2");
  rule(Expect::kDescribeStatement, "tTn", "Tn");
  rule(Expect::kDescribePortal, "Tn", "Tn");
  rule(Expect::kClose, "3", "3");
  rule(Expect::kExecute, "DCIsGHWdc", "CIs");
  rule(Expect::kQuery, "TDCIGHWdc", "");
  rule(Expect::kFunctionCall, "V", "");
  rule(Expect::kProbe, "I", "");
  return out;
}();

constexpr bool extended(Expect kind) { return kind <= Expect::kExecute; }

}  // namespace

void ReplyQueue::expect(Expect kind, Action action, std::unique_ptr<Change> change, WatchPtr watch) {
  if (change) {
    ++changes_;
    ++changes_in_segment_;
  }
  if (kind == Expect::kSync) {
    open_batch_ = false;
    skipping_ = false;
    changes_in_segment_ = 0;
  } else if (extended(kind) && action != Action::kInsert) {
    open_batch_ = true;
  } else if (kind == Expect::kQuery || kind == Expect::kFunctionCall) {
    open_batch_ = false;
    changes_in_segment_ = 0;
  }
  ring_.push_back() = {.kind = kind, .action = action, .change = std::move(change), .watch = std::move(watch)};
}

void ReplyQueue::settle(Entry& entry, Settled::How how) {
  if (!entry.change) return;
  --changes_;
  changes_in_segment_ = std::min(changes_in_segment_, changes_);
  settled_.push_back({how, std::move(entry.change)});
}

void ReplyQueue::pop(Settled::How how) {
  settle(ring_.front(), how);
  ring_.front().watch.reset();
  ring_.pop_front();
}

// Removes the first `count` entries; what they changed is undone from the last to the first.
void ReplyQueue::erase_front(std::size_t count, Settled::How first, Settled::How others) {
  const std::size_t settled_before = settled_.size();
  for (std::size_t i = 0; i < count; ++i) pop(i == 0 ? first : others);
  std::reverse(settled_.begin() + static_cast<std::ptrdiff_t>(settled_before), settled_.end());
}

uint32_t ReplyQueue::tag() {
  drop_copy_ends();
  return !ring_.empty() ? ring_.front().tag : 0;
}

std::vector<uint32_t> ReplyQueue::tags_under_way() const {
  std::vector<uint32_t> tags;
  bool found = error_answered_ || skipping_;
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    const Entry& entry = ring_[i];
    if (!found && entry.tag != 0) {
      tags.push_back(entry.tag);
      found = true;
    }
    if (entry.kind == Expect::kQuery || entry.kind == Expect::kSync || entry.kind == Expect::kFunctionCall) found = false;
  }
  return tags;
}

const WatchPtr& ReplyQueue::watch() {
  static const WatchPtr none;
  drop_copy_ends();
  return !ring_.empty() ? ring_.front().watch : none;
}

ReplyQueue::Verdict ReplyQueue::on_async() const {
  const bool ours = !ring_.empty() && (ring_.front().action == Action::kInternal || ring_.front().action == Action::kGuard);
  return ours ? Verdict::kDrop : Verdict::kForward;
}

ReplyQueue::Verdict ReplyQueue::on_reply(char type) {
  drop_copy_ends();
  if (type == 'E') return on_error();
  if (type == 'Z') return on_ready();
  if (ring_.empty()) return Verdict::kUnexpected;
  Entry& head = ring_.front();
  const Grammar& rule = kGrammar[static_cast<std::size_t>(head.kind)];
  if (!rule.allowed.has(type)) return Verdict::kUnexpected;
  bool forward = head.action == Action::kForward;
  if (type == 't' && forward && std::exchange(drop_types_, false)) forward = false;
  const Verdict verdict = forward ? Verdict::kForward : Verdict::kDrop;
  if (head.kind == Expect::kProbe) probe_answered_ = true;
  head.begun = true;
  if (type == 'G' || type == 'W') {
    copy_in_ = true;
    head.copied = true;
  }
  if (type == 'C') {
    copy_in_ = false;
    ++head.completed;
  }
  if (rule.last.has(type)) {
    const bool copied = head.copied;
    pop(Settled::How::kDone);
    if (copied) swallow_syncs_of_copy();
  }
  return verdict;
}

// A COPY that reads data ignores Flush and Sync: those that were sent before its end are never answered.
void ReplyQueue::swallow_syncs_of_copy() {
  while (!ring_.empty() && ring_.front().kind == Expect::kSync) pop(Settled::How::kDone);
  drop_copy_ends();
}

ReplyQueue::Verdict ReplyQueue::on_error() {
  if (ring_.empty()) return Verdict::kUnexpected;
  Entry& head = ring_.front();
  const Verdict verdict = head.action == Action::kInternal ? Verdict::kInternalError
                          : head.action == Action::kGuard  ? Verdict::kGuardError
                                                           : Verdict::kForward;
  const bool was_copying = std::exchange(copy_in_, false);
  error_answered_ = true;
  drop_types_ = false;
  if (!extended(head.kind)) return verdict;  // its ReadyForQuery follows

  const bool copied = head.copied && was_copying;
  std::size_t skipped = 1;
  if (copied) {
    // Syncs sent before the data were read, and ignored, by the COPY that failed; unless it failed before it read
    // anything, and then one of them is answered. Which of the two is asked of the server (needs_probe).
    std::size_t syncs = 0;
    while (skipped < ring_.size() && ring_[skipped].kind == Expect::kSync) ++skipped, ++syncs;
    if (syncs > 0) doubtful_ = true;
    if (skipped < ring_.size() && ring_[skipped].kind == Expect::kCopyEnd) ++skipped;
  }
  while (skipped < ring_.size() && ring_[skipped].kind != Expect::kSync) ++skipped;
  const bool sync_follows = skipped < ring_.size();
  erase_front(skipped, Settled::How::kFailed, Settled::How::kSkipped);
  if (!sync_follows) {
    skipping_ = true;
    open_batch_ = true;
  }
  return verdict;
}

ReplyQueue::Verdict ReplyQueue::on_ready() {
  error_answered_ = false;
  if (ring_.empty() || (ring_.front().kind == Expect::kProbe && !probe_answered_)) {
    if (!doubtful_) return Verdict::kUnexpected;
    // The Sync that we took for swallowed was not.
    skipping_ = false;
    open_batch_ = false;
    return Verdict::kForward;
  }
  Entry& head = ring_.front();
  if (extended(head.kind) || head.action == Action::kInsert) return Verdict::kUnexpected;
  const Verdict verdict = head.action == Action::kForward ? Verdict::kForward : Verdict::kDrop;
  if (head.kind == Expect::kProbe) {
    probe_answered_ = false;
    doubtful_ = false;
  }
  copy_in_ = false;
  pop(Settled::How::kDone);
  drop_copy_ends();
  return verdict;
}

bool ReplyQueue::executes_nothing() const {
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    const Entry& entry = ring_[i];
    const bool executes = entry.kind == Expect::kQuery || entry.kind == Expect::kFunctionCall || entry.kind == Expect::kExecute;
    if (executes && entry.action == Action::kForward) return false;
  }
  return true;
}

bool ReplyQueue::batch_executes_nothing() const {
  for (std::size_t i = ring_.size(); i-- > 0;) {
    const Expect kind = ring_[i].kind;
    if (kind == Expect::kSync || kind == Expect::kQuery || kind == Expect::kFunctionCall) return true;
    if (kind == Expect::kExecute && ring_[i].action == Action::kForward) return false;
  }
  return true;
}

std::size_t ReplyQueue::ready_owed() const {
  std::size_t owed = 0;
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    const Entry& entry = ring_[i];
    const bool ends = entry.kind == Expect::kQuery || entry.kind == Expect::kFunctionCall || entry.kind == Expect::kSync;
    if (ends && entry.action == Action::kForward) ++owed;
  }
  return owed;
}

std::size_t ReplyQueue::owed_to_client() const {
  std::size_t owed = 0;
  for (std::size_t i = 0; i < ring_.size(); ++i)
    if (ring_[i].action == Action::kForward) ++owed;
  return owed;
}

bool ReplyQueue::owes_client() const {
  for (std::size_t i = 0; i < ring_.size(); ++i)
    if (ring_[i].action == Action::kForward) return true;
  return false;
}

bool ReplyQueue::describes(const Prepared& statement) const {
  for (std::size_t i = 0; i < ring_.size(); ++i)
    if (ring_[i].watch && ring_[i].watch->describes.get() == &statement) return true;
  return false;
}

bool ReplyQueue::unsettled(std::string_view name, const Prepared* statement) const {
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    const auto& change = ring_[i].change;
    if (!change) continue;
    const bool same_statement = statement != nullptr && change->statement.get() == statement;
    if (same_statement || (!name.empty() && change->client_name == name)) return true;
  }
  return false;
}

char ReplyQueue::take_insert() {
  const char type = ring_.front().kind == Expect::kParse ? '1' : '3';
  pop(Settled::How::kDone);
  return type;
}

}  // namespace pooler
