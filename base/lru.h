#pragma once
// Lru<Key, Value>: a map that forgets what was not used for longest when its weight passes a limit.
//
//   base::Lru<std::string, Keys> keys(1000);   // weight 1 each: at most 1000 entries
//   keys.put(name, value, weight);
//   if (Keys* found = keys.find(name)) ...     // valid until the next put or erase
//
// Not thread-safe; the owner locks.

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace base {

// Lets a map with string keys be asked with a string_view.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <typename Key>
using HashOf = std::conditional_t<std::is_same_v<Key, std::string>, StringHash, std::hash<Key>>;

template <typename Key, typename Value, typename Hash = HashOf<Key>>
class Lru {
 public:
  explicit Lru(std::size_t weight_max) : weight_max_(weight_max) {}
  Lru(const Lru&) = delete;
  Lru& operator=(const Lru&) = delete;

  // The value, which becomes the most recently used; null when there is none.
  template <typename Query>
  Value* find(const Query& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }

  // The value without counting as a use.
  template <typename Query>
  const Value* peek(const Query& key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second->value;
  }

  // Stores or replaces, then forgets the oldest until the weight fits again; `on_evict` sees each of those. False,
  // with nothing stored and an older value for the key gone, when the entry alone is too heavy.
  template <typename OnEvict>
  bool put(Key key, Value value, std::size_t weight, OnEvict on_evict) {
    erase(key);
    if (weight > weight_max_) return false;
    entries_.push_front({std::move(key), std::move(value), weight});
    index_.emplace(entries_.front().key, entries_.begin());
    weight_ += weight;
    shrink(on_evict);
    return true;
  }
  bool put(Key key, Value value, std::size_t weight = 1) {
    return put(std::move(key), std::move(value), weight, [](const Key&, Value&) {});
  }

  template <typename Query>
  bool erase(const Query& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return false;
    const auto entry = found->second;
    weight_ -= entry->weight;
    index_.erase(found);
    entries_.erase(entry);
    return true;
  }

  void clear() {
    index_.clear();
    entries_.clear();
    weight_ = 0;
  }

  void set_weight_max(std::size_t weight_max) {
    weight_max_ = weight_max;
    shrink([](const Key&, Value&) {});
  }

  // From the most to the least recently used.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Entry& entry : entries_) visit(entry.key, entry.value);
  }

  std::size_t size() const { return entries_.size(); }
  std::size_t weight() const { return weight_; }

 private:
  struct Entry {
    Key key;
    Value value;
    std::size_t weight;
  };
  using Position = typename std::list<Entry>::iterator;

  template <typename OnEvict>
  void shrink(OnEvict on_evict) {
    while (weight_ > weight_max_) {
      Entry& oldest = entries_.back();
      on_evict(std::as_const(oldest.key), oldest.value);
      weight_ -= oldest.weight;
      index_.erase(oldest.key);
      entries_.pop_back();
    }
  }

  std::size_t weight_max_;
  std::size_t weight_ = 0;
  std::list<Entry> entries_;
  std::unordered_map<Key, Position, Hash, std::equal_to<>> index_;
};

}  // namespace base
