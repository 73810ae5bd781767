#pragma once
// What the configuration says about TLS, and what its words mean. Pure; OpenSSL comes later.

#include <string>
#include <string_view>

#include "base/result.h"
#include "conf/settings.h"

namespace wire {

struct TlsSettings {
  conf::TlsMode mode = conf::TlsMode::kDisable;
  std::string cert_file{}, key_file{};
  std::string ca_file{};   // whom to believe
  std::string crl_file{};  // whom not to believe any more
  std::string protocols = "secure";
  std::string ciphers = "default";  // up to TLS 1.2
  std::string tls13_ciphers{};
  std::string curves = "auto";
  std::string dheparams = "auto";
  bool operator==(const TlsSettings&) const = default;
};

// The settings of the two sides as the configuration has them.
TlsSettings client_tls(const conf::Weir& weir);
TlsSettings server_tls(const conf::Weir& weir);

// Versions in use. Older ones than 1.2 are never.
struct TlsProtocols {
  bool tls12 = false, tls13 = false;
  bool operator==(const TlsProtocols&) const = default;
};
// "secure" and "all" are both; or a list such as "tlsv1.2,tlsv1.3"; "!tlsv1.3" takes one out again.
base::Result<TlsProtocols> tls_protocols(std::string_view text);

// OpenSSL's list for "default", "secure", "fast", "normal" and "all"; anything else is such a list already.
std::string tls_cipher_list(const std::string& setting);

}  // namespace wire
