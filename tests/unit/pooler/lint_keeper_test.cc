#include "pooler/lint_keeper.h"

#include <string>

#include "tests/unit/pooler/process_fixture.h"

namespace pooler {
namespace {

class LintKeeperTest : public ProcessFixture {
 protected:
  LintKeeperTest()
      : keeper_(main_, runtime_, *pools_,
                {.parts = [this](auto done) { process_->look_for_lint(std::move(done)); },
                 .pools = [this] { return process_->pool_moments(); }}) {
    keeper_.start();
    advice_.lint = true;
  }
  ~LintKeeperTest() override { keeper_.stop(); }

  // As if a client on that worker had run it.
  void run(int worker, uint64_t fingerprint, std::string sql) {
    Worker& place = *workers_[static_cast<std::size_t>(worker)];
    std::atomic<bool> done{false};
    place.loop().post([&place, &done, fingerprint, sql] {
      auto& stats = place.counted_queries();
      stats.record(stats.find(fingerprint, stats.owner("app", "alice", "web"), sql),
                   {.server = std::chrono::milliseconds(50), .ended = base::now()});
      place.lint_books().facts.of(fingerprint, "app").look({.text = sql});
      done = true;
    });
    ASSERT_TRUE(support::run_until(main_, [&] { return done.load(); }));
  }
  LintReportPtr report() {
    LintReportPtr found;
    keeper_.report([&found](LintReportPtr made) { found = std::move(made); });
    EXPECT_TRUE(support::run_until(main_, [&] { return found != nullptr; }));
    return found;
  }

  conf::Advice advice_;
  LintKeeper keeper_;
};

TEST_F(LintKeeperTest, NothingIsMadeWhileItIsOff) {
  run(0, 1, "SELECT a FROM t WHERE b = NULL");
  const LintReportPtr made = report();
  ASSERT_NE(made, nullptr);
  EXPECT_FALSE(made->on);
  EXPECT_TRUE(made->lint.findings.empty());
}

TEST_F(LintKeeperTest, AllWorkersStatementsAreHeldAgainstTheRules) {
  run(0, 1, "SELECT a FROM t WHERE b = NULL");
  run(1, 1, "SELECT a FROM t WHERE b = NULL");
  run(1, 2, "SELECT a FROM t WHERE b IS NULL");
  keeper_.configure(advice_);
  const LintReportPtr made = report();
  EXPECT_TRUE(made->on);
  EXPECT_EQ(made->lint.statements, 2u);
  ASSERT_EQ(made->lint.findings.size(), 1u);
  EXPECT_EQ(made->lint.findings[0].rule->name, "EQNULL");
  EXPECT_EQ(made->lint.findings[0].calls, 2u);
  EXPECT_EQ(report(), made) << "a fresh one is good for all who ask";
}

TEST_F(LintKeeperTest, ManyWhoAskShareOneRun) {
  keeper_.configure(advice_);
  int answers = 0;
  for (int i = 0; i < 20; ++i) keeper_.report([&answers](const LintReportPtr&) { ++answers; });
  EXPECT_TRUE(support::run_until(main_, [&] { return answers == 20; }));
}

TEST_F(LintKeeperTest, SwitchedOffItForgets) {
  run(0, 1, "SELECT a FROM t WHERE b = NULL");
  keeper_.configure(advice_);
  EXPECT_TRUE(report()->on);
  advice_.lint = false;
  keeper_.configure(advice_);
  EXPECT_FALSE(report()->on);
}

TEST(LintKeeper, LimitsComeFromTheSettings) {
  conf::Advice settings;
  settings.lint_time = std::chrono::milliseconds(250);
  settings.lint_rows = 5;
  settings.lint_offset = 6;
  settings.findings_max = 7;
  settings.lint_off = {"STAR"};
  const analyzer::LintLimits limits = lint_limits(settings);
  EXPECT_EQ(limits.ms_per_hour, 250);
  EXPECT_EQ(limits.rows, 5);
  EXPECT_EQ(limits.offset, 6);
  EXPECT_EQ(limits.findings_max, 7u);
  EXPECT_EQ(limits.off, settings.lint_off);
}

}  // namespace
}  // namespace pooler
