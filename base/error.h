#pragma once
// What went wrong, in PostgreSQL's words.
//
// One type serves every failure in Weir, because every failure ends as an ErrorResponse, a log line or
// a configuration problem. SQLSTATEs follow PostgreSQL's appendix A ("PostgreSQL Error Codes").

#include <string>
#include <string_view>

namespace base {

struct Error {
  std::string sqlstate;  // five characters, never empty
  std::string message;   // one sentence, lower case, no full stop: PostgreSQL's message style
  std::string detail;    // may be empty
  std::string hint;      // may be empty: what the reader can do about it

  bool operator==(const Error&) const = default;
};

// Makers, named by kind. `message` is kept as given.
Error protocol_violation(std::string message);           // 08P01
Error connection_failure(std::string message);           // 08006
Error cannot_connect(std::string message);               // 08001
Error invalid_authorization(std::string message);        // 28000
Error invalid_password(std::string message);             // 28P01
Error unknown_database(std::string_view name);           // 3D000
Error too_many_connections(std::string message);         // 53300
Error configuration_limit(std::string message);          // 53400
Error out_of_memory(std::string message);                // 53200
Error object_not_ready(std::string message);             // 55000
Error object_in_use(std::string message);                // 55006
Error query_canceled(std::string message);               // 57014
Error admin_shutdown(std::string message);               // 57P01
Error cannot_connect_now(std::string message);           // 57P03
Error feature_not_supported(std::string message);        // 0A000
Error syntax_error(std::string message);                 // 42601
Error insufficient_privilege(std::string message);       // 42501
Error invalid_parameter(std::string message);            // 22023
Error undefined_object(std::string message);             // 42704
Error config_file_error(std::string message);            // F0000
Error internal_error(std::string message);               // XX000

Error with_detail(Error error, std::string detail);
Error with_hint(Error error, std::string hint);

// "message (detail; hint)" for logs. Never contains a secret, because no Error does.
std::string to_text(const Error& error);

}  // namespace base
