#pragma once
// Carries out what a console command asks of Weir: reads a view, or calls an operation of the pooler.
// What concerns only the session itself (BEGIN, DEALLOCATE) is admin/session.h's.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/commands.h"
#include "admin/table.h"
#include "admin/views.h"
#include "base/result.h"
#include "pooler/console.h"
#include "wire/error_fields.h"

namespace admin {

struct Notice {
  base::Error text;
  wire::Severity severity = wire::Severity::kNotice;
};

// What one command answers: rows if it has any, and its tag.
struct Reply {
  std::optional<Table> table{};
  std::string tag{};
  std::vector<Notice> notices{};
};
using Answer = base::Result<Reply>;

// The reply without rows: the command's tag.
Reply done_reply(const Invocation& invocation);

// Calls `done` once, inside the call or later on the same worker. The token belongs to an operation under way:
// dropping it forgets `done` and, for PAUSE and SUSPEND, undoes the operation. A view under way has none.
pooler::Operations::Token run(const Invocation& invocation, const Sources& sources, pooler::Operations& operations,
                              std::function<void(Answer)> done);

}  // namespace admin
