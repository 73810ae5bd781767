#include "wire/scram_server.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/base64.h"

namespace wire {
namespace {

using namespace std::string_literals;

const std::string kSalt = *from_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
const std::string kNonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const std::string kFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const std::string kProof = "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

ScramServer server(std::string binding = {}) {
  return ScramServer({"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", kSalt, 4096, std::move(binding)});
}

std::string first_error(std::string_view message, bool plus = false, std::string binding = {}) {
  auto answer = server(std::move(binding)).on_client_first(plus, message);
  if (answer.ok()) return "no error";
  return answer.error().sqlstate + " " + base::to_text(answer.error());
}

std::string final_error(std::string_view message, std::string_view first = kFirst, bool plus = false,
                        std::string binding = {}) {
  ScramServer scram = server(std::move(binding));
  EXPECT_TRUE(scram.on_client_first(plus, first).ok());
  auto status = scram.on_client_final(message);
  return status.ok() ? "no error" : status.error().sqlstate + " " + base::to_text(status.error());
}

TEST(ScramServer, TheExampleOfRfc7677) {
  ScramServer scram = server();
  EXPECT_EQ(*scram.on_client_first(false, kFirst), "r=" + kNonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  ASSERT_TRUE(scram.on_client_final("c=biws,r=" + kNonce + "," + kProof).ok());
  const ScramKeys keys = scram_keys(salted_password("pencil", kSalt, 4096), kSalt, 4096);
  auto proven = scram.check(scram_verifier(keys));
  ASSERT_TRUE(proven);
  EXPECT_EQ(proven->server_final, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  EXPECT_EQ(proven->keys.client_key, keys.client_key);
  EXPECT_EQ(proven->keys.server_key, keys.server_key);
  EXPECT_FALSE(scram.check(scram_verifier(scram_keys(salted_password("Pencil", kSalt, 4096), kSalt, 4096))));
}

TEST(ScramServer, ClientFirstIsRefusedInPostgresWords) {
  EXPECT_EQ(first_error(""), "08P01 malformed SCRAM message (The message is empty.)");
  EXPECT_EQ(first_error("n,,n=,r=\0x"s),
            "08P01 malformed SCRAM message (Message length does not match input length.)");
  EXPECT_EQ(first_error("x,,n=,r=x"),
            "08P01 malformed SCRAM message (Unexpected channel-binding flag \"x\".)");
  EXPECT_EQ(first_error("nn,n=,r=x"),
            "08P01 malformed SCRAM message (Comma expected, but found character \"n\".)");
  EXPECT_EQ(first_error("n,a=eve,n=,r=x"),
            "0A000 client uses authorization identity, but it is not supported");
  EXPECT_EQ(first_error("n,b,n=,r=x"),
            "08P01 malformed SCRAM message (Unexpected attribute \"b\" in client-first-message.)");
  EXPECT_EQ(first_error("n,,m=x,n=,r=x"), "0A000 client requires an unsupported SCRAM extension");
  EXPECT_EQ(first_error("n,,r=x"),
            "08P01 malformed SCRAM message (Expected attribute \"n\" but found \"r\".)");
  EXPECT_EQ(first_error("n,,n=,r=a\x01"), "08P01 non-printable characters in SCRAM nonce");
  EXPECT_EQ(first_error("n,,n=,r=" + std::string(1025, 'x')),
            "08P01 non-printable characters in SCRAM nonce");
  EXPECT_EQ(first_error("n,,n=,r=x,z=y"), "no error");
}

TEST(ScramServer, EveryTruncationOfClientFirstIsRefusedOrAShorterNonce) {
  for (std::size_t size = 0; size < kFirst.size(); ++size) {
    const bool nonce_begun = size > std::string("n,,n=user,r=").size();
    EXPECT_EQ(first_error(kFirst.substr(0, size)) == "no error", nonce_begun) << size;
  }
}

TEST(ScramServer, ADowngradeIsSeen) {
  EXPECT_EQ(first_error("y,,n=,r=x", false, "certificate").substr(0, 46),
            "28000 SCRAM channel binding negotiation error ");
  EXPECT_EQ(first_error("y,,n=,r=x"), "no error");  // nothing to bind to: the client is right
  EXPECT_EQ(first_error("n,,n=,r=x", false, "certificate"), "no error");
  EXPECT_NE(first_error("n,,n=,r=x", true, "certificate"), "no error");
  EXPECT_NE(first_error("p=tls-server-end-point,,n=,r=x", false, "certificate"), "no error");
  EXPECT_EQ(first_error("p=tls-unique,,n=,r=x", true, "certificate"),
            "08P01 unsupported SCRAM channel-binding type \"tls-unique\"");
}

TEST(ScramServer, TheBindingMustBeOurs) {
  const std::string first = "p=tls-server-end-point,,n=,r=rOprNGfwEbeRWgbNEkqO";
  const std::string good =
      "c=" + to_base64("p=tls-server-end-point,,certificate") + ",r=" + kNonce + "," + kProof;
  const std::string bad = "c=" + to_base64("p=tls-server-end-point,,other") + ",r=" + kNonce + "," + kProof;
  EXPECT_EQ(final_error(good, first, true, "certificate"), "no error");
  EXPECT_EQ(final_error(bad, first, true, "certificate"), "28000 SCRAM channel binding check failed");
  EXPECT_EQ(final_error("c=biws,r=" + kNonce + "," + kProof, "y,,n=,r=rOprNGfwEbeRWgbNEkqO"),
            "08P01 unexpected SCRAM channel-binding attribute in client-final-message");
  EXPECT_EQ(final_error("c=eSws,r=" + kNonce + "," + kProof, "y,,n=,r=rOprNGfwEbeRWgbNEkqO"), "no error");
}

TEST(ScramServer, ClientFinalIsRefusedInPostgresWords) {
  EXPECT_EQ(final_error("c=biws,r=" + kNonce + "," + kProof + ",x=y"),
            "08P01 malformed SCRAM message (Garbage found at the end of client-final-message.)");
  EXPECT_EQ(final_error("c=biws,r=" + kNonce + ",p=AAAA"),
            "08P01 malformed SCRAM message (Malformed proof in client-final-message.)");
  EXPECT_EQ(final_error("c=biws,r=" + kNonce),
            "08P01 malformed SCRAM message (Attribute expected, but found end of string.)");
  EXPECT_EQ(final_error("c=biws,r=" + kNonce + "x," + kProof),
            "08P01 invalid SCRAM response (Nonce does not match.)");
  EXPECT_EQ(final_error("c=biws,r=rOprNGfwEbeRWgbNEkqO," + kProof),
            "08P01 invalid SCRAM response (Nonce does not match.)");
  EXPECT_EQ(final_error("c=biws,r=" + kNonce + ",x=extension," + kProof), "no error");
}

}  // namespace
}  // namespace wire
