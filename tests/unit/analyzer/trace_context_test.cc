#include "analyzer/trace_context.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c", kSpan[] = "b7ad6b7169203331";

std::string traceparent(std::string_view version = "00", std::string_view trace = kTrace, std::string_view span = kSpan,
                        std::string_view flags = "01") {
  return std::string(version) + '-' + std::string(trace) + '-' + std::string(span) + '-' + std::string(flags);
}

TEST(TraceContext, IsReadAndWrittenAsW3CHasIt) {
  const auto context = trace_context(traceparent());
  ASSERT_TRUE(context);
  EXPECT_EQ(trace_id_text(*context), kTrace);
  EXPECT_EQ(span_id_text(context->span), kSpan);
  EXPECT_TRUE(context->sampled);
}

TEST(TraceContext, OneFlagSaysWhetherItIsSampled) {
  EXPECT_FALSE(trace_context(traceparent("00", kTrace, kSpan, "00"))->sampled);
  EXPECT_FALSE(trace_context(traceparent("00", kTrace, kSpan, "02"))->sampled);
  EXPECT_TRUE(trace_context(traceparent("00", kTrace, kSpan, "ff"))->sampled);
}

TEST(TraceContext, LeadingZerosStay) {
  const std::string trace = "00000000000000000000000000000001", span = "000000000000000a";
  const auto context = trace_context(traceparent("00", trace, span));
  ASSERT_TRUE(context);
  EXPECT_EQ(trace_id_text(*context), trace);
  EXPECT_EQ(span_id_text(context->span), span);
}

TEST(TraceContext, IdsOfZerosAreNone) {
  EXPECT_FALSE(trace_context(traceparent("00", std::string(32, '0'))));
  EXPECT_FALSE(trace_context(traceparent("00", kTrace, std::string(16, '0'))));
}

TEST(TraceContext, LaterVersionsMayHaveMore) {
  EXPECT_TRUE(trace_context(traceparent("01")));
  EXPECT_TRUE(trace_context(traceparent("cc") + "-what-comes-then"));
  EXPECT_FALSE(trace_context(traceparent("cc") + ".what-comes-then"));
  EXPECT_FALSE(trace_context(traceparent() + "-more"));
  EXPECT_FALSE(trace_context(traceparent("ff")));
}

TEST(TraceContext, WhatIsNotWellFormedIsNone) {
  std::string upper = traceparent();
  upper[10] = 'A';
  std::string blank = traceparent();
  blank[52] = ' ';
  for (const std::string& bad : {std::string(), std::string("00"), upper, blank, traceparent("0x"), traceparent("00", "+f"),
                                 traceparent().substr(0, 54), traceparent("00", kTrace, kSpan, "0g")})
    EXPECT_FALSE(trace_context(bad)) << bad;
}

}  // namespace
}  // namespace analyzer
