"""How many servers and clients there may be, who goes first when there are too few, and that nothing is counted twice."""

import time

import pytest

from rawpg import Raw, errors, query, rows
from servers import wait_for


def target(postgres, **more):
    return {"host": "127.0.0.1", "port": postgres.port, "dbname": "app"} | more


def hold(pooler, **who):
    """A client inside a transaction: it keeps a server."""
    c = pooler.connect(**who)
    assert not errors(c.ask("BEGIN"))
    return c


def waits(pooler, **who):
    """A client whose query is in line, and stays there for a moment."""
    c = pooler.connect(**who)
    c.send(query("SELECT 'served'"))
    assert c.quiet(0.3), "it was served although there should be no server left"
    return c


def known(pooler, *pools):
    """Each pool of (user, database) has seen a server, so that its clients are let in without one."""
    for user, database in pools:
        with pooler.connect(user, database=database) as c:
            assert c.value("SELECT 1") == "1"


def served(c, timeout=5):
    assert rows(c.until_ready(timeout=timeout)) == [[b"served"]]


def backends(postgres, database="app", user=None):
    """Connections as PostgreSQL counts them, our own aside, and that which reads the catalogue for a few seconds."""
    who = f"AND usename = '{user}'" if user else ""
    return int(postgres.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' {who} "
                            "AND pid <> pg_backend_pid() AND backend_type = 'client backend' "
                            "AND application_name <> 'weir catalogue'")[0][0])


def pool_row(pooler, database="app", user="alice"):
    return next(r for r in pooler.show("POOLS") if r["database"] == database and r["user"] == user)


# ---- the size of a pool, and who decides it

@pytest.mark.short
def test_a_pool_has_as_many_servers_as_it_may_and_the_next_client_waits(weir, postgres):
    pooler = weir(weir={"default_pool_size": 2})
    first, second = hold(pooler), hold(pooler)
    third = waits(pooler)
    assert backends(postgres, user="alice") == 2
    row = pool_row(pooler)
    assert (row["cl_active"], row["cl_waiting"], row["sv_active"]) == ("2", "1", "2")
    first.ask("COMMIT")
    served(third)
    for c in (first, second, third):
        c.drop()


@pytest.mark.parametrize("settings, size", [
    ({"weir": {"default_pool_size": 1}}, 1),
    ({"weir": {"default_pool_size": 1}, "database": {"pool_size": 2}}, 2),
    ({"weir": {"default_pool_size": 1}, "database": {"pool_size": 2}, "user": {"pool_size": 3}}, 3),
    ({"weir": {"default_pool_size": 3}, "user": {"pool_size": 1}}, 1),
], ids=["global", "database over global", "user over database", "user over global"])
def test_the_narrower_setting_of_the_pool_size_wins(weir, postgres, settings, size):
    pooler = weir(weir=settings["weir"], databases={"app": target(postgres, **settings.get("database", {}))},
                  users={"alice": {"password": "alice-pw"} | settings.get("user", {}), "bob": {"password": "bob-pw"}})
    held = [hold(pooler) for _ in range(size)]
    late = waits(pooler)
    held[0].ask("COMMIT")
    served(late)
    for c in held + [late]:
        c.drop()


def test_clients_are_served_in_the_order_they_came(weir):
    pooler = weir(weir={"default_pool_size": 1}, workers={"count": 1})
    holder = hold(pooler)
    line = []
    for n in range(8):
        c = pooler.connect()
        c.send(query(f"SELECT {n}, pg_sleep(0.02), clock_timestamp()"))
        line.append(c)
        wait_for(lambda: int(pool_row(pooler)["cl_waiting"]) == n + 1, "the client to be in line")
    holder.ask("COMMIT")
    when = [rows(c.until_ready())[0][2] for c in line]
    assert when == sorted(when)
    for c in line + [holder]:
        c.drop()


def test_a_client_that_leaves_the_line_takes_no_server(weir):
    pooler = weir(weir={"default_pool_size": 1})
    holder = hold(pooler)
    gone, stays = waits(pooler), waits(pooler)
    gone.drop()
    wait_for(lambda: pool_row(pooler)["cl_waiting"] == "1", "the line to be shorter")
    holder.ask("COMMIT")
    served(stays)
    for c in (holder, stays):
        c.drop()


def test_min_pool_size_is_kept_while_the_pool_is_in_use_and_through_idleness(weir, postgres):
    pooler = weir(weir={"min_pool_size": 3, "default_pool_size": 5, "server_idle_timeout": 0.3})
    with pooler.connect() as c:
        assert c.value("SELECT 1") == "1"
        wait_for(lambda: backends(postgres, user="alice") == 3, "three servers")
        time.sleep(1)
        assert backends(postgres, user="alice") == 3
    wait_for(lambda: backends(postgres, user="alice") == 0, "the servers of an abandoned pool to go")


def test_servers_above_the_minimum_go_when_idle_and_those_below_stay(weir, postgres):
    pooler = weir(weir={"min_pool_size": 1, "default_pool_size": 4, "server_idle_timeout": 0.4})
    clients = [hold(pooler) for _ in range(4)]
    assert backends(postgres, user="alice") == 4
    for c in clients:
        c.ask("COMMIT")
    wait_for(lambda: backends(postgres, user="alice") == 1, "all but one to go", 4)
    time.sleep(0.6)
    assert backends(postgres, user="alice") == 1
    for c in clients:
        c.drop()


# ---- the reserve

def test_the_reserve_opens_only_after_its_timeout(weir, postgres):
    pooler = weir(weir={"default_pool_size": 1, "reserve_pool_size": 1, "reserve_pool_timeout": 1})
    holder = hold(pooler)
    began = time.monotonic()
    late = waits(pooler)
    served(late)
    assert 0.9 < time.monotonic() - began < 2.5
    assert backends(postgres, user="alice") == 2
    for c in (holder, late):
        c.drop()


def test_no_more_than_the_reserve_is_opened(weir, postgres):
    pooler = weir(weir={"default_pool_size": 1, "reserve_pool_size": 1, "reserve_pool_timeout": 0.2})
    first = hold(pooler)
    second = pooler.connect()
    assert not errors(second.ask("BEGIN"))
    third = pooler.connect()
    third.send(query("SELECT 'served'"))
    assert third.quiet(1)
    assert backends(postgres, user="alice") == 2
    second.ask("COMMIT")
    served(third)
    for c in (first, second, third):
        c.drop()


def test_a_reserve_with_timeout_zero_is_never_opened(weir, postgres):
    pooler = weir(weir={"default_pool_size": 1, "reserve_pool_size": 2, "reserve_pool_timeout": 0})
    holder = hold(pooler)
    late = pooler.connect()
    late.send(query("SELECT 'served'"))
    assert late.quiet(1)
    holder.ask("COMMIT")
    served(late)
    assert backends(postgres, user="alice") == 1
    for c in (holder, late):
        c.drop()


# ---- caps over several pools

def test_max_db_connections_holds_for_all_users_of_the_database(weir, postgres):
    pooler = weir(weir={"default_pool_size": 5, "max_db_connections": 2})
    known(pooler, ("md5er", "app"), ("bob", "other"))
    a, b = hold(pooler), hold(pooler, user="bob")
    late = waits(pooler, user="md5er")
    assert backends(postgres) == 2
    elsewhere = pooler.connect("bob", database="other")
    assert elsewhere.value("SELECT 'another database'") == "another database"
    a.ask("COMMIT")
    served(late)
    assert backends(postgres) <= 2
    for c in (a, b, late, elsewhere):
        c.drop()


def test_a_databases_own_cap_wins_over_the_general_one(weir, postgres):
    pooler = weir(weir={"default_pool_size": 5, "max_db_connections": 1},
                  databases={"app": target(postgres, max_db_connections=2), "other": target(postgres)})
    known(pooler, ("alice", "other"))
    a, b = hold(pooler), hold(pooler)
    late = waits(pooler)
    c = hold(pooler, user="bob", database="other")
    late_too = waits(pooler, user="alice", database="other")
    for one in (a, b, late, c, late_too):
        one.drop()


def test_max_user_connections_holds_over_all_databases_and_a_users_own_wins(weir, postgres):
    pooler = weir(weir={"default_pool_size": 5, "max_user_connections": 1},
                  users={"alice": {"password": "alice-pw"},
                         "bob": {"password": "bob-pw", "max_user_connections": 2}})
    known(pooler, ("alice", "other"))
    a = hold(pooler)
    late = waits(pooler, database="other")
    held = [hold(pooler, user="bob"), hold(pooler, user="bob", database="other")]
    late_bob = waits(pooler, user="bob")
    a.ask("COMMIT")
    served(late)
    held[1].ask("COMMIT")
    served(late_bob)
    for c in [a, late, late_bob] + held:
        c.drop()


def test_max_host_connections_sheds_an_idle_server_of_another_pool(weir, postgres):
    names = ["aaa", "mmm", "zzz"]
    pooler = weir(databases={n: target(postgres) for n in names}, weir={"default_pool_size": 5, "max_host_connections": 2})
    for name in names * 2:
        with pooler.connect(database=name) as c:
            began = time.monotonic()
            assert c.value("SELECT 1") == "1"
            assert time.monotonic() - began < 2, name
        assert backends(postgres) <= 2


def test_a_waiting_pool_gets_what_a_busy_pool_of_the_same_host_gives_back(weir, postgres):
    pooler = weir(databases={n: target(postgres) for n in ("aaa", "zzz")},
                  weir={"default_pool_size": 5, "max_host_connections": 2})
    known(pooler, ("alice", "zzz"))
    held = [hold(pooler, database="aaa") for _ in range(2)]
    last = waits(pooler, database="zzz")
    queue = [waits(pooler, database="aaa") for _ in range(3)]
    held[0].ask("COMMIT")
    served(last)  # it came before the others of aaa
    held[1].ask("COMMIT")
    for c in queue:
        served(c)
    assert backends(postgres) <= 2
    for c in held + queue + [last]:
        c.drop()


def test_a_pool_that_moves_to_another_host_settles_with_the_one_it_left(weir, postgres):
    pooler = weir(databases={"app": target(postgres)}, weir={"default_pool_size": 5, "max_host_connections": 2})
    for host in ("localhost", "127.0.0.1", "localhost", "127.0.0.1"):
        held = [hold(pooler) for _ in range(2)]
        late = waits(pooler)
        pooler.rewrite(databases={"app": {"host": host}})
        with pooler.console() as console:
            assert not errors(console.ask("RELOAD"))
        for c in held:
            c.ask("COMMIT")
        served(late)
        for c in held + [late]:
            c.drop()
        wait_for(lambda: pool_row(pooler)["cl_active"] == "0", "the clients to be gone")
    held = [hold(pooler) for _ in range(2)]
    late = waits(pooler)
    assert backends(postgres) == 2
    held[0].ask("COMMIT")
    served(late)
    for c in held + [late]:
        c.drop()


# ---- clients

def refused(pooler, user="alice", database="app"):
    with Raw.connect(pooler.port) as c:
        return c.try_login(user, user + "-pw", database)


@pytest.mark.short
def test_the_client_after_max_client_conn_is_refused_and_another_may_come_when_one_goes(weir):
    pooler = weir(weir={"max_client_conn": 3})
    clients = [pooler.connect() for _ in range(3)]
    refusal = refused(pooler)
    assert refusal is not None and refusal.sqlstate == "53300" and "max_client_conn" in refusal.fields["M"]
    assert clients[0].value("SELECT 1") == "1"
    with pooler.console() as console:  # whoever looks after it still gets in
        assert not errors(console.ask("SHOW POOLS"))
    clients.pop().drop()
    wait_for(lambda: refused(pooler) is None, "room for another client")
    for c in clients:
        c.drop()


@pytest.mark.parametrize("settings, size, name", [
    ({"weir": {"max_db_client_connections": 2}}, 2, "max_db_client_connections"),
    ({"weir": {"max_db_client_connections": 2}, "database": {"max_db_client_connections": 3}}, 3, "max_db_client_connections"),
    ({"weir": {"max_user_client_connections": 2}}, 2, "max_user_client_connections"),
    ({"weir": {"max_user_client_connections": 2}, "user": {"max_user_client_connections": 1}}, 1, "max_user_client_connections"),
])
def test_clients_per_database_and_per_user_are_capped_and_the_narrower_setting_wins(weir, postgres, settings, size, name):
    pooler = weir(weir=settings["weir"],
                  databases={"app": target(postgres, **settings.get("database", {})), "other": target(postgres)},
                  users={"alice": {"password": "alice-pw"} | settings.get("user", {}), "bob": {"password": "bob-pw"}})
    clients = [pooler.connect() for _ in range(size)]
    refusal = refused(pooler)
    assert refusal is not None and refusal.sqlstate == "53300" and name in refusal.fields["M"]
    by_database = "db_client" in name
    assert refused(pooler, database="other") is None if by_database else refused(pooler, "bob") is None
    clients.pop().drop()
    wait_for(lambda: refused(pooler) is None, "room for another client")
    for c in clients:
        c.drop()


def test_every_counter_is_back_at_zero_when_all_are_gone(weir, postgres):
    pooler = weir(weir={"default_pool_size": 2, "max_client_conn": 20, "max_user_client_connections": 20,
                        "max_db_client_connections": 20, "server_idle_timeout": 0.3})
    for _ in range(3):
        clients = [pooler.connect() for _ in range(10)]
        for n, c in enumerate(clients):
            c.send(query(["SELECT 1", "BEGIN", "SELECT pg_sleep(5)"][n % 3]))
        with Raw.connect(pooler.port) as wrong:
            assert wrong.try_login("alice", "wrong", "app").sqlstate == "28P01"
        for n, c in enumerate(clients):
            c.reset() if n % 2 else c.drop()

    def settled():
        row = pool_row(pooler)
        return all(row[k] == "0" for k in ("cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login"))

    wait_for(settled, "every counter to be zero", 15)
    assert backends(postgres, user="alice") == 0
    user = next(r for r in pooler.show("USERS") if r["name"] == "alice")
    database = next(r for r in pooler.show("DATABASES") if r["name"] == "app")
    assert user.get("current_client_connections", "0") == "0" and user.get("current_connections", "0") == "0"
    assert database["current_connections"] == "0" and database.get("current_client_connections", "0") == "0"
    clients = [pooler.connect() for _ in range(20)]
    for c in clients:
        c.drop()


def test_a_server_that_cannot_be_had_leaves_no_count_behind(weir, postgres):
    pooler = weir(databases={"app": target(postgres), "gone": target(postgres, dbname="never_there")},
                  weir={"default_pool_size": 2, "max_host_connections": 2, "max_user_connections": 2, "server_login_retry": 0.1})
    for _ in range(5):
        with Raw.connect(pooler.port) as c:
            refusal = c.try_login("alice", "alice-pw", "gone")
            assert refusal is not None and refusal.sqlstate == "3D000"
    held = [hold(pooler), hold(pooler)]
    for c in held:
        c.drop()


def test_a_smaller_pool_after_reload_shrinks_and_a_larger_one_serves_who_waits(weir, postgres):
    pooler = weir(weir={"default_pool_size": 1})
    holder = hold(pooler)
    late = waits(pooler)
    pooler.rewrite(weir={"default_pool_size": 2})
    with pooler.console() as console:
        assert not errors(console.ask("RELOAD"))
    served(late)
    for c in (holder, late):
        c.drop()
