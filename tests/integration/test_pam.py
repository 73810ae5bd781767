"""PAM from end to end: services of the system's own folder, whose modules let in and keep out."""

import itertools
import os
import pathlib
import threading
import time

import pytest

from rawpg import Raw, errors, password, startup
from servers import give_away, wait_for

QUICK = {"auth_fail_delay": 0}
SERVICES = pathlib.Path("/etc/pam.d")
_number = itertools.count(1)


@pytest.fixture
def service():
    """service("auth required pam_permit.so", ...) is the name of a new service with these lines."""
    if os.geteuid() != 0:
        pytest.skip("only root can write PAM services to /etc/pam.d")
    made = []

    def make(*lines, name=None):
        path = SERVICES / (name or f"weir-test-{os.getpid()}-{next(_number)}")
        path.write_text("".join(line + "\n" for line in lines))
        path.chmod(0o644)
        made.append(path)
        return path.name
    yield make
    for path in made:
        path.unlink(missing_ok=True)


@pytest.fixture
def script(folder):
    """script(text) is the path of a shell script that pam_exec may run, and that may write into its folder."""
    def make(text):
        home = folder / f"pam-{next(_number)}"
        home.mkdir(mode=0o777)
        home.chmod(0o777)
        path = home / "check"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path
    return make


@pytest.fixture
def start(weir, postgres, folder):
    """start(service name) is a Weir where PAM decides about everybody, and servers know one user."""
    def make(name, method="pam", **settings):
        rules = folder / f"pam-rules-{next(_number)}.conf"
        rules.write_text(f"host all all 127.0.0.1/32 {method} pamservice={name}\n")
        give_away(rules)
        return weir(weir=QUICK | {"auth_type": "hba", "auth_hba_file": rules} | settings,
                    databases={"app": {"host": "127.0.0.1", "port": postgres.port, "user": "trusty"}}, users={})
    return make


# Knows alice and bob, whose password is their name and "'s word".
CHECK = """
word=$(tr -d '\\0')
echo "$PAM_USER|$PAM_RHOST|$PAM_SERVICE|$PAM_TYPE" >> "$(dirname "$0")/seen"
case "$PAM_USER" in alice|bob) [ "$word" = "$PAM_USER's word" ] ;; *) false ;; esac
"""


def checked_by(path):
    return [f"auth required pam_exec.so quiet expose_authtok {path}", "account required pam_permit.so"]


def attempt(pooler, user, secret):
    """The refusal's fields, or None where the log-in went through and a query was answered."""
    with Raw.connect(pooler.port) as c:
        refusal = c.try_login(user, secret, "app")
        if refusal is not None:
            return refusal.fields
        assert c.value("SELECT session_user") == "trusty"
        return None


def refusal(user):
    return {"S": "FATAL", "V": "FATAL", "C": "28000", "M": f'PAM authentication failed for user "{user}"'}


def test_the_modules_decide_who_gets_in(start, service, script):
    check = script(CHECK)
    name = service(*checked_by(check))
    pooler = start(name)
    for user in ("alice", "bob"):
        assert attempt(pooler, user, f"{user}'s word") is None
        for wrong in (f"{user}'s wor", f"{user}'s word ", "alice-pw", "x" * 500):
            assert attempt(pooler, user, wrong) == refusal(user)
    assert attempt(pooler, "alice", "bob's word") == refusal("alice")
    assert attempt(pooler, "nobody_known", "nobody_known's word") == refusal("nobody_known")
    seen = (check.parent / "seen").read_text().splitlines()
    assert {f"alice|127.0.0.1|{name}|auth", f"bob|127.0.0.1|{name}|auth", f"nobody_known|127.0.0.1|{name}|auth"} == set(seen)
    assert "'s word" not in pooler.log() and "alice-pw" not in pooler.log()


def test_permit_lets_everybody_in_and_deny_nobody(start, service):
    permit = start(service("auth required pam_permit.so", "account required pam_permit.so"))
    assert attempt(permit, "whoever", "whatever") is None
    deny = start(service("auth required pam_deny.so", "account required pam_permit.so"))
    assert attempt(deny, "whoever", "whatever") == refusal("whoever")


def test_the_right_password_of_an_account_that_is_closed_is_not_enough(start, service):
    pooler = start(service("auth required pam_permit.so", "account required pam_deny.so"))
    assert attempt(pooler, "alice", "alice's word") == refusal("alice")
    wait_for(lambda: "account" in pooler.log(), "the reason in the log")


def test_a_password_is_needed(start, service, script):
    """An empty one is refused before the modules hear of it, as PostgreSQL does."""
    check = script(CHECK)
    pooler = start(service(*checked_by(check)))
    said = attempt(pooler, "alice", "")
    assert said is not None and said["C"] in ("28000", "28P01")
    assert not (check.parent / "seen").exists()


def test_modules_that_take_their_time_hold_up_only_those_who_wait_for_them(start, service, script):
    check = script("tr -d '\\0' >/dev/null\n[ \"$PAM_USER\" != slow ] || sleep 2\n")
    pooler = start(service(*checked_by(check)))
    with Raw.connect(pooler.port).login("quick", "x", "app") as c:
        done = []

        def log_in():
            began = time.monotonic()
            done.append((attempt(pooler, "slow", "x"), time.monotonic() - began))
        threads = [threading.Thread(target=log_in) for _ in range(2)]
        for t in threads:
            t.start()
        slowest = 0.0
        while len(done) < 2:
            asked = time.monotonic()
            assert c.value("SELECT 1") == "1"
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.02)
        for t in threads:
            t.join()
        assert slowest < 1.0
        assert [refused for refused, _ in done] == [None, None] and min(took for _, took in done) > 1.9


def test_a_client_that_leaves_while_the_modules_think_is_no_trouble(start, service, script):
    check = script("tr -d '\\0' >/dev/null\nsleep 0.5\ntouch \"$(dirname \"$0\")/thought\"\n")
    pooler = start(service(*checked_by(check)))
    for _ in range(3):
        with Raw.connect(pooler.port) as c:
            c.send(startup("alice", "app"))
            assert c.message().type == "R"
            c.send(password("x"))
            time.sleep(0.1)
            c.reset()
    wait_for((check.parent / "thought").exists, "the module to be done")
    assert attempt(pooler, "alice", "x") is None


def test_auth_type_pam_needs_no_rules_and_asks_the_service_weir(weir, service, postgres):
    if (SERVICES / "weir").exists():
        pytest.skip("this machine has a PAM service of that name for itself")
    pooler = weir(weir=QUICK | {"auth_type": "pam"}, users={},
                  databases={"app": {"host": "127.0.0.1", "port": postgres.port, "user": "trusty"}})
    assert attempt(pooler, "alice", "x") == refusal("alice")
    service("auth required pam_permit.so", "account required pam_permit.so", name="weir")
    assert attempt(pooler, "alice", "x") is None
