#include "analyzer/classify.h"

#include <algorithm>
#include <array>

#include "analyzer/functions.h"
#include "analyzer/relations.h"
#include "analyzer/settings.h"
#include "analyzer/shapes.h"
#include "analyzer/words.h"

namespace analyzer {

namespace {

// One statement under way.
class Classifier {
 public:
  Classifier(std::string_view sql, const Tree& tree, Node statement, Statement& out)
      : sql_(sql), tree_(tree), wrapper_(statement), node_(statement.inner()), out_(out) {}

  bool run();

 private:
  void command();
  void transaction();
  void explain();
  void cursor();
  void copy();
  void create_as();
  void run_block();
  void everything_inside();
  void call(Node call);
  void call_of_text(Node call, std::string_view name);
  bool surely_once(Node call) const;
  bool runs_now() const;
  void definition();
  void updates_of_settings();

  std::string_view sql_;
  const Tree& tree_;
  Node wrapper_;
  Node node_;
  Statement& out_;
  bool analyze_ = true;          // EXPLAIN without ANALYZE executes nothing
  bool depends_on_literals_ = false;
};

struct Command {
  std::string_view node;
  Kind kind;
  Effects effects;
  bool writes;
};

// What needs no closer look.
constexpr auto kCommands = std::to_array<Command>({
    {"SelectStmt", Kind::kSelect, {}, false},
    {"InsertStmt", Kind::kInsert, {}, true},
    {"UpdateStmt", Kind::kUpdate, {}, true},
    {"DeleteStmt", Kind::kDelete, {}, true},
    {"MergeStmt", Kind::kMerge, {}, true},
    {"TransactionStmt", Kind::kOther, Effect::kTransaction, false},
    {"VariableSetStmt", Kind::kSet, {}, false},
    {"VariableShowStmt", Kind::kShow, {}, false},
    {"PrepareStmt", Kind::kPrepare, Effect::kPrepared, false},
    {"ExecuteStmt", Kind::kExecute, Effect::kPrepared, true},
    {"DeallocateStmt", Kind::kDeallocate, Effect::kPrepared, false},
    {"DiscardStmt", Kind::kDiscard, Effect::kDiscard, false},
    {"ListenStmt", Kind::kListen, Effect::kListen, true},
    {"UnlistenStmt", Kind::kUnlisten, Effect::kListen, true},
    {"NotifyStmt", Kind::kNotify, {}, true},
    {"DeclareCursorStmt", Kind::kDeclareCursor, {}, false},
    {"FetchStmt", Kind::kFetch, {}, false},
    {"ClosePortalStmt", Kind::kCloseCursor, Effect::kHoldCursor, false},
    {"ExplainStmt", Kind::kExplain, {}, false},
    {"CopyStmt", Kind::kCopyTo, {}, false},
    {"LockStmt", Kind::kLock, {}, true},
    {"CallStmt", Kind::kCall, {}, true},
    {"DoStmt", Kind::kDo, {}, true},
    {"LoadStmt", Kind::kLoad, Effect::kLibrary, false},
    {"ConstraintsSetStmt", Kind::kOther, {}, false},  // for the transaction
    {"VacuumStmt", Kind::kMaintenance, {}, true},
    {"ReindexStmt", Kind::kMaintenance, {}, true},
    {"ClusterStmt", Kind::kMaintenance, {}, true},
    {"CheckPointStmt", Kind::kMaintenance, {}, true},
    {"RefreshMatViewStmt", Kind::kMaintenance, {}, true},
    // Each of these may end an object of the temporary schema.
    {"DropStmt", Kind::kDdl, Effect::kTemporary, true},
    {"DropOwnedStmt", Kind::kDdl, Effect::kTemporary, true},
});

struct TransactionKind {
  std::string_view name;
  Kind kind;
  bool writes;
};
constexpr auto kTransactionKinds = std::to_array<TransactionKind>({
    {"TRANS_STMT_BEGIN", Kind::kBegin, false},
    {"TRANS_STMT_START", Kind::kBegin, false},
    {"TRANS_STMT_COMMIT", Kind::kCommit, false},
    {"TRANS_STMT_ROLLBACK", Kind::kRollback, false},
    {"TRANS_STMT_SAVEPOINT", Kind::kSavepoint, false},
    {"TRANS_STMT_RELEASE", Kind::kRelease, false},
    {"TRANS_STMT_ROLLBACK_TO", Kind::kRollbackTo, false},
    {"TRANS_STMT_PREPARE", Kind::kPrepareTransaction, true},
    {"TRANS_STMT_COMMIT_PREPARED", Kind::kTwoPhase, true},
    {"TRANS_STMT_ROLLBACK_PREPARED", Kind::kTwoPhase, true},
});

constexpr int64_t kCursorHold = 0x0020;  // CURSOR_OPT_HOLD of PostgreSQL 15's parsenodes.h

bool temporary_schema(std::string_view name) { return name == "pg_temp" || name.starts_with("pg_temp_"); }

// FuncCall and the call below CALL; the last of the name's parts is the function, the one before it the schema.
Function function_of(Node call) {
  Function out;
  for (const Node part : call["funcname"]) {
    out.schema = std::move(out.name);
    out.name = std::string(part["String"]["sval"].text());
  }
  return out;
}

}  // namespace

bool classify(std::string_view sql, const Tree& tree, Node statement, Statement& out) {
  return Classifier(sql, tree, statement, out).run();
}

bool Classifier::run() {
  const auto type = node_.key();
  const auto known =
      std::find_if(kCommands.begin(), kCommands.end(), [&](const Command& command) { return command.node == type; });
  out_.kind = Kind::kDdl;
  out_.writes = true;
  if (known != kCommands.end()) {
    out_.kind = known->kind;
    out_.effects = known->effects;
    out_.writes = known->writes;
  }
  command();
  everything_inside();
  add_relations(tree_, wrapper_, out_);
  if (analyze_) out_.shapes = shapes_of(tree_, wrapper_, out_.kind);
  updates_of_settings();
  if (out_.kind == Kind::kDdl || node_.key() == "CreateTableAsStmt" || node_.has("intoClause")) definition();
  const bool all_local = std::all_of(out_.settings.begin(), out_.settings.end(),
                                     [](const Setting& setting) { return setting.local; });
  out_.local_setting_only = !out_.settings.empty() && all_local && !out_.effects.has(Effect::kAnySetting);
  return !depends_on_literals_;
}

void Classifier::command() {
  const auto type = node_.key();
  if (type == "TransactionStmt") transaction();
  if (type == "VariableSetStmt") add_settings_of_set(sql_, node_, out_);
  if (type == "ExplainStmt") explain();
  if (type == "DeclareCursorStmt") cursor();
  if (type == "CopyStmt") copy();
  if (type == "CreateTableAsStmt") create_as();
  if (type == "DoStmt") run_block();
  if (type == "PrepareStmt" || type == "ExecuteStmt") out_.name = node_["name"].text();
  if (type == "FetchStmt" || type == "ClosePortalStmt") out_.name = node_["portalname"].text();
  if (type == "ClosePortalStmt") out_.all = out_.name.empty();
  if (type == "ListenStmt" || type == "UnlistenStmt" || type == "NotifyStmt") {
    out_.name = node_["conditionname"].text();
    out_.all = type == "UnlistenStmt" && out_.name.empty();
  }
  if (type == "DeallocateStmt") {
    out_.name = node_["name"].text();
    out_.all = !node_.has("name");
  }
  if (type == "DiscardStmt") {
    const auto target = node_["target"].text();
    out_.discard = target == "DISCARD_PLANS"       ? "plans"
                   : target == "DISCARD_SEQUENCES" ? "sequences"
                   : target == "DISCARD_TEMP"      ? "temp"
                                                   : "all";
  }
}

void Classifier::transaction() {
  const auto name = node_["kind"].text();
  for (const TransactionKind& known : kTransactionKinds) {
    if (known.name != name) continue;
    out_.kind = known.kind;
    out_.writes = known.writes;
  }
  out_.name = node_["savepoint_name"].text();
  out_.chain = node_["chain"].flag();
}

// EXPLAIN [ANALYZE] of a query, of EXECUTE or of CREATE TABLE AS.
void Classifier::explain() {
  analyze_ = false;
  for (const Node element : node_["options"]) {
    const Node option = element["DefElem"];
    if (option["defname"].text() != "analyze") continue;
    const auto value = option["arg"].inner()["sval"].text();
    const bool off = value == "false" || value == "off" ||
                     (option["arg"].has("Integer") && option["arg"]["Integer"]["ival"].number() == 0);
    analyze_ = !off;  // the last one counts
  }
  const Node query = node_["query"];
  Node execute = query["ExecuteStmt"];
  if (const Node create = query["CreateTableAsStmt"]) {
    execute = create["query"]["ExecuteStmt"];
    out_.writes = true;
  }
  if (!execute) return;
  out_.kind = Kind::kExecute;
  out_.name = execute["name"].text();
  out_.effects |= Effect::kPrepared;
  out_.writes = true;
}

void Classifier::cursor() {
  out_.name = node_["portalname"].text();
  out_.hold = (node_["options"].number() & kCursorHold) != 0;
  if (out_.hold) out_.effects |= Effect::kHoldCursor;
}

void Classifier::copy() {
  if (node_["is_from"].flag()) {
    out_.kind = Kind::kCopyFrom;
    out_.writes = true;
  }
  if (node_.has("filename")) out_.writes = true;  // a file or program of the server's
}

void Classifier::create_as() {
  const Node execute = node_["query"]["ExecuteStmt"];
  if (!execute) return;
  out_.kind = Kind::kExecute;
  out_.name = execute["name"].text();
  out_.effects |= Effect::kPrepared;
}

void Classifier::run_block() {
  auto language = Language::kPlpgsql;
  std::string_view body;
  for (const Node element : node_["args"]) {
    const Node option = element["DefElem"];
    const auto value = option["arg"]["String"]["sval"].text();
    if (option["defname"].text() == "as") body = value;
    if (option["defname"].text() == "language" && value != "plpgsql") language = Language::kOther;
  }
  const Effects found = effects_of_words(body, language);
  out_.effects |= with_doubt(found);
}

// Parameters, functions, and what writes, at any depth.
void Classifier::everything_inside() {
  const bool now = runs_now();
  bool calls_set_config = false;
  const std::size_t end = wrapper_.position() + wrapper_.total();
  for (std::size_t i = node_.position(); i < end; ++i) {
    const Node node = tree_.at(i);
    const auto key = node.key();
    if (key == "ParamRef") {
      out_.parameters = std::max(out_.parameters, static_cast<int>(node["number"].number()));
    } else if (key == "FuncCall" || key == "funccall") {
      calls_set_config = calls_set_config || function_of(node).name == kSetConfig;
      call(node);
    } else if (key == "InsertStmt" || key == "UpdateStmt" || key == "DeleteStmt" || key == "MergeStmt" ||
               key == "lockingClause" || key == "intoClause") {
      out_.writes = true;
    } else if (key == "relpersistence" && node.text() == "t") {
      out_.effects |= Effect::kTemporary;
    }
  }
  if (calls_set_config) depends_on_literals_ = true;
  // Defined or prepared here, executed another time.
  if (!now && calls_set_config && out_.kind != Kind::kSet) {
    out_.settings.clear();
    out_.effects = out_.effects.without(Effect::kSettings) | Effect::kAnySetting;
  }
}

// Is what the statement contains executed by itself?
bool Classifier::runs_now() const {
  if (out_.kind == Kind::kPrepare) return false;
  return out_.kind != Kind::kDdl || node_.key() == "CreateTableAsStmt";
}

void Classifier::call(Node call) {
  Function function = function_of(call);
  if (analyze_) {
    if (function.name == kSetConfig) {
      add_settings_of_set_config(call, surely_once(call), out_);
    } else if (const KnownFunction* known = find_function(function.schema, function.name)) {
      out_.effects |= known->effects;
      out_.writes = out_.writes || known->writes;
      if (known->runs_text) call_of_text(call, function.name);
    }
  }
  const auto same = [&](const Function& other) {
    return other.name == function.name && other.schema == function.schema;
  };
  if (std::none_of(out_.functions.begin(), out_.functions.end(), same)) out_.functions.push_back(std::move(function));
}

// query_to_xml('...', ...): what the text says is done, and a text that is not there may say anything.
void Classifier::call_of_text(Node call, std::string_view name) {
  depends_on_literals_ = true;
  const std::size_t text_at = name == "ts_rewrite" ? 1 : 0;
  std::size_t at = 0;
  for (const Node argument : call["args"]) {
    Node constant = argument;
    while (constant.has("TypeCast")) constant = constant["TypeCast"]["arg"];
    if (const Node text = constant["A_Const"]["sval"]) {
      const Effects found = effects_of_words(text["sval"].text(), Language::kSql);
      out_.effects |= with_doubt(found);
    } else if (at == text_at) {
      out_.effects |= Effect::kUnknown;
    }
    ++at;
  }
}

// SELECT set_config(...), ...: in the select list of a query without anything that makes rows more or fewer.
bool Classifier::surely_once(Node call) const {
  if (node_.key() != "SelectStmt") return false;
  for (const Node part : node_) {
    const auto key = part.key();
    if (key == "op" ? part.text() != "SETOP_NONE" : key != "targetList" && key != "limitOption") return false;
  }
  // targetList / item / ResTarget / val / FuncCall
  Node above = call;
  for (int steps = 0; steps < 4; ++steps) above = above.parent();
  if (above.key() != "targetList" || above.parent() != node_) return false;
  // A function of the list that returns a set would repeat it; of those beside it nothing is known.
  for (const Node item : node_["targetList"]) {
    const Node other = item["ResTarget"]["val"]["FuncCall"];
    const bool value = item["ResTarget"]["val"].has("A_Const");
    if (!value && (!other || function_of(other).name != kSetConfig)) return false;
  }
  return true;
}

// The rule of the view pg_settings makes set_config() of an UPDATE.
void Classifier::updates_of_settings() {
  const auto is_view = [](const Table& table) {
    return table.written && table.name == "pg_settings" && (table.schema.empty() || table.schema == "pg_catalog");
  };
  if (analyze_ && std::any_of(out_.tables.begin(), out_.tables.end(), is_view)) out_.effects |= Effect::kAnySetting;
}

// CREATE, ALTER and their kin: do they name the temporary schema?
void Classifier::definition() {
  const std::size_t end = wrapper_.position() + wrapper_.total();
  for (std::size_t i = node_.position(); i < end; ++i) {
    const Node node = tree_.at(i);
    if (node.is_text() && temporary_schema(node.text())) out_.effects |= Effect::kTemporary;
  }
}

}  // namespace analyzer
