#include "admin/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>

#include "base/text.h"

namespace admin {

namespace {

std::vector<View> gather(std::initializer_list<std::vector<View> (*)()> parts) {
  std::vector<View> all;
  for (auto part : parts) {
    std::vector<View> views = part();
    std::move(views.begin(), views.end(), std::back_inserter(all));
  }
  return all;
}

const View* find(const std::vector<View>& views, std::string_view name) {
  const auto found = std::find_if(views.begin(), views.end(), [name](const View& view) {
    return base::equal_ignoring_case(name, view.name);
  });
  return found == views.end() ? nullptr : &*found;
}

}  // namespace

std::string pointer_text(uint64_t id) { return id == 0 ? "" : fmt::format("{:#x}", id); }
std::string fingerprint_text(uint64_t fingerprint) {
  return fingerprint == 0 ? "" : fmt::format("{:016x}", fingerprint);
}
int short_id(uint64_t id) { return static_cast<int>(id & 0x7fffffff); }

const std::vector<View>& all_views() {
  static const std::vector<View> views =
      gather({pool_views, stats_views, socket_views, pin_views, query_views, error_views, slow_views, trace_views, guard_views,
              alert_views, advice_views, history_views, lint_views, config_views, memory_views, table_views});
  return views;
}

const View* find_view(std::string_view name) { return find(all_views(), name); }

const View* find_table(std::string_view name) {
  for (const TableName& second : kSecondNames) {
    if (name == second.name) return find_view(second.view);
  }
  return name == base::to_lower(name) ? find_view(name) : nullptr;
}

const View* with_legacy_columns(const View* view) {
  static const std::vector<View> views = gather({legacy_pool_views, legacy_stats_views});
  const View* variant = find(views, view->name);
  return variant == nullptr ? view : variant;
}

}  // namespace admin
