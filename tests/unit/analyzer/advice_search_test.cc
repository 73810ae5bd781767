#include "analyzer/advice_search.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace analyzer {
namespace {

bool has(const IndexSet& set, std::size_t index) { return std::find(set.begin(), set.end(), index) != set.end(); }

SearchInput input(std::vector<double> ms_per_hour, std::size_t indexes,
                  std::function<double(std::size_t, const IndexSet&)> cost) {
  SearchInput out;
  IndexSet all;
  for (std::size_t i = 0; i < indexes; ++i) {
    all.push_back(i);
    out.indexes.push_back({.table = 0, .penalty = 0, .bytes = 100});
  }
  for (const double ms : ms_per_hour)
    out.queries.push_back({.ms_per_hour = ms, .ms_per_call = 1, .calls = 100, .relevant = all});
  out.cost = std::move(cost);
  out.out_of_time = [] { return false; };
  return out;
}

TEST(AdviceSearch, TakesTheBestOfSeveral) {
  const auto found = search(input({100'000}, 3, [](std::size_t, const IndexSet& set) {
    return has(set, 1) ? 10.0 : has(set, 0) || has(set, 2) ? 50.0 : 1000.0;
  }));
  EXPECT_EQ(found.chosen, IndexSet{1});
  EXPECT_LT(found.after, found.before);
  EXPECT_FALSE(found.truncated);
}

TEST(AdviceSearch, FromSmallToSmallerCountsToo) {
  const auto found = search(input({1'000'000}, 2, [](std::size_t, const IndexSet& set) {
    return has(set, 1) ? 1.0 : has(set, 0) ? 10.0 : 10'000.0;
  }));
  EXPECT_EQ(found.chosen, IndexSet{1});
}

TEST(AdviceSearch, TakesPairsThatOnlyHelpTogether) {
  SearchInput pair = input({100'000}, 2, [](std::size_t, const IndexSet& set) { return set.size() == 2 ? 5.0 : 1000.0; });
  EXPECT_TRUE(search(pair).chosen.empty());
  pair.moves = {{0, 1}};
  EXPECT_EQ(search(pair).chosen, (IndexSet{0, 1}));
}

TEST(AdviceSearch, WritesWeighAgainstReads) {
  SearchInput heavy = input({10'000}, 1, [](std::size_t, const IndexSet& set) { return set.empty() ? 1000.0 : 10.0; });
  EXPECT_EQ(search(heavy).chosen, IndexSet{0});
  heavy.indexes[0].penalty = 50'000;
  EXPECT_TRUE(search(heavy).chosen.empty());
}

TEST(AdviceSearch, FromSmallToSmallerDoesNotPayForWrites) {
  SearchInput written = input({100'000}, 2, [](std::size_t, const IndexSet& set) {
    return has(set, 1) ? 1.0 : has(set, 0) ? 100.0 : 1000.0;
  });
  written.indexes[1].penalty = 30'000;
  EXPECT_EQ(search(written).chosen, IndexSet{0});
}

TEST(AdviceSearch, WhatSavesLittleIsNotWorthIt) {
  EXPECT_TRUE(
      search(input({500}, 1, [](std::size_t, const IndexSet& set) { return set.empty() ? 1000.0 : 1.0; })).chosen.empty());
}

TEST(AdviceSearch, ASlowStatementIsHelpedWhateverTheRestCosts) {
  SearchInput slow =
      input({1e9, 900}, 1, [](std::size_t query, const IndexSet& set) { return query == 1 && !set.empty() ? 10.0 : 1000.0; });
  slow.queries[1].ms_per_call = 90;
  slow.queries[1].calls = 10;
  EXPECT_EQ(search(slow).chosen, IndexSet{0});
}

TEST(AdviceSearch, SizesAreBounded) {
  SearchInput sized =
      input({100'000, 90'000}, 2, [](std::size_t query, const IndexSet& set) { return has(set, query) ? 1.0 : 1000.0; });
  EXPECT_EQ(search(sized).chosen, (IndexSet{0, 1}));
  sized.bytes_max = 150;
  EXPECT_EQ(search(sized).chosen, IndexSet{0});
}

TEST(AdviceSearch, WhatALaterOneMakesSuperfluousGoes) {
  // 0 helps both a little and is taken first; 1 and 2 then do all of it.
  const auto found = search(input({100'000, 100'000}, 3, [](std::size_t query, const IndexSet& set) {
    if (has(set, query + 1)) return 10.0;
    return has(set, 0) ? 400.0 : 1000.0;
  }));
  EXPECT_EQ(found.chosen, (IndexSet{1, 2}));
}

TEST(AdviceSearch, WhenTimeIsUpItChoosesFromWhatIsKnown) {
  SearchInput late =
      input({100'000, 90'000}, 2, [](std::size_t query, const IndexSet& set) { return has(set, query) ? 1.0 : 1000.0; });
  late.out_of_time = [] { return true; };
  const auto found = search(late);
  EXPECT_TRUE(found.truncated);
  EXPECT_EQ(found.chosen, (IndexSet{0, 1}));
}

TEST(AdviceSearch, WhenTimeIsUpAnIndexThatServesManyIsSeenToByAllOfThem) {
  // Each query has a pair of its own, and one index is in all of them: no pair is worth it for one query.
  SearchInput late = input({100'000, 100'000, 100'000}, 4, [](std::size_t query, const IndexSet& set) {
    return has(set, 0) && has(set, query + 1) ? 1.0 : 1000.0;
  });
  late.moves = {{0, 1}, {0, 2}, {0, 3}};
  for (SearchIndex& index : late.indexes) index.penalty = 80'000;
  EXPECT_TRUE(search(late).chosen.empty());
  late.out_of_time = [] { return true; };
  EXPECT_EQ(search(late).chosen, (IndexSet{0, 1, 2, 3}));
}

TEST(AdviceSearch, WhatSavedLessIsLookedAtAgainOnlyWhenNothingElseIsLeft) {
  // Each of ten indexes helps its own query, the first the most.
  std::vector<double> times;
  for (int i = 0; i < 10; ++i) times.push_back(1'000'000 - 1000 * i);
  std::size_t asked = 0;
  const auto found = search(input(times, 10, [&asked](std::size_t query, const IndexSet& set) {
    ++asked;
    return has(set, query) ? 1.0 : 1000.0;
  }));
  EXPECT_EQ(found.chosen.size(), 5U) << "of one table";
  EXPECT_LT(asked, 300U) << "all of them in each round are more than 400";
}

TEST(AdviceSearch, WhatAQueryHasNoUseForIsNotMeasuredForItBesideOthers) {
  std::size_t together = 0;
  SearchInput two = input({100'000, 90'000}, 2, [&together](std::size_t query, const IndexSet& set) {
    together += set.size() > 1 ? 1 : 0;
    return has(set, query) ? 1.0 : 1000.0;
  });
  EXPECT_EQ(search(two).chosen, (IndexSet{0, 1}));
  EXPECT_EQ(together, 0U);
  two.moves = {{0, 1}};  // these may be
  EXPECT_EQ(search(two).chosen, (IndexSet{0, 1}));
  EXPECT_GT(together, 0U);
}

}  // namespace
}  // namespace analyzer
