#!/usr/bin/env bash
# `make install` puts everything where a package would want it, under DESTDIR and nowhere else.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
make install DESTDIR="$stage" PREFIX=/usr >/dev/null
for file in usr/bin/weir usr/share/man/man1/weir.1 etc/weir/weir.toml.sample usr/lib/systemd/system/weir.service \
  usr/lib/systemd/system/weir.socket usr/share/doc/weir/LICENSE; do
  [ -e "$stage/$file" ] || die "make install did not install $file"
done
cmp packaging/weir.service "$stage/usr/lib/systemd/system/weir.service"
"$stage/usr/bin/weir" --version
# The sample must be a file that Weir accepts.
"$stage/usr/bin/weir" check "$(find "$stage" -name weir.toml.sample)"
# No folder of the machine that built it in the binary.
if strings -a "$stage/usr/bin/weir" 2>/dev/null | grep -F "$ROOT/"; then die "the binary names the build folder"; fi
