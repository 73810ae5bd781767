#pragma once
// SELECT in one call, for the tests of what it is made of.

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "admin/sql.h"
#include "admin/sql_query.h"
#include "fakes.h"

namespace admin {

// Two pools of app, one of shop, four clients; and the console's own rows.
struct SqlWorld : World {
  SqlWorld();
  QueryContext context{.user = "watcher", .role = pooler::ConsoleRole::kStats};
  SqlLimits limits{};
  std::atomic<bool> stop = false;

  // "a|b a|b", rows parted by blanks, NULL as -; or "42P01 message".
  std::string ask(std::string_view sql, std::vector<Cell> values = {});
  // "name:type name:type", or the error.
  std::string columns(std::string_view sql);
  // Types of the parameters.
  std::string parameters(std::string_view sql, std::vector<uint32_t> declared = {});
  base::Result<Table> run(std::string_view sql, std::vector<Cell> values = {});
};

}  // namespace admin
