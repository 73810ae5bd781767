"""Traces: what an application traces goes on in Weir, and reaches a collector as OpenTelemetry has it; nothing else does.

The collector is a stand-in that keeps what it is sent. Prometheus' own library reads the exemplars."""

import contextlib
import http.client
import http.server
import json
import re
import signal
import threading
import time

import psycopg
import pytest
from psycopg.rows import dict_row

from rawpg import Raw, bind, execute, flush, parse, query, sync
from servers import USERS, free_port, listens, wait_for

TRACE, PARENT = "5bd66ef5095369c7b0d1f8f4bd33716a", "c532cb4098ac3dd2"
SERVER, INTERNAL, CLIENT = 2, 1, 3


def traceparent(trace=TRACE, parent=PARENT, flags="01"):
    return f"00-{trace}-{parent}-{flags}"


def comment(value=None):
    return f"/*application='shop',traceparent='{value or traceparent()}'*/"


class Collector:
    """POST /v1/traces; answers 200, or what `answers` has first: (status, headers)."""

    def __init__(self, port=0):
        self.requests, self.answers = [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, dict(self.headers), body))
                status, headers = outer.answers.pop(0) if outer.answers else (200, {})
                self.send_response(status)
                for name, value in ({"Content-Length": "2", "Content-Type": "application/json"} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1/traces"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def text(self):
        return "".join(body.decode() for _, _, body in self.requests)

    def spans(self):
        found = []
        for _, headers, body in self.requests:
            assert headers["Content-Type"] == "application/json"
            for resource in json.loads(body)["resourceSpans"]:
                assert attributes(resource["resource"])["service.name"]
                for scope in resource["scopeSpans"]:
                    assert scope["scope"]["name"] == "weir"
                    found += [well_formed(span) for span in scope["spans"]]
        return found

    def statements(self, count, seconds=10):
        """The spans of statements with their children, when there are so many; there are no more."""
        wait_for(lambda: len([s for s in self.spans() if s["kind"] == SERVER]) >= count, f"{count} statements", seconds)
        time.sleep(0.1)
        spans = self.spans()
        found = [s for s in spans if s["kind"] == SERVER]
        assert len(found) == count, found
        for one in found:
            one["children"] = [s for s in spans if s.get("parentSpanId") == one["spanId"]]
            for child in one["children"]:
                assert child["traceId"] == one["traceId"]
                assert one["start"] <= child["start"] <= child["end"] <= one["end"]
        assert len({s["spanId"] for s in spans}) == len(spans)
        assert len(spans) == len(found) + sum(len(s["children"]) for s in found)
        return sorted(found, key=lambda s: s["end"])


def attributes(of):
    """A dict, with what OTLP's JSON has for each type."""
    out = {}
    for one in of["attributes"]:
        (kind, value), = one["value"].items()
        assert kind in ("stringValue", "intValue") and isinstance(value, str), one
        assert one["key"] not in out
        out[one["key"]] = int(value) if kind == "intValue" else value
    return out


def well_formed(span):
    assert set(span) <= {"traceId", "spanId", "parentSpanId", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano",
                         "attributes", "status"}, span
    assert re.fullmatch("[0-9a-f]{32}", span["traceId"]) and span["traceId"] != "0" * 32
    for key in ("spanId", "parentSpanId"):
        if key in span:
            assert re.fullmatch("[0-9a-f]{16}", span[key]) and span[key] != "0" * 16
    assert span["kind"] in (SERVER, INTERNAL, CLIENT) and span["flags"] & 1 and span["name"]
    start, end = (span[key] for key in ("startTimeUnixNano", "endTimeUnixNano"))
    assert isinstance(start, str) and isinstance(end, str)  # 64 bits are text in JSON
    now = time.time()
    assert now - 600 < int(start) / 1e9 <= int(end) / 1e9 < now + 1
    return span | {"start": int(start), "end": int(end), "attributes": attributes(span), "ms": (int(end) - int(start)) / 1e6}


def child(span, kind):
    (one,) = [c for c in span["children"] if c["kind"] == kind]
    return one


@pytest.fixture
def collector():
    one = Collector()
    yield one
    with contextlib.suppress(OSError):
        one.stop()


@pytest.fixture
def traced(weir, postgres, collector):
    """traced(traces={...}, ...) starts a Weir that sends traces to the collector."""
    postgres.sql("DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int PRIMARY KEY, note text);"
                 "INSERT INTO orders VALUES (1, 'one'); GRANT ALL ON orders TO PUBLIC", database="app")

    def start(traces=None, weir_settings=None, http=None):
        return weir(weir=weir_settings, traces={"endpoint": collector.url, "flush_interval": "20ms"} | (traces or {}),
                    **({"http": {"port": http}} if http else {}))

    return start


def client(pooler, simple=True, **options):
    options = {"autocommit": True, "prepare_threshold": None} | options
    if simple:
        options["cursor_factory"] = psycopg.ClientCursor
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="alice", password=USERS["alice"][0], dbname="app",
                           application_name="shop", **options)


def raw(pooler):
    return Raw.connect(pooler.port).login("alice", USERS["alice"][0], "app", application_name="shop")


def counts(pooler):
    with psycopg.connect(host="127.0.0.1", port=pooler.port, user="bob", password=USERS["bob"][0], dbname="weir",
                         autocommit=True, row_factory=dict_row) as admin:
        return admin.execute("SELECT * FROM traces").fetchone()


def reload(pooler, **sections):
    pooler.rewrite(**sections)
    with pooler.console() as console:
        console.ask("RELOAD")


@pytest.mark.short
def test_a_statement_goes_on_with_its_applications_trace(traced, collector, postgres):
    pooler = traced({"service_name": "pool-1", "token": "collectors-secret", "headers": "x-tenant=one"})
    with client(pooler) as c:
        c.execute(f"SELECT * FROM orders WHERE note = 'private' {comment()}")
    (one,) = collector.statements(1)
    assert (one["traceId"], one["parentSpanId"]) == (TRACE, PARENT)
    assert one["name"] == "SELECT orders" and "status" not in one
    values = one["attributes"]
    pid = values.pop("weir.server_pid")
    assert pid > 0 and re.fullmatch("[0-9a-f]{16}", values.pop("weir.fingerprint"))
    assert values == {
        "db.system.name": "postgresql", "db.namespace": "app", "db.query.summary": "SELECT orders",
        "db.operation.name": "SELECT", "db.collection.name": "orders",
        "db.query.text": "SELECT * FROM orders WHERE note = $1", "server.address": "127.0.0.1", "server.port": postgres.port,
        "client.address": "127.0.0.1", "weir.user": "alice", "weir.application_name": "shop", "weir.rows": 0}
    server = child(one, CLIENT)
    assert server["attributes"]["db.system.name"] == "postgresql" and server["attributes"]["server.port"] == postgres.port
    path, headers, body = collector.requests[0]
    assert path == "/v1/traces"
    assert headers["Authorization"] == "Bearer collectors-secret" and headers["x-tenant"] == "one"
    assert attributes(json.loads(body)["resourceSpans"][0]["resource"])["service.name"] == "pool-1"
    row = counts(pooler)
    assert (row["endpoint"], row["exported"], row["dropped"], row["lost"], row["failure"]) == (collector.url, 1, 0, 0, "")
    assert "private" not in collector.text()
    for text in (pooler.log(), str(pooler.show("CONFIG"))):
        assert "collectors-secret" not in text and "x-tenant" not in text


def test_what_its_application_does_not_sample_is_not_traced(traced, collector):
    pooler = traced({"sample": 1})
    with client(pooler) as c:
        c.execute(f"SELECT 1 {comment(traceparent(flags='00'))}")
        c.execute(f"SELECT 2 {comment(traceparent())}")
    (one,) = collector.statements(1)
    assert one["traceId"] == TRACE


def test_without_a_share_only_traced_applications_are_traced(traced, collector):
    pooler = traced()
    with client(pooler) as c:
        c.execute("SELECT 1")
        c.execute(f"SELECT 2 {comment('00-' + '0' * 32 + '-' + PARENT + '-01')}")
        c.execute(f"SELECT 3 {comment(traceparent().upper())}")
        c.execute(f"{comment()} SELECT 4")
    (one,) = collector.statements(1)
    assert one["attributes"]["db.query.text"] == "SELECT $1"


def test_a_share_of_the_others_begins_traces(traced, collector):
    pooler = traced({"sample": 1})
    with client(pooler) as c:
        c.execute("SELECT 1")
        c.execute("SELECT 2")
    first, second = collector.statements(2)
    assert "parentSpanId" not in first and "parentSpanId" not in second
    assert first["traceId"] != second["traceId"]


def test_a_wait_for_a_server_is_apart_from_its_work(traced, collector):
    pooler = traced(weir_settings={"default_pool_size": 1, "query_wait_timeout": 30})
    with client(pooler, autocommit=False) as holder, client(pooler) as waiter:
        holder.execute("SELECT 1")
        threading.Timer(0.3, holder.rollback).start()
        began = time.monotonic()
        waiter.execute(f"SELECT pg_sleep(0.2) {comment()}")
        took = (time.monotonic() - began) * 1000
    (one,) = collector.statements(1)
    wait, server = child(one, INTERNAL), child(one, CLIENT)
    assert wait["name"] == "wait for a server"
    assert 200 < wait["ms"] < 2000 and 200 <= server["ms"] < 2000
    assert one["ms"] == pytest.approx(wait["ms"] + server["ms"], abs=20)
    assert one["ms"] <= took + 5
    assert wait["end"] <= server["start"] + 20e6


def test_who_gets_no_server_is_told(traced, collector):
    pooler = traced(weir_settings={"default_pool_size": 1, "query_wait_timeout": "300ms"})
    with client(pooler, autocommit=False) as holder, client(pooler) as waiter:
        holder.execute("SELECT 1")
        with pytest.raises(psycopg.Error):
            waiter.execute(f"SELECT 1 {comment()}")
    (one,) = collector.statements(1)
    assert one["status"] == {"code": 2}
    assert child(one, INTERNAL)["ms"] >= 290
    assert not [c for c in one["children"] if c["kind"] == CLIENT] and "server.address" not in one["attributes"]


def test_an_error_is_its_sqlstate_and_never_its_message(traced, collector):
    pooler = traced()
    with client(pooler) as c:
        with pytest.raises(psycopg.errors.UniqueViolation):
            c.execute(f"INSERT INTO orders VALUES (1, 'private') {comment()}")
        with pytest.raises(psycopg.errors.SyntaxError):
            c.execute(f"SELEKT 'private' {comment()}")
    failed, wrong = collector.statements(2)
    for one, state in ((failed, "23505"), (wrong, "42601")):
        assert one["status"] == {"code": 2}
        assert one["attributes"]["db.response.status_code"] == one["attributes"]["error.type"] == state
        assert child(one, CLIENT)["status"] == {"code": 2}
    assert failed["name"] == "INSERT orders" and wrong["attributes"]["db.operation.name"] == "SELEKT"
    assert "private" not in collector.text() and "already exists" not in collector.text()


def test_prepared_statements_and_pipelines(traced, collector):
    pooler = traced()
    sql = f"SELECT note FROM orders WHERE id = $1 {comment()}"
    with raw(pooler) as c:
        c.send(parse("s", sql), sync())
        c.until_ready()
        c.send(bind("", "s", [b"1"]), execute(), bind("", "s", [b"777"]), execute(), sync())
        c.until_ready()
        c.send(parse("", sql), bind("", "", [b"1"]), execute(), sync())
        c.until_ready()
    found = collector.statements(3)
    assert {s["attributes"]["db.query.text"] for s in found} == {"SELECT note FROM orders WHERE id = $1"}
    assert sorted(s["attributes"]["weir.rows"] for s in found) == [0, 1, 1]
    assert {s["parentSpanId"] for s in found} == {PARENT}
    assert "777" not in [s["attributes"]["db.query.text"] for s in found]


def test_a_driver_that_prepares_is_traced(traced, collector):
    pooler = traced()
    with client(pooler, simple=False) as c:
        c.execute(f"SELECT note FROM orders WHERE note = %s {comment()}", ("private",), prepare=True)
    (one,) = collector.statements(1)
    assert one["attributes"]["db.query.text"] == "SELECT note FROM orders WHERE note = $1"
    assert "private" not in collector.text()


def test_parts_of_a_cursor_are_traced_one_by_one(traced, collector):
    pooler = traced()
    with raw(pooler) as c:
        c.send(query("BEGIN"))
        c.until_ready()
        c.send(parse("", f"SELECT generate_series(1, 5) {comment()}"), bind("p"), execute("p", 2), flush())
        c.until("s")
        time.sleep(0.3)
        c.send(execute("p", 0), sync())
        c.until_ready()
        c.send(query("COMMIT"))
        c.until_ready()
    first, second = collector.statements(2)
    assert second["start"] - first["end"] > 200e6, "the client's own time is not the server's"


def test_several_statements_in_a_text_are_one(traced, collector):
    pooler = traced()
    with client(pooler) as c:
        c.execute(f"SELECT 1; SELECT note FROM orders WHERE note = 'private' {comment()}")
    (one,) = collector.statements(1)
    assert one["name"] == "BATCH" and one["attributes"]["db.operation.batch.size"] == 2
    assert one["attributes"]["db.query.text"] == "SELECT $1; SELECT note FROM orders WHERE note = $1"


def test_a_setting_of_the_session_says_the_trace_too(traced, collector):
    pooler = traced()
    with client(pooler) as c:
        c.execute("SELECT 1")
        c.execute(f"SET weir.traceparent = '{traceparent()}'")
        c.execute("SELECT 2")
        c.execute("RESET weir.traceparent")
        c.execute("SELECT 3")
    found = collector.statements(2)
    assert [s["attributes"]["db.operation.name"] for s in found] == ["SELECT", "RESET"]
    assert {s["traceId"] for s in found} == {TRACE}


def test_texts_are_left_out_where_nobody_wants_them(traced, collector):
    pooler = traced({"query_text": False})
    with client(pooler) as c:
        c.execute(f"SELECT * FROM orders {comment()}")
    (one,) = collector.statements(1)
    assert "db.query.text" not in one["attributes"] and one["name"] == "SELECT orders"


def test_a_collector_that_is_busy_is_asked_again(traced, collector):
    pooler = traced()
    collector.answers = [(503, {"Retry-After": "1"}), (429, {})]
    began = time.monotonic()
    with client(pooler) as c:
        c.execute(f"SELECT 1 {comment()}")
    wait_for(lambda: counts(pooler)["exported"] == 1, "the third time to be the right one")
    assert time.monotonic() - began >= 1
    row = counts(pooler)
    assert (row["requests"], row["retries"], row["lost"]) == (3, 2, 0)
    assert len({body for _, _, body in collector.requests}) == 1


def test_what_a_collector_refuses_is_lost_and_said(traced, collector):
    pooler = traced()
    collector.answers = [(400, {})]
    with client(pooler) as c:
        c.execute(f"SELECT 1 {comment()}")
    wait_for(lambda: counts(pooler)["lost"] == 1, "it to be lost")
    row = counts(pooler)
    assert row["failure"].startswith("the collector answered 400") and row["failed_at"] and row["requests"] == 1
    wait_for(lambda: "traced statements were not taken" in pooler.log(), "the log to say so")
    assert counts(pooler)["exported"] == 0


def test_a_collector_that_is_away_costs_clients_nothing(traced, collector):
    pooler = traced({"queue_max": 50, "batch_size": 10})
    collector.stop()
    with client(pooler) as c:
        began = time.monotonic()
        for i in range(500):
            assert c.execute(f"SELECT {i} {comment()}").fetchone() == (i,)
        assert time.monotonic() - began < 10
    row = counts(pooler)
    assert row["dropped"] >= 400 and row["waiting"] <= 50 and row["exported"] == 0
    assert row["dropped"] + row["lost"] + row["waiting"] <= 500
    began = time.monotonic()
    pooler.stop(signal.SIGINT)
    assert time.monotonic() - began < 10


def test_a_collector_that_comes_back_gets_what_is_new(traced, collector):
    pooler = traced({"queue_max": 10, "batch_size": 10})
    collector.stop()
    with client(pooler) as c:
        c.execute(f"SELECT 1 {comment()}")
        wait_for(lambda: counts(pooler)["retries"] > 0, "it to be tried again")
        back = Collector(collector.port)
        try:
            wait_for(lambda: counts(pooler)["exported"] == 1, "it to be taken", 20)
            assert len(back.statements(1)) == 1
        finally:
            back.stop()


def test_a_reload_switches_it_on_and_off(weir, collector):
    pooler = weir()
    with client(pooler) as c:
        c.execute(f"SELECT 1 {comment()}")
        assert counts(pooler)["endpoint"] == ""
        reload(pooler, traces={"endpoint": collector.url, "flush_interval": "20ms"})
        c.execute(f"SELECT * FROM pg_class LIMIT 1 {comment()}")
        (one,) = collector.statements(1)
        assert one["name"] == "SELECT pg_class"
        reload(pooler, traces={"endpoint": ""})
        c.execute(f"SELECT 3 {comment()}")
        time.sleep(0.3)
    assert len(collector.statements(1)) == 1
    assert counts(pooler)["exported"] == 1


def test_the_end_of_the_process_sends_what_waits(traced, collector):
    pooler = traced({"flush_interval": "60s"})
    with client(pooler) as c:
        c.execute(f"SELECT 1 {comment()}")
    assert counts(pooler)["waiting"] == 1
    pooler.stop(signal.SIGQUIT)
    assert len(collector.statements(1)) == 1


def test_it_works_without_statistics(traced, collector):
    pooler = traced(weir_settings={"query_stats": False})
    with client(pooler) as c:
        c.execute(f"SELECT note FROM orders {comment()}")
    (one,) = collector.statements(1)
    assert one["name"] == "SELECT orders"


def test_buckets_of_the_histogram_name_a_trace(traced, collector):
    openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser")
    port = free_port()
    pooler = traced(http=port)
    wait_for(lambda: listens(port), "HTTP to be answered")
    with client(pooler) as c:
        c.execute(f"SELECT pg_sleep(0.1) {comment()}")
    (one,) = collector.statements(1)
    server = child(one, CLIENT)

    def metrics(accept):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/metrics", headers={"Accept": accept})
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    text = metrics("application/openmetrics-text; version=1.0.0")
    found = [s for family in openmetrics.text_string_to_metric_families(text) for s in family.samples if s.exemplar]
    assert len(found) == 1, "one statement was traced"
    (sample,) = found
    assert sample.name == "weir_query_duration_seconds_bucket" and sample.labels["user"] == "alice"
    assert sample.exemplar.labels == {"trace_id": TRACE, "span_id": one["spanId"]}
    assert sample.exemplar.value == pytest.approx(server["ms"] / 1000, abs=0.001)
    assert float(sample.labels["le"]) / 2 <= sample.exemplar.value < float(sample.labels["le"])
    assert abs(float(sample.exemplar.timestamp) - one["end"] / 1e9) < 1
    plain = metrics("text/plain")
    assert TRACE not in plain
    assert re.search(r"^weir_traces_exported_total 1(\.0)?$", plain, re.M)
