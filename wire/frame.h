#pragma once
// Framing: one type byte, four bytes of length, a body. Pure and incremental; large bodies are never collected
// here, whoever reads a header decides what to do with the rest as it arrives.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "wire/codec.h"

namespace wire {

struct FrameHeader {
  char type = 0;
  std::size_t size = 0;  // of the whole frame, header included; 0: the length is not one that PostgreSQL sends
  bool valid() const { return size != 0; }
};

// The header at the start of `bytes`, when its five bytes are there.
inline std::optional<FrameHeader> peek_frame(std::string_view bytes) {
  if (bytes.size() < kHeaderSize) return std::nullopt;
  const auto byte = [bytes](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[i])}; };
  const std::size_t length = (byte(1) << 24) | (byte(2) << 16) | (byte(3) << 8) | byte(4);
  if (length < 4 || length > kMaxMessageLength) return FrameHeader{bytes[0], 0};
  return FrameHeader{bytes[0], length + 1};
}

// PostgreSQL's PQ_SMALL_MESSAGE_LIMIT: messages that carry no data of the user's are refused above it.
inline constexpr std::size_t kSmallMessageLimit = 10000;

// Message types as a set of bits: it is asked of every message whether its type is one of some.
consteval uint64_t letters(std::string_view these) {
  uint64_t set = 0;
  for (const char letter : these) set |= uint64_t{1} << (letter - 'A');
  return set;
}
constexpr bool is_one_of(char type, uint64_t set) {
  const auto at = static_cast<unsigned>(type - 'A');
  return at < 64 && (set >> at & 1) != 0;
}

// Whether PostgreSQL would read a frontend message of that type and size (its SocketBackend).
constexpr bool is_frontend_type(char type) { return is_one_of(type, letters("QFXBCDEHSPdcfp")); }
constexpr bool may_be_large(char type) { return is_one_of(type, letters("QFBPd")); }

}  // namespace wire
