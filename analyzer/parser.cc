#include "analyzer/parser.h"

#include <pg_query.h>
#include <pthread.h>

#include <cstdlib>
#include <memory>


// libpg_query's own steps, which its library exports but no header that could be included here declares: with them one
// parse gives both the tree and the fingerprint. The names and types are those of 15-4.0.0, libpg_query.so.1504; the
// unit test holds them against the public functions.
static_assert(PG_VERSION_NUM / 10000 == 15, "look at the declarations below again");
extern "C" {
struct PgQueryInternalParsetreeAndError {
  void* tree;
  char* stderr_buffer;
  PgQueryError* error;
};
PgQueryInternalParsetreeAndError pg_query_raw_parse(const char* input);
uint64_t pg_query_fingerprint_node(const void* node);
char* pg_query_nodes_to_json(const void* nodes);
void pg_query_free_error(PgQueryError* error);
void* pg_query_enter_memory_context(void);
void pg_query_exit_memory_context(void* context);
}

namespace analyzer {

namespace {

// libpg_query's memory for one call: everything it allocates inside, but for errors.
class MemoryContext {
 public:
  MemoryContext() : context_(pg_query_enter_memory_context()) {}
  ~MemoryContext() { pg_query_exit_memory_context(context_); }
  MemoryContext(const MemoryContext&) = delete;
  MemoryContext& operator=(const MemoryContext&) = delete;

 private:
  void* context_;
};

}  // namespace

void parse(std::string_view sql, const Skeleton& skeleton, const ParseLimits& limits, Parse& out) {
  out.outcome = Parse::Outcome::kTooLong;
  out.fingerprint = 0;
  out.error.clear();
  if (sql.size() > limits.bytes_max || skeleton.tokens() > limits.tokens_max || !enough_stack()) return;
  if (skeleton.looked_at_again() / kLookedAtAgainMax > sql.size() + 64) return;
  out.outcome = Parse::Outcome::kRefused;
  if (sql.find('\0') != std::string_view::npos) return;  // it would be read up to there

  const std::string text(sql);  // ends in a byte 0
  std::string json;
  {
    const MemoryContext memory;
    const PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(text.c_str());
    const std::unique_ptr<char, decltype(&std::free)> said(parsed.stderr_buffer, &std::free);
    const std::unique_ptr<PgQueryError, decltype(&pg_query_free_error)> error(parsed.error, &pg_query_free_error);
    if (error != nullptr) {
      if (error->message != nullptr) out.error = error->message;
      return;
    }
    out.fingerprint = pg_query_fingerprint_node(parsed.tree);
    json = pg_query_nodes_to_json(parsed.tree);
  }
  if (out.tree.read(std::move(json))) out.outcome = Parse::Outcome::kParsed;
}

bool enough_stack() {
  thread_local const std::size_t lowest = [] {
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return SIZE_MAX;
    void* low = nullptr;
    std::size_t size = 0;
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    return reinterpret_cast<std::size_t>(low);
  }();
  return reinterpret_cast<std::size_t>(__builtin_frame_address(0)) >= kStackNeeded + lowest && lowest != SIZE_MAX;
}

}  // namespace analyzer
