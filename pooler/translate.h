#pragma once
// Translator: a client's message, as this server has to hear it.
//
// Rewrites the names of prepared statements, inserts the Parse that a server has not seen, answers what a server need
// not be asked, and enters every message in the server's ReplyQueue in the same step. Where PostgreSQL would answer an
// error (a name that exists, a name that does not), the server is made to say it itself: in its words, and with the
// rollback that goes with it. Statements that concern the session are reworded (rewrite.h) and watched (watch.h).
// Holds nothing between calls.

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "analyzer/statement_cache.h"
#include "pooler/prepared.h"
#include "pooler/rewrite.h"
#include "pooler/server.h"
#include "pooler/stats.h"
#include "wire/frame.h"

namespace pooler {

// What following a client's session needs of the session.
struct Tracking {
  analyzer::LocalStatements& statements;
  const ParamList& startup;         // values of the login, that RESET leads back to
  std::string_view path;            // the client's own search_path; empty: it has none
  bool standard_conforming_strings = true;
  uint64_t client = 0;              // whose sequence values are whose
  bool sequences_used = false;      // clients of this pool read currval() or lastval(): what makes them is watched
  bool pinned = false;              // this client keeps its server for them
  analyzer::Effects refused;        // by policy
  const base::Error* listen_error = nullptr;  // why the LISTEN that comes next cannot be

  // Of the text of a Parse body.
  const analyzer::AnalysisPtr& analysis_of(std::string_view body) {
    return statements.get(body.substr(0, body.find('\0')), standard_conforming_strings);
  }

  // What the statement will listen to is listened to; otherwise proceed() is called when it is.
  virtual bool listening(const analyzer::Analysis& analysis) = 0;
  // A COMMIT may be sent; otherwise proceed() is called when it may.
  virtual bool may_commit() = 0;
  // A statement that may do this leaves for the server.
  virtual void sent(analyzer::Effects effects, std::string_view sql, uint64_t fingerprint) = 0;
  // What functions and tables of the catalogue make of it beyond what its text says.
  virtual analyzer::Effects hidden_effects(const analyzer::Analysis& analysis, std::string_view sql) = 0;

 protected:
  Tracking(analyzer::LocalStatements& cache, const ParamList& startup_) : statements(cache), startup(startup_) {}
  ~Tracking() = default;
};

// A simple query that is larger than this passes without having been read: it may do anything.
inline constexpr std::size_t kLargestRead = 4 * 1024 * 1024;
// The names of a Bind must end within this many bytes; PostgreSQL's own identifiers are 63 long.
inline constexpr std::size_t kLongestNames = 64 * 1024;

// The names in front of a Bind's body, and what stands behind them; nothing: they do not end in it.
struct BindNames {
  std::string_view portal, statement, rest;
};
std::optional<BindNames> bind_names(std::string_view body);

class Translator {
 public:
  // `limit` is max_prepared_statements; 0 passes named statements through as they are. `tracking` is null where the
  // client has the server for itself.
  Translator(Server& server, ClientStatements& client, std::size_t limit, Stats& stats, Tracking* tracking = nullptr)
      : server_(server), client_(client), limit_(limit), stats_(stats), tracking_(tracking) {}

  enum class Step {
    kWritten,   // the bytes at hand were written; the rest of the message follows as it is
    kNeedMore,  // more of the message is needed
    kStall,     // wait until the server has answered what it still owes, or until proceed() is called
    kBad,       // not a message that PostgreSQL would read
  };

  // `bytes` begins with the message and may hold only a part of it.
  Step message(const wire::FrameHeader& header, std::string_view bytes);
  // The statement of a Query, Parse or Bind in the client's words, and what is known of it. Until the next message.
  const QueryMeter::Said& said() const { return said_; }
  // Nothing else may be sent before what was written last is answered.
  bool hold() const { return hold_; }
  // What was written is a simple query that runs a prepared statement and nothing else.
  bool executes_prepared() const { return executes_prepared_; }

  // Whether the message must be at hand as a whole before message() is called.
  static bool needs_whole(char type);

 private:
  Step query(const wire::FrameHeader& header, std::string_view frame, bool whole);
  Step watched_query(std::string_view frame, std::string_view sql, const analyzer::AnalysisPtr& analysis,
                     analyzer::Effects hidden);
  Step parse(std::string_view frame);
  Step parse_unnamed(std::string_view frame, std::string_view body, analyzer::AnalysisPtr analysis);
  Step bind(const wire::FrameHeader& header, std::string_view bytes);
  Step describe(std::string_view frame);
  Step execute(std::string_view frame);
  Step refuse_name(const wire::FrameHeader& header, std::string_view bytes, std::size_t name_at);
  Step close(std::string_view frame);

  // A watched statement of the extended protocol in the words for this server.
  struct Reworking {
    PreparedPtr statement;  // null: wait
    WatchPtr watch;
  };
  Reworking rework(std::string_view text, std::string_view types, const analyzer::AnalysisPtr& analysis,
                   analyzer::Effects hidden, const PreparedPtr& as_is);
  std::optional<Reworking> watched_statement(std::string_view name, const PreparedPtr& named);
  std::unique_ptr<Change> name_change(const Reworded& reworded);
  void leave(analyzer::Effects effects, std::string_view sql, uint64_t fingerprint);
  void count_parse() {
    stats_.server_parses.add(1);
    ++said_.server_parses;
  }
  static bool may_end_transaction(const analyzer::Analysis& analysis);
  Rewriting reword(std::string_view text, const analyzer::Analysis& analysis, analyzer::Effects hidden) const;
  void end_hidden_batch();
  bool must_wait(const analyzer::Analysis& analysis);
  analyzer::Effects watched(const analyzer::AnalysisPtr& analysis, std::string_view sql, analyzer::Effects& hidden) const;
  void forget_portal(std::string_view name);
  void forget_sequences(analyzer::Effects effects, bool in_batch);

  // Whether a statement that the client may know the columns of can be bound here.
  enum class Columns { kRight, kWait, kOther };
  Columns columns(std::string_view name, PreparedPtr& statement);
  void check_columns(const PreparedPtr& statement, std::string_view name);
  void refuse_columns();

  bool unsettled(std::string_view name) const;
  void ensure(const PreparedPtr& statement);
  void ensure_unnamed();
  void take_name(const std::string& name);
  void make_room();

  Server& server_;
  ClientStatements& client_;
  std::size_t limit_;
  Stats& stats_;
  Tracking* tracking_;
  std::string_view ahead_;  // the message at hand and what follows it
  QueryMeter::Said said_;
  analyzer::AnalysisPtr parsed_;  // keeps what said_ knows
  bool hold_ = false;
  bool executes_prepared_ = false;
};

}  // namespace pooler
