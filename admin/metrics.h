#pragma once
// What /metrics shows: made from what the console's views show, one declaration for each metric. docs/metrics.md is printed
// from the same tables.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/metric_bounds.h"
#include "admin/metrics_text.h"
#include "admin/process_numbers.h"
#include "admin/table.h"
#include "pooler/console.h"

namespace admin {

// How the values of labels that share one series become one.
enum class Combine { kSum, kGreatest, kLeast };

// A metric that is a column of a view, whose help is its own too.
struct ViewMetric {
  std::string_view name;
  MetricType type;
  std::string_view view, column;
  double scale = 1;                  // to seconds, mostly
  std::string_view micros = {};      // a second column, of microseconds beyond the first
  Combine combine = Combine::kSum;
};
// A metric that is one row of a view of names and values.
struct ItemMetric {
  std::string_view name, view, item, help;
};
// A metric with a source of its own.
struct OwnMetric {
  std::string_view name;
  MetricType type;
  std::vector<std::string_view> labels;
  std::string_view help;
};

const std::vector<ViewMetric>& view_metrics();
const std::vector<ItemMetric>& item_metrics();
const std::vector<OwnMetric>& own_metrics();
// The columns whose values tell a view's rows apart.
const std::vector<std::string_view>& label_columns(std::string_view view);
// The views that a scrape reads.
const std::vector<std::string_view>& scraped_views();

// The buckets of durations: from 2 to the power of this many microseconds (128 us) to that many (67 s).
inline constexpr unsigned kFirstBucket = 7, kLastBucket = 26;

// What was found out for one scrape. What a worker did not tell in time is missing.
struct Scraped {
  std::map<std::string_view, SnapshotPtr> views;
  std::optional<pooler::StatementMetrics> statements;
  std::optional<std::vector<pooler::ReadyRow>> ready;
  std::vector<analyzer::PoolExemplars> exemplars{};
  std::vector<std::string> missing;  // the parts that are
  ProcessNumbers process;
  uint64_t internal_errors = 0, http_requests = 0, http_refused = 0;
  std::string version;
};

// What must be remembered from scrape to scrape.
struct MetricsMemory {
  explicit MetricsMemory(std::size_t max_pools)
      : pools(max_pools), databases(max_pools), names(max_pools), classes(kClassesMax) {}

  // Pools and classes of errors together.
  static constexpr std::size_t kClassesMax = 2000;
  LabelBound pools, databases, names, classes;
  TopStatements top;
};

std::vector<Family> make_families(const Scraped& scraped, MetricsMemory& memory, std::size_t max_fingerprints,
                                  base::TimePoint now);

std::string metrics_document();

}  // namespace admin
