#pragma once
// The startup parameter `options`: a server command line, of which only settings reach us.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace wire {

using Settings = std::vector<std::pair<std::string, std::string>>;

// Words as PostgreSQL splits them (pg_split_opts): separated by space, a backslash takes the next byte as it
// is.
std::vector<std::string> split_options(std::string_view options);

// The settings in `options`, in order, names normalized: -c name=value, --name=value, and PostgreSQL's
// one-letter switches that are settings. Anything else is the error that PostgreSQL answers.
base::Result<Settings> parse_options(std::string_view options);

// A setting's name as we key it: lower case, as PostgreSQL compares names, with its old names translated.
std::string normalize_setting_name(std::string_view name);

// Letters, digits, '_', '$' and bytes above ASCII, in parts joined by '.', no part empty or led by a digit or
// '$'.
bool is_setting_name(std::string_view name);

}  // namespace wire
