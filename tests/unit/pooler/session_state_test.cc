#include "pooler/session_state.h"

#include <gtest/gtest.h>

namespace pooler {
namespace {

using analyzer::Effect;
using analyzer::Kind;
using analyzer::Setting;
using analyzer::Statement;
using wire::TxStatus;

Statement of(Kind kind, std::string name = {}) {
  Statement statement;
  statement.kind = kind;
  statement.name = std::move(name);
  return statement;
}

Statement set(std::string name, std::string value, bool local = false) {
  Statement statement = of(Kind::kSet);
  statement.settings.push_back({std::move(name), std::move(value), Setting::Op::kSet, local});
  return statement;
}

// The outcome as text: "a=1 -b listen:c ?d".
std::string text(const SessionState::Outcome& outcome) {
  std::string out;
  for (const auto& change : outcome.changes) {
    using enum SessionState::Change::Kind;
    if (!out.empty()) out += ' ';
    switch (change.kind) {
      case kSet: out += change.name + "=" + change.value; break;
      case kReset: out += "-" + change.name; break;
      case kResetAll: out += "-*"; break;
      case kListen: out += "listen:" + change.name; break;
      case kUnlisten: out += "unlisten:" + change.name; break;
      case kUnlistenAll: out += "unlisten:*"; break;
    }
  }
  for (const auto& name : outcome.ask) out += (out.empty() ? "?" : " ?") + name;
  return out;
}

class SessionStateTest : public testing::Test {
 protected:
  void begin() { state.done(of(Kind::kBegin), "BEGIN"); }
  void savepoint(const char* name) { state.done(of(Kind::kSavepoint, name), "SAVEPOINT"); }
  void release(const char* name) { state.done(of(Kind::kRelease, name), "RELEASE"); }
  void back_to(const char* name) { state.done(of(Kind::kRollbackTo, name), "ROLLBACK"); }
  void set(const char* name, const char* value, bool local = false) {
    state.done(pooler::set(name, value, local), "SET");
  }
  std::string commit() {
    state.done(of(Kind::kCommit), "COMMIT");
    return text(state.ready(TxStatus::kIdle));
  }
  SessionState state;
};

TEST_F(SessionStateTest, ASettingOutsideATransactionHoldsAtReady) {
  set("a", "1");
  EXPECT_EQ(text(state.ready(TxStatus::kIdle)), "a=1");
  EXPECT_TRUE(state.idle());
}

TEST_F(SessionStateTest, WithinATransactionItHoldsAtCommit) {
  begin();
  EXPECT_EQ(text(state.ready(TxStatus::kInTransaction)), "");
  set("a", "1");
  EXPECT_EQ(text(state.ready(TxStatus::kInTransaction)), "");
  EXPECT_EQ(commit(), "a=1");
}

TEST_F(SessionStateTest, ARollbackTakesItBack) {
  begin();
  set("a", "1");
  state.done(of(Kind::kRollback), "ROLLBACK");
  EXPECT_EQ(text(state.ready(TxStatus::kIdle)), "");
}

TEST_F(SessionStateTest, ACommitOfAFailedTransactionIsARollback) {
  begin();
  set("a", "1");
  state.failed();
  EXPECT_EQ(text(state.ready(TxStatus::kFailed)), "");
  state.done(of(Kind::kCommit), "ROLLBACK");
  EXPECT_EQ(text(state.ready(TxStatus::kIdle)), "");
}

TEST_F(SessionStateTest, AnErrorEndsAnImplicitTransaction) {
  set("a", "1");  // SET a = 1; SELECT 1/0
  state.failed();
  EXPECT_EQ(text(state.ready(TxStatus::kIdle)), "");
}

TEST_F(SessionStateTest, WhatWasCommittedBeforeAnErrorStays) {
  begin();  // BEGIN; SET a = 1; COMMIT; SET b = 2; SELECT 1/0
  set("a", "1");
  state.done(of(Kind::kCommit), "COMMIT");
  set("b", "2");
  state.failed();
  EXPECT_EQ(text(state.ready(TxStatus::kIdle)), "a=1");
}

TEST_F(SessionStateTest, LocalSettingsNeverOutliveTheTransaction) {
  begin();
  set("a", "1");
  set("a", "2", true);
  EXPECT_EQ(commit(), "a=1");
}

TEST_F(SessionStateTest, ASavepointTakesBackWhatCameAfterIt) {
  begin();
  set("a", "1");
  savepoint("s");
  set("a", "2");
  set("b", "2");
  back_to("s");
  set("c", "3");
  EXPECT_EQ(commit(), "a=1 c=3");
}

TEST_F(SessionStateTest, ASavepointBeforeEverything) {
  begin();
  savepoint("s");
  set("a", "1");
  back_to("s");
  set("b", "2");
  EXPECT_EQ(commit(), "b=2");
}

TEST_F(SessionStateTest, ASavepointBeforeEverythingReleased) {
  begin();
  savepoint("s");
  set("a", "1");
  savepoint("t");
  set("b", "2");
  release("s");
  back_to("s");  // an outer one of the same name, also before everything
  EXPECT_EQ(commit(), "");
}

TEST_F(SessionStateTest, TheLatestSavepointOfAName) {
  begin();
  set("a", "1");
  savepoint("s");
  set("a", "2");
  savepoint("s");
  set("a", "3");
  back_to("s");
  release("s");
  set("b", "4");
  EXPECT_EQ(commit(), "a=1 a=2 b=4");
}

TEST_F(SessionStateTest, ReleaseKeepsWhatWasDone) {
  begin();
  set("a", "1");
  savepoint("s");
  set("b", "2");
  savepoint("t");
  set("c", "3");
  release("s");
  EXPECT_EQ(commit(), "a=1 b=2 c=3");
}

TEST_F(SessionStateTest, RollbackToCanBeRepeated) {
  begin();
  set("z", "0");
  savepoint("s");
  set("a", "1");
  back_to("s");
  set("a", "2");
  back_to("s");
  EXPECT_EQ(commit(), "z=0");
}

TEST_F(SessionStateTest, ListenIsTransactionalToo) {
  begin();
  state.done(of(Kind::kListen, "c"), "LISTEN");
  savepoint("s");
  state.done(of(Kind::kListen, "d"), "LISTEN");
  back_to("s");
  EXPECT_EQ(commit(), "listen:c");
}

TEST_F(SessionStateTest, WhatTheTextDoesNotTellIsAsked) {
  Statement statement = of(Kind::kSelect);
  statement.settings.push_back({"b", "", Setting::Op::kSetQuery, false});
  statement.settings.push_back({"a", "", Setting::Op::kSetQuery, false});
  state.done(statement, "SELECT 1");
  state.done(statement, "SELECT 1");
  EXPECT_EQ(text(state.ready(TxStatus::kIdle)), "?a ?b");
}

TEST_F(SessionStateTest, WhatIsAskedIsAskedEvenAfterARollback) {
  begin();
  Statement statement = of(Kind::kSelect);
  statement.settings.push_back({"a", "", Setting::Op::kSetQuery, false});
  state.done(statement, "SELECT 1");
  state.done(of(Kind::kRollback), "ROLLBACK");
  EXPECT_EQ(text(state.ready(TxStatus::kIdle)), "?a");
}

TEST_F(SessionStateTest, DiscardAllResetsAndUnlistens) {
  Statement statement = of(Kind::kDiscard);
  statement.discard = "all";
  state.done(statement, "DISCARD ALL");
  EXPECT_EQ(text(state.ready(TxStatus::kIdle)), "-session_authorization -role -* unlisten:*");
}

TEST_F(SessionStateTest, EffectsGatherUntilTheTransactionIsOver) {
  state.sent(Effect::kTemporary);
  EXPECT_EQ(state.ready(TxStatus::kInTransaction).seen.bits(), 0U);
  state.sent(Effect::kAdvisoryLock);
  EXPECT_EQ(state.ready(TxStatus::kIdle).seen, Effect::kTemporary | Effect::kAdvisoryLock);
  EXPECT_TRUE(state.ready(TxStatus::kIdle).empty());
}

TEST_F(SessionStateTest, PrepareTransactionKeepsSettings) {
  begin();
  set("a", "1");
  state.done(of(Kind::kPrepareTransaction), "PREPARE TRANSACTION");
  EXPECT_EQ(text(state.ready(TxStatus::kIdle)), "a=1");
}

}  // namespace
}  // namespace pooler
