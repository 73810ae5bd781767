// pg_ident.conf: which database users a system user may be (manual, chapter 21.2).

#include <fmt/format.h>
#include <regex.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "conf/hba.h"
#include "conf/hba_tokens.h"

namespace conf {

// A POSIX extended regular expression. PostgreSQL's own dialect knows more; what would mean something else
// here is refused when the file is read.
class IdentPattern {
 public:
  // Null and a message if `text` is no expression we take.
  static std::shared_ptr<const IdentPattern> compile(std::string_view text, std::string& message);

  ~IdentPattern() {
    if (compiled_) regfree(&regex_);
  }
  IdentPattern(const IdentPattern&) = delete;
  IdentPattern& operator=(const IdentPattern&) = delete;

  bool has_group() const { return regex_.re_nsub > 0; }
  // The text of the first group (empty if it took no part), or nothing if `name` does not match.
  std::optional<std::string> match(std::string_view name) const;

 private:
  IdentPattern() = default;
  regex_t regex_{};
  bool compiled_ = false;
};

namespace {

// Bounds on what the C library's matcher is given: it can use time and memory far beyond the length.
constexpr std::size_t kMaxPattern = 1000;
constexpr std::size_t kMaxName = 1000;
constexpr int64_t kMaxRepeats = 1000;  // product of all {n,m}, and 2 for each repeated group

// Rewrites a PostgreSQL pattern for the C library, or says why it cannot.
class Translator {
 public:
  explicit Translator(std::string_view text) : text_(text) {}

  std::optional<std::string> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      bool fine = true;
      if (c == '[') {
        fine = set();
      } else if (c == '\\' && at_ < text_.size()) {
        fine = escape();
      } else if (quantifier(c)) {
        fine = repeat(c);
      } else if (c == '(' && at_ < text_.size() && text_[at_] == '?') {
        fine = fail("has (?, which is not supported");
      } else {
        out_ += c;
      }
      if (!fine) return std::nullopt;
      before_ = c;
    }
    return std::move(out_);
  }

  const std::string& message() const { return message_; }

 private:
  static bool quantifier(char c) { return c == '*' || c == '+' || c == '?' || c == '{'; }

  bool fail(std::string message) {
    message_ = std::move(message);
    return false;
  }

  // What follows a [ up to its ]; a ] that comes first belongs to the set.
  bool set() {
    const std::size_t start = at_ - 1;
    if (at_ < text_.size() && text_[at_] == '^') ++at_;
    if (at_ < text_.size() && text_[at_] == ']') ++at_;
    at_ = std::min(text_.find(']', at_), text_.size() - 1) + 1;
    const std::string_view whole = text_.substr(start, at_ - start);
    if (whole.find('\\') != std::string_view::npos) {
      return fail("has a backslash inside [ ], which means different things to different programs");
    }
    if (whole.substr(1).find('[') != std::string_view::npos)
      return fail("has a [ inside [ ], which is not supported");
    out_ += whole;
    return true;
  }

  bool escape() {
    constexpr std::string_view kSame = "wWsS^.[]$()|*+?{}\\/-@ ";
    const char next = text_[at_++];
    if (next == 'd') {
      out_ += "[0-9]";
    } else if (next == 'D') {
      out_ += "[^0-9]";
    } else if (kSame.find(next) != std::string_view::npos) {
      out_ += {'\\', next};
    } else {
      return fail(fmt::format("has \\{}, which is not supported", base::escape_for_log({&next, 1})));
    }
    return true;
  }

  // The C library copies what is repeated, so that repeats of repeats multiply.
  bool repeat(char c) {
    if (quantifier(before_)) return fail("repeats a repeat, or asks for the shortest match");
    out_ += c;
    if (c == '+' || c == '*' || c == '?') return before_ != ')' || multiply(2);
    const std::size_t end = std::min(text_.find('}', at_), text_.size());
    const std::string_view inside = text_.substr(at_, end - at_);
    const std::size_t comma = inside.find(',');
    const std::string_view last = comma == std::string_view::npos || comma + 1 == inside.size()
                                      ? inside.substr(0, comma)
                                      : inside.substr(comma + 1);
    const auto most = base::parse_int(last);
    if (!most || *most < 0 || *most > kMaxRepeats) return multiply(kMaxRepeats + 1);
    out_ += text_.substr(at_, end - at_);
    if (end < text_.size()) out_ += '}';
    at_ = std::min(end + 1, text_.size());
    return multiply(std::max<int64_t>(*most, 1));
  }

  bool multiply(int64_t factor) {
    repeats_ *= factor;
    return repeats_ <= kMaxRepeats || fail(fmt::format("repeats something more than {} times", kMaxRepeats));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  char before_ = '\0';  // how the last piece began
  int64_t repeats_ = 1;
  std::string out_;
  std::string message_;
};

// `user` with \1 replaced; the manual: the replacement happens once.
std::string substituted(std::string_view user, std::string_view group) {
  const std::size_t at = user.find("\\1");
  if (at == std::string_view::npos) return std::string(user);
  return fmt::format("{}{}{}", user.substr(0, at), group, user.substr(at + 2));
}

}  // namespace

std::shared_ptr<const IdentPattern> IdentPattern::compile(std::string_view text, std::string& message) {
  if (text.size() > kMaxPattern || text.find('\0') != std::string_view::npos) {
    message = fmt::format("is longer than {} bytes or holds a zero byte", kMaxPattern);
    return nullptr;
  }
  Translator translator(text);
  const auto pattern = translator.run();
  if (!pattern) {
    message = translator.message();
    return nullptr;
  }
  std::shared_ptr<IdentPattern> result(new IdentPattern());
  const int failure = regcomp(&result->regex_, pattern->c_str(), REG_EXTENDED);
  if (failure != 0) {
    std::array<char, 200> why{};
    regerror(failure, &result->regex_, why.data(), why.size());
    message = fmt::format("is no regular expression: {}", why.data());
    return nullptr;
  }
  result->compiled_ = true;
  return result;
}

std::optional<std::string> IdentPattern::match(std::string_view name) const {
  if (name.size() > kMaxName || name.find('\0') != std::string_view::npos) return std::nullopt;
  std::array<regmatch_t, 2> groups{};
  const std::string subject(name);
  if (regexec(&regex_, subject.c_str(), groups.size(), groups.data(), 0) != 0) return std::nullopt;
  const regmatch_t& group = groups[1];
  if (!has_group() || group.rm_so < 0) return "";
  return subject.substr(static_cast<std::size_t>(group.rm_so),
                        static_cast<std::size_t>(group.rm_eo - group.rm_so));
}

bool IdentMaps::allows(std::string_view map, std::string_view system_user,
                       std::string_view database_user) const {
  if (map.empty()) return system_user == database_user;
  const auto rules = maps.find(map);
  if (rules == maps.end()) return false;
  for (const IdentRule& rule : rules->second) {
    if (rule.pattern == nullptr) {
      if (rule.system_user == system_user && rule.database_user == database_user) return true;
    } else if (const auto group = rule.pattern->match(system_user)) {
      if (substituted(rule.database_user, *group) == database_user) return true;
    }
  }
  return false;
}

IdentMaps parse_ident(std::string_view text, std::vector<TextProblem>& problems) {
  IdentMaps result;
  for (const HbaLine& line : hba_lines(text)) {
    const auto wrong = [&](std::size_t field, std::string message) {
      problems.push_back({line.line, line.fields[field].front().column, std::move(message)});
    };
    if (line.fields.size() != 3) {
      wrong(line.fields.size() - 1,
            fmt::format("a line has a map, a system user and a database user; this one has {} fields",
                        line.fields.size()));
      continue;
    }
    bool single = true;
    for (std::size_t i = 0; i < 3; ++i) {
      if (line.fields[i].size() == 1) continue;
      wrong(i, "lists are not allowed here: write a line for each");
      single = false;
    }
    if (!single) continue;
    IdentRule rule;
    rule.system_user = line.fields[1].front().text;
    rule.database_user = line.fields[2].front().text;
    if (rule.system_user.starts_with('/')) {
      std::string message;
      rule.pattern = IdentPattern::compile(std::string_view(rule.system_user).substr(1), message);
      if (rule.pattern == nullptr) {
        wrong(1, fmt::format("the pattern {}", message));
        continue;
      }
      if (rule.database_user.find("\\1") != std::string::npos && !rule.pattern->has_group()) {
        wrong(2, "\\1 needs a group in parentheses in the pattern");
        continue;
      }
    }
    result.maps[line.fields[0].front().text].push_back(std::move(rule));
  }
  return result;
}

}  // namespace conf
