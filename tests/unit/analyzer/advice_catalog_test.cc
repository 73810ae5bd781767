#include "analyzer/advice_catalog.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

SqlRow index_row(std::string oid, std::string name, std::string column, bool unique = false, bool valid = true) {
  return {oid,
          "10",
          "public",
          "t",
          name,
          "btree",
          unique ? "t" : "f",
          "f",
          valid ? "t" : "f",
          "f",
          "2097152",
          "0",
          std::nullopt,
          "t",
          column,
          "f",
          "",
          "f",
          "f",
          "f"};
}

TEST(AdviceCatalog, IsMadeOfRows) {
  const AdviceCatalog catalog = catalog_of(
      {{"10", "public", "t", "r", "5000", "100", "0.9", "t", "f", std::nullopt, std::nullopt},
       {"11", "public", "v", "v", "-1", "4", "0", "f", "f", "SELECT 1;", std::nullopt},
       {"12", "public", "p", "p", "9000", "70", "0", "t", "f", std::nullopt,
        R"([["public", "p_1"], ["odd", "p \"2\""]])"}},
      {{"10", "a", "integer", "t", "t", "-0.5", "0", "0.9", "4"},
       {"10", "e", "text", "f", "f", std::nullopt, std::nullopt, std::nullopt, std::nullopt},
       {"99", "x", "integer", "t", "t", "1", "0", "0", "4"}},
      {index_row("20", "t_a", "a"), index_row("20", "t_a", "e"), {"too", "short"}});
  ASSERT_EQ(catalog.tables.size(), 3U);
  const AdviceTable& t = catalog.tables[0];
  EXPECT_EQ(t.rows, 5000);
  EXPECT_EQ(t.distinct("a"), 2500);
  EXPECT_EQ(t.distinct("e"), 200);
  EXPECT_EQ(t.visible, 0.9);
  EXPECT_TRUE(t.readable);
  ASSERT_EQ(t.columns.size(), 2U);
  EXPECT_FALSE(t.column("e")->c_collation);
  EXPECT_EQ(t.column("e")->width, 8);
  ASSERT_EQ(t.indexes.size(), 1U);
  EXPECT_EQ(t.indexes[0].shape.keys.size(), 2U);
  EXPECT_EQ(catalog.tables[1].rows, 200);  // never analyzed
  EXPECT_FALSE(catalog.tables[1].readable);
  EXPECT_EQ(catalog.tables[1].query, "SELECT 1;");
  ASSERT_EQ(catalog.tables[2].partitions.size(), 2U);
  EXPECT_EQ(catalog.tables[2].partitions[1], std::pair(std::string("odd"), std::string("p \"2\"")));
}

TEST(AdviceCatalog, AsManyAreReadAsItsBoundsSay) {
  EXPECT_NE(kTablesSql.find("count(*) <= " + std::to_string(AdviceTable::kPartitionsMax) + " "), std::string::npos);
}

TEST(AdviceCatalog, AnExtensionIsFoundByItsName) {
  const SqlRows rows{{"pg_trgm", "public", "1.6"}, {"hypopg"}, {"hypopg", "ext", "1.3.1"}};
  const auto found = extension_in(rows, "hypopg");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->schema, "ext");
  EXPECT_EQ(found->version, "1.3.1");
  EXPECT_FALSE(extension_in(rows, "citext"));
}

TEST(AdviceCatalog, FindsWhatIsRedundant) {
  const AdviceCatalog catalog = indexes_of({index_row("20", "t_a", "a"), index_row("21", "t_a_2", "a"),
                                            index_row("22", "t_a_b", "a"), index_row("22", "t_a_b", "b"),
                                            index_row("23", "t_b", "b", true), index_row("24", "broken", "c", false, false)});
  std::vector<std::string> names;
  for (const IndexFinding& one : redundant_indexes(catalog)) names.push_back(one.index);
  EXPECT_EQ(names, (std::vector<std::string>{"t_a", "t_a_2", "broken"}));
}

TEST(AdviceCatalog, AnIndexOfPartitionsIsLeftAloneAndDroppedAsAWhole) {
  SqlRow whole = index_row("20", "whole", "a"), again = index_row("21", "again", "a");
  whole.back() = again.back() = "t";
  const AdviceCatalog catalog = indexes_of({whole, again});
  EXPECT_TRUE(redundant_indexes(catalog).empty());
  EXPECT_EQ(drop_statement(catalog.tables.at(0).indexes.at(0)), "DROP INDEX \"public\".\"whole\";");
}

TEST(AdviceCatalog, FindsWhatNobodyUses) {
  SqlRow used = index_row("21", "used", "b");
  used[11] = "7";
  SqlRow small = index_row("22", "small", "c");
  small[10] = "8192";
  const auto found =
      unused_indexes(indexes_of({index_row("20", "unused", "a"), used, small, index_row("23", "unique", "d", true)}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].index, "unused");
  EXPECT_EQ(found[0].statement, "DROP INDEX CONCURRENTLY \"public\".\"unused\";");
}

}  // namespace
}  // namespace analyzer
