"""The parity suite's harness: one scripted session, against PostgreSQL itself and through Weir, compared byte for byte.

Through Weir the session shares its servers with strangers (parity_strangers.py), in a pool of one server and in one of
three. Each case has a pool of its own, made by the "*" section, so that a leak is reported where it happens.

    CASES = [Case("a name", "Q SET work_mem = '5MB'\\nQ SHOW work_mem")]     # the language: parity_script.py

    @parametrize(CASES)
    def test_it(parity_world, case, size):
        check(parity_world, case, size)
"""

import itertools
import os
import random
import re
import struct
import zlib
from dataclasses import dataclass, field

import pytest

import leftovers
import rawpg
from parity_script import compile_script, oids_of, transaction_status
from parity_strangers import Strangers, Trouble
from rawpg import Closed, Late, Msg, Raw
from servers import USERS, Weir

DATABASE = "parity"
# PARITY_AGAINST=postgres compares PostgreSQL with itself: is each script the same twice, without any pooler?
AGAINST = os.environ.get("PARITY_AGAINST", "weir")
STEP_SECONDS = 4.0
FIRST_USER_OID = 16384

# What is made equal before the comparison. Nothing else may differ.
NORMALIZED = {
    "pid and key": "BackendKeyData is the pooler's own; it is not in the transcript, and the pid in a NotificationResponse is 0",
    "oid": "oids of tables and types that the case itself made are numbered in the order in which they appear",
    "pg_temp": "pg_temp_7 is pg_temp_N: which number a session has depends on the others",
    "parameter order": "ParameterStatus messages next to each other are sorted: PostgreSQL's own order is that of a hash",
    "custom settings": "custom.x and custom.y are '' in every new session: PostgreSQL keeps the name of such a setting for as "
                       "long as a connection lives, so where another had it before, it is '' and not unknown",
    "place of 25P02": "the source line (L, R) of 'current transaction is aborted': where a server has not seen a statement before, it "
                      "refuses the pooler's Parse before the client's Bind",
    "notification time": "NotificationResponse may come between any two messages: they are compared by themselves, sorted",
}


@dataclass
class Case:
    name: str
    script: str
    user: str = "alice"
    startup: dict = field(default_factory=dict)
    setup: str = ""        # run by a superuser before each run
    teardown: str = ""     # and after it
    sizes: tuple = (1, 3)


def cases(text, **shared):
    """Cases as text: a line '=== name', then lines of the script; before those perhaps 'user bob', 'startup k=v k='v w'',
    'setup sql', 'teardown sql' and 'sizes 1'."""
    out = []
    for part in re.split(r"^\s*=== ", text, flags=re.M)[1:]:
        name, _, rest = part.partition("\n")
        more, lines = dict(shared), rest.splitlines()
        while lines and (found := re.match(r"\s*(user|startup|setup|teardown|sizes) (.*)", lines[0])):
            word, value = found.groups()
            more[word] = (pairs_of(value) if word == "startup" else tuple(map(int, value.split())) if word == "sizes" else value)
            lines.pop(0)
        assert lines, f"{name} has no script"
        out.append(Case(name.strip(), "\n".join(lines), **more))
    return out


def pairs_of(text):
    """k=v k='v w' as a dictionary."""
    return {k: v[1:-1].replace("''", "'") if v.startswith("'") else v
            for k, v in re.findall(r"(\S+?)=('(?:[^']|'')*'|\S*)", text)}


# ---- transcripts

class Normalizer:
    def __init__(self):
        self.oids = {}

    def oid(self, number):
        return number if number < FIRST_USER_OID else FIRST_USER_OID + self.oids.setdefault(number, len(self.oids))

    def message(self, m):
        body = m.body
        if m.type in "Tt":
            raw = bytearray(body)
            places = oids_of(body) if m.type == "T" else range(2, len(body), 4)
            for at in places:
                struct.pack_into("!I", raw, at, self.oid(struct.unpack_from("!I", raw, at)[0]))
            body = bytes(raw)
        if m.type == "E" and m.sqlstate == "25P02":
            body = re.sub(rb"\0L\d+\0R\w+\0", rb"\0", body)
        if m.type in "DEN":
            body = re.sub(rb"pg_(toast_)?temp_\d+", rb"pg_\1temp_N", body) if b"temp_" in body else body
            if m.type == "D" and body != m.body:  # lengths of values changed with them
                values = [None if v is None else re.sub(rb"pg_(toast_)?temp_\d+", rb"pg_\1temp_N", v) for v in m.row]
                body = struct.pack("!H", len(values)) + b"".join(
                    struct.pack("!i", -1) if v is None else struct.pack("!I", len(v)) + v for v in values)
        return Msg(m.type, body)

    def reply(self, messages):
        out = []
        for is_parameter, run in itertools.groupby((m for m in messages if m.type != "A"), lambda m: m.type == "S"):
            run = [self.message(m) for m in run]
            out += sorted(run) if is_parameter else run
        return out


def shown(m):
    """A message as a person reads it."""
    if m.type == "D":
        return "D " + " | ".join("NULL" if v is None else v.decode("utf-8", "replace") for v in m.row)
    if m.type == "T":
        names, at = [], 2
        for place in oids_of(m.body)[::2]:
            names.append(f"{m.body[at:place - 1].decode()}:{struct.unpack_from('!I', m.body, place + 6)[0]}")
            at = place + 18
        return "T " + " | ".join(names)
    if m.type in "EN":
        return f"{m.type} " + " ".join(f"{k}={v!r}" for k, v in m.fields.items())
    return f"{m.type} " + m.body.rstrip(b"\0").decode("utf-8", "replace").replace("\0", "=")


# ---- one run

class Broken(AssertionError):
    """The session did not go on; its transcript so far is kept."""


class Run:
    """One case against one place. `entries` is the transcript: (step's text, messages)."""

    def __init__(self, case, world, port, database, servers=0):
        self.case, self.world, self.port, self.database = case, world, port, database
        self.normalizer, self.entries, self.notifications = Normalizer(), [], []
        self.client, self.status, self.mode, self.quiet = None, "I", "free", False
        self.log_in_values = dict(case.startup)
        number = random.Random(zlib.crc32(case.name.encode()) + servers)
        self.strangers = Strangers(self.connect_stranger, servers, number) if servers else None

    def connect_stranger(self):
        return Raw.connect(self.port, timeout=STEP_SECONDS).login(self.case.user, "", self.database)

    def note(self, text, messages):
        self.notifications += [m for m in messages if m.type == "A"]
        self.entries.append((text, self.normalizer.reply(messages)))

    def log_in(self, text="log in"):
        self.client = Raw.connect(self.port, timeout=STEP_SECONDS)
        self.client.send(rawpg.startup(self.case.user, self.database, **self.log_in_values))
        refusal = self.client.authenticate(USERS[self.case.user][0], self.case.user)
        got = [refusal] if refusal else self.client.until("Z", "E", timeout=STEP_SECONDS)
        self.note(text, sorted(m for m in got if m.type in "SNE"))

    def read(self, step):
        """The whole answer to a step."""
        c, out = self.client, []
        if not step.answers:
            return c.until_ready(step.ready, timeout=STEP_SECONDS)
        for last in step.answers:
            out += c.until("E", *last, timeout=STEP_SECONDS)
            if out[-1].type == "E":
                break
        return out

    def held(self):
        if self.status in "TE":
            return "the client is in a transaction"
        return "the client is pinned" if self.mode == "pin" else ""

    def do(self, step):
        c = self.client
        if step.kind == "send":
            c.send(step.data)
            try:
                got = self.read(step)
            except (Closed, Late) as error:
                raise Broken(f"after {step.text!r}: {error}; the answer so far: {rawpg.types(self.partial())}")
            self.status = transaction_status(got) or ("T" if step.answers else self.status)
            self.note(step.text, got)
        elif step.kind in ("reconnect", "abort"):
            if step.kind == "abort":
                c.reset()
            else:
                c.send(rawpg.terminate())
                c.drop()
            if step.argument:
                self.log_in_values = pairs_of(step.argument)
            self.mode, self.status = "free", "I"
            self.log_in(step.text)
        elif step.kind == "A":
            while len(self.notifications) < int(step.argument):
                self.notifications.append(c.until("A", timeout=STEP_SECONDS)[-1])
            self.entries.append((step.text, sorted(Msg("A", b"\0\0\0\0" + m.body[4:]) for m in self.notifications)))
            self.notifications = []
        elif step.kind == "admin":
            self.world.admin(step.argument)
        elif step.kind == "strangers":
            self.quiet = step.argument == "off"
        else:
            self.mode = step.kind

    def partial(self):
        out = []
        try:
            while self.client.buffer:
                out.append(self.client.message(0.01))
        except (Closed, Late):
            pass
        return out

    def run(self):
        self.world.admin(self.case.setup)
        try:
            if self.strangers:
                # The first request to a database waits until its catalogue was read. Here it tells of pins who waits how long.
                with self.connect_stranger() as first:
                    first.ask("SELECT 1")
            self.log_in()
            for step in compile_script(self.case.script):
                if step.kind == "send" and self.strangers and not self.quiet:
                    self.strangers.turn(self.held(), self.mode == "maybe" and not self.held())
                    self.strangers.look(self.held())
                self.do(step)
            if self.strangers and not self.quiet:
                self.strangers.turn(self.held(), self.mode == "maybe" and not self.held())
            self.client.send(rawpg.terminate())
        finally:
            if self.client:
                self.client.drop()
            if self.strangers:
                self.strangers.end()
            self.world.admin(self.case.teardown)
        return self


# ---- the places

class World:
    """One PostgreSQL with the database and roles of the suite, and a Weir for each pool size."""

    SETUP = """
        CREATE ROLE role_a; CREATE ROLE role_b; CREATE ROLE role_s; CREATE ROLE "Mixed Role";
        GRANT role_a, role_b, role_s, "Mixed Role" TO alice; GRANT pg_read_all_settings TO role_b"""
    # Each schema has a table `who` with its own name in it, so that a query shows which search_path it met.
    SCHEMAS = ("a", "b", "Mixed Case", "pub lic", *(f"stranger_{n}" for n in range(7)))
    BASE = """
        CREATE SCHEMA base AUTHORIZATION alice; GRANT ALL ON SCHEMA base TO PUBLIC;
        GRANT ALL ON DATABASE parity TO alice, role_a, role_b, role_s;
        CREATE TABLE base.numbers AS SELECT n, 'row ' || n AS t FROM generate_series(1, 9) n;
        GRANT ALL ON base.numbers TO PUBLIC;
        CREATE FUNCTION base.put(name text, value text) RETURNS text LANGUAGE plpgsql AS
          $$ BEGIN PERFORM set_config(name, value, false); RETURN current_setting(name); END $$;
        CREATE FUNCTION base.put_sql(name text, value text) RETURNS text LANGUAGE sql AS $$ SELECT set_config(name, value, false) $$;
        CREATE FUNCTION base.with_set() RETURNS text LANGUAGE sql SET work_mem = '111kB' AS $$ SELECT current_setting('work_mem') $$;
        CREATE FUNCTION base.with_set_inside() RETURNS text LANGUAGE plpgsql SET work_mem = '111kB' AS
          $$ BEGIN SET work_mem = '222kB'; RETURN current_setting('work_mem'); END $$;
        CREATE FUNCTION base.plain() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('work_mem') $$;
        CREATE PROCEDURE base.put_and_commit(v text) LANGUAGE plpgsql AS
          $$ BEGIN PERFORM set_config('work_mem', v, false); COMMIT; END $$"""
    CLEAN = "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC"

    def __init__(self, postgres, folder):
        self.postgres, self.folder, self.number, self.direct_runs = postgres, folder, itertools.count(1), {}
        postgres.sql(self.SETUP)
        postgres.sql(f"CREATE DATABASE {DATABASE} OWNER alice")
        for name in ("custom.x", "custom.y"):
            postgres.sql(f"ALTER DATABASE {DATABASE} SET {name} = ''")
        self.superuser = postgres.connect(database=DATABASE)
        self.dirty = False
        self.admin(self.BASE)
        for name in self.SCHEMAS:
            quoted = '"' + name + '"'
            self.admin(f"CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.who AS SELECT '{name}' AS name; "
                       f"GRANT ALL ON SCHEMA {quoted} TO PUBLIC; GRANT ALL ON {quoted}.who TO PUBLIC")
        self.weirs = {}

    def admin(self, text):
        if not text:
            return
        bad = rawpg.errors(self.superuser.ask(text))
        assert not bad, f"{text}: {bad[0].fields}"

    def weir(self, size):
        if size not in self.weirs or not self.weirs[size].alive():
            users = {name: {"password": USERS[name][0]} for name in ("alice", "bob")}
            target = {"host": "127.0.0.1", "port": self.postgres.port, "dbname": DATABASE, "server_tls_sslmode": "disable"}
            pooler = Weir(self.folder / f"parity-{size}-{next(self.number)}", {
                "weir": {"listen_addr": "127.0.0.1", "unix_socket_dir": "", "auth_type": "trust", "admin_users": ["bob"],
                         "default_pool_size": size, "query_wait_notify": 0, "log_connections": False, "log_stats": False,
                         "log_disconnections": False, "server_check_delay": 3600},
                "workers": {"count": int(os.environ.get("PARITY_WORKERS", "2"))}, "databases": {"*": target}, "users": users})
            self.weirs[size] = pooler.start()
            self.weirs[size].talk = pooler.connect("bob", "", "weir")
        return self.weirs[size]

    def clean(self, case):
        """Undoes what a case may have made in the database."""
        if re.search(r"(?i)\b(create|into|alter|grant|insert|update|delete|drop|comment|copy)\b", case.script + "\n" + case.setup):
            self.admin(self.CLEAN)

    def direct(self, case):
        """The case's transcript from PostgreSQL itself: made once for all pool sizes."""
        if case.name not in self.direct_runs:
            self.clean(case)
            self.direct_runs[case.name] = Run(case, self, self.postgres.port, DATABASE).run().entries
        return self.direct_runs[case.name]

    def through(self, case, size):
        """The same through Weir, with strangers; and then nothing of anybody is left on any server."""
        self.clean(case)
        if AGAINST == "postgres":
            return Run(case, self, self.postgres.port, DATABASE).run().entries, None
        pooler, database = self.weir(size), f"case_{next(self.number)}"
        run, trouble = Run(case, self, pooler.port, database, servers=size), None
        try:
            run.run()
            trouble = self.left(case, pooler.port, database, size)
        except (Trouble, Broken, Late, Closed) as error:
            trouble = f"{type(error).__name__}: {error}"
        finally:
            if pooler.alive():
                pooler.talk.ask(f"RECONNECT {database}")
            else:
                trouble = f"the pooler died:\n{pooler.log()[-4000:]}"
        return run.entries, trouble

    def left(self, case, port, database, size):
        found, last = [], [Raw.connect(port).login(case.user, "", database) for _ in range(size)]
        for c in last:
            assert not rawpg.errors(c.ask("BEGIN; SELECT 1"))  # a server for each
        for c in last:
            c.ask("COMMIT")
            c.send(rawpg.query(leftovers.question(case.user)))
        for c in last:
            found += leftovers.verdict(c.until_ready())[1]
            c.drop()
        return f"left on a server when everybody had gone: {found}" if found else None

    def stop(self):
        problems = []
        for pooler in self.weirs.values():
            pooler.talk.drop()
            pooler.stop()
            problems += pooler.bugs()
        self.superuser.drop()
        assert not problems, problems


@pytest.fixture(scope="session")
def parity_world(primary, folder):
    world = World(primary, folder)
    yield world
    world.stop()


def difference(direct, through):
    """Both transcripts side by side up to the first step that differs; None if they are equal."""
    for n in range(max(len(direct), len(through))):
        ours = through[n] if n < len(through) else ("(nothing: the session ended here)", [])
        theirs = direct[n] if n < len(direct) else ("(nothing)", [])
        if ours != theirs:
            before = "".join(f"    {text}\n" for text, _ in direct[max(0, n - 12):n])
            pairs = list(itertools.zip_longest(theirs[1], ours[1]))
            first = next((at for at, (a, b) in enumerate(pairs) if a != b), 0)
            said = {who: "".join(f"    {shown(m)}\n" for m in list(messages)[max(0, first - 3):first + 6])
                    for who, messages in (("PostgreSQL says", theirs[1]), ("through Weir", ours[1]))}
            return (f"after\n{before}step {n}: {theirs[0]}\nfrom message {max(0, first - 3)} on\n" +
                    "".join(f"  {who}\n{what}" for who, what in said.items()))
    return None


def check(world, case, size):
    """The assertion of every case."""
    direct = world.direct(case)
    through, trouble = world.through(case, size)
    if trouble and through == direct[:len(through)]:
        steps = "".join(f"    {text}\n" for text, _ in through[-12:])
        pytest.fail(f"{case.name}, pool of {size}: {trouble}\nthe same until then, after\n{steps}", pytrace=False)
    differs = difference(direct, through)
    if trouble or differs:
        pytest.fail(f"{case.name}, pool of {size}: {trouble or ''}\n{differs}", pytrace=False)


# What is not the same yet, or cannot be, and why. Each is expected to fail: who mends one takes its line away.
VALUE_LOST = "what another client's nextval() did in between is not hidden by waiting for ever: 55000, never a wrong value"
PINNED = "safe, but the server is kept: "
KNOWN = {
    "currval-in-the-next-transaction": VALUE_LOST, "lastval-after-an-insert": VALUE_LOST, "currval-after-rollback": VALUE_LOST,
    "setval-and-currval": VALUE_LOST, "discard-sequences": VALUE_LOST, "discard-all-sequences": VALUE_LOST,
    "set-config-parameters": PINNED + "the setting's name is a parameter", "set-config-typed": PINNED + "as above",
    "very-long-value": PINNED + "set_config() within an expression",
    "values-with-strings-off": PINNED + "a backslash under standard_conforming_strings = off is not parsed",
    "startup-strings-off": PINNED + "as above", "settings-at-prepare": PINNED + "as above",
    "set-config-expression-*": PINNED + "the setting's name is an expression",
    "strings-*": PINNED + "a backslash under standard_conforming_strings = off is not parsed",
    "prepare-deallocate-pipeline_transaction-1": "a DEALLOCATE that a failed transaction skips, in the pipe",
    "truncated-names": "the NOTICE about a name longer than 63 bytes is of the name that was replaced",
    "temp-table-and-prepared-3": "an error in a PREPARE that is repeated on another server has no position",
}


# Those that run under the sanitizers too, each in a pool of one size: of every file, every kind of state and every form.
SHORT = set("""
    protocol-name-used-by-sql both-in-one-batch unnamed-replaced names-with-odd-characters portals-in-a-transaction
    flush-in-a-transaction several-statements-in-one-parse
    advisory-lock advisory-try-refused advisory-migration-style with-hold with-hold-rolled-back with-hold-discard-all
    plain-cursor currval-in-a-transaction cached-sequence load everything-at-once
    pipeline-of-settings-and-names result-type-changed-within-a-transaction plan-invalidated-by-protocol
    prepare-execute name-unknown explain-execute failed-transactions multi-statement-texts deallocate-all-rolled-back
    copy-out copy-in copy-in-fails listen-and-notify-oneself listen-and-hear-another listen-rolled-back unlisten
    listen-gone-after-reconnect abort-in-a-transaction errors-in-pipelines a-large-result a-long-pipeline-of-transactions
    set-role role-in-savepoints session-authorization-in-batches
    set-config-many encodings zones-in-spellings custom-names long-values many-changes
    set-pipeline set-local-batch_error set-config-savepoint_twice reset-all-reconnect discard-all-multi search-path-named
    role-and-settings-chain_rollback prepare-multi_transaction
    startup-values startup-and-reconnect-with-others discard-all-leads-back
    temp-table creation-rolled-back-to-a-savepoint temp-table-left-at-disconnect copy-into-a-temp-table discard-temp
    savepoints-restore-each-level chain-of-a-failed-transaction implicit-transactions-of-batches
    deferred-constraint-fails-at-commit
    """.split())


def parametrize(cases):
    """A test for each case and pool size."""
    names = [c.name for c in cases]
    assert len(set(names)) == len(names), f"two cases have one name: {[n for n in names if names.count(n) > 1]}"

    def marks(case, size):
        families = [why for family, why in KNOWN.items() if family.endswith("*") and case.name.startswith(family[:-1])]
        why = KNOWN.get(case.name) or KNOWN.get(f"{case.name}-{size}") or next(iter(families), None)
        return [pytest.mark.xfail(reason=why, strict=False)] if why else []

    def short(case, size):
        return [pytest.mark.short] * (case.name in SHORT and size == case.sizes[zlib.crc32(case.name.encode()) % len(case.sizes)])

    each = [pytest.param(c, size, id=f"{c.name}-{size}", marks=marks(c, size) + short(c, size)) for c in cases for size in c.sizes]
    return pytest.mark.parametrize("case, size", each)
