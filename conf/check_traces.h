#pragma once
// What must hold between the settings of [traces]. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/check.h"

namespace conf {

std::vector<Finding> check_traces(const Config& config);

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;
// "name=value,name=value", as OTEL_EXPORTER_OTLP_HEADERS has it. Nothing where a name is none, or a value could end its
// line. Empty: none.
std::optional<HttpHeaders> http_headers(std::string_view text);

}  // namespace conf
