#pragma once
// Weir's version, from CMake's project().

#include <string_view>

namespace app {

std::string_view version();

}  // namespace app
