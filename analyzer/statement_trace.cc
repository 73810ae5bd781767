#include "analyzer/statement_trace.h"

#include <algorithm>

namespace analyzer {
namespace {

// Longer than any command.
constexpr std::size_t kCommandMax = 16;

// Where the text may begin with something else: a WITH, a parenthesis, a value.
std::string_view known_name(Kind kind) {
  switch (kind) {
    case Kind::kSelect: return "SELECT";
    case Kind::kInsert: return "INSERT";
    case Kind::kUpdate: return "UPDATE";
    case Kind::kDelete: return "DELETE";
    case Kind::kMerge: return "MERGE";
    case Kind::kCopyFrom:
    case Kind::kCopyTo: return "COPY";
    default: return "";
  }
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

std::string operation_name(Kind kind, std::string_view normalized) {
  if (const std::string_view name = known_name(kind); !name.empty()) return std::string(name);
  const auto end = std::find_if_not(normalized.begin(), normalized.end(), is_letter);
  std::string word(normalized.begin(), end);
  if (word.size() > kCommandMax) return {};
  for (char& c : word)
    if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  return word;
}

std::string only_collection(const Statement& statement) {
  if (statement.tables.empty()) return {};
  const Table& first = statement.tables.front();
  const bool one = std::all_of(statement.tables.begin(), statement.tables.end(), [&first](const Table& other) {
    return other.schema == first.schema && other.name == first.name;
  });
  if (!one) return {};
  return first.schema.empty() ? first.name : first.schema + '.' + first.name;
}

}  // namespace analyzer
