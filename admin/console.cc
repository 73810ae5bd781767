#include "admin/console.h"

#include <fmt/format.h>

#include "admin/session.h"
#include "admin/sql.h"

namespace admin {

std::string to_text(const AuditEvent& event) {
  std::string text = fmt::format("console: user \"{}\" from {} ", event.user, event.address);
  switch (event.outcome) {
    case AuditEvent::Outcome::kStarted: return text + fmt::format("ran {}", event.command);
    case AuditEvent::Outcome::kDenied: return text + fmt::format("was denied {}", event.command);
    case AuditEvent::Outcome::kFailed: break;
  }
  return text + fmt::format("ran {}, which failed: {}", event.command, event.problem);
}

Console::Console(Services services)
    : services_(std::move(services)),
      sources_{services_.inspector, services_.config, [this] { return meter_.read(services_.clock()); },
               services_.version, services_.aside, services_.history, services_.advice, services_.advisor,
               services_.alerts} {
  prepare_sql();
}

std::unique_ptr<pooler::ConsoleSession> Console::open(pooler::ConsoleUser user, pooler::ConsoleOut& out) {
  return std::make_unique<Session>(services_, sources_, meter_, std::move(user), out);
}

std::vector<std::pair<std::string, std::string>> Console::welcome_parameters() {
  return {{"server_version", std::string(kServerVersion)},
          {"client_encoding", "UTF8"},
          {"server_encoding", "UTF8"},
          {"DateStyle", "ISO"},
          {"TimeZone", "GMT"},
          {"standard_conforming_strings", "on"},
          {"is_superuser", "on"},
          {"integer_datetimes", "on"},
          {"IntervalStyle", "postgres"}};
}

}  // namespace admin
