#include "wire/server_auth.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/base64.h"
#include "wire/frame.h"
#include "wire/frontend.h"

namespace wire {
namespace {

using namespace std::string_literals;

const std::string kOk = "\0\0\0\0"s, kClear = "\0\0\0\3"s, kMd5 = "\0\0\0\5salt"s;
const std::string kScram = "\0\0\0\x0aSCRAM-SHA-256\0\0"s;
const std::string kPlusAndScram = "\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s;

ServerAuth::Setup setup(conf::UserSecret secret) {
  ServerAuth::Setup made;
  made.user = "bob";
  made.secret = std::move(secret);
  made.secret_origin = "auth_file";
  made.nonce.fill('n');
  return made;
}

conf::UserSecret plain(std::string password) { return conf::PlainSecret{conf::Secret(std::move(password))}; }
conf::UserSecret md5() { return conf::Md5Secret{conf::Secret(*md5_hash("secret", "bob"))}; }
conf::UserSecret verifier() {
  return scram_verifier(scram_keys(salted_password("secret", "salt", 1), "salt", 1));
}

std::string text(const ServerAuth::Step& step) {
  if (const auto* send = std::get_if<Send>(&step)) return send->bytes;
  if (const auto* fail = std::get_if<Fail>(&step)) {
    return fail->error.sqlstate + " " + base::to_text(fail->error);
  }
  return std::holds_alternative<NeedKey>(step) ? "need key" : "ok";
}

std::string first_answer(ServerAuth::Setup made, std::string_view body) {
  return text(ServerAuth(std::move(made)).on_authentication(body));
}

TEST(ServerAuth, AServerMayTrustUs) { EXPECT_EQ(first_answer(setup(conf::NoSecret{}), kOk), "ok"); }

TEST(ServerAuth, AClearPasswordIsSentWhenAskedFor) {
  ServerAuth auth(setup(plain("secret")));
  EXPECT_EQ(text(auth.on_authentication(kClear)), "p\0\0\0\x0bsecret\0"s);
  EXPECT_EQ(text(auth.on_authentication(kOk)), "ok");
}

TEST(ServerAuth, Md5IsAnsweredFromAPasswordOrItsHash) {
  const std::string answer = "p\0\0\0\x28"s + *md5_response(*md5_hash("secret", "bob"), "salt") + '\0';
  for (const auto& secret : {plain("secret"), md5()}) {
    ServerAuth auth(setup(secret));
    EXPECT_EQ(text(auth.on_authentication(kMd5)), answer);
    EXPECT_EQ(text(auth.on_authentication(kOk)), "ok");
  }
}

TEST(ServerAuth, WhatIsMissingIsNamedWithItsPlace) {
  EXPECT_EQ(first_answer(setup(md5()), kScram),
            "28000 cannot log in to the server as user \"bob\": it asks for SCRAM-SHA-256, but auth_file has "
            "an md5 "
            "hash (Store the password itself in auth_file, or let clients log in with SCRAM as that user.)");
  EXPECT_EQ(first_answer(setup(conf::NoSecret{}), kMd5).substr(0, 104),
            "28000 cannot log in to the server as user \"bob\": it asks for an md5 password, but auth_file "
            "has nothing ");
  EXPECT_NE(first_answer(setup(verifier()), kScram).find("auth_file has a SCRAM verifier"),
            std::string::npos);
  EXPECT_NE(first_answer(setup(md5()), kClear)
                .find("it asks for the password in clear, but auth_file has an md5 hash"),
            std::string::npos);
}

TEST(ServerAuth, NoErrorShowsASecret) {
  for (const std::string& body : {kScram, kClear, "\0\0\0\7"s, "junk"s, kMd5 + "x"}) {
    EXPECT_EQ(first_answer(setup(md5()), body).find(md5_hash("secret", "bob")->substr(3)), std::string::npos);
  }
}

TEST(ServerAuth, OkBeforeTheServersProofIsRefused) {
  ServerAuth early(setup(plain("secret")));
  (void)early.on_authentication(kScram);
  EXPECT_EQ(text(early.on_authentication(kOk)).substr(0, 5), "08P01");

  ServerAuth later(setup(plain("secret")));
  (void)later.on_authentication(kScram);
  const std::string nonce = to_base64(std::string(18, 'n'));
  auto step = later.on_authentication("\0\0\0\x0br="s + nonce + "X,s=c2FsdA==,i=1");
  ASSERT_TRUE(std::holds_alternative<NeedKey>(step));
  EXPECT_EQ(text(later.on_key(salted_password("secret", "salt", 1))).substr(0, 1), "p");
  EXPECT_EQ(text(later.on_authentication(kOk)).substr(0, 5), "08P01");
  EXPECT_EQ(text(later.on_authentication(kOk)).substr(0, 5), "08P01");  // asking again does not help
}

TEST(ServerAuth, AServerCannotAskForTooMuchWork) {
  const std::string nonce = to_base64(std::string(18, 'n'));
  ServerAuth auth(setup(plain("secret")));
  (void)auth.on_authentication(kScram);
  EXPECT_EQ(text(auth.on_authentication("\0\0\0\x0br="s + nonce + "X,s=c2FsdA==,i=2147483647")).substr(0, 5),
            "28000");
}

TEST(ServerAuth, MessagesOutOfOrderAreRefused) {
  const std::string later[] = {kClear, kMd5, kScram, "\0\0\0\x0cv=x"s, "\0\0\0\0x"s};
  for (const std::string& body : later) {
    ServerAuth auth(setup(plain("secret")));
    (void)auth.on_authentication(kScram);
    EXPECT_EQ(text(auth.on_authentication(body)).substr(0, 5), "08P01");
  }
  for (const std::string& body :
       {"\0\0\0\x0br=x"s, "\0\0\0\x0cv=x"s, "\0\0\0\5sal"s, "\0\0\0"s, ""s, "\0\0\0\3x"s}) {
    EXPECT_EQ(first_answer(setup(plain("secret")), body).substr(0, 5), "08P01");
  }
  for (const std::string& body : {"\0\0\0\7"s, "\0\0\0\2"s, "\0\0\0\x0d"s, "\xff\xff\xff\xff"s}) {
    EXPECT_EQ(first_answer(setup(plain("secret")), body).substr(0, 5), "0A000");
  }
}

TEST(ServerAuth, MechanismListsAreRead) {
  EXPECT_EQ(first_answer(setup(plain("s")), "\0\0\0\x0a\0"s).substr(0, 5), "0A000");
  EXPECT_EQ(first_answer(setup(plain("s")), "\0\0\0\x0aOAUTHBEARER\0\0"s).substr(0, 5), "0A000");
  EXPECT_EQ(first_answer(setup(plain("s")), "\0\0\0\x0a"s).substr(0, 5), "08P01");
  EXPECT_EQ(first_answer(setup(plain("s")), "\0\0\0\x0aSCRAM-SHA-256"s).substr(0, 5), "08P01");
  EXPECT_EQ(first_answer(setup(plain("s")), "\0\0\0\x0aSCRAM-SHA-256\0\0x"s).substr(0, 5), "08P01");
}

TEST(ServerAuth, BindingIsUsedWhereItCanBe) {
  const auto header = [](ServerAuth::Setup made, const std::string& body) {
    const std::string answer = first_answer(std::move(made), body);
    const auto response = decode<SaslInitialResponse>(std::string_view(answer).substr(kHeaderSize));
    if (!response.ok() || !response->response) return answer;
    return std::string(response->mechanism) + " " + std::string(response->response->substr(0, 2));
  };
  ServerAuth::Setup made = setup(plain("secret"));
  EXPECT_EQ(header(made, kScram), "SCRAM-SHA-256 n,");
  EXPECT_EQ(header(made, kPlusAndScram).substr(0, 5), "08P01");  // no TLS, so no PLUS
  made.encrypted = true;
  EXPECT_EQ(header(made, kPlusAndScram), "SCRAM-SHA-256 n,");  // a certificate that gives no binding
  made.binding = "certificate";
  EXPECT_EQ(header(made, kScram), "SCRAM-SHA-256 y,");
  EXPECT_EQ(header(made, kPlusAndScram), "SCRAM-SHA-256-PLUS p=");
  made.channel_binding = ChannelBinding::kDisable;
  EXPECT_EQ(header(made, kPlusAndScram), "SCRAM-SHA-256 n,");
  made.channel_binding = ChannelBinding::kRequire;
  EXPECT_EQ(header(made, kPlusAndScram), "SCRAM-SHA-256-PLUS p=");
  for (const std::string& weaker : {kScram, kClear, kMd5, kOk})
    EXPECT_EQ(header(made, weaker).substr(0, 5), "28000");
}

TEST(ServerAuth, KeysOfAnotherVerifierAreNotTried) {
  ServerAuth::Setup made = setup(verifier());
  made.keys = scram_keys(salted_password("secret", "salt", 1), "salt", 1);
  const std::string nonce = to_base64(std::string(18, 'n'));
  ServerAuth other(made);
  (void)other.on_authentication(kScram);
  EXPECT_EQ(
      text(other.on_authentication("\0\0\0\x0br="s + nonce + "X,s=AAAA,i=1")).substr(0, 95),
      "28000 cannot log in to the server as user \"bob\": its SCRAM verifier is not the one in auth_file");
  ServerAuth same(made);
  (void)same.on_authentication(kScram);
  EXPECT_EQ(text(same.on_authentication("\0\0\0\x0br="s + nonce + "X,s=c2FsdA==,i=1")).substr(0, 1), "p");
}

}  // namespace
}  // namespace wire
