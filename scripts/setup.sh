#!/usr/bin/env bash
# Installs what is missing, from Debian's own packages (and npm for the Node drivers that tests use).
#
#   scripts/setup.sh GROUP...     groups: build run test bench profile sanitize
#
# Says what it installs and for what; when everything is there it does nothing, quickly. Services that a package
# brings (a PostgreSQL cluster, PgBouncer) are neither started now nor at the next boot.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

packages_of() {
  case $1 in
    build) echo "make g++ cmake ninja-build ccache pkg-config libevent-dev libssl-dev libpq-dev libfmt-dev
      libspdlog-dev libtomlplusplus-dev libpam0g-dev libldap-dev libpg-query-dev rapidjson-dev libxxhash-dev
      libsqlite3-dev libcurl4-openssl-dev" ;;
    run) echo "postgresql-15 postgresql-client-15" ;;
    test) echo "libgtest-dev libgmock-dev python3 python3-pytest python3-psycopg2 python3-psycopg python3-asyncpg
      python3-yaml postgresql-15 postgresql-15-hypopg postgresql-contrib pgbouncer prometheus-pgbouncer-exporter prometheus
      python3-prometheus-client openssl strace
      default-jdk-headless libpostgresql-jdbc-java nodejs npm slapd python3-django python3-sqlalchemy
      ruby ruby-pg ruby-activerecord golang-go golang-github-lib-pq-dev golang-github-jackc-pgx-v4-dev
      php-cli php-pgsql libdbd-pg-perl pgbadger" ;;
    bench) echo "python3 gcc strace openssl pgbouncer postgresql-15 libbenchmark-dev libgtest-dev" ;;
    profile) echo "valgrind linux-perf" ;;
    sanitize) echo "clang-16 libclang-rt-16-dev llvm-16" ;;
    *) die "setup.sh: no group '$1' (groups: build run test bench profile sanitize)" ;;
  esac
}

why() {
  case $1 in
    build) echo "compiling Weir" ;;
    run) echo "the PostgreSQL that Weir pools" ;;
    test) echo "unit and integration tests, with real drivers and frameworks" ;;
    bench) echo "measuring against other poolers" ;;
    profile) echo "counting instructions and system calls" ;;
    sanitize) echo "the sanitizers and libFuzzer" ;;
  esac
}

installed() { # every name given is an installed package, or is provided by one
  local out
  out=$(dpkg-query -W -f='${db:Status-Abbrev}\n' "$1" 2>/dev/null) && [[ $out == *ii* ]]
}

# A program that is there without its package (a newer node from elsewhere, say) is good enough.
good_enough() {
  case $1 in
    nodejs) command -v node >/dev/null ;;
    npm) command -v npm >/dev/null ;;
    default-jdk-headless) command -v javac >/dev/null ;;
    pkg-config) command -v pkg-config >/dev/null ;;
    prometheus) command -v promtool >/dev/null ;;
    libgmock-dev) installed libgmock-dev || installed libgtest-dev && [ -e /usr/include/gmock/gmock.h ] ;;
    *) return 1 ;;
  esac
}

missing=()
for group in "$@"; do
  lacks=()
  for package in $(packages_of "$group"); do
    installed "$package" || good_enough "$package" || lacks+=("$package")
  done
  if [ ${#lacks[@]} -gt 0 ]; then
    say "missing for $(why "$group"): ${lacks[*]}"
    missing+=("${lacks[@]}")
  fi
done

if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || die "no apt-get here; install these by hand: ${missing[*]}"
  root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "not root and no sudo; ask an administrator for: apt-get install ${missing[*]}"
    root=(sudo)
    say "apt-get needs root: sudo may ask for your password"
  fi

  # A fresh PostgreSQL package would make and start a cluster of its own on port 5432: nobody here asked for it.
  if ! installed postgresql-common && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    "${root[@]}" mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" |
      "${root[@]}" tee /etc/postgresql-common/createcluster.d/weir.conf >/dev/null
  fi
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
    "${root[@]}" chmod 755 $policy
    # shellcheck disable=SC2064
    trap "${root[*]} rm -f $policy" EXIT
  fi

  say "apt-get update"
  "${root[@]}" apt-get update -qq
  say "apt-get install: ${#missing[@]} packages and what they need"
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Use-Pty=0 "${missing[@]}" | grep -E '^(Setting up|E:|W:)' || true
  for package in "${missing[@]}"; do
    installed "$package" || good_enough "$package" || die "apt-get did not install $package"
    case $package in
      pgbouncer | prometheus | prometheus-pgbouncer-exporter | slapd)
        "${root[@]}" systemctl disable "$package" >/dev/null 2>&1 || true ;;
    esac
  done
fi

for group in "$@"; do
  if [ "$group" = test ] && [ -e "$ROOT/tests/interop/node/package-lock.json" ]; then
    cd "$ROOT/tests/interop/node"
    if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
      say "npm ci: node-postgres, postgres.js and Drizzle, for the driver tests"
      npm ci --no-audit --no-fund --loglevel=error
    fi
    cd "$ROOT"
  fi
done
