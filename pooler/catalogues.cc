#include "pooler/catalogues.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"

namespace pooler {
namespace {

const base::Logger log{"catalogue"};

constexpr base::Duration kTick = std::chrono::seconds(1);

// The rows about relations are many, and small.
constexpr std::size_t kResultBytesMax = 128 * 1024 * 1024;

}  // namespace

Catalogue::Catalogue(Catalogues& catalogues, Runtime& runtime, int home, std::string database)
    : catalogues_(catalogues),
      runtime_(runtime),
      home_(home),
      loop_(*runtime.loops[static_cast<std::size_t>(home)]),
      database_(std::move(database)),
      snapshot_(SessionCatalogue::build({})) {
  row_.database = database_;
}

// ---- From any thread ----

SessionCataloguePtr Catalogue::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

bool Catalogue::known() const { return is_known(noted_.load(std::memory_order_acquire)); }

bool Catalogue::is_known(uint64_t change) const {
  return settled_.load(std::memory_order_acquire) >= change || failing_ || stopped_;
}

void Catalogue::use(const std::shared_ptr<Pool>& pool) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = pool_.expired();
    // Another user may succeed where one has failed.
    if (first || failing_) pool_ = pool;
  }
  if (first && !asked_.exchange(true)) post([](Catalogue& home) { home.begin(); });
}

void Catalogue::note_ddl() {
  noted_.fetch_add(1, std::memory_order_acq_rel);
  if (!asked_.exchange(true)) post([](Catalogue& home) { home.begin(); });
}

base::Ticket Catalogue::when_known(int worker, std::function<void()> done) {
  base::EventLoop& loop = *runtime_.loops[static_cast<std::size_t>(worker)];
  auto waiter = std::make_shared<Waiter>(loop, std::move(done));
  waiter->wants = noted_.load(std::memory_order_acquire);
  base::Ticket ticket([waiter] {
    waiter->done = nullptr;
    waiter->timer.reset();
  });
  bool at_once = false;
  {
    const std::lock_guard lock(mutex_);
    at_once = is_known(waiter->wants);
    if (!at_once) {
      // Those who have left.
      if (waiters_.size() > 1000)
        std::erase_if(waiters_, [](const WaiterPtr& one) { return one.use_count() == 1; });
      waiters_.push_back(waiter);
    }
  }
  if (at_once) {
    loop.post([waiter] { answer(waiter); });
  } else {
    waiter->timer.emplace(loop, [weak = std::weak_ptr(waiter)] {
      if (const auto late = weak.lock()) late->loop.defer([late] { answer(late); });
    });
    waiter->timer->once(kWaitMax);
  }
  return ticket;
}

// On its worker.
void Catalogue::answer(const WaiterPtr& waiter) {
  waiter->timer.reset();
  if (const auto done = std::exchange(waiter->done, nullptr)) done();
}

CatalogueRow Catalogue::row() const {
  const bool is_known = known();
  const std::lock_guard lock(mutex_);
  CatalogueRow row = row_;
  row.known = is_known;
  row.entries = snapshot_->size();
  row.bytes = snapshot_->bytes();
  return row;
}

void Catalogue::post(std::function<void(Catalogue&)> work) {
  loop_.post([self = shared_from_this(), work = std::move(work)] {
    if (!self->stopped_) work(*self);
  });
}

// ---- At home ----

// Something is to be read: now, or when the gap is over.
void Catalogue::begin() {
  if (!tick_) {
    tick_.emplace(loop_, [this] { on_tick(); });
    next_.emplace(loop_, [this] { read(); });
    deadline_.emplace(loop_, [this] { finish(base::query_canceled("the catalogue could not be read in time")); });
    tick_->every(kTick);
  }
  if (reading_ || next_->armed()) return;
  const base::TimePoint now = base::now();
  const base::TimePoint earliest = ended_ + std::max<base::Duration>(kGapMin, kGapFactor * took_);
  if (ended_ == base::TimePoint{} || earliest <= now)
    read();
  else
    next_->once(earliest - now);
}

void Catalogue::read() {
  if (reading_) return;
  std::shared_ptr<Pool> pool;
  {
    const std::lock_guard lock(mutex_);
    pool = pool_.lock();
  }
  asked_ = false;
  reading_ = true;
  reading_for_ = noted_.load(std::memory_order_acquire);
  began_ = base::now();
  deadline_->once(kReadingTimeout);
  if (!pool) {
    finish(base::connection_failure("the pool is gone"));
    return next_->cancel();  // until there is one
  }
  const PoolSettingsPtr settings = pool->settings();
  if (connection_ && !(connection_->made_with().target == settings->target)) {
    drop_connection();
    fingerprint_.reset();  // of another server, perhaps
  }
  if (connection_) return ask(fingerprint_query(), &Catalogue::on_fingerprint);
  // Names and bodies as the server has them, whatever encoding they are in.
  const SideConnection::Options options{.application_name = "weir catalogue",
                                        .client_encoding = "SQL_ASCII",
                                        .result_bytes_max = kResultBytesMax};
  connection_ = std::make_unique<SideConnection>(runtime_, loop_, settings, pool->login_credentials(), options,
                                                 static_cast<SideHandler&>(*this));
}

void Catalogue::on_connected() { ask(fingerprint_query(), &Catalogue::on_fingerprint); }

void Catalogue::ask(const std::string& sql, void (Catalogue::*then)(const wire::PgRows&)) {
  connection_->query(sql, [this, then](const base::Result<wire::PgRows>& rows) {
    if (!reading_) return;
    if (!rows.ok()) return finish(rows.error());
    (this->*then)(*rows);
  });
}

void Catalogue::on_fingerprint(const wire::PgRows& rows) {
  auto found = read_fingerprint(rows);
  if (!found.ok()) return finish(found.error());
  if (fingerprint_ == *found) return finish(base::Ok{});
  new_fingerprint_ = *std::move(found);
  rows_ = {};
  page_ = {};
  ask(functions_query(new_fingerprint_->server_version, page_), &Catalogue::on_functions);
}

void Catalogue::on_functions(const wire::PgRows& rows) {
  auto page = read_functions(rows, rows_);
  if (!page.ok()) return finish(page.error());
  page_ = *page;
  if (page_.more) return ask(functions_query(new_fingerprint_->server_version, page_), &Catalogue::on_functions);
  ask(uses_query(), &Catalogue::on_uses);
}

void Catalogue::on_uses(const wire::PgRows& rows) {
  if (auto status = read_uses(rows, rows_); !status.ok()) return finish(status);
  std::size_t bytes = 0;
  for (const CatalogueFunction& function : rows_.functions) bytes += function.source.size();
  if (rows_.functions.size() >= kFunctionsMax || bytes >= kSourceBytesMax || rows_.uses.size() >= kUsesMax)
    log.warn("database {}: its catalogue is larger than what is read of it; effects of some functions are not known",
             database_);
  build();
}

// Reading every word of every body takes a while in large databases: on a thread.
void Catalogue::build() {
  auto rows = std::make_shared<const CatalogueRows>(std::exchange(rows_, {}));
  auto started = runtime_.offload.compute([rows] { return SessionCatalogue::build(*rows); },
                                          [this](SessionCataloguePtr made) { publish(std::move(made)); }, loop_);
  if (!started.ok()) return finish(started.error());
  building_ = std::move(started).value();
}

void Catalogue::publish(SessionCataloguePtr made) {
  if (!reading_) return;
  const bool empty = made->empty();
  {
    const std::lock_guard lock(mutex_);
    log.debug("database {}: {} functions and relations have effects on their session", database_, made->size());
    snapshot_ = std::move(made);
    ++row_.readings;
  }
  fingerprint_ = std::exchange(new_fingerprint_, std::nullopt);
  version_.fetch_add(1, std::memory_order_acq_rel);
  empty_.store(empty, std::memory_order_release);
  finish(base::Ok{});
}

void Catalogue::finish(const base::Status& status) {
  reading_ = false;
  building_.drop();
  deadline_->cancel();
  rows_ = {};
  ended_ = base::now();
  took_ = ended_ - began_;
  std::vector<WaiterPtr> answered;
  {
    const std::lock_guard lock(mutex_);
    if (status.ok()) {
      row_.checked_at = base::wall_now();
      row_.last_error.clear();
    } else {
      ++row_.failures;
      row_.last_error = to_text(status.error());
    }
    // While it cannot be read nobody is held up; what was known before stays in force.
    failing_ = !status.ok();
    settled_.store(reading_for_, std::memory_order_release);
    std::erase_if(waiters_, [&](const WaiterPtr& waiter) {
      if (!is_known(waiter->wants)) return false;
      answered.push_back(waiter);
      return true;
    });
  }
  for (WaiterPtr& waiter : answered) {
    base::EventLoop& loop = waiter->loop;
    loop.post([waiter = std::move(waiter)] { answer(waiter); });
  }
  if (status.ok()) {
    retry_delay_ = {};
  } else {
    log.limited(database_).warn("database {}: its catalogue could not be read: {}", database_, to_text(status.error()));
    drop_connection();
    took_ = {};
    retry_delay_ = std::clamp(retry_delay_ * 2, kRetryMin, kRetryMax);
    next_->once(retry_delay_);
  }
  // DDL that came in the meantime.
  if (asked_) begin();
}

void Catalogue::on_lost(const base::Error& error) {
  drop_connection();
  if (reading_) finish(error);
}

void Catalogue::drop_connection() {
  if (!connection_) return;
  connection_->close();
  loop_.defer_delete(std::move(connection_));
}

void Catalogue::on_tick() {
  const base::TimePoint now = base::now();
  if (reading_) return;
  if (connection_ && now - ended_ >= kIdle) drop_connection();
  if (now - ended_ < kRefresh || next_->armed()) return;
  if (auto self = catalogues_.retire(database_))  // no session is there; its own timer goes after this call
    loop_.defer([self = std::move(self)] { self->stop(); });
  else
    read();
}

void Catalogue::stop() {
  stopped_ = true;
  reading_ = false;
  building_.drop();
  tick_.reset();
  next_.reset();
  deadline_.reset();
  drop_connection();
}

// ---- CatalogueView ----

const SessionCatalogue& CatalogueView::get() {
  const uint64_t newest = catalogue_->version();
  if (!snapshot_ || version_ != newest) {
    snapshot_ = catalogue_->snapshot();
    version_ = newest;
  }
  return *snapshot_;
}

// ---- Catalogues ----

Catalogues::~Catalogues() {
  for (auto& [database, catalogue] : catalogues_) catalogue->stop();
}

std::shared_ptr<Catalogue> Catalogues::of(const std::shared_ptr<Pool>& pool) {
  std::shared_ptr<Catalogue> catalogue;
  {
    const std::lock_guard lock(mutex_);
    auto& known = catalogues_[pool->database()];
    if (!known) {
      const std::size_t spread = std::hash<std::string>()(pool->database());
      known = std::make_shared<Catalogue>(*this, runtime_, static_cast<int>(spread % runtime_.loops.size()),
                                          pool->database());
    }
    catalogue = known;
  }
  catalogue->use(pool);
  return catalogue;
}

std::vector<CatalogueRow> Catalogues::rows() const {
  std::vector<CatalogueRow> rows;
  const std::lock_guard lock(mutex_);
  rows.reserve(catalogues_.size());
  for (const auto& [database, catalogue] : catalogues_) rows.push_back(catalogue->row());
  return rows;
}

void Catalogues::stop_worker(int worker) {
  std::vector<std::shared_ptr<Catalogue>> stopped;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(catalogues_, [&](const auto& entry) {
      if (entry.second->home() != worker) return false;
      stopped.push_back(entry.second);
      return true;
    });
  }
  for (const auto& catalogue : stopped) catalogue->stop();
}

std::shared_ptr<Catalogue> Catalogues::retire(const std::string& database) {
  const std::lock_guard lock(mutex_);
  const auto found = catalogues_.find(database);
  if (found == catalogues_.end() || found->second.use_count() > 1) return nullptr;
  auto retired = std::move(found->second);
  catalogues_.erase(found);
  return retired;
}

}  // namespace pooler
