#include "wire/build.h"

#include <algorithm>
#include <cassert>

#include "wire/backend.h"
#include "wire/codec.h"
#include "wire/frontend.h"
#include "wire/startup.h"

namespace wire {
namespace {

// Text that cannot carry a zero byte into a message.
CString clean(std::string_view text) { return text.substr(0, text.find('\0')); }

// For messages of our own: they always fit.
template <typename M>
void put(std::string& out, const M& message) {
  [[maybe_unused]] const base::Status status = encode(message, out);
  assert(status.ok());
}

void put_authentication(std::string& out, AuthCode code, std::string_view data = {}) {
  put(out, Authentication{code, data});
}

}  // namespace

void append_authentication_ok(std::string& out) { put_authentication(out, AuthCode::kOk); }
void append_authentication_cleartext(std::string& out) {
  put_authentication(out, AuthCode::kCleartextPassword);
}
void append_authentication_md5(std::string& out, std::string_view salt) {
  put_authentication(out, AuthCode::kMd5Password, salt);
}
void append_authentication_sasl(std::string& out, std::span<const std::string_view> mechanisms) {
  std::string list;
  for (std::string_view mechanism : mechanisms) list.append(clean(mechanism)).push_back('\0');
  list.push_back('\0');
  put_authentication(out, AuthCode::kSasl, list);
}
void append_authentication_sasl_continue(std::string& out, std::string_view data) {
  put_authentication(out, AuthCode::kSaslContinue, data);
}
void append_authentication_sasl_final(std::string& out, std::string_view data) {
  put_authentication(out, AuthCode::kSaslFinal, data);
}

void append_negotiate_protocol_version(std::string& out, ProtocolVersion version,
                                       std::span<const std::string_view> unknown_options) {
  NegotiateProtocolVersion message{version.number(), {}};
  for (std::string_view option : unknown_options) message.unknown_options.push_back(clean(option));
  put(out, message);
}
void append_parameter_status(std::string& out, std::string_view name, std::string_view value) {
  put(out, ParameterStatus{clean(name), clean(value)});
}
void append_backend_key_data(std::string& out, const CancelKey& key) {
  put(out, BackendKeyData{key.pid(), key.secret()});
}
void append_ready_for_query(std::string& out, TxStatus status) { put(out, ReadyForQuery{status}); }

void append_row_description(std::string& out, std::span<const Column> columns,
                            std::span<const Format> formats) {
  RowDescription message;
  message.columns.reserve(columns.size());
  for (const Column& column : columns) {
    ColumnDescription& described = message.columns.emplace_back();
    described.name = clean(column.name);
    described.type = column.type;
    described.type_length = column.type_length;
    const std::size_t index = message.columns.size() - 1;
    if (formats.size() == 1) described.format = formats[0];
    if (formats.size() > 1 && index < formats.size()) described.format = formats[index];
  }
  put(out, message);
}
base::Status append_data_row(std::string& out, std::span<const std::optional<std::string_view>> values) {
  Writer writer(out);
  writer.begin(DataRow::kType);
  if (values.size() > 0xffff) writer.fail("too many elements in message");
  writer.u16(static_cast<uint16_t>(values.size()));
  for (const Value& value : values) writer.value(value);
  return writer.end();
}
void append_command_complete(std::string& out, std::string_view tag) {
  put(out, CommandComplete{clean(tag)});
}
void append_empty_query_response(std::string& out) { put(out, EmptyQueryResponse{}); }
void append_parse_complete(std::string& out) { put(out, ParseComplete{}); }
void append_bind_complete(std::string& out) { put(out, BindComplete{}); }
void append_close_complete(std::string& out) { put(out, CloseComplete{}); }
void append_no_data(std::string& out) { put(out, NoData{}); }
void append_portal_suspended(std::string& out) { put(out, PortalSuspended{}); }
void append_parameter_description(std::string& out, std::span<const Oid> types) {
  put(out, ParameterDescription{{types.begin(), types.end()}});
}

base::Status append_startup(std::string& out, ProtocolVersion version,
                            std::span<const std::pair<std::string, std::string>> parameters) {
  Writer writer(out, kMaxStartupPacket + 4);
  writer.begin_untyped();
  writer.u32(version.number());
  for (const auto& [name, value] : parameters) {
    if (name.empty()) writer.fail("startup parameter without a name");
    writer.cstring(name);
    writer.cstring(value);
  }
  writer.u8(0);
  return writer.end();
}
void append_ssl_request(std::string& out) {
  Writer writer(out);
  writer.begin_untyped();
  writer.u32(kSslRequestCode);
  [[maybe_unused]] const base::Status status = writer.end();
}
void append_cancel_request(std::string& out, const CancelKey& key) {
  Writer writer(out);
  writer.begin_untyped();
  writer.u32(kCancelRequestCode);
  writer.u32(key.pid());
  writer.bytes(key.secret());
  [[maybe_unused]] const base::Status status = writer.end();
}
base::Status append_password(std::string& out, std::string_view password) {
  return encode(PasswordMessage{password}, out);
}
void append_sasl_initial_response(std::string& out, std::string_view mechanism, std::string_view response) {
  put(out, SaslInitialResponse{clean(mechanism), response});
}
void append_sasl_response(std::string& out, std::string_view data) { put(out, SaslResponse{data}); }
base::Status append_query(std::string& out, std::string_view sql) { return encode(Query{sql}, out); }
base::Status append_parse(std::string& out, std::string_view name, std::string_view sql,
                          std::span<const Oid> parameter_types) {
  Writer writer(out);
  writer.begin(Parse::kType);
  writer.cstring(name);
  writer.cstring(sql);
  if (parameter_types.size() > 0xffff) writer.fail("too many elements in message");
  writer.u16(static_cast<uint16_t>(parameter_types.size()));
  for (Oid type : parameter_types) writer.u32(type.value());
  return writer.end();
}
base::Status append_bind_header(std::string& out, std::string_view portal, std::string_view statement,
                                std::size_t rest_size) {
  // By hand: of every execution of a prepared statement.
  const std::size_t names = portal.size() + statement.size() + 2;
  if (names > kMaxMessageLength - 4 || rest_size > kMaxMessageLength - 4 - names)
    return base::protocol_violation("message is too long");
  if (portal.find('\0') != std::string_view::npos || statement.find('\0') != std::string_view::npos)
    return base::protocol_violation("string contains a zero byte");
  const std::size_t begin = out.size();
  out.resize(begin + kHeaderSize + names);
  char* at = out.data() + begin;
  *at++ = Bind::kType;
  const auto length = static_cast<uint32_t>(4 + names + rest_size);
  for (int shift = 24; shift >= 0; shift -= 8) *at++ = static_cast<char>((length >> shift) & 0xff);
  for (const std::string_view name : {portal, statement}) {
    at = std::copy(name.begin(), name.end(), at);
    *at++ = '\0';
  }
  return base::Ok{};
}
void append_describe_statement(std::string& out, std::string_view name) {
  put(out, Describe{Target::kStatement, clean(name)});
}
void append_describe_portal(std::string& out, std::string_view name) {
  put(out, Describe{Target::kPortal, clean(name)});
}
void append_execute(std::string& out, std::string_view portal, int32_t max_rows) {
  put(out, Execute{clean(portal), max_rows});
}
void append_close_statement(std::string& out, std::string_view name) {
  put(out, Close{Target::kStatement, clean(name)});
}
void append_close_portal(std::string& out, std::string_view name) {
  put(out, Close{Target::kPortal, clean(name)});
}
void append_copy_fail(std::string& out, std::string_view reason) { put(out, CopyFail{clean(reason)}); }
void append_flush(std::string& out) { put(out, Flush{}); }
void append_sync(std::string& out) { put(out, Sync{}); }
void append_terminate(std::string& out) { put(out, Terminate{}); }

}  // namespace wire
