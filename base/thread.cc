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

bool set_thread_stack(std::size_t bytes) {
  pthread_attr_t attributes;
  if (pthread_getattr_default_np(&attributes) != 0) return false;
  const bool done = pthread_attr_setstacksize(&attributes, bytes) == 0 && pthread_setattr_default_np(&attributes) == 0;
  pthread_attr_destroy(&attributes);
  return done;
}

}  // namespace base
