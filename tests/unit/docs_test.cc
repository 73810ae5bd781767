// The documents name files and folders of this repository; those must exist.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = WEIR_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<fs::path> documents() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(kRoot)) {
    if (entry.path().extension() == ".md") out.push_back(entry.path());
  }
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "docs")) {
    if (entry.path().extension() == ".md") out.push_back(entry.path());
  }
  return out;
}

std::vector<std::string> matches(const std::string& text, const std::regex& what) {
  std::vector<std::string> out;
  for (std::sregex_iterator at(text.begin(), text.end(), what), end; at != end; ++at) out.push_back((*at)[1].str());
  return out;
}

TEST(Docs, EveryFileThatADocumentNamesExists) {
  // `folder/file` in code quotes, where folder is one of ours. A * stands for anything, build/ is made later.
  const std::regex named("`((?:base|conf|wire|analyzer|cache|pooler|admin|app|tests|scripts|bench|packaging|docs|cmake)/"
                         "[A-Za-z0-9_./-]*)`");
  size_t seen = 0;
  for (const auto& document : documents()) {
    for (const auto& path : matches(read(document), named)) {
      ++seen;
      EXPECT_TRUE(fs::exists(kRoot / path)) << document.filename() << " names " << path;
    }
  }
  EXPECT_GT(seen, 5u);
}

TEST(Docs, EveryLinkToAFileLeadsSomewhere) {
  const std::regex link(R"(\]\(([^)#\s]+)(?:#[^)]*)?\))");
  for (const auto& document : documents()) {
    for (const auto& target : matches(read(document), link)) {
      if (target.find("://") != std::string::npos || target.starts_with("mailto:")) continue;
      EXPECT_TRUE(fs::exists(document.parent_path() / target)) << document.filename() << " links to " << target;
    }
  }
}

TEST(Docs, EveryMakeTargetThatADocumentNamesExists) {
  const auto makefile = read(kRoot / "Makefile");
  for (const auto& document : documents()) {
    for (const auto& target : matches(read(document), std::regex("`make ([a-z]+)"))) {
      EXPECT_TRUE(std::regex_search(makefile, std::regex("(^|\n)" + target + ":"))) << "make " << target;
    }
  }
}

}  // namespace
