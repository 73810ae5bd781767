#include "conf/surroundings.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "base/text.h"

namespace conf {
namespace {

base::Error cannot_read(const std::string& path, std::string_view why) {
  return base::config_file_error(fmt::format("cannot read {}: {}", base::escape_for_log(path), why));
}

bool variable_name(std::string_view name) {
  if (name.empty()) return false;
  for (const char c : name) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!good) return false;
  }
  return true;
}

}  // namespace

std::optional<std::string> ProcessSurroundings::environment(std::string_view name) const {
  const char* value = std::getenv(std::string(name).c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<std::string> ProcessSurroundings::variables_with(std::string_view prefix) const {
  std::vector<std::string> names;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (name.starts_with(prefix)) names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

base::Result<std::string> ProcessSurroundings::read_file(const std::string& path) const {
  struct ::stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return cannot_read(path, std::generic_category().message(errno));
  if (!S_ISREG(facts.st_mode) && !S_ISFIFO(facts.st_mode)) return cannot_read(path, "it is not a file");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return cannot_read(path, std::generic_category().message(errno != 0 ? errno : EIO));
  std::string text;
  std::array<char, 65536> part{};
  while (in.read(part.data(), part.size()) || in.gcount() > 0) {
    text.append(part.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMaxFile)
      return cannot_read(path, fmt::format("it is larger than {}", base::size_text(kMaxFile)));
  }
  if (in.bad()) return cannot_read(path, std::generic_category().message(EIO));
  return text;
}

std::optional<FileFacts> ProcessSurroundings::stat(const std::string& path) const {
  struct ::stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return FileFacts{facts.st_mode & 07777U, facts.st_uid};
}

std::optional<std::string> FixedSurroundings::environment(std::string_view name) const {
  const auto found = variables.find(name);
  return found != variables.end() ? std::optional(found->second) : std::nullopt;
}

std::vector<std::string> FixedSurroundings::variables_with(std::string_view prefix) const {
  std::vector<std::string> names;
  for (auto at = variables.lower_bound(prefix); at != variables.end() && at->first.starts_with(prefix); ++at)
    names.push_back(at->first);
  return names;
}

base::Result<std::string> FixedSurroundings::read_file(const std::string& path) const {
  const auto found = files.find(path);
  if (found == files.end()) return cannot_read(path, "No such file or directory");
  return found->second;
}

std::optional<FileFacts> FixedSurroundings::stat(const std::string& path) const {
  if (!files.contains(path)) return std::nullopt;
  return FileFacts{mode, 0};
}

std::string resolve_path(std::string_view folder, std::string_view path) {
  if (path.empty() || path.front() == '/' || folder.empty()) return std::string(path);
  return fmt::format("{}{}{}", folder, folder.back() == '/' ? "" : "/", path);
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return "";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

base::Result<std::string> expand(std::string_view text, const Surroundings& surroundings) {
  constexpr std::size_t kLongest = 1 << 20;  // a variable named many times must not fill the memory
  std::string out;
  while (true) {
    const std::size_t start = text.find("${");
    if (start == std::string_view::npos) break;
    if (start > 0 && text[start - 1] == '$') {
      out.append(text.substr(0, start - 1)).append("${");
      text.remove_prefix(start + 2);
      continue;
    }
    const std::size_t end = text.find('}', start);
    if (end == std::string_view::npos)
      return base::invalid_parameter("has a ${ without its }; write $${ for a plain ${");
    const std::string_view name = text.substr(start + 2, end - start - 2);
    if (!variable_name(name)) {
      return base::invalid_parameter(
          fmt::format("has ${{{}}}, which names no environment variable; write $${{ for a plain ${{",
                      base::escape_for_log(name, 40)));
    }
    const auto value = surroundings.environment(name);
    if (!value)
      return base::invalid_parameter(
          fmt::format("needs the environment variable {}, which is not set", name));
    out.append(text.substr(0, start)).append(*value);
    text.remove_prefix(end + 1);
    if (out.size() > kLongest) return base::invalid_parameter("becomes longer than 1 MB");
  }
  out.append(text);
  return out;
}

}  // namespace conf
