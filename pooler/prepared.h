#pragma once
// Protocol-level prepared statements, shared.
//
// A client's statement name means nothing on another server, two clients use one name for different SQL, and the
// same SQL should be planned once per server. So the text (with its parameter types) is interned once per process
// under a name of ours; a client maps its names to it, and a server knows which of them it has.
//
// Maps are changed when a message is sent and put back when the server refuses or skips it (Change): within one
// batch an error skips everything behind it, so what is looked up is what the server will know.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/statement.h"

namespace pooler {

struct Watch;
using WatchPtr = std::shared_ptr<const Watch>;

// One statement text with its parameter types. Immutable, shared by all threads; compared as a whole, never by a
// hash alone.
struct Prepared {
  uint64_t id = 0;
  std::string name;  // what servers call it
  std::string body;  // of the Parse message behind the name: text, NUL, parameter count, types
  std::string path;  // the client's search_path, if it has one of its own: the same text means other tables there
  analyzer::AnalysisPtr analysis{};  // null where nobody looks at statements
  // Of one that PREPARE made: what stands behind its name. Then there is no body.
  std::string sql{};
  analyzer::Effects effects{};  // and what the statement in it may do

  // What a server has found the parameters' types to be, where the Parse left them open: a body of ParameterDescription.
  // From then on every server is told, so that they mean the same everywhere, whatever becomes of the tables; values in
  // binary would be misread otherwise. Thread-safe.
  void learn_types(std::string_view types) const;
  bool knows_types() const;
  // The body of its Parse, with all types that are known.
  std::string parse_body() const;

  // What its rows look like: names and types of columns, as the server that was asked first has them, and as clients may
  // remember them. columns_are() learns them the first time; later it says whether they are the same. `description` is the
  // body of RowDescription, nothing where there are no rows. Thread-safe.
  bool columns_are(std::optional<std::string_view> description) const;
  bool knows_columns() const { return knows_columns_.load(std::memory_order_acquire); }

  // The text, as the client wrote it.
  std::string_view text() const { return std::string_view(body).substr(0, body.find('\0')); }

 private:
  mutable std::atomic<bool> knows_types_{false};
  mutable std::string types_;  // written once, before knows_types_
  mutable std::atomic<bool> knows_columns_{false};
  mutable std::string columns_;  // written once, before knows_columns_
  mutable std::mutex mutex_;
};
using PreparedPtr = std::shared_ptr<const Prepared>;

// Servers hold no name of a client that begins like this.
inline constexpr std::string_view kServerNamePrefix = "weir_ps_";
// And this one none at all.
inline constexpr std::string_view kNoStatement = "weir_ps_none";

// The same body and path give the same Prepared, as long as somebody holds it. Thread-safe.
PreparedPtr intern_statement(std::string_view body, std::string_view path = {}, analyzer::AnalysisPtr analysis = {});
// For a PREPARE of which `rest` stands behind the name. Always another one.
PreparedPtr sql_statement(std::string_view rest, analyzer::Effects effects);
// The same statement under another name, for servers to prepare anew: its result has changed. Parameters stay what the
// client knows them to be.
PreparedPtr renewed(const Prepared& statement);
// Statements alive in the process.
std::size_t interned_statements();
// From now on the same body gives another Prepared; who holds this one keeps it. Thread-safe.
void retire_statement(const Prepared& statement);

// The unnamed statement: gone with the next Parse or Query, so never shared.
struct Unnamed {
  std::string body;
  analyzer::AnalysisPtr analysis{};
  std::string_view text() const { return std::string_view(body).substr(0, body.find('\0')); }
};
using UnnamedPtr = std::shared_ptr<const Unnamed>;

// What one client calls its statements.
class ClientStatements {
 public:
  PreparedPtr find(std::string_view name) const;
  // `told`: the client may have been told its columns.
  void add(std::string_view name, PreparedPtr statement, bool told = false);
  // The same as find(), of a Bind.
  PreparedPtr bound(std::string_view portal, std::string_view name);
  // What is described is told to the client: a statement, or the portal (then the statement that was bound to it, if that
  // was the last one; otherwise any may be).
  void tell(std::string_view name);
  // Returns it, if its columns are to be learned.
  PreparedPtr tell_portal(std::string_view portal);
  bool told(std::string_view name) const;
  void remove(std::string_view name);
  // One of the client's names for what servers call `server_name`; empty if it has none.
  std::string_view name_of(std::string_view server_name) const;
  void clear();
  std::vector<std::pair<std::string, PreparedPtr>> take_all();
  std::size_t size() const { return by_name_.size(); }
  // A plan is out of date (0A000, "cached plan must not change result type"): the names still stand for what they
  // stood for, and fail as PostgreSQL's would, but to Parse such a text again is to have it planned anew.
  void retire_all() const;

  UnnamedPtr unnamed;
  // Open portals whose statements are watched, by name; forgotten with the transaction.
  std::vector<std::pair<std::string, WatchPtr>> portals;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Named {
    PreparedPtr statement;
    bool told = false;
  };
  std::unordered_map<std::string, Named, Hash, std::equal_to<>> by_name_;
  Named* bound_ = nullptr;  // by the last Bind, to bound_portal_
  std::string bound_portal_;
};

// What a server says ('prepared statement "weir_ps_7" requires 1'), with the client's names in place of ours. Nothing if
// there is nothing to replace.
std::optional<std::string> in_client_names(std::string_view text, const ClientStatements& client);

// What one server has prepared, most recently used first.
class ServerStatements {
 public:
  enum class State : uint8_t {
    kAbsent,
    kUnchecked,  // here; whether its columns are those that clients may know has not been asked
    kChecked,
    kOther,      // its columns are others here: of use to nobody who knows them
  };
  // Looks up and marks as used.
  State look(const Prepared& statement);
  bool has(const Prepared& statement) { return look(statement) != State::kAbsent; }
  void add(PreparedPtr statement);
  // What was found out about one that is here.
  void set(const Prepared& statement, State state);
  void remove(const Prepared& statement);
  // The least recently used one while there are more than `limit`, otherwise null. Not removed.
  PreparedPtr over(std::size_t limit) const;
  void clear();
  std::size_t size() const { return by_id_.size(); }

  UnnamedPtr unnamed;

 private:
  struct Here {
    PreparedPtr statement;
    State state = State::kUnchecked;
  };
  std::list<Here> recent_;
  std::unordered_map<uint64_t, std::list<Here>::iterator> by_id_;
};

// What a message did to the maps when it was sent, so that it can be undone when the server does not do it.
struct Change {
  enum class Op : uint8_t { kNone, kAdded, kRemoved };
  Op server_op = Op::kNone;
  Op client_op = Op::kNone;
  bool server_unnamed = false;  // the server's unnamed statement was replaced
  bool client_unnamed = false;  // and so was the client's own
  PreparedPtr statement;
  std::string client_name;
  std::vector<std::pair<std::string, PreparedPtr>> client_cleared;  // all names that the client had
  UnnamedPtr server_unnamed_before, client_unnamed_before;
};

// Puts back what `change` did. `skipped`: the server never looked at the message (an earlier one failed);
// otherwise the message itself failed. `client` may be null when the client is gone.
void undo(const Change& change, bool skipped, ServerStatements& server, ClientStatements* client);

}  // namespace pooler
