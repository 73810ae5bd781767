#include "base/lru.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace base {
namespace {

std::vector<std::string> keys(const Lru<std::string, int>& lru) {
  std::vector<std::string> list;
  lru.for_each([&](const std::string& key, int) { list.push_back(key); });
  return list;
}

TEST(Lru, forgets_what_was_not_used_for_longest) {
  Lru<std::string, int> lru(2);
  lru.put("a", 1);
  lru.put("b", 2);
  ASSERT_NE(lru.find(std::string_view("a")), nullptr);
  lru.put("c", 3);
  EXPECT_EQ(keys(lru), (std::vector<std::string>{"c", "a"}));
  EXPECT_EQ(lru.find("b"), nullptr);
}

TEST(Lru, a_peek_is_no_use) {
  Lru<std::string, int> lru(2);
  lru.put("a", 1);
  lru.put("b", 2);
  EXPECT_EQ(*lru.peek("a"), 1);
  lru.put("c", 3);
  EXPECT_EQ(lru.peek("a"), nullptr);
}

TEST(Lru, counts_weights_and_makes_room_for_a_heavy_entry) {
  Lru<std::string, int> lru(10);
  lru.put("a", 1, 4);
  lru.put("b", 2, 4);
  std::vector<std::string> evicted;
  EXPECT_TRUE(lru.put("c", 3, 8, [&](const std::string& key, int&) { evicted.push_back(key); }));
  EXPECT_EQ(evicted, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(lru.weight(), 8U);
}

TEST(Lru, what_alone_is_too_heavy_is_not_kept_nor_is_what_it_replaces) {
  Lru<std::string, int> lru(10);
  lru.put("a", 1, 4);
  EXPECT_FALSE(lru.put("a", 2, 11));
  EXPECT_EQ(lru.size(), 0U);
  EXPECT_EQ(lru.weight(), 0U);
}

TEST(Lru, replacing_counts_the_new_weight_only) {
  Lru<std::string, int> lru(10);
  lru.put("a", 1, 9);
  lru.put("a", 2, 3);
  EXPECT_EQ(lru.weight(), 3U);
  EXPECT_EQ(*lru.find("a"), 2);
  EXPECT_TRUE(lru.erase("a"));
  EXPECT_FALSE(lru.erase("a"));
  EXPECT_EQ(lru.weight(), 0U);
}

TEST(Lru, a_lower_limit_takes_effect_at_once) {
  Lru<std::string, int> lru(3);
  lru.put("a", 1);
  lru.put("b", 2);
  lru.put("c", 3);
  lru.set_weight_max(1);
  EXPECT_EQ(keys(lru), (std::vector<std::string>{"c"}));
}

TEST(Lru, holds_values_that_only_move) {
  Lru<int, std::unique_ptr<int>> lru(1);
  lru.put(1, std::make_unique<int>(7));
  EXPECT_EQ(**lru.find(1), 7);
  lru.clear();
  EXPECT_EQ(lru.find(1), nullptr);
}

}  // namespace
}  // namespace base
