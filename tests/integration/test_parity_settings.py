"""Parity, by the product: each kind of session state that consists of statements alone, in each form of use."""

import os

from parity import Case, check, parametrize
from parity_script import FORMS

STARTUP = {"options": r"-c work_mem=6MB -c search_path=b,a -c custom.x=of\ startup", "TimeZone": "America/New_York",
           "application_name": "of startup", "extra_float_digits": "2"}
SETTINGS = ("SELECT current_setting('work_mem'), current_setting('search_path'), current_setting('TimeZone'), "
            "current_setting('application_name'), current_setting('extra_float_digits'), current_setting('custom.x', true)")
CHANGES = ["SET work_mem = '7MB'", "SET search_path TO a", "SET TIME ZONE 'Asia/Tokyo'", "SET application_name = 'changed'",
           "SET extra_float_digits = 0", "SET custom.x = 'changed'"]
WHO = ["SELECT name FROM who", "SHOW search_path"]
USERS = ["SELECT current_user, session_user, current_setting('role'), current_setting('is_superuser')"]

# name: (what is done, what is looked at, and how the case differs from an ordinary one of alice's)
TOPICS = {
    "set": (["SET work_mem = '7MB'"], ["SHOW work_mem"], {}),
    "set-local": (["SET LOCAL work_mem = '7MB'"], ["SHOW work_mem"], {}),
    "set-then-local": (["SET work_mem = '7MB'", "SET LOCAL work_mem = '9MB'"], ["SHOW work_mem"], {}),
    "local-then-set": (["SET LOCAL work_mem = '9MB'", "SET work_mem = '7MB'"], ["SHOW work_mem"], {}),
    "set-config": (["SELECT set_config('work_mem', '7MB', false)"], ["SHOW work_mem"], {}),
    "set-config-local": (["SELECT set_config('work_mem', '7MB', true)"], ["SHOW work_mem"], {}),
    "set-config-expression": (["SELECT set_config('work_' || 'mem', (3 + 4) || 'MB', 1 = 2) AS made"], ["SHOW work_mem"], {}),
    "set-config-rows": (["SELECT set_config('custom.x', n::text, false) FROM base.numbers WHERE n < 4 ORDER BY n"],
                        ["SHOW custom.x"], {"startup": {"custom.x": "first"}}),
    "reset": (["SET work_mem = '7MB'", "RESET work_mem"], ["SHOW work_mem"], {"startup": STARTUP}),
    "to-default": (["SET search_path = a", "SET search_path TO DEFAULT"], WHO, {"startup": STARTUP}),
    "reset-reported": (["SET TimeZone = 'utc'", "RESET TimeZone", "SET application_name = 'x'", "SET application_name TO DEFAULT"],
                       ["SHOW TimeZone", "SHOW application_name"], {"startup": STARTUP}),
    "reset-all": (CHANGES + ["RESET ALL"], [SETTINGS], {"startup": STARTUP}),
    "changes": (CHANGES, [SETTINGS], {"startup": STARTUP}),
    "discard-all": (CHANGES + ["DISCARD ALL"], [SETTINGS], {"startup": STARTUP}),
    "search-path": (['SET search_path = "Mixed Case", a'], WHO, {}),
    "search-path-empty": (["SET search_path = ''"], WHO, {}),
    "set-schema": (["SET SCHEMA 'pub lic'"], WHO, {"startup": {"search_path": "a"}}),
    "time-zone": (["SET TIME ZONE 'utc'"], ["SHOW TimeZone", "SELECT '2024-07-01 12:00+00'::timestamptz"], {}),
    "time-zone-interval": (["SET TIME ZONE INTERVAL '-08:30' HOUR TO MINUTE"], ["SHOW TimeZone"], {}),
    "date-style": (["SET datestyle = 'german, dmy'", "SET IntervalStyle TO sql_standard"],
                   ["SELECT '2024-02-03'::date, '1 day 2 hours'::interval, current_setting('DateStyle')"], {}),
    "float-digits": (["SET extra_float_digits = -3"], ["SELECT 1.0::float8 / 3"], {}),
    "bytea-output": (["SET bytea_output TO 'escape'"], [r"SELECT '\x00616263ff'::bytea"], {}),
    "encoding": (["SET NAMES 'latin1'"], ["SELECT chr(233)", "SHOW client_encoding"], {}),
    "encoding-spelled": (["SET client_encoding = 'utf-8'"], ["SHOW client_encoding"], {}),
    "custom": ([r"""SET custom.x = 'it''s \ "quoted" $1 %s;--'"""], ["SHOW custom.x"], {}),
    "custom-escape": ([r"SET custom.x = E'tab\there\\and ''there'''"], ["SHOW custom.x"], {}),
    "role": (["SET ROLE role_a"], USERS, {}),
    "role-quoted": (['SET ROLE "Mixed Role"'], USERS, {}),
    "role-none": (["SET ROLE role_a", "SET ROLE NONE"], USERS, {}),
    "role-twice": (["SET ROLE role_a", "SET LOCAL ROLE role_b"], USERS, {}),
    "role-and-settings": (["SET work_mem = '7MB'", "SET ROLE role_a", "SET custom.x = 'by a'"],
                          USERS + ["SELECT current_setting('work_mem'), current_setting('custom.x', true)"], {}),
    "role-unknown": (["SET ROLE nobody_at_all"], USERS, {}),
    "authorization": (["SET SESSION AUTHORIZATION alice"], USERS, {"user": "bob"}),
    "authorization-and-role": (["SET SESSION AUTHORIZATION alice", "SET ROLE role_b"], USERS, {"user": "bob"}),
    "authorization-default": (["SET SESSION AUTHORIZATION alice", "RESET SESSION AUTHORIZATION"], USERS, {"user": "bob"}),
    "authorization-refused": (["SET SESSION AUTHORIZATION bob"], USERS, {}),
    "characteristics": (["SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"],
                        ["SHOW transaction_isolation", "SHOW transaction_read_only", "SHOW default_transaction_isolation"], {}),
    "default-isolation": (["SET default_transaction_isolation = 'serializable'", "SET default_transaction_deferrable = on"],
                          ["SELECT current_setting('transaction_isolation'), current_setting('transaction_deferrable')"], {}),
    "default-read-only": (["SET default_transaction_read_only = on"], ["CREATE TABLE IF NOT EXISTS made (n int)"], {}),
    "transaction": (["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY"],
                    ["SHOW transaction_isolation", "SHOW transaction_read_only"], {}),
    "strings": (["SET standard_conforming_strings = off"], [r"SELECT 'a\\b', E'c\\d'", r"SELECT length('\\')"], {}),
    "strings-and-values": (["SET standard_conforming_strings TO off", r"SET custom.x = 'back\\slash'"], ["SHOW custom.x"], {}),
    "invalid": (["SET work_mem = '7MB'", "SET work_mem = 'lots'"], ["SHOW work_mem"], {}),
    "unknown-setting": (["SET custom.x = '1'", "SET no_such_setting = 1"], ["SELECT current_setting('custom.x', true)"], {}),
    "superuser-only": (["SET log_min_duration_statement = 654321"], ["SHOW log_min_duration_statement"], {"user": "bob"}),
    "superuser-refused": (["SET log_min_duration_statement = 654321"], ["SHOW log_min_duration_statement"], {}),
    "list": (["SET temp_tablespaces = ''", 'SET search_path TO a, "$user", public, pg_catalog', "SET DateStyle = SQL, DMY"],
             ["SHOW search_path", "SHOW DateStyle", "SHOW temp_tablespaces"], {}),
    "prepare": (["PREPARE p(int) AS SELECT $1 + 1 AS answer"], ["EXECUTE p(41)"], {}),
    "prepare-deallocate": (["PREPARE p AS SELECT 1", "PREPARE q AS SELECT 2", "DEALLOCATE p"], ["EXECUTE q", "EXECUTE p"], {}),
    "deallocate-all": (["PREPARE p AS SELECT 1", 'PREPARE "Mixed" AS SELECT 2', "DEALLOCATE ALL"], ["EXECUTE p"], {}),
    # State that the text does not tell: the server may be kept, and the session has to be the same all the same.
    "by-function": (["SELECT base.put('work_mem', '7MB')"], ["SHOW work_mem"], {"maybe": True}),
    "by-do": (["DO $$ BEGIN PERFORM set_config('work_mem', '7MB', false); END $$"], ["SHOW work_mem"], {"maybe": True}),
}


# These meet both pool sizes in every form; the others meet them in turn, to keep the suite short.
BOTH_SIZES = ("set", "set-local", "set-config", "reset", "reset-all", "changes", "discard-all", "search-path", "time-zone", "role",
              "role-and-settings", "authorization-and-role", "transaction", "prepare", "deallocate-all", "by-function")


# `make test` runs a fifth of the product, evenly over kinds and forms; PARITY=all (make soak) runs it whole.
EVERY = 1 if os.environ.get("PARITY") == "all" else 5


def product():
    for number, (topic, (do, probe, more)) in enumerate(TOPICS.items()):
        more = dict(more)
        before = "maybe\n" if more.pop("maybe", False) else ""
        for turn, (form, make) in enumerate(FORMS.items()):
            if (2 * number + turn) % EVERY:
                continue
            sizes = (1, 3) if topic in BOTH_SIZES else (1 + 2 * ((number + turn) % 2),)
            yield Case(f"{topic}-{form}", before + make(do, probe), sizes=sizes, **more)


@parametrize(list(product()))
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
