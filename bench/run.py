#!/usr/bin/env python3
"""make bench: Weir, Debian's PgBouncer, a bare relay and PostgreSQL itself, by turns; tables, verdicts, plots.

Figures of different machines, or of the same one on different days, do not compare; the ratios of one run do. What is
measured stands in rows_*.py, what may be said of it in figures.py. A run of all rows leaves bench/results.json and
bench/plots, any other one the same in build/bench.

    run.py --list                            the rows
    run.py --only 'select simple' --only TLS rows whose name or group has that in it
    run.py --short                           each for a moment: does everything run?
    run.py --who weir,relay                  some contestants alone
"""

import argparse
import dataclasses
import pathlib
import sys

import micro
import report
import rows_instructions
import rows_memory
import rows_path
import rows_scale
from measure import measure_all
from row import Length
from stage import ROOT, Stage

ROWS = [*rows_path.ROWS, *rows_scale.ROWS, *rows_memory.ROWS, *rows_instructions.ROWS]


def chosen_rows(only, rows=ROWS):
    if not only:
        return list(rows)
    return [row for row in rows if any(word.lower() in f"{row.group}: {row.name}".lower() for word in only)]


def arguments(words=None):
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", action="append", default=[], metavar="WORDS", help="rows with these words in name or group")
    options.add_argument("--list", action="store_true", help="name the rows and end")
    options.add_argument("--short", action="store_true", help="each row for a moment, one round, no verdicts")
    options.add_argument("--seconds", type=float, help="of each measurement")
    options.add_argument("--rounds", type=int, help="at least and at most so many")
    options.add_argument("--who", help="these contestants alone, with commas between")
    options.add_argument("--without-micro", action="store_true", help="no micro-benchmarks")
    options.add_argument("--out", type=pathlib.Path, help="where results.json and plots go")
    return options.parse_args(words)


def main():
    chosen = arguments()
    rows = chosen_rows(chosen.only)
    micro_rows = [] if chosen.without_micro or chosen.short else chosen_rows(chosen.only, micro.ROWS)
    if chosen.list:
        print("\n".join(f"{row.group}: {row.name}" for row in rows + micro_rows))
        return 0
    if not rows and not micro_rows:
        print(f"no row has {' or '.join(chosen.only)} in its name or group: --list names them", file=sys.stderr)
        return 2
    if chosen.short and not chosen.only:
        rows = [row for row in rows if row.group != rows_instructions.GROUP]  # callgrind takes its time
    length = Length.momentary() if chosen.short else Length()
    if chosen.seconds:
        length = dataclasses.replace(length, seconds=max(int(chosen.seconds), 1))
    if chosen.rounds:
        rows = [dataclasses.replace(row, rounds=(chosen.rounds, chosen.rounds)) for row in rows]
    where, measured = report.surroundings(), []
    if rows:
        with Stage(scale=1 if chosen.short else 10) as stage:
            measured = measure_all(stage, rows, length, chosen.who.split(",") if chosen.who else None)
    if len(measured) == len(rows):
        measured += micro.measure(micro_rows)
    print(report.machine_words(where))
    print(report.text(measured, judged=not chosen.short))
    last = report.last_results()
    changes = report.more_instructions(last, report.as_json(measured, where))
    if changes:
        print(f"\nsince {last['commit']}:\n  " + "\n  ".join(changes))
    in_full = not (chosen.short or chosen.only or chosen.seconds or chosen.rounds or chosen.who or chosen.without_micro)
    whole = in_full and len(measured) == len(rows) + len(micro_rows)
    folder = chosen.out or (ROOT / "bench" if whole else ROOT / "build" / "bench")
    report.write(measured, where, folder)
    print(f"\n{folder / 'results.json'} and {folder / 'plots'} written")
    problems = [p for _, _, row_problems in measured for p in row_problems]
    for problem in problems:
        print(f"did not run: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
