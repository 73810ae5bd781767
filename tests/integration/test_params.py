"""Settings follow their client from server to server, and never reach another one."""

import re

import pytest

import rawpg
from rawpg import Raw, errors, rows
from servers import wait_for


def hold(pooler, **who):
    c = pooler.connect(**who)
    assert not errors(c.ask("BEGIN"))
    return c


@pytest.mark.short
@pytest.mark.parametrize("startup, name, value", [
    ({"extra_float_digits": "2"}, "extra_float_digits", "2"),
    ({"search_path": 'pg_catalog, "Odd ""name", public'}, "search_path", 'pg_catalog, "Odd ""name", public'),
    ({"options": "-c statement_timeout=5s -c geqo=off"}, "statement_timeout", "5s"),
    ({"TimeZone": "America/New_York"}, "timezone", "America/New_York"),
    ({"application_name": "it's \\ \"quoted\" %s"}, "application_name", "it's \\ \"quoted\" %s"),
    ({"app.long": "x'\\\"" * 75}, "app.long", "x'\\\"" * 75),
])
def test_a_startup_parameter_holds_on_every_server_and_for_its_client_only(weir, startup, name, value):
    pooler = weir(weir={"default_pool_size": 3})
    with pooler.connect(**startup) as mine, pooler.connect() as other:
        plain = other.value(f"SELECT coalesce(current_setting('{name}', true), '')")
        assert plain != value
        pids, busy = set(), []
        for _ in range(2):
            pids.add(mine.value("SELECT pg_backend_pid()"))
            assert mine.value(f"SELECT current_setting('{name}')") == value
            assert other.value(f"SELECT coalesce(current_setting('{name}', true), '')") == plain
            assert mine.value(f"SELECT current_setting('{name}')") == value
            busy.append(hold(pooler))  # on the server that both just had
        assert len(pids) == 2
        for c in busy:
            c.drop()


@pytest.mark.short
def test_what_one_client_sets_no_other_sees_on_the_same_server(weir):
    pooler = weir(weir={"default_pool_size": 1})
    with pooler.connect() as a, pooler.connect() as b:
        before = b.value("SHOW timezone")
        assert before != "Asia/Tokyo"
        a.ask("SET TimeZone = 'Asia/Tokyo'")
        a.ask("SET application_name = 'renamed'")
        for _ in range(3):
            assert b.value("SHOW timezone") == before and b.value("SHOW application_name") == ""
            assert a.value("SHOW timezone") == "Asia/Tokyo" and a.value("SHOW application_name") == "renamed"
        a.ask("BEGIN")
        a.ask("SET TimeZone = 'UTC'")
        a.ask("ROLLBACK")
        assert b.value("SHOW timezone") == before
        assert a.value("SHOW timezone") == "Asia/Tokyo"


def test_another_spelling_of_a_value_is_not_set_again_and_again(weir, postgres):
    pooler = weir(weir={"default_pool_size": 1})
    postgres.sql("ALTER ROLE bob SET log_statement = 'all'")
    try:
        with pooler.connect("bob", TimeZone="utc", DateStyle="iso, mdy", application_name="spelled") as a, \
                pooler.connect("bob", TimeZone="UTC", application_name="spelled") as b:
            a.value("SELECT 1")
            b.value("SELECT 1")
            at = len(postgres.log())
            for n in range(20):
                a.value(f"SELECT 'a{n}'")
                b.value(f"SELECT 'b{n}'")
        wait_for(lambda: "SELECT 'b19'" in postgres.log()[at:], "the log")
        assert len(re.findall(r"statement: SELECT '[ab]", postgres.log()[at:])) == 40
        assert not re.findall(r"statement: .*set_config", postgres.log()[at:])
    finally:
        postgres.sql("ALTER ROLE bob RESET log_statement")


@pytest.mark.short
@pytest.mark.parametrize("startup", [
    {"TimeZone": "Nowhere/Land"}, {"extra_float_digits": "many"}, {"no_such_setting": "1"},
    {"options": "-c work_mem=lots"}, {"shared_buffers": "1GB"},
])
def test_a_value_that_the_server_refuses_is_left_out_with_a_warning(weir, startup):
    pooler = weir(weir={"default_pool_size": 1})
    with Raw.connect(pooler.port) as c:
        c.send(rawpg.startup("alice", "app", **startup))
        assert c.authenticate("alice-pw", "alice") is None
        reply = c.until_ready()
        assert not errors(reply)
        notices = [m.fields for m in reply if m.type == "N"]
        assert [n for n in notices if n["S"] == "WARNING"], notices
        assert rows(c.ask("SELECT 'in'")) == [[b"in"]]
