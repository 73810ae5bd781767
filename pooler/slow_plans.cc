#include "pooler/slow_plans.h"

#include <deque>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/loop.h"
#include "pooler/explain_text.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"
#include "pooler/side_connection.h"

namespace pooler {
namespace {

const base::Logger log{"slow"};

// The same statement in another database has another plan.
uint64_t key_of(const Pool& pool, uint64_t fingerprint) {
  return fingerprint ^ (std::hash<std::string>{}(pool.database()) * 0x9E3779B97F4A7C15U);
}

std::string plan_in(const wire::PgRows& answer, std::size_t rows_before) {
  std::string plan;
  for (std::size_t i = rows_before; i < answer.rows.size() && plan.size() < SlowPlans::kPlanMax; ++i) {
    if (!plan.empty()) plan += '\n';
    if (!answer.rows[i].empty()) plan += answer.rows[i].front().value_or("");
  }
  if (plan.size() > SlowPlans::kPlanMax) plan = plan.substr(0, plan.rfind('\n')) + "\n...";
  return plan;
}

}  // namespace

class SlowPlans::OfWorker final : private SideHandler {
 public:
  OfWorker(Runtime& runtime, base::EventLoop& loop)
      : runtime_(runtime), loop_(loop), next_(loop, [this] { begin(); }), idle_(loop, [this] { drop_connection(); }) {}
  ~OfWorker() override { drop_connection(); }

  bool has_room() const { return line_.size() < kInLine; }

  void ask(Question question) {
    line_.push_back(std::move(question));
    if (!busy_ && !next_.armed()) next_.once(base::Duration{0});
  }

 private:
  // SideHandler
  void on_connected() override { send(); }
  void on_notification(std::string_view, std::string_view) override {}
  void on_read_end() override {}
  void on_lost(const base::Error& error) override {
    drop_connection();
    if (busy_) finish(error);
  }

  void begin() {
    if (busy_ || line_.empty()) return;
    busy_ = true;
    idle_.cancel();
    Pool& pool = *line_.front().pool;
    const PoolSettingsPtr settings = pool.settings();
    if (connection_ && (connected_to_.lock().get() != &pool || !(connection_->made_with().target == settings->target)))
      drop_connection();
    if (connection_) return send();
    connected_to_ = line_.front().pool;
    connection_ = std::make_unique<SideConnection>(
        runtime_, loop_, settings, pool.login_credentials(),
        SideConnection::Options{.application_name = "weir explain", .statement_timeout = kTimeout},
        static_cast<SideHandler&>(*this));
  }

  void send() {
    connection_->query(line_.front().text, [this](base::Result<wire::PgRows> rows) { finish(std::move(rows)); });
  }

  void finish(base::Result<wire::PgRows> rows) {
    busy_ = false;
    const Question question = std::move(line_.front());
    line_.pop_front();
    if (line_.empty())
      idle_.once(kIdle);
    else
      next_.once(kGap);
    if (!rows.ok()) {
      log.debug("database {}: a plan could not be had: {}", question.pool->database(), base::to_text(rows.error()));
      return question.done("no plan: SQLSTATE " + rows.error().sqlstate);
    }
    const std::string plan = plan_in(*rows, question.rows_before);
    question.done(question.shows_values ? plan : plan_without_values(plan));
  }

  void drop_connection() {
    if (!connection_) return;
    connection_->close();
    loop_.defer_delete(std::move(connection_));
  }

  Runtime& runtime_;
  base::EventLoop& loop_;
  base::Timer next_, idle_;
  std::deque<Question> line_;  // the first is asked while busy_
  bool busy_ = false;
  std::unique_ptr<SideConnection> connection_;
  std::weak_ptr<Pool> connected_to_;
};

SlowPlans::SlowPlans(Runtime& runtime) : runtime_(runtime) {}
SlowPlans::~SlowPlans() = default;

SlowPlans::OfWorker& SlowPlans::of(int worker) {
  const std::lock_guard lock(mutex_);
  auto& own = workers_[worker];
  if (!own) own = std::make_unique<OfWorker>(runtime_, *runtime_.loops[static_cast<std::size_t>(worker)]);
  return *own;
}

bool SlowPlans::wanted(int worker, const Pool& pool, uint64_t fingerprint, base::TimePoint now) {
  if (!of(worker).has_room()) return false;
  const std::lock_guard lock(mutex_);
  const base::TimePoint* const last = asked_.peek(key_of(pool, fingerprint));
  return last == nullptr || now - *last >= kAskAgain;
}

void SlowPlans::ask(int worker, Question question, base::TimePoint now) {
  {
    const std::lock_guard lock(mutex_);
    asked_.put(key_of(*question.pool, question.fingerprint), now);
  }
  of(worker).ask(std::move(question));
}

void SlowPlans::stop_worker(int worker) {
  std::unique_ptr<OfWorker> stopped;
  const std::lock_guard lock(mutex_);
  if (const auto found = workers_.find(worker); found != workers_.end()) {
    stopped = std::move(found->second);
    workers_.erase(found);
  }
}

}  // namespace pooler
