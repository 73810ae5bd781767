#include "analyzer/tree.h"

#include <rapidjson/reader.h>
#include <rapidjson/stream.h>

#include <utility>

namespace analyzer {

// What rapidjson calls while it reads: appends entries. Keeps the way to the open one through the parents.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::vector<Tree::Entry>& entries) : entries_(entries) {}

  bool Null() { return add(Tree::Type::kNull); }
  bool Bool(bool value) { return add(Tree::Type::kFlag, value ? 1 : 0); }
  bool Int(int value) { return add(Tree::Type::kNumber, value); }
  bool Uint(unsigned value) { return add(Tree::Type::kNumber, value); }
  bool Int64(int64_t value) { return add(Tree::Type::kNumber, value); }
  bool Uint64(uint64_t value) { return add(Tree::Type::kNumber, static_cast<int64_t>(value)); }
  bool Double(double value) { return add(Tree::Type::kNumber, static_cast<int64_t>(value)); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return false; }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    if (!add(Tree::Type::kText)) return false;
    entries_.back().text = {text, size};
    return true;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    key_ = {text, size};
    return true;
  }
  bool StartObject() { return open(Tree::Type::kObject); }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool StartArray() { return open(Tree::Type::kList); }
  bool EndArray(rapidjson::SizeType) { return close(); }

 private:
  bool add(Tree::Type type, int64_t number = 0) {
    if (entries_.size() >= UINT32_MAX) return false;
    const auto at = static_cast<uint32_t>(entries_.size());
    Tree::Entry& entry = entries_.emplace_back();
    entry.key = std::exchange(key_, {});
    entry.number = number;
    entry.parent = open_;
    entry.end = at + 1;
    entry.type = type;
    return true;
  }
  bool open(Tree::Type type) {
    if (++depth_ > Tree::kDepthMax || !add(type)) return false;
    open_ = static_cast<uint32_t>(entries_.size() - 1);
    return true;
  }
  bool close() {
    --depth_;
    entries_[open_].end = static_cast<uint32_t>(entries_.size());
    open_ = entries_[open_].parent;
    return true;
  }

  std::vector<Tree::Entry>& entries_;
  std::string_view key_;
  uint32_t open_ = 0;
  std::size_t depth_ = 0;
};

bool Tree::read(std::string json) {
  json_ = std::move(json);
  entries_.clear();
  entries_.reserve(json_.size() / 24);  // about what libpg_query writes for one
  // Iterative: no call for each level. In place: strings stay in json_.
  constexpr unsigned kFlags = rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag;
  rapidjson::Reader reader;
  rapidjson::InsituStringStream stream(json_.data());
  TreeBuilder builder(entries_);
  if (!reader.Parse<kFlags>(stream, builder).IsError()) return true;
  entries_.clear();
  return false;
}

std::string_view Node::key() const { return tree_ == nullptr ? std::string_view() : tree_->entries_[at_].key; }
std::string_view Node::text() const { return tree_ == nullptr ? std::string_view() : tree_->entries_[at_].text; }
bool Node::is_text() const { return tree_ != nullptr && tree_->entries_[at_].type == Tree::Type::kText; }
uint32_t Node::limit() const { return tree_ == nullptr ? 0 : tree_->entries_[at_].end; }

int64_t Node::number(int64_t otherwise) const {
  if (tree_ == nullptr || tree_->entries_[at_].type != Tree::Type::kNumber) return otherwise;
  return tree_->entries_[at_].number;
}

bool Node::flag() const {
  return tree_ != nullptr && tree_->entries_[at_].type == Tree::Type::kFlag && tree_->entries_[at_].number != 0;
}

Node Node::parent() const {
  return tree_ == nullptr || at_ == 0 ? Node() : Node(tree_, tree_->entries_[at_].parent);
}

Node Node::operator[](std::string_view member) const {
  for (Iterator it = begin(); it != end(); ++it) {
    if ((*it).key() == member) return *it;
  }
  return {};
}

Node Node::inner() const { return begin() == end() ? Node() : *begin(); }

std::size_t Node::size() const {
  std::size_t count = 0;
  for (Iterator it = begin(); it != end(); ++it) ++count;
  return count;
}

Node::Iterator Node::begin() const { return {tree_, tree_ == nullptr ? 0 : at_ + 1}; }
Node::Iterator Node::end() const { return {tree_, limit()}; }

Node::Iterator& Node::Iterator::operator++() {
  at_ = tree_->entries_[at_].end;
  return *this;
}

}  // namespace analyzer
