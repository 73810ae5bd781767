// Every decoder of a message that servers send, and the total reader of their errors.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/round_trip.h"
#include "wire/backend.h"
#include "wire/error_fields.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::each_frame<wire::BackendMessages>(data, size, [](std::string_view body) {
    if (wire::parse_report(body).error.sqlstate.size() != 5) std::abort();
  });
  return 0;
}
