#include "pooler/leftovers.h"

#include <gtest/gtest.h>

namespace pooler {
namespace {

using analyzer::Effect;

TEST(Leftovers, TheQueryAsksForWhatIsNamedInItsOrder) {
  const std::string sql = leftovers_query(Effect::kHoldCursor | Effect::kTemporary, {"work_mem", "a.b'c"});
  const auto temporary = sql.find("pg_my_temp_schema"), cursor = sql.find("is_holdable"),
             setting = sql.find("current_setting('work_mem',true)"), last = sql.find("current_setting('a.b''c',true)");
  EXPECT_LT(temporary, cursor);
  EXPECT_LT(cursor, setting);
  EXPECT_LT(setting, last);
  EXPECT_NE(last, std::string::npos);
  EXPECT_EQ(sql.find("pg_locks"), std::string::npos);
}

TEST(Leftovers, TheRowIsReadInTheOrderOfTheQuery) {
  const auto kinds = Effect::kHoldCursor | Effect::kTemporary;
  const auto left = read_leftovers(kinds, {"f", "t", "7MB", std::nullopt});
  EXPECT_EQ(left.found, analyzer::Effects(Effect::kHoldCursor));
  EXPECT_EQ(left.values, (std::vector<std::optional<std::string>>{"7MB", std::nullopt}));
  EXPECT_TRUE(read_leftovers(kinds, {}).found.empty()) << "a row that is too short says nothing";
}

TEST(Leftovers, SettingsAlone) {
  EXPECT_EQ(leftovers_query({}, {"x"}), "SELECT pg_catalog.current_setting('x',true)");
}

TEST(Leftovers, CleaningRemovesWhatIsThereAndNoMore) {
  EXPECT_EQ(cleaning({}).sql, "");
  EXPECT_TRUE(cleaning({}).possible);
  EXPECT_EQ(cleaning(Effect::kTemporary).sql, "DISCARD TEMP;");
  EXPECT_EQ(cleaning(Effect::kSettings).sql, "SET SESSION AUTHORIZATION DEFAULT;RESET ROLE;RESET ALL;");
  const auto both = cleaning(Effect::kHoldCursor | Effect::kAdvisoryLock);
  EXPECT_EQ(both.sql, "CLOSE ALL;SELECT pg_catalog.pg_advisory_unlock_all();");
}

TEST(Leftovers, WhatCannotBeRemovedEndsTheConnection) {
  for (const Effect effect : {Effect::kLibrary, Effect::kLasting, Effect::kUnknown})
    EXPECT_FALSE(cleaning(effect | Effect::kTemporary).possible);
}

TEST(Leftovers, WhatDiscardAllRestoresIsToldApart) {
  EXPECT_TRUE(kUnfollowable.has(Effect::kAnySetting));
  EXPECT_FALSE(kLasting.has(Effect::kAnySetting));
}

}  // namespace
}  // namespace pooler
