#include "pooler/params.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <mutex>

#include "base/text.h"

namespace pooler {
namespace {

// postgresql.org, manual, "Asynchronous Operations": what 15 reports, less what no client can set.
constexpr std::array<std::string_view, 7> kReported{
    "application_name",
    "client_encoding",
    "datestyle",
    "default_transaction_read_only",
    "intervalstyle",
    "standard_conforming_strings",
    "timezone",
};

// In the order in which they are set: the first resets the second.
constexpr std::array<std::string_view, 2> kIdentity{"session_authorization", "role"};

template <typename List>
auto position(List& list, std::string_view name) {
  return std::lower_bound(list.begin(), list.end(), name,
                          [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
}

void put(ParamList& list, std::string_view name, std::string_view value) {
  const auto at = position(list, name);
  if (at != list.end() && at->first == name)
    at->second = value;
  else
    list.emplace(at, std::string(name), std::string(value));
}

void take(ParamList& list, std::string_view name) {
  const auto at = position(list, name);
  if (at != list.end() && at->first == name) list.erase(at);
}

std::string set_config_call(std::string_view name, std::string_view value) {
  return "pg_catalog.set_config(" + base::quote_literal(name) + "," + base::quote_literal(value) + ",false)";
}

}  // namespace

ParamsPtr intern_params(ParamList list) {
  static auto& mutex = *new std::mutex;
  static auto& known = *new std::map<ParamList, std::weak_ptr<const ParamList>>;
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(list); found != known.end()) {
    if (auto alive = found->second.lock()) return alive;
  } else if (known.size() > 64 && known.size() % 64 == 0) {
    std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  }
  auto fresh = std::make_shared<const ParamList>(list);
  known[std::move(list)] = fresh;
  return fresh;
}

const std::string* find_param(const ParamList& list, std::string_view name) {
  const auto at = position(list, name);
  return at != list.end() && at->first == name ? &at->second : nullptr;
}

bool standard_strings(const ParamList& list) {
  const std::string* strings = find_param(list, "standard_conforming_strings");
  return strings == nullptr || *strings == "on";
}

std::string_view application_name(const ParamsPtr& params) {
  const std::string* name = params ? find_param(*params, "application_name") : nullptr;
  return name != nullptr ? std::string_view(*name) : std::string_view();
}

ParamList with_param(ParamList list, std::string_view name, const std::string* value) {
  if (value != nullptr)
    put(list, name, *value);
  else
    take(list, name);
  return list;
}

bool is_reported_and_settable(std::string_view name) {
  return std::find(kReported.begin(), kReported.end(), name) != kReported.end();
}

void ServerParams::on_reported(std::string_view name, std::string_view value, Cause cause) {
  const std::string key = base::to_lower(name);
  put(values_, key, value);
  if (cause == Cause::kServer) put(login_, key, value);
  if (cause != Cause::kOurs) {
    take(asked_, key);
    synced_to_.reset();
  }
}

std::string ServerParams::plan(const ParamsPtr& client) const {
  if (client == synced_to_) return {};
  std::string calls, resets;
  const auto has = [this](std::string_view name, const std::string& value) {
    const std::string* have = find_param(values_, name);
    const std::string* asked = find_param(asked_, name);
    return have != nullptr && (*have == value || (asked != nullptr && *asked == value));
  };
  bool same_identity = true;
  for (const std::string_view name : kIdentity) {
    const std::string* wanted = find_param(*client, name);
    const std::string* have = find_param(extra_, name);
    same_identity = same_identity && (wanted == nullptr ? have == nullptr : have != nullptr && *have == *wanted);
  }
  for (const auto& [name, value] : *client)
    if (!is_identity(name) && !has(name, value)) calls += (calls.empty() ? "SELECT " : ",") + set_config_call(name, value);
  for (const auto& [name, value] : extra_)
    if (!is_identity(name) && find_param(*client, name) == nullptr) resets += "RESET " + quote_parameter(name) + ";";
  for (const auto& [name, value] : login_) {
    if (!is_reported_and_settable(name) || find_param(*client, name) != nullptr) continue;
    const std::string* have = find_param(values_, name);
    if (have != nullptr && *have != value) resets += "RESET " + quote_parameter(name) + ";";
  }
  if (resets.empty() && calls.empty() && same_identity) return {};
  std::string first;
  for (const std::string_view name : kIdentity)
    if (find_param(extra_, name) != nullptr) first = "SET SESSION AUTHORIZATION DEFAULT;RESET ROLE;";
  for (const std::string_view name : kIdentity)
    if (const std::string* wanted = find_param(*client, name))
      calls += (calls.empty() ? "SELECT " : ",") + set_config_call(name, *wanted);
  return first + resets + calls;
}

void ServerParams::on_set(std::string_view name, std::string_view value) {
  synced_to_.reset();
  if (is_reported_and_settable(name)) {
    put(asked_, name, value);
  } else {
    if (name == "session_authorization") on_unset("role");  // which it resets
    put(extra_, name, value);
    put(values_, name, value);
  }
}

void ServerParams::on_unset(std::string_view name) {
  synced_to_.reset();
  take(asked_, name);
  if (name == "session_authorization") on_unset("role");  // which it resets
  if (find_param(extra_, name) == nullptr) return;
  take(extra_, name);
  take(values_, name);
}

void ServerParams::on_planned(const ParamsPtr& client) {
  if (client == synced_to_) return;
  for (const auto& [name, value] : *client) {
    const std::string* have = find_param(values_, name);
    if (have == nullptr || *have != value) on_set(name, value);
  }
  for (std::size_t i = extra_.size(); i-- > 0;) {
    if (find_param(*client, extra_[i].first) != nullptr) continue;
    take(values_, extra_[i].first);
    extra_.erase(extra_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  synced_to_ = client;
}

void ServerParams::on_reset() {
  extra_.clear();
  asked_.clear();
  values_ = login_;
  synced_to_.reset();
}

std::string quote_parameter(std::string_view name) {
  std::string out;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    out += base::quote_identifier(name.substr(0, dot)) + ".";
    name.remove_prefix(dot + 1);
  }
  return out + base::quote_identifier(name);
}

bool is_identity(std::string_view name) { return std::find(kIdentity.begin(), kIdentity.end(), name) != kIdentity.end(); }

std::string set_statement(std::string_view name, std::string_view value) {
  return "SELECT " + set_config_call(name, value);
}

}  // namespace pooler
