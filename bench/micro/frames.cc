// Framing: the header of each message, and whether PostgreSQL would read it.

#include <string>
#include <string_view>

#include "bench/micro/micro.h"
#include "wire/build.h"
#include "wire/frame.h"

namespace micro {

// The five messages of a driver that asks once: Parse, Bind, Describe, Execute, Sync.
static std::string batch() {
  std::string out;
  const std::string_view rest(
      "\0\1\0\0\0\1\0\0\0\4"
      "1234"
      "\0\0",
      16);
  if (!wire::append_parse(out, "", "SELECT abalance FROM pgbench_accounts WHERE aid = $1", {}).ok())
    return {};
  if (!wire::append_bind_header(out, "", "", rest.size()).ok()) return {};
  out.append(rest);
  wire::append_describe_portal(out, "");
  wire::append_execute(out, "");
  wire::append_sync(out);
  return out;
}

[[gnu::noipa]] static std::size_t op_frames(std::string_view bytes) {
  std::size_t readable = 0;
  while (const auto header = wire::peek_frame(bytes)) {
    if (!header->valid()) break;
    readable += wire::is_frontend_type(header->type) &&
                (wire::may_be_large(header->type) || header->size <= wire::kSmallMessageLimit);
    bytes.remove_prefix(header->size);
  }
  return readable;
}

static void frames(benchmark::State& state) {
  const std::string bytes = batch();
  if (op_frames(bytes) != 5) return fail(state, "not five messages");
  for (auto _ : state) {
    std::string_view text = bytes;
    benchmark::DoNotOptimize(text);
    benchmark::DoNotOptimize(op_frames(text));
  }
}
const Benchmark kFrames("framing: five messages", frames);

}  // namespace micro
