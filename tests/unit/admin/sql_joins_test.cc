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

// Without a look-up by value these are four hundred million pairs.
TEST_F(SqlJoins, OfManyRowsAreLookedUp) {
  constexpr uint64_t kMany = 20'000;
  inspector.client_rows.assign(kMany, inspector.client_rows[0]);
  for (uint64_t i = 0; i < kMany; ++i) {
    pooler::SocketRow& client = inspector.client_rows[i];
    client.id = i + 1;
    client.link_id = i % 4 == 0 ? kMany + i + 1 : 0;
    pooler::SocketRow& server = inspector.server_rows.emplace_back(client);
    server.type = 'S';
    server.id = kMany + i + 1;
    server.link_id = i + 1;
  }
  EXPECT_EQ(ask("SELECT count(*) FROM clients c JOIN servers s ON s.ptr = c.link"), "5000");
  EXPECT_EQ(ask("SELECT count(*), count(s.id) FROM clients c LEFT JOIN servers s ON s.id = c.id + 20000"), "20000|20000");
  EXPECT_EQ(ask("SELECT count(*) FROM clients WHERE id = (SELECT max(id) - 20000 FROM servers)"), "1");
  EXPECT_EQ(ask("SELECT s.ptr FROM servers s WHERE s.id = $1", {int64_t{20'001}}), "0x4e21");
}

TEST_F(SqlJoins, ALookUpFindsWhatAComparisonFinds) {
  EXPECT_EQ(ask("SELECT \"user\" FROM pools WHERE cl_active = 10.0"), "alice");
  EXPECT_EQ(ask("SELECT \"user\" FROM pools WHERE cl_active = 10.5"), "");
  EXPECT_EQ(ask("SELECT \"user\" FROM pools WHERE database = NULL"), "");
  EXPECT_EQ(ask("SELECT \"user\" FROM pools WHERE load_balance_hosts = ''"), "");  // NULL in all of them
  EXPECT_EQ(ask("SELECT \"user\" FROM pools WHERE database = $1", {"shop"}), "alice");
  EXPECT_EQ(ask("SELECT id FROM clients WHERE application_name = ''"), "3");
}

TEST_F(SqlJoins, AreCounted) {
  std::string sql = "SELECT 1 FROM state t0";
  for (int i = 1; i < 70; ++i) sql += ", state t" + std::to_string(i);
  EXPECT_EQ(ask(sql), "54001 at most 64 tables can be joined");
}

}  // namespace
}  // namespace admin
