#pragma once
// Tracer: which statements of one worker are traced, and the numbers that their spans get. And what is told of a statement
// that was.
//
// A statement is traced if its application said of which trace it is, and that this is sampled: in a comment of the
// statement, otherwise in the client's setting `weir.traceparent`. Where it said nothing, a share of them begins a trace.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/query_stats.h"
#include "analyzer/statement.h"
#include "analyzer/trace_context.h"
#include "base/clock.h"

namespace pooler {

// The setting of a client in which its application may say where it is. PostgreSQL takes any value for it.
inline constexpr std::string_view kTraceSetting = "weir.traceparent";

class Tracer {
 public:
  // `seed`: nobody else's, so that numbers do not meet.
  explicit Tracer(uint64_t seed) : state_(seed) {}

  // Nothing is traced until this says so. `sample`: from 0 to 1.
  void configure(bool on, double sample);
  bool on() const { return on_; }

  // Nothing: it is not traced. `cut`: the end of the text is not at hand. `session` is what the setting says.
  std::optional<analyzer::TraceContext> trace_of(std::string_view sql, bool cut,
                                                 const std::optional<analyzer::TraceContext>& session);
  uint64_t new_span();

 private:
  uint64_t next();

  bool on_ = false;
  double sample_ = 0;
  uint64_t state_;
};

// What is kept of a statement under way that is traced.
struct TraceMark {
  analyzer::TraceContext context{};
  analyzer::Kind kind = analyzer::Kind::kUnknown;  // of the first one in its text
  std::string collection{};
};

// A statement that was traced has come to its end. Valid for the call.
struct TracedCall {
  const TraceMark& mark;
  const analyzer::QueryStats::Row& row;                     // of the first one in its text
  const std::vector<analyzer::QueryStats::Row*>* rows = nullptr;  // of all, where there are several
  const analyzer::QueryOwnerPtr& owner;
  base::Duration total{};            // from when it could have been sent
  const analyzer::QueryRecord& record;  // of all
};
class TraceListener {
 public:
  virtual void on_traced(const TracedCall& call) = 0;

 protected:
  ~TraceListener() = default;
};

// The normalized text of what was run, as far as it is known and no longer than one alone may be; null: not at all.
std::shared_ptr<const std::string> traced_text(const TracedCall& call);

}  // namespace pooler
