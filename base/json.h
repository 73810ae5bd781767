#pragma once
// Text as a JSON string.

#include <string>
#include <string_view>

namespace base {

// In quotes. What is not UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);

}  // namespace base
