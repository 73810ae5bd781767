// Configuration files and database URLs: any bytes give a Config or problems, never both, never neither.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "conf/diff.h"
#include "conf/load.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void load(std::string_view text, bool url, const conf::Surroundings& around) {
  const conf::LoadResult result =
      url ? conf::load_url(text, around) : conf::load_text(text, "fuzz.toml", around);
  require((result.config == nullptr) == !result.problems.empty());
  for (const conf::Problem& problem : result.problems) require(!conf::to_text(problem).empty());
  if (result.config == nullptr) return;
  // These show every setting there is, and take as long as the rest: of one text in eight.
  if (std::hash<std::string_view>{}(text) % 8 == 0) {
    require(conf::diff(*result.config, *result.config).empty());
    require(!conf::show_config(*result.config).empty());
  }
  for (const auto& [name, database] : result.config->databases) {
    require(!result.config->hosts(database).empty());
    require(result.config->find_database(name) == &database);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  conf::FixedSurroundings around;
  around.variables = {{"PW", "hush"}, {"PORT", "1"}};
  around.files = {{"f", "x\n"}};
  load(text, text.starts_with("postgres"), around);
  return 0;
}
