#pragma once
// SessionCatalogue: what a database's own functions, triggers, views and rules do to the session that runs them, beyond
// what the text of a statement says. Made from the rows of the catalogue (catalogue_rows.h), immutable, shared by all
// threads. Pure.
//
// Bodies are judged by their words (analyzer/words.h), and by the functions and relations that they name, however deep.
// It says too much rather than too little: names are compared without schemas where a body or a client wrote none. What
// it does not see: operators, casts, aggregates and types made of functions, and functions in C that are not known by
// name (analyzer/functions.h).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analyzer/statement.h"

namespace pooler {

// A function or procedure in an SQL or procedural language.
struct CatalogueFunction {
  uint64_t oid = 0;
  std::string schema, name;
  std::string language;  // as pg_language has it
  bool procedure = false;
  std::string source;
};

// What happens when a relation is read or written: a function runs, or another relation is read or written too.
struct CatalogueUse {
  enum class Who : uint8_t { kRelation, kDdl };
  enum class What : uint8_t { kFunction, kRelation };
  Who who = Who::kRelation;
  std::string schema, name;  // of the relation
  bool written = false;      // only when it is written
  What what = What::kFunction;
  uint64_t oid = 0;          // of the function; 0: the name is all there is
  std::string other_schema, other_name;
};

struct CatalogueRows {
  std::vector<CatalogueFunction> functions;
  std::vector<CatalogueUse> uses;
};

// What a call, a read or a write may do that cannot be seen in it.
struct Hidden {
  analyzer::Effects effects;
  bool notifies = false;
  bool empty() const { return effects.empty() && !notifies; }
  Hidden& operator|=(const Hidden& other) {
    effects |= other.effects;
    notifies |= other.notifies;
    return *this;
  }
  bool operator==(const Hidden&) const = default;
};

class SessionCatalogue {
 public:
  // Names that bodies mention, in all. Past that the rest is not followed: the work has to end.
  static constexpr std::size_t kMentionsMax = 2'000'000;

  static std::shared_ptr<const SessionCatalogue> build(const CatalogueRows& rows);

  // Nothing in the database does anything to its session: the case of most, and then nothing below need be asked.
  bool empty() const { return empty_; }

  // Schemas are empty where none was written; names as PostgreSQL folds them.
  Hidden of_function(std::string_view schema, std::string_view name) const;
  Hidden of_read(std::string_view schema, std::string_view relation) const;
  Hidden of_write(std::string_view schema, std::string_view relation) const;
  // Event triggers.
  Hidden of_ddl() const { return ddl_; }
  // All that a statement names.
  Hidden of(const analyzer::Statement& statement) const;
  // The procedure that a CALL names; nothing if there is none of that name.
  std::optional<Hidden> of_procedure(std::string_view schema, std::string_view name) const;

  // Entries that say something, for the log and the console.
  std::size_t size() const { return functions_.size() + reads_.size() + writes_.size(); }
  std::size_t bytes() const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  // By "schema", NUL, "name", and by the name alone for all schemas together.
  using Map = std::unordered_map<std::string, Hidden, Hash, std::equal_to<>>;
  friend class CatalogueGraph;

  static void add(Map& map, const std::string& schema, const std::string& name, const Hidden& hidden);
  static const Hidden* find(const Map& map, std::string_view schema, std::string_view name);

  Map functions_, reads_, writes_;
  Map procedures_;  // also those that do nothing
  Hidden ddl_;
  bool empty_ = true;
};
using SessionCataloguePtr = std::shared_ptr<const SessionCatalogue>;

}  // namespace pooler
