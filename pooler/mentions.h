#pragma once
// Names in the body of a function: what it may call, and all its words. A flat look at any language, strings and
// comments included, because SQL may stand in them. Pure.

#include <functional>
#include <string_view>

namespace pooler {

// Each name, as often as it stands there: folded, or as it stands in double quotes (and what stands in those once more,
// word by word, since not every language's quotes are SQL's); cut at 63 bytes. `called`: a parenthesis follows. Valid
// for the call.
using OnMention = std::function<void(std::string_view name, bool called)>;

struct Mentioned {
  bool writes = false;    // INSERT, UPDATE, DELETE, MERGE, COPY, TRUNCATE or REFRESH was among the words
  bool notifies = false;  // NOTIFY or pg_notify
};
Mentioned each_mention(std::string_view source, const OnMention& visit);

}  // namespace pooler
