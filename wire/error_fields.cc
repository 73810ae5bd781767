#include "wire/error_fields.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "wire/codec.h"

namespace wire {
namespace {

constexpr std::array<std::pair<Severity, std::string_view>, 8> kSeverities{{
    {Severity::kError, "ERROR"},
    {Severity::kFatal, "FATAL"},
    {Severity::kPanic, "PANIC"},
    {Severity::kWarning, "WARNING"},
    {Severity::kNotice, "NOTICE"},
    {Severity::kDebug, "DEBUG"},
    {Severity::kInfo, "INFO"},
    {Severity::kLog, "LOG"},
}};

void append_report(std::string& out, char type, const base::Error& error, Severity severity) {
  // Texts may quote what a client sent, but a zero byte would end the field early: text ends there.
  auto field = [](Writer& writer, char code, std::string_view text) {
    writer.u8(static_cast<uint8_t>(code));
    writer.cstring(text.substr(0, text.find('\0')));
  };
  Writer writer(out);
  writer.begin(type);
  field(writer, 'S', to_text(severity));
  field(writer, 'V', to_text(severity));
  field(writer, 'C', error.sqlstate);
  field(writer, 'M', error.message);
  if (!error.detail.empty()) field(writer, 'D', error.detail);
  if (!error.hint.empty()) field(writer, 'H', error.hint);
  writer.u8(0);
  if (!writer.end().ok())
    append_report(out, type, base::internal_error("error message is too long"), severity);
}

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

}  // namespace

std::string_view to_text(Severity severity) {
  return std::ranges::find(kSeverities, severity, [](const auto& row) { return row.first; })->second;
}

void append_error_response(std::string& out, const base::Error& error, Severity severity) {
  append_report(out, 'E', error, severity);
}

void append_notice_response(std::string& out, const base::Error& notice, Severity severity) {
  append_report(out, 'N', notice, severity);
}

ServerReport parse_report(std::string_view body) {
  ServerReport report;
  std::string_view severity, localized;
  Reader reader(body);
  while (reader.remaining() > 0) {
    const char code = static_cast<char>(reader.u8());
    if (code == '\0') break;
    std::string_view text = reader.cstring();
    if (!reader.ok()) break;
    switch (code) {
      case 'S': localized = text; break;
      case 'V': severity = text; break;
      case 'C':
        if (is_sqlstate(text)) report.error.sqlstate = text;
        break;
      case 'M': report.error.message = text; break;
      case 'D': report.error.detail = text; break;
      case 'H': report.error.hint = text; break;
      default: break;  // position, context, file and line are not kept
    }
  }
  if (severity.empty()) severity = localized;  // servers before 9.6 send S only
  for (const auto& [value, word] : kSeverities) {
    if (severity == word) report.severity = value;
  }
  if (report.error.sqlstate.empty()) report.error.sqlstate = "XX000";
  if (report.error.message.empty()) report.error.message = "server sent an error without a message";
  return report;
}

std::string with_position(std::string_view body, const std::function<std::size_t(std::size_t)>& position) {
  std::string out;
  while (!body.empty() && body.front() != '\0') {
    const std::size_t end = body.find('\0', 1);
    if (end == std::string_view::npos) break;
    const auto at = body.front() == 'P' ? base::parse_int(body.substr(1, end - 1)) : std::nullopt;
    if (at && *at > 0)
      out += 'P' + std::to_string(position(static_cast<std::size_t>(*at))) + '\0';
    else
      out.append(body.substr(0, end + 1));
    body.remove_prefix(end + 1);
  }
  return out.append(body);
}

}  // namespace wire
