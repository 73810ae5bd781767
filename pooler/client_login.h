#pragma once
// ClientLogin: the phase before the first query, on our side: PROXY header, request for TLS, startup packet, who may
// log in how (HBA or auth_type), the exchange of secrets, and what slows attackers down.
//
// An unknown user cannot be told from a wrong password: the exchange is run with a made-up secret, and the answer is
// the same, after the same delay. Whether a database exists is said only to those who have logged in. Lives on the
// session's loop; destroying it drops everything that is under way.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/ticket.h"
#include "conf/config.h"
#include "pooler/console.h"
#include "pooler/params.h"
#include "wire/client_auth.h"
#include "wire/socket_stream.h"
#include "wire/startup.h"

namespace pooler {

class Pool;
using PoolPtr = std::shared_ptr<Pool>;
class Worker;

// Where a connection came in.
struct ListenerInfo {
  bool unix_socket = false;
  std::string local_address;
  int local_port = 0;
};

struct LoginResult {
  std::string user, database;
  wire::ProtocolVersion version;
  std::string preface;          // NegotiateProtocolVersion, SASLFinal: goes out before AuthenticationOk
  ParamList startup;            // normalized settings of the startup packet, `options` included
  wire::Replication replication = wire::Replication::kNone;
  std::optional<ConsoleRole> console;  // the admin console was asked for, and granted
  wire::LearnedSecrets learned;
};

// The SQLSTATE of an end without a word: a cancel request, or a handshake that broke off.
inline constexpr std::string_view kNothingToSay = "00000";

class ClientLogin {
 public:
  using Done = std::function<void(base::Result<LoginResult>)>;

  virtual ~ClientLogin() = default;
  // As wire::StreamHandler::on_data.
  virtual std::size_t on_data(std::string_view bytes) = 0;
  // Whom a login line in the log is about; set as far as it is known.
  virtual std::string_view user() const = 0;
  virtual std::string_view database() const = 0;
  // The client's address, the one a PROXY header gave where that is trusted.
  virtual const std::string& address() const = 0;
  virtual int port() const = 0;

  // `stream` and `worker` outlive the login. `done` is called once, from the loop.
  static std::unique_ptr<ClientLogin> start(Worker& worker, wire::SocketStream& stream, const ListenerInfo& listener,
                                            Done done);
};

}  // namespace pooler
