#include "analyzer/hidden_values.h"

#include <gtest/gtest.h>

namespace analyzer {
namespace {

bool shows(const HiddenValues& hidden, std::string_view sql, Kind kind = Kind::kSelect) { return hidden.may_show(sql, kind); }

TEST(HiddenValues, WithoutARuleValuesAreShown) {
  const HiddenValues none;
  EXPECT_TRUE(shows(none, "SELECT * FROM users WHERE email = 'a@b'"));
  EXPECT_TRUE(shows(none, "INSERT INTO users VALUES ($1, $2)", Kind::kInsert));
  EXPECT_TRUE(shows(none, "UPDATE t SET a = $1", Kind::kUpdate));
  EXPECT_TRUE(shows(none, "DELETE FROM t WHERE a = $1", Kind::kDelete));
}

TEST(HiddenValues, ARuleConcernsStatementsThatNameTableAndColumn) {
  const HiddenValues hidden({"users.email"});
  EXPECT_FALSE(shows(hidden, "SELECT * FROM users WHERE email = $1"));
  EXPECT_FALSE(shows(hidden, "SELECT * FROM public.Users u WHERE u.\"Email\" = $1 AND id = $2"));
  EXPECT_FALSE(shows(hidden, "WITH x AS (SELECT email AS e FROM users) SELECT * FROM x WHERE e = $1"));
  EXPECT_FALSE(shows(hidden, "UPDATE users SET email = $1 WHERE id = $2", Kind::kUpdate));
  EXPECT_FALSE(shows(hidden, "SELECT * FROM users JOIN logins USING (email) WHERE id = 7"));
  EXPECT_TRUE(shows(hidden, "SELECT * FROM users WHERE id = $1"));
  EXPECT_TRUE(shows(hidden, "SELECT * FROM customers WHERE email = $1"));
  EXPECT_TRUE(shows(hidden, "SELECT 'email' FROM users")) << "a value is no name";
  EXPECT_TRUE(shows(hidden, "SELECT id -- email\n FROM users"));
}

TEST(HiddenValues, StarsStandForAnyLetters) {
  const HiddenValues hidden({"*.*token*", "audit_*.*"});
  EXPECT_FALSE(shows(hidden, "SELECT * FROM t WHERE access_token_hash = $1"));
  EXPECT_FALSE(shows(hidden, "SELECT * FROM audit_2026 WHERE id = $1"));
  EXPECT_TRUE(shows(hidden, "SELECT * FROM audits WHERE id = $1"));
  // Rules about all columns are for what cannot be seen by the words.
  const HiddenValues whole({"users.*"});
  for (const char* sql : {"SELECT 1 FROM users AS u (a, b) WHERE b = $1", "SELECT 1 FROM users u WHERE to_jsonb(u) = $1",
                          "SELECT 1 FROM users WHERE users::text = 'x'", "SELECT 1 FROM users u WHERE u.* = ROW(1, 'x')",
                          "SELECT 1, 'x' INTERSECT SELECT * FROM users"})
    EXPECT_FALSE(shows(whole, sql)) << sql;
}

TEST(HiddenValues, AnInsertThatNamesNoColumnsMayFillEach) {
  const HiddenValues hidden({"users.email"});
  for (const char* sql :
       {"INSERT INTO users VALUES ($1, $2)", "INSERT INTO public.users AS u VALUES ($1)", "insert into users (SELECT $1)",
        "INSERT INTO users SELECT $1", "INSERT INTO users TABLE other", "INSERT INTO \"users\" DEFAULT VALUES",
        "INSERT INTO users ((SELECT $1))", "INSERT INTO users", "INSERT INTO users (VALUES ($1))",
        "WITH x AS (INSERT INTO users VALUES ($1) RETURNING 1) SELECT * FROM x"})
    EXPECT_FALSE(shows(hidden, sql, Kind::kInsert)) << sql;
  EXPECT_FALSE(shows(hidden, "MERGE INTO users USING n ON true WHEN NOT MATCHED THEN INSERT VALUES (1)", Kind::kMerge));
  EXPECT_TRUE(shows(hidden, "MERGE INTO users USING n ON true WHEN NOT MATCHED THEN INSERT (id) VALUES (1)", Kind::kMerge));
  for (const char* sql : {"INSERT INTO users (id) VALUES ($1)", "INSERT INTO a.users AS u (id) SELECT $1",
                          "INSERT INTO users AS u(\"id\", name) VALUES ($1, $2)", "INSERT INTO other VALUES ($1)"})
    EXPECT_TRUE(shows(hidden, sql, Kind::kInsert)) << sql;
}

TEST(HiddenValues, SecretsAreNeverShown) {
  const HiddenValues none;
  for (const char* sql :
       {"SELECT * FROM users WHERE password = $1", "SELECT user_Password_hash FROM t WHERE id = 1", "SELECT crypt('x', salt)",
        "SELECT pgp_sym_encrypt($1, $2)", "SELECT set_config('app.key', $1, false)", "SELECT dblink_connect('password=x')",
        "SELECT \"old passwd\" FROM t WHERE id = 4"})
    EXPECT_FALSE(shows(none, sql)) << sql;
  for (const Kind kind : {Kind::kUnknown, Kind::kDdl, Kind::kSet, Kind::kExecute, Kind::kPrepare, Kind::kDo, Kind::kCall,
                          Kind::kCopyFrom, Kind::kNotify, Kind::kOther, Kind::kExplain})
    EXPECT_FALSE(shows(none, "SELECT 1", kind)) << static_cast<int>(kind);
}

TEST(HiddenValues, WhatCannotBeReadToItsEndIsHidden) {
  const HiddenValues none;
  for (const char* sql : {"SELECT 'sec", "SELECT 'a\\' , x , '", "SELECT $x$sec", "SELECT 1 FROM t /* x", "SELECT 12abc",
                          "SELECT U&\"\\0065mail\" FROM t"})
    EXPECT_FALSE(shows(none, sql)) << sql;
}

TEST(HiddenValues, PatternsFitTheWhole) {
  EXPECT_TRUE(fits("email", "email"));
  EXPECT_TRUE(fits("", ""));
  EXPECT_TRUE(fits("", "*"));
  EXPECT_TRUE(fits("abcabd", "*ab*d"));
  EXPECT_TRUE(fits("aaab", "*ab"));
  EXPECT_TRUE(fits("x*y", "x**y"));
  EXPECT_FALSE(fits("emails", "email"));
  EXPECT_FALSE(fits("email", "e*x"));
  EXPECT_FALSE(fits("", "a"));
  EXPECT_FALSE(fits("a", ""));
}

TEST(HiddenValues, AHostilePatternCostsLittle) {
  const std::string text(10'000, 'a');
  EXPECT_FALSE(fits(text, "*a*a*a*a*a*a*a*a*a*a*b"));
}

}  // namespace
}  // namespace analyzer
