#include "admin/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

#include "admin/views.h"
#include "base/text.h"

namespace admin {

namespace {

// Of a statement's text, that is enough to know it again.
constexpr std::size_t kTextShown = 200;

std::vector<std::string> strings(const std::vector<std::string_view>& views) { return {views.begin(), views.end()}; }

double seconds(uint64_t us) { return static_cast<double>(us) / 1e6; }
double real(uint64_t count) { return static_cast<double>(count); }

std::size_t column_of(const View& view, std::string_view name) {
  const auto found = std::find_if(view.columns.begin(), view.columns.end(),
                                  [name](const ColumnInfo& column) { return column.name == name; });
  assert(found != view.columns.end());
  return static_cast<std::size_t>(found - view.columns.begin());
}

std::string text_of(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<int64_t>(&cell)) return fmt::to_string(*number);
  if (const auto* number = std::get_if<uint64_t>(&cell)) return fmt::to_string(*number);
  return "";
}

double number_of(const Cell& cell) {
  if (const auto* number = std::get_if<int64_t>(&cell)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<uint64_t>(&cell)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<double>(&cell)) return *number;
  if (const auto* text = std::get_if<std::string>(&cell)) return static_cast<double>(base::parse_int(*text).value_or(0));
  return 0;
}

// Points whose labels came to be the same are one.
class Points {
 public:
  void add(std::vector<std::string> labels, double value, Combine combine) {
    const auto [at, is_new] = points_.emplace(std::move(labels), value);
    if (is_new) return;
    switch (combine) {
      case Combine::kSum: at->second += value; break;
      case Combine::kGreatest: at->second = std::max(at->second, value); break;
      case Combine::kLeast: at->second = std::min(at->second, value); break;
    }
  }
  std::vector<Point> take() {
    std::vector<Point> out;
    for (auto& [labels, value] : points_) out.push_back({labels, value});
    return out;
  }

 private:
  std::map<std::vector<std::string>, double> points_;
};

class Maker {
 public:
  Maker(const Scraped& scraped, MetricsMemory& memory) : scraped_(scraped), memory_(memory) {}

  std::vector<Family> make(std::size_t max_fingerprints, base::TimePoint now) {
    process();
    for (const ViewMetric& metric : view_metrics()) of_view(metric);
    for (const ItemMetric& metric : item_metrics()) of_item(metric);
    ready();
    if (scraped_.statements) {
      pools(scraped_.statements->pools);
      statements(memory_.top.update(*scraped_.statements, max_fingerprints, now));
    }
    for (const std::string& part : scraped_.missing) own("weir_metrics_missing").points.push_back({{part}, 1});
    return std::move(families_);
  }

 private:
  // The family of that name, which is declared; made when it is asked for first.
  Family& own(std::string_view name) {
    for (Family& family : families_)
      if (family.name == name) return family;
    const auto& all = own_metrics();
    const auto found = std::find_if(all.begin(), all.end(), [name](const OwnMetric& one) { return one.name == name; });
    assert(found != all.end());
    return families_.emplace_back(
        Family{std::string(name), found->type, std::string(found->help), strings(found->labels), {}});
  }
  void own(std::string_view name, double value) { own(name).points.push_back({{}, value}); }

  void process() {
    own("pgbouncer_up", 1);
    own("pgbouncer_version_info").points.push_back({{std::string(kCompatibleVersion)}, 1});
    own("weir_build_info").points.push_back({{scraped_.version}, 1});
    const ProcessNumbers& numbers = scraped_.process;
    own("process_start_time_seconds", numbers.start_time);
    own("process_cpu_seconds_total", numbers.cpu_seconds);
    own("process_resident_memory_bytes", real(numbers.resident_bytes));
    own("process_virtual_memory_bytes", real(numbers.virtual_bytes));
    own("process_open_fds", real(numbers.open_descriptors));
    own("process_max_fds", real(numbers.max_descriptors));
    own("weir_internal_errors_total", real(scraped_.internal_errors));
    own("weir_http_requests_total", real(scraped_.http_requests));
    own("weir_http_refused_total", real(scraped_.http_refused));
  }

  LabelBound::Labels bounded(std::string_view view, LabelBound::Labels labels) {
    if (labels.empty()) return labels;
    if (view == "ALERTS") return labels;  // as many as there are rules
    if (view == "STATS") return memory_.names(std::move(labels));
    if (view != "DATABASES") return memory_.pools(std::move(labels));
    // Only the name must be there, and it alone tells databases apart.
    const LabelBound::Labels name = memory_.databases({labels.front()});
    if (name.front() == kOthers) return LabelBound::Labels(labels.size(), std::string(kOthers));
    return labels;
  }

  void of_view(const ViewMetric& metric) {
    const auto snapshot = scraped_.views.find(metric.view);
    if (snapshot == scraped_.views.end()) return;
    const View& view = *find_view(metric.view);
    const std::size_t column = column_of(view, metric.column);
    Family family{std::string(metric.name), metric.type, view.columns[column].help,
                  strings(label_columns(metric.view)), {}};
    Points points;
    for (std::size_t row = 0; row < snapshot->second->rows(); ++row) {
      LabelBound::Labels labels;
      for (const std::string_view label : label_columns(metric.view))
        labels.push_back(text_of(snapshot->second->cell(row, column_of(view, label))));
      double value = number_of(snapshot->second->cell(row, column)) * metric.scale;
      if (!metric.micros.empty()) value += number_of(snapshot->second->cell(row, column_of(view, metric.micros))) / 1e6;
      points.add(bounded(metric.view, std::move(labels)), value, metric.combine);
    }
    family.points = points.take();
    families_.push_back(std::move(family));
  }

  void of_item(const ItemMetric& metric) {
    const auto snapshot = scraped_.views.find(metric.view);
    if (snapshot == scraped_.views.end()) return;
    for (std::size_t row = 0; row < snapshot->second->rows(); ++row) {
      if (text_of(snapshot->second->cell(row, 0)) != metric.item) continue;
      families_.push_back({std::string(metric.name), MetricType::kGauge, std::string(metric.help), {}, {}});
      families_.back().points.push_back({{}, number_of(snapshot->second->cell(row, 1))});
    }
  }

  void ready() {
    if (!scraped_.ready) return;
    Points points;
    for (const pooler::ReadyRow& row : *scraped_.ready)
      points.add(memory_.names({row.database}), row.why_not.empty() ? 1 : 0, Combine::kLeast);
    own("weir_database_ready").points = points.take();
  }

  void pools(const std::vector<analyzer::PoolTotals>& all) {
    std::map<LabelBound::Labels, analyzer::QueryTotals> by_labels;
    for (const analyzer::PoolTotals& pool : all) by_labels[memory_.pools({pool.database, pool.user})].add(pool.totals);
    Points errors;
    std::map<LabelBound::Labels, std::vector<const analyzer::PoolExemplars*>> exemplars;
    for (const analyzer::PoolExemplars& pool : scraped_.exemplars)
      exemplars[memory_.pools({pool.database, pool.user})].push_back(&pool);
    for (const auto& [labels, totals] : by_labels) {
      HistogramValue times{{}, totals.times.count(), seconds(totals.server_us)};
      for (unsigned power = kFirstBucket; power <= kLastBucket; ++power)
        times.buckets.emplace_back(seconds(uint64_t{1} << power), totals.times.count_below(power));
      if (const auto known = exemplars.find(labels); known != exemplars.end()) times.exemplars = for_buckets(known->second);
      own("weir_query_duration_seconds").points.push_back({labels, 0, std::move(times)});
      own("weir_query_rows_total").points.push_back({labels, real(totals.rows)});
      own("weir_query_received_bytes_total").points.push_back({labels, real(totals.bytes_in)});
      own("weir_query_sent_bytes_total").points.push_back({labels, real(totals.bytes_out)});
      own("weir_query_wait_seconds_total").points.push_back({labels, seconds(totals.wait_us)});
      own("weir_query_idle_in_transaction_seconds_total").points.push_back({labels, seconds(totals.idle_us)});
      for (const auto& [name, count] : totals.error_classes.counts()) {
        LabelBound::Labels with_class = labels;
        with_class.emplace_back(name.data(), name.size());
        errors.add(memory_.classes(std::move(with_class)), real(count), Combine::kSum);
      }
    }
    own("weir_query_errors_total").points = errors.take();
  }

  // The latest for each bucket, and for the infinite one.
  static std::vector<std::optional<ExemplarValue>> for_buckets(const std::vector<const analyzer::PoolExemplars*>& pools) {
    constexpr unsigned kEnd = analyzer::PoolExemplars::kOctaves;
    std::vector<std::optional<ExemplarValue>> out;
    for (unsigned power = kFirstBucket; power <= kLastBucket + 1; ++power) {
      const analyzer::Exemplar* last = nullptr;
      for (const analyzer::PoolExemplars* pool : pools) {
        const auto* one = pool->last_between(power == kFirstBucket ? 0 : power - 1, power > kLastBucket ? kEnd : power);
        if (one != nullptr && (last == nullptr || one->at > last->at)) last = one;
      }
      out.emplace_back();
      if (last == nullptr) continue;
      const auto us_since_1970 = static_cast<uint64_t>(last->at.time_since_epoch().count());
      out.back() = {analyzer::trace_id_text(last->context), analyzer::span_id_text(last->context.span), seconds(last->us),
                    seconds(us_since_1970)};
    }
    return out;
  }

  void statement(const std::vector<std::string>& labels, const TopStatements::Numbers& numbers) {
    own("weir_statement_calls_total").points.push_back({labels, real(numbers[TopStatements::kCalls])});
    own("weir_statement_errors_total").points.push_back({labels, real(numbers[TopStatements::kErrors])});
    own("weir_statement_rows_total").points.push_back({labels, real(numbers[TopStatements::kRows])});
    own("weir_statement_seconds_total").points.push_back({labels, seconds(numbers[TopStatements::kServerUs])});
    own("weir_statement_wait_seconds_total").points.push_back({labels, seconds(numbers[TopStatements::kWaitUs])});
  }

  void statements(const TopStatements::Report& report) {
    std::set<uint64_t> told;
    for (const TopStatements::Shown& one : report.statements) {
      const std::string fingerprint = fingerprint_text(one.fingerprint);
      statement({fingerprint, one.database, one.user}, one.numbers);
      if (!told.insert(one.fingerprint).second) continue;
      own("weir_statement_info").points.push_back({{fingerprint, base::escape_for_log(one.query, kTextShown)}, 1});
    }
    const std::string others(kOthers);
    statement({others, others, others}, report.others);
  }

  const Scraped& scraped_;
  MetricsMemory& memory_;
  std::vector<Family> families_;
};

std::string labels_text(const std::vector<std::string_view>& labels) {
  std::string out;
  for (const std::string_view label : labels) out += fmt::format("{}`{}`", out.empty() ? "" : ", ", label);
  return out;
}

}  // namespace

std::vector<Family> make_families(const Scraped& scraped, MetricsMemory& memory, std::size_t max_fingerprints,
                                  base::TimePoint now) {
  return Maker(scraped, memory).make(max_fingerprints, now);
}

std::string metrics_document() {
  std::string text =
      "# Metrics\n\n"
      "This page is printed from the tables in `admin/metric_tables.cc`; do not edit it.\n\n"
      "With `port` set in `[http]`, Weir answers GET and HEAD on a port of its own: `/metrics` in Prometheus' text format, "
      "or in OpenMetrics where the request's Accept header asks for it, and `/metrics.json` with the same. Names are those "
      "that PgBouncer's exporters have, where they have one, so that dashboards made for these work.\n\n"
      "The number of series is bounded. The first `max_pools` pairs of database and user have series of their own, and so "
      "have the `max_fingerprints` statements that take the most time, looked at once a minute; everything else is one "
      "sum, whose labels are `(other)`. No counter goes back: a statement that gets a series of its own begins at zero and "
      "leaves its past in the sum, and one that loses it adds its counts to the sum. RESET QUERIES changes nothing here.\n\n"
      "In OpenMetrics the buckets of `weir_query_duration_seconds` have exemplars where statements are traced (`[traces]`): the "
      "trace and the span of the last traced statement that fell into each.\n\n"
      "Where a worker does not answer in time, what it would have told is left out, and `weir_metrics_missing` names "
      "it.\n\n"
      "| metric | type | labels | from | what it is |\n|---|---|---|---|---|\n";
  for (const OwnMetric& metric : own_metrics())
    text += fmt::format("| `{}` | {} | {} | | {} |\n", metric.name, name_of(metric.type), labels_text(metric.labels),
                        metric.help);
  for (const ViewMetric& metric : view_metrics()) {
    const View& view = *find_view(metric.view);
    text += fmt::format("| `{}` | {} | {} | SHOW {}, `{}`{} | {} |\n", metric.name, name_of(metric.type),
                        labels_text(label_columns(metric.view)), metric.view, metric.column,
                        metric.scale != 1 ? " in seconds" : "", view.columns[column_of(view, metric.column)].help);
  }
  for (const ItemMetric& metric : item_metrics())
    text += fmt::format("| `{}` | gauge | | SHOW {}, `{}` | {} |\n", metric.name, metric.view, metric.item, metric.help);
  return text;
}

}  // namespace admin
