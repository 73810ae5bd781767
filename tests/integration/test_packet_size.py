"""max_packet_size: the longest message that is let through, in either direction."""

import pytest

from rawpg import errors, query, types
from servers import wait_for

LIMIT = 4096


@pytest.fixture
def narrow(weir):
    return weir(weir={"max_packet_size": LIMIT})


def padded(sql, size):
    """A Query whose message says that it is `size` long: four bytes of length, the text and a zero."""
    return query(sql + " " * (size - len(sql) - 5))


@pytest.mark.short
def test_a_client_that_sends_a_longer_message_is_disconnected_and_nobody_else(narrow):
    with narrow.connect() as c, narrow.connect() as witness:
        c.send(padded("SELECT 'fits'", LIMIT))
        assert types(c.until_ready()) == "TDCZ"
        c.send(padded("SELECT 'too long'", LIMIT + 1))
        last = c.until_closed()
        assert errors(last)[0].sqlstate == "08P01" and "max_packet_size" in errors(last)[0].fields["M"]
        assert witness.value("SELECT 'untouched'") == "untouched"


@pytest.mark.short
def test_a_longer_row_costs_its_server_and_is_told(narrow):
    with narrow.connect() as c:
        fits = LIMIT - 4 - 2 - 4  # the lengths of message, row and value
        assert c.value(f"SELECT repeat('x', {fits})") == "x" * fits
        reply = c.ask(f"SELECT repeat('x', {fits + 1})")
        assert errors(reply)[0].sqlstate == "54000" and "max_packet_size" in errors(reply)[0].fields["M"]
        assert c.value("SELECT 'another server'") == "another server"


def test_a_reload_changes_it_for_those_who_are_there(narrow):
    with narrow.connect() as c, narrow.console() as console:
        narrow.rewrite(weir={"max_packet_size": "1MB"})
        assert not errors(console.ask("RELOAD"))
        wait_for(lambda: [r for r in narrow.show("CONFIG") if r["key"] == "max_packet_size"][0]["value"] != str(LIMIT),
                 "the new limit")
        assert c.value("SELECT length('" + "x" * LIMIT * 2 + "')") == str(LIMIT * 2)
