#pragma once
// Unicode tables for wire/saslprep.cc. The rows are generated: scripts/saslprep_tables.py. All are sorted.

#include <array>
#include <cstdint>
#include <span>

namespace wire {

struct CodePoints {
  char32_t first, last;
};
// The tables of RFC 3454 that SASLprep names: B.1, C.1.2, all it prohibits, A.1, D.1, D.2.
extern const std::span<const CodePoints> kMappedToNothing, kMappedToSpace, kProhibited, kUnassigned,
    kRightToLeft, kLeftToRight;

// Canonical combining classes that are not 0.
struct CombiningClass {
  char32_t first, last;
  uint8_t value;
};
extern const std::span<const CombiningClass> kCombining;

// Canonical pairs, and what they make. Hangul is computed.
struct Composition {
  char32_t first, second, whole;
};
extern const std::span<const Composition> kCompositions;

// Full compatibility decompositions: `size` code points of kDecomposed, from `start`. Hangul is computed.
struct Decomposition {
  char32_t whole;
  uint16_t start;
  uint8_t size;
};
extern const std::span<const Decomposition> kDecompositions;
extern const std::span<const char32_t> kDecomposed;

}  // namespace wire
