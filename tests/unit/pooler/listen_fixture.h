#pragma once
// Pools of a real PostgreSQL, and two workers' loops: the test's own and one on a thread.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/offload.h"
#include "base/text.h"
#include "conf/load.h"
#include "pooler/auth_query.h"
#include "pooler/listen_hub.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"
#include "pooler/throttle.h"
#include "tests/support/postgres.h"
#include "tests/support/run_loop.h"
#include "wire/codec.h"
#include "wire/frame.h"
#include "wire/pg_client.h"
#include "wire/resolver.h"

namespace pooler {

// "channel payload" of a notification.
inline std::string in_words(const NotificationPtr& notification) {
  if (!notification) return "nothing";
  const auto header = wire::peek_frame(notification->encoded);
  if (!header || header->type != 'A' || header->size != notification->encoded.size()) return "no notification";
  wire::Reader reader(std::string_view(notification->encoded).substr(wire::kHeaderSize));
  if (reader.u32() == 0) return "no pid";
  const std::string channel(reader.cstring());
  const std::string payload(reader.cstring());
  if (!reader.finish().ok() || channel != notification->channel) return "garbled";
  return channel + " " + payload;
}

// A client that listens.
struct Listener final : ListenSubscriber {
  std::unique_ptr<Subscription> subscription;
  int told = 0;
  std::optional<base::Error> overflowed;
  bool takes = true;
  std::vector<std::string> heard;

  void on_notifications() override {
    ++told;
    while (takes && subscription->waiting()) heard.push_back(in_words(subscription->take()));
  }
  void on_overflow(const base::Error& error) override {
    EXPECT_FALSE(overflowed) << "told twice";
    overflowed = error;
  }
};

class ListenFixture : public testing::Test {
 protected:
  // One server serves all tests, in a moment, unless they want their own.
  enum class Server { kShared, kOwn };

  explicit ListenFixture(int home = 0, Server server = Server::kShared)
      : home_(home),
        own_(server == Server::kOwn ? std::make_unique<support::Postgres>() : nullptr),
        postgres_(own_ ? *own_ : shared_postgres()) {
    runtime_.loops = {&loop_, &other_};
    runtime_.worker_list = {nullptr, nullptr};
    config_ = conf::load_text("[databases.app]\nhost = \"127.0.0.1\"\n", "test", conf::FixedSurroundings()).config;
    thread_ = std::thread([this] { other_.run(); });
    // What an earlier test left has to be gone before it can be counted.
    EXPECT_TRUE(wait([this] { return listening_backends() == "0"; }));
  }
  ~ListenFixture() override {
    support::run_for(loop_, std::chrono::milliseconds(1));
    other_.stop();
    thread_.join();
  }

  static support::Postgres& shared_postgres() {
    static support::Postgres shared;
    return shared;
  }

  PoolSettings settings(const std::string& dbname) const {
    PoolSettings made;
    made.target.hosts = {{postgres_.socket_folder(), postgres_.port()}};
    made.target.dbname = dbname;
    made.target.user = "postgres";
    made.target.tls_mode = conf::TlsMode::kDisable;
    made.connect_timeout = std::chrono::seconds(5);
    made.config = config_;
    return made;
  }
  // A pool whose listening connection will live on the worker that was asked for.
  std::shared_ptr<Pool> pool(const std::string& dbname = "postgres") {
    for (int i = 0;; ++i) {
      const std::string name = dbname + std::to_string(i);
      if (std::hash<std::string>()(name + '\0' + "alice") % 2 != static_cast<std::size_t>(home_)) continue;
      auto made = std::make_shared<Pool>(runtime_, name, "alice");
      made->configure(settings(dbname));
      pools_.push_back(made);
      return made;
    }
  }

  void subscribe(Listener& listener, const std::shared_ptr<Pool>& pool, const std::string& encoding = "UTF8") {
    listener.subscription = hubs_.subscribe(pool, 0, encoding, listener);
  }
  // "ok" or the SQLSTATE.
  std::string listen(Listener& listener, std::vector<std::string> channels) {
    std::optional<base::Status> answer;
    listener.subscription->listen(std::move(channels), [&](base::Status status) {
      EXPECT_TRUE(loop_.in_loop_thread());
      EXPECT_FALSE(answer) << "answered twice";
      answer = std::move(status);
    });
    EXPECT_FALSE(answer) << "answered inside the call";
    EXPECT_TRUE(support::run_until(loop_, [&] { return answer.has_value(); }, std::chrono::seconds(20)));
    if (!answer) return "no answer";
    return answer->ok() ? "ok" : answer->error().sqlstate;
  }
  void sync(Listener& listener) {
    bool synced = false;
    listener.subscription->sync([&] { synced = true; });
    EXPECT_FALSE(synced);
    EXPECT_TRUE(support::run_until(loop_, [&] { return synced; }));
  }
  // By a connection of its own that stays.
  void notify(const std::string& sql, const std::string& dbname = "postgres") {
    auto& client = clients_[dbname];
    if (!client)
      client = std::make_unique<wire::PgClient>(
          loop_, resolver_,
          wire::PgClientSettings{
              .hosts = {{postgres_.socket_folder(), postgres_.port()}}, .dbname = dbname, .user = "postgres",
              .options = "-c search_path=public"});
    std::optional<base::Result<wire::PgRows>> answer;
    const auto ticket = client->query(sql, {}, std::chrono::seconds(20),
                                      [&](base::Result<wire::PgRows> rows) { answer = std::move(rows); });
    ASSERT_TRUE(support::run_until(loop_, [&] { return answer.has_value(); }, std::chrono::seconds(20)));
    ASSERT_TRUE(answer->ok()) << to_text(answer->error());
  }
  bool wait(const std::function<bool()>& so, base::Duration limit = std::chrono::seconds(15)) {
    return support::run_until(loop_, so, limit);
  }
  ListenRow row() {
    const auto rows = hubs_.rows();
    EXPECT_EQ(rows.size(), 1u);
    return rows.empty() ? ListenRow{} : rows.front();
  }
  // What SQL says, asked from outside.
  std::string look(const std::string& sql) const { return std::string(base::trim(postgres_.run(sql))); }
  std::string listening_backends() const {
    return look("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'weir listen'");
  }

  const int home_;
  const std::unique_ptr<support::Postgres> own_;
  support::Postgres& postgres_;
  base::EventLoop loop_, other_;
  std::thread thread_;
  conf::ConfigPtr config_;
  base::Offload offload_{"test", 1};
  wire::Resolver resolver_{wire::ResolverSettings{}};
  CancelKeys cancel_keys_{0};
  Throttle throttle_{ThrottleLimits{}};
  AuthQueries auth_queries_;
  Runtime runtime_{offload_, offload_, resolver_, cancel_keys_, throttle_, auth_queries_, "secret"};
  std::map<std::string, std::unique_ptr<wire::PgClient>> clients_;
  std::vector<std::shared_ptr<Pool>> pools_;
  ListenHubs hubs_{runtime_};
};

}  // namespace pooler
