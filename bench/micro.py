"""Micro-benchmarks: time and instructions of single operations (bench/micro/), as rows like all others.

Time is the processor's, of repetitions in random order. Instructions are counted by valgrind's callgrind inside of the
operation alone: the same binary and input give the same number on any machine, which hardware counters do not, and they
need no permission of the kernel. A rise over 2 % from one release to the next needs a reason.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile

from row import Bound, Failed, Row
from stage import ROOT

GROUP = "Micro-benchmarks"
BINARY = ROOT / "build" / "release" / "weir_micro"
COUNTED = (1000, 3000)  # operations under callgrind: what the first ones do once is in both, and does not count
WEIR = ("weir",)


def micro_row(name, bounds=(), who=WEIR):
    return Row(GROUP, name, None, who, shows=("ns", "instructions"), bounds=bounds)


# row, contestant: (its name in bench/micro, the function that does it)
OPERATIONS = {
    ("framing: five messages", "weir"): ("framing: five messages", "op_frames"),
    ("translate: Bind, Execute, Sync", "weir"): ("translate: Bind, Execute, Sync", "op_bind"),
    ("translate: Query", "weir"): ("translate: Query", "op_query"),
    ("lexer: a text of 190 bytes", "weir"): ("lexer: a text of 190 bytes", "op_lexer"),
    ("skeleton: a text of 190 bytes", "weir"): ("skeleton: a text of 190 bytes", "op_skeleton"),
    ("statement: text seen", "weir"): ("statement: text seen", "op_seen"),
    ("statement: new literal", "weir"): ("statement: new literal", "op_new_literal"),
    ("statement: unseen", "weir"): ("statement: unseen", "op_unseen"),
    ("statement: unseen", "libpg_query"): ("statement: libpg_query alone", "op_pg_query"),
    ("histogram: record", "weir"): ("histogram: record", "op_histogram"),
    ("query statistics: find and record", "weir"): ("query statistics: find and record", "op_query_stats"),
    ("console: a row of 19 columns", "weir"): ("console: a row of 19 columns", "op_console_row"),
}
BOUNDS = {
    "statement: text seen": (Bound("ns", 300),),
    "statement: new literal": (Bound("ns", 300),),
    "statement: unseen": (Bound("ns", 1.3, of="libpg_query"),),
}
ROWS = [micro_row(name, BOUNDS.get(name, ()), tuple(who for row, who in OPERATIONS if row == name))
        for name in dict.fromkeys(row for row, _ in OPERATIONS)]


def run(command, seconds, **environment):
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=seconds,
                              env=dict(os.environ) | environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{command[0]}: {error}")
    if done.returncode != 0:
        raise Failed(f"{command[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-1500:]}")
    return done.stdout


def build():
    run(["cmake", "--preset", "release", "-S", ROOT, "-DWEIR_BENCH=ON"], 300)
    run(["ninja", "-C", ROOT / "build" / "release", "weir_micro"], 1800)


def times(repetitions, min_time):
    """{benchmark: [nanoseconds of processor time, ...]}"""
    report = json.loads(run([BINARY, "--benchmark_format=json", f"--benchmark_repetitions={repetitions}",
                             "--benchmark_enable_random_interleaving=true", f"--benchmark_min_time={min_time}"], 1200))
    out = {}
    for one in report["benchmarks"]:
        if one.get("error_occurred"):
            raise Failed(f"{one['name']}: {one.get('error_message')}")
        if one["run_type"] == "iteration":
            out.setdefault(one["run_name"].split("/")[0], []).append(one["cpu_time"])
    return out


def counts_in(annotated):
    """Instructions of each op_* function and all that it calls, from callgrind_annotate's table. A function stands in it once
    for each file that some of it came from; the largest is the whole."""
    out = {}
    for found in re.finditer(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+\S*?micro::(op_\w+)", annotated, re.M):
        out[found[2]] = max(out.get(found[2], 0), int(found[1].replace(",", "")))
    return out


def counted(iterations):
    with tempfile.TemporaryDirectory(prefix="weir-micro-") as folder:
        out = f"{folder}/callgrind.out"
        run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=micro::op_*", BINARY], 1200,
            WEIR_MICRO_ITERATIONS=str(iterations))
        return counts_in(run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", out], 300))


def instructions():
    """{function: instructions of one operation}; nothing where there is no valgrind."""
    if not shutil.which("valgrind") or not shutil.which("callgrind_annotate"):
        return {}
    few, many = (counted(iterations) for iterations in COUNTED)
    return {name: (count - few.get(name, 0)) / (COUNTED[1] - COUNTED[0]) for name, count in many.items()}


def measure(rows, repetitions=7, min_time=0.1):
    """[(row, samples, problems)], as measure.measure_all has them."""
    if not rows:
        return []
    try:
        build()
        taken, counts = times(repetitions, min_time), instructions()
    except Failed as failed:
        return [(row, {}, [f"{row.name}: {failed}"]) for row in rows]
    out = []
    for row in rows:
        samples = {}
        for who in row.who:
            benchmark, function = OPERATIONS[row.name, who]
            samples[who] = {number: {"ns": ns} for number, ns in enumerate(taken.get(benchmark, []))}
            if function in counts:
                samples[who].setdefault(0, {})["instructions"] = counts[function]
        problems = [f"{row.name}, {who}: not measured" for who in row.who if not samples[who]]
        out.append((row, samples, problems))
    return out
