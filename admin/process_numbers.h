#pragma once
// What the kernel knows of this process, under the names that all Prometheus clients have for it.

#include <cstdint>

namespace admin {

struct ProcessNumbers {
  double start_time = 0;   // seconds since 1970
  double cpu_seconds = 0;  // of all threads, in the process and in the kernel for it
  uint64_t resident_bytes = 0, virtual_bytes = 0;
  uint64_t open_descriptors = 0, max_descriptors = 0;
};

// Reads /proc: some system calls, for a thread that may take its time.
ProcessNumbers process_numbers();

}  // namespace admin
