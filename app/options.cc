#include "app/options.h"

#include <fmt/format.h>

#include <utility>

#include "conf/url.h"

namespace app {
namespace {

using Arguments = std::span<const std::string_view>;

base::Error wrong(std::string message) {
  return base::with_hint(base::syntax_error(std::move(message)), "try: weir help");
}

// An option's value, which follows it or stands behind its '='.
class Reader {
 public:
  explicit Reader(Arguments arguments) : rest_(arguments) {}

  bool next() {
    if (rest_.empty()) return false;
    word_ = rest_.front();
    rest_ = rest_.subspan(1);
    value_ = {};
    attached_ = false;
    if (const auto equals = word_.find('='); word_.starts_with("--") && equals != std::string_view::npos) {
      value_ = word_.substr(equals + 1);
      word_ = word_.substr(0, equals);
      attached_ = true;
    }
    return true;
  }
  std::string_view word() const { return word_; }
  bool has_attached() const { return attached_; }
  bool is_option() const { return word_.size() > 1 && word_.starts_with('-'); }

  base::Result<std::string> value() {
    if (!attached_) {
      if (rest_.empty()) return wrong(fmt::format("{} needs a value", word_));
      value_ = rest_.front();
      rest_ = rest_.subspan(1);
    }
    if (value_.empty()) return wrong(fmt::format("{} needs a value", word_));
    return std::string(value_);
  }

 private:
  Arguments rest_;
  std::string_view word_, value_;
  bool attached_ = false;
};

base::Status set_once(std::string& target, std::string value, std::string_view what) {
  if (!target.empty()) return wrong(fmt::format("{} is given twice", what));
  target = std::move(value);
  return base::Ok{};
}

base::Result<Options> parse_run(Arguments arguments) {
  Options options;
  Reader reader(arguments);
  while (reader.next()) {
    const std::string_view word = reader.word();
    if (word == "--config" || word == "-c") {
      TRY(auto value, reader.value());
      TRY_STATUS(set_once(options.config_file, std::move(value), "--config"));
    } else if (word == "--version" || word == "-V") {
      options.action = Options::Action::kVersion;
    } else if (word == "--help" || word == "-h" || word == "help") {
      options.action = Options::Action::kHelp;
    } else if (word == "--print-docs") {
      options.action = Options::Action::kPrintDocs;
      TRY(options.document, reader.value());
      if (options.document != "settings" && options.document != "console" && options.document != "metrics" &&
          options.document != "lint" && options.document != "sample")
        return wrong("--print-docs takes settings, console, metrics, lint or sample");
      continue;
    } else if (reader.is_option()) {
      return wrong(fmt::format("unknown option {}", word));
    } else if (conf::is_database_url(word)) {
      TRY_STATUS(set_once(options.url, std::string(word), "a database URL"));
    } else {
      // Never repeated: it may be a mistyped URL, with a password in it.
      return wrong("what is not an option must be a database URL (postgres://...); a file goes behind --config");
    }
    if (reader.has_attached() && word != "--config") return wrong(fmt::format("{} takes no value", word));
  }
  if (!options.url.empty() && !options.config_file.empty()) return wrong("a database URL and --config exclude each other");
  return options;
}

base::Result<Options> parse_check(Arguments arguments) {
  Options options;
  options.action = Options::Action::kCheck;
  Reader reader(arguments);
  while (reader.next()) {
    if (reader.word() == "--config" || reader.word() == "-c") {
      TRY(auto value, reader.value());
      TRY_STATUS(set_once(options.config_file, std::move(value), "the file to check"));
    } else if (reader.is_option()) {
      return wrong(fmt::format("unknown option {} of weir check", reader.word()));
    } else {
      TRY_STATUS(set_once(options.config_file, std::string(reader.word()), "the file to check"));
    }
  }
  return options;
}

base::Result<Options> parse_convert(Arguments arguments) {
  Options options;
  options.action = Options::Action::kConvert;
  Reader reader(arguments);
  while (reader.next()) {
    if (reader.word() == "-o" || reader.word() == "--output") {
      TRY(auto value, reader.value());
      TRY_STATUS(set_once(options.output, std::move(value), "--output"));
    } else if (reader.is_option()) {
      return wrong(fmt::format("unknown option {} of weir convert", reader.word()));
    } else {
      TRY_STATUS(set_once(options.ini_file, std::string(reader.word()), "the file to convert"));
    }
  }
  if (options.ini_file.empty()) return wrong("weir convert needs a pgbouncer.ini");
  return options;
}

}  // namespace

base::Result<Options> parse_options(Arguments arguments) {
  if (!arguments.empty() && arguments.front() == "check") return parse_check(arguments.subspan(1));
  if (!arguments.empty() && arguments.front() == "convert") return parse_convert(arguments.subspan(1));
  return parse_run(arguments);
}

std::string_view help_text() {
  return R"(Weir, a connection pooler for PostgreSQL.

  weir --config FILE                       run with a configuration file
  weir postgres://user:pw@host:port/db     pool that server, for clients of this machine only
  weir                                     run with what the environment says: WEIR_DATABASE_URL or
                                           DATABASE_URL, and WEIR_KEY for every setting KEY
  weir check [FILE]                        say everything that is wrong with a configuration
  weir convert PGBOUNCER.INI [-o FILE]     write the same configuration as weir.toml
  weir --print-docs settings|console|metrics|lint|sample
  weir --version
  weir help

Exit codes: 0 stopped as asked, 1 could not start or found problems, 2 wrong command line.
Signals: HUP reloads, TERM waits for clients, INT for servers, QUIT stops at once, USR1 pauses, USR2 resumes.
)";
}

}  // namespace app
