#include "pooler/advisor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "analyzer/advice_run.h"
#include "base/log.h"
#include "pooler/advice_link.h"
#include "pooler/index_build.h"

namespace pooler {
namespace {

const base::Logger log{"advice"};

// What was counted in less time is no rate of an hour.
constexpr double kHoursMin = 1.0 / 60;

double ms(uint64_t microseconds) { return static_cast<double>(microseconds) / 1000; }

base::Error no_such_advice() {
  return base::with_hint(base::undefined_object("there is no such advice"), "SHOW INDEX_ADVICE has the ids.");
}

}  // namespace

std::vector<analyzer::Workload> workloads_of(const std::vector<QueryRow>& rows,
                                             const std::vector<analyzer::SampledKind>& samples, base::WallTime now) {
  std::map<std::pair<std::string, uint64_t>, std::vector<analyzer::Sample>> kept;
  for (const analyzer::SampledKind& kind : samples) {
    auto& list = kept[{kind.database, kind.fingerprint}];
    for (const analyzer::Sample& sample : kind.samples)
      if (list.size() < analyzer::SampleStore::kSamplesOfKind) list.push_back(sample);
  }
  struct Gathered {
    std::map<uint64_t, analyzer::WorkQuery> queries;
    base::WallTime first{};
    double total = 0;
  };
  std::map<std::string, Gathered> databases;
  for (const QueryRow& row : rows) {
    if (row.fingerprint == 0 || row.database.empty()) continue;
    Gathered& database = databases[row.database];
    if (database.first == base::WallTime{} || row.first_seen < database.first) database.first = row.first_seen;
    database.total += ms(row.totals.server_us);
    const auto found = kept.find({row.database, row.fingerprint});
    if (found == kept.end()) continue;
    analyzer::WorkQuery& query = database.queries[row.fingerprint];
    query.fingerprint = row.fingerprint;
    query.query = row.query;
    query.calls += row.totals.calls;
    query.rows += row.totals.rows;
    query.total_ms += ms(row.totals.server_us);
    query.times.merge(row.totals.times);
    query.samples = found->second;
  }
  std::vector<std::pair<double, analyzer::Workload>> sorted;
  for (auto& [name, database] : databases) {
    analyzer::Workload workload{.database = name, .queries = {}};
    const auto counted = std::chrono::duration<double, std::ratio<3600>>(now - database.first);
    workload.hours = std::max(kHoursMin, counted.count());
    for (auto& [fingerprint, query] : database.queries) workload.queries.push_back(std::move(query));
    sorted.emplace_back(database.total, std::move(workload));
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<analyzer::Workload> out;
  for (auto& [total, workload] : sorted)
    if (out.size() < Advisor::kDatabasesMax) out.push_back(std::move(workload));
  return out;
}

Advisor::Advisor(base::EventLoop& main, wire::Resolver& resolver, Asks asks)
    : main_(main), resolver_(resolver), asks_(std::move(asks)), timer_(main, [this] { look(); }) {}

Advisor::~Advisor() { stopping_ = true; }

void Advisor::start() { follow(); }

// ---- over a restart ----

void Advisor::restore() {
  if (!asks_.kept || std::exchange(restored_, true)) return;
  asks_.kept([this](std::string text) {
    auto record = analyzer::read_record(std::move(text));
    if (!record) return log.warn("the advice of the process before this one cannot be read: it begins anew");
    const std::lock_guard lock(mutex_);
    book_.restore(*std::move(record), base::wall_now());
  });
}

void Advisor::keep() const {
  if (!asks_.keep) return;
  analyzer::AdviceRecord record;
  {
    const std::lock_guard lock(mutex_);
    record = book_.record();
  }
  asks_.keep(analyzer::record_text(record));
}

// ---- settings ----

void Advisor::reconfigure() {
  main_.post([this] { follow(); });
}

void Advisor::follow() {
  const conf::Advice& settings = asks_.config()->advice;
  if (stopping_) return;
  if (!settings.enabled) {
    timer_.cancel();
    interval_ = {};
    return;
  }
  restore();
  if (!thread_) thread_.emplace("advice", 1);
  if (interval_ != settings.interval) timer_.every(interval_ = settings.interval);
}

void Advisor::stop() {
  stopping_ = true;
  timer_.cancel();
  thread_.reset();
  builder_.reset();
}

// ---- one look ----

void Advisor::look() {
  if (looking_ || stopping_) return;
  looking_ = true;
  asks_.queries([this](std::vector<QueryRow> rows) {
    asks_.samples([this, rows = std::move(rows)](std::vector<analyzer::SampledKind> samples) mutable {
      collected(std::move(rows), std::move(samples));
    });
  });
}

void Advisor::collected(std::vector<QueryRow> rows, std::vector<analyzer::SampledKind> samples) {
  const conf::ConfigPtr config = asks_.config();
  if (!thread_ || stopping_) return finished(base::admin_shutdown("Weir is shutting down"));
  auto workloads = std::make_shared<std::vector<analyzer::Workload>>(workloads_of(rows, samples, base::wall_now()));
  const bool taken = thread_->run([this, config, workloads] {
    for (const analyzer::Workload& workload : *workloads)
      if (!stopping_) look_at(workload, *config);
    if (!stopping_) keep();
    if (!stopping_) main_.post([this] { finished(base::Ok{}); });
  });
  if (!taken) finished(base::configuration_limit("the advisor is busy"));
}

void Advisor::look_at(const analyzer::Workload& workload, const conf::Config& config) {
  const base::TimePoint began = base::now();
  {
    const std::lock_guard lock(mutex_);
    Database& database = databases_[workload.database];
    database.row.database = workload.database;
    if (began < database.rests_until) {
      database.row.state = "resting";
      return;
    }
  }
  const auto asked = [&]() -> base::Result<analyzer::AdviceResult> {
    TRY(const auto settings, advice_settings(config, workload.database));
    const AdviceLink::Limits times{config.advice.statement_timeout, config.advice.deadline};
    AdviceLink link(resolver_, settings, times, stopping_);
    std::optional<AdviceLink> replica;
    if (auto hosts = replica_hosts(config, workload.database); !hosts.empty()) {
      auto others = settings;
      others.hosts = std::move(hosts);
      replica.emplace(resolver_, std::move(others), times, stopping_);
    }
    AdviceLink& planner = replica ? *replica : link;
    const analyzer::AdviceLimits limits{.queries_max = static_cast<std::size_t>(config.advice.queries_max),
                                        .candidates_max = static_cast<std::size_t>(config.advice.candidates_max),
                                        .bytes_max = config.advice.index_size_max};
    auto result = analyzer::advise(workload, limits, link, planner);
    if (result.ok() && planner.broken()) return *planner.broken();
    return result;
  };
  const base::Result<analyzer::AdviceResult> result = asked();
  if (stopping_) return;
  const std::lock_guard lock(mutex_);
  Database& database = databases_[workload.database];
  AdvisorRow& row = database.row;
  ++row.looks;
  row.took = base::now() - began;
  row.last = base::wall_now();
  if (!result.ok()) {
    ++row.failures;
    row.state = "failed";
    row.notes = base::to_text(result.error());
    log.limited(workload.database).warn("database {}: no advice: {}", workload.database, row.notes);
    if (++database.failures >= kFailuresMax) {
      database.failures = 0;
      database.rests_until = base::now() + kRest;
      row.state = "resting";
    }
    return;
  }
  database.failures = 0;
  row.state = result->truncated ? "truncated" : "ok";
  row.hypopg = result->hypopg.empty() ? "not installed" : result->hypopg;
  row.queries = result->queries;
  row.candidates = result->candidates;
  row.questions = result->questions;
  row.notes = fmt::format("{}", fmt::join(result->notes, "; "));
  database.unused = result->unused;
  database.considered = result->considered;
  database.redundant = result->redundant;
  for (auto* list : {&database.unused, &database.redundant})
    for (analyzer::IndexFinding& finding : *list) finding.database = workload.database;
  book_.enter(workload, *result, row.last);
}

void Advisor::finished(const base::Status& status) {
  looking_ = false;
  for (const Waiter& waiter : std::exchange(waiters_, {})) answer(waiter, status);
}

void Advisor::answer(const Waiter& waiter, base::Status status) {
  waiter.home->post([done = waiter.done, status = std::move(status)] {
    if (const auto alive = done.lock()) (*alive)(status);
  });
}

// ---- creating ----

base::Result<analyzer::Advice> Advisor::to_build(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const analyzer::Advice* const found = book_.find(id);
  if (found == nullptr) return no_such_advice();
  if (is_there(found->status)) return base::object_not_ready("there is such an index already");
  if (!found->shape.partitions.empty())
    return base::with_hint(base::feature_not_supported("ADVICE APPLY creates no index on a table with partitions"),
                           "Run the statements that SHOW INDEX_ADVICE has.");
  if (!builds_.try_emplace(id, "in line").second) return base::object_in_use("the index is being created");
  return *found;
}

void Advisor::build(const analyzer::Advice& advice, const conf::Config& config, const Waiter& waiter) {
  const std::string statement = analyzer::create_statement(advice.shape);
  const auto built = [&]() -> base::Status {
    TRY(const auto settings, apply_settings(config, advice.database));
    log.info("database {}: {}", advice.database, statement);
    return build_index(
        resolver_, settings, advice.shape,
        [&](std::string text) {
          const std::lock_guard lock(mutex_);
          builds_[advice.id] = std::move(text);
        },
        stopping_);
  };
  const base::Status status = built();
  if (status.ok())
    log.info("database {}: {} was created", advice.database, analyzer::index_name(advice.shape));
  else
    log.error("database {}: {}: {}", advice.database, statement, base::to_text(status.error()));
  {
    const std::lock_guard lock(mutex_);
    builds_.erase(advice.id);
    if (status.ok()) book_.created(advice.id, base::wall_now());
  }
  keep();
  if (!stopping_) main_.post([waiter, status] { answer(waiter, status); });
}

Advisor::Token Advisor::apply(const std::string& id, Done done) {
  auto kept = std::make_shared<Done>(std::move(done));
  main_.post([this, id, waiter = Waiter{.done = kept, .home = &asks_.caller()}] {
    const conf::ConfigPtr config = asks_.config();
    if (stopping_) return;
    if (config->advice.apply_user.empty()) return answer(waiter, apply_settings(*config, {}).error());
    auto advice = to_build(id);
    if (!advice.ok()) return answer(waiter, advice.error());
    if (!builder_) builder_.emplace("index build", 1, kBuildsMax);
    if (builder_->run([this, config, waiter, advice = *advice] { build(advice, *config, waiter); })) return;
    const std::lock_guard lock(mutex_);
    builds_.erase(id);
    answer(waiter, base::configuration_limit("too many indexes are in line"));
  });
  return kept;
}

// ---- for the console ----

Advisor::Token Advisor::advise_now(Done done) {
  auto kept = std::make_shared<Done>(std::move(done));
  Waiter waiter{.done = kept, .home = &asks_.caller()};
  main_.post([this, waiter = std::move(waiter)] {
    if (!asks_.config()->advice.enabled)
      return answer(waiter, base::with_hint(base::object_not_ready("there is no advice: [advice] is not enabled"),
                                            "Set [advice].enabled."));
    if (waiters_.size() >= kWaitersMax) return answer(waiter, base::configuration_limit("too many wait for advice"));
    follow();
    waiters_.push_back(waiter);
    look();
  });
  return kept;
}

base::Status Advisor::dismiss(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    if (!book_.dismiss(id)) return no_such_advice();
  }
  keep();
  return base::Ok{};
}

std::vector<analyzer::Advice> Advisor::advice() const {
  const std::lock_guard lock(mutex_);
  std::vector<analyzer::Advice> out = book_.all();
  for (analyzer::Advice& advice : out)
    if (const auto found = builds_.find(advice.id); found != builds_.end()) {
      advice.status = analyzer::AdviceStatus::kCreating;
      advice.note = found->second;
    }
  return out;
}

template <typename Row>
std::vector<Row> Advisor::of_all(std::vector<Row> Database::*which) const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> out;
  for (const auto& [name, database] : databases_) out.insert(out.end(), (database.*which).begin(), (database.*which).end());
  return out;
}
std::vector<analyzer::ConsideredIndex> Advisor::considered() const { return of_all(&Database::considered); }
std::vector<analyzer::IndexFinding> Advisor::unused() const { return of_all(&Database::unused); }
std::vector<analyzer::IndexFinding> Advisor::redundant() const { return of_all(&Database::redundant); }

std::vector<AdvisorRow> Advisor::rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<AdvisorRow> out;
  for (const auto& [name, database] : databases_) out.push_back(database.row);
  return out;
}

}  // namespace pooler
