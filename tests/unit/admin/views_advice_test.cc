#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ViewsAdvice, AreEmptyWhereThereIsNoAdvisor) {
  World world;
  Client root(world);
  for (const char* sql :
       {"SHOW INDEX_ADVICE", "SHOW UNUSED_INDEXES", "SHOW REDUNDANT_INDEXES", "SHOW ADVISOR", "SHOW INDEX_ADVICE_DETAILS", "SHOW ADVICE_CANDIDATES",
        "SHOW INDEX_ADVICE '0123456789abcdef'", "SHOW INDEX_ADVICE abcdef0123456789"}) {
    const std::string shown = root.query(sql);
    EXPECT_THAT(shown, HasSubstr("C(SHOW)")) << sql;
    EXPECT_THAT(shown, Not(HasSubstr("D("))) << sql;
  }
  EXPECT_THAT(root.query("SELECT count(*) FROM index_advice"), HasSubstr("D(0)"));
}

TEST(ViewsAdvice, CommandsSayWhatTheyMiss) {
  World world;
  Client root(world);
  EXPECT_THAT(root.query("ADVISE"), HasSubstr("42601"));
  EXPECT_THAT(root.query("ADVISE later"), HasSubstr("42601"));
  EXPECT_THAT(root.query("ADVICE DISMISS"), HasSubstr("42601"));
  EXPECT_THAT(root.query("ADVICE APPLY"), HasSubstr("42601"));
  EXPECT_THAT(root.query("SHOW INDEX_ADVICE a b"), HasSubstr("42601"));
  EXPECT_THAT(root.query("ADVISE NOW"), HasSubstr("C(ADVISE)"));
  EXPECT_THAT(root.query("ADVICE DISMISS abc"), HasSubstr("C(ADVICE)"));
  EXPECT_THAT(root.query("ADVICE APPLY abc"), HasSubstr("C(ADVICE)"));
  EXPECT_EQ(world.operations.calls, (std::vector<std::string>{"advise_now", "dismiss_advice abc", "apply_advice abc"}));
}

}  // namespace
}  // namespace admin
