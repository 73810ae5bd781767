#!/usr/bin/env bash
# The scripts themselves: they parse, and shellcheck (where it is installed) has nothing to say.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1
for script in scripts/*.sh .ci/run; do
  [ -e "$script" ] || continue
  bash -n "$script"
done
if command -v shellcheck >/dev/null; then
  shellcheck -x -S warning -e SC2034 scripts/*.sh .ci/run
fi
