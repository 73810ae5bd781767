#include "admin/sql_calls.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cmath>
#include <compare>
#include <string>
#include <string_view>
#include <utility>

#include "admin/sql_values.h"
#include "base/result.h"
#include "base/text.h"

namespace admin {

using base::Error;

namespace {

// One call: arguments and the answer. A function is not called with a NULL, its answer is NULL then.
class Call {
 public:
  Call(sqlite3_context* context, int count, sqlite3_value** values)
      : context_(context), count_(count), values_(values) {}

  SqlRun& run() const { return *static_cast<SqlRun*>(sqlite3_user_data(context_)); }
  int count() const { return count_; }
  bool is_null(int i) const { return sqlite3_value_type(values_[i]) == SQLITE_NULL; }
  bool is_whole(int i) const { return sqlite3_value_type(values_[i]) == SQLITE_INTEGER; }
  bool is_text(int i) const { return sqlite3_value_type(values_[i]) == SQLITE_TEXT; }
  int64_t whole(int i) const { return sqlite3_value_int64(values_[i]); }
  double number(int i) const { return sqlite3_value_double(values_[i]); }
  std::string_view text(int i) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_value_text(values_[i]));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_value_bytes(values_[i]))};
  }
  sqlite3_value* value(int i) const { return values_[i]; }

  void give(int64_t number) { sqlite3_result_int64(context_, number); }
  void give(double number) { sqlite3_result_double(context_, number); }
  void give(bool yes) { sqlite3_result_int(context_, yes ? 1 : 0); }
  void give(std::string_view text) {
    sqlite3_result_text64(context_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  void give(const std::string& text) { give(std::string_view(text)); }
  void give_value(int i) { sqlite3_result_value(context_, values_[i]); }
  void give_null() { sqlite3_result_null(context_); }
  void fail(Error error) {
    run().error = std::move(error);
    sqlite3_result_error(context_, "failed", -1);
  }
  template <typename T>
  void give(base::Result<T> result) {
    result.ok() ? give(*std::move(result)) : fail(std::move(result).error());
  }

 private:
  sqlite3_context* context_;
  int count_;
  sqlite3_value** values_;
};

Error out_of_range(std::string_view type) { return {"22003", fmt::format("{} out of range", type), {}, {}}; }

// A float as a whole number, as PostgreSQL rounds it.
base::Result<int64_t> rounded(double number) {
  const double whole = std::nearbyint(number);
  // 2^63, which is no int8 any more; NaN is not less than anything.
  if (!(std::abs(whole) < 9223372036854775808.0)) return out_of_range("bigint");
  return static_cast<int64_t>(whole);
}

base::Result<int64_t> as_int8(const Call& call, int i) {
  if (call.is_text(i)) return parse_int8(call.text(i));
  return call.is_whole(i) ? base::Result<int64_t>(call.whole(i)) : rounded(call.number(i));
}

void to_int8(Call& call) { call.give(as_int8(call, 0)); }
void to_int4(Call& call) {
  const auto number = as_int8(call, 0);
  if (number.ok() && (*number < INT32_MIN || *number > INT32_MAX)) return call.fail(out_of_range("integer"));
  call.give(number);
}
void to_float8(Call& call) { call.is_text(0) ? call.give(parse_float8(call.text(0))) : call.give(call.number(0)); }
void to_bool(Call& call) { call.is_text(0) ? call.give(parse_bool(call.text(0))) : call.give(call.whole(0) != 0); }
void to_timestamptz(Call& call) {
  if (call.text(0).empty()) return call.give_null();  // a moment that never was, as SHOW shows it
  call.give(parse_timestamp(call.text(0)));
}
void to_interval(Call& call) { call.give(parse_interval(call.text(0))); }

void bool_text(Call& call) { call.give(std::string_view(call.whole(0) != 0 ? "true" : "false")); }
void float8_text(Call& call) {
  call.give(call.is_whole(0) ? fmt::to_string(call.whole(0)) : float_text(call.number(0)));
}
void timestamptz_text(Call& call) { call.give(timestamp_text(call.whole(0))); }
void interval_as_text(Call& call) { call.give(interval_text(call.whole(0))); }

enum class Operation { kAdd, kSubtract, kMultiply };
template <Operation kOperation>
void compute(Call& call) {
  if (call.is_whole(0) && call.is_whole(1)) {
    int64_t result = 0;
    const int64_t a = call.whole(0), b = call.whole(1);
    const bool overflow = kOperation == Operation::kAdd        ? __builtin_add_overflow(a, b, &result)
                          : kOperation == Operation::kSubtract ? __builtin_sub_overflow(a, b, &result)
                                                               : __builtin_mul_overflow(a, b, &result);
    return overflow ? call.fail(out_of_range("bigint")) : call.give(result);
  }
  const double a = call.number(0), b = call.number(1);
  call.give(kOperation == Operation::kAdd ? a + b : kOperation == Operation::kSubtract ? a - b : a * b);
}

bool divides_by_zero(Call& call) {
  if (call.number(1) != 0) return false;
  call.fail({"22012", "division by zero", {}, {}});
  return true;
}
void divide(Call& call) {
  if (!divides_by_zero(call)) call.give(call.number(0) / call.number(1));
}
void quotient(Call& call) {
  if (divides_by_zero(call)) return;
  if (call.whole(0) == INT64_MIN && call.whole(1) == -1) return call.fail(out_of_range("bigint"));
  call.give(call.whole(0) / call.whole(1));
}
void modulo(Call& call) {
  if (divides_by_zero(call)) return;
  if (!call.is_whole(0) || !call.is_whole(1)) return call.give(std::fmod(call.number(0), call.number(1)));
  call.give(call.whole(1) == -1 ? int64_t{0} : call.whole(0) % call.whole(1));
}
void interval_times(Call& call) { call.give(rounded(call.number(0) * call.number(1))); }
void interval_by(Call& call) {
  if (!divides_by_zero(call)) call.give(rounded(call.number(0) / call.number(1)));
}

void ceil_of(Call& call) { call.is_whole(0) ? call.give_value(0) : call.give(std::ceil(call.number(0))); }
void floor_of(Call& call) { call.is_whole(0) ? call.give_value(0) : call.give(std::floor(call.number(0))); }
void trunc_of(Call& call) { call.is_whole(0) ? call.give_value(0) : call.give(std::trunc(call.number(0))); }
void round_of(Call& call) {
  if (call.is_whole(0)) return call.give_value(0);
  constexpr int64_t kDigitsOfDouble = 15;
  const int64_t places = call.count() > 1 ? std::clamp<int64_t>(call.whole(1), 0, kDigitsOfDouble) : 0;
  const double number = call.number(0);
  if (!std::isfinite(number) || std::abs(number) > 1e15) return call.give(number);
  const double scale = std::pow(10.0, static_cast<double>(places));
  call.give(std::round(number * scale) / scale);
}

void substr_of(Call& call) {
  if (call.count() > 2 && call.whole(2) < 0) {
    return call.fail({"22011", "negative substring length not allowed", {}, {}});
  }
  call.give(substring(call.text(0), call.whole(1), call.count() > 2 ? std::optional(call.whole(2)) : std::nullopt));
}
template <bool kIgnoreCase>
void like_of(Call& call) {
  SqlBudget& budget = call.run().budget;
  call.give(like(call.text(0), call.text(1), call.text(2), kIgnoreCase, [&budget] { return budget.go_on(); }));
}
void now_of(Call& call) { call.give(int64_t{call.run().now.time_since_epoch().count()}); }
void date_trunc(Call& call) { call.give(truncate_timestamp(call.text(0), call.whole(1))); }
void extract(Call& call) { call.give(timestamp_field(call.text(0), call.whole(1))); }
void extract_interval(Call& call) {
  if (!base::equal_ignoring_case(call.text(0), "epoch")) {
    return call.fail(base::feature_not_supported("the console extracts only epoch from an interval"));
  }
  call.give(static_cast<double>(call.whole(1)) / 1e6);
}
void size_text(Call& call) { call.give(size_pretty(call.whole(0))); }

// LIMIT and OFFSET; NULL is none.
void amount(Call& call) {
  if (call.is_null(0)) return call.give(int64_t{call.text(1) == "LIMIT" ? -1 : 0});
  if (call.whole(0) < 0) {
    const std::string_view code = call.text(1) == "LIMIT" ? "2201W" : "2201X";
    return call.fail({std::string(code), fmt::format("{} must not be negative", call.text(1)), {}, {}});
  }
  call.give(call.whole(0));
}

// GREATEST and LEAST pass over NULLs.
template <bool kGreatest>
void extreme(Call& call) {
  int best = -1;
  for (int i = 0; i < call.count(); ++i) {
    if (call.is_null(i)) continue;
    if (best >= 0) {
      const bool texts = call.is_text(i);
      const auto order = texts ? std::partial_ordering(call.text(i) <=> call.text(best))
                         : call.is_whole(i) && call.is_whole(best)
                             ? std::partial_ordering(call.whole(i) <=> call.whole(best))
                             : call.number(i) <=> call.number(best);
      if (kGreatest ? order <= 0 : order >= 0) continue;
    }
    best = i;
  }
  best < 0 ? call.give_null() : call.give_value(best);
}

enum class Nulls { kStrict, kSeen };
struct Function {
  const char* name;
  int arguments;  // -1: any number
  void (*body)(Call&);
  Nulls nulls = Nulls::kStrict;
};
constexpr Function kFunctions[] = {
    {"weir_int8", 1, to_int8},
    {"weir_int4", 1, to_int4},
    {"weir_float8", 1, to_float8},
    {"weir_bool", 1, to_bool},
    {"weir_timestamptz", 1, to_timestamptz},
    {"weir_interval", 1, to_interval},
    {"weir_bool_text", 1, bool_text},
    {"weir_float8_text", 1, float8_text},
    {"weir_timestamptz_text", 1, timestamptz_text},
    {"weir_interval_text", 1, interval_as_text},
    {"weir_add", 2, compute<Operation::kAdd>},
    {"weir_subtract", 2, compute<Operation::kSubtract>},
    {"weir_multiply", 2, compute<Operation::kMultiply>},
    {"weir_divide", 2, divide},
    {"weir_quotient", 2, quotient},
    {"weir_modulo", 2, modulo},
    {"weir_interval_times", 2, interval_times},
    {"weir_interval_by", 2, interval_by},
    {"weir_ceil", 1, ceil_of},
    {"weir_floor", 1, floor_of},
    {"weir_trunc", 1, trunc_of},
    {"weir_round", -1, round_of},
    {"weir_substr", -1, substr_of},
    {"weir_like", 3, like_of<false>},
    {"weir_ilike", 3, like_of<true>},
    {"weir_now", 0, now_of},
    {"weir_date_trunc", 2, date_trunc},
    {"weir_extract", 2, extract},
    {"weir_extract_interval", 2, extract_interval},
    {"weir_size_pretty", 1, size_text},
    {"weir_amount", 2, amount, Nulls::kSeen},
    {"weir_greatest", -1, extreme<true>, Nulls::kSeen},
    {"weir_least", -1, extreme<false>, Nulls::kSeen},
};

void run_function(sqlite3_context* context, int count, sqlite3_value** values, const Function& function) {
  Call call(context, count, values);
  for (int i = 0; i < count && function.nulls == Nulls::kStrict; ++i) {
    if (call.is_null(i)) return call.give_null();
  }
  function.body(call);
}

// SQLite knows functions by address, so each row of the table gets one of its own.
template <std::size_t kIndex>
void trampoline(sqlite3_context* context, int count, sqlite3_value** values) {
  run_function(context, count, values, kFunctions[kIndex]);
}

template <std::size_t... kIndexes>
bool add_all(sqlite3* database, SqlRun& run, std::index_sequence<kIndexes...>) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;  // now() is one moment for a whole statement
  return ((sqlite3_create_function_v2(database, kFunctions[kIndexes].name, kFunctions[kIndexes].arguments, kFlags, &run,
                                      trampoline<kIndexes>, nullptr, nullptr, nullptr) == SQLITE_OK) &&
          ...);
}

// ---- Percentiles ----

// The numbers of one group, in SQLite's memory.
struct Sample {
  double* numbers;
  int64_t count, room;
  double fraction;
  bool whole;  // all of them whole numbers
};

void sample_step(sqlite3_context* context, int count, sqlite3_value** values) {
  Call call(context, count, values);
  auto* sample = static_cast<Sample*>(sqlite3_aggregate_context(context, sizeof(Sample)));
  if (sample == nullptr) return sqlite3_result_error_nomem(context);
  if (call.is_null(0) || call.is_null(1)) return;
  if (sample->count == 0) sample->whole = true;
  sample->fraction = call.number(1);
  if (!(sample->fraction >= 0 && sample->fraction <= 1)) {
    return call.fail({"22003", fmt::format("percentile value {} is not between 0 and 1", sample->fraction), {}, {}});
  }
  if (sample->count == sample->room) {
    const int64_t room = sample->room == 0 ? 64 : sample->room * 2;
    void* grown = sqlite3_realloc64(sample->numbers, static_cast<sqlite3_uint64>(room) * sizeof(double));
    if (grown == nullptr) return sqlite3_result_error_nomem(context);
    sample->numbers = static_cast<double*>(grown);
    sample->room = room;
  }
  sample->whole = sample->whole && call.is_whole(0);
  sample->numbers[sample->count++] = call.number(0);
}

// PostgreSQL's: between the two nearest, or the first that has as many below it.
template <bool kContinuous>
void sample_final(sqlite3_context* context) {
  auto* sample = static_cast<Sample*>(sqlite3_aggregate_context(context, 0));
  if (sample == nullptr || sample->count == 0) {
    if (sample != nullptr) sqlite3_free(sample->numbers);
    return sqlite3_result_null(context);
  }
  std::sort(sample->numbers, sample->numbers + sample->count);
  const auto last = static_cast<double>(sample->count - 1);
  double result = 0;
  if (kContinuous) {
    const double place = sample->fraction * last;
    const double low = sample->numbers[static_cast<int64_t>(std::floor(place))];
    const double high = sample->numbers[static_cast<int64_t>(std::ceil(place))];
    result = low + (place - std::floor(place)) * (high - low);
  } else {
    const double place = std::ceil(sample->fraction * static_cast<double>(sample->count));
    result = sample->numbers[static_cast<int64_t>(std::max(place, 1.0)) - 1];
  }
  sqlite3_free(sample->numbers);
  if (!kContinuous && sample->whole) return sqlite3_result_int64(context, static_cast<sqlite3_int64>(result));
  sqlite3_result_double(context, result);
}

}  // namespace

bool add_sql_functions(sqlite3* database, SqlRun& run) {
  const bool percentiles =
      sqlite3_create_function_v2(database, "weir_percentile_cont", 2, SQLITE_UTF8, &run, nullptr, sample_step,
                                 sample_final<true>, nullptr) == SQLITE_OK &&
      sqlite3_create_function_v2(database, "weir_percentile_disc", 2, SQLITE_UTF8, &run, nullptr, sample_step,
                                 sample_final<false>, nullptr) == SQLITE_OK;
  return percentiles && add_all(database, run, std::make_index_sequence<std::size(kFunctions)>());
}

}  // namespace admin
