#include "analyzer/index_size.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "analyzer/advice_candidates.h"
#include "base/text.h"

namespace analyzer {
namespace {

// Its first pages, which are always there.
constexpr double kFixed = 16384, kPage = 8192;
// Of an expression over no column that is known.
constexpr int kUnknownWidth = 16;

int width_of(const AdviceTable& table, const IndexKey& key) {
  if (const AdviceColumn* const column = table.column(key.text)) return column->width;
  if (!key.expression) return kUnknownWidth;
  int width = 0;
  for (const AdviceColumn& column : table.columns)
    if (key.text.find(base::quote_identifier(column.name)) != std::string::npos) width += column.width;
  return width > 0 ? width : kUnknownWidth;
}

double btree_bytes(const AdviceTable& table, const IndexShape& shape, double rows) {
  constexpr double kFilled = 0.9, kEntryHead = 8, kLinePointer = 4, kDuplicate = 6;
  double width = kEntryHead, distinct = 1;
  for (const IndexKey& key : shape.keys) {
    const AdviceColumn* const column = table.column(key.text);
    width += column != nullptr ? column->width : kUnknownWidth;  // an expression is mostly shorter than what it is made from
    distinct = std::min(rows, distinct * (column != nullptr ? table.distinct(key.text) : rows));
  }
  for (const std::string& name : shape.include) width += width_of(table, key_on(name));
  const double entry = std::ceil(width / 8) * 8 + kLinePointer;
  const bool unlike = distinct >= rows / 2 || !shape.include.empty();
  return (unlike ? rows * entry : distinct * entry + (rows - distinct) * kDuplicate) / kFilled;
}

// Buckets of a page each, in powers of two, and as many rows as PostgreSQL puts into one.
double hash_bytes(double rows) {
  constexpr double kRowsOfBucket = 307;
  return static_cast<double>(std::bit_ceil(static_cast<uint64_t>(std::max(1.0, std::ceil(rows / kRowsOfBucket))))) * kPage;
}

// Of the values themselves; one has many trigrams.
double gin_bytes(const AdviceTable& table, const IndexKey& key, double rows) {
  constexpr double kPart = 0.7, kTrigramPart = 3.5;
  return rows * width_of(table, key) * (key.opclass.ends_with("trgm_ops") ? kTrigramPart : kPart);
}

double brin_bytes(const AdviceTable& table) {
  constexpr double kEntry = 40;
  return static_cast<double>(table.pages) / kBrinPagesPerRange * kEntry;
}

}  // namespace

int64_t estimated_bytes(const AdviceTable& table, const IndexShape& shape, double rows) {
  const double bytes = shape.method == "hash"   ? hash_bytes(rows)
                       : shape.method == "gin"  ? gin_bytes(table, shape.keys.front(), rows)
                       : shape.method == "brin" ? brin_bytes(table)
                                                : btree_bytes(table, shape, rows);
  return static_cast<int64_t>(bytes + kFixed);
}

}  // namespace analyzer
