#include "analyzer/tree.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace analyzer {
namespace {

TEST(Tree, HasMembersItemsTextsNumbersAndFlags) {
  Tree tree;
  ASSERT_TRUE(tree.read(R"({"a":[{"X":{"n":-7,"t":"q\"\u00e9\n"}},{"Y":{}}],"b":true,"c":false,"d":null})"));
  const Node root = tree.root();
  EXPECT_EQ(root.size(), 4u);
  const Node list = root["a"];
  EXPECT_EQ(list.size(), 2u);
  const Node x = list.inner()["X"];
  EXPECT_EQ(x["n"].number(), -7);
  EXPECT_EQ(x["t"].text(), "q\"\xc3\xa9\n");
  EXPECT_TRUE(x["t"].is_text() && !x["n"].is_text());
  EXPECT_EQ(list.inner().inner(), x);
  EXPECT_EQ(x.parent().parent(), list);
  EXPECT_TRUE(root["b"].flag() && !root["c"].flag() && !root["d"].flag());
  EXPECT_EQ(root["b"].key(), "b");
  std::vector<std::string> keys;
  for (const Node item : list) keys.emplace_back(item.inner().key());
  EXPECT_EQ(keys, (std::vector<std::string>{"X", "Y"}));
}

TEST(Tree, WhatIsNotThereIsNothing) {
  Tree tree;
  ASSERT_TRUE(tree.read(R"({"a":{}})"));
  const Node nothing = tree.root()["b"];
  EXPECT_FALSE(nothing);
  EXPECT_FALSE(nothing["c"]["d"]);
  EXPECT_EQ(nothing.text(), "");
  EXPECT_EQ(nothing.number(5), 5);
  EXPECT_EQ(nothing.size(), 0u);
  EXPECT_FALSE(nothing.parent());
  EXPECT_FALSE(tree.root().parent());
  EXPECT_TRUE(tree.root().has("a") && !tree.root()["a"].inner());
}

TEST(Tree, IsInOrderAndKnowsWhatIsInside) {
  Tree tree;
  ASSERT_TRUE(tree.read(R"({"a":{"b":[1,2]},"c":3})"));
  const Node a = tree.root()["a"];
  const Node c = tree.root()["c"];
  EXPECT_EQ(tree.size(), 6u);
  EXPECT_EQ(a.total(), 4u);
  EXPECT_TRUE(a.contains(a["b"].inner()) && !a.contains(c) && a.before(c));
  EXPECT_EQ(tree.at(c.position()), c);
}

TEST(Tree, RefusesWhatIsNotJson) {
  Tree tree;
  for (const auto* text : {"", "{", "{\"a\":}", "[1,]", "{} x", "nul"}) {
    EXPECT_FALSE(tree.read(text)) << text;
    EXPECT_FALSE(tree.root());
  }
}

TEST(Tree, DepthCostsNoStackAndHasABound) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  Tree tree;
  ASSERT_TRUE(tree.read(nested(Tree::kDepthMax)));
  EXPECT_EQ(tree.size(), Tree::kDepthMax);
  EXPECT_FALSE(tree.read(nested(Tree::kDepthMax + 1)));
  ASSERT_TRUE(tree.read("[1]"));  // and may be used again
  EXPECT_EQ(tree.root().inner().number(), 1);
}

}  // namespace
}  // namespace analyzer
