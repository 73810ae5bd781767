#include "wire/tls_settings.h"

#include <gtest/gtest.h>

namespace wire {
namespace {

TEST(TlsSettings, secure_and_all_mean_the_two_versions_that_are_safe) {
  for (const char* text : {"secure", "all", "legacy", " SECURE ", "tlsv1.2,tlsv1.3", "tlsv1.3:tlsv1.2"})
    EXPECT_EQ(*tls_protocols(text), (TlsProtocols{true, true})) << text;
}

TEST(TlsSettings, a_version_can_be_chosen_or_taken_out) {
  EXPECT_EQ(*tls_protocols("tlsv1.3"), (TlsProtocols{false, true}));
  EXPECT_EQ(*tls_protocols("all:!tlsv1.3"), (TlsProtocols{true, false}));
  EXPECT_EQ(*tls_protocols("all,!tlsv1.0,!tlsv1.1"), (TlsProtocols{true, true}));
}

TEST(TlsSettings, what_is_too_old_or_unknown_or_nothing_is_refused) {
  for (const char* text : {"", "tlsv1.0", "tlsv1.1", "tlsv1.2,tlsv1.1", "sslv3", "secure,!all"})
    EXPECT_FALSE(tls_protocols(text).ok()) << text;
  EXPECT_EQ(tls_protocols("tlsv1.1").error().message,
            "unknown or too old TLS protocol \"tlsv1.1\": secure, tlsv1.2 or tlsv1.3 are expected");
}

TEST(TlsSettings, no_word_for_ciphers_lets_anonymous_or_null_ones_in) {
  for (const char* word : {"", "default", "secure", "fast", "normal", "all"}) {
    EXPECT_NE(tls_cipher_list(word).find("!aNULL"), std::string::npos) << word;
    EXPECT_NE(tls_cipher_list(word).find("!eNULL"), std::string::npos) << word;
  }
  EXPECT_EQ(tls_cipher_list("ECDHE-RSA-AES128-GCM-SHA256"), "ECDHE-RSA-AES128-GCM-SHA256");
}

TEST(TlsSettings, each_side_takes_its_own_files) {
  conf::Weir weir;
  weir.client_tls_cert_file = "c.crt";
  weir.client_tls_key_file = "c.key";
  weir.client_tls_ca_file = "c.ca";
  weir.server_tls_cert_file = "s.crt";
  weir.server_tls_key_file = "s.key";
  weir.server_tls_ca_file = "s.ca";
  weir.server_tls_sslmode = conf::TlsMode::kVerifyFull;
  EXPECT_EQ(client_tls(weir).cert_file, "c.crt");
  EXPECT_EQ(client_tls(weir).key_file, "c.key");
  EXPECT_EQ(client_tls(weir).ca_file, "c.ca");
  EXPECT_EQ(server_tls(weir).cert_file, "s.crt");
  EXPECT_EQ(server_tls(weir).key_file, "s.key");
  EXPECT_EQ(server_tls(weir).ca_file, "s.ca");
  EXPECT_EQ(server_tls(weir).mode, conf::TlsMode::kVerifyFull);
}

}  // namespace
}  // namespace wire
