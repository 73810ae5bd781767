#pragma once
// How many descriptors the process may have, and how many its configuration needs.

#include <cstdint>
#include <string>

#include "base/result.h"
#include "conf/config.h"

namespace app {

struct DescriptorNeed {
  uint64_t clients = 0;  // max_client_conn
  uint64_t servers = 0;  // what the configured databases may open, one user each where nothing caps them
  uint64_t own = 0;      // loops, log, listening sockets, look-ups, cancel requests
  uint64_t total() const { return clients + servers + own; }
};
DescriptorNeed descriptors_needed(const conf::Config& config, int workers);

enum class Fit { kEnough, kTooFew, kHopeless };
// kHopeless: not even our own descriptors and one client with its server fit.
Fit judge(const DescriptorNeed& need, uint64_t limit);

// "the limit of open files is 1024, ..."
std::string shortage_text(const DescriptorNeed& need, uint64_t limit);

// Raises the soft limit to the hard one; says what the limit is now.
uint64_t raise_descriptor_limit();

}  // namespace app
