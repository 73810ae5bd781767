#pragma once
// A PostgreSQL server for one test: made, started and thrown away. Its data lie in a temporary folder, copied from one
// that initdb made for the first test and that stays for all later ones. It runs as an unprivileged user and ends with
// the test program whatever happens to that.

#include <string>
#include <vector>

#include "tests/support/command.h"

namespace support {

class Postgres {
 public:
  // `settings` as in "ssl=on"; `hba` replaces the default rules (trust on the Unix socket, scram-sha-256 on
  // 127.0.0.1).
  explicit Postgres(std::vector<std::string> settings = {}, std::string hba = "");

  // Runs SQL as the superuser "postgres" in database "postgres"; the unadorned output of psql.
  std::string run(const std::string& sql) const;

  void stop();
  void start();

  int port() const { return port_; }
  const std::string& socket_folder() const { return folder_.path(); }
  // Copies a file to where the server may read it, as its own.
  std::string adopt(const std::string& file, const std::string& name) const;
  std::string log() const { return read_file(folder_.file("log")); }

 private:
  TempFolder folder_;
  std::vector<std::string> settings_;
  int port_ = -1;
  Process server_;
};

}  // namespace support
