#include "analyzer/advice_uses.h"

#include "tests/unit/analyzer/advice_support.h"

namespace analyzer {
namespace {

std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& one : list) out += (out.empty() ? "" : ",") + one;
  return out;
}

// "o: =a,b* <ts sort c" and so on, one for each table.
std::string told(std::string_view sql) {
  const AdviceCatalog known = advice_support::catalog();
  std::string out;
  for (const TableUse& use : advice_support::uses(known, sql)) {
    out += (out.empty() ? "" : "; ") + use.table->name + ":";
    std::vector<std::string> equal;
    for (const auto& one : use.equal) equal.push_back(one.column + (one.many ? "*" : ""));
    std::vector<std::string> sort;
    for (const IndexKey& key : use.sort)
      sort.push_back(key.text + (key.descending ? " desc" : "") + (key.nulls_first ? " nf" : ""));
    const auto add = [&out](std::string_view name, const std::string& list) {
      if (!list.empty()) out.append(" ").append(name).append(" ").append(list);
    };
    add("=", joined(equal));
    add("<", joined(use.range));
    add("like", joined(use.prefix));
    add("join", joined(use.join));
    add("or", joined(use.either));
    add("sort", joined(sort));
    add("group", joined(use.group));
    add("x", joined(use.expressions));
    add("p", joined(use.predicates));
    const auto plain = [](std::string text) {
      std::erase(text, '"');
      return text;
    };
    for (const TableUse::Bound& one : use.bounds) add("bound", plain(one.condition));
    for (const TableUse::Match& one : use.matches) add("match", plain(one.condition));
    if (use.limited) out += " limited";
  }
  return out;
}

TEST(AdviceUses, AreReadFromTheTree) {
  struct Case {
    std::string_view sql, wanted;
  };
  for (const auto& [sql, wanted] : std::vector<Case>{
           {"SELECT * FROM o", "o:"},
           {"SELECT * FROM o WHERE a = 1 AND b = $1", "o: = a,b"},
           {"SELECT * FROM o WHERE 1 = a", "o: = a"},
           {"SELECT * FROM o WHERE a = 1 AND (b = 2 AND c = 3)", "o: = a,b,c"},
           {"SELECT * FROM o x WHERE x.a = 1 AND o.b = 1", "o: = a"},
           {"SELECT * FROM public.o WHERE public.o.a = 1", "o: = a"},
           {"SELECT * FROM o WHERE a IN (1, 2) AND b = ANY ($1)", "o: = a*,b*"},
           {"SELECT * FROM o WHERE a NOT IN (1, 2) AND b <> 3", "o:"},
           {"SELECT * FROM o WHERE ts > now() AND 5 > a AND b BETWEEN 1 AND 2",
            "o: < ts,a,b bound ts > now() bound a < 5 bound b BETWEEN 1 AND 2"},
           {"SELECT * FROM o WHERE e LIKE 'abc%' AND t LIKE '%x'", "o: like e match t ~~ '%x'"},
           {"SELECT * FROM o WHERE e ILIKE '%x%' AND e ~ 'abc' AND e NOT ILIKE 'y'", "o: match e ~~* '%x%' match e ~ 'abc'"},
           {"SELECT * FROM o WHERE d @> '{}' AND tags && '{a}'::_text", "o: match d @> '{}' match tags && ('{a}')::_text"},
           {"SELECT * FROM o WHERE to_tsvector('simple', e) @@ 'x'", "o: match to_tsvector('simple', e) @@ 'x'"},
           {"SELECT * FROM o WHERE e ILIKE ANY ('{a}') AND d @> $1", "o:"},
           {"SELECT * FROM o WHERE v @@ plainto_tsquery('simple', 'x'::text)",
            "o: match v @@ plainto_tsquery('simple', ('x')::text)"},
           // Whoever measures would run these functions.
           {"SELECT * FROM o WHERE d @> dangerous() AND v @@ to_tsquery(dangerous())", "o:"},
           {"SELECT * FROM o WHERE dangerous('simple', e) @@ 'x' AND to_tsvector(dangerous(), e) @@ 'x'", "o:"},
           {"SELECT * FROM o WHERE a = b", "o:"},
           {"SELECT * FROM o WHERE a = (SELECT 1)", "o:"},
           {"SELECT * FROM o JOIN u ON u.oid = o.id WHERE name = 'x'", "o: join id; u: = name join oid"},
           {"SELECT * FROM o, u WHERE oid = o.id AND a = 1", "u: join oid; o: = a join id"},
           {"SELECT * FROM o LEFT JOIN u USING (id)", "o: join id; u: join id"},
           {"SELECT * FROM o JOIN (SELECT 1 AS a) s USING (a)", "o:"},
           {"SELECT * FROM o WHERE id IN (SELECT oid FROM u WHERE name = 'x')", "o: join id; u: = name join oid"},
           {"SELECT * FROM o WHERE EXISTS (SELECT FROM u WHERE u.oid = o.id)", "o: join id; u: join oid"},
           {"SELECT * FROM o WHERE a = 1 OR b = 2", "o: or a,b"},
           {"SELECT * FROM o WHERE (a = 1 AND c = 2) OR b IN (1)", "o: or a,c,b"},
           {"SELECT * FROM o WHERE n IS NULL AND f AND NOT f", "o: p \"n\" IS NULL,\"f\",NOT \"f\""},
           {"SELECT * FROM o WHERE lower(e) = 'x'", "o: x \"lower\"(\"e\")"},
           {"SELECT * FROM o WHERE d->>'k' = 'v'", "o: x (\"d\" ->> 'k')"},
           {"SELECT * FROM o WHERE (a + b) = 3 AND random() = 1", "o: x (\"a\" + \"b\")"},
           {"SELECT * FROM o, u WHERE o.a + u.id = 3", "u:; o:"},
           {"SELECT * FROM o ORDER BY a DESC, n", "o: sort a desc nf,n"},
           {"SELECT * FROM o ORDER BY n DESC NULLS LAST LIMIT 3", "o: sort n desc limited"},
           {"SELECT a, b FROM o ORDER BY 2, 1", "o: sort b,a"},
           {"SELECT a AS z FROM o ORDER BY z", "o: sort a"},
           {"SELECT * FROM o, u ORDER BY a, name", "u:; o:"},
           {"SELECT * FROM o ORDER BY a + 1", "o:"},
           {"SELECT a, count(*) FROM o GROUP BY a ORDER BY count(*)", "o: group a"},
           {"SELECT max(ts) FROM o WHERE a = 1", "o: = a sort ts limited"},
           {"WITH w AS (SELECT * FROM o WHERE a = 1) SELECT * FROM w", "o: = a"},
           {"WITH o AS (SELECT 1 AS a) SELECT * FROM o WHERE a = 1", ""},
           {"SELECT * FROM o WHERE a = 1 UNION ALL SELECT * FROM o WHERE b = 1", "o: = a; o: = b"},
           {"SELECT * FROM (SELECT * FROM o WHERE a = 1) s WHERE b = 1", "o: = b,a"},
           {"SELECT * FROM (SELECT a AS x, o.b FROM o) s WHERE s.x = 1 AND c = 1 ORDER BY s.b", "o: = a sort b"},
           {"SELECT * FROM (SELECT a + 1 AS a FROM o) s WHERE a = 1", "o:"},
           {"SELECT * FROM (SELECT a FROM o) s (b) WHERE b = 1 OR a = 1", "o:"},
           {"WITH w AS (SELECT u.*, a FROM o, u) SELECT * FROM w JOIN o ON o.id = w.oid WHERE w.name = 'x' AND w.a = 1",
            "o: join id; u: = name join oid; o: = a"},
           {"WITH RECURSIVE w AS (SELECT * FROM w) SELECT * FROM w WHERE a = 1", ""},
           {"UPDATE o SET a = 1 WHERE b = 2", "o: = b"},
           {"DELETE FROM o USING u WHERE u.oid = o.id", "o: join id; u: join oid"},
           {"SELECT * FROM nowhere WHERE a = 1", ""},
       })
    EXPECT_EQ(told(sql), wanted) << sql;
}

TEST(AdviceUses, AValueMayStandInAnIndexWhereTheTreeTellsIt) {
  const AdviceCatalog known = advice_support::catalog();
  const auto value = [&](std::string_view sql) { return advice_support::uses(known, sql).at(0).equal.at(0).value; };
  EXPECT_EQ(value("SELECT * FROM o WHERE t = 'it''s'"), "'it''s'");
  EXPECT_EQ(value("SELECT * FROM o WHERE a = 5"), "5");
  EXPECT_EQ(value("SELECT * FROM o WHERE a = -5"), "");
  EXPECT_EQ(value("SELECT * FROM o WHERE f = false"), "false");
  EXPECT_EQ(value("SELECT * FROM o WHERE a = $1"), "");
}

TEST(AdviceUses, Writes) {
  Skeleton skeleton;
  Parse parsed;
  const auto writes = [&](std::string_view sql) {
    skeleton.make(sql);
    parse(sql, skeleton, {}, parsed);
    return writes_of(parsed.tree);
  };
  const auto update = writes("UPDATE s.o SET a = 1, b = 2 WHERE c = 3");
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].table, (WrittenTable{"s", "o"}));
  EXPECT_EQ(update[0].columns, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(writes("INSERT INTO o VALUES (1)").at(0).how, WrittenColumns::How::kInsert);
  EXPECT_EQ(writes("DELETE FROM o").at(0).how, WrittenColumns::How::kDelete);
  EXPECT_TRUE(writes("SELECT 1 FROM o").empty());
}

TEST(AdviceUses, TellsWhatIsReadOfEachTable) {
  const AdviceCatalog known = advice_support::catalog();
  const auto read = [&](std::string_view sql, std::size_t at = 0) {
    const TableUse use = advice_support::uses(known, sql).at(at);
    std::string out = use.all_read ? "*" : "";
    for (const std::string& column : use.read) out += (out.empty() ? "" : " ") + column;
    return out;
  };
  EXPECT_EQ(read("SELECT sum(b) FROM o WHERE a = 1 ORDER BY max(c)"), "b a c");
  EXPECT_EQ(read("SELECT count(*) FROM o WHERE a = 1"), "a");
  EXPECT_EQ(read("SELECT o.a, u.name FROM o JOIN u ON u.oid = o.id"), "a id");
  EXPECT_EQ(read("SELECT o.a, u.name FROM o JOIN u ON u.oid = o.id", 1), "name oid");
  EXPECT_EQ(read("SELECT u.*, o.a FROM u, o"), "a");
  EXPECT_EQ(read("SELECT u.*, o.a FROM u, o", 1), "*");
  EXPECT_EQ(read("SELECT * FROM o"), "*");
  EXPECT_EQ(read("SELECT o FROM o"), "*");
  EXPECT_EQ(read("SELECT row_to_json(x) FROM o x"), "*");
  EXPECT_EQ(read("SELECT a FROM o NATURAL JOIN u"), "* a");
  EXPECT_EQ(read("SELECT a FROM o JOIN u USING (id)"), "a id");
  EXPECT_EQ(read("SELECT a FROM o WHERE EXISTS (SELECT FROM u WHERE u.oid = o.b)"), "a b");
  EXPECT_EQ(read("SELECT s.a FROM (SELECT * FROM o) s"), "* a");
}

}  // namespace
}  // namespace analyzer
