#include "admin/otlp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace admin {
namespace {

using analyzer::StatementTrace;

constexpr std::string_view kSystem = "postgresql";
constexpr int kDefaultPort = 5432;

// opentelemetry/proto/trace/v1/trace.proto: SpanKind and StatusCode.
enum Kind { kInternal = 1, kServer = 2, kClient = 3 };
constexpr int kStatusError = 2;
// SpanFlags: sampled, it is known whether the parent is another process', and it is.
constexpr int kSampled = 0x1, kKnowsParent = 0x100, kRemoteParent = 0x200;

class Attributes {
 public:
  explicit Attributes(std::string& out) : out_(out) { out_ += "\"attributes\":["; }
  void text(std::string_view key, std::string_view value) {
    if (!value.empty()) append(key, "stringValue", base::json_string(value));
  }
  // 64 bits are a string in JSON.
  void number(std::string_view key, uint64_t value) { append(key, "intValue", fmt::format("\"{}\"", value)); }
  void end() { out_ += ']'; }

 private:
  void append(std::string_view key, std::string_view type, const std::string& value) {
    fmt::format_to(std::back_inserter(out_), R"({}{{"key":"{}","value":{{"{}":{}}}}})", first_ ? "" : ",", key, type, value);
    first_ = false;
  }

  std::string& out_;
  bool first_ = true;
};

// What a statement is, for a person who looks at many: "SELECT orders".
std::string summary(const StatementTrace& trace) {
  if (trace.operation.empty()) return std::string(kSystem);
  return trace.collection.empty() ? trace.operation : trace.operation + ' ' + trace.collection;
}

// A child's number follows from its parent's, so that it need not be kept.
uint64_t child_span(uint64_t parent, uint64_t number) {
  uint64_t out = parent + number * 0x9e3779b97f4a7c15U;
  out = (out ^ (out >> 31U)) * 0xbf58476d1ce4e5b9U;
  out ^= out >> 29U;
  return out != 0 ? out : number;
}

struct Span {
  std::string_view name;
  uint64_t id = 0, parent = 0;
  int kind = kInternal, flags = 0;
  base::WallTime start{}, end{};
};

int64_t nanoseconds(base::WallTime at) { return at.time_since_epoch().count() * 1000; }

void begin(std::string& out, const StatementTrace& trace, const Span& span) {
  fmt::format_to(std::back_inserter(out), R"({{"traceId":"{}","spanId":"{}",)", analyzer::trace_id_text(trace.context),
                 analyzer::span_id_text(span.id));
  if (span.parent != 0)
    fmt::format_to(std::back_inserter(out), R"("parentSpanId":"{}",)", analyzer::span_id_text(span.parent));
  fmt::format_to(std::back_inserter(out),
                 R"("flags":{},"name":{},"kind":{},"startTimeUnixNano":"{}","endTimeUnixNano":"{}",)", span.flags,
                 base::json_string(span.name), span.kind, nanoseconds(span.start), nanoseconds(span.end));
}

// The message of an error may have values in it, so only its code is told.
void end(std::string& out, const StatementTrace& trace, bool has_outcome) {
  if (has_outcome && !trace.sqlstate.empty()) fmt::format_to(std::back_inserter(out), R"(,"status":{{"code":{}}})", kStatusError);
  out += '}';
}

void outcome(Attributes& attributes, const StatementTrace& trace) {
  attributes.text("db.response.status_code", trace.sqlstate);
  attributes.text("error.type", trace.sqlstate);
}

void server_of(Attributes& attributes, const StatementTrace& trace) {
  attributes.text("server.address", trace.server_address);
  if (!trace.server_address.empty() && trace.server_port != kDefaultPort && trace.server_port > 0)
    attributes.number("server.port", static_cast<uint64_t>(trace.server_port));
}

void append_statement(std::string& out, const StatementTrace& trace, const std::string& name) {
  const bool joined = trace.context.span != 0;
  begin(out, trace,
        {.name = name,
         .id = trace.span,
         .parent = trace.context.span,
         .kind = kServer,
         .flags = kSampled | kKnowsParent | (joined ? kRemoteParent : 0),
         .start = trace.ended - trace.total,
         .end = trace.ended});
  Attributes attributes(out);
  attributes.text("db.system.name", kSystem);
  if (trace.owner) attributes.text("db.namespace", trace.owner->database);
  attributes.text("db.query.summary", name);
  attributes.text("db.operation.name", trace.operation);
  attributes.text("db.collection.name", trace.collection);
  if (trace.statements > 1) attributes.number("db.operation.batch.size", trace.statements);
  if (trace.query) attributes.text("db.query.text", *trace.query);
  outcome(attributes, trace);
  server_of(attributes, trace);
  attributes.text("client.address", trace.client);
  if (trace.owner) {
    attributes.text("weir.user", trace.owner->user);
    attributes.text("weir.application_name", trace.owner->application);
  }
  if (trace.fingerprint != 0) attributes.text("weir.fingerprint", fmt::format("{:016x}", trace.fingerprint));
  attributes.number("weir.rows", trace.rows);
  if (trace.server_pid != 0) attributes.number("weir.server_pid", static_cast<uint64_t>(trace.server_pid));
  attributes.end();
  end(out, trace, true);
}

// A part of a statement's time: its child. Parts that took no time are none.
struct Part {
  std::string_view name;  // empty: the statement's
  Kind kind;
  base::WallTime start;
  base::Duration length;
};

void append_part(std::string& out, const StatementTrace& trace, const std::string& name, const Part& part, uint64_t number) {
  const bool of_server = part.kind == kClient;
  out += ',';
  begin(out, trace,
        {.name = part.name.empty() ? std::string_view(name) : part.name,
         .id = child_span(trace.span, number),
         .parent = trace.span,
         .kind = part.kind,
         .flags = kSampled | kKnowsParent,
         .start = part.start,
         .end = part.start + part.length});
  Attributes attributes(out);
  if (of_server) {
    attributes.text("db.system.name", kSystem);
    if (trace.owner) attributes.text("db.namespace", trace.owner->database);
    attributes.text("db.query.summary", name);
    attributes.text("db.operation.name", trace.operation);
    attributes.text("db.collection.name", trace.collection);
    outcome(attributes, trace);
    server_of(attributes, trace);
  }
  attributes.end();
  end(out, trace, of_server);
}

}  // namespace

OtlpBody::OtlpBody(const OtlpResource& resource) {
  text_ = R"({"resourceSpans":[{"resource":{)";
  Attributes attributes(text_);
  attributes.text("service.name", resource.service);
  attributes.text("service.version", resource.version);
  if (resource.pid > 0) attributes.number("process.pid", static_cast<uint64_t>(resource.pid));
  attributes.end();
  fmt::format_to(std::back_inserter(text_), R"(}},"scopeSpans":[{{"scope":{{"name":"weir","version":{}}},"spans":[)",
                 base::json_string(resource.version));
}

void OtlpBody::add(const StatementTrace& trace) {
  if (statements_++ > 0) text_ += ',';
  const std::string name = summary(trace);
  append_statement(text_, trace, name);
  const std::array<Part, 2> parts{{
      {"wait for a server", kInternal, trace.ended - trace.total, trace.wait},
      {"", kClient, trace.ended - trace.server, trace.server},
  }};
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts[i].length > base::Duration{}) append_part(text_, trace, name, parts[i], i + 1);
}

std::string OtlpBody::finish() {
  text_ += "]}]}]}\n";
  return std::move(text_);
}

}  // namespace admin
