#include "pooler/history_keeper.h"

#include <algorithm>
#include <future>
#include <map>
#include <utility>

#include "base/log.h"

namespace pooler {

namespace {

const base::Logger log{"history"};

// Pools are looked at this often; more often where intervals are short.
constexpr base::Duration kLook = std::chrono::seconds(5);
constexpr base::Duration kLookMin = std::chrono::milliseconds(100);
constexpr int kLooksPerInterval = 12;
// Jobs for the thread. More than a few mean that the disk hangs; what is counted meanwhile comes with the next one.
constexpr std::size_t kJobsMax = 16, kCountsMax = 2;
// For the last interval of a process that ends.
constexpr std::chrono::seconds kLastWords{5};

base::WallTime floor_to(base::WallTime time, base::Duration interval) {
  return time - time.time_since_epoch() % interval;
}

// Times that statements of a database and user took belong to the pool of that name, if there is one.
void add_times(std::vector<analyzer::HistoryPool>& pools,
               const std::map<std::pair<std::string, std::string>, analyzer::LatencyHistogram>& times, std::size_t rows_max) {
  for (const auto& [name, histogram] : times) {
    auto pool = std::find_if(pools.begin(), pools.end(), [&name = name](const analyzer::HistoryPool& one) {
      return one.database == name.first && one.user == name.second;
    });
    if (pool == pools.end()) {
      if (pools.size() >= 2 * rows_max) continue;
      pool = pools.insert(pools.end(), analyzer::HistoryPool{});
      pool->database = name.first;
      pool->user = name.second;
    }
    pool->times.merge(histogram);
  }
}

}  // namespace

analyzer::HistoryLimits limits_of(const conf::History& settings) {
  return {.keep_minutes = settings.keep_minutes,
          .keep_hours = settings.keep_hours,
          .keep_days = settings.keep_days,
          .size_max = settings.size_max,
          .rows_max = static_cast<std::size_t>(settings.queries_max)};
}

base::WallTime ended_at(base::WallTime now, base::Duration interval) {
  return floor_to(now - interval / 2, interval);
}

base::Duration until_end(base::WallTime now, base::Duration interval) {
  const base::Duration left = interval - now.time_since_epoch() % interval;
  return left < interval / 2 ? left + interval : left;
}

HistoryKeeper::HistoryKeeper(base::EventLoop& loop, const conf::History& settings, Asks asks)
    : loop_(loop),
      interval_(settings.interval),
      asks_(std::move(asks)),
      history_(std::make_shared<analyzer::History>(analyzer::History::Place{settings.path}, limits_of(settings))),
      diff_(std::make_shared<analyzer::HistoryDiff>()),
      thread_("history", 1, kJobsMax),
      look_timer_(loop, [this] { look(); }),
      interval_timer_(loop, [this] { end_interval(); }) {}

HistoryKeeper::~HistoryKeeper() = default;

void HistoryKeeper::start() {
  began_ = base::now();
  thread_.run([history = history_] { history->open(); });
  look_timer_.every(std::clamp(interval_ / kLooksPerInterval, kLookMin, kLook));
  // The first one is the rest of the one that is under way.
  interval_timer_.once(interval_ - base::wall_now().time_since_epoch() % interval_);
}

void HistoryKeeper::configure(const conf::History& settings) { history_->set_limits(limits_of(settings)); }

void HistoryKeeper::look() { pools_.look(asks_.pools()); }

void HistoryKeeper::end_interval() {
  interval_timer_.once(until_end(base::wall_now(), interval_));
  if (asking_) return;  // a worker is busy; what it has counted comes with the next interval
  asking_ = true;
  asks_.queries([this](std::vector<QueryCount> counts) {
    asking_ = false;
    write(std::move(counts), ended_at(base::wall_now(), interval_));
  });
}

bool HistoryKeeper::write(std::vector<QueryCount> counts, base::WallTime at) {
  if (thread_.queued() >= kCountsMax) return false;
  look();
  const base::TimePoint now = base::now();
  auto own = std::make_shared<std::vector<QueryCount>>(std::move(counts));
  auto pools = std::make_shared<std::vector<analyzer::HistoryPool>>(pools_.drain(history_->rows_max()));
  const bool taken = thread_.run([history = history_, diff = diff_, own, pools, at, length = now - std::exchange(began_, now)] {
    const std::size_t rows_max = history->rows_max();
    for (QueryCount& count : *own) diff->take(count.worker, count.number, std::move(count.snapshot));
    add_times(*pools, diff->times(), rows_max);
    history->add({.at = at, .length = length, .queries = diff->drain(rows_max), .pools = std::move(*pools)});
  });
  return taken;
}

void HistoryKeeper::take(std::vector<QueryCount> counts) {
  auto own = std::make_shared<std::vector<QueryCount>>(std::move(counts));
  const bool taken = thread_.run([diff = diff_, own] {
    for (QueryCount& count : *own) diff->take(count.worker, count.number, std::move(count.snapshot));
  });
  if (!taken) log.warn("the history misses what was counted before RESET QUERIES: it is being written too slowly");
}

void HistoryKeeper::keep(std::string name, std::string text) {
  const bool taken = thread_.run([history = history_, name, text = std::move(text)] {
    if (const auto status = history->keep(name, text); !status.ok())
      log.limited(name).warn("{} is not kept: {}", name, base::to_text(status.error()));
  });
  if (!taken) log.limited(name).warn("{} is not kept: the history is being written too slowly", name);
}

void HistoryKeeper::kept(std::string name, std::function<void(std::string)> done) {
  thread_.run([this, history = history_, name = std::move(name), done = std::move(done)] {
    auto text = history->kept(name);
    if (!text.ok())
      log.warn("{} of the process before this one cannot be read: {}", name, base::to_text(text.error()));
    else if (!text->empty())
      loop_.post([done, text = *std::move(text)] { done(text); });
  });
}

void HistoryKeeper::finish(std::vector<QueryCount> counts) {
  look_timer_.cancel();
  interval_timer_.cancel();
  auto done = std::make_shared<std::promise<void>>();
  if (!write(std::move(counts), floor_to(base::wall_now(), interval_)))
    log.warn("the history misses the last interval: it is being written too slowly");
  // What is in line before it may be texts to be kept.
  if (thread_.run([done] { done->set_value(); })) done->get_future().wait_for(kLastWords);
}

}  // namespace pooler
