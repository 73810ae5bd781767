# shellcheck shell=bash
# What the scripts share: saying what happens, becoming an unprivileged user, free ports.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_BIN=${PG_BIN:-/usr/lib/postgresql/15/bin}

say() { printf '%s %s\n' "==>" "$*"; }
complain() { printf '%s\n' "$*" >&2; }
die() {
  complain "error: $*"
  exit 1
}

# PostgreSQL refuses to run as root, so root's servers belong to an unprivileged user.
server_user() {
  if [ "$(id -u)" -ne 0 ]; then
    id -un
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

# as_server_user COMMAND...: runs it as the user above, in that process (no child that outlives a kill).
as_server_user() {
  if [ "$(id -u)" -ne 0 ]; then
    "$@"
  else
    local user
    user=$(server_user)
    setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --inh-caps=-all env --chdir=/ HOME=/ "$@"
  fi
}

# Is anything listening there? Loopback only.
port_listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Can nobody listen there now? Another listener has it, or a connection as its own end, even one that is over. Asked of
# the kernel itself, by perl, which every Debian has.
port_taken() {
  ! perl -MSocket -e '
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
    setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1) or die "setsockopt: $!";
    exit !(bind($socket, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) && listen($socket, 1));' "$1"
}

# free_port FROM: the first port from FROM on that nobody has.
free_port() {
  local port=$1
  while port_taken "$port"; do
    port=$((port + 1))
    [ "$port" -lt 65536 ] || die "no free port from $1 on"
  done
  echo "$port"
}

# wait_until SECONDS WHAT COMMAND...: tries the command until it succeeds; fails loudly at the deadline.
wait_until() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      complain "gave up waiting for $what"
      return 1
    fi
    sleep 0.05
  done
}

# stop_process PID SIGNAL SECONDS: asks it to end, and insists after the deadline.
stop_process() {
  local pid=$1 signal=$2 deadline=$((SECONDS + $3))
  kill -"$signal" "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      complain "process $pid did not end on SIG$signal; killing it"
      kill -KILL "$pid" 2>/dev/null || true
      return 0
    fi
    sleep 0.05
  done
}
