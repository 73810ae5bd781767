#include "pooler/explain_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pooler {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using analyzer::Kind;

const SlowLimits kValues{.from = {}, .limit = {}, .values = true};

std::string bind_body(std::initializer_list<const char*> values) {
  std::string out{'\0', '\0', '\0', static_cast<char>(values.size())};
  for (const char* value : values) {
    if (value == nullptr) {
      out += "\xff\xff\xff\xff";
      continue;
    }
    const std::string text = value;
    out += std::string(3, '\0') + static_cast<char>(text.size()) + text;
  }
  return out + std::string(2, '\0');
}
const std::string kTwoTypes{'\0', '\2', '\0', '\0', '\0', '\x17', '\0', '\0', '\0', '\0'};

std::optional<std::string> asked(const std::string& sql, Kind kind = Kind::kSelect, bool writes = false, bool cut = false) {
  KeptStatement kept;
  kept.keep_text(sql, cut, {kind, writes}, kValues);
  return explain_text(kept, false, {});
}
std::optional<std::string> prepared(const std::string& sql, const std::string& bind, const std::string& types = {},
                                    std::optional<std::string_view> path = {}) {
  KeptStatement kept;
  kept.keep_text(sql, false, {Kind::kSelect, false}, kValues);
  kept.keep_bind(bind, types);
  return explain_text(kept, true, path);
}

TEST(ExplainText, ASimpleQueryIsAskedAsItWas) {
  EXPECT_EQ(asked("SELECT 1 -- one"),
            "ROLLBACK; DEALLOCATE ALL; BEGIN READ ONLY; SET LOCAL search_path TO DEFAULT; EXPLAIN SELECT 1 -- one\n; ROLLBACK");
}

TEST(ExplainText, APreparedOneIsGivenItsValues) {
  EXPECT_THAT(prepared("SELECT $1, $2 ; ", bind_body({"7", "it's"}), kTwoTypes).value_or(""),
              EndsWith("PREPARE weir_explain(int4, unknown) AS SELECT $1, $2\n; EXPLAIN EXECUTE weir_explain('7', 'it''s'); "
                       "ROLLBACK; DEALLOCATE weir_explain"));
  EXPECT_THAT(prepared("SELECT $1", bind_body({nullptr})).value_or(""), HasSubstr("weir_explain(unknown) AS SELECT $1\n; EXPLAIN "
                                                                               "EXECUTE weir_explain(NULL);"));
  EXPECT_THAT(prepared("SELECT 1", bind_body({})).value_or(""),
              HasSubstr("PREPARE weir_explain AS SELECT 1\n; EXPLAIN EXECUTE weir_explain;"));
}

TEST(ExplainText, TheClientsSearchPathHolds) {
  EXPECT_THAT(prepared("SELECT 1", bind_body({}), {}, "a, \"b'\"").value_or(""),
              HasSubstr("BEGIN READ ONLY; SELECT pg_catalog.set_config('search_path', 'a, \"b''\"', true); PREPARE"));
}

TEST(ExplainText, OnlyReadingIsAskedAbout) {
  EXPECT_FALSE(asked("SELECT nextval('s')", Kind::kSelect, true));
  for (const Kind kind : {Kind::kInsert, Kind::kUpdate, Kind::kDelete, Kind::kMerge, Kind::kDdl, Kind::kUnknown, Kind::kCall,
                          Kind::kExplain, Kind::kExecute})
    EXPECT_FALSE(asked("SELECT 1", kind));
}

TEST(ExplainText, NothingInItCanBecomeAStatementOfItsOwn) {
  for (const char* sql : {"SELECT 1; DROP TABLE t", "SELECT 'a\\'; DROP TABLE t; --'", "SELECT 'open", "SELECT 1 /* open",
                          "SELECT $x$ open", "SELECT '\xff'", "", ";;"})
    EXPECT_FALSE(asked(sql)) << sql;
  EXPECT_FALSE(asked(std::string("SELECT 1\0; DROP TABLE t", 23)));
  EXPECT_TRUE(asked("SELECT ';', \";\", $$;$$ /* ; */ ;"));
  EXPECT_TRUE(asked("SELECT E'a\\'b'")) << "no setting changes what this one means";
}

TEST(ExplainText, WhatIsNotKnownWholeIsNotAsked) {
  EXPECT_FALSE(asked("SELECT 1", Kind::kSelect, false, true));
  EXPECT_FALSE(prepared("SELECT $1", bind_body({})));
  EXPECT_FALSE(prepared("SELECT $1", bind_body({"abc"}).substr(0, 9)));
  EXPECT_FALSE(prepared("SELECT $99999999", bind_body({"a"})));
  const std::string binary{'\0', '\1', '\0', '\1', '\0', '\1', '\0', '\0', '\0', '\1', 'x', '\0', '\0'};
  EXPECT_FALSE(prepared("SELECT $1", binary)) << "of an unknown type";
  KeptStatement two;
  two.keep_text("SELECT $1", false, {Kind::kSelect, false}, kValues);
  two.keep_bind(bind_body({"1"}), {});
  two.keep_bind(bind_body({"2"}), {});
  EXPECT_FALSE(explain_text(two, true, {}));
  EXPECT_FALSE(explain_text(KeptStatement(), false, {}));
}

TEST(ExplainText, PlansLoseTheirValues) {
  EXPECT_EQ(plan_without_values("Limit  (cost=0.29..8.30 rows=1 width=4)\n"
                                "  ->  Index Scan using i2 on t  (cost=0.29..8.30 rows=1 width=4)\n"
                                "        Index Cond: (id = 77)\n"
                                "        Filter: (email = 'a@b'::text)"),
            "Limit  (cost=0.29..8.30 rows=1 width=4)\n"
            "  ->  Index Scan using i2 on t  (cost=0.29..8.30 rows=1 width=4)\n"
            "        Index Cond: (id = ?)\n"
            "        Filter: (email = ?::text)");
  EXPECT_EQ(plan_without_values(""), "");
}

}  // namespace
}  // namespace pooler
