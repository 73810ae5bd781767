#include "wire/hostname.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wire {
namespace {

using testing::HasSubstr;

TEST(Hostname, a_name_matches_itself_in_any_case) {
  EXPECT_TRUE(name_matches("db.example.com", "DB.Example.COM"));
  EXPECT_FALSE(name_matches("db.example.com", "db.example.com.evil.org"));
  EXPECT_FALSE(name_matches("db.example.com", "xdb.example.com"));
  EXPECT_FALSE(name_matches("", ""));
}

TEST(Hostname, a_wildcard_stands_for_exactly_one_label_on_the_left) {
  EXPECT_TRUE(name_matches("*.example.com", "db.example.com"));
  EXPECT_FALSE(name_matches("*.example.com", "example.com"));
  EXPECT_FALSE(name_matches("*.example.com", "a.b.example.com"));
  EXPECT_FALSE(name_matches("*.example.com", ".example.com"));
  EXPECT_FALSE(name_matches("d*.example.com", "db.example.com"));
  EXPECT_FALSE(name_matches("db.*.com", "db.example.com"));
  EXPECT_FALSE(name_matches("*", "localhost"));
  EXPECT_FALSE(name_matches("*.", "a."));
}

TEST(Hostname, the_common_name_counts_only_without_dns_names) {
  EXPECT_TRUE(verify_host({{}, {}, "db"}, "db").ok());
  EXPECT_TRUE(verify_host({{"other"}, {}, "db"}, "other").ok());
  EXPECT_FALSE(verify_host({{"other"}, {}, "db"}, "db").ok());
}

TEST(Hostname, an_address_goes_by_the_addresses_of_the_certificate) {
  const std::string loopback("\x7f\0\0\x01", 4);
  EXPECT_TRUE(verify_host({{}, {loopback}, {}}, "127.0.0.1").ok());
  EXPECT_FALSE(verify_host({{}, {loopback}, {}}, "127.0.0.2").ok());
  EXPECT_FALSE(verify_host({{}, {loopback}, "127.0.0.2"}, "127.0.0.2").ok());
  EXPECT_TRUE(verify_host({{"db"}, {}, "127.0.0.2"}, "127.0.0.2").ok());
  EXPECT_TRUE(verify_host({{}, {std::string(15, '\0') + '\x01'}, {}}, "::1").ok());
}

TEST(Hostname, no_wildcard_stands_for_a_part_of_an_address) {
  EXPECT_FALSE(verify_host({{"*.0.0.1"}, {}, {}}, "127.0.0.1").ok());
  EXPECT_FALSE(verify_host({{}, {}, "*.0.0.1"}, "127.0.0.1").ok());
}

TEST(Hostname, a_name_with_a_nul_spoils_the_certificate) {
  const auto status = verify_host({{std::string("db\0.evil.org", 12), "db"}, {}, {}}, "db");
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("embedded null"));
}

TEST(Hostname, the_error_says_who_it_is_in_libpqs_words) {
  const auto status = verify_host({{"a", "b", "c"}, {}, {}}, "db");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message,
            "server certificate for \"a\" (and 2 other names) does not match host name \"db\"");
  EXPECT_EQ(verify_host({{}, {}, "x"}, "db").error().message,
            "server certificate for \"x\" does not match host name \"db\"");
}

}  // namespace
}  // namespace wire
