#include "analyzer/trace_context.h"

#include <fmt/format.h>

#include <charconv>

namespace analyzer {
namespace {

// Where the parts of a traceparent are.
constexpr std::size_t kVersion = 0, kTrace = 3, kSpan = 36, kFlags = 53, kSize = 55;
constexpr unsigned kSampled = 1;

// So many digits, of lower case alone.
std::optional<uint64_t> hex(std::string_view text) {
  if (text.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return out;
}

}  // namespace

std::optional<TraceContext> trace_context(std::string_view traceparent) {
  const std::string_view text = traceparent;
  if (text.size() < kSize || text[kTrace - 1] != '-' || text[kSpan - 1] != '-' || text[kFlags - 1] != '-')
    return std::nullopt;
  const auto version = hex(text.substr(kVersion, 2)), flags = hex(text.substr(kFlags, 2));
  const auto high = hex(text.substr(kTrace, 16)), low = hex(text.substr(kTrace + 16, 16)), span = hex(text.substr(kSpan, 16));
  if (!version || !flags || !high || !low || !span || *version == 0xff) return std::nullopt;
  if ((*high == 0 && *low == 0) || *span == 0) return std::nullopt;
  if (text.size() > kSize && (*version == 0 || text[kSize] != '-')) return std::nullopt;
  return TraceContext{*high, *low, *span, (*flags & kSampled) != 0};
}

std::string trace_id_text(const TraceContext& context) {
  return fmt::format("{:016x}{:016x}", context.trace_high, context.trace_low);
}

std::string span_id_text(uint64_t span) { return fmt::format("{:016x}", span); }

}  // namespace analyzer
