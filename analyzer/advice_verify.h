#pragma once
// Was it worth it? How long a statement took before an index was there, against how long it takes since. Pure.

#include <cstdint>
#include <optional>
#include <string>

#include "analyzer/latency_histogram.h"
#include "base/clock.h"

namespace analyzer {

enum class IndexEffect : uint8_t { kFaster, kSame, kSlower };

// Calls since, to say anything: so many at once, or fewer once an hour has passed. And calls before.
inline constexpr uint64_t kVerifyCalls = 200, kVerifyCallsOfHour = 20, kVerifyCallsBefore = 10;

// Nothing while there were too few calls. Faster: half of the calls, or all but the slowest twentieth, take at most 0.7 of what
// they took. Slower: half of them take a quarter more, and not only by less than a clock can tell.
std::optional<IndexEffect> effect_of(const LatencyHistogram& before, const LatencyHistogram& after, base::Duration elapsed);

// "p50 12.31 -> 0.42 ms, p95 15.02 -> 0.90 ms; 812 calls before, 220 since"
std::string effect_text(const LatencyHistogram& before, const LatencyHistogram& after);

}  // namespace analyzer
