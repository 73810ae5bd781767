#include "wire/hostname.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"

namespace wire {
namespace {

// The raw bytes of an address; empty for a name.
std::string address_bytes(const std::string& host) {
  std::string bytes(4, '\0');
  if (inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(16);
  if (inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

base::Status mismatch(const CertificateNames& names, const std::string& host) {
  std::string shown = "unnamed";
  std::size_t others = names.dns.size() + names.addresses.size();
  if (!names.dns.empty()) {
    shown = names.dns.front();
    --others;
  } else if (names.common_name) {
    shown = *names.common_name;
  }
  std::string text = "server certificate for \"" + base::escape_for_log(shown, 200) + "\"";
  if (others > 0) text += " (and " + std::to_string(others) + " other name" + (others > 1 ? "s" : "") + ")";
  return base::cannot_connect(text + " does not match host name \"" + host + "\"");
}

}  // namespace

bool name_matches(std::string_view pattern, std::string_view host) {
  if (host.empty()) return false;
  if (base::equal_ignoring_case(pattern, host)) return true;
  if (!pattern.starts_with("*.") || pattern.size() < 3) return false;
  const std::size_t dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  return base::equal_ignoring_case(pattern.substr(1), host.substr(dot));
}

base::Status verify_host(const CertificateNames& names, const std::string& host) {
  // A NUL would let one authority's name pass for another's (CVE-2009-4034).
  const auto has_nul = [](const std::string& name) { return name.find('\0') != std::string::npos; };
  if (std::any_of(names.dns.begin(), names.dns.end(), has_nul) || (names.common_name && has_nul(*names.common_name)))
    return base::cannot_connect("the server's certificate contains a name with an embedded null");

  const std::string address = address_bytes(host);
  const auto matches = [&](const std::string& name) {
    return address.empty() ? name_matches(name, host) : base::equal_ignoring_case(name, host);
  };
  if (std::any_of(names.dns.begin(), names.dns.end(), matches)) return base::Ok{};
  if (!address.empty() &&
      std::find(names.addresses.begin(), names.addresses.end(), address) != names.addresses.end())
    return base::Ok{};
  const bool name_counts = address.empty() ? names.dns.empty() : names.addresses.empty();
  if (name_counts && names.common_name && matches(*names.common_name)) return base::Ok{};
  return mismatch(names, host);
}

}  // namespace wire
