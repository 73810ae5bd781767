#pragma once
// Certificates for tests, made by the openssl program in a temporary folder.

#include <string>
#include <vector>

#include "tests/support/command.h"

namespace support {

// An authority and what it signs. Files: ca.crt, NAME.crt, NAME.key, ca.crl.
class Authority {
 public:
  explicit Authority(const std::string& name);

  // `subject` as in "/O=Weir/CN=alice"; `alternatives` as in "DNS:localhost,IP:127.0.0.1", may be empty.
  void issue(const std::string& name, const std::string& subject, const std::string& alternatives = "");
  // Writes ca.crl with these revoked.
  void revoke(const std::vector<std::string>& names);

  std::string ca() const { return folder_.file("ca.crt"); }
  std::string crl() const { return folder_.file("ca.crl"); }
  std::string cert(const std::string& name) const { return folder_.file(name + ".crt"); }
  std::string key(const std::string& name) const { return folder_.file(name + ".key"); }

 private:
  void openssl(std::vector<std::string> arguments) const;

  TempFolder folder_;
};

}  // namespace support
