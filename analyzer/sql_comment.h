#pragma once
// What an application says in a comment of its statement, as sqlcommenter writes it: /*key='value',key='value'*/, keys
// and values URL-encoded. Pure.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "analyzer/trace_context.h"

namespace analyzer {

// A longer comment is prose.
inline constexpr std::size_t kCommentMax = 1024;

// Between the marks of the comment that ends the text, but for blanks and semicolons, or of the one that begins it. Empty
// where there is none. Looks at no more than both ends of the text.
std::string_view outer_comment(std::string_view sql);

// The value of this key, decoded; empty where there is none.
std::string comment_value(std::string_view comment, std::string_view key);

// The traceparent in it, if it is one that W3C's Trace Context allows, in lower case as it has to be; otherwise empty.
std::string traceparent_in(std::string_view comment);

// The traceparent of a statement: of the comment that ends it or, where there is none in that, of the one that begins it.
// `cut`: its end is not at hand.
std::optional<TraceContext> trace_of(std::string_view sql, bool cut = false);

}  // namespace analyzer
