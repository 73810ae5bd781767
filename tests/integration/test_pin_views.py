"""Pins as an operator sees them: SHOW PINS, CLIENTS_EXTENDED, PIN_COUNTS, and what else tells of followed sessions."""

import psycopg
import pytest
from psycopg.rows import dict_row

from servers import USERS, wait_for


def console(pooler):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="bob", password=USERS["bob"][0], dbname="weir",
                           autocommit=True, row_factory=dict_row)


def client(pooler, name):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="alice", password=USERS["alice"][0], dbname="app",
                           autocommit=True, application_name=name)


def show(admin, view):
    return admin.execute(f"SHOW {view}").fetchall()


def extended(admin, name):
    return next(row for row in show(admin, "CLIENTS_EXTENDED") if row["application_name"] == name)


def counted(admin):
    return {row["reasons"]: (row["pins"], row["pinned"]) for row in show(admin, "PIN_COUNTS")}


# A client has its answer before the server was asked what is left there.
def comes_to(read, wanted):
    wait_for(lambda: read() == wanted, f"{wanted}")


@pytest.mark.short
def test_a_temporary_table_and_an_advisory_lock_are_shown_while_they_last(weir):
    pooler = weir(weir={"default_pool_size": 3})
    with console(pooler) as admin, client(pooler, "maker") as maker, client(pooler, "locker") as locker:
        maker.execute("SELECT 1")
        assert show(admin, "PINS") == []
        free = extended(admin, "maker")
        assert (free["pinned"], free["pinned_age"], free["pinned_statement"], free["pinned_fingerprint"]) == (
            "", None, "", "")

        maker.execute("CREATE TEMP TABLE kept AS SELECT 'my secret'::text AS a, 4711 AS b")
        locker.execute("SELECT pg_advisory_lock(815)")
        pid = locker.execute("SELECT pg_backend_pid()").fetchone()[0]
        comes_to(lambda: sorted(row["application_name"] for row in show(admin, "PINS")), ["locker", "maker"])
        pins = {row["application_name"]: row for row in show(admin, "PINS")}
        assert pins["maker"]["reasons"] == "temporary objects"
        assert pins["maker"]["statement"] == "CREATE TEMP TABLE kept AS SELECT ?::text AS a, ? AS b"
        assert pins["locker"]["reasons"] == "advisory locks"
        assert pins["locker"]["statement"] == "SELECT pg_advisory_lock(?)"
        assert pins["locker"]["server_pid"] == pid
        assert (pins["locker"]["database"], pins["locker"]["user"]) == ("app", "alice")
        servers = {row["id"]: row["remote_pid"] for row in show(admin, "SERVERS")}
        for pin in pins.values():
            assert servers[pin["server_id"]] == pin["server_pid"]
            assert 0 <= pin["age"] < 60 and len(pin["fingerprint"]) == 16
        row = extended(admin, "maker")
        assert row["pinned"] == "temporary objects" and row["pinned_age"] is not None
        assert row["pinned_statement"] == pins["maker"]["statement"]
        assert row["pinned_fingerprint"] == pins["maker"]["fingerprint"]
        counts = {row["reasons"]: row for row in show(admin, "PIN_COUNTS")}
        for reasons, name in (("temporary objects", "maker"), ("advisory locks", "locker")):
            assert (counts[reasons]["pins"], counts[reasons]["pinned"]) == (1, 1)
            assert counts[reasons]["fingerprint"] == pins[name]["fingerprint"]
            assert counts[reasons]["pinned_time"] > 0

        # One more lock is one more reason and no other pin.
        maker.execute("SELECT pg_advisory_lock(816)")
        comes_to(lambda: extended(admin, "maker")["pinned"], "temporary objects, advisory locks")
        maker.execute("SELECT pg_advisory_unlock(816)")
        comes_to(lambda: extended(admin, "maker")["pinned"], "temporary objects")

        maker.execute("DROP TABLE kept")
        locker.execute("SELECT pg_advisory_unlock(815)")
        comes_to(lambda: show(admin, "PINS"), [])
        assert extended(admin, "locker")["pinned"] == ""
        assert counted(admin) == {"temporary objects": (1, 0), "advisory locks": (1, 0)}

        # The same statement with another value, ended by the client's own end.
        locker.execute("SELECT pg_advisory_lock(817)")
        comes_to(lambda: counted(admin)["advisory locks"], (2, 1))
        locker.close()
        comes_to(lambda: counted(admin)["advisory locks"], (2, 0))


def test_a_pin_that_discard_ends_is_counted_no_longer(weir):
    pooler = weir(weir={"default_pool_size": 2})
    with console(pooler) as admin, client(pooler, "discarder") as c:
        c.execute("CREATE TEMP TABLE gone (a int)")
        comes_to(lambda: counted(admin), {"temporary objects": (1, 1)})
        c.execute("DISCARD ALL")
        comes_to(lambda: show(admin, "PINS"), [])
        comes_to(lambda: counted(admin), {"temporary objects": (1, 0)})


def test_a_pin_that_discard_sequences_ends_is_counted_no_longer(weir):
    pooler = weir(weir={"default_pool_size": 2})
    with console(pooler) as admin, client(pooler, "discarder") as c:
        c.execute("CREATE SEQUENCE IF NOT EXISTS pin_views_seq")
        with pytest.raises(psycopg.Error):
            c.execute("SELECT lastval()")  # from now on what makes sequences is watched here
        c.execute("SELECT nextval('pin_views_seq')")
        comes_to(lambda: [row["reasons"] for row in show(admin, "PINS")], ["currval and lastval"])
        c.execute("DISCARD SEQUENCES")
        comes_to(lambda: show(admin, "PINS"), [])
        comes_to(lambda: counted(admin), {"currval and lastval": (1, 0)})


def test_listeners_and_the_statement_cache_are_shown(weir):
    pooler = weir()
    with console(pooler) as admin, client(pooler, "listener") as listener:
        assert show(admin, "LISTENERS") == []
        before = show(admin, "STATEMENT_CACHE")[0]
        listener.execute("LISTEN pin_views")
        listener.execute("NOTIFY pin_views, 'x'")
        hub, = show(admin, "LISTENERS")
        assert (hub["database"], hub["user"], hub["state"], hub["channels"], hub["subscribers"]) == (
            "app", "alice", "listening", 1, 1)
        assert hub["received"] >= 1 and hub["delivered"] >= 1 and hub["remote_pid"] > 0 and hub["last_error"] == ""
        for number in range(20):
            listener.execute(f"SELECT {number} AS same_but_for_its_value")
        after = show(admin, "STATEMENT_CACHE")[0]
        assert after["skeleton_hits"] + after["text_hits"] >= before["skeleton_hits"] + before["text_hits"] + 18
        assert after["parses"] > before["parses"]
