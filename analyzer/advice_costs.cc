#include "analyzer/advice_costs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "analyzer/advice_text.h"

namespace analyzer {
namespace {

double mean_cost(const std::vector<Plan>& plans) {
  double sum = 0;
  for (const Plan& plan : plans) sum += plan.cost;
  return sum / static_cast<double>(std::max<std::size_t>(1, plans.size()));
}

}  // namespace

bool Target::reads(const AdviceTable* table) const {
  return std::any_of(uses.begin(), uses.end(), [table](const std::vector<TableUse>& of_sample) {
    return std::any_of(of_sample.begin(), of_sample.end(), [table](const TableUse& use) { return use.table == table; });
  });
}

std::string Costs::measure(Target& target) {
  std::vector<Sample> good;
  std::string denied;
  for (Sample& sample : target.samples) {
    if (good.size() >= kSamplesOfJoins && target.plans.front().joined >= kManyJoins) break;
    auto plan = measure_.plan(sample);
    if (plan.ok()) {
      target.plans.push_back(*std::move(plan));
      good.push_back(std::move(sample));
    } else if (plan.error().sqlstate == "42501") {
      denied = plan.error().message;
    }
  }
  target.samples = std::move(good);
  target.cost = mean_cost(target.plans);
  return denied;
}

void Costs::doubt_limits(std::vector<Target>& targets) {
  std::vector<double> paces;
  for (const Target& target : targets) paces.push_back(target.query->ms_per_call() / std::max(1.0, target.cost));
  std::sort(paces.begin(), paces.end());
  const double pace = paces.size() < kPacesMin ? kPace : std::max(kPace, paces[paces.size() / 2]);
  for (Target& target : targets)
    if (const double taken = target.query->ms_per_call(); taken >= kTrapMs && taken >= kTrapTimes * pace * target.cost)
      drop_limit(target);
}

void Costs::drop_limit(Target& target) {
  std::vector<Sample> unlimited;
  std::vector<Plan> plans;
  for (const Sample& sample : target.samples) {
    auto text = without_limit(sample.sql);
    if (!text) return;
    unlimited.push_back({.sql = *std::move(text), .search_path = sample.search_path});
    auto plan = measure_.plan(unlimited.back());
    if (!plan.ok()) return;
    plans.push_back(*std::move(plan));
  }
  if (plans.empty()) return;
  target.cost = mean_cost(plans);
  target.plans = std::move(plans);
  target.unlimited = std::move(unlimited);
}

double Costs::of(const Target& target, const Thoughts& thoughts, std::set<std::string>* used) {
  if (thoughts.empty()) return target.cost;
  const Numbers set = numbers_of(thoughts);
  Known answer;
  if (const Known* const known = find(target, set))
    answer = *known;
  else if (measure_.out_of_time())
    answer = least_known(target, set);
  else
    answer = known_[target.query][set] = measured(target, thoughts);
  if (used != nullptr)
    for (const std::size_t one : answer.used) used->insert(definitions_[one]);
  return answer.cost;
}

Costs::Numbers Costs::numbers_of(const Thoughts& thoughts) {
  Numbers out;
  for (const Thought* thought : thoughts) {
    const auto [entry, fresh] = numbers_.try_emplace(thought->definition, definitions_.size());
    if (fresh) definitions_.push_back(thought->definition);
    out.push_back(entry->second);
  }
  std::sort(out.begin(), out.end());
  return out;
}

base::Status Costs::pretend(const Thoughts& thoughts) {
  std::vector<std::string> definitions;
  for (const Thought* thought : thoughts)
    definitions.insert(definitions.end(), thought->pretended.begin(), thought->pretended.end());
  return measure_.pretend(definitions);
}

Costs::Known Costs::measured(const Target& target, const Thoughts& thoughts) {
  if (!pretend(thoughts).ok()) return {.cost = target.cost};
  Known out;
  std::set<std::string> used;
  for (std::size_t i = 0; i < target.samples.size(); ++i) {
    std::set<std::string> here;
    Plan plan = plan_of(target, i, thoughts, here);
    for (const Thought* thought : thoughts)
      if (thought->candidate.reckoned) reckon(target, i, *thought, plan, here);
    out.cost += plan.cost;
    used.merge(here);
  }
  for (const std::string& definition : used) out.used.push_back(numbers_.at(definition));
  std::sort(out.used.begin(), out.used.end());
  out.cost /= static_cast<double>(std::max<std::size_t>(1, target.samples.size()));
  return out;
}

// What was measured of them; or of more, if the plans used none of the others: without these PostgreSQL plans the same.
const Costs::Known* Costs::find(const Target& target, const Numbers& set) const {
  const auto known = known_.find(target.query);
  if (known == known_.end()) return nullptr;
  if (const auto same = known->second.find(set); same != known->second.end()) return &same->second;
  if (!target.unlimited.empty()) return nullptr;  // its cost is that of another plan
  for (const auto& [all, what] : known->second)
    if (std::includes(all.begin(), all.end(), set.begin(), set.end()) &&
        std::includes(set.begin(), set.end(), what.used.begin(), what.used.end()))
      return &what;
  return nullptr;
}

Costs::Known Costs::least_known(const Target& target, const Numbers& set) const {
  Known least{.cost = target.cost};
  const auto known = known_.find(target.query);
  if (known == known_.end()) return least;
  for (const auto& [all, what] : known->second) {
    const Numbers& needed = target.unlimited.empty() ? what.used : all;
    if (what.cost < least.cost && std::includes(set.begin(), set.end(), needed.begin(), needed.end())) least = what;
  }
  return least;
}

Plan Costs::plan_of(const Target& target, std::size_t sample, const Thoughts& thoughts, std::set<std::string>& used) {
  auto plan = measure_.plan(target.samples[sample]);
  if (!plan.ok()) return target.plans[sample];
  for (const Thought* thought : thoughts)
    for (const std::string& pretended : thought->pretended)
      if (const std::string name = measure_.name_of(pretended); !name.empty() && plan->uses(name))
        used.insert(thought->definition);
  if (target.unlimited.empty()) return *std::move(plan);
  // An index that the statement as it is would not use does not help it.
  if (used.empty()) return target.plans[sample];
  auto whole = measure_.plan(target.unlimited[sample]);
  return whole.ok() ? *std::move(whole) : target.plans[sample];
}

void Costs::reckon(const Target& target, std::size_t sample, const Thought& thought, Plan& plan, std::set<std::string>& used) {
  for (const TableUse& use : target.uses[sample]) {
    if (use.table != thought.table) continue;
    const auto cost = reckoning_.cost(thought.candidate, use, target.samples[sample].search_path, plan);
    if (!cost) continue;
    plan.cost = *cost;
    used.insert(thought.definition);
    // It reads this table no other way any more.
    for (Plan::Scan& scan : plan.scans)
      if (scan.relation == thought.table->name) scan.node = kReckonedNode;
  }
}

}  // namespace analyzer
