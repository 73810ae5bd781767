#include "analyzer/advice_candidates.h"

#include <gmock/gmock.h>

#include "tests/unit/analyzer/advice_support.h"

namespace analyzer {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> of(std::string_view sql) { return advice_support::candidates(advice_support::catalog(), sql); }

TEST(AdviceCandidates, AreThoughtOf) {
  struct Case {
    std::string_view sql, wanted;
  };
  for (const auto& [sql, wanted] : std::vector<Case>{
           {"SELECT * FROM o WHERE a = 1", "o(a)"},
           {"SELECT * FROM o WHERE a = 1 AND b = 2", "o(b, a)"},  // b has more values
           {"SELECT * FROM o WHERE a = 1 AND b = 2", "o(a)"},
           {"SELECT * FROM o WHERE a = 1 AND ts > now()", "o(a, ts)"},
           {"SELECT * FROM o WHERE a = 1 ORDER BY ts DESC LIMIT 1", "o(a, ts)"},
           {"SELECT * FROM o WHERE a = 1 ORDER BY c, ts DESC LIMIT 1", "o(a, c, ts DESC)"},
           {"SELECT * FROM o WHERE a IN (1, 2) ORDER BY ts LIMIT 1", "o(ts)"},
           {"SELECT * FROM o WHERE b = 1 AND a IN (1, 2) ORDER BY ts LIMIT 1", "o(b, ts, a)"},
           {"SELECT * FROM o ORDER BY ts LIMIT 1", "o(ts)"},
           {"SELECT * FROM o WHERE t = 'x' ORDER BY ts LIMIT 1", "o(ts) WHERE t = 'x'"},
           {"SELECT * FROM o WHERE n IS NULL ORDER BY ts", "o(ts) WHERE n IS NULL"},
           {"SELECT * FROM o WHERE n IS NULL", "o(id) WHERE n IS NULL"},
           {"SELECT * FROM o WHERE f AND a = 1", "o(a) WHERE f"},
           {"SELECT * FROM o WHERE a = 1 OR b = 2", "o(b)"},
           {"SELECT * FROM o JOIN u ON u.oid = o.b", "u(oid)"},
           {"SELECT * FROM o JOIN u ON u.oid = o.b WHERE a = 1", "o(a, b)"},
           {"SELECT * FROM o WHERE lower(e) = 'x'", "o((lower(e)))"},
           {"SELECT * FROM o WHERE e LIKE 'x%'", "o(e text_pattern_ops)"},
           {"SELECT a, count(*) FROM o GROUP BY a", "o(a)"},
           {"SELECT max(ts) FROM o", "o(ts)"},
       })
    EXPECT_THAT(of(sql), Contains(std::string(wanted))) << sql;
}

TEST(AdviceCandidates, AreNotThoughtOfWhereTheyCannotHelp) {
  EXPECT_THAT(of("SELECT * FROM o"), IsEmpty());
  EXPECT_THAT(of("SELECT a FROM o WHERE b + 1 > 2"), IsEmpty());
  EXPECT_THAT(of("SELECT * FROM o WHERE id = 1"), IsEmpty());                            // there is one
  EXPECT_THAT(of("SELECT * FROM o WHERE id = 1 AND a = 2"), Not(Contains("o(id, a)")));  // behind a unique one
  EXPECT_THAT(of("SELECT * FROM o WHERE t = $1"), Not(Contains(testing::HasSubstr("WHERE"))));
  EXPECT_THAT(of("SELECT * FROM o WHERE b = 7"), Not(Contains(testing::HasSubstr("WHERE"))));  // one value of thousands
}

TEST(AdviceCandidates, SmallTablesAreLeftAlone) {
  AdviceCatalog known = advice_support::catalog();
  known.tables[0].rows = 200;
  known.tables[0].pages = 2;
  EXPECT_THAT(advice_support::candidates(known, "SELECT * FROM o WHERE a = 1"), IsEmpty());
  known.tables[0].rows = 100'000;
  known.tables[0].pages = 1000;
  known.tables[0].readable = false;
  EXPECT_THAT(advice_support::candidates(known, "SELECT * FROM o WHERE a = 1"), IsEmpty());
}

TEST(AdviceCandidates, WideColumnsAreNoKeys) {
  AdviceCatalog known = advice_support::catalog();
  known.tables[0].columns[6].width = 3000;
  EXPECT_THAT(advice_support::candidates(known, "SELECT * FROM o WHERE e = 'x'"), testing::ElementsAre("o hash(e)"));
  EXPECT_THAT(advice_support::candidates(known, "SELECT * FROM o WHERE e > 'x'"), IsEmpty());
}

TEST(AdviceCandidates, GinForWhatIsInsideOfAValue) {
  struct Case {
    std::string_view condition;
    std::vector<std::string> wanted;
  };
  for (const auto& [condition, wanted] : std::vector<Case>{
           {"d @> '{\"k\": 1}'", {"o gin(d jsonb_path_ops)", "o gin(d)"}},
           {"d ? 'k'", {"o gin(d)"}},
           {"tags @> '{a}' AND tags && '{b}'", {"o gin(tags)"}},
           {"tags <@ '{a}'", {}},
           {"v @@ to_tsquery('x')", {"o gin(v)"}},
           {"to_tsvector('simple', e) @@ 'x'", {"o gin((to_tsvector('simple', e)))"}},
           {"e ILIKE '%abc%'", {"o gin(e gin_trgm_ops)"}},
           {"e LIKE '%a_bcd'", {"o gin(e gin_trgm_ops)"}},
           {"e ~ '^abc'", {"o gin(e gin_trgm_ops)"}},
           {"e ILIKE '%ab%'", {}},     // no trigram
           {"e ~ 'abc|x'", {}},        // or none of it
           {"e ~ 'abc*'", {}},
           {"d ILIKE '%abc%'", {}},
           {"a @> 1", {}},
       })
    EXPECT_EQ(of("SELECT * FROM o WHERE " + std::string(condition)), wanted) << condition;
}

TEST(AdviceCandidates, NoGinWhereThereIsAnIndexThatFindsTheSame) {
  AdviceCatalog known = advice_support::catalog();
  const auto with = [&](std::string method, std::string text, bool expression, std::string opclass, std::string_view condition) {
    AdviceIndex there{.shape = {.schema = "public",
                                .table = "o",
                                .method = std::move(method),
                                .keys = {{.text = std::move(text), .expression = expression, .opclass = std::move(opclass)}}},
                      .name = "there"};
    known.tables[0].indexes = {there};
    return advice_support::candidates(known, "SELECT * FROM o WHERE " + std::string(condition));
  };
  EXPECT_THAT(with("gin", "d", false, "", "d @> '{}'"), IsEmpty());
  EXPECT_THAT(with("gin", "d", false, "jsonb_path_ops", "d ? 'k'"), testing::ElementsAre("o gin(d)"));
  EXPECT_THAT(with("gist", "e", false, "gist_trgm_ops", "e ILIKE '%abc%'"), IsEmpty());
  EXPECT_THAT(with("gin", "to_tsvector('simple'::regconfig, e)", true, "", "to_tsvector('simple', e) @@ 'x'"), IsEmpty());
}

TEST(AdviceCandidates, AllThatIsReadWhereItIsNarrowAndManyRowsAreFound) {
  AdviceCatalog known = advice_support::catalog();
  AdviceTable& o = known.tables[0];
  const auto covering = [&](std::string_view sql) {
    std::vector<std::string> out;
    for (const Candidate& one : candidates_of(advice_support::uses(known, sql).at(0)))
      if (!one.shape.include.empty()) out.push_back(what_if_statement(one.shape));
    return out;
  };
  constexpr std::string_view kSum = "SELECT sum(b) FROM o WHERE a = 1";  // of 1,000 rows
  EXPECT_THAT(covering(kSum), IsEmpty()) << "never vacuumed";
  o.visible = 0.9;
  EXPECT_THAT(covering(kSum), testing::ElementsAre(R"(CREATE INDEX ON "public"."o" USING btree ("a") INCLUDE ("b"))"));
  EXPECT_THAT(covering("SELECT * FROM o WHERE a = 1"), IsEmpty());
  EXPECT_THAT(covering("SELECT o FROM o WHERE a = 1"), IsEmpty());
  EXPECT_THAT(covering("SELECT sum(b + c + n + id) FROM o WHERE a = 1"), IsEmpty()) << "four of them";
  EXPECT_THAT(covering("SELECT max(d::text) FROM o WHERE a = 1"), IsEmpty()) << "wide";
  EXPECT_THAT(covering("SELECT sum(a) FROM o WHERE b = 1"), IsEmpty()) << "20 rows";
  EXPECT_THAT(covering("SELECT sum(b) FROM o WHERE f"), IsEmpty());
  EXPECT_THAT(covering("SELECT b FROM o WHERE a = 1 ORDER BY c LIMIT 10"), IsEmpty());
  EXPECT_THAT(covering("SELECT * FROM (SELECT b, c FROM o WHERE a = 1) s LIMIT 10"), IsEmpty());
  EXPECT_THAT(covering("SELECT sum(b) FROM o WHERE t = 'x'"), IsEmpty()) << "a third of the table";
  EXPECT_THAT(covering("SELECT count(*) FROM o WHERE a = 1"), IsEmpty()) << "the key tells all";
  // Where the plain one is there, too; and not where this one is.
  o.indexes.push_back({.shape = {.schema = "public", .table = "o", .keys = {key_on("a")}}, .name = "o_a"});
  EXPECT_EQ(covering(kSum).size(), 1U);
  o.indexes.back().shape.include = {"b"};
  EXPECT_THAT(covering(kSum), IsEmpty());
}

TEST(AdviceCandidates, NoneForTheCatalogue) {
  AdviceCatalog known = advice_support::catalog();
  ASSERT_TRUE(worth_advising(known.tables[0]));
  for (const char* schema : {"pg_catalog", "pg_toast", "information_schema"}) {
    known.tables[0].schema = schema;
    EXPECT_FALSE(worth_advising(known.tables[0])) << schema;
  }
}

TEST(AdviceCandidates, BrinForLargeTablesThatLieInItsOrder) {
  AdviceCatalog known = advice_support::catalog();
  AdviceTable& o = known.tables[0];
  const auto of_range = [&] { return advice_support::candidates(known, "SELECT * FROM o WHERE ts > '2026-01-01'"); };
  EXPECT_THAT(of_range(), testing::ElementsAre("o(ts)"));
  o.columns[9].correlation = 0.99;
  o.pages = 20'000;
  EXPECT_THAT(of_range(), testing::ElementsAre("o(ts)", "o brin(ts)"));
  o.pages = 9000;
  EXPECT_THAT(of_range(), testing::ElementsAre("o(ts)"));
}

TEST(AdviceCandidates, TwoAreMergedWhereOneLeadsTheOther) {
  const auto shape = [](std::vector<std::string> columns) {
    IndexShape out{.schema = "public", .table = "o", .keys = {}};
    for (std::string& column : columns) out.keys.push_back(key_on(std::move(column)));
    return out;
  };
  EXPECT_EQ(merged(shape({"b"}), 1, shape({"a", "b", "ts"})), shape({"b", "a", "ts"}));
  EXPECT_EQ(merged(shape({"b"}), 0, shape({"a", "b", "ts"})).keys.size(), 0U);  // a range or an order
  EXPECT_EQ(merged(shape({"c"}), 1, shape({"a", "b"})).keys.size(), 0U);
  EXPECT_EQ(merged(shape({"a", "b", "c"}), 3, shape({"a"})).keys.size(), 0U);
}

}  // namespace
}  // namespace analyzer
