#include "conf/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace conf {
namespace {

using ::testing::ElementsAre;

// Password, salt and iterations of RFC 7677's example, as PostgreSQL stores them.
constexpr std::string_view kVerifier =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

TEST(Secret, FormsOfPostgresAreRecognised) {
  EXPECT_TRUE(std::holds_alternative<NoSecret>(parse_secret("")));
  EXPECT_EQ(std::get<PlainSecret>(parse_secret("pencil")).password, Secret("pencil"));
  EXPECT_EQ(std::get<Md5Secret>(parse_secret("md5AB23456789abcdef0123456789ABCDEF")).hash,
            Secret("md5ab23456789abcdef0123456789abcdef"));
  const auto verifier = std::get<ScramVerifier>(parse_secret(kVerifier));
  EXPECT_EQ(verifier.iterations, 4096);
  EXPECT_EQ(verifier.salt.size(), 16U);
  EXPECT_EQ(static_cast<unsigned char>(verifier.salt[0]), 0x5b);
  EXPECT_EQ(verifier.stored_key.reveal().size(), 32U);
  EXPECT_EQ(static_cast<unsigned char>(verifier.stored_key.reveal()[0]), 0x58);
  EXPECT_EQ(static_cast<unsigned char>(verifier.server_key.reveal()[31]), 0xd5);
}

TEST(Secret, AlmostAFormIsAPlainPassword) {
  for (std::string text :
       {"md5ab23456789abcdef0123456789abcde", "md5ab23456789abcdef0123456789abcdeg", "SCRAM-SHA-256$",
        "SCRAM-SHA-256$0:YQ==$YQ==:YQ==", "SCRAM-SHA-256$4096:YQ==$YQ==:YQ=="}) {
    EXPECT_TRUE(std::holds_alternative<PlainSecret>(parse_secret(text))) << text;
  }
  for (std::size_t length = 1; length < kVerifier.size(); ++length) {
    EXPECT_TRUE(std::holds_alternative<PlainSecret>(parse_secret(kVerifier.substr(0, length)))) << length;
  }
}

TEST(Secret, LeavesNoTraceWhenMovedFrom) {
  Secret from("short");
  const Secret to(std::move(from));
  EXPECT_EQ(to.reveal(), "short");
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is the claim
}

TEST(Secret, CleanseOverwritesTheBytes) {
  std::string text = "a secret long enough for the heap, to be sure of it";
  const char* bytes = text.data();
  const std::size_t size = text.size();
  Secret::cleanse(text);
  EXPECT_TRUE(text.empty());
  for (std::size_t i = 1; i < size; ++i) EXPECT_EQ(bytes[i], '\0');  // still ours: the capacity stays
}

TEST(UserList, LinesAreQuotedNamesAndSecrets) {
  std::vector<TextProblem> problems;
  const UserList list = parse_userlist(
      "; comment\n# another\n\n\"jane\" \"pencil\"\r\n  \"it\"\"s\"\t\"a\"\"b\"  trailing is "
      "ignored\n\"none\" \"\"\n\"jane\" \"pen\"",
      problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(list.users.size(), 3U);
  EXPECT_EQ(std::get<PlainSecret>(*list.find("jane")).password, Secret("pen")) << "the last line counts";
  EXPECT_EQ(std::get<PlainSecret>(*list.find("it\"s")).password, Secret("a\"b"));
  EXPECT_TRUE(std::holds_alternative<NoSecret>(*list.find("none")));
  EXPECT_EQ(list.find("other"), nullptr);
}

TEST(UserList, WrongLinesAreProblemsAndTheOthersCount) {
  std::vector<TextProblem> problems;
  const UserList list =
      parse_userlist("jane pencil\n\"a\" hush\n\"b\"\n\"c\" \"hush\n\"\" \"x\"\n\"ok\" \"y\"\n", problems);
  EXPECT_EQ(list.users.size(), 1U);
  const std::string quotes = "must be \"user\" \"secret\", both in double quotes";
  EXPECT_THAT(problems,
              ElementsAre(TextProblem{1, 1, quotes}, TextProblem{2, 5, quotes}, TextProblem{3, 4, quotes},
                          TextProblem{4, 10, "a double quote is not closed"},
                          TextProblem{5, 3, "the user name is empty"}));
  for (const TextProblem& problem : problems) EXPECT_EQ(problem.message.find("hush"), std::string::npos);
}

TEST(UserList, EveryTruncationIsAnswered) {
  const std::string text = "\"jane\" \"" + std::string(kVerifier) + "\"\n; x\n\"b\" \"c\"\n";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    std::vector<TextProblem> problems;
    EXPECT_LE(parse_userlist(std::string_view(text).substr(0, length), problems).users.size(), 2U);
    EXPECT_LE(problems.size(), 1U);
  }
}

}  // namespace
}  // namespace conf
