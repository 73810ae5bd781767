"""The pure parts of bench/workload*.py: which indexes an answer means, what counts as slower, when a bar is passed."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

import workload  # noqa: E402
import workload_job  # noqa: E402
import workload_measure  # noqa: E402
import workload_report  # noqa: E402
import workload_star  # noqa: E402
import workload_tpch  # noqa: E402


def test_of_workloads_indexes_are_known_by_their_keys():
    found = {"store_sales (ss_item_sk, ss_id DESC)", "store (s_name)", "log USING brin (at)", "o ((lower(email)))"}
    assert workload.on(found, "store") == {"store (s_name)"} and workload.on(found, "log") == {"log USING brin (at)"}
    assert workload.led_by(found, "store_sales", "ss_item_sk")
    assert workload.led_by(found, "store_sales", "ss_id", "ss_item_sk")
    assert not workload.led_by(found, "store_sales", "ss_id")


def measured(plans, fastest, seconds=None):
    return workload_measure.Outcome([], seconds or fastest, dict(fastest), plans, dict.fromkeys(fastest, 1.0))


def test_a_statement_is_slower_only_by_much_and_under_another_plan():
    before = measured({"a": 1, "b": 1, "c": 1, "d": 1}, {"a": 0.1, "b": 0.1, "c": 0.001, "d": 0.1})
    after = measured({"a": 2, "b": 1, "c": 2, "d": 2}, {"a": 0.2, "b": 0.2, "c": 0.004, "d": 0.11})
    assert workload_measure.slower_than(after, before) == ["a"]


def test_a_workload_passes_with_twice_what_its_reference_leaves():
    def bars(left):
        none, reference = (measured({"a": 1}, {"a": one}) for one in (10.0, 1.0))
        work = workload.Workload("w", "", "", None, [], [], [])
        state = {"took_ms": 1, "questions": 2, "queries": 1, "candidates": 1, "state": "ok"}
        advised = workload_measure.Advised([], state)
        result = workload_report.Result(work, 1, advised, none, measured({"a": 1}, {"a": left}), reference)
        assert "## " in workload_report.section(result)
        return [good for _, _, good in result.bars()]
    assert bars(1.9) == [True, True]
    assert bars(2.1) == [False, True]


WORKLOADS = [workload_job.WORKLOAD, workload_star.WORKLOAD, workload_tpch.WORKLOAD]


@pytest.mark.parametrize("work", WORKLOADS, ids=lambda one: one.name)
def test_each_statement_of_a_workload_gets_as_many_values_as_it_has_places(work):
    assert len({query.name for query in work.queries}) == len(work.queries)
    for query in work.queries:
        assert all(len(values) == query.sql.replace("%%", "").count("%s") for values in query.calls), query.name
