#pragma once
// docs/settings.md and the sample weir.toml, written from the settings tables. `weir --print-docs` prints
// them and a test compares them with the committed text.

#include <string>

namespace conf {

std::string settings_markdown();
// Every setting with its default, commented out, below what it means; it loads as it is.
std::string sample_toml();

}  // namespace conf
