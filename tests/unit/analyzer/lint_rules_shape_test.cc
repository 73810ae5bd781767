// Rules about queries that ask for more than is needed.

#include "lint_cases.h"

namespace analyzer {
namespace {

TEST(LintRulesShape, Star) {
  expect_cases("STAR", {{.sql = "SELECT * FROM wide WHERE id = 5", .evidence = "*", .bytes = 20'000},
                        {.sql = "SELECT w.* FROM wide w WHERE id = 5", .evidence = "w.*", .bytes = 20'000},
                        {.sql = "SELECT w.*, s.id FROM wide w JOIN small s ON s.id = w.id", .evidence = "w.*", .bytes = 20'000},
                        {.sql = "SELECT id, c0 FROM wide WHERE id = 5", .bytes = 20'000},
                        {.sql = "SELECT * FROM small WHERE id = 5", .bytes = 20'000},
                        {.sql = "SELECT * FROM wide WHERE id = 5", .bytes = 2000},
                        {.sql = "SELECT * FROM wide WHERE id = 5", .calls = 50, .mean_ms = 500, .bytes = 20'000},
                        {.sql = "SELECT count(*) FROM wide", .bytes = 20'000},
                        {.sql = "SELECT id FROM small WHERE EXISTS (SELECT * FROM wide)", .bytes = 20'000},
                        {.sql = "SELECT * FROM stranger", .bytes = 20'000},
                        {.sql = "UPDATE wide SET c0 = 'x' WHERE id = 5 RETURNING *", .bytes = 20'000}});
}

TEST(LintRulesShape, CountForExistence) {
  expect_cases("COUNTEXISTS",
               {{"SELECT id FROM users u WHERE (SELECT count(*) FROM orders o WHERE o.user_id = u.id) > 0",
                 "(SELECT count(*) FROM orders o WHERE o.user_id = u.id) > $1"},
                {"SELECT id FROM users u WHERE 0 = (SELECT count(*) FROM orders o WHERE o.user_id = u.id)",
                 "$1 = (SELECT count(*) FROM orders o WHERE o.user_id = u.id)"},
                {"SELECT (SELECT count(*) FROM orders) >= 1 AS some", "(SELECT count(*) FROM orders) >= $1"},
                {"SELECT id FROM users u WHERE (SELECT count(*) FROM orders o WHERE o.user_id = u.id) > 5"},
                {"SELECT id FROM users u WHERE (SELECT count(buyer) FROM orders o WHERE o.user_id = u.id) > 0"},
                {"SELECT id FROM users u WHERE (SELECT max(n) FROM orders o WHERE o.user_id = u.id) > 0"},
                {"SELECT n FROM orders GROUP BY n HAVING count(*) > 0"},
                {"SELECT id FROM users u WHERE EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id)"},
                {"SELECT (SELECT count(*) FROM orders GROUP BY n LIMIT 1) > 0"}});
}

TEST(LintRulesShape, CountAll) {
  expect_cases("COUNTPOLL", {{"SELECT count(*) FROM orders", "count(*)"},
                             {"SELECT count(id) FROM users", "count(id)"},
                             {"SELECT count(*) AS n FROM public.orders o", "count(*)"},
                             {"SELECT count(*) FROM small"},
                             {"SELECT count(*) FROM orders WHERE n = 5"},
                             {"SELECT n, count(*) FROM orders GROUP BY n"},
                             {"SELECT count(*) FROM stranger"},
                             {.sql = "SELECT count(*) FROM orders", .mean_ms = 5},
                             {.sql = "SELECT count(*) FROM orders", .calls = 3, .mean_ms = 5000},
                             {"SELECT max(id) FROM orders"}});
}

TEST(LintRulesShape, Unbounded) {
  expect_cases("UNBOUNDED", {{.sql = "SELECT id FROM orders", .evidence = "no LIMIT: FROM orders", .rows = 50'000},
                             {.sql = "SELECT id FROM orders o WHERE n > 5", .evidence = "no LIMIT: FROM orders", .bytes = 2e7},
                             {.sql = "SELECT id FROM users UNION ALL SELECT id FROM orders", .evidence = "no LIMIT", .rows = 20'000},
                             {.sql = "SELECT id FROM orders LIMIT 50000", .rows = 50'000},
                             {.sql = "SELECT n, count(*) FROM orders GROUP BY n", .rows = 50'000},
                             {.sql = "SELECT id FROM orders", .rows = 100},
                             {.sql = "SELECT id FROM orders", .calls = 3, .mean_ms = 2000, .rows = 1e6},
                             {.sql = "SELECT g FROM generate_series(1, 50000) g", .rows = 50'000},
                             {.sql = "UPDATE orders SET n = 1 WHERE id > 5", .rows = 50'000}});
}

TEST(LintRulesShape, DistinctJoin) {
  expect_cases("DISTINCTJOIN",
               {{"SELECT DISTINCT u.name FROM users u JOIN orders o ON o.user_id = u.id", "SELECT DISTINCT u.name"},
                {"SELECT DISTINCT u.id, u.name FROM users u, orders o WHERE o.user_id = u.id AND o.n > 5",
                 "SELECT DISTINCT u.id, u.name"},
                {"SELECT DISTINCT u.* FROM users u JOIN orders o ON o.user_id = u.id", "SELECT DISTINCT u.*"},
                {"SELECT DISTINCT u.name, o.n FROM users u JOIN orders o ON o.user_id = u.id"},
                {"SELECT DISTINCT name FROM users"},
                {"SELECT u.name FROM users u JOIN orders o ON o.user_id = u.id"},
                {"SELECT DISTINCT u.name FROM users u LEFT JOIN orders o ON o.user_id = u.id"},
                {"SELECT DISTINCT ON (u.id) u.name FROM users u JOIN orders o ON o.user_id = u.id"},
                {"SELECT DISTINCT * FROM users u JOIN orders o ON o.user_id = u.id"},
                {"SELECT count(DISTINCT u.name) FROM users u JOIN orders o ON o.user_id = u.id"}});
}

TEST(LintRulesShape, UnionDistinct) {
  expect_cases("UNION",
               {{.sql = "SELECT id, 'a' FROM users UNION SELECT id, 'b' FROM orders", .evidence = "UNION: $1 and $2 differ", .rows = 5000},
                {.sql = "SELECT 1 AS kind, id FROM users UNION SELECT 2, id FROM orders",
                 .evidence = "UNION: $1 and $2 differ",
                 .rows = 5000},
                {.sql = "SELECT 'x'::text, id FROM users UNION SELECT 'y'::text, id FROM orders",
                 .evidence = "UNION: $1 and $2 differ",
                 .rows = 5000},
                {.sql = "SELECT id, 'a' FROM users UNION ALL SELECT id, 'b' FROM orders", .rows = 5000},
                {.sql = "SELECT id, 'a' FROM users UNION SELECT id, 'a' FROM orders", .rows = 5000},
                {.sql = "SELECT id FROM users UNION SELECT id FROM orders", .rows = 5000},
                {.sql = "SELECT id, 'a' FROM users UNION SELECT id, 'b' FROM orders", .rows = 50},
                {.sql = "SELECT id, 'a' FROM users INTERSECT SELECT id, 'b' FROM orders", .rows = 5000},
                {.sql = "SELECT id, 'a' FROM users UNION SELECT id, note FROM orders", .rows = 5000}});
}

TEST(LintRulesShape, CorrelatedSelect) {
  expect_cases("CORRSUB",
               {{.sql = "SELECT u.id, (SELECT count(*) FROM orders o WHERE o.user_id = u.id) FROM users u",
                 .evidence = "(SELECT count(*) FROM orders o WHERE o.user_id = u.id)",
                 .rows = 500},
                {.sql = "SELECT (SELECT name FROM users u WHERE u.id = o.user_id) AS who, o.id FROM orders o",
                 .evidence = "(SELECT name FROM users u WHERE u.id = o.user_id)",
                 .rows = 500},
                {.sql = "SELECT coalesce((SELECT max(o.n) FROM orders o WHERE o.user_id = users.id), 0) FROM users",
                 .evidence = "(SELECT max(o.n) FROM orders o WHERE o.user_id = users.id)",
                 .rows = 500},
                {.sql = "SELECT u.id, (SELECT count(*) FROM orders o WHERE o.user_id = u.id) FROM users u", .rows = 5},
                {.sql = "SELECT u.id, (SELECT max(id) FROM orders) FROM users u", .rows = 500},
                {.sql = "SELECT u.id FROM users u WHERE (SELECT count(*) FROM orders o WHERE o.user_id = u.id) > 3", .rows = 500},
                {.sql = "SELECT EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id) FROM users u", .rows = 500},
                {.sql = "SELECT u.id, o.n FROM users u JOIN orders o ON o.user_id = u.id", .rows = 500},
                {.sql = "SELECT u.id, x.c FROM users u, LATERAL (SELECT count(*) AS c FROM orders o WHERE o.user_id = u.id) x",
                 .rows = 500}});
}

}  // namespace
}  // namespace analyzer
