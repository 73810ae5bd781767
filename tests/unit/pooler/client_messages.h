#pragma once
// Messages of a client.

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "wire/build.h"

namespace pooler {

inline std::string parse(std::string_view name, std::string_view sql = "SELECT 1") {
  std::string out;
  EXPECT_TRUE(wire::append_parse(out, name, sql, {}).ok());
  return out;
}
// `rest`: formats, values and formats of the result.
inline std::string bind_to(std::string_view statement, std::string_view rest = std::string_view("\0\0\0\0\0\0", 6),
                           std::string_view portal = {}) {
  std::string out;
  EXPECT_TRUE(wire::append_bind_header(out, portal, statement, rest.size()).ok());
  return out.append(rest);
}
inline std::string describe(std::string_view statement) {
  std::string out;
  wire::append_describe_statement(out, statement);
  return out;
}
inline std::string describe_portal(std::string_view name = {}) {
  std::string out;
  wire::append_describe_portal(out, name);
  return out;
}
inline std::string close_statement(std::string_view name) {
  std::string out;
  wire::append_close_statement(out, name);
  return out;
}
inline std::string execute() {
  std::string out;
  wire::append_execute(out, "");
  return out;
}
inline std::string sync() {
  std::string out;
  wire::append_sync(out);
  return out;
}
inline std::string query(std::string_view sql) {
  std::string out;
  EXPECT_TRUE(wire::append_query(out, sql).ok());
  return out;
}

}  // namespace pooler
