#include "conf/check_guards.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/text.h"
#include "conf/value.h"

namespace conf {
namespace {

// Longer than a name that anybody reads in an error; as long as PostgreSQL's own names.
constexpr std::size_t kLongestName = 63;
constexpr std::size_t kFingerprintDigits = 16;

bool plain_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return name.size() <= kLongestName && name.find_first_not_of(kAllowed) == std::string_view::npos;
}

class GuardChecker {
 public:
  GuardChecker(const Guard& guard, std::vector<Finding>& findings)
      : guard_(guard), section_("guards." + toml_key(guard.name)), findings_(findings) {}

  void run() {
    if (!plain_name(guard_.name))
      problem("", fmt::format("a guard's name may have {} letters, digits, - and _", kLongestName));
    one_action();
    for (const std::string& text : guard_.fingerprint) fingerprint(text);
    if (guard_.deny && guard_.database.empty() && guard_.user.empty() && guard_.application_name.empty() &&
        guard_.fingerprint.empty() && guard_.shape.empty())
      problem("deny", "deny without a condition would refuse every statement: say database, user, application_name, "
                      "fingerprint or shape");
    for (const std::string& name : guard_.application_name)
      if (name.find('*') < name.size() - 1)
        problem("application_name", "application_name may have a * at its end only, where it stands for anything");
    limits();
  }

 private:
  void add(Finding::Severity severity, std::string_view key, std::string message) {
    findings_.push_back({severity, section_, std::string(key), std::move(message)});
  }
  void problem(std::string_view key, std::string message) {
    add(Finding::Severity::kProblem, key, std::move(message));
  }

  void one_action() {
    const bool timeout = guard_.query_timeout.count() > 0;
    const bool rate = guard_.rate_limit > 0;
    const bool concurrency = guard_.concurrency > 0;
    const int actions = int{guard_.deny} + int{timeout} + int{rate} + int{concurrency};
    constexpr std::string_view kWhich = "exactly one of deny, query_timeout, rate_limit and concurrency says what a guard does";
    if (actions == 0) problem("", fmt::format("{}: none is set", kWhich));
    if (actions <= 1) return;
    // At the second of them.
    int seen = 0;
    const auto is_second = [&seen](bool set) { return set && ++seen == 2; };
    std::string_view key;
    if (is_second(guard_.deny)) key = "deny";
    if (is_second(timeout)) key = "query_timeout";
    if (is_second(rate)) key = "rate_limit";
    if (is_second(concurrency)) key = "concurrency";
    problem(key, fmt::format("{}: {} are set; make two rules of it", kWhich, actions));
  }

  void fingerprint(std::string_view text) {
    const bool digits = text.size() == kFingerprintDigits &&
                        text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    if (digits && text.find_first_not_of('0') != std::string_view::npos) return;
    problem("fingerprint", fmt::format("fingerprint must be {} hexadecimal digits, as SHOW QUERIES prints it, not '{}'",
                                       kFingerprintDigits, base::escape_for_log(text, 60)));
  }

  void limits() {
    const auto in_vain = [this](bool set, std::string_view key, std::string_view needs) {
      if (set) add(Finding::Severity::kWarning, key, fmt::format("{} has no effect without {}", key, needs));
    };
    const Guard usual;
    if (guard_.rate_limit == 0) {
      in_vain(guard_.rate_burst != 0, "rate_burst", "rate_limit");
      in_vain(guard_.rate_period != usual.rate_period, "rate_period", "rate_limit");
      if (guard_.concurrency == 0) in_vain(guard_.per != usual.per, "per", "rate_limit or concurrency");
    }
  }

  const Guard& guard_;
  const std::string section_;
  std::vector<Finding>& findings_;
};

}  // namespace

std::vector<Finding> check_guards(const Config& config) {
  std::vector<Finding> findings;
  for (const auto& [name, guard] : config.guards) GuardChecker(guard, findings).run();
  return findings;
}

}  // namespace conf
