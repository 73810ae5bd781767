#pragma once
// Two limits of [weir] that every stream of the process obeys. A reload changes them at once, on whatever thread.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace wire {

struct ProcessLimits {
  std::atomic<int> read_turns{5};                       // sbuf_loopcnt
  std::atomic<std::size_t> largest_packet{2147483647};  // max_packet_size
};
inline ProcessLimits process_limits;

// `loopcnt` 0 means no limit.
inline void set_process_limits(int loopcnt, int64_t max_packet_size) {
  process_limits.read_turns.store(loopcnt > 0 ? loopcnt : std::numeric_limits<int>::max(), std::memory_order_relaxed);
  process_limits.largest_packet.store(static_cast<std::size_t>(max_packet_size), std::memory_order_relaxed);
}

// Pieces read from one stream in one event; then others get their turn.
inline int read_turns() { return process_limits.read_turns.load(std::memory_order_relaxed); }
// The length that a message to or from PostgreSQL may say it has.
inline std::size_t largest_packet() { return process_limits.largest_packet.load(std::memory_order_relaxed); }

}  // namespace wire
