#include "wire/client_auth.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/base64.h"
#include "wire/build.h"
#include "wire/frame.h"

namespace wire {
namespace {

using namespace std::string_literals;
using Method = ClientAuthMethod;

ClientAuth::Setup setup(Method method, std::optional<conf::UserSecret> secret, std::string user = "bob") {
  ClientAuth::Setup made;
  made.method = method;
  made.user = std::move(user);
  made.secret = std::move(secret);
  made.nonce.fill('n');
  made.md5_salt = {'s', 'a', 'l', 't'};
  made.made_up_key = std::string(32, 'k');
  return made;
}

conf::UserSecret plain(std::string password) { return conf::PlainSecret{conf::Secret(std::move(password))}; }
conf::UserSecret md5(std::string_view password) {
  return conf::Md5Secret{conf::Secret(*md5_hash(password, "bob"))};
}
conf::UserSecret verifier(std::string_view password) {
  return scram_verifier(scram_keys(salted_password(password, "pepper", 64), "pepper", 64));
}

// Does the work a step asks for, as a caller's thread would.
ClientAuth::Step work(ClientAuth& auth, ClientAuth::Step step) {
  if (auto* need = std::get_if<NeedKey>(&step)) {
    return auth.on_key(salted_password(need->password.reveal(), need->salt, need->iterations));
  }
  return step;
}

std::string text(const ClientAuth::Step& step) {
  if (const auto* send = std::get_if<Send>(&step)) return send->bytes;
  if (const auto* fail = std::get_if<Fail>(&step)) return fail->error.sqlstate + " " + fail->error.message;
  if (std::holds_alternative<ClientAuth::Done>(step)) return "done";
  return std::holds_alternative<NeedKey>(step) ? "need key" : "need external";
}

std::string clear_login(std::optional<conf::UserSecret> secret, const std::string& password) {
  ClientAuth auth(setup(Method::kPassword, std::move(secret)));
  EXPECT_EQ(text(auth.start()), "R\0\0\0\x8\0\0\0\3"s);
  return text(work(auth, auth.on_message('p', password + '\0')));
}

std::string md5_login(std::optional<conf::UserSecret> secret, std::string_view password) {
  ClientAuth auth(setup(Method::kMd5, std::move(secret)));
  EXPECT_EQ(text(auth.start()), "R\0\0\0\xc\0\0\0\5salt"s);
  return text(auth.on_message('p', *md5_response(*md5_hash(password, "bob"), "salt") + '\0'));
}

constexpr const char* kWrong = "28P01 password authentication failed for user \"bob\"";

TEST(ClientAuth, TrustAsksNothing) {
  ClientAuth auth(setup(Method::kNone, std::nullopt));
  EXPECT_EQ(text(auth.start()), "done");
}

TEST(ClientAuth, AClearPasswordFitsEveryStoredForm) {
  for (const auto& make : {plain("secret"), md5("secret"), verifier("secret")}) {
    EXPECT_EQ(clear_login(make, "secret"), "done");
    EXPECT_EQ(clear_login(make, "Secret"), kWrong);
    EXPECT_EQ(clear_login(make, "secret2"), kWrong);
    EXPECT_EQ(clear_login(make, ""), "28P01 empty password returned by client");
  }
  EXPECT_EQ(clear_login(std::nullopt, "secret"), kWrong);
  EXPECT_EQ(clear_login(conf::NoSecret{}, "secret"), kWrong);
}

TEST(ClientAuth, AnEmptyStoredPasswordLetsNobodyIn) {
  EXPECT_EQ(clear_login(plain(""), ""), "28P01 empty password returned by client");
  EXPECT_EQ(clear_login(conf::NoSecret{}, ""), "28P01 empty password returned by client");
}

TEST(ClientAuth, AClearPasswordIsLearned) {
  ClientAuth auth(setup(Method::kPassword, verifier("secret")));
  (void)auth.start();
  auto step = work(auth, auth.on_message('p', "secret\0"s));
  auto* done = std::get_if<ClientAuth::Done>(&step);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->learned.password->reveal(), "secret");
  EXPECT_EQ(done->learned.keys->salt, "pepper");
}

TEST(ClientAuth, Md5FitsPlainAndMd5Secrets) {
  EXPECT_EQ(md5_login(plain("secret"), "secret"), "done");
  EXPECT_EQ(md5_login(md5("secret"), "secret"), "done");
  EXPECT_EQ(md5_login(plain("secret"), "other"), kWrong);
  EXPECT_EQ(md5_login(md5("secret"), "other"), kWrong);
}

TEST(ClientAuth, Md5BecomesScramForAVerifier) {
  ClientAuth auth(setup(Method::kMd5, verifier("secret")));
  EXPECT_EQ(text(auth.start()), "R\0\0\0\x17\0\0\0\xaSCRAM-SHA-256\0\0"s);
}

TEST(ClientAuth, AnUnknownUserUnderMd5LooksAsConfigured) {
  ClientAuth::Setup made = setup(Method::kMd5, std::nullopt);
  EXPECT_EQ(text(ClientAuth(made).start()), "R\0\0\0\x17\0\0\0\xaSCRAM-SHA-256\0\0"s);
  made.unknown_has_verifier = false;
  ClientAuth auth(made);
  EXPECT_EQ(text(auth.start()), "R\0\0\0\xc\0\0\0\5salt"s);
  EXPECT_EQ(text(auth.on_message('p', "md5900150983cd24fb0d6963f7d28e17f72\0"s)), kWrong);
}

TEST(ClientAuth, AnUnknownUserIsChallengedAsAKnownOne) {
  const auto challenge = [](std::optional<conf::UserSecret> secret, std::string user) {
    ClientAuth auth(setup(Method::kScram, std::move(secret), std::move(user)));
    (void)auth.start();
    std::string message;
    append_sasl_initial_response(message, kScramSha256, "n,,n=,r=abc");
    return text(auth.on_message('p', message.substr(kHeaderSize)));
  };
  // Users with a plain password show a salt made the same way, so nothing tells them apart either.
  EXPECT_EQ(challenge(std::nullopt, "bob"), challenge(plain("secret"), "bob"));
  EXPECT_EQ(challenge(std::nullopt, "bob"), challenge(std::nullopt, "bob"));
  EXPECT_NE(challenge(std::nullopt, "bob"), challenge(std::nullopt, "eve"));
  EXPECT_NE(challenge(std::nullopt, "bob").find(",i=4096"), std::string::npos);
  EXPECT_EQ(challenge(std::nullopt, "bob").size(),
            challenge(scram_verifier(scram_keys(salted_password("x", "0123456789abcdef", 4096),
                                                "0123456789abcdef", 4096)),
                      "bob")
                .size());
}

TEST(ClientAuth, PlainPasswordsTakeTheIterationsThatAreSet) {
  for (const bool known : {true, false}) {
    auto made = setup(Method::kScram, known ? std::optional(plain("secret")) : std::nullopt);
    made.iterations = 10'000;
    ClientAuth auth(std::move(made));
    (void)auth.start();
    std::string message;
    append_sasl_initial_response(message, kScramSha256, "n,,n=,r=abc");
    EXPECT_NE(text(auth.on_message('p', message.substr(kHeaderSize))).find(",i=10000"), std::string::npos);
  }
}

TEST(ClientAuth, AnExternalPasswordIsJudgedByTheCaller) {
  for (const bool right : {true, false}) {
    ClientAuth auth(setup(Method::kExternal, std::nullopt));
    EXPECT_EQ(text(auth.start()), "R\0\0\0\x8\0\0\0\3"s);
    auto step = auth.on_message('p', "secret\0"s);
    ASSERT_TRUE(std::holds_alternative<NeedExternal>(step));
    EXPECT_EQ(std::get<NeedExternal>(step).password.reveal(), "secret");
    base::Status verdict = base::Ok{};
    if (!right) verdict = base::invalid_authorization("PAM authentication failed for user \"bob\"");
    EXPECT_EQ(text(auth.on_external(std::move(verdict))),
              right ? "done" : "28000 PAM authentication failed for user \"bob\"");
  }
}

TEST(ClientAuth, EveryOtherMessageTypeEndsTheLogin) {
  for (Method method : {Method::kPassword, Method::kMd5, Method::kScram, Method::kExternal}) {
    for (int type = 0; type < 256; ++type) {
      if (type == 'p') continue;
      ClientAuth auth(setup(method, md5("secret")));
      (void)auth.start();
      const auto step = auth.on_message(static_cast<char>(type), "secret\0"s);
      ASSERT_EQ(text(step), std::string("08P01 expected ") +
                                (method == Method::kScram ? "SASL" : "password") +
                                " response, got message type " + std::to_string(type));
      // And it stays ended.
      EXPECT_TRUE(std::holds_alternative<Fail>(auth.on_message('p', "secret\0"s)));
    }
  }
}

TEST(ClientAuth, NothingIsTakenBeforeTheStartOrAfterTheEnd) {
  ClientAuth fresh(setup(Method::kPassword, plain("secret")));
  EXPECT_TRUE(std::holds_alternative<Fail>(fresh.on_message('p', "secret\0"s)));
  ClientAuth auth(setup(Method::kPassword, plain("secret")));
  (void)auth.start();
  EXPECT_EQ(text(auth.on_message('p', "secret\0"s)), "done");
  EXPECT_TRUE(std::holds_alternative<Fail>(auth.on_message('p', "secret\0"s)));
  EXPECT_TRUE(std::holds_alternative<Fail>(auth.on_key(conf::Secret(std::string(32, 'x')))));
  EXPECT_TRUE(std::holds_alternative<Fail>(auth.on_external(base::Ok{})));
  EXPECT_TRUE(std::holds_alternative<Fail>(auth.start()));
}

TEST(ClientAuth, BadPasswordPacketsAreRefused) {
  for (const std::string& body : {""s, "secret"s, "secret\0x"s, "\0\0"s}) {
    ClientAuth auth(setup(Method::kPassword, plain("secret")));
    (void)auth.start();
    EXPECT_EQ(text(auth.on_message('p', body)), "08P01 invalid password packet size");
  }
}

TEST(ClientAuth, PasswordsOfEveryLengthAreAnswered) {
  for (std::size_t size : {1u, 63u, 999u, 1000u, 1023u, 1024u, 4096u, 65534u}) {
    EXPECT_EQ(clear_login(plain(std::string(size, 'x')), std::string(size, 'x')), "done") << size;
  }
  for (std::size_t size : {65535u, 70000u}) {
    EXPECT_EQ(clear_login(plain(std::string(size, 'x')), std::string(size, 'x')),
              "08P01 invalid message length");
  }
}

TEST(ClientAuth, SaslLengthsAreBounded) {
  const std::string mechanism = "SCRAM-SHA-256\0"s;
  for (const std::string& length :
       {"\x7f\xff\xff\xff"s, "\xff\xff\xff\xfe"s, "\x80\0\0\0"s, "\0\0\0\x0c"s, "\0\0"s}) {
    ClientAuth auth(setup(Method::kScram, verifier("secret")));
    (void)auth.start();
    EXPECT_EQ(text(auth.on_message('p', mechanism + length + "n,,n=,r=abc")).substr(0, 5), "08P01");
  }
}

TEST(ClientAuth, AnUnofferedMechanismIsRefused) {
  for (const char* mechanism : {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "", "PLAIN"}) {
    ClientAuth auth(setup(Method::kScram, verifier("secret")));
    (void)auth.start();
    std::string message;
    append_sasl_initial_response(message, mechanism, "n,,n=,r=abc");
    EXPECT_EQ(text(auth.on_message('p', message.substr(kHeaderSize))),
              "08P01 client selected an invalid SASL authentication mechanism");
  }
}

TEST(ClientAuth, PlusIsOfferedFirstWhereThereIsABinding) {
  ClientAuth::Setup made = setup(Method::kScram, verifier("secret"));
  made.binding = "certificate";
  EXPECT_EQ(text(ClientAuth(made).start()).substr(9), "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s);
}

TEST(ClientAuth, AClientMayComeWithoutAFirstMessage) {
  ClientAuth auth(setup(Method::kScram, verifier("secret")));
  (void)auth.start();
  EXPECT_EQ(text(auth.on_message('p', "SCRAM-SHA-256\0\xff\xff\xff\xff"s)), "R\0\0\0\x8\0\0\0\xb"s);
  EXPECT_EQ(text(auth.on_message('p', "n,,n=,r=abc")).substr(9, 5), "r=abc");
}

TEST(ClientAuth, AnMd5SecretCannotDoScram) {
  ClientAuth auth(setup(Method::kScram, md5("secret")));
  (void)auth.start();
  std::string message;
  append_sasl_initial_response(message, kScramSha256, "n,,n=,r=abc");
  const std::string challenge = text(auth.on_message('p', message.substr(kHeaderSize)));
  const std::string nonce = challenge.substr(9 + 2, challenge.find(",s=") - 11);
  EXPECT_EQ(text(auth.on_message('p', "c=biws,r=" + nonce + ",p=" + to_base64(std::string(32, 'x')))),
            kWrong);
}

}  // namespace
}  // namespace wire
