#pragma once
// What is asked of a database's catalogue for a SessionCatalogue, and its answers as rows of ours. Pure: texts of
// queries and the reading of what they bring. PostgreSQL 12 and later.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "pooler/session_catalogue.h"
#include "wire/pg_client.h"

namespace pooler {

// Where the next page of functions begins; a long body comes in pieces.
struct FunctionsPage {
  uint64_t oid = 0;
  int piece = -1;  // the last one that was read
  bool more = true;
};

// Functions and bytes of bodies that are read, of one database; the rest is left out, and that is logged.
inline constexpr std::size_t kFunctionsMax = 100'000;
inline constexpr std::size_t kSourceBytesMax = 64 * 1024 * 1024;
// Rows about relations.
inline constexpr std::size_t kUsesMax = 150'000;

// One row: the server's version and a text that changes when anything changes that the other two queries see. Cheap
// enough to be asked every now and then.
std::string fingerprint_query();
// One page of functions and procedures in languages whose bodies can be read, in the order of their oids.
std::string functions_query(int server_version, const FunctionsPage& after);
// What relations do when they are read and written, and event triggers.
std::string uses_query();

struct Fingerprint {
  int server_version = 0;
  std::string text;
  bool operator==(const Fingerprint&) const = default;
};
base::Result<Fingerprint> read_fingerprint(const wire::PgRows& rows);
// Adds what a page brought; says where the next one begins. `more` is false behind the last one, or when there is too
// much.
base::Result<FunctionsPage> read_functions(const wire::PgRows& rows, CatalogueRows& into);
base::Status read_uses(const wire::PgRows& rows, CatalogueRows& into);

}  // namespace pooler
