#pragma once
// The messages servers send, in protocol 3.0 to 3.2. See "Message Formats" in PostgreSQL's manual. Text is a
// loan from the decoded bytes. CopyData and CopyDone are in wire/frontend.h.

#include <cstdint>
#include <tuple>
#include <vector>

#include "wire/codec.h"
#include "wire/frontend.h"

namespace wire {

// The number in an Authentication message says what its data is.
enum class AuthCode : int32_t {
  kOk = 0,
  kKerberosV5 = 2,
  kCleartextPassword = 3,
  kMd5Password = 5,  // data: four bytes of salt
  kScm = 6,
  kGss = 7,
  kGssContinue = 8,
  kSspi = 9,
  kSasl = 10,  // data: mechanism names, each ended by a NUL, then an empty one
  kSaslContinue = 11,
  kSaslFinal = 12,
};

struct Authentication {
  static constexpr char kType = 'R';
  AuthCode code = AuthCode::kOk;
  Rest data;
  static constexpr auto fields = std::tuple{&Authentication::code, &Authentication::data};
  bool operator==(const Authentication&) const = default;
};

struct BackendKeyData {
  static constexpr char kType = 'K';
  uint32_t pid = 0;
  Rest secret;
  static constexpr auto fields = std::tuple{&BackendKeyData::pid, &BackendKeyData::secret};
  bool operator==(const BackendKeyData&) const = default;
};

struct BindComplete {
  static constexpr char kType = '2';
  static constexpr auto fields = std::tuple{};
  bool operator==(const BindComplete&) const = default;
};

struct CloseComplete {
  static constexpr char kType = '3';
  static constexpr auto fields = std::tuple{};
  bool operator==(const CloseComplete&) const = default;
};

struct CommandComplete {
  static constexpr char kType = 'C';
  CString tag;
  static constexpr auto fields = std::tuple{&CommandComplete::tag};
  bool operator==(const CommandComplete&) const = default;
};

struct CopyInResponse {
  static constexpr char kType = 'G';
  uint8_t format = 0;
  std::vector<Format> columns;
  static constexpr auto fields = std::tuple{&CopyInResponse::format, &CopyInResponse::columns};
  bool operator==(const CopyInResponse&) const = default;
};

struct CopyOutResponse {
  static constexpr char kType = 'H';
  uint8_t format = 0;
  std::vector<Format> columns;
  static constexpr auto fields = std::tuple{&CopyOutResponse::format, &CopyOutResponse::columns};
  bool operator==(const CopyOutResponse&) const = default;
};

struct CopyBothResponse {
  static constexpr char kType = 'W';
  uint8_t format = 0;
  std::vector<Format> columns;
  static constexpr auto fields = std::tuple{&CopyBothResponse::format, &CopyBothResponse::columns};
  bool operator==(const CopyBothResponse&) const = default;
};

struct DataRow {
  static constexpr char kType = 'D';
  std::vector<Value> values;
  static constexpr auto fields = std::tuple{&DataRow::values};
  bool operator==(const DataRow&) const = default;
};

struct EmptyQueryResponse {
  static constexpr char kType = 'I';
  static constexpr auto fields = std::tuple{};
  bool operator==(const EmptyQueryResponse&) const = default;
};

// One field of an ErrorResponse or NoticeResponse.
struct ReportField {
  char code = 0;  // never 0 on the wire: that ends the list
  CString text;
  bool operator==(const ReportField&) const = default;
};

struct ReportFields : std::vector<ReportField> {
  using std::vector<ReportField>::vector;
};

template <>
struct FieldCodec<ReportFields> {
  static void read(Reader& reader, ReportFields& list) {
    while (reader.ok()) {
      const char code = static_cast<char>(reader.u8());
      if (code == '\0') return;
      list.push_back({code, CString(reader.cstring())});
    }
  }
  static void write(Writer& writer, const ReportFields& list) {
    for (const ReportField& field : list) {
      if (field.code == '\0') return writer.fail("field without a code");
      writer.u8(static_cast<uint8_t>(field.code));
      writer.cstring(field.text);
    }
    writer.u8(0);
  }
};

// Decoding these two is strict; wire/error_fields.h reads what a broken server sends, too.
struct ErrorResponse {
  static constexpr char kType = 'E';
  ReportFields report;
  static constexpr auto fields = std::tuple{&ErrorResponse::report};
  bool operator==(const ErrorResponse&) const = default;
};

struct NoticeResponse {
  static constexpr char kType = 'N';
  ReportFields report;
  static constexpr auto fields = std::tuple{&NoticeResponse::report};
  bool operator==(const NoticeResponse&) const = default;
};

struct FunctionCallResponse {
  static constexpr char kType = 'V';
  Value value;
  static constexpr auto fields = std::tuple{&FunctionCallResponse::value};
  bool operator==(const FunctionCallResponse&) const = default;
};

struct NegotiateProtocolVersion {
  static constexpr char kType = 'v';
  uint32_t version = 0;  // ProtocolVersion::number()
  LongList<CString> unknown_options;
  static constexpr auto fields =
      std::tuple{&NegotiateProtocolVersion::version, &NegotiateProtocolVersion::unknown_options};
  bool operator==(const NegotiateProtocolVersion&) const = default;
};

struct NoData {
  static constexpr char kType = 'n';
  static constexpr auto fields = std::tuple{};
  bool operator==(const NoData&) const = default;
};

struct NotificationResponse {
  static constexpr char kType = 'A';
  uint32_t pid = 0;
  CString channel, payload;
  static constexpr auto fields =
      std::tuple{&NotificationResponse::pid, &NotificationResponse::channel, &NotificationResponse::payload};
  bool operator==(const NotificationResponse&) const = default;
};

struct ParameterDescription {
  static constexpr char kType = 't';
  std::vector<Oid> types;
  static constexpr auto fields = std::tuple{&ParameterDescription::types};
  bool operator==(const ParameterDescription&) const = default;
};

struct ParameterStatus {
  static constexpr char kType = 'S';
  CString name, value;
  static constexpr auto fields = std::tuple{&ParameterStatus::name, &ParameterStatus::value};
  bool operator==(const ParameterStatus&) const = default;
};

struct ParseComplete {
  static constexpr char kType = '1';
  static constexpr auto fields = std::tuple{};
  bool operator==(const ParseComplete&) const = default;
};

struct PortalSuspended {
  static constexpr char kType = 's';
  static constexpr auto fields = std::tuple{};
  bool operator==(const PortalSuspended&) const = default;
};

struct ReadyForQuery {
  static constexpr char kType = 'Z';
  TxStatus status = TxStatus::kIdle;
  static constexpr auto fields = std::tuple{&ReadyForQuery::status};
  bool operator==(const ReadyForQuery&) const = default;
};

struct ColumnDescription {
  CString name;
  Oid table;
  int16_t column = 0;  // its number in the table
  Oid type;
  int16_t type_length = 0;  // negative: varies
  int32_t type_modifier = -1;
  Format format = Format::kText;
  static constexpr auto fields = std::tuple{
      &ColumnDescription::name,  &ColumnDescription::table,       &ColumnDescription::column,
      &ColumnDescription::type,  &ColumnDescription::type_length, &ColumnDescription::type_modifier,
      &ColumnDescription::format};
  bool operator==(const ColumnDescription&) const = default;
};

struct RowDescription {
  static constexpr char kType = 'T';
  std::vector<ColumnDescription> columns;
  static constexpr auto fields = std::tuple{&RowDescription::columns};
  bool operator==(const RowDescription&) const = default;
};

using BackendMessages =
    std::tuple<Authentication, BackendKeyData, BindComplete, CloseComplete, CommandComplete, CopyInResponse,
               CopyOutResponse, CopyBothResponse, CopyData, CopyDone, DataRow, EmptyQueryResponse,
               ErrorResponse, NoticeResponse, FunctionCallResponse, NegotiateProtocolVersion, NoData,
               NotificationResponse, ParameterDescription, ParameterStatus, ParseComplete, PortalSuspended,
               ReadyForQuery, RowDescription>;

}  // namespace wire
