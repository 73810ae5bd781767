#pragma once
// A pooler for the console's tests: rows that tests fill in, operations that write down what was asked, a stream that
// keeps what was sent, and a transcript of it that people can read.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/console.h"
#include "pooler/console.h"

namespace admin {

class FakeInspector final : public pooler::Inspector {
 public:
  std::vector<pooler::SocketRow> client_rows, server_rows;
  std::vector<pooler::PoolRow> pool_rows;
  std::vector<pooler::DatabaseRow> database_rows;
  std::vector<pooler::UserRow> user_rows;
  std::vector<pooler::StatsRow> stats_rows;
  std::vector<pooler::ListRow> list_rows;
  std::vector<pooler::MemRow> mem_rows;
  std::vector<pooler::DnsHostRow> dns_rows;
  std::vector<pooler::PeerRow> peer_rows;
  std::vector<pooler::PeerPoolRow> peer_pool_rows;
  std::vector<pooler::PinCountRow> pin_count_rows;
  std::vector<pooler::ListenRow> listen_rows;
  std::vector<pooler::StatementCacheRow> statement_cache_rows;
  std::vector<pooler::QueryRow> query_rows;
  std::vector<pooler::ActivityRow> activity_rows;
  std::vector<pooler::StatementMetrics> statement_metrics_rows{1};
  std::vector<pooler::ReadyRow> ready_rows;
  std::vector<pooler::GuardRow> guard_rows;
  std::vector<pooler::SlowRow> slow_rows;
  std::vector<pooler::SlowLogRow> slow_log_rows;
  std::vector<pooler::TracesRow> traces_rows;
  std::vector<analyzer::PoolExemplars> exemplar_rows;
  RunState run_state = RunState::kActive;

  // While set, answers wait for answer_all(), as they do when other workers must be asked.
  bool later = false;
  void answer_all();
  std::size_t waiting() const { return answers_.size(); }

  void clients(Then<pooler::SocketRow> done) override { give(client_rows, std::move(done)); }
  void servers(Then<pooler::SocketRow> done) override { give(server_rows, std::move(done)); }
  void pools(Then<pooler::PoolRow> done) override { give(pool_rows, std::move(done)); }
  void databases(Then<pooler::DatabaseRow> done) override { give(database_rows, std::move(done)); }
  void users(Then<pooler::UserRow> done) override { give(user_rows, std::move(done)); }
  void stats(Then<pooler::StatsRow> done) override { give(stats_rows, std::move(done)); }
  void lists(Then<pooler::ListRow> done) override { give(list_rows, std::move(done)); }
  void mem(Then<pooler::MemRow> done) override { give(mem_rows, std::move(done)); }
  void dns_hosts(Then<pooler::DnsHostRow> done) override { give(dns_rows, std::move(done)); }
  void peers(Then<pooler::PeerRow> done) override { give(peer_rows, std::move(done)); }
  void peer_pools(Then<pooler::PeerPoolRow> done) override { give(peer_pool_rows, std::move(done)); }
  void pin_counts(Then<pooler::PinCountRow> done) override { give(pin_count_rows, std::move(done)); }
  void listeners(Then<pooler::ListenRow> done) override { give(listen_rows, std::move(done)); }
  void statement_cache(Then<pooler::StatementCacheRow> done) override { give(statement_cache_rows, std::move(done)); }
  void queries(Then<pooler::QueryRow> done) override { give(query_rows, std::move(done)); }
  void statement_metrics(Then<pooler::StatementMetrics> done) override { give(statement_metrics_rows, std::move(done)); }
  void readiness(Then<pooler::ReadyRow> done) override { give(ready_rows, std::move(done)); }
  void guards(Then<pooler::GuardRow> done) override { give(guard_rows, std::move(done)); }
  void activity(Then<pooler::ActivityRow> done) override { give(activity_rows, std::move(done)); }
  void slow_queries(Then<pooler::SlowRow> done) override { give(slow_rows, std::move(done)); }
  void slow_log(Then<pooler::SlowLogRow> done) override { give(slow_log_rows, std::move(done)); }
  void traces(Then<pooler::TracesRow> done) override { give(traces_rows, std::move(done)); }
  void exemplars(Then<analyzer::PoolExemplars> done) override { give(exemplar_rows, std::move(done)); }
  RunState state() override { return run_state; }

 private:
  template <typename Row>
  void give(const std::vector<Row>& rows, Then<Row> done) {
    if (!later) return done(rows);
    answers_.push_back([rows, done = std::move(done)] { done(rows); });
  }
  std::deque<std::function<void()>> answers_;
};

class FakeOperations final : public pooler::Operations {
 public:
  std::vector<std::string> calls;  // "pause appdb", "set query_timeout=3"
  bool later = false;              // PAUSE, SUSPEND, WAIT_CLOSE and RELOAD wait for complete()
  base::Status outcome = base::Ok{};
  int undone = 0;  // pauses and suspends that were taken back

  void complete(base::Status status);

  Token pause(const std::string& database, Done done) override;
  Token suspend(Done done) override;
  Token wait_close(const std::string& database, Done done) override;
  base::Status resume(const std::string& database) override { return called("resume " + database); }
  base::Status disable(const std::string& database) override { return called("disable " + database); }
  base::Status enable(const std::string& database) override { return called("enable " + database); }
  base::Status reconnect(const std::string& database) override { return called("reconnect " + database); }
  base::Status kill(const std::string& database) override { return called("kill " + database); }
  base::Status kill_client(uint64_t id) override { return called("kill_client " + std::to_string(id)); }
  base::Status shutdown(pooler::ShutdownMode mode) override;
  void reload(Done done) override;
  void reset_queries(Done done) override { done(called("reset_queries")); }
  Token advise_now(Done done) override {
    done(called("advise_now"));
    return nullptr;
  }
  Token apply_advice(const std::string& id, Done done) override {
    done(called("apply_advice " + id));
    return nullptr;
  }
  base::Status dismiss_advice(const std::string& id) override { return called("dismiss_advice " + id); }
  base::Status set(std::string_view key, std::string_view value) override {
    return called("set " + std::string(key) + "=" + std::string(value));
  }

 private:
  struct Pending {
    Done done;
    bool undoable = false;
    bool complete = false;
  };
  Token begin(std::string call, Done done, bool undoable);
  base::Status called(std::string call);
  std::weak_ptr<Pending> pending_;
  Done reload_done_;
};

class FakeOut final : public pooler::ConsoleOut {
 public:
  std::string sent;
  bool closed = false, held = false;
  std::size_t unsent = 0;             // what pending() says
  std::function<void()> on_release;  // shows the input again

  void write(std::string_view bytes) override { queued_ += bytes; }
  void flush() override { sent += std::exchange(queued_, {}); }
  void close() override { closed = true; }
  std::size_t pending() const override { return unsent; }
  void hold_input() override { held = true; }
  void release_input() override {
    held = false;
    if (on_release) on_release();
  }

 private:
  std::string queued_;
};

// Backend messages, one word each, parted by blanks:
//   T(name:text,...) D(a|b|-) C(SHOW) E(ERROR 42501) F for a FATAL, N(NOTICE 00000) Z(I) 1 2 3 n s I t(text)
std::string transcript(std::string_view bytes);

// One console with its fakes, and one client's end of a conversation.
struct World {
  World();
  ~World();

  FakeInspector inspector;
  FakeOperations operations;
  std::vector<ConfigRow> config;
  std::vector<std::string> audit;
  AlertAccess alerts;
  base::TimePoint now{std::chrono::seconds(1000)};

  // What SELECT gives to another thread: done inside of the call, or, while aside_later is set, by run_aside().
  bool aside_later = false, aside_full = false;
  void run_aside();

  Console console;

 private:
  base::Result<base::Ticket> put_aside(std::function<void()> work, std::function<void()> done);
  struct Aside {
    std::function<void()> work, done;
    bool dropped = false;
  };
  std::deque<std::shared_ptr<Aside>> aside_;
};

class Client {
 public:
  explicit Client(World& world, pooler::ConsoleRole role = pooler::ConsoleRole::kAdmin,
                  std::vector<std::pair<std::string, std::string>> parameters = {});

  // Sends bytes as a stream does, and gives the transcript of what came back since the last call.
  std::string send(std::string_view bytes);
  std::string query(std::string_view sql);
  std::string received();  // transcript of what has come since
  void cancel() { session->on_cancel(); }
  std::size_t unread() const { return input_.size(); }

  FakeOut out;
  std::unique_ptr<pooler::ConsoleSession> session;

 private:
  void deliver();
  std::string input_;
  std::size_t read_ = 0;
};

// The messages of the extended protocol.
struct Batch {
  std::string bytes;
  Batch& parse(std::string_view sql, std::string_view name = "", std::vector<uint32_t> types = {});
  Batch& bind(std::vector<std::string_view> values = {}, std::vector<int16_t> results = {},
              std::string_view statement = "", std::string_view portal = "", std::vector<int16_t> formats = {});
  Batch& describe_statement(std::string_view name = "");
  Batch& describe_portal(std::string_view name = "");
  Batch& execute(int32_t max_rows = 0, std::string_view portal = "");
  Batch& close_statement(std::string_view name);
  Batch& close_portal(std::string_view name);
  Batch& flush();
  Batch& sync();
};

std::string query_bytes(std::string_view sql);

}  // namespace admin
