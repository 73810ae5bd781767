"""What bench and load share: PostgreSQL with pgbench's tables, and the contestants in front of it, on Unix sockets."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from rawpg import Raw  # noqa: E402
from servers import PG_BIN, PgBouncer, Pooler, Postgres, Weir, give_away, run, unprivileged, wait_for  # noqa: E402


class Relay:
    """The floor: bytes in, bytes out."""
    name = "relay"

    def __init__(self, stage):
        binary = stage.folder / "relay"
        run("gcc", "-O2", "-o", binary, ROOT / "bench" / "relay.c")
        self.host, self.port = str(stage.folder / "relay-socket"), 6432
        os.mkdir(self.host)
        os.chmod(self.host, 0o755)
        give_away(self.host)
        self.process = subprocess.Popen([binary, f"{self.host}/.s.PGSQL.6432",
                                         f"{stage.postgres.socket_dir}/.s.PGSQL.{stage.postgres.port}"], **unprivileged())
        wait_for(lambda: os.path.exists(f"{self.host}/.s.PGSQL.6432"), "the relay")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def pooler(stage, kind, **settings):
    folder = stage.folder / kind.__name__.lower()
    values = {"listen_addr": "127.0.0.1", "unix_socket_dir": str(folder), "pool_mode": "transaction",
              "auth_type": "trust", "default_pool_size": 20, "max_client_conn": 20000, "admin_users": ["postgres"],
              "query_wait_timeout": 60} | settings
    if kind is PgBouncer:
        users = folder.parent / "bench-users.txt"
        users.write_text('"postgres" ""\n')
        values["auth_file"] = str(users)
    target = {"host": str(stage.postgres.socket_dir), "port": stage.postgres.port}
    config = {"weir": values, "databases": {"bench": target}, "users": {"postgres": {}}}
    if kind is Weir:
        config["workers"] = {"count": 1}  # the other contestants have one thread
    made = kind(folder, config)
    made.start()
    made.name, made.host = kind.__name__.lower(), str(folder)
    return made


class Direct:
    name = "direct"

    def __init__(self, stage):
        self.host, self.port, self.process = str(stage.postgres.socket_dir), stage.postgres.port, None

    def stop(self):
        pass


class Stage:
    """PostgreSQL and a folder; a context manager that ends everything it started."""

    def __init__(self, scale=10):
        self.scale, self.started = scale, []

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-"))
        self.folder.chmod(0o755)
        self.postgres = Postgres(self.folder / "postgres", settings={
            "shared_buffers": "256MB", "max_connections": 300, "synchronous_commit": "off", "max_wal_size": "2GB"}).create()
        self.postgres.sql("CREATE DATABASE bench")
        run(PG_BIN / "pgbench", "-i", "-q", "-s", self.scale, "-h", self.folder / "postgres", "-p", self.postgres.port,
            "-U", "postgres", "bench")
        return self

    def add(self, contestant):
        self.started.append(contestant)
        return contestant

    def __exit__(self, *_):
        for contestant in self.started:
            contestant.stop()
        self.postgres.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def cpu_seconds(process):
    if process is None:
        return 0.0
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pgbench(target, *options, timeout=600, cwd=None):
    """Runs it; a dictionary of what it says, or None and its words if it failed."""
    done = subprocess.run([str(PG_BIN / "pgbench"), "-n", "-h", target.host, "-p", str(target.port), "-U", "postgres",
                           *map(str, options), "bench"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, cwd=cwd)
    out = {"code": done.returncode, "text": done.stdout + done.stderr}
    for key, pattern in (("tps", r"tps = ([\d.]+) \(without|tps = ([\d.]+)"), ("latency_ms", r"latency average = ([\d.]+)"),
                         ("transactions", r"transactions actually processed: (\d+)")):
        found = re.search(pattern, done.stdout)
        out[key] = float(next(g for g in found.groups() if g)) if found else 0.0
    out["aborted"] = len(re.findall(r"aborted", done.stderr))
    return out
