#include "admin/commands.h"
#include "admin/prepared.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes.h"

namespace admin {
namespace {

using enum pooler::ConsoleRole;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Every command, an example of it, and whether users in stats_users may give it. A command without a row here fails
// EveryCommandHasAnExample.
struct Example {
  Command command;
  std::string_view sql;
  bool stats_may;
  std::string_view call;  // what the pooler is asked for
};
constexpr Example kExamples[] = {
    {Command::kShow, "SHOW POOLS", true, ""},
    {Command::kShow, "SHOW FDS", false, ""},
    {Command::kShowHelp, "SHOW HELP", true, ""},
    {Command::kShowParameter, "SHOW client_encoding", true, ""},
    {Command::kSelectConstant, "SELECT 1", true, ""},
    {Command::kSelect, "SELECT count(*) FROM pools", true, ""},
    {Command::kReload, "RELOAD", false, "reload"},
    {Command::kPause, "PAUSE", false, "pause "},
    {Command::kPause, "PAUSE appdb", false, "pause appdb"},
    {Command::kResume, "RESUME \"AppDb\"", false, "resume AppDb"},
    {Command::kDisable, "DISABLE appdb", false, "disable appdb"},
    {Command::kEnable, "ENABLE appdb", false, "enable appdb"},
    {Command::kReconnect, "RECONNECT", false, "reconnect "},
    {Command::kKill, "KILL appdb", false, "kill appdb"},
    {Command::kKillClient, "KILL_CLIENT 17", false, "kill_client 17"},
    {Command::kSuspend, "SUSPEND", false, "suspend"},
    {Command::kShutdown, "SHUTDOWN", false, "shutdown 0"},
    {Command::kShutdown, "SHUTDOWN WAIT_FOR_SERVERS", false, "shutdown 1"},
    {Command::kShutdown, "SHUTDOWN WAIT_FOR_CLIENTS", false, "shutdown 2"},
    {Command::kWaitClose, "WAIT_CLOSE appdb", false, "wait_close appdb"},
    {Command::kSet, "SET query_timeout = 5s", false, "set query_timeout=5s"},
    {Command::kSetParameter, "SET extra_float_digits = 3", true, ""},
    {Command::kSetLegacy, "SET weir.legacy_columns = on", true, ""},
    {Command::kReset, "RESET ALL", true, ""},
    {Command::kResetQueries, "RESET QUERIES", false, "reset_queries"},
    {Command::kAdviseNow, "ADVISE NOW", false, "advise_now"},
    {Command::kAdviceApply, "ADVICE APPLY '0123456789abcdef'", false, "apply_advice 0123456789abcdef"},
    {Command::kAdviceDismiss, "ADVICE DISMISS '0123456789abcdef'", false, "dismiss_advice 0123456789abcdef"},
    {Command::kBegin, "BEGIN", true, ""},
    {Command::kCommit, "COMMIT", true, ""},
    {Command::kRollback, "ROLLBACK", true, ""},
    {Command::kSavepoint, "SAVEPOINT s", true, ""},
    {Command::kRelease, "RELEASE SAVEPOINT s", true, ""},
    {Command::kRollbackTo, "ROLLBACK TO s", true, ""},
    {Command::kDeallocate, "DEALLOCATE ALL", true, ""},
    {Command::kDiscard, "DISCARD ALL", true, ""},
    {Command::kCloseCursor, "CLOSE ALL", true, ""},
    {Command::kUnlisten, "UNLISTEN *", true, ""},
};

TEST(Commands, EveryCommandHasAnExample) {
  for (const CommandInfo& info : all_commands()) {
    EXPECT_TRUE(std::any_of(std::begin(kExamples), std::end(kExamples),
                            [&](const Example& example) { return example.command == info.command; }))
        << info.syntax;
  }
}

TEST(Commands, ExamplesAreUnderstoodAsTheirCommand) {
  for (const Example& example : kExamples) {
    const auto invocation = PreparedSet().understand_here(parse(example.sql)->front(), example.sql);
    ASSERT_TRUE(invocation.ok()) << example.sql;
    EXPECT_EQ(invocation->command, example.command) << example.sql;
  }
}

// CVE-2026-6667: a command that forgot to ask who gives it.
TEST(Commands, AreCarriedOutOnlyForThoseWhoMay) {
  for (const Example& example : kExamples) {
    for (const auto role : {kAdmin, kStats}) {
      for (const bool extended : {false, true}) {
        World world;
        Client client(world, role);
        const std::string answer = extended
                                       ? client.send(Batch().parse(example.sql).bind().execute().sync().bytes)
                                       : client.query(example.sql);
        const bool may = role == kAdmin || example.stats_may;
        if (may) {
          EXPECT_EQ(answer.find("E("), std::string::npos) << example.sql << ": " << answer;
        } else {
          EXPECT_THAT(answer, HasSubstr("E(ERROR 42501)")) << example.sql;
        }
        if (may && !example.call.empty()) {
          EXPECT_THAT(world.operations.calls, ElementsAre(std::string(example.call))) << example.sql;
        } else {
          EXPECT_THAT(world.operations.calls, IsEmpty()) << example.sql;
        }
      }
    }
  }
}

TEST(Commands, EachOneThatChangesSomethingIsAudited) {
  for (const Example& example : kExamples) {
    const bool changes = !example.call.empty();
    EXPECT_EQ(info_of(example.command).audit == Audit::kYes, changes) << example.sql;
    World world;
    Client(world).query(example.sql);
    EXPECT_EQ(world.audit.size(), changes ? 1u : 0u) << example.sql;
    World refused;
    Client(refused, kStats).query(example.sql);
    if (changes) {
      ASSERT_EQ(refused.audit.size(), 1u) << example.sql;
      EXPECT_THAT(refused.audit[0], HasSubstr("\"watcher\" from 127.0.0.1:5 was denied"));
    }
  }
}

TEST(Commands, AnswerWithTheirTag) {
  World world;
  Client client(world);
  EXPECT_EQ(client.query("PAUSE; RESUME; RELOAD; DISABLE a; ENABLE a; RECONNECT; KILL; KILL_CLIENT 1; SUSPEND; "
                         "WAIT_CLOSE; SET query_timeout TO 1; SHUTDOWN"),
            "C(PAUSE) C(RESUME) C(RELOAD) C(DISABLE) C(ENABLE) C(RECONNECT) C(KILL) C(KILL_CLIENT) C(SUSPEND) "
            "C(WAIT_CLOSE) C(SET) C(SHUTDOWN) Z(I)");
}

TEST(Commands, TheAuditLineHasNoValues) {
  const auto invocation = understand(parse("SET some_secret = 'hunter2'")->front());
  EXPECT_EQ(describe(*invocation), "SET \"some_secret\"");
}

TEST(Commands, HelpNamesEveryViewAndCommand) {
  const std::string help = help_text();
  for (const View& view : all_views()) EXPECT_THAT(help, HasSubstr("SHOW " + std::string(view.name)));
  for (const CommandInfo& info : all_commands()) EXPECT_THAT(help, HasSubstr(std::string(info.syntax)));
}

TEST(Commands, HelpArrivesAsANotice) {
  World world;
  EXPECT_EQ(Client(world).query("SHOW HELP"), "N(NOTICE 00000) C(SHOW) Z(I)");
}

TEST(Commands, IgnoredParametersAreNotSettings) {
  EXPECT_TRUE(ignored_parameter("extra_float_digits"));
  EXPECT_TRUE(ignored_parameter("client_encoding"));
  EXPECT_FALSE(ignored_parameter("query_timeout"));
  EXPECT_FALSE(ignored_parameter("transaction_timeout"));
}

}  // namespace
}  // namespace admin
