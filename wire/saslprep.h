#pragma once
// Passwords as SCRAM hashes them: SASLprep (RFC 4013), with PostgreSQL's rule for what it forbids.

#include <string>
#include <string_view>

namespace wire {

// The prepared password. One that is not UTF-8, or that SASLprep prohibits, comes back as it is: that is what
// PostgreSQL and libpq do, so that any password works.
std::string saslprep(std::string_view password);

}  // namespace wire
