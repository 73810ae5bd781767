#pragma once
// The values of a Bind, for people to read: those in text as they are, those in binary as PostgreSQL would print them
// where their type is a usual one, otherwise in hexadecimal. Pure.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/types.h"

namespace pooler {

struct BindValues {
  std::vector<std::optional<std::string>> values;  // nothing: NULL
  bool whole = true;     // there are no more
  bool readable = true;  // PostgreSQL would read these texts as the same values
};

// `bind` is what follows the two names in a Bind, or its beginning; `types` what follows the text in a Parse: a count and
// the types.
BindValues bind_values(std::string_view bind, std::string_view types);

// One value in binary.
std::string binary_value(std::string_view bytes, wire::Oid type);

// What CREATE or PREPARE call the type; "unknown" for one that is not a usual one.
std::string_view usual_type_name(wire::Oid type);
// The types of a Parse, in order.
std::vector<wire::Oid> parse_types(std::string_view types);

}  // namespace pooler
