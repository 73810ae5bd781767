#include "conf/secrets.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/text.h"

namespace conf {
namespace {

constexpr std::string_view kScramPrefix = "SCRAM-SHA-256$";
constexpr std::size_t kSha256Size = 32;
constexpr std::size_t kMd5Digits = 32;
// PostgreSQL's own limit for a password (manual, 55.3.1, PG_MAX_AUTH_TOKEN_LENGTH) is 65535.
constexpr std::size_t kMaxSecret = 65'535;
constexpr std::size_t kMaxUserName =
    1024;  // PostgreSQL cuts at 63; room for longer ones of other identity systems

// Strict base64 with padding: what PostgreSQL writes.
std::optional<std::string> base64_decoded(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string out;
  uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::size_t value = 0;
    if (i < text.size() - padding) {
      value = kAlphabet.find(text[i]);
      if (value == std::string_view::npos) return std::nullopt;
    }
    bits = (bits << 6) | static_cast<uint32_t>(value);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) out += static_cast<char>((bits >> shift) & 0xff);
    bits = 0;
  }
  out.resize(out.size() - padding);
  return out;
}

// "iterations:salt$stored:server", after the prefix.
std::optional<ScramVerifier> scram_verifier(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::size_t dollar = text.find('$');
  if (colon == std::string_view::npos || dollar == std::string_view::npos || colon > dollar)
    return std::nullopt;
  const std::size_t second_colon = text.find(':', dollar);
  if (second_colon == std::string_view::npos) return std::nullopt;

  const auto iterations = base::parse_int(text.substr(0, colon));
  const auto salt = base64_decoded(text.substr(colon + 1, dollar - colon - 1));
  auto stored = base64_decoded(text.substr(dollar + 1, second_colon - dollar - 1));
  auto server = base64_decoded(text.substr(second_colon + 1));
  if (!iterations || *iterations < 1 || *iterations > INT32_MAX || !salt || !stored || !server)
    return std::nullopt;
  if (stored->size() != kSha256Size || server->size() != kSha256Size) return std::nullopt;
  return ScramVerifier{static_cast<int>(*iterations), *salt, Secret(std::move(*stored)),
                       Secret(std::move(*server))};
}

bool md5_hash(std::string_view text) {
  return text.size() == 3 + kMd5Digits && text.starts_with("md5") &&
         text.find_first_not_of("0123456789abcdefABCDEF", 3) == std::string_view::npos;
}

// One "..." from the front of `line`, "" meaning a quote. Says in `problem` why there is none.
std::optional<std::string> take_quoted(std::string_view& line, std::string& problem) {
  if (line.empty() || line.front() != '"') {
    problem = "must be \"user\" \"secret\", both in double quotes";
    return std::nullopt;
  }
  line.remove_prefix(1);
  std::string out;
  while (!line.empty()) {
    const char c = line.front();
    line.remove_prefix(1);
    if (c != '"') {
      out += c;
    } else if (!line.empty() && line.front() == '"') {
      out += '"';
      line.remove_prefix(1);
    } else {
      return out;
    }
  }
  Secret::cleanse(out);
  problem = "a double quote is not closed";
  return std::nullopt;
}

void skip_blanks(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
}

// One line of the file; a message when it is wrong.
std::string parse_line(std::string_view& line, UserList& list) {
  skip_blanks(line);
  if (line.empty() || line.front() == ';' || line.front() == '#') return "";
  std::string problem;
  const auto user = take_quoted(line, problem);
  if (!user) return problem;
  if (user->empty()) return "the user name is empty";
  if (user->size() > kMaxUserName) return "the user name is longer than 1024 bytes";
  if (user->find('\0') != std::string::npos) return "the user name holds a zero byte";
  skip_blanks(line);
  auto secret = take_quoted(line, problem);
  if (!secret) return problem;
  if (secret->size() > kMaxSecret) return "the secret is longer than 65535 bytes";
  if (secret->find('\0') != std::string::npos) return "the secret holds a zero byte";
  list.users.insert_or_assign(*user, parse_secret(*secret));
  Secret::cleanse(*secret);
  return "";
}

}  // namespace

UserSecret parse_secret(std::string_view text) {
  if (text.empty()) return NoSecret{};
  if (text.starts_with(kScramPrefix)) {
    if (auto verifier = scram_verifier(text.substr(kScramPrefix.size()))) return std::move(*verifier);
  }
  if (md5_hash(text)) return Md5Secret{Secret(base::to_lower(text))};
  return PlainSecret{Secret(std::string(text))};
}

const UserSecret* UserList::find(std::string_view user) const {
  const auto found = users.find(user);
  return found != users.end() ? &found->second : nullptr;
}

UserList parse_userlist(std::string_view text, std::vector<TextProblem>& problems) {
  UserList list;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view whole = text.substr(0, end);
    std::string_view rest = whole;
    std::string message = parse_line(rest, list);
    if (!message.empty()) {
      problems.push_back({number, static_cast<int>(whole.size() - rest.size()) + 1, std::move(message)});
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

}  // namespace conf
