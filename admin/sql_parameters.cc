#include "admin/sql_parameters.h"

#include <bit>
#include <cmath>
#include <string>

#include "admin/sql_query.h"
#include "admin/sql_values.h"
#include "base/text.h"
#include "wire/codec.h"

namespace admin {

using base::Error;

namespace {

constexpr int64_t kPostgresEpoch_us = 946'684'800'000'000;
constexpr int64_t kDay_us = 86'400'000'000;

Error bad_binary() { return {"22P03", "incorrect binary data format in bind parameter", {}, {}}; }

template <typename T>
base::Result<Cell> cell(base::Result<T> value) {
  if (!value.ok()) return std::move(value).error();
  return Cell(*std::move(value));
}

base::Result<Cell> from_text(std::string_view text, Type type) {
  switch (type) {
    case Type::kText:
    case Type::kBytea: break;
    case Type::kInt4:
    case Type::kInt8: return cell(parse_int8(text));
    case Type::kNumeric: {
      if (auto whole = parse_int8(text); whole.ok()) return Cell(*whole);
      return cell(parse_float8(text));
    }
    case Type::kFloat8: return cell(parse_float8(text));
    case Type::kBool: {
      TRY(const bool yes, parse_bool(text));
      return Cell(int64_t{yes ? 1 : 0});
    }
    case Type::kTimestamptz: return cell(parse_timestamp(text));
    case Type::kInterval: return cell(parse_interval(text));
  }
  if (!base::valid_utf8(text)) return Error{"22021", "invalid byte sequence for encoding \"UTF8\"", {}, {}};
  return Cell(std::string(text));
}

int64_t read_i64(wire::Reader& reader) {
  const uint64_t high = reader.u32();
  return static_cast<int64_t>((high << 32) | reader.u32());
}

// numeric_recv's layout: digit count, weight of the first digit, sign, scale, digits to the base 10000.
base::Result<Cell> read_numeric(wire::Reader& reader) {
  constexpr int kNegative = 0x4000;
  const int count = reader.i16(), weight = reader.i16();
  const int sign = static_cast<uint16_t>(reader.i16());
  reader.i16();
  if (sign != 0 && sign != kNegative) return Error{"22003", "NaN and infinity are no numbers here", {}, {}};
  double value = 0;
  int64_t whole = 0;
  bool fits = weight < 4 && count <= weight + 1;  // 10000^4 fits into int8
  for (int i = 0; i < count && reader.ok(); ++i) {
    const int digit = reader.i16();
    value += digit * std::pow(10000.0, weight - i);
    whole = fits ? whole * 10000 + digit : 0;
  }
  for (int i = std::max(count, 0); fits && i <= weight; ++i) whole *= 10000;
  if (fits) return Cell(sign == kNegative ? -whole : whole);
  return Cell(sign == kNegative ? -value : value);
}

base::Result<Cell> from_binary(wire::Reader& reader, wire::Oid oid, Type type) {
  switch (oid.value()) {
    case 16: return Cell(int64_t{reader.u8() != 0 ? 1 : 0});
    case 21: return Cell(int64_t{reader.i16()});
    case 23: return Cell(int64_t{reader.i32()});
    case 26: return Cell(int64_t{reader.u32()});
    case 20: return Cell(read_i64(reader));
    case 700: return Cell(static_cast<double>(std::bit_cast<float>(reader.u32())));
    case 701: return Cell(std::bit_cast<double>(read_i64(reader)));
    case 1700: return read_numeric(reader);
    case 1114:
    case 1184: {
      int64_t time = 0;
      if (__builtin_add_overflow(read_i64(reader), kPostgresEpoch_us, &time)) return bad_binary();
      return Cell(time);
    }
    case 1186: {
      const int64_t us = read_i64(reader), days = reader.i32();
      if (reader.i32() != 0) return base::feature_not_supported("the console knows no intervals of months");
      int64_t interval = 0;
      if (__builtin_add_overflow(us, days * kDay_us, &interval)) return bad_binary();
      return Cell(interval);
    }
    default: return from_text(reader.rest(), type);
  }
}

}  // namespace

base::Result<Cell> parameter_cell(std::optional<std::string_view> bytes, wire::Oid oid, Type type,
                                  wire::Format format) {
  if (!bytes) return Cell();
  if (format == wire::Format::kText) return from_text(*bytes, type);
  wire::Reader reader(*bytes);
  TRY(Cell cell, from_binary(reader, oid, type));
  if (!reader.finish().ok()) return bad_binary();
  return cell;
}

}  // namespace admin
