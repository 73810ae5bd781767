#include "pooler/replay.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/pooler/client_messages.h"
#include "wire/codec.h"

namespace pooler {
namespace {

using namespace std::string_view_literals;

// Bind with one value, and so many formats of result columns.
std::string bind(std::string_view statement, int formats = 0, std::string_view portal = "") {
  std::string rest("\0\1\0\0\0\1\0\0\0\3abc"sv);
  rest += '\0';
  rest += static_cast<char>(formats);
  rest.append(static_cast<std::size_t>(formats) * 2, '\0');
  return bind_to(statement, rest, portal);
}

TEST(Replay, WhoIsToldTheColumnsGetsTheRows) {
  const std::string batch = bind("s", 1) + describe_portal() + execute() + sync();
  const auto replay = replayable(batch);
  ASSERT_TRUE(replay);
  EXPECT_EQ(replay->messages, batch);
  EXPECT_EQ(replay->replies, 4U);
  EXPECT_EQ(replay->statement, "s");
  EXPECT_FALSE(replay->query);
  EXPECT_FALSE(replay->unless_told);
}

TEST(Replay, WhoMayRememberOtherColumnsGetsTheError) {
  const std::string batch = bind("s") + execute() + sync();
  const auto replay = replayable(batch);
  ASSERT_TRUE(replay);
  EXPECT_TRUE(replay->unless_told);
  EXPECT_FALSE(replayable(bind("s", 2) + describe_portal() + execute() + sync())) << "formats of columns it knows";
  EXPECT_TRUE(replayable(bind("s") + describe_portal("other") + execute() + sync())->unless_told);
}

TEST(Replay, WhatWasParsedInTheSameBatchCannotBeRememberedOtherwise) {
  const std::string tail = bind("s", 2) + execute() + sync();
  const std::string batch = parse("s") + tail;
  const auto replay = replayable(batch);
  ASSERT_TRUE(replay);
  EXPECT_EQ(replay->messages, tail) << "the Parse was answered";
  EXPECT_EQ(replay->replies, 3U);
  EXPECT_FALSE(replayable(parse("other") + tail));
}

TEST(Replay, ADescribeOfAStatementIsAnsweredAnew) {
  const std::string batch = describe("s") + sync();
  const auto replay = replayable(batch);
  ASSERT_TRUE(replay);
  EXPECT_EQ(replay->statement, "s");
  EXPECT_EQ(replay->replies, 2U);
}

TEST(Replay, ASimpleQueryIsSentAgainAsItIs) {
  const std::string batch = query("EXECUTE p");
  const auto replay = replayable(batch);
  ASSERT_TRUE(replay);
  EXPECT_TRUE(replay->query);
  EXPECT_EQ(replay->replies, 1U);
}

TEST(Replay, MoreThanOneExecutionIsNotRepeated) {
  const std::string one = bind("s", 1) + describe_portal() + execute();
  EXPECT_FALSE(replayable(one + one + sync()));
  EXPECT_FALSE(replayable(one + sync() + one + sync()));
  EXPECT_FALSE(replayable(one + execute() + sync()));
  EXPECT_FALSE(replayable(one)) << "no Sync";
  EXPECT_FALSE(replayable(execute() + sync()));
  EXPECT_FALSE(replayable(query("SELECT 1") + query("SELECT 1")));
  EXPECT_FALSE(replayable(parse("s") + query("SELECT 1")));
}

TEST(Replay, TheUnnamedStatementIsItsClientsOwn) { EXPECT_FALSE(replayable(bind("") + execute() + sync())); }

TEST(Replay, WhatIsCutIsNotRead) {
  const std::string batch = parse("s") + bind("s", 1) + describe_portal() + execute() + sync();
  ASSERT_TRUE(replayable(batch));
  for (std::size_t size = 0; size < batch.size(); ++size) EXPECT_FALSE(replayable(batch.substr(0, size))) << size;
}

TEST(Replay, RubbishIsNotRead) {
  std::string bad = bind("s");
  bad[bad.size() - 6] = '\x7f';  // a value that is longer than the message
  EXPECT_FALSE(replayable(bad + execute() + sync()));
  std::string negative("\0s\0\0\0\0\1\xff\xff\xff\xfe\0\0"sv);
  std::string out;
  wire::Writer writer(out);
  writer.begin('B');
  writer.bytes(negative);
  ASSERT_TRUE(writer.end().ok());
  EXPECT_TRUE(replayable(out + sync())) << "PostgreSQL judges the values";
}

TEST(Replay, TheErrorIsToldByItsPlace) {
  EXPECT_TRUE(is_changed_result("SERROR\0C0A000\0Mle plan\0RRevalidateCachedQuery\0\0"sv));
  EXPECT_FALSE(is_changed_result("SERROR\0C0A000\0Mnot implemented\0Rparse\0\0"sv));
  EXPECT_FALSE(is_changed_result("SERROR\0C42P01\0Mgone\0RRevalidateCachedQuery\0\0"sv));
  EXPECT_FALSE(is_changed_result("SERROR\0C0A000\0RRevalidateCachedQuery"sv)) << "not ended";
  EXPECT_FALSE(is_changed_result(""));
}

}  // namespace
}  // namespace pooler
