#pragma once
// Messages written straight into a string, for the data path and the console.
//
// A builder that takes unbounded client data returns a Status: it refuses a zero byte inside text and a
// message above 1 GiB, and then appends nothing. The others write names and words of our own or of a message
// that was already decoded; their text ends at its first zero byte, so they cannot fail.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "wire/types.h"

namespace wire {

// To clients.
void append_authentication_ok(std::string& out);
void append_authentication_cleartext(std::string& out);
void append_authentication_md5(std::string& out, std::string_view salt);
void append_authentication_sasl(std::string& out, std::span<const std::string_view> mechanisms);
void append_authentication_sasl_continue(std::string& out, std::string_view data);
void append_authentication_sasl_final(std::string& out, std::string_view data);
void append_negotiate_protocol_version(std::string& out, ProtocolVersion version,
                                       std::span<const std::string_view> unknown_options);
void append_parameter_status(std::string& out, std::string_view name, std::string_view value);
void append_backend_key_data(std::string& out, const CancelKey& key);
void append_ready_for_query(std::string& out, TxStatus status);

struct Column {
  std::string_view name;
  Oid type;
  int16_t type_length = -1;  // -1: varies
};
// `formats`: none for text, one for all columns, or one each.
void append_row_description(std::string& out, std::span<const Column> columns,
                            std::span<const Format> formats = {});
base::Status append_data_row(std::string& out, std::span<const std::optional<std::string_view>> values);
void append_command_complete(std::string& out, std::string_view tag);
void append_empty_query_response(std::string& out);
void append_parse_complete(std::string& out);
void append_bind_complete(std::string& out);
void append_close_complete(std::string& out);
void append_no_data(std::string& out);
void append_portal_suspended(std::string& out);
void append_parameter_description(std::string& out, std::span<const Oid> types);

// To servers.
// Parameters in order; `user` and the rest as PostgreSQL's manual names them.
base::Status append_startup(std::string& out, ProtocolVersion version,
                            std::span<const std::pair<std::string, std::string>> parameters);
void append_ssl_request(std::string& out);
void append_cancel_request(std::string& out, const CancelKey& key);
base::Status append_password(std::string& out, std::string_view password);
void append_sasl_initial_response(std::string& out, std::string_view mechanism, std::string_view response);
void append_sasl_response(std::string& out, std::string_view data);
base::Status append_query(std::string& out, std::string_view sql);
base::Status append_parse(std::string& out, std::string_view name, std::string_view sql,
                          std::span<const Oid> parameter_types);
// The start of a Bind; `rest_size` bytes (formats, values, result formats) must follow.
base::Status append_bind_header(std::string& out, std::string_view portal, std::string_view statement,
                                std::size_t rest_size);
void append_describe_statement(std::string& out, std::string_view name);
void append_describe_portal(std::string& out, std::string_view name);
void append_execute(std::string& out, std::string_view portal, int32_t max_rows = 0);
void append_close_statement(std::string& out, std::string_view name);
void append_close_portal(std::string& out, std::string_view name);
void append_copy_fail(std::string& out, std::string_view reason);
void append_flush(std::string& out);
void append_sync(std::string& out);
void append_terminate(std::string& out);

}  // namespace wire
