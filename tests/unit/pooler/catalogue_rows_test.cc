// The reading of rows; that the queries ask for the right ones is shown with a real server (catalogues_test.cc).

#include "pooler/catalogue_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pooler {
namespace {

using Row = std::vector<std::optional<std::string>>;

wire::PgRows rows(std::vector<Row> values) { return {.columns = {}, .rows = std::move(values), .command = "SELECT"}; }

TEST(CatalogueRows, BodiesInPiecesArePutTogetherAcrossPages) {
  CatalogueRows into;
  auto page = read_functions(rows({{"20", "public", "a", "sql", "f", "0", "SELECT 1"},
                                   {"21", "s", "b", "plpgsql", "t", "0", "BEGIN "}}),
                             into);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->oid, 21u);
  EXPECT_EQ(page->piece, 0);
  EXPECT_FALSE(page->more);  // it was not full
  page = read_functions(rows({{"21", "s", "b", "plpgsql", "t", "1", "END"},
                              {"22", "s", "c", "sql", "f", "0", std::nullopt}}),
                        into);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(into.functions.size(), 3u);
  EXPECT_EQ(into.functions[0].source, "SELECT 1");
  EXPECT_FALSE(into.functions[0].procedure);
  EXPECT_EQ(into.functions[1].oid, 21u);
  EXPECT_EQ(into.functions[1].schema, "s");
  EXPECT_EQ(into.functions[1].language, "plpgsql");
  EXPECT_TRUE(into.functions[1].procedure);
  EXPECT_EQ(into.functions[1].source, "BEGIN END");
  EXPECT_EQ(into.functions[2].source, "");
}

TEST(CatalogueRows, AFullPageHasANextOneUntilThereIsTooMuch) {
  const auto full = [](std::size_t first, const std::string& body) {
    std::vector<Row> values;
    for (std::size_t i = 0; i < 200; ++i)
      values.push_back({std::to_string(first + i), "s", "f", "sql", "f", "0", body});
    return rows(std::move(values));
  };
  CatalogueRows into;
  auto page = read_functions(full(1, "x"), into);
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->oid, 200u);
  page = read_functions(full(201, std::string(400'000, 'x')), into);
  ASSERT_TRUE(page.ok());
  EXPECT_FALSE(page->more);
}

TEST(CatalogueRows, WhatRelationsDo) {
  CatalogueRows into;
  ASSERT_TRUE(read_uses(rows({{"f", "public", "t", "t", "77", "x", "f"},
                              {"r", "public", "v", "f", "0", "public", "t"},
                              {"d", "", "", "t", "78", "x", "g"}}),
                        into)
                  .ok());
  ASSERT_EQ(into.uses.size(), 3u);
  EXPECT_EQ(into.uses[0].what, CatalogueUse::What::kFunction);
  EXPECT_EQ(into.uses[0].oid, 77u);
  EXPECT_TRUE(into.uses[0].written);
  EXPECT_EQ(into.uses[0].other_name, "f");
  EXPECT_EQ(into.uses[1].what, CatalogueUse::What::kRelation);
  EXPECT_FALSE(into.uses[1].written);
  EXPECT_EQ(into.uses[1].other_name, "t");
  EXPECT_EQ(into.uses[2].who, CatalogueUse::Who::kDdl);
}

TEST(CatalogueRows, AnythingElseIsAnError) {
  CatalogueRows into;
  for (const auto& wrong : {rows({{"20", "a"}}), rows({{"x", "a", "b", "c", "f", "0", ""}}),
                            rows({{"20", std::nullopt, "b", "c", "f", "0", ""}}),
                            rows({{"20", "a", "b", "c", "f", "-", ""}})}) {
    EXPECT_FALSE(read_functions(wrong, into).ok());
    EXPECT_FALSE(read_uses(wrong, into).ok());
  }
  EXPECT_FALSE(read_fingerprint(rows({})).ok());
  EXPECT_FALSE(read_fingerprint(rows({{"fifteen", "x"}})).ok());
  EXPECT_FALSE(read_fingerprint(rows({{"150000", std::nullopt}})).ok());
  EXPECT_EQ(read_fingerprint(rows({{"150018", "x"}})).value(), (Fingerprint{150018, "x"}));
}

}  // namespace
}  // namespace pooler
