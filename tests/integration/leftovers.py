"""What one client can leave on a server connection for the next: one query that finds all of it.

Used by the parity suite when a case has ended, and by leak.py after each hand-over.
"""

import rawpg

# Names under which the tests set settings of their own. PostgreSQL keeps the name of such a setting as long as the
# connection lives, with an empty value after RESET (DISCARD ALL too), so an empty value is no leftover.
CUSTOM_SETTINGS = ("custom.x", "custom.y", "stranger.x", "leak.x")

# Prepared statements that the pooler made for protocol-level names stay on servers on purpose.
OUR_STATEMENTS = "weir%"

LEFTOVERS = rf"""
SELECT what, detail FROM (
  SELECT 'setting' AS what, name || ' = ' || setting || ' instead of ' || coalesce(reset_val, 'nothing') AS detail
    FROM pg_settings WHERE source = 'session' AND setting IS DISTINCT FROM reset_val
     AND name NOT IN ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable')
  UNION ALL SELECT 'custom setting', n || ' = ' || current_setting(n, true)
    FROM unnest(ARRAY[{", ".join(f"'{n}'" for n in CUSTOM_SETTINGS)}]) n WHERE current_setting(n, true) <> ''
  UNION ALL SELECT 'role', current_setting('role') WHERE current_setting('role') <> 'none'
  UNION ALL SELECT 'user', session_user::text || '/' || current_user::text
    WHERE session_user <> $who$@USER@$who$ OR current_user <> $who$@USER@$who$
  UNION ALL SELECT 'temporary relation', c.oid::regclass::text FROM pg_class c WHERE relnamespace = pg_my_temp_schema()
  UNION ALL SELECT 'temporary function', p.oid::regprocedure::text FROM pg_proc p WHERE pronamespace = pg_my_temp_schema()
  UNION ALL SELECT 'advisory lock', format('%s/%s/%s %s', classid, objid, objsubid, mode)
    FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'
  UNION ALL SELECT 'prepared statement', name || ': ' || statement FROM pg_prepared_statements
    WHERE name NOT LIKE '{OUR_STATEMENTS}' AND (from_sql OR name <> '')
  UNION ALL SELECT 'cursor', name || ': ' || statement FROM pg_cursors WHERE is_holdable
  UNION ALL SELECT 'listening', n FROM pg_listening_channels() n
  UNION ALL SELECT 'open transaction', (statement_timestamp() - now())::text WHERE statement_timestamp() > now()
  UNION ALL SELECT 'transaction id', pg_current_xact_id_if_assigned()::text WHERE pg_current_xact_id_if_assigned() IS NOT NULL
) AS found WHERE detail IS NOT NULL ORDER BY 1, 2"""


def question(user):
    """The query; its last statement has to fail with 55000, because no sequence was used in this session."""
    return f"SELECT pg_backend_pid(); {LEFTOVERS.replace('@USER@', user)}; SELECT lastval()"


def verdict(reply):
    """The server's pid and a list of what was found, from the reply to question()."""
    pid, found, results = None, [], 0
    for m in reply:
        if m.type == "T":
            results += 1
        elif m.type == "D" and results == 1:
            pid = int(m.row[0])
        elif m.type == "D" and results == 2:
            found.append(": ".join((v or b"").decode("utf-8", "replace") for v in m.row))
        elif m.type == "D":
            found.append(f"lastval() is {m.row[0].decode()}")
        elif m.type == "E" and not (results >= 2 and m.sqlstate == "55000"):
            found.append(f"error {m.sqlstate}: {m.fields.get('M')}")
    if pid is None and not found:
        found.append(f"no answer: {rawpg.types(reply)}")
    return pid, found
