#pragma once
// What a byte may be in SQL, as scan.l of PostgreSQL 15 has it. Bytes above 127 are letters.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace analyzer {

enum CharClass : uint8_t { kSpace = 1, kStart = 2, kDigit = 4, kOp = 8, kSelf = 16, kCont = 32 };

inline constexpr std::array<uint8_t, 256> kCharClasses = [] {
  std::array<uint8_t, 256> out{};
  for (const char c : {' ', '\t', '\n', '\r', '\f'}) out[static_cast<uint8_t>(c)] |= kSpace;
  for (unsigned c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
    if (letter) out[c] |= kStart | kCont;
    if (c >= '0' && c <= '9') out[c] |= kDigit | kCont;
    if (c == '$') out[c] |= kCont;
  }
  for (const char c : std::string_view("~!@#^&|`?+-*/%<>=")) out[static_cast<uint8_t>(c)] |= kOp;
  for (const char c : std::string_view(",()[].;:")) out[static_cast<uint8_t>(c)] |= kSelf;
  return out;
}();

// Is it of one of these?
constexpr bool is(char c, uint8_t classes) { return (kCharClasses[static_cast<uint8_t>(c)] & classes) != 0; }

constexpr char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// Bytes that are looked at together. Where a machine has no such registers, one at a time.
#if defined(__SSE2__)
inline constexpr std::size_t kBlock = 16;

// How many of the first bytes of the block at `from` are kCont.
inline std::size_t word_length(const char* from) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  // Bytes above 127 are negative, and letters: the ranges are of signed bytes.
  const auto between = [](__m128i these, char first, char last) {
    return _mm_and_si128(_mm_cmpgt_epi8(these, _mm_set1_epi8(static_cast<char>(first - 1))),
                         _mm_cmplt_epi8(these, _mm_set1_epi8(static_cast<char>(last + 1))));
  };
  const __m128i letters = between(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
  const __m128i digits = between(bytes, '0', '9');
  const __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('_')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('$')));
  const __m128i all = _mm_or_si128(_mm_or_si128(letters, digits), _mm_or_si128(marks, bytes));
  return static_cast<std::size_t>(std::countr_one(static_cast<unsigned>(_mm_movemask_epi8(all))));
}

// The block with its letters from A to Z in lower case.
inline void fold(const char* from, char* to) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  const __m128i upper = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('A' - 1)),
                                      _mm_cmplt_epi8(bytes, _mm_set1_epi8('Z' + 1)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_or_si128(bytes, _mm_and_si128(upper, _mm_set1_epi8(0x20))));
}
#else
inline constexpr std::size_t kBlock = 1;

inline std::size_t word_length(const char* from) { return is(*from, kCont) ? 1 : 0; }
inline void fold(const char* from, char* to) { *to = folded(*from); }
#endif

// Behind the bytes from `at` that are kCont.
inline std::size_t word_end(std::string_view text, std::size_t at) {
  while (at + kBlock <= text.size()) {
    const std::size_t more = word_length(text.data() + at);
    at += more;
    if (more < kBlock) return at;
  }
  while (at < text.size() && is(text[at], kCont)) ++at;
  return at;
}

}  // namespace analyzer
