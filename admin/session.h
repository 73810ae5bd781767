#pragma once
// Session: one conversation with the console, simple and extended protocol.
//
// Messages are handled in order, one command at a time. While a command is under way (a PAUSE that waits, a view that
// is being gathered) or the client does not read, input is held. What was started may answer after the session is
// gone: callbacks hold a weak token. Lives on its client's worker.

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "admin/commands.h"
#include "admin/console.h"
#include "admin/prepared.h"
#include "admin/run.h"
#include "pooler/console.h"
#include "wire/types.h"

namespace admin {

// The longest message a console client may send: a query at its limit and its frame.
inline constexpr std::size_t kMaxMessage = kMaxSqlLength + 1024;

class Session final : public pooler::ConsoleSession {
 public:
  // All references outlive the session.
  Session(const Services& services, const Sources& sources, Meter& meter, pooler::ConsoleUser user,
          pooler::ConsoleOut& out);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::size_t on_data(std::string_view bytes) override;
  void on_cancel() override;
  void on_drained() override;

 private:
  // The command under way, and whom its answer is for.
  struct Running {
    Invocation invocation;
    base::TimePoint start{};
    std::optional<std::string> portal{};  // none: a simple query
    int32_t max_rows = 0;
  };

  // One frame of the input, or nothing if it has not arrived whole.
  struct Frame {
    char type = 0;
    std::string_view body;
    std::size_t size = 0;
  };
  std::optional<Frame> next_frame(std::string_view bytes);
  void on_frame(const Frame& frame);
  template <typename Message>
  void handle(std::string_view body);
  void on(const wire::Query& query);
  void on(const wire::Parse& parse);
  void on(const wire::Bind& bind);
  void on(const wire::Describe& describe);
  void on(const wire::Execute& execute);
  void on(const wire::Close& close);
  void on(const wire::FunctionCall& call);
  void sync();

  // Starts a command; its answer arrives at answered(), now or later.
  void start(Running running);
  void answered(Answer answer);
  base::Status refusal(const Invocation& invocation) const;
  std::optional<Answer> run_in_session(const Invocation& invocation);
  Reply end_transaction(Command command);
  void audit(const Invocation& invocation, AuditEvent::Outcome outcome, std::string_view problem = {});
  void send_reply(const Reply& reply);
  void send_rows(Portal& portal, int32_t max_rows);
  void append_notices(const Reply& reply);

  void continue_query();  // the commands left of a simple query
  void resume();          // whatever can go on, does
  void fail(const base::Error& error);
  void ready_for_query();
  void die(const base::Error& error);
  void send();

  bool choked() const;  // the client reads too slowly
  bool busy() const { return running_.has_value() || in_query_ || choked(); }

  const Services& services_;
  const Sources& sources_;
  Meter& meter_;
  const pooler::ConsoleUser user_;
  pooler::ConsoleOut& out_;

  std::string buffer_;  // what will be sent when the current input is done
  PreparedSet prepared_;
  wire::TxStatus transaction_ = wire::TxStatus::kIdle;
  bool in_extended_ = false;  // an error now skips to the next Sync
  bool skipping_ = false;     // ... and does
  bool in_query_ = false;     // a simple query still owes its ReadyForQuery
  std::deque<Invocation> query_;
  std::optional<Running> running_;
  pooler::Operations::Token token_;  // of what is running
  uint64_t generation_ = 0;          // tells answers of what is running from those of what was cancelled
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  bool delivering_ = false;  // inside on_data: its loop goes on by itself
  bool held_ = false;        // we asked for no more input
  bool closed_ = false;
};

}  // namespace admin
