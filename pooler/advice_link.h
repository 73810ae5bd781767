#pragma once
// AdviceLink: the advisor's connection to one database, from a thread that waits for each answer. Beside the pools' own
// connections, as the role that [advice] names, always READ ONLY; it is opened for one look and closed after it.
//
// After an error of the connection, or three questions that took too long, it says no more.

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "analyzer/advice_measure.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "conf/config.h"
#include "wire/pg_client.h"

namespace pooler {

// Where and as whom a database is asked.
base::Result<wire::PgClientSettings> advice_settings(const conf::Config& config, const std::string& database);
// Its replicas, and behind them its own hosts; none where it has no replicas to ask.
std::vector<wire::DialTarget> replica_hosts(const conf::Config& config, const std::string& database);
// The same for the role that may create indexes; 55000 if none is named.
base::Result<wire::PgClientSettings> apply_settings(const conf::Config& config, const std::string& database);

class AdviceLink final : public analyzer::Asker {
 public:
  static constexpr int kLateMax = 3;

  struct Limits {
    base::Duration statement{};  // of one question
    base::Duration look{};       // of all; when it is over, what is found is told
  };
  // `stopping` outlives it.
  AdviceLink(wire::Resolver& resolver, wire::PgClientSettings settings, Limits limits, const std::atomic<bool>& stopping);

  base::Result<analyzer::SqlRows> ask(std::string_view sql, const analyzer::SqlRow& params) override;
  bool out_of_time() const override;
  // Why it says no more; nothing while it does.
  const std::optional<base::Error>& broken() const { return broken_; }

 private:
  base::EventLoop loop_;
  const Limits limits_;
  const std::atomic<bool>& stopping_;
  const base::TimePoint began_ = base::now();
  wire::PgClient client_;
  std::optional<base::Error> broken_;
  int late_ = 0;
};

}  // namespace pooler
