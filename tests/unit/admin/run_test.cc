#include "admin/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

#include "conf/diff.h"

namespace admin {
namespace {

using testing::ElementsAre;

class Run : public testing::Test {
 protected:
  pooler::Operations::Token start(std::string_view sql) {
    return run(understand(parse(sql)->front()).value(), sources_, world_.operations,
               [this](Answer answer) { answers_.push_back(std::move(answer)); });
  }

  World world_;
  Sources sources_{world_.inspector, [] { return std::vector<ConfigRow>(); }, [] { return ConsoleNumbers(); }, "1"};
  std::vector<Answer> answers_;
};

TEST_F(Run, AnswersAtOnceWithTheTag) {
  start("RESUME appdb");
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0]->tag, "RESUME");
  EXPECT_FALSE(answers_[0]->table.has_value());
}

TEST_F(Run, AWaitingPauseAnswersLater) {
  world_.operations.later = true;
  const auto token = start("PAUSE");
  EXPECT_TRUE(answers_.empty());
  world_.operations.complete(base::Ok{});
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_TRUE(answers_[0].ok());
}

TEST_F(Run, DroppingTheTokenOfAWaitingPauseUndoesIt) {
  world_.operations.later = true;
  start("PAUSE").reset();
  EXPECT_EQ(world_.operations.undone, 1);
  world_.operations.complete(base::Ok{});
  EXPECT_TRUE(answers_.empty());
}

TEST_F(Run, TheErrorsOfOperationsArePassedOn) {
  world_.operations.outcome = base::unknown_database("x");
  start("DISABLE x");
  start("RELOAD");
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[0].error().sqlstate, "3D000");
  EXPECT_EQ(answers_[1].error().sqlstate, "3D000");
}

TEST_F(Run, KillClientTakesAnIdOrAPointer) {
  start("KILL_CLIENT 26");
  start("KILL_CLIENT '0x1a'");
  start("KILL_CLIENT '0x180000001'");
  EXPECT_THAT(world_.operations.calls, ElementsAre("kill_client 26", "kill_client 26", "kill_client 6442450945"));
  for (const char* wrong : {"KILL_CLIENT abc", "KILL_CLIENT '0x'", "KILL_CLIENT -1", "KILL_CLIENT 1.5",
                            "KILL_CLIENT 99999999999999999999"}) {
    answers_.clear();
    start(wrong);
    ASSERT_EQ(answers_.size(), 1u) << wrong;
    EXPECT_EQ(answers_[0].error().sqlstate, "22P02") << wrong;
  }
  EXPECT_EQ(world_.operations.calls.size(), 3u);
}

}  // namespace
}  // namespace admin
