#pragma once
// One question to PAM: is this the user's password, and may the user come in? All of libpam is behind this header.

#include <string>

#include "base/result.h"
#include "conf/secret.h"

namespace pooler {

struct PamQuestion {
  std::string service;
  std::string user;
  conf::Secret password;
  std::string remote_address;   // empty for a Unix socket, of which PAM hears as "[local]", as PostgreSQL says it
  bool remote_by_name = false;  // pam_use_hostname: PAM hears the address's name
  std::string folder{};         // of the service's file; empty for the system's (/etc/pam.d)
};

// Blocks for as long as the modules do. 28P01 when they refuse, 28000 when they could not judge.
base::Status check_pam(const PamQuestion& question);

}  // namespace pooler
