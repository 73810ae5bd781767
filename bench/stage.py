"""Who takes part: PostgreSQL with pgbench's tables, and the contestants in front of it.

A contestant is a name and a variant. All variants of Weir have one worker, as the others have one thread, unless the name
says otherwise. They start when they are asked for, and end with the stage.

    with Stage(scale=10) as stage:
        stage.contestant("weir", "tls")
"""

import base64
import hashlib
import hmac
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from rawpg import Closed, Raw  # noqa: E402
from servers import (PG_BIN, Certificates, PgBouncer, Postgres, Weir, column_names, give_away, run, unprivileged,  # noqa: E402
                     wait_for)

POOL = 20
SECRET = "of the benchmark"
VARIANTS = {
    "plain": "Unix sockets, trust",
    "tls": "TCP on the loopback, TLS with clients, trust",
    "scram": "Unix sockets, SCRAM-SHA-256",
}


def verifier(secret, iterations):
    """What PostgreSQL keeps of a secret. With one iteration it is not the client's own hashing that is measured; the work
    of the one who checks it is the same with any number."""
    salt = b"sixteen bytes ok"
    salted = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, iterations)

    def key(name):
        return hmac.new(salted, name, hashlib.sha256).digest()

    parts = [base64.b64encode(b).decode() for b in (salt, hashlib.sha256(key(b"Client Key")).digest(), key(b"Server Key"))]
    return f"SCRAM-SHA-256${iterations}:{parts[0]}${parts[1]}:{parts[2]}"


def socket_of(contestant):
    return f"{contestant.host}/.s.PGSQL.{contestant.port}"


class Relay:
    """The floor: bytes in, bytes out."""

    def __init__(self, stage):
        binary = stage.folder / "relay"
        run("gcc", "-O2", "-o", binary, ROOT / "bench" / "relay.c")
        self.host, self.port = str(stage.folder / "relay-socket"), 6432
        os.mkdir(self.host)
        os.chmod(self.host, 0o755)
        give_away(self.host)
        self.process = subprocess.Popen([binary, f"{self.host}/.s.PGSQL.6432",
                                         f"{stage.postgres.socket_dir}/.s.PGSQL.{stage.postgres.port}"], **unprivileged())
        wait_for(lambda: os.path.exists(socket_of(self)), "the relay")

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Direct:
    """PostgreSQL itself."""
    pid = None

    def __init__(self, stage, variant):
        self.host = "127.0.0.1" if variant == "tls" else str(stage.postgres.socket_dir)
        self.port = stage.postgres.port

    def stop(self):
        pass


def make_pooler(stage, kind, variant="plain", workers=1, **settings):
    """A Weir or a PgBouncer with the same settings, not started."""
    folder = stage.new_folder(f"{kind.__name__.lower()}-{variant}")
    secret = verifier(SECRET, 1) if variant == "scram" else ""
    values = {"listen_addr": "127.0.0.1", "unix_socket_dir": str(folder), "pool_mode": "transaction",
              "auth_type": "scram-sha-256" if variant == "scram" else "trust", "default_pool_size": POOL,
              "max_client_conn": 20000, "admin_users": ["postgres"], "query_wait_timeout": 60} | settings
    if variant == "tls":
        values |= {"client_tls_sslmode": "require", "client_tls_key_file": str(stage.certificates.server_key),
                   "client_tls_cert_file": str(stage.certificates.server)}
    if kind is PgBouncer:
        users = folder.parent / f"{folder.name}-users.txt"
        users.write_text(f'"postgres" "{secret}"\n')
        values["auth_file"] = str(users)
    config = {"weir": values, "users": {"postgres": {"password": secret} if secret else {}},
              "databases": {"bench": {"host": str(stage.postgres.socket_dir), "port": stage.postgres.port}}}
    if kind is Weir:
        config["workers"] = {"count": workers}
    return kind(folder, config)


def start(pooler, variant="plain"):
    pooler.start()
    pooler.variant = variant
    if variant != "tls":
        pooler.host = str(pooler.folder)
        wait_for(lambda: os.path.exists(socket_of(pooler)), "the pooler's Unix socket")


def console_pools(contestant):
    """(clients in line, connections to servers), as the console says."""
    with Raw.connect(contestant.port, host=contestant.host).login("postgres", "", "pgbouncer") as console:
        reply = console.ask("SHOW POOLS")
    names = column_names(next(m for m in reply if m.type == "T"))
    rows = [dict(zip(names, (v.decode() if v is not None else "" for v in m.row))) for m in reply if m.type == "D"]
    return (sum(int(row["cl_waiting"]) for row in rows),
            sum(int(v) for row in rows if row["database"] == "bench" for name, v in row.items() if name.startswith("sv_")))


def raise_limits():
    """As many descriptors as a crowd needs, where the system lets us; those that are started inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(65536, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Stage:
    """PostgreSQL and a folder; a context manager that ends everything it started."""

    def __init__(self, scale=10):
        self.scale, self.started, self.folders = scale, {}, 0

    def __enter__(self):
        raise_limits()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-"))
        self.folder.chmod(0o755)
        self.certificates = Certificates(self.folder / "certificates")
        self.postgres = Postgres(self.folder / "postgres", self.certificates, settings={
            "shared_buffers": "256MB", "max_connections": 400, "synchronous_commit": "off", "max_wal_size": "2GB"}).create()
        try:
            self.postgres.sql("CREATE DATABASE bench")
            run(PG_BIN / "pgbench", "-i", "-q", "-s", self.scale, "-h", self.folder / "postgres", "-p", self.postgres.port,
                "-U", "postgres", "bench")
            self.postgres.sql("CREATE UNLOGGED TABLE sink (line text)", database="bench")
        except BaseException:
            self.__exit__()
            raise
        return self

    def contestant(self, name, variant="plain"):
        """name: direct, relay, pgbouncer or weir; with a number behind it ("weir 2"), of workers."""
        if (name, variant) not in self.started:
            self.started[name, variant] = self._start(name, variant)
        return self.started[name, variant]

    def _start(self, name, variant):
        kind, _, workers = name.partition(" ")
        if kind == "direct":
            made = Direct(self, variant)
        elif kind == "relay":
            made = Relay(self)
        else:
            made = make_pooler(self, {"weir": Weir, "pgbouncer": PgBouncer}[kind], variant, int(workers or 1))
            start(made, variant)
        made.name, made.variant = kind, variant
        return made

    def stop(self, name, variant="plain"):
        """Ends one, where its memory or its threads would disturb those that come."""
        made = self.started.pop((name, variant), None)
        if made is not None:
            made.stop()

    def new_folder(self, name):
        self.folders += 1
        return self.folder / f"{name}-{self.folders}"

    def busy_servers(self, since):
        """How many connections of pools to PostgreSQL have done something since that moment of its clock. The one that
        Weir reads the catalogue through belongs to no pool."""
        return int(self.postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'bench' AND "
                                     "backend_type = 'client backend' AND application_name <> 'weir catalogue' AND "
                                     f"state_change > '{since}'")[0][0])

    def now(self):
        return self.postgres.sql("SELECT clock_timestamp()")[0][0]

    def __exit__(self, *_):
        for made in self.started.values():
            made.stop()
        self.postgres.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
