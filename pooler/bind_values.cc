#include "pooler/bind_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <limits>

#include "wire/codec.h"

namespace pooler {
namespace {

enum class Shape : uint8_t {
  kBool, kInt, kUnsigned, kFloat, kText, kJsonb, kBytes, kUuid, kDate, kTime, kTimestamp, kZoned, kNumeric
};

struct Usual {
  uint32_t oid;
  std::string_view name;
  Shape shape;
  std::size_t size;  // 0: any
};
constexpr Usual kUsual[] = {
    {16, "bool", Shape::kBool, 1},          {17, "bytea", Shape::kBytes, 0},       {19, "name", Shape::kText, 0},
    {20, "int8", Shape::kInt, 8},           {21, "int2", Shape::kInt, 2},          {23, "int4", Shape::kInt, 4},
    {25, "text", Shape::kText, 0},          {26, "oid", Shape::kUnsigned, 4},      {114, "json", Shape::kText, 0},
    {142, "xml", Shape::kText, 0},          {700, "float4", Shape::kFloat, 4},     {701, "float8", Shape::kFloat, 8},
    {1042, "bpchar", Shape::kText, 0},      {1043, "varchar", Shape::kText, 0},    {1082, "date", Shape::kDate, 4},
    {1083, "time", Shape::kTime, 8},        {1114, "timestamp", Shape::kTimestamp, 8},
    {1184, "timestamptz", Shape::kZoned, 8}, {1700, "numeric", Shape::kNumeric, 0}, {2950, "uuid", Shape::kUuid, 16},
    {3802, "jsonb", Shape::kJsonb, 0}};

const Usual* usual(wire::Oid type) {
  const auto found = std::find_if(std::begin(kUsual), std::end(kUsual),
                                  [type](const Usual& one) { return one.oid == type.value(); });
  return found == std::end(kUsual) ? nullptr : found;
}

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8) | static_cast<unsigned char>(byte);
  return value;
}

int64_t signed_number(std::string_view bytes) {
  const auto shift = static_cast<int>(64 - 8 * bytes.size());
  return static_cast<int64_t>(big_endian(bytes) << shift) >> shift;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

// Both count from here (PostgreSQL's own epoch).
constexpr std::chrono::sys_days kEpoch = std::chrono::year(2000) / 1 / 1;

std::string date_text(int64_t days) {
  // Beyond what a calendar here holds nobody means a date.
  constexpr int64_t kDaysMax = 5'000'000;
  if (days < -kDaysMax || days > kDaysMax) return days > 0 ? "infinity" : "-infinity";
  const std::chrono::year_month_day day(kEpoch + std::chrono::days(days));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

std::string time_text(int64_t us) {
  const int64_t seconds = us / 1'000'000;
  std::string out = fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (us % 1'000'000 != 0) out += fmt::format(".{:06}", us % 1'000'000);
  return out;
}

std::string timestamp_text(int64_t us) {
  constexpr int64_t kDay = 86'400'000'000;
  const int64_t days = us / kDay - (us % kDay < 0 ? 1 : 0);
  const std::string date = date_text(days);
  return date.ends_with("infinity") ? date : date + ' ' + time_text(us - days * kDay);
}

// Digits of 10000 with a weight, as numeric_send() has them; nothing for what is none.
std::optional<std::string> numeric_text(std::string_view bytes) {
  constexpr uint16_t kNegative = 0x4000, kNan = 0xC000, kPlusInfinity = 0xD000, kMinusInfinity = 0xF000;
  constexpr int kWeightMax = 64;  // longer ones are shown as they came
  wire::Reader reader(bytes);
  const int count = reader.i16();
  const int weight = reader.i16();
  const uint16_t sign = reader.u16();
  const int scale = reader.i16();
  if (sign == kNan) return "NaN";
  if (sign == kPlusInfinity) return "Infinity";
  if (sign == kMinusInfinity) return "-Infinity";
  if (count < 0 || scale < 0 || weight > kWeightMax || weight < -kWeightMax || scale > 4 * kWeightMax) return std::nullopt;
  std::vector<int> digits;
  for (int i = 0; i < count; ++i) digits.push_back(reader.u16());
  if (!reader.finish().ok()) return std::nullopt;
  const auto digit = [&](int place) {  // of 10000 to the power of `place`
    const int index = weight - place;
    return index >= 0 && index < count ? digits[static_cast<std::size_t>(index)] : 0;
  };
  std::string whole, part;
  for (int place = std::max(weight, 0); place >= 0; --place) whole += fmt::format("{:04}", digit(place));
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
  for (int place = -1; static_cast<int>(part.size()) < scale; --place) part += fmt::format("{:04}", digit(place));
  part.resize(static_cast<std::size_t>(scale));
  return (sign == kNegative ? "-" : "") + whole + (part.empty() ? "" : "." + part);
}

std::string uuid_text(std::string_view bytes) {
  std::string out = hex(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) out.insert(at, 1, '-');
  return out;
}

}  // namespace

std::string binary_value(std::string_view bytes, wire::Oid type) {
  const std::string raw = "\\x" + hex(bytes);
  const Usual* known = usual(type);
  if (known == nullptr || (known->size != 0 && known->size != bytes.size())) return raw;
  switch (known->shape) {
    case Shape::kBool: return bytes[0] != 0 ? "t" : "f";
    case Shape::kInt: return std::to_string(signed_number(bytes));
    case Shape::kUnsigned: return std::to_string(big_endian(bytes));
    case Shape::kFloat:
      return bytes.size() == 4 ? fmt::format("{}", std::bit_cast<float>(static_cast<uint32_t>(big_endian(bytes))))
                               : fmt::format("{}", std::bit_cast<double>(big_endian(bytes)));
    case Shape::kText: return std::string(bytes);
    case Shape::kJsonb: return bytes.starts_with('\1') ? std::string(bytes.substr(1)) : raw;
    case Shape::kBytes: return raw;
    case Shape::kUuid: return uuid_text(bytes);
    case Shape::kDate: return date_text(signed_number(bytes));
    case Shape::kTime: return time_text(signed_number(bytes));
    case Shape::kTimestamp: return timestamp_text(signed_number(bytes));
    case Shape::kZoned: {
      const std::string text = timestamp_text(signed_number(bytes));
      return text.ends_with("infinity") ? text : text + "+00";
    }
    case Shape::kNumeric: return numeric_text(bytes).value_or(raw);
  }
  return raw;
}

std::string_view usual_type_name(wire::Oid type) {
  const Usual* known = usual(type);
  return known == nullptr ? "unknown" : known->name;
}

std::vector<wire::Oid> parse_types(std::string_view types) {
  wire::Reader reader(types);
  std::vector<wire::Oid> out;
  for (std::size_t left = reader.u16(); left > 0; --left) {
    const uint32_t type = reader.u32();
    if (!reader.ok()) break;
    out.push_back(wire::Oid(type));
  }
  return out;
}

BindValues bind_values(std::string_view bind, std::string_view types) {
  BindValues out;
  wire::Reader reader(bind);
  std::vector<uint16_t> formats(reader.u16());
  for (uint16_t& format : formats) format = reader.u16();
  const std::size_t count = reader.u16();
  const std::vector<wire::Oid> known = parse_types(types);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    const auto size = reader.i32();
    if (!reader.ok()) break;
    if (size < 0) {
      out.values.emplace_back(std::nullopt);
      continue;
    }
    const std::string_view bytes = reader.bytes(static_cast<std::size_t>(size));
    if (!reader.ok()) break;
    const uint16_t format = formats.empty() ? 0 : formats[formats.size() == 1 ? 0 : std::min(i, formats.size() - 1)];
    const wire::Oid type = i < known.size() ? known[i] : wire::Oid{};
    out.values.emplace_back(format == 0 ? std::string(bytes) : binary_value(bytes, type));
    if (format != 0 && usual(type) == nullptr) out.readable = false;
  }
  out.whole = reader.ok() && out.values.size() == count;
  return out;
}

}  // namespace pooler
