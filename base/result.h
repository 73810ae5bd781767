#pragma once
// Result<T>: a T or an Error, which nobody can forget to look at. Status: success or an Error.
//
//   base::Result<Bind> decode_bind(std::string_view body);
//   TRY(auto bind, decode_bind(body));   // on error, returns it to our caller
//   TRY_STATUS(check(bind));

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "base/error.h"

namespace base {

struct [[nodiscard]] Ok {};

class [[nodiscard]] Status {
 public:
  Status(Ok) {}                                        // NOLINT(google-explicit-constructor)
  Status(Error error) : error_(std::move(error)) {}    // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return *check(std::get_if<0>(&state_)); }
  const T& value() const& { return *check(std::get_if<0>(&state_)); }
  T&& value() && { return std::move(*check(std::get_if<0>(&state_))); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return *check(std::get_if<1>(&state_)); }
  Error&& error() && { return std::move(*check(std::get_if<1>(&state_))); }

 private:
  template <typename P>
  static P check(P pointer) {
    assert(pointer != nullptr);
    return pointer;
  }
  std::variant<T, Error> state_;
};

}  // namespace base

#define WEIR_CONCAT_(a, b) a##b
#define WEIR_CONCAT(a, b) WEIR_CONCAT_(a, b)
#define WEIR_TRY_(temporary, declaration, ...)                    \
  auto temporary = (__VA_ARGS__);                                 \
  if (!temporary.ok()) return std::move(temporary).error();       \
  declaration = std::move(temporary).value()
#define TRY(declaration, ...) WEIR_TRY_(WEIR_CONCAT(try_, __COUNTER__), declaration, __VA_ARGS__)
#define TRY_STATUS(...) \
  if (auto try_status = (__VA_ARGS__); !try_status.ok()) return std::move(try_status).error()
