#include "pooler/key_cache.h"

namespace pooler {

std::string KeyCache::name(std::string_view user, std::string_view salt, int iterations) {
  return std::to_string(iterations) + '\0' + std::to_string(salt.size()) + '\0' + std::string(salt) + std::string(user);
}

std::optional<conf::Secret> KeyCache::find(std::string_view user, std::string_view salt, int iterations,
                                           const conf::Secret& password) {
  const std::lock_guard lock(mutex_);
  const Known* known = keys_.find(name(user, salt, iterations));
  if (known == nullptr || !(known->password == password)) return std::nullopt;
  return known->key;
}

void KeyCache::put(std::string_view user, std::string_view salt, int iterations, const conf::Secret& password,
                   const conf::Secret& key) {
  const std::lock_guard lock(mutex_);
  keys_.put(name(user, salt, iterations), Known{password, key}, 1);
}

}  // namespace pooler
