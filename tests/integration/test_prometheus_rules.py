"""The alerts for Prometheus in packaging/: promtool reads them, they fire when they should, and every metric that they name
is one that Weir shows.
"""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request

import psycopg
import pytest

from servers import ROOT, free_port, listens, wait_for
from test_http import client, samples, site  # noqa: F401 (a fixture)

RULES = ROOT / "packaging" / "prometheus-rules.yml"


def test_the_rules_file_is_accepted_and_names_metrics_that_are_there(site):
    promtool = shutil.which("promtool")
    assert promtool, "Debian's package prometheus has it: scripts/setup.sh test"
    done = subprocess.run([promtool, "check", "rules", str(RULES)], text=True, capture_output=True, timeout=60)
    assert done.returncode == 0 and "SUCCESS" in done.stdout + done.stderr, done.stdout + done.stderr
    pooler = site()
    with client(pooler) as c:
        c.execute("SELECT 1")
        with pytest.raises(psycopg.errors.SyntaxError):
            c.execute("SELEC")
    there = {name for name, _ in samples(pooler)}
    named = set()
    for word in RULES.read_text().replace("(", " ").replace("{", " ").replace("[", " ").split():
        if word.startswith(("weir_", "pgbouncer_")) and not word.endswith(":"):
            named.add(word.rstrip(")"))
    assert named and named <= there | {"weir_metrics_missing"}, named - there


def test_rules_fire_when_they_should():
    promtool = shutil.which("promtool")
    assert promtool, "Debian's package prometheus has it: scripts/setup.sh test"
    tests = ROOT / "tests" / "integration" / "prometheus_rules_test.yml"
    done = subprocess.run([promtool, "test", "rules", str(tests)], text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_itself_scrapes_and_sees_what_was_done(site, tmp_path):
    """Its own Accept header, a token, the rules, and the numbers in its database."""
    assert shutil.which("prometheus"), "Debian's package prometheus has it: scripts/setup.sh test"
    pooler = site(http={"token": "s3cret"})
    (tmp_path / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{RULES}]
scrape_configs:
  - job_name: weir
    authorization: {{credentials: s3cret}}
    static_configs: [{{targets: ["127.0.0.1:{pooler.http_port}"]}}]
""")
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                                   f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log, cwd=tmp_path)
    try:
        def ask(expression):
            url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
            with urllib.request.urlopen(url, timeout=10) as response:
                return [float(r["value"][1]) for r in json.load(response)["data"]["result"]]

        wait_for(lambda: listens(port) or server.poll() is not None, "Prometheus to listen", seconds=30)
        assert server.poll() is None, (tmp_path / "log").read_text()
        with client(pooler) as c:
            for _ in range(25):
                c.execute("SELECT 1")
        wait_for(lambda: ask("up") == [1.0], "a scrape", seconds=30, pause=0.3)
        counted = 'weir_query_duration_seconds_count{database="app",user="alice"}'
        wait_for(lambda: ask(counted) == [25.0], "the count of the driver", seconds=30, pause=0.3)
        assert ask('sum(weir_query_duration_seconds_bucket{le="+Inf",database="app"})') == [25.0]
        assert ask('pgbouncer_pools_client_active_connections{database="app"}')
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/rules", timeout=10) as response:
            groups = json.load(response)["data"]["groups"]
        assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
        assert sum(len(group["rules"]) for group in groups) >= 10
    finally:
        server.terminate()
        server.wait(20)
