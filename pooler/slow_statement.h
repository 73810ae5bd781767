#pragma once
// From where on a statement is slow, what is kept of it while it runs in case that it becomes so or is traced (tracer.h), and
// what is told of a slow one. Pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "analyzer/hidden_values.h"
#include "analyzer/query_stats.h"
#include "analyzer/slow_log.h"
#include "analyzer/statement.h"
#include "base/clock.h"
#include "pooler/tracer.h"

namespace pooler {

struct Prepared;

struct SlowLimits {
  static constexpr base::Duration kNever = base::Duration::max();
  base::Duration from = kNever;   // what takes less is of no interest
  base::Duration limit = kNever;  // what takes so long is slow; between the two, some are taken as samples
  bool values = false;            // somebody wants to know values, or the text
  bool samples = false;           // the advisor is one of them

  bool on() const { return from != kNever; }
  bool operator==(const SlowLimits&) const = default;
};

// Of one statement under way. Used again and again: it keeps small buffers.
class KeptStatement {
 public:
  // Of a text, and of a Bind's values, so much is kept at most.
  static constexpr std::size_t kTextMax = 16 * 1024;
  static constexpr std::size_t kBindMax = 16 * 1024;

  struct Facts {
    analyzer::Kind kind = analyzer::Kind::kUnknown;
    bool writes = true;
    bool several = false;  // statements in one text, which are told of as one
  };

  void clear();
  // Is there anything in this text that has to be kept?
  static bool worth_keeping(std::string_view text, const SlowLimits& limits);
  // `cut`: the text is only the beginning.
  void keep_text(std::string_view text, bool cut, const Facts& facts, const SlowLimits& limits);
  void keep_name(std::string_view name) { name_ = name; }
  // `bind` is what follows the names, `types` what follows the text in the statement's Parse. A second Bind before the
  // first one's Execute: nobody knows which of them runs.
  void keep_bind(std::string_view bind, std::string_view types);

  const std::string& name() const { return name_; }
  const std::string& comment() const { return comment_; }
  // Empty where it was not kept.
  std::string_view text() const { return text_; }
  const Facts& facts() const { return facts_; }
  bool cut() const { return cut_; }
  bool one_bind() const { return binds_ == 1; }
  bool has_bind() const { return binds_ > 0; }
  std::string_view bind() const { return bind_; }
  std::string_view types() const { return types_; }
  // It is traced; null: it is not, or that has been told.
  void keep_trace(TraceMark mark) { trace_ = std::move(mark); }
  void forget_trace() { trace_.reset(); }
  const TraceMark* trace() const { return trace_ ? &*trace_ : nullptr; }
  // What the statements of a text have cost so far. A server sends what it has to say of them at their end, so only of all
  // of them is it known how long they took.
  const analyzer::QueryRecord& add(const analyzer::QueryRecord& record);

 private:
  std::string name_, comment_, text_, bind_, types_;
  Facts facts_;
  std::optional<TraceMark> trace_;
  analyzer::QueryRecord sum_;
  uint32_t binds_ = 0;
  bool cut_ = false;
};

// A statement that was slow enough to be told of. Valid for the call.
struct SlowCall {
  const analyzer::QueryStats::Row& row;
  const KeptStatement* kept = nullptr;  // null: nothing was worth it
  bool prepared = false;
  const analyzer::QueryRecord& record;
};
class SlowListener {
 public:
  virtual void on_slow(const SlowCall& call) = 0;

 protected:
  ~SlowListener() = default;
};

// All but when, by whom from where, and on which server. `hidden` is null where no values are shown.
analyzer::SlowStatement describe(const SlowCall& call, const analyzer::HiddenValues* hidden);

}  // namespace pooler
