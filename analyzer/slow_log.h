#pragma once
// A slow statement, and how it reads in a log. Pure.
//
// As text it reads as PostgreSQL would have written it with log_line_prefix = '%m [%p]: user=%u,db=%d,app=%a,client=%h ',
// where %p is the process of the server that ran it; so pgBadger and its kin read it as it stands. As JSON it is one
// object a line, with the same keys in each.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace analyzer {

struct SlowStatement {
  // Of a value, what is shown; PostgreSQL's log_parameter_max_length is there for the same reason.
  static constexpr std::size_t kValueShown = 1024;

  base::WallTime ended{};
  std::string database, user, application, client;  // client: its address, or [local]
  int server_pid = 0;
  uint64_t fingerprint = 0;
  std::string query;        // normalized
  bool prepared = false;    // by Parse, Bind and Execute
  std::string name{};       // of the prepared statement; empty for the unnamed one
  bool has_values = false;  // they may be shown:
  struct Value {
    int number = 0;  // n of $n
    enum class What : uint8_t { kShown, kNull, kHidden } what = What::kShown;
    std::string text{};
    bool operator==(const Value&) const = default;
  };
  std::vector<Value> values{};
  std::string traceparent{};
  base::Duration queue{}, server{};  // what it waited for a server, and what that took
  uint64_t rows = 0, bytes_in = 0, bytes_out = 0;
  std::string sqlstate{};  // of the error that it ended in

  base::Duration total() const { return queue + server; }
};
using SlowStatementPtr = std::shared_ptr<const SlowStatement>;

// "$1 = '77', $2 = NULL", as PostgreSQL's DETAIL has it; what is hidden is '?'.
std::string values_text(const SlowStatement& statement);

// For a file: whole lines, the last one ended.
std::string slow_text(const SlowStatement& statement);
std::string slow_json(const SlowStatement& statement);
// For the common log: one piece of text that shows no values.
std::string slow_summary(const SlowStatement& statement);

// That so many statements are missing in the file, for this reason.
std::string missing_text(base::WallTime at, uint64_t statements, std::string_view why);
std::string missing_json(base::WallTime at, uint64_t statements, std::string_view why);

}  // namespace analyzer
