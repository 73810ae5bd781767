#pragma once
// The untyped first packets of a connection: startup, requests for encryption, cancel. Pure: bytes in, values
// out. Rules and texts are those of PostgreSQL's ProcessStartupPacket.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "wire/types.h"

namespace wire {

// PostgreSQL's MAX_STARTUP_PACKET_LENGTH; the four bytes of the length come on top.
inline constexpr std::size_t kMaxStartupPacket = 10000;
inline constexpr uint32_t kCancelRequestCode = (1234u << 16) | 5678;
inline constexpr uint32_t kSslRequestCode = (1234u << 16) | 5679;
inline constexpr uint32_t kGssencRequestCode = (1234u << 16) | 5680;

struct NeedMore {};
struct SslRequest {};
struct GssencRequest {};
struct CancelRequest {
  CancelKey key;
};
struct StartupMessage {
  ProtocolVersion version;
  // In the order of the packet, `user` and `database` among them; a name may come twice, the last one counts.
  std::vector<std::pair<std::string, std::string>> parameters;

  // The last value of that name.
  std::optional<std::string_view> find(std::string_view name) const;
};

struct FirstPacket {
  std::variant<NeedMore, SslRequest, GssencRequest, CancelRequest, StartupMessage> packet;
  std::size_t consumed = 0;  // 0 while more is needed
};

// What this connection asked for already: PostgreSQL takes one request of each kind.
struct AskedBefore {
  bool ssl = false;
  bool gssenc = false;
};

// Reads the first packet in `bytes`. Every error is fatal for the connection. A packet's length is judged as
// soon as its four bytes are there.
base::Result<FirstPacket> parse_startup(std::string_view bytes, AskedBefore asked = {});

// A TLS record with a handshake: a client that starts with TLS and no SSLRequest.
inline bool is_tls_hello(std::string_view bytes) { return !bytes.empty() && bytes.front() == '\x16'; }

// What we speak with this client. `reply` is a NegotiateProtocolVersion, or empty if the client asked for
// nothing that we do not have; it goes out before the first Authentication message.
struct Negotiated {
  ProtocolVersion version;
  std::string reply;
};
Negotiated negotiate(const StartupMessage& startup);

// The role to log in as: 28000 without one.
base::Result<std::string> startup_user(const StartupMessage& startup);

// The startup parameter `replication`.
enum class Replication : uint8_t { kNone, kPhysical, kLogical };
base::Result<Replication> parse_replication(std::string_view value);

}  // namespace wire
