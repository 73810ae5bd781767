// Every decoder of a message that clients send.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/round_trip.h"
#include "wire/frontend.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::each_frame<wire::FrontendMessages>(data, size, [](std::string_view) {});
  return 0;
}
