#include "app/privileges.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace app {
namespace {

struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
};

base::Error failed(std::string_view what) {
  return base::insufficient_privilege(fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

// Nobody of the same user may look into our memory. LeakSanitizer looks into its own by ptrace, so it goes without.
bool close_memory() {
#ifdef WEIR_SANITIZE_ADDRESS
  return true;
#else
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
#endif
}

base::Result<Account> find_account(const std::string& user) {
  std::vector<char> room(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  while (getpwnam_r(user.c_str(), &entry, room.data(), room.size(), &found) == ERANGE && room.size() < (1U << 20))
    room.resize(room.size() * 2);
  if (found == nullptr) return base::undefined_object(fmt::format("user \"{}\" does not exist", user));
  return Account{entry.pw_uid, entry.pw_gid};
}

}  // namespace

base::Status harden() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return failed("cannot forbid core files");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("cannot give up new privileges");
  // Last, and again after setuid, which resets it.
  if (!close_memory()) return failed("cannot protect the memory");
  return base::Ok{};
}

base::Status may_start(const std::string& user) {
  if (geteuid() != 0 || !user.empty()) return base::Ok{};
  return base::with_hint(base::insufficient_privilege("root is not allowed to run Weir"),
                         "start it as another user, or name one in the setting user");
}

base::Status become(const std::string& user) {
  TRY_STATUS(may_start(user));
  if (geteuid() != 0) {
    if (user.empty()) return base::Ok{};
    TRY(const Account account, find_account(user));
    if (account.uid == geteuid()) return base::Ok{};
    return base::insufficient_privilege(fmt::format("only root can become user \"{}\"", user));
  }
  TRY(const Account account, find_account(user));
  if (account.uid == 0) return base::insufficient_privilege("the setting user names root, which is not allowed to run Weir");
  if (initgroups(user.c_str(), account.gid) != 0) return failed("cannot take over the groups of the user");
  if (setresgid(account.gid, account.gid, account.gid) != 0) return failed("cannot change the group");
  if (setresuid(account.uid, account.uid, account.uid) != 0) return failed("cannot change the user");
  // Believed only when seen.
  uid_t real = 0, effective = 0, saved = 0;
  if (getresuid(&real, &effective, &saved) != 0 || real != account.uid || effective != account.uid ||
      saved != account.uid || setuid(0) == 0 || setgid(0) == 0)
    return base::insufficient_privilege("root could not be given up");
  if (!close_memory()) return failed("cannot protect the memory");
  return base::Ok{};
}

}  // namespace app
