#include "analyzer/lint.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "lint_cases.h"

namespace analyzer {
namespace {

TEST(Lint, EveryRuleSaysWhatItIsAbout) {
  std::set<std::string_view> names;
  for (const LintRule& rule : all_lint_rules()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    for (const std::string_view text : {rule.what, rule.why, rule.fix, rule.guard}) {
      EXPECT_FALSE(text.empty()) << rule.name;
      EXPECT_TRUE(text.ends_with('.')) << rule.name << ": " << text;
    }
    EXPECT_EQ(find_rule(rule.name), &rule);
  }
  EXPECT_EQ(find_rule("NOSUCH"), nullptr);
  EXPECT_GE(names.size(), 26u);
}

TEST(Lint, TheDocumentIsWrittenFromTheTable) {
  const std::string path = std::string(WEIR_SOURCE_DIR) + "/docs/lint.md";
  if (std::getenv("WEIR_WRITE_DOCS") != nullptr) std::ofstream(path) << lint_document();
  std::ifstream file(path);
  std::ostringstream committed;
  committed << file.rdbuf();
  EXPECT_EQ(committed.str(), lint_document()) << "run analyzer_test with WEIR_WRITE_DOCS=1 and commit docs/lint.md";
}

TEST(Lint, ARuleThatIsOffIsNotLookedAt) {
  LintRun run;
  run.limits.off = {"EQNULL"};
  EXPECT_EQ(finding_of(lint_one({"SELECT id FROM orders WHERE note = NULL"}, run), "EQNULL"), nullptr);
}

TEST(Lint, WhatCostsLittleIsNotToldUnlessItIsWrong) {
  const LintCase cheap{.sql = "SELECT id FROM orders WHERE date(placed) = '2024-01-01'", .calls = 1, .mean_ms = 50};
  EXPECT_TRUE(lint_one(cheap).empty());
  const LintCase wrong{.sql = "SELECT id FROM orders WHERE note = NULL", .calls = 1, .mean_ms = 0.01};
  EXPECT_EQ(lint_one(wrong).size(), 1u);
}

TEST(Lint, TimeLostIsPerHour) {
  LintCase one{.sql = "SELECT id FROM orders WHERE note LIKE '%x%'", .calls = 1000, .mean_ms = 100};
  const LintFacts facts = lint_facts(one);
  LintStatement statement = lint_statement(one, &facts);
  statement.hours = 2;
  const auto findings = lint({&statement, 1}, {}, {}).findings;
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NEAR(findings[0].lost_ms_per_hour, 1000 * 100 / 2 * 0.9, 1);
  EXPECT_EQ(findings[0].calls, 1000u);
  EXPECT_EQ(findings[0].fingerprint, 7u);
  EXPECT_EQ(findings[0].database, "app");
}

TEST(Lint, WhatIsWorstComesFirstAndTheRestIsCut) {
  const LintCase cases[] = {{.sql = "SELECT id, n FROM orders LIMIT 10"},
                            {.sql = "SELECT id FROM orders WHERE note LIKE '%x%'", .calls = 100},
                            {.sql = "SELECT id FROM orders WHERE note LIKE '%x%' AND n = 1", .calls = 10'000},
                            {.sql = "SELECT id FROM orders WHERE note = NULL", .mean_ms = 0.1}};
  std::vector<LintFacts> facts;
  for (const LintCase& one : cases) facts.push_back(lint_facts(one));
  std::vector<LintStatement> statements;
  for (std::size_t i = 0; i < 4; ++i) statements.push_back(lint_statement(cases[i], &facts[i]));
  LintLimits limits;
  auto findings = lint(statements, {}, limits).findings;
  ASSERT_EQ(findings.size(), 4u);
  EXPECT_EQ(findings[0].rule->name, "EQNULL");
  EXPECT_EQ(findings[1].query, statements[2].query);
  EXPECT_EQ(findings[3].rule->name, "NOLIMORDER");
  limits.findings_max = 2;
  findings = lint(statements, {}, limits).findings;
  EXPECT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].rule->name, "EQNULL");
}

TEST(Lint, HowItIsWrittenDoesNotMatter) {
  const auto evidence = [](std::string_view sql) {
    const auto findings = lint_one({sql});
    const LintFinding* found = finding_of(findings, "FUNCCOL");
    return found == nullptr ? std::string("nothing") : std::string(found->rewritten.empty() ? "info" : "warning");
  };
  for (const std::string_view sql :
       {"SELECT id FROM orders WHERE date(placed) = '2024-01-01' AND n = 5", "SELECT id FROM orders WHERE n = 5 AND date(placed) = '2024-01-01'",
        "select ID from ORDERS where '2024-01-01' = DATE( placed ) and 5 = n", "SELECT id FROM public.orders AS x WHERE date(x.placed) = '2024-01-01' /* a comment */",
        "SELECT \"id\" FROM \"orders\" WHERE date(\"placed\") = $1"})
    EXPECT_EQ(evidence(sql), "warning") << sql;
}

TEST(Lint, SurvivesHostileTexts) {
  const auto repeated = [](std::string head, std::string_view piece, int times, std::string_view tail) {
    for (int i = 0; i < times; ++i) head += piece;
    return head.append(tail);
  };
  const std::string texts[] = {repeated("SELECT 1", "+1", 100'000, ""), repeated("SELECT ", "(", 20'000, "1"),
                               repeated("SELECT 1", " UNION SELECT 1", 20'000, ""), repeated("SELECT '", "x", 1 << 20, "'"),
                               repeated("SELECT 1 FROM t WHERE ", "NOT ", 20'000, "true"), repeated("SELECT 1 FROM a", ", a", 800, " WHERE a.b = a.c"),
                               repeated("SELECT 1 FROM t WHERE a = 1", " OR b = 2", 1500, ""), "SELECT '", "\xff\xfe", "$1", ""};
  for (const std::string& sql : texts) {
    const LintCase one{.sql = sql};
    LintFacts facts;
    facts.look({.text = sql});
    const LintStatement statement = lint_statement(one, &facts);
    LintAround around;
    around.catalogs.emplace("app", lint_catalog());
    EXPECT_EQ(lint({&statement, 1}, around, {}).statements, 1u);
  }
}

// ---- Clean applications ----

// No warning, whatever a statement costs.
void expect_clean(const std::vector<std::string_view>& statements, const LintCase& traffic) {
  for (const std::string_view sql : statements) {
    for (const bool catalog : {false, true}) {
      LintCase one = traffic;
      one.sql = sql;
      for (const LintFinding& finding : lint_one(one, {.catalog = catalog}))
        EXPECT_EQ(finding.severity, LintSeverity::kInfo) << finding.rule->name << " finds " << finding.evidence << " in " << sql;
    }
  }
}

TEST(Lint, PgbenchIsClean) {
  expect_clean({"BEGIN", "END", "UPDATE pgbench_accounts SET abalance = abalance + 5 WHERE aid = 7",
                "SELECT abalance FROM pgbench_accounts WHERE aid = 7", "UPDATE pgbench_tellers SET tbalance = tbalance + 5 WHERE tid = 7",
                "UPDATE pgbench_branches SET bbalance = bbalance + -5 WHERE bid = 7",
                "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 2, 3, 4, CURRENT_TIMESTAMP)"},
               {.sql = "", .calls = 1'000'000, .mean_ms = 1, .rows = 1, .bytes = 60});
}

TEST(Lint, TpchIsClean) {
  expect_clean(
      {"select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice * (1 - l_discount)) as sum_disc_price, "
       "avg(l_quantity) as avg_qty, count(*) as count_order from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day "
       "group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus",
       "select s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment from part, supplier, partsupp, nation, "
       "region where p_partkey = ps_partkey and s_suppkey = ps_suppkey and p_size = 15 and p_type like '%BRASS' and s_nationkey = "
       "n_nationkey and n_regionkey = r_regionkey and r_name = 'EUROPE' and ps_supplycost = (select min(ps_supplycost) from partsupp, "
       "supplier, nation, region where p_partkey = ps_partkey and s_suppkey = ps_suppkey and s_nationkey = n_nationkey and "
       "n_regionkey = r_regionkey and r_name = 'EUROPE') order by s_acctbal desc, n_name, s_name, p_partkey limit 100",
       "select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority from customer, orders, "
       "lineitem where c_mktsegment = 'BUILDING' and c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate < date "
       "'1995-03-15' and l_shipdate > date '1995-03-15' group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, "
       "o_orderdate limit 10",
       "select o_orderpriority, count(*) as order_count from orders where o_orderdate >= date '1993-07-01' and o_orderdate < date "
       "'1993-07-01' + interval '3' month and exists (select * from lineitem where l_orderkey = o_orderkey and l_commitdate < "
       "l_receiptdate) group by o_orderpriority order by o_orderpriority",
       "select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue from customer, orders, lineitem, supplier, nation, region "
       "where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey and c_nationkey = s_nationkey and "
       "s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'ASIA' and o_orderdate >= date '1994-01-01' and "
       "o_orderdate < date '1994-01-01' + interval '1' year group by n_name order by revenue desc",
       "select sum(l_extendedprice * l_discount) as revenue from lineitem where l_shipdate >= date '1994-01-01' and l_shipdate < date "
       "'1994-01-01' + interval '1' year and l_discount between .06 - 0.01 and .06 + 0.01 and l_quantity < 24",
       "select supp_nation, cust_nation, l_year, sum(volume) as revenue from (select n1.n_name as supp_nation, n2.n_name as "
       "cust_nation, extract(year from l_shipdate) as l_year, l_extendedprice * (1 - l_discount) as volume from supplier, lineitem, "
       "orders, customer, nation n1, nation n2 where s_suppkey = l_suppkey and o_orderkey = l_orderkey and c_custkey = o_custkey and "
       "s_nationkey = n1.n_nationkey and c_nationkey = n2.n_nationkey and ((n1.n_name = 'FRANCE' and n2.n_name = 'GERMANY') or "
       "(n1.n_name = 'GERMANY' and n2.n_name = 'FRANCE')) and l_shipdate between date '1995-01-01' and date '1996-12-31') as shipping "
       "group by supp_nation, cust_nation, l_year order by supp_nation, cust_nation, l_year",
       "select o_year, sum(case when nation = 'BRAZIL' then volume else 0 end) / sum(volume) as mkt_share from (select extract(year "
       "from o_orderdate) as o_year, l_extendedprice * (1 - l_discount) as volume, n2.n_name as nation from part, supplier, lineitem, "
       "orders, customer, nation n1, nation n2, region where p_partkey = l_partkey and s_suppkey = l_suppkey and l_orderkey = "
       "o_orderkey and o_custkey = c_custkey and c_nationkey = n1.n_nationkey and n1.n_regionkey = r_regionkey and r_name = 'AMERICA' "
       "and s_nationkey = n2.n_nationkey and o_orderdate between date '1995-01-01' and date '1996-12-31' and p_type = 'ECONOMY "
       "ANODIZED STEEL') as all_nations group by o_year order by o_year",
       "select nation, o_year, sum(amount) as sum_profit from (select n_name as nation, extract(year from o_orderdate) as o_year, "
       "l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity as amount from part, supplier, lineitem, partsupp, orders, "
       "nation where s_suppkey = l_suppkey and ps_suppkey = l_suppkey and ps_partkey = l_partkey and p_partkey = l_partkey and "
       "o_orderkey = l_orderkey and s_nationkey = n_nationkey and p_name like '%green%') as profit group by nation, o_year order by "
       "nation, o_year desc",
       "select c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) as revenue, c_acctbal, n_name, c_address, c_phone, c_comment "
       "from customer, orders, lineitem, nation where c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate >= date "
       "'1993-10-01' and o_orderdate < date '1993-10-01' + interval '3' month and l_returnflag = 'R' and c_nationkey = n_nationkey "
       "group by c_custkey, c_name, c_acctbal, c_phone, n_name, c_address, c_comment order by revenue desc limit 20",
       "select ps_partkey, sum(ps_supplycost * ps_availqty) as value from partsupp, supplier, nation where ps_suppkey = s_suppkey and "
       "s_nationkey = n_nationkey and n_name = 'GERMANY' group by ps_partkey having sum(ps_supplycost * ps_availqty) > (select "
       "sum(ps_supplycost * ps_availqty) * 0.0001 from partsupp, supplier, nation where ps_suppkey = s_suppkey and s_nationkey = "
       "n_nationkey and n_name = 'GERMANY') order by value desc",
       "select l_shipmode, sum(case when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0 end) as "
       "high_line_count from orders, lineitem where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP') and l_commitdate < "
       "l_receiptdate and l_shipdate < l_commitdate and l_receiptdate >= date '1994-01-01' and l_receiptdate < date '1994-01-01' + "
       "interval '1' year group by l_shipmode order by l_shipmode",
       "select c_count, count(*) as custdist from (select c_custkey, count(o_orderkey) from customer left outer join orders on "
       "c_custkey = o_custkey and o_comment not like '%special%requests%' group by c_custkey) as c_orders (c_custkey, c_count) group "
       "by c_count order by custdist desc, c_count desc",
       "select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end) / sum(l_extendedprice * "
       "(1 - l_discount)) as promo_revenue from lineitem, part where l_partkey = p_partkey and l_shipdate >= date '1995-09-01' and "
       "l_shipdate < date '1995-09-01' + interval '1' month",
       "with revenue (supplier_no, total_revenue) as (select l_suppkey, sum(l_extendedprice * (1 - l_discount)) from lineitem where "
       "l_shipdate >= date '1996-01-01' and l_shipdate < date '1996-01-01' + interval '3' month group by l_suppkey) select s_suppkey, "
       "s_name, s_address, s_phone, total_revenue from supplier, revenue where s_suppkey = supplier_no and total_revenue = (select "
       "max(total_revenue) from revenue) order by s_suppkey",
       "select p_brand, p_type, p_size, count(distinct ps_suppkey) as supplier_cnt from partsupp, part where p_partkey = ps_partkey "
       "and p_brand <> 'Brand#45' and p_type not like 'MEDIUM POLISHED%' and p_size in (49, 14, 23, 45, 19, 3, 36, 9) and ps_suppkey "
       "not in (select s_suppkey from supplier where s_comment like '%Customer%Complaints%') group by p_brand, p_type, p_size order by "
       "supplier_cnt desc, p_brand, p_type, p_size",
       "select sum(l_extendedprice) / 7.0 as avg_yearly from lineitem, part where p_partkey = l_partkey and p_brand = 'Brand#23' and "
       "p_container = 'MED BOX' and l_quantity < (select 0.2 * avg(l_quantity) from lineitem where l_partkey = p_partkey)",
       "select c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity) from customer, orders, lineitem where "
       "o_orderkey in (select l_orderkey from lineitem group by l_orderkey having sum(l_quantity) > 300) and c_custkey = o_custkey and "
       "o_orderkey = l_orderkey group by c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice order by o_totalprice desc, "
       "o_orderdate limit 100",
       "select sum(l_extendedprice * (1 - l_discount)) as revenue from lineitem, part where (p_partkey = l_partkey and p_brand = "
       "'Brand#12' and l_quantity >= 1 and l_quantity <= 11 and p_size between 1 and 5) or (p_partkey = l_partkey and p_brand = "
       "'Brand#23' and l_quantity >= 10 and l_quantity <= 20 and p_size between 1 and 10)",
       "select s_name, s_address from supplier, nation where s_suppkey in (select ps_suppkey from partsupp where ps_partkey in (select "
       "p_partkey from part where p_name like 'forest%') and ps_availqty > (select 0.5 * sum(l_quantity) from lineitem where l_partkey "
       "= ps_partkey and l_suppkey = ps_suppkey and l_shipdate >= date '1994-01-01' and l_shipdate < date '1994-01-01' + interval '1' "
       "year)) and s_nationkey = n_nationkey and n_name = 'CANADA' order by s_name",
       "select s_name, count(*) as numwait from supplier, lineitem l1, orders, nation where s_suppkey = l1.l_suppkey and o_orderkey = "
       "l1.l_orderkey and o_orderstatus = 'F' and l1.l_receiptdate > l1.l_commitdate and exists (select * from lineitem l2 where "
       "l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey) and not exists (select * from lineitem l3 where l3.l_orderkey "
       "= l1.l_orderkey and l3.l_suppkey <> l1.l_suppkey and l3.l_receiptdate > l3.l_commitdate) and s_nationkey = n_nationkey and "
       "n_name = 'SAUDI ARABIA' group by s_name order by numwait desc, s_name limit 100",
       "select cntrycode, count(*) as numcust, sum(c_acctbal) as totacctbal from (select substring(c_phone from 1 for 2) as cntrycode, "
       "c_acctbal from customer where substring(c_phone from 1 for 2) in ('13', '31', '23', '29', '30', '18', '17') and c_acctbal > "
       "(select avg(c_acctbal) from customer where c_acctbal > 0.00 and substring(c_phone from 1 for 2) in ('13', '31')) and not "
       "exists (select * from orders where o_custkey = c_custkey)) as custsale group by cntrycode order by cntrycode"},
      {.sql = "", .calls = 100, .mean_ms = 5000, .rows = 100, .bytes = 10'000});
}

TEST(Lint, WhatFrameworksWriteIsClean) {
  expect_clean({// Rails
                "SELECT \"users\".* FROM \"users\" WHERE \"users\".\"id\" = $1 LIMIT $2",
                "SELECT 1 AS one FROM \"users\" WHERE \"users\".\"email\" = $1 LIMIT $2",
                "SELECT COUNT(*) FROM \"orders\" WHERE \"orders\".\"user_id\" = $1",
                "INSERT INTO \"orders\" (\"user_id\", \"n\") VALUES ($1, $2) RETURNING \"id\"",
                "SELECT \"orders\".* FROM \"orders\" WHERE \"orders\".\"user_id\" IN ($1, $2, $3)",
                "UPDATE \"users\" SET \"name\" = $1 WHERE \"users\".\"id\" = $2", "DELETE FROM \"orders\" WHERE \"orders\".\"id\" = $1",
                // Django
                "SELECT \"users\".\"id\", \"users\".\"name\" FROM \"users\" WHERE \"users\".\"id\" = 5 LIMIT 21",
                "SELECT (1) AS \"a\" FROM \"users\" WHERE \"users\".\"name\" = 'x' LIMIT 1",
                "SELECT COUNT(*) AS \"__count\" FROM \"small\"", "SAVEPOINT \"s1\"",
                "SELECT \"orders\".\"id\" FROM \"orders\" INNER JOIN \"users\" ON (\"orders\".\"user_id\" = \"users\".\"id\") WHERE "
                "\"users\".\"name\" = 'x' ORDER BY \"orders\".\"placed\" DESC LIMIT 20",
                // SQLAlchemy and Hibernate
                "SELECT orders.id AS orders_id FROM orders WHERE orders.id = $1::INTEGER",
                "select o1_0.id, o1_0.n from orders o1_0 where o1_0.user_id=$1 order by o1_0.id offset $2 rows fetch first $3 rows only",
                "SELECT u.id, coalesce(u.email, 'none') FROM users u WHERE u.id = ANY ($1)",
                "select pg_catalog.version()", "SHOW standard_conforming_strings"},
               {.sql = "", .calls = 100'000, .mean_ms = 0.5, .rows = 1, .bytes = 300});
}

}  // namespace
}  // namespace analyzer
