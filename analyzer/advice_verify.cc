#include "analyzer/advice_verify.h"

#include <fmt/format.h>

namespace analyzer {
namespace {

constexpr double kFasterPart = 0.7, kSlowerPart = 1.25;
// What the network and the scheduler do to a call, in microseconds.
constexpr double kNoise = 100;

double at(const LatencyHistogram& times, double part) { return static_cast<double>(times.quantile(part)); }
double ms(const LatencyHistogram& times, double part) { return at(times, part) / 1000; }

}  // namespace

std::optional<IndexEffect> effect_of(const LatencyHistogram& before, const LatencyHistogram& after, base::Duration elapsed) {
  const bool enough = after.count() >= kVerifyCalls || (elapsed >= std::chrono::hours(1) && after.count() >= kVerifyCallsOfHour);
  if (before.count() < kVerifyCallsBefore || !enough) return std::nullopt;
  const double half = at(before, 0.5), half_since = at(after, 0.5);
  if (half_since >= kSlowerPart * half && half_since - half >= kNoise) return IndexEffect::kSlower;
  if (half_since <= kFasterPart * half || at(after, 0.95) <= kFasterPart * at(before, 0.95)) return IndexEffect::kFaster;
  return IndexEffect::kSame;
}

std::string effect_text(const LatencyHistogram& before, const LatencyHistogram& after) {
  return fmt::format("p50 {:.2f} -> {:.2f} ms, p95 {:.2f} -> {:.2f} ms; {} calls before, {} since", ms(before, 0.5),
                     ms(after, 0.5), ms(before, 0.95), ms(after, 0.95), before.count(), after.count());
}

}  // namespace analyzer
