#include "analyzer/index_shape.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

IndexShape on(std::vector<IndexKey> keys, std::string predicate = {}) {
  return {.schema = "public", .table = "t", .keys = std::move(keys), .predicate = std::move(predicate)};
}
IndexKey down(std::string column) { return {.text = std::move(column), .descending = true, .nulls_first = true}; }

TEST(IndexShape, SaysHowItIsCreated) {
  EXPECT_EQ(create_statement(on({key_on("a"), down("b")})),
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS \"t_a_b_idx\" ON \"public\".\"t\" USING btree (\"a\", \"b\" DESC);");
  EXPECT_EQ(create_statement(
                {.schema = "S", .table = "My \"t\"", .method = "gin", .keys = {{.text = "d", .opclass = "jsonb_path_ops"}}}),
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS \"My \"\"t\"\"_d_gin_idx\" ON \"S\".\"My \"\"t\"\"\" USING gin (\"d\" "
            "jsonb_path_ops);");
  EXPECT_EQ(what_if_statement(on({{.text = "lower(\"e\")", .expression = true}}, "\"x\" IS NULL")),
            "CREATE INDEX ON \"public\".\"t\" USING btree ((lower(\"e\"))) WHERE \"x\" IS NULL");
  EXPECT_EQ(keys_text(on({{.text = "a", .descending = true}, {.text = "b", .nulls_first = true}})),
            "\"a\" DESC NULLS LAST, \"b\" NULLS FIRST");
}

TEST(IndexShape, OfPartitionsItIsMadeOneByOne) {
  IndexShape shape = on({key_on("a")});
  shape.partitions = {{"public", "t_1"}, {"odd", "t 2"}};
  EXPECT_EQ(create_statement(shape),
            "CREATE INDEX IF NOT EXISTS \"t_a_idx\" ON ONLY \"public\".\"t\" USING btree (\"a\");\n"
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS \"t_1_a_idx\" ON \"public\".\"t_1\" USING btree (\"a\");\n"
            "ALTER INDEX \"public\".\"t_a_idx\" ATTACH PARTITION \"public\".\"t_1_a_idx\";\n"
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS \"t 2_a_idx\" ON \"odd\".\"t 2\" USING btree (\"a\");\n"
            "ALTER INDEX \"public\".\"t_a_idx\" ATTACH PARTITION \"odd\".\"t 2_a_idx\";");
  EXPECT_EQ(what_if_statements(shape), (std::vector<std::string>{"CREATE INDEX ON \"public\".\"t_1\" USING btree (\"a\")",
                                                                 "CREATE INDEX ON \"odd\".\"t 2\" USING btree (\"a\")"}));
  EXPECT_EQ(what_if_statements(on({key_on("a")})), std::vector<std::string>{what_if_statement(on({key_on("a")}))});
}

TEST(IndexShape, ItsNameFits) {
  IndexShape shape = on({key_on(std::string(60, 'x')), key_on("y")});
  EXPECT_LE(index_name(shape).size(), 63U);
  IndexShape other = on({key_on(std::string(60, 'x')), key_on("z")});
  EXPECT_NE(index_name(shape), index_name(other));
}

TEST(IndexShape, CoversWhatItDoesAsWell) {
  EXPECT_TRUE(covers(on({key_on("a"), key_on("b")}), on({key_on("a")})));
  EXPECT_TRUE(covers(on({key_on("a")}), on({key_on("a")})));
  EXPECT_FALSE(covers(on({key_on("a")}), on({key_on("a"), key_on("b")})));
  EXPECT_FALSE(covers(on({key_on("b"), key_on("a")}), on({key_on("a")})));
  EXPECT_TRUE(covers(on({down("a"), down("b")}), on({key_on("a"), key_on("b")})));  // read backwards
  EXPECT_FALSE(covers(on({key_on("a"), down("b")}), on({key_on("a"), key_on("b")})));
  EXPECT_FALSE(covers(on({key_on("a")}, "x IS NULL"), on({key_on("a")})));
  EXPECT_TRUE(covers(on({key_on("a")}), on({key_on("a")}, "x IS NULL")));
  EXPECT_TRUE(covers(on({key_on("a")}, "((status)::text = 'x'::text)"), on({key_on("a")}, "\"status\" = 'x'")));
  EXPECT_TRUE(covers(on({{.text = "lower((email)::text)", .expression = true}}),
                     on({{.text = "lower(\"email\")", .expression = true}})));
  EXPECT_FALSE(covers(on({{.text = "a", .opclass = "text_pattern_ops"}}), on({key_on("a")})));
  IndexShape elsewhere = on({key_on("a")});
  elsewhere.table = "u";
  EXPECT_FALSE(covers(elsewhere, on({key_on("a")})));
}

TEST(IndexShape, AnIdIsAlwaysTheSame) {
  EXPECT_EQ(advice_id("app", on({key_on("a")})), advice_id("app", on({key_on("a")})));
  EXPECT_NE(advice_id("app", on({key_on("a")})), advice_id("other", on({key_on("a")})));
  EXPECT_NE(advice_id("app", on({key_on("a")})), advice_id("app", on({key_on("b")})));
  EXPECT_EQ(advice_id("app", on({key_on("a")})).size(), 16U);
}

}  // namespace
}  // namespace analyzer
