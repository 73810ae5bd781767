#include "wire/startup.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/backend.h"
#include "wire/build.h"

namespace wire {
namespace {

using namespace std::string_literals;

std::string packet(const std::string& body) {
  std::string out;
  Writer writer(out);
  writer.begin_untyped();
  writer.bytes(body);
  EXPECT_TRUE(writer.end().ok());
  return out;
}

std::string startup_packet(uint16_t major, uint16_t minor, const std::string& parameters) {
  std::string body{static_cast<char>(major >> 8), static_cast<char>(major), static_cast<char>(minor >> 8),
                   static_cast<char>(minor)};
  return packet(body + parameters);
}

std::string error_of(const std::string& bytes, AskedBefore asked = {}) {
  auto parsed = parse_startup(bytes, asked);
  return parsed.ok() ? "no error" : parsed.error().sqlstate + " " + parsed.error().message;
}

StartupMessage startup_of(const std::string& bytes) {
  auto parsed = parse_startup(bytes);
  EXPECT_TRUE(parsed.ok());
  return std::get<StartupMessage>(parsed->packet);
}

TEST(Startup, ParametersAreKeptInOrder) {
  const std::string bytes =
      startup_packet(3, 0, "user\0bob\0database\0db\0application_name\0\0user\0eve\0\0"s);
  auto parsed = parse_startup(bytes + "more");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->consumed, bytes.size());
  const auto& startup = std::get<StartupMessage>(parsed->packet);
  EXPECT_EQ(startup.version, kProtocol30);
  ASSERT_EQ(startup.parameters.size(), 4u);
  EXPECT_EQ(startup.parameters[1].first, "database");
  EXPECT_EQ(startup.find("application_name"), "");
  EXPECT_EQ(startup.find("user"), "eve");
  EXPECT_FALSE(startup.find("options"));
}

TEST(Startup, NothingIsTakenBeforeAllBytesAreThere) {
  for (const std::string& bytes : {startup_packet(3, 0, "user\0bob\0\0"s), packet("\x04\xd2\x16\x2f"s),
                                   packet("\x04\xd2\x16\x2e\0\0\0\1abcd"s)}) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      auto parsed = parse_startup(std::string_view(bytes).substr(0, size));
      ASSERT_TRUE(parsed.ok());
      EXPECT_TRUE(std::holds_alternative<NeedMore>(parsed->packet));
      EXPECT_EQ(parsed->consumed, 0u);
    }
    EXPECT_EQ(parse_startup(bytes)->consumed, bytes.size());
  }
}

TEST(Startup, ALengthIsRefusedAsSoonAsItIsThere) {
  for (const std::string& length :
       {"\0\0\0\0"s, "\0\0\0\4"s, "\0\0\0\7"s, "\0\0\x27\x15"s, "\x7f\xff\xff\xff"s, "\x80\0\0\0"s,
        "\xff\xff\xff\xff"s, "\xff\xff\xff\xfe"s, "\x40\0\0\0"s}) {
    EXPECT_EQ(error_of(length), "08P01 invalid length of startup packet");
  }
  EXPECT_EQ(error_of("\0\0\x27\x14"s), "no error");  // 10,000 bytes and the length itself
}

TEST(Startup, RequestsForEncryptionAreKnown) {
  EXPECT_TRUE(std::holds_alternative<SslRequest>(parse_startup("\0\0\0\x8\x04\xd2\x16\x2f"s)->packet));
  EXPECT_TRUE(std::holds_alternative<GssencRequest>(parse_startup("\0\0\0\x8\x04\xd2\x16\x30"s)->packet));
  EXPECT_EQ(error_of("\0\0\0\x9\x04\xd2\x16\x2fx"s), "08P01 invalid length of startup packet");
}

TEST(Startup, EachEncryptionIsAskedForOnce) {
  const std::string ssl = "\0\0\0\x8\x04\xd2\x16\x2f"s, gss = "\0\0\0\x8\x04\xd2\x16\x30"s;
  EXPECT_EQ(error_of(ssl, {.ssl = true}),
            "0A000 unsupported frontend protocol 1234.5679: server supports 3.0 to 3.2");
  EXPECT_EQ(error_of(gss, {.gssenc = true}),
            "0A000 unsupported frontend protocol 1234.5680: server supports 3.0 to 3.2");
  EXPECT_EQ(error_of(gss, {.ssl = true}), "no error");
  EXPECT_EQ(error_of(ssl, {.gssenc = true}), "no error");
}

TEST(Startup, CancelKeysOfBothProtocolsAreRead) {
  for (std::size_t size : {4u, 32u, 256u}) {
    const std::string secret(size, '\x7f');
    auto parsed = parse_startup(packet("\x04\xd2\x16\x2e\x12\x34\x56\x78"s + secret));
    ASSERT_TRUE(parsed.ok());
    const auto& cancel = std::get<CancelRequest>(parsed->packet);
    EXPECT_EQ(cancel.key.pid(), 0x12345678u);
    EXPECT_EQ(cancel.key.secret(), secret);
  }
  for (std::size_t size : {0u, 3u, 257u, 1000u}) {
    EXPECT_EQ(error_of(packet("\x04\xd2\x16\x2e\0\0\0\1"s + std::string(size, 'x'))),
              "08P01 invalid length of cancel request packet");
  }
  EXPECT_EQ(error_of(packet("\x04\xd2\x16\x2e\0\0"s)), "08P01 invalid length of cancel request packet");
}

TEST(Startup, OtherProtocolsAreRefusedInPostgresWords) {
  EXPECT_EQ(error_of(startup_packet(2, 0, "\0"s)),
            "0A000 unsupported frontend protocol 2.0: server supports 3.0 to 3.2");
  EXPECT_EQ(error_of(startup_packet(4, 1, "\0"s)),
            "0A000 unsupported frontend protocol 4.1: server supports 3.0 to 3.2");
}

TEST(Startup, ABrokenLayoutIsRefused) {
  for (const std::string& body :
       {""s, "user"s, "user\0"s, "user\0bob"s, "user\0bob\0"s, "user\0bob\0\0x"s, "\0\0"s}) {
    EXPECT_EQ(error_of(startup_packet(3, 0, body)),
              "08P01 invalid startup packet layout: expected terminator as last byte");
  }
  EXPECT_EQ(error_of(startup_packet(3, 0, "\0"s)), "no error");
}

TEST(Startup, TwoThousandParametersAreNoTrouble) {
  std::string body;
  for (int i = 0; i < 2000; ++i) body += "a\0b\0"s;
  EXPECT_EQ(startup_of(startup_packet(3, 0, body + '\0')).parameters.size(), 2000u);
}

TEST(Startup, AUserIsRequired) {
  auto missing = startup_user(startup_of(startup_packet(3, 0, "database\0x\0\0"s)));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().sqlstate, "28000");
  EXPECT_EQ(missing.error().message, "no PostgreSQL user name specified in startup packet");
  EXPECT_FALSE(startup_user(startup_of(startup_packet(3, 0, "user\0\0\0"s))).ok());
  EXPECT_EQ(*startup_user(startup_of(startup_packet(3, 0, "user\0bob\0\0"s))), "bob");
}

TEST(Startup, ANewerMinorVersionIsNegotiatedDown) {
  for (uint16_t minor = 0; minor < 100; ++minor) {
    const Negotiated negotiated = negotiate(startup_of(startup_packet(3, minor, "user\0bob\0\0"s)));
    EXPECT_EQ(negotiated.version, minor >= 2 ? kProtocol32 : kProtocol30);
    EXPECT_EQ(negotiated.reply, minor > 2 ? "v\0\0\0\x0c\0\3\0\2\0\0\0\0"s : "");
  }
}

TEST(Startup, UnknownProtocolOptionsAreNamedInTheReply) {
  const Negotiated negotiated =
      negotiate(startup_of(startup_packet(3, 0, "_pq_.one\0a\0user\0bob\0_pq_.two\0b\0\0"s)));
  EXPECT_EQ(negotiated.version, kProtocol30);
  EXPECT_EQ(negotiated.reply, "v\0\0\0\x1e\0\3\0\0\0\0\0\2_pq_.one\0_pq_.two\0"s);
}

TEST(Startup, ReplicationIsABooleanOrTheWordDatabase) {
  for (const char* value : {"true", "T", "tr", "on", "YES", "y", "1"}) {
    EXPECT_EQ(*parse_replication(value), Replication::kPhysical) << value;
  }
  for (const char* value : {"false", "f", "off", "of", "NO", "n", "0"}) {
    EXPECT_EQ(*parse_replication(value), Replication::kNone) << value;
  }
  EXPECT_EQ(*parse_replication("database"), Replication::kLogical);
  for (const char* value : {"", "o", "Database", "2", "truee", "10", "yess"}) {
    auto parsed = parse_replication(value);
    ASSERT_FALSE(parsed.ok()) << value;
    EXPECT_EQ(parsed.error().sqlstate, "22023");
    EXPECT_EQ(parsed.error().message,
              "invalid value for parameter \"replication\": \"" + std::string(value) + "\"");
  }
}

}  // namespace
}  // namespace wire
