// What test_apps_go.py asks of lib/pq and pgx: each scenario prints one line of JSON, or ends the program.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/lib/pq"
)

var url = os.Getenv("DATABASE_URL") + "?sslmode=disable"
var ctx = context.Background()

func main() {
	scenarios := map[string]func() []any{
		"pq_prepared": pqPrepared, "pq_transactions": pqTransactions, "pq_copy": pqCopy, "pq_cancel": pqCancel,
		"pq_listen": pqListen, "pgx_prepared": pgxPrepared, "pgx_batches": pgxBatches, "pgx_transactions": pgxTransactions,
		"pgx_copy": pgxCopy, "pgx_cancel": pgxCancel, "pgx_listen": pgxListen, "pgx_changed": pgxChanged,
		"console": console}
	text, err := json.Marshal(scenarios[os.Args[1]]())
	must(err)
	fmt.Println(string(text))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// The SQLSTATE of whichever driver's error, "none" for none, the text for one without.
func state(err error) string {
	var fromPq *pq.Error
	var fromPgx *pgconn.PgError
	switch {
	case err == nil:
		return "none"
	case errors.As(err, &fromPq):
		return string(fromPq.Code)
	case errors.As(err, &fromPgx):
		return fromPgx.Code
	case errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err):
		return "deadline"
	}
	return err.Error()
}

// ---- lib/pq

func openPq(more string) *sql.DB {
	db, err := sql.Open("postgres", url+more)
	must(err)
	return db
}

func number(row interface{ Scan(...any) error }) int {
	var n int
	must(row.Scan(&n))
	return n
}

// A pool of four connections, whose statements database/sql prepares on whichever it takes.
func pqPrepared() []any {
	right := 0
	for _, options := range []string{"", "&binary_parameters=yes"} {
		db := openPq(options)
		db.SetMaxOpenConns(4)
		var statements []*sql.Stmt
		for i := 0; i < 4; i++ {
			s, err := db.Prepare(fmt.Sprintf("SELECT %d * 100 + $1::int", i))
			must(err)
			statements = append(statements, s)
		}
		var wait sync.WaitGroup
		var lock sync.Mutex
		for g := 0; g < 6; g++ {
			wait.Add(1)
			go func(g int) {
				defer wait.Done()
				for n := 0; n < 20; n++ {
					i := (g + n) % 4
					good := number(statements[i].QueryRow(n)) == i*100+n && number(db.QueryRow("SELECT $1::int - $2::int", n, g)) == n-g
					lock.Lock()
					if good {
						right++
					}
					lock.Unlock()
				}
			}(g)
		}
		wait.Wait()
		db.Close()
	}
	db := openPq("")
	_, missing := db.Exec("SELECT * FROM nowhere WHERE id = $1", 1)
	_, zero := db.Exec("SELECT 1 / $1::int", 0)
	_, syntax := db.Exec("SELEKT")
	return []any{right, state(missing), state(zero), state(syntax), number(db.QueryRow("SELECT 1"))}
}

func pqTransactions() []any {
	db := openPq("")
	db.SetMaxOpenConns(6)
	_, err := db.Exec("CREATE TABLE item (id int PRIMARY KEY, n int CHECK (n >= 0)); INSERT INTO item SELECT g, 100 FROM generate_series(1, 5) g")
	must(err)
	codes := make([]string, 20)
	var wait sync.WaitGroup
	for i := range codes {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			tx, err := db.BeginTx(ctx, &sql.TxOptions{})
			must(err)
			_, err = tx.Exec("UPDATE item SET n = n + $1 WHERE id = $2", 1, 1+i%5)
			must(err)
			if i%4 == 0 {
				_, err = tx.Exec("UPDATE item SET n = -1 WHERE id = $1", 1+i%5)
				codes[i] = state(err)
				must(tx.Rollback())
				return
			}
			codes[i] = state(tx.Commit())
		}(i)
	}
	wait.Wait()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
	must(err)
	var level string
	must(tx.QueryRow("SHOW transaction_isolation").Scan(&level))
	_, refused := tx.Exec("DELETE FROM item")
	tx.Rollback()
	must(db.QueryRow("SHOW transaction_isolation").Scan(&codes[0]))
	return []any{codes, level, state(refused), number(db.QueryRow("SELECT sum(n) FROM item"))}
}

func pqCopy() []any {
	db := openPq("")
	_, err := db.Exec("CREATE TABLE item (id int, name text)")
	must(err)
	copyRows := func(rows int, bad bool) error {
		tx, err := db.Begin()
		must(err)
		defer tx.Rollback()
		s, err := tx.Prepare(pq.CopyIn("item", "id", "name"))
		must(err)
		for i := 0; i < rows; i++ {
			if _, err := s.Exec(i, fmt.Sprintf("name\t%d", i)); err != nil {
				return err
			}
		}
		if bad {
			s.Exec("not a number", "x")
		}
		if _, err := s.Exec(); err != nil {
			return err
		}
		must(s.Close())
		return tx.Commit()
	}
	return []any{state(copyRows(3000, false)), state(copyRows(10, true)), number(db.QueryRow("SELECT count(*) FROM item")),
		number(db.QueryRow("SELECT id FROM item WHERE name = $1", "name\t2999"))}
}

func pqCancel() []any {
	db := openPq("")
	short, stop := context.WithTimeout(ctx, 300*time.Millisecond)
	defer stop()
	began := time.Now()
	_, err := db.ExecContext(short, "SELECT pg_sleep(20)")
	tx, _ := db.BeginTx(ctx, nil)
	must(func() error { _, err := tx.Exec("SELECT 1"); return err }())
	must(tx.Rollback())
	return []any{state(err), time.Since(began) < 10*time.Second, number(db.QueryRow("SELECT 7"))}
}

func pqListen() []any {
	db := openPq("")
	listener := pq.NewListener(url, 100*time.Millisecond, time.Second, nil)
	must(listener.Listen("news"))
	must(listener.Listen("more"))
	hear := func(wait time.Duration) string {
		select {
		case n := <-listener.Notify:
			if n == nil {
				return "lost"
			}
			return n.Channel + " " + n.Extra
		case <-time.After(wait):
			return "nothing"
		}
	}
	heard := []any{state(listener.Listen("news"))}
	db.Exec("SELECT pg_notify($1, $2)", "news", "one")
	heard = append(heard, hear(5*time.Second))
	db.Exec("NOTIFY more, 'two'")
	heard = append(heard, hear(5*time.Second), state(listener.Ping()))
	must(listener.Unlisten("news"))
	db.Exec("NOTIFY news, 'three'")
	return append(heard, hear(200*time.Millisecond), state(listener.Close()))
}

// ---- pgx

func openPgx(more string) *pgx.Conn {
	c, err := pgx.Connect(ctx, url+more)
	must(err)
	return c
}

func pgxPrepared() []any {
	right := 0
	for _, options := range []string{"", "&statement_cache_mode=describe", "&statement_cache_capacity=2", "&statement_cache_capacity=0"} {
		var all []*pgx.Conn
		for i := 0; i < 3; i++ {
			all = append(all, openPgx(options))
			_, err := all[i].Prepare(ctx, "own", fmt.Sprintf("SELECT %d * 100 + $1::int", i))
			must(err)
		}
		for n := 0; n < 10; n++ {
			for i, c := range all {
				// With describe, pgx 4 sends a statement's name as its text.
				if options == "&statement_cache_mode=describe" || number(c.QueryRow(ctx, "own", n)) == i*100+n {
					right++
				}
				for k := 0; k < 3; k++ { // more texts than a small cache holds
					if number(c.QueryRow(ctx, fmt.Sprintf("SELECT $1::int + %d", k), n)) == n+k {
						right++
					}
				}
			}
		}
		for _, c := range all {
			must(c.Deallocate(ctx, "own"))
			_, err := c.Exec(ctx, "own", 1)
			if state(err) == "42601" {
				right++
			}
			must(c.Close(ctx))
		}
	}
	c := openPgx("")
	_, missing := c.Exec(ctx, "SELECT * FROM nowhere WHERE id = $1", 1)
	_, zero := c.Exec(ctx, "SELECT 1 / $1::int", 0)
	return []any{right, state(missing), state(zero), number(c.QueryRow(ctx, "SELECT 1"))}
}

func pgxBatches() []any {
	c, other := openPgx(""), openPgx("")
	batch := &pgx.Batch{}
	batch.Queue("CREATE TABLE item (id int PRIMARY KEY, n int)")
	r := c.SendBatch(ctx, batch)
	must(r.Close())
	batch = &pgx.Batch{}
	for i := 0; i < 50; i++ {
		batch.Queue("INSERT INTO item VALUES ($1, $2)", i, i*2)
	}
	batch.Queue("SELECT sum(n) FROM item")
	r = c.SendBatch(ctx, batch)
	for i := 0; i < 50; i++ {
		_, err := r.Exec()
		must(err)
	}
	sum := number(r.QueryRow())
	must(r.Close())
	bad := &pgx.Batch{}
	bad.Queue("INSERT INTO item VALUES ($1, $2)", 1000, 1)
	bad.Queue("INSERT INTO item VALUES ($1, $2)", 1, 1)
	err := c.SendBatch(ctx, bad).Close()
	return []any{sum, state(err), number(other.QueryRow(ctx, "SELECT count(*) FROM item"))}
}

func pgxTransactions() []any {
	c, other := openPgx("&timezone=Europe/Zurich"), openPgx("")
	_, err := c.Exec(ctx, "CREATE TABLE item (id int PRIMARY KEY, n int CHECK (n >= 0)); INSERT INTO item SELECT g, 100 FROM generate_series(1, 5) g")
	must(err)
	inner := ""
	must(c.BeginFunc(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE item SET n = 1 WHERE id = $1", 1); err != nil {
			return err
		}
		inner = state(tx.BeginFunc(ctx, func(nested pgx.Tx) error { // a savepoint
			_, err := nested.Exec(ctx, "UPDATE item SET n = -1 WHERE id = $1", 2)
			return err
		}))
		_, err := tx.Exec(ctx, "UPDATE item SET n = 3 WHERE id = $1", 3)
		return err
	}))
	outer := state(c.BeginTxFunc(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, DeferrableMode: pgx.Deferrable}, func(tx pgx.Tx) error {
		tx.Exec(ctx, "DELETE FROM item")
		_, err := tx.Exec(ctx, "SELECT 1/0")
		return err
	}))
	zone, others := "", ""
	for i := 0; i < 10; i++ {
		must(c.QueryRow(ctx, "SHOW TimeZone").Scan(&zone))
		must(other.QueryRow(ctx, "SHOW transaction_isolation").Scan(&others))
	}
	return []any{inner, outer, zone, others, number(other.QueryRow(ctx, "SELECT sum(n) FROM item"))}
}

func pgxCopy() []any {
	c, other := openPgx(""), openPgx("")
	_, err := c.Exec(ctx, "CREATE TABLE item (id int PRIMARY KEY, name text)")
	must(err)
	var rows [][]any
	for i := 0; i < 3000; i++ {
		rows = append(rows, []any{int32(i), fmt.Sprintf("name %d", i)})
	}
	n, err := c.CopyFrom(ctx, pgx.Identifier{"item"}, []string{"id", "name"}, pgx.CopyFromRows(rows))
	must(err)
	_, again := c.CopyFrom(ctx, pgx.Identifier{"item"}, []string{"id", "name"}, pgx.CopyFromRows(rows[:5]))
	_, nowhere := other.CopyFrom(ctx, pgx.Identifier{"nowhere"}, []string{"id"}, pgx.CopyFromRows(nil))
	count := 0
	r, err := other.Query(ctx, "SELECT id FROM item WHERE id < $1 ORDER BY id", 2000)
	must(err)
	for r.Next() {
		if number(r) == count {
			count++
		}
	}
	return []any{n, state(again), state(nowhere), count, state(r.Err()), number(c.QueryRow(ctx, "SELECT count(*) FROM item"))}
}

// pgx gives up a connection whose context ended; CancelRequest is its own word to the server.
func pgxCancel() []any {
	c, other := openPgx(""), openPgx("")
	sent := make(chan error)
	go func() {
		time.Sleep(300 * time.Millisecond)
		sent <- c.PgConn().CancelRequest(ctx)
	}()
	_, err := c.Exec(ctx, "SELECT pg_sleep(20)")
	must(<-sent) // PostgreSQL signals twice, and is done with it when it closes that connection
	after := number(c.QueryRow(ctx, "SELECT 7"))
	short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	_, late := c.Exec(short, "SELECT pg_sleep(0.6)")
	return []any{state(err), after, state(late), c.IsClosed(), number(other.QueryRow(ctx, "SELECT 8"))}
}

func pgxListen() []any {
	c, other := openPgx(""), openPgx("")
	_, err := c.Exec(ctx, "LISTEN news")
	must(err)
	hear := func(wait time.Duration) string {
		short, stop := context.WithTimeout(ctx, wait)
		defer stop()
		n, err := c.WaitForNotification(short)
		if err != nil {
			return state(err)
		}
		return n.Channel + " " + n.Payload
	}
	_, err = other.Exec(ctx, "SELECT pg_notify($1, $2)", "news", "one")
	must(err)
	heard := []any{hear(5 * time.Second)}
	tx, _ := other.Begin(ctx)
	tx.Exec(ctx, "NOTIFY news, 'two'")
	heard = append(heard, hear(200*time.Millisecond))
	must(tx.Commit(ctx))
	heard = append(heard, hear(5*time.Second), number(c.QueryRow(ctx, "SELECT 5")))
	_, err = c.Exec(ctx, "UNLISTEN *")
	must(err)
	other.Exec(ctx, "NOTIFY news, 'three'")
	return append(heard, hear(200*time.Millisecond))
}

// The cached statement's table changes: what pgx says then, and that it recovers.
func pgxChanged() []any {
	c, other := openPgx(""), openPgx("")
	_, err := other.Exec(ctx, "CREATE TABLE item (id int); INSERT INTO item VALUES (1)")
	must(err)
	read := func() (int, string) {
		r, err := c.Query(ctx, "SELECT * FROM item WHERE id = $1", 1)
		must(err)
		defer r.Close()
		n := 0
		for r.Next() {
			values, err := r.Values()
			must(err)
			n = len(values)
		}
		return n, state(r.Err())
	}
	before, first := read()
	read()
	_, err = other.Exec(ctx, "ALTER TABLE item ALTER id TYPE bigint")
	must(err)
	_, changed := read()
	after, second := read()
	if changed == "0A000" { // as it is without anybody who prepares again
		changed = "none"
	}
	return []any{before, first, changed, after, second}
}

// ---- Weir's console, which is no PostgreSQL

func console() []any {
	var told []any
	db := openPq("")
	for _, show := range []string{"SHOW VERSION", "SELECT 1"} {
		var text string
		must(db.QueryRow(show).Scan(&text))
		told = append(told, text)
	}
	c, err := pgx.Connect(ctx, url)
	must(err)
	for _, mode := range []any{pgx.QuerySimpleProtocol(false), pgx.QuerySimpleProtocol(true)} {
		for round := 0; round < 2; round++ { // the second time with the statement that it prepared
			rows, err := c.Query(ctx, "SHOW LISTS", mode)
			must(err)
			count := 0
			for rows.Next() {
				var list string
				var items int
				must(rows.Scan(&list, &items))
				count++
			}
			must(rows.Err())
			told = append(told, count)
		}
		_, err := c.Exec(ctx, "RECONNECT nowhere", mode)
		told = append(told, state(err))
		told = append(told, number(c.QueryRow(ctx, "SELECT sum(query_count)::int4 FROM stats_totals WHERE database = 'app'", mode)))
	}
	return told
}
