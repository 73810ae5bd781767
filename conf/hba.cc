#include "conf/hba.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "conf/hba_tokens.h"
#include "conf/value.h"

namespace conf {
namespace {

constexpr int kMaxListDepth = 10;           // @file inside @file: more is a circle
constexpr std::size_t kMaxNames = 100'000;  // names of one rule, all lists together

template <typename E>
struct Word {
  std::string_view name;
  E value;
};

constexpr std::array<Word<HbaType>, 6> kTypes{{{"local", HbaType::kLocal},
                                               {"host", HbaType::kHost},
                                               {"hostssl", HbaType::kHostSsl},
                                               {"hostnossl", HbaType::kHostNoSsl},
                                               {"hostgssenc", HbaType::kHostGssEnc},
                                               {"hostnogssenc", HbaType::kHostNoGssEnc}}};

constexpr std::array<Word<HbaMethod>, 9> kMethods{{{"trust", HbaMethod::kTrust},
                                                   {"reject", HbaMethod::kReject},
                                                   {"scram-sha-256", HbaMethod::kScram},
                                                   {"md5", HbaMethod::kMd5},
                                                   {"password", HbaMethod::kPassword},
                                                   {"cert", HbaMethod::kCert},
                                                   {"peer", HbaMethod::kPeer},
                                                   {"pam", HbaMethod::kPam},
                                                   {"ldap", HbaMethod::kLdap}}};

constexpr std::array<std::string_view, 2> kPamOptions{"pamservice", "pam_use_hostname"};
constexpr std::array<std::string_view, 12> kLdapOptions{
    "ldapserver",     "ldapport",   "ldapscheme",          "ldaptls",          "ldapurl",    "ldapbinddn",
    "ldapbindpasswd", "ldapbasedn", "ldapsearchattribute", "ldapsearchfilter", "ldapprefix", "ldapsuffix"};

template <typename Words>
std::vector<std::string_view> names_in(const Words& words) {
  std::vector<std::string_view> names;
  for (const auto& word : words) names.push_back(word.name);
  return names;
}

std::string shown(std::string_view text) { return fmt::format("'{}'", base::escape_for_log(text, 60)); }

bool keyword(const HbaToken& token, std::string_view word) { return !token.quoted && token.text == word; }

// Turns one line into a rule; the first mistake ends it.
class RuleParser {
 public:
  RuleParser(const HbaLine& line, const HbaFiles& files) : line_(line), files_(files) {}

  std::optional<HbaRule> parse() {
    rule_.line = line_.line;
    if (!type() || !names("database", rule_.databases) || !names("user", rule_.users)) return std::nullopt;
    if (rule_.type != HbaType::kLocal && !address()) return std::nullopt;
    if (!method()) return std::nullopt;
    while (at_ < line_.fields.size()) {
      for (const HbaToken& token : line_.fields[at_]) {
        if (!option(token)) return std::nullopt;
      }
      ++at_;
    }
    if (!whole()) return std::nullopt;
    return std::move(rule_);
  }

  TextProblem problem() const { return {line_.line, column_, message_}; }

 private:
  bool fail(std::string message) {
    message_ = std::move(message);
    return false;
  }

  // The next field, which must exist; remembered as the place of a mistake.
  const HbaField* field(std::string_view what) {
    if (at_ == line_.fields.size()) {
      fail(fmt::format("the line ends where {} should be", what));
      return nullptr;
    }
    const HbaField& found = line_.fields[at_++];
    column_ = found.front().column;
    return &found;
  }

  const HbaToken* single(std::string_view what) {
    const HbaField* found = field(what);
    if (found == nullptr) return nullptr;
    if (found->size() == 1) return &found->front();
    fail(fmt::format("{} must be one word, not a list", what));
    return nullptr;
  }

  bool type() {
    const HbaToken* token = single("the connection type");
    if (token == nullptr) return false;
    for (const auto& word : kTypes) {
      if (word.name != token->text) continue;
      rule_.type = word.value;
      return true;
    }
    return fail(fmt::format("the connection type {}", not_one_of(token->text, names_in(kTypes)).message));
  }

  bool names(std::string_view what, std::vector<HbaName>& out) {
    const HbaField* found = field(fmt::format("the {}", what));
    return found != nullptr && add_names(*found, what == "database", 0, out);
  }

  bool add_names(const HbaField& tokens, bool database, int depth, std::vector<HbaName>& out) {
    for (const HbaToken& token : tokens) {
      if (depth == 0) column_ = token.column;
      if (!token.quoted && token.text.starts_with('@') && token.text.size() > 1) {
        if (!add_file(token.text.substr(1), database, depth, out)) return false;
        continue;
      }
      if (!add_name(token, database, out)) return false;
      if (++name_count_ > kMaxNames) return fail(fmt::format("more than {} names in one rule", kMaxNames));
    }
    return true;
  }

  bool add_name(const HbaToken& token, bool database, std::vector<HbaName>& out) {
    using Kind = HbaName::Kind;
    if (keyword(token, "all")) {
      out.push_back({Kind::kAll, ""});
    } else if (database && keyword(token, "sameuser")) {
      out.push_back({Kind::kSameUser, ""});
    } else if (database && keyword(token, "replication")) {
      out.push_back({Kind::kReplication, ""});
    } else if (database && (keyword(token, "samerole") || keyword(token, "samegroup"))) {
      return fail(
          fmt::format("{} needs the role memberships of the server, which Weir does not know: list the names",
                      token.text));
    } else if (!database && !token.quoted && token.text.starts_with('+')) {
      return fail(
          fmt::format("{} needs the role memberships of the server, which Weir does not know: list the users",
                      shown(token.text)));
    } else {
      out.push_back({Kind::kName, token.text});
    }
    return true;
  }

  bool add_file(const std::string& name, bool database, int depth, std::vector<HbaName>& out) {
    if (depth == kMaxListDepth)
      return fail(fmt::format("@{} is nested too deep", base::escape_for_log(name, 60)));
    const auto text = files_.read(name);
    if (!text) return fail(fmt::format("cannot read the list {}", shown(name)));
    for (const HbaLine& line : hba_lines(*text)) {
      for (const HbaField& tokens : line.fields) {
        if (!add_names(tokens, database, depth + 1, out)) return false;
      }
    }
    return true;
  }

  bool address() {
    const HbaToken* token = single("the address");
    if (token == nullptr) return false;
    using Addresses = HbaRule::Addresses;
    if (keyword(*token, "all")) {
      rule_.addresses = Addresses::kAny;
    } else if (keyword(*token, "samehost")) {
      rule_.addresses = Addresses::kSameHost;
    } else if (keyword(*token, "samenet")) {
      rule_.addresses = Addresses::kSameNet;
    } else {
      rule_.addresses = Addresses::kNetwork;
      return token->text.find('/') != std::string::npos ? cidr(*token) : address_and_mask(*token);
    }
    return true;
  }

  bool cidr(const HbaToken& token) {
    const auto network = parse_cidr(token.text);
    if (!network)
      return fail(fmt::format("{} is no network: write it like 10.0.0.0/8 or fd00::/8", shown(token.text)));
    rule_.network = *network;
    return true;
  }

  bool address_and_mask(const HbaToken& token) {
    const auto address = parse_ip(token.text);
    if (!address) {
      return fail(
          fmt::format("{} is no address; host names are not supported here: write the network, as 10.0.0.0/8",
                      shown(token.text)));
    }
    const HbaToken* mask_token = single(fmt::format("the mask of {}", token.text));
    if (mask_token == nullptr) return false;
    const auto mask = parse_ip(mask_token->text);
    const auto network = mask ? cidr_of_mask(*address, *mask) : std::nullopt;
    if (!network) return fail(fmt::format("{} is no mask for {}", shown(mask_token->text), token.text));
    rule_.network = *network;
    return true;
  }

  bool method() {
    const HbaToken* token = single("the method");
    if (token == nullptr) return false;
    std::string name = token->text;
    const bool local = rule_.type == HbaType::kLocal;
    if (name == "ident" && local) name = "peer";  // the manual: ident on a local line means peer
    const auto found =
        std::find_if(kMethods.begin(), kMethods.end(), [&](const auto& word) { return word.name == name; });
    if (found == kMethods.end()) return fail(unknown_method(name));
    rule_.method = found->value;
    if (rule_.method == HbaMethod::kPeer && !local) return fail("peer works on local lines only");
    if (rule_.method == HbaMethod::kCert && rule_.type != HbaType::kHostSsl)
      return fail("cert works on hostssl lines only");
    if (rule_.method == HbaMethod::kCert) rule_.clientcert = ClientCert::kVerifyFull;
    return true;
  }

  static std::string unknown_method(std::string_view name) {
    for (const std::string_view known : {"gss", "sspi", "ident", "bsd", "radius"}) {
      if (name != known) continue;
      return fmt::format("the method {} is not supported: use one of {}", name,
                         fmt::join(names_in(kMethods), ", "));
    }
    return fmt::format("the method {}", not_one_of(name, names_in(kMethods)).message);
  }

  bool option(const HbaToken& token) {
    column_ = token.column;
    const std::size_t equals = token.text.find('=');
    if (equals == std::string::npos)
      return fail(fmt::format("{} is no option: write name=value", shown(token.text)));
    const std::string name = token.text.substr(0, equals);
    const std::string value = token.text.substr(equals + 1);
    if (name == "map") return map_option(value);
    if (name == "clientcert") return clientcert_option(value);
    const auto among = [&](const auto& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    const bool fits = (rule_.method == HbaMethod::kPam && among(kPamOptions)) ||
                      (rule_.method == HbaMethod::kLdap && among(kLdapOptions));
    if (!fits) return fail(fmt::format("the option {} does not belong to this method", shown(name)));
    rule_.options.emplace_back(name, value);
    return true;
  }

  bool map_option(const std::string& value) {
    if (rule_.method != HbaMethod::kPeer && rule_.method != HbaMethod::kCert) {
      return fail("map= belongs to the methods peer and cert");
    }
    rule_.map = value;
    return true;
  }

  bool clientcert_option(std::string_view value) {
    if (rule_.type != HbaType::kHostSsl) return fail("clientcert= works on hostssl lines only");
    if (value == "verify-full") {
      rule_.clientcert = ClientCert::kVerifyFull;
    } else if (value == "verify-ca" && rule_.method != HbaMethod::kCert) {
      rule_.clientcert = ClientCert::kVerifyCa;
    } else {
      return fail(rule_.method == HbaMethod::kCert ? "with the method cert, clientcert= must be verify-full"
                                                   : "clientcert= must be verify-ca or verify-full");
    }
    return true;
  }

  // What a rule needs once it is read whole.
  bool whole() {
    if (rule_.method != HbaMethod::kLdap) return true;
    const auto has = [&](std::string_view name) { return !rule_.option(name).empty(); };
    if (has("ldapurl")) return true;
    if (!has("ldapserver")) return fail("the method ldap needs ldapserver=");
    const bool simple = has("ldapprefix") || has("ldapsuffix");
    const bool search = has("ldapbasedn") || has("ldapbinddn") || has("ldapbindpasswd") ||
                        has("ldapsearchattribute") || has("ldapsearchfilter");
    if (simple && search)
      return fail("ldapprefix and ldapsuffix cannot go together with a search (ldapbasedn)");
    if (!simple && !has("ldapbasedn"))
      return fail("the method ldap needs ldapbasedn=, ldapprefix= or ldapsuffix=");
    if (has("ldapsearchattribute") && has("ldapsearchfilter")) {
      return fail("ldapsearchattribute and ldapsearchfilter cannot go together");
    }
    return true;
  }

  const HbaLine& line_;
  const HbaFiles& files_;
  HbaRule rule_;
  std::size_t at_ = 0;
  std::size_t name_count_ = 0;
  int column_ = 1;
  std::string message_;
};

// ---- Matching ----

bool type_matches(HbaType type, const HbaConnection& connection) {
  const bool tcp = connection.address.has_value();
  switch (type) {
    case HbaType::kLocal: return !tcp;
    case HbaType::kHost:
    case HbaType::kHostNoGssEnc:  // GSS encryption is never spoken here
      return tcp;
    case HbaType::kHostSsl: return tcp && connection.tls;
    case HbaType::kHostNoSsl: return tcp && !connection.tls;
    case HbaType::kHostGssEnc: return false;
  }
  return false;
}

bool address_matches(const HbaRule& rule, const HbaConnection& connection) {
  if (rule.type == HbaType::kLocal) return true;
  const IpAddress& address = *connection.address;
  const auto& own = connection.host_networks;
  switch (rule.addresses) {
    case HbaRule::Addresses::kAny: return true;
    case HbaRule::Addresses::kNetwork: return rule.network.contains(address);
    case HbaRule::Addresses::kSameHost:
      return std::any_of(own.begin(), own.end(),
                         [&](const HostNetwork& net) { return net.address == address; });
    case HbaRule::Addresses::kSameNet:
      return std::any_of(own.begin(), own.end(),
                         [&](const HostNetwork& net) { return net.network.contains(address); });
  }
  return false;
}

bool database_matches(const HbaName& name, const HbaConnection& connection) {
  // Physical replication is to no database, so that only its own keyword means it.
  if (connection.physical_replication) return name.kind == HbaName::Kind::kReplication;
  switch (name.kind) {
    case HbaName::Kind::kAll: return true;
    case HbaName::Kind::kSameUser: return connection.database == connection.user;
    case HbaName::Kind::kReplication: return false;
    case HbaName::Kind::kName: return connection.database == name.name;
  }
  return false;
}

bool user_matches(const HbaName& name, const HbaConnection& connection) {
  return name.kind == HbaName::Kind::kAll ||
         (name.kind == HbaName::Kind::kName && name.name == connection.user);
}

}  // namespace

std::string_view HbaRule::option(std::string_view name) const {
  for (const auto& [key, value] : options) {
    if (key == name) return value;
  }
  return {};
}

const HbaRule* Hba::match(const HbaConnection& connection) const {
  for (const HbaRule& rule : rules) {
    if (!type_matches(rule.type, connection) || !address_matches(rule, connection)) continue;
    const auto database = [&](const HbaName& name) { return database_matches(name, connection); };
    const auto user = [&](const HbaName& name) { return user_matches(name, connection); };
    if (std::any_of(rule.databases.begin(), rule.databases.end(), database) &&
        std::any_of(rule.users.begin(), rule.users.end(), user)) {
      return &rule;
    }
  }
  return nullptr;
}

Hba parse_hba(std::string_view text, const HbaFiles& files, std::vector<TextProblem>& problems) {
  Hba hba;
  for (const HbaLine& line : hba_lines(text)) {
    RuleParser parser(line, files);
    if (auto rule = parser.parse()) {
      hba.rules.push_back(std::move(*rule));
    } else {
      problems.push_back(parser.problem());
    }
  }
  return hba;
}

}  // namespace conf
