#pragma once
// A parse tree as libpg_query writes it in JSON, read once into a flat list: every node is followed by what it
// contains, so a walk over everything is a loop and nothing here recurses, however deep the statement is nested.
//
//   Tree tree;
//   if (tree.read(std::move(json))) for (Node statement : tree.root()["stmts"]) ...
//
// Nodes are places in the tree and valid as long as it lives and is not read again.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace analyzer {

class Tree;

class Node {
 public:
  Node() = default;  // nothing: has no members, no text

  explicit operator bool() const { return tree_ != nullptr; }
  std::string_view key() const;      // the name under which the parent has it; empty in a list
  std::string_view text() const;     // of a string
  int64_t number(int64_t otherwise = 0) const;
  bool flag() const;                 // true and nothing else
  bool is_text() const;
  Node parent() const;
  // A member, or nothing.
  Node operator[](std::string_view member) const;
  bool has(std::string_view member) const { return static_cast<bool>((*this)[member]); }
  // The only child: {"A_Const": {...}} is a node of the type key().
  Node inner() const;
  // Is `other` this node or inside of it?
  bool contains(Node other) const { return other.at_ >= at_ && other.at_ < limit(); }
  bool before(Node other) const { return at_ < other.at_; }
  std::size_t position() const { return at_; }  // of all in the tree, in order
  std::size_t total() const { return limit() - at_; }  // itself and all that is inside, at any depth
  friend bool operator==(const Node&, const Node&) = default;

  // Members of an object, items of a list.
  class Iterator {
   public:
    Iterator(const Tree* tree, uint32_t at) : tree_(tree), at_(at) {}
    Node operator*() const { return Node(tree_, at_); }
    Iterator& operator++();
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Tree* tree_;
    uint32_t at_;
  };
  Iterator begin() const;
  Iterator end() const;
  std::size_t size() const;

 private:
  friend class Tree;
  Node(const Tree* tree, uint32_t at) : tree_(tree), at_(at) {}
  uint32_t limit() const;  // behind the last that is inside

  const Tree* tree_ = nullptr;
  uint32_t at_ = 0;
};

class Tree {
 public:
  // A statement of the token budget in parser.h nests its tree to a few steps a token; JSON that is nested deeper than
  // this did not come from there.
  static constexpr std::size_t kDepthMax = 100'000;

  Tree() = default;
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  // False, and the tree empty, if it is not JSON or too deep.
  bool read(std::string json);

  Node root() const { return entries_.empty() ? Node() : Node(this, 0); }
  Node at(std::size_t position) const { return {this, static_cast<uint32_t>(position)}; }
  std::size_t size() const { return entries_.size(); }

 private:
  friend class Node;
  friend class TreeBuilder;
  enum class Type : uint8_t { kNull, kFlag, kNumber, kText, kObject, kList };
  struct Entry {
    std::string_view key, text;  // into json_
    int64_t number = 0;
    uint32_t parent = 0, end = 0;  // end: the first entry that is not inside
    Type type = Type::kNull;
  };
  std::string json_;
  std::vector<Entry> entries_;
};

}  // namespace analyzer
