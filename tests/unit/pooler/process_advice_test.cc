// What advice is made of, over all workers and pools.

#include "tests/unit/pooler/process_fixture.h"

namespace pooler {
namespace {

class ProcessAdviceTest : public ProcessFixture {};

TEST_F(ProcessAdviceTest, EachWorkerTellsItsPart) {
  Worker& place = *workers_[1];
  std::atomic<bool> done{false};
  place.loop().post([&place, &done] {
    place.lint_books().facts.of(5, "app").look({.text = "SELECT 1"});
    analyzer::Loops loop;
    loop.fingerprint = 6;
    place.lint_books().loops.add(loop);
    done = true;
  });
  ASSERT_TRUE(support::run_until(main_, [&] { return done.load(); }));
  std::optional<std::vector<LintPart>> parts;
  process_->look_for_lint([&parts](std::vector<LintPart> all) { parts = std::move(all); });
  ASSERT_TRUE(support::run_until(main_, [&] { return parts.has_value(); }));
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_TRUE(parts->at(0).facts.empty());
  ASSERT_EQ(parts->at(1).facts.size(), 1u);
  EXPECT_EQ(parts->at(1).facts[0].fingerprint, 5u);
  ASSERT_EQ(parts->at(1).loops.size(), 1u);
  EXPECT_EQ(parts->at(1).loops[0].fingerprint, 6u);
}

TEST_F(ProcessAdviceTest, PoolsAreAsTheyAreSet) {
  EXPECT_TRUE(process_->pool_moments().empty());
  const auto pool = pools_->find_or_make("app", "alice");
  ASSERT_TRUE(pool.ok());
  const auto moments = process_->pool_moments();
  ASSERT_EQ(moments.size(), 1u);
  EXPECT_EQ(moments[0].database, "app");
  EXPECT_EQ(moments[0].user, "alice");
  EXPECT_EQ(moments[0].size, 3);
  EXPECT_EQ(moments[0].reserve, 0);
  EXPECT_EQ(moments[0].busy, 0);
  EXPECT_EQ(moments[0].query_wait_timeout, config_->weir.query_wait_timeout);
}

}  // namespace
}  // namespace pooler
