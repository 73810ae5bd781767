#include "conf/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "conf/value.h"

namespace conf {
namespace {

using base::invalid_parameter;

constexpr std::array<std::string_view, 2> kSchemes{"postgres://", "postgresql://"};
constexpr std::size_t kMaxUrl = 16'384;  // longer is not a connection string
constexpr std::size_t kMaxHosts = 64;
constexpr std::string_view kDefaultSocketDir = "/var/run/postgresql";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

base::Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '%') {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    const int high = text.size() > 2 ? hex_digit(text[1]) : -1;
    const int low = text.size() > 2 ? hex_digit(text[2]) : -1;
    if (high < 0 || low < 0)
      return invalid_parameter("the URL has a % without two hexadecimal digits after it");
    if (high == 0 && low == 0) return invalid_parameter("the URL must not contain %00");
    out += static_cast<char>(high * 16 + low);
    text.remove_prefix(3);
  }
  return out;
}

// Cuts `text` at the first of `separators` and returns what stood before it; `text` keeps the rest, separator
// included.
std::string_view cut(std::string_view& text, std::string_view separators) {
  const std::size_t end = std::min(text.find_first_of(separators), text.size());
  const std::string_view front = text.substr(0, end);
  text.remove_prefix(end);
  return front;
}

base::Status parse_host(std::string_view entry, Database& database) {
  std::string_view host;
  if (!entry.empty() && entry.front() == '[') {
    const std::size_t end = entry.find(']');
    if (end == std::string_view::npos) return invalid_parameter("the URL has a [ without its ]");
    host = entry.substr(1, end - 1);
    entry.remove_prefix(end + 1);
    if (!parse_ip(host)) return invalid_parameter("the URL has no IPv6 address between its [ and ]");
    if (!entry.empty() && entry.front() != ':')
      return invalid_parameter("the URL has something other than a port after ]");
  } else {
    host = cut(entry, ":");
  }
  TRY(std::string decoded, percent_decoded(host));
  int port = 5432;
  if (entry.size() > 1 && !parse_value(entry.substr(1), within(1, 65'535), port).ok()) {
    return invalid_parameter("the URL's port must be between 1 and 65535");
  }
  database.host.push_back(decoded.empty() ? std::string(kDefaultSocketDir) : decoded);
  database.port.push_back(port);
  return base::Ok{};
}

base::Status set_parameter(const std::string& name, const std::string& value, DatabaseUrl& url) {
  Database& db = url.database;
  if (name == "sslmode") return parse_value(value, {}, db.server_tls_sslmode);
  if (name == "target_session_attrs") return parse_value(value, {}, db.target_session_attrs);
  if (name == "application_name") return parse_value(value, {}, db.application_name);
  if (name == "client_encoding") return parse_value(value, {}, db.client_encoding);
  if (name == "sslnegotiation") return parse_value(value, {}, url.negotiation);
  if (name == "channel_binding") return parse_value(value, {}, url.channel_binding);
  if (name == "connect_timeout") return parse_value(value, {}, url.connect_timeout);
  if (name == "sslrootcert") return parse_value(value, {}, url.ca_file);
  if (name == "sslcert") return parse_value(value, {}, url.cert_file);
  if (name == "sslkey") return parse_value(value, {}, url.key_file);
  if (name == "user") return parse_value(value, {}, url.user);
  if (name == "dbname") return parse_value(value, {}, url.dbname);
  if (name == "password") return parse_value(value, {}, url.password);
  if (name == "host") {
    // libpq lets a parameter stand for a host that the authority leaves out: ?host=/run/postgresql.
    return parse_value(value, {}, db.host);
  }
  if (name == "port") return parse_value(value, within(1, 65'535), db.port);
  if (name == "load_balance_hosts") {  // libpq says random where Weir takes turns
    db.load_balance_hosts = value == "disable" ? LoadBalanceHosts::kDisable : LoadBalanceHosts::kRoundRobin;
    return base::Ok{};
  }
  return invalid_parameter(
      fmt::format("the URL's parameter {} is not one Weir knows", base::escape_for_log(name, 40)));
}

base::Status parse_parameters(std::string_view query, DatabaseUrl& url) {
  while (!query.empty()) {
    std::string_view pair = cut(query, "&");
    if (!query.empty()) query.remove_prefix(1);
    TRY(const std::string name, percent_decoded(cut(pair, "=")));
    if (pair.empty()) return invalid_parameter("the URL has a parameter without =");
    TRY(const std::string value, percent_decoded(pair.substr(1)));
    if (auto status = set_parameter(name, value, url); !status.ok()) {
      if (status.error().message.starts_with("the URL")) return status;
      if (name == "password") return invalid_parameter("the URL's password cannot be read");
      return invalid_parameter(fmt::format("the URL's {} {}", name, status.error().message));
    }
  }
  return base::Ok{};
}

}  // namespace

bool is_database_url(std::string_view text) {
  return text.starts_with(kSchemes[0]) || text.starts_with(kSchemes[1]);
}

base::Result<DatabaseUrl> parse_database_url(std::string_view text) {
  if (!is_database_url(text))
    return invalid_parameter("a database URL starts with postgres:// or postgresql://");
  if (text.size() > kMaxUrl)
    return invalid_parameter(fmt::format("a database URL has at most {} bytes", kMaxUrl));
  text.remove_prefix(text.find("//") + 2);
  DatabaseUrl url;

  std::string_view rest = text;
  std::string_view authority = cut(rest, "/?");
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    std::string_view login = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    TRY(url.user, percent_decoded(cut(login, ":")));
    if (!login.empty()) {
      TRY(std::string password, percent_decoded(login.substr(1)));
      url.password = Secret(std::move(password));
    }
  }
  while (!authority.empty()) {
    if (url.database.host.size() == kMaxHosts) return invalid_parameter("the URL has too many hosts");
    TRY_STATUS(parse_host(cut(authority, ","), url.database));
    if (!authority.empty()) authority.remove_prefix(1);
  }
  if (!rest.empty() && rest.front() == '/') {
    rest.remove_prefix(1);
    TRY(url.dbname, percent_decoded(cut(rest, "?")));
  }
  if (!rest.empty()) TRY_STATUS(parse_parameters(rest.substr(1), url));
  Database& db = url.database;
  if (db.host.empty()) db.host = {std::string(kDefaultSocketDir)};
  if (db.port.size() > 1 && db.port.size() != db.host.size()) {
    return invalid_parameter("the URL must have one port, or one for each host");
  }
  return url;
}

void apply(const DatabaseUrl& url, Config& config) {
  Weir& weir = config.weir;
  config.fallback = url.database;
  if (!url.dbname.empty()) config.databases[url.dbname] = url.database;
  if (!url.user.empty() && !url.password.empty()) config.users[url.user].password = url.password;
  if (url.negotiation) weir.server_tls_negotiation = *url.negotiation;
  if (url.channel_binding) weir.channel_binding = *url.channel_binding;
  if (url.connect_timeout) weir.server_connect_timeout = *url.connect_timeout;
  if (!url.ca_file.empty()) weir.server_tls_ca_file = url.ca_file;
  if (!url.cert_file.empty()) weir.server_tls_cert_file = url.cert_file;
  if (!url.key_file.empty()) weir.server_tls_key_file = url.key_file;
}

base::Result<Config> config_from_url(std::string_view text) {
  TRY(const DatabaseUrl url, parse_database_url(text));
  Config config;
  apply(url, config);
  config.weir.listen_addr = {"127.0.0.1"};
  config.weir.auth_type = url.password.empty() ? AuthType::kTrust : AuthType::kScram;
  if (!url.user.empty()) config.weir.admin_users = {url.user};
  config.finish();
  return config;
}

}  // namespace conf
