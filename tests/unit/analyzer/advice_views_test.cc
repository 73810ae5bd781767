#include "analyzer/advice_views.h"

#include <gtest/gtest.h>

#include "analyzer/parser.h"
#include "analyzer/skeleton.h"

namespace analyzer {
namespace {

std::string written_out(std::string_view sql) {
  Skeleton skeleton;
  skeleton.make(sql);
  Parse parsed;
  parse(sql, skeleton, {}, parsed);
  EXPECT_EQ(parsed.outcome, Parse::Outcome::kParsed) << sql;
  return with_views(sql, parsed.tree, [](const WrittenTable& table) -> std::string {
    if (table.name == "v" && table.schema.empty()) return "SELECT a FROM public.o;";
    return table.name == "Odd one" ? "SELECT 1" : "";
  });
}

TEST(AdviceViews, AreWrittenOutWhereAFromNamesThem) {
  EXPECT_EQ(written_out("SELECT * FROM v WHERE a = 1"), R"(SELECT * FROM (SELECT a FROM public.o) AS "v" WHERE a = 1)");
  EXPECT_EQ(written_out("SELECT * FROM v x, o, v AS y"),
            "SELECT * FROM (SELECT a FROM public.o) x, o, (SELECT a FROM public.o) AS y");
  EXPECT_EQ(written_out("SELECT * FROM s . \"Odd one\" JOIN o USING (a)"),
            "SELECT * FROM (SELECT 1) AS \"Odd one\" JOIN o USING (a)");
  EXPECT_EQ(written_out("WITH w AS (SELECT * FROM v) SELECT * FROM w"),
            R"(WITH w AS (SELECT * FROM (SELECT a FROM public.o) AS "v") SELECT * FROM w)");
}

TEST(AdviceViews, NothingElseIsChanged) {
  for (const std::string_view sql : {"SELECT v FROM o", "UPDATE v SET a = 1", "INSERT INTO v VALUES (1)", "SELECT * FROM s.v",
                                     "WITH v AS (SELECT 1) SELECT * FROM v"})
    EXPECT_EQ(written_out(sql), sql);
}

}  // namespace
}  // namespace analyzer
