// The lexer, the skeleton, the words and the facts, held against libpg_query over PostgreSQL's own regression SQL
// (corpus/regress.sql) and variations of it. WEIR_SQL_CORPUS names another file to be held against.

#include <gtest/gtest.h>
#include <pg_query.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/hash.h"
#include "analyzer/words.h"
#include "base/text.h"
#include "tests/unit/analyzer/facts.h"

namespace analyzer {
namespace {

// Statements, each followed by a line that says \g.
const std::vector<std::string>& corpus() {
  static const std::vector<std::string> all = [] {
    const char* other = std::getenv("WEIR_SQL_CORPUS");
    std::ifstream in(other != nullptr ? other : WEIR_SOURCE_DIR "/tests/unit/analyzer/corpus/regress.sql");
    std::vector<std::string> out;
    std::string statement;
    for (std::string line; std::getline(in, line);) {
      if (line != "\\g") {
        statement += (statement.empty() ? "" : "\n") + line;
        continue;
      }
      out.push_back(std::move(statement));
      statement.clear();
    }
    return out;
  }();
  return all;
}

TEST(Differential, ThereIsACorpus) { EXPECT_GT(corpus().size(), 1000u); }

struct Span {
  std::size_t begin, end;
};

// Protocol buffers, as far as a ScanResult needs them: tokens are field 2; in them start is 1, end 2, token 4.
class Wire {
 public:
  explicit Wire(std::string_view bytes) : bytes_(bytes) {}
  bool done() const { return at_ >= bytes_.size(); }
  uint64_t number() {
    uint64_t out = 0;
    for (int shift = 0; at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      out |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return out;
  }
  std::string_view bytes() {
    const auto size = number();
    const auto out = bytes_.substr(at_, size);
    at_ += size;
    return out;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

constexpr uint64_t kSqlComment = 275, kCComment = 276;  // pg_query.proto, enum Token

// False where libpg_query's scanner finds an error.
bool scan(const std::string& sql, std::vector<Span>& out) {
  const PgQueryScanResult result = pg_query_scan(sql.c_str());
  const bool fine = result.error == nullptr;
  Wire wire(fine ? std::string_view(result.pbuf.data, result.pbuf.len) : std::string_view());
  while (!wire.done()) {
    const auto tag = wire.number();
    if (tag != (2U << 3 | 2U)) {
      wire.number();
      continue;
    }
    Wire token(wire.bytes());
    std::map<uint64_t, uint64_t> fields;
    while (!token.done()) {
      const auto field = token.number() >> 3;
      fields[field] = token.number();
    }
    if (fields[4] != kSqlComment && fields[4] != kCComment) out.push_back({fields[1], fields[2]});
  }
  pg_query_free_scan_result(result);
  return fine;
}

TEST(Differential, TokensBeginAndEndWhereTheScannerHasThem) {
  std::size_t compared = 0;
  for (const auto& sql : corpus()) {
    std::vector<Span> theirs;
    if (!scan(sql, theirs)) continue;
    std::vector<Span> ours;
    Lexer lexer(sql);
    for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
      ours.push_back({token.at, token.at + token.size});
    }
    ++compared;
    ASSERT_EQ(ours.size(), theirs.size()) << sql;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      ASSERT_EQ(ours[i].begin, theirs[i].begin) << sql;
      // The scanner's own end of U&'' and U&"" is that of their beginning.
      if (sql[ours[i].begin + 1] == '&') continue;
      ASSERT_EQ(ours[i].end, theirs[i].end) << sql;
    }
  }
  EXPECT_GT(compared, corpus().size() * 9 / 10);
}

TEST(Differential, WhatTheScannerRefusesIsNoKey) {
  for (const auto& sql : corpus()) {
    std::vector<Span> theirs;
    if (scan(sql, theirs)) continue;
    Skeleton skeleton;
    skeleton.make(sql);
    // It finds more errors than we do: escapes in strings, for one. Then the parser refuses the text.
    EXPECT_FALSE(skeleton.sound() && facts_of(sql)->parsed) << sql;
  }
}

TEST(Differential, StatementsAreSplitWhereTheParserHasThem) {
  for (std::size_t i = 0; i < corpus().size(); i += 7) {
    const std::string sql = corpus()[i] + " ; /* ; */ " + corpus()[(i * 31) % corpus().size()] + ";; -- end";
    const PgQuerySplitResult theirs = pg_query_split_with_parser(sql.c_str());
    const auto ours = facts_of(sql);
    EXPECT_EQ(ours->parsed, theirs.error == nullptr) << sql;
    if (theirs.error == nullptr && theirs.n_stmts > 0) {
      EXPECT_EQ(ours->statements.size(), static_cast<std::size_t>(theirs.n_stmts)) << sql;
      for (int s = 0; s < theirs.n_stmts && ours->statements.size() == static_cast<std::size_t>(theirs.n_stmts); ++s) {
        const auto at = static_cast<std::size_t>(theirs.stmts[s]->stmt_location);
        const auto end = at + static_cast<std::size_t>(theirs.stmts[s]->stmt_len);
        const Statement& statement = ours->statements[static_cast<std::size_t>(s)];
        EXPECT_GE(statement.at, at) << sql;
        EXPECT_LE(statement.at + statement.size, end) << sql;
        // Nothing but blanks and comments around it.
        Lexer before(std::string_view(sql).substr(at, statement.at - at));
        EXPECT_EQ(before.next().kind, TokenKind::kEnd) << sql;
        Lexer after(std::string_view(sql).substr(statement.at + statement.size, end - statement.at - statement.size));
        EXPECT_EQ(after.next().kind, TokenKind::kEnd) << sql;
      }
    }
    pg_query_free_split_result(theirs);
  }
}

std::string all_facts(const Analysis& facts) {
  std::string out;
  for (const Statement& s : facts.statements) {
    out += std::to_string(static_cast<int>(s.kind)) + "|" + text_of(s.effects) + "|" + text_of(s.settings) + "|" +
           text_of(s.tables) + "|" + text_of(s.functions) + "|" + s.name + "|" + s.discard + "|" +
           std::to_string(s.parameters) + (s.writes ? "W" : "") + (s.all ? "A" : "") + (s.chain ? "C" : "") +
           (s.hold ? "H" : "") + (s.local_setting_only ? "L" : "") + "\n";
  }
  return out;
}

TEST(Differential, TheSameSkeletonMeansTheSameFactsAndFingerprint) {
  struct Seen {
    std::string sql, facts;
    uint64_t fingerprint;
  };
  std::map<std::string, Seen> seen;
  std::size_t shared = 0;
  for (const auto& sql : corpus()) {
    Skeleton skeleton;
    skeleton.make(sql);
    const auto facts = facts_of(sql);
    if (!facts->shareable || !shareable_skeleton(skeleton, true)) continue;
    const auto text = all_facts(*facts);
    const auto [known, is_new] = seen.emplace(std::string(skeleton.bytes()), Seen{sql, text, facts->fingerprint});
    if (is_new) continue;
    ++shared;
    EXPECT_EQ(known->second.facts, text) << known->second.sql << "\n" << sql;
    EXPECT_EQ(known->second.fingerprint, facts->fingerprint) << known->second.sql << "\n" << sql;
  }
  EXPECT_GT(seen.size(), 500u);
  EXPECT_GT(shared, 50u);
}

// The same statement in other clothes: blanks, comments, case, other literals.
std::string disguised(const std::string& sql, std::mt19937& random) {
  std::string out;
  Lexer lexer(sql);
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    std::string text(lexer.text_of(token));
    const auto dice = random() % 4;
    if (token.kind == TokenKind::kWord && dice < 2) {
      for (char& c : text) {
        if (c >= 'a' && c <= 'z' && dice == 0) c = static_cast<char>(c - 'a' + 'A');
        if (c >= 'A' && c <= 'Z' && dice == 1) c = static_cast<char>(c - 'A' + 'a');
      }
    }
    if (token.kind == TokenKind::kNumber && text.find_first_of(".eE") == std::string::npos) {
      text = std::to_string(random() % 100'000);
    }
    if (token.kind == TokenKind::kString && text[0] == '\'') text = dice == 0 ? "$d$it's$d$" : "'another''s'";
    out += text;
    // Between the n of n'' and its string there may be nothing; everything else may be apart.
    if (token.kind == TokenKind::kNational) continue;
    constexpr std::string_view kBlanks[] = {" ", "\n", " /* ' */ ", " -- \"\n"};
    out += kBlanks[random() % std::size(kBlanks)];
  }
  return out;
}

TEST(Differential, DisguisesChangeNothing) {
  std::mt19937 random(20261121);
  std::size_t checked = 0;
  for (const auto& sql : corpus()) {
    const auto facts = facts_of(sql);
    const auto has = [lower = base::to_lower(sql)](std::string_view word) { return lower.find(word) != lower.npos; };
    // The number in current_time(3) and its like is none that may change.
    if (!facts->shareable || has("localtime") || has("current_time") || has("float")) continue;
    const auto other = disguised(sql, random);
    Skeleton one;
    Skeleton two;
    one.make(sql);
    two.make(other);
    if (!shareable_skeleton(one, true)) continue;
    ASSERT_EQ(one.bytes(), two.bytes()) << sql << "\n" << other;
    const auto again = facts_of(other);
    if (!again->parsed) continue;  // a literal whose value the grammar looks at
    ++checked;
    EXPECT_EQ(all_facts(*facts), all_facts(*again)) << sql << "\n" << other;
    EXPECT_EQ(facts->fingerprint, again->fingerprint) << sql << "\n" << other;
  }
  EXPECT_GT(checked, 500u);
}

TEST(Differential, WhatTheGrammarRefusesIsUnknown) {
  std::mt19937 random(7);
  for (const auto& sql : corpus()) {
    // The statement, and one that is cut somewhere.
    for (const auto& text : {sql, sql.substr(0, random() % (sql.size() + 1))}) {
      const PgQueryParseResult theirs = pg_query_parse(text.c_str());
      const auto ours = facts_of(text);
      EXPECT_EQ(ours->parsed, theirs.error == nullptr) << text;
      if (!ours->parsed) {
        ASSERT_EQ(ours->statements.size(), 1u);
        EXPECT_EQ(ours->statements[0].kind, Kind::kUnknown);
        EXPECT_TRUE(ours->writes);
      }
      for (const Statement& statement : ours->statements) {
        EXPECT_LE(statement.at + statement.size, text.size());
        EXPECT_TRUE(!ours->parsed || statement.kind != Kind::kUnknown) << text;
        const bool named = statement.kind == Kind::kPrepare || statement.kind == Kind::kExecute ||
                           (statement.kind == Kind::kDeallocate && !statement.all);
        EXPECT_EQ(named, statement.name_size > 0) << text;
      }
      pg_query_free_parse_result(theirs);
    }
  }
}

// What the parser knows, the words must not miss: they stand in for it where it refuses.
TEST(Differential, TheWordsSayAtLeastWhatTheParserSays) {
  for (const auto& sql : corpus()) {
    const auto facts = facts_of(sql);
    if (!facts->parsed) continue;
    const Effects words = effects_of_text(sql, true);
    for (const Statement& statement : facts->statements) {
      // Theirs is in strings, which are data to the words; or the transaction's.
      if (statement.kind == Kind::kDo || statement.local_setting_only) continue;
      Effects known = statement.effects.without(Effect::kUnknown);
      if (known.has(Effect::kSettings)) known = known.without(Effect::kSettings) | Effect::kAnySetting;
      EXPECT_TRUE(known.without(words).empty())
          << sql << "\nparser: " << text_of(known) << "\nwords: " << text_of(words);
    }
  }
}

}  // namespace
}  // namespace analyzer
