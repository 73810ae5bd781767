// Translation: a client's messages as a server has to hear them, and the entries in its ReplyQueue. The
// server is that of the unit tests; its answers come between the measurements, as many at a time as one read
// brings.

#include <string>
#include <string_view>

#include "bench/micro/micro.h"
#include "pooler/translate.h"
#include "tests/unit/pooler/client_messages.h"
#include "tests/unit/pooler/server_fixture.h"

namespace micro {

static constexpr int kBatches = 64;  // before the server answers

struct Scene final : pooler::ServerFixture {
  void TestBody() override {}

  // False: not translated.
  bool one_batch(std::string_view bytes) {
    while (const auto header = wire::peek_frame(bytes)) {
      pooler::Translator translator(*server_, client_.statements, 200, stats_);
      if (translator.message(*header, bytes) != pooler::Translator::Step::kWritten) return false;
      bytes.remove_prefix(header->size);
    }
    return true;
  }
  void answered(const std::string& answer, int times) {
    (void)heard_bytes();
    std::string all;
    for (int i = 0; i < times; ++i) all += answer;
    says(all);
    client_.replies.clear();
    client_.events.clear();
  }
  bool settled() const { return server_->reusable(); }

  pooler::Stats stats_;
};

template <typename Op>
static void translate(benchmark::State& state, Scene& scene, const std::string& bytes,
                      const std::string& answer, Op op) {
  int open = 0;
  for (auto _ : state) {
    if (!op(scene, bytes)) return fail(state, "not translated");
    if (++open == kBatches) {
      state.PauseTiming();
      scene.answered(answer, open);
      open = 0;
      state.ResumeTiming();
    }
  }
  scene.answered(answer, open);
  if (!scene.settled()) fail(state, "something is owed");
}

[[gnu::noipa]] static bool op_bind(Scene& scene, const std::string& bytes) { return scene.one_batch(bytes); }
// Bind of a named statement, Execute, Sync: what a driver sends for a statement that it has prepared.
static void bind(benchmark::State& state) {
  Scene scene;
  const auto answer = pooler::message('2') + pooler::complete("SELECT 1") + pooler::ready();
  scene.one_batch(pooler::parse("s", "SELECT abalance FROM pgbench_accounts WHERE aid = $1") +
                  pooler::sync());
  scene.answered(pooler::message('1') + pooler::ready(), 1);
  const std::string_view rest(
      "\0\0\0\1\0\0\0\4"
      "1234"
      "\0\0",
      14);
  translate(state, scene, pooler::bind_to("s", rest) + pooler::execute() + pooler::sync(), answer, op_bind);
}
const Benchmark kBind("translate: Bind, Execute, Sync", bind);

[[gnu::noipa]] static bool op_query(Scene& scene, const std::string& bytes) { return scene.one_batch(bytes); }
static void query(benchmark::State& state) {
  Scene scene;
  translate(state, scene, pooler::query("SELECT abalance FROM pgbench_accounts WHERE aid = 1234;"),
            pooler::complete("SELECT 1") + pooler::ready(), op_query);
}
const Benchmark kQuery("translate: Query", query);

}  // namespace micro
