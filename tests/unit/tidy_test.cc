// The rules of the house that a machine can check, by reading the sources as text: layers, the few files that may
// include each third-party library, calls nobody makes, a test beside every source file, files of a sane length.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = WEIR_SOURCE_DIR;
// Left to right: a folder may include itself and what stands left of it.
constexpr std::array<std::string_view, 8> kLayers = {"base",  "conf",   "wire",  "analyzer",
                                                     "cache", "pooler", "admin", "app"};

struct Source {
  std::string path;  // from the root, as "wire/frame.cc"
  std::string folder;
  std::string text;
  std::vector<std::string> lines;
};

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<Source> sources_under(std::string_view folder) {
  std::vector<Source> out;
  if (!fs::exists(kRoot / folder)) return out;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    const auto extension = entry.path().extension();
    if (extension != ".h" && extension != ".cc") continue;
    Source source{fs::relative(entry.path(), kRoot).string(), std::string(folder), read(entry.path()), {}};
    std::istringstream in(source.text);
    for (std::string line; std::getline(in, line);) source.lines.push_back(line);
    out.push_back(std::move(source));
  }
  std::sort(out.begin(), out.end(), [](const Source& a, const Source& b) { return a.path < b.path; });
  return out;
}

const std::vector<Source>& product() {
  static const std::vector<Source> all = [] {
    std::vector<Source> out;
    for (const auto layer : kLayers) {
      for (auto& source : sources_under(layer)) out.push_back(std::move(source));
    }
    return out;
  }();
  return all;
}

size_t layer_of(std::string_view folder) {
  const auto found = std::find(kLayers.begin(), kLayers.end(), folder);
  return static_cast<size_t>(found - kLayers.begin());
}

// What stands between the quotes or the angles of an #include line, with the opening character; empty if it is none.
std::string included(const std::string& line) {
  static const std::regex include(R"rx(^\s*#\s*include\s*(["<][^">]+)[">])rx");
  std::smatch match;
  if (line.find("include") == std::string::npos) return "";
  return std::regex_search(line, match, include) ? match[1].str() : "";
}

// The line without a // comment and without the contents of string literals: what the compiler calls.
std::string code_of(const std::string& line) {
  std::string out;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      else if (c == quote) out += quote, quote = 0;
      continue;
    }
    if (c == '/' && i + 1 < line.size() && line[i + 1] == '/') break;
    const bool digit_separator = c == '\'' && i > 0 && std::isxdigit(static_cast<unsigned char>(line[i - 1])) != 0;
    if (c == '"' || (c == '\'' && !digit_separator)) quote = c;
    out += c;
  }
  return out;
}

std::string at(const Source& source, size_t line) {
  return source.path + ":" + std::to_string(line + 1) + ": " + source.lines[line];
}

TEST(Tidy, ThereIsSomethingToCheck) { EXPECT_GT(product().size(), 10u); }

TEST(Tidy, AFolderIncludesOnlyItselfAndWhatStandsLeftOfIt) {
  for (const auto& source : product()) {
    for (size_t i = 0; i < source.lines.size(); ++i) {
      const auto name = included(source.lines[i]);
      if (name.empty() || name[0] != '"') continue;
      const auto slash = name.find('/');
      ASSERT_NE(slash, std::string::npos) << "name the folder: " << at(source, i);
      const auto other = layer_of(name.substr(1, slash - 1));
      ASSERT_LT(other, kLayers.size()) << "an unknown folder: " << at(source, i);
      EXPECT_LE(other, layer_of(source.folder)) << "against the line of layers: " << at(source, i);
      EXPECT_TRUE(fs::exists(kRoot / name.substr(1))) << "no such file: " << at(source, i);
    }
  }
}

TEST(Tidy, EachThirdPartyLibraryIsIncludedOnlyWhereItBelongs) {
  struct Library {
    std::vector<std::string_view> headers;  // what may follow the angle
    std::set<std::string> only_in;
  };
  const std::vector<Library> libraries = {
      {{"event2/"}, {"base/loop.cc"}},
      {{"curl/"}, {"base/outbox.cc"}},
      {{"openssl/"}, {"base/random.cc", "wire/tls.cc", "wire/socket_stream.cc", "wire/scram.cc", "wire/md5.cc"}},
      {{"libpq-fe", "postgresql/", "libpq/"}, {"wire/pg_client.cc"}},
      {{"toml"}, {"conf/load.cc"}},
      {{"spdlog/"}, {"base/log.h", "base/log.cc"}},
      {{"pg_query"}, {"analyzer/parser.cc"}},
      {{"rapidjson/"}, {"analyzer/tree.cc"}},
      {{"xxhash"}, {"analyzer/hash.cc"}},
      {{"hiredis"}, {"cache/redis.h", "cache/redis.cc"}},
      {{"sqlite3"},
       {"admin/sql.cc", "admin/sql_calls.cc", "admin/sql_memory.cc", "analyzer/history_db.cc"}},
      {{"zstd"}, {"cache/remote.h", "cache/remote.cc"}},
  };
  for (const auto& source : product()) {
    for (size_t i = 0; i < source.lines.size(); ++i) {
      const auto name = included(source.lines[i]);
      if (name.empty() || name[0] != '<') continue;
      for (const auto& library : libraries) {
        const auto is_of = [&](std::string_view prefix) { return name.substr(1).starts_with(prefix); };
        if (!std::any_of(library.headers.begin(), library.headers.end(), is_of)) continue;
        EXPECT_TRUE(library.only_in.contains(source.path)) << at(source, i);
      }
    }
  }
}

// Names followed by an opening parenthesis that are calls of the C library: not a member, not another namespace's,
// not the name in a declaration ("Status signal(").
std::vector<std::string> plain_calls(const std::string& code) {
  std::vector<std::string> out;
  const auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (size_t open = code.find('('); open != std::string::npos; open = code.find('(', open + 1)) {
    size_t begin = open;
    while (begin > 0 && word(code[begin - 1])) --begin;
    if (begin == open) continue;
    auto before = code.substr(0, begin);
    if (before.ends_with("std::")) before.resize(before.size() - 5);
    if (before.ends_with("::") && before.size() > 2 && word(before[before.size() - 3])) continue;
    if (before.ends_with(".") || before.ends_with("->")) continue;
    const auto last = before.find_last_not_of(" *&:");
    const bool after_a_word = last != std::string::npos && (word(before[last]) || before[last] == '>') &&
                              before.ends_with(" ") && !before.ends_with("return ") && !before.ends_with("else ");
    if (!after_a_word) out.push_back(code.substr(begin, open - begin));
  }
  return out;
}

TEST(Tidy, NobodyCallsWhatHasASaferTwin) {
  struct Ban {
    std::set<std::string> calls;
    const char* instead;
  };
  const std::vector<Ban> bans = {
      {{"strcpy", "strncpy", "strcat", "strncat", "sprintf", "vsprintf", "gets", "strtok", "strtok_r"},
       "std::string, fmt"},
      {{"atoi", "atol", "atoll", "atof", "strtol", "strtoul", "strtoll", "strtoull", "sscanf"},
       "std::from_chars, conf/value.h"},
      {{"rand", "srand", "random", "srandom", "rand_r", "lrand48", "drand48", "mrand48"}, "base/random.h"},
      {{"memcmp", "strcmp", "strncmp", "bcmp"}, "==, or a constant-time comparison for secrets"},
      {{"alloca", "malloc", "calloc", "realloc", "free"}, "an owner"},
      {{"system", "popen"}, "nothing: no shell is started"},
      {{"gethostbyname", "getpwnam", "getpwuid", "getgrnam", "localtime", "gmtime", "strerror"}, "the _r form"},
      {{"usleep", "sleep", "nanosleep", "sleep_for", "sleep_until"}, "a timer of the loop"},
      {{"signal"}, "sigaction, or the loop"},
  };
  size_t seen = 0;
  for (const auto& source : product()) {
    for (size_t i = 0; i < source.lines.size(); ++i) {
      for (const auto& call : plain_calls(code_of(source.lines[i]))) {
        ++seen;
        // PAM's conversation hands over memory that PAM frees.
        if (source.path == "pooler/pam_check.cc" && (call.ends_with("alloc") || call == "free")) continue;
        for (const auto& ban : bans) {
          EXPECT_FALSE(ban.calls.contains(call)) << "use " << ban.instead << ": " << at(source, i);
        }
      }
    }
  }
  EXPECT_GT(seen, 100u);
}

TEST(Tidy, RandomNumbersComeFromOnePlace) {
  for (const auto& source : product()) {
    for (const auto* engine : {"mt19937", "minstd_rand", "default_random_engine", "random_device"}) {
      EXPECT_EQ(source.text.find(engine), std::string::npos) << source.path << " uses " << engine;
    }
  }
}

// What a secret is compared with by an operator or a function that stops at the first difference; empty if nothing is.
std::string hasty_comparison(const std::string& code) {
  static const std::regex hasty(R"rx((reveal|secret)\(\)\s*(==|!=|<|>|\.compare|\.starts_with|\.find)|(==|!=)\s*[\w.()>-]*(reveal|secret)\(\)|equal\([^;]*(reveal|secret)\(\)\.(begin|cbegin))rx");
  std::smatch match;
  if (code.find("reveal") == std::string::npos && code.find("secret") == std::string::npos) return "";
  if (!std::regex_search(code, match, hasty)) return "";
  return match.str();
}

TEST(Tidy, SecretsAreComparedInTimeThatSaysNothing) {
  // Every place that judges what somebody claims to know, and how often it does.
  const std::map<std::string, size_t> judges = {{"wire/client_auth.cc", 3},  {"wire/scram.cc", 1}, {"wire/scram_client.cc", 1},
                                                {"wire/scram_server.cc", 2}, {"wire/md5.cc", 1},   {"pooler/cancel.cc", 1},
                                                {"admin/http_pages.cc", 1}};
  std::map<std::string, size_t> seen;
  for (const auto& source : product()) {
    for (size_t i = 0; i < source.lines.size(); ++i) {
      const auto code = code_of(source.lines[i]);
      EXPECT_EQ(hasty_comparison(code), "") << at(source, i);
      if (source.path.ends_with(".cc") && code.find("base::constant_time_equal(") != std::string::npos) ++seen[source.path];
      // One implementation, by those who look after compilers that know better.
      EXPECT_TRUE(code.find("CRYPTO_memcmp") == std::string::npos || source.path == "base/random.cc") << at(source, i);
    }
  }
  EXPECT_EQ(seen, judges) << "a new judge joins the list, an old one does not leave it for ==";
  const auto one = read(kRoot / "base/random.cc");
  EXPECT_NE(one.find("CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0"), std::string::npos);
}

TEST(Tidy, TheSearchForHastyComparisonsFindsThem) {
  for (const char* hasty : {"if (a.reveal() == b) {", "return x != key.secret();", "return given == stored->password.reveal();",
                            "key.secret().compare(other)", "std::equal(a.reveal().begin(), a.reveal().end(), b.begin())"})
    EXPECT_NE(hasty_comparison(hasty), "") << hasty;
  for (const char* fine : {"if (key.secret().size() == 4) {", "base::constant_time_equal(a.reveal(), b)", "kind == secret_kind(x)"})
    EXPECT_EQ(hasty_comparison(fine), "") << fine;
}

TEST(Tidy, TheSearchForCallsFindsThem) {
  EXPECT_EQ(plain_calls("  x = atoi(text);"), std::vector<std::string>{"atoi"});
  EXPECT_EQ(plain_calls("  return std::memcmp(a, b, n);"), std::vector<std::string>{"memcmp"});
  EXPECT_EQ(plain_calls("  ::free(p);"), std::vector<std::string>{"free"});
  EXPECT_TRUE(plain_calls("  pool.free(p); loop->signal(x); a::system(y);").empty());
  EXPECT_TRUE(plain_calls("  Status signal(int number);").empty());
}

TEST(Tidy, NobodyThrowsOrCatchesOutsideTheTrampolines) {
  // Exceptions of libraries stop where a callback of ours begins or a thread of ours ends.
  const std::set<std::string> may_catch = {"base/loop.cc", "base/offload.cc", "app/main.cc",
                                           "wire/resolver.cc"};  // a thread that could not start
  const std::regex throws(R"(\bthrow\b)"), catches(R"(\bcatch\s*\()");
  for (const auto& source : product()) {
    for (size_t i = 0; i < source.lines.size(); ++i) {
      const auto code = code_of(source.lines[i]);
      EXPECT_FALSE(code.find("throw") != std::string::npos && std::regex_search(code, throws)) << at(source, i);
      if (code.find("catch") != std::string::npos && std::regex_search(code, catches)) {
        EXPECT_TRUE(may_catch.contains(source.path) || source.text.find("std::regex") != std::string::npos)
            << at(source, i);
      }
    }
  }
}

TEST(Tidy, LambdasNameWhatTheyCapture) {
  // [&] is fine for a call that ends with its statement; [=] hides a copied `this`, so it is out everywhere.
  for (const auto& source : product()) {
    for (size_t i = 0; i < source.lines.size(); ++i) {
      EXPECT_EQ(code_of(source.lines[i]).find("[=]"), std::string::npos) << at(source, i);
    }
  }
}

TEST(Tidy, EveryHeaderIsGuardedAndSaysWhatItIs) {
  for (const auto& source : product()) {
    if (!source.path.ends_with(".h")) continue;
    ASSERT_GE(source.lines.size(), 2u) << source.path;
    EXPECT_EQ(source.lines[0], "#pragma once") << source.path;
    EXPECT_TRUE(source.lines[1].starts_with("// ")) << source.path << " does not say what it is in its second line";
  }
}

// Each header is proved to stand alone by the source file of its name; cmake/headers.cmake proves it of those without one.
TEST(Tidy, ASourceFileIncludesItsOwnHeaderFirst) {
  int seen = 0;
  for (const auto& source : product()) {
    const fs::path header = fs::path(source.path).replace_extension(".h");
    if (!source.path.ends_with(".cc") || !fs::exists(kRoot / header)) continue;
    std::string first;
    for (size_t i = 0; first.empty() && i < source.lines.size(); ++i) first = included(source.lines[i]);
    EXPECT_EQ(first, "\"" + header.string()) << source.path;
    ++seen;
  }
  EXPECT_GT(seen, 100);
}

TEST(Tidy, EveryFolderHasOneNamespaceWithItsName) {
  for (const auto& source : product()) {
    if (source.text.find("namespace ") == std::string::npos) continue;
    if (source.path == "app/main.cc") continue;
    EXPECT_TRUE(std::regex_search(source.text, std::regex("(^|\n)namespace " + source.folder + "\\b"))) << source.path;
  }
}

TEST(Tidy, EverySourceFileIsListedAndHasATestOfItsName) {
  // This list only becomes shorter: files that another test covers, with the reason.
  const std::map<std::string, std::string> covered_elsewhere = {
      {"app/main.cc", "main() only; tests/integration runs it"},
      {"wire/saslprep_tables.cc", "data; saslprep_test.cc reads it"},
      {"pooler/client_login.cc", "tests/integration/test_auth.py, test_tls.py and test_hostile_clients.py"},
      {"pooler/pool_servers.cc", "pool_test.cc and tests/integration/test_limits.py"},
      {"pooler/pool_upkeep.cc", "pool_test.cc and tests/integration/test_timeouts.py"},
      {"pooler/session.cc", "tests/integration/test_byte_boundaries.py and test_protocol_rows.py"},
      {"pooler/session_end.cc", "tests/integration/test_timeouts.py"},
      {"pooler/session_guards.cc", "tests/integration/test_guards.py and test_guard_timeouts.py"},
      {"pooler/session_follow.cc", "tests/integration/test_parity_sessions.py"},
      {"pooler/session_queries.cc", "tests/integration/test_query_stats.py and test_slow_log.py"},
      {"pooler/session_login.cc", "tests/integration/test_params.py"},
      {"pooler/translate_watched.cc", "tests/integration/test_parity_*.py"},
      {"pooler/follower.cc", "tests/integration/test_parity_*.py"},
      {"pooler/worker.cc", "tests/integration"},
  };
  for (const auto& source : product()) {
    if (!source.path.ends_with(".cc")) continue;
    const auto name = fs::path(source.path).filename().string();
    const auto list = read(kRoot / source.folder / "CMakeLists.txt");
    EXPECT_TRUE(std::regex_search(list, std::regex("(^|[\\s(])" + name + "\\b")))
        << source.path << " is not listed in " << source.folder << "/CMakeLists.txt";
    if (covered_elsewhere.contains(source.path)) continue;
    const auto test = fs::path("tests/unit") / source.folder / (fs::path(name).stem().string() + "_test.cc");
    EXPECT_TRUE(fs::exists(kRoot / test)) << source.path << " has no " << test.string();
  }
  for (const auto& [path, why] : covered_elsewhere) {
    const auto test = fs::path("tests/unit") / fs::path(path).parent_path() / (fs::path(path).stem().string() + "_test.cc");
    EXPECT_FALSE(fs::exists(kRoot / test)) << path << " has a test by now: take it off the list";
  }
}

TEST(Tidy, EveryTestFileIsBuilt) {
  for (const auto layer : kLayers) {
    const auto folder = kRoot / "tests/unit" / layer;
    if (!fs::exists(folder)) continue;
    const auto list = read(folder / "CMakeLists.txt");
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() != ".cc") continue;
      EXPECT_NE(list.find(entry.path().filename().string()), std::string::npos) << entry.path() << " is in no list";
    }
  }
}

TEST(Tidy, NoFileIsLongerThanTheRedLine) {
  constexpr size_t kRedLine = 500;
  // Longer ones, with the length they may have. It only goes down; a file that shrinks under the line leaves.
  const std::map<std::string, size_t> ratchet = {
      {"wire/saslprep_tables.cc", 2400},  // one table of Unicode, nothing to split
  };
  for (const auto& source : product()) {
    const auto found = ratchet.find(source.path);
    const auto limit = found == ratchet.end() ? kRedLine : found->second;
    EXPECT_LE(source.lines.size(), limit) << source.path << ": which two things does it do?";
    if (found != ratchet.end()) {
      EXPECT_GT(source.lines.size(), kRedLine) << source.path << " may leave the list";
    }
  }
}

TEST(Tidy, NoLineIsTooLongToRead) {
  constexpr size_t kColumns = 130;  // clang-format breaks at 110, except what cannot be broken
  for (const auto& source : product()) {
    for (size_t i = 0; i < source.lines.size(); ++i) EXPECT_LE(source.lines[i].size(), kColumns) << at(source, i);
  }
}

TEST(Tidy, NoFileNamesAPathOfTheMachineItWasWrittenOn) {
  const std::regex machine("/(home|root|work|Users)/[A-Za-z0-9_.-]");
  // Paths that a user's own machine may well have, in examples.
  const std::regex fine(R"(https?://|/root/\.|workspace)");
  std::vector<fs::path> files;
  for (const auto folder : {"base", "conf", "wire", "analyzer", "cache", "pooler", "admin", "app", "tests", "scripts",
                            "bench", "cmake", "docs", "packaging", ".ci"}) {
    if (!fs::exists(kRoot / folder)) continue;
    for (auto entry = fs::recursive_directory_iterator(kRoot / folder); entry != fs::recursive_directory_iterator();
         ++entry) {
      const auto name = entry->path().filename().string();
      if (entry->is_directory() && (name == "node_modules" || name == "__pycache__" || name == "corpus")) {
        entry.disable_recursion_pending();
      } else if (entry->is_regular_file() && name != "tidy_test.cc" && entry->path().extension() != ".pyc") {
        files.push_back(entry->path());
      }
    }
  }
  for (const auto& path : files) {
    std::istringstream in(read(path));
    size_t number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      if (line.find('/') == std::string::npos) continue;
      EXPECT_FALSE(std::regex_search(line, machine) && !std::regex_search(line, fine))
          << fs::relative(path, kRoot).string() << ":" << number << ": " << line;
    }
  }
}

}  // namespace
