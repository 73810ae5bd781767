#include "wire/scram.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/base64.h"

namespace wire {
namespace {

using namespace std::string_literals;

// The example of RFC 7677, section 3.
const std::string kSalt = *from_base64("W22ZaJ0SNY7soEsUEjb6gQ==");
const std::string kAuthMessage =
    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view kProof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

ScramKeys pencil() { return scram_keys(salted_password("pencil", kSalt, 4096), kSalt, 4096); }

TEST(Scram, TheExampleOfRfc7677) {
  const ScramKeys keys = pencil();
  EXPECT_EQ(to_base64(client_proof(keys, kAuthMessage)), kProof);
  EXPECT_EQ(to_base64(server_signature(keys.server_key, kAuthMessage)),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(Scram, AVerifierIsWrittenAsPgAuthidHoldsIt) {
  EXPECT_EQ(to_text(scram_verifier(pencil())),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
            "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
}

TEST(Scram, AProofYieldsTheClientsKey) {
  const ScramKeys keys = pencil();
  const auto client_key =
      check_client_proof(*from_base64(kProof), scram_verifier(keys).stored_key, kAuthMessage);
  ASSERT_TRUE(client_key);
  EXPECT_EQ(*client_key, keys.client_key);
}

TEST(Scram, NoOtherProofDoes) {
  const conf::Secret stored_key = scram_verifier(pencil()).stored_key;
  const std::string proof = *from_base64(kProof);
  for (std::size_t i = 0; i < proof.size() * 8; ++i) {
    std::string wrong = proof;
    wrong[i / 8] = static_cast<char>(wrong[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(check_client_proof(wrong, stored_key, kAuthMessage));
  }
  EXPECT_FALSE(check_client_proof(proof, stored_key, kAuthMessage + "x"));
  EXPECT_FALSE(check_client_proof(proof.substr(1), stored_key, kAuthMessage));
  EXPECT_FALSE(check_client_proof("", stored_key, kAuthMessage));
}

TEST(Scram, AMadeUpSaltStaysTheSameForOneNameAndOneProcess) {
  const std::string salt = made_up_salt("key", "bob");
  EXPECT_EQ(salt.size(), kScramSaltSize);
  EXPECT_EQ(made_up_salt("key", "bob"), salt);
  EXPECT_NE(made_up_salt("key", "eve"), salt);
  EXPECT_NE(made_up_salt("other", "bob"), salt);
}

}  // namespace
}  // namespace wire
