#pragma once
// Session parameters: what a client wants, what a server has, and the statement that makes the one the other.
//
// A client's values come from its startup packet and, for those that servers report, from ParameterStatus: the
// server's word. They are kept as a shared snapshot, so that a thousand clients of one application cost one. A server
// remembers what was set on it that its own login would not have given; a client that does not want that finds it
// reset. Values travel as literals of set_config(), never as syntax. Pure.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pooler {

// Sorted by name; names are normalized (lower case).
using ParamList = std::vector<std::pair<std::string, std::string>>;
using ParamsPtr = std::shared_ptr<const ParamList>;

// The same list gives the same pointer while somebody holds it. Thread-safe.
ParamsPtr intern_params(ParamList list);

const std::string* find_param(const ParamList& list, std::string_view name);
// Whether these have standard_conforming_strings on, as PostgreSQL has it where nobody says otherwise.
bool standard_strings(const ParamList& list);
// What the client calls itself; empty: nothing. As long as the list.
std::string_view application_name(const ParamsPtr& params);
// A list with one value set or, with `value` null, taken out.
ParamList with_param(ParamList list, std::string_view name, const std::string* value);

// Parameters that PostgreSQL 15 reports and a client may set: followed through ParameterStatus.
bool is_reported_and_settable(std::string_view name);

// What is set on one server connection.
class ServerParams {
 public:
  // The server reported a value: its own (at login, or after its configuration changed while it was idle), as an
  // answer to our own statement, or because of what a client did.
  enum class Cause { kServer, kOurs, kClient };
  void on_reported(std::string_view name, std::string_view value, Cause cause);

  // The statements that give this server the client's values, empty if it has them. A server that was synced to the
  // same snapshot last and heard nothing since needs no look. Who may do what comes last (session_authorization, role),
  // and is put back first where anything is to be changed.
  std::string plan(const ParamsPtr& client) const;
  // The statements of plan(client) were sent.
  void on_planned(const ParamsPtr& client);
  // One value was set by a statement that has succeeded, ours or a client's.
  void on_set(std::string_view name, std::string_view value);
  // One value was put back to what this server's login gave, by a client's statement.
  void on_unset(std::string_view name);
  // This server reports it when it changes, so that its own word counts.
  bool reports(std::string_view name) const {
    return is_reported_and_settable(name) && find_param(login_, name) != nullptr;
  }
  // RESET ALL or DISCARD ALL succeeded: the values of login are back.
  void on_reset();
  const std::string* value(std::string_view name) const { return find_param(values_, name); }
  const ParamList& login_values() const { return login_; }

 private:
  ParamList login_;     // reported at login
  ParamList values_;    // as reported, or as set by us where nothing is reported
  ParamList asked_;     // the spelling last asked for of a reported value ("utc" for "UTC")
  ParamList extra_;     // set by us and not reported: reset when unwanted
  ParamsPtr synced_to_;
};

// A parameter's name as SET takes it; one with parts is "a"."b".
std::string quote_parameter(std::string_view name);
// Whose rights a session has: "role" and "session_authorization". RESET ALL leaves them.
bool is_identity(std::string_view name);
// The statement that tries one parameter alone.
std::string set_statement(std::string_view name, std::string_view value);

}  // namespace pooler
