#pragma once
// What the process may do: not be root, gain nothing by exec, leave no memory behind in a core file. Before any thread.

#include <string>

#include "base/result.h"

namespace app {

// No core files, no ptrace by others of the same user, no new privileges: the memory holds passwords.
base::Status harden();

// Root without a user to become is refused; asked before anything is opened.
base::Status may_start(const std::string& user);

// As root, becomes `user` for good, with that user's groups, and makes sure there is no way back. Refuses to stay root.
// Not being root and being `user` already is fine; being another is an error.
base::Status become(const std::string& user);

}  // namespace app
