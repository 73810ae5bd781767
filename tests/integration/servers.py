"""The processes that integration tests start: PostgreSQL, a replica of it, Weir, and PgBouncer as its twin.

Each is stopped by its own pid, and each has a folder of its own for data, sockets and logs.
"""

import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

from rawpg import Closed, Late, Raw

ROOT = pathlib.Path(__file__).resolve().parents[2]
PG_BIN = pathlib.Path(os.environ.get("PG_BIN", "/usr/lib/postgresql/15/bin"))
START_SECONDS = 30.0

# What a sanitizer, an assertion or the C library writes when a bug was hit.
BUG_REPORTS = re.compile(
    r"ERROR: (Address|Leak|Thread|Memory)Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed|"
    r"assertion failed|\*\*\* (stack smashing|buffer overflow) detected|terminate called|free\(\): invalid")

USERS = {  # name: (password, how PostgreSQL keeps it)
    "alice": ("alice-pw", "scram"),
    "bob": ("bob-pw", "scram"),
    "md5er": ("md5er-pw", "md5"),
}


def wait_for(condition, what, seconds=10.0, pause=0.02):
    """The condition's first true value; an AssertionError at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Late(f"waited {seconds} s in vain for {what}")
        time.sleep(pause)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def unprivileged():
    """PostgreSQL refuses to run as root: root's servers belong to `postgres` or `nobody`."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def give_away(path):
    who = unprivileged()
    if who:
        os.chown(path, who["user"], who["group"])


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          text=True, cwd="/", **options)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}"
    return done.stdout


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Certificates:
    """A certificate authority with a server's and a client's certificate, made with openssl once per run."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        folder.chmod(0o755)
        self.ca, self.server, self.server_key = folder / "ca.crt", folder / "server.crt", folder / "server.key"
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        run("openssl", "req", "-x509", *ec, "-keyout", folder / "ca.key", "-out", self.ca, "-days", "2", "-subj", "/CN=test authority")
        self.issue("server", "localhost", "DNS:localhost,IP:127.0.0.1")
        self.client("alice")

    def issue(self, name, common_name, alternatives=""):
        f, ec = self.folder, ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        run("openssl", "req", *ec, "-keyout", f / f"{name}.key", "-out", f / f"{name}.csr", "-subj", f"/CN={common_name}")
        extra = []
        if alternatives:
            (f / f"{name}.ext").write_text(f"subjectAltName={alternatives}\n")
            extra = ["-extfile", f / f"{name}.ext"]
        run("openssl", "x509", "-req", "-in", f / f"{name}.csr", "-CA", self.ca, "-CAkey", f / "ca.key", "-CAcreateserial",
            "-days", "2", "-out", f / f"{name}.crt", *extra)
        (f / f"{name}.key").chmod(0o600)
        give_away(f / f"{name}.key")
        return f / f"{name}.crt", f / f"{name}.key"

    def client(self, user):
        return self.issue(f"client-{user}", user)


class Postgres:
    """A PostgreSQL 15 with the users of USERS and the databases app (alice's) and other (bob's)."""

    def __init__(self, folder, certificates=None, settings=None):
        self.folder, self.host, self.port = folder, "127.0.0.1", free_port()
        self.data, self.socket_dir, self.logfile = folder / "data", folder, folder / "postgres.log"
        folder.mkdir()
        folder.chmod(0o755)
        give_away(folder)
        self.settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off",
            "full_page_writes": "off", "max_connections": 300, "shared_buffers": "64MB", "wal_level": "logical",
            "max_wal_senders": 10, "max_replication_slots": 10, "deadlock_timeout": "200ms", "log_line_prefix": "%m [%p] ",
            "password_encryption": "scram-sha-256", "autovacuum": "off", "wal_sender_timeout": "10s"} | (settings or {})
        self.certificates = certificates

    def create(self):
        run(PG_BIN / "initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
            "--no-sync", **unprivileged())
        hba = [
            "local all all trust",
            "host replication postgres 127.0.0.1/32 trust",
            "host all postgres 127.0.0.1/32 trust",
            "host all trusty 127.0.0.1/32 trust",
            "host all md5er 127.0.0.1/32 md5",
            "host all plain 127.0.0.1/32 password",
            "host all all 127.0.0.1/32 scram-sha-256",
        ]
        (self.data / "pg_hba.conf").write_text("\n".join(hba) + "\n")
        self._use_certificates()
        self.start()
        for name, (secret, kept) in USERS.items():
            self.sql(f"SET password_encryption = '{'md5' if kept == 'md5' else 'scram-sha-256'}'; "
                     f"CREATE ROLE {name} LOGIN PASSWORD '{secret}' {'SUPERUSER' if name == 'bob' else ''}")
        self.sql("CREATE ROLE trusty LOGIN; CREATE ROLE plain LOGIN PASSWORD 'plain-pw'")
        for name, owner in (("app", "alice"), ("other", "bob")):
            self.sql(f"CREATE DATABASE {name} OWNER {owner}")
            self.sql("GRANT ALL ON SCHEMA public TO PUBLIC", database=name)
        return self

    def _use_certificates(self):
        if self.certificates is None:
            return
        for name in ("server.crt", "server.key"):
            shutil.copy(self.certificates.folder / name, self.data / name)
            (self.data / name).chmod(0o600)
            give_away(self.data / name)
        shutil.copy(self.certificates.ca, self.data / "ca.crt")
        give_away(self.data / "ca.crt")
        self.settings |= {"ssl": "on", "ssl_ca_file": "ca.crt"}

    def replica(self, folder):
        """A streaming replica of this server, running."""
        other = Postgres(folder, settings={k: v for k, v in self.settings.items() if k not in ("port", "unix_socket_directories")})
        run(PG_BIN / "pg_basebackup", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-D", other.data, "-R",
            "--checkpoint=fast", "--no-sync", **unprivileged())
        return other.start()

    def start(self):
        text = "".join(f"{k} = '{v}'\n" for k, v in self.settings.items())
        (self.data / "weir.conf").write_text(text)
        give_away(self.data / "weir.conf")
        conf = self.data / "postgresql.conf"
        if "weir.conf" not in conf.read_text():
            with conf.open("a") as out:
                out.write("include 'weir.conf'\n")
        run(PG_BIN / "pg_ctl", "start", "-D", self.data, "-l", self.logfile, "-w", "-t", "60", **unprivileged())
        return self

    def stop(self, mode="fast"):
        if self.running():
            run(PG_BIN / "pg_ctl", "stop", "-D", self.data, "-m", mode, "-w", "-t", "60", **unprivileged())

    def kill(self):
        """As the kernel does when memory runs out: the postmaster, without a word."""
        os.kill(self.pid, signal.SIGKILL)
        wait_for(lambda: not listens(self.port), "PostgreSQL to be gone")

    def running(self):
        return (self.data / "postmaster.pid").exists()

    @property
    def pid(self):
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def connect(self, user="postgres", secret="", database="postgres", **params):
        return Raw.connect(self.port).login(user, secret or USERS.get(user, ("",))[0], database, **params)

    def sql(self, text, database="postgres", user="postgres"):
        """Runs statements around any pooler; rows of text of the last that has some."""
        with self.connect(user, database=database) as c:
            reply = c.ask(text)
            bad = [m for m in reply if m.type == "E"]
            assert not bad, bad[0].fields
            return [[None if v is None else v.decode() for v in m.row] for m in reply if m.type == "D"]

    def until_asleep(self):
        """Until somebody's pg_sleep has begun: what is sent to end it before has nothing to end."""
        wait_for(lambda: self.sql("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), "pg_sleep to begin")

    def log(self):
        return self.logfile.read_text(errors="replace")


def toml(value):
    """A Python value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return json.dumps(str(value))  # TOML's basic strings are JSON's


def toml_document(sections):
    """{"weir": {...}, "databases": {"app": {...}}} as a file; keys quoted where they must be."""
    out = []

    def key(name):
        return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)

    def table(path, values):
        plain = {k: v for k, v in values.items() if not isinstance(v, dict)}
        if plain or not values:
            out.append("[" + ".".join(key(p) for p in path) + "]")
            out.extend(f"{key(k)} = {toml(v)}" for k, v in plain.items())
            out.append("")
        for k, v in values.items():
            if isinstance(v, dict):
                table(path + [k], v)

    for name, values in sections.items():
        table([name], values)
    return "\n".join(out)


class Pooler:
    """What Weir and its twin have in common: a process with a port, a log and a console."""
    console_database = "weir"
    stop_signal = signal.SIGQUIT  # at once, without waiting for clients

    def __init__(self, folder, sections):
        self.folder, self.sections = folder, sections
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        give_away(folder)
        self.host, self.port = "127.0.0.1", sections["weir"].setdefault("listen_port", free_port())
        self.logfile, self.process = folder / "log", None

    def command(self):
        raise NotImplementedError

    def write(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def start(self, wait=True):
        self.write()
        with self.logfile.open("ab") as log:
            self.process = subprocess.Popen(
                [str(c) for c in self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env=dict(os.environ) | self.environment(), start_new_session=True, **unprivileged())
        if wait:
            wait_for(lambda: listens(self.port) or self.process.poll() is not None, "the pooler to listen", START_SECONDS)
            assert self.process.poll() is None, f"the pooler ended with {self.process.returncode}:\n{self.log()}"
        return self

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def send_signal(self, number):
        os.kill(self.pid, number)

    def stop(self, number=None, seconds=20):
        """Ends it; the exit code. A process that does not end is killed and fails the test."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.send_signal(number or self.stop_signal)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Late(f"the pooler was still there {seconds} s after being asked to end")
        return self.process.returncode

    def rewrite(self, **sections):
        """Merges sections into the settings and writes the file; RELOAD or SIGHUP is the caller's."""
        for name, values in sections.items():
            for k, v in values.items():
                if isinstance(v, dict):
                    self.sections.setdefault(name, {}).setdefault(k, {}).update(v)
                else:
                    self.sections.setdefault(name, {})[k] = v
        self.write()

    def log(self):
        return self.logfile.read_text(errors="replace") if self.logfile.exists() else ""

    def bugs(self):
        """The lines of the log that report a bug of ours."""
        return [line for line in self.log().splitlines() if BUG_REPORTS.search(line)]

    def connect(self, user="alice", secret=None, database="app", **params):
        return Raw.connect(self.port).login(user, USERS.get(user, ("",))[0] if secret is None else secret, database, **params)

    def url(self, user="alice", database="app"):
        return f"postgres://{user}:{USERS[user][0]}@127.0.0.1:{self.port}/{database}"

    def console(self, user="bob"):
        return self.connect(user, database=self.console_database)

    def show(self, what):
        """SHOW's rows as dictionaries of text."""
        with self.console() as c:
            reply = c.ask(f"SHOW {what}")
            bad = [m for m in reply if m.type == "E"]
            assert not bad, bad[0].fields
            names = column_names(next(m for m in reply if m.type == "T"))
            return [dict(zip(names, (None if v is None else v.decode() for v in m.row))) for m in reply if m.type == "D"]

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def column_names(description):
    at, names = 2, []
    for _ in range(int.from_bytes(description.body[:2], "big")):
        end = description.body.index(b"\0", at)
        names.append(description.body[at:end].decode())
        at = end + 19
    return names


class Weir(Pooler):
    binary = pathlib.Path(os.environ.get("WEIR", ROOT / "build" / "weir")).resolve()

    def __init__(self, folder, sections):
        super().__init__(folder, sections)
        self.config = folder / "weir.toml"

    def write(self):
        self.config.write_text(toml_document(self.sections))
        self.config.chmod(0o600)
        give_away(self.config)

    def command(self):
        return [self.reachable_binary(), "--config", self.config]

    def environment(self):
        return {"ASAN_OPTIONS": "detect_stack_use_after_return=1:abort_on_error=1",
                "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1"}

    def reachable_binary(self):
        """The unprivileged user may not reach the source folder; then one copy beside all settings serves."""
        who = unprivileged()
        if who and subprocess.run(["test", "-x", str(self.binary)], **who).returncode != 0:
            copy = self.folder.parent / "bin" / "weir"
            if not copy.exists():  # one that runs cannot be written again
                copy.parent.mkdir(exist_ok=True)
                shutil.copy(self.binary, copy)
                copy.chmod(0o755)
            return copy
        return self.binary


class PgBouncer(Pooler):
    """Debian's PgBouncer given Weir's settings: what a test says of it was not made up for Weir."""
    console_database = "pgbouncer"
    stop_signal = signal.SIGTERM  # 1.18's immediate end

    def write(self):
        weir = dict(self.sections["weir"])
        userlist = self.folder / "userlist.txt"
        users = {n: v["password"] for n, v in self.sections.get("users", {}).items() if "password" in v}
        userlist.write_text("".join(f'"{n}" "{p}"\n' for n, p in users.items()))
        weir.setdefault("auth_file", userlist)
        text = "[databases]\n"
        for name, settings in self.sections.get("databases", {}).items():
            text += f"{name} = " + " ".join(f"{k}={v}" for k, v in settings.items()) + "\n"
        text += "[pgbouncer]\n"
        for k, v in weir.items():
            v = ",".join(map(str, v)) if isinstance(v, (list, tuple)) else int(v) if isinstance(v, bool) else v
            text += f"{k} = {v}\n"
        (self.folder / "pgbouncer.ini").write_text(text)

    def command(self):
        return ["/usr/sbin/pgbouncer", self.folder / "pgbouncer.ini"]
