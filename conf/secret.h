#pragma once
// A string nobody may see by accident: it cannot be printed or formatted, and its memory is overwritten when
// it goes.

#include <string>
#include <string_view>

namespace conf {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(value) { cleanse(value); }
  Secret(const Secret&) = default;
  // A moved-from short string would keep its characters, so a move is a copy and a wipe.
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.clear(); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      clear();
      value_ = other.value_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      clear();
      value_.swap(other.value_);
      other.clear();
    }
    return *this;
  }
  ~Secret() { clear(); }

  // The characters themselves: valid as long as this Secret.
  std::string_view reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

  // Takes time that depends on the lengths only.
  bool operator==(const Secret& other) const {
    if (value_.size() != other.value_.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < value_.size(); ++i) {
      difference |= static_cast<unsigned>(static_cast<unsigned char>(value_[i]) ^
                                          static_cast<unsigned char>(other.value_[i]));
    }
    return difference == 0;
  }

  // Overwrites a string that held a secret, in a way the compiler keeps.
  static void cleanse(std::string& text) {
    text.resize(text.capacity());
    volatile char* bytes = text.data();
    for (std::size_t i = 0; i < text.size(); ++i) bytes[i] = '\0';
    text.clear();
  }

 private:
  void clear() { cleanse(value_); }
  std::string value_;
};

}  // namespace conf
