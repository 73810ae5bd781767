"""Fixtures: a PostgreSQL for the session, a replica on demand, and a factory of Weirs.

WEIR=path picks the binary (a sanitizer build, say); WEIR_TWIN=pgbouncer runs the same tests against Debian's
PgBouncer, to compare.
"""

import contextlib
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import pytest

import servers
from parity import parity_world  # noqa: F401 (a fixture)
from servers import USERS, Certificates, PgBouncer, Postgres, Weir

POOLERS = {"weir": Weir, "pgbouncer": PgBouncer}
TWIN = os.environ.get("WEIR_TWIN", "weir")


def pytest_configure(config):
    config.addinivalue_line("markers", "short: runs under the sanitizers too, in make test")
    config.addinivalue_line("markers", "settings(weir={...}, ...): what the peer fixture's pooler is started with")
    config.addinivalue_line("markers", "slow: takes more than ten seconds")


@contextlib.contextmanager
def said_if_long(what, seconds=10):
    """Time that is no test's own is told, or nobody finds it."""
    began = time.monotonic()
    yield
    if (took := time.monotonic() - began) > seconds:
        sys.__stderr__.write(f"\n{what} took {took:.0f} s\n")


@pytest.fixture(scope="session")
def folder():
    """A folder that the servers' unprivileged user can enter."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-"))
    path.chmod(0o755)
    yield path
    if not os.environ.get("KEEP_TEST_FILES"):
        # Thousands of folders take a disk that discards what is freed a minute and a half, for which nobody need wait.
        subprocess.Popen(["rm", "-rf", "--", path], start_new_session=True)


@pytest.fixture(scope="session")
def certificates(folder):
    return Certificates(folder / "certificates")


@pytest.fixture(scope="session")
def primary(folder, certificates):
    server = Postgres(folder / "primary", certificates).create()
    yield server
    with said_if_long("stopping the primary"):
        server.stop("immediate")


@pytest.fixture
def postgres(primary):
    """The primary, running, whatever the test before did to it."""
    if not servers.listens(primary.port):
        (primary.data / "postmaster.pid").unlink(missing_ok=True)
        primary.start()
    return primary


@pytest.fixture(scope="session")
def replica(primary, folder):
    server = primary.replica(folder / "replica")
    yield server
    with said_if_long("stopping the replica"):
        server.stop("immediate")


_number = itertools.count(1)


@pytest.fixture
def weir(folder, postgres):
    """weir(weir={...}, databases={...}, users={...}, ...) starts one with these settings over the defaults."""
    started = []

    def start(weir=None, databases=None, users=None, wait=True, kind=TWIN, **tables):
        default_databases = {name: {"host": "127.0.0.1", "port": postgres.port} for name in ("app", "other")}
        sections = {
            "weir": {"listen_addr": "127.0.0.1", "unix_socket_dir": "", "pool_mode": "transaction",
                     "auth_type": "scram-sha-256", "admin_users": ["bob"], "stats_users": ["alice"]} | (weir or {}),
            "databases": default_databases if databases is None else databases,
            "users": ({name: {"password": secret} for name, (secret, _) in USERS.items()} if users is None else users),
            "workers": {"count": 2},  # so that clients and servers meet across threads
        } | tables
        pooler = POOLERS[kind](folder / f"{kind}-{next(_number)}", sections)
        started.append(pooler)
        return pooler.start(wait)

    yield start
    problems = []
    for pooler in started:
        died = pooler.process is not None and pooler.process.poll()
        if died is not None and died is not False and died < 0 and not getattr(pooler, "may_die", False):
            problems.append(f"the pooler was ended by signal {-died}:\n{pooler.log()[-4000:]}")
        try:
            pooler.stop()
        except AssertionError as late:
            problems.append(str(late))
        bugs = pooler.bugs()
        if bugs:
            problems.append(f"the log reports bugs: {bugs[:5]}\n{pooler.log()[-8000:]}")
    assert not problems, "\n".join(problems)


class Peer:
    """Who a probe talks to: PostgreSQL itself, which must pass every probe, or a pooler in front of it."""

    def __init__(self, name, server, postgres, pooler=None):
        self.name, self.server, self.postgres, self.pooler = name, server, postgres, pooler
        self.port, self.direct = server.port, pooler is None

    def connect(self, timeout=10.0, **options):
        from rawpg import Raw
        return Raw.connect(self.port, timeout=timeout, **options)

    def login(self, user="alice", database="app", secret=None, **params):
        return self.connect().login(user, USERS.get(user, ("",))[0] if secret is None else secret, database, **params)

    def healthy(self):
        """Still there, and it still answers somebody else."""
        if self.pooler is not None:
            assert self.pooler.alive(), f"the pooler died:\n{self.pooler.log()[-4000:]}"
            assert not self.pooler.bugs(), self.pooler.bugs()
        with self.login() as c:
            assert c.value("SELECT 'well'") == "well"


@pytest.fixture(params=["postgres", "weir"])
def peer(request, postgres, weir):
    """Each probe runs twice: against PostgreSQL (is the probe right?) and through the pooler (is the pooler?)."""
    if request.param == "postgres":
        return Peer("postgres", postgres, postgres)
    if TWIN == "weir" and not Weir.binary.exists():
        pytest.fail(f"{Weir.binary} is not built: make build")
    marker = request.node.get_closest_marker("settings")
    pooler = weir(**(marker.kwargs if marker else {}))
    return Peer(TWIN, pooler, postgres, pooler)
