#pragma once
// Watch: what has to be done when the server completes the statements of one message. Made when the message is sent,
// carried by the ReplyQueue, read when CommandComplete arrives.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/statement.h"
#include "pooler/prepared.h"

namespace pooler {

// A statement that was sent in other words than the client's.
struct Reworded {
  std::string_view tag;    // the client's command tag, where the server's is another; a literal. Empty: the server's
  PreparedPtr adds;        // a simple query's PREPARE: from now on `name` is this
  PreparedPtr removes;     // its DEALLOCATE
  std::string name;        // the client's name of it
  bool removes_all = false;
};

// A place where the words were replaced, in characters of the text that was sent.
struct Edit {
  std::size_t at, now, before;  // where it begins, its length now, and in the client's text
};

struct Watch {
  analyzer::AnalysisPtr analysis;
  std::vector<Reworded> reworded;  // one per statement, or none at all
  analyzer::Effects effects;       // with those that the text does not show
  std::string text;                // the beginning of it
  std::vector<Edit> edits;         // in their order
  PreparedPtr describes;           // a Describe: the types and columns that it brings are this statement's
  std::string described_as;        // the client's name that means what it brings, whatever was known before
  bool refuses = false;            // made to fail, so that the client reads "cached plan must not change result type"
  bool names_changed = false;      // what becomes of names was done when it was sent (Change), not when it is completed
};

}  // namespace pooler
