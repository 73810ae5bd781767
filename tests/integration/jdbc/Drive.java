// What test_drivers_jdbc.py asks of PgJDBC: each scenario prints one line, or ends the program with an exception.

import java.io.StringReader;
import java.io.StringWriter;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class Drive {
  static String url;

  public static void main(String[] arguments) throws Exception {
    url = arguments[0];
    for (int i = 1; i < arguments.length; i++)
      switch (arguments[i]) {
        case "statements": statements(); break;
        case "batches": batches(); break;
        case "transactions": transactions(); break;
        case "copy": copy(); break;
        case "cursor": cursor(); break;
        case "cancel": cancel(); break;
        case "metadata": metadata(); break;
        default: throw new IllegalArgumentException(arguments[i]);
      }
    System.exit(0);
  }

  static Connection connect() throws SQLException {
    return DriverManager.getConnection(url);
  }

  static int number(Connection c, String sql) throws SQLException {
    try (Statement s = c.createStatement(); ResultSet r = s.executeQuery(sql)) {
      r.next();
      return r.getInt(1);
    }
  }

  // Five connections take turns: the driver's names (S_1, ...) mean another text on each.
  static void statements() throws Exception {
    List<Connection> connections = new ArrayList<>();
    List<PreparedStatement> own = new ArrayList<>(), shared = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      connections.add(connect());
      own.add(connections.get(i).prepareStatement("SELECT " + i + " * 100 + ?"));
      shared.add(connections.get(i).prepareStatement("SELECT ?::int + ?::int"));
    }
    int right = 0;
    for (int n = 0; n < 20; n++)
      for (int i = 0; i < 5; i++) {
        own.get(i).setInt(1, n);
        shared.get(i).setInt(1, i);
        shared.get(i).setInt(2, n);
        right += answer(own.get(i)) == i * 100 + n ? 1 : 0;
        right += answer(shared.get(i)) == i + n ? 1 : 0;
        try (PreparedStatement once = connections.get(i).prepareStatement("SELECT ?::int - " + n)) {
          once.setInt(1, i);
          right += answer(once) == i - n ? 1 : 0;
        }
      }
    for (Connection c : connections) c.close();
    System.out.println("statements " + right + " right");
  }

  static int answer(PreparedStatement s) throws SQLException {
    try (ResultSet r = s.executeQuery()) {
      r.next();
      return r.getInt(1);
    }
  }

  static void batches() throws Exception {
    try (Connection c = connect()) {
      c.setAutoCommit(false);
      try (PreparedStatement s = c.prepareStatement("INSERT INTO drive VALUES (?, ?)")) {
        for (int i = 0; i < 500; i++) {
          s.setInt(1, 1000 + i);
          s.setInt(2, i);
          s.addBatch();
          if (i % 100 == 99) s.executeBatch();
        }
        c.commit();
        String state = "none";
        for (int i : new int[] {3000, 3001, 1000, 3002}) {
          s.setInt(1, i);
          s.setInt(2, 0);
          s.addBatch();
        }
        try {
          s.executeBatch();
        } catch (BatchUpdateException e) {
          state = e.getSQLState();
        }
        c.rollback();
        System.out.println("batches 500 rows, sum " + number(c, "SELECT sum(n) FROM drive WHERE id >= 1000") + ", failed batch "
            + state + ", " + number(c, "SELECT count(*) FROM drive WHERE id >= 1000") + " rows after");
        c.createStatement().execute("DELETE FROM drive WHERE id >= 1000");
        c.commit();
      }
    }
  }

  static void transactions() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    List<Future<Boolean>> all = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      final int mine = i;
      all.add(threads.submit((Callable<Boolean>) () -> {
        try (Connection c = connect()) {
          c.setAutoCommit(false);
          try (PreparedStatement s = c.prepareStatement("UPDATE drive SET n = n + 1 WHERE id = ?")) {
            s.setInt(1, 1 + mine % 10);
            if (s.executeUpdate() != 1) throw new IllegalStateException("one row expected");
          }
          try {
            if (mine % 4 == 0) number(c, "SELECT 1 / 0");
            c.commit();
            return true;
          } catch (SQLException e) {
            if (!"22012".equals(e.getSQLState())) throw e;
            c.rollback();
            return false;
          }
        }
      }));
    }
    int committed = 0;
    for (Future<Boolean> f : all) committed += f.get() ? 1 : 0;
    threads.shutdown();
    try (Connection c = connect()) {
      System.out.println("transactions " + committed + " committed, " + (40 - committed) + " undone, sum "
          + number(c, "SELECT sum(n) FROM drive WHERE id <= 10"));
    }
  }

  static void copy() throws Exception {
    try (Connection c = connect()) {
      CopyManager copier = c.unwrap(PGConnection.class).getCopyAPI();
      StringBuilder lines = new StringBuilder();
      for (int i = 0; i < 2000; i++) lines.append(5000 + i).append("\t1\n");
      long in = copier.copyIn("COPY drive FROM STDIN", new StringReader(lines.toString()));
      StringWriter text = new StringWriter();
      long out = copier.copyOut("COPY (SELECT id FROM drive WHERE id >= 5000 ORDER BY id) TO STDOUT", text);
      if (!text.toString().startsWith("5000\n5001\n")) throw new IllegalStateException("wrong rows");
      String bad = "none";
      try {
        copier.copyIn("COPY drive FROM STDIN", new StringReader("x\ty\n"));
      } catch (SQLException e) {
        bad = e.getSQLState();
      }
      System.out.println("copy in " + in + ", out " + out + ", bad " + bad + ", then "
          + number(c, "SELECT count(*) FROM drive WHERE id >= 5000"));
      c.createStatement().execute("DELETE FROM drive WHERE id >= 5000");
    }
  }

  // With a fetch size and a transaction the driver reads a portal in parts.
  static void cursor() throws Exception {
    try (Connection c = connect(); Connection other = connect()) {
      c.setAutoCommit(false);
      long sum = 0;
      try (PreparedStatement s = c.prepareStatement("SELECT generate_series(1, ?::int)")) {
        s.setInt(1, 1000);
        s.setFetchSize(64);
        try (ResultSet r = s.executeQuery()) {
          for (int row = 0; r.next(); row++) {
            sum += r.getInt(1);
            if (row == 100 && number(other, "SELECT 7") != 7) throw new IllegalStateException("not mine");
          }
        }
      }
      c.commit();
      System.out.println("cursor " + sum);
    }
  }

  static void cancel() throws Exception {
    try (Connection c = connect(); Statement s = c.createStatement()) {
      s.setQueryTimeout(1);
      String state = "none";
      try {
        s.executeQuery("SELECT pg_sleep(20)");
      } catch (SQLException e) {
        state = e.getSQLState();
      }
      System.out.println("cancel " + state + ", then " + number(c, "SELECT 1"));
    }
  }

  static void metadata() throws Exception {
    try (Connection c = connect(); ResultSet r = c.getMetaData().getColumns(null, "public", "drive", "%")) {
      List<String> names = new ArrayList<>();
      while (r.next()) names.add(r.getString("COLUMN_NAME"));
      System.out.println("metadata " + String.join(",", names));
    }
  }
}
