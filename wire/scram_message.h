#pragma once
// The text of SCRAM messages: attributes "a=value", separated by commas.

#include <string>
#include <string_view>

#include "base/result.h"

namespace wire {

// Reads attributes from left to right.
class ScramText {
 public:
  explicit ScramText(std::string_view text) : text_(text), rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  // Where the next attribute begins.
  std::size_t position() const { return text_.size() - rest_.size(); }

  // Takes one byte that must be there, and be `expected`.
  base::Status character(char expected);
  // Takes the value of the next attribute, which must be `name`, and the comma behind it.
  base::Result<std::string_view> attribute(char name);
  struct Attribute {
    char name;
    std::string_view value;
  };
  // Takes the next attribute, whatever its name.
  base::Result<Attribute> any_attribute();

 private:
  std::string_view text_, rest_;
};

// 08P01 "malformed SCRAM message" with a reason, in PostgreSQL's words.
base::Error malformed_scram(std::string reason);
// A byte as PostgreSQL's messages show it: itself if it is printable, hex if not.
std::string shown_byte(char byte);
// Printable ASCII without comma and space, as RFC 5802 wants it, of a length we take.
bool is_scram_nonce(std::string_view nonce);

}  // namespace wire
