#include "conf/find_field.h"

#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <vector>

namespace conf {
namespace {

template <typename Section>
void each_is_found_by_its_name() {
  std::vector<std::string_view> names;
  for_each_field<Section>([&](const auto& field) { names.push_back(field.name); });
  std::optional<std::size_t> last;
  for (const std::string_view name : names) {
    const auto index = field_index<Section>(name);
    ASSERT_TRUE(index) << name;
    EXPECT_TRUE(!last || *index > *last) << "not in the order of the table: " << name;
    last = index;
    std::string_view seen;
    EXPECT_TRUE(find_field<Section>(name, [&](const auto& found) { seen = found.name; }));
    EXPECT_EQ(seen, name);
  }
  EXPECT_FALSE(names.empty());
}

TEST(FindField, EverySettingIsFoundByItsName) {
  each_is_found_by_its_name<Weir>();
  each_is_found_by_its_name<Workers>();
  each_is_found_by_its_name<History>();
  each_is_found_by_its_name<Advice>();
  each_is_found_by_its_name<Database>();
  each_is_found_by_its_name<User>();
  each_is_found_by_its_name<Peer>();
}

TEST(FindField, TheMemberIsTheOneOfThatName) {
  Weir weir;
  find_field<Weir>("listen_port", [&](const auto& field) {
    if constexpr (requires { weir.*(field.member) = 7; }) weir.*(field.member) = 7;
  });
  EXPECT_EQ(weir.listen_port, 7);
}

TEST(FindField, OtherNamesAndHeadingsAreNotFound) {
  bool visited = false;
  for (const char* name : {"", "listen", "Listening", "LISTEN_PORT", "listen_port "})
    EXPECT_FALSE(find_field<Weir>(name, [&](const auto&) { visited = true; })) << name;
  visit_field<Weir>(0, [&](const auto&) { visited = true; });  // "Listening"
  EXPECT_FALSE(visited);
}

}  // namespace
}  // namespace conf
