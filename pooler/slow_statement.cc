#include "pooler/slow_statement.h"

#include <algorithm>
#include <utility>

#include "analyzer/redact.h"
#include "analyzer/sql_comment.h"
#include "pooler/bind_values.h"

namespace pooler {
namespace {

using analyzer::SlowStatement;
using What = SlowStatement::Value::What;

// What is kept for the next one; a larger buffer goes.
constexpr std::size_t kBufferKept = 1024;
// Values of one statement that are shown.
constexpr std::size_t kValuesShown = 200;

void empty(std::string& buffer) {
  if (buffer.capacity() > kBufferKept)
    std::string().swap(buffer);
  else
    buffer.clear();
}

// What was sent with Bind, then what stood in the text: so they are numbered.
std::vector<SlowStatement::Value> values_of(const KeptStatement& kept, const analyzer::Normalized& text, bool may_show) {
  std::vector<SlowStatement::Value> out;
  const auto add = [&](int number, What what, std::string value) {
    if (out.size() < kValuesShown) out.push_back({number, may_show ? what : What::kHidden, may_show ? std::move(value) : ""});
  };
  int number = 0;
  if (kept.has_bind()) {
    auto bound = bind_values(kept.bind(), kept.types());
    for (auto& value : bound.values) {
      ++number;
      if (!kept.one_bind())
        add(number, What::kHidden, {});
      else
        add(number, value ? What::kShown : What::kNull, value ? *std::move(value) : "");
    }
  }
  number = text.first;
  for (const auto& value : text.values) add(number++, value ? What::kShown : What::kHidden, value.value_or(""));
  return out;
}

}  // namespace

void KeptStatement::clear() {
  for (std::string* buffer : {&name_, &comment_, &text_, &bind_, &types_}) empty(*buffer);
  facts_ = {};
  trace_.reset();
  sum_ = {};
  binds_ = 0;
  cut_ = false;
}

bool KeptStatement::worth_keeping(std::string_view text, const SlowLimits& limits) {
  return limits.values || text.size() > analyzer::QueryStats::kTextShown || !analyzer::outer_comment(text).empty();
}

void KeptStatement::keep_text(std::string_view text, bool cut, const Facts& facts, const SlowLimits& limits) {
  comment_ = cut ? std::string_view() : analyzer::outer_comment(text);
  facts_ = facts;
  if (!limits.values && !facts.several && text.size() <= analyzer::QueryStats::kTextShown) return;
  cut_ = cut || text.size() > kTextMax;
  text_ = text.substr(0, kTextMax);
}

void KeptStatement::keep_bind(std::string_view bind, std::string_view types) {
  ++binds_;
  bind_ = bind.substr(0, kBindMax);
  types_ = types.substr(0, kBindMax);
}

const analyzer::QueryRecord& KeptStatement::add(const analyzer::QueryRecord& record) {
  sum_.sqlstate = record.sqlstate;
  sum_.rows += record.rows;
  sum_.bytes_in += record.bytes_in;
  sum_.bytes_out += record.bytes_out;
  sum_.server += record.server;
  sum_.wait += record.wait;
  sum_.ended = record.ended;
  return sum_;
}

SlowStatement describe(const SlowCall& call, const analyzer::HiddenValues* hidden) {
  SlowStatement out;
  out.fingerprint = call.row.fingerprint();
  out.database = call.row.owner().database;
  out.user = call.row.owner().user;
  out.application = call.row.owner().application;
  out.query = call.row.text();
  out.prepared = call.prepared;
  out.queue = call.record.wait;
  out.server = call.record.server;
  out.rows = call.record.rows;
  out.bytes_in = call.record.bytes_in;
  out.bytes_out = call.record.bytes_out;
  out.sqlstate = call.record.sqlstate;
  if (call.kept == nullptr) return out;
  const KeptStatement& kept = *call.kept;
  out.name = kept.name();
  out.traceparent = analyzer::traceparent_in(kept.comment());
  const std::string_view text = kept.text();
  if (text.empty()) return out;
  analyzer::Normalized normalized = analyzer::normalized_with_values(text, KeptStatement::kTextMax);
  if (hidden != nullptr) {
    out.has_values = true;
    out.values = values_of(kept, normalized, !kept.cut() && hidden->may_show(text, kept.facts().kind));
  }
  out.query = std::move(normalized.text);
  return out;
}

}  // namespace pooler
