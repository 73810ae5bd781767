#include "pooler/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "base/log.h"
#include "base/text.h"
#include "conf/diff.h"
#include "conf/surroundings.h"
#include "pooler/gather.h"
#include "pooler/session.h"
#include "pooler/worker.h"

namespace pooler {
namespace {

const base::Logger log{"process"};

// How soon it is noticed that what an operation waits for has come.
constexpr base::Duration kPoll = std::chrono::milliseconds(50);
// How often clients that have become idle since are told to leave, in a shutdown.
constexpr base::Duration kSweep = std::chrono::milliseconds(500);
// So that a pool that goes away leaves its last counts behind.
constexpr base::Duration kSample = std::chrono::seconds(1);
// The last words of sessions get this long to leave before the process ends.
constexpr base::Duration kLastWords = std::chrono::milliseconds(200);
// How long KILL_CLIENT waits for the other workers to say whether they know the client.
constexpr std::chrono::milliseconds kAskWorkers{100};

base::Error ended_by_administrator() {
  return base::admin_shutdown("terminating connection due to administrator command");
}

std::string named(const std::string& database) {
  return database.empty() ? "all databases" : "database " + base::quote_identifier(database);
}

}  // namespace

Process::Process(base::EventLoop& main_loop, Runtime& runtime, Pools& pools, Hooks hooks)
    : main_(main_loop),
      runtime_(runtime),
      pools_(pools),
      hooks_(std::move(hooks)),
      book_(base::now()),
      poll_timer_(main_loop, [this] { poll(); }),
      sample_timer_(main_loop, [this] { sample(); }),
      period_timer_(main_loop, [this] { end_period(); }) {}

void Process::start() {
  sample_timer_.every(kSample);
  period_timer_.once(pools_.config()->weir.stats_period);
}

base::EventLoop& Process::caller() const {
  for (base::EventLoop* loop : runtime_.loops)
    if (loop->in_loop_thread()) return *loop;
  return main_;
}

void Process::on_every_worker(const std::function<void(Worker&)>& work) {
  for (Worker* worker : runtime_.worker_list) worker->loop().post([worker, work] { work(*worker); });
}

// ---- Operations that wait ----

Process::Token Process::wait(WaitPtr wait) {
  wait->home = &caller();
  main_.post([this, wait] {
    waits_.push_back(wait);
    if (!poll_timer_.armed()) poll_timer_.every(kPoll);
    poll();
  });
  struct Guard {
    explicit Guard(WaitPtr guarded) : wait(std::move(guarded)) {}
    ~Guard() {
      if (wait->finished || wait->dropped.exchange(true)) return;
      if (wait->undo) wait->undo();
    }
    WaitPtr wait;
  };
  return std::make_shared<Guard>(std::move(wait));
}

void Process::answer_later(Done done, base::Status status) {
  caller().post([done = std::move(done), status = std::move(status)] { done(status); });
}

void Process::poll() {
  const auto now = base::now();
  std::erase_if(waits_, [now](const WaitPtr& wait) {
    if (wait->dropped) return true;
    if (now >= wait->deadline && wait->on_timeout) std::exchange(wait->on_timeout, nullptr)();
    if (!wait->reached()) return false;
    wait->home->post([wait] {
      if (wait->dropped) return;
      wait->finished = true;
      std::exchange(wait->done, nullptr)(base::Ok{});
    });
    return true;
  });
  if (drain_) poll_drain(now);
  if (waits_.empty() && !drain_) poll_timer_.cancel();
}

bool Process::quiescent(const std::string& database) const {
  const auto pools = pools_.of_database(database);
  return std::all_of(pools.begin(), pools.end(), [](const PoolPtr& pool) { return pool->quiescent(); });
}

Process::Token Process::pause(const std::string& database, Done done) {
  if (auto known = pools_.check_database(database); !known.ok()) {
    answer_later(std::move(done), std::move(known));
    return nullptr;
  }
  if (pools_.paused(database) || suspended_) {
    answer_later(std::move(done),
                 base::object_not_ready(database.empty() || suspended_ ? "already suspended/paused"
                                                                       : named(database) + " is already paused"));
    return nullptr;
  }
  log.info("pausing {}", named(database));
  pools_.pause(database);
  auto paused = std::make_shared<Wait>();
  paused->reached = [this, database] { return quiescent(database); };
  paused->undo = [this, database] {
    log.info("pausing {} was called off", named(database));
    pools_.resume(database);
  };
  paused->done = std::move(done);
  return wait(std::move(paused));
}

Process::Token Process::suspend(Done done) {
  if (pools_.paused({}) || suspended_.exchange(true)) {
    answer_later(std::move(done), base::object_not_ready("already suspended/paused"));
    return nullptr;
  }
  log.info("suspending");
  main_.post([this] { hooks_.suspend_listening(suspended_); });
  pools_.pause({});
  auto quiet = std::make_shared<Wait>();
  quiet->reached = [this] { return quiescent({}); };
  const auto timeout = pools_.config()->weir.suspend_timeout;
  if (timeout.count() > 0) {
    quiet->deadline = base::now() + timeout;
    quiet->on_timeout = [this] {
      log.warn("suspend_timeout is over: clients that still use a server are disconnected");
      kill_sessions([](const Session& session) { return session.row().link_id != 0; }, [] {});
    };
  }
  quiet->undo = [this] {
    log.info("suspending was called off");
    (void)resume({});
  };
  quiet->done = std::move(done);
  return wait(std::move(quiet));
}

Process::Token Process::wait_close(const std::string& database, Done done) {
  if (auto known = pools_.check_database(database); !known.ok()) {
    answer_later(std::move(done), std::move(known));
    return nullptr;
  }
  auto closed = std::make_shared<Wait>();
  closed->reached = [this, database] {
    const auto pools = pools_.of_database(database);
    return std::none_of(pools.begin(), pools.end(), [](const PoolPtr& pool) { return pool->any_close_needed(); });
  };
  closed->done = std::move(done);
  return wait(std::move(closed));
}

// ---- Operations that are done at once ----

base::Status Process::resume(const std::string& database) {
  TRY_STATUS(pools_.check_database(database));
  const bool was_suspended = database.empty() && suspended_.exchange(false);
  const auto config = pools_.config();
  const bool any_paused =
      pools_.paused(database) ||
      (database.empty() && std::any_of(config->databases.begin(), config->databases.end(),
                                       [this](const auto& entry) { return pools_.paused(entry.first); }));
  if (!was_suspended && !any_paused)
    return base::object_not_ready(database.empty() ? "the pooler is not paused or suspended"
                                                   : named(database) + " is not paused");
  log.info("resuming {}", named(database));
  if (was_suspended) main_.post([this] { hooks_.suspend_listening(suspended_); });
  pools_.resume(database);
  return base::Ok{};
}

base::Status Process::disable(const std::string& database) {
  if (database.empty()) return base::syntax_error("a database is required");
  TRY_STATUS(pools_.check_database(database));
  log.info("disabling {}", named(database));
  pools_.disable(database, true);
  return base::Ok{};
}

base::Status Process::enable(const std::string& database) {
  if (database.empty()) return base::syntax_error("a database is required");
  TRY_STATUS(pools_.check_database(database));
  log.info("enabling {}", named(database));
  pools_.disable(database, false);
  return base::Ok{};
}

base::Status Process::reconnect(const std::string& database) {
  TRY_STATUS(pools_.check_database(database));
  log.info("reconnecting {}", named(database));
  for (const PoolPtr& pool : pools_.of_database(database)) pool->close_servers();
  if (runtime_.listen_hubs != nullptr) runtime_.listen_hubs->reconnect(database);
  return base::Ok{};
}

void Process::kill_sessions(std::function<bool(const Session&)> which, std::function<void()> then) {
  gather<int>(
      [which = std::move(which)](Worker& worker, std::vector<int>&) {
        worker.each([&which](Session& session) {
          if (which(session)) session.kill(ended_by_administrator());
        });
      },
      [then = std::move(then)](const std::vector<int>&) { then(); });
}

base::Status Process::kill(const std::string& database) {
  TRY_STATUS(pools_.check_database(database));
  log.info("killing all connections of {}", named(database));
  pools_.pause(database);
  // Servers go after the clients that use them.
  kill_sessions(
      [database](const Session& session) {
        return !session.on_console() && (database.empty() || session.database() == database);
      },
      [this, database] {
        for (const PoolPtr& pool : pools_.of_database(database)) pool->kill_servers();
        if (runtime_.listen_hubs != nullptr) runtime_.listen_hubs->reconnect(database);
      });
  return base::Ok{};
}

base::Status Process::kill_client(uint64_t id) {
  struct Answers {
    std::atomic<std::size_t> missing;
    std::atomic<bool> found{false};
    std::promise<void> complete;
  };
  auto answers = std::make_shared<Answers>();
  answers->missing = runtime_.worker_list.size();
  const auto ask = [id, answers](Worker& worker) {
    if (Session* session = worker.find(id); session != nullptr) {
      answers->found = true;
      session->kill(ended_by_administrator());
    }
    if (answers->missing.fetch_sub(1) == 1) answers->complete.set_value();
  };
  base::EventLoop& own = caller();
  for (Worker* worker : runtime_.worker_list) {
    if (&worker->loop() == &own)
      ask(*worker);
    else
      worker->loop().post([worker, ask] { ask(*worker); });
  }
  // The only place where a worker waits for others: rarely, and not for long. Two that ask each other part by the
  // timeout, and a question that was asked is answered all the same.
  const bool complete = answers->complete.get_future().wait_for(kAskWorkers) == std::future_status::ready;
  if (complete && !answers->found) return base::undefined_object(fmt::format("there is no client with the id {}", id));
  log.info("client {} was killed from the console", id);
  return base::Ok{};
}

void Process::reload(Done done) {
  base::EventLoop& home = caller();
  main_.post([this, &home, done = std::move(done)]() mutable {
    hooks_.reload([&home, done = std::move(done)](base::Status status) {
      home.post([done, status = std::move(status)] { done(status); });
    });
  });
}

base::Status Process::set(std::string_view key, std::string_view value) {
  TRY(auto changed, conf::set_one(*pools_.config(), key, value, conf::ProcessSurroundings()));
  return hooks_.apply(std::move(changed));
}

// ---- Shutdown ----

base::Status Process::shutdown(ShutdownMode mode) {
  main_.post([this, mode] { begin_shutdown(mode); });
  return base::Ok{};
}

void Process::begin_shutdown(ShutdownMode mode) {
  shutting_down_ = true;
  hooks_.stop_listening();
  if (mode == ShutdownMode::kImmediate) {
    log.info("shutting down at once");
    finish_shutdown();
    return;
  }
  Drain drain;
  drain.mode = mode;
  drain.began = base::now();
  const auto timeout = pools_.config()->weir.drain_timeout;
  if (timeout.count() > 0) drain.deadline = drain.began + timeout;
  drain_ = drain;
  log.info("shutting down when {}; {} clients are connected",
           mode == ShutdownMode::kWaitForClients ? "all clients have left" : "all servers are free", pools_.clients());
  if (!poll_timer_.armed()) poll_timer_.every(kPoll);
  poll();
}

void Process::poll_drain(base::TimePoint now) {
  const bool to_servers = drain_->mode == ShutdownMode::kWaitForServers;
  if (to_servers && now - drain_->swept >= kSweep) {
    drain_->swept = now;
    on_every_worker([](Worker& worker) {
      worker.each([](Session& session) {
        if (!session.on_console()) (void)session.end_when_idle(ended_by_administrator());
      });
    });
    for (const PoolPtr& pool : pools_.all()) pool->close_servers();
  }
  const bool empty = pools_.clients() == 0 && quiescent({});
  if (!empty && now < drain_->deadline) return;
  if (!empty) log.warn("drain_timeout is over: {} clients are disconnected", pools_.clients());
  finish_shutdown();
}

void Process::finish_shutdown() {
  drain_.reset();
  kill_sessions([](const Session&) { return true; },
                [this] {
                  // Most last words have left with the kill itself; sockets that were full get a moment.
                  waits_.clear();
                  poll_timer_.cancel();
                  hooks_.quit();
                });
  // Workers that do not answer do not keep the process.
  auto last = std::make_shared<Wait>();
  last->reached = [until = base::now() + kLastWords] { return base::now() >= until; };
  last->done = [this](const base::Status&) { hooks_.quit(); };
  last->home = &main_;
  waits_.push_back(std::move(last));
  if (!poll_timer_.armed()) poll_timer_.every(kPoll);
}

}  // namespace pooler
