#pragma once
// A SELECT of the console from its rows to its answer: takes what its tables show, as SHOW does, and has SQLite run it
// on another thread.

#include <functional>
#include <memory>
#include <vector>

#include "admin/sql.h"
#include "admin/views.h"
#include "base/result.h"

namespace admin {

// Calls `done` once, inside the call or later on the same worker; dropping the token forgets `done` and ends the work.
std::shared_ptr<void> select_rows(std::shared_ptr<const Query> query, std::vector<Cell> values, const Sources& sources,
                                  std::function<void(base::Result<Table>)> done);

}  // namespace admin
