// Plans of a real server.

#include "pooler/slow_plans.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "pooler/explain_text.h"
#include "tests/unit/pooler/listen_fixture.h"

namespace pooler {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class SlowPlansTest : public ListenFixture {
 protected:
  SlowPlansTest() : pool_(pool()) {}
  ~SlowPlansTest() override {
    plans_.stop_worker(0);
    clients_.clear();
  }

  std::string text(const std::string& sql) {
    KeptStatement kept;
    kept.keep_text(sql, false, {analyzer::Kind::kSelect, false}, {.from = {}, .limit = {}, .values = true});
    return explain_text(kept, false, {}).value_or("");
  }
  void ask(uint64_t fingerprint, const std::string& sql, bool shows_values = true) {
    plans_.ask(0,
               {.pool = pool_,
                .fingerprint = fingerprint,
                .text = sql,
                .shows_values = shows_values,
                .done =
                    [this](std::string plan) {
                      EXPECT_TRUE(loop_.in_loop_thread());
                      plan_.push_back(std::move(plan));
                    }},
               now_);
  }
  void settle(std::size_t plans) { ASSERT_TRUE(support::run_until(loop_, [&] { return plan_.size() >= plans; }, 20s)); }

  std::shared_ptr<Pool> pool_;
  SlowPlans plans_{runtime_};
  base::TimePoint now_{100s};
  std::vector<std::string> plan_;
};

TEST_F(SlowPlansTest, AServerSaysWhatItWouldDo) {
  ask(1, text("SELECT relname FROM pg_catalog.pg_class WHERE relname = 'secret'"));
  EXPECT_THAT(plan_, IsEmpty()) << "not inside the call";
  settle(1);
  EXPECT_THAT(plan_[0], HasSubstr("pg_class"));
  EXPECT_THAT(plan_[0], HasSubstr("(cost="));
  EXPECT_THAT(plan_[0], HasSubstr("'secret'"));
}

TEST_F(SlowPlansTest, WithoutValuesWhereTheseAreNotShown) {
  ask(1, text("SELECT relname FROM pg_catalog.pg_class WHERE relname = 'secret'"), false);
  settle(1);
  EXPECT_THAT(plan_[0], HasSubstr("relname = ?"));
  EXPECT_THAT(plan_[0], Not(HasSubstr("secret")));
}

TEST_F(SlowPlansTest, AnErrorIsItsSqlstateAndTheNextQuestionIsAnswered) {
  ask(1, text("SELECT * FROM nosuch"));
  ask(2, text("SELECT 1"));
  settle(2);
  EXPECT_THAT(plan_, ElementsAre("no plan: SQLSTATE 42P01", StartsWith("Result")));
}

TEST_F(SlowPlansTest, PlanningChangesNothing) {
  notify("CREATE TABLE IF NOT EXISTS planned (a int)");
  notify("CREATE OR REPLACE FUNCTION lying() RETURNS int IMMUTABLE LANGUAGE plpgsql AS "
         "$$BEGIN INSERT INTO public.planned VALUES (1); RETURN 1; END$$");
  ask(1, text("SELECT public.lying()"));
  settle(1);
  // 0A000: only what is stable may not write; 25006: this is read only.
  EXPECT_THAT(plan_[0], testing::AnyOf("no plan: SQLSTATE 0A000", "no plan: SQLSTATE 25006"));
  ask(2, text("SELECT count(*) FROM public.planned WHERE a = 1"));
  settle(2);
  plan_.clear();
  notify("DO $$BEGIN ASSERT (SELECT count(*) FROM public.planned) = 0; END$$");
}

TEST_F(SlowPlansTest, TheSameStatementIsAskedAboutAgainAfterAWhile) {
  EXPECT_TRUE(plans_.wanted(0, *pool_, 1, now_));
  ask(1, text("SELECT 1"));
  EXPECT_FALSE(plans_.wanted(0, *pool_, 1, now_));
  EXPECT_TRUE(plans_.wanted(0, *pool_, 2, now_));
  EXPECT_FALSE(plans_.wanted(0, *pool_, 1, now_ + SlowPlans::kAskAgain - 1us));
  EXPECT_TRUE(plans_.wanted(0, *pool_, 1, now_ + SlowPlans::kAskAgain));
  settle(1);
}

TEST_F(SlowPlansTest, TheLineIsBounded) {
  for (uint64_t i = 0; i < SlowPlans::kInLine; ++i) {
    ASSERT_TRUE(plans_.wanted(0, *pool_, i, now_));
    ask(i, text("SELECT 1"));
  }
  EXPECT_FALSE(plans_.wanted(0, *pool_, 1000, now_));
}

TEST_F(SlowPlansTest, WhoCannotConnectSaysSo) {
  auto broken = settings("nosuchdatabase");
  auto other = std::make_shared<Pool>(runtime_, "broken", "alice");
  other->configure(broken);
  pool_ = other;
  ask(1, text("SELECT 1"));
  settle(1);
  EXPECT_THAT(plan_[0], StartsWith("no plan: SQLSTATE "));
}

}  // namespace
}  // namespace pooler
