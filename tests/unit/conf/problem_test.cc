#include "conf/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace conf {
namespace {

TEST(Problem, TextHasThePlaceWhenThereIsOne) {
  EXPECT_EQ(to_text(Problem{"a.toml", 2, 8, "wrong"}), "a.toml:2:8: wrong");
  EXPECT_EQ(to_text(Problem{"a.toml", 0, 0, "wrong"}), "a.toml: wrong");
  EXPECT_EQ(to_text(Problem{"a\nb", 1, 1, "wrong"}), "a\\nb:1:1: wrong");
}

TEST(Problem, SortedByFileAsFirstMetThenLine) {
  std::vector<Problem> problems{
      {"b", 9, 1, "1"}, {"a", 1, 1, "2"}, {"b", 2, 5, "3"}, {"b", 2, 3, "4"}, {"b", 9, 1, "1"}};
  sort_problems(problems);
  EXPECT_EQ(to_text(problems), "b:2:3: 4\nb:2:5: 3\nb:9:1: 1\na:1:1: 2\n");
}

}  // namespace
}  // namespace conf
