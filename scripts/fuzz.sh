#!/usr/bin/env bash
# `make fuzz`: libFuzzer on everything that reads bytes from others.
#
#   FUZZ_RUNS=10000000      inputs per target (default), or FUZZ_SECONDS=60
#   FUZZ_TARGETS="config"   some of them
# New inputs are kept in build/fuzz/corpus/TARGET; the seeds in tests/fuzz/corpus/TARGET are only read.
# A crash is left in build/fuzz/found, and its input is printed.
set -uo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1
scripts/setup.sh build sanitize || exit 1

if [ -n "${FUZZ_TARGETS:-}" ]; then
  read -ra targets <<<"$FUZZ_TARGETS"
else
  mapfile -t targets < <(find tests/fuzz -maxdepth 1 -name '*_fuzz.cc' -printf '%f\n' | sed 's/_fuzz\.cc$//' | sort)
fi
[ ${#targets[@]} -gt 0 ] || die "no fuzz target"
say "building the fuzz targets with clang"
TESTS=OFF scripts/build_tests.sh fuzz "${targets[@]/%/_fuzz}" || exit 1

limit=(-runs="${FUZZ_RUNS:-10000000}")
[ -n "${FUZZ_SECONDS:-}" ] && limit=(-max_total_time="$FUZZ_SECONDS")
failed=0
mkdir -p build/fuzz/found

run_one() {
  local target=$1
  mkdir -p "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target"
  local dictionary=()
  [ -e "tests/fuzz/$target.dict" ] && dictionary=(-dict="tests/fuzz/$target.dict")
  # The timeout is by the clock on the wall, also where others have the processors.
  # Weighing inputs by how rare their paths are (-entropic) took a third to a half of the time of these short runs.
  "build/fuzz/${target}_fuzz" -entropic=0 "${limit[@]}" "${dictionary[@]}" -print_final_stats=1 -timeout=60 -rss_limit_mb=2048 \
    -max_len=16384 -artifact_prefix="build/fuzz/found/$target-" "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target" \
    >"build/fuzz/$target.log" 2>&1
}

# As many at a time as there are processors.
declare -A running=()
finish() {
  local target=$1 code=0 outcome="" runs
  wait "${running[$target]}" || code=$?
  unset "running[$target]"
  runs=$(grep -oP 'stat::number_of_executed_units: *\K\d+' "build/fuzz/$target.log" || echo 0)
  if [ "$code" -eq 0 ]; then
    say "$target: $runs inputs, nothing found"
  else
    failed=$((failed + 1))
    say "$target: FAILED (exit code $code) after $runs inputs"
    tail -n 40 "build/fuzz/$target.log"
    outcome="<failure message=\"see build/fuzz/$target.log\"/>"
  fi
  if [ -n "${FUZZ_RESULTS:-}" ]; then
    echo "<testsuite name=\"fuzz\"><testcase classname=\"fuzz\" name=\"$target\">$outcome</testcase></testsuite>" \
      >"$FUZZ_RESULTS/fuzz-$target.xml"
  fi
}
for target in "${targets[@]}"; do
  if [ ${#running[@]} -ge "${JOBS:-$(nproc)}" ]; then
    for oldest in "${targets[@]}"; do
      [ -n "${running[$oldest]:-}" ] && break
    done
    finish "$oldest"
  fi
  run_one "$target" &
  running[$target]=$!
done
for target in "${targets[@]}"; do
  [ -n "${running[$target]:-}" ] && finish "$target"
done
[ "$failed" -eq 0 ]
