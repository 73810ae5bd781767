#pragma once
// A server that speaks just enough of PostgreSQL's protocol to be asked by us: it lets everybody in, remembers what it
// was told, and answers each statement with what the test says. Threads and blocking sockets; loopback.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace test {

struct Answer {
  std::vector<std::string> columns{"usename", "passwd"};
  std::vector<std::vector<std::optional<std::string>>> rows;
  std::string error_code;  // then an ErrorResponse instead of rows
  std::string error_text;
};

class FakePostgres {
 public:
  using Script = std::function<Answer(const std::string& parameter)>;

  explicit FakePostgres(Script script, int port = 0);
  ~FakePostgres();
  int port() const { return port_; }

  struct Seen {
    std::vector<std::map<std::string, std::string>> startups;
    std::vector<std::string> statements;  // texts of Parse and Query
    std::vector<std::string> parameters;  // the first one of each Bind
  };
  Seen seen();
  void forget();

  // From now on simple queries are answered too, as statements are.
  void answer_queries();
  // While held, statements are taken but not answered.
  void hold();
  void let_go();
  // Waits until so many statements were taken.
  bool wait_for_statements(std::size_t count);
  void close_connections();

 private:
  void accept_all();
  void serve(int fd);

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  Seen seen_;          // guarded by mutex_
  bool held_ = false;  // guarded by mutex_
  bool answers_queries_ = false;  // guarded by mutex_
  bool ending_ = false;
  std::set<int> open_;  // guarded by mutex_
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace test
