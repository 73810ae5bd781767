#include "analyzer/statement_trace.h"

#include <gtest/gtest.h>

#include "analyzer/analyze.h"

namespace analyzer {
namespace {

std::string collection_of(std::string_view sql) {
  Skeleton skeleton;
  skeleton.make(sql, true);
  return only_collection(analyze(sql, true, skeleton, {}).analysis->statements.front());
}

TEST(StatementTrace, TheOperationIsTheCommand) {
  EXPECT_EQ(operation_name(Kind::kSelect, "WITH x AS (SELECT $1) SELECT * FROM x"), "SELECT");
  EXPECT_EQ(operation_name(Kind::kCopyTo, "COPY t TO STDOUT"), "COPY");
  EXPECT_EQ(operation_name(Kind::kDdl, "create table t (a int)"), "CREATE");
  EXPECT_EQ(operation_name(Kind::kBegin, "BEGIN"), "BEGIN");
  EXPECT_EQ(operation_name(Kind::kUnknown, "selekt 1"), "SELEKT");
}

TEST(StatementTrace, WhatIsNoCommandHasNoName) {
  EXPECT_EQ(operation_name(Kind::kUnknown, ""), "");
  EXPECT_EQ(operation_name(Kind::kUnknown, "$1"), "");
  EXPECT_EQ(operation_name(Kind::kEmpty, ";"), "");
  EXPECT_EQ(operation_name(Kind::kUnknown, std::string(1000, 'x')), "") << "the number of operations has to be small";
}

TEST(StatementTrace, OneTableIsItsCollection) {
  EXPECT_EQ(collection_of("SELECT * FROM orders WHERE id = 1"), "orders");
  EXPECT_EQ(collection_of("SELECT * FROM shop.orders"), "shop.orders");
  EXPECT_EQ(collection_of("SELECT * FROM orders a JOIN orders b USING (id)"), "orders");
  EXPECT_EQ(collection_of("SELECT * FROM orders, customers"), "");
  EXPECT_EQ(collection_of("SELECT * FROM orders, shop.orders"), "");
  EXPECT_EQ(collection_of("SELECT 1"), "");
}

}  // namespace
}  // namespace analyzer
