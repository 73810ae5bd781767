#include "pooler/session_catalogue.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "analyzer/functions.h"
#include "analyzer/words.h"
#include "pooler/mentions.h"

namespace pooler {
namespace {

using analyzer::Effects;

analyzer::Language language_of(std::string_view name) {
  if (name == "sql") return analyzer::Language::kSql;
  if (name == "plpgsql") return analyzer::Language::kPlpgsql;
  return analyzer::Language::kOther;
}

std::string key_of(std::string_view schema, std::string_view name) {
  std::string key(schema);
  key += '\0';
  key += name;
  return key;
}

}  // namespace

// What leads to what. A node is a function, all functions of a name, a relation that is read or written, or all
// relations of a name.
class CatalogueGraph {
 public:
  explicit CatalogueGraph(const CatalogueRows& rows);
  std::shared_ptr<const SessionCatalogue> result();

 private:
  using Node = std::size_t;
  struct Relation {
    Node read = 0, write = 0;
    std::string schema, name;
  };

  Node add_node();
  // Whatever `used` does, `user` does.
  void add_edge(Node user, Node used);
  Node named_function(const std::string& name);
  Relation& relation(const std::string& schema, const std::string& name);
  void add_function(const CatalogueFunction& function);
  void add_use(const CatalogueUse& use);
  void add_mentions(const CatalogueFunction& function, std::size_t& mentioned);
  void spread();

  const CatalogueRows& rows_;
  std::vector<Hidden> hidden_;
  std::vector<std::vector<Node>> users_;  // by node
  std::unordered_map<uint64_t, Node> by_oid_;
  template <typename Value>
  using ByName = std::unordered_map<std::string, Value, SessionCatalogue::Hash, std::equal_to<>>;
  ByName<Node> by_name_;                          // functions
  ByName<Relation> relations_;                    // by schema and name
  ByName<std::pair<Node, Node>> relation_names_;  // read, write
  Node ddl_ = 0;
};

CatalogueGraph::CatalogueGraph(const CatalogueRows& rows) : rows_(rows), ddl_(add_node()) {
  for (const CatalogueFunction& function : rows.functions) add_function(function);
  for (const CatalogueUse& use : rows.uses) add_use(use);
  std::size_t mentioned = 0;
  for (const CatalogueFunction& function : rows.functions) add_mentions(function, mentioned);
  spread();
}

CatalogueGraph::Node CatalogueGraph::add_node() {
  hidden_.emplace_back();
  users_.emplace_back();
  return hidden_.size() - 1;
}

void CatalogueGraph::add_edge(Node user, Node used) {
  if (user != used) users_[used].push_back(user);
}

CatalogueGraph::Node CatalogueGraph::named_function(const std::string& name) {
  const auto [entry, fresh] = by_name_.try_emplace(name, 0);
  if (fresh) entry->second = add_node();
  return entry->second;
}

CatalogueGraph::Relation& CatalogueGraph::relation(const std::string& schema, const std::string& name) {
  const auto [entry, fresh] = relations_.try_emplace(key_of(schema, name));
  Relation& found = entry->second;
  if (!fresh) return found;
  found = {add_node(), add_node(), schema, name};
  add_edge(found.write, found.read);  // INSERT ... RETURNING, and policies
  const auto [all, first] = relation_names_.try_emplace(name);
  if (first) all->second = {add_node(), add_node()};
  add_edge(all->second.first, found.read);
  add_edge(all->second.second, found.write);
  return found;
}

void CatalogueGraph::add_function(const CatalogueFunction& function) {
  const Node node = add_node();
  hidden_[node].effects = analyzer::effects_of_words(function.source, language_of(function.language));
  by_oid_.emplace(function.oid, node);
  add_edge(named_function(function.name), node);
}

void CatalogueGraph::add_use(const CatalogueUse& use) {
  Node user = ddl_;
  if (use.who == CatalogueUse::Who::kRelation) {
    const Relation& mine = relation(use.schema, use.name);
    user = use.written ? mine.write : mine.read;
  }
  if (use.what == CatalogueUse::What::kRelation) {
    const Relation other = relation(use.other_schema, use.other_name);
    add_edge(user, use.written ? other.write : other.read);
    return;
  }
  if (const auto known = by_oid_.find(use.oid); known != by_oid_.end()) {
    add_edge(user, known->second);
  } else if (const auto* built_in = analyzer::find_function(use.other_schema, use.other_name)) {
    hidden_[user] |= {built_in->effects, use.other_name == "pg_notify"};
  } else if (use.other_name == "pg_notify") {
    hidden_[user].notifies = true;
  }
}

void CatalogueGraph::add_mentions(const CatalogueFunction& function, std::size_t& mentioned) {
  if (mentioned >= SessionCatalogue::kMentionsMax) return;
  const Node node = by_oid_.at(function.oid);
  std::vector<Node> used;
  std::vector<const std::pair<Node, Node>*> relations;
  const auto note = [&](std::string_view name, bool called) {
    if (called) {
      if (const auto found = by_name_.find(name); found != by_name_.end()) used.push_back(found->second);
    }
    if (const auto found = relation_names_.find(name); found != relation_names_.end())
      relations.push_back(&found->second);
  };
  const Mentioned words = each_mention(function.source, note);
  for (const auto* relation : relations) used.push_back(words.writes ? relation->second : relation->first);
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());
  for (const Node one : used) add_edge(node, one);
  mentioned += used.size();
  hidden_[node].notifies = words.notifies;
}

// Until nothing is new. Each node changes at most once for each bit, so it ends.
void CatalogueGraph::spread() {
  std::deque<Node> changed;
  for (Node node = 0; node < hidden_.size(); ++node)
    if (!hidden_[node].empty()) changed.push_back(node);
  while (!changed.empty()) {
    const Node node = changed.front();
    changed.pop_front();
    for (const Node user : users_[node]) {
      Hidden more = hidden_[user];
      more |= hidden_[node];
      if (more == hidden_[user]) continue;
      hidden_[user] = more;
      changed.push_back(user);
    }
  }
}

std::shared_ptr<const SessionCatalogue> CatalogueGraph::result() {
  auto made = std::make_shared<SessionCatalogue>();
  for (const CatalogueFunction& function : rows_.functions) {
    const Hidden& hidden = hidden_[by_oid_.at(function.oid)];
    if (function.procedure) SessionCatalogue::add(made->procedures_, function.schema, function.name, hidden);
    if (!hidden.empty()) SessionCatalogue::add(made->functions_, function.schema, function.name, hidden);
  }
  for (const auto& [key, relation] : relations_) {
    if (!hidden_[relation.read].empty())
      SessionCatalogue::add(made->reads_, relation.schema, relation.name, hidden_[relation.read]);
    if (!hidden_[relation.write].empty())
      SessionCatalogue::add(made->writes_, relation.schema, relation.name, hidden_[relation.write]);
  }
  made->ddl_ = hidden_[ddl_];
  made->empty_ = made->functions_.empty() && made->reads_.empty() && made->writes_.empty() && made->ddl_.empty();
  return made;
}

// ---- SessionCatalogue ----

std::shared_ptr<const SessionCatalogue> SessionCatalogue::build(const CatalogueRows& rows) {
  return CatalogueGraph(rows).result();
}

void SessionCatalogue::add(Map& map, const std::string& schema, const std::string& name, const Hidden& hidden) {
  map[key_of(schema, name)] |= hidden;
  map[name] |= hidden;
}

const Hidden* SessionCatalogue::find(const Map& map, std::string_view schema, std::string_view name) {
  if (map.empty()) return nullptr;
  const auto found = schema.empty() ? map.find(name) : map.find(key_of(schema, name));
  return found == map.end() ? nullptr : &found->second;
}

Hidden SessionCatalogue::of_function(std::string_view schema, std::string_view name) const {
  const Hidden* found = find(functions_, schema, name);
  return found != nullptr ? *found : Hidden();
}

Hidden SessionCatalogue::of_read(std::string_view schema, std::string_view relation) const {
  const Hidden* found = find(reads_, schema, relation);
  return found != nullptr ? *found : Hidden();
}

Hidden SessionCatalogue::of_write(std::string_view schema, std::string_view relation) const {
  const Hidden* found = find(writes_, schema, relation);
  return found != nullptr ? *found : Hidden();
}

std::optional<Hidden> SessionCatalogue::of_procedure(std::string_view schema, std::string_view name) const {
  const Hidden* found = find(procedures_, schema, name);
  return found != nullptr ? std::optional(*found) : std::nullopt;
}

Hidden SessionCatalogue::of(const analyzer::Statement& statement) const {
  Hidden hidden;
  if (empty_) return hidden;
  for (const analyzer::Function& function : statement.functions) hidden |= of_function(function.schema, function.name);
  for (const analyzer::Table& table : statement.tables)
    hidden |= table.written ? of_write(table.schema, table.name) : of_read(table.schema, table.name);
  if (statement.kind == analyzer::Kind::kDdl) hidden |= ddl_;
  return hidden;
}

std::size_t SessionCatalogue::bytes() const {
  std::size_t sum = sizeof *this;
  for (const Map* map : {&functions_, &reads_, &writes_, &procedures_})
    for (const auto& [key, hidden] : *map) sum += key.capacity() + sizeof(Map::value_type) + 2 * sizeof(void*);
  return sum;
}

}  // namespace pooler
