#include "wire/options.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace wire {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The server's one-letter switches, as its process_postgres_switches has them.
struct Switch {
  enum class Kind { kSetting, kFlag, kIgnored, kIgnoredArgument, kNamed, kPlanner, kStatistics, kDebug };
  char letter;
  Kind kind;
  std::string_view name, value;  // of the setting; a kSetting's value is the argument
};
using Kind = Switch::Kind;
constexpr std::array<Switch, 28> kSwitches{{
    {'c', Kind::kNamed, {}, {}},
    {'-', Kind::kNamed, {}, {}},
    {'B', Kind::kSetting, "shared_buffers", {}},
    {'b', Kind::kIgnored, {}, {}},
    {'C', Kind::kIgnoredArgument, {}, {}},
    {'D', Kind::kIgnoredArgument, {}, {}},
    {'d', Kind::kDebug, {}, {}},
    {'E', Kind::kIgnored, {}, {}},
    {'e', Kind::kFlag, "datestyle", "euro"},
    {'F', Kind::kFlag, "fsync", "false"},
    {'f', Kind::kPlanner, {}, {}},
    {'h', Kind::kSetting, "listen_addresses", {}},
    {'i', Kind::kFlag, "listen_addresses", "*"},
    {'j', Kind::kIgnored, {}, {}},
    {'k', Kind::kSetting, "unix_socket_directories", {}},
    {'l', Kind::kFlag, "ssl", "true"},
    {'N', Kind::kSetting, "max_connections", {}},
    {'n', Kind::kIgnored, {}, {}},
    {'O', Kind::kFlag, "allow_system_table_mods", "true"},
    {'P', Kind::kFlag, "ignore_system_indexes", "true"},
    {'p', Kind::kSetting, "port", {}},
    {'r', Kind::kIgnoredArgument, {}, {}},
    {'S', Kind::kSetting, "work_mem", {}},
    {'s', Kind::kFlag, "log_statement_stats", "true"},
    {'T', Kind::kIgnored, {}, {}},
    {'t', Kind::kStatistics, {}, {}},
    {'v', Kind::kIgnoredArgument, {}, {}},
    {'W', Kind::kSetting, "post_auth_delay", {}},
}};

bool takes_argument(Kind kind) { return kind != Kind::kFlag && kind != Kind::kIgnored; }

base::Error invalid_argument(std::string_view word) {
  return base::with_hint(
      base::syntax_error("invalid command-line argument for server process: " + std::string(word)),
      "Try \"postgres --help\" for more information.");
}

base::Error bad_name(const std::string& name) {
  if (name.find('.') == std::string::npos) {
    return base::undefined_object("unrecognized configuration parameter \"" + name + "\"");
  }
  return base::Error{"42602",
                     "invalid configuration parameter name \"" + name + "\"",
                     "Custom parameter names must be two or more simple identifiers separated by dots.",
                     {}};
}

base::Status add_named(char letter, std::string_view argument, Settings& settings) {
  const std::size_t equals = argument.find('=');
  std::string name(argument.substr(0, equals));
  std::ranges::replace(name, '-', '_');
  if (equals == std::string_view::npos) {
    const std::string prefix = letter == '-' ? "--" : "-c ";
    return base::syntax_error(prefix + std::string(argument) + " requires a value");
  }
  if (!is_setting_name(name)) return bad_name(name);
  settings.emplace_back(normalize_setting_name(name), argument.substr(equals + 1));
  return base::Ok{};
}

std::optional<std::string_view> planner_setting(std::string_view argument) {
  switch (argument.empty() ? '\0' : argument.front()) {
    case 's': return "enable_seqscan";
    case 'i': return "enable_indexscan";
    case 'o': return "enable_indexonlyscan";
    case 'b': return "enable_bitmapscan";
    case 't': return "enable_tidscan";
    case 'n': return "enable_nestloop";
    case 'm': return "enable_mergejoin";
    case 'h': return "enable_hashjoin";
    default: return std::nullopt;
  }
}

std::optional<std::string_view> statistics_setting(std::string_view argument) {
  if (argument.starts_with("pa")) return "log_parser_stats";
  if (argument.starts_with("pl")) return "log_planner_stats";
  if (argument.starts_with("e")) return "log_executor_stats";
  return std::nullopt;
}

void add_debug(std::string_view argument, Settings& settings) {
  int level = 0;
  for (char c : argument) {
    if (c < '0' || c > '9') break;
    level = std::min(level * 10 + (c - '0'), 1000);
  }
  settings.emplace_back("log_min_messages", level > 0 ? "debug" + std::to_string(level) : "notice");
  if (level >= 2) settings.emplace_back("log_statement", "all");
  if (level >= 3) settings.emplace_back("debug_print_parse", "true");
  if (level >= 4) settings.emplace_back("debug_pretty_print", "true");
  if (level >= 5) settings.emplace_back("debug_print_rewritten", "true");
}

base::Status add_switch(const Switch& known, std::string_view word, std::string_view argument,
                        Settings& settings) {
  switch (known.kind) {
    case Kind::kNamed: return add_named(known.letter, argument, settings);
    case Kind::kSetting: settings.emplace_back(known.name, argument); break;
    case Kind::kFlag: settings.emplace_back(known.name, known.value); break;
    case Kind::kDebug: add_debug(argument, settings); break;
    case Kind::kPlanner: {
      const auto name = planner_setting(argument);
      if (!name) return invalid_argument(word);
      settings.emplace_back(*name, "false");
      break;
    }
    case Kind::kStatistics: {
      const auto name = statistics_setting(argument);
      if (!name) return invalid_argument(word);
      settings.emplace_back(*name, "true");
      break;
    }
    case Kind::kIgnored:
    case Kind::kIgnoredArgument: break;
  }
  return base::Ok{};
}

}  // namespace

std::vector<std::string> split_options(std::string_view options) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (true) {
    while (at < options.size() && is_space(options[at])) ++at;
    if (at == options.size()) return words;
    std::string& word = words.emplace_back();
    for (bool escaped = false; at < options.size(); ++at) {
      const char c = options[at];
      if (is_space(c) && !escaped) break;
      if (c == '\\' && !escaped) {
        escaped = true;
      } else {
        escaped = false;
        word.push_back(c);
      }
    }
  }
}

// As getopt() walks a command line: letters may share a word, an argument is the rest of the word or the next
// one,
// "--" ends the switches, and words that are no switches are complained about last.
base::Result<Settings> parse_options(std::string_view options) {
  Settings settings;
  const std::vector<std::string> words = split_options(options);
  std::optional<std::string_view> stray;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--") {
      if (i + 1 < words.size() && !stray) stray = words[i + 1];
      break;
    }
    if (word.size() < 2 || word.front() != '-') {
      if (!stray) stray = word;
      continue;
    }
    for (std::size_t at = 1; at < word.size(); ++at) {
      const auto* known = std::ranges::find(kSwitches, word[at], &Switch::letter);
      if (known == kSwitches.end()) return invalid_argument(word);
      std::string_view argument;
      if (takes_argument(known->kind)) {
        argument = word.substr(at + 1);
        if (argument.empty()) {
          if (i + 1 == words.size()) return invalid_argument(word);
          argument = words[++i];
        }
        at = word.size();
      }
      TRY_STATUS(add_switch(*known, word, argument, settings));
    }
  }
  if (stray) return invalid_argument(*stray);
  return settings;
}

std::string normalize_setting_name(std::string_view name) {
  std::string normal = base::to_lower(name);
  if (normal == "sort_mem") return "work_mem";
  if (normal == "vacuum_mem") return "maintenance_work_mem";
  return normal;
}

bool is_setting_name(std::string_view name) {
  bool at_start = true;
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || byte >= 0x80;
    if (c == '.' && !at_start) {
      at_start = true;
    } else if (letter || (!at_start && ((c >= '0' && c <= '9') || c == '$'))) {
      at_start = false;
    } else {
      return false;
    }
  }
  return !at_start;
}

}  // namespace wire
