#include "pooler/rewrite.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"

namespace pooler {
namespace {

using analyzer::Effect;
using analyzer::Effects;
using analyzer::Kind;
using analyzer::Setting;
using analyzer::Statement;

// Does nothing wherever a statement may do nothing, and fails where every statement fails.
constexpr std::string_view kNothing = "RESET weir.nothing";

// What this text has done to the client's names so far; a null stands for one that it has dropped.
struct Names {
  const ClientStatements& before;
  std::map<std::string, PreparedPtr, std::less<>> changed{};
  bool all_dropped = false;

  PreparedPtr find(const std::string& name) const {
    if (const auto found = changed.find(name); found != changed.end()) return found->second;
    return all_dropped ? nullptr : before.find(name);
  }
};

bool is_list_of_identifiers(std::string_view name) {
  return name == "search_path" || name == "temp_tablespaces" || name == "local_preload_libraries" ||
         name == "session_preload_libraries" || name == "shared_preload_libraries";
}

std::string block(const std::string& body) { return "DO " + base::quote_literal("BEGIN " + body + "END"); }

// As a statement of PL/pgSQL. SET would read the value of such a list as one element.
std::string set_in_block(std::string_view name, std::string_view value, bool local) {
  if (is_list_of_identifiers(name))
    return "PERFORM pg_catalog.set_config(" + base::quote_literal(name) + "," + base::quote_literal(value) +
           (local ? ",true);" : ",false);");
  return std::string(local ? "SET LOCAL " : "SET ") + quote_parameter(name) + " TO " + base::quote_literal(value) + ";";
}

std::string set_text(std::string_view name, std::string_view value, bool local) {
  std::string text = set_in_block(name, value, local);
  if (is_list_of_identifiers(name)) return block(text);
  text.pop_back();
  return text;
}

std::string set_all(const ParamList& startup) {
  std::string out;
  for (const auto& [name, value] : startup) out += set_in_block(name, value, false);
  return out;
}

// DISCARD ALL, less the statements that others on this server use as well.
std::string discard_all(const ParamList& startup) {
  return block(
      "EXECUTE 'CLOSE ALL';SET SESSION AUTHORIZATION DEFAULT;RESET ALL;UNLISTEN *;"
      "PERFORM pg_catalog.pg_advisory_unlock_all();DISCARD PLANS;DISCARD TEMP;DISCARD SEQUENCES;" +
      set_all(startup));
}

std::string_view refusal_reason(Effects effects) {
  if (effects.has(Effect::kTemporary)) return "temporary objects";
  if (effects.has(Effect::kAdvisoryLock)) return "advisory locks of a session";
  if (effects.has(Effect::kHoldCursor)) return "cursors WITH HOLD";
  if (effects.has(Effect::kLibrary)) return "LOAD";
  if (effects.has(Effect::kSequenceUse)) return "currval and lastval";
  return "state that cannot be followed";
}

std::string refusal(Effects effects) {
  return raising({"0A000", "cannot keep a server connection for " + std::string(refusal_reason(effects)), {},
                "pinning is \"refuse\" for this database or user; use a transaction, or a pool in session mode."});
}

// UTF-8's continuation bytes begin with 10.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

class Rewriter {
 public:
  Rewriter(std::string_view text, const analyzer::Analysis& analysis, const RewriteContext& context)
      : text_(text), analysis_(analysis), context_(context), names_{context.statements} {}

  Rewriting run() {
    for (std::size_t i = 0; i < analysis_.statements.size(); ++i) statement(analysis_.statements[i], i);
    if (out_.changed) out_.text.append(text_.substr(copied_));
    return std::move(out_);
  }

 private:
  Reworded& note(std::size_t index) {
    if (out_.reworded.empty()) out_.reworded.resize(analysis_.statements.size());
    return out_.reworded[index];
  }
  void replace(std::size_t at, std::size_t size, std::string_view with) {
    out_.text.append(text_.substr(copied_, at - copied_));
    out_.edits.push_back({characters(out_.text), characters(with), characters(text_.substr(at, size))});
    out_.text.append(with);
    copied_ = at + size;
    out_.changed = true;
  }

  void statement(const Statement& s, std::size_t index) {
    if (const Effects effects = s.effects | context_.hidden; effects.any(context_.refused)) {
      if (s.size > 0) replace(s.at, s.size, refusal(effects));
      return;
    }
    switch (s.kind) {
      case Kind::kSet: setting(s, index); break;
      case Kind::kDiscard:
        if (s.discard != "all" || !context_.alone || !context_.rename || analysis_.statements.size() > 1) break;
        replace(s.at, s.size, discard_all(context_.startup));
        note(index).tag = "DISCARD ALL";
        note(index).removes_all = true;
        break;
      case Kind::kListen:
        if (context_.listen_error != nullptr) {
          replace(s.at, s.size, raising(*context_.listen_error));
          break;
        }
        replace(s.at, s.size, kNothing);
        note(index).tag = "LISTEN";
        break;
      case Kind::kPrepare:
      case Kind::kExecute:
      case Kind::kDeallocate:
        if (context_.rename) prepared(s, index);
        break;
      default: break;
    }
  }

  void setting(const Statement& s, std::size_t index) {
    if (s.settings.size() != 1 || context_.startup.empty()) return;
    const Setting& what = s.settings.front();
    const bool is_reset = base::equal_ignoring_case(text_.substr(s.at, 5), "reset");
    if (what.op == Setting::Op::kResetAll) {
      replace(s.at, s.size, block("RESET ALL;" + set_all(context_.startup)));
    } else if (what.op == Setting::Op::kReset) {
      const std::string* value = find_param(context_.startup, what.name);
      if (value == nullptr) return;
      replace(s.at, s.size, set_text(what.name, *value, what.local));
    } else {
      return;
    }
    note(index).tag = is_reset ? "RESET" : "SET";
  }

  void prepared(const Statement& s, std::size_t index) {
    if (s.kind == Kind::kDeallocate && s.all) {
      replace(s.at, s.size, kNothing);
      note(index).tag = "DEALLOCATE ALL";
      note(index).removes_all = true;
      names_.changed.clear();
      names_.all_dropped = true;
      return;
    }
    if (s.name_size == 0) return;  // its place is not known: the server does not know the name, and says so
    PreparedPtr known = names_.find(s.name);
    if (s.kind == Kind::kPrepare) {
      if (known) {
        out_.taken.push_back(s.name);
        return;
      }
      const std::size_t name_end = s.name_at + s.name_size;
      known = sql_statement(text_.substr(name_end, s.at + s.size - name_end), s.effects.without(Effect::kPrepared));
      note(index).adds = known;
      note(index).name = s.name;
      names_.changed[s.name] = known;
    } else if (!known) {
      if (s.name.starts_with(kServerNamePrefix)) replace(s.name_at, s.name_size, hidden_name(s.name));
      return;
    } else if (!made_here(known)) {
      out_.needs.push_back(known);
    }
    if (s.kind == Kind::kExecute) {
      Effects inner = known->analysis ? known->analysis->effects : known->effects;
      if (inner.has(Effect::kSettings)) inner |= Effect::kAnySetting;  // with values that are not seen here
      out_.inner |= inner;
    }
    if (s.kind == Kind::kDeallocate) {
      note(index).removes = known;
      note(index).name = s.name;
      names_.changed[s.name] = nullptr;
    }
    replace(s.name_at, s.name_size, known->name);
  }

  bool made_here(const PreparedPtr& statement) const {
    return std::any_of(out_.reworded.begin(), out_.reworded.end(),
                       [&](const Reworded& one) { return one.adds == statement; });
  }

  // A name of ours that the client does not have, in a form that no server has.
  static std::string hidden_name(const std::string& name) { return base::quote_identifier("W" + name.substr(1)); }

  std::string_view text_;
  const analyzer::Analysis& analysis_;
  const RewriteContext& context_;
  Names names_;
  Rewriting out_;
  std::size_t copied_ = 0;
};

}  // namespace

std::size_t client_position(std::size_t position, const std::vector<Edit>& edits) {
  std::size_t out = position;
  for (const Edit& edit : edits) {
    if (position <= edit.at) break;  // counted from 1
    if (position <= edit.at + edit.now) return out - (position - edit.at - 1);  // inside: where it begins
    out = out - edit.now + edit.before;
  }
  return out;
}

std::string raising(const base::Error& error) {
  std::string body = "RAISE EXCEPTION USING ERRCODE=" + base::quote_literal(error.sqlstate) +
                     ",MESSAGE=" + base::quote_literal(error.message);
  if (!error.detail.empty()) body += ",DETAIL=" + base::quote_literal(error.detail);
  if (!error.hint.empty()) body += ",HINT=" + base::quote_literal(error.hint);
  return block(body + ";");
}

Rewriting rewrite(std::string_view text, const analyzer::Analysis& analysis, const RewriteContext& context) {
  return Rewriter(text, analysis, context).run();
}

}  // namespace pooler
