#pragma once
// What a SHOW answers: columns and rows, and their bytes on the wire.
//
// A column is its name, its help and its getter; the type clients see follows from what the getter returns:
//   text: strings, base::WallTime   int4: int, bool (0 or 1)   int8: int64_t   numeric: Numeric   bytea: Bytes
//   float8: double   timestamptz: Timestamp (NULL for a moment that never was)
// std::optional makes any of them nullable. bool and interval are only met in what SELECT computes.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "wire/types.h"

namespace admin {

enum class Type { kText, kInt4, kInt8, kNumeric, kBytea, kFloat8, kBool, kTimestamptz, kInterval };
inline constexpr Type kTypes[] = {Type::kText,   Type::kInt4, Type::kInt8,        Type::kNumeric, Type::kBytea,
                                  Type::kFloat8, Type::kBool, Type::kTimestamptz, Type::kInterval};
wire::Oid oid_of(Type type);
std::string_view name_of(Type type);

// A count that SQL sees as numeric.
struct Numeric {
  uint64_t value = 0;
};
struct Bytes {
  std::string value;
};
// A moment that SQL sees as timestamptz.
struct Timestamp {
  base::WallTime value;
};

// The type is the column's; a cell is only its value: of timestamptz the microseconds since 1970, of interval
// microseconds, of bool 0 or 1. monostate is NULL.
using Cell = std::variant<std::monostate, std::string, int64_t, uint64_t, double>;

struct ColumnInfo {
  std::string name;
  std::string help;
  Type type = Type::kText;
};

struct Table {
  std::vector<ColumnInfo> columns;
  std::vector<std::vector<Cell>> rows;
};

// "2026-11-21 03:14:40 UTC"; empty for a moment that never was.
std::string to_text(base::WallTime time);

// The RowDescription of `columns`. `formats`: none for text, one for all, or one each.
void append_description(std::string& out, std::span<const ColumnInfo> columns,
                        std::span<const wire::Format> formats = {});
// One row as a DataRow.
void append_row(std::string& out, std::span<const ColumnInfo> columns, std::span<const Cell> row,
                std::span<const wire::Format> formats = {});

// The text or binary form of one cell; nothing for NULL.
std::optional<std::string> encode_cell(const Cell& cell, Type type, wire::Format format);

template <typename T>
struct CellOf;

template <typename Row>
struct Column {
  template <typename Getter>
  Column(std::string_view name, std::string_view help, Getter getter)
      : info{std::string(name), std::string(help),
             CellOf<std::remove_cvref_t<std::invoke_result_t<Getter, const Row&>>>::kType},
        cell([getter](const Row& row) {
          using Value = std::remove_cvref_t<std::invoke_result_t<Getter, const Row&>>;
          return CellOf<Value>::cell(std::invoke(getter, row));
        }) {}

  ColumnInfo info;
  std::function<Cell(const Row&)> cell;
};
template <typename Row>
using Columns = std::vector<Column<Row>>;

template <typename Row>
std::vector<ColumnInfo> infos(const Columns<Row>& columns) {
  std::vector<ColumnInfo> list;
  list.reserve(columns.size());
  for (const Column<Row>& column : columns) list.push_back(column.info);
  return list;
}

// Rows that are read while a SELECT runs, because all of them would be too many: one after the other.
class RowCursor {
 public:
  virtual ~RowCursor() = default;
  virtual base::Result<bool> next() = 0;  // false: that was all
  virtual Cell cell(std::size_t column) const = 0;
};

// What a row has to be like: its column is less, or greater, than the value, or the same.
struct Bound {
  enum class Kind { kSame, kLess, kGreater };  // the latter two may let the value itself pass
  std::size_t column = 0;
  Kind kind = Kind::kSame;
  int64_t value = 0;
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  // Bounds on this column save reading.
  virtual bool narrows(std::size_t column) const = 0;
  // On a thread that may wait. Rows beyond the bounds may come all the same.
  virtual base::Result<std::unique_ptr<RowCursor>> open(std::span<const Bound> bounds) const = 0;
};

// Rows as they were at one moment, whose cells are made when they are asked for. Immutable; any thread.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  // Where SELECT reads instead, if there is one.
  virtual const RowSource* source() const { return nullptr; }
  virtual std::size_t rows() const = 0;
  virtual Cell cell(std::size_t row, std::size_t column) const = 0;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

template <typename Row>
class RowSnapshot final : public Snapshot {
 public:
  RowSnapshot(std::shared_ptr<const Columns<Row>> columns, std::vector<Row> rows)
      : columns_(std::move(columns)), rows_(std::move(rows)) {}
  std::size_t rows() const override { return rows_.size(); }
  Cell cell(std::size_t row, std::size_t column) const override { return (*columns_)[column].cell(rows_[row]); }

 private:
  std::shared_ptr<const Columns<Row>> columns_;
  std::vector<Row> rows_;
};

Table to_table(const std::vector<ColumnInfo>& columns, const Snapshot& snapshot);

template <>
struct CellOf<std::string> {
  static constexpr Type kType = Type::kText;
  static Cell cell(std::string text) { return Cell(std::move(text)); }
};
template <>
struct CellOf<std::string_view> {
  static constexpr Type kType = Type::kText;
  static Cell cell(std::string_view text) { return Cell(std::string(text)); }
};
template <>
struct CellOf<base::WallTime> {
  static constexpr Type kType = Type::kText;
  static Cell cell(base::WallTime time) { return Cell(to_text(time)); }
};
template <>
struct CellOf<int> {
  static constexpr Type kType = Type::kInt4;
  static Cell cell(int number) { return Cell(int64_t{number}); }
};
template <>
struct CellOf<bool> {
  static constexpr Type kType = Type::kInt4;
  static Cell cell(bool set) { return Cell(int64_t{set ? 1 : 0}); }
};
template <>
struct CellOf<int64_t> {
  static constexpr Type kType = Type::kInt8;
  static Cell cell(int64_t number) { return Cell(number); }
};
template <>
struct CellOf<Numeric> {
  static constexpr Type kType = Type::kNumeric;
  static Cell cell(Numeric number) { return Cell(number.value); }
};
template <>
struct CellOf<Bytes> {
  static constexpr Type kType = Type::kBytea;
  static Cell cell(Bytes bytes) { return Cell(std::move(bytes.value)); }
};
template <>
struct CellOf<double> {
  static constexpr Type kType = Type::kFloat8;
  static Cell cell(double number) { return Cell(number); }
};
template <>
struct CellOf<Timestamp> {
  static constexpr Type kType = Type::kTimestamptz;
  static Cell cell(Timestamp time) {
    return time.value == base::WallTime{} ? Cell() : Cell(int64_t{time.value.time_since_epoch().count()});
  }
};
template <typename T>
struct CellOf<std::optional<T>> {
  static constexpr Type kType = CellOf<T>::kType;
  static Cell cell(std::optional<T> value) { return value ? CellOf<T>::cell(*std::move(value)) : Cell(); }
};

}  // namespace admin
