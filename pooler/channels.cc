#include "pooler/channels.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace pooler {
namespace {

constexpr std::size_t kNameBytes = 63;
// Connections that may be lost under a request before it is to blame.
constexpr int kLossesMax = 1;

void add_statement(std::string& sql, std::string_view command, std::string_view channel) {
  if (!sql.empty()) sql += ';';
  sql += command;
  sql += base::quote_identifier(channel);
}

}  // namespace

std::string channel_name(std::string_view name) {
  if (name.size() <= kNameBytes) return std::string(name);
  std::size_t end = kNameBytes;
  const auto continues = [name](std::size_t i) { return (static_cast<unsigned char>(name[i]) & 0xC0) == 0x80; };
  // Back over a character that would be cut; what is no UTF-8 is cut where it is.
  while (end > kNameBytes - 3 && continues(end)) --end;
  if (continues(end)) end = kNameBytes;
  return std::string(name.substr(0, end));
}

base::Status Channels::ask(Request request) {
  if (channels_.size() + waiting_names_ + request.channels.size() > limit_)
    return base::configuration_limit("too many channels are listened to");
  waiting_names_ += request.channels.size();
  waiting_.push_back(std::move(request));
  return base::Ok{};
}

std::optional<std::string> Channels::next(base::TimePoint now, base::Duration linger) {
  std::string sql;
  while (!to_restore_.empty() && (step_ != Step::kRestore || sql.size() < kBatchMax * kNameBytes)) {
    const std::string channel = std::move(to_restore_.back());
    to_restore_.pop_back();
    // Left in the meantime.
    if (listeners(channel) == nullptr) {
      channels_.erase(channel);
      continue;
    }
    add_statement(sql, "LISTEN ", channel);
    step_ = Step::kRestore;
  }
  if (step_ == Step::kRestore) return sql;

  std::set<std::string_view> names;
  while (!waiting_.empty() && asked_.size() < kBatchMax && names.size() < kBatchMax) {
    if (waiting_.front().alone && !asked_.empty()) break;
    asked_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    for (const std::string& channel : asked_.back().channels) names.insert(channel);
    if (asked_.back().alone) break;
  }
  if (!asked_.empty()) {
    step_ = Step::kListen;
    for (const std::string_view channel : names) add_statement(sql, "LISTEN ", channel);
    return sql;
  }

  for (auto entry = channels_.begin(); entry != channels_.end() && sql.size() < kBatchMax * kNameBytes;) {
    if (!entry->second.listeners.empty() || now - entry->second.unwanted_since < linger) {
      ++entry;
      continue;
    }
    add_statement(sql, "UNLISTEN ", entry->first);
    entry = channels_.erase(entry);
  }
  if (sql.empty()) return std::nullopt;
  step_ = Step::kUnlisten;
  return sql;
}

Channels::Answers Channels::succeeded() {
  step_ = Step::kNone;
  Answers answers;
  for (Request& request : std::exchange(asked_, {})) {
    waiting_names_ -= std::min(waiting_names_, request.channels.size());
    for (std::string& channel : request.channels) {
      auto& listeners = channels_[channel].listeners;
      if (heard_by_[request.who].insert(channel).second) listeners.push_back(request.who);
    }
    answers.push_back({request.who, request.token, base::Ok{}});
  }
  return answers;
}

Channels::Answers Channels::failed(const base::Error& error) {
  step_ = Step::kNone;
  auto asked = std::exchange(asked_, {});
  if (asked.size() == 1) {
    waiting_names_ -= std::min(waiting_names_, asked.front().channels.size());
    Answers answers;
    answers.push_back({asked.front().who, asked.front().token, error});
    return answers;
  }
  for (auto request = asked.rbegin(); request != asked.rend(); ++request) {
    request->alone = true;
    waiting_.push_front(std::move(*request));
  }
  return {};
}

void Channels::on_connected() {
  step_ = Step::kNone;
  to_restore_.clear();
  std::erase_if(channels_, [](const auto& entry) { return entry.second.listeners.empty(); });
  for (const auto& [name, channel] : channels_) to_restore_.push_back(name);
}

Channels::Answers Channels::on_lost(const base::Error& error) {
  step_ = Step::kNone;
  to_restore_.clear();
  auto asked = std::exchange(asked_, {});
  Answers answers;
  for (auto request = asked.rbegin(); request != asked.rend(); ++request) {
    if (++request->losses > kLossesMax) {
      waiting_names_ -= std::min(waiting_names_, request->channels.size());
      answers.push_back({request->who, request->token, error});
    } else {
      waiting_.push_front(std::move(*request));
    }
  }
  return answers;
}

Channels::Answers Channels::fail_all(const base::Error& error) {
  Answers answers = on_lost(error);
  for (const Request& request : std::exchange(waiting_, {})) answers.push_back({request.who, request.token, error});
  waiting_names_ = 0;
  return answers;
}

const std::vector<Channels::Who>* Channels::listeners(const std::string& channel) const {
  const auto found = channels_.find(channel);
  return found == channels_.end() || found->second.listeners.empty() ? nullptr : &found->second.listeners;
}

void Channels::drop(const std::string& channel, Who who, base::TimePoint now) {
  const auto found = channels_.find(channel);
  if (found == channels_.end()) return;
  std::erase(found->second.listeners, who);
  if (found->second.listeners.empty()) found->second.unwanted_since = now;
}

void Channels::leave(Who who, const std::string& channel, base::TimePoint now) {
  const auto give_up = [&](Request& request) {
    if (request.who == who) waiting_names_ -= std::min(waiting_names_, std::erase(request.channels, channel));
  };
  std::for_each(waiting_.begin(), waiting_.end(), give_up);
  for (Request& request : asked_) {
    if (request.who != who || std::erase(request.channels, channel) == 0) continue;
    waiting_names_ -= std::min<std::size_t>(waiting_names_, 1);
    // The server will listen all the same.
    if (auto [entry, fresh] = channels_.try_emplace(channel); fresh) entry->second.unwanted_since = now;
  }
  const auto mine = heard_by_.find(who);
  if (mine == heard_by_.end() || mine->second.erase(channel) == 0) return;
  if (mine->second.empty()) heard_by_.erase(mine);
  drop(channel, who, now);
}

void Channels::leave_all(Who who, base::TimePoint now) {
  for (Request& request : waiting_)
    if (request.who == who) request.channels.clear();
  for (Request& request : asked_) {
    if (request.who != who) continue;
    for (const std::string& channel : std::exchange(request.channels, {}))
      if (auto [entry, fresh] = channels_.try_emplace(channel); fresh) entry->second.unwanted_since = now;
  }
  waiting_names_ = 0;
  for (const Request& request : waiting_) waiting_names_ += request.channels.size();
  for (const Request& request : asked_) waiting_names_ += request.channels.size();
  const auto mine = heard_by_.find(who);
  if (mine == heard_by_.end()) return;
  for (const std::string& channel : mine->second) drop(channel, who, now);
  heard_by_.erase(mine);
}

void Channels::forget(Who who, base::TimePoint now) {
  leave_all(who, now);
  std::erase_if(waiting_, [who](const Request& request) { return request.who == who; });
  // One that runs stays until the statement is answered; its answer finds nobody.
}

}  // namespace pooler
