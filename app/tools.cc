#include "app/tools.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "admin/docs.h"
#include "admin/metrics.h"
#include "analyzer/lint.h"
#include "app/limits.h"
#include "app/settings_source.h"
#include "app/tls_setup.h"
#include "base/fd.h"
#include "conf/convert.h"
#include "conf/docs.h"
#include "conf/surroundings.h"

namespace app {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

void say_all(const std::vector<conf::Problem>& problems, std::string_view prefix = {}) {
  for (const auto& problem : problems) fmt::print(stderr, "{}{}\n", prefix, conf::to_text(problem));
}

int print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    fmt::print(stderr, "weir: cannot write: {}\n", std::generic_category().message(errno));
    return kFailed;
  }
  return kOk;
}

// Never over a file that is there; for its owner alone, because it may hold passwords.
int write_new_file(const std::string& path, std::string_view text) {
  const base::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  while (fd && !text.empty()) {
    const ssize_t written = ::write(fd.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fd && text.empty()) return kOk;
  fmt::print(stderr, "weir: cannot write \"{}\": {}\n", path, std::generic_category().message(errno));
  return kFailed;
}

}  // namespace

int check_configuration(const Options& options) {
  const SettingsSource source(options);
  if (source.says_nothing()) {
    fmt::print(stderr, "weir: nothing to check: name a file, or set WEIR_DATABASE_URL\n");
    return kWrongUsage;
  }
  const conf::LoadResult loaded = source.load();
  say_all(loaded.problems);
  say_all(loaded.warnings, "warning: ");
  if (!loaded.config) return kFailed;
  if (const auto tls = make_tls(*loaded.config); !tls.ok()) {
    fmt::print(stderr, "{}: {}\n", source.text(), base::to_text(tls.error()));
    return kFailed;
  }
  return print(fmt::format("{}: OK, {} databases\n", source.text(),
                           loaded.config->databases.size() + (loaded.config->fallback ? 1 : 0)));
}

int convert_configuration(const Options& options) {
  const conf::ProcessSurroundings surroundings;
  const auto text = surroundings.read_file(options.ini_file);
  if (!text.ok()) {
    fmt::print(stderr, "weir: {}: {}\n", options.ini_file, text.error().message);
    return kFailed;
  }
  const conf::Converted converted = conf::convert_ini(*text, options.ini_file, surroundings);
  const int written =
      options.output.empty() ? print(converted.toml) : write_new_file(options.output, converted.toml);
  say_all(converted.not_carried, "not carried over: ");
  say_all(converted.notes, "note: ");
  say_all(converted.open, "to do: ");
  if (written != kOk) return written;
  return converted.not_carried.empty() && converted.open.empty() ? kOk : kFailed;
}

int print_document(const Options& options) {
  if (options.document == "settings") return print(conf::settings_markdown());
  if (options.document == "console") return print(admin::console_document());
  if (options.document == "metrics") return print(admin::metrics_document());
  if (options.document == "lint") return print(analyzer::lint_document());
  return print(conf::sample_toml());
}

}  // namespace app
