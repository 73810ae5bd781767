#pragma once
// Statements that mean something else on a shared server, in the words that mean there what the client meant.
//
// - RESET, SET TO DEFAULT and DISCARD ALL lead back to the values that the client logged in with, which a shared server
//   does not have as its own.
// - PREPARE, EXECUTE and DEALLOCATE name a statement; on servers it has a name of ours.
// - LISTEN is done by a connection of its own (ListenHub); here it does nothing, where a statement may do nothing.
// - What a policy does not allow becomes an error that the server itself raises, with all that an error does there.
//
// One statement stays one statement, so that replies can be counted; where its command tag becomes another, the
// rewriting says what the client is to read. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/statement.h"
#include "base/error.h"
#include "pooler/params.h"
#include "pooler/prepared.h"
#include "pooler/watch.h"

namespace pooler {

struct RewriteContext {
  const ParamList& startup;  // values of the client's login, by name
  const ClientStatements& statements;
  bool alone = false;         // no transaction is open, and nothing was sent that is not answered
  bool rename = true;         // statements have names of ours (max_prepared_statements is not 0)
  analyzer::Effects refused;  // effects that a policy does not allow
  analyzer::Effects hidden;   // what the first statement may do and does not say
  const base::Error* listen_error = nullptr;  // LISTEN fails with this
};

struct Rewriting {
  bool changed = false;
  std::string text;                 // if it has changed
  std::vector<Reworded> reworded;   // one per statement, or none
  std::vector<Edit> edits;
  std::vector<PreparedPtr> needs;   // must be on the server before
  analyzer::Effects inner;          // what executed statements may do
  std::vector<std::string> taken;   // names that the client uses already: the server must know them, and refuse
};

// A position in the text that was sent (in characters, from 1, as in errors), in the client's text.
std::size_t client_position(std::size_t position, const std::vector<Edit>& edits);

// A statement that fails with this error wherever it stands, and with all that an error does there.
std::string raising(const base::Error& error);

Rewriting rewrite(std::string_view text, const analyzer::Analysis& analysis, const RewriteContext& context);

}  // namespace pooler
