#include "wire/error_fields.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/backend.h"

namespace wire {
namespace {

using namespace std::string_literals;

TEST(ErrorFields, AreInPostgresOrder) {
  std::string out;
  append_error_response(out, base::Error{"3D000", "message", "detail", "hint"}, Severity::kFatal);
  EXPECT_EQ(out, "E\0\0\0\x31SFATAL\0VFATAL\0C3D000\0Mmessage\0Ddetail\0Hhint\0\0"s);
  out.clear();
  append_notice_response(out, base::Error{"00000", "wait", "", ""});
  EXPECT_EQ(out, "N\0\0\0\x22SNOTICE\0VNOTICE\0C00000\0Mwait\0\0"s);
}

TEST(ErrorFields, WhatIsWrittenIsReadBack) {
  for (Severity severity : {Severity::kError, Severity::kFatal, Severity::kWarning, Severity::kNotice}) {
    const base::Error error{"28P01", "password authentication failed for user \"x\"", "d", ""};
    std::string out;
    append_error_response(out, error, severity);
    const ServerReport report = parse_report(std::string_view(out).substr(kHeaderSize));
    EXPECT_EQ(report.severity, severity);
    EXPECT_EQ(report.error, error);
  }
}

TEST(ErrorFields, AZeroByteInAMessageEndsItsText) {
  std::string out;
  append_error_response(out, base::Error{"XX000", "one\0Mtwo"s, "", ""});
  auto decoded = decode<ErrorResponse>(std::string_view(out).substr(kHeaderSize));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->report.back().text, "one");
}

TEST(ErrorFields, EverySubsetOfFieldsIsRead) {
  const std::string fields[] = {"SFATAL\0"s, "VFATAL\0"s, "C57P01\0"s, "Mgone\0"s, "Ddetail\0"s};
  for (unsigned subset = 0; subset < 32; ++subset) {
    std::string body;
    for (unsigned i = 0; i < 5; ++i) {
      if (subset & (1u << i)) body += fields[i];
    }
    for (const std::string& end : {"\0"s, ""s}) {  // terminated or not
      const ServerReport report = parse_report(body + end);
      EXPECT_EQ(report.severity, subset & 3 ? Severity::kFatal : Severity::kError);
      EXPECT_EQ(report.error.sqlstate, subset & 4 ? "57P01" : "XX000");
      EXPECT_EQ(report.error.message, subset & 8 ? "gone" : "server sent an error without a message");
      EXPECT_EQ(report.error.detail, subset & 16 ? "detail" : "");
    }
  }
}

TEST(ErrorFields, RubbishIsReadWithoutHarm) {
  EXPECT_EQ(parse_report("").error.sqlstate, "XX000");
  EXPECT_EQ(parse_report("C").error.sqlstate, "XX000");
  EXPECT_EQ(parse_report("Mno end").error.message, "server sent an error without a message");
  EXPECT_EQ(parse_report("C123\0\0"s).error.sqlstate, "XX000");
  EXPECT_EQ(parse_report("C1234567\0\0"s).error.sqlstate, "XX000");
  EXPECT_EQ(parse_report("C\xff\xff\xff\xff\xff\0\0"s).error.sqlstate, "XX000");
  EXPECT_EQ(parse_report("SFEHLER\0Mx\0\0"s).severity, Severity::kError);
}

TEST(ErrorFields, TheUnlocalizedSeverityCounts) {
  EXPECT_EQ(parse_report("SFATALE\0VFATAL\0Mx\0\0"s).severity, Severity::kFatal);
}

}  // namespace
}  // namespace wire
