#pragma once
// Bytes nobody can guess, and comparing without telling how far it got. From any thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace base {

// From OpenSSL's generator or, should that fail, from the kernel. With neither there is nothing safe to go on
// with, and the process ends. Small amounts come from a stock of the calling thread; a fork would share it (Weir has none).
void secure_bytes(std::span<char> out);
std::string secure_bytes(std::size_t count);
uint64_t random_u64();

// The same bytes? Takes as long for a first difference as for a last one; only the lengths show.
bool constant_time_equal(std::string_view a, std::string_view b);

}  // namespace base
