#pragma once
// The admin console: what clients of the databases `weir` and `pgbouncer` talk to. One per process; its sessions live
// on their clients' workers.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/meter.h"
#include "admin/run.h"
#include "admin/views.h"
#include "base/clock.h"
#include "pooler/console.h"

namespace admin {

// One line of the audit log: a command that changes something, by whom and from where.
struct AuditEvent {
  enum class Outcome { kStarted, kDenied, kFailed };
  std::string_view user, address;
  std::string_view command;  // without values: they may be secrets
  Outcome outcome = Outcome::kStarted;
  std::string_view problem{};  // of kFailed
};
// What user and database names contain is quoted, not escaped: the log does that.
std::string to_text(const AuditEvent& event);

struct Services {
  pooler::Inspector& inspector;
  pooler::Operations& operations;
  std::function<std::vector<ConfigRow>()> config;        // any worker
  std::function<void(const AuditEvent&)> audit;          // any worker
  std::string version;                                   // Weir's own: "0.1.0"
  Aside aside{};                                         // any worker; without it SELECT runs on its worker's loop
  std::function<base::TimePoint()> clock = &base::now;
  HistoryAccess history{};
  AdviceAccess advice{};
  pooler::Advisor* advisor = nullptr;
  AlertAccess alerts{};
};

class Console final : public pooler::Console {
 public:
  explicit Console(Services services);

  // The session may be destroyed while an operation or a view is under way; the console outlives its sessions.
  std::unique_ptr<pooler::ConsoleSession> open(pooler::ConsoleUser user, pooler::ConsoleOut& out) override;

  // For others that show the same. Its functions may be called on any thread.
  const Sources& sources() const { return sources_; }

  // ParameterStatus messages of a console log-in, in order.
  static std::vector<std::pair<std::string, std::string>> welcome_parameters();

 private:
  Services services_;
  Meter meter_;
  Sources sources_;
};

}  // namespace admin
