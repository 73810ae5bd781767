// PROXY protocol headers.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "conf/address.h"
#include "wire/proxy_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto parsed = wire::parse_proxy_v2(bytes);
  if (!parsed.ok()) return 0;
  if (parsed->needed > wire::kMaxProxyHeader) std::abort();
  if (parsed->consumed == 0) {
    if (parsed->needed <= size) std::abort();
    return 0;
  }
  if (parsed->consumed > size || parsed->consumed != parsed->needed) std::abort();
  if (!parsed->local && !conf::parse_ip(parsed->source_address)) std::abort();
  // What follows the header changes nothing, and without its last byte it is not complete.
  const auto alone = wire::parse_proxy_v2(bytes.substr(0, parsed->consumed));
  if (!alone.ok() || alone->consumed != parsed->consumed) std::abort();
  const auto cut = wire::parse_proxy_v2(bytes.substr(0, parsed->consumed - 1));
  if (!cut.ok() || cut->consumed != 0) std::abort();
  return 0;
}
