"""The process as an operator meets it: signals, its log, its command lines, and too few file descriptors."""

import os
import signal
import socket
import subprocess
import time

import pytest

from rawpg import Closed, Raw, query, rows, startup
from servers import unprivileged, wait_for


def weir_command(pooler, *arguments):
    return subprocess.run([str(pooler.reachable_binary()), *map(str, arguments)], capture_output=True, text=True, timeout=20,
                          cwd=pooler.folder, **unprivileged())


@pytest.mark.short
def test_usr1_pauses_and_usr2_resumes(weir):
    pooler = weir()
    with pooler.connect() as c:
        assert c.value("SELECT 1") == "1"
        pooler.send_signal(signal.SIGUSR1)
        wait_for(lambda: all(r["paused"] == "1" for r in pooler.show("DATABASES") if r["name"] == "app"), "the pause")
        c.send(query("SELECT 'after'"))
        assert c.quiet(0.3)
        pooler.send_signal(signal.SIGUSR2)
        assert rows(c.until_ready(timeout=5)) == [[b"after"]]


@pytest.mark.short
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_to_end_counts_before_there_is_anything_to_end(weir, number):
    """Also where its parent ignores it, as a shell does for what it runs in the background."""
    pooler = weir()
    binary, settings = str(pooler.reachable_binary()), pooler.folder / "settings-to-come"
    os.mkfifo(settings, 0o644)
    os.chmod(settings, 0o644)

    def ignore():
        signal.signal(number, signal.SIG_IGN)

    with subprocess.Popen([binary, "--config", str(settings)], preexec_fn=ignore, **unprivileged()) as starting:
        def reads():
            with open(f"/proc/{starting.pid}/stat") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] == "S" and os.readlink(f"/proc/{starting.pid}/exe") == binary
        try:
            wait_for(reads, "the settings to be waited for")
            time.sleep(0.1)  # for them, and not for a page of the program
            starting.send_signal(number)
            assert starting.wait(10) == -number
        finally:
            starting.kill()


@pytest.mark.short
def test_hup_opens_the_log_anew_after_rotation(weir):
    pooler = weir()
    log = pooler.folder / "weir.log"
    pooler.connect().drop()  # it serves, so it hears signals
    pooler.rewrite(weir={"logfile": str(log)})
    pooler.send_signal(signal.SIGHUP)
    wait_for(log.exists, "the log file")
    pooler.connect().drop()
    old = pooler.folder / "weir.log.1"
    os.rename(log, old)
    pooler.send_signal(signal.SIGHUP)
    wait_for(log.exists, "the new log file")
    before = old.read_text()
    pooler.connect().drop()
    wait_for(lambda: "alice" in log.read_text(), "the login in the new log")
    assert old.read_text().count("alice") == before.count("alice")


@pytest.mark.short
def test_a_full_disk_under_the_log_stops_nothing(weir):
    pooler = weir(weir={"logfile": "/dev/full", "log_level": "debug"})
    for _ in range(20):
        with pooler.connect() as c:
            assert c.value("SELECT 1") == "1"
    assert pooler.alive()


def test_too_few_file_descriptors_refuse_some_and_lose_nobody(weir):
    pooler = weir(weir={"default_pool_size": 2})
    with pooler.connect() as first:
        assert first.value("SELECT 1") == "1"
        limit = pooler.open_files() + 6
        subprocess.run(["prlimit", "--pid", str(pooler.pid), f"--nofile={limit}:{limit}"], check=True, cwd="/", **unprivileged())
        crowd = []
        for _ in range(30):
            try:
                c = Raw.connect(pooler.port, timeout=2)
            except OSError:
                continue
            c.send(startup("alice", "app"))
            crowd.append(c)
        before = pooler.cpu_seconds()
        assert first.value("SELECT 'still served'") == "still served"
        time.sleep(1.5)
        assert pooler.cpu_seconds() - before < 1, "it spins"
        for c in crowd:
            c.drop()

        def another():
            try:
                with Raw.connect(pooler.port, timeout=3) as c:
                    return c.try_login("alice", "alice-pw", "app") is None
            except (Closed, OSError, AssertionError):
                return False

        wait_for(another, "room for a new client", 10)
        assert first.value("SELECT 1") == "1"


class Activated:
    """Runs a pooler's settings as systemd does that holds its sockets and listens to how it is."""

    def __init__(self, pooler):
        self.pooler, self.running = pooler, []
        self.listening = socket.create_server(("127.0.0.1", pooler.port), backlog=64)
        self.states = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = pooler.folder / "notify"
        self.states.bind(str(path))
        path.chmod(0o666)
        self.states.settimeout(10)

    def start(self):
        number = self.listening.fileno()
        with self.pooler.logfile.open("ab") as log:
            process = subprocess.Popen(
                ["/bin/bash", "-c", f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" --config "$1" 3<&{number}',
                 str(self.pooler.reachable_binary()), str(self.pooler.config)],
                pass_fds=(number,), stdin=subprocess.DEVNULL, stdout=log, stderr=log, **unprivileged(),
                env=dict(os.environ) | self.pooler.environment() | {"NOTIFY_SOCKET": str(self.pooler.folder / "notify")})
        self.running.append(process)
        self.heard("READY=1")
        return process

    def heard(self, state):
        """Waits for it; all that was said with it."""
        while state not in (said := self.states.recv(4096).decode()).splitlines():
            pass
        return said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.listening.close()
        self.states.close()


@pytest.mark.short
def test_a_restart_behind_a_socket_of_systemd_refuses_nobody(weir):
    pooler = weir()
    pooler.connect().drop()  # only the settings of this one are wanted
    assert pooler.stop() == 0
    with Activated(pooler) as systemd:
        first = systemd.start()
        with pooler.connect() as c:
            assert c.value("SELECT 'first'") == "first"
            first.send_signal(signal.SIGTERM)
            systemd.heard("STOPPING=1")
            with Raw.connect(pooler.port) as late:  # in line, while the first still has a client and when there is none
                late.send(startup("alice", "app"))
                assert late.quiet(0.3)
                assert c.value("SELECT 'still'") == "still"
                c.drop()
                assert first.wait(10) == 0
                assert late.quiet(0.3)
                second = systemd.start()
                assert late.message(timeout=10).type == "R"
            with pooler.connect() as d:
                assert d.value("SELECT 'second'") == "second"
        second.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in systemd.heard("RELOADING=1")
        systemd.heard("READY=1")
        second.send_signal(signal.SIGQUIT)
        assert second.wait(10) == 0


@pytest.mark.short
def test_check_accepts_a_good_file_and_names_every_problem_of_a_bad_one(weir):
    pooler = weir()
    assert weir_command(pooler, "check", "--config", pooler.config).returncode == 0
    bad = pooler.folder / "bad.toml"
    bad.write_text('[weir]\npool_mode = "sometimes"\ndefault_pool_sise = 3\nlisten_port = 99999999\n')
    bad.chmod(0o644)
    done = weir_command(pooler, "check", "--config", bad)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    for line in ("bad.toml:2:", "bad.toml:3:", "bad.toml:4:"):
        assert line in said, said
    assert "default_pool_size" in said  # what would be right


@pytest.mark.short
def test_a_setting_without_effect_is_named_where_it_stands(weir):
    pooler = weir(weir={"pkt_buf": "8kB"})
    line = 1 + pooler.config.read_text().splitlines().index('pkt_buf = "8kB"')
    done = weir_command(pooler, "check", "--config", pooler.config)
    assert done.returncode == 0
    for said in (done.stdout + done.stderr, pooler.log()):
        assert said.count(f"weir.toml:{line}:11: pkt_buf is accepted for PgBouncer's sake and has no effect") == 1, said


@pytest.mark.short
@pytest.mark.parametrize("settings, name", [({}, "weir"), ({"job_name": "orders"}, "orders"),
                                            ({"service_name": "the-pool-of-orders"}, "the-pool-of-ord"),
                                            ({"job_name": "orders", "service_name": "other"}, "orders")])
def test_ps_and_top_show_the_name_of_the_job(weir, settings, name):
    pooler = weir(weir=settings)
    with open(f"/proc/{pooler.pid}/comm") as comm:
        assert comm.read().strip() == name


@pytest.mark.short
def test_convert_writes_a_file_that_check_accepts(weir):
    pooler = weir()
    ini, out = pooler.folder / "pgbouncer.ini", pooler.folder / "converted.toml"
    ini.write_text("[databases]\napp = host=127.0.0.1 port=5432 pool_size=7\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
                   "listen_port = 7432\nauth_type = trust\nquery_wait_timeout = 5\nno_such_key = 1\n")
    ini.chmod(0o644)
    done = weir_command(pooler, "convert", ini, "-o", out)
    said = done.stdout + done.stderr
    assert out.exists(), said
    text = out.read_text()
    assert 'pool_mode = "session"' in text and "pool_size = 7" in text and "no_such_key" in said
    checked = weir_command(pooler, "check", "--config", out)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.short
def test_version_and_help_answer_and_nonsense_is_refused(weir):
    pooler = weir()
    assert "weir" in weir_command(pooler, "--version").stdout.lower()
    assert "check" in weir_command(pooler, "help").stdout
    assert weir_command(pooler, "--no-such-option").returncode != 0
