"""Strangers: other clients of the same pool, who use the same servers between every two steps of a parity case.

With n servers there are n strangers. Between two steps each begins a transaction, so that every server that is not
held has a stranger on it, leaves other values there than the case's client has, and all but one stay until after the
next step: the client then gets the server that is next in turn, never twice the same one in a row (but with n = 1).
While the client holds a server (a transaction, a pin), one stranger must wait for it; if he is served, the client was
not given what it needs, and if he is not served afterwards, something holds the server without a reason.

A stranger watches his own values too: what the case's client does must not reach him.
"""

import os
import select
import time

from rawpg import Closed, Late, Raw, Msg, errors, query

SERVED_SECONDS = 4.0     # for a server that must be free
PERHAPS_SECONDS = 0.06   # for one that may be pinned
NOT_SERVED_SECONDS = 0.003  # how long it is watched that he who must wait is not served

ZONES = ("Asia/Tokyo", "America/Lima", "Europe/Oslo", "Africa/Cairo", "Asia/Kolkata")
WATCHED = ("work_mem", "search_path", "TimeZone", "custom.x", "application_name", "role", "DateStyle", "lock_timeout")
AT_FIRST = {"work_mem": "4MB", "search_path": '"$user", public', "TimeZone": None, "custom.x": "", "application_name": "",
            "role": "none", "DateStyle": "ISO, MDY", "lock_timeout": "0"}


class Trouble(AssertionError):
    """A stranger saw what he must not see, or did not get what he must get."""


def new_values(n):
    return {"work_mem": f"{128 + n % 300}kB", "search_path": f"stranger_{n % 7}, a", "TimeZone": ZONES[n % len(ZONES)],
            "custom.x": f"of a stranger {n}", "application_name": f"stranger {n}", "DateStyle": ("German, DMY", "SQL, DMY")[n % 2],
            "lock_timeout": f"{n % 23 + 1}h"}


def sets(values):
    quoted = {k: v if k == "search_path" else "'" + v + "'" for k, v in values.items()}
    return "; ".join(f"SET {k} = {v}" for k, v in quoted.items())


class Stranger:
    """One other client. `inside`: he has a server, in a transaction. `pending`: he waits for one."""

    def __init__(self, connect, number, random):
        self.wire: Raw = connect()
        self.number, self.random, self.turn = number, random, 0
        self.expected = dict(AT_FIRST)
        self.inside = self.pending = False
        self.server, self.got, self.does, self.after = None, [], "", ()

    def enter(self):
        """Asks for a server: begins, looks at his own values, and changes what can be changed."""
        self.turn += 1
        n = self.number * 1000 + self.turn + self.random.randrange(90)
        look = ", ".join(f"current_setting('{name}', true)" for name in WATCHED)
        self.does, extra, self.after = self.random.choice(DEEDS)(self, n)
        self.wire.send(query(f"BEGIN; SELECT pg_backend_pid(), {look}" + "".join(f"; {e}" for e in extra)))
        self.pending, self.got = True, []

    def served(self, message: Msg):
        self.got.append(message)
        if message.type != "Z":
            return
        self.pending, self.inside = False, True
        bad = errors(self.got)
        if bad:
            raise Trouble(f"stranger {self.number}, {self.does}: {bad[0].fields}")
        row = next(m.row for m in self.got if m.type == "D")
        self.server = int(row[0])
        for name, value in zip(WATCHED, row[1:]):
            value, wanted = (value or b"").decode(), self.expected[name]
            if wanted is not None and value != wanted:
                raise Trouble(f"stranger {self.number} has {name} = {value!r} on server {self.server}, and made it {wanted!r}")

    def leave(self, alone):
        """Ends his transaction, as he meant to when he began it. `alone`: nobody waits for his server, so that he may
        go on with what cannot be done within a transaction."""
        ends, values = self.after
        for end, values in zip(ends, values) if isinstance(ends, tuple) else [(ends, values)]:
            bad = errors(self.wire.ask(end))
            if bad:
                raise Trouble(f"stranger {self.number}, {end}: {bad[0].fields}")
            self.expected |= values
            self.inside = False
            if not alone:
                return

    def end(self):
        try:
            self.wire.send(b"X\0\0\0\4")
        except Closed:
            pass
        self.wire.drop()


# ---- What strangers do: a name, statements after BEGIN, and (how it ends, what he then expects to have); a tuple of
# ends is several statements, one after the other

def keep_settings(stranger, n):
    values = new_values(n)
    return "settings, committed", [sets(values), "SET extra_float_digits = 0", "SET bytea_output = escape"], ("COMMIT", values)


def drop_settings(stranger, n):
    return "settings, rolled back", [sets(new_values(n)), "SET standard_conforming_strings = off"], ("ROLLBACK", {})


def local_settings(stranger, n):
    return "SET LOCAL", [sets(new_values(n)).replace("SET ", "SET LOCAL "), "SET LOCAL ROLE role_s"], ("COMMIT", {})


def reset_all(stranger, n):
    first = {k: v for k, v in AT_FIRST.items() if k != "role"}
    return "RESET ALL", [sets(new_values(n)), "RESET ALL"], ("COMMIT", first)


def discard_all(stranger, n):
    return "DISCARD ALL", ["DEALLOCATE ALL", sets(new_values(n)), "PREPARE p AS SELECT 'of a stranger'"], (
        ("COMMIT", "DISCARD ALL"), (new_values(n), AT_FIRST))


def another_role(stranger, n):
    return "SET ROLE", ["SET ROLE role_s", "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ"], (
        "COMMIT", {"role": "role_s"})


def own_role(stranger, n):
    return "RESET ROLE", ["RESET ROLE", "SET default_transaction_isolation TO DEFAULT"], ("COMMIT", {"role": "none"})


def prepares(stranger, n):
    names = ("p", "q", "s0", '"Mixed"')
    return "PREPARE", ["DEALLOCATE ALL"] + [f"PREPARE {name} AS SELECT 'of a stranger {n}'" for name in names], ("COMMIT", {})


def deallocates(stranger, n):
    return "DEALLOCATE ALL", ["DEALLOCATE ALL"], ("COMMIT", {})


def temporary(stranger, n):
    return "temporary table", ["SET LOCAL search_path = pg_temp, a", "CREATE TEMP TABLE t (stranger int) ON COMMIT DROP",
                               "CREATE TEMP TABLE tmp (stranger int)", "CREATE TEMP SEQUENCE sq"], ("ROLLBACK", {})


def advisory(stranger, n):
    return "advisory lock", [f"SELECT pg_advisory_lock({9000 + n})", f"SELECT pg_advisory_xact_lock({19000 + n})",
                             f"SELECT pg_advisory_unlock({9000 + n})"], ("COMMIT", {})


def cursors(stranger, n):
    return "cursors", ["DECLARE c CURSOR FOR SELECT 'of a stranger'", "DECLARE h CURSOR WITH HOLD FOR SELECT 1", "FETCH c",
                       "CLOSE h"], ("COMMIT", {})


def by_function(stranger, n):
    value = f"by function {n}"
    return "set_config()", [f"SELECT set_config('custom.x', '{value}', false), set_config('work_mem', '200kB', false)"], (
        "COMMIT", {"custom.x": value, "work_mem": "200kB"})


def listens(stranger, n):
    return "LISTEN", ["LISTEN strange"], ("ROLLBACK", {})


# With PARITY_STRANGERS=quiet they leave nothing behind: what fails then too is not a leak.
TIDY_DEEDS = (local_settings, temporary, advisory, cursors)
ALL_DEEDS = (keep_settings, keep_settings, drop_settings, local_settings, reset_all, another_role, own_role, prepares,
             deallocates, discard_all, temporary, advisory, cursors, by_function, listens)
DEEDS = TIDY_DEEDS if os.environ.get("PARITY_STRANGERS") == "quiet" else ALL_DEEDS


class Strangers:
    """All strangers of one case."""

    def __init__(self, connect, servers, random):
        self.connect, self.count, self.random = connect, servers, random
        self.all, self.turns = [], 0

    def read(self, seconds, enough):
        """Reads what the waiting ones are answered until `enough` are served or the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            waiting = [s for s in self.all if s.pending]
            if not waiting or sum(s.inside for s in self.all) >= enough:
                return
            ready, _, _ = select.select([s.wire.sock for s in waiting], [], [], max(0, deadline - time.monotonic()))
            for s in waiting:
                if s.wire.sock in ready:
                    s.served(s.wire.message())
                    while s.pending and s.wire.buffer:
                        s.served(s.wire.message())
            if not ready and time.monotonic() >= deadline:
                return

    def inside(self):
        return [s for s in self.all if s.inside]

    def look(self, held):
        """Before the client's next step: nobody may have been given the server that it holds."""
        self.read(NOT_SERVED_SECONDS if held else 0, self.count)
        if held and len(self.inside()) >= self.count:
            raise Trouble(f"{held}, and a stranger was given its server: {[s.server for s in self.inside()]}")

    def turn(self, held, perhaps=False):
        """Everything that strangers do between two steps. `held` says why the client has a server now, if it has."""
        if not self.all:
            self.all = [Stranger(self.connect, n, self.random) for n in range(self.count)]
        self.look(held)
        for s in self.inside():
            s.leave(not any(other.pending for other in self.all))
        for s in self.all:
            if not s.pending and not s.inside:
                s.enter()
        free = self.count - (1 if held else 0)
        self.read(PERHAPS_SECONDS if perhaps else SERVED_SECONDS, self.count if perhaps else free)
        served = len(self.inside())
        if served < free - (1 if perhaps else 0):
            raise Trouble(f"only {served} of {free} servers could be had within {SERVED_SECONDS} s: the client keeps one "
                          "without a reason" if not held else f"only {served} of {free} servers could be had")
        if served > free:
            raise Trouble(f"{held}, and a stranger was given its server")
        if served == self.count:
            self.turns += 1
            turn = sorted(self.all, key=lambda s: s.server)[self.turns % self.count]
            turn.leave(True)

    def end(self):
        for s in self.all:
            s.end()
        self.all = []
