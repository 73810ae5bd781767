#include "admin/table.h"

#include <fmt/format.h>

#include <bit>
#include <chrono>

#include "admin/sql_values.h"
#include "wire/build.h"

namespace admin {

namespace {

struct TypeInfo {
  uint32_t oid;  // of pg_type
  int16_t length;
  std::string_view name;
};

constexpr TypeInfo info_of(Type type) {
  switch (type) {
    case Type::kText: return {25, -1, "text"};
    case Type::kInt4: return {23, 4, "int4"};
    case Type::kInt8: return {20, 8, "int8"};
    case Type::kNumeric: return {1700, -1, "numeric"};
    case Type::kBytea: return {17, -1, "bytea"};
    case Type::kFloat8: return {701, 8, "float8"};
    case Type::kBool: return {16, 1, "bool"};
    case Type::kTimestamptz: return {1184, 8, "timestamptz"};
    case Type::kInterval: return {1186, 16, "interval"};
  }
  return {25, -1, "text"};
}

wire::Format format_at(std::span<const wire::Format> formats, std::size_t column) {
  if (formats.empty()) return wire::Format::kText;
  return formats.size() == 1 ? formats[0] : formats[column];
}

void append_big_endian(std::string& out, uint64_t value, unsigned size) {
  while (size-- > 0) out.push_back(static_cast<char>((value >> (8 * size)) & 0xff));
}

// numeric_send's layout: digit count, weight of the first digit, sign, digits after the point; then the digits
// to the base 10000, without zeros at either end.
std::string binary_numeric(uint64_t value, bool negative) {
  std::vector<uint16_t> digits;  // the last first
  for (; value > 0; value /= 10000) digits.push_back(static_cast<uint16_t>(value % 10000));
  const std::size_t all = digits.size();
  std::size_t skip = 0;
  while (skip < all && digits[skip] == 0) ++skip;

  std::string out;
  append_big_endian(out, all - skip, 2);
  append_big_endian(out, all == 0 ? 0 : all - 1, 2);
  append_big_endian(out, negative ? 0x4000 : 0, 2);
  append_big_endian(out, 0, 2);
  for (std::size_t i = all; i > skip; --i) append_big_endian(out, digits[i - 1], 2);
  return out;
}

// PostgreSQL counts moments from the year 2000, we from 1970.
constexpr int64_t kPostgresEpoch_us = 946'684'800'000'000;

std::string binary_number(int64_t number, Type type) {
  const auto bits = static_cast<uint64_t>(number);
  std::string out;
  switch (type) {
    case Type::kNumeric: return binary_numeric(number < 0 ? 0 - bits : bits, number < 0);
    case Type::kInt4: append_big_endian(out, bits, 4); break;
    case Type::kBool: out.push_back(number != 0 ? '\1' : '\0'); break;
    case Type::kTimestamptz: append_big_endian(out, static_cast<uint64_t>(number - kPostgresEpoch_us), 8); break;
    case Type::kInterval:  // microseconds, days, months; the first alone says it all
      append_big_endian(out, bits, 8);
      append_big_endian(out, 0, 8);
      break;
    case Type::kFloat8: append_big_endian(out, std::bit_cast<uint64_t>(static_cast<double>(number)), 8); break;
    default: append_big_endian(out, bits, 8);
  }
  return out;
}

std::string text_number(int64_t number, Type type) {
  if (type == Type::kBool) return number != 0 ? "t" : "f";
  if (type == Type::kTimestamptz) return timestamp_text(number);
  if (type == Type::kInterval) return interval_text(number);
  return fmt::to_string(number);
}

std::string text_bytea(std::string_view bytes) {
  std::string out = "\\x";
  for (char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

}  // namespace

wire::Oid oid_of(Type type) { return wire::Oid(info_of(type).oid); }

std::string_view name_of(Type type) { return info_of(type).name; }

std::string to_text(base::WallTime time) {
  using namespace std::chrono;
  if (time == base::WallTime{}) return {};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

Table to_table(const std::vector<ColumnInfo>& columns, const Snapshot& snapshot) {
  Table table{.columns = columns, .rows = {}};
  const std::size_t rows = snapshot.rows();
  table.rows.reserve(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<Cell>& cells = table.rows.emplace_back();
    cells.reserve(columns.size());
    for (std::size_t column = 0; column < columns.size(); ++column) cells.push_back(snapshot.cell(row, column));
  }
  return table;
}

std::optional<std::string> encode_cell(const Cell& cell, Type type, wire::Format format) {
  const bool binary = format == wire::Format::kBinary;
  if (const auto* text = std::get_if<std::string>(&cell)) {
    return type == Type::kBytea && !binary ? text_bytea(*text) : *text;
  }
  if (const auto* number = std::get_if<int64_t>(&cell)) {
    return binary ? binary_number(*number, type) : text_number(*number, type);
  }
  if (const auto* number = std::get_if<uint64_t>(&cell)) {
    return binary ? binary_numeric(*number, false) : fmt::to_string(*number);
  }
  if (const auto* number = std::get_if<double>(&cell)) {
    if (!binary) return float_text(*number);
    std::string out;
    append_big_endian(out, std::bit_cast<uint64_t>(*number), 8);
    return out;
  }
  return std::nullopt;
}

void append_description(std::string& out, std::span<const ColumnInfo> columns,
                        std::span<const wire::Format> formats) {
  std::vector<wire::Column> list;
  list.reserve(columns.size());
  for (const ColumnInfo& column : columns) {
    list.push_back({column.name, oid_of(column.type), info_of(column.type).length});
  }
  wire::append_row_description(out, list, formats);
}

void append_row(std::string& out, std::span<const ColumnInfo> columns, std::span<const Cell> row,
                std::span<const wire::Format> formats) {
  std::vector<std::optional<std::string>> values;
  values.reserve(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    values.push_back(encode_cell(row[i], columns[i].type, format_at(formats, i)));
  }
  std::vector<std::optional<std::string_view>> views(values.begin(), values.end());
  // Refused only above 1 GiB, which no row of ours comes near: its texts are names and settings.
  [[maybe_unused]] const base::Status written = wire::append_data_row(out, views);
}

}  // namespace admin
