#include "pooler/bind_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <string>

namespace pooler {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Value = std::optional<std::string>;

std::string number(uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}
std::string value(const std::string& bytes) { return number(bytes.size(), 4) + bytes; }
std::string types(std::initializer_list<uint32_t> oids) {
  std::string out = number(oids.size(), 2);
  for (const uint32_t oid : oids) out += number(oid, 4);
  return out;
}
std::string binary(const std::string& bytes, uint32_t oid) { return binary_value(bytes, wire::Oid(oid)); }
std::string signed_bytes(int64_t value, int bytes) { return number(static_cast<uint64_t>(value), bytes); }

TEST(BindValues, TextIsAsItIs) {
  const std::string bind = number(0, 2) + number(3, 2) + value("a'b") + number(0xffffffff, 4) + value("") + number(0, 2);
  const BindValues found = bind_values(bind, types({}));
  EXPECT_THAT(found.values, ElementsAre(Value("a'b"), Value(), Value("")));
  EXPECT_TRUE(found.whole);
  EXPECT_TRUE(found.readable);
}

TEST(BindValues, EachHasItsFormat) {
  const std::string rest = number(2, 2) + value(number(7, 4)) + value(number(8, 4)) + number(0, 2);
  EXPECT_THAT(bind_values(number(1, 2) + number(1, 2) + rest, types({23, 23})).values, ElementsAre(Value("7"), Value("8")));
  EXPECT_THAT(bind_values(number(2, 2) + number(0, 2) + number(1, 2) + rest, types({23, 23})).values,
              ElementsAre(Value(number(7, 4)), Value("8")));
}

TEST(BindValues, OfAnUnknownTypeBytesAreShown) {
  const std::string bind = number(1, 2) + number(1, 2) + number(1, 2) + value("\x01\xff") + number(0, 2);
  const BindValues found = bind_values(bind, types({0}));
  EXPECT_THAT(found.values, ElementsAre(Value("\\x01ff")));
  EXPECT_FALSE(found.readable) << "PostgreSQL would not take it for the same";
}

TEST(BindValues, WhatIsCutOffIsLeftOut) {
  const std::string bind = number(0, 2) + number(2, 2) + value("first") + value("second") + number(0, 2);
  for (std::size_t size = 0; size < bind.size(); ++size) {
    const BindValues found = bind_values(std::string_view(bind).substr(0, size), types({}));
    EXPECT_LE(found.values.size(), 2u);
    EXPECT_TRUE(!found.whole || size >= bind.size() - 2) << size;
    for (const auto& one : found.values) EXPECT_TRUE(one == "first" || one == "second");
  }
  EXPECT_THAT(bind_values("", "").values, IsEmpty());
  EXPECT_FALSE(bind_values(number(0, 2) + number(65535, 2) + number(0x7fffffff, 4), "").whole);
}

TEST(BindValues, UsualTypesAreReadAsPostgresPrintsThem) {
  EXPECT_EQ(binary(std::string(1, '\1'), 16), "t");
  EXPECT_EQ(binary(std::string(1, '\0'), 16), "f");
  EXPECT_EQ(binary(signed_bytes(-2, 2), 21), "-2");
  EXPECT_EQ(binary(signed_bytes(-2'147'483'648, 4), 23), "-2147483648");
  EXPECT_EQ(binary(signed_bytes(INT64_MIN, 8), 20), "-9223372036854775808");
  EXPECT_EQ(binary(number(4'000'000'000, 4), 26), "4000000000");
  EXPECT_EQ(binary(number(std::bit_cast<uint32_t>(1.5F), 4), 700), "1.5");
  EXPECT_EQ(binary(number(std::bit_cast<uint64_t>(-0.1), 8), 701), "-0.1");
  EXPECT_EQ(binary("text", 25), "text");
  EXPECT_EQ(binary("\1{\"a\":1}", 3802), "{\"a\":1}");
  EXPECT_EQ(binary("\2{}", 3802), "\\x027b7d");
  EXPECT_EQ(binary("\xde\xad", 17), "\\xdead");
  std::string uuid(16, '\0');
  uuid[15] = '\x0a';
  EXPECT_EQ(binary(uuid, 2950), "00000000-0000-0000-0000-00000000000a");
}

TEST(BindValues, DatesAndTimes) {
  EXPECT_EQ(binary(signed_bytes(0, 4), 1082), "2000-01-01");
  EXPECT_EQ(binary(signed_bytes(9800, 4), 1082), "2026-10-31");
  EXPECT_EQ(binary(signed_bytes(-1, 4), 1082), "1999-12-31");
  EXPECT_EQ(binary(signed_bytes(INT32_MAX, 4), 1082), "infinity");
  EXPECT_EQ(binary(signed_bytes(INT32_MIN, 4), 1082), "-infinity");
  EXPECT_EQ(binary(signed_bytes(45'296'000'001, 8), 1083), "12:34:56.000001");
  EXPECT_EQ(binary(signed_bytes(0, 8), 1114), "2000-01-01 00:00:00");
  EXPECT_EQ(binary(signed_bytes(-1, 8), 1114), "1999-12-31 23:59:59.999999");
  EXPECT_EQ(binary(signed_bytes(86'400'000'000, 8), 1184), "2000-01-02 00:00:00+00");
  EXPECT_EQ(binary(signed_bytes(INT64_MAX, 8), 1184), "infinity");
  EXPECT_EQ(binary(signed_bytes(INT64_MIN, 8), 1114), "-infinity");
}

std::string numeric(int weight, uint32_t sign, int scale, std::initializer_list<uint32_t> digits) {
  std::string out = number(digits.size(), 2) + signed_bytes(weight, 2) + number(sign, 2) + signed_bytes(scale, 2);
  for (const uint32_t digit : digits) out += number(digit, 2);
  return out;
}

TEST(BindValues, Numerics) {
  EXPECT_EQ(binary(numeric(0, 0, 0, {}), 1700), "0");
  EXPECT_EQ(binary(numeric(0, 0x4000, 3, {12, 3400}), 1700), "-12.340");
  EXPECT_EQ(binary(numeric(1, 0, 0, {1, 2}), 1700), "10002");
  EXPECT_EQ(binary(numeric(2, 0, 0, {5}), 1700), "500000000");
  EXPECT_EQ(binary(numeric(-1, 0, 4, {1}), 1700), "0.0001");
  EXPECT_EQ(binary(numeric(-2, 0, 8, {1}), 1700), "0.00000001");
  EXPECT_EQ(binary(numeric(0, 0xC000, 0, {}), 1700), "NaN");
  EXPECT_EQ(binary(numeric(0, 0xD000, 0, {}), 1700), "Infinity");
  EXPECT_EQ(binary(numeric(0, 0xF000, 0, {}), 1700), "-Infinity");
  EXPECT_EQ(binary(numeric(30'000, 0, 0, {1}), 1700).substr(0, 2), "\\x");
  EXPECT_EQ(binary("abc", 1700), "\\x616263");
}

TEST(BindValues, WhatHasNotTheSizeOfItsTypeIsShownAsBytes) {
  EXPECT_EQ(binary("abc", 23), "\\x616263");
  EXPECT_EQ(binary("", 16), "\\x");
  EXPECT_EQ(binary("x", 600), "\\x78");
}

TEST(BindValues, NamesOfTypes) {
  EXPECT_EQ(usual_type_name(wire::Oid(23)), "int4");
  EXPECT_EQ(usual_type_name(wire::Oid(0)), "unknown");
  EXPECT_THAT(parse_types(types({23, 0})), ElementsAre(wire::Oid(23), wire::Oid(0)));
  EXPECT_THAT(parse_types(types({23}) + "x"), ElementsAre(wire::Oid(23)));
  EXPECT_THAT(parse_types(number(2, 2) + number(23, 4)), ElementsAre(wire::Oid(23)));
  EXPECT_THAT(parse_types(""), IsEmpty());
}

}  // namespace
}  // namespace pooler
