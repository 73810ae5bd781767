#include "wire/build.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "wire/backend.h"
#include "wire/frontend.h"

namespace wire {
namespace {

using namespace std::string_literals;

template <typename F, typename... A>
std::string built(F build, const A&... arguments) {
  std::string out;
  build(out, arguments...);
  return out;
}

TEST(Build, FixedMessagesAreTheBytesOfTheManual) {
  EXPECT_EQ(built(append_ready_for_query, TxStatus::kInTransaction), "Z\0\0\0\5T"s);
  EXPECT_EQ(built(append_authentication_ok), "R\0\0\0\x8\0\0\0\0"s);
  EXPECT_EQ(built(append_authentication_cleartext), "R\0\0\0\x8\0\0\0\3"s);
  EXPECT_EQ(built(append_authentication_md5, "salt"), "R\0\0\0\xc\0\0\0\5salt"s);
  EXPECT_EQ(built(append_authentication_sasl_continue, "r=x"), "R\0\0\0\xb\0\0\0\xbr=x"s);
  EXPECT_EQ(built(append_authentication_sasl_final, "v=x"), "R\0\0\0\xb\0\0\0\xcv=x"s);
  EXPECT_EQ(built(append_parse_complete), "1\0\0\0\4"s);
  EXPECT_EQ(built(append_bind_complete), "2\0\0\0\4"s);
  EXPECT_EQ(built(append_close_complete), "3\0\0\0\4"s);
  EXPECT_EQ(built(append_no_data), "n\0\0\0\4"s);
  EXPECT_EQ(built(append_portal_suspended), "s\0\0\0\4"s);
  EXPECT_EQ(built(append_empty_query_response), "I\0\0\0\4"s);
  EXPECT_EQ(built(append_sync), "S\0\0\0\4"s);
  EXPECT_EQ(built(append_flush), "H\0\0\0\4"s);
  EXPECT_EQ(built(append_terminate), "X\0\0\0\4"s);
  EXPECT_EQ(built(append_ssl_request), "\0\0\0\x8\x04\xd2\x16\x2f"s);
  EXPECT_EQ(built(append_close_statement, "s1"), "C\0\0\0\x8Ss1\0"s);
  EXPECT_EQ(built(append_close_portal, ""), "C\0\0\0\6P\0"s);
  EXPECT_EQ(built(append_describe_statement, "s1"), "D\0\0\0\x8Ss1\0"s);
  EXPECT_EQ(built(append_describe_portal, ""), "D\0\0\0\6P\0"s);
  EXPECT_EQ(built(append_execute, "", 7), "E\0\0\0\x9\0\0\0\0\7"s);
  EXPECT_EQ(built(append_copy_fail, "no"), "f\0\0\0\7no\0"s);
  EXPECT_EQ(built(append_command_complete, "SHOW"), "C\0\0\0\x9SHOW\0"s);
  EXPECT_EQ(built(append_parameter_status, "a", "b"),
            "S\0\0\0\x8"
            "a\0b\0"s);
  EXPECT_EQ(built(append_backend_key_data, CancelKey(258, "key!")), "K\0\0\0\xc\0\0\1\2key!"s);
  EXPECT_EQ(built(append_cancel_request, CancelKey(258, "key!")), "\0\0\0\x10\x04\xd2\x16\x2e\0\0\1\2key!"s);
}

TEST(Build, MechanismsAreAListThatEndsWithAnEmptyOne) {
  const std::array<std::string_view, 2> mechanisms{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"};
  const std::string bytes = built(append_authentication_sasl, mechanisms);
  EXPECT_EQ(bytes.substr(5), "\0\0\0\xaSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s);
}

TEST(Build, RowsDecodeAsTheyWereBuilt) {
  const std::array<Column, 2> columns{Column{"id", Oid(23), 4}, Column{"name", Oid(25), -1}};
  const std::string description = built(append_row_description, columns, std::array{Format::kBinary});
  auto decoded = decode<RowDescription>(std::string_view(description).substr(kHeaderSize));
  ASSERT_TRUE(decoded.ok());
  ASSERT_EQ(decoded->columns.size(), 2u);
  EXPECT_EQ(decoded->columns[0].name, "id");
  EXPECT_EQ(decoded->columns[0].type_length, 4);
  EXPECT_EQ(decoded->columns[1].type, Oid(25));
  EXPECT_EQ(decoded->columns[1].format, Format::kBinary);
  EXPECT_EQ(decoded->columns[1].type_modifier, -1);

  std::string row;
  ASSERT_TRUE(
      append_data_row(row, std::array<std::optional<std::string_view>, 3>{"1", std::nullopt, ""}).ok());
  EXPECT_EQ(row,
            "D\0\0\0\x13\0\3\0\0\0\1"
            "1\xff\xff\xff\xff\0\0\0\0"s);
}

TEST(Build, FormatsMayBeOnePerColumn) {
  const std::array<Column, 2> columns{Column{"a", Oid(25), -1}, Column{"b", Oid(25), -1}};
  const std::string bytes =
      built(append_row_description, columns, std::array{Format::kText, Format::kBinary});
  auto decoded = decode<RowDescription>(std::string_view(bytes).substr(kHeaderSize));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->columns[0].format, Format::kText);
  EXPECT_EQ(decoded->columns[1].format, Format::kBinary);
}

TEST(Build, AZeroByteCannotSmuggleAMessage) {
  EXPECT_EQ(built(append_parameter_status, "a\0x"s, "b\0y"s),
            "S\0\0\0\x8"
            "a\0b\0"s);
  EXPECT_EQ(built(append_close_statement, "s\0Z"s), "C\0\0\0\7Ss\0"s);
  std::string out;
  EXPECT_FALSE(append_query(out, "a\0b"s).ok());
  EXPECT_FALSE(append_parse(out, "n\0", "a\0b"s, {}).ok());
  EXPECT_FALSE(append_bind_header(out, "", "n\0n"s, 6).ok());
  EXPECT_FALSE(append_password(out, "p\0w"s).ok());
  EXPECT_TRUE(out.empty());
}

TEST(Build, ParseAndBindHeaderDecode) {
  std::string out;
  ASSERT_TRUE(append_parse(out, "s1", "select $1", std::array{Oid(23), Oid(25)}).ok());
  auto parse = decode<Parse>(std::string_view(out).substr(kHeaderSize));
  ASSERT_TRUE(parse.ok());
  EXPECT_EQ(parse->parameter_types, (std::vector{Oid(23), Oid(25)}));

  const std::string rest = "\0\0\0\1\0\0\0\1x\0\0"s;
  out.clear();
  ASSERT_TRUE(append_bind_header(out, "", "s1", rest.size()).ok());
  out += rest;
  EXPECT_EQ(Reader(std::string_view(out).substr(1)).u32(), out.size() - 1);
  auto bind = decode<Bind>(std::string_view(out).substr(kHeaderSize));
  ASSERT_TRUE(bind.ok());
  EXPECT_EQ(bind->statement, "s1");
  EXPECT_EQ(bind->values.at(0), "x");
}

TEST(Build, AStartupPacketHoldsWhatAServerReads) {
  std::string out;
  const std::vector<std::pair<std::string, std::string>> parameters{{"user", "bob"}, {"database", "db"}};
  ASSERT_TRUE(append_startup(out, kProtocol32, parameters).ok());
  EXPECT_EQ(out, "\0\0\0\x1e\0\3\0\2user\0bob\0database\0db\0\0"s);
  out.clear();
  EXPECT_FALSE(
      append_startup(out, kProtocol30, std::vector<std::pair<std::string, std::string>>{{"", "x"}}).ok());
  EXPECT_FALSE(
      append_startup(out, kProtocol30,
                     std::vector<std::pair<std::string, std::string>>{{"a", std::string(10000, 'x')}})
          .ok());
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace wire
