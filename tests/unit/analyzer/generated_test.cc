// Statements made at random by a grammar that knows what it says: tables read and written, WITH queries that hide them,
// functions, parameters. The seed is in the message of a failure.

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "analyzer/statement_cache.h"
#include "tests/unit/analyzer/facts.h"

namespace analyzer {
namespace {

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string statement() {
    switch (pick(6)) {
      case 0: return insert({});
      case 1: return "UPDATE " + target() + " SET a = " + expression({}, 2) + where({});
      case 2: return "DELETE FROM " + target() + " USING " + item({}, 1) + where({});
      default: return query({}, 3);
    }
  }

  std::set<std::string> tables;  // as text_of() writes them
  std::set<std::string> functions;
  int parameters = 0;
  bool writes = false;

 private:
  using Names = std::set<std::string>;  // of the WITH queries that can be seen

  unsigned pick(unsigned choices) { return static_cast<unsigned>(random_() % choices); }
  std::string name() { return std::string(1, static_cast<char>('p' + pick(6))); }

  void read(const std::string& table) {
    if (!tables.contains(table + "!")) tables.insert(table);
  }
  std::string target() {
    const auto table = name();
    tables.erase(table);
    tables.insert(table + "!");
    writes = true;
    return table;
  }

  std::string insert(const Names& seen) {
    const auto table = target();
    if (pick(2) == 0) return "INSERT INTO " + table + " " + query(seen, 2);
    std::string rows;
    for (unsigned i = 0; i <= pick(4); ++i) rows += (i == 0 ? "(" : ", (") + expression(seen, 1) + ")";
    return "INSERT INTO " + table + " (a) VALUES " + rows;
  }

  std::string query(Names seen, int depth) {
    std::string with;
    if (depth > 0 && pick(3) == 0) {
      const bool recursive = pick(2) == 0;
      std::vector<std::string> names;
      for (unsigned i = 0; i <= pick(2); ++i) {
        auto another = name();
        if (std::find(names.begin(), names.end(), another) == names.end()) names.push_back(std::move(another));
      }
      Names inside = seen;
      if (recursive) inside.insert(names.begin(), names.end());
      for (const auto& one : names) {
        with += (with.empty() ? (recursive ? "WITH RECURSIVE " : "WITH ") : ", ") + one + " AS (" +
                query(inside, depth - 1) + ")";
        inside.insert(one);
      }
      seen.insert(names.begin(), names.end());
      with += " ";
    }
    std::string out = with + "SELECT " + expression(seen, depth) + ", " + expression(seen, depth) + " FROM " +
                      item(seen, depth) + where(seen);
    if (depth > 0 && pick(4) == 0) out += " UNION ALL SELECT 1, 2 FROM " + item(seen, depth - 1);
    return out;
  }

  std::string item(const Names& seen, int depth) {
    switch (pick(depth > 0 ? 4 : 2)) {
      case 0: {
        const auto table = name();
        if (!seen.contains(table)) read(table);
        return table;
      }
      case 1: {
        const auto table = name();
        read("s." + table);
        return "s." + table;
      }
      case 2: return "(" + query(seen, depth - 1) + ") AS x";
      default: return item(seen, depth - 1) + " JOIN " + item(seen, depth - 1) + " ON " + expression(seen, depth - 1);
    }
  }

  std::string where(const Names& seen) {
    return pick(2) == 0 ? "" : " WHERE " + expression(seen, 1) + " = " + expression(seen, 1);
  }

  std::string expression(const Names& seen, int depth) {
    switch (pick(depth > 0 ? 9 : 4)) {
      case 0: return std::to_string(pick(1000));
      case 1: return "'it''s " + std::to_string(pick(1000)) + "'";
      case 2: return "a";
      case 3: {
        const int number = static_cast<int>(pick(9)) + 1;
        parameters = std::max(parameters, number);
        return "$" + std::to_string(number);
      }
      case 4: return "(" + expression(seen, depth - 1) + " + " + expression(seen, depth - 1) + ")";
      case 5: {
        const auto function = "f" + name();
        functions.insert(function);
        return function + "(" + expression(seen, depth - 1) + ", -1)";
      }
      case 6: return "(" + query(seen, depth - 1) + ")";
      case 7: return "a IN (1, 2, " + expression(seen, depth - 1) + ")";
      default: return "CASE WHEN " + expression(seen, depth - 1) + " THEN 1 ELSE 2 END";
    }
  }

  std::mt19937 random_;
};

TEST(Generated, TheFactsAreThoseThatWerePutIn) {
  StatementCacheOptions options;
  options.local_entries = 64;  // so that every level has something to do
  options.shared_entries = 256;
  StatementCache shared(options);
  LocalStatements local(shared);
  for (unsigned seed = 1; seed <= 5000; ++seed) {
    Generator generator(seed);
    const auto sql = generator.statement();
    for (int again = 0; again < 2; ++again) {
      const AnalysisPtr facts = local.get(sql, true);
      ASSERT_TRUE(facts->parsed || sql.size() > kParsedBytesMax) << seed << ": " << sql;
      if (!facts->parsed) continue;
      const Statement& statement = facts->statements.at(0);
      std::string tables;
      for (const auto& table : generator.tables) tables += (tables.empty() ? "" : " ") + table;
      EXPECT_EQ(text_of(statement.tables), tables) << seed << ": " << sql;
      std::set<std::string> functions;
      for (const auto& function : statement.functions) EXPECT_TRUE(functions.insert(function.name).second);
      EXPECT_EQ(functions, generator.functions) << seed << ": " << sql;
      EXPECT_EQ(statement.parameters, generator.parameters) << seed << ": " << sql;
      EXPECT_EQ(statement.writes, generator.writes) << seed << ": " << sql;
      EXPECT_TRUE(facts->shareable && facts->plain()) << seed << ": " << sql;
    }
  }
  EXPECT_GT(local.counts().skeleton_hits + local.counts().text_hits, 4000u);
}

}  // namespace
}  // namespace analyzer
