// Every decoder of a message that clients send. What decodes must encode to the same bytes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <tuple>

#include "wire/frame.h"
#include "wire/frontend.h"

namespace {

template <typename M>
void check(char type, std::string_view body) {
  if (type != M::kType) return;
  const auto message = wire::decode<M>(body);
  if (!message.ok()) return;
  std::string again;
  if (!wire::encode(*message, again).ok() || std::string_view(again).substr(wire::kHeaderSize) != body)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (const auto header = wire::peek_frame(bytes)) {
    if (!header->valid() || header->size > bytes.size()) break;
    const std::string_view body = bytes.substr(wire::kHeaderSize, header->size - wire::kHeaderSize);
    std::apply(
        [&](const auto&... message) { (check<std::decay_t<decltype(message)>>(header->type, body), ...); },
        wire::FrontendMessages{});
    bytes.remove_prefix(header->size);
  }
  return 0;
}
