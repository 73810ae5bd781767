#include "wire/md5.h"

#include <gtest/gtest.h>

#include <string>

namespace wire {
namespace {

using namespace std::string_literals;

// What PostgreSQL 15 stores for CREATE ROLE bob PASSWORD 'secret' with password_encryption = md5.
constexpr std::string_view kHash = "md521f3163f8f86fa10bdefbfbd502a8f06";

TEST(Md5, AHashIsMadeOfPasswordThenUser) {
  EXPECT_EQ(*md5_hash("", ""), "md5d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(*md5_hash("a", "bc"), "md5900150983cd24fb0d6963f7d28e17f72");  // md5("abc"), RFC 1321
  EXPECT_EQ(*md5_hash("secret", "bob"), kHash);
}

TEST(Md5, AResponseHashesTheDigitsAndTheSalt) {
  const std::string salt = "\x01\x02\x00\xff"s;
  const std::string digits(kHash.substr(3));
  EXPECT_EQ(*md5_response(kHash, salt), *md5_hash(digits, salt));
}

TEST(Md5, OnlyTheRightResponseMatches) {
  const std::string response = *md5_response(kHash, "salt");
  EXPECT_TRUE(*md5_response_matches(response, kHash, "salt"));
  EXPECT_FALSE(*md5_response_matches(response, kHash, "salu"));
  EXPECT_FALSE(*md5_response_matches(response.substr(0, 34), kHash, "salt"));
  EXPECT_FALSE(*md5_response_matches(response + "0", kHash, "salt"));
  EXPECT_FALSE(*md5_response_matches("", kHash, "salt"));
  for (std::size_t i = 0; i < response.size(); ++i) {
    std::string wrong = response;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    EXPECT_FALSE(*md5_response_matches(wrong, kHash, "salt"));
  }
}

}  // namespace
}  // namespace wire
