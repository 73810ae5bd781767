#include "pooler/tracer.h"

#include <algorithm>
#include <memory>

#include "analyzer/sql_comment.h"

namespace pooler {

void Tracer::configure(bool on, double sample) {
  on_ = on;
  sample_ = sample;
}

std::optional<analyzer::TraceContext> Tracer::trace_of(std::string_view sql, bool cut,
                                                       const std::optional<analyzer::TraceContext>& session) {
  auto context = analyzer::trace_of(sql, cut);
  if (!context) context = session;
  if (context) return context->sampled ? context : std::nullopt;  // it is the application's word
  constexpr double kAll = 18446744073709551616.0;  // 2 to the power of 64
  if (sample_ <= 0 || (sample_ < 1 && static_cast<double>(next()) >= sample_ * kAll)) return std::nullopt;
  return analyzer::TraceContext{next(), new_span(), 0, true};
}

uint64_t Tracer::new_span() {
  uint64_t span = next();
  while (span == 0) span = next();
  return span;
}

// SplitMix64 of Steele, Lea and Flood (2014): each number once in its period, and no pattern that anybody would meet.
uint64_t Tracer::next() {
  state_ += 0x9e3779b97f4a7c15U;
  uint64_t out = state_;
  out = (out ^ (out >> 30U)) * 0xbf58476d1ce4e5b9U;
  out = (out ^ (out >> 27U)) * 0x94d049bb133111ebU;
  return out ^ (out >> 31U);
}

std::shared_ptr<const std::string> traced_text(const TracedCall& call) {
  constexpr std::size_t kMost = analyzer::QueryStats::kTextShown;
  if (call.rows == nullptr || call.rows->size() < 2)
    return call.row.fingerprint() != 0 && !call.row.text().empty() ? call.row.shared_text() : nullptr;
  std::string all;
  for (const auto* row : *call.rows) {
    if (all.size() + row->text().size() > kMost) {
      all += "...";
      break;
    }
    all.append(all.empty() ? "" : "; ").append(row->text());
  }
  return std::make_shared<const std::string>(std::move(all));
}

}  // namespace pooler
