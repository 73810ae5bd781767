#include "pooler/lint_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "pooler/pool.h"
#include "pooler/pools.h"
#include "pooler/runtime.h"

namespace pooler {

namespace {

const base::Logger log{"advice"};

// A run at a time, and one that ends.
constexpr std::size_t kJobsMax = 4;
// A rate is not told of less.
constexpr double kHoursMin = 1.0 / 60;

double hours(base::Duration time) { return std::max(static_cast<double>(time.count()) / 3.6e9, kHoursMin); }

}  // namespace

// One run, from what workers told to the report. Handed from thread to thread.
struct LintKeeper::Work {
  std::vector<LintPart> parts;
  base::TimePoint now{}, since{};
  analyzer::LintLimits limits;
  std::vector<analyzer::LintStatement> statements;
  std::map<std::pair<uint64_t, std::string>, analyzer::LintFacts> facts;
  std::map<std::string, std::vector<std::string>, std::less<>> tables;  // by database, in order
  std::vector<std::string> unread;  // databases whose catalogue is to be read
  analyzer::LintAround around;
  std::shared_ptr<analyzer::LintReport> report = std::make_shared<analyzer::LintReport>();
};

analyzer::LintLimits lint_limits(const conf::Advice& settings) {
  return {.ms_per_hour = static_cast<double>(settings.lint_time.count()) / 1000,
          .rows = static_cast<double>(settings.lint_rows),
          .offset = settings.lint_offset,
          .findings_max = static_cast<std::size_t>(settings.findings_max),
          .off = settings.lint_off};
}

LintKeeper::LintKeeper(base::EventLoop& loop, Runtime& runtime, Pools& pools, Asks asks)
    : loop_(loop),
      runtime_(runtime),
      pools_(pools),
      asks_(std::move(asks)),
      thread_("lint", 1, kJobsMax),
      timer_(loop, [this] { run(); }),
      look_timer_(loop, [this] { look_at_pools(); }) {}

LintKeeper::~LintKeeper() = default;

void LintKeeper::start() {
  reader_ = std::make_unique<LintReader>(runtime_, *runtime_.loops.front());
  look_timer_.every(kLook);
  configure(pools_.config()->advice);
}

void LintKeeper::configure(const conf::Advice& settings) {
  for (const std::string& name : settings.lint_off)
    if (analyzer::find_rule(name) == nullptr) log.warn("lint_off: there is no rule called {}", base::escape_for_log(name, 60));
  if (!settings.lint) {
    timer_.cancel();
    interval_ = {};
    last_.reset();
    return;
  }
  if (interval_ == base::Duration{}) since_ = base::now();
  if (interval_ != settings.lint_interval) timer_.every(settings.lint_interval);
  interval_ = settings.lint_interval;
}

void LintKeeper::look_at_pools() {
  const std::vector<analyzer::PoolMoment> moments = asks_.pools();
  const std::lock_guard lock(mutex_);
  for (const analyzer::PoolMoment& moment : moments) advisor_.look(moment);
}

std::vector<analyzer::PoolAdvice> LintKeeper::pool_advice() const {
  const std::lock_guard lock(mutex_);
  return advisor_.advice();
}

void LintKeeper::report(std::function<void(LintReportPtr)> done) {
  loop_.post([this, done = std::move(done)] {
    if (interval_ == base::Duration{}) return done(std::make_shared<const analyzer::LintReport>());
    if (last_ != nullptr && base::now() - made_ < kFresh) return done(last_);
    waiting_.push_back(done);
    run();
  });
}

// ---- A run, step by step ----

void LintKeeper::run() {
  if (running_) return;
  running_ = true;
  asks_.parts([this](std::vector<LintPart> parts) {
    auto work = std::make_shared<Work>();
    work->parts = std::move(parts);
    work->now = base::now();
    work->since = since_;
    work->limits = lint_limits(pools_.config()->advice);
    prepare(work);
  });
}

// On the thread: one list of statements, and the tables that they name.
void LintKeeper::prepare(const WorkPtr& work) {
  const bool taken = thread_.run([this, work] {
    struct Sum {
      analyzer::QueryTotals totals;
      std::shared_ptr<const std::string> text;
      uint64_t open_us = 0;
    };
    std::map<std::pair<uint64_t, std::string>, Sum> sums;
    for (LintPart& part : work->parts) {
      for (analyzer::QuerySnapshot::Row& row : part.queries.rows) {
        if (row.fingerprint == 0 || row.owner == nullptr) continue;
        Sum& sum = sums[{row.fingerprint, row.owner->database}];
        sum.totals.add(row.totals);
        if (sum.text == nullptr) sum.text = row.text;
      }
      for (analyzer::LintBook::Entry& entry : part.facts)
        work->facts[{entry.fingerprint, entry.database}].merge(entry.facts);
    }
    for (const LintPart& part : work->parts)
      for (const ActivityRow& row : part.activity) {
        const auto found = sums.find({row.fingerprint, row.database});
        if (found == sums.end() || !row.in_transaction) continue;
        found->second.open_us = std::max(found->second.open_us, static_cast<uint64_t>(row.transaction_age.count()));
      }
    std::map<std::string, std::set<std::string>, std::less<>> tables;
    for (auto& [key, sum] : sums) {
      analyzer::LintStatement& statement = work->statements.emplace_back();
      statement.fingerprint = key.first;
      statement.database = key.second;
      statement.query = *sum.text;
      statement.calls = sum.totals.calls;
      statement.rows = sum.totals.rows;
      statement.bytes_out = sum.totals.bytes_out;
      statement.parses = sum.totals.parses;
      statement.server_us = sum.totals.server_us;
      statement.idle_us = sum.totals.idle_us;
      statement.p50_us = sum.totals.times.quantile(0.5);
      statement.open_us = sum.open_us;
      statement.hours = hours(work->now - sum.totals.first_seen);
      const auto facts = work->facts.find(key);
      if (facts != work->facts.end()) statement.facts = &facts->second;
      analyzer::LintText text;
      if (!text.read(analyzer::lint_text_of(statement))) continue;
      for (std::size_t i = 0; i < text.tree().size(); ++i)
        if (const auto name = text.tree().at(i)["relname"]) tables[statement.database].insert(std::string(name.text()));
    }
    for (auto& [database, names] : tables) {
      auto& list = work->tables[database];
      for (const std::string& name : names)
        if (list.size() < kLintTablesMax) list.push_back(name);
    }
    loop_.post([this, work] {
      for (const auto& [database, names] : work->tables) {
        const auto known = catalogs_.find(database);
        if (known != catalogs_.end() && work->now - known->second.at < kCatalogAge && known->second.tables == names)
          work->around.catalogs[database] = known->second.catalog;
        else
          work->unread.push_back(database);
      }
      read_next(work);
    });
  });
  if (!taken) running_ = false;
}

// On the loop: one database after the other. One that cannot be read is judged by what was known of it, or without.
void LintKeeper::read_next(const WorkPtr& work) {
  if (work->unread.empty()) return judge(work);
  const std::string database = std::move(work->unread.back());
  work->unread.pop_back();
  PoolPtr pool;
  for (const PoolPtr& one : pools_.all())
    if (one->database() == database) pool = one;
  if (!pool) return read_next(work);
  const std::vector<std::string>& tables = work->tables[database];
  runtime_.loops.front()->post([this, work, database, pool, tables] {
    reader_->read(pool, tables, [this, work, database, tables](base::Result<analyzer::LintCatalog> read) {
      auto result = std::make_shared<base::Result<analyzer::LintCatalog>>(std::move(read));
      loop_.post([this, work, database, tables, result] {
        if (result->ok()) {
          catalogs_[database] = {work->now, tables, **result};
        } else {
          log.warn("the catalogue of {} could not be read for lint: {}", base::escape_for_log(database, 60),
                   base::to_text(result->error()));
        }
        const auto known = catalogs_.find(database);
        if (known != catalogs_.end()) work->around.catalogs[database] = known->second.catalog;
        read_next(work);
      });
    });
  });
}

void LintKeeper::judge(const WorkPtr& work) {
  const bool taken = thread_.run([this, work] {
    analyzer::LintReport& report = *work->report;
    report.on = true;
    report.lint = analyzer::lint(work->statements, work->around, work->limits);
    std::vector<analyzer::Loops> loops;
    for (LintPart& part : work->parts)
      loops.insert(loops.end(), std::make_move_iterator(part.loops.begin()), std::make_move_iterator(part.loops.end()));
    report.loops = analyzer::loop_findings(std::move(loops), hours(work->now - work->since), [&work](uint64_t fingerprint) {
      const auto found = std::find_if(work->statements.begin(), work->statements.end(),
                                      [fingerprint](const auto& one) { return one.fingerprint == fingerprint; });
      return found == work->statements.end() ? std::string() : found->query;
    });
    report.at = base::wall_now();
    loop_.post([this, work] { publish(work); });
  });
  if (!taken) running_ = false;
}

void LintKeeper::publish(const WorkPtr& work) {
  running_ = false;
  made_ = base::now();
  last_ = work->report;
  log.debug("{} statements, {} findings, {} loops, {} not read", last_->lint.statements, last_->lint.findings.size(),
            last_->loops.size(), last_->lint.unread);
  for (const analyzer::LintFinding& finding : last_->lint.findings) {
    if (finding.severity != analyzer::LintSeverity::kError || told_.size() >= kToldMax) continue;
    if (!told_.insert(fmt::format("{} {} {}", finding.rule->name, finding.fingerprint, finding.database)).second) continue;
    log.warn("{} in statement {:016x} of {}: {}", finding.rule->name, finding.fingerprint,
             base::escape_for_log(finding.database, 60), base::escape_for_log(finding.evidence, 200));
  }
  for (const auto& done : std::exchange(waiting_, {})) done(last_);
}

void LintKeeper::stop() {
  timer_.cancel();
  look_timer_.cancel();
  if (reader_) reader_->stop();
}

}  // namespace pooler
