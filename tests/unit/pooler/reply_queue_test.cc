#include "pooler/reply_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace pooler {
namespace {

using Verdict = ReplyQueue::Verdict;
using How = ReplyQueue::Settled::How;

Expect kind_of(char message) {
  switch (message) {
    case 'P': return Expect::kParse;
    case 'B': return Expect::kBind;
    case 'D': return Expect::kDescribePortal;
    case 'd': return Expect::kDescribeStatement;
    case 'C': return Expect::kClose;
    case 'E': return Expect::kExecute;
    case 'Q': return Expect::kQuery;
    case 'F': return Expect::kFunctionCall;
    case 'S': return Expect::kSync;
    default: return Expect::kCopyEnd;
  }
}

// What the client sees of `replies` after `messages` were sent: each reply that is forwarded, '.' for a dropped one,
// '!' for an unexpected one.
std::string converse(ReplyQueue& queue, std::string_view replies) {
  std::string seen;
  for (const char reply : replies) {
    switch (queue.on_reply(reply)) {
      case Verdict::kForward: seen += reply; break;
      case Verdict::kDrop: seen += '.'; break;
      case Verdict::kInternalError: seen += '#'; break;
      case Verdict::kGuardError: seen += '%'; break;
      case Verdict::kUnexpected: return seen + '!';
    }
    while (const char insert = queue.next_insert()) seen += insert;
  }
  return seen;
}

void send(ReplyQueue& queue, std::string_view messages, Action action = Action::kForward) {
  for (const char message : messages) queue.expect(kind_of(message), action);
}

std::unique_ptr<Change> change(std::string name) {
  auto made = std::make_unique<Change>();
  made->client_name = std::move(name);
  return made;
}

TEST(ReplyQueue, TagsGoWithTheirMessages) {
  ReplyQueue queue;
  EXPECT_EQ(queue.tag(), 0u);
  send(queue, "Q");
  queue.tag_newest(7);
  send(queue, "Q", Action::kInternal);
  send(queue, "PBE");
  queue.tag_newest(8);
  send(queue, "S");
  EXPECT_EQ(queue.tags_under_way(), (std::vector<uint32_t>{7, 8}));
  EXPECT_EQ(queue.tag(), 7u);
  converse(queue, "TDC");
  EXPECT_EQ(queue.tag(), 7u);  // another statement of it may come
  converse(queue, "Z");
  EXPECT_EQ(queue.tag(), 0u);
  converse(queue, "CZ12");
  EXPECT_EQ(queue.tag(), 8u);
  EXPECT_EQ(queue.tags_under_way(), std::vector<uint32_t>{8});
  converse(queue, "E");
  EXPECT_TRUE(queue.tags_under_way().empty());  // that one is answered
}

TEST(ReplyQueue, SimpleQueryIsOwedUntilReadyForQuery) {
  ReplyQueue queue;
  send(queue, "Q");
  EXPECT_EQ(converse(queue, "TDDC"), "TDDC");
  EXPECT_FALSE(queue.clean());
  EXPECT_EQ(converse(queue, "Z"), "Z");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, ErrorInSimpleQuerySkipsNothing) {
  ReplyQueue queue;
  send(queue, "QQQ");
  EXPECT_EQ(converse(queue, "TDCZ" "EZ" "TDCZ"), "TDCZEZTDCZ");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, ErrorInBatchSkipsUpToSync) {
  ReplyQueue queue;
  send(queue, "PBES" "BES");
  EXPECT_EQ(converse(queue, "EZ" "2DCZ"), "EZ2DCZ");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, SimpleQueryInsideTheSkippedPartIsNotAnswered) {
  ReplyQueue queue;
  send(queue, "PBEQS" "Q");
  EXPECT_EQ(converse(queue, "EZ" "CZ"), "EZCZ");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, ErrorBeforeAnySyncSkipsWhatFollows) {
  ReplyQueue queue;
  send(queue, "PBE");
  EXPECT_EQ(converse(queue, "E"), "E");
  EXPECT_TRUE(queue.skipping());
  EXPECT_FALSE(queue.clean());
  send(queue, "S");
  EXPECT_FALSE(queue.skipping());
  EXPECT_EQ(converse(queue, "Z"), "Z");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, ErrorAtCommitBelongsToSync) {
  ReplyQueue queue;
  send(queue, "PBES");
  EXPECT_EQ(converse(queue, "12CEZ"), "12CEZ");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, FlushLeavesTheBatchOpen) {
  ReplyQueue queue;
  send(queue, "Pd");
  EXPECT_EQ(converse(queue, "1tT"), "1tT");
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.open_batch());
  EXPECT_FALSE(queue.clean());
}

TEST(ReplyQueue, PortalSuspendedEndsOneExecute) {
  ReplyQueue queue;
  send(queue, "BEES");
  EXPECT_EQ(converse(queue, "2DDsDCZ"), "2DDsDCZ");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, InsertedRepliesKeepTheirPlace) {
  ReplyQueue queue;
  queue.expect(Expect::kParse, Action::kInsert);
  send(queue, "BE");
  queue.expect(Expect::kClose, Action::kInsert);
  send(queue, "S");
  std::string seen;
  while (const char insert = queue.next_insert()) seen += insert;
  seen += converse(queue, "2DCZ");
  EXPECT_EQ(seen, "12DC3Z");
}

TEST(ReplyQueue, InsertedRepliesAfterAnErrorAreSkipped) {
  ReplyQueue queue;
  send(queue, "BE");
  queue.expect(Expect::kClose, Action::kInsert, change("s1"));
  send(queue, "S");
  EXPECT_EQ(converse(queue, "EZ"), "EZ");
  ASSERT_EQ(queue.settled().size(), 1U);
  EXPECT_EQ(queue.settled()[0].how, How::kSkipped);
}

TEST(ReplyQueue, DroppedRepliesAreNotSeenButTheirErrorIs) {
  ReplyQueue fine;
  fine.expect(Expect::kParse, Action::kDrop);
  send(fine, "BES");
  EXPECT_EQ(converse(fine, "12DCZ"), ".2DCZ");
  ReplyQueue failing;
  failing.expect(Expect::kParse, Action::kDrop);
  send(failing, "BES");
  EXPECT_EQ(converse(failing, "EZ"), "EZ");
}

TEST(ReplyQueue, InternalStatementIsInvisible) {
  ReplyQueue queue;
  queue.expect(Expect::kQuery, Action::kInternal);
  send(queue, "Q");
  EXPECT_EQ(queue.on_async(), Verdict::kDrop);
  EXPECT_EQ(converse(queue, "TDCZ"), "....");
  EXPECT_EQ(queue.on_async(), Verdict::kForward);
  EXPECT_EQ(converse(queue, "TDCZ"), "TDCZ");
  queue.expect(Expect::kQuery, Action::kInternal);
  EXPECT_EQ(converse(queue, "EZ"), "#.");
}

TEST(ReplyQueue, ChangesSettleOnTheServersWord) {
  ReplyQueue queue;
  queue.expect(Expect::kParse, Action::kForward, change("a"));
  queue.expect(Expect::kParse, Action::kForward, change("b"));
  queue.expect(Expect::kParse, Action::kForward, change("c"));
  send(queue, "S");
  converse(queue, "1");
  ASSERT_EQ(queue.settled().size(), 1U);
  EXPECT_EQ(queue.settled()[0].how, How::kDone);
  queue.settled().clear();
  converse(queue, "E");
  ASSERT_EQ(queue.settled().size(), 2U);
  // Undone from the last to the first.
  EXPECT_EQ(queue.settled()[0].change->client_name, "c");
  EXPECT_EQ(queue.settled()[0].how, How::kSkipped);
  EXPECT_EQ(queue.settled()[1].change->client_name, "b");
  EXPECT_EQ(queue.settled()[1].how, How::kFailed);
}

TEST(ReplyQueue, KnowsUnsettledNamesOfEarlierSegments) {
  ReplyQueue queue;
  queue.expect(Expect::kParse, Action::kForward, change("a"));
  EXPECT_FALSE(queue.unsettled_before_this_segment());
  send(queue, "S");
  EXPECT_TRUE(queue.unsettled_before_this_segment());
  EXPECT_TRUE(queue.unsettled("a", nullptr));
  EXPECT_FALSE(queue.unsettled("b", nullptr));
  converse(queue, "1");
  EXPECT_FALSE(queue.unsettled_before_this_segment());
}

TEST(ReplyQueue, CopyInSwallowsSyncSentBeforeTheData) {
  // libpq: Parse Bind Describe Execute Sync, then data, CopyDone, Sync.
  ReplyQueue queue;
  send(queue, "PBDES");
  EXPECT_EQ(converse(queue, "12nG"), "12nG");
  EXPECT_TRUE(queue.in_copy_in());
  send(queue, "c");
  send(queue, "S");
  EXPECT_EQ(converse(queue, "CZ"), "CZ");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, CopyThatFailedIsInDoubtUntilProbed) {
  ReplyQueue queue;
  send(queue, "PBDES");
  converse(queue, "12nG");
  EXPECT_EQ(converse(queue, "E"), "E");
  EXPECT_TRUE(queue.skipping());
  send(queue, "S");
  EXPECT_EQ(converse(queue, "Z"), "Z");
  EXPECT_FALSE(queue.clean());
  ASSERT_TRUE(queue.needs_probe());
  queue.expect(Expect::kProbe, Action::kDrop);
  EXPECT_EQ(converse(queue, "IZ"), "..");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, ProbeLetsTheClientHaveTheReadyThatWasNotSwallowed) {
  ReplyQueue queue;
  send(queue, "PBDES");
  converse(queue, "12nG");
  send(queue, "c");
  send(queue, "S");
  EXPECT_EQ(converse(queue, "EZ"), "EZ");  // it failed before it read a byte: this answered the first Sync
  ASSERT_TRUE(queue.needs_probe());
  queue.expect(Expect::kProbe, Action::kDrop);
  EXPECT_EQ(converse(queue, "ZIZ"), "Z..");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, CopyInBySimpleQueryFails) {
  ReplyQueue queue;
  send(queue, "Q");
  EXPECT_EQ(converse(queue, "GEZ"), "GEZ");
  EXPECT_TRUE(queue.clean());
  EXPECT_FALSE(queue.may_copy_in());
}

TEST(ReplyQueue, CopyOutEndsWithCommandComplete) {
  ReplyQueue queue;
  send(queue, "BES");
  EXPECT_EQ(converse(queue, "2HdddcCZ"), "2HdddcCZ");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, FunctionCallEndsWithReadyForQuery) {
  ReplyQueue queue;
  send(queue, "FF");
  EXPECT_EQ(converse(queue, "VZEZ"), "VZEZ");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, AnythingThatWasNotAskedForIsUnexpected) {
  for (const char reply : std::string_view("123tTnDCIsGHWdcVZE")) {
    ReplyQueue queue;
    EXPECT_EQ(queue.on_reply(reply), Verdict::kUnexpected) << reply;
  }
  ReplyQueue parse;
  send(parse, "PS");
  EXPECT_EQ(parse.on_reply('2'), Verdict::kUnexpected);
  ReplyQueue early;
  send(early, "PS");
  EXPECT_EQ(early.on_reply('Z'), Verdict::kUnexpected);
}

TEST(ReplyQueue, GrowsAndKeepsOrder) {
  ReplyQueue queue;
  for (int i = 0; i < 1000; ++i) send(queue, "BES");
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(converse(queue, "2CZ"), "2CZ");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, AGuardsAnswersAreHiddenAndItsErrorIsTold) {
  ReplyQueue queue;
  queue.expect(Expect::kQuery, Action::kGuard);
  send(queue, "Q");
  EXPECT_TRUE(queue.at_guard());
  EXPECT_EQ(queue.on_async(), Verdict::kDrop);
  EXPECT_EQ(converse(queue, "CEZ"), ".%.");
  EXPECT_FALSE(queue.at_guard());
  EXPECT_EQ(converse(queue, "EZ"), "EZ");
  EXPECT_TRUE(queue.clean());
}

TEST(ReplyQueue, StatementsOfAWatchedMessageAreCounted) {
  ReplyQueue queue;
  const auto watch = std::make_shared<const Watch>();
  send(queue, "Q");
  EXPECT_EQ(queue.watch(), nullptr);
  queue.expect(Expect::kQuery, Action::kForward, nullptr, watch);
  EXPECT_EQ(converse(queue, "CZ"), "CZ");
  EXPECT_EQ(queue.watch(), watch);
  EXPECT_EQ(queue.completed(), 0U);
  EXPECT_EQ(converse(queue, "CC"), "CC");
  EXPECT_EQ(queue.completed(), 2U);
  EXPECT_EQ(converse(queue, "Z"), "Z");
  EXPECT_EQ(queue.watch(), nullptr);
}

TEST(ReplyQueue, AWatchBehindTheEndOfACopyIsFound) {
  ReplyQueue queue;
  const auto watch = std::make_shared<const Watch>();
  send(queue, "Ec");
  queue.expect(Expect::kExecute, Action::kForward, nullptr, watch);
  send(queue, "S");
  EXPECT_EQ(converse(queue, "GC"), "GC");
  EXPECT_EQ(queue.watch(), watch);
}

TEST(ReplyQueue, WhatIsOwedToTheClientIsItsOwnMessagesAlone) {
  ReplyQueue queue;
  EXPECT_FALSE(queue.owes_client());
  send(queue, "P", Action::kDrop);
  EXPECT_FALSE(queue.owes_client());
  send(queue, "BDES");
  EXPECT_TRUE(queue.owes_client());
  EXPECT_EQ(queue.owed_to_client(), 4U);
  EXPECT_FALSE(queue.at_beginning()) << "ours";
  EXPECT_EQ(converse(queue, "1"), ".");
  EXPECT_TRUE(queue.at_beginning());
  EXPECT_EQ(converse(queue, "2TD"), "2TD");
  EXPECT_FALSE(queue.at_beginning()) << "a row";
  EXPECT_EQ(converse(queue, "CZ"), "CZ");
}

TEST(ReplyQueue, AReadyForQueryCanBeMadeOurs) {
  ReplyQueue queue;
  send(queue, "BES");
  EXPECT_EQ(converse(queue, "E"), "E");
  queue.repeat(false);
  send(queue, "BES");
  EXPECT_EQ(converse(queue, "Z2CZ"), ".2CZ");
  send(queue, "dS");
  EXPECT_EQ(converse(queue, "t"), "t");
  EXPECT_TRUE(queue.at_beginning());
  EXPECT_TRUE(queue.types_told());
  EXPECT_EQ(converse(queue, "E"), "E");
  queue.repeat(true);
  send(queue, "P", Action::kDrop);
  send(queue, "dS");
  EXPECT_EQ(converse(queue, "Z1tTZ"), "...TZ") << "the types were told before";
  send(queue, "dS");
  EXPECT_EQ(converse(queue, "tE"), "tE");
  queue.repeat(true);
  send(queue, "P", Action::kDrop);
  send(queue, "dSdS");
  EXPECT_EQ(converse(queue, "ZEZtTZ"), ".EZtTZ") << "what was not repeated is not dropped later";
  EXPECT_TRUE(queue.clean());
}

}  // namespace
}  // namespace pooler
