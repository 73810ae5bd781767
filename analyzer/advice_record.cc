#include "analyzer/advice_record.h"

#include <fmt/format.h>

#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

#include "analyzer/tree.h"
#include "base/json.h"
#include "base/text.h"
#include "wire/base64.h"

namespace analyzer {
namespace {

// What a value is made of: one list for writing and for reading. The text is lists in lists of texts, as JSON, with no names;
// so the version changes with these lists.
constexpr std::string_view kVersion = "weir advice 2";

template <typename T, typename U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

void parts(auto& io, Is<IndexKey> auto& key) { io(key.text, key.expression, key.opclass, key.descending, key.nulls_first); }

void parts(auto& io, Is<IndexShape> auto& shape) {
  io(shape.schema, shape.table, shape.method, shape.predicate, shape.include, shape.partitions, shape.keys);
}

void parts(auto& io, Is<AdviceDetail> auto& detail) {
  io(detail.fingerprint, detail.query, detail.calls, detail.ms_per_call, detail.cost_before, detail.cost_after);
  io(detail.node_before, detail.node_after, detail.samples);
}

void parts(auto& io, Is<Advice> auto& advice) {
  io(advice.id, advice.database, advice.shape, advice.why, advice.model, advice.makes_redundant, advice.note, advice.effect);
  io(advice.saves_ms_per_hour, advice.write_ms_per_hour, advice.cost_before, advice.cost_after, advice.bytes);
  io(advice.confidence, advice.details, advice.others, advice.status, advice.first_seen, advice.last_confirmed);
}

void parts(auto& io, Is<AdviceEntry> auto& entry) { io(entry.advice, entry.misses, entry.before, entry.since, entry.created); }

void parts(auto& io, Is<AdviceRecord> auto& record) { io(record.entries, record.dismissed); }

template <typename A, typename B>
void parts(auto& io, std::pair<A, B>& pair) {
  io(pair.first, pair.second);
}
template <typename A, typename B>
void parts(auto& io, const std::pair<A, B>& pair) {
  io(pair.first, pair.second);
}

// The last of an enum's values.
template <typename E>
constexpr E kLast{};
template <>
constexpr Confidence kLast<Confidence> = Confidence::kHigh;
template <>
constexpr AdviceStatus kLast<AdviceStatus> = AdviceStatus::kDismissed;

template <typename T>
concept Number = std::integral<T> || std::is_enum_v<T>;
template <typename T>
concept Many = !std::same_as<T, std::string> && requires(const T& list) { list.begin(); };

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void operator()(const auto&... values) { (one(values), ...); }

  void one(std::string_view text) {
    comma();
    out_ += base::json_string(text);
  }

 private:
  void one(const std::string& text) { one(std::string_view(text)); }
  void one(double number) { one(std::string_view(fmt::format("{}", number))); }
  // All of 64 bits, as they are.
  void one(const Number auto& number) { one(std::string_view(fmt::format("{}", static_cast<int64_t>(number)))); }
  void one(base::WallTime time) { one(int64_t{time.time_since_epoch().count()}); }
  void one(const LatencyHistogram& times) { one(std::string_view(wire::to_base64(times.to_bytes()))); }
  void one(const std::optional<AdviceEntry::Times>& since) { one(since.has_value()); }
  void one(const Many auto& list) {
    inside([&](Writer& to) {
      for (const auto& value : list) to.one(value);
    });
  }
  void one(const auto& value) {
    inside([&](Writer& to) { parts(to, value); });
  }

  void inside(const auto& write) {
    comma();
    out_ += '[';
    Writer list(out_);
    write(list);
    out_ += ']';
  }
  void comma() {
    if (!std::exchange(first_, false)) out_ += ',';
  }

  std::string& out_;
  bool first_ = true;
};

// The members of one list, one after the other. Once something is not what it should be, nothing is.
class Reader {
 public:
  Reader(Node list, bool& good) : at_(list.begin()), end_(list.end()), good_(good) { good_ = good_ && bool(list); }

  void operator()(auto&... values) { (one(values), ...); }

  void one(std::string& text) {
    const Node node = next();
    good_ = good_ && node.is_text();
    text = node.text();
  }

 private:
  void one(double& number) { number = of(base::parse_double(text())); }
  template <Number T>
  void one(T& number) {
    const int64_t read = of(base::parse_int(text()));
    if constexpr (std::is_enum_v<T>) good_ = good_ && read >= 0 && read <= static_cast<int64_t>(kLast<T>);
    if (good_) number = static_cast<T>(read);
  }
  void one(base::WallTime& time) { time = base::WallTime(base::Duration(of(base::parse_int(text())))); }
  void one(LatencyHistogram& times) {
    const auto bytes = wire::from_base64(text());
    auto read = bytes ? LatencyHistogram::from_bytes(*bytes) : std::nullopt;
    times = of(std::move(read));
  }
  // Counts of statements begin anew with each process.
  void one(std::optional<AdviceEntry::Times>& since) {
    bool begun = false;
    one(begun);
    if (begun) since.emplace();
  }
  template <Many T>
  void one(T& list) {
    for (Reader from(next(), good_); from.more();) {
      Value<typename T::value_type> value{};
      from.one(value);
      if (good_) list.insert(list.end(), std::move(value));
    }
  }
  void one(auto& value) {
    Reader from(next(), good_);
    parts(from, value);
  }

  // What can be read of a map's values.
  template <typename T>
  struct Plain {
    using Type = T;
  };
  template <typename A, typename B>
  struct Plain<std::pair<const A, B>> {
    using Type = std::pair<A, B>;
  };
  template <typename T>
  using Value = typename Plain<T>::Type;

  bool more() const { return good_ && !(at_ == end_); }
  Node next() {
    if (!more()) good_ = false;
    if (!good_) return {};
    const Node node = *at_;
    ++at_;
    return node;
  }
  std::string text() {
    std::string out;
    one(out);
    return out;
  }
  template <typename T>
  T of(std::optional<T> value) {
    good_ = good_ && value.has_value();
    return std::move(value).value_or(T{});
  }

  Node::Iterator at_, end_;
  bool& good_;
};

}  // namespace

std::string record_text(const AdviceRecord& record) {
  std::string out = "[";
  Writer to(out);
  to.one(kVersion);
  to(record);
  return out + "]";
}

std::optional<AdviceRecord> read_record(std::string text) {
  Tree tree;
  if (!tree.read(std::move(text)) || tree.size() == 0) return std::nullopt;
  AdviceRecord record;
  bool good = true;
  Reader from(tree.root(), good);
  std::string version;
  from.one(version);
  if (version == kVersion) from(record);
  return good && version == kVersion ? std::optional(std::move(record)) : std::nullopt;
}

}  // namespace analyzer
