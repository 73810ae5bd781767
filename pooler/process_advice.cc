// Process: what advice is made of, brought together from all workers and pools.

#include <algorithm>
#include <memory>
#include <utility>

#include "pooler/gather.h"
#include "pooler/pool.h"
#include "pooler/process.h"
#include "pooler/session.h"
#include "pooler/worker.h"

namespace pooler {

void Process::look_for_lint(std::function<void(std::vector<LintPart>)> done) {
  gather<LintPart>(
      [](Worker& worker, std::vector<LintPart>& parts) {
        LintPart& part = parts.emplace_back();
        part.queries = worker.counted_queries().snapshot();
        part.facts = worker.lint_books().facts.snapshot();
        part.loops = worker.lint_books().loops.snapshot();
        worker.each([&part](Session& session) {
          if (auto row = session.activity()) part.activity.push_back(*std::move(row));
        });
      },
      std::move(done));
}

std::vector<analyzer::PoolMoment> Process::pool_moments() const {
  const base::TimePoint now = base::now();
  std::vector<analyzer::PoolMoment> moments;
  for (const PoolPtr& pool : pools_.all()) {
    const PoolRow row = pool->row();
    const PoolSettingsPtr settings = pool->settings();
    Totals totals;
    for (int worker = 0; worker < runtime_.workers(); ++worker) pool->stats(worker).add_to(totals);
    static const conf::Database kAnything;
    const conf::Database* const database = settings->config->find_database(row.database);
    moments.push_back(
        {.database = row.database,
         .user = row.user,
         .at = now,
         .transactions = totals.xact_count,
         .held_us = totals.xact_time,
         .wait_us = totals.wait_time,
         .busy = row.sv_active + row.sv_active_cancel + row.sv_being_canceled,
         .waiting = row.cl_waiting,
         .servers = row.sv_active + row.sv_idle + row.sv_used + row.sv_tested + row.sv_login,
         .longest_wait = std::max(row.maxwait, base::Duration{}),
         .size = settings->size,
         .reserve = settings->reserve_size,
         .query_wait_timeout = settings->config->query_wait_timeout(database != nullptr ? *database : kAnything, row.user)});
  }
  return moments;
}

}  // namespace pooler
