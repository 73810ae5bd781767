#include "analyzer/advice_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "analyzer/tree.h"
#include "base/json.h"
#include "base/text.h"
#include "wire/base64.h"

namespace analyzer {
namespace {

// Changes with the lists below.
constexpr std::string_view kVersion = "weir advice 1";

// Lists in lists of texts, as JSON: a list has its members in a fixed order.
class Writer {
 public:
  Writer& open() {
    part();
    out_ += '[';
    first_ = true;
    return *this;
  }
  Writer& close() {
    out_ += ']';
    first_ = false;
    return *this;
  }
  Writer& add(std::string_view text) {
    part();
    out_ += base::json_string(text);
    return *this;
  }
  Writer& add(double number) { return add(std::string_view(fmt::format("{}", number))); }
  Writer& add(uint64_t number) { return add(std::string_view(fmt::format("{}", number))); }
  Writer& add(int64_t number) { return add(std::string_view(fmt::format("{}", number))); }
  Writer& add(base::WallTime time) { return add(int64_t{time.time_since_epoch().count()}); }
  std::string take() { return std::move(out_); }

 private:
  void part() {
    if (!std::exchange(first_, false)) out_ += ',';
  }
  std::string out_;
  bool first_ = true;
};

// The members of one list, one after the other. Once something is not what it should be, nothing is.
class Reader {
 public:
  Reader(Node list, bool& good) : at_(list.begin()), end_(list.end()), good_(good) { good_ = good_ && bool(list); }

  bool more() const { return good_ && !(at_ == end_); }
  Node next() {
    if (!more()) good_ = false;
    if (!good_) return {};
    const Node node = *at_;
    ++at_;
    return node;
  }
  std::string text() {
    const Node node = next();
    good_ = good_ && node.is_text();
    return std::string(node.text());
  }
  double real() { return of(base::parse_double(text())); }
  int64_t number() { return of(base::parse_int(text())); }
  uint64_t count() { return static_cast<uint64_t>(number()); }
  base::WallTime time() { return base::WallTime(base::Duration(number())); }
  bool flag() { return number() != 0; }

 private:
  template <typename T>
  T of(std::optional<T> value) {
    good_ = good_ && value.has_value();
    return value.value_or(T{});
  }
  Node::Iterator at_, end_;
  bool& good_;
};

void write(const AdviceEntry& entry, Writer& to) {
  const Advice& advice = entry.advice;
  const IndexShape& shape = advice.shape;
  to.open().add(advice.id).add(advice.database).add(advice.why).add(advice.model).add(advice.makes_redundant);
  to.add(advice.note).add(advice.effect).add(advice.saves_ms_per_hour).add(advice.write_ms_per_hour);
  to.add(advice.cost_before).add(advice.cost_after).add(advice.bytes).add(static_cast<int64_t>(advice.confidence));
  to.add(static_cast<int64_t>(advice.status)).add(advice.first_seen).add(advice.last_confirmed);
  to.add(int64_t{entry.misses}).add(int64_t{entry.since.has_value()}).add(entry.created);
  to.add(shape.schema).add(shape.table).add(shape.method).add(shape.predicate).open();
  for (const std::string& column : shape.include) to.add(column);
  to.close().open();
  for (const auto& [schema, name] : shape.partitions) to.add(schema).add(name);
  to.close().open();
  for (const IndexKey& key : shape.keys) {
    to.open().add(key.text).add(int64_t{key.expression}).add(key.opclass).add(int64_t{key.descending});
    to.add(int64_t{key.nulls_first}).close();
  }
  to.close().open();
  for (const AdviceDetail& detail : advice.details) {
    // As it is shown: no fingerprint is above what an int64_t holds once its bits are taken for one.
    to.open().add(static_cast<int64_t>(detail.fingerprint)).add(detail.query).add(detail.calls).add(detail.ms_per_call);
    to.add(detail.cost_before).add(detail.cost_after).add(detail.node_before).add(detail.node_after);
    to.add(uint64_t{detail.samples}).close();
  }
  to.close().open();
  for (const uint64_t other : advice.others) to.add(static_cast<int64_t>(other));
  to.close().open();
  for (const auto& [fingerprint, times] : entry.before)
    to.open().add(static_cast<int64_t>(fingerprint)).add(wire::to_base64(times.to_bytes())).close();
  to.close().close();
}

// One of an enum's values, the last of which is `last`.
template <typename E>
E one_of(int64_t number, E last, bool& good) {
  good = good && number >= 0 && number <= static_cast<int64_t>(last);
  return good ? static_cast<E>(number) : E{};
}

AdviceEntry read_entry(Node list, bool& good) {
  AdviceEntry entry;
  Advice& advice = entry.advice;
  IndexShape& shape = advice.shape;
  Reader from(list, good);
  advice.id = from.text();
  advice.database = from.text();
  advice.why = from.text();
  advice.model = from.text();
  advice.makes_redundant = from.text();
  advice.note = from.text();
  advice.effect = from.text();
  advice.saves_ms_per_hour = from.real();
  advice.write_ms_per_hour = from.real();
  advice.cost_before = from.real();
  advice.cost_after = from.real();
  advice.bytes = from.number();
  advice.confidence = one_of(from.number(), Confidence::kHigh, good);
  advice.status = one_of(from.number(), AdviceStatus::kDismissed, good);
  advice.first_seen = from.time();
  advice.last_confirmed = from.time();
  entry.misses = static_cast<int>(from.number());
  if (from.flag()) entry.since.emplace();
  entry.created = from.time();
  shape.schema = from.text();
  shape.table = from.text();
  shape.method = from.text();
  shape.predicate = from.text();
  for (Reader columns(from.next(), good); columns.more();) shape.include.push_back(columns.text());
  for (Reader partitions(from.next(), good); partitions.more();) {
    std::string schema = partitions.text();
    shape.partitions.emplace_back(std::move(schema), partitions.text());
  }
  for (Reader keys(from.next(), good); keys.more();) {
    Reader key(keys.next(), good);
    IndexKey& made = shape.keys.emplace_back();
    made.text = key.text();
    made.expression = key.flag();
    made.opclass = key.text();
    made.descending = key.flag();
    made.nulls_first = key.flag();
  }
  for (Reader details(from.next(), good); details.more();) {
    Reader detail(details.next(), good);
    AdviceDetail& made = advice.details.emplace_back();
    made.fingerprint = detail.count();
    made.query = detail.text();
    made.calls = detail.count();
    made.ms_per_call = detail.real();
    made.cost_before = detail.real();
    made.cost_after = detail.real();
    made.node_before = detail.text();
    made.node_after = detail.text();
    made.samples = detail.count();
  }
  for (Reader others(from.next(), good); others.more();) advice.others.push_back(others.count());
  for (Reader all(from.next(), good); all.more();) {
    Reader one(all.next(), good);
    const uint64_t fingerprint = one.count();
    const auto bytes = wire::from_base64(one.text());
    auto times = bytes ? LatencyHistogram::from_bytes(*bytes) : std::nullopt;
    good = good && times.has_value();
    if (good) entry.before.emplace(fingerprint, *std::move(times));
  }
  return entry;
}

}  // namespace

std::string record_text(const AdviceRecord& record) {
  Writer to;
  to.open().add(kVersion).open();
  for (const AdviceEntry& entry : record.entries) write(entry, to);
  to.close().open();
  for (const std::string& id : record.dismissed) to.add(id);
  to.close().close();
  return to.take();
}

std::optional<AdviceRecord> read_record(std::string text) {
  Tree tree;
  if (!tree.read(std::move(text)) || tree.size() == 0) return std::nullopt;
  AdviceRecord record;
  bool good = true;
  Reader all(tree.root(), good);
  good = all.text() == kVersion && good;
  for (Reader entries(all.next(), good); entries.more();) record.entries.push_back(read_entry(entries.next(), good));
  for (Reader ids(all.next(), good); ids.more();) record.dismissed.insert(ids.text());
  return good ? std::optional(std::move(record)) : std::nullopt;
}

}  // namespace analyzer
