#include "base/json.h"

#include <gtest/gtest.h>

#include <string>

namespace base {
namespace {

TEST(Json, TextIsQuotedAsJsonWantsIt) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string("app"), R"("app")");
  EXPECT_EQ(json_string("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(json_string(std::string("a\n\t\0b\x7f", 6)), R"("a\u000a\u0009\u0000b\u007f")");
  EXPECT_EQ(json_string("größe 😀"), "\"größe 😀\"");
  EXPECT_EQ(json_string("a\xff\xc3"), R"("a\ufffd\ufffd")");
}

}  // namespace
}  // namespace base
