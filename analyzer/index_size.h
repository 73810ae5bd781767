#pragma once
// How large an index will be. HypoPG's own figure knows nothing of deduplication, and GIN not at all. Pure.

#include <cstdint>

#include "analyzer/advice_catalog.h"
#include "analyzer/index_shape.h"

namespace analyzer {

// Bytes that it will take, for so many rows.
int64_t estimated_bytes(const AdviceTable& table, const IndexShape& shape, double rows);

}  // namespace analyzer
