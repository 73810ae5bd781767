#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sql_support.h"

namespace admin {
namespace {

class SqlJoins : public testing::Test, protected SqlWorld {
 protected:
  const std::string ab = "(VALUES (1, 'a'), (2, 'b')) l(id, x)", bc = "(VALUES (2, 'B'), (3, 'C')) r(id, y)";
};

TEST_F(SqlJoins, OnConditions) {
  EXPECT_EQ(ask("SELECT x, y FROM " + ab + " JOIN " + bc + " ON l.id = r.id"), "b|B");
  EXPECT_EQ(ask("SELECT x, y FROM " + ab + " LEFT JOIN " + bc + " ON l.id = r.id ORDER BY x"), "a|- b|B");
  EXPECT_EQ(ask("SELECT x, y FROM " + ab + " RIGHT JOIN " + bc + " ON l.id = r.id ORDER BY y"), "b|B -|C");
  EXPECT_EQ(ask("SELECT count(*) FROM " + ab + " CROSS JOIN " + bc), "4");
  EXPECT_EQ(ask("SELECT c.id, p.pool_mode FROM clients c JOIN pools p ON p.database = c.database AND "
                "p.\"user\" = c.\"user\" WHERE c.id < 3 ORDER BY c.id"),
            "1|transaction 2|session");
}

TEST_F(SqlJoins, UsingMergesColumns) {
  EXPECT_EQ(ask("SELECT * FROM " + ab + " JOIN " + bc + " USING (id)"), "2|b|B");
  EXPECT_EQ(ask("SELECT * FROM " + ab + " NATURAL FULL JOIN " + bc + " ORDER BY id"), "1|a|- 2|b|B 3|-|C");
  EXPECT_EQ(ask("SELECT id, y FROM " + ab + " RIGHT JOIN " + bc + " USING (id) ORDER BY id"), "2|B 3|C");
  EXPECT_EQ(columns("SELECT l.id, r.id FROM " + ab + " JOIN " + bc + " USING (id)"), "id:int4 id:int4");
  EXPECT_EQ(ask("SELECT 1 FROM " + ab + " JOIN " + bc + " USING (z)"),
            "42703 column \"z\" specified in USING clause does not exist in left table");
}

TEST_F(SqlJoins, JoinsOfJoins) {
  EXPECT_EQ(ask("SELECT count(*) FROM pools a JOIN (pools b JOIN pools c ON b.database = c.database AND b.\"user\" = "
                "c.\"user\") ON a.database = b.database AND a.\"user\" = b.\"user\""),
            "4");
}

TEST_F(SqlJoins, AreCounted) {
  std::string sql = "SELECT 1 FROM state t0";
  for (int i = 1; i < 70; ++i) sql += ", state t" + std::to_string(i);
  EXPECT_EQ(ask(sql), "54001 at most 64 tables can be joined");
}

}  // namespace
}  // namespace admin
