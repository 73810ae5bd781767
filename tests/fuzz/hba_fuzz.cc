// pg_hba.conf, pg_ident.conf and userlist.txt: any bytes give rules or problems, and rules can be matched.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "conf/hba.h"
#include "conf/secrets.h"

namespace {

class OneFile final : public conf::HbaFiles {
 public:
  explicit OneFile(std::string_view text) : text_(text) {}
  std::optional<std::string> read(std::string_view name) const override {
    return name == "f" ? std::optional(text_) : std::nullopt;
  }

 private:
  std::string text_;
};

void match_all(const conf::Hba& hba) {
  for (const char* address : {"", "127.0.0.1", "::1", "10.1.2.3"}) {
    for (const bool tls : {false, true}) {
      conf::HbaConnection connection;
      connection.address = conf::parse_ip(address);
      connection.tls = tls;
      connection.database = "db";
      connection.user = "user";
      const conf::HbaRule* rule = hba.match(connection);
      // A rule for Unix sockets never decides about TCP, and the other way round.
      if (rule != nullptr && (rule->type == conf::HbaType::kLocal) == connection.address.has_value())
        std::abort();
    }
  }
}

}  // namespace

// The first byte says which of the three formats follows.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<conf::TextProblem> problems;
  if (data[0] % 3 == 0) {
    match_all(conf::parse_hba(text, OneFile(text.substr(text.size() / 2)), problems));
  } else if (data[0] % 3 == 1) {
    const conf::IdentMaps maps = conf::parse_ident(text, problems);
    for (const auto& [name, rules] : maps.maps) {
      for (const auto& rule : rules)
        static_cast<void>(maps.allows(name, rule.system_user, rule.database_user));
      static_cast<void>(maps.allows(name, "someone@example.com", "someone"));
    }
  } else {
    conf::parse_userlist(text, problems);
  }
  for (const conf::TextProblem& problem : problems) {
    if (problem.line < 1 || problem.column < 1 || problem.message.empty()) std::abort();
  }
  return 0;
}
