#pragma once
// QueryMeter: one client's statements on their way into the statistics (analyzer/query_stats.h).
//
// sent() enters what left for a server and gives it a tag, which its entry in the ReplyQueue carries; answered() takes the
// tag of what a server has said and counts it. What Weir asks itself has no tag. A tag that was passed over belongs to what
// the server skipped: nobody has run it, and nobody counts it.
//
// Where the time goes: from the moment at which a statement could be sent, or the one before it was done, if that is later,
// until it is done itself. Bytes out are what the client got for it, but for ReadyForQuery; bytes in its Query, or its
// Parse, Bind, Describe and Execute, and the data of its COPY.
//
// What took long enough is told to a SlowListener (slow_statement.h), and what is traced to a TraceListener (tracer.h), before
// it is counted. While nobody wants to know that, it costs one comparison per answer; otherwise what has to be told is kept
// while a statement runs.
//
// Lives with its session, on the same worker. No clock of its own.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/query_stats.h"
#include "analyzer/statement_cache.h"
#include "base/clock.h"
#include "base/ring.h"
#include "pooler/params.h"
#include "pooler/slow_statement.h"
#include "pooler/tracer.h"
#include "wire/frame.h"
#include "wire/types.h"

namespace pooler {

class QueryMeter {
 public:
  using Tag = uint32_t;  // 0: none
  using Row = analyzer::QueryStats::Row;

  // A statement that a server has done, or a part of it.
  struct Answer {
    Tag tag = 0;
    char type = 0;            // 'C', 'I', 's' or 'E'
    std::size_t index = 0;    // which statement of a simple query
    std::string_view body{};  // of the message that the client reads
    std::size_t unpassed = 0; // bytes up to its end that passed() has not heard of
  };
  // What a message said, where somebody has looked: its statement in the client's words.
  struct Said {
    const analyzer::Analysis* analysis = nullptr;
    std::string_view text{};
    bool cut = false;            // that is only its beginning
    uint64_t server_parses = 0;  // Parse messages that a server got for it
    const Prepared* prepared = nullptr;  // where it is one
    std::string_view types{};    // otherwise of its parameters, as its Parse had them
  };

  QueryMeter(analyzer::LocalStatements& statements, const std::string& database, const std::string& user);
  ~QueryMeter();
  QueryMeter(const QueryMeter&) = delete;
  QueryMeter& operator=(const QueryMeter&) = delete;

  // Null: nothing is looked at. Without `counts`, `stats` only lends its rows, and nothing is entered in them.
  void attach(analyzer::QueryStats* stats, bool counts = true);
  // What of it is slow, and who hears of it; needs attached statistics. `listener` outlives it.
  void watch(const SlowLimits& limits, SlowListener* listener);

  // Which of it is traced, and who hears of it; needs attached statistics. Both outlive it. Null: nothing is.
  void trace(Tracer* tracer, TraceListener* listener);

  // From the client. `params` are the client's, `at` is when the message could be sent.
  Tag sent(const wire::FrameHeader& header, std::string_view frame, const Said& said, const ParamsPtr& params,
           base::TimePoint at);
  // A Parse that no server was asked for.
  void parsed(std::size_t size, const Said& said, const ParamsPtr& params);
  // What comes next has waited for a server.
  void waited(base::Duration time) { wait_ = time; }
  // Weir itself has answered a message with this error.
  void refused(const wire::FrameHeader& header, const Said& said, const ParamsPtr& params, std::string_view sqlstate,
               base::TimePoint now);

  // From the server.
  void passed(std::size_t bytes) { out_ += bytes; }
  void answered(const Answer& answer, base::TimePoint now);
  // No answer will come; the client was told this.
  void lost(Tag tag, std::string_view sqlstate, base::TimePoint now) {
    answered({.tag = tag, .type = kLost, .body = sqlstate}, now);
  }
  // ReadyForQuery. `all`: nothing else is owed.
  void ready(wire::TxStatus status, bool all, base::TimePoint now);
  // The client is gone.
  void ended(base::TimePoint now);

  // What runs now, or ran last in an open transaction, without its values; null: nothing. Valid until the next call.
  const Row* current() const { return ring_.empty() ? last_ : ring_.front().row; }
  // Statements done since the last transaction's end.
  uint64_t statements() const { return statements_; }

 private:
  static constexpr char kLost = 'L';
  static constexpr Tag kTag = 1U << 31;  // in each of them, so that none is 0

  struct Sent {
    Row* row = nullptr;                 // held
    std::unique_ptr<std::vector<Row*>> rows;  // of a text with several statements, all held
    base::TimePoint at{};
    base::Duration wait{};
    uint64_t bytes_in = 0;
    uint32_t rows_most = 0;   // of an Execute; 0: all
    bool executed = false;    // Parse and Bind alone run nothing
    bool simple = false;      // a Query: several answers may come
    bool call = true;
    bool keeps = false;       // `kept` is of this one
    std::unique_ptr<KeptStatement> kept{};  // once there was something to keep

    const TraceMark* trace() const { return keeps ? kept->trace() : nullptr; }
  };
  struct Portal {
    Row* row = nullptr;  // held
    bool begun = false;
    std::optional<TraceMark> trace{};  // each of its parts is traced
  };

  const analyzer::Analysis& analysis_of(const Said& said);
  Row& row_of(const analyzer::Analysis& analysis, std::string_view text);
  Row& row_of(const Said& said);
  void follow(const ParamsPtr& params);
  void end_idle(base::TimePoint now);
  Sent& enter(Row& row, base::TimePoint at);
  Sent& join(Row& row, base::TimePoint at);
  Tag newest_tag() const { return (first_ + static_cast<uint32_t>(ring_.size()) - 1) | kTag; }
  Sent* newest() { return ring_.empty() ? nullptr : &ring_.back(); }
  void query(const wire::FrameHeader& header, const Said& said, base::TimePoint at);
  void bind(const wire::FrameHeader& header, std::string_view frame, const Said& said, base::TimePoint at);
  void execute(const wire::FrameHeader& header, std::string_view frame, base::TimePoint at);
  KeptStatement& kept(Sent& sent);
  void keep_query(Sent& sent, const Said& said, const KeptStatement::Facts& facts);
  void part_done(Sent& sent, std::size_t index, const analyzer::QueryRecord& record);
  void keep_bind(Sent& sent, std::string_view frame, const Said& said);
  std::optional<TraceMark> mark_of(const Said& said);
  void traced(Sent& sent, const Row& row, const analyzer::QueryRecord& record);
  Portal* find_portal(std::string_view name);
  Portal* add_portal(std::string_view name, Row& row);
  void close_portals();
  void drop_front();
  void set_last(Row* row);

  analyzer::LocalStatements& statements_cache_;
  const std::string& database_;
  const std::string& user_;
  analyzer::QueryStats* stats_ = nullptr;
  bool counts_ = true;
  SlowLimits slow_;
  SlowListener* listener_ = nullptr;       // where slow_ is on
  Tracer* tracer_ = nullptr;               // where something is traced
  TraceListener* trace_listener_ = nullptr;  // the same
  std::optional<analyzer::TraceContext> session_trace_;  // what params_ say
  analyzer::QueryOwnerPtr owner_;
  ParamsPtr params_;                       // what owner_ was taken from
  bool standard_conforming_strings_ = true;

  base::Ring<Sent, 2> ring_;
  uint32_t first_ = 0;       // the number of the one at its front
  Portal unnamed_;
  std::vector<std::pair<std::string, Portal>> portals_;  // named ones, of the open transaction

  base::Duration wait_{};
  base::TimePoint done_{};   // the last statement was
  base::TimePoint idle_{};   // since then the client keeps a transaction open and asks nothing
  Row* last_ = nullptr;      // held: what it did before
  uint64_t out_ = 0, counted_out_ = 0;
  uint64_t copied_in_ = 0;   // of a COPY that is under way
  uint64_t statements_ = 0;
};

}  // namespace pooler
