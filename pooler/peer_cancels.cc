#include "pooler/peer_cancels.h"

#include <utility>
#include <vector>

namespace pooler {

PeerCancels::Entry PeerCancels::enter(int peer, int limit, Turn turn) {
  const std::lock_guard lock(mutex_);
  Line& line = lines_[peer];
  line.limit = limit;
  const Counts now = line.counts();
  const bool may_go = now.in_line == 0 && now.dialling + now.sent < limit;
  const uint64_t number = next_++;
  line.requests.emplace(number, may_go ? Request{Stage::kDialling, {}} : Request{Stage::kInLine, std::move(turn)});
  return {std::make_unique<Place>(*this, peer, number), may_go};
}

PeerCancels::Counts PeerCancels::counts(int peer) const {
  const std::lock_guard lock(mutex_);
  const auto found = lines_.find(peer);
  return found != lines_.end() ? found->second.counts() : Counts{};
}

void PeerCancels::sent(int peer, uint64_t number) {
  const std::lock_guard lock(mutex_);
  lines_.at(peer).requests.at(number).stage = Stage::kSent;
}

void PeerCancels::leave(int peer, uint64_t number) {
  std::vector<Turn> turns;  // called without the lock
  {
    const std::lock_guard lock(mutex_);
    Line& line = lines_.at(peer);
    line.requests.erase(number);
    const Counts left = line.counts();
    int room = line.limit - left.dialling - left.sent;
    for (auto& [_, request] : line.requests) {
      if (room <= 0) break;
      if (request.stage != Stage::kInLine) continue;
      request.stage = Stage::kDialling;
      turns.push_back(std::move(request.turn));
      --room;
    }
    if (line.requests.empty()) lines_.erase(peer);
  }
  for (const Turn& turn : turns) turn();
}

PeerCancels::Counts PeerCancels::Line::counts() const {
  Counts counts;
  for (const auto& [_, request] : requests) {
    counts.in_line += request.stage == Stage::kInLine ? 1 : 0;
    counts.dialling += request.stage == Stage::kDialling ? 1 : 0;
    counts.sent += request.stage == Stage::kSent ? 1 : 0;
  }
  return counts;
}

PeerCancels& peer_cancels() {
  static PeerCancels all;
  return all;
}

}  // namespace pooler
