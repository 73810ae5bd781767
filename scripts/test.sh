#!/usr/bin/env bash
# `make test`: everything, from nothing. The last line is "N passed, M failed", and the exit code says the same.
#
#   ONLY="unit integration" scripts/test.sh     some steps only
# Steps: house unit integration asan tsan fuzz bench. Each leaves build/test-results/STEP.xml, or STEP.failed when it
# could not run at all.
set -uo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1
export JOBS=${JOBS:-$(nproc)}
export ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-16/bin/llvm-symbolizer TSAN_SYMBOLIZER_PATH=/usr/lib/llvm-16/bin/llvm-symbolizer
ONLY=${ONLY:-house unit integration asan tsan fuzz bench}
PYTEST="/usr/bin/python3 -m pytest"
results=build/test-results
rm -rf $results
mkdir -p $results

step() { # step NAME "what it does" FUNCTION
  case " $ONLY " in *" $1 "*) ;; *) return ;; esac
  local from=$SECONDS
  say "$1: $2"
  if ! "$3" && ! compgen -G "$results/$1*.xml" >/dev/null; then
    echo "it could not run; its output is above" >"$results/$1.failed"
  fi
  say "$1: $((SECONDS - from)) s"
}

# Counts a command as one test of a step.
as_test() { # as_test STEP NAME COMMAND...
  local file=$results/$1-$2.xml log=$results/$1-$2.log
  local head="<testsuite name=\"$1\"><testcase classname=\"$1\" name=\"$2\""
  if "${@:3}" >"$log" 2>&1; then
    echo "$head/></testsuite>" >"$file"
  else
    echo "$head><failure message=\"see $log\"/></testcase></testsuite>" >"$file"
    tail -n 40 "$log"
    return 1
  fi
}

unit() { # unit PRESET RESULT: an unhappy test leaves its output in the log
  ctest --test-dir "build/$1" -j"$JOBS" --output-on-failure --output-junit "$ROOT/$results/$2.xml" \
    >"$results/$2.log" 2>&1 || {
    grep -A 30 -E '\*\*\*Failed|\*\*\*Timeout|\*\*\*Exception' "$results/$2.log" | tail -n 120
    return 1
  }
}

# The sanitizers' start costs more than most tests do: here each program runs all of its tests in one process, the
# longest in two parts.
unit_at_once() { # unit_at_once PRESET RESULT [PREFIX...]
  local preset=$1 result=$2 program parts=()
  shift 2
  for program in "build/$preset"/*_test; do
    case $program in
      */pooler_test) parts=("$program 2 0" "$program 2 1" "${parts[@]}") ;;
      *) parts+=("$program 1 0") ;;
    esac
  done
  # shellcheck disable=SC2016 # for the inner shell
  printf '%s\n' "${parts[@]}" | xargs -P "$JOBS" -L 1 bash -c '
    out=$0 program=${*: -3:1} GTEST_TOTAL_SHARDS=${*: -2:1} GTEST_SHARD_INDEX=${*: -1}
    export GTEST_TOTAL_SHARDS GTEST_SHARD_INDEX
    out+=-$(basename "$program" _test)-$GTEST_SHARD_INDEX
    cd "$(dirname "$program")" || exit 1
    timeout 900 "${@:1:$#-3}" "./$(basename "$program")" --gtest_output="xml:$out.xml" >"$out.log" 2>&1 && exit
    code=$?
    [ -s "$out.xml" ] || echo "ended with code $code; see $out.log" >"$out.failed"
    grep -A 30 -E "^\[  FAILED|ERROR: |WARNING: ThreadSanitizer|runtime error" "$out.log" | head -n 120
    exit 1' "$ROOT/$results/$result" "$@"
}

integration() { # integration RESULT PYTEST-ARGUMENTS...
  $PYTEST tests/integration "${@:2}" --junit-xml="$results/$1.xml" -o junit_suite_name="$1" --tb=short
}

house() {
  as_test house shellcheck scripts/lint.sh
}

# Unit tests are run with sanitizers; here those that these cannot run.
unit_step() {
  scripts/build.sh && TESTS=UNSANITIZED scripts/build_tests.sh release all headers && unit release unit
}

# The integration tests mostly wait, and the builds that the next steps need do not: they go on meanwhile, giving way to
# whatever else wants a core. Their own steps build again, which finds nothing to do, or says what is wrong.
ahead=
builds_ahead() {
  local preset presets=""
  for preset in asan tsan fuzz; do
    case " $ONLY " in *" $preset "*) presets+=" $preset" ;; esac
  done
  # A session of its own: to be ended as a whole, and because that is what Linux shares the processors between.
  # shellcheck disable=SC2016 # for the inner shell
  setsid bash -c 'echo 19 >/proc/self/autogroup
    for preset in $0; do
      what=all
      [ "$preset" != fuzz ] || export what=fuzzers TESTS=OFF
      nice -n 19 scripts/build_tests.sh "$preset" "$what"
      touch "$1/ahead-$preset"
    done' "$presets" "$results" >/dev/null 2>&1 &
  ahead=$!
}
trap '[ -z "$ahead" ] || kill -- "-$ahead" 2>/dev/null' EXIT
trap 'exit 130' INT TERM

# build_after_that_ahead PRESET TARGET...: two builds in one folder would not do, so the one ahead ends first, and need not
# give way until then.
build_after_that_ahead() {
  if [ -n "$ahead" ]; then
    { echo 0 >"/proc/$ahead/autogroup"; } 2>/dev/null
    while [ ! -e "$results/ahead-$1" ] && kill -0 "$ahead" 2>/dev/null; do sleep 1; done
    { echo 19 >"/proc/$ahead/autogroup"; } 2>/dev/null
  fi
  scripts/build_tests.sh "$@"
}

integration_step() {
  scripts/build.sh || return 1
  builds_ahead
  as_test integration install scripts/check_install.sh
  integration integration
}

# sanitized PRESET [PREFIX...]: unit tests and the short integration run beside each other, since both mostly wait.
sanitized() {
  build_after_that_ahead "$1" all || return 1
  unit_at_once "$1" "$1-unit" "${@:2}" &
  local units=$! outcome=0
  WEIR=$ROOT/build/$1/weir PYTEST="${*:2} $PYTEST" integration "$1-integration" -m short || outcome=1
  wait "$units" || outcome=1
  return "$outcome"
}

asan_step() { sanitized asan; }

tsan_step() {
  # The address space layout of newer kernels is too random for its runtime.
  setarch "$(uname -m)" -R true 2>/dev/null && local calm=(setarch "$(uname -m)" -R)
  sanitized tsan "${calm[@]}"
}

fuzz_step() {
  TESTS=OFF build_after_that_ahead fuzz fuzzers || return 1
  FUZZ_SECONDS=10 FUZZ_RESULTS=$results scripts/fuzz.sh
}

# The micro-benchmarks for a moment each: do they build and run?
micro_step() {
  cmake --preset release -DWEIR_BENCH=ON && ninja -C build/release -j"$JOBS" weir_micro &&
    build/release/weir_micro --benchmark_min_time=0.001
}

bench_step() {
  as_test bench short /usr/bin/python3 bench/run.py --short
  as_test bench smoke /usr/bin/python3 bench/load.py smoke
  as_test bench workloads /usr/bin/python3 bench/advice_workloads.py --short
  as_test bench micro micro_step
}

say "setup"
groups=(build run test bench)
case " $ONLY " in *" asan "* | *" tsan "* | *" fuzz "*) groups+=(sanitize) ;; esac
scripts/setup.sh "${groups[@]}" || echo "packages are missing" >$results/setup.failed

step house "the scripts themselves" house
step unit "release build, unit tests that sanitizers cannot run" unit_step
step integration "the real binary against real servers" integration_step
step asan "address and undefined-behaviour sanitizers: unit tests, short integration run" asan_step
step tsan "thread sanitizer: unit tests, short integration run" tsan_step
step fuzz "ten seconds of each fuzz target" fuzz_step
step bench "short forms of make bench and make load" bench_step

say "results"
/usr/bin/python3 scripts/tally.py $results
