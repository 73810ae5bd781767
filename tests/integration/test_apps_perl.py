"""Perl's DBD::Pg through transaction mode: server-side prepares, placeholders, notifications, COPY, savepoints, cancel."""

import subprocess

import pytest

from apps import FIRST_LAST_VALUE, place, roomy  # noqa: F401 (fixtures)

HAS_DBD = subprocess.run(["perl", "-MDBD::Pg", "-e", "1"], capture_output=True).returncode == 0
pytestmark = pytest.mark.skipif(not HAS_DBD, reason="libdbd-pg-perl is not installed")

PRELUDE = """
use strict; use warnings;
use DBI; use DBD::Pg qw(:pg_types :async); use JSON::PP; use Time::HiRes qw(sleep time);
sub connection {
  my ($more) = @_;
  DBI->connect("dbi:Pg:dbname=$ENV{PGDATABASE};host=$ENV{PGHOST};port=$ENV{PGPORT}", $ENV{PGUSER}, $ENV{PGPASSWORD},
               { RaiseError => 1, PrintError => 0, AutoCommit => 1, %{ $more || {} } });
}
sub one { my ($c, @rest) = @_; my ($v) = $c->selectrow_array($rest[0], undef, @rest[1 .. $#rest]); $v }
sub code { my ($c, $work) = @_; eval { $work->(); 1 } ? 'no error' : $c->state }
sub out { print JSON::PP->new->canonical->allow_nonref->encode($_[0]), "\\n" }
$SIG{__WARN__} = sub { die @_ };
"""


def perl(place, script):
    return place.program("perl", "-", stdin=PRELUDE + script)


@pytest.mark.parametrize("options", ["pg_server_prepare => 1, pg_switch_prepared => 1", "pg_server_prepare => 1",
                                     "pg_server_prepare => 0", "pg_server_prepare => 1, pg_switch_prepared => -1"])
def test_dbd_pg_prepares_on_connections_that_take_turns(place, options):
    # Its names are dbdpg_pPID_1 and so on: the same on every connection of a process.
    got = perl(place, """
      my $o = { %s };
      my @all = map { connection($o) } 1 .. 3;
      $all[0]->do('CREATE TABLE item (id serial PRIMARY KEY, name text UNIQUE, n int, data bytea, tags text[])');
      my (@insert, @own, @named);
      for my $i (0 .. 2) {
        $insert[$i] = $all[$i]->prepare('INSERT INTO item (name, n, tags) VALUES (?, ?, ?) RETURNING n');
        $own[$i] = $all[$i]->prepare("SELECT $i * 100 + CAST(? AS int)");
        $named[$i] = $all[$i]->prepare("SELECT CAST(:a AS int) - CAST(:b AS int) - $i");
      }
      my ($right, @codes) = (0);
      for my $n (0 .. 14) {
        for my $i (0 .. 2) {
          $insert[$i]->execute("item '$i' $n", $n, ['a', "b $n"]);
          $right += $insert[$i]->fetch->[0] == $n;
          $own[$i]->execute($n);
          $right += $own[$i]->fetchall_arrayref->[0][0] == $i * 100 + $n;
          $named[$i]->bind_param(':a', $n); $named[$i]->bind_param(':b', 3);
          $named[$i]->execute;
          $right += $named[$i]->fetch->[0] == $n - 3 - $i;
          $named[$i]->finish;
          if ($n %% 4 == 0) { undef $own[$i]; $own[$i] = $all[$i]->prepare("SELECT $i * 100 + CAST(? AS int)") }
        }
      }
      for my $i (0 .. 2) {
        push @codes, code($all[$i], sub { $all[$i]->do('SELECT * FROM nowhere WHERE id = ?', undef, 1) });
        push @codes, code($all[$i], sub { $insert[$i]->execute("item '0' 0", 1, []) });
        push @codes, code($all[$i], sub { $own[$i]->execute('x') });
        push @codes, one($all[$i], 'SELECT tags[2] FROM item WHERE name = ?', "item '$i' 7");
      }
      my $bytes = $all[1]->prepare('UPDATE item SET data = ? WHERE id = 1');
      $bytes->bind_param(1, "\\0\\1\\xff", { pg_type => PG_BYTEA });
      $bytes->execute;
      push @codes, unpack('H*', one($all[2], 'SELECT data FROM item WHERE id = ?', 1));
      $_->finish for @insert, @own, @named;
      $_->disconnect for @all;
      out([$right, \\@codes]);""" % options)
    assert got == [135, ["42P01", "23505", "22P02", "b 7"] * 3 + ["0001ff"]]


def test_dbd_pg_transactions_and_savepoints(place):
    got = perl(place, """
      my ($c, $other, @log) = (connection(), connection());
      $c->do('CREATE TABLE item (id int PRIMARY KEY, n int CHECK (n >= 0))');
      $c->do('INSERT INTO item SELECT g, 100 FROM generate_series(1, 4) g');
      my $add = $c->prepare('UPDATE item SET n = n + ? WHERE id = ?');
      $c->begin_work;
      $add->execute(5, 1);
      $c->pg_savepoint('one');
      push @log, code($c, sub { $add->execute(-1000, 2) }), code($c, sub { $add->execute(1, 2) }), $c->ping, $c->state || 'fine';
      $c->pg_rollback_to('one');
      $add->execute(7, 2);
      $c->pg_savepoint('two');
      $add->execute(7, 3);
      $c->pg_release('two');
      $c->commit;
      { local $c->{AutoCommit} = 0;
        $add->execute(1000, 4);
        $c->rollback; }
      push @log, $other->selectcol_arrayref('SELECT n FROM item ORDER BY id');
      push @log, $other->ping, $c->{AutoCommit} ? 'auto' : 'not';
      $c->disconnect; $other->disconnect;
      out(\\@log);""")
    # ping says 4 in a failed transaction and 1 in none, from libpq's own state.
    assert got == ["23514", "25P02", 4, "25P02", [105, 107, 107, 100], 1, "auto"]


@FIRST_LAST_VALUE
def test_dbd_pg_finds_the_last_inserted_id(place):
    got = perl(place, """
      my ($c, $other, @log) = (connection(), connection());
      $c->do('CREATE TABLE made (id serial PRIMARY KEY, v int)');
      for (1 .. 3) {
        $c->do('INSERT INTO made (v) VALUES (1)');
        $other->do('INSERT INTO made (v) VALUES (1)');
        sleep 0.02;
        push @log, $c->last_insert_id(undef, undef, 'made', undef);
      }
      $c->disconnect; $other->disconnect;
      out(\\@log);""")
    assert got == [1, 3, 5]


def test_dbd_pg_copies_both_ways(place):
    got = perl(place, """
      my ($c, $other) = (connection(), connection());
      $c->do('CREATE TABLE item (id int, name text)');
      $c->do('COPY item FROM STDIN');
      $c->pg_putcopydata("$_\\tn\\xc3\\xa9 $_\\n") for 1 .. 2000;
      $c->pg_putcopyend;
      $other->do('COPY (SELECT * FROM item ORDER BY id) TO STDOUT');
      my ($line, $count, $first) = ('', 0);
      while ($other->pg_getcopydata($line) >= 0) { $first = $line unless $count++ }
      chomp $first;
      $c->do('COPY item FROM STDIN');
      $c->pg_putcopydata("x\\ty\\n");
      my $bad = code($c, sub { $c->pg_putcopyend });
      out([$count, $first, $bad, one($c, 'SELECT count(*) FROM item')]);
      $c->disconnect; $other->disconnect;""")
    assert got == [2000, "1\tné 1", "22P02", 2000]


def test_dbd_pg_hears_notifications(place):
    got = perl(place, """
      my ($c, $other, @heard) = (connection(), connection());
      sub heard {
        my $end = time + $_[0];
        while (time < $end) { my $n = $c->pg_notifies; return [@$n[0, 2]] if $n; sleep 0.02 }
        undef;
      }
      $c->do('LISTEN news');
      $other->do("SELECT pg_notify('news', ?)", undef, 'one');
      push @heard, heard(5);
      $other->begin_work;
      $other->do("NOTIFY news, 'two'");
      push @heard, heard(0.2);
      $other->commit;
      push @heard, heard(5);
      $c->begin_work; $c->do('LISTEN more'); $c->rollback;
      $other->do("NOTIFY more, 'never'; NOTIFY news, 'three'");
      push @heard, heard(5), heard(0.2);
      $c->do('UNLISTEN news');
      $other->do("NOTIFY news, 'four'");
      push @heard, heard(0.2);
      $c->disconnect; $other->disconnect;
      out(\\@heard);""")
    assert got == [["news", "one"], None, ["news", "two"], ["news", "three"], None, None]


def test_dbd_pg_cancels_and_works_asynchronously(place):
    got = perl(place, """
      my ($c, $other, @log) = (connection(), connection());
      $c->do('SELECT pg_sleep(20)', { pg_async => PG_ASYNC });
      sleep 0.3;
      push @log, $c->pg_ready ? 'ready' : 'busy', $c->pg_cancel ? 'cancelled' : 'not';
      push @log, one($c, 'SELECT 1');
      $c->do("SET statement_timeout = '100ms'");
      push @log, code($c, sub { $c->do('SELECT pg_sleep(20)') }), one($other, 'SHOW statement_timeout'), one($c, 'SHOW statement_timeout');
      $c->do('RESET statement_timeout');
      my $s = $c->prepare('SELECT ?::int * 2', { pg_async => PG_ASYNC });
      $s->execute(21);
      $s->pg_result;
      push @log, $s->fetch->[0];
      $s->finish;
      my $async = $c->prepare('SELECT pg_sleep(0.2)', { pg_async => PG_ASYNC });
      $async->execute;
      push @log, one($other, 'SELECT 5');
      $async->pg_result;
      $async->finish;
      $c->disconnect; $other->disconnect;
      out(\\@log);""" if place.size != 1 else """
      my ($c, @log) = (connection());
      $c->do('SELECT pg_sleep(20)', { pg_async => PG_ASYNC });
      sleep 0.3;
      push @log, $c->pg_cancel ? 'cancelled' : 'not', one($c, 'SELECT 1');
      $c->disconnect;
      out(\\@log);""")
    assert got == (["cancelled", 1] if place.size == 1 else ["busy", "cancelled", 1, "57014", "0", "100ms", 42, 5])


def test_dbd_pg_settings_and_temporary_tables_stay_their_own(roomy):
    got = perl(roomy, """
      my ($c, $other) = (connection(), connection());
      $c->do("SET TIME ZONE 'Europe/Zurich'"); $c->do("SET DateStyle TO 'German'");
      $other->do("SET search_path TO nowhere, public");
      $c->do('CREATE TEMP TABLE mine (n int) ON COMMIT PRESERVE ROWS');
      $c->do('INSERT INTO mine VALUES (?)', undef, $_) for 1 .. 3;
      my %seen;
      for my $n (1 .. 10) {
        $seen{join ' ', one($c, "SELECT timestamptz '2024-06-01 12:00+00'"), one($c, 'SELECT sum(n) FROM mine')}++;
        $seen{join ' ', one($other, "SELECT '2024-06-01'::date"), one($other, 'SHOW search_path'),
              code($other, sub { $other->do('SELECT * FROM mine') })}++;
      }
      $c->do('DROP TABLE mine');
      $c->do('DISCARD ALL');
      $seen{one($c, 'SELECT current_date::text') =~ /^\\d+-\\d+-\\d+$/ ? 'iso' : 'not iso'}++;
      $c->disconnect; $other->disconnect;
      out(\\%seen);""")
    assert got == {"01.06.2024 14:00:00 CEST 6": 10, "2024-06-01 nowhere, public 42P01": 10, "iso": 1}
