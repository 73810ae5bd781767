#!/usr/bin/env bash
# [TESTS=ON] build_tests.sh PRESET TARGET...: configures and builds with tests (WEIR_TESTS in CMakeLists.txt). Says nothing unless
# something is wrong.
set -uo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1
preset=$1
shift
mkdir -p build
cmake --preset "$preset" -DWEIR_TESTS="${TESTS:-ON}" >"build/configure-$preset.log" 2>&1 || {
  cat "build/configure-$preset.log"
  exit 1
}
ninja -C "build/$preset" -j"${JOBS:-$(nproc)}" "$@" >"build/build-$preset.log" 2>&1 || {
  grep -v '^\[' "build/build-$preset.log" | tail -n 80
  exit 1
}
