#include "analyzer/advice_views.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "analyzer/lexer.h"
#include "base/text.h"

namespace analyzer {
namespace {

// Written out, a statement is no longer than this.
constexpr std::size_t kBytesMax = std::size_t{256} << 10;

// Where the name that begins there ends: schema.name.
std::size_t end_of_name(std::string_view sql, std::size_t from) {
  Lexer lexer(sql.substr(from), true);
  std::size_t end = 0;
  bool dot = true;
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    const bool is_dot = lexer.text_of(token) == ".";
    if (is_dot == dot) break;  // a name after a name, or what follows
    end = token.at + token.size;
    dot = is_dot;
  }
  return from + end;
}

// A name of the statement's own WITH is no view.
bool is_own(const Tree& tree, std::string_view name) {
  for (std::size_t i = 0; i < tree.size(); ++i)
    if (tree.at(i).key() == "ctename" && tree.at(i).text() == name) return true;
  return false;
}

struct Place {
  std::size_t begin, end;
  std::string text;
};

}  // namespace

std::string with_views(std::string_view sql, const Tree& tree, const QueryOf& query_of) {
  std::vector<Place> places;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const Node range = tree.at(i);
    if (range.key() != "RangeVar" || !range.has("relname")) continue;
    const WrittenTable name{std::string(range["schemaname"].text()), std::string(range["relname"].text())};
    if (name.schema.empty() && is_own(tree, name.name)) continue;
    std::string query = query_of(name);
    const auto at = static_cast<std::size_t>(std::max<int64_t>(0, range["location"].number()));
    if (query.empty() || at >= sql.size()) continue;
    while (!query.empty() && (query.back() == ';' || query.back() == ' ')) query.pop_back();
    const std::string alias = range.has("alias") ? "" : " AS " + base::quote_identifier(name.name);
    places.push_back({at, end_of_name(sql, at), "(" + query + ")" + alias});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.begin > b.begin; });
  std::string out(sql);
  for (const Place& place : places)
    if (out.size() + place.text.size() <= kBytesMax) out.replace(place.begin, place.end - place.begin, place.text);
  return out;
}

}  // namespace analyzer
