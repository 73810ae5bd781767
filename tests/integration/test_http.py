"""HTTP: what each path answers and whom it cuts off, metrics that tools accept, and counters that are what drivers did.

promtool (Debian's prometheus) and Prometheus' own Python library are the judges of the format.
"""

import concurrent.futures
import http.client
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

import psycopg
import pytest

from servers import USERS, free_port, listens, wait_for

parser = pytest.importorskip("prometheus_client.parser")
openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser")

OPEN_METRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture
def site(weir):
    """site(http={...}, weir={...}) starts a Weir that answers HTTP."""
    def start(http=None, **sections):
        port = free_port()
        pooler = weir(http={"port": port} | (http or {}), **sections)
        pooler.http_port = port
        wait_for(lambda: listens(port), "HTTP to be answered")
        return pooler
    return start


def get(pooler, path, method="GET", headers=None, timeout=15):
    """status, headers, body"""
    connection = http.client.HTTPConnection("127.0.0.1", pooler.http_port, timeout=timeout)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode()
    finally:
        connection.close()


def raw(pooler, sent, timeout=15):
    """Everything that comes back for these bytes until the other side closes."""
    with socket.create_connection(("127.0.0.1", pooler.http_port), timeout=timeout) as s:
        try:
            s.sendall(sent)
        except OSError:
            pass  # refused in the middle of it; the answer says why
        return hear(s)


def hear(s):
    out = b""
    while True:
        try:
            part = s.recv(65536)
        except ConnectionResetError:
            return out
        if not part:
            return out
        out += part


def samples(pooler):
    """{(name, frozenset of labels): value} of /metrics"""
    status, _, text = get(pooler, "/metrics")
    assert status == 200, text
    return {(s.name, frozenset(s.labels.items())): s.value
            for family in parser.text_string_to_metric_families(text) for s in family.samples}


def value(found, name, **labels):
    """The sum of a name's samples that have these labels."""
    return sum(v for (n, l), v in found.items() if n == name and frozenset(labels.items()) <= l)


def client(pooler, user="alice", database="app", **options):
    options = {"autocommit": True, "prepare_threshold": None} | options
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user=user, password=USERS[user][0], dbname=database, **options)


@pytest.mark.short
def test_every_path_answers_and_nothing_else_does(site):
    pooler = site()
    status, headers, body = get(pooler, "/version")
    assert status == 200 and headers["content-type"] == "application/json"
    assert json.loads(body)["name"] == "Weir"
    assert headers["connection"] == "close" and headers["cache-control"] == "no-store"
    assert get(pooler, "/healthz")[::2] == (200, "ok\n")
    status, headers, body = get(pooler, "/readyz")
    assert status == 200 and json.loads(body) == {"ready": True, "databases": [{"database": "app", "ready": True},
                                                                               {"database": "other", "ready": True}]}
    status, headers, body = get(pooler, "/metrics")
    assert status == 200 and headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# EOF" not in body
    status, headers, body = get(pooler, "/metrics", headers=OPEN_METRICS)
    assert status == 200 and headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith("\n# EOF\n")
    status, headers, body = get(pooler, "/metrics.json")
    assert status == 200 and headers["content-type"] == "application/json"
    assert "pgbouncer_up" in {m["name"] for m in json.loads(body)["metrics"]}
    for path in ("/", "/metrics/", "/metric", "/%2e%2e/etc/passwd"):
        status, headers, body = get(pooler, path)
        assert status == 404 and headers["content-type"].startswith("text/plain"), path
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
        status, headers, _ = get(pooler, "/metrics", method=method)
        assert status == 405 and headers["allow"] == "GET, HEAD", method


def test_head_is_get_without_the_body(site):
    pooler = site()
    for path in ("/version", "/healthz", "/readyz", "/metrics", "/nothing"):
        got, head = get(pooler, path), get(pooler, path, method="HEAD")
        assert head[0] == got[0] and head[2] == ""
        assert head[1]["content-type"] == got[1]["content-type"]
        assert int(head[1]["content-length"]) > 0


def test_a_request_with_a_body_a_huge_head_or_no_sense_is_refused(site):
    pooler = site()
    assert raw(pooler, b"GET /version HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").startswith(b"HTTP/1.1 413 ")
    assert raw(pooler, b"GET /version HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1_000_000).startswith(b"HTTP/1.1 431 ")
    assert raw(pooler, b"GET /" + b"x" * 1_000_000).startswith(b"HTTP/1.1 431 ")
    assert raw(pooler, b"\x16\x03\x01\x02\x00\x01\x00\n\n").startswith(b"HTTP/1.1 400 ")
    assert raw(pooler, b"GET /version HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert raw(pooler, b"GET /version HTTP/3.0\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 505 ")
    # Pipelined requests: the first is answered, and that is the end.
    twice = raw(pooler, b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    assert twice.count(b"HTTP/1.1 ") == 1 and twice.startswith(b"HTTP/1.1 200 ")
    assert value(samples(pooler), "weir_http_refused_total") == 6


def test_a_token_is_asked_for_where_one_is_set_and_a_reload_changes_it(site, folder):
    secret = folder / "http-token"
    secret.write_text("first-token\n")
    secret.chmod(0o644)
    pooler = site(http={"token_file": str(secret)})
    bearer = {"Authorization": "Bearer first-token"}
    for path in ("/version", "/healthz", "/readyz", "/metrics", "/metrics.json", "/nothing"):
        status, headers, body = get(pooler, path)
        assert status == 401 and headers["www-authenticate"].startswith("Bearer"), path
        assert get(pooler, path, headers={"Authorization": "Bearer first-toke"})[0] == 401
        assert get(pooler, path, headers=bearer)[0] in (200, 404), path
    config = {row["key"]: row for row in pooler.show("CONFIG")}
    assert config["http.port"]["changeable"] == "no" and config["http.port"]["value"] == str(pooler.http_port)
    assert config["http.token"]["changeable"] == "yes" and "token" not in config["http.token"]["value"]
    secret.write_text("second-token\n")
    with pooler.console() as console:
        console.ask("RELOAD")
    assert get(pooler, "/version", headers=bearer)[0] == 401
    assert get(pooler, "/version", headers={"Authorization": "Bearer second-token"})[0] == 200
    assert "first-token" not in pooler.log() and "second-token" not in pooler.log()


def test_a_port_that_is_taken_is_refused_at_the_start(weir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        pooler = weir(http={"port": port}, wait=False)
        assert pooler.process.wait(20) == 1
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in pooler.log()


def test_slow_clients_are_cut_off_and_do_not_keep_others_out(site):
    pooler = site(http={"request_timeout": 1, "max_connections": 4})
    slow = [socket.create_connection(("127.0.0.1", pooler.http_port), timeout=10) for _ in range(12)]
    try:
        begun = time.monotonic()
        ends = begun + 0.9
        while time.monotonic() < ends:  # a byte now and then, so that no pause is long
            for s in slow[:4]:
                s.sendall(b"X")
            time.sleep(0.1)
        status, _, _ = get(pooler, "/version", timeout=20)
        assert status == 200
        assert time.monotonic() - begun < 8, "twelve connections of one second each, four at a time"
        assert b" 408 " in hear(slow[0])
        assert hear(slow[-1]) == b"", "who says nothing gets no answer"
    finally:
        for s in slow:
            s.close()
    wait_for(lambda: get(pooler, "/healthz")[0] == 200, "the site")
    assert value(samples(pooler), "weir_http_refused_total") >= 12


def test_clients_that_do_not_read_or_leave_early_cost_nothing(site):
    pooler = site(http={"answer_timeout": 1})
    assert get(pooler, "/healthz")[0] == 200  # it listens before all of it is there
    before = pooler.open_files()
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", pooler.http_port), timeout=10) as s:
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: pooler.open_files() <= before + 1, "connections to be closed")
    assert get(pooler, "/healthz")[0] == 200


def test_many_ask_at_the_same_time(site):
    pooler = site()
    paths = ["/metrics", "/metrics.json", "/healthz", "/readyz", "/version"] * 30
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        assert {status for status, _, _ in pool.map(lambda path: get(pooler, path, timeout=30), paths)} == {200}


def test_counters_are_what_a_driver_counted(site):
    pooler = site()
    before = samples(pooler)
    with client(pooler) as c, client(pooler, "bob", "other") as d:
        c.execute("CREATE TABLE IF NOT EXISTS http_things (id int PRIMARY KEY)")
        c.execute("TRUNCATE http_things")
        for i in range(40):
            c.execute("INSERT INTO http_things VALUES (%s)", (i,))
        for _ in range(7):
            with pytest.raises(psycopg.errors.UniqueViolation):
                c.execute("INSERT INTO http_things VALUES (1)")
        for _ in range(3):
            with pytest.raises(psycopg.errors.DivisionByZero):
                c.execute("SELECT 1/0")
        assert len(c.execute("SELECT * FROM http_things").fetchall()) == 40
        for _ in range(11):
            d.execute("SELECT pg_sleep(0.02)")
    calls = 2 + 40 + 7 + 3 + 1
    after = samples(pooler)

    def grown(name, **labels):
        return value(after, name, **labels) - value(before, name, **labels)

    mine = {"database": "app", "user": "alice"}
    assert grown("weir_query_duration_seconds_count", **mine) == calls
    assert grown("weir_query_duration_seconds_bucket", le="+Inf", **mine) == calls
    assert grown("weir_query_duration_seconds_count", database="other", user="bob") == 11
    assert grown("weir_query_duration_seconds_bucket", le="0.016384", database="other", user="bob") == 0
    assert grown("weir_query_duration_seconds_sum", database="other", user="bob") > 11 * 0.02
    assert grown("weir_query_errors_total", sqlstate_class="23", **mine) == 7
    assert grown("weir_query_errors_total", sqlstate_class="22", **mine) == 3
    assert grown("weir_query_errors_total", **mine) == 10
    assert grown("weir_query_rows_total", **mine) == 40 + 40
    assert grown("pgbouncer_stats_queries_total", database="app") == calls
    assert grown("weir_statement_calls_total", **mine) + grown("weir_statement_calls_total", user="bob") \
        + grown("weir_statement_calls_total", fingerprint="(other)") == calls + 11
    # In buckets: never fewer below a greater bound.
    buckets = sorted((float(dict(l)["le"]), v) for (n, l), v in after.items()
                     if n == "weir_query_duration_seconds_bucket" and frozenset(mine.items()) <= l)
    assert [v for _, v in buckets] == sorted(v for _, v in buckets)


def test_counters_never_go_back_whatever_is_reset_or_makes_room(site):
    pooler = site(http={"max_fingerprints": 3}, weir={"query_stats_max": 20})
    before, sent = samples(pooler), 0
    for turn in range(5):
        with client(pooler) as c:
            for i in range(60):
                c.execute(f"SELECT {', '.join(['now()'] * (i + turn + 1))} /* {turn} */ AS x{i}".encode())
                sent += 1
        if turn == 2:
            with pooler.console() as console:
                console.ask("RESET QUERIES")
        now = samples(pooler)
        for key, was in before.items():
            if key[0].endswith(("_total", "_count", "_sum", "_bucket")) and key in now and key[0] != "weir_statement_calls_total":
                assert now[key] >= was, key
        assert value(now, "weir_query_duration_seconds_count", database="app", user="alice") == sent
        assert value(now, "weir_statement_calls_total") == sent
        other = ("weir_statement_calls_total", frozenset(dict.fromkeys(("fingerprint", "database", "user"), "(other)").items()))
        assert now[other] >= before[other]
        assert len([k for k in now if k[0] == "weir_statement_calls_total"]) <= 4
        before = now


def test_names_that_want_escaping_do_not_break_the_page(site, postgres):
    name = 'we"ird\\ na\nme'
    pooler = site(databases={name: {"host": "127.0.0.1", "port": postgres.port, "dbname": "app"}})
    with client(pooler, database=name) as c:
        c.execute("SELECT 1")
    found = samples(pooler)
    assert value(found, "pgbouncer_stats_queries_total", database=name) == 1
    assert json.loads(get(pooler, "/readyz")[2])["databases"] == [{"database": name, "ready": True}]
    list(openmetrics.text_string_to_metric_families(get(pooler, "/metrics", headers=OPEN_METRICS)[2]))


def test_promtool_and_prometheus_library_accept_everything(site):
    promtool = shutil.which("promtool")
    assert promtool, "Debian's package prometheus has it: scripts/setup.sh test"
    pooler = site()
    with client(pooler) as c:
        c.execute("SELECT 1")
        with pytest.raises(psycopg.errors.SyntaxError):
            c.execute("SELEC")
    text = get(pooler, "/metrics")[2]
    done = subprocess.run([promtool, "check", "metrics"], input=text, text=True, capture_output=True, timeout=60)
    # Its other complaints are of style: names that PgBouncer's exporters have made what they are.
    assert done.returncode in (0, 3), done.stderr
    assert "error" not in done.stderr.lower(), done.stderr
    ours = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("weir_", "process_"))]
    assert ours == []
    names = {f.name for f in parser.text_string_to_metric_families(text)}
    opened = list(openmetrics.text_string_to_metric_families(get(pooler, "/metrics", headers=OPEN_METRICS)[2]))
    assert {"weir_query_duration_seconds", "weir_query_errors", "pgbouncer_stats_queries"} <= {f.name for f in opened}
    assert len(opened) == len(names)
    in_json = {m["name"] for m in json.loads(get(pooler, "/metrics.json")[2])["metrics"]}
    assert len(in_json) == len(names)


def test_readiness_says_why_not(site, postgres):
    closed = free_port()
    pooler = site(databases={"app": {"host": "127.0.0.1", "port": postgres.port},
                             "gone": {"host": "127.0.0.1", "port": closed, "dbname": "app"}},
                  weir={"server_login_retry": 0.2})
    assert get(pooler, "/readyz")[0] == 200, "nobody has tried"
    assert get(pooler, "/readyz?database=nothing")[0] == 404
    with client(pooler) as c:
        c.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        client(pooler, database="gone")
    status, _, body = get(pooler, "/readyz")
    assert status == 503
    rows = {row["database"]: row for row in json.loads(body)["databases"]}
    assert rows["app"]["ready"] and not rows["gone"]["ready"]
    assert rows["gone"]["why_not"].startswith("no server: ")
    assert get(pooler, "/readyz?database=app")[0] == 200 and get(pooler, "/readyz?database=gone")[0] == 503
    assert value(samples(pooler), "weir_database_ready", database="gone") == 0
    with pooler.console() as console:
        console.ask("PAUSE app")
        assert json.loads(get(pooler, "/readyz?database=app")[2])["databases"][0]["why_not"] == "paused"
        console.ask("RESUME app")
        console.ask("DISABLE app")
        assert json.loads(get(pooler, "/readyz?database=app")[2])["databases"][0]["why_not"] == "disabled"
        console.ask("ENABLE app")
    assert get(pooler, "/readyz?database=app")[0] == 200


def test_a_server_that_is_back_makes_its_database_ready_though_no_client_comes(site, folder, postgres, weir):
    """A load balancer sends nobody to a pooler that is not ready: Weir must find out by itself."""
    gate_port = free_port()
    pooler = site(databases={"app": {"host": "127.0.0.1", "port": gate_port}},
                  weir={"server_login_retry": 0.2, "server_login_retry_max": 1})
    with pytest.raises(psycopg.OperationalError):
        client(pooler)
    assert get(pooler, "/readyz")[0] == 503
    relay = Relay(gate_port, postgres.port)
    try:
        wait_for(lambda: get(pooler, "/readyz")[0] == 200, "the database to be ready again", seconds=20, pause=0.2)
    finally:
        relay.close()


class Relay:
    """A port that leads to another, from now on."""

    def __init__(self, port, to):
        self.listening = socket.create_server(("127.0.0.1", port))
        self.to = to
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.to))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        try:
            while part := a.recv(65536):
                b.sendall(part)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listening.close()


def test_shutting_down_is_not_ready_and_still_alive(site):
    pooler = site()
    with client(pooler) as c:
        c.execute("BEGIN")
        pooler.send_signal(signal.SIGTERM)
        wait_for(lambda: get(pooler, "/readyz")[0] == 503, "the end to be told")
        assert json.loads(get(pooler, "/readyz")[2])["databases"][0]["why_not"] == "shutting down"
        assert get(pooler, "/healthz")[0] == 200
        assert get(pooler, "/metrics")[0] == 200
    assert pooler.process.wait(20) == 0


def worker_threads(pooler):
    out = []
    for task in pathlib.Path(f"/proc/{pooler.pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        if name.startswith("worker"):
            out.append((name, int(task.name)))
    return sorted(out)


def test_a_worker_that_hangs_is_told_and_keeps_nobody_waiting_for_long(site):
    pooler = site()
    wait_for(lambda: len(worker_threads(pooler)) == 2, "both workers to have their names")
    threads = worker_threads(pooler)
    with client(pooler) as c:
        c.execute("SELECT 1")
    assert get(pooler, "/healthz")[0] == 200
    holder = subprocess.Popen(["strace", "-q", "-o", "/dev/null", "-p", str(threads[0][1]), "-e",
                               "inject=epoll_wait:delay_enter=8000000"], stderr=subprocess.PIPE, text=True)
    try:
        def hangs():
            if holder.poll() is not None:
                pytest.skip(f"strace may not attach here: {holder.stderr.read()}")
            return get(pooler, "/healthz")[0] == 503
        wait_for(hangs, "the worker to hang", seconds=20)
        status, _, body = get(pooler, "/healthz")
        assert status == 503 and body == "no answer within 1s from worker 0\n"
        begun = time.monotonic()
        status, _, text = get(pooler, "/metrics")
        assert status == 200 and time.monotonic() - begun < 4
        found = {(s.name, frozenset(s.labels.items())): s.value
                 for family in parser.text_string_to_metric_families(text) for s in family.samples}
        assert value(found, "weir_metrics_missing", part="statements") == 1
        assert value(found, "pgbouncer_up") == 1
        assert ("pgbouncer_pools_client_active_connections", frozenset({"database": "app", "user": "alice"}.items())) in found
        assert get(pooler, "/readyz")[0] == 200
    finally:
        holder.terminate()
        holder.wait(20)
    wait_for(lambda: get(pooler, "/healthz")[0] == 200, "the worker to turn again", seconds=30)
    wait_for(lambda: value(samples(pooler), "weir_metrics_missing") == 0, "a whole scrape", seconds=10)


def test_scrapes_under_load_cost_no_query(site):
    pooler = site(weir={"default_pool_size": 5})
    stop = time.monotonic() + 3

    def load(_):
        count = 0
        with client(pooler) as c:
            while time.monotonic() < stop:
                c.execute("SELECT %s::int", (count,))
                count += 1
        return count

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        running = [pool.submit(load, i) for i in range(5)]
        scrapes = 0
        while time.monotonic() < stop:
            assert get(pooler, "/metrics")[0] == 200
            scrapes += 1
        sent = sum(r.result() for r in running)
    assert scrapes > 3
    found = samples(pooler)
    assert value(found, "weir_query_duration_seconds_count", database="app", user="alice") == sent
    assert value(found, "weir_metrics_missing") == 0


def test_without_a_port_nothing_listens(weir):
    pooler = weir()
    assert "HTTP" not in pooler.log()
    names = {(task / "comm").read_text().strip() for task in pathlib.Path(f"/proc/{pooler.pid}/task").iterdir()}
    assert "http" not in names
