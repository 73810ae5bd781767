#pragma once
// PostgreSQL's md5 passwords: a stored hash of password and user name, and an answer that mixes in a salt.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wire {

inline constexpr std::size_t kMd5SaltSize = 4;

// "md5" and the hex digits of md5(password + user): what pg_authid stores. An error only where the system's
// OpenSSL forbids MD5.
base::Result<std::string> md5_hash(std::string_view password, std::string_view user);

// The answer to AuthenticationMD5Password for such a hash.
base::Result<std::string> md5_response(std::string_view hash, std::string_view salt);

// Whether `response` is that answer; the time taken does not depend on where it differs.
base::Result<bool> md5_response_matches(std::string_view response, std::string_view hash,
                                        std::string_view salt);

}  // namespace wire
