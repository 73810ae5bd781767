#pragma once
// Catalogues: the SessionCatalogue of each database, read beside the data path and kept fresh.
//
// A database is read when its first session comes, over a SideConnection of that session's pool; every minute while it
// has clients, if anything has changed; and at once when a session says that DDL went through. A reading that fails is
// logged, tried again later, and leaves what was known in force.
//
// How a session uses it:
//   view_ = CatalogueView(catalogues.of(pool));                    // once
//   if (!view_.empty()) hidden = view_.get().of(statement);        // for each statement
//   view_.catalogue().note_ddl();                                  // after DDL was committed
//   if (!view_.catalogue().known())                                // where it must not be missed: before the first
//     ticket_ = view_.catalogue().when_known(worker, [this] {...}); // statement, and after DDL

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/ticket.h"
#include "pooler/catalogue_rows.h"
#include "pooler/session_catalogue.h"
#include "pooler/side_connection.h"

namespace pooler {

class Catalogues;
class Pool;
struct Runtime;

// For the console.
struct CatalogueRow {
  std::string database;
  bool known = false;
  std::size_t entries = 0, bytes = 0;
  uint64_t readings = 0;        // that found a change
  uint64_t failures = 0;
  base::WallTime checked_at{};  // when a reading or a look at the fingerprint ended well; 0: never
  std::string last_error;       // of the last reading; empty when all is well
};

class Catalogue final : public std::enable_shared_from_this<Catalogue>, private SideHandler {
 public:
  // How often is looked whether something has changed that did not come through Weir.
  static constexpr base::Duration kRefresh = std::chrono::seconds(60);
  // A connection that was not needed for so long is closed.
  static constexpr base::Duration kIdle = std::chrono::seconds(10);
  // Between readings because of DDL; and as long as this many times the last one took, so that a storm of DDL costs the
  // server a sixth of one connection at most.
  static constexpr base::Duration kGapMin = std::chrono::milliseconds(100);
  static constexpr int kGapFactor = 5;
  // One reading, in all.
  static constexpr base::Duration kReadingTimeout = std::chrono::seconds(60);
  // After a failure: the first, doubled up to the last.
  static constexpr base::Duration kRetryMin = std::chrono::seconds(1);
  static constexpr base::Duration kRetryMax = std::chrono::seconds(60);
  // How long when_known() may hold a client up.
  static constexpr base::Duration kWaitMax = std::chrono::seconds(2);

  Catalogue(Catalogues& catalogues, Runtime& runtime, int home, std::string database);

  // Everything up to stop(): any thread.
  const std::string& database() const { return database_; }
  int home() const { return home_; }
  bool empty() const { return empty_.load(std::memory_order_acquire); }
  SessionCataloguePtr snapshot() const;             // never null
  uint64_t version() const { return version_.load(std::memory_order_acquire); }  // changes with the snapshot
  // What is known is not older than the last DDL that was noted. True also when it could not be read.
  bool known() const;
  // DDL that may concern functions, triggers, views or policies was committed.
  void note_ddl();
  // For `worker`'s thread: `done` is called there once, later, when all DDL noted so far is known or after kWaitMax,
  // unless the ticket is dropped.
  base::Ticket when_known(int worker, std::function<void()> done);
  CatalogueRow row() const;
  // The pool that is read through from now on.
  void use(const std::shared_ptr<Pool>& pool);

  // At home.
  void stop();

 private:
  struct Waiter {
    base::EventLoop& loop;
    std::function<void()> done{};        // of its worker's thread, and so is the timer
    std::optional<base::Timer> timer{};
    uint64_t wants = 0;
  };
  using WaiterPtr = std::shared_ptr<Waiter>;

  // SideHandler
  void on_connected() override;
  void on_notification(std::string_view, std::string_view) override {}
  void on_read_end() override {}
  void on_lost(const base::Error& error) override;

  bool is_known(uint64_t change) const;
  void post(std::function<void(Catalogue&)> work);
  static void answer(const WaiterPtr& waiter);
  void begin();
  void read();
  void ask(const std::string& sql, void (Catalogue::*then)(const wire::PgRows&));
  void on_fingerprint(const wire::PgRows& rows);
  void on_functions(const wire::PgRows& rows);
  void on_uses(const wire::PgRows& rows);
  void build();
  void publish(SessionCataloguePtr made);
  void finish(const base::Status& status);
  void drop_connection();
  void on_tick();

  Catalogues& catalogues_;
  Runtime& runtime_;
  const int home_;
  base::EventLoop& loop_;
  const std::string database_;

  std::atomic<bool> empty_{true};
  std::atomic<uint64_t> version_{0};
  std::atomic<uint64_t> noted_{1};   // changes that are to be read; the first is the beginning
  std::atomic<uint64_t> settled_{0};  // of those, read or given up
  std::atomic<bool> asked_{false};   // home was told and has not begun
  std::atomic<bool> failing_{false};  // the last reading failed
  std::atomic<bool> stopped_{false};

  mutable std::mutex mutex_;  // guards the next ones
  SessionCataloguePtr snapshot_;
  std::weak_ptr<Pool> pool_;
  std::vector<WaiterPtr> waiters_;
  CatalogueRow row_;

  // At home alone.
  std::unique_ptr<SideConnection> connection_;
  std::optional<base::Timer> tick_, next_, deadline_;
  base::Ticket building_;
  bool reading_ = false;
  uint64_t reading_for_ = 0;  // noted_ when it began
  base::TimePoint began_{}, ended_{};
  base::Duration took_{}, retry_delay_{};
  std::optional<Fingerprint> fingerprint_, new_fingerprint_;
  FunctionsPage page_;
  CatalogueRows rows_;
};

// What a session keeps: the catalogue of its database, and the snapshot that it saw last. For one thread.
class CatalogueView {
 public:
  CatalogueView() = default;
  explicit CatalogueView(std::shared_ptr<Catalogue> catalogue) : catalogue_(std::move(catalogue)) {}

  explicit operator bool() const { return catalogue_ != nullptr; }
  Catalogue& catalogue() const { return *catalogue_; }
  bool empty() const { return catalogue_ == nullptr || catalogue_->empty(); }
  // The newest. Only where there is a catalogue.
  const SessionCatalogue& get();

 private:
  std::shared_ptr<Catalogue> catalogue_;
  SessionCataloguePtr snapshot_;
  uint64_t version_ = 0;
};

class Catalogues {
 public:
  explicit Catalogues(Runtime& runtime) : runtime_(runtime) {}
  ~Catalogues();
  Catalogues(const Catalogues&) = delete;
  Catalogues& operator=(const Catalogues&) = delete;

  // The catalogue of the pool's database; its reading begins with the first call. Any thread.
  std::shared_ptr<Catalogue> of(const std::shared_ptr<Pool>& pool);
  // Any thread; by database.
  std::vector<CatalogueRow> rows() const;
  // Closes the connections that live on this worker. On its loop, or when that has ended for good.
  void stop_worker(int worker);

 private:
  friend class Catalogue;
  // By the catalogue, at home: nobody holds it any more. Null if somebody does.
  std::shared_ptr<Catalogue> retire(const std::string& database);

  Runtime& runtime_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Catalogue>> catalogues_;  // guarded by mutex_; by database
};

}  // namespace pooler
