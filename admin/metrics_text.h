#pragma once
// Metrics as text: Prometheus' format 0.0.4, OpenMetrics 1.0 and JSON. Pure: values in, text out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace admin {

enum class MetricType { kGauge, kCounter, kHistogram, kInfo };
std::string_view name_of(MetricType type);

// One of those that a bucket counts, and where to look it up.
struct ExemplarValue {
  std::string trace_id, span_id;
  double value = 0, timestamp = 0;  // in seconds since 1970
};

struct HistogramValue {
  // Upper bound and how many were no greater, from the least bound to the greatest; without the infinite one.
  std::vector<std::pair<double, uint64_t>> buckets;
  uint64_t count = 0;
  double sum = 0;
  // For each bucket, and the infinite one at the end; or empty. OpenMetrics alone shows them.
  std::vector<std::optional<ExemplarValue>> exemplars{};
};

struct Point {
  std::vector<std::string> labels;  // one value for each of the family's names
  double value = 0;
  std::optional<HistogramValue> histogram{};  // of a family that is one
};

struct Family {
  // As Prometheus shows it: a counter's ends in _total, an info's in _info.
  std::string name;
  MetricType type = MetricType::kGauge;
  std::string help;
  std::vector<std::string> label_names{};
  std::vector<Point> points{};
};

enum class MetricFormat { kPrometheus, kOpenMetrics, kJson };

// Families without a point are left out.
std::string to_text(const std::vector<Family>& families, MetricFormat format);
std::string_view content_type(MetricFormat format);
// OpenMetrics if `accept`, a request's header, wants it at least as much as plain text.
MetricFormat format_for(std::string_view accept);

}  // namespace admin
