#pragma once
// Translator: a client's message, as this server has to hear it.
//
// Rewrites the names of prepared statements, inserts the Parse that a server has not seen, answers what a server need
// not be asked, and enters every message in the server's ReplyQueue in the same step. Where PostgreSQL would answer an
// error (a name that exists, a name that does not), the server is made to say it itself: in its words, and with the
// rollback that goes with it. Holds nothing between calls.

#include <cstddef>
#include <string_view>

#include "pooler/prepared.h"
#include "pooler/server.h"
#include "pooler/stats.h"
#include "wire/frame.h"

namespace pooler {

class Translator {
 public:
  // `limit` is max_prepared_statements; 0 passes named statements through as they are.
  Translator(Server& server, ClientStatements& client, std::size_t limit, Stats& stats)
      : server_(server), client_(client), limit_(limit), stats_(stats) {}

  enum class Step {
    kWritten,   // the bytes at hand were written; the rest of the message follows as it is
    kNeedMore,  // more of the message is needed
    kStall,     // wait until the server has answered what it still owes
    kBad,       // not a message that PostgreSQL would read
  };

  // `bytes` begins with the message and may hold only a part of it.
  Step message(const wire::FrameHeader& header, std::string_view bytes);

  // Whether the message must be at hand as a whole before message() is called.
  static bool needs_whole(char type);

 private:
  Step parse(std::string_view frame);
  Step parse_unnamed(std::string_view frame, std::string_view body);
  Step bind(const wire::FrameHeader& header, std::string_view bytes);
  Step describe(std::string_view frame);
  Step close(std::string_view frame);

  bool unsettled(std::string_view name) const;
  void ensure(const PreparedPtr& statement);
  void ensure_unnamed();
  void make_room();

  Server& server_;
  ClientStatements& client_;
  std::size_t limit_;
  Stats& stats_;
};

}  // namespace pooler
