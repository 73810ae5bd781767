#pragma once
// Ring: a queue whose places are used again. It allocates only when there are more in it than there ever were.
//
// What is taken off stays where it lay until its place is used again: whoever owns something through it lets that go
// before.

#include <bit>
#include <cstddef>
#include <memory>
#include <utility>

namespace base {

// `kFirst` places at the first use, then twice as many each time.
template <typename T, std::size_t kFirst>
class Ring {
  static_assert(std::has_single_bit(kFirst));

 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // From the oldest.
  T& operator[](std::size_t index) { return places_.get()[(head_ + index) & (room_ - 1)]; }
  const T& operator[](std::size_t index) const { return places_.get()[(head_ + index) & (room_ - 1)]; }
  // Only where there is one.
  T& front() { return places_.get()[head_]; }
  const T& front() const { return places_.get()[head_]; }
  T& back() { return (*this)[size_ - 1]; }

  // The place of the newest, with whatever lay there last: to be filled. No reference to another survives it.
  T& push_back() {
    if (size_ == room_) grow();
    ++size_;
    return back();
  }
  void pop_front() {
    head_ = (head_ + 1) & (room_ - 1);
    --size_;
  }

 private:
  void grow() {
    const std::size_t room = room_ == 0 ? kFirst : room_ * 2;
    auto more = std::make_unique<T[]>(room);
    for (std::size_t i = 0; i < size_; ++i) more[i] = std::move((*this)[i]);
    places_ = std::move(more);
    room_ = room;
    head_ = 0;
  }

  std::unique_ptr<T[]> places_;
  std::size_t room_ = 0;  // for so many; a power of two
  std::size_t head_ = 0, size_ = 0;
};

}  // namespace base
