#include "pooler/external_auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <string>
#include <utility>

namespace {

using namespace std::chrono_literals;
using pooler::ExternalKind;
using pooler::ExternalOptions;
using pooler::ExternalRequest;
using testing::ElementsAre;
using testing::Pair;

// ---- auth_ldap_options ----

TEST(LdapOptionsText, HasNamesAndValuesBetweenBlanks) {
  const auto options = pooler::parse_ldap_options("  ldapserver=\"one two\"\tldapprefix=uid= ldapsuffix=\", dc=x\"");
  ASSERT_TRUE(options.ok()) << to_text(options.error());
  EXPECT_THAT(*options, ElementsAre(Pair("ldapserver", "one two"), Pair("ldapprefix", "uid="), Pair("ldapsuffix", ", dc=x")));
}

TEST(LdapOptionsText, IsRefusedWhereItCannotWork) {
  for (const char* text : {"", "ldapserver", "=x", "ldapserver=\"h", "ldapserver=h", "ldapserver=h nonsense=1 ldapprefix=x"}) {
    const auto options = pooler::parse_ldap_options(text);
    ASSERT_FALSE(options.ok()) << text;
    EXPECT_EQ(options.error().sqlstate, "F0000");
  }
}

// ---- Asking ----

class ExternalAuth : public testing::Test {
 protected:
  // The verdict, or nothing when none came before the loop ended.
  std::optional<base::Status> ask(ExternalRequest request, bool drop = false) {
    std::optional<base::Status> verdict;
    base::Ticket ticket;
    base::Timer limit(loop_, [this] { loop_.stop(); });
    limit.once(drop ? 300ms : 20s);
    loop_.post([&] {
      auto asked = pooler::check_password_externally(offload_, loop_, std::move(request), [&](base::Status status) {
        EXPECT_TRUE(loop_.in_loop_thread());
        EXPECT_FALSE(verdict.has_value()) << "called twice";
        verdict = std::move(status);
        ticket.drop();  // as a log-in does that goes on with something else
        loop_.stop();
      });
      ASSERT_TRUE(asked.ok());
      EXPECT_FALSE(verdict.has_value()) << "called from inside";
      ticket = *std::move(asked);
      if (drop) ticket.drop();
    });
    loop_.run();
    return verdict;
  }

  base::EventLoop loop_;
  base::Offload offload_{"external", 1, 1};
};

ExternalRequest ldap(std::string password, ExternalOptions more = {}) {
  ExternalRequest request;
  request.kind = ExternalKind::kLdap;
  request.options = {{"ldapserver", "127.0.0.1"}, {"ldapport", "1"}, {"ldapprefix", "uid="}};
  request.options.insert(request.options.end(), more.begin(), more.end());
  request.user = "alice";
  request.password = conf::Secret(std::move(password));
  return request;
}

TEST_F(ExternalAuth, AnUnreachableServerIsAnErrorThatSaysSo) {
  const auto verdict = ask(ldap("secret word"));
  ASSERT_TRUE(verdict && !verdict->ok());
  EXPECT_EQ(verdict->error().sqlstate, "08006");
  EXPECT_EQ(to_text(verdict->error()).find("secret word"), std::string::npos);
}

TEST_F(ExternalAuth, AnEmptyPasswordIsRefusedWithoutAsking) {
  for (ExternalKind kind : {ExternalKind::kLdap, ExternalKind::kPam}) {
    auto request = ldap("");
    request.kind = kind;
    const auto verdict = ask(std::move(request));
    ASSERT_TRUE(verdict && !verdict->ok());
    EXPECT_EQ(verdict->error().sqlstate, "28P01");
  }
}

TEST_F(ExternalAuth, WrongOptionsAreAnswerNotCrash) {
  const auto verdict = ask(ldap("x", {{"ldapcolour", "blue"}}));
  ASSERT_TRUE(verdict && !verdict->ok());
  EXPECT_EQ(verdict->error().sqlstate, "F0000");
}

TEST_F(ExternalAuth, AServiceNobodySetUpLetsNobodyIn) {
  ExternalRequest request;
  request.kind = ExternalKind::kPam;
  request.options = {{"pamservice", "weir_service_that_nobody_made"}};
  request.user = "root";
  request.password = conf::Secret(std::string("x"));
  request.remote_address = "unix";
  const auto verdict = ask(std::move(request));
  ASSERT_TRUE(verdict.has_value());
  EXPECT_FALSE(verdict->ok());
}

TEST_F(ExternalAuth, WhoDropsTheTicketHearsNothing) {
  EXPECT_FALSE(ask(ldap("x"), true).has_value());
}

TEST_F(ExternalAuth, PatienceEndsWhereTheOtherSideHangs) {
  std::promise<void> release, running;
  ASSERT_TRUE(offload_.run([&running, done = release.get_future().share()] {  // the only thread hangs
    running.set_value();
    done.wait();
  }));
  running.get_future().wait();
  const auto begin = std::chrono::steady_clock::now();
  const auto verdict = ask(ldap("x"));
  release.set_value();
  ASSERT_TRUE(verdict && !verdict->ok());
  EXPECT_EQ(verdict->error().sqlstate, "08006");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, pooler::kExternalTimeout - 100ms);
}

TEST_F(ExternalAuth, AFullLineRefusesAtOnce) {
  std::promise<void> release, running;
  ASSERT_TRUE(offload_.run([&running, done = release.get_future().share()] {
    running.set_value();
    done.wait();
  }));
  running.get_future().wait();
  ASSERT_TRUE(offload_.run([] {}));
  bool refused = false;
  loop_.post([&] {
    refused = !pooler::check_password_externally(offload_, loop_, ldap("x"), [](base::Status) { FAIL(); }).ok();
    loop_.stop();
  });
  loop_.run();
  release.set_value();
  EXPECT_TRUE(refused);
}

}  // namespace
