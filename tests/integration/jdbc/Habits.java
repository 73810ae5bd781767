// What test_apps_jdbc.py asks of PgJDBC with server prepares: each scenario prints one line of JSON.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

public class Habits {
  interface Work { void run() throws Exception; }
  interface Scenario { List<Object> run() throws Exception; }

  public static void main(String[] arguments) throws Exception {
    Map<String, Scenario> scenarios = Map.of("transactions", Habits::transactions, "discard", Habits::discard, "timeouts",
        Habits::timeouts, "listen", Habits::listen, "temporary", Habits::temporary, "locks", Habits::locks, "cursors",
        Habits::cursors, "properties", Habits::properties, "changed", Habits::changed);
    List<String> parts = new ArrayList<>();
    for (Object o : scenarios.get(arguments[0]).run()) parts.add(o instanceof Number || o instanceof Boolean ? o.toString() : "\"" + o + "\"");
    System.out.println("[" + String.join(", ", parts) + "]");
    System.exit(0);
  }

  static Connection connect(String more) throws SQLException {
    Map<String, String> e = System.getenv();
    return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + e.get("PGPORT") + "/" + e.get("PGDATABASE") + "?user="
        + e.get("PGUSER") + "&password=" + e.get("PGPASSWORD") + "&sslmode=disable&prepareThreshold=1" + more);
  }

  static String text(Connection c, String sql, Object... values) throws SQLException {
    try (PreparedStatement s = c.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) s.setObject(i + 1, values[i]);
      try (ResultSet r = s.executeQuery()) {
        return r.next() ? r.getString(1) : "no row";
      }
    }
  }

  static int update(Connection c, String sql, Object... values) throws SQLException {
    try (PreparedStatement s = c.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) s.setObject(i + 1, values[i]);
      return s.executeUpdate();
    }
  }

  static void execute(Connection c, String sql) throws SQLException {
    try (Statement s = c.createStatement()) {
      s.execute(sql);
    }
  }

  static String state(Work work) throws Exception {
    try {
      work.run();
      return "none";
    } catch (SQLException e) {
      return e.getSQLState();
    }
  }

  // Every statement has a name on the server from its first use, inside transactions and out of them.
  static List<Object> transactions() throws Exception {
    Connection a = connect(""), b = connect("&ApplicationName=b");
    execute(a, "CREATE TABLE item (id int PRIMARY KEY, n int CHECK (n >= 0)); INSERT INTO item SELECT g, 100 FROM generate_series(1, 4) g");
    List<Object> out = new ArrayList<>();
    for (int round = 0; round < 10; round++) {
      a.setAutoCommit(false);
      update(a, "UPDATE item SET n = n + ? WHERE id = ?", 1, 1);
      Savepoint point = a.setSavepoint("point");
      String failed = state(() -> update(a, "UPDATE item SET n = ? WHERE id = ?", -1, 2));
      if (round == 0) out.add(failed + " " + state(() -> text(a, "SELECT n FROM item WHERE id = ?", 1)));
      a.rollback(point);
      update(a, "UPDATE item SET n = n + ? WHERE id = ?", 2, 3);
      a.releaseSavepoint(point);
      if (round % 2 == 0) a.commit(); else a.rollback();
      a.setAutoCommit(true);
      update(b, "UPDATE item SET n = n + ? WHERE id = ?", 5, 4);
    }
    for (int id = 1; id <= 4; id++) out.add(Integer.parseInt(text(id % 2 == 0 ? a : b, "SELECT n FROM item WHERE id = ?", id)));
    a.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    b.setReadOnly(true);
    a.setAutoCommit(false);
    String level = text(a, "SHOW transaction_isolation");
    a.rollback();
    out.add(level + ", " + text(b, "SHOW transaction_isolation"));
    b.setAutoCommit(false);
    out.add(state(() -> update(b, "DELETE FROM item")));
    b.rollback();
    b.setReadOnly(false);
    out.add(update(b, "DELETE FROM item WHERE id = ?", 1));
    b.commit();
    return out;
  }

  // What connection pools say when a connection comes back to them.
  static List<Object> discard() throws Exception {
    Connection a = connect("&options=-c%20work_mem=5MB"), b = connect("");
    List<Object> out = new ArrayList<>();
    execute(a, "SET work_mem = '6MB'; SET TIME ZONE 'Asia/Kolkata'; CREATE TEMP TABLE mine (n int); PREPARE own AS SELECT 1");
    try (PreparedStatement kept = a.prepareStatement("SELECT ?::int + 1"); PreparedStatement others = b.prepareStatement("SELECT ?::int + 2")) {
      for (int i = 0; i < 3; i++) {
        kept.setInt(1, i);
        kept.executeQuery().close();
        others.setInt(1, i);
        others.executeQuery().close();
      }
      out.add(text(a, "SHOW work_mem") + " " + text(b, "SHOW work_mem"));
      execute(a, "DISCARD ALL");  // the driver hears of it and prepares again
      kept.setInt(1, 41);
      try (ResultSet r = kept.executeQuery()) {
        r.next();
        out.add(r.getInt(1));
      }
      others.setInt(1, 40);
      try (ResultSet r = others.executeQuery()) {
        r.next();
        out.add(r.getInt(1));
      }
    }
    out.add(text(a, "SHOW work_mem"));
    out.add(state(() -> execute(a, "SELECT * FROM mine")));
    out.add(state(() -> execute(a, "EXECUTE own")));
    out.add(text(a, "SHOW TimeZone").equals(text(b, "SHOW TimeZone")));
    return out;
  }

  static List<Object> timeouts() throws Exception {
    List<Object> out = new ArrayList<>();
    ExecutorService threads = Executors.newCachedThreadPool();
    Connection a = connect(""), b = connect("");
    a.setNetworkTimeout(threads, 400);  // a socket's timeout: the connection is gone afterwards
    out.add(a.getNetworkTimeout());
    out.add(state(() -> text(a, "SELECT pg_sleep(?::float)", 5)));
    out.add(a.isClosed() + " " + a.isValid(1));
    out.add(text(b, "SELECT ?::int", 7));
    try (Statement s = b.createStatement()) {
      s.setQueryTimeout(1);
      out.add(state(() -> s.executeQuery("SELECT pg_sleep(20)")));
    }
    try (Statement s = b.createStatement()) {
      new Thread(() -> { try { Thread.sleep(300); s.cancel(); } catch (Exception e) { throw new RuntimeException(e); } }).start();
      out.add(state(() -> s.executeQuery("SELECT pg_sleep(20)")));
    }
    execute(b, "SET statement_timeout = 100");
    out.add(state(() -> text(b, "SELECT pg_sleep(?::float)", 20)));
    Connection c = connect("");
    out.add(text(c, "SHOW statement_timeout") + " " + b.isValid(1) + " " + text(b, "SHOW statement_timeout"));
    return out;
  }

  static List<Object> listen() throws Exception {
    Connection a = connect(""), b = connect("");
    List<Object> out = new ArrayList<>();
    execute(a, "LISTEN news");
    PGConnection ears = a.unwrap(PGConnection.class);
    text(b, "SELECT pg_notify('news', ?)", "one");
    out.add(heard(ears, 5000));
    b.setAutoCommit(false);
    text(b, "SELECT pg_notify('news', ?)", "two");
    out.add(heard(ears, 200));
    b.commit();
    out.add(heard(ears, 5000));
    out.add(text(a, "SELECT ?::int", 5));
    execute(a, "UNLISTEN *");
    execute(b, "NOTIFY news");
    b.commit();
    out.add(heard(ears, 200));
    return out;
  }

  static String heard(PGConnection c, int milliseconds) throws SQLException {
    PGNotification[] all = c.getNotifications(milliseconds);
    return all == null || all.length == 0 ? "nothing" : all[0].getName() + " " + all[0].getParameter();
  }

  static List<Object> temporary() throws Exception {
    Connection a = connect(""), b = connect("");
    TreeSet<String> seen = new TreeSet<>();
    execute(a, "CREATE TEMP TABLE mine (n int)");
    for (int i = 1; i <= 10; i++) {
      update(a, "INSERT INTO mine VALUES (?)", i);
      seen.add("b " + state(() -> execute(b, "SELECT * FROM mine")));
      if (!text(a, "SELECT sum(n) FROM mine WHERE n <= ?", i).equals("" + i * (i + 1) / 2)) seen.add("wrong");
    }
    List<Object> out = new ArrayList<>(seen);
    out.add(Integer.parseInt(text(a, "SELECT count(*) FROM mine")));
    execute(a, "DROP TABLE mine");
    out.add(state(() -> text(a, "SELECT count(*) FROM mine")));
    a.setAutoCommit(false);
    execute(a, "CREATE TEMP TABLE brief (n int) ON COMMIT DROP");
    out.add(update(a, "INSERT INTO brief VALUES (?)", 1));
    a.commit();
    out.add(state(() -> text(a, "SELECT count(*) FROM brief")));
    a.rollback();
    return out;
  }

  // Flyway's and Quartz's way: a session's lock around transactions of the same connection.
  static List<Object> locks() throws Exception {
    Connection a = connect(""), b = connect("");
    List<Object> out = new ArrayList<>();
    out.add(text(a, "SELECT pg_try_advisory_lock(?)", 77L));
    a.setAutoCommit(false);
    execute(a, "CREATE TABLE history (version int)");
    update(a, "INSERT INTO history VALUES (?)", 1);
    a.commit();
    a.setAutoCommit(true);
    TreeSet<String> others = new TreeSet<>(), own = new TreeSet<>();
    for (int i = 0; i < 5; i++) {
      others.add(text(b, "SELECT pg_try_advisory_lock(?)", 77L));
      own.add(text(a, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objid = ?", 77));
    }
    out.add(others + " " + own);
    out.add(text(a, "SELECT pg_advisory_unlock(?)", 77L));
    out.add(text(b, "SELECT pg_try_advisory_lock(?)", 77L));
    b.close();  // which ends its session and its lock
    String got = "f";
    for (int i = 0; i < 100 && got.equals("f"); i++) {
      got = text(a, "SELECT pg_try_advisory_lock(?)", 77L);
      Thread.sleep(20);
    }
    out.add(got);
    a.close();
    return out;
  }

  static List<Object> cursors() throws Exception {
    Connection a = connect("&defaultRowFetchSize=50"), b = connect("");
    List<Object> out = new ArrayList<>();
    execute(a, "CREATE TABLE item AS SELECT g AS id FROM generate_series(1, 1000) g");
    a.setAutoCommit(false);
    try (PreparedStatement s = a.prepareStatement("SELECT id FROM item WHERE id > ? ORDER BY id"); PreparedStatement t = a.prepareStatement("SELECT id FROM item WHERE id <= ?")) {
      s.setInt(1, 0);
      t.setInt(1, 1000);
      long sum = 0;
      try (ResultSet r = s.executeQuery(); ResultSet q = t.executeQuery()) {  // two portals in turn
        while (r.next() && q.next()) {
          sum += r.getInt(1) + q.getInt(1);
          if (r.getInt(1) % 300 == 0) text(b, "SELECT ?::int", 1);
        }
      }
      out.add(sum);
    }
    a.commit();
    try (Statement s = a.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY, ResultSet.HOLD_CURSORS_OVER_COMMIT);
         ResultSet r = s.executeQuery("SELECT id FROM item ORDER BY id")) {
      r.absolute(500);
      a.commit();
      r.relative(7);
      out.add(r.getInt(1));
    }
    execute(a, "BEGIN; DECLARE kept CURSOR WITH HOLD FOR SELECT id FROM item ORDER BY id; COMMIT");
    a.setAutoCommit(true);
    int at = 0;
    for (int i = 0; i < 5; i++) {
      at += Integer.parseInt(text(a, "FETCH FORWARD 1 FROM kept"));
      text(b, "SELECT ?::int", 1);
    }
    out.add(at + " " + state(() -> execute(b, "FETCH kept")));
    execute(a, "CLOSE kept");
    out.add(state(() -> execute(a, "FETCH kept")));
    return out;
  }

  static List<Object> properties() throws Exception {
    Connection a = connect("&currentSchema=app,public&ApplicationName=shop&options=-c%20statement_timeout=9s"), b = connect("&readOnly=true");
    TreeSet<String> seen = new TreeSet<>();
    execute(a, "CREATE SCHEMA app; CREATE TABLE app.item (id int)");
    for (int i = 0; i < 10; i++) {
      seen.add(String.join(" ", text(a, "SHOW search_path"), text(a, "SHOW application_name"), text(a, "SHOW statement_timeout"), text(a, "SELECT count(*) FROM item")));
      seen.add(String.join(" ", text(b, "SHOW application_name"), text(b, "SHOW statement_timeout"), state(() -> text(b, "SELECT count(*) FROM item"))));
    }
    a.setSchema("public");
    a.setClientInfo("ApplicationName", "other");
    seen.add(a.getSchema() + " " + text(a, "SHOW application_name") + " " + text(b, "SELECT current_schema()"));
    return new ArrayList<>(seen);
  }

  // The driver knows 0A000 and prepares again by itself, outside of a transaction.
  static List<Object> changed() throws Exception {
    Connection a = connect(""), b = connect("");
    execute(b, "CREATE TABLE item (id int); INSERT INTO item VALUES (1), (2)");
    List<Object> out = new ArrayList<>();
    try (PreparedStatement s = a.prepareStatement("SELECT * FROM item WHERE id = ?")) {
      for (String change : new String[] {"SELECT 1", "ALTER TABLE item ADD COLUMN more int DEFAULT 5", "ALTER TABLE item ADD COLUMN name text DEFAULT 'x'", "ALTER TABLE item DROP COLUMN more"}) {
        execute(b, change);
        for (int i = 0; i < 4; i++) {
          s.setInt(1, 2);
          try (ResultSet r = s.executeQuery()) {
            r.next();
            if (i == 3) out.add(r.getMetaData().getColumnCount() * 10 + r.getInt(1));
          }
        }
      }
    }
    return out;
  }
}
