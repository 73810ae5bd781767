"""PHP's PDO and pgsql through transaction mode: prepared statements with and without emulation, DEALLOCATE, COPY, errors."""

import shutil
import subprocess

import pytest

from apps import FIRST_LAST_VALUE, place, roomy  # noqa: F401 (fixtures)

HAS_PDO = shutil.which("php") is not None and b"pdo_pgsql" in subprocess.run(["php", "-m"], capture_output=True).stdout
pytestmark = pytest.mark.skipif(not HAS_PDO, reason="php-cli and php-pgsql are not installed")

PRELUDE = """<?php
error_reporting(E_ALL);
set_error_handler(function ($n, $text) { throw new ErrorException($text); });
function connect(array $options = []): PDO {
  return new PDO(sprintf('pgsql:host=%s;port=%s;dbname=%s', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE')),
                 getenv('PGUSER'), getenv('PGPASSWORD'),
                 $options + [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_NUM]);
}
function one($c, string $sql) { return $c->query($sql)->fetchColumn(); }
function code(callable $work) { try { $work(); return 'no error'; } catch (PDOException $e) { return $e->errorInfo[0] ?? $e->getCode(); } }
function out($result) { echo json_encode($result), "\\n"; }
"""


def php(place, script):
    return place.program("php", stdin=PRELUDE + script)


@pytest.mark.parametrize("options", ["[PDO::ATTR_EMULATE_PREPARES => false]", "[PDO::ATTR_EMULATE_PREPARES => true]",
                                     "[PDO::PGSQL_ATTR_DISABLE_PREPARES => true]"])
def test_pdo_prepares_and_deallocates_on_connections_that_take_turns(place, options):
    # PDO names its statements pdo_stmt_00000001 and so on, the same on every connection, and says DEALLOCATE in SQL.
    got = php(place, """
      $o = %s;
      $all = [connect($o), connect($o), connect($o)];
      $all[0]->exec('CREATE TABLE item (id serial PRIMARY KEY, name text UNIQUE, n int, ok bool)');
      $insert = $own = [];
      foreach ($all as $i => $c) {
        $insert[$i] = $c->prepare('INSERT INTO item (name, n, ok) VALUES (:name, :n, :ok) RETURNING n');
        $own[$i] = $c->prepare("SELECT $i * 100 + CAST(? AS int)");
      }
      $right = 0;
      for ($n = 0; $n < 20; $n++)
        foreach ($all as $i => $c) {
          $insert[$i]->bindValue('name', "item '$i' $n");
          $insert[$i]->bindValue('n', $n, PDO::PARAM_INT);
          $insert[$i]->bindValue('ok', $n %% 2 == 0, PDO::PARAM_BOOL);
          $insert[$i]->execute();
          $right += $insert[$i]->fetchColumn() == $n;
          $own[$i]->execute([$n]);
          $right += $own[$i]->fetchColumn() == $i * 100 + $n;
          $own[$i]->closeCursor();
          if ($n %% 3 == 0) {  // the old one is deallocated when it is replaced
            $own[$i] = null;
            $own[$i] = $c->prepare("SELECT $i * 100 + CAST(? AS int)");
          }
        }
      $names = $all[1]->query("SELECT count(*) FROM item WHERE ok AND name LIKE '%%''1''%%'")->fetchColumn();
      $errors = [];
      foreach ($all as $i => $c) {
        $errors[] = code(fn() => $c->prepare('SELECT * FROM nowhere WHERE id = ?')->execute([1]));
        $errors[] = code(fn() => $insert[$i]->execute(['name' => "item '0' 0", 'n' => 1, 'ok' => 't']));
        $errors[] = code(fn() => $c->prepare('SELECT CAST(? AS int)')->execute(['x']));
        $own[$i]->execute([7]);
        $errors[] = $own[$i]->fetchColumn() - $i * 100;
      }
      out([$right, $names, $errors]);""" % options)
    assert got[:2] == [120, 10] and [str(e) for e in got[2]] == ["42P01", "23505", "22P02", "7"] * 3


def test_pdo_statements_that_sql_deallocated_are_gone(place):
    got = php(place, """
      $c = connect(); $other = connect();
      $s = $c->prepare('SELECT CAST(? AS int) + 1');
      $t = $other->prepare('SELECT CAST(? AS int) + 2');
      $s->execute([1]); $t->execute([1]);
      $c->exec('DEALLOCATE ALL');
      $result = [code(fn() => $s->execute([1])), $t->execute([5]), $t->fetchColumn()];
      $c->exec("PREPARE mine (int) AS SELECT \\$1 * 2");
      $result[] = one($c, 'EXECUTE mine(21)');
      $result[] = code(fn() => $other->query('EXECUTE mine(21)'));
      $c->exec('DISCARD ALL');
      $result[] = code(fn() => $c->query('EXECUTE mine(21)'));
      out($result);""")
    assert got == ["26000", True, 7, 42, "26000", "26000"]


def test_pdo_transactions_roll_back_and_save_points_hold(place):
    got = php(place, """
      $c = connect(); $other = connect();
      $c->exec('CREATE TABLE item (id int PRIMARY KEY, n int CHECK (n >= 0)); INSERT INTO item SELECT g, 100 FROM generate_series(1, 4) g');
      $log = [];
      $add = $c->prepare('UPDATE item SET n = n + ? WHERE id = ?');
      $c->beginTransaction();
      $add->execute([5, 1]);
      $log[] = $c->inTransaction();
      $c->commit();
      $c->beginTransaction();
      $add->execute([5, 2]);
      $c->exec('SAVEPOINT one');
      $log[] = code(fn() => $add->execute([-1000, 3]));
      $log[] = code(fn() => $add->execute([1, 3]));
      $c->exec('ROLLBACK TO SAVEPOINT one');
      $add->execute([7, 3]);
      $c->commit();
      $c->beginTransaction();
      $add->execute([1000, 4]);
      $c->rollBack();
      $log[] = $c->inTransaction();
      $log[] = code(fn() => $c->rollBack());
      $log[] = $other->query('SELECT n FROM item ORDER BY id')->fetchAll(PDO::FETCH_COLUMN);
      out($log);""")
    assert got[:3] == [True, "23514", "25P02"] and got[3] is False
    assert got[5] == [105, 105, 107, 100]


@FIRST_LAST_VALUE
def test_pdo_finds_the_last_inserted_id(place):
    got = php(place, """
      $c = connect(); $other = connect();
      $c->exec('CREATE TABLE made (id bigserial)');
      $log = [];
      for ($i = 0; $i < 3; $i++) {
        $c->exec('INSERT INTO made DEFAULT VALUES');
        usleep(20000);
        $log[] = (int) $c->lastInsertId('made_id_seq') + (int) $c->lastInsertId();
      }
      $log[] = code(fn() => $other->lastInsertId('made_id_seq'));
      out($log);""")
    assert got == [2, 4, 6, "55000"]


def test_pdo_copies_scrolls_and_keeps_large_objects(place):
    got = php(place, """
      $c = connect();
      $c->exec('CREATE TABLE item (id int, name text)');
      $lines = array_map(fn($i) => "$i\\tname $i", range(1, 2000));
      $c->pgsqlCopyFromArray('item', $lines);
      $back = $c->pgsqlCopyToArray('item');
      $bad = code(fn() => $c->pgsqlCopyFromArray('item', ["x\\ty"]));
      $c->beginTransaction();
      $s = $c->prepare('SELECT id FROM item ORDER BY id', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
      $s->execute();
      $walk = [];
      foreach ([[PDO::FETCH_ORI_FIRST, 0], [PDO::FETCH_ORI_NEXT, 0], [PDO::FETCH_ORI_ABS, 1000], [PDO::FETCH_ORI_LAST, 0]] as [$o, $at])
        $walk[] = $s->fetch(PDO::FETCH_NUM, $o, $at)[0];
      $s = null;
      $oid = $c->pgsqlLOBCreate();
      $f = $c->pgsqlLOBOpen($oid, 'w');
      fwrite($f, str_repeat('large', 1000));
      $f = null;
      $c->commit();
      $c->beginTransaction();
      $f = $c->pgsqlLOBOpen($oid, 'r');
      $size = strlen(stream_get_contents($f));
      $f = null;
      $c->pgsqlLOBUnlink($oid);
      $c->commit();
      out([count($back), trim($back[1999]), $bad, $walk, $size, one($c, 'SELECT count(*) FROM item')]);""")
    assert got == [2000, "2000\tname 2000", "22P02", [1, 2, 1000, 2000], 5000, 2000]


def test_pdo_hears_notifications(place):
    got = php(place, """
      $c = connect(); $other = connect();
      $c->exec('LISTEN news');
      $pid = $c->pgsqlGetPid();
      $other->exec("NOTIFY news, 'one'; SELECT pg_notify('other', 'not this')");
      $first = $c->pgsqlGetNotify(PDO::FETCH_ASSOC, 5000);
      $other->beginTransaction();
      $other->exec("NOTIFY news, 'two'");
      $early = $c->pgsqlGetNotify(PDO::FETCH_ASSOC, 200);
      $other->commit();
      $second = $c->pgsqlGetNotify(PDO::FETCH_ASSOC, 5000);
      $c->exec('UNLISTEN *');
      $other->exec("NOTIFY news, 'three'");
      out([$first['message'], $first['payload'], $early, $second['payload'], $c->pgsqlGetNotify(PDO::FETCH_ASSOC, 200), $pid > 0]);""")
    assert got == ["news", "one", False, "two", False, True]


def test_pdo_persistent_connections_and_settings_stay_their_own(roomy):
    got = php(roomy, """
      $c = connect([PDO::ATTR_PERSISTENT => true]); $other = connect();
      $c->exec("SET TIME ZONE 'Europe/Zurich'"); $c->exec("SET NAMES 'LATIN1'"); $c->exec("SET search_path TO public, app");
      $seen = [];
      for ($i = 0; $i < 20; $i++)
        foreach ([$c, $other] as $one)
          $seen[] = [one($one, 'SHOW TimeZone') == 'Europe/Zurich', one($one, 'SHOW client_encoding'), one($one, 'SHOW search_path'),
                     bin2hex(one($one, "SELECT chr(233)"))];
      out(array_values(array_unique($seen, SORT_REGULAR)));""")
    assert got == [[True, "LATIN1", "public, app", "e9"], [False, "UTF8", '"$user", public', "c3a9"]]


def test_pgsql_extension_prepares_queries_asynchronously_and_cancels(place):
    got = php(place, """
      $at = sprintf('host=%s port=%s dbname=%s user=%s password=%s', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'),
                    getenv('PGUSER'), getenv('PGPASSWORD'));
      $c = pg_connect($at, PGSQL_CONNECT_FORCE_NEW); $other = pg_connect($at, PGSQL_CONNECT_FORCE_NEW);
      $quiet = fn($work) => @$work();
      pg_prepare($c, 'q', 'SELECT $1::int * 2'); pg_prepare($other, 'q', 'SELECT $1::int * 3');
      $twice = [];
      for ($i = 1; $i <= 3; $i++)
        array_push($twice, pg_fetch_result(pg_execute($c, 'q', [$i]), 0, 0), pg_fetch_result(pg_execute($other, 'q', [$i]), 0, 0));
      pg_send_query($c, 'SELECT pg_sleep(20)');
      usleep(300000);
      $cancelled = pg_cancel_query($c);
      pg_send_query_params($c, 'SELECT $1::int / $2::int', [1, 0]);
      $state = pg_result_error_field(pg_get_result($c), PGSQL_DIAG_SQLSTATE);
      while (pg_get_result($c));
      pg_query($c, 'CREATE TABLE item (id int, name text)');
      pg_copy_from($c, 'item', ["1\\tone\\n", "2\\ttwo\\n"]);
      $many = pg_fetch_all(pg_query($other, 'SELECT * FROM item ORDER BY id'));
      out([$twice, $cancelled, $state, $many, pg_affected_rows(pg_query($c, 'DELETE FROM item')),
           pg_insert($c, 'item', ['id' => 3, 'name' => "it's"]), pg_transaction_status($c), pg_parameter_status($c, 'TimeZone') != 'Asia/Tokyo']);
      """)
    assert got[:5] == [["2", "3", "4", "6", "6", "9"], True, "22012", [{"id": "1", "name": "one"}, {"id": "2", "name": "two"}], 2]
    assert got[6:] == [0, True]
