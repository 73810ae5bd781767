#pragma once
// What loading a configuration needs of the machine: the environment and files. Tests and fuzzers bring their
// own.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace conf {

struct FileFacts {
  uint32_t mode = 0;  // permission bits
  uint32_t owner = 0;
};

class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual std::optional<std::string> environment(std::string_view name) const = 0;
  // Names of its variables that begin so, sorted.
  virtual std::vector<std::string> variables_with(std::string_view prefix) const = 0;
  virtual base::Result<std::string> read_file(const std::string& path) const = 0;
  virtual std::optional<FileFacts> stat(const std::string& path) const = 0;
};

// The real ones. Files up to kMaxFile are read; larger is refused, as is what is not a regular file or a
// pipe.
class ProcessSurroundings final : public Surroundings {
 public:
  static constexpr std::size_t kMaxFile = std::size_t{64} << 20;  // a user list of a million users fits
  std::optional<std::string> environment(std::string_view name) const override;
  std::vector<std::string> variables_with(std::string_view prefix) const override;
  base::Result<std::string> read_file(const std::string& path) const override;
  std::optional<FileFacts> stat(const std::string& path) const override;
};

// Values in memory.
class FixedSurroundings final : public Surroundings {
 public:
  std::map<std::string, std::string, std::less<>> variables;
  std::map<std::string, std::string, std::less<>> files;
  uint32_t mode = 0600;  // of every file
  std::optional<std::string> environment(std::string_view name) const override;
  std::vector<std::string> variables_with(std::string_view prefix) const override;
  base::Result<std::string> read_file(const std::string& path) const override;
  std::optional<FileFacts> stat(const std::string& path) const override;
};

// `path` as seen from `folder`: unchanged when absolute or empty.
std::string resolve_path(std::string_view folder, std::string_view path);
// The folder of a file: "/etc/weir" for "/etc/weir/weir.toml", "" for a bare name.
std::string folder_of(std::string_view path);

// Replaces ${NAME} by the environment's value; $${ means a plain ${. A missing variable is an error.
base::Result<std::string> expand(std::string_view text, const Surroundings& surroundings);

}  // namespace conf
