// SHOW LISTS, MEM, DNS_HOSTS and DNS_ZONES.
#include <algorithm>

#include "admin/views.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::DnsHostRow;
using pooler::Inspector;
using pooler::ListRow;
using pooler::MemRow;

// Readers of SHOW LISTS expect these rows in this order, also those that Weir has none of.
constexpr std::string_view kLists[] = {
    "databases",    "users",        "peers",         "pools",        "peer_pools", "free_clients", "used_clients",
    "login_clients", "free_servers", "used_servers", "dns_names",    "dns_zones",  "dns_queries",  "dns_pending"};

// The console counts as a database, a user and a pool, as it does in DATABASES, USERS and POOLS.
int64_t own_part(std::string_view list) { return list == "databases" || list == "users" || list == "pools" ? 1 : 0; }

void read_lists(const Sources& sources, const Inspector::Then<ListRow>& then) {
  sources.inspector.lists([then](const std::vector<ListRow>& rows) {
    std::vector<ListRow> lists;
    for (std::string_view name : kLists) {
      ListRow& list = lists.emplace_back(ListRow{std::string(name), own_part(name)});
      for (const ListRow& row : rows) {
        if (row.list == name) list.items += row.items;
      }
    }
    then(std::move(lists));
  });
}

struct DnsZoneRow {
  std::string zone;
  int64_t serial = 0;
  int count = 0;
};

}  // namespace

std::vector<View> memory_views() {
  std::vector<View> views;
  views.push_back(make_view("LISTS", "How many there are of everything.", ConsoleRole::kStats,
                            Columns<ListRow>{{"list", "Name of the list.", &ListRow::list},
                                             {"items", "Its length.",
                                              [](const ListRow& row) { return static_cast<int>(row.items); }}},
                            read_lists));
  views.push_back(make_view(
      "MEM", "Memory by purpose.", ConsoleRole::kStats,
      Columns<MemRow>{{"name", "What it is for.", &MemRow::name},
                      {"size", "Bytes of one.", &MemRow::size},
                      {"used", "How many are in use.", &MemRow::used},
                      {"free", "How many are kept for later.", &MemRow::free},
                      {"memtotal", "Bytes of all.", &MemRow::memtotal}},
      [](const Sources& sources, const Inspector::Then<MemRow>& then) { sources.inspector.mem(then); }));
  views.push_back(make_view(
      "DNS_HOSTS", "Host names and the addresses found for them.", ConsoleRole::kStats,
      Columns<DnsHostRow>{{"hostname", "The name.", &DnsHostRow::hostname},
                          {"ttl", "Seconds until it is looked up again.", &DnsHostRow::ttl},
                          {"addrs", "Its addresses.", &DnsHostRow::addrs}},
      [](const Sources& sources, const Inspector::Then<DnsHostRow>& then) { sources.inspector.dns_hosts(then); }));
  views.push_back(make_view(
      "DNS_ZONES", "Always empty: Weir looks names up again when they expire and watches no zone's serial number.",
      ConsoleRole::kStats,
      Columns<DnsZoneRow>{{"zonename", "Name of the zone.", &DnsZoneRow::zone},
                          {"serial", "Its serial number.", &DnsZoneRow::serial},
                          {"count", "Host names in it.", &DnsZoneRow::count}},
      [](const Sources&, const Inspector::Then<DnsZoneRow>& then) { then(std::vector<DnsZoneRow>()); }));
  return views;
}

}  // namespace admin
