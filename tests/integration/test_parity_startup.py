"""Parity, written by hand: the values of the startup packet, which RESET leads back to."""

from parity import cases, check, parametrize

STARTUP = cases(r"""
=== startup-values
    startup TimeZone=Asia/Tokyo application_name='of startup' extra_float_digits=3 search_path='"Mixed Case", a' DateStyle='SQL, DMY'
    Q SELECT current_setting('TimeZone'), current_setting('application_name'), current_setting('extra_float_digits')
    Q SELECT name FROM who
    Q SELECT '2024-02-03'::date, 0.1::float8 + 0.2
    Q SET TimeZone = 'UTC'; SET DateStyle = ISO; SET extra_float_digits = 0; SET search_path = b; SET application_name = 'other'
    Q SELECT current_setting('TimeZone'), current_setting('application_name'), current_setting('extra_float_digits')
    Q SELECT '2024-02-03'::date, 0.1::float8 + 0.2, name FROM who
    Q RESET TimeZone
    Q RESET DateStyle
    Q RESET extra_float_digits
    Q RESET search_path
    Q RESET application_name
    Q SELECT current_setting('TimeZone'), current_setting('application_name'), current_setting('extra_float_digits')
    Q SELECT '2024-02-03'::date, 0.1::float8 + 0.2, name FROM who
=== startup-options
    startup options='-c work_mem=6MB -c statement_timeout=1h --enable-seqscan=off -c custom.x=with\ space'
    Q SELECT current_setting('work_mem'), current_setting('statement_timeout'), current_setting('enable_seqscan'), current_setting('custom.x')
    Q SET work_mem = '1MB'; SET statement_timeout = 0; SET enable_seqscan = on; SET custom.x = ''
    Q SELECT current_setting('work_mem'), current_setting('statement_timeout'), current_setting('enable_seqscan'), current_setting('custom.x')
    Q RESET ALL
    Q SELECT current_setting('work_mem'), current_setting('statement_timeout'), current_setting('enable_seqscan'), current_setting('custom.x')
    Q SET work_mem = DEFAULT
    Q SHOW work_mem
=== startup-role
    startup options='-c role=role_a'
    Q SELECT current_user, session_user, current_setting('role')
    Q SET ROLE role_b
    Q SELECT current_user
    Q RESET ROLE
    Q SELECT current_user, current_setting('role')
    Q SET ROLE NONE
    Q SELECT current_user
    Q DISCARD ALL
    Q SELECT current_user
=== startup-isolation
    startup options='-c default_transaction_isolation=serializable -c default_transaction_read_only=on'
    Q SHOW transaction_isolation
    Q CREATE TABLE not_possible (n int)
    Q SET default_transaction_read_only = off
    Q BEGIN; SHOW transaction_isolation; SHOW transaction_read_only; COMMIT
    Q RESET default_transaction_read_only
    Q SHOW transaction_read_only
    Q BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SHOW transaction_isolation; SHOW transaction_read_only; COMMIT
=== startup-canonical
    startup TimeZone=utc DateStyle='iso, dmy' client_encoding=utf8 IntervalStyle=ISO_8601
    Q SELECT current_setting('TimeZone'), current_setting('DateStyle'), current_setting('client_encoding'), current_setting('IntervalStyle')
    Q SET TimeZone = 'UTC'
    Q SELECT '1 day 3 hours'::interval
    Q RESET ALL
    Q SELECT current_setting('TimeZone'), current_setting('DateStyle'), current_setting('client_encoding'), current_setting('IntervalStyle')
=== startup-encoding
    startup client_encoding=latin1
    Q SELECT chr(233)
    Q SET client_encoding = utf8
    Q SELECT chr(233)
    Q RESET client_encoding
    Q SELECT chr(233)
=== startup-strings-off
    startup standard_conforming_strings=off
    Q SELECT 'a\\b'
    Q SET custom.x = 'c\\d'
    Q SHOW custom.x
    Q SET standard_conforming_strings = on
    Q SELECT 'a\\b'
    Q RESET standard_conforming_strings
    Q SELECT 'a\\b'
=== startup-and-reconnect-with-others
    startup work_mem=6MB
    Q SHOW work_mem
    Q SET work_mem = '9MB'
    reconnect work_mem=8MB TimeZone=Europe/Oslo
    Q SHOW work_mem
    Q SHOW TimeZone
    reconnect application_name=x
    Q SHOW work_mem
    Q RESET work_mem
    Q SHOW work_mem
=== startup-to-default-in-a-transaction
    startup work_mem=6MB search_path=b
    Q BEGIN
    Q SET work_mem = '9MB'
    Q SET search_path = a
    Q RESET work_mem
    Q SET LOCAL search_path TO DEFAULT
    Q SELECT current_setting('work_mem'), name FROM who
    Q COMMIT
    Q SELECT current_setting('work_mem'), name FROM who
=== startup-superuser-setting
    user bob
    startup options='-c log_min_duration_statement=765432'
    Q SHOW log_min_duration_statement
    Q SET log_min_duration_statement = 5000
    Q RESET log_min_duration_statement
    Q SHOW log_min_duration_statement
=== startup-long
    startup custom.x='xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'
    Q SELECT length(current_setting('custom.x'))
    Q SET custom.x = 'short'
    Q RESET custom.x
    Q SELECT length(current_setting('custom.x'))
=== discard-all-leads-back
    startup options='-c work_mem=6MB -c search_path=b' TimeZone=Asia/Tokyo
    Q SET work_mem = '9MB'; SET search_path = a; SET TimeZone = 'UTC'; SET ROLE role_a; SET custom.x = 'gone'
    Q PREPARE p AS SELECT 1
    Q DISCARD ALL
    Q SELECT current_setting('work_mem'), name, current_setting('TimeZone'), current_user FROM who
    Q SELECT current_setting('custom.x', true)
    Q EXECUTE p
    X DISCARD ALL
    Q SHOW work_mem
=== discard-all-with-authorization
    user bob
    Q SET SESSION AUTHORIZATION alice
    Q SET ROLE role_a
    Q DISCARD ALL
    Q SELECT current_user, session_user
=== reset-all-keeps-the-role
    Q SET ROLE role_a
    Q SET work_mem = '9MB'
    Q RESET ALL
    Q SELECT current_user, current_setting('work_mem')
    Q RESET ROLE
    Q SELECT current_user
""")

ALL = STARTUP


@parametrize(ALL)
def test_a_session_is_the_same_through_weir(parity_world, case, size):
    check(parity_world, case, size)
