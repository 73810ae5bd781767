#pragma once
// docs/console.md, printed from the tables of views and commands.

#include <string>

namespace admin {

std::string console_document();

}  // namespace admin
