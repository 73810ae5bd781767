#include "wire/tls_settings.h"

#include <algorithm>

#include "base/text.h"

namespace wire {

TlsSettings client_tls(const conf::Weir& weir) {
  return {.mode = conf::client_tls_mode(weir),
          .cert_file = weir.client_tls_cert_file,
          .key_file = weir.client_tls_key_file,
          .ca_file = weir.client_tls_ca_file,
          .protocols = weir.client_tls_protocols,
          .ciphers = weir.client_tls_ciphers,
          .tls13_ciphers = weir.client_tls13_ciphers,
          .curves = weir.client_tls_ecdhcurve,
          .dheparams = weir.client_tls_dheparams};
}

TlsSettings server_tls(const conf::Weir& weir) {
  return {.mode = weir.server_tls_sslmode,
          .cert_file = weir.server_tls_cert_file,
          .key_file = weir.server_tls_key_file,
          .ca_file = weir.server_tls_ca_file,
          .protocols = weir.server_tls_protocols,
          .ciphers = weir.server_tls_ciphers,
          .tls13_ciphers = weir.server_tls13_ciphers};
}

base::Result<TlsProtocols> tls_protocols(std::string_view text) {
  TlsProtocols chosen;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(",:"), rest.size());
    std::string word = base::to_lower(base::trim(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool wanted = !word.starts_with('!');
    if (!wanted) word.erase(0, 1);
    if (word == "secure" || word == "all" || word == "legacy") {
      chosen.tls12 = chosen.tls13 = wanted;
    } else if (word == "tlsv1.2") {
      chosen.tls12 = wanted;
    } else if (word == "tlsv1.3") {
      chosen.tls13 = wanted;
    } else if (!wanted || word.empty()) {
      continue;  // older ones are never in
    } else {
      return base::config_file_error("unknown or too old TLS protocol \"" + word +
                                     "\": secure, tlsv1.2 or tlsv1.3 are expected");
    }
  }
  if (!chosen.tls12 && !chosen.tls13)
    return base::config_file_error("no TLS protocol is left of \"" + std::string(text) + "\"");
  return chosen;
}

std::string tls_cipher_list(const std::string& setting) {
  if (setting == "all") return "ALL:!aNULL:!eNULL";
  if (setting.empty() || setting == "default" || setting == "secure" || setting == "fast" || setting == "normal")
    return "HIGH:!aNULL:!eNULL";
  return setting;
}

}  // namespace wire
