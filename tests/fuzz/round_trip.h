#pragma once
// What the fuzz targets of both directions share: bytes are cut into frames as a stream would be, and what decodes as one
// of the direction's messages must encode to the same bytes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "wire/codec.h"
#include "wire/frame.h"

namespace fuzz {

template <typename M>
void same_bytes_again(char type, std::string_view body) {
  if (type != M::kType) return;
  const auto message = wire::decode<M>(body);
  if (!message.ok()) return;
  std::string again;
  if (!wire::encode(*message, again).ok() || std::string_view(again).substr(wire::kHeaderSize) != body) std::abort();
}

// `Messages` is the tuple of a direction; `look` sees the body of each frame before its decoders do.
template <typename Messages, typename Look>
void each_frame(const uint8_t* data, std::size_t size, const Look& look) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (const auto header = wire::peek_frame(bytes)) {
    if (!header->valid() || header->size > bytes.size()) break;
    const std::string_view body = bytes.substr(wire::kHeaderSize, header->size - wire::kHeaderSize);
    look(body);
    std::apply(
        [&](const auto&... message) { (same_bytes_again<std::decay_t<decltype(message)>>(header->type, body), ...); },
        Messages{});
    bytes.remove_prefix(header->size);
  }
}

}  // namespace fuzz
