#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace base {
namespace {

TEST(Random, bytes_are_as_many_as_asked_for_and_differ_each_time) {
  EXPECT_EQ(secure_bytes(0), "");
  EXPECT_EQ(secure_bytes(33).size(), 33U);
  EXPECT_NE(secure_bytes(16), secure_bytes(16));
  // Longer than one call to the generator; all zeros at the end would mean it stopped early.
  const std::string many = secure_bytes((1 << 20) + 64);
  EXPECT_NE(many.substr(many.size() - 64), std::string(64, '\0'));
}

TEST(Random, numbers_use_all_their_bits) {
  uint64_t any = 0;
  uint64_t all = ~uint64_t{0};
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t number = random_u64();
    any |= number;
    all &= number;
    seen.insert(number);
  }
  EXPECT_EQ(any, ~uint64_t{0});
  EXPECT_EQ(all, 0U);
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(Random, threads_get_different_numbers_and_no_size_leaves_a_byte_out) {
  std::array<std::vector<std::string>, 2> got;
  std::array<std::thread, 2> threads;
  for (std::size_t t = 0; t < threads.size(); ++t)
    threads[t] = std::thread([&mine = got[t]] {
      for (std::size_t i = 0; i < 500; ++i) mine.push_back(secure_bytes(8 + i % 80));
    });
  for (auto& thread : threads) thread.join();
  std::set<std::string> seen;
  for (const auto& mine : got)
    for (const std::string& bytes : mine) seen.insert(bytes.substr(bytes.size() - 8));
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(Random, equality_sees_every_byte_and_the_length) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("secret", "secret"));
  EXPECT_FALSE(constant_time_equal("secret", "Secret"));
  EXPECT_FALSE(constant_time_equal("secret", "secreT"));
  EXPECT_FALSE(constant_time_equal("secret", "secrets"));
  EXPECT_FALSE(constant_time_equal("", "s"));
  EXPECT_FALSE(constant_time_equal(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

}  // namespace
}  // namespace base
