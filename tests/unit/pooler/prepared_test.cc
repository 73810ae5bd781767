#include "pooler/prepared.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace pooler {
namespace {

using namespace std::string_view_literals;

TEST(Prepared, TheSameBodyIsOneStatement) {
  const auto a = intern_statement("SELECT 1\0\0\0"sv);
  const auto b = intern_statement("SELECT 1\0\0\0"sv);
  EXPECT_EQ(a, b);
}

TEST(Prepared, ParameterTypesArePartOfTheStatement) {
  const auto a = intern_statement("SELECT $1\0\0\0"sv);
  const auto b = intern_statement("SELECT $1\0\0\1\0\0\0\x17"sv);
  EXPECT_NE(a, b);
  EXPECT_NE(a->name, b->name);
}

TEST(Prepared, AStatementDiesWithItsLastHolder) {
  const std::size_t before = interned_statements();
  {
    const auto held = intern_statement("SELECT 'dies'\0\0\0"sv);
    EXPECT_EQ(interned_statements(), before + 1);
  }
  EXPECT_EQ(interned_statements(), before);
  EXPECT_EQ(intern_statement("SELECT 'dies'\0\0\0"sv)->body, "SELECT 'dies'\0\0\0"sv);
}

TEST(Prepared, ARetiredStatementStaysWithItsHoldersAndTheSameBodyIsAnother) {
  const auto old = intern_statement("SELECT 'retired'\0\0\0"sv);
  ClientStatements client;
  client.add("s", old);
  client.retire_all();
  const auto fresh = intern_statement("SELECT 'retired'\0\0\0"sv);
  EXPECT_NE(fresh, old);
  EXPECT_NE(fresh->name, old->name);
  EXPECT_EQ(client.find("s"), old);
  client.retire_all();  // of another holder, later: the fresh one is not concerned
  EXPECT_EQ(intern_statement("SELECT 'retired'\0\0\0"sv), fresh);
}

TEST(Prepared, ARenewedStatementHasAnotherNameAndTheParametersThatWereTold) {
  const auto old = intern_statement("SELECT 'renewed', $1\0\0\0"sv, "path");
  old->learn_types("\0\1\0\0\0\x17"sv);
  const auto fresh = renewed(*old);
  EXPECT_NE(fresh->name, old->name);
  EXPECT_EQ(fresh->body, "SELECT 'renewed', $1\0\0\1\0\0\0\x17"sv);
  EXPECT_EQ(fresh->path, "path");
  EXPECT_EQ(renewed(*old), fresh) << "of another client that has the old one";
  EXPECT_NE(renewed(*fresh), fresh) << "changed again";
  EXPECT_NE(intern_statement("SELECT 'renewed', $1\0\0\0"sv, "path"), old);
  const auto sql = sql_statement(" AS SELECT 1", {});
  EXPECT_EQ(renewed(*sql)->sql, sql->sql);
  EXPECT_NE(renewed(*sql)->name, sql->name);
}

TEST(Prepared, NamesNeverCollide) {
  std::set<std::string> names;
  std::vector<PreparedPtr> held;
  for (int i = 0; i < 20'000; ++i) {
    held.push_back(intern_statement("SELECT " + std::to_string(i)));
    EXPECT_TRUE(names.insert(held.back()->name).second);
  }
}

TEST(Prepared, InterningFromManyThreadsIsSafe) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 5000; ++i) {
        const std::string body = "SELECT " + std::to_string(i % 7);
        EXPECT_EQ(intern_statement(body)->body, body);
      }
    });
  for (auto& thread : threads) thread.join();
}

TEST(ClientStatements, KnowWhichColumnsTheClientMayHaveBeenTold) {
  ClientStatements client;
  for (const std::string name : {"a", "b", "c"}) client.add(name, intern_statement("SELECT 1 AS " + name));
  client.tell("a");
  EXPECT_TRUE(client.told("a"));
  EXPECT_FALSE(client.told("b"));
  EXPECT_EQ(client.bound("portal", "b"), client.find("b"));
  client.tell_portal("portal");
  EXPECT_TRUE(client.told("b"));
  EXPECT_FALSE(client.told("c"));
  client.add("b", intern_statement("SELECT 2"));
  EXPECT_FALSE(client.told("b")) << "another statement";
  EXPECT_EQ(client.bound("", ""), nullptr);
  client.tell_portal("");
  EXPECT_FALSE(client.told("b"));
  client.tell_portal("older");
  EXPECT_TRUE(client.told("c")) << "whose portal that was is not known any more";
  (void)client.bound("p", "c");
  client.remove("c");
  client.tell_portal("p");
  client.add("c", intern_statement("SELECT 3"));
  EXPECT_FALSE(client.told("c"));
  (void)client.bound("p", "c");
  EXPECT_EQ(client.take_all().size(), 3U);
  client.tell_portal("p");
  EXPECT_FALSE(client.told("c"));
}

TEST(ClientStatements, AServersWordsNameTheClientsStatements) {
  const auto one = intern_statement("SELECT $1 AS named\0\0\0"sv);
  ClientStatements client;
  client.add("mine", one);
  const std::string words = "statement \"" + one->name + "\" requires 1; " + one->name;
  EXPECT_EQ(in_client_names(words, client), "statement \"mine\" requires 1; mine");
  EXPECT_EQ(in_client_names("nothing of ours", client), std::nullopt);
  EXPECT_EQ(in_client_names("weir_ps_", client), std::nullopt);
  EXPECT_EQ(in_client_names(one->name + "0", client), std::nullopt);  // a longer number is another statement
}

TEST(ServerStatements, TheLeastRecentlyUsedGoesFirst) {
  ServerStatements server;
  const auto a = intern_statement("a"), b = intern_statement("b"), c = intern_statement("c");
  server.add(a);
  server.add(b);
  EXPECT_EQ(server.over(2), nullptr);
  server.add(c);
  EXPECT_EQ(server.over(2), a);
  EXPECT_TRUE(server.has(*a));
  EXPECT_EQ(server.over(2), b);
  server.remove(*b);
  EXPECT_EQ(server.over(2), nullptr);
  EXPECT_FALSE(server.has(*b));
}

TEST(Undo, ParseThatFailedIsForgottenOnBothSides) {
  ServerStatements server;
  ClientStatements client;
  const auto s = intern_statement("bad");
  client.add("s1", s);
  server.add(s);
  Change change;
  change.statement = s;
  change.client_name = "s1";
  change.client_op = change.server_op = Change::Op::kAdded;
  undo(change, false, server, &client);
  EXPECT_EQ(client.find("s1"), nullptr);
  EXPECT_FALSE(server.has(*s));
}

TEST(Undo, CloseThatWasSkippedDidNotHappen) {
  ServerStatements server;
  ClientStatements client;
  const auto s = intern_statement("kept");
  Change change;
  change.statement = s;
  change.client_name = "s1";
  change.client_op = change.server_op = Change::Op::kRemoved;
  undo(change, true, server, &client);
  EXPECT_EQ(client.find("s1"), s);
  EXPECT_TRUE(server.has(*s));
}

TEST(Undo, UnnamedParseThatFailedLeavesNoneAndOneThatWasSkippedLeavesTheOld) {
  const auto old_one = std::make_shared<const Unnamed>(std::string("old"));
  const auto new_one = std::make_shared<const Unnamed>(std::string("new"));
  for (const bool skipped : {false, true}) {
    ServerStatements server;
    ClientStatements client;
    server.unnamed = client.unnamed = new_one;
    Change change;
    change.server_unnamed = change.client_unnamed = true;
    change.server_unnamed_before = change.client_unnamed_before = old_one;
    undo(change, skipped, server, &client);
    EXPECT_EQ(client.unnamed, skipped ? old_one : nullptr);
    EXPECT_EQ(server.unnamed, skipped ? old_one : nullptr);
  }
}

TEST(Undo, WithoutAClientOnlyTheServerIsPutRight) {
  ServerStatements server;
  const auto s = intern_statement("x");
  server.add(s);
  Change change;
  change.statement = s;
  change.server_op = change.client_op = Change::Op::kAdded;
  undo(change, false, server, nullptr);
  EXPECT_FALSE(server.has(*s));
}

TEST(Prepared, TypesThatAServerFoundAreToldToTheNextOne) {
  const std::string body("SELECT $1 + n FROM t\0\0\0", 23);
  const auto statement = intern_statement(body);
  EXPECT_EQ(statement->parse_body(), body);
  const std::string types("\0\1\0\0\0\27", 6);
  statement->learn_types(types);
  statement->learn_types(std::string("\0\1\0\0\2\275", 6));
  EXPECT_EQ(statement->parse_body(), std::string("SELECT $1 + n FROM t\0", 21) + types) << "the first word counts";
}

TEST(Prepared, AnotherSearchPathIsAnotherStatement) {
  const auto one = intern_statement("SELECT * FROM t");
  const auto other = intern_statement("SELECT * FROM t", "tenant_2");
  EXPECT_NE(one->name, other->name);
  EXPECT_EQ(other, intern_statement("SELECT * FROM t", "tenant_2"));
}

TEST(Prepared, NamesThatAreAllTakenAwayComeBackWhenThatFails) {
  ClientStatements client;
  ServerStatements server;
  client.add("a", intern_statement("SELECT 1"));
  Change change;
  change.client_cleared = client.take_all();
  EXPECT_EQ(client.find("a"), nullptr);
  undo(change, true, server, &client);
  EXPECT_NE(client.find("a"), nullptr);
}

}  // namespace
}  // namespace pooler
