#pragma once
// Reloader: reads the configuration again, off the loop, and puts it into force as a whole or not at all.

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "app/settings_source.h"
#include "app/tls_setup.h"
#include "base/loop.h"
#include "base/offload.h"
#include "base/ticket.h"
#include "conf/config.h"

namespace app {

class Reloader {
 public:
  using Done = std::function<void(base::Status)>;
  // Makes a checked configuration the one in force. May be called from any thread, one call at a time.
  using Apply = std::function<void(const conf::ConfigPtr&, const TlsPair&)>;

  Reloader(SettingsSource source, conf::ConfigPtr running, TlsPair tls, base::EventLoop& loop, base::Offload& offload,
           Apply apply);

  // On the loop's thread; `done` is called there. Calls that come while one runs are answered by one more run after it.
  void reload(Done done);

  // The console's SET: one setting changed. From any thread.
  base::Status apply_changed(conf::ConfigPtr config);

  conf::ConfigPtr running() const;

 private:
  struct Outcome {
    conf::LoadResult loaded;
    base::Result<TlsPair> tls;
  };
  void begin();
  base::Status finish(Outcome outcome);
  base::Status adopt(const conf::ConfigPtr& loaded, TlsPair tls);

  const SettingsSource source_;
  base::EventLoop& loop_;
  base::Offload& offload_;
  Apply apply_;
  base::Ticket under_way_;
  bool busy_ = false;
  std::vector<Done> answered_by_this_, waiting_;

  mutable std::mutex mutex_;  // guards what follows, and the calls of apply_
  conf::ConfigPtr running_;
  TlsPair tls_;
};

// One error for a list of problems: the first is the message, the others its detail.
base::Error error_of(const std::vector<conf::Problem>& problems);

}  // namespace app
