#include "fakes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "admin/alert_webhook.h"
#include "admin/alerts.h"
#include "admin/table.h"
#include "conf/diff.h"
#include "wire/backend.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/error_fields.h"
#include "wire/frontend.h"

namespace admin {

void FakeInspector::answer_all() {
  while (!answers_.empty()) {
    auto answer = std::move(answers_.front());
    answers_.pop_front();
    answer();
  }
}

void FakeOperations::complete(base::Status status) {
  if (reload_done_) return std::exchange(reload_done_, {})(std::move(status));
  if (auto pending = pending_.lock()) {
    pending->complete = true;
    pending->done(std::move(status));
  }
}

pooler::Operations::Token FakeOperations::begin(std::string call, Done done, bool undoable) {
  calls.push_back(std::move(call));
  if (!later) {
    done(outcome);
    return {};
  }
  std::shared_ptr<Pending> pending(new Pending{std::move(done), undoable}, [this](Pending* p) {
    if (p->undoable && !p->complete) ++undone;
    delete p;
  });
  pending_ = pending;
  return pending;
}

pooler::Operations::Token FakeOperations::pause(const std::string& database, Done done) {
  return begin("pause " + database, std::move(done), true);
}
pooler::Operations::Token FakeOperations::suspend(Done done) { return begin("suspend", std::move(done), true); }
pooler::Operations::Token FakeOperations::wait_close(const std::string& database, Done done) {
  return begin("wait_close " + database, std::move(done), false);
}

base::Status FakeOperations::shutdown(pooler::ShutdownMode mode) {
  return called("shutdown " + std::to_string(static_cast<int>(mode)));
}

void FakeOperations::reload(Done done) {
  calls.emplace_back("reload");
  if (!later) return done(outcome);
  reload_done_ = std::move(done);
}

base::Status FakeOperations::called(std::string call) {
  calls.push_back(std::move(call));
  return outcome;
}

World::World()
    : console{{inspector, operations, [this] { return config; },
               [this](const AuditEvent& event) { audit.push_back(to_text(event)); }, "0.1.0",
               [this](std::function<void()> work, std::function<void()> done) {
                 return put_aside(std::move(work), std::move(done));
               },
               [this] { return now; },
               {},
               {},
               nullptr,
               {[this] { return alerts.rows ? alerts.rows() : std::vector<AlertRow>(); },
                [this] { return alerts.webhook ? alerts.webhook() : AlertingRow(); }}}} {}

World::~World() = default;

base::Result<base::Ticket> World::put_aside(std::function<void()> work, std::function<void()> done) {
  if (aside_full) return base::configuration_limit("too much work in line for threads \"console\"");
  auto job = std::make_shared<Aside>(std::move(work), std::move(done));
  aside_.push_back(job);
  if (!aside_later) run_aside();
  return base::Ticket([job] { job->dropped = true; });
}

void World::run_aside() {
  while (!aside_.empty()) {
    const auto job = aside_.front();
    aside_.pop_front();
    if (!job->dropped) job->work();
    if (!job->dropped) job->done();
  }
}

namespace {

std::string_view type_name(wire::Oid oid) {
  for (Type type : kTypes) {
    if (oid_of(type) == oid) return name_of(type);
  }
  return "?";
}

std::string show_columns(const wire::RowDescription& description) {
  std::string text;
  for (const auto& column : description.columns) {
    if (!text.empty()) text += ",";
    text += fmt::format("{}:{}", std::string_view(column.name), type_name(column.type));
    if (column.format == wire::Format::kBinary) text += ":binary";
  }
  return text;
}

std::string show_values(const wire::DataRow& row) {
  std::string text;
  for (std::size_t i = 0; i < row.values.size(); ++i) {
    if (i > 0) text += "|";
    text += row.values[i] ? std::string(*row.values[i]) : "-";
  }
  return text;
}

std::string show_report(std::string_view body) {
  const wire::ServerReport report = wire::parse_report(body);
  return fmt::format("{} {}", wire::to_text(report.severity), report.error.sqlstate);
}

std::string show_types(const wire::ParameterDescription& description) {
  std::string text;
  for (wire::Oid type : description.types) text += (text.empty() ? "" : ",") + std::string(type_name(type));
  return text;
}

std::string show_message(char type, std::string_view body) {
  switch (type) {
    case 'T': return fmt::format("T({})", show_columns(wire::decode<wire::RowDescription>(body).value()));
    case 'D': return fmt::format("D({})", show_values(wire::decode<wire::DataRow>(body).value()));
    case 'C':
      return fmt::format("C({})", std::string_view(wire::decode<wire::CommandComplete>(body).value().tag));
    case 'E': return fmt::format("E({})", show_report(body));
    case 'N': return fmt::format("N({})", show_report(body));
    case 'Z':
      return fmt::format("Z({})", static_cast<char>(wire::decode<wire::ReadyForQuery>(body).value().status));
    case 't': return fmt::format("t({})", show_types(wire::decode<wire::ParameterDescription>(body).value()));
    default: return body.empty() ? std::string(1, type) : fmt::format("{}({} bytes)", type, body.size());
  }
}

}  // namespace

std::string transcript(std::string_view bytes) {
  std::string text;
  wire::Reader reader(bytes);
  while (reader.ok() && reader.remaining() > 0) {
    const char type = static_cast<char>(reader.u8());
    const uint32_t length = reader.u32();
    const std::string_view body = reader.bytes(length - 4);
    if (!reader.ok()) return text + " (torn)";
    text += (text.empty() ? "" : " ") + show_message(type, body);
  }
  return text;
}

Client::Client(World& world, pooler::ConsoleRole role,
               std::vector<std::pair<std::string, std::string>> parameters)
    : session(world.console.open({.name = role == pooler::ConsoleRole::kAdmin ? "root" : "watcher",
                                  .role = role,
                                  .address = "127.0.0.1:5",
                                  .parameters = std::move(parameters)},
                                 out)) {
  out.on_release = [this] { deliver(); };
}

void Client::deliver() {
  if (out.held || out.closed) return;
  const std::string seen = input_;  // a stream's buffer may move; views must not outlive the call
  const std::size_t consumed = session->on_data(seen);
  input_.erase(0, consumed);
}

std::string Client::send(std::string_view bytes) {
  input_ += bytes;
  deliver();
  return received();
}

std::string Client::query(std::string_view sql) { return send(query_bytes(sql)); }

std::string Client::received() {
  const std::string fresh = out.sent.substr(read_);
  read_ = out.sent.size();
  return transcript(fresh);
}

std::string query_bytes(std::string_view sql) {
  std::string bytes;
  EXPECT_TRUE(wire::append_query(bytes, sql).ok());
  return bytes;
}

Batch& Batch::parse(std::string_view sql, std::string_view name, std::vector<uint32_t> types) {
  std::vector<wire::Oid> oids;
  for (uint32_t type : types) oids.emplace_back(type);
  EXPECT_TRUE(wire::append_parse(bytes, name, sql, oids).ok());
  return *this;
}

Batch& Batch::bind(std::vector<std::string_view> values, std::vector<int16_t> results, std::string_view statement,
                   std::string_view portal, std::vector<int16_t> formats) {
  wire::Bind bind;
  bind.portal = portal;
  bind.statement = statement;
  for (int16_t format : formats) bind.formats.push_back(static_cast<wire::Format>(format));
  for (std::string_view value : values) bind.values.emplace_back(value);
  for (int16_t format : results) bind.results.push_back(static_cast<wire::Format>(format));
  EXPECT_TRUE(wire::encode(bind, bytes).ok());
  return *this;
}

Batch& Batch::describe_statement(std::string_view name) {
  wire::append_describe_statement(bytes, name);
  return *this;
}
Batch& Batch::describe_portal(std::string_view name) {
  wire::append_describe_portal(bytes, name);
  return *this;
}
Batch& Batch::execute(int32_t max_rows, std::string_view portal) {
  wire::append_execute(bytes, portal, max_rows);
  return *this;
}
Batch& Batch::close_statement(std::string_view name) {
  wire::append_close_statement(bytes, name);
  return *this;
}
Batch& Batch::close_portal(std::string_view name) {
  wire::append_close_portal(bytes, name);
  return *this;
}
Batch& Batch::flush() {
  wire::append_flush(bytes);
  return *this;
}
Batch& Batch::sync() {
  wire::append_sync(bytes);
  return *this;
}

}  // namespace admin
