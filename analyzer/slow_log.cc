#include "analyzer/slow_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "base/json.h"
#include "base/text.h"

namespace analyzer {
namespace {

double ms(base::Duration time) { return static_cast<double>(time.count()) / 1000; }

std::string time_text(base::WallTime at, char between, std::string_view zone) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  return fmt::format("{:%Y-%m-%d}{}{:%H:%M:%S}.{:03}{}", fmt::gmtime(seconds.count()), between, fmt::gmtime(seconds.count()),
                     (since - seconds).count(), zone);
}

// A field of the prefix: one line, and nothing that ends the prefix early.
std::string field(std::string_view text) { return base::escape_for_log(text); }

// Text over several lines as PostgreSQL writes it: each further one begins with a tab. What else a terminal or a reader
// could trip over is escaped; a tab stays.
void append_lines(std::string& out, std::string_view text) {
  while (true) {
    const std::size_t end = text.find_first_of("\n\t");
    std::string_view piece = text.substr(0, end);
    if (end != std::string_view::npos && text[end] == '\n' && piece.ends_with('\r')) piece.remove_suffix(1);
    out += base::escape_for_log(piece);
    if (end == std::string_view::npos) return;
    out += text[end] == '\n' ? "\n\t" : "\t";
    text.remove_prefix(end + 1);
  }
}

std::string prefix(const SlowStatement& one) {
  return fmt::format("{} [{}]: user={},db={},app={},client={} ", time_text(one.ended, ' ', " UTC"), one.server_pid,
                     field(one.user), field(one.database), field(one.application), field(one.client));
}

// What PostgreSQL says in front of the text.
std::string how(const SlowStatement& one) {
  if (!one.prepared) return "statement: ";
  return fmt::format("execute {}: ", one.name.empty() ? "<unnamed>" : one.name);
}

// What PostgreSQL's line has no place for.
std::string context(const SlowStatement& one) {
  std::string out = fmt::format("queue: {:.3f} ms, server: {:.3f} ms, rows: {}, bytes: {}", ms(one.queue), ms(one.server),
                                one.rows, one.bytes_out);
  if (one.fingerprint != 0) out += fmt::format(", fingerprint: {:016x}", one.fingerprint);
  if (!one.sqlstate.empty()) out += ", error: " + field(one.sqlstate);
  if (!one.traceparent.empty()) out += ", traceparent: " + one.traceparent;
  return out;
}

// As much of it as is shown, not cut within a character.
std::string shown(std::string_view value) {
  constexpr std::size_t kMax = SlowStatement::kValueShown;
  if (value.size() <= kMax) return std::string(value);
  std::size_t size = kMax;
  while (size > 0 && (static_cast<unsigned char>(value[size]) & 0xc0U) == 0x80U) --size;
  return std::string(value.substr(0, size)) + "...";
}

// One object, key by key.
class Object {
 public:
  void text(std::string_view key, std::string_view value) {
    begin(key);
    out_ += base::json_string(value);
  }
  // Null where it is empty.
  void text_or_null(std::string_view key, std::string_view value) {
    value.empty() ? raw(key, "null") : text(key, value);
  }
  void raw(std::string_view key, std::string_view value) {
    begin(key);
    out_ += value;
  }
  std::string line() { return std::move(out_) + "}\n"; }

 private:
  void begin(std::string_view key) {
    out_ += out_.empty() ? '{' : ',';
    out_ += base::json_string(key);
    out_ += ':';
  }
  std::string out_;
};

std::string values_json(const SlowStatement& one) {
  if (!one.has_values) return "null";
  std::string out = "[";
  for (const SlowStatement::Value& value : one.values) {
    if (out.size() > 1) out += ',';
    out += fmt::format("{{\"n\":{},", value.number);
    switch (value.what) {
      case SlowStatement::Value::What::kHidden: out += "\"hidden\":true"; break;
      case SlowStatement::Value::What::kNull: out += "\"value\":null"; break;
      case SlowStatement::Value::What::kShown:
        out += "\"value\":";
        out += base::json_string(shown(value.text));
    }
    out += '}';
  }
  return out + "]";
}

}  // namespace

std::string values_text(const SlowStatement& statement) {
  std::string out;
  for (const SlowStatement::Value& value : statement.values) {
    if (!out.empty()) out += ", ";
    out += fmt::format("${} = ", value.number);
    switch (value.what) {
      case SlowStatement::Value::What::kHidden: out += "'?'"; break;
      case SlowStatement::Value::What::kNull: out += "NULL"; break;
      case SlowStatement::Value::What::kShown:
        out += '\'';
        for (const char c : shown(value.text)) out.append(c == '\'' ? 2 : 1, c);
        out += '\'';
    }
  }
  return out;
}

std::string slow_text(const SlowStatement& statement) {
  const std::string start = prefix(statement);
  std::string out = start + fmt::format("LOG:  duration: {:.3f} ms  ", ms(statement.total()));
  append_lines(out, how(statement));
  append_lines(out, statement.query);
  out += '\n';
  if (statement.has_values && !statement.values.empty()) {
    out += start + "DETAIL:  parameters: ";
    append_lines(out, values_text(statement));
    out += '\n';
  }
  return out += start + "CONTEXT:  " + context(statement) + '\n';
}

std::string slow_json(const SlowStatement& statement) {
  Object object;
  object.text("ts", time_text(statement.ended, 'T', "Z"));
  object.text_or_null("fp", statement.fingerprint == 0 ? "" : fmt::format("{:016x}", statement.fingerprint));
  object.text("db", statement.database);
  object.text("user", statement.user);
  object.text("app", statement.application);
  object.text("client", statement.client);
  object.raw("server_pid", fmt::format("{}", statement.server_pid));
  object.text_or_null("traceparent", statement.traceparent);
  object.raw("queue_ms", fmt::format("{:.3f}", ms(statement.queue)));
  object.raw("server_ms", fmt::format("{:.3f}", ms(statement.server)));
  object.raw("total_ms", fmt::format("{:.3f}", ms(statement.total())));
  object.raw("rows", fmt::format("{}", statement.rows));
  object.raw("bytes_in", fmt::format("{}", statement.bytes_in));
  object.raw("bytes", fmt::format("{}", statement.bytes_out));
  object.text_or_null("error", statement.sqlstate);
  object.raw("prepared", statement.prepared ? "true" : "false");
  object.text_or_null("name", statement.name);
  object.text("query", statement.query);
  object.raw("parameters", values_json(statement));
  return object.line();
}

std::string slow_summary(const SlowStatement& statement) {
  return fmt::format("duration: {:.3f} ms  {}{} (user={},db={},app={},client={}; {})", ms(statement.total()), how(statement),
                     statement.query, statement.user, statement.database, statement.application, statement.client,
                     context(statement));
}

std::string missing_text(base::WallTime at, uint64_t statements, std::string_view why) {
  SlowStatement nobody;
  nobody.ended = at;
  return prefix(nobody) +
         fmt::format("LOG:  slow log: {} statements are missing here: {}\n", statements, base::escape_for_log(why));
}

std::string missing_json(base::WallTime at, uint64_t statements, std::string_view why) {
  Object object;
  object.text("ts", time_text(at, 'T', "Z"));
  object.raw("missing", fmt::format("{}", statements));
  object.text("why", why);
  return object.line();
}

}  // namespace analyzer
