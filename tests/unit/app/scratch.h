#pragma once
// Scratch: a folder of a test's own, gone with the test.

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/random.h"

namespace app {

class Scratch {
 public:
  Scratch() : path_(std::filesystem::temp_directory_path() / ("weir-app-" + std::to_string(base::random_u64()))) {
    std::filesystem::create_directory(path_);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string path(const std::string& name) const { return path_ / name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  std::string read(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace app
