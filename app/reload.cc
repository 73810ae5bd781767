#include "app/reload.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "conf/diff.h"

namespace app {
namespace {

const base::Logger log{"reload"};

}  // namespace

Reloader::Reloader(SettingsSource source, conf::ConfigPtr running, TlsPair tls, base::EventLoop& loop,
                   base::Offload& offload, Apply apply)
    : source_(std::move(source)),
      loop_(loop),
      offload_(offload),
      apply_(std::move(apply)),
      running_(std::move(running)),
      tls_(std::move(tls)) {}

void Reloader::reload(Done done) {
  waiting_.push_back(std::move(done));
  if (!busy_) begin();
}

void Reloader::begin() {
  busy_ = true;
  answered_by_this_ = std::exchange(waiting_, {});
  const auto answer = [this](const base::Status& status) {
    busy_ = false;
    for (const Done& done : std::exchange(answered_by_this_, {})) done(status);
    if (!waiting_.empty() && !busy_) begin();
  };
  auto ticket = offload_.compute(
      [source = source_] {
        Outcome outcome{source.load(), TlsPair{}};
        if (outcome.loaded.config) outcome.tls = make_tls(*outcome.loaded.config);
        return outcome;
      },
      [this, answer](Outcome outcome) { answer(finish(std::move(outcome))); }, loop_);
  if (ticket.ok())
    under_way_ = *std::move(ticket);
  else
    loop_.defer([answer, status = base::Status(std::move(ticket).error())] { answer(status); });
}

base::Status Reloader::finish(Outcome outcome) {
  if (!outcome.loaded.config) {
    for (const auto& problem : outcome.loaded.problems) log.error("{}", conf::to_text(problem));
    log.error("nothing was changed: the configuration has {} problems", outcome.loaded.problems.size());
    return error_of(outcome.loaded.problems);
  }
  for (const auto& warning : outcome.loaded.warnings) log.warn("{}", conf::to_text(warning));
  if (!outcome.tls.ok()) {
    log.error("nothing was changed, and the certificates in use stay: {}", base::to_text(outcome.tls.error()));
    return base::config_file_error(base::to_text(outcome.tls.error()));
  }
  return adopt(outcome.loaded.config, *std::move(outcome.tls));
}

base::Status Reloader::adopt(const conf::ConfigPtr& loaded, TlsPair tls) {
  const std::lock_guard lock(mutex_);
  int changed = 0;
  for (const conf::Change& change : conf::diff(*running_, *loaded)) {
    ++changed;
    if (change.reload == conf::Reload::kRestart)
      log.warn("{} (needs a restart; the old value stays in force)", conf::to_text(change));
    else
      log.info("{}", conf::to_text(change));
  }
  running_ = conf::keep_until_restart(*running_, *loaded);
  tls_ = std::move(tls);
  apply_(running_, tls_);
  log.info("reloaded from {}: {} changes", source_.text(), changed);
  return base::Ok{};
}

base::Status Reloader::apply_changed(conf::ConfigPtr config) {
  const std::lock_guard lock(mutex_);
  // Certificates are read again only for a change that concerns them.
  TlsPair tls = tls_;
  const bool same_client = wire::client_tls(config->weir) == wire::client_tls(running_->weir);
  const bool same_server = wire::server_tls(config->weir) == wire::server_tls(running_->weir);
  if (!same_client || !same_server) {
    TRY(tls, make_tls(*config));
  }
  running_ = std::move(config);
  tls_ = std::move(tls);
  apply_(running_, tls_);
  return base::Ok{};
}

conf::ConfigPtr Reloader::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

base::Error error_of(const std::vector<conf::Problem>& problems) {
  if (problems.empty()) return base::config_file_error("the configuration cannot be used");
  base::Error error = base::config_file_error(conf::to_text(problems.front()));
  if (problems.size() > 1) {
    const std::vector<conf::Problem> others(problems.begin() + 1, problems.end());
    error = base::with_detail(std::move(error), conf::to_text(others));
  }
  return base::with_hint(std::move(error), "nothing was changed");
}

}  // namespace app
