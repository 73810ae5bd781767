#pragma once
// Handle<T, Free>: the owner of a C object, from its first line. The size of a pointer.
//
//   using SslPtr = base::Handle<SSL, SSL_free>;

#include <memory>

namespace base {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

template <typename T, auto Free>
using Handle = std::unique_ptr<T, FreeWith<Free>>;

}  // namespace base
