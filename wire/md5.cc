#include "wire/md5.h"

#include <openssl/evp.h>

#include <array>

#include "base/handle.h"
#include "base/random.h"

namespace wire {
namespace {

constexpr std::string_view kPrefix = "md5";
using DigestPtr = base::Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

// "md5" and the digest of both texts, one after the other.
base::Result<std::string> digest(std::string_view first, std::string_view second) {
  const DigestPtr context{EVP_MD_CTX_new()};
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (!context || EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), first.data(), first.size()) != 1 ||
      EVP_DigestUpdate(context.get(), second.data(), second.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), bytes.data(), &size) != 1) {
    return base::internal_error("could not compute MD5: the TLS library does not allow it");
  }
  std::string text(kPrefix);
  for (unsigned i = 0; i < size; ++i) {
    constexpr std::string_view kHex = "0123456789abcdef";
    text.push_back(kHex[bytes[i] >> 4]);
    text.push_back(kHex[bytes[i] & 15]);
  }
  return text;
}

}  // namespace

base::Result<std::string> md5_hash(std::string_view password, std::string_view user) {
  return digest(password, user);
}

base::Result<std::string> md5_response(std::string_view hash, std::string_view salt) {
  if (hash.starts_with(kPrefix)) hash.remove_prefix(kPrefix.size());
  return digest(hash, salt);
}

base::Result<bool> md5_response_matches(std::string_view response, std::string_view hash,
                                        std::string_view salt) {
  TRY(const std::string expected, md5_response(hash, salt));
  return base::constant_time_equal(response, expected);
}

}  // namespace wire
