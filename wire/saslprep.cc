#include "wire/saslprep.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "wire/saslprep_tables.h"

namespace wire {
namespace {

// Hangul syllables are arithmetic: Unicode, section 3.12.
constexpr char32_t kSBase = 0xAC00, kLBase = 0x1100, kVBase = 0x1161, kTBase = 0x11A7;
constexpr char32_t kLCount = 19, kVCount = 21, kTCount = 28, kSCount = kLCount * kVCount * kTCount;

template <typename Row>
const Row* find_range(std::span<const Row> rows, char32_t c) {
  const auto row = std::ranges::lower_bound(rows, c, {}, &Row::last);
  return row != rows.end() && row->first <= c ? &*row : nullptr;
}

bool is_in(std::span<const CodePoints> rows, char32_t c) { return find_range(rows, c) != nullptr; }

int combining_class(char32_t c) {
  const auto* row = find_range(kCombining, c);
  return row ? row->value : 0;
}

// Nothing if it is not UTF-8 in its one right form.
std::optional<std::u32string> from_utf8(std::string_view bytes) {
  std::u32string text;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    const unsigned char lead = byte(i);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC0 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF8 ? 4
                                           : 0;
    if (size == 0 || size > bytes.size() - i) return std::nullopt;
    char32_t c = size == 1 ? lead : lead & (0x7Fu >> size);
    for (std::size_t j = 1; j < size; ++j) {
      if ((byte(i + j) & 0xC0) != 0x80) return std::nullopt;
      c = (c << 6) | (byte(i + j) & 0x3Fu);
    }
    constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < kLeast[size] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return std::nullopt;
    text.push_back(c);
    i += size;
  }
  return text;
}

std::string to_utf8(std::u32string_view text) {
  std::string bytes;
  const auto put = [&](char32_t value) { bytes.push_back(static_cast<char>(value)); };
  for (char32_t c : text) {
    if (c < 0x80) {
      put(c);
      continue;
    }
    if (c < 0x800) {
      put(0xC0 | (c >> 6));
    } else {
      if (c < 0x10000) {
        put(0xE0 | (c >> 12));
      } else {
        put(0xF0 | (c >> 18));
        put(0x80 | ((c >> 12) & 0x3F));
      }
      put(0x80 | ((c >> 6) & 0x3F));
    }
    put(0x80 | (c & 0x3F));
  }
  return bytes;
}

void decompose(char32_t c, std::u32string& out) {
  if (c >= kSBase && c < kSBase + kSCount) {
    const char32_t index = c - kSBase;
    out.push_back(kLBase + index / (kVCount * kTCount));
    out.push_back(kVBase + index % (kVCount * kTCount) / kTCount);
    if (index % kTCount != 0) out.push_back(kTBase + index % kTCount);
    return;
  }
  const auto row = std::ranges::lower_bound(kDecompositions, c, {}, &Decomposition::whole);
  if (row == kDecompositions.end() || row->whole != c) {
    out.push_back(c);
  } else {
    const auto parts = kDecomposed.subspan(row->start, row->size);
    out.append(parts.begin(), parts.end());
  }
}

// Marks that follow one another get one order.
void order_marks(std::u32string& text) {
  auto begin = text.begin();
  while (begin != text.end()) {
    if (combining_class(*begin) == 0) {
      ++begin;
      continue;
    }
    const auto end = std::find_if(begin, text.end(), [](char32_t c) { return combining_class(c) == 0; });
    std::stable_sort(begin, end,
                     [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

char32_t compose(char32_t first, char32_t second) {  // 0: they do not
  if (first >= kLBase && first < kLBase + kLCount && second >= kVBase && second < kVBase + kVCount) {
    return kSBase + ((first - kLBase) * kVCount + (second - kVBase)) * kTCount;
  }
  const bool is_lv = first >= kSBase && first < kSBase + kSCount && (first - kSBase) % kTCount == 0;
  if (is_lv && second > kTBase && second < kTBase + kTCount) return first + (second - kTBase);
  const auto key = std::pair(first, second);
  const auto pair = [](const Composition& row) { return std::pair(row.first, row.second); };
  const auto row = std::ranges::lower_bound(kCompositions, key, {}, pair);
  return row != kCompositions.end() && pair(*row) == key ? row->whole : 0;
}

// NFKC: Unicode, annex 15.
std::u32string normalize(std::u32string_view text) {
  std::u32string parts;
  for (char32_t c : text) decompose(c, parts);
  order_marks(parts);
  std::u32string out;
  std::optional<std::size_t> starter;
  int last_class = -1;  // of what was put after the starter; -1: nothing was
  for (char32_t c : parts) {
    const int this_class = combining_class(c);
    const char32_t whole = starter && last_class < this_class ? compose(out[*starter], c) : 0;
    if (whole != 0) {
      out[*starter] = whole;
      continue;
    }
    if (this_class == 0) {
      starter = out.size();
      last_class = -1;
    } else {
      last_class = this_class;
    }
    out.push_back(c);
  }
  return out;
}

std::u32string map(std::u32string_view text) {
  std::u32string mapped;
  for (char32_t c : text) {
    if (is_in(kMappedToNothing, c)) continue;
    mapped.push_back(is_in(kMappedToSpace, c) ? U' ' : c);
  }
  return mapped;
}

bool is_allowed(std::u32string_view text) {
  const auto any = [&](std::span<const CodePoints> rows) {
    return std::ranges::any_of(text, [&](char32_t c) { return is_in(rows, c); });
  };
  if (text.empty() || any(kProhibited) || any(kUnassigned)) return false;
  if (!any(kRightToLeft)) return true;
  return !any(kLeftToRight) && is_in(kRightToLeft, text.front()) && is_in(kRightToLeft, text.back());
}

}  // namespace

std::string saslprep(std::string_view password) {
  const bool ascii =
      std::ranges::all_of(password, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  const auto text = ascii ? std::nullopt : from_utf8(password);
  if (!text) return std::string(password);
  const std::u32string prepared = normalize(map(*text));
  return is_allowed(prepared) ? to_utf8(prepared) : std::string(password);
}

}  // namespace wire
