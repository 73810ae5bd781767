#include "conf/ini.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace conf {
namespace {

constexpr int kMaxIncludes = 10;                // nested deeper is a circle
constexpr std::size_t kMaxEntries = 1'000'000;  // includes may repeat a file; this bounds the sum

class IniReader {
 public:
  IniReader(const Surroundings& surroundings, std::vector<Problem>& problems)
      : surroundings_(surroundings), problems_(problems) {}

  void read(std::string_view text, const std::string& file, int depth) {
    for (int line = 1; !text.empty() && entries_.size() < kMaxEntries; ++line) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      one(base::trim(text.substr(0, end)), file, line, depth);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  std::vector<IniEntry> take() { return std::move(entries_); }

 private:
  void problem(const std::string& file, int line, std::string message) {
    problems_.push_back({file, line, 1, std::move(message)});
  }

  void one(std::string_view line, const std::string& file, int number, int depth) {
    if (line.empty() || line.front() == ';' || line.front() == '#') return;
    if (line.front() == '%') return include(line, file, number, depth);
    if (line.front() == '[') {
      if (!line.ends_with(']')) return problem(file, number, "a section ends with ]");
      section_ = std::string(base::trim(line.substr(1, line.size() - 2)));
      return;
    }
    std::string key;
    if (!take_key(line, key)) return problem(file, number, "the line is not of the form key = value");
    line = base::trim(line);
    if (line.empty() || line.front() != '=')
      return problem(file, number, "the line is not of the form key = value");
    if (section_.empty())
      return problem(file, number, fmt::format("{} stands before the first section", shown(key)));
    entries_.push_back({file, number, section_, key, std::string(base::trim(line.substr(1)))});
  }

  static std::string shown(std::string_view text) { return base::escape_for_log(text, 60); }

  // A bare word, or a name in double quotes with "" for a quote.
  static bool take_key(std::string_view& line, std::string& key) {
    if (line.front() != '"') {
      const std::size_t end = std::min(line.find_first_of("= \t"), line.size());
      key = std::string(line.substr(0, end));
      line.remove_prefix(end);
      return !key.empty();
    }
    line.remove_prefix(1);
    while (!line.empty()) {
      const char c = line.front();
      line.remove_prefix(1);
      if (c == '"') {
        if (line.empty() || line.front() != '"') return !key.empty();
        line.remove_prefix(1);
      }
      key += c;
    }
    return false;
  }

  void include(std::string_view line, const std::string& file, int number, int depth) {
    constexpr std::string_view kWord = "%include";
    if (!line.starts_with(kWord) || line.size() == kWord.size() ||
        (line[kWord.size()] != ' ' && line[kWord.size()] != '\t')) {
      return problem(file, number, fmt::format("{} is not %include FILE", shown(line)));
    }
    if (depth == kMaxIncludes) return problem(file, number, "%include is nested too deep");
    const std::string path = resolve_path(folder_of(file), base::trim(line.substr(kWord.size())));
    const auto text = surroundings_.read_file(path);
    if (!text.ok()) return problem(file, number, text.error().message);
    read(*text, path, depth + 1);
  }

  const Surroundings& surroundings_;
  std::vector<Problem>& problems_;
  std::vector<IniEntry> entries_;
  std::string section_;
};

bool blank(char c) { return c == ' ' || c == '\t'; }

void skip_blanks(std::string_view& text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
}

base::Result<std::string> take_value(std::string_view& text) {
  std::string value;
  if (text.empty() || text.front() != '\'') {
    while (!text.empty() && !blank(text.front())) {
      value += text.front();
      text.remove_prefix(1);
    }
    return value;
  }
  text.remove_prefix(1);
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '\'') {
      if (text.empty() || text.front() != '\'') return value;
      text.remove_prefix(1);
    }
    value += c;
  }
  return base::syntax_error("a single quote is not closed");
}

}  // namespace

std::vector<IniEntry> parse_ini(std::string_view text, const std::string& file,
                                const Surroundings& surroundings, std::vector<Problem>& problems) {
  IniReader reader(surroundings, problems);
  reader.read(text, file, 0);
  return reader.take();
}

base::Result<std::vector<std::pair<std::string, std::string>>> parse_connection_string(
    std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (skip_blanks(text); !text.empty(); skip_blanks(text)) {
    const std::size_t end = std::min(text.find_first_of("= \t"), text.size());
    const std::string key(text.substr(0, end));
    text.remove_prefix(end);
    skip_blanks(text);
    if (key.empty() || text.empty() || text.front() != '=') {
      return base::syntax_error("the value is not of the form key=value key=value");
    }
    text.remove_prefix(1);
    skip_blanks(text);
    TRY(std::string value, take_value(text));
    pairs.emplace_back(key, std::move(value));
  }
  return pairs;
}

}  // namespace conf
