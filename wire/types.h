#pragma once
// The protocol's small words: object ids, transaction status, formats, versions, cancel keys.

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/strong.h"

namespace wire {

using Oid = base::Strong<struct OidTag, uint32_t>;

// ReadyForQuery's byte.
enum class TxStatus : char { kIdle = 'I', kInTransaction = 'T', kFailed = 'E' };

// How a value is written. Other numbers are kept as they came: PostgreSQL is the one to refuse them.
enum class Format : int16_t { kText = 0, kBinary = 1 };

struct ProtocolVersion {
  uint16_t major = 3;
  uint16_t minor = 0;

  static constexpr ProtocolVersion from_number(uint32_t number) {
    return {static_cast<uint16_t>(number >> 16), static_cast<uint16_t>(number & 0xffff)};
  }
  constexpr uint32_t number() const { return (uint32_t{major} << 16) | minor; }
  constexpr auto operator<=>(const ProtocolVersion&) const = default;
};

inline constexpr ProtocolVersion kProtocol30{3, 0};
inline constexpr ProtocolVersion kProtocol32{3, 2};
inline constexpr ProtocolVersion kNewestProtocol = kProtocol32;

// What cancels a query: the pid and secret of BackendKeyData. Four bytes of secret in protocol 3.0, up to 256
// from 3.2 on. Secrets up to 32 bytes live inside the object. Compare secrets with base::constant_time_equal.
class CancelKey {
 public:
  static constexpr std::size_t kMaxSecret = 256;  // the protocol's own limit
  static constexpr std::size_t kMinSecret = 4;    // shorter ones could be guessed

  CancelKey() = default;
  // Keeps at most kMaxSecret bytes; readers have refused longer ones before.
  CancelKey(uint32_t pid, std::string_view secret) : pid_(pid), size_(clip(secret.size())) {
    if (size_ > kInline) large_ = std::make_unique<std::array<char, kMaxSecret>>();
    std::copy_n(secret.begin(), size_, data());
  }
  CancelKey(const CancelKey& other) : CancelKey(other.pid_, other.secret()) {}
  CancelKey(CancelKey&&) = default;
  CancelKey& operator=(CancelKey&&) = default;
  CancelKey& operator=(const CancelKey& other) { return *this = CancelKey(other.pid_, other.secret()); }
  ~CancelKey() = default;

  uint32_t pid() const { return pid_; }
  std::string_view secret() const { return {large_ ? large_->data() : inline_.data(), size_}; }
  bool empty() const { return size_ == 0; }

 private:
  static constexpr std::size_t kInline = 32;  // what servers of protocol 3.2 send
  static uint16_t clip(std::size_t size) { return static_cast<uint16_t>(std::min(size, kMaxSecret)); }
  char* data() { return large_ ? large_->data() : inline_.data(); }

  uint32_t pid_ = 0;
  uint16_t size_ = 0;
  std::array<char, kInline> inline_{};
  std::unique_ptr<std::array<char, kMaxSecret>> large_;
};

}  // namespace wire
