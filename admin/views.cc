#include "admin/views.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace admin {

namespace {

std::vector<View> gather() {
  std::vector<View> all;
  for (auto part : {pool_views, stats_views, socket_views, config_views, memory_views}) {
    std::vector<View> views = part();
    std::move(views.begin(), views.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

const std::vector<View>& all_views() {
  static const std::vector<View> views = gather();
  return views;
}

const View* find_view(std::string_view name) {
  const auto& views = all_views();
  const auto found = std::find_if(views.begin(), views.end(), [name](const View& view) {
    return base::equal_ignoring_case(name, view.name);
  });
  return found == views.end() ? nullptr : &*found;
}

}  // namespace admin
