#include "conf/load.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "conf/check.h"
#include "conf/prescan.h"
#include "conf/settings_table.h"
#include "conf/url.h"
#include "conf/value.h"

namespace conf {
namespace {

struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

// Settings that name a file. A path in a configuration file is relative to that file's folder.
constexpr std::array kPathSettings{&Weir::pidfile,
                                   &Weir::auth_file,
                                   &Weir::auth_hba_file,
                                   &Weir::auth_ident_file,
                                   &Weir::resolv_conf,
                                   &Weir::client_tls_key_file,
                                   &Weir::client_tls_cert_file,
                                   &Weir::client_tls_ca_file,
                                   &Weir::server_tls_key_file,
                                   &Weir::server_tls_cert_file,
                                   &Weir::server_tls_ca_file,
                                   &Weir::logfile};

template <typename T>
inline constexpr bool kIsList = false;
template <typename T>
inline constexpr bool kIsList<std::vector<T>> = true;

template <typename Section>
std::vector<std::string_view> field_names() {
  std::vector<std::string_view> names;
  for_each_field<Section>([&](const auto& field) { names.push_back(field.name); });
  return names;
}

// Loads one file; collects problems instead of stopping at the first.
class Loader {
 public:
  Loader(std::string file, const Surroundings& surroundings)
      : file_(std::move(file)), folder_(folder_of(file_)), surroundings_(surroundings) {}

  LoadResult run(std::string_view text) {
    if (const auto bad = prescan(text)) {
      problem({file_, bad->line, bad->column}, bad->message);
      return finish();
    }
    const toml::parse_result parsed = toml::parse(text, std::string_view(file_));
    if (!parsed) {
      const auto& error = parsed.error();
      problem(place(error.source()), base::escape_for_log(error.description()));
      return finish();
    }
    root(parsed.table());
    return complete();
  }

  LoadResult run_url(std::string_view url) {
    auto made = config_from_url(url);
    if (!made.ok()) {
      problem({file_}, made.error().message);
      return finish();
    }
    config_ = std::move(made).value();
    const Names loopback = config_.weir.listen_addr;
    environment_settings();
    config_.weir.listen_addr = loopback;
    return resolve();
  }

  void problem(const Place& where, std::string message) {
    problems_.push_back({where.file, where.line, where.column, std::move(message)});
  }

  LoadResult finish() {
    sort_problems(problems_);
    sort_problems(warnings_);
    LoadResult result;
    if (problems_.empty()) result.config = std::make_shared<const Config>(std::move(config_));
    result.problems = std::move(problems_);
    result.warnings = std::move(warnings_);
    return result;
  }

 private:
  // ---- What follows the file itself ----

  LoadResult complete() {
    environment_settings();
    database_url();
    config_.weir.conffile = file_;
    return resolve();
  }

  LoadResult resolve() {
    for (const auto setting : kPathSettings)
      config_.weir.*setting = resolve_path(folder_, config_.weir.*setting);
    config_.finish();
    read_auth_file();
    read_hba_file();
    read_ident_file();
    for (const Finding& finding : check(config_, surroundings_)) {
      const Place where = place_of(finding.section, finding.key);
      auto& list = finding.severity == Finding::Severity::kProblem ? problems_ : warnings_;
      list.push_back({where.file, where.line, where.column, finding.message});
    }
    return finish();
  }

  void environment_settings() {
    for_each_field<Weir>([&](const auto& field) {
      const std::string name = "WEIR_" + upper(field.name);
      const auto text = surroundings_.environment(name);
      if (!text) return;
      const auto status = parse_value(*text, field.bounds, config_.weir.*(field.member));
      const Place where{fmt::format("environment variable {}", name)};
      if (!status.ok()) problem(where, fmt::format("{} {}", field.name, status.error().message));
      places_[fmt::format("weir.{}", field.name)] = where;
    });
  }

  void database_url() {
    std::string name = "WEIR_DATABASE_URL";
    auto text = surroundings_.environment(name);
    if (!text && config_.databases.empty() && !config_.fallback) {
      name = "DATABASE_URL";
      text = surroundings_.environment(name);
    }
    if (!text || text->empty()) return;
    const auto url = parse_database_url(*text);
    if (url.ok()) {
      apply(*url, config_);
    } else {
      problem({fmt::format("environment variable {}", name)}, url.error().message);
    }
  }

  static std::string upper(std::string_view name) {
    std::string out(name);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return out;
  }

  void read_auth_file() {
    std::vector<TextProblem> found;
    const std::string& path = config_.weir.auth_file;
    if (const auto text = read("auth_file", path)) config_.userlist = parse_userlist(*text, found);
    keep(path, found);
  }

  void read_hba_file() {
    class Lists final : public HbaFiles {
     public:
      Lists(std::string folder, const Surroundings& surroundings)
          : folder_(std::move(folder)), surroundings_(surroundings) {}
      std::optional<std::string> read(std::string_view name) const override {
        auto text = surroundings_.read_file(resolve_path(folder_, name));
        return text.ok() ? std::optional(std::move(text).value()) : std::nullopt;
      }

     private:
      std::string folder_;
      const Surroundings& surroundings_;
    };
    std::vector<TextProblem> found;
    const std::string& path = config_.weir.auth_hba_file;
    if (const auto text = read("auth_hba_file", path)) {
      config_.hba = parse_hba(*text, Lists(folder_of(path), surroundings_), found);
    }
    keep(path, found);
  }

  void read_ident_file() {
    std::vector<TextProblem> found;
    const std::string& path = config_.weir.auth_ident_file;
    if (const auto text = read("auth_ident_file", path)) config_.ident = parse_ident(*text, found);
    keep(path, found);
  }

  std::optional<std::string> read(std::string_view key, const std::string& path) {
    if (path.empty()) return std::nullopt;
    auto text = surroundings_.read_file(path);
    if (text.ok()) return std::move(text).value();
    problem(place_of("weir", key), fmt::format("{}: {}", key, text.error().message));
    return std::nullopt;
  }

  void keep(const std::string& path, const std::vector<TextProblem>& found) {
    for (const TextProblem& one : found) problem({path, one.line, one.column}, one.message);
  }

  Place place_of(const std::string& section, std::string_view key) const {
    if (const auto found = places_.find(fmt::format("{}.{}", section, key)); found != places_.end())
      return found->second;
    if (const auto found = places_.find(section); found != places_.end()) return found->second;
    return {file_};
  }

  // ---- The file ----

  Place place(const toml::source_region& source) const {
    return {file_, static_cast<int>(source.begin.line), static_cast<int>(source.begin.column)};
  }

  static std::string shown(std::string_view word) {
    return fmt::format("'{}'", base::escape_for_log(word, 60));
  }

  static std::string guess(std::string_view word, const std::vector<std::string_view>& names) {
    const std::string_view best = nearest(word, names);
    return best.empty() ? "" : fmt::format("; did you mean '{}'?", best);
  }

  void root(const toml::table& file) {
    for (const auto& [key, node] : file) {
      const std::string_view name = key.str();
      const Place where = place(key.source());
      if (name == "weir") {
        section("weir", "weir", where, node, config_.weir);
      } else if (name == "workers") {
        section("workers", "workers", where, node, config_.workers);
      } else if (name == "databases") {
        each(name, where, node, [&](std::string_view entry, const Place& at, const toml::node& body) {
          Database& database =
              entry == "*" ? config_.fallback.emplace() : config_.databases[std::string(entry)];
          section(entry_name(name, entry), "databases.NAME", at, body, database);
        });
      } else if (name == "users") {
        each(name, where, node, [&](std::string_view entry, const Place& at, const toml::node& body) {
          section(entry_name(name, entry), "users.NAME", at, body, config_.users[std::string(entry)]);
        });
      } else if (name == "peers") {
        each(name, where, node,
             [&](std::string_view entry, const Place& at, const toml::node& body) { peer(entry, at, body); });
      } else {
        unknown_at_root(name, where, node.is_table());
      }
    }
  }

  static std::string entry_name(std::string_view section, std::string_view entry) {
    return fmt::format("{}.{}", section, toml_key(entry));
  }

  void unknown_at_root(std::string_view name, const Place& where, bool table) {
    static const std::vector<std::string_view> kSections{"weir", "workers", "databases", "users", "peers"};
    const auto settings = field_names<Weir>();
    if (table) {
      problem(where,
              fmt::format("unknown section [{}]{}", base::escape_for_log(name, 60), guess(name, kSections)));
    } else if (std::find(settings.begin(), settings.end(), name) != settings.end()) {
      problem(where, fmt::format("{} stands outside a section: put it below [weir]", name));
    } else {
      problem(where,
              fmt::format("unknown setting {} outside a section{}", shown(name), guess(name, settings)));
    }
  }

  template <typename Entry>
  void each(std::string_view section, const Place& where, const toml::node& node, Entry&& entry) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      problem(where, fmt::format("{0} must be a section: [{0}.NAME]", section));
      return;
    }
    for (const auto& [key, body] : *table) {
      if (key.str().empty() || key.str().find('\0') != std::string_view::npos) {
        problem(place(key.source()),
                fmt::format("a name in [{}] must not be empty or hold a zero byte", section));
        continue;
      }
      entry(key.str(), place(key.source()), body);
    }
  }

  void peer(std::string_view entry, const Place& where, const toml::node& body) {
    constexpr int kMaxPeer = 16'383;  // as many bits as a cancel key has for it
    const auto id = base::parse_int(entry);
    if (!id || *id < 1 || *id > kMaxPeer) {
      problem(where, fmt::format("a peer's name is its number from 1 to {}, not {}", kMaxPeer, shown(entry)));
      return;
    }
    section(fmt::format("peers.{}", *id), "peers.N", where, body, config_.peers[static_cast<int>(*id)]);
  }

  template <typename Section>
  void section(const std::string& name, std::string_view kind, const Place& where, const toml::node& node,
               Section& out) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      problem(where, fmt::format("{} must be a section: [{}] with its settings below", name, name));
      return;
    }
    places_[name] = where;
    for (const auto& [key, value] : *table) setting(name, kind, key, value, *table, out);
  }

  template <typename Section>
  void setting(const std::string& section, std::string_view kind, const toml::key& key,
               const toml::node& value, const toml::table& siblings, Section& out) {
    const std::string_view name = canonical<Section>(key.str());
    const Place where = place(key.source());
    if (name != key.str() && siblings.contains(name)) {
      problem(where, fmt::format("{} is another word for {}, which is set too", key.str(), name));
      return;
    }
    if (std::is_same_v<Section, Weir> && name == "conffile") {
      problem(where, "conffile is shown by SHOW CONFIG and cannot be set");
      return;
    }
    bool known = false;
    for_each_field<Section>([&](const auto& field) {
      if (field.name == name) {
        known = true;
        places_[fmt::format("{}.{}", section, name)] = place(value.source());
        if (const auto status = read_node(value, field, out.*(field.member)); !status.ok()) {
          problem(place(value.source()), fmt::format("{} {}", name, status.error().message));
        }
        return;
      }
      using Value = std::remove_cvref_t<decltype(out.*(field.member))>;
      if constexpr (std::is_same_v<Value, std::optional<Secret>>) {
        if (name == fmt::format("{}_file", field.name)) {
          known = true;
          secret_beside(where, value, fmt::format("{}.{}", section, field.name),
                        siblings.contains(field.name), name, out.*(field.member));
        }
      }
    });
    if (!known) {
      const auto names = field_names<Section>();
      problem(where,
              fmt::format("unknown setting {} in [{}]{}", shown(key.str()), kind, guess(key.str(), names)));
    }
  }

  // PgBouncer's older names.
  template <typename Section>
  static std::string_view canonical(std::string_view name) {
    if constexpr (std::is_same_v<Section, Database>) {
      if (name == "reserve_pool") return "reserve_pool_size";
    }
    return name;
  }

  template <typename FieldType, typename T>
  base::Status read_node(const toml::node& node, const FieldType& field, T& out) {
    if constexpr (std::is_same_v<T, std::optional<Secret>>) {
      if (const toml::table* table = node.as_table()) return read_secret_table(*table, out);
    }
    if constexpr (kIsList<T>) {
      if (const toml::array* array = node.as_array()) return read_array(*array, field.bounds, out);
    }
    TRY(const std::string text, scalar_text<T>(node));
    return parse_value(text, field.bounds, out);
  }

  template <typename T>
  base::Status read_array(const toml::array& array, Bounds bounds, T& out) {
    T all;
    for (const toml::node& node : array) {
      TRY(const std::string text, scalar_text<T>(node));
      T part;
      TRY_STATUS(parse_value(text, bounds, part));
      all.insert(all.end(), part.begin(), part.end());
    }
    out = std::move(all);
    return base::Ok{};
  }

  // The text of a value as parse_value wants it, if its TOML type suits the setting's.
  template <typename T>
  base::Result<std::string> scalar_text(const toml::node& node) {
    constexpr bool kText = std::is_same_v<T, std::string> || std::is_same_v<T, std::optional<std::string>> ||
                           std::is_same_v<T, Names> || std::is_same_v<T, std::vector<Cidr>> ||
                           std::is_same_v<T, std::optional<Secret>>;
    const auto wrong = [] {
      return base::invalid_parameter(fmt::format("must be a {}", type_text(static_cast<const T*>(nullptr))));
    };
    if (const auto* text = node.as_string()) return expand(text->get(), surroundings_);
    if constexpr (kText) return base::invalid_parameter("must be a text in quotes");
    if (const auto* number = node.as_integer()) {
      if constexpr (std::is_same_v<T, FileMode>) {
        const bool octal = (number->flags() & toml::value_flags::format_as_octal) != toml::value_flags::none;
        if (!octal) return base::invalid_parameter("must be octal digits in quotes, such as \"0770\"");
        if (number->get() < 0) return wrong();
        return fmt::format("{:o}", number->get());
      }
      return fmt::format("{}", number->get());
    }
    if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
    if (const auto* boolean = node.as_boolean()) {
      if constexpr (std::is_same_v<T, bool>) return std::string(boolean->get() ? "true" : "false");
    }
    return wrong();
  }

  // password = { file = "path" }
  base::Status read_secret_table(const toml::table& table, std::optional<Secret>& out) {
    const auto* path = table.get_as<std::string>("file");
    if (path == nullptr || table.size() != 1) {
      return base::invalid_parameter("must be a text, or { file = \"path\" }");
    }
    return read_secret_file(path->get(), out);
  }

  // password_file = "path"
  void secret_beside(const Place& where, const toml::node& value, const std::string& of, bool twice,
                     std::string_view name, std::optional<Secret>& out) {
    places_[of] = where;
    if (twice) {
      problem(where, fmt::format("{} and {} are both set: keep one", name, name.substr(0, name.size() - 5)));
      return;
    }
    const auto* path = value.as_string();
    const base::Status status = path == nullptr
                                    ? base::Status(base::invalid_parameter("must be a path in quotes"))
                                    : read_secret_file(path->get(), out);
    if (!status.ok()) problem(place(value.source()), fmt::format("{} {}", name, status.error().message));
  }

  base::Status read_secret_file(const std::string& path, std::optional<Secret>& out) {
    TRY(const std::string expanded, expand(path, surroundings_));
    auto text = surroundings_.read_file(resolve_path(folder_, expanded));
    if (!text.ok()) return std::move(text).error();
    std::string secret = std::move(text).value();
    // Editors end a file with a line end that is no part of the secret.
    if (secret.ends_with('\n')) secret.pop_back();
    if (secret.ends_with('\r')) secret.pop_back();
    if (secret.find('\n') != std::string::npos || secret.find('\0') != std::string::npos) {
      Secret::cleanse(secret);
      return base::invalid_parameter("must name a file with the secret on its only line");
    }
    out = Secret(std::move(secret));
    return base::Ok{};
  }

  std::string file_;
  std::string folder_;
  const Surroundings& surroundings_;
  Config config_;
  std::map<std::string, Place> places_;  // "weir.auth_type", "databases.app" → where it was said
  std::vector<Problem> problems_;
  std::vector<Problem> warnings_;
};

}  // namespace

LoadResult load_text(std::string_view text, const std::string& file, const Surroundings& surroundings) {
  return Loader(file, surroundings).run(text);
}

LoadResult load_file(const std::string& path, const Surroundings& surroundings) {
  const auto text = surroundings.read_file(path);
  if (text.ok()) return load_text(*text, path, surroundings);
  LoadResult result;
  result.problems.push_back({path, 0, 0, text.error().message});
  return result;
}

LoadResult load_url(std::string_view url, const Surroundings& surroundings) {
  return Loader("command line", surroundings).run_url(url);
}

}  // namespace conf
