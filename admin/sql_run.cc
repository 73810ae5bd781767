#include "admin/sql_run.h"

#include <atomic>
#include <optional>
#include <utility>

#include "base/ticket.h"

namespace admin {

namespace {

// Lives as long as its token; callbacks that come later find it gone.
class Selection : public std::enable_shared_from_this<Selection> {
 public:
  Selection(SqlJob job, const Sources& sources, std::function<void(base::Result<Table>)> done)
      : sources_(sources), done_(std::move(done)), work_(std::make_shared<Work>()) {
    work_->job = std::move(job);
  }
  ~Selection() { work_->stop = true; }
  Selection(const Selection&) = delete;
  Selection& operator=(const Selection&) = delete;

  // Takes the rows of one table after the other, then runs.
  void go_on() {
    SqlJob& job = work_->job;
    if (job.snapshots.size() == job.query->tables.size()) return run();
    const View& view = *job.query->tables[job.snapshots.size()];
    if (view.source) {
      job.snapshots.push_back(view.source(sources_));
      return go_on();
    }
    view.take(
        sources_, [self = weak_from_this()](SnapshotPtr snapshot) {
          const auto alive = self.lock();
          if (!alive) return;
          alive->work_->job.snapshots.push_back(std::move(snapshot));
          alive->go_on();
        });
  }

 private:
  // What the other thread has of it.
  struct Work {
    SqlJob job;
    std::atomic<bool> stop = false;
    std::optional<base::Result<Table>> answer;
  };

  void run() {
    work_->job.now = base::wall_now();
    auto calculate = [work = work_] { work->answer.emplace(run_sql(work->job, work->stop)); };
    auto finish = [self = weak_from_this()] {
      if (const auto alive = self.lock()) alive->finish();
    };
    if (!sources_.aside) {
      calculate();
      return finish();
    }
    auto ticket = sources_.aside(std::move(calculate), std::move(finish));
    if (!ticket.ok()) return std::exchange(done_, nullptr)(std::move(ticket).error());
    ticket_ = *std::move(ticket);
  }

  void finish() {
    auto done = std::exchange(done_, nullptr);
    if (!done) return;
    if (!work_->answer) return done(base::out_of_memory("the SELECT could not be run"));
    done(*std::move(work_->answer));
  }

  const Sources& sources_;
  std::function<void(base::Result<Table>)> done_;
  std::shared_ptr<Work> work_;
  base::Ticket ticket_;
};

}  // namespace

std::shared_ptr<void> select_rows(std::shared_ptr<const Query> query, std::vector<Cell> values, const Sources& sources,
                                  std::function<void(base::Result<Table>)> done) {
  SqlJob job{.query = std::move(query), .values = std::move(values)};
  auto selection = std::make_shared<Selection>(std::move(job), sources, std::move(done));
  selection->go_on();
  return selection;
}

}  // namespace admin
