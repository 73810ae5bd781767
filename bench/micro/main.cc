// Micro-benchmarks of what is done for each query. What is counted of an operation is what happens inside of
// its op_* function: callgrind collects there alone (bench/micro.py), so preparations cost nothing.
//
//   weir_micro --benchmark_filter=Bind
//   WEIR_MICRO_ITERATIONS=1000 valgrind --tool=callgrind --toggle-collect='micro::op_*' weir_micro

#include <benchmark/benchmark.h>

#include "bench/micro/micro.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  micro::register_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return micro::failed ? 1 : 0;
}
