// pgbouncer.ini to weir.toml: whatever the ini says, the result is TOML with settings that exist, of the
// right type.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "conf/convert.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  conf::FixedSurroundings around;
  around.files = {{"f", "[pgbouncer]\npool_mode = session\n"}};
  const conf::Converted converted = conf::convert_ini(text, "fuzz.ini", around);
  for (const conf::Problem& problem : converted.open) {
    for (const std::string_view mistake :
         {"unknown", "Error while parsing", "nested deeper", "must be a text"}) {
      if (problem.message.find(mistake) != std::string::npos) std::abort();
    }
  }
  return 0;
}
