#pragma once
// A place in somebody's trace, as W3C's Trace Context (level 1) writes it: "00-<trace>-<span>-<flags>". Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace analyzer {

struct TraceContext {
  uint64_t trace_high = 0, trace_low = 0;  // 16 bytes, the first ones high; never both 0
  uint64_t span = 0;                       // 0: there is none yet, what comes is the root
  bool sampled = false;
  bool operator==(const TraceContext&) const = default;
};

// Nothing where it is not valid: upper case, ids of zeros only, version ff, or more behind it in version 00. What a later
// version has behind the flags is left alone, as the standard asks.
std::optional<TraceContext> trace_context(std::string_view traceparent);

// In hexadecimal, as everybody writes them.
std::string trace_id_text(const TraceContext& context);
std::string span_id_text(uint64_t span);

}  // namespace analyzer
