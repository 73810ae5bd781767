#pragma once
// Process::gather: asks every worker on its own thread and brings the answers together on the loop of the caller.

#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "pooler/process.h"
#include "pooler/worker.h"

namespace pooler {

template <typename Row>
void Process::gather(std::function<void(Worker&, std::vector<Row>&)> collect, Then<Row> done) {
  struct State {
    std::function<void(Worker&, std::vector<Row>&)> collect;
    Then<Row> done;
    std::vector<std::vector<Row>> parts;  // one per worker, each written by that worker alone
    std::atomic<std::size_t> missing;
  };
  auto state = std::make_shared<State>();
  state->collect = std::move(collect);
  state->done = std::move(done);
  state->parts.resize(runtime_.worker_list.size());
  state->missing = runtime_.worker_list.size();
  base::EventLoop& home = caller();
  for (Worker* worker : runtime_.worker_list) {
    worker->loop().post([state, worker, &home] {
      state->collect(*worker, state->parts[static_cast<std::size_t>(worker->index())]);
      if (state->missing.fetch_sub(1) != 1) return;
      home.post([state] {
        std::vector<Row> rows;
        for (auto& part : state->parts)
          rows.insert(rows.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
        state->done(std::move(rows));
      });
    });
  }
}

}  // namespace pooler
