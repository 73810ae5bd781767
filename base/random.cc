#include "base/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace base {
namespace {

bool from_openssl(std::span<char> out) {
  // RAND_bytes counts in int.
  constexpr std::size_t kPiece = 1 << 20;
  while (!out.empty()) {
    const auto piece = out.first(std::min(out.size(), kPiece));
    if (RAND_bytes(reinterpret_cast<unsigned char*>(piece.data()), static_cast<int>(piece.size())) != 1) return false;
    out = out.subspan(piece.size());
  }
  return true;
}

bool from_kernel(std::span<char> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

void fetch(std::span<char> out) {
  if (!from_openssl(out) && !from_kernel(out)) std::abort();
}

// Bytes fetched ahead by a thread: one call of the generator costs as much as hundreds of its bytes. Each is given out once.
class Stock {
 public:
  void take(std::span<char> out) {
    if (left_ < out.size()) {
      fetch(bytes_);
      left_ = bytes_.size();
    }
    const auto given = std::span(bytes_).subspan(left_ - out.size(), out.size());
    std::copy(given.begin(), given.end(), out.begin());
    OPENSSL_cleanse(given.data(), given.size());
    left_ -= out.size();
  }

 private:
  std::array<char, 512> bytes_{};
  std::size_t left_ = 0;
};

// Larger requests are worth a call of their own.
constexpr std::size_t kSmall = 64;

}  // namespace

void secure_bytes(std::span<char> out) {
  thread_local Stock stock;
  if (out.size() > kSmall)
    fetch(out);
  else
    stock.take(out);
}

std::string secure_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  secure_bytes(std::span(bytes));
  return bytes;
}

uint64_t random_u64() {
  uint64_t number = 0;
  secure_bytes({reinterpret_cast<char*>(&number), sizeof number});
  return number;
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace base
