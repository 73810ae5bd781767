#pragma once
// The command line. Pure.

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace app {

struct Options {
  enum class Action { kRun, kCheck, kConvert, kVersion, kHelp, kPrintDocs };
  Action action = Action::kRun;
  // Where the configuration comes from: a file, a URL, or with neither the environment alone.
  std::string config_file;
  std::string url;
  std::string ini_file;  // of convert
  std::string output;    // of convert; empty: standard output
  std::string document;  // of --print-docs: settings, console, metrics, lint or sample
};

// `arguments` without the program's name. The error is one line for stderr.
base::Result<Options> parse_options(std::span<const std::string_view> arguments);

std::string_view help_text();

}  // namespace app
