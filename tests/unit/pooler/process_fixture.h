#pragma once
// A whole process without its main(): two workers on their threads, pools, and a Process on the test's own loop.

#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/offload.h"
#include "conf/load.h"
#include "pooler/auth_query.h"
#include "pooler/process.h"
#include "pooler/throttle.h"
#include "pooler/worker.h"
#include "tests/support/run_loop.h"
#include "tests/unit/pooler/sockets.h"
#include "wire/resolver.h"

namespace pooler {

class ProcessFixture : public testing::Test {
 protected:
  static constexpr std::string_view kConfig = R"(
[weir]
unix_socket_dir = ""
auth_type = "trust"
suspend_timeout = 1
[databases.app]
host = "127.0.0.1"
port = 1
dbname = "real"
pool_size = 7
max_db_connections = 9
[databases.other]
host = "10.0.0.1,10.0.0.2"
pool_mode = "session"
[users.alice]
pool_size = 3
max_user_connections = 4
[peers.2]
host = "10.0.0.9"
port = 7000
)";

  ProcessFixture() {
    auto loaded = conf::load_text(kConfig, "test", conf::FixedSurroundings());
    EXPECT_TRUE(loaded.config) << conf::to_text(loaded.problems);
    config_ = loaded.config;
    pools_ = std::make_unique<Pools>(runtime_, config_, ServerTlsContexts{});
    for (int i = 0; i < 2; ++i) workers_.push_back(std::make_unique<Worker>(i, runtime_, *pools_, config_));
    for (const auto& worker : workers_) {
      runtime_.loops.push_back(&worker->loop());
      runtime_.worker_list.push_back(worker.get());
    }
    process_ = std::make_unique<Process>(
        main_, runtime_, *pools_,
        Process::Hooks{.reload = [this](Operations::Done done) { done(reload_answer_); },
                       .apply =
                           [this](conf::ConfigPtr config) {
                             applied_ = std::move(config);
                             return base::Status(base::Ok{});
                           },
                       .suspend_listening = [this](bool suspended) { listening_suspended_ = suspended; },
                       .stop_listening = [this] { listening_ = false; },
                       .quit = [this] { quit_ = true; }});
    for (const auto& worker : workers_) worker->start();
  }
  ~ProcessFixture() override {
    for (const auto& worker : workers_) worker->stop();
    for (const auto& worker : workers_) worker->join();
    for (const auto& worker : workers_) auth_queries_.stop_worker(worker->index());
  }

  // Calls `ask` with a callback and waits for what it is given.
  template <typename T>
  std::vector<T> rows(void (Process::*ask)(Inspector::Then<T>)) {
    std::optional<std::vector<T>> found;
    ((*process_).*ask)([&found](std::vector<T> all) { found = std::move(all); });
    EXPECT_TRUE(support::run_until(main_, [&] { return found.has_value(); }));
    return found.value_or(std::vector<T>());
  }

  // A client on a worker; the test holds the other end.
  base::Fd connect(int worker) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    base::Fd own(ends[0]);
    const timeval patience{5, 0};
    ::setsockopt(own.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int flag = 1;
    ::ioctl(ends[1], FIONBIO, &flag);
    workers_[static_cast<std::size_t>(worker)]->loop().post(
        [this, worker, fd = ends[1]] { workers_[static_cast<std::size_t>(worker)]->accept(fd, ListenerInfo{}); });
    return own;
  }

  base::EventLoop main_;
  std::vector<std::unique_ptr<Worker>> workers_;
  base::Offload offload_{"test", 1};
  wire::Resolver resolver_{wire::ResolverSettings{}};
  CancelKeys cancel_keys_{0};
  Throttle throttle_{ThrottleLimits{}};
  AuthQueries auth_queries_;
  Runtime runtime_{offload_, offload_, resolver_, cancel_keys_, throttle_, auth_queries_, "secret"};
  conf::ConfigPtr config_, applied_;
  std::unique_ptr<Pools> pools_;
  std::unique_ptr<Process> process_;
  base::Status reload_answer_ = base::Ok{};
  bool listening_ = true, listening_suspended_ = false, quit_ = false;
};

}  // namespace pooler
