#pragma once
// Sentry: one client's messages on their way past the rules about statements (guards.h).
//
// ask() is called for the message at the head of the input before a server gets it, as often as it takes: what was let
// pass once is not asked again until passed() or Sync. A statement is judged when it is about to run: with its Query, or its
// Bind. While it runs, the sentry holds its place in limits and knows the rules that say how long it may take. What begins
// or ends transactions passes always: who may not end a transaction would leave it open.
//
// Lives with its session, on the same worker. No socket, no clock of its own.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/statement_cache.h"
#include "base/clock.h"
#include "base/error.h"
#include "pooler/guards.h"
#include "pooler/params.h"
#include "pooler/prepared.h"
#include "pooler/reply_queue.h"
#include "wire/frame.h"

namespace pooler {

class Sentry {
 public:
  Sentry(analyzer::LocalStatements& statements, const std::string& database, const std::string& user);

  // The rules that are in force.
  void follow(GuardRulesPtr rules);

  // What it looks at. `bytes` begin with the message and may hold only a part of it.
  struct Head {
    const wire::FrameHeader& header;
    std::string_view bytes;
    const ClientStatements& names;
    bool follows_names;          // max_prepared_statements is not 0
    const ParamsPtr& params;     // the client's
    const ReplyQueue* replies;   // null: it has no server
  };
  enum class Say : uint8_t {
    kPass,
    kMore,    // more of the message is needed
    kWait,    // until the server has answered what it still owes
    kRefuse,  // error() says why
  };
  Say ask(const Head& head, base::TimePoint now, base::WallTime wall);
  // The same for a client without a server whose message is a Parse: of what is bound next in `bytes`, if that can be seen.
  Say ask_ahead(const Head& head, base::TimePoint now, base::WallTime wall);

  // Of the last kRefuse.
  const base::Error& error() const { return *verdict_.error; }
  const GuardRule& refused_by() const { return *verdict_.by; }
  std::string_view text() const { return text_; }  // with its values; as long as the message
  uint64_t fingerprint() const { return facts_.empty() ? 0 : facts_.front().fingerprint; }

  // The message was sent, or swallowed.
  void passed(char type) {
    if (type == judged_ || type == 'S') judged_ = 0;
  }
  // ReadyForQuery. `all`: nothing else is owed.
  void ready(bool all);
  // Nothing of the client's runs or will run.
  void idle();
  // The rule whose time is over for the request that began so long ago, or null. Those that are tried (dry_run) are counted.
  GuardRulePtr overdue(base::Duration since, base::WallTime wall);

 private:
  struct Timeout {
    GuardRulePtr rule;
    std::size_t requests_before;  // that the client waits for the end of
  };

  void choose_rules(const ParamsPtr& params);
  Say ask_query(const Head& head);
  Say ask_bind(const Head& head);
  Say ask_parse(const Head& head);
  void read_text(std::string_view text, const ClientStatements& names);
  void read_prepared(std::string_view name, const ClientStatements& names);
  void read_unknown();
  uint64_t execute(const std::string& name, const ClientStatements& names, analyzer::Shapes& shapes);
  Say judge_facts(char type, const ReplyQueue* replies, base::TimePoint now, base::WallTime wall);

  analyzer::LocalStatements& statements_;
  GuardRulesPtr rules_;
  GuardOwner owner_;
  ParamsPtr params_;  // what owner_.application and mine_ were taken from
  bool standard_conforming_strings_ = true;
  bool chosen_ = false;
  bool fingerprints_ = false;  // some rule looks at them
  std::vector<GuardRulePtr> mine_;

  char judged_ = 0;            // a message of this type has been judged, and has not passed
  std::vector<GuardFacts> facts_;
  std::string_view text_;
  GuardVerdict verdict_;
  std::vector<GuardSlot> slots_;
  std::vector<Timeout> timeouts_;
};

// The statement in what stands behind the name of a PREPARE: "(int) AS SELECT $1" has "SELECT $1".
std::string_view prepared_text(std::string_view rest, bool standard_conforming_strings);

}  // namespace pooler
