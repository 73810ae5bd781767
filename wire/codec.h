#pragma once
// Bytes to values and back, with every bound checked.
//
// A message is a struct with its type byte and one tuple of its fields in wire order:
//
//   struct Execute {
//     static constexpr char kType = 'E';
//     CString portal;
//     int32_t max_rows = 0;
//     static constexpr auto fields = std::tuple{&Execute::portal, &Execute::max_rows};
//   };
//
//   TRY(auto execute, wire::decode<wire::Execute>(body));
//   TRY_STATUS(wire::encode(execute, out));
//
// Decoded text is a loan from the bytes that were decoded.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "wire/types.h"

namespace wire {

// Type byte and length word.
inline constexpr std::size_t kHeaderSize = 5;
// The largest value of a length word, as PostgreSQL has it (MaxAllocSize): 1 GiB less one.
inline constexpr std::size_t kMaxMessageLength = (std::size_t{1} << 30) - 1;

// A string that ends with a NUL byte on the wire.
struct CString : std::string_view {
  CString() = default;
  template <typename T>
  requires std::is_convertible_v<const T&, std::string_view> CString(const T& text)
      : std::string_view(text) {}  // NOLINT(google-explicit-constructor)
};

// All bytes up to the end of the message; only ever the last field.
struct Rest : std::string_view {
  Rest() = default;
  template <typename T>
  requires std::is_convertible_v<const T&, std::string_view> Rest(const T& bytes)
      : std::string_view(bytes) {}  // NOLINT(google-explicit-constructor)
};

// Four bytes of length, then the bytes; absent is length -1.
using Value = std::optional<std::string_view>;

// A list whose count has four bytes; a std::vector's has two.
template <typename T>
struct LongList : std::vector<T> {
  using std::vector<T>::vector;
};

// Reads big-endian values. The first failure sticks: later reads give zeros and empty views, so a decoder
// reads straight through and asks once, at the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return number(4); }
  int16_t i16() { return static_cast<int16_t>(u16()); }
  int32_t i32() { return static_cast<int32_t>(u32()); }
  std::string_view bytes(std::size_t count) {
    if (count > bytes_.size()) {
      fail("insufficient data left in message");
      return {};
    }
    std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  std::string_view cstring() {
    const std::size_t end = bytes_.find('\0');
    if (end == std::string_view::npos) {
      fail("invalid string in message");
      return {};
    }
    std::string_view text = bytes_.substr(0, end);
    bytes_.remove_prefix(end + 1);
    return text;
  }
  std::string_view rest() { return std::exchange(bytes_, {}); }

  std::size_t remaining() const { return bytes_.size(); }
  bool ok() const { return problem_.empty(); }
  // `problem` must outlive the reader: a literal.
  void fail(std::string_view problem) {
    if (problem_.empty()) problem_ = problem;
    bytes_ = {};
  }
  // Success if nothing failed and nothing is left over.
  base::Status finish() const {
    if (!problem_.empty()) return base::protocol_violation(std::string(problem_));
    if (!bytes_.empty()) return base::protocol_violation("invalid message format");
    return base::Ok{};
  }

 private:
  uint32_t number(std::size_t size) {
    uint32_t value = 0;
    for (char byte : bytes(size)) value = (value << 8) | static_cast<unsigned char>(byte);
    return value;
  }

  std::string_view bytes_;
  std::string_view problem_;
};

// Appends messages to a string. begin() ... end() writes the length; what cannot be written right (a NUL
// inside a string, a count or a length that does not fit) makes end() refuse and leaves the string as it was.
class Writer {
 public:
  explicit Writer(std::string& out, std::size_t limit = kMaxMessageLength) : out_(out), limit_(limit) {}

  void begin(char type) {
    start_ = out_.size();
    out_.push_back(type);
    begin_length();
  }
  void begin_untyped() {  // startup packets
    start_ = out_.size();
    begin_length();
  }
  // `to_follow` bytes of the same message are sent by the caller, apart.
  base::Status end(std::size_t to_follow = 0) {
    const std::size_t written = out_.size() - length_at_;
    if (to_follow > limit_ || written > limit_ - to_follow) fail("message is too long");
    if (!problem_.empty()) {
      out_.resize(start_);
      return base::protocol_violation(std::string(std::exchange(problem_, {})));
    }
    const auto length = static_cast<uint32_t>(written + to_follow);
    for (std::size_t i = 0; i < 4; ++i)
      out_[length_at_ + i] = static_cast<char>((length >> (24 - 8 * i)) & 0xff);
    return base::Ok{};
  }

  void u8(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u16(uint16_t value) { number(value, 2); }
  void u32(uint32_t value) { number(value, 4); }
  void i16(int16_t value) { u16(static_cast<uint16_t>(value)); }
  void i32(int32_t value) { u32(static_cast<uint32_t>(value)); }
  void bytes(std::string_view bytes) {
    // Checked before the copy, so that a refused message costs no memory.
    if (bytes.size() > limit_ || out_.size() - length_at_ > limit_ - bytes.size())
      return fail("message is too long");
    out_.append(bytes);
  }
  void cstring(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) fail("string contains a zero byte");
    bytes(text);
    out_.push_back('\0');
  }
  void value(const Value& value) {
    if (!value) return i32(-1);
    if (value->size() > limit_) return fail("message is too long");
    u32(static_cast<uint32_t>(value->size()));
    bytes(*value);
  }
  void fail(std::string_view problem) {
    if (problem_.empty()) problem_ = problem;
  }

 private:
  void begin_length() {
    length_at_ = out_.size();
    out_.append(4, '\0');
  }
  void number(uint32_t value, unsigned size) {
    while (size-- > 0) out_.push_back(static_cast<char>((value >> (8 * size)) & 0xff));
  }

  std::string& out_;
  std::size_t limit_;
  std::size_t start_ = 0, length_at_ = 0;
  std::string_view problem_;
};

// How one field is read and written. A new kind of field is one specialization.
template <typename T>
struct FieldCodec;

template <typename M>
void read_fields(Reader& reader, M& message) {
  std::apply(
      [&](auto... field) {
        (FieldCodec<std::remove_reference_t<decltype(message.*field)>>::read(reader, message.*field), ...);
      },
      M::fields);
}

template <typename M>
void write_fields(Writer& writer, const M& message) {
  std::apply(
      [&](auto... field) {
        (FieldCodec<std::remove_cvref_t<decltype(message.*field)>>::write(writer, message.*field), ...);
      },
      M::fields);
}

// The message in `body`, which must be exactly that.
template <typename M>
base::Result<M> decode(std::string_view body) {
  M message{};
  Reader reader(body);
  read_fields(reader, message);
  TRY_STATUS(reader.finish());
  return message;
}

// Appends the message, or refuses and appends nothing.
template <typename M>
base::Status encode(const M& message, std::string& out) {
  Writer writer(out);
  writer.begin(M::kType);
  write_fields(writer, message);
  return writer.end();
}

template <typename T>
requires std::is_integral_v<T>
struct FieldCodec<T> {
  static_assert(sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4);
  static void read(Reader& reader, T& value) {
    if constexpr (sizeof(T) == 1) value = static_cast<T>(reader.u8());
    if constexpr (sizeof(T) == 2) value = static_cast<T>(reader.u16());
    if constexpr (sizeof(T) == 4) value = static_cast<T>(reader.u32());
  }
  static void write(Writer& writer, T value) {
    if constexpr (sizeof(T) == 1) writer.u8(static_cast<uint8_t>(value));
    if constexpr (sizeof(T) == 2) writer.u16(static_cast<uint16_t>(value));
    if constexpr (sizeof(T) == 4) writer.u32(static_cast<uint32_t>(value));
  }
};

template <typename T>
requires std::is_enum_v<T>
struct FieldCodec<T> {
  using Number = std::underlying_type_t<T>;
  static void read(Reader& reader, T& value) {
    Number number{};
    FieldCodec<Number>::read(reader, number);
    value = static_cast<T>(number);
  }
  static void write(Writer& writer, T value) {
    FieldCodec<Number>::write(writer, static_cast<Number>(value));
  }
};

template <>
struct FieldCodec<TxStatus> {
  static void read(Reader& reader, TxStatus& value) {
    const char byte = static_cast<char>(reader.u8());
    if (byte != 'I' && byte != 'T' && byte != 'E')
      return reader.fail("invalid transaction status in message");
    value = static_cast<TxStatus>(byte);
  }
  static void write(Writer& writer, TxStatus value) { writer.u8(static_cast<uint8_t>(value)); }
};

template <>
struct FieldCodec<Oid> {
  static void read(Reader& reader, Oid& value) { value = Oid(reader.u32()); }
  static void write(Writer& writer, Oid value) { writer.u32(value.value()); }
};

template <>
struct FieldCodec<CString> {
  static void read(Reader& reader, CString& value) { value = CString(reader.cstring()); }
  static void write(Writer& writer, const CString& value) { writer.cstring(value); }
};

template <>
struct FieldCodec<Rest> {
  static void read(Reader& reader, Rest& value) { value = Rest(reader.rest()); }
  static void write(Writer& writer, const Rest& value) { writer.bytes(value); }
};

template <>
struct FieldCodec<Value> {
  static void read(Reader& reader, Value& value) {
    const int32_t length = reader.i32();
    if (length == -1) return value.reset();
    if (length < -1) return reader.fail("invalid length in message");
    value = reader.bytes(static_cast<std::size_t>(length));
  }
  static void write(Writer& writer, const Value& value) { writer.value(value); }
};

// Elements of every kind of list take at least one byte, so a count above the bytes left is a lie, and no
// list is longer than its message.
template <typename T>
struct FieldCodec<std::vector<T>> {
  static constexpr std::size_t kReserve = 1024;  // beyond it a list grows only as its elements really arrive
  static void read(Reader& reader, std::vector<T>& list) { read_elements(reader, list, reader.u16()); }
  static void write(Writer& writer, const std::vector<T>& list) {
    if (list.size() > 0xffff) return writer.fail("too many elements in message");
    writer.u16(static_cast<uint16_t>(list.size()));
    write_elements(writer, list);
  }
  static void read_elements(Reader& reader, std::vector<T>& list, std::size_t count) {
    if (count > reader.remaining()) return reader.fail("insufficient data left in message");
    list.reserve(std::min(count, kReserve));
    for (std::size_t i = 0; i < count && reader.ok(); ++i) FieldCodec<T>::read(reader, list.emplace_back());
  }
  static void write_elements(Writer& writer, const std::vector<T>& list) {
    for (const T& element : list) FieldCodec<T>::write(writer, element);
  }
};

template <typename T>
struct FieldCodec<LongList<T>> {
  static void read(Reader& reader, LongList<T>& list) {
    const int32_t count = reader.i32();
    if (count < 0) return reader.fail("invalid count in message");
    FieldCodec<std::vector<T>>::read_elements(reader, list, static_cast<std::size_t>(count));
  }
  static void write(Writer& writer, const LongList<T>& list) {
    if (list.size() > kMaxMessageLength) return writer.fail("too many elements in message");
    writer.u32(static_cast<uint32_t>(list.size()));
    FieldCodec<std::vector<T>>::write_elements(writer, list);
  }
};

// A struct inside a message: a column of a RowDescription.
template <typename T>
requires requires { T::fields; }
struct FieldCodec<T> {
  static void read(Reader& reader, T& value) { read_fields(reader, value); }
  static void write(Writer& writer, const T& value) { write_fields(writer, value); }
};

}  // namespace wire
