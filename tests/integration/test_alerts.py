"""Alerts: rules about the traffic become pending, fire and are resolved, in the console, in the log, in /metrics and at a
webhook, which hears of each of them though it was away; and nothing of a secret is said anywhere."""

import http.server
import json
import pathlib
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import psycopg
import pytest
from psycopg.rows import dict_row

from servers import USERS, free_port, wait_for

TOKEN, PATH = "t0ken-of-the-webhook", "/services/s3cret-path"
ERRORS = {"metric": "error_rate", "above": "20%", "resolve_below": "10%", "for": "1s", "window": "2s", "min_calls": 5,
          "severity": "page", "application_name": ["shop*"], "description": "the shop fails"}


class Webhook:
    """A server that keeps what is posted to it; `status` says what it answers."""

    def __init__(self, port=0, tls=None):
        hook = self
        self.posts, self.status = [], 200

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append((hook.status, self.path, dict(self.headers), json.loads(body)))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.scheme = "https" if tls else "http"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def url(self, host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{PATH}"

    def heard(self):
        return [(body["alerts"][0]["labels"]["alertname"], body["status"]) for status, _, _, body in self.posts if status == 200]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hook():
    made = Webhook()
    yield made
    made.close()


@pytest.fixture
def start(weir):
    def begin(alerts, url=None, http=False, **alerting):
        alerting = {"interval": "1s", "webhook_retry": "200ms", "webhook_retry_max": "500ms"} | alerting
        if url:
            alerting["webhook_url"] = url
        tables = {"http": {"port": free_port()}} if http else {}
        return weir(weir={"default_pool_size": 2}, alerting=alerting, alerts=alerts, **tables)
    return begin


def console(pooler):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="bob", password=USERS["bob"][0], dbname="weir",
                           autocommit=True, row_factory=dict_row)


def client(pooler, name="shop-1"):
    return psycopg.connect(host="127.0.0.1", port=pooler.port, user="alice", password=USERS["alice"][0], dbname="app",
                           application_name=name, autocommit=True, prepare_threshold=None)


def alert(pooler, name="errors"):
    with console(pooler) as c:
        return {row["alert"]: row for row in c.execute("SHOW ALERTS").fetchall()}.get(name)


def alerting(pooler):
    with console(pooler) as c:
        return c.execute("SHOW ALERTING").fetchone()


class Traffic:
    """Statements, one after the other; `failing` of ten fail."""

    def __init__(self, pooler, failing=0, name="shop-1"):
        self.failing, self.end = failing, False
        self.connection = client(pooler, name)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        number = 0
        while not self.end:
            number += 1
            try:
                self.connection.execute("SELECT 1 / 0" if number % 10 < self.failing else "SELECT 1")
            except psycopg.errors.DivisionByZero:
                pass
            time.sleep(0.01)

    def stop(self):
        self.end = True
        self.thread.join()
        self.connection.close()


def until(pooler, state, name="errors", seconds=30):
    wait_for(lambda: (alert(pooler, name) or {}).get("state") == state, f"{name} to be {state}", seconds, 0.1)
    return alert(pooler, name)


def test_errors_are_pending_then_firing_then_resolved_and_the_webhook_hears_it(start, hook):
    pooler = start({"errors": ERRORS}, hook.url(), http=True, webhook_token=TOKEN, instance="weir-1")
    traffic = Traffic(pooler)
    wait_for(lambda: alert(pooler)["value"] == 0, "a look at traffic without errors", 20, 0.1)
    assert alert(pooler)["state"] == "inactive" and not hook.posts
    traffic.failing = 5
    until(pooler, "pending")
    row = until(pooler, "firing")
    assert 20 < row["value"] <= 60 and row["above"] == 20 and row["unit"] == "%", row
    assert row["firing"] == 1 and row["firings"] == 1 and row["severity"] == "page", row
    wait_for(lambda: hook.heard() == [("errors", "firing")], "the webhook to hear that it fires", 10)
    with console(pooler) as c:
        assert c.execute("SELECT alert FROM alerts WHERE value > above AND state = 'firing'").fetchall() == [{"alert": "errors"}]
    port = pooler.sections["http"]["port"]
    metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    assert 'weir_alert_firing{alert="errors",severity="page"} 1' in metrics
    assert "weir_alert_messages_sent_total 1" in metrics

    traffic.failing = 0
    row = until(pooler, "resolved")
    assert row["firing"] == 0 and row["last_resolved"] >= row["last_fired"], row
    wait_for(lambda: hook.heard() == [("errors", "firing"), ("errors", "resolved")], "the webhook to hear that it is over", 10)
    traffic.stop()

    (_, path, headers, fired), (_, _, _, over) = hook.posts
    assert path == PATH and headers["Authorization"] == f"Bearer {TOKEN}" and headers["Content-Type"] == "application/json"
    one, other = fired["alerts"][0], over["alerts"][0]
    assert fired["version"] == "4" and fired["receiver"] == "weir" and fired["groupLabels"] == {"alertname": "errors"}
    assert one["labels"] == {"alertname": "errors", "severity": "page", "metric": "error_rate", "job": "weir", "instance": "weir-1"}
    assert one["annotations"]["description"] == "the shop fails" and one["annotations"]["threshold"] == "20%"
    assert one["endsAt"].startswith("0001-") and other["endsAt"] > other["startsAt"] == one["startsAt"]
    assert one["fingerprint"] == other["fingerprint"] and fired["groupKey"] == over["groupKey"]

    log = pooler.log()
    for text in ("alert errors is pending: error_rate is", "alert errors is firing: error_rate is", "alert errors is resolved"):
        assert text in log, log[-3000:]
    assert alerting(pooler)["webhook"] == f"http://127.0.0.1:{hook.port}"
    with console(pooler) as c:
        shown = str(c.execute("SHOW CONFIG").fetchall()) + str(c.execute("SHOW ALERTING").fetchall())
    for secret in (TOKEN, "s3cret"):
        assert secret not in log and secret not in shown and secret not in metrics


def test_traffic_of_others_does_not_count(start, hook):
    pooler = start({"errors": ERRORS | {"for": "0s"}}, hook.url())
    fine, failing = Traffic(pooler), Traffic(pooler, failing=9, name="jobs")
    wait_for(lambda: alert(pooler)["value"] == 0, "a look", 20, 0.1)
    for _ in range(15):
        assert alert(pooler)["state"] == "inactive"
        time.sleep(0.2)
    fine.stop()
    failing.stop()


def test_a_webhook_that_is_away_or_fails_hears_of_it_later(start):
    port = free_port()
    pooler = start({"wait": {"metric": "client_saturation", "above": "0%", "for": "0s"}}, f"http://127.0.0.1:{port}{PATH}",
                   webhook_attempts=100)
    held = client(pooler)
    until(pooler, "firing", "wait")
    wait_for(lambda: alerting(pooler)["retries"] >= 1, "a second attempt", 10)
    row = alerting(pooler)
    assert row["state"] in ("retrying", "sending") and row["waiting"] == 1 and row["sent"] == 0, row
    assert "onnect" in row["last_error"] and row["last_error_at"] is not None, row
    hook = Webhook(port)
    hook.status = 503
    wait_for(lambda: len(hook.posts) >= 2, "attempts at a server that fails", 10)
    assert alerting(pooler)["last_error"] == "it answers 503"
    hook.status = 200
    wait_for(lambda: hook.heard() == [("wait", "firing")], "the message to arrive", 10)
    wait_for(lambda: alerting(pooler)["state"] == "idle", "nothing more to be sent", 10)
    assert alerting(pooler)["sent"] == 1 and alerting(pooler)["given_up"] == 0
    assert "s3cret" not in pooler.log() and "the webhook at http://127.0.0.1" in pooler.log()
    held.close()
    hook.close()


def test_a_server_that_hangs_neither_holds_up_weir_nor_its_end(start, postgres):
    silent = socket.create_server(("127.0.0.1", 0))
    pooler = start({"wait": {"metric": "client_saturation", "above": "0%", "for": "0s"}},
                   f"http://127.0.0.1:{silent.getsockname()[1]}/", webhook_timeout="60s")
    held = client(pooler)
    until(pooler, "firing", "wait")
    wait_for(lambda: alerting(pooler)["state"] == "sending", "the message to be under way", 10)
    assert held.execute("SELECT 1").fetchone() == (1,)
    held.close()
    began = time.monotonic()
    assert pooler.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 8
    silent.close()


def test_a_webhook_over_tls_must_have_a_good_certificate(start, certificates):
    issued = certificates.issue("webhook", "localhost", "DNS:localhost,IP:127.0.0.1")
    hook = Webhook(tls=issued)
    alerts = {"wait": {"metric": "client_saturation", "above": "0%", "for": "0s"}}
    trusted = start(alerts, hook.url(), webhook_ca_file=str(certificates.ca))
    strange = start(alerts, hook.url())
    held = [client(trusted), client(strange)]
    wait_for(lambda: hook.heard() == [("wait", "firing")], "the message to arrive", 20)
    wait_for(lambda: "certificate" in alerting(strange)["last_error"], "the other one to refuse", 20)
    assert alerting(strange)["sent"] == 0 and len(hook.posts) == 1
    for c in held:
        c.close()
    hook.close()


def test_a_reload_keeps_what_is_as_it_was(start, hook):
    rule = {"metric": "client_saturation", "above": "0%", "for": "0s"}
    pooler = start({name: dict(rule) for name in ("kept", "changed", "gone")}, hook.url())
    held = client(pooler)
    for name in ("kept", "changed", "gone"):
        until(pooler, "firing", name)
    since = alert(pooler, "kept")["since"]
    del pooler.sections["alerts"]["gone"]
    pooler.rewrite(alerts={"changed": {"above": "90%"}, "new": {"metric": "pool_wait", "above": "1s"}})
    with console(pooler) as c:
        c.execute("RELOAD")
    wait_for(lambda: alert(pooler, "gone") is None, "the reload", 10)
    until(pooler, "inactive", "changed")
    until(pooler, "inactive", "new")
    row = alert(pooler, "kept")
    assert row["state"] == "firing" and row["since"] == since and row["firings"] == 1, row
    wait_for(lambda: len(hook.heard()) == 5, "what was resolved", 10)
    assert sorted(hook.heard()[3:]) == [("changed", "resolved"), ("gone", "resolved")]

    pooler.rewrite(alerts={"kept": {"above": "many"}})
    with console(pooler) as c, pytest.raises(psycopg.Error) as refused:
        c.execute("RELOAD")
    assert "above of client_saturation must be a part of all" in str(refused.value)
    assert alert(pooler, "kept")["state"] == "firing" and alert(pooler, "kept")["since"] == since
    held.close()


def test_a_bad_rule_is_refused_with_its_place(weir, folder):
    pooler = weir()
    bad = folder / "bad-alerts.toml"
    bad.write_text('[databases."*"]\nhost = "127.0.0.1"\n\n[alerts.slow]\nmetric = "p95"\nabove = "250"\n'
                   '[alerts.odd]\nmetric = "p42"\nabove = "1s"\n[alerts.pool]\nmetric = "pool_wait"\nabove = "1s"\n'
                   'fingerprint = ["0123456789abcdef"]\n[alerting]\nwebhook_url = "s3cret"\n')
    bad.chmod(0o644)
    done = subprocess.run([str(pooler.command()[0]), "check", str(bad)], capture_output=True, text=True, timeout=30)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert f"{bad}:6:9: above of p95 must be a time with its unit, such as \"250ms\"" in said, said
    assert f"{bad}:8:10: metric" in said and "p95" in said, said
    assert f"{bad}:13:15: fingerprint: pool_wait is known of pools" in said, said
    assert f"{bad}:15:15: webhook_url is not a URL" in said and "s3cret" not in said, said


def test_without_rules_nothing_runs_for_them(weir):
    pooler = weir()
    with client(pooler) as c:
        c.execute("SELECT 1")
    tasks = pathlib.Path(f"/proc/{pooler.pid}/task")
    names = [(task / "comm").read_text().strip() for task in tasks.iterdir()]
    assert "outbox" not in names, names
    assert alerting(pooler)["state"] == "off" and alerting(pooler)["rules"] == 0


def test_a_client_in_line_is_seen(start, hook):
    pooler = start({"line": {"metric": "pool_wait", "above": "500ms", "for": "0s", "database": ["app"]},
                    "busy": {"metric": "server_saturation", "above": "90%", "for": "0s", "user": ["alice"]}}, hook.url())
    busy = [client(pooler) for _ in range(2)]
    for c in busy:
        c.autocommit = False
        c.execute("SELECT 1")
    third = client(pooler)
    waits = threading.Thread(target=lambda: third.execute("SELECT 2"))
    waits.start()
    assert until(pooler, "firing", "line")["worst"] == "app/alice"
    row = until(pooler, "firing", "busy")
    assert row["value"] == 100 and row["worst"] == "app/alice", row
    for c in busy:
        c.rollback()
    waits.join()
    until(pooler, "resolved", "line")
    until(pooler, "resolved", "busy")
    for c in [*busy, third]:
        c.close()
