#include "admin/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

struct Row {
  std::string name;
  int small = 0;
  int64_t large = 0;
  uint64_t count = 0;
  bool set = false;
  std::optional<int> maybe;
  base::WallTime time{};
};

Columns<Row> columns() {
  return {{"name", "", &Row::name},
          {"small", "", &Row::small},
          {"large", "", &Row::large},
          {"count", "", [](const Row& row) { return Numeric{row.count}; }},
          {"set", "", &Row::set},
          {"maybe", "", &Row::maybe},
          {"time", "", &Row::time},
          {"bytes", "", [](const Row& row) { return Bytes{row.name}; }}};
}

TEST(Table, TypesFollowFromGetters) {
  std::string out;
  append_description(out, infos(columns()));
  EXPECT_EQ(transcript(out),
            "T(name:text,small:int4,large:int8,count:numeric,set:int4,maybe:int4,time:text,bytes:bytea)");
}

TEST(Table, RowsReadAsText) {
  const Row row{"a", -1, 5'000'000'000, 18'000'000'000'000'000'000u, true, std::nullopt,
                base::WallTime(std::chrono::seconds(1'795'230'880))};
  const Table table = to_table(infos(columns()), RowSnapshot<Row>(std::make_shared<const Columns<Row>>(columns()), {row}));
  std::string out;
  append_row(out, table.columns, table.rows[0]);
  EXPECT_EQ(transcript(out), "D(a|-1|5000000000|18000000000000000000|1|-|2026-11-21 03:14:40 UTC|\\x61)");
}

TEST(Table, AMomentThatNeverWasIsEmpty) { EXPECT_EQ(to_text(base::WallTime{}), ""); }

std::string hex(std::string_view bytes) {
  return encode_cell(Cell(std::string(bytes)), Type::kBytea, wire::Format::kText).value().substr(2);
}
std::string binary(Cell cell, Type type) { return hex(encode_cell(cell, type, wire::Format::kBinary).value()); }

TEST(Table, IntegersAreBigEndianInBinary) {
  EXPECT_EQ(binary(Cell(int64_t{-2}), Type::kInt4), "fffffffe");
  EXPECT_EQ(binary(Cell(int64_t{258}), Type::kInt8), "0000000000000102");
}

TEST(Table, FloatsAreShortInTextAndIeeeInBinary) {
  EXPECT_EQ(encode_cell(Cell(2.625), Type::kFloat8, wire::Format::kText), "2.625");
  EXPECT_EQ(encode_cell(Cell(0.0), Type::kFloat8, wire::Format::kText), "0");
  EXPECT_EQ(encode_cell(Cell(0.001), Type::kFloat8, wire::Format::kText), "0.001");
  EXPECT_EQ(binary(Cell(-1.5), Type::kFloat8), "bff8000000000000");
}

// As numeric_send of PostgreSQL 15 prints them: SELECT numeric_send(10000), ...
TEST(Table, NumericIsWrittenAsPostgresWritesIt) {
  EXPECT_EQ(binary(Cell(uint64_t{0}), Type::kNumeric), "0000000000000000");
  EXPECT_EQ(binary(Cell(uint64_t{1}), Type::kNumeric), "00010000000000000001");
  EXPECT_EQ(binary(Cell(uint64_t{10000}), Type::kNumeric), "00010001000000000001");
  EXPECT_EQ(binary(Cell(uint64_t{12345678}), Type::kNumeric), "000200010000000004d2162e");
  EXPECT_EQ(binary(Cell(uint64_t{100000001}), Type::kNumeric), "0003000200000000000100000001");
  EXPECT_EQ(binary(Cell(uint64_t{18446744073709551615u}), Type::kNumeric), "0005000400000000" "07341a5802e103bb064f");
}

TEST(Table, WhatOnlySelectComputesIsWrittenAsPostgresWritesIt) {
  const auto text = [](Cell cell, Type type) { return encode_cell(cell, type, wire::Format::kText).value(); };
  EXPECT_EQ(binary(Cell(int64_t{-10001}), Type::kNumeric), "0002000140000000" "00010001");
  EXPECT_EQ(binary(Cell(1.5), Type::kFloat8), "3ff8000000000000");
  EXPECT_EQ(text(Cell(0.1), Type::kFloat8), "0.1");
  EXPECT_EQ(binary(Cell(int64_t{1}), Type::kBool), "01");
  EXPECT_EQ(text(Cell(int64_t{0}), Type::kBool), "f");
  EXPECT_EQ(binary(Cell(int64_t{946'684'800'000'001}), Type::kTimestamptz), "0000000000000001");
  EXPECT_EQ(text(Cell(int64_t{946'684'800'500'000}), Type::kTimestamptz), "2000-01-01 00:00:00.5+00");
  EXPECT_EQ(binary(Cell(int64_t{2}), Type::kInterval), "00000000000000020000000000000000");
  EXPECT_EQ(text(Cell(int64_t{90'000'000}), Type::kInterval), "00:01:30");
  EXPECT_EQ(CellOf<Timestamp>::cell({}), Cell());
  EXPECT_EQ(CellOf<Timestamp>::cell({base::WallTime(std::chrono::seconds(1))}), Cell(int64_t{1'000'000}));
}

TEST(Table, TextIsRawInBothFormatsAndNullIsNothing) {
  EXPECT_EQ(encode_cell(Cell(std::string("x")), Type::kText, wire::Format::kBinary), "x");
  EXPECT_EQ(encode_cell(Cell(), Type::kInt4, wire::Format::kBinary), std::nullopt);
}

}  // namespace
}  // namespace admin
