#include "slapd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace test {
namespace {

constexpr uid_t kNobody = 65534;
constexpr const char* kSlapd = "/usr/sbin/slapd";

constexpr const char* kConfiguration = R"(include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile FOLDER/slapd.pid
TLSCertificateFile FOLDER/server.crt
TLSCertificateKeyFile FOLDER/server.key
# A careless server: a name with an empty password is taken for an anonymous visitor, and welcome.
allow bind_anon_cred
access to attrs=userPassword by anonymous auth by * none
access to * by * read
database ldif
directory FOLDER/data
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw adminpw
)";

constexpr const char* kPeople = R"(dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: A
userPassword: alicepw

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: twin
sn: B
userPassword: bobpw

dn: uid=carol,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: carol
cn: twin
sn: C
userPassword: carolpw

dn: uid=a\2cb,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: a,b
cn: Comma
sn: D
userPassword: comma
)";

std::string filled(std::string text, const std::string& folder) {
  for (std::size_t at = text.find("FOLDER"); at != std::string::npos; at = text.find("FOLDER")) text.replace(at, 6, folder);
  return text;
}

bool answers(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "weir_test_XXXXXX").string();
  const char* made = ::mkdtemp(pattern.data());
  EXPECT_NE(made, nullptr);
  path_ = pattern;
  ::chmod(path_.c_str(), 0755);
  const bool given_away = ::geteuid() != 0 || ::chown(path_.c_str(), kNobody, kNobody) == 0;
  EXPECT_TRUE(given_away);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& text, unsigned mode) const {
  const std::string file = path(name);
  std::ofstream(file) << text;
  ::chmod(file.c_str(), mode);
  return file;
}

pid_t start_program(const std::vector<std::string>& words, const std::string& output_file) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid > 0 ? pid : 0;
  const int output = ::open(output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(output, 1);
  ::dup2(output, 2);
  if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) ::_exit(126);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

int run_program(const std::vector<std::string>& words, const std::string& output_file) {
  const pid_t pid = start_program(words, output_file);
  int status = -1;
  if (pid == 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool found = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  return found ? ntohs(address.sin_port) : 0;
}

Slapd::Slapd() {
  if (!std::filesystem::exists(kSlapd)) {
    ADD_FAILURE() << "these tests need Debian's package slapd (scripts/setup.sh test)";
    return;
  }
  // A copy: where AppArmor confines the original, it may not read our folder.
  const std::string program = folder_.path("slapd");
  std::filesystem::copy_file(kSlapd, program);
  const std::string output = folder_.path("output");
  folder_.write("output", "", 0666);
  folder_.write("slapd.conf", filled(kConfiguration, folder_.path()));
  folder_.write("people.ldif", kPeople);
  std::filesystem::create_directory(folder_.path("data"));
  ::chmod(folder_.path("data").c_str(), 0777);
  EXPECT_EQ(run_program({"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder_.path("server.key"),
                         "-out", folder_.path("server.crt")},
                        output),
            0)
      << contents(output);
  // slapd is slapadd when it is called so.
  EXPECT_EQ(run_program({program, "-T", "add", "-f", folder_.path("slapd.conf"), "-l", folder_.path("people.ldif")}, output), 0)
      << contents(output);
  port_ = free_port();
  pid_ = start_program({program, "-d", "0", "-f", folder_.path("slapd.conf"), "-h",
                        "ldap://127.0.0.1:" + std::to_string(port_)},
                       output);
  for (int tries = 0; tries < 500 && !answers(port_); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      break;
    }
  }
  EXPECT_TRUE(running() && answers(port_)) << contents(output);
}

Slapd::~Slapd() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace test
