#include "wire/proxy_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;
using wire::parse_proxy_v2;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string u16(std::size_t value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

std::string header(int command, int family, const std::string& body) {
  return kSignature + static_cast<char>(command) + static_cast<char>(family) + u16(body.size()) + body;
}

std::string tlv(int type, const std::string& value) {
  return static_cast<char>(type) + u16(value.size()) + value;
}

const std::string kV4 = "\x0a\x01\x02\x03"s + "\xc0\xa8\x00\x01"s + u16(50123) + u16(6432);
const std::string kV6 = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05"s + "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"s + u16(50123) + u16(6432);

std::string error_of(const std::string& bytes) {
  const auto parsed = parse_proxy_v2(bytes);
  if (parsed.ok()) return parsed->consumed == 0 ? "need more" : "fine";
  EXPECT_EQ(parsed.error().sqlstate, "08P01");
  return parsed.error().message;
}

TEST(ProxyProtocol, NamesTheClientBehindAnIpv4Balancer) {
  const std::string bytes = header(0x21, 0x11, kV4);
  const auto parsed = parse_proxy_v2(bytes + "what follows");
  ASSERT_TRUE(parsed.ok()) << to_text(parsed.error());
  EXPECT_FALSE(parsed->local);
  EXPECT_EQ(parsed->source_address, "10.1.2.3");
  EXPECT_EQ(parsed->source_port, 50123);
  EXPECT_EQ(parsed->destination_address, "192.168.0.1");
  EXPECT_EQ(parsed->destination_port, 6432);
  EXPECT_EQ(parsed->consumed, bytes.size());
}

TEST(ProxyProtocol, NamesTheClientBehindAnIpv6Balancer) {
  const auto parsed = parse_proxy_v2(header(0x21, 0x21, kV6));
  ASSERT_TRUE(parsed.ok()) << to_text(parsed.error());
  EXPECT_EQ(parsed->source_address, "2001:db8::5");
  EXPECT_EQ(parsed->destination_address, "::1");
}

TEST(ProxyProtocol, TakesAMappedIpv4AddressForWhatItIs) {
  const std::string mapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x01\x02\x03"s;
  const auto parsed = parse_proxy_v2(header(0x21, 0x21, mapped + mapped + u16(1) + u16(2)));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->source_address, "10.1.2.3");
}

TEST(ProxyProtocol, WaitsAtEveryByteBeforeTheLastAndNeverAsksForOneTooMany) {
  for (const std::string& bytes :
       {header(0x21, 0x11, kV4), header(0x21, 0x21, kV6 + tlv(0x02, "db.example")), header(0x20, 0, "")}) {
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      const auto parsed = parse_proxy_v2(bytes.substr(0, cut));
      ASSERT_TRUE(parsed.ok()) << cut << ": " << to_text(parsed.error());
      EXPECT_EQ(parsed->consumed, 0u) << cut;
      EXPECT_GT(parsed->needed, cut);
      EXPECT_LE(parsed->needed, bytes.size());
    }
    EXPECT_EQ(error_of(bytes), "fine");
  }
}

TEST(ProxyProtocol, ReadsNothingBehindTheHeader) {
  const std::string bytes = header(0x21, 0x11, kV4);
  for (const char* behind : {"\x16\x03\x01", "PROXY ", "\r\n\r\n"}) {
    const auto parsed = parse_proxy_v2(bytes + behind);
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(parsed->consumed, bytes.size());
  }
}

TEST(ProxyProtocol, KeepsTheRealAddressForTheBalancersOwnConnections) {
  // LOCAL: family and body are ignored, whatever they say.
  for (const std::string& bytes : {header(0x20, 0x00, ""), header(0x20, 0x11, kV4), header(0x20, 0x77, "junk")}) {
    const auto parsed = parse_proxy_v2(bytes);
    ASSERT_TRUE(parsed.ok()) << to_text(parsed.error());
    EXPECT_TRUE(parsed->local);
    EXPECT_EQ(parsed->source_address, "");
    EXPECT_EQ(parsed->consumed, bytes.size());
  }
}

TEST(ProxyProtocol, KeepsTheRealAddressWhereTheHeaderNamesNone) {
  for (const std::string& bytes : {header(0x21, 0x00, ""), header(0x21, 0x00, "any bytes"),
                                   header(0x21, 0x31, std::string(216, 'x'))}) {
    const auto parsed = parse_proxy_v2(bytes);
    ASSERT_TRUE(parsed.ok()) << to_text(parsed.error());
    EXPECT_TRUE(parsed->local);
    EXPECT_EQ(parsed->consumed, bytes.size());
  }
}

TEST(ProxyProtocol, RefusesVersion1AndSaysSo) {
  const auto parsed = parse_proxy_v2("PROXY TCP4 10.1.2.3 192.168.0.1 50123 6432\r\n");
  ASSERT_FALSE(parsed.ok());
  EXPECT_THAT(parsed.error().message, HasSubstr("version 1"));
  EXPECT_THAT(parsed.error().hint, HasSubstr("version 2"));
  EXPECT_THAT(error_of("PROXY "), HasSubstr("version 1"));
}

TEST(ProxyProtocol, RefusesWhatIsNoHeaderAtItsFirstWrongByte) {
  EXPECT_THAT(error_of("\0\0\0\x08"s), HasSubstr("something else"));
  EXPECT_THAT(error_of("\x16"), HasSubstr("something else"));
  EXPECT_THAT(error_of("PRO8"), HasSubstr("something else"));
  for (std::size_t i = 0; i < kSignature.size(); ++i) {
    std::string bytes = kSignature.substr(0, i + 1);
    bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
    EXPECT_THAT(error_of(bytes), HasSubstr("something else")) << i;
  }
}

TEST(ProxyProtocol, RefusesVersionsCommandsAndFamiliesThatDoNotExist) {
  EXPECT_THAT(error_of(header(0x11, 0x11, kV4)), HasSubstr("version"));
  EXPECT_THAT(error_of(header(0x31, 0x11, kV4)), HasSubstr("version"));
  EXPECT_THAT(error_of(header(0x22, 0x11, kV4)), HasSubstr("command"));
  EXPECT_THAT(error_of(header(0x21, 0x13, kV4)), HasSubstr("family"));
  EXPECT_THAT(error_of(header(0x21, 0x41, kV4)), HasSubstr("family"));
  EXPECT_THAT(error_of(header(0x21, 0x12, kV4)), HasSubstr("datagram"));
  EXPECT_THAT(error_of(header(0x21, 0x22, kV6)), HasSubstr("datagram"));
}

TEST(ProxyProtocol, RefusesAddressesThatAreCutShort) {
  for (std::size_t size = 0; size < kV4.size(); ++size) {
    EXPECT_THAT(error_of(header(0x21, 0x11, kV4.substr(0, size))), HasSubstr("too short")) << size;
  }
  for (std::size_t size = 0; size < kV6.size(); ++size) {
    EXPECT_THAT(error_of(header(0x21, 0x21, kV6.substr(0, size))), HasSubstr("too short")) << size;
  }
  EXPECT_THAT(error_of(header(0x21, 0x31, std::string(215, 'x'))), HasSubstr("too short"));
}

TEST(ProxyProtocol, JudgesTheLengthBeforeTheBytesCome) {
  const std::string start = kSignature + "\x21\x11";
  EXPECT_EQ(error_of(start + u16(wire::kMaxProxyHeader - 16)), "need more");
  EXPECT_THAT(error_of(start + u16(wire::kMaxProxyHeader - 15)), HasSubstr("too long"));
  EXPECT_THAT(error_of(start + u16(0xffff)), HasSubstr("too long"));
  const std::string longest = header(0x21, 0x11, kV4 + tlv(0x04, std::string(wire::kMaxProxyHeader - 16 - 12 - 3, 'n')));
  EXPECT_EQ(longest.size(), wire::kMaxProxyHeader);
  EXPECT_EQ(error_of(longest), "fine");
}

TEST(ProxyProtocol, SkipsExtensionsAndRefusesOnesThatLeaveTheHeader) {
  EXPECT_EQ(error_of(header(0x21, 0x11, kV4 + tlv(0x01, "postgresql") + tlv(0xea, "vpce-1") + tlv(0x04, ""))), "fine");
  EXPECT_THAT(error_of(header(0x21, 0x11, kV4 + "\x04")), HasSubstr("extension"));
  EXPECT_THAT(error_of(header(0x21, 0x11, kV4 + "\x04\0"s)), HasSubstr("extension"));
  EXPECT_THAT(error_of(header(0x21, 0x11, kV4 + "\x04"s + u16(2) + "x")), HasSubstr("extension"));
}

// A plain CRC-32C, apart from the one under test; its check value is the one in RFC 3720 and everywhere else.
uint32_t reference_crc32c(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
  }
  return ~crc;
}

TEST(ProxyProtocol, ChecksAChecksumWhereThereIsOne) {
  ASSERT_EQ(reference_crc32c("123456789"), 0xe3069283u);
  std::string bytes = header(0x21, 0x11, kV4 + tlv(0x03, "\0\0\0\0"s) + tlv(0x02, "after"));
  const uint32_t crc = reference_crc32c(bytes);
  const std::size_t hole = 16 + kV4.size() + 3;
  for (std::size_t i = 0; i < 4; ++i) bytes[hole + i] = static_cast<char>(crc >> (24 - 8 * i) & 0xff);
  EXPECT_EQ(error_of(bytes), "fine");
  std::string wrong = bytes;
  wrong[16] = static_cast<char>(wrong[16] ^ 1);  // another client address
  EXPECT_THAT(error_of(wrong), HasSubstr("checksum"));
  EXPECT_THAT(error_of(header(0x21, 0x11, kV4 + tlv(0x03, "abc"))), HasSubstr("checksum"));
}

}  // namespace
