#pragma once
// postgres:// URLs, as libpq reads them (manual, 34.1.1.2), turned into a database section.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "conf/config.h"

namespace conf {

struct DatabaseUrl {
  Database database;  // host, port, and what the parameters say; `user` and `password` are left unset
  std::string user;   // empty if the URL names none
  Secret password;
  std::string dbname;
  std::optional<TlsNegotiation> negotiation;
  std::optional<ChannelBinding> channel_binding;
  std::string ca_file, cert_file, key_file;
  std::optional<base::Duration> connect_timeout;
};

bool is_database_url(std::string_view text);  // starts with postgres:// or postgresql://

// The error never repeats the URL, which may hold a password.
base::Result<DatabaseUrl> parse_database_url(std::string_view url);

// Adds to `config` what the URL describes: the fallback database and, if the URL names one, that database;
// its user with the password as secret. Keys the URL does not mention stay as they are.
void apply(const DatabaseUrl& url, Config& config);

// The configuration of `weir postgres://...`: that server, reachable over loopback only. With a password in
// the URL, clients log in with the same user and password; without, loopback is trusted, as the server trusts
// us.
base::Result<Config> config_from_url(std::string_view url);

}  // namespace conf
