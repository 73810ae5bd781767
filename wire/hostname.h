#pragma once
// Is a certificate made out to the host that we meant to reach? libpq's rules (PostgreSQL's manual, 34.19.1, and RFC
// 6125 where libpq follows it). Pure: the names come out of the certificate elsewhere.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wire {

struct CertificateNames {
  std::vector<std::string> dns;        // subjectAltName dNSName
  std::vector<std::string> addresses;  // subjectAltName iPAddress: 4 or 16 raw bytes
  std::optional<std::string> common_name;
};

// "*.example.com" stands for exactly one label more. Case does not matter.
bool name_matches(std::string_view pattern, std::string_view host);

// A host name goes by the dNSNames, and by the common name only when there are none; an address goes by the
// iPAddresses, and by the names when there are none. 08001 when nothing matches or a name holds a NUL.
base::Status verify_host(const CertificateNames& names, const std::string& host);

}  // namespace wire
