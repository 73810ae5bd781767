#!/usr/bin/env python3
"""A flame graph of Weir at work, as SVG: where its processor time goes, the kernel's share included.

    bench/flame.py --mode prepared --out build/flame.svg

perf samples the process while pgbench -S keeps it busy; the width of a box is its share of the samples, what stands on it
is what it called. Needs perf (Debian: linux-perf) and the right to use it; without, callgrind tells instructions
(`make bench BENCH_ARGS="--only instructions"`).
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from xml.sax.saxutils import escape

import plot
import report
from pgbench import pgbench
from stage import ROOT, Stage

ROW, NARROWEST = 17, 0.5  # of a box, in pixels
KERNEL, OURS, OTHERS = "#d98a1f", "#1f9d78", "#7b6fd0"


def stacks(script):
    """perf script's words -> {(outermost, ..., innermost): samples}. Names are (function, where)."""
    out, frames = collections.Counter(), []
    for line in script.splitlines() + [""]:
        if not line.strip():
            if frames:
                out[tuple(reversed(frames))] += 1
            frames = []
            continue
        found = re.match(r"\s+[0-9a-f]+\s+(.*?)(?:\+0x[0-9a-f]+)?\s+\(([^)]*)\)$", line)
        if found:
            frames.append((short(found[1]), found[2]))
    return out


def short(name):
    """Without arguments, templates and std's inner names."""
    name = re.sub(r"\(anonymous namespace\)::", "", name)
    depth, out = 0, []
    for c in name:
        depth += c in "<("
        if depth == 0:
            out.append(c)
        depth -= c in ">)"
    return re.sub(r"\[clone.*|\.(constprop|isra|part|cold).*", "", "".join(out)).strip().split(" ")[-1] or name


class Box:
    def __init__(self, name, where):
        self.name, self.where, self.samples, self.inside = name, where, 0, {}


def tree(folded):
    root = Box("all", "")
    for stack, samples in folded.items():
        root.samples += samples
        at = root
        for name, where in stack:
            at = at.inside.setdefault(name, Box(name, where))
            at.samples += samples
    return root


def colour(box):
    if "kernel" in box.where or "vdso" in box.where:
        return KERNEL
    return OURS if box.where.endswith("weir") else OTHERS


def draw(root, title, where):
    """The outermost stands below."""
    def depth(box):
        return 1 + max((depth(b) for b in box.inside.values()), default=0)

    lines = plot.folded(where)
    body = [plot.words(16, 28, title, "head"), *(plot.words(16, 46 + 16 * n, line, "small") for n, line in enumerate(lines))]
    top = 50 + 16 * len(lines)
    for n, (fill, said) in enumerate(((KERNEL, "the kernel"), (OURS, "Weir"), (OTHERS, "libraries"))):
        body += [f'<rect x="{16 + n * 110}" y="{top - 4}" width="10" height="10" fill="{fill}"/>',
                 plot.words(30 + n * 110, top + 5, said, "small")]
    height, room = top + 26 + depth(root) * ROW, plot.WIDTH - 20

    def put(box, x, level):
        wide = box.samples / root.samples * room
        if wide < NARROWEST:
            return
        y = height - 10 - (level + 1) * ROW
        share = f"{box.name}: {box.samples / root.samples:.1%}"
        letters = int((wide - 4) / 6.2)
        label = box.name if len(box.name) <= letters else box.name[:letters - 1] + "…" if letters > 3 else ""
        said = f'<text x="{x + 3:.1f}" y="{y + 12}" style="font-size:11px;fill:#fff">{escape(label)}</text>' if label else ""
        body.append(f'<g><title>{escape(share)}</title><rect x="{x:.1f}" y="{y}" width="{max(wide - 0.5, 0.3):.1f}" '
                    f'height="{ROW - 1}" rx="1" fill="{colour(box)}" fill-opacity="{0.75 if level % 2 else 0.9}"/>{said}</g>')
        for inner in sorted(box.inside.values(), key=lambda b: b.name):
            put(inner, x, level + 1)
            x += inner.samples / root.samples * room

    put(root, 10, 0)
    return plot.document(height, body, title)


def hottest(folded, most=12):
    """[(share, function)]: where the samples themselves fell."""
    own, total = collections.Counter(), sum(folded.values())
    for stack, samples in folded.items():
        own[stack[-1][0]] += samples
    return [(samples / total, name) for name, samples in own.most_common(most)]


def record(weir, mode, clients, seconds):
    with tempfile.TemporaryDirectory(prefix="weir-flame-") as folder:
        data = f"{folder}/perf.data"
        pgbench(weir, "-S", "-c", clients, "-t", 20)  # servers are there, statements are known
        perf = subprocess.Popen(["perf", "record", "-q", "-F", "997", "-e", "cpu-clock", "--call-graph", "dwarf,4096", "-o", data,
                                 "-p", str(weir.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        if perf.poll() is not None:
            sys.exit(f"perf does not record here: {perf.stderr.read().strip()}")
        pgbench(weir, "-S", "-M", mode, "-c", clients, "-j", 1, "-T", seconds)
        perf.send_signal(2)
        perf.communicate(timeout=60)
        return subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,dso", "--no-inline"], capture_output=True, text=True,
                              errors="replace").stdout


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mode", choices=("simple", "extended", "prepared"), default="simple")
    options.add_argument("--clients", type=int, default=16)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "flame.svg")
    chosen = options.parse_args()
    with Stage() as stage:
        folded = stacks(record(stage.contestant("weir"), chosen.mode, chosen.clients, chosen.seconds))
    if not folded:
        sys.exit("perf has recorded nothing")
    title = f"Weir, pgbench -S -M {chosen.mode}, {chosen.clients} clients: {sum(folded.values()):,} samples"
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(draw(tree(folded), title, report.machine_words(report.surroundings())))
    print("\n".join(f"{share:6.1%}  {name}" for share, name in hottest(folded)))
    print(f"{chosen.out} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
