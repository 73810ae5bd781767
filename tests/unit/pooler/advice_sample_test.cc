#include "pooler/advice_sample.h"

#include <gtest/gtest.h>

#include <string>

namespace pooler {
namespace {

using analyzer::Kind;

const SlowLimits kValues{.from = {}, .limit = {}, .values = true};

std::string bind_body(std::initializer_list<std::string_view> values) {
  std::string out{'\0', '\0', '\0', static_cast<char>(values.size())};
  for (const std::string_view value : values) {
    out += std::string(3, '\0') + static_cast<char>(value.size());
    out += value;
  }
  return out + std::string(2, '\0');
}

std::optional<std::string> text_of(std::string_view sql, Kind kind = Kind::kSelect, bool cut = false) {
  KeptStatement kept;
  kept.keep_text(sql, cut, {kind, false}, kValues);
  const auto sample = sample_of(kept, false, {}, std::nullopt);
  return sample ? std::optional(sample->sql) : std::nullopt;
}

TEST(AdviceSample, ATextIsKeptAsItIs) {
  EXPECT_EQ(text_of("SELECT * FROM t WHERE a = 5"), "SELECT * FROM t WHERE a = 5");
  EXPECT_EQ(text_of("DELETE FROM t", Kind::kDelete), "DELETE FROM t");
  EXPECT_EQ(text_of("VACUUM", Kind::kMaintenance), std::nullopt);
  EXPECT_EQ(text_of("SELECT 1", Kind::kSelect, true), std::nullopt);
  EXPECT_EQ(text_of("SELECT * FROM t WHERE a = $1"), std::nullopt) << "its value is not known";
}

TEST(AdviceSample, NothingIsKeptThatOperatorsMayNotSee) {
  EXPECT_EQ(text_of("SELECT * FROM users WHERE password = 'x'"), std::nullopt);
  KeptStatement kept;
  kept.keep_text("SELECT * FROM users WHERE email = 'x'", false, {Kind::kSelect, false}, kValues);
  EXPECT_FALSE(sample_of(kept, false, analyzer::HiddenValues({"users.email"}), std::nullopt));
}

TEST(AdviceSample, BoundValuesTakeTheirPlaces) {
  KeptStatement kept;
  kept.keep_text("SELECT * FROM t WHERE a = $1 AND b = $2", false, {Kind::kSelect, false}, kValues);
  kept.keep_bind(bind_body({"5", "it's"}), std::string_view("\0\1\0\0\0\x17", 6));
  const auto sample = sample_of(kept, true, {}, "mine");
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->sql, "SELECT * FROM t WHERE a = '5'::pg_catalog.int4 AND b = 'it''s'");
  EXPECT_EQ(sample->search_path, "mine");
  kept.keep_bind(bind_body({"6", "x"}), {});
  EXPECT_FALSE(sample_of(kept, true, {}, std::nullopt)) << "which of the two ran?";
}

}  // namespace
}  // namespace pooler
