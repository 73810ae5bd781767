"""Go's lib/pq and pgx through transaction mode. go/drive.go does the work, one scenario a run, built once from Debian's
packages: no module is fetched."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from apps import place, roomy  # noqa: F401 (fixtures)

SOURCES = pathlib.Path("/usr/share/gocode")
DRIVERS = [SOURCES / "src/github.com/lib/pq", SOURCES / "src/github.com/jackc/pgx/v4"]
GO = "/usr/bin/go"
BUILD_SECONDS = 120  # the first time; then Go has the drivers in its cache

pytestmark = pytest.mark.skipif(not (shutil.which(GO) and all(d.exists() for d in DRIVERS)),
                                reason="golang-go, golang-github-lib-pq-dev and golang-github-jackc-pgx-v4-dev are not installed")


@pytest.fixture(scope="module")
def driver(folder):
    source, out = pathlib.Path(__file__).with_name("go") / "drive.go", folder / "go-drive"
    done = subprocess.run([GO, "build", "-o", out, source], capture_output=True, text=True, timeout=BUILD_SECONDS, cwd=folder,
                          env=os.environ | {"GO111MODULE": "off", "GOPATH": str(SOURCES), "GOFLAGS": "", "GOPROXY": "off"})
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def drive(driver):
    return lambda place, scenario: place.program(driver, scenario)


EXPECTED = {
    "pq_prepared": [240, "42P01", "22012", "42601", 1],
    "pq_transactions": [["read committed"] + ["23514" if i % 4 == 0 else "none" for i in range(1, 20)], "serializable", "25006", 515],
    "pq_copy": ["none", "22P02", 3000, 2999],
    "pq_cancel": ["57014", True, 7],
    "pq_listen": ["pq: channel is already open", "news one", "more two", "none", "nothing", "none"],
    "pgx_prepared": [4 * (120 + 3), "42P01", "22012", 1],
    "pgx_batches": [2450, "23505", 50],
    "pgx_transactions": ["23514", "22012", "Europe/Zurich", "read committed", 304],
    "pgx_copy": [3000, "23505", "42P01", 2000, "none", 3000],
    "pgx_cancel": ["57014", 7, "deadline", True, 8],
    "pgx_listen": ["news one", "deadline", "news two", 5, "deadline"],
    "pgx_changed": [1, "none", "none", 1, "none"],
}


@pytest.mark.parametrize("scenario", EXPECTED)
def test_go_drivers_get_the_same_through_one_or_two_servers(drive, place, scenario):
    assert drive(place, scenario) == EXPECTED[scenario]


def test_go_drivers_read_the_console(driver, weir):
    pooler = weir()
    with pooler.connect() as c:
        for n in range(3):
            c.value(f"SELECT {n}")
        done = subprocess.run([driver, "console"], capture_output=True, text=True, timeout=20,
                              env=os.environ | {"DATABASE_URL": pooler.url("bob", "pgbouncer")})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["PgBouncer 1.25.2", "1", *[14, 14, "3D000", 3] * 2]
