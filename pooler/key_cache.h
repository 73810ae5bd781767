#pragma once
// KeyCache: salted passwords (PBKDF2) that were computed before, so that a storm of logins costs each user's key once.
//
// A key is found only by who gives the same password again: the cache proves nothing by itself. Thread-safe; bounded.

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/lru.h"
#include "conf/secret.h"

namespace pooler {

class KeyCache {
 public:
  std::optional<conf::Secret> find(std::string_view user, std::string_view salt, int iterations,
                                   const conf::Secret& password);
  void put(std::string_view user, std::string_view salt, int iterations, const conf::Secret& password,
           const conf::Secret& key);

 private:
  static constexpr std::size_t kMaxKeys = 10'000;  // a few hundred bytes each
  struct Known {
    conf::Secret password, key;
  };
  static std::string name(std::string_view user, std::string_view salt, int iterations);

  std::mutex mutex_;
  base::Lru<std::string, Known> keys_{kMaxKeys};  // guarded by mutex_
};

}  // namespace pooler
