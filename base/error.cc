#include "base/error.h"

#include <utility>

namespace base {
namespace {
Error make(const char* sqlstate, std::string message) { return Error{sqlstate, std::move(message), {}, {}}; }
}  // namespace

Error protocol_violation(std::string message) { return make("08P01", std::move(message)); }
Error connection_failure(std::string message) { return make("08006", std::move(message)); }
Error cannot_connect(std::string message) { return make("08001", std::move(message)); }
Error invalid_authorization(std::string message) { return make("28000", std::move(message)); }
Error invalid_password(std::string message) { return make("28P01", std::move(message)); }
Error unknown_database(std::string_view name) {
  return make("3D000", "database \"" + std::string(name) + "\" does not exist");
}
Error too_many_connections(std::string message) { return make("53300", std::move(message)); }
Error configuration_limit(std::string message) { return make("53400", std::move(message)); }
Error out_of_memory(std::string message) { return make("53200", std::move(message)); }
Error object_not_ready(std::string message) { return make("55000", std::move(message)); }
Error object_in_use(std::string message) { return make("55006", std::move(message)); }
Error query_canceled(std::string message) { return make("57014", std::move(message)); }
Error admin_shutdown(std::string message) { return make("57P01", std::move(message)); }
Error cannot_connect_now(std::string message) { return make("57P03", std::move(message)); }
Error feature_not_supported(std::string message) { return make("0A000", std::move(message)); }
Error syntax_error(std::string message) { return make("42601", std::move(message)); }
Error insufficient_privilege(std::string message) { return make("42501", std::move(message)); }
Error invalid_parameter(std::string message) { return make("22023", std::move(message)); }
Error undefined_object(std::string message) { return make("42704", std::move(message)); }
Error config_file_error(std::string message) { return make("F0000", std::move(message)); }
Error internal_error(std::string message) { return make("XX000", std::move(message)); }

Error with_detail(Error error, std::string detail) {
  error.detail = std::move(detail);
  return error;
}

Error with_hint(Error error, std::string hint) {
  error.hint = std::move(hint);
  return error;
}

std::string to_text(const Error& error) {
  std::string text = error.message;
  if (!error.detail.empty() || !error.hint.empty()) {
    text += " (" + error.detail;
    if (!error.detail.empty() && !error.hint.empty()) text += "; ";
    text += error.hint + ")";
  }
  return text;
}

}  // namespace base
