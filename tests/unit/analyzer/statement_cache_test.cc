// Three levels, one answer.

#include "analyzer/statement_cache.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "base/thread.h"
#include "tests/unit/analyzer/facts.h"

namespace {
thread_local std::size_t allocations = 0;
}

#if !defined(WEIR_SANITIZE_ADDRESS) && !defined(WEIR_SANITIZE_THREAD)  // these have operators of their own, and count nothing
// Counted, else as they were. Not inlined: gcc sees free() then, and no malloc().
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace analyzer {
namespace {

struct Fixture {
  explicit Fixture(const StatementCacheOptions& options = {}) : shared(options), local(shared) {}
  const AnalysisPtr& get(std::string_view sql, bool standard = true) { return local.get(sql, standard); }
  // "text skeleton shared parse": what was counted since the last call.
  std::string counted() {
    const uint64_t now[] = {local.counts().text_hits, local.counts().skeleton_hits, local.counts().shared_hits,
                            local.counts().parses};
    std::string out;
    for (std::size_t i = 0; i < 4; ++i) {
      out += (i == 0 ? "" : " ") + std::to_string(now[i] - before[i]);
      before[i] = now[i];
    }
    return out;
  }

  StatementCache shared;
  LocalStatements local;
  uint64_t before[4] = {};
};

TEST(StatementCache, ATextIsParsedOnce) {
  Fixture f;
  const AnalysisPtr first = f.get("SET a.b = 1");
  EXPECT_EQ(f.counted(), "0 0 0 1");
  EXPECT_EQ(f.get("SET a.b = 1"), first);
  EXPECT_EQ(f.counted(), "1 0 0 0");
  EXPECT_NE(f.get("SET a.b = 2"), first);
  EXPECT_EQ(f.counted(), "0 0 0 1");
  EXPECT_EQ(text_of(f.get("SET a.b = 2")->statements[0].settings), "a.b=2");
}

TEST(StatementCache, TextsThatDifferInLiteralsAreOne) {
  Fixture f;
  const AnalysisPtr first = f.get("SELECT * FROM t WHERE a = 1");
  EXPECT_EQ(f.counted(), "0 0 0 1");
  EXPECT_EQ(f.get("select  *  from T where A = 'x' -- c"), first);
  EXPECT_EQ(f.counted(), "0 1 0 0");
  EXPECT_NE(f.get("SELECT * FROM t WHERE b = 1"), first);
  EXPECT_EQ(f.counted(), "0 0 0 1");
}

TEST(StatementCache, AHitAllocatesNothing) {
  Fixture f;
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back("SELECT * FROM t WHERE a = " + std::to_string(i));
  for (int i = 0; i < 2; ++i) f.get(texts[0] + "0000000");  // known, and one to be compared with
  f.get("SET a.b = 1");
  f.counted();
  const std::size_t before = allocations;
  for (const auto& text : texts) f.local.get(text, true);
  for (int i = 0; i < 1000; ++i) f.local.get("SET a.b = 1", true);
  const std::size_t after = allocations;
  EXPECT_EQ(after, before);
  EXPECT_EQ(f.counted(), "1000 1000 0 0");
}

TEST(StatementCache, ATextThatComesAgainIsKeptAsItIs) {
  Fixture f;
  for (int i = 0; i < 5; ++i) f.get("SELECT a + 1");  // too short to be compared with
  EXPECT_EQ(f.counted(), "3 1 0 1");
}

TEST(StatementCache, TextsAreComparedBeforeTheyAreCutIntoTokens) {
  Fixture f;
  const AnalysisPtr first = f.get("SELECT * FROM t WHERE a = 1 AND b = 'x'");
  for (const std::string_view sql : {"SELECT * FROM t WHERE a = 1 AND b = 'y'", "SELECT * FROM t WHERE a = 25 AND b = ''"})
    EXPECT_EQ(f.get(sql), first) << sql;
  EXPECT_EQ(f.counted(), "0 2 0 1");
  EXPECT_NE(f.get("SELECT * FROM t WHERE a = 1 AND b = 'x' OR c"), first);
}

TEST(StatementCache, WhatLiteralsDecideIsNotShared) {
  Fixture f;
  EXPECT_EQ(text_of(f.get("SELECT set_config('a.b', '1', false)")->statements[0].settings), "a.b=1");
  EXPECT_EQ(text_of(f.get("SELECT set_config('a.c', '2', true)")->statements[0].settings), "a.c=2 local");
  EXPECT_EQ(text_of(f.get("SELECT set_config($1, $2, $3)")->effects), "any_setting");
  EXPECT_EQ(f.counted(), "0 0 0 3");
  EXPECT_EQ(f.get("SELECT $1")->statements[0].parameters, 1);
  EXPECT_EQ(f.get("SELECT $2")->statements[0].parameters, 2);
  EXPECT_EQ(f.get("SELECT 2")->statements[0].parameters, 0);
}

TEST(StatementCache, WhatIsNotParsedIsRememberedToo) {
  Fixture f;
  const AnalysisPtr first = f.get("SELEC 1");
  EXPECT_FALSE(first->parsed);
  EXPECT_EQ(f.local.counts().parse_errors, 1u);
  EXPECT_EQ(f.get("SELEC 1"), first);
  EXPECT_EQ(f.counted(), "1 0 0 1");
  EXPECT_NE(f.get("SELEC 2"), first);
}

TEST(StatementCache, OldStringsAreAnotherText) {
  Fixture f;
  EXPECT_TRUE(f.get("SELECT 'a\\'", true)->parsed);
  EXPECT_FALSE(f.get("SELECT 'a\\'", false)->parsed);
  EXPECT_TRUE(f.get("SELECT 'a\\'", true)->parsed);
  EXPECT_TRUE(f.get("SELECT 'a'", false)->parsed);
  // A skeleton of one is none of the other: here a string ends in another place.
  f.get("SELECT 'x'", true);
  EXPECT_TRUE(f.get("SELECT '\\'; SET a = 1; SELECT '", false)->effects.empty());
  EXPECT_TRUE(f.get("SELECT '\\'; SET a = 1; SELECT ''", true)->effects.has(Effect::kSettings));
}

TEST(StatementCache, WorkersLearnFromOneAnother) {
  StatementCache shared;
  LocalStatements one(shared);
  LocalStatements two(shared);
  const AnalysisPtr query = one.get("SELECT * FROM t WHERE a = 1", true);
  const AnalysisPtr set = one.get("SET a = 1", true);
  EXPECT_EQ(two.get("SELECT * FROM t WHERE a = 2", true), query);
  EXPECT_EQ(two.get("SET a = 1", true), set);
  EXPECT_EQ(two.get("SET a = 1", true), set);
  EXPECT_EQ(two.counts().parses, 0u);
  EXPECT_EQ(two.counts().shared_hits, 2u);
  EXPECT_EQ(two.counts().text_hits, 1u);
  EXPECT_EQ(shared.size(), 2u);
}

TEST(StatementCache, LongTexts) {
  Fixture f;
  std::string list = "SELECT * FROM t WHERE a IN (1";
  while (list.size() < 50'000) list += ", 2";
  EXPECT_TRUE(f.get(list + ")")->parsed);
  EXPECT_TRUE(f.get(list + ", 3)")->parsed);  // too long to be kept, its skeleton is not
  EXPECT_EQ(f.counted(), "0 1 0 1");
  while (list.size() < 500'000) list += ", 2";
  EXPECT_TRUE(f.get(list + ")")->parsed);  // too long to be parsed, and known
  EXPECT_EQ(f.counted(), "0 1 0 0");
  std::string other = "SELECT * FROM u WHERE a IN (1" + list.substr(29);
  EXPECT_FALSE(f.get(other + ")")->parsed);
  EXPECT_EQ(f.local.counts().over_budget, 1u);
  while (list.size() < 2'000'000) list += ", 2";
  EXPECT_FALSE(f.get(list + ")")->parsed);
  EXPECT_TRUE(f.get(list + ")")->effects.empty());
  EXPECT_EQ(f.local.counts().over_budget, 3u);
}

TEST(StatementCache, IsBounded) {
  StatementCacheOptions options;
  options.local_entries = 16;
  options.shared_entries = 64;
  Fixture f(options);
  for (int i = 0; i < 2000; ++i) {
    f.get("SET a.b = " + std::to_string(i));
    f.get("SELECT c" + std::to_string(i));
  }
  EXPECT_LE(f.shared.size(), 64u);
  EXPECT_GT(f.local.counts().evictions, 2000u);
}

TEST(StatementCache, ManyWorkersAtOnce) {
  ASSERT_TRUE(base::set_thread_stack());
  StatementCacheOptions options;
  options.local_entries = 64;
  options.shared_entries = 256;
  StatementCache shared(options);
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.push_back(base::start_thread("weir-test", [&shared, &wrong, t] {
      LocalStatements local(shared);
      for (int i = 0; i < 5000; ++i) {
        const auto number = std::to_string((i * 7 + static_cast<int>(t)) % 600);
        const auto& set = local.get("SET a.b = " + number, true);
        if (set->statements[0].settings.at(0).value != number) ++wrong[t];
        const auto& query = local.get("SELECT * FROM t" + number + " WHERE a = " + std::to_string(i), true);
        if (query->statements[0].tables.at(0).name != "t" + number) ++wrong[t];
      }
    }));
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(StatementCache, TextsThatWereCutOffShareAFingerprintWhateverTheirValuesAre) {
  StatementCache shared;
  LocalStatements local(shared);
  std::string one = "INSERT INTO t VALUES (1, 'a'", two = "INSERT INTO t VALUES (22, 'bbbb'), (3";
  const uint64_t fingerprint = local.get_cut(one, true)->fingerprint;
  EXPECT_NE(fingerprint, 0u);
  EXPECT_EQ(local.get_cut(two, true)->fingerprint, fingerprint);
  EXPECT_NE(local.get_cut("INSERT INTO u VALUES (1, 'a'", true)->fingerprint, fingerprint);
}

}  // namespace
}  // namespace analyzer
