#include "pooler/prepared.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

#include "wire/codec.h"

namespace pooler {
namespace {

// Columns that take more are not remembered: a hundred times what a table may have.
constexpr std::size_t kColumnsKept = 64 * 1024;

// What PostgreSQL compares before it says that a result has changed: names, types and their modifiers.
std::optional<std::string> columns_of(std::string_view description) {
  wire::Reader reader(description);
  std::string out;
  for (std::size_t columns = reader.u16(); columns > 0 && reader.ok(); --columns) {
    out += reader.cstring();
    out += '\0';
    (void)reader.bytes(6);  // table and column
    out += reader.bytes(4);
    (void)reader.bytes(2);  // the type's length
    out += reader.bytes(4);
    (void)reader.bytes(2);  // format
  }
  if (!reader.ok() || out.size() > kColumnsKept) return std::nullopt;
  return out;
}

// The process-wide table, in shards so that workers seldom meet. An entry dies with its last holder.
class Registry {
 public:
  PreparedPtr get(std::string_view body, std::string_view path, analyzer::AnalysisPtr analysis) {
    const Key wanted{body, path};
    Shard& shard = shards_[KeyHash{}(wanted) % kShards];
    const std::lock_guard lock(shard.mutex);
    if (const auto found = shard.by_key.find(wanted); found != shard.by_key.end())
      if (auto alive = found->second.lock()) return alive;
    auto fresh = make();
    fresh->body = body;
    fresh->path = path;
    fresh->analysis = std::move(analysis);
    const Key key{fresh->body, fresh->path};
    PreparedPtr shared(fresh.release(), [this](const Prepared* dying) { forget(dying); });
    shard.by_key.erase(key);  // a dying twin: its key is not ours
    shard.by_key.emplace(key, shared);
    alive_.fetch_add(1, std::memory_order_relaxed);
    return shared;
  }

  // Known to its holders alone.
  std::unique_ptr<Prepared> make() {
    auto fresh = std::make_unique<Prepared>();
    fresh->id = next_id_.fetch_add(1, std::memory_order_relaxed);
    fresh->name = std::string(kServerNamePrefix) + std::to_string(fresh->id);
    return fresh;
  }

  void retire(const Prepared& statement) {
    const Key key{statement.body, statement.path};
    Shard& shard = shards_[KeyHash{}(key) % kShards];
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.by_key.find(key);
    if (found != shard.by_key.end() && found->first.first.data() == statement.body.data()) shard.by_key.erase(found);
  }

  std::size_t alive() const { return alive_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kShards = 16;
  using Key = std::pair<std::string_view, std::string_view>;  // body and path; they live in the values
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      const std::hash<std::string_view> hash;
      return hash(key.first) ^ (hash(key.second) * 0x9E3779B97F4A7C15U);
    }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<Key, std::weak_ptr<const Prepared>, KeyHash> by_key;
  };

  void forget(const Prepared* dying) {
    retire(*dying);
    alive_.fetch_sub(1, std::memory_order_relaxed);
    delete dying;
  }

  std::array<Shard, kShards> shards_;
  std::atomic<uint64_t> next_id_{1};
  std::atomic<std::size_t> alive_{0};
};

// Never destroyed: statements may outlive any order of destruction at exit.
Registry& registry() {
  static auto& instance = *new Registry;
  return instance;
}

}  // namespace

PreparedPtr intern_statement(std::string_view body, std::string_view path, analyzer::AnalysisPtr analysis) {
  return registry().get(body, path, std::move(analysis));
}

PreparedPtr sql_statement(std::string_view rest, analyzer::Effects effects) {
  auto fresh = registry().make();
  fresh->sql = rest;
  fresh->effects = effects;
  return fresh;
}

PreparedPtr renewed(const Prepared& statement) {
  if (!statement.sql.empty()) return sql_statement(statement.sql, statement.effects);
  retire_statement(statement);
  return intern_statement(statement.parse_body(), statement.path, statement.analysis);
}

void retire_statement(const Prepared& statement) { registry().retire(statement); }
std::size_t interned_statements() { return registry().alive(); }

void Prepared::learn_types(std::string_view types) const {
  const std::lock_guard lock(mutex_);
  if (knows_types_.load(std::memory_order_relaxed)) return;
  types_ = types;
  knows_types_.store(true, std::memory_order_release);
}

bool Prepared::columns_are(std::optional<std::string_view> description) const {
  const auto columns = description ? columns_of(*description) : std::string("none");
  if (!columns) return true;
  const std::lock_guard lock(mutex_);
  if (knows_columns()) return columns_ == *columns;
  columns_ = *columns;
  knows_columns_.store(true, std::memory_order_release);
  return true;
}

bool Prepared::knows_types() const { return knows_types_.load(std::memory_order_acquire); }

std::string Prepared::parse_body() const { return knows_types() ? std::string(text()) + '\0' + types_ : body; }

PreparedPtr ClientStatements::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.statement;
}

void ClientStatements::add(std::string_view name, PreparedPtr statement, bool told) {
  by_name_.insert_or_assign(std::string(name), Named{std::move(statement), told});
}

void ClientStatements::remove(std::string_view name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return;
  if (bound_ == &found->second) bound_ = nullptr;
  by_name_.erase(found);
}

void ClientStatements::clear() {
  by_name_.clear();
  bound_ = nullptr;
}

PreparedPtr ClientStatements::bound(std::string_view portal, std::string_view name) {
  const auto found = by_name_.find(name);
  bound_ = found == by_name_.end() ? nullptr : &found->second;
  bound_portal_ = portal;
  return bound_ == nullptr ? nullptr : bound_->statement;
}

void ClientStatements::tell(std::string_view name) {
  if (const auto found = by_name_.find(name); found != by_name_.end()) found->second.told = true;
}

PreparedPtr ClientStatements::tell_portal(std::string_view portal) {
  if (portal == bound_portal_) {
    if (bound_ == nullptr) return nullptr;
    bound_->told = true;
    return bound_->statement->knows_columns() ? nullptr : bound_->statement;
  }
  for (auto& [name, named] : by_name_) named.told = true;
  return nullptr;
}

bool ClientStatements::told(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found != by_name_.end() && found->second.told;
}

std::vector<std::pair<std::string, PreparedPtr>> ClientStatements::take_all() {
  std::vector<std::pair<std::string, PreparedPtr>> all;
  for (auto& [name, named] : by_name_) all.emplace_back(name, std::move(named.statement));
  clear();
  return all;
}

std::string_view ClientStatements::name_of(std::string_view server_name) const {
  for (const auto& [name, named] : by_name_)
    if (named.statement->name == server_name) return name;
  return {};
}

std::optional<std::string> in_client_names(std::string_view text, const ClientStatements& client) {
  std::string out;
  std::size_t copied = 0, at = 0;
  while ((at = text.find(kServerNamePrefix, at)) != std::string_view::npos) {
    const std::size_t digits = at + kServerNamePrefix.size();
    const std::size_t end = std::min(text.find_first_not_of("0123456789", digits), text.size());
    const std::string_view name = client.name_of(text.substr(at, end - at));
    if (!name.empty()) {
      out.append(text.substr(copied, at - copied)).append(name);
      copied = end;
    }
    at = end;
  }
  if (copied == 0) return std::nullopt;
  return out.append(text.substr(copied));
}

void ClientStatements::retire_all() const {
  for (const auto& [name, named] : by_name_) retire_statement(*named.statement);
}

ServerStatements::State ServerStatements::look(const Prepared& statement) {
  const auto found = by_id_.find(statement.id);
  if (found == by_id_.end()) return State::kAbsent;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->state;
}

void ServerStatements::set(const Prepared& statement, State state) {
  if (const auto found = by_id_.find(statement.id); found != by_id_.end()) found->second->state = state;
}

void ServerStatements::add(PreparedPtr statement) {
  if (has(*statement)) return;
  const uint64_t id = statement->id;
  recent_.push_front({std::move(statement)});
  by_id_.emplace(id, recent_.begin());
}

void ServerStatements::remove(const Prepared& statement) {
  const auto found = by_id_.find(statement.id);
  if (found == by_id_.end()) return;
  recent_.erase(found->second);
  by_id_.erase(found);
}

PreparedPtr ServerStatements::over(std::size_t limit) const {
  return by_id_.size() > limit ? recent_.back().statement : nullptr;
}

void ServerStatements::clear() {
  recent_.clear();
  by_id_.clear();
  unnamed.reset();
}

void undo(const Change& change, bool skipped, ServerStatements& server, ClientStatements* client) {
  if (change.server_op == Change::Op::kAdded) server.remove(*change.statement);
  if (change.server_op == Change::Op::kRemoved) server.add(change.statement);
  // PostgreSQL drops the old unnamed statement before it looks at the new text.
  if (change.server_unnamed) server.unnamed = skipped ? change.server_unnamed_before : nullptr;
  if (client == nullptr) return;
  for (const auto& [name, statement] : change.client_cleared) client->add(name, statement, true);
  if (change.client_op == Change::Op::kAdded) client->remove(change.client_name);
  if (change.client_op == Change::Op::kRemoved) client->add(change.client_name, change.statement, true);
  if (change.client_unnamed) client->unnamed = skipped ? change.client_unnamed_before : nullptr;
}

}  // namespace pooler
