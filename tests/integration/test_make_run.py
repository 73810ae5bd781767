"""`make run`, as a newcomer types it: its output is what the README promises."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest

from servers import PG_BIN, ROOT, free_port, listens, wait_for

BUILD_SECONDS = 900  # when the checkout was not built yet


def heed_ctrl_c():
    """A test run in the background may have been told to ignore it, and a shell never traps what it was born to ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class MakeRun:
    """make run with these variables. Its output goes to a file: what it starts would hold a pipe open."""

    def __init__(self, folder, *variables, **environment):
        self.output = folder / f"make-run-{time.monotonic_ns()}"
        self.port = int(environment.setdefault("WEIR_PORT", str(free_port())))
        clean = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "RUN_ONCE") and not k.startswith("WEIR")}
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(["make", "--no-print-directory", "run", *variables], cwd=ROOT, stdout=out,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
                                            env=clean | environment, preexec_fn=heed_ctrl_c)

    def text(self):
        return self.output.read_text(errors="replace")

    def wait(self, seconds=60):
        try:
            return self.process.wait(seconds)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGTERM)
                self.process.wait(30)

    def url(self):
        return re.search(r"DATABASE_URL=(\S+)", self.text())[1]

    def log(self):
        """What Weir wrote, in the file that the output names."""
        with open(re.search(r"(\S+/weir\.log)", self.text())[1], errors="replace") as log:
            return log.read()


@pytest.fixture(scope="module", autouse=True)
def built():
    """The first build of a checkout takes minutes, and is no part of any test."""
    subprocess.run(["scripts/build.sh"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=BUILD_SECONDS)


def asked(url, sql):
    done = subprocess.run([str(PG_BIN / "psql"), "-XAtw", url, "-c", sql], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=30, text=True, cwd="/")
    return done.returncode, done.stdout.strip()


def test_a_given_server_is_pooled_shown_and_left_alone(folder, postgres):
    began = time.monotonic()
    run = MakeRun(folder, f"DATABASE_URL=postgres://alice:alice-pw@127.0.0.1:{postgres.port}/app", RUN_ONCE="1")
    assert run.wait() == 0, run.text()
    text = run.text()
    assert time.monotonic() - began < 10, text
    # A query through it: where it ended up, as whom.
    table = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.count("|") == 2]
    assert ["database", "user", "postgres"] in table
    answer = table[table.index(["database", "user", "postgres"]) + 1]
    assert answer[:2] == ["app", "alice"] and answer[2].startswith("15."), text
    # Its console: SHOW POOLS with the pool that just served.
    pool = dict(re.findall(r"^(\w+) +\| *(.*?) *$", text.split("RECORD 1")[1].split("RECORD 2")[0], re.MULTILINE))
    assert "SHOW POOLS" in text
    assert (pool["database"], pool["user"], pool["pool_mode"], pool["sv_idle"]) == ("app", "alice", "transaction", "1"), text
    assert run.url() == f"postgres://alice:alice-pw@127.0.0.1:{run.port}/app"
    # What was started is stopped; what was there is left alone.
    assert "stopping Weir" in text and "stopping PostgreSQL" not in text
    assert not listens(run.port) and listens(postgres.port)
    # The password is in the URL that was asked for, and nowhere else.
    assert "alice-pw" not in run.log()
    shown = [line for line in text.splitlines() if "alice-pw" in line]
    assert all(f"postgres://alice:alice-pw@127.0.0.1:{run.port}/" in line for line in shown), shown


def test_it_stays_until_ctrl_c_and_the_url_it_shows_works(folder, postgres):
    run = MakeRun(folder, f"DATABASE_URL=postgres://alice:alice-pw@127.0.0.1:{postgres.port}/app?sslmode=disable")
    try:
        wait_for(lambda: "Ctrl-C stops it." in run.text() or run.process.poll() is not None, "make run to be up", 30)
        assert asked(run.url(), "SELECT current_user") == (0, "alice"), run.text()
        assert run.process.poll() is None
        os.killpg(run.process.pid, signal.SIGINT)
    finally:
        code = run.wait(20)
    assert "stopping Weir" in run.text()
    # Its own word is 0; make has been interrupted too, and says so with 2 or the signal.
    assert code in (0, 2, 130, -signal.SIGINT), run.text()
    wait_for(lambda: not listens(run.port), "Weir to be gone")


def test_a_port_that_is_taken_is_said_aloud_and_the_next_free_one_used(folder, postgres):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        run = MakeRun(folder, f"DATABASE_URL=postgres://alice:alice-pw@127.0.0.1:{postgres.port}/app", RUN_ONCE="1",
                      WEIR_PORT=str(taken))
        assert run.wait() == 0, run.text()
    said = re.search(rf"port {taken} is taken: Weir listens on (\d+) instead", run.text())
    assert said and int(said[1]) > taken
    assert run.url() == f"postgres://alice:alice-pw@127.0.0.1:{said[1]}/app"


@pytest.mark.parametrize("wrong, reason", [
    ("postgres://alice:not-this-one@127.0.0.1:{port}/app", "password authentication failed"),
    ("postgres://alice:alice-pw@127.0.0.1:{nobody}/app", "Connection refused"),
    ("postgres://alice:alice-pw@127.0.0.1:{port}/no_such_database", "no_such_database"),
    ("postgres://alice:alice-pw@127.0.0.1:99999/app", "port must be between 1 and 65535")], ids=["password", "nobody", "database", "port"])
def test_what_does_not_work_ends_with_the_reason_and_leaves_nothing_behind(folder, postgres, wrong, reason):
    url = wrong.format(port=postgres.port, nobody=free_port())
    run = MakeRun(folder, f"DATABASE_URL={url}", RUN_ONCE="1")
    assert run.wait() != 0
    assert reason in run.text() and "error:" in run.text(), run.text()
    assert not listens(run.port)
    secret = url.split(":")[2].split("@")[0]
    assert secret not in run.text(), run.text()


@pytest.mark.slow
def test_without_a_server_it_brings_its_own_with_something_to_look_at(folder):
    for state in (ROOT / ".run", ROOT.__class__("/var/tmp/weir-run")):
        if (state / "pg" / "postmaster.pid").exists():
            pytest.skip(f"somebody else's make run uses {state}")
    run = MakeRun(folder, RUN_ONCE="1")
    assert run.wait(120) == 0, run.text()
    text = run.text()
    assert re.search(r"^ *Oslo +\| +\d+ \| +\d+\.\d+$", text, re.MULTILINE), text
    assert run.url() == f"postgres://demo:demo@127.0.0.1:{run.port}/shop"
    assert "stopping Weir" in text and "stopping PostgreSQL" in text
    assert not listens(run.port)
    # The second time everything is there.
    began = time.monotonic()
    again = MakeRun(folder, RUN_ONCE="1")
    assert again.wait() == 0, again.text()
    assert time.monotonic() - began < 10
