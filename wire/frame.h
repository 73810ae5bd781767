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

// A set of message types. It is asked of every message whether its type is one of some: a bit, and no search.
class TypeSet {
 public:
  constexpr TypeSet() = default;
  // Each character is a type.
  explicit constexpr TypeSet(std::string_view types) {
    for (const char type : types) bits_[place(type) / 64] |= uint64_t{1} << place(type) % 64;
  }
  constexpr bool has(char type) const { return (bits_[place(type) / 64] >> place(type) % 64 & 1) != 0; }

 private:
  static constexpr unsigned place(char type) { return static_cast<unsigned char>(type); }

  uint64_t bits_[4]{};
};

// Whether PostgreSQL would read a frontend message of that type and size (its SocketBackend).
inline constexpr TypeSet kFrontendTypes("QFXBCDEHSPdcfp");
inline constexpr TypeSet kLargeTypes("QFBPd");
constexpr bool is_frontend_type(char type) { return kFrontendTypes.has(type); }
constexpr bool may_be_large(char type) { return kLargeTypes.has(type); }

}  // namespace wire
