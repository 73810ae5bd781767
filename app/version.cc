#include "app/version.h"

namespace app {

std::string_view version() { return WEIR_VERSION; }

}  // namespace app
