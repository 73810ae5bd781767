// Translator: statements whose columns may be others on this server than a client knows them. decisions/009.

#include <memory>
#include <string>
#include <utility>

#include "pooler/replay.h"
#include "pooler/translate.h"
#include "wire/build.h"

namespace pooler {

using State = ServerStatements::State;

// A server that parses a text later than another may find other columns in it. Who is told them with the rows may have
// them; who may remember others waits until it is known.
Translator::Columns Translator::columns(std::string_view name, PreparedPtr& statement) {
  const State here = server_.statements().look(*statement);
  if (server_.status() == wire::TxStatus::kFailed) {  // the server refuses it, or it ends the transaction
    ensure(statement);
    return Columns::kRight;
  }
  if (here == State::kChecked || (here == State::kUnchecked && !statement->knows_columns())) return Columns::kRight;
  const auto may_have_others = [&] { return told_of_columns(ahead_) || !client_.told(name); };
  if (here == State::kOther) {
    if (!may_have_others()) return Columns::kOther;
    statement = renewed(*statement);
    if (!name.empty() && client_.find(name)) client_.add(name, statement, client_.told(name));
  }
  ensure(statement);
  if (!statement->knows_columns()) return Columns::kRight;
  if (!server_.replies().describes(*statement)) check_columns(statement, {});
  if (may_have_others()) return Columns::kRight;
  std::string flush;
  wire::append_flush(flush);
  server_.write(flush);
  return Columns::kWait;
}

// Of a statement that the server has, or will have when it reads this. `name`: the client's, that was made just now.
void Translator::check_columns(const PreparedPtr& statement, std::string_view name) {
  auto watch = std::make_shared<Watch>();
  watch->describes = statement;
  watch->described_as = name;
  std::string describe;
  wire::append_describe_statement(describe, statement->name);
  server_.write(describe);
  server_.expect(Expect::kDescribeStatement, Action::kDrop, nullptr, std::move(watch));
}

// The batch is made to fail as PostgreSQL would have it.
void Translator::refuse_columns() {
  auto watch = std::make_shared<Watch>();
  watch->refuses = true;
  std::string describe;
  wire::append_describe_statement(describe, kNoStatement);
  server_.write(describe);
  server_.expect(Expect::kDescribeStatement, Action::kForward, nullptr, std::move(watch));
}

}  // namespace pooler
