#pragma once
// The parameters of a SELECT: from the bytes of a Bind message to values.

#include <optional>
#include <string_view>

#include "admin/table.h"
#include "base/result.h"
#include "wire/types.h"

namespace admin {

// `oid` is the type that was announced for the parameter and decides what binary bytes mean; `type` what the statement
// takes it for. 22P02, 22P03 and their kin.
base::Result<Cell> parameter_cell(std::optional<std::string_view> bytes, wire::Oid oid, Type type, wire::Format format);

}  // namespace admin
