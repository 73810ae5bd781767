#include "conf/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.h"
#include "conf/find_field.h"
#include "conf/ini.h"
#include "conf/load.h"
#include "conf/value.h"

namespace conf {
namespace {

// PgBouncer 1.25's defaults where Weir's differ.
struct Default {
  std::string_view key;
  std::string_view value;
};
constexpr std::array<Default, 7> kDefaults{{{"listen_addr", ""},
                                            {"pool_mode", "session"},
                                            {"auth_type", "md5"},
                                            {"max_client_conn", "100"},
                                            {"client_login_timeout", "60"},
                                            {"query_wait_timeout", "120"},
                                            {"server_login_retry", "15"}}};

// A section under construction: the values that were read and which they are.
template <typename Section>
struct Draft {
  Section values;
  std::set<std::size_t> rows;  // in the order of the table
};

// A text as a TOML setting must say it, so that ${ is not taken for a variable.
std::string escaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "${") out += '$';
    out += text[i];
  }
  return out;
}

std::string shown(std::string_view text) { return base::escape_for_log(text, 60); }

template <typename T>
base::Status parse_pgbouncer(std::string_view text, Bounds bounds, T& out) {
  return parse_value(escaped(text), bounds, out);
}
// PgBouncer's switches are numbers: anything but 0 is on.
base::Status parse_pgbouncer(std::string_view text, Bounds bounds, bool& out) {
  const auto number = base::parse_int(text);
  if (!number) return parse_value(text, bounds, out);
  out = *number != 0;
  return base::Ok{};
}

template <typename T>
std::string written(const T& value) {
  return toml_value(value);
}
std::string written(const Secret& value) { return toml_string(value.reveal()); }
template <typename T>
std::string written(const std::optional<T>& value) {
  return value ? written(*value) : std::string("\"\"");
}

class Converter {
 public:
  Converter(std::string file, const Surroundings& surroundings)
      : file_(std::move(file)), surroundings_(surroundings) {}

  Converted run(std::string_view text) {
    for (const IniEntry& entry : parse_ini(text, file_, surroundings_, result_.not_carried)) take(entry);
    fill_defaults();
    weir_notes();
    result_.toml = write();
    sort_problems(result_.not_carried);
    sort_problems(result_.notes);
    return std::move(result_);
  }

 private:
  void left_out(const IniEntry& entry, std::string message) {
    result_.not_carried.push_back({entry.file, entry.line, 1, std::move(message)});
  }
  void note(const IniEntry& entry, std::string message) {
    result_.notes.push_back({entry.file, entry.line, 1, std::move(message)});
  }
  void note(std::string message) { result_.notes.push_back({file_, 0, 0, std::move(message)}); }

  // ---- Reading ----

  void take(const IniEntry& entry) {
    const auto plain = [](std::string_view text) {
      return base::valid_utf8(text) && text.find('\0') == std::string_view::npos;
    };
    if (!plain(entry.key) || !plain(entry.value)) {
      return left_out(entry, fmt::format("{} is not UTF-8, as TOML must be", shown(entry.key)));
    }
    if (entry.section == "pgbouncer") return main(entry);
    if (entry.section == "databases") return database(entry);
    if (entry.section == "users") return user(entry);
    if (entry.section == "peers") return peer(entry);
    left_out(entry, fmt::format("{}: Weir has no section for [{}]", shown(entry.key), shown(entry.section)));
  }

  void main(const IniEntry& entry) {
    if (entry.key == "conffile")
      return left_out(entry, "conffile: Weir is told its file on the command line");
    if (entry.value.empty() && !takes_empty(entry.key))
      return left_out(entry, fmt::format("{} has no value", shown(entry.key)));
    if (says(entry.key))
      note(entry, fmt::format("{} was set before; the last one counts", entry.key));
    set(entry, "", entry.key, entry.value, weir_);
    places_.insert_or_assign(entry.key, entry);
  }

  // An empty value means something for texts and lists only; for the rest PgBouncer refuses it too.
  static bool takes_empty(std::string_view key) {
    bool takes = true;
    find_field<Weir>(key, [&](const auto& field) {
      using Value = std::remove_cvref_t<decltype(std::declval<Weir>().*(field.member))>;
      takes = std::is_same_v<Value, std::string> || std::is_same_v<Value, Names>;
    });
    return takes;
  }

  // Does the ini set this key of [weir], with a value that could be read?
  bool says(std::string_view key) const {
    const auto row = field_index<Weir>(key);
    return row && weir_.rows.contains(*row);
  }
  void assume(std::string_view key) {
    if (const auto row = field_index<Weir>(key)) assumed_.insert(*row);
  }

  void database(const IniEntry& entry) {
    if (entry.key == "pgbouncer" || entry.key == "weir") {
      return left_out(entry, fmt::format("{}: this database name belongs to Weir's console", entry.key));
    }
    auto& draft = fresh(entry, databases_, entry.key);
    pairs(entry, draft);
  }

  void user(const IniEntry& entry) { pairs(entry, fresh(entry, users_, entry.key)); }

  void peer(const IniEntry& entry) {
    const auto id = base::parse_int(entry.key);
    if (!id || *id < 1 || *id > kMaxPeer) {
      return left_out(
          entry, fmt::format("{}: a peer's name is its number from 1 to {}", shown(entry.key), kMaxPeer));
    }
    auto& draft = fresh(entry, peers_, static_cast<int>(*id));
    pairs(entry, draft);
    if (draft.values.host.empty()) {
      left_out(entry, fmt::format("peer {} has no host", *id));
      peers_.erase(static_cast<int>(*id));
    }
  }

  template <typename Map, typename Key>
  typename Map::mapped_type& fresh(const IniEntry& entry, Map& map, const Key& key) {
    if (map.contains(key))
      note(entry, fmt::format("{} was set before; the last one counts", shown(entry.key)));
    return map.insert_or_assign(key, typename Map::mapped_type{}).first->second;
  }

  template <typename Section>
  void pairs(const IniEntry& entry, Draft<Section>& draft) {
    const auto parsed = parse_connection_string(entry.value);
    if (!parsed.ok()) {
      return left_out(entry, fmt::format("{}: {}", shown(entry.key), parsed.error().message));
    }
    for (const auto& [key, value] : *parsed) {
      const std::string_view name = key == "reserve_pool" ? "reserve_pool_size" : std::string_view(key);
      set(entry, fmt::format("{}: ", shown(entry.key)), name, value, draft);
    }
  }

  template <typename Section>
  void set(const IniEntry& entry, const std::string& prefix, std::string_view key, std::string_view value,
           Draft<Section>& draft) {
    const auto row = field_index<Section>(key);
    if (!row) return left_out(entry, fmt::format("{}Weir has no setting {}", prefix, shown(key)));
    visit_field<Section>(*row, [&](const auto& field) {
      auto& member = draft.values.*(field.member);
      const auto status = parse_pgbouncer(value, field.bounds, member);
      if (status.ok()) {
        draft.rows.insert(*row);
      } else {
        left_out(entry, fmt::format("{}{} {}", prefix, key, status.error().message));
      }
    });
  }

  // ---- What the ini does not say ----

  void fill_defaults() {
    for (const Default& one : kDefaults) {
      if (says(one.key)) continue;
      find_field<Weir>(one.key, [&](const auto& field) {
        if (parse_pgbouncer(one.value, field.bounds, weir_.values.*(field.member)).ok()) assume(one.key);
      });
    }
    if (!weir_.values.client_tls_cert_file.empty() && !says("client_tls_sslmode")) {
      weir_.values.client_tls_sslmode = TlsMode::kDisable;
      assume("client_tls_sslmode");
    }
    if (weir_.values.syslog && !says("syslog_ident")) {
      weir_.values.syslog_ident = "pgbouncer";
      assume("syslog_ident");
    }
    if (weir_.values.server_login_retry > weir_.values.server_login_retry_max) {
      weir_.values.server_login_retry_max = weir_.values.server_login_retry;
      assume("server_login_retry_max");
    }
  }

  void weir_notes() {
    Weir& weir = weir_.values;
    const bool trusting = weir.auth_type == AuthType::kTrust || weir.auth_type == AuthType::kAny;
    const bool remote =
        std::any_of(weir.listen_addr.begin(), weir.listen_addr.end(), [](const std::string& name) {
          const auto address = parse_ip(name);
          return address ? !address->loopback() : name != "localhost";
        });
    if (trusting && remote) {
      weir.allow_remote_trust = true;
      assume("allow_remote_trust");
      note(fmt::format(
          "auth_type = {} lets everybody in who can reach listen_addr; Weir asks for allow_remote_trust, "
          "which was added",
          to_string(weir.auth_type)));
    }
    for (const std::string_view key : {"auth_file", "auth_hba_file", "auth_ident_file", "logfile", "pidfile",
                                       "client_tls_key_file", "client_tls_cert_file", "client_tls_ca_file",
                                       "server_tls_key_file", "server_tls_cert_file", "server_tls_ca_file"}) {
      const auto found = places_.find(key);
      if (found == places_.end() || found->second.value.empty() || found->second.value.starts_with('/'))
        continue;
      note(found->second,
           fmt::format("{}: Weir looks for {} in the folder of weir.toml", key, shown(found->second.value)));
    }
  }

  // ---- Writing ----

  std::string write() const {
    std::string out =
        fmt::format("# Made by weir convert from {}.\n\n[weir]\n", base::escape_for_log(file_, 200));
    write_settings(weir_, false, out);
    if (!assumed_.empty()) out += "\n# Not in the ini: PgBouncer's defaults where Weir's differ.\n";
    write_settings(weir_, true, out);
    for (const auto& [name, draft] : databases_) {
      out += fmt::format("\n[databases.{}]\n", toml_key(name));
      write_settings(draft, false, out);
    }
    for (const auto& [name, draft] : users_) {
      out += fmt::format("\n[users.{}]\n", toml_key(name));
      write_settings(draft, false, out);
    }
    for (const auto& [id, draft] : peers_) {
      out += fmt::format("\n[peers.{}]\n", id);
      write_settings(draft, false, out);
    }
    return out;
  }

  template <typename Section>
  void write_settings(const Draft<Section>& draft, bool assumed, std::string& out) const {
    for (const std::size_t row : assumed ? assumed_ : draft.rows) {
      if (std::is_same_v<Section, Weir> && !assumed && assumed_.contains(row)) continue;
      visit_field<Section>(row, [&](const auto& field) {
        out += fmt::format("{} = {}\n", field.name, written(draft.values.*(field.member)));
      });
    }
  }

  std::string file_;
  const Surroundings& surroundings_;
  Converted result_;
  Draft<Weir> weir_;
  std::set<std::size_t> assumed_;  // rows of [weir] that the ini leaves to the default
  std::map<std::string, IniEntry, std::less<>> places_;
  std::map<std::string, Draft<Database>, std::less<>> databases_;
  std::map<std::string, Draft<User>, std::less<>> users_;
  std::map<int, Draft<Peer>> peers_;
};

}  // namespace

Converted convert_ini(std::string_view text, const std::string& file, const Surroundings& surroundings) {
  Converted converted = rewrite_ini(text, file, surroundings);
  LoadResult loaded = load_text(converted.toml, resolve_path(folder_of(file), "weir.toml"), surroundings);
  converted.open = std::move(loaded.problems);
  return converted;
}

Converted rewrite_ini(std::string_view text, const std::string& file, const Surroundings& surroundings) {
  return Converter(file, surroundings).run(text);
}

}  // namespace conf
