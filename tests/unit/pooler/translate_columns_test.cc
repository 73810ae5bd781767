#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pooler/replay.h"
#include "pooler/translate.h"
#include "tests/unit/pooler/client_messages.h"
#include "tests/unit/pooler/server_fixture.h"

namespace pooler {
namespace {

using namespace std::string_literals;
using Step = Translator::Step;

// RowDescription with columns of these names, of type 23.
std::string columns(std::string_view names) {
  std::string body{'\0', static_cast<char>(names.size())};
  for (const char name : names) {
    body += name;
    body += "\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"s;
  }
  return message('T', body);
}
const std::string kTypes = message('t', "\0\0"s);
const std::string kRow = message('D', "\0\0"s);

class TranslateColumnsTest : public ServerFixture {
 protected:
  // Takes as many messages as it can; how many bytes are left.
  std::size_t sends(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto header = wire::peek_frame(bytes);
      if (server_->replies().skipping() && header->type != 'S') {
        bytes.remove_prefix(header->size);
        continue;
      }
      const Step step = Translator(*server_, client_.statements, 200, stats_).message(*header, bytes);
      if (step == Step::kStall) break;
      EXPECT_EQ(step, Step::kWritten);
      server_->insert_due_replies();
      bytes.remove_prefix(header->size);
    }
    return bytes.size();
  }
  std::string sees(std::string_view answer) {
    client_.replies.clear();
    says(answer);
    return client_.types();
  }
  // A client of one server that was told the columns of "s", and then comes to another one.
  std::string knows(const std::string& sql, std::string_view names) {
    EXPECT_EQ(sends(parse("s", sql) + describe("s") + sync()), 0U);
    says(message('1') + kTypes + columns(names) + ready());
    const std::string name = client_.statements.find("s")->name;
    connect();
    return name;
  }

  Stats stats_;
};

TEST_F(TranslateColumnsTest, WhoIsNotToldTheColumnsWaitsUntilTheyAreKnownToBeTheSame) {
  const std::string ours = knows("SELECT 'same'", "ab");
  const std::string again = bind_to("s") + execute() + sync();
  EXPECT_EQ(sends(again), again.size());
  EXPECT_EQ(heard(), "P(" + ours + "|SELECT 'same') D(S" + ours + ") H");
  EXPECT_EQ(sends(again), again.size()) << "asked once";
  EXPECT_EQ(heard(), "H");
  EXPECT_EQ(sees(message('1') + kTypes + columns("ab")), "");
  EXPECT_EQ(sends(again), 0U);
  EXPECT_EQ(heard(), "B(|" + ours + ") E S");
  EXPECT_EQ(sees(message('2') + kRow + complete("SELECT 1") + ready()), "2DCZ");
  EXPECT_EQ(sends(again), 0U) << "and not again";
  EXPECT_EQ(heard(), "B(|" + ours + ") E S");
}

TEST_F(TranslateColumnsTest, OtherColumnsAreRefusedAsPostgresqlWould) {
  const std::string ours = knows("SELECT 'others'", "ab");
  const std::string again = bind_to("s") + execute() + sync();
  for (int i = 0; i < 2; ++i) {
    if (sends(again) > 0) {
      (void)heard();
      EXPECT_EQ(sees(message('1') + kTypes + columns("b")), "");
      EXPECT_EQ(sends(again), 0U);
    }
    EXPECT_EQ(heard(), "D(Sweir_ps_none) E S");
    EXPECT_EQ(sees(error("26000", "no such statement") + ready()), "EZ");
    EXPECT_EQ(client_.replies, changed_result() + ready());
    EXPECT_THAT(client_.events, testing::Contains("error 0A000"));
  }
  EXPECT_EQ(sends(parse("t", "SELECT 'others'") + sync()), 0U);
  EXPECT_THAT(heard(), testing::Not(testing::HasSubstr(ours))) << "who parses anew gets another statement";
}

TEST_F(TranslateColumnsTest, InAFailedTransactionTheServersOwnRefusalPasses) {
  (void)knows("SELECT 'failed'", "ab");
  const std::string again = bind_to("s") + execute() + sync();
  EXPECT_GT(sends(again), 0U);
  (void)sees(message('1') + kTypes + columns("b"));
  EXPECT_EQ(sends(again), 0U);
  EXPECT_EQ(sees(error("25P02", "current transaction is aborted") + ready('E')), "EZ");
  EXPECT_THAT(client_.replies, testing::HasSubstr("25P02"));
}

TEST_F(TranslateColumnsTest, WhoIsToldTheColumnsNeitherWaitsNorIsRefused) {
  const std::string ours = knows("SELECT 'told'", "ab");
  const std::string again = bind_to("s") + describe_portal() + execute() + sync();
  EXPECT_EQ(sends(again), 0U);
  EXPECT_EQ(heard(), "P(" + ours + "|SELECT 'told') D(S" + ours + ") B(|" + ours + ") D(P) E S");
  EXPECT_EQ(sees(message('1') + kTypes + columns("b") + message('2') + columns("b") + kRow + complete("SELECT 1") + ready()),
            "2TDCZ");
  EXPECT_EQ(sends(again), 0U);
  const std::string fresh = client_.statements.find("s")->name;
  EXPECT_NE(fresh, ours);
  EXPECT_EQ(heard(), "P(" + fresh + "|SELECT 'told') B(|" + fresh + ") D(P) E S");
}

TEST_F(TranslateColumnsTest, ADescribeTellsAndWhatItTellsHolds) {
  const std::string ours = knows("SELECT 'describe'", "ab");
  EXPECT_EQ(sends(describe("s") + sync()), 0U);
  EXPECT_EQ(heard(), "P(" + ours + "|SELECT 'describe') D(S" + ours + ") S");
  EXPECT_EQ(sees(message('1') + kTypes + columns("b") + ready()), "tTZ");
  const std::string fresh = client_.statements.find("s")->name;
  EXPECT_NE(fresh, ours);
  EXPECT_EQ(sends(bind_to("s") + execute() + sync()), 0U);
  EXPECT_EQ(heard(), "P(" + fresh + "|SELECT 'describe') B(|" + fresh + ") E S") << "nobody knows others of that one";
}

TEST_F(TranslateColumnsTest, ANameThatIsMadeNowMeansWhatIsThereNow) {
  const std::string ours = knows("SELECT 'parsed'", "ab");
  EXPECT_EQ(sends(parse("t", "SELECT 'parsed'") + sync()), 0U);
  EXPECT_EQ(heard(), "P(" + ours + "|SELECT 'parsed') D(S" + ours + ") S");
  EXPECT_EQ(sees(message('1') + kTypes + columns("b") + ready()), "1Z");
  EXPECT_NE(client_.statements.find("t")->name, ours);
  EXPECT_EQ(client_.statements.find("s")->name, ours);
}

TEST_F(TranslateColumnsTest, WhatAPortalTellsIsRemembered) {
  EXPECT_EQ(sends(parse("s", "SELECT 'portal'") + bind_to("s") + describe_portal() + execute() + sync()), 0U);
  says(message('1') + message('2') + columns("a") + kRow + complete("SELECT 1") + ready());
  connect();
  EXPECT_GT(sends(bind_to("s") + execute() + sync()), 0U) << "it may rely on that";
  EXPECT_EQ(sees(message('1') + kTypes + message('n')), "");
  EXPECT_EQ(sends(bind_to("s") + execute() + sync()), 0U);
  EXPECT_EQ(sees(error("26000", "none") + ready()), "EZ");
}

TEST_F(TranslateColumnsTest, WithoutAnAnswerToItTheQuestionIsAskedAgain) {
  const std::string ours = knows("SELECT 'skipped'", "ab");
  const std::string again = bind_to("s") + execute() + sync();
  EXPECT_GT(sends(again), 0U);
  EXPECT_EQ(sees(error("42P01", "gone")), "E");
  EXPECT_EQ(sends(again), 0U);
  EXPECT_EQ(sees(ready()), "Z");
  (void)heard();
  EXPECT_GT(sends(again), 0U);
  EXPECT_EQ(heard(), "P(" + ours + "|SELECT 'skipped') D(S" + ours + ") H");
}

}  // namespace
}  // namespace pooler
