#include "admin/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

TEST(Console, AuditLinesSayWhoFromWhereAndHowItWent) {
  AuditEvent event{.user = "bob", .address = "10.0.0.1:99", .command = "KILL \"appdb\""};
  EXPECT_EQ(to_text(event), "console: user \"bob\" from 10.0.0.1:99 ran KILL \"appdb\"");
  event.outcome = AuditEvent::Outcome::kDenied;
  EXPECT_EQ(to_text(event), "console: user \"bob\" from 10.0.0.1:99 was denied KILL \"appdb\"");
  event.outcome = AuditEvent::Outcome::kFailed;
  event.problem = "no such database";
  EXPECT_EQ(to_text(event), "console: user \"bob\" from 10.0.0.1:99 ran KILL \"appdb\", which failed: no such database");
}

TEST(Console, WelcomesWithWhatDriversNeed) {
  const auto parameters = Console::welcome_parameters();
  const auto has = [&](std::string name, std::string value) {
    return std::find(parameters.begin(), parameters.end(), std::pair(name, value)) != parameters.end();
  };
  EXPECT_TRUE(has("client_encoding", "UTF8"));
  EXPECT_TRUE(has("server_version", "1.25.2/bouncer"));
  EXPECT_TRUE(has("standard_conforming_strings", "on"));
}

TEST(Console, WhatItWelcomesWithIsWhatShowAnswers) {
  World world;
  Client client(world);
  for (const auto& [name, value] : Console::welcome_parameters()) {
    EXPECT_NE(client.query("SHOW " + name).find("D(" + value + ")"), std::string::npos) << name;
  }
}

TEST(Console, SessionsAreIndependent) {
  World world;
  Client one(world), two(world);
  EXPECT_EQ(one.query("BEGIN"), "C(BEGIN) Z(T)");
  EXPECT_EQ(two.query("SELECT 1"), "T(?column?:int4) D(1) C(SELECT 1) Z(I)");
}

}  // namespace
}  // namespace admin
