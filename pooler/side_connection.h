#pragma once
// SideConnection: a connection to PostgreSQL for a pool's own purposes, beside those that it lends: to listen, and to
// read the catalogue.
//
// It logs in exactly as the pool's servers do (hosts, TLS, secrets, the keys of a client's SCRAM login, connect_query,
// target_session_attrs), so it works wherever they work; libpq could not use such keys. It counts for no budget: there
// is at most a handful per pool. One statement runs at a time; answers are text. Its search_path is empty and no
// timeout of the server's ends it while it is idle.
//
// Lives on one loop. It is of no use any more once it is lost. May be deleted only through EventLoop::defer_delete,
// after close().

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "pooler/pool_settings.h"
#include "pooler/server.h"
#include "wire/pg_client.h"
#include "wire/socket_stream.h"

namespace pooler {

class ServerLogin;
struct Runtime;

// Whom it tells. None of these is called from inside a call of the connection.
class SideHandler {
 public:
  virtual ~SideHandler() = default;
  // Ready for statements.
  virtual void on_connected() = 0;
  // `frame` is the whole NotificationResponse. Both valid for the call.
  virtual void on_notification(std::string_view channel, std::string_view frame) = 0;
  // The end of what one read brought.
  virtual void on_read_end() = 0;
  // Could not connect, or lost; nothing follows, and a statement that runs gets no other answer.
  virtual void on_lost(const base::Error& error) = 0;
};

class SideConnection final : public base::Deferred, private wire::StreamHandler {
 public:
  // A larger message is not for us.
  static constexpr std::size_t kMessageMax = 16 * 1024 * 1024;
  // Until it is ready, over all hosts.
  static constexpr base::Duration kConnectTimeout = std::chrono::seconds(15);

  struct Options {
    std::string application_name;
    std::string client_encoding{};  // empty: as the servers of the pool have it
    base::Duration statement_timeout = std::chrono::seconds(10);
    // Of one statement's rows; above that the connection is lost, because the rest need not be read.
    std::size_t result_bytes_max = kMessageMax;
  };
  using Done = std::function<void(base::Result<wire::PgRows>)>;

  SideConnection(Runtime& runtime, base::EventLoop& loop, PoolSettingsPtr settings, ServerCredentials credentials,
                 Options options, SideHandler& handler);
  ~SideConnection() override;
  SideConnection(const SideConnection&) = delete;
  SideConnection& operator=(const SideConnection&) = delete;

  // Runs a text of one or more statements. Only when ready(). `done` gets all rows, or the first error; the connection
  // goes on then. Without an answer in time it is lost.
  void query(std::string_view sql, Done done);
  bool ready() const { return state_ == State::kReady; }
  // Says goodbye. No callback follows.
  void close();

  int remote_pid() const { return remote_pid_; }
  const PoolSettings& made_with() const { return *settings_; }

 private:
  enum class State : uint8_t { kConnecting, kSettingUp, kReady, kRunning, kClosed };

  // wire::StreamHandler
  std::size_t on_data(std::string_view bytes) override;
  void on_drained() override {}
  void on_closed(const base::Error& error) override;

  void on_login(base::Result<ServerConnection> result);
  void on_setup(const base::Result<wire::PgRows>& rows);
  void on_message(char type, std::string_view body, std::string_view frame);
  void on_row(std::string_view body);
  void on_ready();
  void send(std::string_view sql, Done done);
  void lose(const base::Error& error);

  Runtime& runtime_;
  base::EventLoop& loop_;
  const PoolSettingsPtr settings_;
  const Options options_;
  SideHandler& handler_;
  State state_ = State::kConnecting;
  std::unique_ptr<ServerLogin> login_;
  std::unique_ptr<wire::SocketStream> stream_;
  base::Timer deadline_;  // of the login, then of each statement
  int remote_pid_ = 0;
  Done done_;                         // of the statement that runs
  wire::PgRows rows_;                 // the same
  std::optional<base::Error> error_;  // the same; between statements the server's last words
  std::size_t result_bytes_ = 0;
};

}  // namespace pooler
