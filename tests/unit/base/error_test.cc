#include "base/error.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace base {
namespace {

TEST(Error, EachKindHasItsSqlstateAndKeepsItsWords) {
  struct Kind {
    Error made;
    const char* sqlstate;  // PostgreSQL, appendix A
  };
  const std::vector<Kind> kinds = {
      {protocol_violation("w"), "08P01"},      {connection_failure("w"), "08006"},    {cannot_connect("w"), "08001"},
      {invalid_authorization("w"), "28000"},   {invalid_password("w"), "28P01"},      {too_many_connections("w"), "53300"},
      {configuration_limit("w"), "53400"},     {out_of_memory("w"), "53200"},         {object_not_ready("w"), "55000"},
      {object_in_use("w"), "55006"},
      {query_canceled("w"), "57014"},          {admin_shutdown("w"), "57P01"},        {cannot_connect_now("w"), "57P03"},
      {feature_not_supported("w"), "0A000"},   {syntax_error("w"), "42601"},          {insufficient_privilege("w"), "42501"},
      {invalid_parameter("w"), "22023"},       {undefined_object("w"), "42704"},      {config_file_error("w"), "F0000"},
      {internal_error("w"), "XX000"},
  };
  for (const auto& [made, sqlstate] : kinds) {
    EXPECT_EQ(made.sqlstate, sqlstate);
    EXPECT_EQ(made.message, "w");
    EXPECT_TRUE(made.detail.empty() && made.hint.empty()) << sqlstate;
  }
}

TEST(Error, AnUnknownDatabaseIsNamedAsPostgresqlNamesIt) {
  EXPECT_EQ(unknown_database("no \"such\""), (Error{"3D000", "database \"no \"such\"\" does not exist", "", ""}));
}

TEST(Error, DetailAndHintAreAddedToWhatIsThere) {
  const Error error = with_hint(with_detail(cannot_connect("no"), "it is night"), "wait");
  EXPECT_EQ(error, (Error{"08001", "no", "it is night", "wait"}));
  EXPECT_NE(error, cannot_connect("no"));
}

TEST(Error, TheTextForLogsHasWhatThereIs) {
  EXPECT_EQ(to_text(cannot_connect("no")), "no");
  EXPECT_EQ(to_text(with_detail(cannot_connect("no"), "night")), "no (night)");
  EXPECT_EQ(to_text(with_hint(cannot_connect("no"), "wait")), "no (wait)");
  EXPECT_EQ(to_text(with_hint(with_detail(cannot_connect("no"), "night"), "wait")), "no (night; wait)");
}

}  // namespace
}  // namespace base
