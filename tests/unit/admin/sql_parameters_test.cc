#include "admin/sql_parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace admin {
namespace {

Cell read(std::string_view bytes, uint32_t oid, Type type, wire::Format format = wire::Format::kBinary) {
  const auto cell = parameter_cell(bytes, wire::Oid(oid), type, format);
  EXPECT_TRUE(cell.ok()) << base::to_text(cell.error());
  return cell.ok() ? *cell : Cell();
}

std::string refused(std::string_view bytes, uint32_t oid, Type type, wire::Format format = wire::Format::kBinary) {
  const auto cell = parameter_cell(bytes, wire::Oid(oid), type, format);
  return cell.ok() ? "" : cell.error().sqlstate;
}

constexpr auto kText = wire::Format::kText;

TEST(SqlParameters, Texts) {
  EXPECT_EQ(read("7", 23, Type::kInt4, kText), Cell(int64_t{7}));
  EXPECT_EQ(read("7.5", 701, Type::kFloat8, kText), Cell(7.5));
  EXPECT_EQ(read("7", 1700, Type::kNumeric, kText), Cell(int64_t{7}));
  EXPECT_EQ(read("t", 16, Type::kBool, kText), Cell(int64_t{1}));
  EXPECT_EQ(read("1970-01-01 00:00:01+00", 1184, Type::kTimestamptz, kText), Cell(int64_t{1'000'000}));
  EXPECT_EQ(read("2s", 1186, Type::kInterval, kText), Cell(int64_t{2'000'000}));
  EXPECT_EQ(parameter_cell(std::nullopt, wire::Oid(25), Type::kText, kText).value(), Cell());
  EXPECT_EQ(refused("x", 23, Type::kInt4, kText), "22P02");
  EXPECT_EQ(refused("\xff", 25, Type::kText, kText), "22021");
}

// As PostgreSQL 15's int8send, numeric_send and their kin write them.
TEST(SqlParameters, Binary) {
  using std::string_literals::operator""s;
  EXPECT_EQ(read("\xff\xfe"s, 21, Type::kInt4), Cell(int64_t{-2}));
  EXPECT_EQ(read("\0\0\1\2"s, 23, Type::kInt8), Cell(int64_t{258}));
  EXPECT_EQ(read("\xff\xff\xff\xff\xff\xff\xff\xff"s, 20, Type::kInt8), Cell(int64_t{-1}));
  EXPECT_EQ(read("\x3f\xf8\0\0\0\0\0\0"s, 701, Type::kFloat8), Cell(1.5));
  EXPECT_EQ(read("\1"s, 16, Type::kBool), Cell(int64_t{1}));
  EXPECT_EQ(read("\0\0\0\0\0\0\0\0"s, 1184, Type::kTimestamptz), Cell(int64_t{946'684'800'000'000}));
  EXPECT_EQ(read("\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\0"s, 1186, Type::kInterval), Cell(int64_t{86'400'000'001}));
  EXPECT_EQ(read("\0\1\0\1\0\0\0\0\0\1"s, 1700, Type::kNumeric), Cell(int64_t{10000}));
  EXPECT_EQ(read("\0\2\0\0\x40\0\0\1\0\1\x13\x88"s, 1700, Type::kNumeric), Cell(-1.5));
  EXPECT_EQ(read("text", 1043, Type::kText), Cell("text"));
  EXPECT_EQ(refused("\0\1"s, 23, Type::kInt4), "22P03");
  EXPECT_EQ(refused("\0\0\0\1\0"s, 23, Type::kInt4), "22P03");
  EXPECT_EQ(refused("\0\0\0\0\xc0\0\0\0"s, 1700, Type::kNumeric), "22003");
  EXPECT_EQ(refused("\x7f\xff"s, 1700, Type::kNumeric), "22P03");
}

}  // namespace
}  // namespace admin
