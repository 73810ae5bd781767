// pgbouncer.ini to weir.toml: whatever the ini says, the result is TOML with settings that exist, of the
// right type.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "conf/convert.h"
#include "conf/load.h"

namespace {

// Most inputs come down to few results, and to load one takes far longer than to write it: each is loaded once.
bool fresh(const std::string& toml) {
  constexpr std::size_t kRemembered = 100'000;
  static std::unordered_set<std::size_t> seen;
  if (seen.size() >= kRemembered) seen.clear();
  return seen.insert(std::hash<std::string>{}(toml)).second;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  conf::FixedSurroundings around;
  around.files = {{"f", "[pgbouncer]\npool_mode = session\n"}};
  const conf::Converted converted = conf::rewrite_ini(text, "fuzz.ini", around);
  if (!fresh(converted.toml)) return 0;
  for (const conf::Problem& problem : conf::load_text(converted.toml, "weir.toml", around).problems) {
    for (const std::string_view mistake :
         {"unknown", "Error while parsing", "nested deeper", "must be a text"}) {
      if (problem.message.find(mistake) != std::string::npos) std::abort();
    }
  }
  return 0;
}
