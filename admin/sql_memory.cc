#include "admin/sql_memory.h"

#include <sqlite3.h>

#include <utility>

namespace admin {

namespace {

// Between two looks at the clock. Reading it takes as long as some ten allocations.
constexpr unsigned kAllocationsBetweenLooks = 64;

thread_local SqlBudget* current = nullptr;
sqlite3_mem_methods plain;

void* take(int size) {
  SqlBudget* budget = current;
  if (budget != nullptr && !budget->may_take(size)) return nullptr;
  void* memory = plain.xMalloc(size);
  if (budget != nullptr && memory != nullptr) budget->took(plain.xSize(memory));
  return memory;
}

void give_back(void* memory) {
  if (current != nullptr && memory != nullptr) current->took(-int64_t{plain.xSize(memory)});
  plain.xFree(memory);
}

void* resize(void* memory, int size) {
  SqlBudget* budget = current;
  if (budget == nullptr) return plain.xRealloc(memory, size);
  const int64_t before = plain.xSize(memory);
  if (!budget->may_take(size - before)) return nullptr;
  void* moved = plain.xRealloc(memory, size);
  if (moved != nullptr) budget->took(plain.xSize(moved) - before);
  return moved;
}

bool install() {
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain) != SQLITE_OK) return false;
  sqlite3_mem_methods limited = plain;
  limited.xMalloc = take;
  limited.xFree = give_back;
  limited.xRealloc = resize;
  return sqlite3_config(SQLITE_CONFIG_MALLOC, &limited) == SQLITE_OK && sqlite3_initialize() == SQLITE_OK;
}

}  // namespace

bool SqlBudget::go_on() {
  late_ = late_ || base::now() >= deadline_;
  return !late_ && !stop_.load(std::memory_order_relaxed);
}

bool SqlBudget::may_take(int64_t bytes) {
  if (bytes > bytes_left_) spent_ = true;
  if (++allocations_ % kAllocationsBetweenLooks == 0) go_on();
  return !spent_ && !late_ && !stop_.load(std::memory_order_relaxed);
}

SqlBudget::Here::Here(SqlBudget& budget) { current = &budget; }
SqlBudget::Here::~Here() { current = nullptr; }
SqlBudget::Outside::Outside() : interrupted_(std::exchange(current, nullptr)) {}
SqlBudget::Outside::~Outside() { current = interrupted_; }

bool prepare_sql_memory() {
  static const bool done = install();
  return done;
}

}  // namespace admin
