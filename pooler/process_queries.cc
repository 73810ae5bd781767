// Process: statistics of statements, brought together from all workers.

#include <memory>
#include <utility>

#include "pooler/gather.h"
#include "pooler/process.h"
#include "pooler/session.h"
#include "pooler/worker.h"

namespace pooler {

void Process::queries(Then<QueryRow> done) {
  base::EventLoop& home = caller();
  gather<analyzer::QuerySnapshot>(
      [](Worker& worker, std::vector<analyzer::QuerySnapshot>& parts) {
        parts.push_back(worker.counted_queries().snapshot());
      },
      [this, &home, done = std::move(done)](std::vector<analyzer::QuerySnapshot> parts) {
        const auto most = static_cast<std::size_t>(pools_.config()->weir.query_stats_max);
        const analyzer::Clocks clocks{base::now(), base::wall_now()};
        auto all = std::make_shared<std::vector<analyzer::QuerySnapshot>>(std::move(parts));
        const auto bring_together = [all, most, clocks] { return analyzer::summarize(std::move(*all), most, clocks); };
        // Thousands of rows are some milliseconds of work, which no loop should do.
        const auto answer = std::make_shared<std::vector<QueryRow>>();
        const bool taken = runtime_.offload.run([bring_together, answer, done, &home] {
          *answer = bring_together();
          home.post([answer, done] { done(std::move(*answer)); });
        });
        if (!taken) done(bring_together());
      });
}

void Process::activity(Then<ActivityRow> done) {
  gather<ActivityRow>(
      [](Worker& worker, std::vector<ActivityRow>& rows) {
        worker.each([&rows](Session& session) {
          if (auto row = session.activity()) rows.push_back(*std::move(row));
        });
      },
      std::move(done));
}

void Process::reset_queries(Done done) {
  gather<char>([](Worker& worker, std::vector<char>&) { worker.counted_queries().clear(); },
               [done = std::move(done)](const std::vector<char>&) { done(base::Ok{}); });
}

}  // namespace pooler
