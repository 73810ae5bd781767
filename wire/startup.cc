#include "wire/startup.h"

#include <array>

#include "base/text.h"
#include "wire/build.h"
#include "wire/codec.h"

namespace wire {
namespace {

constexpr std::size_t kLengthSize = 4, kCodeSize = 4;

base::Error unsupported_protocol(ProtocolVersion asked) {
  return base::feature_not_supported("unsupported frontend protocol " + std::to_string(asked.major) + "." +
                                     std::to_string(asked.minor) + ": server supports 3.0 to " +
                                     std::to_string(kNewestProtocol.major) + "." +
                                     std::to_string(kNewestProtocol.minor));
}

base::Error invalid_length() { return base::protocol_violation("invalid length of startup packet"); }

base::Result<CancelRequest> parse_cancel(Reader reader) {
  const uint32_t pid = reader.u32();
  const std::string_view secret = reader.rest();
  if (!reader.ok() || secret.size() < CancelKey::kMinSecret || secret.size() > CancelKey::kMaxSecret) {
    return base::protocol_violation("invalid length of cancel request packet");
  }
  return CancelRequest{CancelKey(pid, secret)};
}

base::Result<StartupMessage> parse_parameters(ProtocolVersion version, Reader reader) {
  StartupMessage startup{version, {}};
  while (true) {
    const std::string_view name = reader.cstring();
    if (name.empty()) break;
    const std::string_view value = reader.cstring();
    if (!reader.ok()) break;
    startup.parameters.emplace_back(name, value);
  }
  if (!reader.finish().ok()) {
    return base::protocol_violation("invalid startup packet layout: expected terminator as last byte");
  }
  return startup;
}

// PostgreSQL's parse_bool: any case, and any beginning that is not also the beginning of another word.
std::optional<bool> parse_bool(std::string_view value) {
  struct Word {
    std::string_view text;
    std::size_t shortest;
    bool value;
  };
  static constexpr std::array<Word, 8> kWords{{{"true", 1, true},
                                               {"false", 1, false},
                                               {"yes", 1, true},
                                               {"no", 1, false},
                                               {"on", 2, true},
                                               {"off", 2, false},
                                               {"1", 1, true},
                                               {"0", 1, false}}};
  const std::string lowered = base::to_lower(value);
  for (const Word& word : kWords) {
    if (lowered.size() >= word.shortest && word.text.starts_with(lowered)) return word.value;
  }
  return std::nullopt;
}

}  // namespace

base::Result<FirstPacket> parse_startup(std::string_view bytes, AskedBefore asked) {
  if (bytes.size() < kLengthSize) return FirstPacket{};
  const std::size_t length = Reader(bytes.substr(0, kLengthSize)).u32();
  if (length < kLengthSize + kCodeSize || length - kLengthSize > kMaxStartupPacket) return invalid_length();
  if (bytes.size() < length) return FirstPacket{};

  Reader reader(bytes.substr(kLengthSize, length - kLengthSize));
  const uint32_t code = reader.u32();
  const bool bare = reader.remaining() == 0;
  if (code == kCancelRequestCode) {
    TRY(auto cancel, parse_cancel(reader));
    return FirstPacket{std::move(cancel), length};
  }
  if (code == kSslRequestCode && !asked.ssl)
    return bare ? base::Result(FirstPacket{SslRequest{}, length}) : invalid_length();
  if (code == kGssencRequestCode && !asked.gssenc) {
    return bare ? base::Result(FirstPacket{GssencRequest{}, length}) : invalid_length();
  }
  const ProtocolVersion version = ProtocolVersion::from_number(code);
  if (version.major != kNewestProtocol.major) return unsupported_protocol(version);
  TRY(auto startup, parse_parameters(version, reader));
  return FirstPacket{std::move(startup), length};
}

std::optional<std::string_view> StartupMessage::find(std::string_view name) const {
  std::optional<std::string_view> found;
  for (const auto& [key, value] : parameters) {
    if (key == name) found = value;
  }
  return found;
}

Negotiated negotiate(const StartupMessage& startup) {
  // 3.1 was never a protocol: who asks for it speaks 3.0.
  const ProtocolVersion version = startup.version >= kProtocol32 ? kNewestProtocol : kProtocol30;
  std::vector<std::string_view> unknown;
  for (const auto& [name, value] : startup.parameters) {
    if (name.starts_with("_pq_.")) unknown.push_back(name);
  }
  Negotiated negotiated{version, {}};
  if (startup.version > kNewestProtocol || !unknown.empty()) {
    append_negotiate_protocol_version(negotiated.reply, version, unknown);
  }
  return negotiated;
}

base::Result<std::string> startup_user(const StartupMessage& startup) {
  const auto user = startup.find("user");
  if (!user || user->empty()) {
    return base::invalid_authorization("no PostgreSQL user name specified in startup packet");
  }
  return std::string(*user);
}

base::Result<Replication> parse_replication(std::string_view value) {
  if (value == "database") return Replication::kLogical;
  const auto physical = parse_bool(value);
  if (!physical) {
    return base::with_hint(base::invalid_parameter("invalid value for parameter \"replication\": \"" +
                                                   std::string(value) + "\""),
                           "Valid values are: \"false\", 0, \"true\", 1, \"database\".");
  }
  return *physical ? Replication::kPhysical : Replication::kNone;
}

}  // namespace wire
