#pragma once
// Base64 as SCRAM uses it (RFC 4648 section 4): padded, no white space, one spelling for each value.

#include <optional>
#include <string>
#include <string_view>

namespace wire {

std::string to_base64(std::string_view bytes);
// Nothing if `text` is not what to_base64 writes for some bytes.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace wire
