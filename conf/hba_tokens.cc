#include "conf/hba_tokens.h"

#include <algorithm>
#include <optional>

namespace conf {
namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v'; }

// Reads the tokens of one logical line.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : line_(line) {}

  std::vector<HbaField> fields() {
    std::vector<HbaField> result;
    bool joined = false;  // a comma came before
    while (auto token = next()) {
      if (!joined || result.empty()) result.emplace_back();
      result.back().push_back(std::move(*token));
      joined = comma_;
    }
    return result;
  }

 private:
  std::optional<HbaToken> next() {
    comma_ = false;
    while (at_ < line_.size() && (blank(line_[at_]) || line_[at_] == ',')) ++at_;
    if (at_ == line_.size() || line_[at_] == '#') return std::nullopt;
    HbaToken token;
    token.column = static_cast<int>(at_) + 1;
    token.quoted = line_[at_] == '"';
    bool inside = false;
    bool was_quote = false;  // the character before was a quote, so another one means a quote itself
    for (; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      if (!inside && (blank(c) || c == '#')) break;
      if (!inside && c == ',') {
        comma_ = true;
        ++at_;
        break;
      }
      if (c != '"' || was_quote) token.text += c;
      was_quote = inside && c == '"' && !was_quote;
      if (c == '"') inside = !inside;
    }
    return token;
  }

  std::string_view line_;
  std::size_t at_ = 0;
  bool comma_ = false;
};

}  // namespace

std::vector<HbaLine> hba_lines(std::string_view text) {
  std::vector<HbaLine> lines;
  int number = 1;
  while (!text.empty()) {
    std::string logical;
    const int first = number;
    bool continued = true;
    while (continued && !text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view physical = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      ++number;
      if (physical.ends_with('\r')) physical.remove_suffix(1);
      continued = physical.ends_with('\\');
      if (continued) physical.remove_suffix(1);
      logical += physical;
    }
    auto fields = LineReader(logical).fields();
    if (!fields.empty()) lines.push_back({first, std::move(fields)});
  }
  return lines;
}

}  // namespace conf
