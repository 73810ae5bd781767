#pragma once
// How a benchmark of this folder is declared:
//
//   [[gnu::noipa]] void op_frames(std::string_view batch) { ... }
//   void frames(benchmark::State& state) { for (auto _ : state) op_frames(batch); }
//   const micro::Benchmark kFrames("frames of a batch", frames);

#include <benchmark/benchmark.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace micro {

struct Declared {
  std::string name;
  void (*run)(benchmark::State&);
};
inline std::vector<Declared>& declared() {
  static std::vector<Declared> all;
  return all;
}

struct Benchmark {
  Benchmark(std::string name, void (*run)(benchmark::State&)) {
    declared().push_back({std::move(name), run});
  }
};

// A benchmark that does not do what it says; then the program's exit code is 1.
inline bool failed = false;
inline void fail(benchmark::State& state, const char* why) {
  failed = true;
  state.SkipWithError(why);
}

// With WEIR_MICRO_ITERATIONS each runs so often and no more: what counts instructions needs to know how
// often.
inline void register_all() {
  const char* const wanted = std::getenv("WEIR_MICRO_ITERATIONS");
  const std::string_view text = wanted == nullptr ? "" : wanted;
  int64_t iterations = 0;
  std::from_chars(text.data(), text.data() + text.size(), iterations);
  for (const Declared& one : declared()) {
    auto* const registered = benchmark::RegisterBenchmark(one.name.c_str(), one.run);
    if (iterations > 0) registered->Iterations(iterations);
  }
}

}  // namespace micro
