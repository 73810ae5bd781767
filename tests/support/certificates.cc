#include "tests/support/certificates.h"

#include <stdexcept>

namespace support {

Authority::Authority(const std::string& name) {
  openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
           "/CN=" + name, "-keyout", folder_.file("ca.key"), "-out", ca()});
}

void Authority::issue(const std::string& name, const std::string& subject, const std::string& alternatives) {
  openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout",
           key(name), "-out", folder_.file(name + ".csr")});
  std::vector<std::string> sign = {"x509", "-req", "-in", folder_.file(name + ".csr"), "-CA", ca(), "-CAkey",
                                   folder_.file("ca.key"), "-CAcreateserial", "-days", "2", "-sha256", "-out",
                                   cert(name)};
  if (!alternatives.empty()) {
    write_file(folder_.file(name + ".ext"), "subjectAltName=" + alternatives + "\n");
    sign.insert(sign.end(), {"-extfile", folder_.file(name + ".ext")});
  }
  openssl(std::move(sign));
}

void Authority::revoke(const std::vector<std::string>& names) {
  const std::string config = folder_.file("ca.cnf");
  write_file(config, "[ca]\ndefault_ca=weir\n[weir]\ndatabase=" + folder_.file("index.txt") +
                         "\ncrlnumber=" + folder_.file("crlnumber") +
                         "\ndefault_md=sha256\ndefault_crl_days=2\n");
  write_file(folder_.file("index.txt"), "");
  write_file(folder_.file("crlnumber"), "01\n");
  const std::vector<std::string> ca_program = {"ca",    "-config", config,     "-cert", ca(), "-keyfile",
                                               folder_.file("ca.key")};
  for (const std::string& name : names) {
    auto arguments = ca_program;
    arguments.insert(arguments.end(), {"-revoke", cert(name)});
    openssl(std::move(arguments));
  }
  auto arguments = ca_program;
  arguments.insert(arguments.end(), {"-gencrl", "-out", crl()});
  openssl(std::move(arguments));
}

void Authority::openssl(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "openssl");
  const auto result = run_command(arguments);
  if (result.status != 0) throw std::runtime_error("openssl " + arguments[1] + ": " + result.output);
}

}  // namespace support
