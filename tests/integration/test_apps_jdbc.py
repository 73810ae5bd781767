"""PgJDBC with server prepares from the first use on: what connection pools and frameworks do with it, in transaction mode.

jdbc/Habits.java does the work, one scenario a run. test_drivers_jdbc.py has the driver's modes.
"""

import pathlib
import subprocess

import pytest

from apps import place, roomy  # noqa: F401 (fixtures)
from servers import give_away

JAR = pathlib.Path("/usr/share/java/postgresql.jar")
SOURCE = pathlib.Path(__file__).with_name("jdbc") / "Habits.java"

pytestmark = pytest.mark.skipif(not JAR.exists(), reason="libpostgresql-jdbc-java is not installed")


@pytest.fixture(scope="module")
def drive(folder):
    out = folder / "habits"
    out.mkdir()
    done = subprocess.run(["javac", "-cp", str(JAR), "-d", str(out), str(SOURCE)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    give_away(out)
    return lambda place, scenario: place.program("java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", f"{out}:{JAR}", "Habits",
                                                 scenario)


ALONE = {  # one transaction or pin at a time
    "transactions": ["23514 25P02", 105, 100, 110, 150, "serializable, read committed", "25006", 1],
    "timeouts": [400, "08006", "true false", "7", "57014", "57014", "57014", "0 true 100ms"],
    "listen": ["news one", "nothing", "news two", "5", "nothing"],
    "properties": ["PostgreSQL JDBC Driver 0 42P01", "app,public shop 9s 0", "public other public"],
    "changed": [12, 22, 32, 22],
}
TOGETHER = {
    "discard": ["6MB 4MB", 42, 42, "5MB", "42P01", "26000", True],
    "temporary": ["b 42P01", 10, "42P01", 1, "42P01"],
    "locks": ["t", "[f] [1]", "t", "t", "t"],
    "cursors": [1_001_000, 507, "15 34000", "34000"],
}


@pytest.mark.parametrize("scenario", ALONE)
def test_jdbc_gets_the_same_through_one_or_two_servers(drive, place, scenario):
    assert drive(place, scenario) == ALONE[scenario]


@pytest.mark.parametrize("scenario", TOGETHER)
def test_jdbc_gets_the_same_where_one_connection_keeps_its_server(drive, roomy, scenario):
    assert drive(roomy, scenario) == TOGETHER[scenario]
