#include "admin/metrics_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace admin {
namespace {

std::vector<Family> some_of_each() {
  Family gauge{"weir_temperature", MetricType::kGauge, "How warm; with a \\ and a \" in it.", {}, {}};
  gauge.points.push_back({{}, 21.5});
  Family counter{"weir_queries_total", MetricType::kCounter, "Queries.", {"database", "user"}, {}};
  counter.points.push_back({{"app", "alice"}, 12});
  counter.points.push_back({{"a\"b\\c\nd", "\xff"}, 1e15});
  Family histogram{"weir_seconds", MetricType::kHistogram, "Time.", {"database"}, {}};
  histogram.points.push_back({{"app"}, 0, HistogramValue{{{0.001, 1}, {2, 3}}, 4, 9.25}});
  Family info{"weir_build_info", MetricType::kInfo, "Which one.", {"version"}, {}};
  info.points.push_back({{"0.1"}, 1});
  Family empty{"weir_nothing", MetricType::kGauge, "Nothing.", {}, {}};
  return {gauge, counter, histogram, info, empty};
}

TEST(MetricsText, PrometheusReadsIt) {
  EXPECT_EQ(to_text(some_of_each(), MetricFormat::kPrometheus),
            "# HELP weir_temperature How warm; with a \\\\ and a \" in it.\n"
            "# TYPE weir_temperature gauge\n"
            "weir_temperature 21.5\n"
            "# HELP weir_queries_total Queries.\n"
            "# TYPE weir_queries_total counter\n"
            "weir_queries_total{database=\"app\",user=\"alice\"} 12\n"
            "weir_queries_total{database=\"a\\\"b\\\\c\\nd\",user=\"\xef\xbf\xbd\"} 1000000000000000\n"
            "# HELP weir_seconds Time.\n"
            "# TYPE weir_seconds histogram\n"
            "weir_seconds_bucket{database=\"app\",le=\"0.001\"} 1\n"
            "weir_seconds_bucket{database=\"app\",le=\"2\"} 3\n"
            "weir_seconds_bucket{database=\"app\",le=\"+Inf\"} 4\n"
            "weir_seconds_sum{database=\"app\"} 9.25\n"
            "weir_seconds_count{database=\"app\"} 4\n"
            "# HELP weir_build_info Which one.\n"
            "# TYPE weir_build_info gauge\n"
            "weir_build_info{version=\"0.1\"} 1\n");
}

TEST(MetricsText, OpenMetricsNamesFamiliesWithoutWhatSamplesEndInAndSaysWhereItEnds) {
  EXPECT_EQ(to_text(some_of_each(), MetricFormat::kOpenMetrics),
            "# HELP weir_temperature How warm; with a \\\\ and a \\\" in it.\n"
            "# TYPE weir_temperature gauge\n"
            "weir_temperature 21.5\n"
            "# HELP weir_queries Queries.\n"
            "# TYPE weir_queries counter\n"
            "weir_queries_total{database=\"app\",user=\"alice\"} 12\n"
            "weir_queries_total{database=\"a\\\"b\\\\c\\nd\",user=\"\xef\xbf\xbd\"} 1000000000000000\n"
            "# HELP weir_seconds Time.\n"
            "# TYPE weir_seconds histogram\n"
            "weir_seconds_bucket{database=\"app\",le=\"0.001\"} 1\n"
            "weir_seconds_bucket{database=\"app\",le=\"2\"} 3\n"
            "weir_seconds_bucket{database=\"app\",le=\"+Inf\"} 4\n"
            "weir_seconds_sum{database=\"app\"} 9.25\n"
            "weir_seconds_count{database=\"app\"} 4\n"
            "# HELP weir_build Which one.\n"
            "# TYPE weir_build info\n"
            "weir_build_info{version=\"0.1\"} 1\n"
            "# EOF\n");
}

TEST(MetricsText, OpenMetricsAloneShowsExemplars) {
  Family histogram{"weir_seconds", MetricType::kHistogram, "Time.", {}, {}};
  histogram.points.push_back(
      {{}, 0, HistogramValue{{{0.001, 1}, {2, 3}}, 4, 9.25, {std::nullopt, ExemplarValue{"ab", "cd", 1.5, 1763694880.25},
                                                             ExemplarValue{"ef", "01", 7, 1763694881}}}});
  const std::string plain = to_text({histogram}, MetricFormat::kPrometheus);
  EXPECT_EQ(plain.find("trace_id"), std::string::npos);
  EXPECT_EQ(to_text({histogram}, MetricFormat::kJson).find("trace_id"), std::string::npos);
  EXPECT_EQ(to_text({histogram}, MetricFormat::kOpenMetrics),
            "# HELP weir_seconds Time.\n"
            "# TYPE weir_seconds histogram\n"
            "weir_seconds_bucket{le=\"0.001\"} 1\n"
            "weir_seconds_bucket{le=\"2\"} 3 # {trace_id=\"ab\",span_id=\"cd\"} 1.5 1763694880.250\n"
            "weir_seconds_bucket{le=\"+Inf\"} 4 # {trace_id=\"ef\",span_id=\"01\"} 7 1763694881.000\n"
            "weir_seconds_sum 9.25\n"
            "weir_seconds_count 4\n"
            "# EOF\n");
}

TEST(MetricsText, JsonHasTheSame) {
  EXPECT_EQ(to_text(some_of_each(), MetricFormat::kJson),
            "{\"metrics\":[\n"
            R"({"name":"weir_temperature","type":"gauge","help":"How warm; with a \\ and a \" in it.",)"
            R"("points":[{"labels":{},"value":21.5}]},)"
            "\n"
            R"({"name":"weir_queries_total","type":"counter","help":"Queries.",)"
            R"("points":[{"labels":{"database":"app","user":"alice"},"value":12},)"
            R"({"labels":{"database":"a\"b\\c\u000ad","user":"\ufffd"},"value":1000000000000000}]},)"
            "\n"
            R"({"name":"weir_seconds","type":"histogram","help":"Time.",)"
            R"("points":[{"labels":{"database":"app"},"count":4,"sum":9.25,)"
            R"("buckets":[{"le":0.001,"count":1},{"le":2,"count":3},{"le":null,"count":4}]}]},)"
            "\n"
            R"({"name":"weir_build_info","type":"info","help":"Which one.",)"
            R"("points":[{"labels":{"version":"0.1"},"value":1}]})"
            "\n]}\n");
}

TEST(MetricsText, NumbersThatAreNoneHaveTheirNames) {
  Family family{"x", MetricType::kGauge, "X.", {}, {}};
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) family.points.push_back({{}, value});
  EXPECT_EQ(to_text({family}, MetricFormat::kPrometheus), "# HELP x X.\n# TYPE x gauge\nx NaN\nx +Inf\nx -Inf\n");
  EXPECT_EQ(to_text({}, MetricFormat::kOpenMetrics), "# EOF\n");
  EXPECT_EQ(to_text({}, MetricFormat::kJson), "{\"metrics\":[\n]}\n");
}

TEST(MetricsText, TheFormatIsTheOneThatIsWanted) {
  const auto open = [](std::string_view accept) { return format_for(accept) == MetricFormat::kOpenMetrics; };
  EXPECT_TRUE(open("application/openmetrics-text"));
  EXPECT_TRUE(open("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                   "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  EXPECT_TRUE(open("text/plain; q=0.5, Application/OpenMetrics-Text; q=0.5"));
  EXPECT_FALSE(open(""));
  EXPECT_FALSE(open("*/*"));
  EXPECT_FALSE(open("text/plain, application/openmetrics-text;q=0.9"));
  EXPECT_FALSE(open("application/openmetrics-text;q=0"));
  EXPECT_FALSE(open("application/openmetrics-text;q=0.000"));
  EXPECT_FALSE(open("application/openmetrics-text;q=much"));
  EXPECT_FALSE(open(";;,,q=,"));
}

}  // namespace
}  // namespace admin
