"""Rules that say how long a statement may run: PostgreSQL cancels it, its session goes on, and nothing else is hit."""

import concurrent.futures
import os
import random
import re
import time

import pytest

from rawpg import (FakeBackend, bind, describe, errors, execute, extended, flush, parse, plain_answers, query, rows, sync)
from servers import wait_for
from test_guards import MODES, shown

STRESS_SECONDS = float(os.environ.get("STRESS_SECONDS", "3"))
SLOW = {"slow": {"application_name": "web", "query_timeout": 0.6}}


def overdue(messages, severity="ERROR"):
    error = errors(messages)[-1]
    assert (error.sqlstate, error.fields["S"]) == ("57014", severity), error.fields
    assert error.fields["M"] == "canceling statement due to query_timeout" and 'guard "slow"' in error.fields["D"]
    return True


@pytest.mark.short
@pytest.mark.parametrize("mode", MODES)
def test_a_statement_is_canceled_and_the_session_and_its_server_go_on(weir, mode):
    pooler = weir(weir={"pool_mode": mode, "default_pool_size": 1}, guards=SLOW)
    with pooler.connect(application_name="web") as c:
        server = c.value("SELECT pg_backend_pid()")
        c.ask("BEGIN")
        time.sleep(1)  # nothing runs
        assert not errors(c.ask("COMMIT"))
        began = time.monotonic()
        assert overdue(c.ask("SELECT pg_sleep(5)"))
        c.send(extended("SELECT pg_sleep(5)"), sync())
        assert overdue(c.until_ready())
        assert overdue(c.ask("SELECT 1; SELECT pg_sleep(5)"))
        assert time.monotonic() - began < 4
        assert c.value("SELECT pg_backend_pid()") == server
    assert shown(pooler, "slow")["refused"] == 3
    line = next(line for line in pooler.log().splitlines() if 'guard "slow"' in line)
    assert '"alice" on "app", web' in line and "pg_sleep" not in line and re.search(r"fingerprint (?!0{16})[0-9a-f]{16}", line)


@pytest.mark.parametrize("mode", MODES)
def test_within_a_transaction_it_fails_like_any_statement(weir, mode):
    pooler = weir(weir={"pool_mode": mode}, guards=SLOW)
    with pooler.connect(application_name="web") as c:
        c.ask("BEGIN")
        assert not errors(c.ask("SAVEPOINT here"))
        assert overdue(c.ask("SELECT pg_sleep(5)"))
        assert errors(c.ask("SELECT 1"))[0].sqlstate == "25P02"
        assert not errors(c.ask("ROLLBACK TO here"))
        for _ in range(20):
            assert rows(c.ask("SELECT 'goes on'")) == [[b"goes on"]]
        assert not errors(c.ask("COMMIT"))


def test_a_batch_without_its_sync_ends_at_the_sync_that_follows(weir):
    pooler = weir(guards=SLOW)
    with pooler.connect(application_name="web") as c:
        c.send(parse("", "SELECT pg_sleep(5)"), bind("", ""), describe("P", ""), execute(""), flush())
        assert overdue(c.until("E", timeout=4))
        c.send(parse("", "SELECT 'skipped'"), bind("", ""), execute(""), sync())
        assert not rows(c.until_ready())
        assert c.value("SELECT 'goes on'") == "goes on"


def test_a_client_that_has_sent_more_behind_it_is_ended(weir, postgres):
    pooler = weir(guards=SLOW)
    with pooler.connect(application_name="web") as c:
        c.send(query("SELECT pg_sleep(5), 'overdue'"), query("SELECT 'behind it'"))
        got = c.until_closed(timeout=4)
        assert overdue(got, "FATAL") and not rows(got)
    wait_for(lambda: postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(5), %' "
                                  "AND state = 'active'")[0][0] == "0", "the server to stop")


def test_a_dry_run_counts_and_others_are_left_alone(weir):
    pooler = weir(guards=SLOW | {"tried": {"application_name": "tried", "query_timeout": 0.3, "dry_run": True}})
    with pooler.connect(application_name="tried") as c, pooler.connect(application_name="other") as other:
        assert not errors(c.ask("SELECT pg_sleep(0.8)")) and not errors(other.ask("SELECT pg_sleep(0.8)"))
    assert shown(pooler, "tried")["would_have_refused"] == 1 and shown(pooler, "tried")["refused"] == 0
    assert shown(pooler, "slow")["matched"] == 0


@pytest.mark.parametrize("mode", MODES)
def test_at_the_very_moment_of_the_timeout_nothing_else_is_hit(weir, mode):
    """Statements that end just then, in transactions and outside, beside clients whom the rule does not concern."""
    pooler = weir(weir={"pool_mode": mode, "default_pool_size": 6 if mode == "transaction" else 12},
                  guards={"slow": {"application_name": "web", "query_timeout": 0.2}})
    until, seed = time.monotonic() + STRESS_SECONDS, random.randrange(1 << 30)

    def client(number, application):
        dice, canceled, done = random.Random(seed + number), 0, 0
        with pooler.connect(application_name=application) as c:
            while time.monotonic() < until:
                in_transaction = dice.random() < 0.5
                if in_transaction:
                    assert not errors(c.ask("BEGIN")), "BEGIN was hit"
                token = f"{number}-{done}"
                answer = c.ask(f"SELECT '{token}', pg_sleep({dice.uniform(0.15, 0.35):.3f})")
                failed = bool(errors(answer))
                if failed:
                    assert application == "web" and overdue(answer), errors(answer)[0].fields
                    canceled += 1
                else:
                    assert rows(answer)[0][0].decode() == token
                for _ in range(dice.randrange(4)):
                    quick = c.ask(f"SELECT 'quick {token}'")
                    if failed and in_transaction:
                        assert errors(quick)[0].sqlstate == "25P02", errors(quick)[0].fields
                    else:
                        assert rows(quick) == [[f"quick {token}".encode()]], [m.fields for m in errors(quick)]
                if in_transaction:
                    assert not errors(c.ask("ROLLBACK")), "ROLLBACK was hit"
                done += 1
        return canceled, done

    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        running = [threads.submit(client, i, "web" if i % 2 else "other") for i in range(12)]
        results = [one.result() for one in running]
    assert sum(canceled for canceled, _ in results) > 0 and sum(done for _, done in results) > 20, seed
    assert shown(pooler, "slow")["refused"] >= sum(canceled for canceled, _ in results)


# ---- a server that the test plays

def stage(weir, handler):
    backend = FakeBackend(handler)
    return backend, weir(databases={"app": {"host": "127.0.0.1", "port": backend.port, "server_tls_sslmode": "disable"}},
                         weir={"pool_mode": "session", "session_tracking": False, "query_stats": False}, guards=SLOW)


def test_a_cancel_that_comes_late_hits_nothing_else(weir):
    """The statement ends by itself while the cancel request is on its way: what comes next waits until that has gone by."""
    heard = []

    def handler(side):
        if "cancel" in side.read_startup():
            time.sleep(1.5)
            heard.append("cancel")
            return
        side.welcome()

        def answer(wire, m):
            if m.type == "Q" and b"slow" in m.body:
                time.sleep(1.1)
            if m.type == "Q" and b"next" in m.body:
                heard.append("next")
            plain_answers(wire, m)

        side.serve(answer)

    backend, pooler = stage(weir, handler)
    with backend, pooler.connect(application_name="web") as c:
        assert rows(c.ask("slow")) == [[b"ok"]]
        assert rows(c.ask("next", timeout=5)) == [[b"ok"]] and rows(c.ask("next")) == [[b"ok"]]
    assert heard == ["cancel", "next", "next"]


def test_a_server_that_does_not_act_on_it_is_given_up_with_its_client(weir):
    def handler(side):
        if "cancel" in side.read_startup():
            return
        side.welcome()
        side.serve(lambda wire, m: None if b"slow" in m.body else plain_answers(wire, m))

    backend, pooler = stage(weir, handler)
    with backend, pooler.connect(application_name="web") as c:
        c.send(query("slow"))
        began = time.monotonic()
        assert overdue(c.until_closed(timeout=9), "FATAL")
        assert 5 < time.monotonic() - began < 8
        with pooler.connect(application_name="web") as other:
            assert rows(other.ask("goes on")) == [[b"ok"]]
