#include "tests/support/postgres.h"

#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <thread>

namespace support {
namespace {

std::string program(const std::string& name) {
  for (const char* folder : {"/usr/lib/postgresql/15/bin/", "/usr/lib/postgresql/16/bin/", "/usr/lib/postgresql/17/bin/"})
    if (std::filesystem::exists(folder + name)) return folder + name;
  return name;
}

// The server refuses to run as root.
std::vector<std::string> unprivileged(std::vector<std::string> argv) {
  std::vector<std::string> all = {"setpriv", "--pdeathsig", "KILL"};
  if (geteuid() == 0) all.insert(all.end(), {"--reuid", "postgres", "--regid", "postgres", "--init-groups"});
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

void give_to_server(const std::string& path) {
  if (geteuid() != 0) return;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr || chown(path.c_str(), user->pw_uid, user->pw_gid) != 0)
    throw std::runtime_error("cannot give " + path + " to the user postgres");
}

// What initdb makes, which takes seconds: once for all tests on this machine. Whoever is first puts it in its place by a
// rename, so that a test next to it sees all or nothing.
std::string fresh_data() {
  const TempFolder mine;
  const std::string place = std::filesystem::path(mine.path()).parent_path() /
                            ("weir-test-data-15-" + std::to_string(geteuid()));
  if (std::filesystem::exists(place)) return place;
  give_to_server(mine.path());
  const std::string made_here = mine.file("data");
  const auto made = run_command(unprivileged({program("initdb"), "-D", made_here, "-U", "postgres", "-A", "trust", "-E",
                                              "UTF8", "--locale=C", "--no-sync"}));
  if (made.status != 0) throw std::runtime_error("initdb: " + made.output);
  std::error_code taken;
  std::filesystem::rename(made_here, place, taken);
  if (!std::filesystem::exists(place)) throw std::runtime_error("no folder for fresh data: " + taken.message());
  return place;
}

}  // namespace

Postgres::Postgres(std::vector<std::string> settings, std::string hba)
    : settings_(std::move(settings)), port_(free_port()) {
  give_to_server(folder_.path());
  const std::string data = folder_.file("data");
  const auto copied = run_command(unprivileged({"cp", "-a", fresh_data(), data}));
  if (copied.status != 0) throw std::runtime_error("copying the data: " + copied.output);
  write_file(data + "/pg_hba.conf",
             hba.empty() ? "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n" : hba);
  start();
}

void Postgres::start() {
  std::vector<std::string> argv = {program("postgres"), "-D", folder_.file("data")};
  for (const std::string& setting :
       {std::string("fsync=off"), std::string("shared_buffers=16MB"), std::string("listen_addresses=127.0.0.1"),
        "unix_socket_directories=" + folder_.path(), "port=" + std::to_string(port_)})
    argv.insert(argv.end(), {"-c", setting});
  for (const std::string& setting : settings_) argv.insert(argv.end(), {"-c", setting});
  server_ = Process(unprivileged(argv), folder_.file("log"));
  for (int i = 0; i < 1000; ++i) {
    const auto answer = run_command({"psql", "-XAtq", "-h", folder_.path(), "-p", std::to_string(port_), "-U",
                                     "postgres", "-d", "postgres", "-c", "SELECT 1"});
    if (answer.status == 0) return;
    if (!server_.running()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw std::runtime_error("PostgreSQL did not start: " + log());
}

void Postgres::stop() { server_.end(SIGINT); }  // "fast": sessions are ended, with a word to each

std::string Postgres::run(const std::string& sql) const {
  const auto answer = run_command({"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", folder_.path(), "-p",
                                   std::to_string(port_), "-U", "postgres", "-d", "postgres", "-c", sql});
  if (answer.status != 0) throw std::runtime_error("psql: " + answer.output);
  return answer.output;
}

std::string Postgres::adopt(const std::string& file, const std::string& name) const {
  const std::string copy = folder_.file(name);
  std::filesystem::copy_file(file, copy, std::filesystem::copy_options::overwrite_existing);
  chmod(copy.c_str(), 0600);
  give_to_server(copy);
  return copy;
}

}  // namespace support
