#pragma once
// What of a client's batch may be sent once more, after a server has said "cached plan must not change result type"
// (0A000) to it. Pure.
//
// That error comes before anything is executed, so a batch whose first message is refused has done nothing. What
// decides is what the client will make of rows that look otherwise than before: see decisions/009.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pooler {

struct Replay {
  std::string_view messages;   // from the one that was refused to the end of the batch
  std::size_t replies = 0;     // messages in it
  std::string_view statement;  // the client's name of the statement to be prepared again; of a simple query, nothing
  bool query = false;
  bool unless_told = false;    // not if the client was told the statement's columns before: it may rely on that
};

// `batch` is one segment of a client's, whole: a Query, or messages up to Sync. Nothing if the client has to read the
// error.
std::optional<Replay> replayable(std::string_view batch);

// Whether whoever sends these messages learns what the rows of the Bind at their head look like before the rows come, and
// has not chosen the format of each column beforehand. False if that cannot be seen.
bool told_of_columns(std::string_view messages);

// Whether an ErrorResponse (its body) is of a plan whose result is another now. Other errors have that SQLSTATE too.
bool is_changed_result(std::string_view report);
// Such an ErrorResponse, whole, in PostgreSQL's words.
std::string changed_result();
inline constexpr std::string_view kChangedResult = "0A000";

}  // namespace pooler
