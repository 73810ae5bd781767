#include "conf/docs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "base/text.h"
#include "conf/settings_table.h"
#include "conf/value.h"

namespace conf {
namespace {

constexpr std::size_t kCommentWidth = 100;

std::string_view reload_text(Reload reload) {
  switch (reload) {
    case Reload::kLive: return "reload, at once";
    case Reload::kNewConnections: return "reload, for new connections";
    case Reload::kRestart: return "restart";
  }
  return "";
}

// An optional's type is its value's, an enum's are its words.
template <typename T>
inline constexpr bool kWords = false;
template <typename T>
inline constexpr bool kWords<std::vector<T>> = std::is_enum_v<T>;

template <typename T>
struct Unwrapped {
  using Type = T;
};
template <typename T>
struct Unwrapped<std::optional<T>> {
  using Type = T;
};

template <typename T>
std::string type_of(Bounds bounds) {
  using Value = typename Unwrapped<T>::Type;
  if constexpr (std::is_enum_v<Value>) {
    return fmt::format("{}", fmt::join(names_of<Value>(), ", "));
  } else if constexpr (kWords<Value>) {
    return fmt::format("list of {}", fmt::join(names_of<typename Value::value_type>(), ", "));
  } else {
    const std::string type(type_text(static_cast<const Value*>(nullptr)));
    constexpr bool kNumber = std::is_same_v<Value, int> || std::is_same_v<Value, int64_t> || std::is_same_v<Value, double>;
    if constexpr (kNumber) {
      if (bounds.max == std::numeric_limits<int64_t>::max()) return type;
      if constexpr (std::is_same_v<Value, int64_t>) {
        return fmt::format("{}, {} to {}", type, base::size_text(bounds.min), base::size_text(bounds.max));
      }
      return fmt::format("{}, {} to {}", type, bounds.min, bounds.max);
    } else {
      return type;
    }
  }
}

template <typename T>
std::string default_of(const T& value) {
  return toml_value(value);
}
template <typename T>
std::string default_of(const std::optional<T>& value) {
  return value ? toml_value(*value) : "unset";
}

// A cell of a table: a | inside would end it.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '*' || c == '<') out += '\\';
    out += c;
  }
  return out;
}

template <typename Section>
void table(std::string_view title, std::string_view intro, std::string& out) {
  static const Section defaults;
  out += fmt::format("\n## {}\n\n{}\n", title, intro);
  const std::string_view head =
      "\n| Setting | Value | Default | Takes effect | Meaning |\n|---|---|---|---|---|\n";
  bool open = false;
  for_each_row<Section>([&](const auto& row) {
    if constexpr (kIsHeading<decltype(row)>) {
      out += fmt::format("\n### {}\n", row.title);
      open = false;
    } else {
      if (!open) out += head;
      open = true;
      using Value = std::remove_cvref_t<decltype(defaults.*(row.member))>;
      out += fmt::format("| `{}` | {} | `{}` | {} | {} |\n", row.name, cell(type_of<Value>(row.bounds)),
                         default_of(defaults.*(row.member)), reload_text(row.reload), cell(row.help));
    }
  });
}

// `text` as comment lines.
std::string comment(std::string_view text) {
  std::string out;
  std::string line;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (!line.empty() && line.size() + 1 + word.size() > kCommentWidth) {
      out += "# " + line + '\n';
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return line.empty() ? out : out + "# " + line + '\n';
}

template <typename T>
std::string sample_value(const T& value) {
  return toml_value(value);
}
// What an unset value could be set to.
template <typename T>
std::string sample_value(const std::optional<T>&) {
  if constexpr (std::is_enum_v<T>) {
    return toml_value(kNames<T>[0].value);
  } else if constexpr (std::is_same_v<T, int>) {
    return "10";
  } else if constexpr (std::is_same_v<T, base::Duration>) {
    return "\"30s\"";
  } else {
    return "\"...\"";
  }
}

template <typename Section>
void sample(std::string& out) {
  static const Section defaults;
  for_each_row<Section>([&](const auto& row) {
    if constexpr (kIsHeading<decltype(row)>) {
      out += fmt::format("\n# ---- {} ----\n\n", row.title);
    } else if (row.name != "conffile") {
      out += comment(row.help);
      out += fmt::format("#{} = {}\n", row.name, sample_value(defaults.*(row.member)));
    }
  });
}

}  // namespace

std::string settings_markdown() {
  std::string out =
      "# Settings\n\n"
      "This page is written by `weir --print-docs` from the tables in `conf/settings_table.h`. Do not edit "
      "it.\n\n"
      "Settings are TOML. A duration is a number of seconds or a text with a unit (`us`, `ms`, `s`, `min`, "
      "`h`, `d`); a\n"
      "size is a number of bytes or a text with `kB`, `MB` or `GB` (units of 1024); a list is an array or a "
      "text with\n"
      "commas. `${NAME}` in a text stands for the environment variable NAME, `$${` for a plain `${`. A "
      "secret may also\n"
      "come from a file: `password = { file = \"path\" }` or `password_file = \"path\"`. Paths are relative "
      "to the folder\n"
      "of the configuration file.\n\n"
      "Every setting can also come from the environment, which wins over the file: `listen_port` of `[weir]` is\n"
      "`WEIR_LISTEN_PORT`, `port` of `[http]` is `WEIR_HTTP_PORT`, and `host` of `[databases.app]` is\n"
      "`WEIR_DATABASES__app__HOST`, with the name as it stands and two underscores on either side. Such a section need not be\n"
      "in the file. `WEIR_DATABASE_URL` adds a database; so does `DATABASE_URL` when there is none.\n\n"
      "A setting of a user wins over the same setting of a database, and that one over `[weir]`. A timeout "
      "of 0 is off\n"
      "and a limit of 0 is none, where nothing else is said.\n";
  table<Weir>("[weir]", "The process and the defaults for everything in it.", out);
  table<Workers>("[workers]", "Threads.", out);
  table<Http>("[http]",
              "Metrics and health over HTTP, on a port of their own: `/metrics`, `/metrics.json`, `/healthz`, `/readyz` "
              "and `/version`. `docs/metrics.md` lists what `/metrics` shows. A token may come from a file, as every "
              "secret.",
              out);
  table<History>("[history]", "What was counted, kept in a file: `queries_history` and its like in the console.", out);
  table<Traces>("[traces]",
                "Spans of statements for an OpenTelemetry collector; [operations.md](operations.md#traces) says which and how. "
                "Secrets may come from files.",
                out);
  table<Advice>("[advice]",
                "What Weir makes of what it sees: statements that cost more than they need to, and what they would rather "
                "be ([lint.md](lint.md) has the rules), and indexes that they lack ([advice.md](advice.md) has how those are "
                "found).",
                out);
  table<Alerting>("[alerting]", "How rules in `[alerts.NAME]` are looked at, and who hears of them.", out);
  table<Database>(
      "[databases.NAME]",
      "A database that clients may ask for. `[databases.\"*\"]` serves every name that has no section.", out);
  table<User>("[users.NAME]", "What differs for one user.", out);
  table<Guard>("[guards.NAME]",
               "A rule about statements. What is said of them must hold altogether; in a list one entry is enough. Exactly "
               "one of `deny`, `query_timeout`, `rate_limit` and `concurrency` says what to do. The name is of letters, "
               "digits, `-` and `_`; errors, the log and `SHOW GUARDS` use it. [operations.md](operations.md#guards) has "
               "examples.",
               out);
  table<Alert>("[alerts.NAME]",
               "A rule about the traffic: when something is above a threshold for some time, the alert fires; `SHOW ALERTS`, "
               "the log and the webhook of `[alerting]` tell. `metric` and `above` must be set. The name is of letters, "
               "digits, `-` and `_`. [operations.md](operations.md#alerts) has examples.",
               out);
  table<Peer>("[peers.N]",
              "Another Weir process of the same service, with `peer_id = N`. Cancel requests for its clients "
              "that arrive "
              "here are passed on to it.",
              out);
  return out;
}

std::string sample_toml() {
  std::string out =
      "# Weir: settings with their defaults. Remove the # in front of a setting to change it.\n"
      "# A duration is a number of seconds or a text such as \"500ms\"; a size may be \"64kB\"; a list is an "
      "array.\n"
      "# See docs/settings.md for what is allowed and what a reload changes.\n\n[weir]\n";
  sample<Weir>(out);
  out += "\n[workers]\n";
  sample<Workers>(out);
  out += "\n# Metrics and health over HTTP.\n[http]\n";
  sample<Http>(out);
  out += "\n# What was counted, kept in a file.\n[history]\n";
  sample<History>(out);
  out += "\n# Spans of statements for an OpenTelemetry collector.\n[traces]\n";
  sample<Traces>(out);
  out += "\n# What Weir makes of what it sees.\n[advice]\n";
  sample<Advice>(out);
  out += "\n# How rules in [alerts.NAME] are looked at, and who hears of them.\n[alerting]\n";
  sample<Alerting>(out);
  out +=
      "\n# Every database of a PostgreSQL server on this machine.\n[databases.\"*\"]\nhost = "
      "\"127.0.0.1\"\n\n";
  out += "# One database by name.\n#[databases.app]\n";
  sample<Database>(out);
  out += "\n#[users.app]\n";
  sample<User>(out);
  out += "\n# A rule about statements: which they are, and one thing to do.\n#[guards.NAME]\n";
  sample<Guard>(out);
  out += "\n# A rule about the traffic: what is looked at, and when it is too much.\n#[alerts.NAME]\n";
  sample<Alert>(out);
  out += "\n# Processes that share a port with this one (so_reuseport), for cancel requests.\n#[peers.1]\n";
  sample<Peer>(out);
  return out;
}

}  // namespace conf
