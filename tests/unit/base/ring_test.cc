#include "base/ring.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

namespace base {
namespace {

TEST(Ring, IsAQueueWhateverItsPlacesHaveHeld) {
  Ring<int, 2> ring;
  std::deque<int> expected;
  EXPECT_TRUE(ring.empty());
  for (int i = 0; i < 1000; ++i) {
    // Longer and shorter in turn, so that its head stands at each place when it grows.
    const bool take = !expected.empty() && (i % 7 == 3 || i % 11 == 5 || expected.size() > 40);
    if (take) {
      ring.pop_front();
      expected.pop_front();
    } else {
      ring.push_back() = i;
      expected.push_back(i);
      EXPECT_EQ(ring.back(), i);
    }
    ASSERT_EQ(ring.size(), expected.size());
    if (!expected.empty()) {
      ASSERT_EQ(ring.front(), expected.front());
    }
    for (std::size_t at = 0; at < expected.size(); ++at) ASSERT_EQ(ring[at], expected[at]);
  }
}

TEST(Ring, APlaceKeepsWhatLayThereUntilItIsUsedAgain) {
  Ring<std::shared_ptr<int>, 2> ring;
  const auto kept = std::make_shared<int>(7);
  ring.push_back() = kept;
  ring.pop_front();
  EXPECT_EQ(kept.use_count(), 2);
  ring.push_back() = nullptr;
  ring.push_back() = nullptr;
  EXPECT_EQ(kept.use_count(), 1);
}

}  // namespace
}  // namespace base
