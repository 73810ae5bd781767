#include "pooler/budget.h"

#include <algorithm>

namespace pooler {

bool Budgets::has_room(const Budget& budget) {
  const int limit = budget.limit();
  return limit <= 0 || budget.used() < limit;
}

BudgetPtr Budgets::get(const std::string& name, int limit) {
  const std::lock_guard lock(mutex_);
  auto& budget = by_name_[name];
  if (!budget)
    budget = std::make_shared<Budget>(name, limit);
  else
    budget->set_limit(limit);
  return budget;
}

void Budgets::join(const std::vector<BudgetPtr>& budgets, const std::shared_ptr<Spender>& who) {
  const std::lock_guard lock(mutex_);
  for (const auto& budget : budgets) {
    auto& members = members_[budget.get()];
    std::erase_if(members, [&who](const auto& member) {
      const auto alive = member.lock();
      return !alive || alive == who;
    });
    members.push_back(who);
  }
}

bool Budgets::take(const std::vector<BudgetPtr>& budgets, const std::shared_ptr<Spender>& who,
                   base::TimePoint since) {
  std::vector<std::shared_ptr<Spender>> may_shed;
  {
    const std::lock_guard lock(mutex_);
    const auto full = std::find_if(budgets.begin(), budgets.end(), [](const auto& b) { return !has_room(*b); });
    drop_want(who.get());
    if (full == budgets.end()) {
      for (const auto& budget : budgets) budget->used_.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
    for (const auto& budget : budgets) budget->wanting_.fetch_add(1, std::memory_order_relaxed);
    const auto later = std::find_if(wants_.begin(), wants_.end(), [since](const Want& w) { return w.since > since; });
    wants_.insert(later, Want{who, who.get(), since, budgets});
    for (const auto& member : members_[full->get()])
      if (auto alive = member.lock(); alive && alive != who) may_shed.push_back(std::move(alive));
  }
  for (const auto& other : may_shed)
    if (other->shed_idle()) break;
  return false;
}

void Budgets::take_anyway(const std::vector<BudgetPtr>& budgets) {
  for (const auto& budget : budgets) budget->used_.fetch_add(1, std::memory_order_relaxed);
}

void Budgets::give_back(const std::vector<BudgetPtr>& budgets) {
  std::shared_ptr<Spender> next;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& budget : budgets) budget->used_.fetch_sub(1, std::memory_order_relaxed);
    for (const auto& want : wants_) {
      const bool room =
          std::all_of(want.budgets.begin(), want.budgets.end(), [](const auto& b) { return has_room(*b); });
      if (room && (next = want.who.lock())) break;
    }
  }
  if (next) next->budget_freed();
}

void Budgets::forget(const Spender* who) {
  const std::lock_guard lock(mutex_);
  drop_want(who);
}

void Budgets::drop_want(const Spender* who) {
  for (auto it = wants_.begin(); it != wants_.end();) {
    if (it->identity != who && !it->who.expired()) {
      ++it;
      continue;
    }
    for (const auto& budget : it->budgets) budget->wanting_.fetch_sub(1, std::memory_order_relaxed);
    it = wants_.erase(it);
  }
}

std::optional<base::TimePoint> Budgets::oldest_want(const std::vector<BudgetPtr>& budgets, const Spender* who) {
  const std::lock_guard lock(mutex_);
  for (const auto& want : wants_) {
    if (want.identity == who || want.who.expired()) continue;
    for (const auto& budget : budgets)
      if (!has_room(*budget) && std::find(want.budgets.begin(), want.budgets.end(), budget) != want.budgets.end())
        return want.since;
  }
  return std::nullopt;
}

}  // namespace pooler
