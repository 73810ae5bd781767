"""What is said of workloads: a page with what was advised, what that did, whether that is enough,
and what others were seen to do."""

import dataclasses
import os

import workload_pgbench
from workload_measure import ROUNDS, TIMEOUT, Advised, Outcome

LEFT_MAX, TIMES_REFERENCE = 0.05, 2
SUDDENLY = 1.0  # seconds: a statement below it that is ended with indexes was harmed badly

# What others were seen to make of workloads like these: seconds, sum of costs, indexes, megabytes.
OTHERS = {
    "tpch": {"none": (40.8, 25.2e6, 0, 0), "Dexter": (0.74, 251e3, 3, 9.8), "index_advisor": (0.69, 171e3, 16, 28),
             "reference": (0.67, 206e3, 4, 19.4)},
    "job": {"none": (28.2, 51e3, 0, None), "Dexter": (47.8, 13e3, None, None), "index_advisor": (43.3, 9e3, 20, None),
            "reference": (25.1, 11e3, 23, None)}}

HEAD = f"""# Whole workloads

Written by `bench/advice_workloads.py`; [advice_cases.md](advice_cases.md) has the single cases.

Each workload runs through Weir as traffic, `ADVISE NOW` is given with the default deadline, what is advised is created,
the tables
are analyzed and the statements timed. Times are what PostgreSQL's process was on a processor for two values of each statement,
everything in memory,
without parallel plans: the median of {ROUNDS} rounds; a statement is ended after {TIMEOUT} s and counts as that.
*Left* is the time beside that without an index, *cost* the same of the planner's costs. *Slower* are statements that take a
quarter and five milliseconds more than without, under another plan. The *reference* is what a DBA made for the whole workload.

Beside ours stand figures of Dexter 0.6.3 (a port of it) and Supabase's index_advisor 0.2.0. They were measured on another
machine, with other rows and statements of the same shape and in time that passed, each against its own *none*: they say how
such advisors fare, not more.
"""


@dataclasses.dataclass
class Result:
    work: object
    scale: float
    advised: Advised
    before: Outcome
    weir: Outcome
    reference: Outcome

    def left(self, outcome):
        return outcome.total / self.before.total

    def cost(self, outcome):
        return sum(outcome.costs.values()) / sum(self.before.costs.values())

    def harmed(self):
        return [call for call in self.weir.seconds if self.weir.seconds[call] >= TIMEOUT and self.before.seconds[call] < SUDDENLY]

    def bars(self):
        """(what is asked for, what there is, whether that will do)"""
        out = [(answer.text, "", answer.holds(self.advised.found)) for answer in self.work.answers]
        if self.work.reference_is_a_bar:
            bar = max(LEFT_MAX, TIMES_REFERENCE * self.left(self.reference))
            out.append((f"at most {bar:.1%} of the time left (twice the reference, or 5 %)", f"{self.left(self.weir):.1%}",
                        self.left(self.weir) <= bar))
        out.append(("no statement from less than a second to its end", f"{len(self.harmed())}", not self.harmed()))
        return out


def megabytes(size):
    return f"{size / 2**20:.1f}"


def advised_lines(advised):
    for row in advised.rows:
        text = row["statement"].split(" ON ", 1)[1].splitlines()[0].rstrip(";").replace('"', "").replace("public.", "")
        yield (f"- `{text.replace(' USING btree', '')}`: {row['queries']} statements, {row['confidence']} confidence; "
               f"{row['reason']}")
    if not advised.rows:
        yield "Nothing was advised."


def looked_for(advised):
    state = advised.state
    return (f"Looked for in {state['took_ms'] / 1000:.1f} s with {state['questions']:,} questions, "
            f"{state['queries']} kinds of statements, {state['candidates']} indexes thought of"
            + (" (the deadline came before the end)." if state["state"] == "truncated" else "."))


def bar_lines(bars):
    for text, value, good in bars:
        yield f"- {'pass' if good else '**fail**'}: {text}{': ' + value if value else ''}"


def table(result):
    yield "| | indexes | MB | seconds | left | cost | ended | slower |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, one in (("none", result.before), ("Weir", result.weir), ("reference", result.reference)):
        yield (f"| {name} | {len(one.indexes)} | {megabytes(one.size)} | {one.total:.2f} | {result.left(one):.1%} "
               f"| {result.cost(one):.1%} | {one.ended} | {len(one.slower)} |")
    others = OTHERS.get(result.work.name, {})
    for name, (seconds, cost, count, size) in others.items():
        known = ["" if one is None else one for one in (count, size)]
        yield (f"| *elsewhere: {name}* | {known[0]} | {known[1]} | {seconds:.2f} | {seconds / others['none'][0]:.1%} "
               f"| {cost / others['none'][1]:.1%} | | |")


def slower_lines(result):
    for name, outcome in (("Weir", result.weir), ("the reference", result.reference)):
        for call in outcome.slower:
            yield (f"- slower with {name}: *{call[0]}*, {1000 * result.before.fastest[call]:.0f} -> "
                   f"{1000 * outcome.fastest[call]:.0f} ms (cost {result.before.costs[call]:.0f} -> {outcome.costs[call]:.0f})")


def section(result):
    return "\n".join([f"## {result.work.title}", "", result.work.about.strip(), "", *table(result), "",
                      looked_for(result.advised), "",
                      *advised_lines(result.advised), "", *bar_lines(result.bars()), "", *slower_lines(result)]).rstrip() + "\n"


def pgbench_bars(story):
    base, then = story.rates[0], story.rates[1]
    kept = base.cpu_us / then.cpu_us
    bar = f"at least {workload_pgbench.WRITES_MIN:.0%} of the transactions that a processor does in a second are left"
    return ([(f"first: {answer.text}", "", answer.holds(story.first.found)) for answer in workload_pgbench.FIRST]
            + [(f"then: {answer.text}", "", answer.holds({one for one in story.then.found})) for answer in workload_pgbench.THEN]
            + [(bar, f"{kept:.0%}", kept >= workload_pgbench.WRITES_MIN)])


def pgbench_section(story, scale):
    about = workload_pgbench.__doc__.split("\n\n")[1]
    out = ["## pgbench without its keys", "",
           f"Scale {scale}, {scale * 100_000:,} accounts, two clients. " + " ".join(about.split()), "",
           looked_for(story.first), "", *advised_lines(story.first), "",
           f"Selects in a second: {story.reads[0]:,.0f} without, {story.reads[1]:,.0f} with it.", "",
           f"The second look, with six reports beside {story.transactions:,} transactions: " + looked_for(story.then), "",
           *advised_lines(story.then), "",
           "| indexes | MB | transactions/s | processor for one | HOT updates | the report |", "|---|---|---|---|---|---|"]
    out += [f"| {one.indexes} | {megabytes(one.size)} | {one.tps:,.0f} | {one.cpu_us:.0f} us | {one.hot:.0%} "
            f"| {one.report_ms:.1f} ms |" for one in story.rates]
    return "\n".join([*out, "", *bar_lines(pgbench_bars(story))]) + "\n"


def page(sections, load):
    machine = (f"This machine has {os.cpu_count()} processors; {load:.1f} processes wanted one on average meanwhile, which the "
               "transactions in a second and the seconds of the advisor show.\n")
    return "\n".join([HEAD, machine, *sections])
