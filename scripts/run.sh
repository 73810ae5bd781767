#!/usr/bin/env bash
# `make run`: Weir in front of a private PostgreSQL 15, with a query through it and its console on the screen.
# Stays until Ctrl-C and then stops what it started. With DATABASE_URL, pools that server instead.
# RUN_ONCE=1: shows everything, stops everything and exits (for machines).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1
umask 077

url=${DATABASE_URL:-}
weir_pid=
pg_started=false
state=$ROOT/.run

# ---- what stops when we stop
cleanup() {
  trap - EXIT INT TERM HUP
  echo
  if [ -n "$weir_pid" ]; then
    say "stopping Weir (pid $weir_pid)"
    stop_process "$weir_pid" QUIT 10 # at once; TERM would wait for clients to leave
  fi
  if $pg_started; then
    say "stopping PostgreSQL; its data stays in $state/pg"
    as_server_user "$PG_BIN/pg_ctl" stop -D "$state/pg" -m fast -w -t 30 >/dev/null || true
  fi
}
trap cleanup EXIT
trap 'exit ${INTERRUPTED:-130}' INT
trap 'exit 143' TERM HUP

# ---- 1. what is missing, and the binary
groups=(build run)
scripts/setup.sh "${groups[@]}"
scripts/build.sh

# ---- 2. a folder that the unprivileged user can reach
mkdir -p "$state"
if [ "$(id -u)" -eq 0 ]; then
  user=$(server_user)
  chmod 755 "$state"
  if ! as_server_user test -x "$state"; then
    state=/var/tmp/weir-run
    say "the user '$user' cannot enter $ROOT: the private PostgreSQL lives in $state"
    mkdir -p "$state"
    chmod 755 "$state"
  fi
  chown "$user" "$state"
fi
weir=$ROOT/build/weir
if ! as_server_user test -x "$weir"; then
  install -m 755 "$weir" "$state/weir"
  weir=$state/weir
fi
psql=("$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1)

# ---- 3. PostgreSQL, unless somebody brought one
start_postgres() {
  if [ ! -e "$state/pg/PG_VERSION" ]; then
    say "creating a private PostgreSQL 15 in $state/pg (once)"
    as_server_user rm -rf "$state/pg.new"
    as_server_user "$PG_BIN/initdb" -D "$state/pg.new" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
      --no-sync >"$state/initdb.log" 2>&1 || { cat "$state/initdb.log" >&2; die "initdb failed"; }
    as_server_user mv "$state/pg.new" "$state/pg"
  fi
  pg_port=$(free_port "${PG_PORT:-15432}")
  say "starting PostgreSQL 15 on 127.0.0.1:$pg_port as user '$(server_user)'"
  pg_started=true
  as_server_user "$PG_BIN/pg_ctl" start -D "$state/pg" -l "$state/postgres.log" -w -t 60 -o \
    "-c port=$pg_port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$state' -c fsync=off \
     -c max_connections=100 -c password_encryption=scram-sha-256" >/dev/null ||
    { tail -n 20 "$state/postgres.log" >&2; die "PostgreSQL did not start"; }

  local admin=("${psql[@]}" -h 127.0.0.1 -p "$pg_port" -U postgres)
  if [ "$("${admin[@]}" -d postgres -Atc "SELECT 1 FROM pg_database WHERE datname = 'shop'")" != 1 ]; then
    say "filling the sample database 'shop': 1,000 customers, 20,000 orders"
    # Under another name until it is full, so that an interrupted start leaves nothing half done.
    "${admin[@]}" -d postgres -o /dev/null <<'SQL'
SET client_min_messages = warning;
DROP DATABASE IF EXISTS shop_unfinished;
DROP ROLE IF EXISTS demo;
CREATE ROLE demo LOGIN PASSWORD 'demo';
CREATE DATABASE shop_unfinished OWNER demo;
SQL
    "${admin[@]}" -d shop_unfinished -U demo <<'SQL'
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, city text NOT NULL);
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers, placed date NOT NULL,
                     total numeric(10, 2) NOT NULL);
INSERT INTO customers
  SELECT n, 'Customer ' || n, (ARRAY['Lisbon', 'Oslo', 'Kyiv', 'Quito', 'Osaka'])[1 + n % 5]
  FROM generate_series(1, 1000) n;
INSERT INTO orders
  SELECT n, 1 + n * 7919 % 1000, date '2026-01-01' + n % 300, 5 + n * 31 % 20000 / 100.0
  FROM generate_series(1, 20000) n;
CREATE INDEX ON orders (customer);
ANALYZE customers, orders;
SQL
    "${admin[@]}" -d postgres -c "ALTER DATABASE shop_unfinished RENAME TO shop"
  fi
}

# ---- 4. Weir
port=${WEIR_PORT:-6432}
if port_taken "$port"; then
  free=$(free_port "$((port + 1))")
  say "port $port is taken: Weir listens on $free instead"
  port=$free
fi

if [ -z "$url" ]; then
  start_postgres
  cat >"$state/weir.toml" <<EOF_TOML
# Written by make run, each time. packaging/weir.toml is a sample with explanations.
[weir]
listen_addr = "127.0.0.1"
listen_port = $port
unix_socket_dir = ""
pool_mode = "transaction"
auth_type = "scram-sha-256"
admin_users = ["demo"]

[databases.shop]
host = "127.0.0.1"
port = $pg_port

[users.demo]
password = "demo"
EOF_TOML
  [ "$(id -u)" -ne 0 ] || chown "$(server_user)" "$state/weir.toml"
  command=("$weir" --config "$state/weir.toml")
  shown_url="postgres://demo:demo@127.0.0.1:$port/shop"
  query="SELECT c.city, count(*) AS orders, sum(o.total) AS total
         FROM orders o JOIN customers c ON c.id = o.customer GROUP BY c.city ORDER BY c.city"
else
  command=(env "WEIR_LISTEN_PORT=$port" "$weir" "$url")
  # The same user, password and database, at another address.
  rest=${url#*://}
  userinfo=""
  [[ ${rest%%/*} == *@* ]] && userinfo="${rest%%@*}@"
  path=""
  [[ ${rest%%\?*} == */* ]] && path="/$(echo "${rest%%\?*}" | cut -d/ -f2-)"
  shown_url="postgres://${userinfo}127.0.0.1:$port$path"
  query="SELECT current_database() AS database, current_user AS \"user\", split_part(version(), ' ', 2) AS postgres"
fi

say "starting Weir on 127.0.0.1:$port"
: >"$state/weir.log"
if [ "$(id -u)" -eq 0 ]; then
  user=$(server_user)
  chown "$user" "$state/weir.log"
  setsid setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --inh-caps=-all \
    "${command[@]}" >>"$state/weir.log" 2>&1 </dev/null &
else
  setsid "${command[@]}" >>"$state/weir.log" 2>&1 </dev/null &
fi
weir_pid=$!
listening_or_dead() { port_listens "$port" || ! kill -0 "$weir_pid"; }
wait_until 15 "Weir to listen" listening_or_dead || true
if ! kill -0 "$weir_pid" 2>/dev/null; then
  weir_pid=
  tail -n 20 "$state/weir.log" >&2
  die "Weir did not start; the lines above are its log, $state/weir.log"
fi

# ---- 5. a query through it, and its console
export PGCONNECT_TIMEOUT=10 PAGER=cat
say "a query through Weir:"
"${psql[@]}" "$shown_url" -P footer=off -c "$query" || {
  tail -n 20 "$state/weir.log" >&2
  die "the query failed; the lines above are Weir's log"
}
console_url=${shown_url%\?*}
authority=${console_url#*://}
console_url="postgres://${authority%%/*}/weir"
say "its console (psql $console_url), SHOW POOLS:"
"${psql[@]}" -x "$console_url" -c "SHOW POOLS" || complain "the console did not answer"

cat <<EOF_TEXT

Weir is up. Point your application at it:

    DATABASE_URL=$shown_url

    psql $shown_url    a session through the pool
    psql $console_url    the console; try SHOW HELP
    $state/weir.log    what Weir says

EOF_TEXT
if [ -n "${RUN_ONCE:-}" ]; then exit 0; fi
INTERRUPTED=0 # from here on Ctrl-C is the ordinary end
say "Ctrl-C stops it."
wait "$weir_pid" && code=0 || code=$?
weir_pid=
tail -n 20 "$state/weir.log" >&2
die "Weir ended by itself (exit code $code); the lines above are its log"
