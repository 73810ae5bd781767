#include "pooler/key_cache.h"

#include <gtest/gtest.h>

namespace pooler {
namespace {

using conf::Secret;

TEST(KeyCache, GivesAKeyToWhoGivesItsPassword) {
  KeyCache cache;
  EXPECT_FALSE(cache.find("alice", "salt", 4096, Secret("pw")));
  cache.put("alice", "salt", 4096, Secret("pw"), Secret("key"));
  const auto found = cache.find("alice", "salt", 4096, Secret("pw"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->reveal(), "key");
}

TEST(KeyCache, AnythingElseThanWhatItWasMadeOfFindsNothing) {
  KeyCache cache;
  cache.put("alice", "salt", 4096, Secret("pw"), Secret("key"));
  EXPECT_FALSE(cache.find("alice", "salt", 4096, Secret("pw2")));
  EXPECT_FALSE(cache.find("alice", "salt", 4096, Secret("")));
  EXPECT_FALSE(cache.find("bob", "salt", 4096, Secret("pw")));
  EXPECT_FALSE(cache.find("alice", "tlas", 4096, Secret("pw")));
  EXPECT_FALSE(cache.find("alice", "salt", 4097, Secret("pw")));
}

TEST(KeyCache, TheEndOfASaltIsNotTheBeginningOfAName) {
  KeyCache cache;
  cache.put("bob", std::string_view("salt\0x", 6), 1, Secret("pw"), Secret("key"));
  EXPECT_FALSE(cache.find("xbob", std::string_view("salt\0", 5), 1, Secret("pw")));
  EXPECT_FALSE(cache.find("ob", std::string_view("salt\0xb", 7), 1, Secret("pw")));
}

TEST(KeyCache, ANewPasswordTakesThePlaceOfTheOld) {
  KeyCache cache;
  cache.put("alice", "salt", 4096, Secret("old"), Secret("key 1"));
  cache.put("alice", "salt", 4096, Secret("new"), Secret("key 2"));
  EXPECT_FALSE(cache.find("alice", "salt", 4096, Secret("old")));
  EXPECT_EQ(cache.find("alice", "salt", 4096, Secret("new"))->reveal(), "key 2");
}

TEST(KeyCache, IsBounded) {
  KeyCache cache;
  for (int i = 0; i <= 10'000; ++i) cache.put("user " + std::to_string(i), "salt", 1, Secret("pw"), Secret("key"));
  EXPECT_FALSE(cache.find("user 0", "salt", 1, Secret("pw"))) << "the oldest one has gone";
  EXPECT_TRUE(cache.find("user 10000", "salt", 1, Secret("pw")));
}

}  // namespace
}  // namespace pooler
