// Process: statistics of statements, brought together from all workers.

#include <algorithm>
#include <memory>
#include <utility>

#include "pooler/advisor.h"
#include "pooler/gather.h"
#include "pooler/guards.h"
#include "pooler/pool.h"
#include "pooler/process.h"
#include "pooler/session.h"
#include "pooler/slow_log.h"
#include "pooler/worker.h"

namespace pooler {

template <typename Row>
void Process::report_queries(std::function<std::vector<Row>(std::vector<analyzer::QuerySnapshot>)> make,
                             Then<Row> done) {
  base::EventLoop& home = caller();
  gather<analyzer::QuerySnapshot>(
      [](Worker& worker, std::vector<analyzer::QuerySnapshot>& parts) {
        parts.push_back(worker.counted_queries().snapshot());
      },
      [this, &home, make = std::move(make), done = std::move(done)](std::vector<analyzer::QuerySnapshot> parts) {
        auto all = std::make_shared<std::vector<analyzer::QuerySnapshot>>(std::move(parts));
        const auto bring_together = [all, make] { return make(std::move(*all)); };
        // Thousands of rows are some milliseconds of work, which no loop should do.
        const auto answer = std::make_shared<std::vector<Row>>();
        const bool taken = runtime_.offload.run([bring_together, answer, done, &home] {
          *answer = bring_together();
          home.post([answer, done] { done(std::move(*answer)); });
        });
        if (!taken) done(bring_together());
      });
}

void Process::queries(Then<QueryRow> done) {
  const auto most = static_cast<std::size_t>(pools_.config()->weir.query_stats_max);
  report_queries<QueryRow>(
      [most](std::vector<analyzer::QuerySnapshot> parts) {
        return analyzer::summarize(std::move(parts), most, {base::now(), base::wall_now()});
      },
      std::move(done));
}

void Process::statement_metrics(Then<StatementMetrics> done) {
  const auto most = static_cast<std::size_t>(pools_.config()->weir.query_stats_max);
  report_queries<StatementMetrics>(
      [most](std::vector<analyzer::QuerySnapshot> parts) {
        StatementMetrics metrics;
        metrics.pools = analyzer::totals_by_pool(parts);
        metrics.queries = analyzer::summarize(std::move(parts), most, {base::now(), base::wall_now()});
        return std::vector<StatementMetrics>{std::move(metrics)};
      },
      std::move(done));
}

void Process::activity(Then<ActivityRow> done) {
  gather<ActivityRow>(
      [](Worker& worker, std::vector<ActivityRow>& rows) {
        worker.each([&rows](Session& session) {
          if (auto row = session.activity()) rows.push_back(*std::move(row));
        });
      },
      std::move(done));
}

void Process::guards(Then<GuardRow> done) {
  const GuardRulesPtr rules = runtime_.guards();
  done(rules ? rules->rows() : std::vector<GuardRow>());
}

void Process::slow_queries(Then<SlowRow> done) {
  gather<SlowRow>(
      [](Worker& worker, std::vector<SlowRow>& rows) { rows = worker.slow_recent().rows(); },
      [this, done = std::move(done)](std::vector<SlowRow> rows) {
        done(newest_first(std::move(rows), static_cast<std::size_t>(pools_.config()->weir.slow_queries_max)));
      });
}

void Process::slow_log(Then<SlowLogRow> done) {
  SlowLogRow row;
  row.target = pools_.config()->weir.slow_log_file;
  if (runtime_.slow_log != nullptr) {
    SlowLogCounts counts = runtime_.slow_log->counts();
    row.written = counts.written;
    row.over_rate = counts.over_rate;
    row.queue_full = counts.queue_full;
    row.lost = counts.lost;
    row.failure = std::move(counts.failure);
  }
  done({std::move(row)});
}

void Process::traces(Then<TracesRow> done) {
  TracesRow row{.endpoint = pools_.config()->traces.endpoint, .counts = {}};
  if (runtime_.traces != nullptr) row.counts = runtime_.traces->counts();
  done({std::move(row)});
}

void Process::exemplars(Then<analyzer::PoolExemplars> done) {
  gather<analyzer::PoolExemplars>(
      [](Worker& worker, std::vector<analyzer::PoolExemplars>& rows) { rows = worker.exemplars().snapshot(); },
      std::move(done));
}

// What is counted in between is in neither: each worker looks and clears in one go.
void Process::reset_queries(Done done) {
  gather<QueryCount>(
      [this](Worker& worker, std::vector<QueryCount>& counts) {
        if (before_reset_) counts.push_back(count(worker));
        worker.counted_queries().clear();
      },
      [this, done = std::move(done)](std::vector<QueryCount> counts) {
        if (before_reset_) before_reset_(std::move(counts));
        done(base::Ok{});
      });
}

// ---- For the advisor ----

void Process::samples(Then<analyzer::SampledKind> done) {
  gather<analyzer::SampledKind>(
      [](Worker& worker, std::vector<analyzer::SampledKind>& kinds) { kinds = worker.samples().snapshot(); },
      std::move(done));
}

Process::Token Process::advise_now(Done done) {
  if (runtime_.advisor != nullptr) return runtime_.advisor->advise_now(std::move(done));
  answer_later(std::move(done), base::object_not_ready("there is no advisor"));
  return nullptr;
}

base::Status Process::dismiss_advice(const std::string& id) {
  return runtime_.advisor != nullptr ? runtime_.advisor->dismiss(id) : base::undefined_object("there is no such advice");
}

Process::Token Process::apply_advice(const std::string& id, Done done) {
  if (runtime_.advisor != nullptr) return runtime_.advisor->apply(id, std::move(done));
  answer_later(std::move(done), base::undefined_object("there is no such advice"));
  return nullptr;
}

// ---- For the history ----

QueryCount Process::count(Worker& worker) {
  return {static_cast<std::size_t>(worker.index()), ++last_count_, worker.counted_queries().snapshot()};
}

void Process::count_queries(std::function<void(std::vector<QueryCount>)> done) {
  gather<QueryCount>([this](Worker& worker, std::vector<QueryCount>& counts) { counts.push_back(count(worker)); },
                     std::move(done));
}

std::vector<QueryCount> Process::last_counts() {
  std::vector<QueryCount> counts;
  for (Worker* worker : runtime_.worker_list) counts.push_back(count(*worker));
  return counts;
}

std::vector<analyzer::PoolLook> Process::look_at_pools() const {
  const auto unsigned_of = [](int number) { return static_cast<uint64_t>(std::max(number, 0)); };
  std::vector<analyzer::PoolLook> looks;
  for (const PoolPtr& pool : pools_.all()) {
    const PoolRow row = pool->row();
    Totals totals;
    for (int worker = 0; worker < runtime_.workers(); ++worker) pool->stats(worker).add_to(totals);
    const uint64_t idle = unsigned_of(row.sv_idle + row.sv_used);
    looks.push_back({.database = row.database,
                     .user = row.user,
                     .pool = pool,
                     .active = unsigned_of(row.cl_active),
                     .waiting = unsigned_of(row.cl_waiting),
                     .servers = idle + unsigned_of(row.sv_active + row.sv_being_canceled + row.sv_tested + row.sv_login),
                     .idle = idle,
                     .longest_wait_us = static_cast<uint64_t>(std::max<int64_t>(row.maxwait.count(), 0)),
                     .transactions = totals.xact_count,
                     .queries = totals.query_count,
                     .wait_us = totals.wait_time});
  }
  return looks;
}

}  // namespace pooler
