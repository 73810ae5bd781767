#pragma once
// Scraper: gathers what one look at /metrics shows, from the views and from the workers, as SHOW does.
//
// Of one loop, which is no worker's. Workers are asked by posts to their loops; one that does not answer by the deadline is
// left out, and is not asked again until it has answered: whoever looks often does not pile up questions. Who asks while a
// scrape is under way gets that one.

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "admin/metrics.h"
#include "admin/views.h"
#include "base/loop.h"

namespace admin {

class Scraper {
 public:
  // Less than Prometheus' shortest usual timeout, and much more than a worker that lives ever takes.
  static constexpr base::Duration kDeadline = std::chrono::seconds(2);
  using Done = std::function<void(const Scraped&)>;

  Scraper(base::EventLoop& loop, const Sources& sources, base::Duration deadline = kDeadline);

  // On the loop's thread, and so is `done`, inside of the call or later.
  void scrape(Done done);

 private:
  void ask(std::string part, const std::function<void(std::function<void(std::function<void(Scraped&)>)>)>& question);
  void arrived(uint64_t turn, const std::string& part, const std::function<void(Scraped&)>& put);
  void finish();

  base::EventLoop& loop_;
  const Sources& sources_;
  const base::Duration deadline_;
  base::Timer timer_;
  std::vector<Done> waiting_;
  std::set<std::string> unanswered_;  // parts asked for, in this turn or before
  std::set<std::string> expected_;    // parts of this turn that have not come
  Scraped scraped_;
  uint64_t turn_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace admin
