// The rows of SHOW, as Process gathers them.
#include <algorithm>

#include "pooler/listen_hub.h"
#include "tests/unit/pooler/process_fixture.h"

namespace pooler {
namespace {

class ProcessViewsTest : public ProcessFixture {};

template <typename Row, typename Value>
const Row* find(const std::vector<Row>& rows, Value Row::*member, const std::string& value) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.*member == value; });
  return found == rows.end() ? nullptr : &*found;
}

TEST_F(ProcessViewsTest, DatabasesShowWhatIsInForce) {
  const auto all = rows(&Process::databases);
  ASSERT_EQ(all.size(), 2U);
  const DatabaseRow* app = find(all, &DatabaseRow::name, "app");
  ASSERT_NE(app, nullptr);
  EXPECT_EQ(app->host, "127.0.0.1");
  EXPECT_EQ(app->port, 1);
  EXPECT_EQ(app->database, "real");
  EXPECT_EQ(app->pool_size, 7);
  EXPECT_EQ(app->max_connections, 9);
  EXPECT_FALSE(app->pool_mode);
  EXPECT_FALSE(app->paused);
  const DatabaseRow* other = find(all, &DatabaseRow::name, "other");
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->host, "10.0.0.1,10.0.0.2");
  EXPECT_EQ(other->pool_mode, "session");
  EXPECT_EQ(other->database, "other");
}

TEST_F(ProcessViewsTest, DatabasesShowClientsAndStates) {
  auto pool = pools_->find_or_make("app", "alice");
  ASSERT_TRUE(pools_->admit(**pool).ok());
  pools_->pause("app");
  pools_->disable("app", true);
  const auto all = rows(&Process::databases);
  const DatabaseRow* app = find(all, &DatabaseRow::name, "app");
  EXPECT_EQ(app->current_client_connections, 1);
  EXPECT_TRUE(app->paused);
  EXPECT_TRUE(app->disabled);
  pools_->dismiss(**pool);
}

TEST_F(ProcessViewsTest, UsersAreThoseConfiguredAndThoseSeen) {
  ASSERT_TRUE(pools_->find_or_make("app", "bob").ok());
  const auto all = rows(&Process::users);
  ASSERT_EQ(all.size(), 2U);
  const UserRow* alice = find(all, &UserRow::name, "alice");
  ASSERT_NE(alice, nullptr);
  EXPECT_EQ(alice->pool_size, 3);
  EXPECT_EQ(alice->max_user_connections, 4);
  EXPECT_NE(find(all, &UserRow::name, "bob"), nullptr);
}

TEST_F(ProcessViewsTest, PoolsShowTheirMode) {
  ASSERT_TRUE(pools_->find_or_make("app", "alice").ok());
  ASSERT_TRUE(pools_->find_or_make("other", "alice").ok());
  const auto all = rows(&Process::pools);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(find(all, &PoolRow::database, "app")->pool_mode, "transaction");
  EXPECT_EQ(find(all, &PoolRow::database, "app")->load_balance_hosts, "");
  EXPECT_EQ(find(all, &PoolRow::database, "other")->pool_mode, "session");
  EXPECT_EQ(find(all, &PoolRow::database, "other")->load_balance_hosts, "round-robin");
}

TEST_F(ProcessViewsTest, ClientsOfEveryWorkerAreShown) {
  const base::Fd first = connect(0), second = connect(1), third = connect(1);
  ASSERT_TRUE(support::run_until(main_, [&] { return runtime_.next_id.load() == 4; }));
  const auto all = rows(&Process::clients);
  ASSERT_EQ(all.size(), 3U);
  for (const SocketRow& row : all) {
    EXPECT_EQ(row.type, 'C');
    EXPECT_EQ(row.state, "login");
  }
}

TEST_F(ProcessViewsTest, ListsCountWhatThereIs) {
  const base::Fd client = connect(0);
  ASSERT_TRUE(support::run_until(main_, [&] { return runtime_.next_id.load() == 2; }));
  ASSERT_TRUE(pools_->find_or_make("app", "bob").ok());
  const auto all = rows(&Process::lists);
  const auto items = [&all](const std::string& name) { return find(all, &ListRow::list, name)->items; };
  EXPECT_EQ(items("databases"), 2);
  EXPECT_EQ(items("users"), 2);
  EXPECT_EQ(items("pools"), 1);
  EXPECT_EQ(items("peers"), 1);
  EXPECT_EQ(items("login_clients"), 1);
  EXPECT_EQ(items("used_clients"), 0);
  EXPECT_EQ(items("used_servers"), 0);
}

TEST_F(ProcessViewsTest, MemoryAddsUp) {
  const base::Fd client = connect(0);
  ASSERT_TRUE(support::run_until(main_, [&] { return runtime_.next_id.load() == 2; }));
  const auto all = rows(&Process::mem);
  const MemRow* clients = find(all, &MemRow::name, "client");
  ASSERT_NE(clients, nullptr);
  EXPECT_EQ(clients->used, 1);
  for (const MemRow& row : all) EXPECT_EQ(row.memtotal, row.size * (row.used + row.free)) << row.name;
#if !defined(WEIR_SANITIZE_ADDRESS) && !defined(WEIR_SANITIZE_THREAD)  // their allocators tell mallinfo2 nothing
  EXPECT_GT(find(all, &MemRow::name, "heap")->used, 0);
#endif
}

TEST_F(ProcessViewsTest, PeersAreThoseConfigured) {
  const auto all = rows(&Process::peers);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].peer_id, 2);
  EXPECT_EQ(all[0].host, "10.0.0.9");
  EXPECT_EQ(all[0].port, 7000);
  ASSERT_EQ(rows(&Process::peer_pools).size(), 1U);
}

TEST_F(ProcessViewsTest, PinsAreCountedForTheWholeProcess) {
  EXPECT_TRUE(rows(&Process::pin_counts).empty());
  const PinBook::Stay stay = runtime_.pins.begin("app", "alice", "LOAD", 7, "LOAD ?");
  const auto all = rows(&Process::pin_counts);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].pinned, 1);
}

TEST_F(ProcessViewsTest, TheStatementCacheIsSummedUpOverWorkers) {
  std::atomic<int> asked{0};
  for (const auto& worker : workers_)
    worker->loop().post([&worker, &asked] {
      worker->statements().get("SELECT 1", true);
      worker->statements().get("SELECT 2", true);
      worker->statements().get("SELECT (", true);
      ++asked;
    });
  ASSERT_TRUE(support::run_until(main_, [&] { return asked == 2; }));
  const auto all = rows(&Process::statement_cache);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].text_hits + all[0].skeleton_hits + all[0].shared_hits + all[0].parses, 6U);
  EXPECT_GE(all[0].skeleton_hits, 2U);
  EXPECT_GE(all[0].parse_errors, 1U);
}

TEST_F(ProcessViewsTest, NobodyListensWhereNobodyCan) { EXPECT_TRUE(rows(&Process::listeners).empty()); }

TEST_F(ProcessViewsTest, ListenersAreTheHubs) {
  ListenHubs hubs(runtime_);
  runtime_.listen_hubs = &hubs;
  EXPECT_TRUE(rows(&Process::listeners).empty());
  runtime_.listen_hubs = nullptr;
}

TEST_F(ProcessViewsTest, StatsAreByDatabase) {
  auto first = pools_->find_or_make("app", "alice"), second = pools_->find_or_make("app", "bob");
  (*first)->stats(0).queries.add(2);
  (*first)->stats(1).queries.add(3);
  (*second)->stats(0).queries.add(4);
  const auto all = rows(&Process::stats);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].database, "app");
  EXPECT_EQ(all[0].total.query_count, 9U);
}


TEST_F(ProcessViewsTest, NamesThatWereLookedUpAreShown) {
  EXPECT_TRUE(rows(&Process::dns_hosts).empty());
  base::Ticket ticket;
  std::atomic<bool> known{false};
  workers_[0]->loop().post([&] {
    ticket = resolver_.resolve("localhost", workers_[0]->loop(), [&](const auto&) { known = true; });
  });
  ASSERT_TRUE(support::run_until(main_, [&] { return known.load(); }));
  const auto all = rows(&Process::dns_hosts);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].hostname, "localhost");
  EXPECT_NE(all[0].addrs.find("127.0.0.1"), std::string::npos);
}

}  // namespace
}  // namespace pooler
