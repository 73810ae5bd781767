#include "analyzer/n_plus_one.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "analyzer/lint.h"
#include "analyzer/lint_rewrite.h"

namespace analyzer {

namespace {

uint64_t micros(base::Duration time) { return static_cast<uint64_t>(std::max<int64_t>(time.count(), 0)); }

std::string key_of(const Loops& loops) {
  std::string key(sizeof(loops.fingerprint), '\0');
  std::memcpy(key.data(), &loops.fingerprint, sizeof(loops.fingerprint));
  return key + loops.database;
}

// The parameter that the loop is over: the statement is of one table, or joins others to one, and is found by column = $n.
// 0: it is no such statement.
int loop_parameter(const LintText& text) {
  if (text.kind() != "SelectStmt") return 0;
  const Node query = text.statement();
  if (query["op"].text() != "SETOP_NONE") return 0;
  const std::vector<FromItem> items = items_of(text, query, nullptr);
  if (items.empty() || !std::all_of(items.begin(), items.end(), [](const FromItem& item) { return item.table; })) return 0;
  int found = 0;
  for (const Node condition : conditions_of(query)) {
    if (condition.key() != "A_Expr") continue;
    if (condition["kind"].text() == "AEXPR_IN" || condition["kind"].text() == "AEXPR_OP_ANY") return 0;
    if (condition["kind"].text() != "AEXPR_OP" || operator_of(condition) != "=") continue;
    Node column = condition["lexpr"].inner(), value = condition["rexpr"].inner();
    if (!is_column(column)) std::swap(column, value);
    while (value.key() == "TypeCast") value = value["arg"].inner();
    if (is_column(column) && value.key() == "ParamRef" && found == 0) found = static_cast<int>(value["number"].number());
  }
  return found;
}

}  // namespace

void Loops::merge(const Loops& others) {
  if (others.last >= last) {
    last = others.last;
    source = others.source;
  }
  loops += others.loops;
  calls += others.calls;
  turns_max = std::max(turns_max, others.turns_max);
  matched += others.matched;
  server_us += others.server_us;
  gap_us += others.gap_us;
  clients.merge(others.clients);
}

void LoopBook::add(Loops loop) {
  std::string key = key_of(loop);
  if (Loops* known = loops_.find(key))
    known->merge(loop);
  else
    loops_.put(std::move(key), std::move(loop));
}

std::vector<Loops> LoopBook::snapshot() const {
  std::vector<Loops> all;
  loops_.for_each([&all](const std::string&, const Loops& loops) { all.push_back(loops); });
  return all;
}

void LoopWatch::add(const LoopCall& call, const LoopLimits& limits, LoopBook& book) {
  const base::Duration gap = call.began - last_ended_;
  const bool first = last_ended_ == base::TimePoint{};
  run_ = !first && call.fingerprint == last_fingerprint_ && gap > base::Duration{0} && gap <= kRunGap ? run_ + 1 : 1;
  // A transaction holds together what it is made of; where none is open, a pause ends it.
  if (!first && (call.in_transaction != in_transaction_ || (!call.in_transaction && gap > limits.gap))) end(limits, book);
  in_transaction_ = call.in_transaction;
  if (call.select) {
    auto slot = std::find_if(slots_.begin(), slots_.end(), [&call](const Slot& one) {
      return one.fingerprint == call.fingerprint;
    });
    if (slot == slots_.end()) {
      if (slots_.size() < kSlots) {
        slot = slots_.insert(slots_.end(), Slot());
      } else {
        slot = std::min_element(slots_.begin(), slots_.end(),
                                [](const Slot& a, const Slot& b) { return a.last < b.last; });
        finish(*slot, limits, book);
        *slot = Slot();
      }
      slot->fingerprint = call.fingerprint;
      slot->source = many_;
      slot->source_rows = many_rows_;
      slot->client = call.client;
      slot->text = call.text;
      slot->database = call.database;
    }
    if (slot->turns > 0) {
      // What comes without a pause was sent before the last one was answered.
      if (gap <= base::Duration{0}) ++slot->pipelined;
      slot->gap_us += micros(std::min(gap, limits.gap));
    }
    ++slot->turns;
    slot->rows += call.rows;
    slot->server_us += micros(call.ended - call.began);
    slot->last = call.ended;
    slot->values.add(call.value_hash);
    if (slot->turns >= kTurnsMax) {  // what comes now is another loop over the same rows
      Slot next;
      next.fingerprint = slot->fingerprint;
      next.source = slot->source;
      next.source_rows = slot->source_rows;
      next.client = slot->client;
      next.text = slot->text;
      next.database = slot->database;
      finish(*slot, limits, book);
      *slot = std::move(next);
    }
    if (call.rows > 1) {
      many_ = call.fingerprint;
      many_rows_ = call.rows;
    }
  }
  last_fingerprint_ = call.fingerprint;
  last_ended_ = call.ended;
}

void LoopWatch::finish(Slot& slot, const LoopLimits& limits, LoopBook& book) {
  const double turns = slot.turns;
  // Without rows to go over there is no loop over rows: a client that is told keys from elsewhere, or a benchmark.
  if (slot.source == 0 || slot.source == slot.fingerprint) return;
  if (slot.turns < limits.calls || slot.pipelined * 2 >= slot.turns) return;
  if (slot.values.estimate() < kDifferent * turns || static_cast<double>(slot.rows) > kRowsMax * turns) return;
  if (slot.server_us + slot.gap_us < micros(limits.time)) return;
  Loops loop;
  loop.query = std::move(slot.text);
  loop.database = std::move(slot.database);
  loop.fingerprint = slot.fingerprint;
  loop.source = slot.source;
  loop.loops = 1;
  loop.calls = loop.turns_max = slot.turns;
  const double rows = static_cast<double>(slot.source_rows);
  loop.matched = turns >= 0.8 * rows && turns <= 1.25 * rows ? 1 : 0;
  loop.server_us = slot.server_us;
  loop.gap_us = slot.gap_us;
  loop.last = slot.last;
  loop.clients.add(slot.client * 0x9e3779b97f4a7c15U >> 20U);
  book.add(std::move(loop));
}

void LoopWatch::end(const LoopLimits& limits, LoopBook& book) {
  for (Slot& slot : slots_) finish(slot, limits, book);
  slots_.clear();
  many_ = many_rows_ = 0;
}

void LoopWatch::end_if_idle(base::TimePoint now, const LoopLimits& limits, LoopBook& book) {
  if (!slots_.empty() && !in_transaction_ && now - last_ended_ > limits.gap) end(limits, book);
}

std::vector<LoopFinding> loop_findings(std::vector<Loops> loops, double hours,
                                       const std::function<std::string(uint64_t)>& text_of) {
  constexpr uint64_t kLoops = 3;
  std::map<std::string, Loops> together;
  for (Loops& one : loops) {
    std::string key = key_of(one);
    const auto found = together.find(key);
    if (found != together.end())
      found->second.merge(one);
    else
      together.emplace(std::move(key), std::move(one));
  }
  std::vector<LoopFinding> out;
  for (auto& [key, one] : together) {
    if (one.loops < kLoops && one.clients.estimate() < 1.5) continue;
    LintText text;
    if (!text.read(one.query)) continue;
    const int parameter = loop_parameter(text);
    if (parameter == 0) continue;
    LoopFinding finding;
    finding.rewritten = for_all_values(text, parameter);
    finding.source_query = text_of(one.source);
    // All but one of the turns.
    const double part = 1 - static_cast<double>(one.loops) / static_cast<double>(std::max<uint64_t>(one.calls, 1));
    finding.lost_ms_per_hour = static_cast<double>(one.server_us + one.gap_us) / 1000 * part / hours;
    finding.confidence = one.matched * 2 >= one.loops ? Confidence::kHigh : Confidence::kMedium;
    finding.loops = std::move(one);
    out.push_back(std::move(finding));
  }
  std::stable_sort(out.begin(), out.end(), [](const LoopFinding& a, const LoopFinding& b) {
    return a.lost_ms_per_hour > b.lost_ms_per_hour;
  });
  return out;
}

}  // namespace analyzer
