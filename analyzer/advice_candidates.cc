#include "analyzer/advice_candidates.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "analyzer/advice_expression.h"
#include "base/text.h"

namespace analyzer {
namespace {

// Columns that rarely have more than a handful of values lead to no index alone; in a partial one they may be the rest.
constexpr double kPredicateValuesMax = 20;
constexpr std::size_t kTrigram = 3;

class Maker {
 public:
  Maker(const TableUse& use, const std::string& trigrams) : use_(use), table_(*use.table), trigrams_(trigrams) {}

  std::vector<Candidate> make() {
    std::vector<TableUse::Equal> equal = use_.equal;
    std::erase_if(equal, [this](const TableUse::Equal& one) { return !fits(one.column); });
    // The column with the most values first: it serves other statements best.
    std::stable_sort(equal.begin(), equal.end(), [this](const auto& a, const auto& b) {
      if (a.many != b.many) return b.many;  // the others keep the order of what follows
      return table_.distinct(a.column) > table_.distinct(b.column);
    });
    templates(equal, {}, {});
    for (const std::string& column : use_.join) {
      Keys keys;
      add(keys, column, "join");
      put(keys, {});
      Keys first = keys;
      for (const auto& one : equal) add(first, one.column, "equality");
      put(first, {});
      Keys last;
      for (const auto& one : equal) add(last, one.column, "equality");
      add(last, column, "join");
      put(last, {});
      if (!equal.empty()) continue;
      add_sort(keys);
      put(keys, {});
    }
    for (const std::string& column : use_.either) single(column, "one arm of an OR");
    for (const std::string& expression : use_.expressions) {
      Keys keys;
      keys.list.push_back({.text = expression, .expression = true});
      keys.why = expression + " (equality)";
      put(keys, {});
    }
    for (const std::string& column : use_.prefix) {
      Keys keys;
      for (const auto& one : equal)
        if (!one.many) add(keys, one.column, "equality");
      add(keys, column, "prefix");
      if (!table_.column(column)->c_collation) keys.list.back().opclass = pattern_opclass(table_.column(column)->type);
      put(keys, {});
      if (keys.list.size() > 1) put({{keys.list.back()}, column + " (prefix)"}, {});
    }
    covering();
    partial(equal);
    for (const TableUse::Equal& one : use_.equal) hashed(one);
    for (const TableUse::Bound& one : use_.bounds) brin(one.column);
    for (const TableUse::Match& one : use_.matches)
      for (const std::string& opclass : gin_opclasses(one)) gin(one, opclass);
    return std::move(out_);
  }

 private:
  struct Keys {
    std::vector<IndexKey> list{};
    std::string why{};
  };

  bool fits(const std::string& column) const {
    const AdviceColumn* const found = table_.column(column);
    return found != nullptr && found->width < kWidthMax && has_order(found->type);
  }
  static bool has_order(std::string_view type) {
    constexpr std::string_view kUnordered[] = {"json", "xml", "point", "box", "polygon", "circle", "line", "lseg", "path"};
    return std::find(std::begin(kUnordered), std::end(kUnordered), type) == std::end(kUnordered);
  }

  static std::string pattern_opclass(const std::string& type) {
    if (type == "character varying") return "varchar_pattern_ops";
    return type == "character" ? "bpchar_pattern_ops" : "text_pattern_ops";
  }

  void add(Keys& keys, const std::string& column, std::string_view why) const { add(keys, key_on(column), why); }
  void add(Keys& keys, IndexKey key, std::string_view why) const {
    if (keys.list.size() >= kKeysMax || !fits(key.text)) return;
    for (const IndexKey& there : keys.list)
      if (there.text == key.text) return;
    keys.why += (keys.why.empty() ? "" : ", ") + key.text + " (" + std::string(why) + ")";
    keys.list.push_back(std::move(key));
  }

  // All in one direction can be read backwards: then they need none.
  void add_sort(Keys& keys) const {
    const auto turned = [](const IndexKey& key) { return key.descending && key.nulls_first; };
    const bool backwards = !use_.sort.empty() && std::all_of(use_.sort.begin(), use_.sort.end(), turned);
    for (IndexKey key : use_.sort) {
      if (backwards) key.descending = key.nulls_first = false;
      add(keys, std::move(key), "order");
    }
  }

  void single(const std::string& column, std::string_view why) {
    Keys keys;
    add(keys, column, why);
    put(keys, {});
  }

  void templates(const std::vector<TableUse::Equal>& equal, const std::string& without, const std::string& predicate) {
    Keys all, exact;
    for (const auto& one : equal)
      if (one.column != without) {
        add(all, one.column, one.many ? "one of several" : "equality");
        if (!one.many) add(exact, one.column, "equality");
      }
    put(all, predicate);
    Keys sorted = all;
    add_sort(sorted);
    put(sorted, predicate);
    if (exact.list.size() != all.list.size()) {  // the order first, the several values behind it
      Keys first = exact;
      add_sort(first);
      put(first, predicate);
      for (const auto& one : equal)
        if (one.many && one.column != without) add(first, one.column, "one of several");
      put(first, predicate);
    }
    for (const std::string& column : use_.range) {
      Keys ranged = all;
      add(ranged, column, "range");
      put(ranged, predicate);
      Keys both = sorted;
      add(both, column, "range");
      put(both, predicate);
    }
    Keys grouped = all;
    for (const std::string& column : use_.group) add(grouped, column, "group");
    if (!use_.group.empty()) put(grouped, predicate);
    if (predicate.empty()) {
      for (const auto& one : equal) {
        single(one.column, "equality");
        Keys sorted_one;
        add(sorted_one, one.column, "equality");
        add_sort(sorted_one);
        put(sorted_one, {});
      }
      for (const std::string& column : use_.range) single(column, "range");
    }
    if (use_.limited) {
      Keys order;
      add_sort(order);
      put(order, predicate);
    }
  }

  // The same with all else that is read of the table.
  void covering() {
    // With a LIMIT few rows are fetched.
    if (use_.all_read || use_.cut_short || table_.visible < kIncludeVisible || !table_.partitions.empty()) return;
    for (const Candidate& plain : std::vector(plain_)) {
      if (plain.vetted || !finds_many(plain.shape.keys)) continue;
      Candidate made = plain;
      int width = 0;
      for (const std::string& column : use_.read) {
        const auto& keys = made.shape.keys;
        if (std::any_of(keys.begin(), keys.end(), [&](const IndexKey& key) { return key.text == column; })) continue;
        made.shape.include.push_back(column);
        width += table_.column(column)->width;
      }
      if (made.shape.include.empty() || made.shape.include.size() > kIncludeMax || width > kIncludeWidthMax) continue;
      made.why += "; with all that is read beside them";
      const bool there_already = exists(table_, made.shape);
      keep(std::move(made), there_already);
    }
  }

  // By the keys that are compared for equality, many rows, and no large part of the table.
  bool finds_many(const std::vector<IndexKey>& keys) const {
    double part = 1;
    for (const IndexKey& key : keys)
      if (std::any_of(use_.equal.begin(), use_.equal.end(), [&](const auto& one) { return !one.many && one.column == key.text; }))
        part /= table_.distinct(key.text);
    return part <= kIncludePartMax && part * table_.rows >= kIncludeRowsMin;
  }

  // What is the same in each call need not be a key; whether few rows are like it is measured.
  void partial(const std::vector<TableUse::Equal>& equal) {
    for (const std::string& predicate : use_.predicates) {
      templates(equal, {}, predicate);
      rest_of(equal, {}, predicate);
    }
    for (const auto& one : equal)
      if (!one.many && !one.value.empty() && table_.distinct(one.column) <= kPredicateValuesMax) {
        const std::string predicate = base::quote_identifier(one.column) + " = " + one.value;
        templates(equal, one.column, predicate);
        rest_of(equal, one.column, predicate);
      }
  }

  // A partial index whose rows are all wanted: whatever its key is.
  void rest_of(const std::vector<TableUse::Equal>& equal, const std::string& without, const std::string& predicate) {
    if (!use_.sort.empty() || !use_.range.empty() || equal.size() > (without.empty() ? 0U : 1U)) return;
    for (const AdviceIndex& index : table_.indexes)
      if (index.primary && !index.shape.keys.empty()) {
        put({{index.shape.keys.front()}, index.shape.keys.front().text + " (any key: every row of it is wanted)"}, predicate,
            true);
        return;
      }
  }

  // Values that are wide, or too wide for a btree.
  void hashed(const TableUse::Equal& one) {
    const AdviceColumn* const column = table_.column(one.column);
    if (one.many || column == nullptr || column->width < kHashWidth || !has_order(column->type)) return;
    put_as("hash", key_on(one.column), one.column + " (equality, " + std::to_string(column->width) + " bytes wide)", false);
  }

  void brin(const std::string& name) {
    const AdviceColumn* const column = table_.column(name);
    if (column == nullptr || !fits(name) || table_.pages < kBrinPages) return;
    if (std::abs(column->correlation) < kBrinCorrelation) return;
    put_as("brin", key_on(name), name + " (range; rows lie in its order)", true);
  }

  std::vector<std::string> gin_opclasses(const TableUse::Match& match) const {
    const AdviceColumn* const column = match.key.expression ? nullptr : table_.column(match.key.text);
    const std::string type = column != nullptr ? column->type : match.key.expression ? "tsvector" : "";
    const std::string_view op = match.op;
    const bool contains = op == "@>" || op == "@?" || op == "@@";
    if (type == "jsonb" && contains) return {"jsonb_path_ops", ""};  // the smaller one, and the one that can more
    if (type == "jsonb" && op.starts_with('?')) return {""};
    if (type.ends_with("[]") && (op == "@>" || op == "&&")) return {""};
    if (type == "tsvector" && op == "@@") return {""};
    const bool text = type == "text" || type == "character varying";
    if (text && !trigrams_.empty() && has_trigrams(match)) return {trigrams_};
    return {};
  }

  void gin(const TableUse::Match& match, const std::string& opclass) {
    if (std::any_of(table_.indexes.begin(), table_.indexes.end(),
                    [&](const AdviceIndex& index) { return finds(index, match.key.text, opclass); }))
      return;
    IndexKey key = match.key;
    key.opclass = opclass;
    put_as("gin", std::move(key), match.key.text + " (" + match.op + ")", true);
  }

  static bool finds(const AdviceIndex& index, const std::string& text, const std::string& opclass) {
    const bool gist = index.shape.method == "gist";
    if (!index.valid || !index.shape.predicate.empty() || (!gist && index.shape.method != "gin")) return false;
    return std::any_of(index.shape.keys.begin(), index.shape.keys.end(), [&](const IndexKey& key) {
      return (key.text == text || plain_expression(key.text) == plain_expression(text)) &&
             (gist || key.opclass.empty() || opclass.ends_with(key.opclass));
    });
  }

  void put_as(std::string method, IndexKey key, std::string why, bool reckoned) {
    Candidate made;
    made.shape = {.schema = table_.schema, .table = table_.name, .method = std::move(method), .keys = {std::move(key)}};
    made.why = std::move(why);
    made.reckoned = reckoned;
    const bool there_already = exists(table_, made.shape);
    keep(std::move(made), there_already);
  }

  // `any_key`: an index on the same key that has all rows is of no use.
  void put(const Keys& keys, const std::string& predicate, bool any_key = false) {
    if (keys.list.empty()) return;
    Candidate made;
    made.shape = {.schema = table_.schema, .table = table_.name, .keys = keys.list, .predicate = predicate};
    made.why = keys.why + (predicate.empty() ? "" : "; only rows where " + predicate);
    made.vetted = std::any_of(keys.list.begin(), keys.list.end(), [](const IndexKey& key) { return key.expression; });
    const bool there_already = any_key ? exists_partial(made.shape) : exists(table_, made.shape);
    if (predicate.empty()) plain_.push_back(made);
    keep(std::move(made), there_already);
  }

  void keep(Candidate made, bool there_already) {
    if (there_already || out_.size() >= kCandidatesOfUse) return;
    made.shape.partitions = table_.partitions;
    const auto same = [&made](const Candidate& there) { return there.shape == made.shape; };
    if (std::none_of(out_.begin(), out_.end(), same)) out_.push_back(std::move(made));
  }

  bool exists_partial(const IndexShape& shape) const {
    return std::any_of(table_.indexes.begin(), table_.indexes.end(), [&shape](const AdviceIndex& index) {
      return index.valid && !index.shape.predicate.empty() && covers(index.shape, shape);
    });
  }

  const TableUse& use_;
  const AdviceTable& table_;
  const std::string& trigrams_;
  std::vector<Candidate> out_;
  std::vector<Candidate> plain_;  // those of all rows, with those that exist
};

// Nobody creates an index there, however large it has grown.
bool of_system(std::string_view schema) { return schema.starts_with("pg_") || schema == "information_schema"; }

}  // namespace

bool worth_advising(const AdviceTable& table) {
  const bool whole = table.kind == 'r' || table.kind == 'm' || (table.kind == 'p' && !table.partitions.empty());
  if (table.temporary || !table.readable || !whole || of_system(table.schema)) return false;
  return table.rows >= kSmallRows || table.pages > kSmallPages;
}

std::vector<Candidate> candidates_of(const TableUse& use, const std::string& trigrams) {
  return use.table != nullptr && worth_advising(*use.table) ? Maker(use, trigrams).make() : std::vector<Candidate>();
}

bool has_trigrams(const TableUse::Match& match) {
  const bool like = match.op == "~~" || match.op == "~~*";
  if (!like && match.op != "~" && match.op != "~*") return false;
  if (match.op == "~~" && !literal_prefix(match.value).empty()) return false;  // a btree's
  // Of a regular expression only what cannot be optional: one more letter than a trigram, and no alternatives.
  if (!like && match.value.find_first_of("|?*{") != std::string::npos) return false;
  std::size_t run = 0;
  for (const char c : match.value) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
    run = letter ? run + 1 : 0;
    if (run == kTrigram) return true;
  }
  return false;
}

IndexShape merged(const IndexShape& shorter, std::size_t equal_keys, const IndexShape& longer) {
  if (shorter.schema != longer.schema || shorter.table != longer.table || shorter.method != longer.method ||
      shorter.predicate != longer.predicate || !shorter.include.empty() || !longer.include.empty() ||
      shorter.keys.size() > equal_keys || longer.keys.size() < shorter.keys.size())
    return {};
  IndexShape out = longer;
  out.keys = shorter.keys;
  for (const IndexKey& key : longer.keys)
    if (std::find(out.keys.begin(), out.keys.end(), key) == out.keys.end()) out.keys.push_back(key);
  return out.keys.size() == longer.keys.size() ? out : IndexShape();
}

bool exists(const AdviceTable& table, const IndexShape& shape) {
  return std::any_of(table.indexes.begin(), table.indexes.end(), [&](const AdviceIndex& index) {
    if (!index.valid) return false;
    if (covers(index.shape, shape)) return true;
    // A column behind those of a unique index finds nothing more.
    return index.unique && index.shape.predicate.empty() && index.shape.keys.size() < shape.keys.size() &&
           std::equal(index.shape.keys.begin(), index.shape.keys.end(), shape.keys.begin());
  });
}

}  // namespace analyzer
