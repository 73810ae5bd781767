#include "analyzer/analyze.h"

#include <algorithm>
#include <array>
#include <memory>

#include "analyzer/classify.h"
#include "analyzer/hash.h"
#include "analyzer/place.h"
#include "analyzer/words.h"

namespace analyzer {

namespace {

// So much of a long text names it. Enough for the columns of an INSERT, or the head of a query.
constexpr std::size_t kNamedByBytes = 4096;

// Nobody parsed it.
std::shared_ptr<Analysis> unparsed(std::string_view sql, bool standard_conforming_strings) {
  auto analysis = std::make_shared<Analysis>();
  Statement& statement = analysis->statements.emplace_back();
  const Effects found = effects_of_text(sql, standard_conforming_strings);
  if (!found.empty()) statement.effects = found | Effect::kUnknown;
  statement.at = Lexer(sql, standard_conforming_strings).next().at;
  const std::size_t last = sql.find_last_not_of(" \t\n\r\f;");
  statement.size = last == std::string_view::npos || last < statement.at ? 0 : last + 1 - statement.at;
  analysis->effects = statement.effects;
  return analysis;
}

// Nothing but blanks, comments and semicolons.
std::shared_ptr<Analysis> nothing(uint64_t fingerprint) {
  auto analysis = std::make_shared<Analysis>();
  Statement& statement = analysis->statements.emplace_back();
  statement.kind = Kind::kEmpty;
  statement.writes = analysis->writes = false;
  analysis->parsed = true;
  analysis->fingerprint = fingerprint;
  return analysis;
}

// In other commands a literal may be a fact: SET x = 1.
bool literals_do_not_count(Kind kind) {
  return kind == Kind::kSelect || kind == Kind::kInsert || kind == Kind::kUpdate || kind == Kind::kDelete ||
         kind == Kind::kMerge;
}

std::shared_ptr<Analysis> facts_of(const Parse& parsed, std::string_view sql, bool standard_conforming_strings) {
  const Node list = parsed.tree.root()["stmts"];
  if (list.size() == 0) return nothing(parsed.fingerprint);
  auto analysis = std::make_shared<Analysis>();
  analysis->fingerprint = parsed.fingerprint;
  analysis->parsed = true;
  analysis->writes = false;
  analysis->shareable = list.size() == 1;
  analysis->statements.reserve(list.size());
  for (const Node element : list) {
    Statement& statement = analysis->statements.emplace_back();
    if (!classify(sql, parsed.tree, element["stmt"], statement)) analysis->shareable = false;
    locate(sql, static_cast<std::size_t>(std::max<int64_t>(element["stmt_location"].number(), 0)),
           static_cast<std::size_t>(std::max<int64_t>(element["stmt_len"].number(), 0)), standard_conforming_strings,
           statement);
    analysis->shareable = analysis->shareable && literals_do_not_count(statement.kind);
    analysis->effects |= statement.effects;
    analysis->writes = analysis->writes || statement.writes;
  }
  return analysis;
}

}  // namespace

Finding analyze(std::string_view sql, bool standard_conforming_strings, const Skeleton& skeleton,
                const ParseLimits& limits) {
  // libpg_query reads strings as the standard has them. Without a backslash in one that is no difference.
  const bool same_strings = standard_conforming_strings || !skeleton.backslash();
  Parse parsed;
  if (same_strings) parse(sql, skeleton, limits, parsed);
  if (parsed.outcome == Parse::Outcome::kParsed) {
    return {facts_of(parsed, sql, standard_conforming_strings), parsed.outcome};
  }
  auto analysis = unparsed(sql, standard_conforming_strings);
  analysis->fingerprint = plain_hash(skeleton.shape());
  return {std::move(analysis), parsed.outcome};
}

AnalysisPtr analyze_long(std::string_view sql, bool standard_conforming_strings, Skeleton& scratch) {
  auto analysis = unparsed(sql, standard_conforming_strings);
  scratch.make(sql.substr(0, kNamedByBytes), standard_conforming_strings);
  // Where it was cut depends on the literals: back to before them.
  const auto shape = scratch.shape();
  analysis->fingerprint = plain_hash(shape.substr(0, shape.find_last_not_of("$(), -[]") + 1));
  return analysis;
}

bool shareable_skeleton(const Skeleton& skeleton, bool standard_conforming_strings) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"select", "insert", "update", "delete", "with", "values", "merge", "table"});
  return skeleton.sound() && !skeleton.multiple() && (standard_conforming_strings || !skeleton.backslash()) &&
         std::find(kWords.begin(), kWords.end(), skeleton.first_word()) != kWords.end();
}

std::size_t weight_of(const Analysis& analysis) {
  std::size_t weight = sizeof(Analysis) + analysis.statements.size() * sizeof(Statement);
  for (const Statement& statement : analysis.statements) {
    weight += statement.name.capacity() + statement.discard.capacity();
    for (const auto& table : statement.tables) weight += sizeof table + table.schema.size() + table.name.size();
    for (const auto& call : statement.functions) weight += sizeof call + call.schema.size() + call.name.size();
    for (const auto& setting : statement.settings) weight += sizeof setting + setting.name.size() + setting.value.size();
  }
  return weight;
}

}  // namespace analyzer
