#include "admin/scrape.h"

#include <utility>

namespace admin {

Scraper::Scraper(base::EventLoop& loop, const Sources& sources, base::Duration deadline)
    : loop_(loop), sources_(sources), deadline_(deadline), timer_(loop, [this] { finish(); }) {}

void Scraper::scrape(Done done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;
  ++turn_;
  scraped_ = {};
  timer_.once(deadline_);
  using Arrive = std::function<void(std::function<void(Scraped&)>)>;
  for (const std::string_view name : scraped_views()) {
    ask(std::string(name), [this, name](const Arrive& arrive) {
      find_view(name)->take(sources_, [arrive, name](const SnapshotPtr& snapshot) {
        arrive([name, snapshot](Scraped& scraped) { scraped.views[name] = snapshot; });
      });
    });
  }
  ask("statements", [this](const Arrive& arrive) {
    sources_.inspector.statement_metrics([arrive](std::vector<pooler::StatementMetrics> rows) {
      auto metrics = std::make_shared<std::vector<pooler::StatementMetrics>>(std::move(rows));
      arrive([metrics](Scraped& scraped) {
        if (!metrics->empty()) scraped.statements = std::move(metrics->front());
      });
    });
  });
  ask("exemplars", [this](const Arrive& arrive) {
    sources_.inspector.exemplars([arrive](const std::vector<analyzer::PoolExemplars>& rows) {
      arrive([rows](Scraped& scraped) { scraped.exemplars = rows; });
    });
  });
  ask("readiness", [this](const Arrive& arrive) {
    sources_.inspector.readiness([arrive](const std::vector<pooler::ReadyRow>& rows) {
      arrive([rows](Scraped& scraped) { scraped.ready = rows; });
    });
  });
}

void Scraper::ask(std::string part,
                  const std::function<void(std::function<void(std::function<void(Scraped&)>)>)>& question) {
  if (!unanswered_.insert(part).second) {
    scraped_.missing.push_back(std::move(part));
    return;
  }
  expected_.insert(part);
  // The answer may come on another loop's thread, and when this is gone; the loop is there.
  question([this, loop = &loop_, alive = std::weak_ptr<char>(alive_), turn = turn_,
            part](std::function<void(Scraped&)> put) {
    loop->post([this, alive, turn, part, put = std::move(put)] {
      if (!alive.expired()) arrived(turn, part, put);
    });
  });
}

void Scraper::arrived(uint64_t turn, const std::string& part, const std::function<void(Scraped&)>& put) {
  unanswered_.erase(part);
  if (turn != turn_ || expected_.erase(part) == 0) return;
  put(scraped_);
  if (expected_.empty()) finish();
}

void Scraper::finish() {
  timer_.cancel();
  for (const std::string& part : std::exchange(expected_, {})) scraped_.missing.push_back(part);
  scraped_.process = process_numbers();
  scraped_.internal_errors = base::EventLoop::internal_errors();
  scraped_.version = sources_.version;
  const Scraped scraped = std::exchange(scraped_, {});
  for (const Done& done : std::exchange(waiting_, {})) done(scraped);
}

}  // namespace admin
