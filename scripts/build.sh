#!/usr/bin/env bash
# Builds the release binary and leaves it at build/weir.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1

scripts/setup.sh build
mkdir -p build
exec 9>build/release.lock
flock 9 # two builds at once in one folder would spoil each other
first_time=false
[ -e build/release/build.ninja ] || first_time=true
$first_time && say "building Weir for the first time: a few minutes on two cores"
if $first_time; then
  # Tests need GoogleTest, which `make run` does not; scripts/test.sh turns them on.
  if ! cmake --preset release -DWEIR_TESTS=OFF >build/configure.log 2>&1; then
    cat build/configure.log >&2
    rm -rf build/release
    die "cmake could not configure the build"
  fi
fi
# Ninja says how far it is: [17/120].
ninja -C build/release -j"${JOBS:-$(nproc)}" weir | { grep -v -e '^ninja: Entering' -e '^ninja: no work' -e '^\[0/.*Re-checking' || true; }
if ! cmp -s build/release/weir build/weir; then
  install -m 755 build/release/weir build/weir.new
  mv build/weir.new build/weir # in one step, so that a running Weir keeps the file it has
fi
$first_time && say "built build/weir"
exit 0
