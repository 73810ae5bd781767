"""Rounds: contestants take turns until the spread allows every claim of a row, or the rounds are used up."""

import subprocess
import sys

from figures import UNSAID, judge
from row import Failed


def enough_for(row):
    """Rounds from which on something is said."""
    return 1 if row.steady else 5


def verdicts(row, samples):
    return [judge(bound, samples, enough_for(row)) for bound in row.bounds]


def turns(who, number):
    """Forward and backward by turns, so that who comes first is nobody's advantage."""
    return who if number % 2 == 0 else tuple(reversed(who))


def more_rounds(row, samples, number, once=False):
    """After `number` rounds, is another one worth it?"""
    least, most = (1, 1) if once else row.rounds
    if number < least:
        return True
    return number < most and not once and any(v.outcome == UNSAID for v in verdicts(row, samples))


def measure_row(stage, row, length, who=None, say=lambda words: None):
    """({contestant: {round: figures}}, [what failed])."""
    samples, problems = {}, []
    who = tuple(name for name in row.who if who is None or name.split(" ")[0] in who)
    number = 0
    while who and more_rounds(row, samples, number, once=length.short):
        for name in turns(who, number):
            say(f"{row.group}: {row.name}: round {number + 1}, {name}")
            try:
                samples.setdefault(name, {})[number] = row.measure(stage, name, length)
            except (Failed, AssertionError, OSError, subprocess.TimeoutExpired) as error:
                problems.append(f"{row.name}, {name}, round {number + 1}: {type(error).__name__}: {error}")
        number += 1
        if len(problems) > 2 * len(who):
            break  # it does not run
    return samples, problems


def measure_all(stage, rows, length, who=None, say=None):
    """[(row, samples, problems)], with progress on standard error. Ctrl-C ends it early, not in vain."""
    def progress(words):
        if sys.stderr.isatty():
            print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
        else:
            print(words, file=sys.stderr, flush=True)

    out = []
    try:
        for row in rows:
            out.append((row, *measure_row(stage, row, length, who, say or progress)))
    except KeyboardInterrupt:
        print("\ninterrupted: what follows is what was measured until then", file=sys.stderr)
    if say is None and sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return out
