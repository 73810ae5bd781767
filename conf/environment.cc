#include "conf/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "conf/find_field.h"
#include "conf/value.h"

namespace conf {
namespace {

constexpr std::string_view kPrefix = "WEIR_";

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

class Reader {
 public:
  explicit Reader(const Surroundings& surroundings) : surroundings_(surroundings) {}

  template <typename Section>
  void table(std::string_view name, const std::string& prefix, Section& section) {
    for_each_field<Section>([&](const auto& field) {
      const std::string variable = prefix + upper(field.name);
      if (const auto text = surroundings_.environment(variable)) set(variable, std::string(name), field, *text, section);
    });
  }

  template <typename Section>
  void table(std::string_view name, Section& section) {
    table(name, fmt::format("{}{}_", kPrefix, upper(name)), section);
  }

  // entry(name) is the section of that name, or null where there can be none.
  template <typename Section, typename Entry>
  void named(std::string_view table, Entry&& entry) {
    constexpr std::string_view kBetween = "__";
    const std::string prefix = fmt::format("{}{}{}", kPrefix, upper(table), kBetween);
    for (const std::string& variable : surroundings_.variables_with(prefix)) {
      const std::string_view rest = std::string_view(variable).substr(prefix.size());
      const std::size_t cut = rest.rfind(kBetween);
      const auto unknown = [&] {
        wrong(variable, fmt::format("names no setting of [{0}.NAME]: write {1}NAME__SETTING", table, prefix));
      };
      if (cut == std::string_view::npos || cut == 0) {
        unknown();
        continue;
      }
      const std::string key = lower(rest.substr(cut + kBetween.size()));
      const std::string name(rest.substr(0, cut));
      const auto index = field_index<Section>(key);
      Section* section = index ? entry(name) : nullptr;
      if (section == nullptr) {
        unknown();
        continue;
      }
      const std::string text = surroundings_.environment(variable).value_or("");
      visit_field<Section>(*index, [&](const auto& field) {
        set(variable, fmt::format("{}.{}", table, toml_key(name)), field, text, *section);
      });
    }
  }

  FromEnvironment found() && { return std::move(found_); }

 private:
  template <typename Section, typename FieldType>
  void set(const std::string& variable, std::string section, const FieldType& field, const std::string& text, Section& out) {
    found_.said.push_back({variable, std::move(section), std::string(field.name)});
    if (const auto status = parse_value(text, field.bounds, out.*(field.member)); !status.ok())
      wrong(variable, fmt::format("{} {}", field.name, status.error().message));
  }

  void wrong(const std::string& variable, std::string message) { found_.wrong.push_back({variable, std::move(message)}); }

  const Surroundings& surroundings_;
  FromEnvironment found_;
};

}  // namespace

FromEnvironment apply_environment(const Surroundings& surroundings, Config& config) {
  Reader reader(surroundings);
  reader.table("weir", std::string(kPrefix), config.weir);
  reader.table("workers", config.workers);
  reader.table("http", config.http);
  reader.table("history", config.history);
  reader.table("traces", config.traces);
  reader.table("advice", config.advice);
  reader.table("alerting", config.alerting);
  reader.named<Database>("databases", [&](const std::string& name) {
    if (name != "*") return &config.databases[name];
    return config.fallback ? &*config.fallback : &config.fallback.emplace();
  });
  reader.named<User>("users", [&](const std::string& name) { return &config.users[name]; });
  reader.named<Guard>("guards", [&](const std::string& name) { return &config.guards[name]; });
  reader.named<Alert>("alerts", [&](const std::string& name) { return &config.alerts[name]; });
  reader.named<Peer>("peers", [&](const std::string& name) {
    const auto id = base::parse_int(name);
    return id && *id >= 1 && *id <= kMaxPeer ? &config.peers[static_cast<int>(*id)] : nullptr;
  });
  return std::move(reader).found();
}

}  // namespace conf
