#pragma once
// The messages clients send, after the untyped first packets (wire/startup.h). See "Message Formats" in
// PostgreSQL's manual. Text is a loan from the decoded bytes.

#include <cstdint>
#include <tuple>
#include <vector>

#include "wire/codec.h"

namespace wire {

struct Query {
  static constexpr char kType = 'Q';
  CString sql;
  static constexpr auto fields = std::tuple{&Query::sql};
  bool operator==(const Query&) const = default;
};

struct Parse {
  static constexpr char kType = 'P';
  CString name, sql;
  std::vector<Oid> parameter_types;
  static constexpr auto fields = std::tuple{&Parse::name, &Parse::sql, &Parse::parameter_types};
  bool operator==(const Parse&) const = default;
};

struct Bind {
  static constexpr char kType = 'B';
  CString portal, statement;
  std::vector<Format> formats;
  std::vector<Value> values;
  std::vector<Format> results;
  static constexpr auto fields =
      std::tuple{&Bind::portal, &Bind::statement, &Bind::formats, &Bind::values, &Bind::results};
  bool operator==(const Bind&) const = default;
};

// What Describe and Close are about.
enum class Target : char { kStatement = 'S', kPortal = 'P' };

template <>
struct FieldCodec<Target> {
  static void read(Reader& reader, Target& value) {
    const char byte = static_cast<char>(reader.u8());
    if (byte != 'S' && byte != 'P') return reader.fail("invalid message subtype");
    value = static_cast<Target>(byte);
  }
  static void write(Writer& writer, Target value) { writer.u8(static_cast<uint8_t>(value)); }
};

struct Describe {
  static constexpr char kType = 'D';
  Target target = Target::kStatement;
  CString name;
  static constexpr auto fields = std::tuple{&Describe::target, &Describe::name};
  bool operator==(const Describe&) const = default;
};

struct Execute {
  static constexpr char kType = 'E';
  CString portal;
  int32_t max_rows = 0;  // 0 and below: all of them
  static constexpr auto fields = std::tuple{&Execute::portal, &Execute::max_rows};
  bool operator==(const Execute&) const = default;
};

struct Close {
  static constexpr char kType = 'C';
  Target target = Target::kStatement;
  CString name;
  static constexpr auto fields = std::tuple{&Close::target, &Close::name};
  bool operator==(const Close&) const = default;
};

struct Flush {
  static constexpr char kType = 'H';
  static constexpr auto fields = std::tuple{};
  bool operator==(const Flush&) const = default;
};

struct Sync {
  static constexpr char kType = 'S';
  static constexpr auto fields = std::tuple{};
  bool operator==(const Sync&) const = default;
};

struct FunctionCall {
  static constexpr char kType = 'F';
  Oid function;
  std::vector<Format> formats;
  std::vector<Value> arguments;
  Format result = Format::kText;
  static constexpr auto fields = std::tuple{&FunctionCall::function, &FunctionCall::formats,
                                            &FunctionCall::arguments, &FunctionCall::result};
  bool operator==(const FunctionCall&) const = default;
};

// Both directions send these two.
struct CopyData {
  static constexpr char kType = 'd';
  Rest data;
  static constexpr auto fields = std::tuple{&CopyData::data};
  bool operator==(const CopyData&) const = default;
};

struct CopyDone {
  static constexpr char kType = 'c';
  static constexpr auto fields = std::tuple{};
  bool operator==(const CopyDone&) const = default;
};

struct CopyFail {
  static constexpr char kType = 'f';
  CString reason;
  static constexpr auto fields = std::tuple{&CopyFail::reason};
  bool operator==(const CopyFail&) const = default;
};

// Type 'p' is four messages; only the phase of the login tells which.
struct PasswordMessage {
  static constexpr char kType = 'p';
  CString password;
  static constexpr auto fields = std::tuple{&PasswordMessage::password};
  bool operator==(const PasswordMessage&) const = default;
};

struct SaslInitialResponse {
  static constexpr char kType = 'p';
  CString mechanism;
  Value response;
  static constexpr auto fields = std::tuple{&SaslInitialResponse::mechanism, &SaslInitialResponse::response};
  bool operator==(const SaslInitialResponse&) const = default;
};

struct SaslResponse {
  static constexpr char kType = 'p';
  Rest data;
  static constexpr auto fields = std::tuple{&SaslResponse::data};
  bool operator==(const SaslResponse&) const = default;
};

struct GssResponse {
  static constexpr char kType = 'p';
  Rest data;
  static constexpr auto fields = std::tuple{&GssResponse::data};
  bool operator==(const GssResponse&) const = default;
};

struct Terminate {
  static constexpr char kType = 'X';
  static constexpr auto fields = std::tuple{};
  bool operator==(const Terminate&) const = default;
};

using FrontendMessages =
    std::tuple<Query, Parse, Bind, Describe, Execute, Close, Flush, Sync, FunctionCall, CopyData, CopyDone,
               CopyFail, PasswordMessage, SaslInitialResponse, SaslResponse, GssResponse, Terminate>;

}  // namespace wire
