#pragma once
// A directory of its own for LDAP tests: Debian's slapd on a free port of the loopback, not as root, its files in a
// temporary folder; gone with the object. Also temporary folders and running programs, for the tests beside it.

#include <sys/types.h>

#include <string>
#include <vector>

namespace test {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return path_ + "/" + name; }
  // Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& text, unsigned mode = 0644) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Starts a program; 0 when it could not. As nobody where we are root.
pid_t start_program(const std::vector<std::string>& words, const std::string& output_file);
// Runs it to its end; its exit code.
int run_program(const std::vector<std::string>& words, const std::string& output_file);

// A TCP port of the loopback that was free just now.
int free_port();

// Holds dc=example,dc=com with, under ou=people: alice (password alicepw), bob and carol (both with cn=twin), and one
// whose uid is "a,b" (password comma). cn=admin,dc=example,dc=com has the password adminpw.
class Slapd {
 public:
  Slapd();
  ~Slapd();
  int port() const { return port_; }
  bool running() const { return pid_ > 0; }
  // The certificate that StartTLS shows, for clients to believe.
  std::string certificate() const { return folder_.path("server.crt"); }

 private:
  TemporaryFolder folder_;
  int port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace test
