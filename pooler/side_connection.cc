#include "pooler/side_connection.h"

#include <fmt/core.h>

#include <utility>

#include "pooler/runtime.h"
#include "pooler/server_login.h"
#include "wire/backend.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/error_fields.h"
#include "wire/frame.h"

namespace pooler {
namespace {

// A statement's own timeout ends it first, so that the connection lives on.
constexpr base::Duration kGrace = std::chrono::seconds(2);

// Settings that a server may not have are passed over.
std::string setup_statement(base::Duration statement_timeout) {
  return fmt::format(
      "SELECT pg_catalog.set_config(name, CASE name WHEN 'search_path' THEN '' WHEN 'statement_timeout' THEN '{}' "
      "ELSE '0' END, false) FROM pg_catalog.pg_settings WHERE name IN ('search_path', 'statement_timeout', "
      "'lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')",
      std::chrono::ceil<std::chrono::milliseconds>(statement_timeout).count());
}

ParamList extra_startup(const SideConnection::Options& options) {
  ParamList extra{{"application_name", options.application_name}};
  if (!options.client_encoding.empty()) extra.emplace_back("client_encoding", options.client_encoding);
  return extra;
}

// What the pool gives its clients' servers and is given here otherwise would stand twice in the startup packet.
PoolSettingsPtr without_own(PoolSettingsPtr settings, const ParamList& extra) {
  auto changed = std::make_shared<PoolSettings>(*settings);
  for (const auto& [name, value] : extra) changed->target.startup = with_param(std::move(changed->target.startup), name, nullptr);
  return changed;
}

}  // namespace

SideConnection::SideConnection(Runtime& runtime, base::EventLoop& loop, PoolSettingsPtr settings,
                               ServerCredentials credentials, Options options, SideHandler& handler)
    : runtime_(runtime),
      loop_(loop),
      settings_(std::move(settings)),
      options_(std::move(options)),
      handler_(handler),
      deadline_(loop, [this] {
        lose(state_ == State::kConnecting ? base::cannot_connect("could not connect in time")
                                          : base::query_canceled("no answer in time"));
      }) {
  deadline_.once(kConnectTimeout);
  ParamList extra = extra_startup(options_);
  PoolSettingsPtr own = without_own(settings_, extra);
  login_ = ServerLogin::start(runtime_, loop_, std::move(own), std::move(credentials), 0, std::move(extra),
                              [this](base::Result<ServerConnection> result) { on_login(std::move(result)); });
}

SideConnection::~SideConnection() = default;

void SideConnection::on_login(base::Result<ServerConnection> result) {
  loop_.defer_delete(std::move(login_));
  if (!result.ok()) return lose(result.error());
  remote_pid_ = static_cast<int>(result->key.pid());
  stream_ = std::move(result->stream);
  stream_->attach(loop_, *this);
  state_ = State::kSettingUp;
  send(setup_statement(options_.statement_timeout), [this](const base::Result<wire::PgRows>& rows) { on_setup(rows); });
}

void SideConnection::on_setup(const base::Result<wire::PgRows>& rows) {
  if (!rows.ok()) return lose(rows.error());
  handler_.on_connected();
}

void SideConnection::query(std::string_view sql, Done done) {
  state_ = State::kRunning;
  send(sql, std::move(done));
}

void SideConnection::send(std::string_view sql, Done done) {
  done_ = std::move(done);
  rows_ = {};
  error_.reset();
  result_bytes_ = 0;
  deadline_.once(options_.statement_timeout + kGrace);
  std::string message;
  if (auto status = wire::append_query(message, sql); !status.ok()) {
    // Text with a NUL or beyond all bounds: an empty query takes its turn, so that the answer comes in the usual way.
    error_ = std::move(status).error();
    (void)wire::append_query(message, "");
  }
  stream_->write(message);
  stream_->flush();
}

std::size_t SideConnection::on_data(std::string_view bytes) {
  std::size_t position = 0;
  while (const auto header = wire::peek_frame(bytes.substr(position))) {
    if (!header->valid() || header->size > kMessageMax) {
      lose(base::protocol_violation("the server sent a message of an unexpected size"));
      return bytes.size();
    }
    if (bytes.size() - position < header->size) break;
    const std::string_view frame = bytes.substr(position, header->size);
    position += header->size;
    on_message(header->type, frame.substr(wire::kHeaderSize), frame);
    if (state_ == State::kClosed) return bytes.size();
  }
  handler_.on_read_end();
  return state_ == State::kClosed ? bytes.size() : position;
}

void SideConnection::on_message(char type, std::string_view body, std::string_view frame) {
  switch (type) {
    case 'A': {
      wire::Reader reader(body);
      reader.u32();
      const std::string_view channel = reader.cstring();
      reader.cstring();
      if (!reader.ok()) return lose(base::protocol_violation("the server sent a notification that cannot be read"));
      return handler_.on_notification(channel, frame);
    }
    case 'E':
      if (!error_) error_ = wire::parse_report(body).error;
      return;
    case 'T': {
      wire::Reader reader(body);
      rows_.columns.resize(reader.u16());
      for (std::string& column : rows_.columns) {
        column = reader.cstring();
        reader.bytes(18);
      }
      if (!reader.ok()) lose(base::protocol_violation("the server sent columns that cannot be read"));
      return;
    }
    case 'D': return on_row(body);
    case 'C':
      rows_.command = wire::Reader(body).cstring();
      return;
    case 'Z': return on_ready();
    case 'G':
    case 'H':
    case 'W': return lose(base::feature_not_supported("COPY is not for queries of Weir's own"));
    default: return;  // notices, parameters, an empty query
  }
}

void SideConnection::on_row(std::string_view body) {
  if (error_) return;
  const auto message = wire::decode<wire::DataRow>(body);
  if (!message.ok()) return lose(base::protocol_violation("the server sent a row that cannot be read"));
  const auto& row = rows_.rows.emplace_back(message->values.begin(), message->values.end());
  result_bytes_ += body.size() + sizeof row + row.size() * sizeof row.front();
  if (result_bytes_ > options_.result_bytes_max) lose(base::configuration_limit("the result is larger than we read"));
}

void SideConnection::on_ready() {
  if (!done_) return lose(base::protocol_violation("the server answered what was not asked"));
  deadline_.cancel();
  state_ = State::kReady;
  const Done done = std::exchange(done_, nullptr);
  if (error_)
    done(*std::exchange(error_, std::nullopt));
  else
    done(std::exchange(rows_, {}));
}

void SideConnection::on_closed(const base::Error& error) {
  // What the server said last tells more than how the socket ended.
  lose(error_ ? *error_ : error);
}

void SideConnection::lose(const base::Error& error) {
  if (state_ == State::kClosed) return;
  const base::Error kept = error;  // it may be a member
  close();
  handler_.on_lost(kept);
}

void SideConnection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  deadline_.cancel();
  done_ = nullptr;
  if (login_) loop_.defer_delete(std::move(login_));
  if (!stream_) return;
  if (!stream_->closed()) {
    std::string terminate;
    wire::append_terminate(terminate);
    stream_->write(terminate);
    stream_->flush();
  }
  stream_->close();
}

}  // namespace pooler
