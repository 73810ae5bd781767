#include "base/thread.h"

#include <pthread.h>
#include <signal.h>

#include <string>
#include <utility>

namespace base {

std::thread start_thread(std::string_view name, std::function<void()> work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a thread inherits the mask of its maker
  std::thread thread([name = std::string(name), work = std::move(work)] {
    name_this_thread(name);
    work();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

void name_this_thread(std::string_view name) {
  pthread_setname_np(pthread_self(), std::string(name.substr(0, kThreadNameMax)).c_str());
}

}  // namespace base
