// understand(): which command a statement is. One small function per first word.
#include <fmt/format.h>

#include <algorithm>

#include "admin/commands.h"
#include "base/text.h"

namespace admin {

namespace {

// Walks a statement's tokens; take_* consume what they name and say whether it was there.
class Words {
 public:
  explicit Words(const Statement& statement) : statement_(statement) {}

  bool at_end() const { return at_ >= statement_.size(); }
  const Token* peek(std::size_t ahead = 0) const {
    return at_ + ahead < statement_.size() ? &statement_[at_ + ahead] : nullptr;
  }
  bool take(std::string_view word) { return take(Token::Kind::kWord, word); }
  bool take_symbol(std::string_view symbol) { return take(Token::Kind::kSymbol, symbol); }
  void skip() { at_ = std::min(at_ + 1, statement_.size()); }
  void skip_rest() { at_ = statement_.size(); }

  // A name or a value: a word, a quoted name, a text, a number, or a parameter, which reads as empty. In parentheses
  // and with a type, too: JDBC writes ('7'::int8) for a parameter of the simple protocol.
  std::optional<std::string> take_name() {
    const bool parenthesis = take_symbol("(");
    const Token* token = peek();
    if (token == nullptr || token->kind == Token::Kind::kSymbol) return std::nullopt;
    ++at_;
    if (take_symbol(":") && !(take_symbol(":") && take_word())) return std::nullopt;
    if (parenthesis && !take_symbol(")")) return std::nullopt;
    return token->kind == Token::Kind::kParameter ? std::string() : token->text;
  }
  std::optional<std::string> take_word() {
    const Token* token = peek();
    if (token == nullptr || (token->kind != Token::Kind::kWord && token->kind != Token::Kind::kQuoted)) {
      return std::nullopt;
    }
    ++at_;
    return token->text;
  }
  base::Error error() const { return syntax_error_at(statement_, at_); }

 private:
  bool take(Token::Kind kind, std::string_view text) {
    const Token* token = peek();
    if (token == nullptr || token->kind != kind || token->text != text) return false;
    ++at_;
    return true;
  }

  const Statement& statement_;
  std::size_t at_ = 0;
};

using Parsed = base::Result<Invocation>;

base::Error suggest(base::Error error, std::string_view found, std::string_view prefix = "") {
  if (found.empty()) return base::with_hint(std::move(error), "SHOW HELP lists what the console understands.");
  return base::with_hint(std::move(error), fmt::format("Did you mean \"{}{}\"?", prefix, found));
}

Parsed finished(Words& words, Invocation invocation) {
  if (!words.at_end()) return words.error();
  return invocation;
}

Parsed no_arguments(Words& words, Command command) { return finished(words, {.command = command}); }

Parsed one_name(Words& words, Command command) {
  const bool parameter = words.peek() != nullptr && words.peek()->kind == Token::Kind::kParameter;
  auto name = words.take_name();
  if (!name) return words.error();
  // KILL '' must not read as KILL, which means every database.
  if (name->empty() && !parameter) return base::syntax_error("a name must not be empty");
  return finished(words, {.command = command, .name = *std::move(name)});
}

Parsed optional_database(Words& words, Command command) {
  if (words.at_end()) return Invocation{.command = command};
  return one_name(words, command);
}

// The name of a column is how the parameter was asked for, as in PostgreSQL.
Parsed show_parameter(Words& words, std::string name, std::string_view parameter) {
  const std::string_view* value = parameter_value(parameter);
  if (value == nullptr) return words.error();
  return finished(words,
                  {.command = Command::kShowParameter, .name = std::move(name), .value = std::string(*value)});
}

base::Error unknown_view(const std::string& name) {
  std::vector<std::string_view> known{"HELP"};
  for (const View& view : all_views()) known.push_back(view.name);
  return suggest(base::syntax_error(fmt::format("there is no SHOW \"{}\"", name.substr(0, 64))),
                 nearest(name, known), "SHOW ");
}

Parsed show(Words& words) {
  if (words.take("transaction")) {
    if (words.take("isolation") && words.take("level")) {
      return show_parameter(words, "transaction_isolation", "transaction_isolation");
    }
    return words.error();
  }
  if (words.take("time")) {
    if (words.take("zone")) return show_parameter(words, "TimeZone", "timezone");
    return words.error();
  }
  auto name = words.take_word();
  if (!name) return words.error();
  const std::string lowered = base::to_lower(*name);
  if (lowered == "help") return no_arguments(words, Command::kShowHelp);
  if (const View* view = find_view(lowered)) {
    Invocation invocation{.command = Command::kShow, .view = view};
    if (lowered == "columns" && words.take("from")) {
      auto table = words.take_word();
      if (!table) return words.error();
      if (find_table(*table) == nullptr) return undefined_table(*table);
      invocation.name = *std::move(table);
    }
    if (lowered == "index_advice" && !words.at_end()) {  // of one, why
      auto id = words.take_name();
      if (!id) return words.error();
      invocation.view = find_view(kAdviceDetails);
      invocation.name = *std::move(id);
    }
    return finished(words, std::move(invocation));
  }
  if (parameter_value(lowered) != nullptr) return show_parameter(words, *name, lowered);
  return unknown_view(*name);
}

// [AS] name, after a constant.
Parsed constant(Words& words, std::string column, std::string value, Type type) {
  const bool as = words.take("as");
  if (as || !words.at_end()) {
    auto alias = words.take_word();
    if (!alias) return words.error();
    column = *std::move(alias);
  }
  return finished(words, {.command = Command::kSelectConstant,
                          .name = std::move(column),
                          .value = std::move(value),
                          .type = type});
}

// The few functions that drivers call to see whom they talk to and to clean up.
struct Function {
  std::string_view name, value;
};
constexpr Function kFunctions[] = {
    {"version", kCompatibleVersion}, {"pg_is_in_recovery", "f"}, {"pg_advisory_unlock_all", ""}};

Parsed select(Words& words) {
  const Token* token = words.peek();
  if (token == nullptr) return words.error();
  if (token->kind == Token::Kind::kText) {
    std::string value = token->text;
    words.skip();
    return constant(words, "?column?", std::move(value), Type::kText);
  }
  if (token->kind == Token::Kind::kNumber) {
    const auto number = base::parse_int(token->text);
    if (!number) return words.error();
    words.skip();
    const bool small = *number >= INT32_MIN && *number <= INT32_MAX;
    return constant(words, "?column?", fmt::to_string(*number), small ? Type::kInt4 : Type::kInt8);
  }
  if (words.peek(1) != nullptr && words.take("pg_catalog") && !words.take_symbol(".")) return words.error();
  token = words.peek();
  const Token* open = words.peek(1);
  if (token == nullptr || open == nullptr || open->text != "(") return show(words);
  const auto* function = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                      [token](const Function& f) { return f.name == token->text; });
  if (function == std::end(kFunctions)) return words.error();
  words.skip();
  words.skip();
  if (!words.take_symbol(")")) return words.error();
  return constant(words, std::string(function->name), std::string(function->value), Type::kText);
}

// What is ignored may say what it likes: lists, words, calls.
Parsed ignored(Words& words, std::string name) {
  words.skip_rest();
  return Invocation{.command = Command::kSetParameter, .name = std::move(name)};
}

Parsed set(Words& words) {
  const Token* second = words.peek(1);
  const bool scoped = second != nullptr && second->kind != Token::Kind::kSymbol && second->text != "to";
  if (scoped && (words.take("session") || words.take("local"))) {
    if (words.take("characteristics")) return ignored(words, "session characteristics");
  }
  if (words.take("time")) return words.take("zone") ? ignored(words, "timezone") : Parsed(words.error());
  auto name = words.take_word();
  if (!name) return words.error();
  if (ignored_parameter(base::to_lower(*name)) && !words.at_end()) return ignored(words, *std::move(name));
  while (words.take_symbol(".")) {  // a parameter with a prefix: weir.legacy_columns
    auto rest = words.take_word();
    if (!rest) return words.error();
    *name += "." + *rest;
  }
  const Command command = *name == kLegacyColumns ? Command::kSetLegacy : Command::kSet;

  if (!words.take_symbol("=") && !words.take("to")) return words.error();
  auto value = words.take_name();
  if (!value) return words.error();
  std::string all = *std::move(value);
  while (words.take_symbol(",")) {  // a list: SET admin_users = a, b
    auto next = words.take_name();
    if (!next) return words.error();
    all += "," + *next;
  }
  return finished(words, {.command = command, .name = *std::move(name), .value = std::move(all)});
}

Parsed shutdown(Words& words) {
  Invocation invocation{.command = Command::kShutdown};
  if (words.take("wait_for_servers")) invocation.mode = pooler::ShutdownMode::kWaitForServers;
  else if (words.take("wait_for_clients")) invocation.mode = pooler::ShutdownMode::kWaitForClients;
  return finished(words, std::move(invocation));
}

// BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY: what follows is for a real transaction.
Parsed transaction(Words& words, Command command) {
  words.skip_rest();
  return Invocation{.command = command};
}

Parsed end_transaction(Words& words, Command command) {
  if (!words.take("work")) words.take("transaction");
  if (command == Command::kRollback && words.take("to")) {
    words.take("savepoint");
    return one_name(words, Command::kRollbackTo);
  }
  return finished(words, {.command = command});
}

Parsed release(Words& words) {
  words.take("savepoint");
  return one_name(words, Command::kRelease);
}

Parsed deallocate(Words& words) {
  if (words.peek(1) != nullptr) words.take("prepare");
  if (words.take("all")) return no_arguments(words, Command::kDeallocate);
  return one_name(words, Command::kDeallocate);
}

Parsed start(Words& words) {
  if (!words.take("transaction")) return words.error();
  return transaction(words, Command::kBegin);
}

Parsed whatever_follows(Words& words, Command command) {
  if (words.at_end()) return words.error();
  words.skip_rest();
  return Invocation{.command = command};
}

Parsed reset(Words& words) {
  if (words.take("queries")) return no_arguments(words, Command::kResetQueries);
  return whatever_follows(words, Command::kReset);
}

Parsed advise(Words& words) {
  if (!words.take("now")) return words.error();
  return no_arguments(words, Command::kAdviseNow);
}

Parsed advice(Words& words) {
  if (words.take("apply")) return one_name(words, Command::kAdviceApply);
  if (!words.take("dismiss")) return words.error();
  return one_name(words, Command::kAdviceDismiss);
}

struct Verb {
  std::string_view word;
  Parsed (*read)(Words&);
};
template <Command kCommand, Parsed (*kRead)(Words&, Command)>
Parsed with(Words& words) {
  return kRead(words, kCommand);
}

constexpr Verb kVerbs[] = {
    {"show", show},
    {"select", select},
    {"reload", with<Command::kReload, no_arguments>},
    {"pause", with<Command::kPause, optional_database>},
    {"resume", with<Command::kResume, optional_database>},
    {"disable", with<Command::kDisable, one_name>},
    {"enable", with<Command::kEnable, one_name>},
    {"reconnect", with<Command::kReconnect, optional_database>},
    {"kill", with<Command::kKill, optional_database>},
    {"kill_client", with<Command::kKillClient, one_name>},
    {"suspend", with<Command::kSuspend, no_arguments>},
    {"shutdown", shutdown},
    {"wait_close", with<Command::kWaitClose, optional_database>},
    {"set", set},
    {"reset", reset},
    {"advise", advise},
    {"advice", advice},
    {"begin", with<Command::kBegin, transaction>},
    {"start", start},
    {"commit", with<Command::kCommit, end_transaction>},
    {"end", with<Command::kCommit, end_transaction>},
    {"rollback", with<Command::kRollback, end_transaction>},
    {"abort", with<Command::kRollback, end_transaction>},
    {"savepoint", with<Command::kSavepoint, one_name>},
    {"release", release},
    {"deallocate", deallocate},
    {"discard", with<Command::kDiscard, whatever_follows>},
    {"close", with<Command::kCloseCursor, whatever_follows>},
    {"unlisten", with<Command::kUnlisten, whatever_follows>},
};

// What PostgreSQL would do to a table.
constexpr std::string_view kWrites[] = {"insert", "update", "delete", "merge", "truncate", "create", "alter", "drop",
                                        "grant",  "revoke"};

}  // namespace

bool may_be_select(const Statement& statement) {
  if (statement.empty()) return false;
  const Token& first = statement.front();
  if (first.kind == Token::Kind::kSymbol) return first.text == "(";
  constexpr std::string_view kFirst[] = {"select", "with", "values", "table"};
  return first.kind == Token::Kind::kWord && std::find(std::begin(kFirst), std::end(kFirst), first.text) != std::end(kFirst);
}

base::Result<Invocation> understand(const Statement& statement) {
  Words words(statement);
  if (words.at_end()) return words.error();
  for (const Verb& verb : kVerbs) {
    if (words.take(verb.word)) return verb.read(words);
  }
  if (const Token& first = statement.front(); first.kind == Token::Kind::kWord) {
    if (std::find(std::begin(kWrites), std::end(kWrites), first.text) != std::end(kWrites)) {
      return read_only(first.text);
    }
  }
  std::vector<std::string_view> known;
  for (const Verb& verb : kVerbs) known.push_back(verb.word);
  return suggest(words.error(), nearest(words.peek()->text, known));
}

}  // namespace admin
