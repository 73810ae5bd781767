#pragma once
// Threads that carry a name (shown by top -H and gdb) and leave signals to the main thread.

#include <cstddef>
#include <functional>
#include <string_view>
#include <thread>

namespace base {

// The kernel keeps 15 characters of a thread's name.
inline constexpr std::size_t kThreadNameMax = 15;

// In the new thread every signal is blocked. That also keeps SIGPIPE and SIGXFSZ, which the kernel sends to the thread
// that wrote, from ending the process.
std::thread start_thread(std::string_view name, std::function<void()> work);

void name_this_thread(std::string_view name);

// What threads that are made from now on have for their calls, whatever `ulimit -s` says: 8 MiB, as Linux gives where
// nobody asked for other. Parsers of libraries recurse; analyzer/parser.h says how deep. Taken only as it is touched.
inline constexpr std::size_t kThreadStack = 8UL << 20;
bool set_thread_stack(std::size_t bytes = kThreadStack);

}  // namespace base
