#include "analyzer/sql_comment.h"

#include <gtest/gtest.h>

#include <string>

namespace analyzer {
namespace {

constexpr std::string_view kTrace = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01";

TEST(SqlComment, TheOneAtTheEndOrElseAtTheBeginning) {
  EXPECT_EQ(outer_comment("SELECT 1 /*a='b'*/"), "a='b'");
  EXPECT_EQ(outer_comment("SELECT 1 /*a='b'*/ ; \n"), "a='b'");
  EXPECT_EQ(outer_comment("/*first*/ SELECT 1 /*last*/"), "last");
  EXPECT_EQ(outer_comment(" \n/*first*/ SELECT 1"), "first");
  EXPECT_EQ(outer_comment("SELECT /*within*/ 1"), "");
  EXPECT_EQ(outer_comment("/**/"), "");
  for (const char* none : {"", ";", "*/", "/*", "/* open", "SELECT 1 */", "-- x", "SELECT '/* x */'"})
    EXPECT_EQ(outer_comment(none), "") << none;
}

TEST(SqlComment, ALongOneIsProse) {
  const std::string fits = std::string(kCommentMax, 'x'), longer = fits + 'x';
  EXPECT_EQ(outer_comment("SELECT 1 /*" + fits + "*/"), fits);
  EXPECT_EQ(outer_comment("SELECT 1 /*" + longer + "*/"), "");
  EXPECT_EQ(outer_comment("/*" + fits + "*/ SELECT 1"), fits);
  EXPECT_EQ(outer_comment("/*" + longer + "*/ SELECT 1"), "");
}

TEST(SqlComment, KeysAndValuesAreDecoded) {
  const std::string_view all = "action='%2Fparam%2Ad',controller='index, and more',route='it\\'s',sp%20ace='1'";
  EXPECT_EQ(comment_value(all, "action"), "/param*d");
  EXPECT_EQ(comment_value(all, "controller"), "index, and more");
  EXPECT_EQ(comment_value(all, "route"), "it's");
  EXPECT_EQ(comment_value(all, "sp ace"), "1");
  EXPECT_EQ(comment_value(all, "nothing"), "");
  EXPECT_EQ(comment_value(" a='1' , b='2' ", "b"), "2");
  EXPECT_EQ(comment_value("a='%4'", "a"), "%4");
  EXPECT_EQ(comment_value("a='%zz%41'", "a"), "%zzA");
}

TEST(SqlComment, WhatIsNoListOfKeysHasNoValues) {
  for (const char* prose : {"", "=", "a", "a=", "a=b", "a='b", "a='b\\", "see x=1, a='b'", "'", "a=\"b\""})
    EXPECT_EQ(comment_value(prose, "a"), "") << prose;
}

TEST(SqlComment, TheTraceOfAStatement) {
  const std::string trace(kTrace);
  EXPECT_EQ(traceparent_in("traceparent='" + trace + "'"), trace);
  EXPECT_EQ(traceparent_in("db_driver='x',traceparent='" + trace + "',tracestate='congo%3Dt61rcWkgMzE'"), trace);
  EXPECT_EQ(traceparent_in("traceparent='00%2D5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'"), trace);
  EXPECT_EQ(traceparent_in("traceparent='cc" + trace.substr(2) + "-more'"), "cc" + trace.substr(2)) << "a later version";
}

TEST(SqlComment, NoOtherTextPassesForATrace) {
  const std::string trace(kTrace);
  std::string upper = trace, zero_trace = trace, zero_parent = trace, letter = trace, dash = trace;
  upper[3] = 'B';
  zero_trace.replace(3, 32, 32, '0');
  zero_parent.replace(36, 16, 16, '0');
  letter[40] = 'g';
  dash[35] = '_';
  for (const std::string& wrong : {upper, zero_trace, zero_parent, letter, dash, "ff" + trace.substr(2), trace + "-more",
                                   trace + "x", trace.substr(1), std::string("\n") + trace.substr(1), std::string()})
    EXPECT_EQ(traceparent_in("traceparent='" + wrong + "'"), "") << wrong;
}

TEST(SqlComment, TheTraceMayStandAtEitherEnd) {
  const std::string comment = "/*traceparent='" + std::string(kTrace) + "'*/", select = "SELECT 1";
  const auto context = trace_context(kTrace);
  ASSERT_TRUE(context);
  EXPECT_EQ(trace_of(select + comment), context);
  EXPECT_EQ(trace_of(select + ' ' + comment + " ; \n"), context);
  EXPECT_EQ(trace_of(comment + select), context);
  EXPECT_EQ(trace_of(comment + select + " /* and more */"), context);
  EXPECT_EQ(trace_of(comment + select + ';' + select + "/*"), context);
  EXPECT_EQ(trace_of(select), std::nullopt);
  EXPECT_EQ(trace_of(select + "/*+ SeqScan(t) */"), std::nullopt);
  EXPECT_EQ(trace_of(""), std::nullopt);
}

TEST(SqlComment, TheEndOfWhatIsCutIsNotItsEnd) {
  const std::string comment = "/*traceparent='" + std::string(kTrace) + "'*/";
  EXPECT_EQ(trace_of("SELECT 1 " + comment, true), std::nullopt);
  EXPECT_EQ(trace_of(comment + "SELECT 1", true), trace_context(kTrace));
}

}  // namespace
}  // namespace analyzer
