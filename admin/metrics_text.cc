#include "admin/metrics_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <limits>

#include "base/json.h"
#include "base/text.h"

namespace admin {

namespace {

// A label's value or a help text: what would end it is escaped; what is not UTF-8 would make a scraper drop everything.
std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = base::utf8_length(text);
    const char c = text.front();
    if (length == 0 || c == '\0')
      out += "\xef\xbf\xbd";
    else if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quotes)
      out += "\\\"";
    else
      out.append(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

class Writer {
 public:
  explicit Writer(bool open_metrics) : open_metrics_(open_metrics) {}

  void add(const Family& family) {
    if (family.points.empty()) return;
    std::string_view name = family.name, type = name_of(family.type);
    if (open_metrics_) {
      // There a family's name is without what its samples end in.
      if (family.type == MetricType::kCounter && name.ends_with("_total")) name.remove_suffix(6);
      if (family.type == MetricType::kInfo && name.ends_with("_info")) name.remove_suffix(5);
    } else if (family.type == MetricType::kInfo) {
      type = name_of(MetricType::kGauge);
    }
    line("# HELP {} {}\n", name, escaped(family.help, open_metrics_));
    line("# TYPE {} {}\n", name, type);
    for (const Point& point : family.points) add(family, point);
  }

  std::string finish() {
    if (open_metrics_) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  template <typename... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Arguments>(arguments)...);
  }

  void add(const Family& family, const Point& point) {
    const std::string labels = labels_of(family, point);
    if (!point.histogram) {
      line("{}{} {}\n", family.name, labels.empty() ? "" : '{' + labels + '}', number(point.value));
      return;
    }
    const std::string before = labels.empty() ? "" : labels + ',';
    const HistogramValue& histogram = *point.histogram;
    for (std::size_t i = 0; i < histogram.buckets.size(); ++i) {
      const auto& [bound, count] = histogram.buckets[i];
      line("{}_bucket{{{}le=\"{}\"}} {}{}\n", family.name, before, number(bound), count, exemplar(histogram, i));
    }
    line("{}_bucket{{{}le=\"+Inf\"}} {}{}\n", family.name, before, histogram.count,
         exemplar(histogram, histogram.buckets.size()));
    const std::string braced = labels.empty() ? "" : '{' + labels + '}';
    line("{}_sum{} {}\n", family.name, braced, number(point.histogram->sum));
    line("{}_count{} {}\n", family.name, braced, point.histogram->count);
  }

  std::string exemplar(const HistogramValue& histogram, std::size_t bucket) const {
    if (!open_metrics_ || bucket >= histogram.exemplars.size() || !histogram.exemplars[bucket]) return "";
    const ExemplarValue& one = *histogram.exemplars[bucket];
    return fmt::format(" # {{trace_id=\"{}\",span_id=\"{}\"}} {} {:.3f}", one.trace_id, one.span_id, number(one.value),
                       one.timestamp);
  }

  static std::string labels_of(const Family& family, const Point& point) {
    std::string out;
    for (std::size_t i = 0; i < family.label_names.size(); ++i) {
      if (i > 0) out += ',';
      out.append(family.label_names[i]).append("=\"").append(escaped(point.labels[i], true)).append(1, '"');
    }
    return out;
  }

  const bool open_metrics_;
  std::string out_;
};

// What JSON has no number for is null.
std::string json_number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "null"; }

std::string json_point(const Family& family, const Point& point) {
  std::string out = "{\"labels\":{";
  for (std::size_t i = 0; i < family.label_names.size(); ++i) {
    if (i > 0) out += ',';
    out += base::json_string(family.label_names[i]) + ':' + base::json_string(point.labels[i]);
  }
  if (!point.histogram) return out + "},\"value\":" + json_number(point.value) + '}';
  out += fmt::format("}},\"count\":{},\"sum\":{},\"buckets\":[", point.histogram->count, json_number(point.histogram->sum));
  for (const auto& [bound, count] : point.histogram->buckets)
    out += fmt::format("{{\"le\":{},\"count\":{}}},", json_number(bound), count);
  return out + fmt::format("{{\"le\":null,\"count\":{}}}]}}", point.histogram->count);
}

std::string to_json(const std::vector<Family>& families) {
  std::string out = "{\"metrics\":[";
  bool first = true;
  for (const Family& family : families) {
    if (family.points.empty()) continue;
    out += fmt::format("{}\n{{\"name\":{},\"type\":\"{}\",\"help\":{},\"points\":[", first ? "" : ",",
                       base::json_string(family.name), name_of(family.type), base::json_string(family.help));
    first = false;
    for (std::size_t i = 0; i < family.points.size(); ++i) {
      if (i > 0) out += ',';
      out += json_point(family, family.points[i]);
    }
    out += "]}";
  }
  return out + "\n]}\n";
}

// "q=0.5" among an Accept entry's parameters, in thousandths; 1000 where there is none, 0 where it is malformed.
int quality(std::string_view parameters) {
  while (!parameters.empty()) {
    const auto end = std::min(parameters.find(';'), parameters.size());
    const std::string_view one = base::trim(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    if (!one.starts_with("q=")) continue;
    const std::string_view value = one.substr(2);
    if (value == "1" || value.starts_with("1.")) return 1000;
    if (value == "0") return 0;
    if (!value.starts_with("0.")) return 0;
    std::string digits(value.substr(2, 3));
    digits.resize(3, '0');
    return static_cast<int>(base::parse_int(digits).value_or(0));
  }
  return 1000;
}

}  // namespace

std::string_view name_of(MetricType type) {
  switch (type) {
    case MetricType::kGauge: return "gauge";
    case MetricType::kCounter: return "counter";
    case MetricType::kHistogram: return "histogram";
    case MetricType::kInfo: return "info";
  }
  return "";
}

std::string to_text(const std::vector<Family>& families, MetricFormat format) {
  if (format == MetricFormat::kJson) return to_json(families);
  Writer writer(format == MetricFormat::kOpenMetrics);
  for (const Family& family : families) writer.add(family);
  return writer.finish();
}

std::string_view content_type(MetricFormat format) {
  switch (format) {
    case MetricFormat::kPrometheus: return "text/plain; version=0.0.4; charset=utf-8";
    case MetricFormat::kOpenMetrics: return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    case MetricFormat::kJson: return "application/json";
  }
  return "";
}

MetricFormat format_for(std::string_view accept) {
  int open_metrics = 0, plain = 0;
  while (!accept.empty()) {
    const auto end = std::min(accept.find(','), accept.size());
    const std::string_view entry = accept.substr(0, end);
    accept.remove_prefix(std::min(end + 1, accept.size()));
    const auto semicolon = std::min(entry.find(';'), entry.size());
    const std::string type = base::to_lower(base::trim(entry.substr(0, semicolon)));
    const int wanted = quality(entry.substr(std::min(semicolon + 1, entry.size())));
    if (type == "application/openmetrics-text") open_metrics = std::max(open_metrics, wanted);
    if (type == "text/plain") plain = std::max(plain, wanted);
  }
  return open_metrics > 0 && open_metrics >= plain ? MetricFormat::kOpenMetrics : MetricFormat::kPrometheus;
}

}  // namespace admin
