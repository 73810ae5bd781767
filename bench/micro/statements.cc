// What is known of a statement: the lexer, the skeleton, and the three ways to an answer
// (analyzer/statement_cache.h).

#include <fmt/format.h>
#include <pg_query.h>

#include <string>
#include <string_view>

#include "analyzer/lexer.h"
#include "analyzer/skeleton.h"
#include "analyzer/statement_cache.h"
#include "bench/micro/micro.h"

namespace micro {

static constexpr std::string_view kText =
    "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer "
    "WHERE o.placed >= '2026-01-01' AND o.total > 17.50 AND c.city IN ('Lisbon', 'Oslo') ORDER BY o.placed "
    "LIMIT 10";
// As pgbench -S sends it: another number each time.
static std::string look_up(int64_t id) {
  return fmt::format("SELECT abalance FROM pgbench_accounts WHERE aid = {};", id);
}
// A text whose skeleton nobody has seen.
static std::string new_kind(int64_t number) {
  return fmt::format("SELECT abalance, c{} FROM pgbench_accounts WHERE aid = 17;", number);
}

[[gnu::noipa]] static std::size_t op_lexer(std::string_view sql) {
  analyzer::Lexer lexer(sql);
  std::size_t tokens = 0;
  while (lexer.next().kind != analyzer::TokenKind::kEnd) ++tokens;
  return tokens;
}
static void lexer(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(op_lexer(kText));
}
const Benchmark kLexer("lexer: a text of 190 bytes", lexer);

[[gnu::noipa]] static std::size_t op_skeleton(analyzer::Skeleton& skeleton, std::string_view sql) {
  skeleton.make(sql);
  return skeleton.bytes().size();
}
static void skeleton(benchmark::State& state) {
  analyzer::Skeleton skeleton;
  for (auto _ : state) benchmark::DoNotOptimize(op_skeleton(skeleton, kText));
}
const Benchmark kSkeleton("skeleton: a text of 190 bytes", skeleton);

struct Known {
  analyzer::StatementCache shared;
  analyzer::LocalStatements local{shared};
};

[[gnu::noipa]] static const void* op_seen(analyzer::LocalStatements& statements, std::string_view sql) {
  return statements.get(sql, true).get();
}
static void seen(benchmark::State& state) {
  Known known;
  for (int i = 0; i < 3; ++i) op_seen(known.local, kText);
  for (auto _ : state) benchmark::DoNotOptimize(op_seen(known.local, kText));
  if (known.local.counts().parses != 1) fail(state, "parsed again");
}
const Benchmark kSeen("statement: text seen", seen);

[[gnu::noipa]] static const void* op_new_literal(analyzer::LocalStatements& statements,
                                                 std::string_view sql) {
  return statements.get(sql, true).get();
}
static void new_literal(benchmark::State& state) {
  Known known;
  int64_t id = 0;
  op_seen(known.local, look_up(id));
  std::string sql;
  for (auto _ : state) {
    // Not counted, but timed: a fraction of what follows, and less than to stop the clock.
    sql.assign("SELECT abalance FROM pgbench_accounts WHERE aid = ");
    sql.append(fmt::format_int(++id).c_str()).append(";");
    benchmark::DoNotOptimize(op_new_literal(known.local, sql));
  }
  if (known.local.counts().parses != 1) fail(state, "parsed again");
}
const Benchmark kNewLiteral("statement: new literal", new_literal);

[[gnu::noipa]] static const void* op_unseen(analyzer::LocalStatements& statements, std::string_view sql) {
  return statements.get(sql, true).get();
}
static void unseen(benchmark::State& state) {
  Known known;
  int64_t number = 0;
  for (auto _ : state) benchmark::DoNotOptimize(op_unseen(known.local, new_kind(++number)));
}
const Benchmark kUnseen("statement: unseen", unseen);

// What libpg_query takes for the same texts, by its own entrance.
[[gnu::noipa]] static bool op_pg_query(const char* sql) {
  PgQueryParseResult result = pg_query_parse(sql);
  const bool parsed = result.error == nullptr;
  pg_query_free_parse_result(result);
  return parsed;
}
static void pg_query(benchmark::State& state) {
  int64_t number = 0;
  for (auto _ : state) {
    if (!op_pg_query(new_kind(++number).c_str())) return fail(state, "not parsed");
  }
}
const Benchmark kPgQuery("statement: libpg_query alone", pg_query);

}  // namespace micro
