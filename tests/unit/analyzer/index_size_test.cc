#include "analyzer/index_size.h"

#include "tests/unit/analyzer/advice_support.h"

namespace analyzer {
namespace {

TEST(IndexSize, KnowsOfDuplicates) {
  const AdviceCatalog known = advice_support::catalog();
  const AdviceTable& o = known.tables[0];
  const IndexShape many{.schema = "public", .table = "o", .keys = {key_on("id")}};
  const IndexShape few{.schema = "public", .table = "o", .keys = {key_on("c")}};
  EXPECT_NEAR(static_cast<double>(estimated_bytes(o, many, o.rows)), 2.2e6, 4e5);
  EXPECT_NEAR(static_cast<double>(estimated_bytes(o, few, o.rows)), 0.68e6, 1e5);
  EXPECT_LT(estimated_bytes(o, many, 100), 30'000);
}

TEST(IndexSize, IsAnotherForEachMethod) {
  const AdviceCatalog known = advice_support::catalog();
  const AdviceTable& o = known.tables[0];
  const auto by = [&](std::string method, IndexKey key) {
    const IndexShape shape{.schema = "public", .table = "o", .method = std::move(method), .keys = {std::move(key)}};
    return estimated_bytes(o, shape, o.rows);
  };
  EXPECT_LT(by("brin", key_on("ts")), 20'000);
  EXPECT_GT(by("gin", {.text = "e", .opclass = "gin_trgm_ops"}), 3 * by("gin", {.text = "e", .opclass = ""}));
  EXPECT_EQ(by("gin", {.text = "to_tsvector('simple', \"e\")", .expression = true}), by("gin", key_on("e")));
  EXPECT_EQ(by("hash", key_on("e")), by("hash", key_on("d")));  // however wide
  EXPECT_EQ(by("hash", key_on("e")), 512 * 8192 + 16384);       // 326 buckets would do
}

}  // namespace
}  // namespace analyzer
