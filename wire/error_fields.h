#pragma once
// base::Error to the bytes of an ErrorResponse or NoticeResponse, and back.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace wire {

enum class Severity : uint8_t { kError, kFatal, kPanic, kWarning, kNotice, kDebug, kInfo, kLog };

// PostgreSQL's word for it: "ERROR".
std::string_view to_text(Severity severity);

// Fields in PostgreSQL's order: S V C M, then D and H if there are any.
void append_error_response(std::string& out, const base::Error& error, Severity severity = Severity::kError);
void append_notice_response(std::string& out, const base::Error& notice,
                            Severity severity = Severity::kNotice);

struct ServerReport {
  Severity severity = Severity::kError;
  base::Error error;
};

// What an ErrorResponse or NoticeResponse says. Total: a server may leave out any field, all of them, the
// terminators, or send rubbish; what is missing reads as ERROR, XX000 and a message that says so.
ServerReport parse_report(std::string_view body);

// The same body with its position (field P, in characters of the query from 1) replaced. One without stays as it is.
std::string with_position(std::string_view body, const std::function<std::size_t(std::size_t)>& position);

}  // namespace wire
