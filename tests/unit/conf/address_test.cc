#include "conf/address.h"

#include <gtest/gtest.h>

namespace conf {
namespace {

TEST(IpAddress, TextReadsBackAsTheSame) {
  for (const char* text :
       {"127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "::", "fd00::1:2", "2001:db8::ff"}) {
    const auto address = parse_ip(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_text(*address), text);
  }
}

TEST(IpAddress, MappedAddressIsTheIpv4OneItStandsFor) {
  EXPECT_EQ(parse_ip("::ffff:10.1.2.3"), parse_ip("10.1.2.3"));
}

TEST(IpAddress, WhatIsNoAddressIsRefused) {
  for (const char* text : {"", "localhost", "10.0.0", "10.0.0.256", "1.2.3.4.5", "::g", "10.0.0.1/8",
                           " 10.0.0.1", "010.0.0.1x"}) {
    EXPECT_FALSE(parse_ip(text)) << text;
  }
  EXPECT_FALSE(parse_ip(std::string_view("10.0.0.1\0", 9)));
  EXPECT_FALSE(parse_ip(std::string(10'000, '1')));
}

TEST(IpAddress, LoopbackIsKnownInBothFamilies) {
  EXPECT_TRUE(parse_ip("127.0.0.1")->loopback());
  EXPECT_TRUE(parse_ip("127.9.9.9")->loopback());
  EXPECT_TRUE(parse_ip("::1")->loopback());
  EXPECT_TRUE(parse_ip("::ffff:127.0.0.1")->loopback());
  EXPECT_FALSE(parse_ip("::")->loopback());
  EXPECT_FALSE(parse_ip("10.0.0.1")->loopback());
  EXPECT_FALSE(parse_ip("::2")->loopback());
}

struct Case {
  const char* network;
  const char* address;
  bool inside;
};

TEST(Cidr, ContainsWhatItsPrefixSays) {
  const Case cases[] = {
      {"10.0.0.0/8", "10.255.1.2", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.1.2.3", "10.1.2.3", true},
      {"10.1.2.3", "10.1.2.2", false},
      {"0.0.0.0/0", "1.2.3.4", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "::1", true},
      {"::/0", "1.2.3.4", false},
      {"10.0.0.0/31", "10.0.0.1", true},
      {"10.0.0.0/31", "10.0.0.2", false},
      {"172.16.0.0/12", "172.31.9.9", true},
      {"172.16.0.0/12", "172.32.0.0", false},
      {"fd00::/8", "fdff::1", true},
      {"fd00::/8", "fc00::1", false},
      {"2001:db8::/33", "2001:db8:7fff::", true},
      {"2001:db8::/33", "2001:db8:8000::", false},
      {"::ffff:10.0.0.0/104", "10.9.9.9", true},
  };
  for (const Case& c : cases) {
    const auto network = parse_cidr(c.network);
    ASSERT_TRUE(network) << c.network;
    EXPECT_EQ(network->contains(*parse_ip(c.address)), c.inside) << c.network << " " << c.address;
  }
}

TEST(Cidr, PrefixOutsideTheFamilyIsRefused) {
  for (const char* text :
       {"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "::/129", "10.0.0.0/8x", "/8", "::ffff:10.0.0.0/95"}) {
    EXPECT_FALSE(parse_cidr(text)) << text;
  }
}

TEST(Cidr, MaskMustBeWithoutHoles) {
  EXPECT_EQ(to_text(*cidr_of_mask(*parse_ip("10.0.0.0"), *parse_ip("255.255.0.0"))), "10.0.0.0/16");
  EXPECT_EQ(to_text(*cidr_of_mask(*parse_ip("10.0.0.0"), *parse_ip("0.0.0.0"))), "10.0.0.0/0");
  EXPECT_EQ(to_text(*cidr_of_mask(*parse_ip("fd00::"), *parse_ip("ffff:fff0::"))), "fd00::/28");
  EXPECT_FALSE(cidr_of_mask(*parse_ip("10.0.0.0"), *parse_ip("255.0.255.0")));
  EXPECT_FALSE(cidr_of_mask(*parse_ip("10.0.0.0"), *parse_ip("0.0.0.255")));
  EXPECT_FALSE(cidr_of_mask(*parse_ip("10.0.0.0"), *parse_ip("ffff::")));
}

}  // namespace
}  // namespace conf
