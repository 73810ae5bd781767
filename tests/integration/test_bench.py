"""The pure parts of bench/: what is said of measurements, how long they go on, what is written of them."""

import json
import pathlib
import random
import re
import statistics
import sys
import xml.etree.ElementTree as xml

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

import capacity  # noqa: E402
import figures  # noqa: E402
import flame  # noqa: E402
import measure  # noqa: E402
import micro  # noqa: E402
import pgbench  # noqa: E402
import plot  # noqa: E402
import profiles  # noqa: E402
import report  # noqa: E402
import run as bench_run  # noqa: E402
import seconds  # noqa: E402
from figures import BROKEN, MISSING, UNSAID, WITHIN, Bound, judge  # noqa: E402
from row import METRICS, Failed, Length, Row  # noqa: E402


def samples_of(metric, **contestants):
    return {name: {n: {metric: v} for n, v in enumerate(values)} for name, values in contestants.items()}


def test_quartiles_are_those_of_the_statistics_module():
    values = [7.0, 1.0, 4.0, 9.0, 2.0, 5.0]
    assert figures.quartiles(values) == pytest.approx(statistics.quantiles(values, n=4, method="inclusive"))
    assert figures.quartiles([3.0]) == (3.0, 3.0, 3.0)


def test_percentiles_are_by_nearest_rank():
    values = list(range(1, 101))
    assert [figures.percentile(values, p) for p in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert figures.percentile([4], 0.01) == 4
    assert figures.percentile([], 0.5) == float("inf")


def test_the_interval_holds_the_true_median_as_often_as_it_says():
    seed = 20261121
    chance = random.Random(seed)
    for n in (5, 7, 9, 15):
        hits = 0
        for _ in range(4000):
            low, high = figures.interval_of_median([chance.expovariate(1) for _ in range(n)])
            hits += low <= 0.6931471805599453 <= high
        assert hits / 4000 >= figures.CONFIDENCE - 0.015, (n, seed)


def test_more_rounds_leave_out_the_extremes():
    assert figures.interval_of_median([5, 1, 2, 3, 4]) == (1, 5)
    assert figures.interval_of_median(range(1, 10)) == (2, 8)
    assert figures.interval_of_median(range(1, 16)) == (4, 12)


def test_a_bound_holds_only_if_the_whole_interval_does():
    bound = Bound("cpu_us", 1.05, of="relay")
    relay = [10, 20, 10, 20, 10]
    assert judge(bound, samples_of("cpu_us", relay=relay, weir=[10.2, 20.4, 10.3, 20.1, 10.1])).outcome == WITHIN
    assert judge(bound, samples_of("cpu_us", relay=relay, weir=[11, 22, 11.2, 23, 10.9])).outcome == BROKEN
    assert judge(bound, samples_of("cpu_us", relay=relay, weir=[10, 22, 10, 22, 10])).outcome == UNSAID
    assert judge(bound, samples_of("cpu_us", relay=relay, weir=[10, 20, 10])).outcome == UNSAID, "three rounds are too few"
    assert judge(bound, samples_of("cpu_us", weir=[10, 20])).outcome == MISSING


def test_contestants_are_compared_round_by_round():
    # The machine was twice as slow in half of the rounds: medians of each would say 15 to 10.
    verdict = judge(Bound("tps", 1.0, of="pgbouncer", at_least=True),
                    samples_of("tps", pgbouncer=[100, 50, 100, 50, 100], weir=[102, 51, 102, 51, 102]))
    assert (verdict.outcome, verdict.value) == (WITHIN, pytest.approx(1.02))
    # A round that one of them failed in says nothing.
    uneven = {"relay": {0: {"cpu_us": 10}, 2: {"cpu_us": 10}}, "weir": {0: {"cpu_us": 11}, 1: {"cpu_us": 99}, 2: {"cpu_us": 11}}}
    assert figures.compared(Bound("cpu_us", 1, of="relay"), uneven) == [1.1, 1.1]


def row_that_takes(values, bounds, **more):
    left = {name: iter(v) for name, v in values.items()}
    order = []

    def take(_stage, name, _length):
        order.append(name)
        value = next(left[name])
        if isinstance(value, Exception):
            raise value
        return {"cpu_us": value}
    return Row("group", "row", take, tuple(values), ("cpu_us",), bounds, **more), order


def test_rounds_go_on_until_the_claim_can_be_made():
    clear, order = row_that_takes({"relay": [10] * 5, "weir": [9] * 5}, (Bound("cpu_us", 1.05, of="relay"),))
    samples, problems = measure.measure_row(None, clear, Length())
    assert (len(samples["weir"]), problems) == (5, [])
    assert order[:4] == ["relay", "weir", "weir", "relay"], "who comes first changes"

    noisy, _ = row_that_takes({"relay": [10] * 15, "weir": [9, 12] * 7 + [9]}, (Bound("cpu_us", 1.05, of="relay"),))
    samples, _ = measure.measure_row(None, noisy, Length())
    assert len(samples["weir"]) == 11 and measure.verdicts(noisy, samples)[0].outcome == UNSAID

    settles, _ = row_that_takes({"relay": [10] * 15, "weir": [12] + [9] * 14}, (Bound("cpu_us", 1.05, of="relay"),))
    samples, _ = measure.measure_row(None, settles, Length())
    assert len(samples["weir"]) == 8 and measure.verdicts(settles, samples)[0].outcome == WITHIN


def test_the_short_form_takes_one_round_and_reports_what_does_not_run():
    row, order = row_that_takes({"relay": [1], "weir": [Failed("no such thing")]}, (Bound("cpu_us", 1.05, of="relay"),))
    samples, problems = measure.measure_row(None, row, Length.momentary())
    assert order == ["relay", "weir"] and "weir" not in samples
    assert problems == ["row, weir, round 1: Failed: no such thing"]


def test_a_row_that_never_runs_is_given_up():
    row, order = row_that_takes({"weir": [Failed("no")] * 20}, (Bound("cpu_us", 1),))
    _, problems = measure.measure_row(None, row, Length())
    assert len(problems) == len(order) == 3


def test_every_row_shows_and_bounds_what_there_is():
    names = [(row.group, row.name) for row in bench_run.ROWS]
    assert len(set(names)) == len(names)
    for row in bench_run.ROWS:
        assert set(row.shows) <= set(METRICS), row.name
        for bound in row.bounds:
            assert bound.metric in METRICS and bound.whom in row.who and (not bound.of or bound.of in row.who), row.name


def test_rows_are_chosen_by_words_of_their_name_or_group():
    assert [r.name for r in bench_run.chosen_rows(["select simple"])] == ["select simple", "select simple, TLS"]
    assert {r.group for r in bench_run.chosen_rows(["memory"])} == {"Memory and start"}
    assert bench_run.chosen_rows(["no such row"]) == []


def test_what_pgbench_says_is_read():
    out = """number of transactions actually processed: 12345
number of failed transactions: 2 (0.016%)
latency average = 0.253 ms
initial connection time = 12.345 ms
tps = 63012.123456 (without initial connection time)
"""
    err = "pgbench: error: client 3 aborted in command 0 (SQL) of script 0; perhaps the backend died while processing\n" \
          "pgbench: error: client 5 script 0 aborted in command 4 query 0: FATAL\n"
    assert pgbench.parse(out, err) == {"tps": 63012.123456, "latency_ms": 0.253, "transactions": 12345, "failed": 2, "aborted": 2}


def measured():
    row, _ = row_that_takes({"relay": [], "weir": []}, (Bound("cpu_us", 1.05, of="relay"), Bound("cpu_us", 1, of="pgbouncer")))
    return [(row, samples_of("cpu_us", relay=[10, 10, 10, 10, 10], weir=[10.1, 10.2, 10.1, 10.0, 10.3]), ["weir <failed> & so on"])]


WHERE = {"date": "2026-11-21", "commit": "0123456789ab", "changed": True,
         "machine": {"processor": "A <fast> & cheap one", "cores": 2, "memory_mib": 1, "kernel": "6", "load_before": [0, 0, 0]},
         "versions": {"weir": "weir 0", "postgresql": "15", "pgbouncer": "1.18"}}


def test_the_table_tells_medians_ratios_and_verdicts():
    text = report.text(measured())
    assert "10.10 us ±0.5%" in text and "1.01" in text
    assert "CPU/tx at most 1.05 x relay" in text and WITHIN in text and "not measured" in text
    assert text.endswith("bounds: 1 within, 1 not measured")


def test_results_and_plots_can_be_read_by_machines(tmp_path):
    report.write(measured(), WHERE, tmp_path)
    results = json.loads((tmp_path / "results.json").read_text())
    row = results["rows"][0]
    assert results["commit"] == "0123456789ab" and row["figures"]["weir"]["cpu_us"]["median"] == 10.1
    assert [b["outcome"] for b in row["bounds"]] == [WITHIN, MISSING] and row["problems"]
    drawn = xml.fromstring((tmp_path / "plots" / "group.svg").read_text())
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert "A <fast> & cheap one" in "".join(drawn.itertext())


def test_a_change_in_instructions_is_told_if_it_needs_a_reason():
    def results(**counts):
        return {"rows": [{"row": "r", "figures": {who: {"instructions": {"median": n}} for who, n in counts.items()}}]}

    assert report.more_instructions(results(a=1000, b=1000, c=1000), results(a=1019, b=1021, c=900, new=5)) \
        == ["r, b: 1,000 -> 1,021 instructions (+2.1%)", "r, c: 1,000 -> 900 instructions (-10.0%)"]
    assert report.more_instructions({}, results(a=1)) == []


def test_bars_fit_the_plot_and_have_the_lengths_of_their_values():
    text = plot.bars("t", "w", [plot.Panel("p", [plot.Bar("relay", 10, 9, 11, "10"), plot.Bar("weir", 5, 5, 5, "5")]),
                                plot.Panel("nothing", [plot.Bar("weir", float("nan"), 0, 0, "-")]), plot.Panel("empty", [])])
    bars = [float(r.get("width")) for r in xml.fromstring(text).iter("{http://www.w3.org/2000/svg}rect") if r.get("class") is None]
    assert bars[0] == pytest.approx(2 * bars[1], abs=0.2) and bars[2] == 0
    assert max(bars) < plot.WIDTH - plot.LABEL


def test_lines_over_time_are_drawn():
    text = plot.lines("t", "w", [("p99", {"a": [(0, 1), (1, 3), (2, float("inf"))], "b": []}), ("none", {})])
    lines = list(xml.fromstring(text).iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(lines) == 2 and len(lines[0].get("points").split()) == 2


# ---- make load

def test_percentiles_of_times_are_exact_to_three_digits():
    seed = 20261121
    chance = random.Random(seed)
    values = [int(chance.lognormvariate(6, 2)) for _ in range(5000)]
    times = seconds.Times()
    for value in values:
        times.add(value)
    ordered = sorted(values)
    for part, told in zip((0.5, 0.95, 0.99), times.percentiles(0.5, 0.95, 0.99)):
        assert told * 1000 == pytest.approx(figures.percentile(ordered, part), rel=0.006), seed
    assert times.most == max(values) and len(times.counts) < 3000
    assert seconds.Times().percentiles(0.5) == [float("inf")]


def test_each_second_has_its_own_percentiles_and_old_ones_keep_no_more():
    run = seconds.Seconds(1000.0, part=0.5)
    for second, took in ((0, 100), (0, 300), (1, 5000), (20, 7)):
        run.add(1000.5 + second, took)
    run.close(21)
    assert sorted(run.closed) == [0, 1] and sorted(run.open) == [20]
    rows = run.rows(21)
    assert (rows[0]["tps"], rows[0]["p50"], rows[0]["p99"], rows[0]["max"]) == (4, 0.1, 0.3, 0.3)
    assert rows[5]["tps"] == 0 and rows[20]["p50"] == 0.007
    run.add(1000.9, 400)  # late
    assert run.row(0) == rows[0] and run.all.total == 5


def test_a_log_that_grows_is_read_by_whole_lines(tmp_path):
    tail, log = seconds.Tail(f"{tmp_path}/tx*"), tmp_path / "tx.1"
    assert list(tail.new()) == []
    log.write_text("0 1 250 0 1700000000 500000\n0 2 failed 0 1700000001 0\n1 3 99")
    assert list(tail.new()) == [(1700000000.5, 250)]
    with log.open("a") as more:
        more.write("9 0 1700000002 0\n")
    (tmp_path / "tx.1.1").write_text("7 1 10 0 1700000003 0\n")
    assert list(tail.new()) == [(1700000002.0, 999), (1700000003.0, 10)]
    tail.close()


def outcome(**more):
    return profiles.Outcome(**(dict(transactions=10000, tps=1000, p50=1, p95=2, p99=3, servers=20) | more))


def test_thresholds_are_those_that_the_phase_demands():
    phase = profiles.Phase("load", 200, 60, ("errors", "latency", "growth", "pool"))
    assert all(holds for *_, holds in profiles.demanded(phase, outcome()))
    for wrong in (dict(lost=6), dict(failed=6), dict(p95=25.1), dict(p99=100.1), dict(growth_kib=1025), dict(servers=21),
                  dict(waiting=1), dict(waiting=-1, transactions=0)):
        assert not all(holds for *_, holds in profiles.demanded(phase, outcome(**wrong))), wrong
    assert profiles.demanded(profiles.Phase("warm-up", 1, 1), outcome(lost=9999)) == []


def test_the_breaking_point_is_told_with_its_reason():
    def steps(*outcomes):
        return [(profiles.Phase(f"step {n}", n, 10, step=True), o) for n, o in zip((400, 800, 1600, 3200), outcomes)]

    fine = outcome()
    assert profiles.breaking_point(steps(fine, fine)) == "none up to 800 clients; at best 1,000 transactions in a second"
    assert profiles.breaking_point(steps(fine, outcome(p99=101), outcome(lost=100))) \
        == "1,600 clients: 0.99% of the transactions failed; from 800 clients on, p95 over 25 ms or p99 over 100 ms"
    assert profiles.breaking_point(steps(fine, outcome(tps=400))).startswith("800 clients: 400 transactions in a second")
    assert profiles.breaking_point(steps(outcome(servers=21))) == "400 clients: 21 servers for a pool of 20"
    assert profiles.breaking_point(steps(outcome(waiting=3))) == "400 clients: 3 clients were left in line"
    assert profiles.breaking_point(steps(outcome(waiting=-1))) == "400 clients: the console did not answer"
    assert profiles.breaking_point(steps(outcome(words="FATAL"))) == "400 clients: it did not run"


def test_every_profile_demands_something_and_warms_up_before_it_looks_at_memory():
    for name in profiles.NAMES:
        phases = profiles.profile(name, 100).phases
        assert any(phase.demands for phase in phases)
        assert not any("growth" in phase.demands for phase in phases[:1])
        assert max((p.clients + p.beside for p in phases if "latency" in p.demands), default=0) <= 200
    assert profiles.profile("nonsense") is None


# ---- micro-benchmarks

def test_instructions_are_those_of_the_operation_and_all_that_it_calls():
    annotated = """
Ir
--------------------------------------------------------------------------------
233,377,474 (61.91%)  ../bench/micro/statements.cc:micro::op_unseen(analyzer::LocalStatements&, std::string_view) [/x/weir_micro]
 11,096,000 ( 2.94%)  ../bench/micro/statements.cc:micro::op_lexer(std::string_view) [/x/weir_micro]
  7,752,000 ( 2.06%)  ../analyzer/lexer.h:micro::op_lexer(std::string_view)
  1,000,000 ( 2.06%)  ../analyzer/lexer.h:analyzer::Lexer::next()
"""
    assert micro.counts_in(annotated) == {"op_unseen": 233377474, "op_lexer": 11096000}


def test_every_operation_exists_and_has_its_row():
    sources = "".join(p.read_text() for p in (pathlib.Path(micro.__file__).parent / "micro").glob("*.cc"))
    for (row, who), (name, function) in micro.OPERATIONS.items():
        assert f'("{name}"' in sources and f" {function}(" in sources, name
        assert who in next(r for r in micro.ROWS if r.name == row).who
    declared = set(re.findall(r"const Benchmark \w+\(\"([^\"]+)\"", sources))
    assert declared == {name for name, _ in micro.OPERATIONS.values()}


# ---- capacity

COSTS = capacity.ROUGH | {"simple_us": 10.0, "tls_simple_us": 20.0, "client_kib": 2.0, "tls_client_kib": 20.0, "base_mib": 30.0,
                          "login_us": 100.0, "scram_login_us": 200.0, "tls_login_us": 600.0}


def test_what_is_needed_follows_from_the_costs():
    n = capacity.needed(capacity.Wanted(10240, 140000, server_ms=0.5, logins=0, cores=1, spare=1), COSTS)
    assert n.cores == pytest.approx(1.4) and n.cores_given == 2 and n.instances == 3 and n.why == "cores"
    assert n.memory_mib == pytest.approx(3 * 30 + 20) and n.servers == 100
    over_tls = capacity.needed(capacity.Wanted(10240, 70000, tls=True, logins=100), COSTS)
    assert over_tls.cores == pytest.approx(1.4 + 100 * 700e-6)
    idle = capacity.needed(capacity.Wanted(3_000_000, 1, spare=0, files=1 << 20), COSTS)
    assert (idle.instances, idle.why) == (3, "descriptors")


def test_costs_are_those_of_the_last_results_where_there_are_some():
    results = {"rows": [{"row": "select simple", "figures": {"weir": {"cpu_us": {"median": 7.5}}, "relay": {"cpu_us": {"median": 1}}}}]}
    costs = capacity.costs_of(results)
    assert costs["simple_us"] == 7.5 and costs["login_us"] == capacity.ROUGH["login_us"]
    rows = {(row.name, metric) for row in bench_run.ROWS for metric in row.shows if "weir" in row.who}
    assert set(capacity.PLACES.values()) <= rows and set(capacity.PLACES) == set(capacity.ROUGH) == set(capacity.NAMES)


def test_only_what_stands_between_the_marks_is_made_anew():
    old = f"before\n{capacity.MARKS[0]}\nold\n{capacity.MARKS[1]}\nafter\n"
    new = capacity.between_marks(old, capacity.page(COSTS, "measured", 25))
    assert new.startswith("before\n") and new.endswith("\nafter\n") and "old" not in new and "| 500 | 2,000 | simple |" in new
    assert capacity.between_marks(new, capacity.page(COSTS, "measured", 25)) == new
    with pytest.raises(ValueError):
        capacity.between_marks("no marks", "x")


# ---- flame graphs

SAMPLES = """
\t    7f01 __send+0x4e (/usr/lib/x86_64-linux-gnu/libc.so.6)
\t    5601 wire::SocketStream::flush()+0x10 (/x/weir)
\t    5602 base::EventLoop::run()+0x20 (/x/weir)

\tffffff01 unix_stream_sendmsg (/[kernel.kallsyms])
\t    7f01 __send+0x4e (/usr/lib/x86_64-linux-gnu/libc.so.6)
\t    5601 wire::SocketStream::flush()+0x10 (/x/weir)
\t    5602 base::EventLoop::run()+0x20 (/x/weir)

\t    5603 void pooler::(anonymous namespace)::each<std::vector<int, std::allocator<int> > >(int) [clone .constprop.0]+0x1 (/x/weir)
\t    5602 base::EventLoop::run()+0x20 (/x/weir)
"""


def test_samples_are_folded_into_stacks():
    folded = flame.stacks(SAMPLES)
    assert {tuple(name for name, _ in stack): n for stack, n in folded.items()} == {
        ("base::EventLoop::run", "wire::SocketStream::flush", "__send"): 1,
        ("base::EventLoop::run", "wire::SocketStream::flush", "__send", "unix_stream_sendmsg"): 1,
        ("base::EventLoop::run", "pooler::each"): 1}
    assert flame.hottest(folded)[0][0] == pytest.approx(1 / 3)


def test_a_box_is_as_wide_as_its_share():
    text = flame.draw(flame.tree(flame.stacks(SAMPLES)), "t", "w")
    boxes = {g.find("{*}title").text.rpartition(":")[0]: float(g.find("{*}rect").get("width"))
             for g in xml.fromstring(text).iter("{http://www.w3.org/2000/svg}g")}
    assert boxes["wire::SocketStream::flush"] == pytest.approx(boxes["all"] * 2 / 3, abs=1)
    assert boxes["unix_stream_sendmsg"] == pytest.approx(boxes["pooler::each"], abs=1)
