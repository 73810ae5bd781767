#include "app/tls_setup.h"

#include <gtest/gtest.h>

namespace app {
namespace {

TEST(TlsSetup, WithoutACertificateClientsGetNone) {
  conf::Config config;
  config.finish();
  const auto tls = make_tls(config);
  ASSERT_TRUE(tls.ok());
  EXPECT_EQ(tls->client, nullptr);
}

TEST(TlsSetup, ServersGetTlsWhereAnyDatabaseMayUseIt) {
  conf::Config config;
  config.weir.server_tls_sslmode = conf::TlsMode::kDisable;
  config.databases["a"];
  config.finish();
  EXPECT_TRUE(make_tls(config)->server.empty());
  config.databases["b"].server_tls_sslmode = conf::TlsMode::kRequire;
  EXPECT_TRUE(make_tls(config)->server.contains(conf::TlsMode::kRequire));
}

TEST(TlsSetup, AMissingCertificateIsAnErrorThatNamesIt) {
  conf::Config config;
  config.weir.client_tls_sslmode = conf::TlsMode::kRequire;
  config.weir.client_tls_cert_file = "/nonexistent/server.crt";
  config.weir.client_tls_key_file = "/nonexistent/server.key";
  config.finish();
  const auto tls = make_tls(config);
  ASSERT_FALSE(tls.ok());
  EXPECT_NE(base::to_text(tls.error()).find("/nonexistent/server"), std::string::npos);
}

}  // namespace
}  // namespace app
