#include "app/reload.h"

#include <gtest/gtest.h>

#include "tests/support/run_loop.h"
#include "tests/unit/app/scratch.h"

namespace app {
namespace {

const std::string kGood = "[weir]\ndefault_pool_size = 7\n[databases.x]\nhost = \"127.0.0.1\"\n";

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() {
    options_.config_file = scratch_.write("weir.toml", kGood);
    const SettingsSource source(options_);
    auto config = source.load().config;
    reloader_ = std::make_unique<Reloader>(source, config, TlsPair{}, loop_, offload_,
                                           [this](const conf::ConfigPtr& applied, const TlsPair&) {
                                             applied_.push_back(applied);
                                           });
  }
  base::Status reload() {
    std::optional<base::Status> result;
    reloader_->reload([&result](base::Status status) { result = std::move(status); });
    EXPECT_TRUE(support::run_until(loop_, [&] { return result.has_value(); }));
    return *result;
  }

  Scratch scratch_;
  Options options_;
  base::EventLoop loop_;
  base::Offload offload_{"test", 1};
  std::vector<conf::ConfigPtr> applied_;
  std::unique_ptr<Reloader> reloader_;
};

TEST_F(ReloadTest, AGoodFileComesIntoForce) {
  scratch_.write("weir.toml", "[weir]\ndefault_pool_size = 9\n[databases.y]\nhost = \"127.0.0.1\"\n");
  EXPECT_TRUE(reload().ok());
  ASSERT_EQ(applied_.size(), 1U);
  EXPECT_EQ(applied_[0]->weir.default_pool_size, 9);
  EXPECT_TRUE(applied_[0]->databases.contains("y"));
  EXPECT_EQ(reloader_->running(), applied_[0]);
}

TEST_F(ReloadTest, ABadFileChangesNothingAndSaysEverything) {
  scratch_.write("weir.toml", "[weir]\ndefault_pool_size = 9\nfirst = 1\nsecond = 2\n");
  const auto status = reload();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().sqlstate, "F0000");
  EXPECT_NE(status.error().message.find(":3:1:"), std::string::npos);
  EXPECT_NE(status.error().detail.find("second"), std::string::npos);
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(reloader_->running()->weir.default_pool_size, 7);
}

TEST_F(ReloadTest, ABadCertificateChangesNothing) {
  scratch_.write("cert.pem", "no certificate");
  scratch_.write("key.pem", "no key");
  scratch_.write("weir.toml", "[weir]\ndefault_pool_size = 9\nclient_tls_sslmode = \"require\"\n"
                              "client_tls_cert_file = \"cert.pem\"\nclient_tls_key_file = \"key.pem\"\n" +
                                  kGood.substr(kGood.find("[databases")));
  EXPECT_FALSE(reload().ok());
  EXPECT_TRUE(applied_.empty());
}

TEST_F(ReloadTest, WhatNeedsARestartStaysAsItWas) {
  scratch_.write("weir.toml", "[weir]\nlisten_backlog = 33\n[databases.x]\nhost = \"127.0.0.1\"\n");
  EXPECT_TRUE(reload().ok());
  EXPECT_EQ(reloader_->running()->weir.listen_backlog, conf::Weir{}.listen_backlog);
}

TEST_F(ReloadTest, ThoseWhoAskWhileOneRunsGetTheNextOne) {
  int answers = 0;
  for (int i = 0; i < 5; ++i) {
    reloader_->reload([&answers](const base::Status& status) {
      EXPECT_TRUE(status.ok());
      ++answers;
    });
  }
  EXPECT_TRUE(support::run_until(loop_, [&] { return answers == 5; }));
  EXPECT_EQ(applied_.size(), 2U);
}

TEST_F(ReloadTest, SetComesIntoForceUntilTheNextReload) {
  auto changed = std::make_shared<conf::Config>(*reloader_->running());
  changed->weir.default_pool_size = 3;
  EXPECT_TRUE(reloader_->apply_changed(changed).ok());
  EXPECT_EQ(reloader_->running()->weir.default_pool_size, 3);
  EXPECT_TRUE(reload().ok());
  EXPECT_EQ(reloader_->running()->weir.default_pool_size, 7);
}

TEST_F(ReloadTest, SetOfTlsThatCannotBeHadChangesNothing) {
  auto changed = std::make_shared<conf::Config>(*reloader_->running());
  changed->weir.client_tls_sslmode = conf::TlsMode::kRequire;
  EXPECT_FALSE(reloader_->apply_changed(changed).ok());
  EXPECT_TRUE(applied_.empty());
}

}  // namespace
}  // namespace app
