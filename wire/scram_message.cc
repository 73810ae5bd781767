#include "wire/scram_message.h"

#include <algorithm>

#include "wire/scram.h"

namespace wire {

base::Status ScramText::character(char expected) {
  if (peek() != expected || rest_.empty()) {
    return malformed_scram((expected == ',' ? std::string("Comma") : shown_byte(expected)) +
                           " expected, but found character \"" + shown_byte(peek()) + "\".");
  }
  rest_.remove_prefix(1);
  return base::Ok{};
}

base::Result<std::string_view> ScramText::attribute(char name) {
  if (peek() != name) {
    return malformed_scram("Expected attribute \"" + std::string(1, name) + "\" but found \"" +
                           shown_byte(peek()) + "\".");
  }
  TRY(const Attribute found, any_attribute());
  return found.value;
}

base::Result<ScramText::Attribute> ScramText::any_attribute() {
  const char name = peek();
  if (rest_.empty()) return malformed_scram("Attribute expected, but found end of string.");
  if (!((name >= 'A' && name <= 'Z') || (name >= 'a' && name <= 'z'))) {
    return malformed_scram("Attribute expected, but found invalid character \"" + shown_byte(name) + "\".");
  }
  rest_.remove_prefix(1);
  if (peek() != '=') {
    return malformed_scram("Expected character \"=\" for attribute \"" + std::string(1, name) + "\".");
  }
  rest_.remove_prefix(1);
  const std::size_t comma = rest_.find(',');
  const Attribute found{name, rest_.substr(0, comma)};
  rest_.remove_prefix(comma == std::string_view::npos ? rest_.size() : comma + 1);
  return found;
}

base::Error malformed_scram(std::string reason) {
  return base::with_detail(base::protocol_violation("malformed SCRAM message"), std::move(reason));
}

std::string shown_byte(char byte) {
  if (byte >= 0x21 && byte <= 0x7e) return std::string(1, byte);
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  return std::string("0x") + kHex[value >> 4] + kHex[value & 15];
}

bool is_scram_nonce(std::string_view nonce) {
  return !nonce.empty() && nonce.size() <= kScramMaxNonce &&
         std::ranges::all_of(nonce, [](char c) { return c >= 0x21 && c <= 0x7e && c != ','; });
}

}  // namespace wire
