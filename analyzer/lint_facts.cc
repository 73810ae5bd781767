#include "analyzer/lint_facts.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "analyzer/hash.h"
#include "analyzer/lexer.h"
#include "analyzer/redact.h"
#include "base/text.h"

namespace analyzer {

namespace {

// Texts are read up to here: beyond it there are values.
constexpr std::size_t kRead = 64UL << 10;

bool is_wild(std::string_view value) { return value.starts_with('%') || value.starts_with('_'); }

// Of an array in text form, of one dimension.
uint32_t elements_in(std::string_view value) {
  if (!value.starts_with('{') || !value.ends_with('}') || value.size() < 3) return 0;
  return static_cast<uint32_t>(std::count(value.begin(), value.end(), ',')) + 1;
}

}  // namespace

// ---- DistinctCount ----

void DistinctCount::add(uint64_t hash) {
  const std::size_t bit = hash % kBits;
  bits_[bit / 64] |= uint64_t{1} << (bit % 64);
}

void DistinctCount::merge(const DistinctCount& others) {
  for (std::size_t i = 0; i < bits_.size(); ++i) bits_[i] |= others.bits_[i];
}

double DistinctCount::estimate() const {
  std::size_t set = 0;
  for (const uint64_t word : bits_) set += static_cast<std::size_t>(std::popcount(word));
  const auto free = static_cast<double>(std::max<std::size_t>(kBits - set, 1));
  return static_cast<double>(kBits) * std::log(static_cast<double>(kBits) / free);
}

// ---- ParameterFacts ----

void ParameterFacts::add(std::optional<std::string_view> value) {
  if (!value) {
    ++nulls;
    if (seen++ > 0) always_same = false;
    return;
  }
  const uint64_t its = keyed_hash(*value).low;
  always_same = always_same && (seen == 0 || its == hash);
  hash = its;
  ++seen;
  if (is_wild(*value)) ++wild_first;
  elements_max = std::max(elements_max, elements_in(*value));
  if (const auto number = base::parse_int(*value)) {
    number_min = numbers == 0 ? *number : std::min(number_min, *number);
    number_max = numbers == 0 ? *number : std::max(number_max, *number);
    ++numbers;
  }
}

void ParameterFacts::merge(const ParameterFacts& others) {
  if (others.seen == 0) return;
  if (others.numbers > 0) {
    number_min = numbers == 0 ? others.number_min : std::min(number_min, others.number_min);
    number_max = numbers == 0 ? others.number_max : std::max(number_max, others.number_max);
  }
  always_same = others.always_same && (seen == 0 || (always_same && hash == others.hash));
  hash = others.hash;
  seen += others.seen;
  nulls += others.nulls;
  numbers += others.numbers;
  wild_first += others.wild_first;
  elements_max = std::max(elements_max, others.elements_max);
  if (type == 0) type = others.type;
}

// ---- LintFacts ----

void LintFacts::count(const LintCall& call) {
  ++calls_;
  if (call.prepared) ++prepared_;
  rows_max_ = std::max(rows_max_, call.rows);
  distinct_.add(call.value_hash);
  if (call.run >= kLongRun) in_long_runs_ += call.run == kLongRun ? kLongRun : 1;
}

void LintFacts::look(const LintCall& call) {
  count(call);
  const Normalized normalized = normalized_with_values(call.text.substr(0, kRead), kRead);
  uint32_t longest = 0;
  std::string text = with_short_lists(normalized.text, longest);
  list_max_ = std::max(list_max_, longest);
  if (text_.empty() && text.size() <= kTextMax && !text.ends_with("...")) text_ = std::move(text);
  const auto at = [this](std::size_t number) -> ParameterFacts* {
    if (number == 0 || number > kParametersMax) return nullptr;
    if (parameters_.size() < number) parameters_.resize(number);
    return &parameters_[number - 1];
  };
  for (std::size_t i = 0; i < call.values.size() && i < kParametersMax; ++i) {
    ParameterFacts* const facts = at(i + 1);
    facts->add(call.values[i] ? std::optional<std::string_view>(*call.values[i]) : std::nullopt);
    if (i < call.types.size() && call.types[i] != 0) facts->type = call.types[i];
  }
  auto number = static_cast<std::size_t>(std::max(normalized.first, 1));
  for (const auto& value : normalized.values) {
    ParameterFacts* const facts = at(number++);
    if (facts == nullptr) break;
    if (value) facts->add(*value);
  }
}

void LintFacts::merge(const LintFacts& others) {
  if (text_.empty()) text_ = others.text_;
  if (parameters_.size() < others.parameters_.size()) parameters_.resize(others.parameters_.size());
  for (std::size_t i = 0; i < others.parameters_.size(); ++i) parameters_[i].merge(others.parameters_[i]);
  distinct_.merge(others.distinct_);
  calls_ += others.calls_;
  prepared_ += others.prepared_;
  rows_max_ = std::max(rows_max_, others.rows_max_);
  in_long_runs_ += others.in_long_runs_;
  list_max_ = std::max(list_max_, others.list_max_);
}

const ParameterFacts& LintFacts::parameter(std::size_t number) const {
  static const ParameterFacts kNone;
  return number == 0 || number > parameters_.size() ? kNone : parameters_[number - 1];
}

// ---- LintBook ----

namespace {

std::string key_of(uint64_t fingerprint, std::string_view database) {
  std::string key(sizeof(fingerprint), '\0');
  std::memcpy(key.data(), &fingerprint, sizeof(fingerprint));
  return key.append(database);
}

}  // namespace

LintFacts& LintBook::of(uint64_t fingerprint, std::string_view database) {
  std::string key = key_of(fingerprint, database);
  if (LintFacts* found = facts_.find(key)) return *found;
  facts_.put(key, LintFacts());
  return *facts_.find(key);
}

std::vector<LintBook::Entry> LintBook::snapshot() const {
  std::vector<Entry> entries;
  entries.reserve(facts_.size());
  facts_.for_each([&entries](const std::string& key, const LintFacts& facts) {
    Entry& entry = entries.emplace_back();
    std::memcpy(&entry.fingerprint, key.data(), sizeof(entry.fingerprint));
    entry.database = key.substr(sizeof(entry.fingerprint));
    entry.facts = facts;
  });
  return entries;
}

// ---- texts ----

std::string with_short_lists(std::string_view text, uint32_t& longest) {
  std::string out;
  Lexer lexer(text, true);
  std::size_t copied = 0;     // up to here `text` is in `out`
  std::size_t first_end = 0;  // of the first value of the list that is being read
  uint32_t values = 0;        // in it
  enum class Last : uint8_t { kOther, kOpen, kValue, kComma } last = Last::kOther;
  for (Token token = lexer.next();; token = lexer.next()) {
    const std::string_view word = lexer.text_of(token);
    const bool value = token.kind == TokenKind::kParameter;
    if (word == "(") {
      last = Last::kOpen;
      values = 0;
    } else if (value && (last == Last::kOpen || (last == Last::kComma && values > 0))) {
      if (values++ == 0) first_end = token.at + token.size;
      last = Last::kValue;
    } else if (word == "," && last == Last::kValue) {
      last = Last::kComma;
    } else {
      // Few values are as likely arguments of a function or a row of VALUES as a list.
      constexpr uint32_t kListMin = 32;
      if (word == ")" && last == Last::kValue) {
        longest = std::max(longest, values);
        if (values >= kListMin) {
          out += text.substr(copied, first_end - copied);
          copied = token.at;
        }
      }
      last = Last::kOther;
      values = 0;
    }
    if (token.kind == TokenKind::kEnd) break;
  }
  return out += text.substr(copied);
}

}  // namespace analyzer
