#include "analyzer/advice_run.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "analyzer/advice_candidates.h"
#include "analyzer/advice_costs.h"
#include "analyzer/advice_foreign_keys.h"
#include "analyzer/advice_parts.h"
#include "analyzer/advice_search.h"
#include "analyzer/advice_tables.h"
#include "analyzer/advice_text.h"
#include "analyzer/advice_veto.h"
#include "analyzer/index_size.h"
#include "base/text.h"

namespace analyzer {
namespace {

// A statement that ran less often than this, and took less than that in all, is none that anybody waits for.
constexpr uint64_t kCallsMin = 5;
constexpr double kTotalMsMin = 1000;
// An index that does not save a tenth of a statement's cost does not help it.
constexpr double kHelps = 0.9;
// Rounds of all candidates at once, each without those that the rounds before have used.
constexpr int kRounds = 3;
// Measured together at most; a statement's plan takes longer with each.
constexpr std::size_t kTogetherMax = 40;
// With as many joins each plan takes long, and there are many indexes to think of: those that a plan with all of them uses are
// looked at, of so many keys, and not each one alone.
constexpr int kManyJoins = 3;
constexpr std::size_t kKeysTogether = 2, kTogetherOfJoins = 120;
constexpr std::size_t kNotesMax = 20;
constexpr std::size_t kOthersMax = 8;
// Milliseconds that each further column of a btree costs an INSERT.
constexpr double kColumnMs = 0.0015;
constexpr double kSizePart = 0.05;
// What writes cost other kinds of indexes than a btree.
constexpr double kGinWrites = 8, kBrinWrites = 0.02;

constexpr std::string_view kHelpful = "helps", kCreate = "CREATE INDEX ON ";

bool wants_trigrams(const Target& target) {
  for (const auto& of_sample : target.uses)
    for (const TableUse& use : of_sample)
      if (worth_advising(*use.table) && std::any_of(use.matches.begin(), use.matches.end(), has_trigrams)) return true;
  return false;
}

class Run {
 public:
  Run(const Workload& workload, const AdviceLimits& limits, Asker& asker, Asker& planner)
      : workload_(workload), limits_(limits), simple_(asker, {}), asker_(planner) {}

  base::Result<AdviceResult> run() {
    TRY(const SqlRows extensions, simple_.ask("", kExtensionsSql, {}));
    const auto hypopg = extension_in(extensions, "hypopg");
    if (hypopg) result_.hypopg = hypopg->version;
    TRY(const SqlRows indexes, simple_.ask("", kAllIndexesSql, {}));
    TRY(const SqlRows foreign_keys, simple_.ask("", kForeignKeysSql, {}));
    const AdviceCatalog all = indexes_of(indexes);
    result_.unused = unused_indexes(all);
    result_.redundant = redundant_indexes(all);
    for (const AdviceTable& table : all.tables)
      for (const AdviceIndex& index : table.indexes)
        if (index.valid) result_.existing.push_back(index);
    simple_.end();
    measure_ = std::make_unique<Measure>(asker_, hypopg ? hypopg->schema : std::string());
    parts_ = std::make_unique<Parts>(*measure_);
    vetoes_ = std::make_unique<Vetoes>(*measure_, *parts_);
    costs_ = std::make_unique<Costs>(*measure_, *parts_);
    if (!hypopg)
      note("HypoPG is not installed: nothing is measured, and reckoned for conditions alone (CREATE EXTENSION hypopg)");
    TRY_STATUS(look(extensions));
    for (Advice& advice : foreign_key_advice(workload_.database, foreign_keys, result_.advice))
      result_.advice.push_back(std::move(advice));
    result_.questions = simple_.questions() + measure_->questions();
    measure_->end();
    return std::move(result_);
  }

 private:
  void note(std::string text) {
    if (result_.notes.size() >= kNotesMax) return;
    if (std::find(result_.notes.begin(), result_.notes.end(), text) == result_.notes.end())
      result_.notes.push_back(std::move(text));
  }

  base::Status look(const SqlRows& extensions) {
    pick();
    TRY_STATUS(read_tables(extensions));
    TRY_STATUS(measure_->pretend({}));
    for (Target& target : targets_) {
      if (asker_.out_of_time()) break;
      if (const std::string denied = costs_->measure(target); !denied.empty())
        note(denied + ": no advice about statements that read it");
      for (const Sample& sample : target.samples) target.uses.push_back(tables_.uses_of(sample));
    }
    std::erase_if(targets_, [](const Target& target) { return target.plans.empty(); });
    if (trigrams_.empty() && std::any_of(targets_.begin(), targets_.end(), wants_trigrams))
      note("pg_trgm is not installed: no advice for LIKE '%x%', ILIKE and ~ (CREATE EXTENSION pg_trgm)");
    costs_->doubt_limits(targets_);
    result_.queries = targets_.size();
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (asker_.out_of_time()) {
        result_.truncated = true;
        break;
      }
      think(i);
    }
    merge();
    result_.candidates = thoughts_.size();
    if (!thoughts_.empty()) choose();
    conclude();
    return base::Ok{};
  }

  // ---- what is looked at ----

  void pick() {
    std::vector<const WorkQuery*> sorted;
    for (const WorkQuery& query : workload_.queries)
      if (query.calls >= kCallsMin || query.total_ms >= kTotalMsMin) sorted.push_back(&query);
    std::sort(sorted.begin(), sorted.end(), [](const WorkQuery* a, const WorkQuery* b) { return a->total_ms > b->total_ms; });
    for (const WorkQuery* query : sorted) {
      if (targets_.size() >= limits_.queries_max) break;
      Target target{.query = query, .samples = {}};
      for (const Sample& sample : query->samples)
        if (auto text = as_select(sample.sql)) {
          Sample reads{.sql = *std::move(text), .search_path = sample.search_path};
          if (std::find(target.samples.begin(), target.samples.end(), reads) == target.samples.end())
            target.samples.push_back(std::move(reads));
        }
      if (!target.samples.empty()) targets_.push_back(std::move(target));
    }
  }

  base::Status read_tables(const SqlRows& extensions) {
    TRY_STATUS(tables_.read(workload_, *measure_));
    for (const AdviceTable& table : tables_.catalog().tables)
      if (!table.readable) note("permission denied on " + table.schema + "." + table.name + ": no advice about it");
    if (const auto pg_trgm = extension_in(extensions, "pg_trgm"))
      trigrams_ = pg_trgm->schema == "public" ? "gin_trgm_ops" : qualified_name(pg_trgm->schema, "gin_trgm_ops");
    return base::Ok{};
  }

  // ---- one statement ----

  std::vector<Thought> thoughts_of(const Target& target) {
    std::vector<Thought> out;
    std::map<std::string, std::size_t> in_samples;
    for (const auto& of_sample : target.uses)
      for (const TableUse& use : of_sample) think_of(use, out, in_samples);
    // The constant of a partial index must be that of every sample.
    std::erase_if(out, [&](const Thought& one) {
      return !one.candidate.shape.predicate.empty() && in_samples[one.definition] < target.samples.size();
    });
    std::erase_if(out, [&](Thought& one) {
      const std::string objection =
          result_.hypopg.empty() && changes(one) ? "its columns are updated, and nothing can be measured"
                                                 : vetoes_->objection(one.candidate, *one.table, one.rows);
      if (objection.empty()) return false;
      consider(target, one, 0, objection);
      return true;
    });
    return out;
  }

  // Do statements change what it would hold?
  bool changes(const Thought& thought) const {
    return std::any_of(thought.table->columns.begin(), thought.table->columns.end(), [&](const AdviceColumn& column) {
      return tables_.updates(thought.table, column.name) > 0 && holds(thought.candidate.shape, column.name);
    });
  }

  void think_of(const TableUse& use, std::vector<Thought>& out, std::map<std::string, std::size_t>& in_samples) {
    std::set<std::string> equal;
    for (const auto& one : use.equal)
      if (!one.many) equal.insert(one.column);
    for (Candidate& candidate : candidates_of(use, trigrams_)) {
      std::string definition = what_if_statement(candidate.shape);
      ++in_samples[definition];
      const auto known =
          std::find_if(out.begin(), out.end(), [&](const Thought& one) { return one.definition == definition; });
      if (known != out.end() || out.size() >= limits_.candidates_max) continue;
      Thought made{.candidate = std::move(candidate),
                   .definition = std::move(definition),
                   .pretended = {},
                   .table = use.table,
                   .rows = use.table->rows};
      if (result_.hypopg.empty()) made.candidate.reckoned = true;
      if (!made.candidate.reckoned) made.pretended = what_if_statements(made.candidate.shape);
      for (const IndexKey& key : made.candidate.shape.keys) {
        if (!equal.contains(key.text)) break;
        ++made.equal_keys;
      }
      out.push_back(std::move(made));
    }
  }

  static bool goes_together(const Thought& thought, bool joins, std::size_t others) {
    return joins ? others < kTogetherOfJoins && thought.candidate.shape.keys.size() <= kKeysTogether : others < kTogetherMax;
  }

  // Which of the indexes that are thought of for it help it, alone or together.
  void think(std::size_t at) {
    Target& target = targets_[at];
    std::vector<Thought> thoughts = thoughts_of(target);
    std::set<std::string> helpful;
    const bool joins = target.plans.front().joined >= kManyJoins;
    std::map<std::string, double> alone;  // what it costs with one of them
    for (const Thought& thought : thoughts) {
      if (joins || asker_.out_of_time()) break;
      std::set<std::string> used;
      const double cost = costs_->of(target, {&thought}, &used);
      alone[thought.definition] = cost;
      const std::string_view verdict = used.empty()                               ? "not used by the plan"
                                       : cost > kHelps * target.cost              ? "saves less than a tenth"
                                       : !pays(thought, cost, target.cost, alone) ? "hardly better than without INCLUDE"
                                                                                  : kHelpful;
      if (verdict == kHelpful) helpful.insert(thought.definition);
      consider(target, thought, cost, verdict);
    }
    std::vector<std::set<std::string>> together;
    Thoughts left;
    for (const Thought& thought : thoughts)
      if (goes_together(thought, joins, left.size()) &&
          (thought.candidate.shape.include.empty() || helpful.contains(thought.definition)))
        left.push_back(&thought);
    for (int round = 0; round < kRounds && !left.empty() && !asker_.out_of_time(); ++round) {
      std::set<std::string> used;
      const double cost = costs_->of(target, left, &used);
      if (used.size() < (joins ? 1 : 2) || cost > kHelps * target.cost) break;
      if (used.size() > 1) together.push_back(used);
      helpful.insert(used.begin(), used.end());
      std::erase_if(left, [&used](const Thought* one) { return used.contains(one->definition); });
    }
    for (const Thought& thought : thoughts)
      if (joins)
        consider(target, thought, 0, helpful.contains(thought.definition) ? kHelpful : "not used by the plan with all of them");
    for (Thought& thought : thoughts)
      if (helpful.contains(thought.definition)) target.relevant.push_back(enter(std::move(thought)));
    for (const auto& set : together) {
      IndexSet move;
      for (const std::string& definition : set) move.push_back(numbers_.at(definition));
      std::sort(move.begin(), move.end());
      moves_.push_back(std::move(move));
    }
  }

  void consider(const Target& target, const Thought& thought, double cost, std::string_view verdict) {
    if (result_.considered.size() >= AdviceResult::kConsideredMax) return;
    result_.considered.push_back({.database = workload_.database,
                                  .index = thought.definition.substr(kCreate.size()),
                                  .why = thought.candidate.why,
                                  .fingerprint = target.query->fingerprint,
                                  .cost_before = target.cost,
                                  .cost_with = cost,
                                  .verdict = std::string(verdict)});
  }
  // Of those that help, some are advised.
  void conclude() {
    for (ConsideredIndex& one : result_.considered) {
      if (one.verdict != kHelpful) continue;
      const bool advised = std::any_of(result_.advice.begin(), result_.advice.end(), [&one](const Advice& advice) {
        return what_if_statement(advice.shape).substr(kCreate.size()) == one.index;
      });
      one.verdict = advised ? "advised" : "helps, but others do as well, or writes would lose more";
    }
  }

  // Of one that holds more columns than its keys: is it worth more than the same without?
  static bool pays(const Thought& thought, double cost, double without_any, const std::map<std::string, double>& alone) {
    if (thought.candidate.shape.include.empty()) return true;
    IndexShape plain = thought.candidate.shape;
    plain.include.clear();
    const auto known = alone.find(what_if_statement(plain));
    return cost <= (1 - kIncludeSaves) * (known != alone.end() ? std::min(known->second, without_any) : without_any);
  }

  std::size_t enter(Thought thought) {
    const auto [entry, fresh] = numbers_.try_emplace(thought.definition, thoughts_.size());
    if (fresh) thoughts_.push_back(std::move(thought));
    return entry->second;
  }

  // One index for two statements, where the keys of the one lead those of the other.
  void merge() {
    const std::size_t count = thoughts_.size();
    for (std::size_t a = 0; a < count; ++a)
      for (std::size_t b = 0; b < count; ++b) {
        if (a == b || thoughts_[a].table != thoughts_[b].table) continue;
        IndexShape shape = merged(thoughts_[a].candidate.shape, thoughts_[a].equal_keys, thoughts_[b].candidate.shape);
        if (shape.keys.empty() || exists(*thoughts_[a].table, shape)) continue;
        Thought both = thoughts_[b];
        both.candidate.shape = std::move(shape);
        both.candidate.why =
            "led by the keys of another statement: " + thoughts_[a].candidate.why + "; " + thoughts_[b].candidate.why;
        both.definition = what_if_statement(both.candidate.shape);
        if (!both.candidate.reckoned) both.pretended = what_if_statements(both.candidate.shape);
        enter(std::move(both));
      }
    for (Target& target : targets_) {
      // Whatever helps another statement on one of its tables may help this one too, or be in the way.
      target.relevant.clear();
      for (std::size_t i = 0; i < thoughts_.size(); ++i)
        if (target.reads(thoughts_[i].table)) target.relevant.push_back(i);
    }
  }

  // ---- all of them ----

  // Beside a btree: a row has many entries in a GIN index, and rarely changes one of BRIN's.
  static double write_times(std::string_view method) { return method == "gin" ? kGinWrites : method == "brin" ? kBrinWrites : 1; }

  static bool holds(const IndexShape& shape, const std::string& column) {
    const std::string quoted = base::quote_identifier(column);
    const bool in_keys = std::any_of(shape.keys.begin(), shape.keys.end(), [&](const IndexKey& key) {
      return key.expression ? key.text.find(quoted) != std::string::npos : key.text == column;
    });
    return in_keys || std::find(shape.include.begin(), shape.include.end(), column) != shape.include.end() ||
           shape.predicate.find(quoted) != std::string::npos;
  }

  double penalty(const Thought& thought, double total, int64_t bytes) const {
    const IndexShape& shape = thought.candidate.shape;
    const double write = write_times(shape.method) * (kIndexWriteMs + kColumnMs * static_cast<double>(shape.keys.size() - 1));
    const double part = thought.table->rows > 0 ? std::min(1.0, thought.rows / thought.table->rows) : 1;
    double sum = tables_.inserts(thought.table) * write * part;
    // A row whose indexed column changes is entered in every index, not only in this one.
    const double indexes = static_cast<double>(thought.table->indexes.size() + 1);
    for (const AdviceColumn& column : thought.table->columns) {
      const double updates = tables_.updates(thought.table, column.name);
      if (updates == 0) continue;
      if (holds(shape, column.name)) sum += updates * write * indexes;
    }
    const auto size = static_cast<double>(bytes), table = static_cast<double>(thought.table->pages) * 8192;
    return sum + kSizePart * total * size / std::max(1.0, size + table);
  }

  Thoughts thoughts_in(const IndexSet& set) const {
    Thoughts out;
    for (const std::size_t i : set) out.push_back(&thoughts_[i]);
    return out;
  }

  void choose() {
    SearchInput input;
    double total = 0;
    for (const Target& target : targets_) {
      const double per_hour = target.query->total_ms / workload_.hours;
      input.queries.push_back({per_hour, target.query->ms_per_call(), target.query->calls, target.relevant});
      total += per_hour;
    }
    std::map<const AdviceTable*, std::size_t> tables;
    for (const Thought& thought : thoughts_) {
      const std::size_t table = tables.try_emplace(thought.table, tables.size()).first->second;
      const int64_t bytes = estimated_bytes(*thought.table, thought.candidate.shape, thought.rows);
      input.indexes.push_back({table, penalty(thought, total, bytes), bytes});
    }
    input.moves = moves_;
    input.bytes_max = limits_.bytes_max;
    input.cost = [this](std::size_t query, const IndexSet& set) { return costs_->of(targets_[query], thoughts_in(set)); };
    input.out_of_time = [this] { return asker_.out_of_time(); };
    const SearchResult found = search(input);
    result_.truncated = result_.truncated || found.truncated;
    for (const std::size_t i : found.chosen) tell(i, found.chosen, input);
  }

  // How a plan reads the table, or the first of its partitions. What HypoPG made up has the name that it would have.
  std::string shown(const Plan& plan, const Thought& thought) const {
    const IndexShape& shape = thought.candidate.shape;
    std::string node = plan.scan_of(thought.table->name);
    for (const auto& [schema, partition] : shape.partitions)
      if (node.empty()) node = plan.scan_of(partition);
    for (const std::string& pretended : thought.pretended) {
      const std::string made_up = measure_->name_of(pretended);
      const std::size_t at = made_up.empty() ? std::string::npos : node.find(made_up);
      if (at != std::string::npos) node.replace(at, made_up.size(), index_name(shape));
    }
    return node;
  }

  // By rows of the table; all else by what PostgreSQL's statistics make the planner expect.
  static bool is_sampled(const IndexShape& shape) { return shape.method == "gin" || shape.method == "brin"; }

  // How it is read with all that are chosen; not asked for when time is up.
  std::string node_with(const Thought& thought, const Thoughts& chosen, const Target& target) {
    if (thought.candidate.reckoned)
      return std::string(Costs::kReckonedNode) + " using " + index_name(thought.candidate.shape);
    if (asker_.out_of_time() || !costs_->pretend(chosen).ok()) return {};
    const auto plan = measure_->plan(target.samples.front());
    return plan.ok() ? shown(*plan, thought) : std::string();
  }

  void tell(std::size_t index, const IndexSet& chosen, const SearchInput& input) {
    const Thought& thought = thoughts_[index];
    Advice advice;
    advice.database = workload_.database;
    advice.shape = thought.candidate.shape;
    advice.id = advice_id(workload_.database, advice.shape);
    advice.why = thought.candidate.why;
    advice.model = !thought.candidate.reckoned ? "hypopg" : is_sampled(advice.shape) ? "sample" : "statistics";
    advice.bytes = input.indexes[index].bytes;
    advice.write_ms_per_hour = input.indexes[index].penalty;
    for (const AdviceIndex& existing : thought.table->indexes)
      if (!existing.unique && !existing.needed && covers(advice.shape, existing.shape))
        advice.makes_redundant += (advice.makes_redundant.empty() ? "" : ", ") + existing.name;
    if (thought.candidate.vetted) advice.note = "run ANALYZE on the table afterwards";
    IndexSet without = chosen;
    std::erase(without, index);
    Confidence confidence = advice.model == "statistics" ? Confidence::kLow : Confidence::kHigh;
    std::vector<std::pair<double, AdviceDetail>> details;
    for (const Target& target : targets_) {
      if (std::find(target.relevant.begin(), target.relevant.end(), index) == target.relevant.end()) continue;
      // Those whose plan uses it, beside what the others save.
      std::set<std::string> used;
      const double after = costs_->of(target, thoughts_in(chosen), &used);
      if (!used.contains(thought.definition)) continue;
      const double before = costs_->of(target, thoughts_in(without));
      if (after > kHelps * before) continue;
      AdviceDetail detail;
      detail.fingerprint = target.query->fingerprint;
      detail.query = target.query->query;
      detail.calls = target.query->calls;
      detail.ms_per_call = target.query->ms_per_call();
      detail.cost_before = before;
      detail.cost_after = after;
      detail.node_before = shown(target.plans.front(), thought);
      detail.node_after = node_with(thought, thoughts_in(chosen), target);
      detail.samples = target.samples.size();
      const double saves = target.query->total_ms / workload_.hours * (before - after) / target.cost;
      advice.saves_ms_per_hour += saves;
      if (detail.samples < 5 || target.plans.front().joined >= 5) confidence = std::min(confidence, Confidence::kLow);
      if (after > 0.2 * before || target.plans.front().joined >= 4 || thought.candidate.vetted ||
          thought.candidate.reckoned || !target.unlimited.empty())
        confidence = std::min(confidence, Confidence::kMedium);
      details.emplace_back(saves, std::move(detail));
    }
    if (details.empty()) return;
    std::sort(details.begin(), details.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (auto& [saves, detail] : details) advice.details.push_back(std::move(detail));
    advice.cost_before = advice.details.front().cost_before;
    advice.cost_after = advice.details.front().cost_after;
    advice.confidence = confidence;
    for (const uint64_t fingerprint : tables_.naming(thought.table))
      if (advice.others.size() < kOthersMax &&
          std::none_of(advice.details.begin(), advice.details.end(),
                       [fingerprint](const AdviceDetail& detail) { return detail.fingerprint == fingerprint; }))
        advice.others.push_back(fingerprint);
    result_.advice.push_back(std::move(advice));
  }

  const Workload& workload_;
  const AdviceLimits& limits_;
  Measure simple_;  // asks for what one server alone has counted
  Asker& asker_;    // plans
  std::unique_ptr<Measure> measure_;
  std::unique_ptr<Parts> parts_;
  std::unique_ptr<Vetoes> vetoes_;
  std::unique_ptr<Costs> costs_;
  AdviceResult result_;
  AdviceTables tables_;
  std::string trigrams_;  // the operator class of pg_trgm
  std::vector<Target> targets_;
  std::vector<Thought> thoughts_;
  std::map<std::string, std::size_t> numbers_;  // by definition
  std::vector<IndexSet> moves_;
};

}  // namespace

base::Result<AdviceResult> advise(const Workload& workload, const AdviceLimits& limits, Asker& asker, Asker& planner) {
  return Run(workload, limits, asker, planner).run();
}

}  // namespace analyzer
