#include "wire/scram_client.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/base64.h"

namespace wire {
namespace {

ScramClient client(ScramClient::Binding binding = ScramClient::Binding::kUnsupported) {
  ScramClient scram({"ournonce", binding, "certificate", kScramMaxIterations});
  (void)scram.first();
  return scram;
}

std::string error_of(std::string_view server_first) {
  auto challenge = client().on_server_first(server_first);
  return challenge.ok() ? "no error" : challenge.error().sqlstate + " " + base::to_text(challenge.error());
}

TEST(ScramClient, TheHeaderSaysWhatWeThinkOfBinding) {
  using Binding = ScramClient::Binding;
  EXPECT_EQ(client(Binding::kUnsupported).first(), "n,,n=,r=ournonce");
  EXPECT_EQ(client(Binding::kNotOffered).first(), "y,,n=,r=ournonce");
  EXPECT_EQ(client(Binding::kUsed).first(), "p=tls-server-end-point,,n=,r=ournonce");
}

TEST(ScramClient, AServersNonceMustExtendOurs) {
  EXPECT_EQ(error_of("r=ournonceX,s=c2FsdA==,i=4096"), "no error");
  for (std::string_view nonce :
       {"ournonce", "ournonc", "other", "", "XXXXXXXXX", "ournonce\x01", "ournonce\xff"}) {
    EXPECT_EQ(error_of("r=" + std::string(nonce) + ",s=c2FsdA==,i=4096").substr(0, 43),
              "08P01 server sent an invalid SCRAM message ");
  }
}

TEST(ScramClient, ALongNonceIsRefused) {
  for (std::size_t size : {300u, 1000u}) {
    EXPECT_EQ(error_of("r=ournonce" + std::string(size, 'x') + ",s=c2FsdA==,i=4096"), "no error");
  }
  for (std::size_t size : {1017u, 3000u, 65000u}) {
    EXPECT_NE(error_of("r=ournonce" + std::string(size, 'x') + ",s=c2FsdA==,i=4096"), "no error");
  }
}

TEST(ScramClient, IterationsHaveBounds) {
  for (std::string_view count : {"1", "4096", "100000"}) {
    EXPECT_EQ(error_of("r=ournonceX,s=c2FsdA==,i=" + std::string(count)), "no error");
  }
  for (std::string_view count : {"0", "-1", "4096x", "", " 1", "0x10", "+5", "1.5"}) {
    EXPECT_EQ(error_of("r=ournonceX,s=c2FsdA==,i=" + std::string(count)),
              "08P01 server sent an invalid SCRAM message (Its iteration count is not one.)")
        << count;
  }
  for (std::string_view count :
       {"100001", "2147483647", "2147483648", "9999999999", "99999999999999999999999"}) {
    EXPECT_EQ(error_of("r=ournonceX,s=c2FsdA==,i=" + std::string(count)).substr(0, 48),
              "28000 server asks for too many SCRAM iterations ");
  }
}

TEST(ScramClient, EveryOtherLieIsRefused) {
  for (std::string_view message :
       {"", "e=other-error", "m=x,r=ournonceX,s=c2FsdA==,i=1", "r=ournonceX",
        "r=ournonceX,s=", "r=ournonceX,s=,i=1", "r=ournonceX,s=!,i=1",
        "r=ournonceX,s=c2FsdA==", "r=ournonceX,s=c2FsdA==,i=1,x=y", "s=c2FsdA==,i=1"}) {
    EXPECT_EQ(error_of(message).substr(0, 5), "08P01") << message;
  }
}

TEST(ScramClient, TheServersSignatureIsVerified) {
  ScramClient scram = client();
  const auto challenge = scram.on_server_first("r=ournonceX,s=c2FsdA==,i=1");
  ASSERT_TRUE(challenge.ok());
  EXPECT_EQ(challenge->salt, "salt");
  EXPECT_FALSE(scram.on_server_final("v=" + to_base64(std::string(32, 'x'))).ok());  // before there are keys
  const ScramKeys keys = scram_keys(salted_password("p", "salt", 1), "salt", 1);
  const std::string final = scram.final(keys);
  EXPECT_TRUE(final.starts_with("c=biws,r=ournonceX,p="));
  const std::string auth_message = "n=,r=ournonce,r=ournonceX,s=c2FsdA==,i=1,c=biws,r=ournonceX";
  const std::string signature = "v=" + to_base64(server_signature(keys.server_key, auth_message));
  EXPECT_TRUE(scram.on_server_final(signature).ok());
  EXPECT_EQ(scram.on_server_final("v=" + to_base64(std::string(32, 'x'))).error().sqlstate, "28000");
  EXPECT_EQ(scram.on_server_final("v=").error().sqlstate, "28000");
  EXPECT_EQ(scram.on_server_final("").error().sqlstate, "08P01");
  EXPECT_EQ(scram.on_server_final("v=!").error().sqlstate, "08P01");
  EXPECT_EQ(scram.on_server_final(signature + ",x=y").error().sqlstate, "08P01");
  EXPECT_EQ(scram.on_server_final("e=invalid-proof").error().sqlstate, "28P01");
}

TEST(ScramClient, ABoundLoginCarriesTheCertificate) {
  ScramClient scram = client(ScramClient::Binding::kUsed);
  ASSERT_TRUE(scram.on_server_first("r=ournonceX,s=c2FsdA==,i=1").ok());
  const std::string final = scram.final(scram_keys(salted_password("p", "salt", 1), "salt", 1));
  EXPECT_TRUE(final.starts_with("c=" + to_base64("p=tls-server-end-point,,certificate") + ",r=ournonceX,p="));
}

}  // namespace
}  // namespace wire
