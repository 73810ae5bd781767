#pragma once
// Who is at the other end of a Unix socket, by the kernel's word: what the method peer goes by.

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/loop.h"
#include "base/offload.h"
#include "base/result.h"
#include "base/ticket.h"

namespace pooler {

// The effective user that the peer had when it connected (SO_PEERCRED). An error for anything but a Unix socket.
base::Result<uid_t> peer_uid(int fd);

// The name of a user of this system. Asks the name service, which may ask the network: blocks.
base::Result<std::string> system_user_name(uid_t uid);

// Both, without holding up the loop: the kernel is asked now (`fd` is not kept), the name service on a thread of
// `offload`. `done` is called once, from the loop, unless the ticket was dropped. An error at once when the socket has
// no credentials or the offload takes no more work.
base::Result<base::Ticket> peer_user_name(base::Offload& offload, base::EventLoop& loop, int fd,
                                          std::function<void(base::Result<std::string>)> done);

}  // namespace pooler
