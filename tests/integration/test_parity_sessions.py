"""Parity, written by hand: settings as sessions use them."""

from parity import Case, cases, check, parametrize

SETTINGS = cases(r"""
=== set-config-parameters
    X SELECT set_config($1, $2, $3::bool) | work_mem | 7MB | false
    Q SHOW work_mem
    X SELECT set_config($1, $2, $3::bool) | work_mem | 9MB | true
    Q SHOW work_mem
    X SELECT set_config($1, $2, $3::bool) | search_path | "Mixed Case", a | false
    X SELECT name FROM who
=== set-config-parameters-null
    X SELECT set_config('custom.x', $1, false) | \N
    Q SELECT current_setting('custom.x', true)
    X SELECT set_config($1, 'x', false) | \N
    Q SHOW work_mem
=== set-config-named-twice
    P s: SELECT set_config('work_mem', $1, false)
    S
    B /s: 5MB
    E
    S
    Q SHOW work_mem
    B /s: 6MB
    E
    S
    X SHOW work_mem
    B /s: lots
    E
    S
    X SHOW work_mem
=== set-config-typed
    P s(25,25,16): SELECT set_config($1, $2, $3)
    B /s: custom.x | typed | f
    E
    B /s: custom.x | local | t
    E
    S
    Q SHOW custom.x
=== set-config-in-where
    Q SELECT n FROM base.numbers WHERE n < 3 AND set_config('custom.x', 'where ' || n, false) <> '' ORDER BY n
    Q SHOW custom.x
=== set-config-in-cte
    Q WITH s AS MATERIALIZED (SELECT set_config('custom.x', 'cte', false) AS v) SELECT length(v) FROM s
    Q SHOW custom.x
=== set-config-in-subselect
    Q SELECT n, (SELECT set_config('work_mem', '8MB', false)) FROM base.numbers WHERE n = 1
    Q SHOW work_mem
=== set-config-qualified
    Q SELECT pg_catalog.set_config('work_mem', '8MB', false)
    Q SELECT "set_config"('custom.x', 'quoted', false)
    Q SELECT current_setting('work_mem'), current_setting('custom.x')
=== set-config-many
    Q SELECT set_config('work_mem', '8MB', false), set_config('custom.x', 'a', false), set_config('custom.y', 'b', true)
    Q SELECT current_setting('work_mem'), current_setting('custom.x'), current_setting('custom.y', true)
=== set-config-in-values
    Q VALUES (set_config('work_mem', '8MB', false))
    Q SHOW work_mem
=== set-config-in-insert
    setup CREATE TABLE public.log (t text); GRANT ALL ON public.log TO PUBLIC
    Q INSERT INTO log SELECT set_config('custom.x', 'insert', false) RETURNING t
    Q SHOW custom.x
=== set-config-empty
    Q SELECT set_config('custom.x', '', false)
    Q SELECT current_setting('custom.x', true), current_setting('custom.never_set', true) IS NULL
=== set-from-current
    Q SET LOCAL work_mem FROM CURRENT
    Q SHOW work_mem
=== update-pg-settings
    maybe
    Q UPDATE pg_settings SET setting = '9216' WHERE name = 'work_mem'
    Q SHOW work_mem
    Q BEGIN
    Q UPDATE pg_settings SET setting = '1024' WHERE name = 'work_mem'
    Q ROLLBACK
    Q SHOW work_mem
=== set-session-word
    Q SET SESSION work_mem = 5000
    Q SHOW work_mem
    Q SET SESSION TIME ZONE LOCAL
    Q SHOW TimeZone
    Q SET TIME ZONE DEFAULT
    Q SHOW TimeZone
    Q SET TIME ZONE -3
    Q SHOW TimeZone
=== xml-option
    Q SET XML OPTION DOCUMENT
    Q SHOW xmloption
    Q RESET xmloption
    Q SHOW xmloption
=== seed
    maybe
    Q SET SEED TO 0.5; SELECT random()
    Q SELECT random()
    Q BEGIN; SELECT setseed(0.25); SELECT random(); COMMIT
    X SELECT random()
=== units-and-canonical-forms
    Q SET work_mem = '4096kB'
    Q SHOW work_mem
    Q SET work_mem = 4096
    Q SHOW work_mem
    Q SET work_mem = '0.5GB'
    Q SHOW work_mem
    Q SET statement_timeout = 90500
    Q SHOW statement_timeout
    Q SET statement_timeout = '2min'
    Q SHOW statement_timeout
    Q SET enable_seqscan = 0
    Q SHOW enable_seqscan
    Q SET enable_seqscan TO 'yes'
    Q SHOW enable_seqscan
    Q SET random_page_cost = 1e1
    Q SHOW random_page_cost
    Q SET bytea_output = 'HEX'
    Q SHOW bytea_output
=== zones-in-spellings
    Q SET TimeZone = 'utc'
    Q SHOW TimeZone
    Q SET timezone TO 'UTC'
    Q SHOW timezone
    Q SET TIMEZONE = 'europe/oslo'
    Q SHOW TIMEZONE
    Q SET TIME ZONE '+5'
    Q SHOW TimeZone
    Q SET TIME ZONE 2.5
    Q SHOW TimeZone
    Q SET TimeZone = 'EST5EDT'
    Q SELECT '2024-07-01 12:00+00'::timestamptz
    Q SET TimeZone = 'Nowhere/Land'
    Q SHOW TimeZone
=== date-styles
    Q SET datestyle = 'iso, dmy'
    Q SHOW DateStyle
    Q SET DateStyle TO ymd
    Q SHOW DateStyle
    Q SET datestyle TO 'sql', 'mdy'
    Q SHOW DateStyle
    Q SET DATESTYLE = german
    Q SELECT '02.01.2024'::date
    Q SET DateStyle = DEFAULT
    Q SELECT '02/01/2024'::date
    Q SET DateStyle = 'iso, nonsense'
    Q SHOW DateStyle
=== encodings
    Q SET client_encoding = 'unicode'
    Q SHOW client_encoding
    Q SET client_encoding TO 'ISO_8859_1'
    Q SELECT chr(228)
    Q SET NAMES 'Win1252'
    Q SELECT chr(8364)
    Q SET NAMES DEFAULT
    Q SELECT chr(8364)
    Q SET client_encoding = 'EUC_JP'
    Q SELECT chr(12354)
    Q RESET client_encoding
    Q SELECT chr(12354)
    Q SET client_encoding = 'no-such'
    Q SHOW client_encoding
=== encoding-cannot-convert
    Q SET client_encoding = latin1
    Q SELECT chr(12354)
    Q SELECT 'after'
=== list-settings
    Q SET search_path = a, b
    Q SELECT name FROM who
    Q SET search_path = "$user", "b"
    Q SELECT name FROM who
    Q SET search_path TO 'Mixed Case'
    Q SELECT name FROM who
    Q SET search_path TO "pub lic", 'a'
    Q SHOW search_path
    Q SET search_path = 'a, b'
    Q SHOW search_path
    Q SELECT name FROM who
    Q SELECT set_config('search_path', 'a, b', false)
    Q SELECT name FROM who
    Q SET search_path = "with ""quotes"" in", 'it''s', a
    Q SHOW search_path
    Q SELECT name FROM who
    Q SET search_path = ''
    Q SELECT name FROM who
    Q SET search_path = ""
    Q SHOW search_path
    Q SET search_path = pg_catalog
    Q SHOW search_path
    Q SET search_path = DEFAULT
    Q SHOW search_path
=== search-path-missing-schema
    Q SET search_path = not_there, b
    Q SELECT name FROM who
    Q SELECT current_schema(), current_schemas(true)
=== search-path-changed-in-between
    P s: SELECT name FROM who
    S
    Q SET search_path = a
    P s: SELECT name FROM who
    S
    B /s
    E
    S
    Q SET search_path = b
    B /s
    E
    S
    Q BEGIN
    Q SET LOCAL search_path = "Mixed Case"
    B /s
    E
    S
    Q COMMIT
    B /s
    E
    S
=== custom-names
    Q SET custom.x = 1
    Q SET custom.y TO 'two words'
    Q SET Custom.X = 'case does not matter'
    Q SHOW custom.x
    Q SHOW custom.y
    Q SET custom.a.b = 'three parts'
    Q SHOW custom.a.b
    Q SET "custom"."x" = 'quoted'
    Q SHOW "custom"."x"
    Q SET custom.x = a, b
    Q SHOW custom.x
    Q RESET custom.x
    Q SHOW custom.x
    Q SET custom."bad name" = 1
    Q SHOW custom.none
=== custom-of-startup
    startup custom.x='of startup' custom.y='it''s'
    Q SHOW custom.x
    Q SET custom.x = 'later'
    Q SHOW custom.x
    Q RESET custom.x
    Q SHOW custom.x
    Q SHOW custom.y
    Q SET custom.y TO DEFAULT
    Q SHOW custom.y
    Q DISCARD ALL
    Q SELECT current_setting('custom.x'), current_setting('custom.y')
=== values-with-everything
    Q SET application_name = 'it''s "quoted" \ and %s $1 ;--'
    Q SHOW application_name
    Q SET application_name = E'tab\tnew\nline'
    Q SHOW application_name
    Q SET application_name = $$dollar 'quoted'$$
    Q SHOW application_name
    Q SET application_name = U&'\00e4'
    Q SHOW application_name
    Q SET custom.x = $q$it's \ "$$" $q$
    Q SHOW custom.x
    Q SET custom.x = '/* no comment */ -- nor this'
    Q SHOW custom.x
=== values-with-strings-off
    Q SET standard_conforming_strings = off
    Q SET custom.x = 'one\\two\'three'
    Q SHOW custom.x
    Q SET application_name = 'back\\slash'
    Q SHOW application_name
    Q SET standard_conforming_strings = on
    Q SHOW custom.x
    Q SHOW application_name
    Q RESET standard_conforming_strings
    Q SET custom.x = 'one\two'
    Q SHOW custom.x
=== superuser-settings
    user bob
    Q SET log_statement = 'none'
    Q SET log_min_duration_statement = 777777
    Q SET session_replication_role = replica
    Q SELECT current_setting('log_min_duration_statement'), current_setting('session_replication_role')
    Q RESET session_replication_role
    Q SHOW session_replication_role
    Q RESET ALL
    Q SHOW log_min_duration_statement
=== superuser-settings-kept-below-the-superuser
    user bob
    Q SET log_min_duration_statement = 777777
    Q SET SESSION AUTHORIZATION alice
    Q SHOW log_min_duration_statement
    Q SET log_min_duration_statement = 5
    Q SELECT current_user, session_user
    Q RESET log_min_duration_statement
    Q RESET SESSION AUTHORIZATION
    Q SHOW log_min_duration_statement
    Q RESET log_min_duration_statement
    Q SHOW log_min_duration_statement
=== superuser-settings-and-role
    user bob
    Q SET session_replication_role = replica
    Q SET ROLE role_a
    Q SELECT current_setting('session_replication_role'), current_user
    Q SET session_replication_role = origin
    Q RESET ROLE
    Q SELECT current_setting('session_replication_role'), current_user
=== internal-and-late-settings
    Q SET server_version = '99'
    Q SET shared_buffers = '1MB'
    Q SET max_connections = 5
    Q SET log_connections = on
    Q SET is_superuser = on
    Q SET fsync = off
    Q SHOW is_superuser
=== show-all-of-one
    Q SET work_mem = '7MB'
    Q SELECT setting, unit FROM pg_settings WHERE name = 'work_mem'
    Q SELECT name FROM pg_settings WHERE name IN ('work_mem', 'TimeZone') AND setting IN ('7168', 'Asia/Tokyo')
=== settings-by-function
    maybe
    Q SELECT base.put('custom.x', 'in plpgsql')
    Q SHOW custom.x
    X SELECT base.put_sql($1, $2) | custom.x | in sql
    Q SHOW custom.x
    Q BEGIN
    Q SELECT base.put('custom.x', 'rolled back')
    Q ROLLBACK
    Q SHOW custom.x
=== settings-by-procedure
    maybe
    Q CALL base.put_and_commit('9MB')
    Q SHOW work_mem
=== settings-by-do
    maybe
    Q DO $$ BEGIN SET work_mem = '9MB'; SET LOCAL custom.x = 'local'; END $$
    Q SELECT current_setting('work_mem'), current_setting('custom.x', true)
    Q DO $$ BEGIN PERFORM set_config('custom.x', 'a', false); RAISE EXCEPTION 'no'; END $$
    Q SELECT current_setting('work_mem'), current_setting('custom.x', true)
=== settings-by-dynamic-sql
    maybe
    Q DO $$ BEGIN EXECUTE 'SET ' || 'work_mem' || ' = ''9MB'''; END $$
    Q SHOW work_mem
=== functions-with-set-leave-nothing
    maybe
    Q SELECT base.with_set(), base.plain()
    Q SHOW work_mem
    Q SET work_mem = '5MB'
    Q SELECT base.with_set(), base.plain()
    Q SELECT base.with_set_inside()
    Q SHOW work_mem
=== functions-see-the-settings
    Q SET work_mem = '5MB'
    Q SELECT base.plain()
    Q BEGIN
    Q SET LOCAL work_mem = '6MB'
    Q SELECT base.plain()
    Q COMMIT
    Q SELECT base.plain()
=== own-function-with-set
    Q CREATE FUNCTION mine() RETURNS text LANGUAGE sql SET search_path = b AS 'SELECT name FROM who'
    Q SET search_path = a, public
    Q SELECT mine(), (SELECT name FROM who)
    Q DROP FUNCTION mine()
=== alter-role-does-not-touch-this-session
    user bob
    teardown ALTER ROLE bob RESET work_mem
    Q SHOW work_mem
    Q ALTER ROLE bob SET work_mem = '13MB'
    Q SHOW work_mem
=== statement-timeout-holds
    Q SET statement_timeout = 20
    Q SELECT pg_sleep(2)
    Q SET statement_timeout = 0
    Q SELECT pg_sleep(0.03)
    Q BEGIN
    Q SET LOCAL statement_timeout = '15ms'
    Q SELECT pg_sleep(2)
    Q ROLLBACK
    Q SELECT pg_sleep(0.03)
=== lock-timeout-holds
    Q SET lock_timeout = 15
    admin BEGIN; LOCK base.numbers
    Q SELECT count(*) FROM base.numbers
    admin COMMIT
    Q SELECT count(*) FROM base.numbers
=== comments-and-case
    Q /* first */ sEt -- then
    + WORK_MEM /* and */ = '7MB' -- last
    Q SHOW Work_Mem
    Q ; ; SET custom.x = 'a' ; ;
    Q SHOW custom.x
    Q
    Q -- nothing
    Q SHOW work_mem
=== a-syntax-error-between
    Q SET work_mem = '7MB'; SELEC 1
    Q SHOW work_mem
    Q SET work_mem '7MB'
    Q SET work_mem =
    Q SHOW work_mem
    Q SET work_mem = '8MB', '9MB'
    Q SHOW work_mem
=== invalid-values
    Q SET work_mem = -1
    Q SET work_mem = '1 bushel'
    Q SET enable_seqscan = 'perhaps'
    Q SET bytea_output = 'octal'
    Q SET extra_float_digits = 99
    Q SET TimeZone = ''
    Q SET default_transaction_isolation = 'none'
    Q SET no_such = 1
    Q RESET no_such
    Q SHOW no_such
    Q SELECT set_config('no_such', '1', false)
    Q SELECT current_setting('work_mem'), current_setting('enable_seqscan'), current_setting('bytea_output')
=== local-outside
    Q SET LOCAL work_mem = '7MB'
    Q SHOW work_mem
    Q SET LOCAL work_mem = '7MB'; SHOW work_mem
    Q SHOW work_mem
    X SET LOCAL ROLE role_a
    Q SELECT current_user
""") + [
    Case("long-values", f"Q SET custom.x = '{'0123456789' * 900}'\nQ SELECT length(current_setting('custom.x'))\nX SHOW custom.x\n"
         f"Q SET application_name = '{'long ' * 40}'\nQ SHOW application_name\nQ RESET custom.x\nQ SHOW custom.x"),
    Case("long-search-path", f"Q SET search_path = {', '.join(f'schema_{n}' for n in range(600))}, b\nQ SELECT name FROM who\n"
         "Q SELECT length(current_setting('search_path'))\nQ SET search_path = a\nQ SELECT name FROM who"),
    Case("very-long-value", f"X SELECT length(set_config('custom.x', $1, false)) | {'x' * 100000}\nQ SELECT length(current_setting('custom.x'))\n"
         "Q SET custom.x = 'short'\nQ SHOW custom.x"),
    Case("many-settings", "\n".join(f"Q SET custom.n{n} = 'value {n}'" for n in range(60)) + "\n" +
         "\n".join(f"Q SHOW custom.n{n}" for n in range(0, 60, 7)) + "\nQ RESET ALL\nQ SHOW custom.n3", sizes=(3,)),
    Case("many-changes", "\n".join(f"Q SET work_mem = '{n + 1}MB'\nX SHOW work_mem" for n in range(25))),
]

ALL = SETTINGS


@parametrize(ALL)
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
