"""Plots as SVG, written by hand: bars with whiskers, and lines over time. Readable on white and on black. Pure."""

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LABEL, RIGHT, BAR, GAP = 860, 130, 130, 18, 6
# The same contestant has the same colour everywhere; these can be told apart by the colour-blind, on both grounds.
COLOURS = {"direct": "#8a8f98", "relay": "#56a0d3", "pgbouncer": "#d98a1f", "weir": "#1f9d78"}
OTHERS = ("#1f9d78", "#7b6fd0", "#c25b8f", "#a3903a")
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #1c2128; }
.small { font-size: 11px; fill: #59636e; }
.head { font-size: 16px; font-weight: 600; }
.axis { stroke: #c4cad1; } .whisker { stroke: #1c2128; stroke-width: 1.5; } .ground { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .small { fill: #9aa4af; } .axis { stroke: #444c56; } .whisker { stroke: #e6edf3; }
  .ground { fill: #0d1117; }
}
</style>"""


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    low: float
    high: float
    words: str


@dataclass(frozen=True)
class Panel:
    title: str
    bars: list
    note: str = ""


def colour(name, number):
    return COLOURS.get(name, OTHERS[number % len(OTHERS)])


def document(height, body, title):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'role="img">\n'
            f"<title>{escape(title)}</title>\n{STYLE}\n"
            f'<rect class="ground" width="{WIDTH}" height="{height}"/>\n' + "\n".join(body) + "\n</svg>\n")


def words(x, y, said, kind="", end=False):
    return (f'<text x="{x:.1f}" y="{y:.1f}"' + (f' class="{kind}"' if kind else "") + (' text-anchor="end"' if end else "")
            + f">{escape(said)}</text>")


def folded(said, size=125):
    lines = [""]
    for word in said.split():
        if len(lines[-1]) + len(word) >= size:
            lines.append("")
        lines[-1] = (lines[-1] + " " + word).strip()
    return lines


def bars(title, where, panels):
    """Each panel has a scale of its own, from zero."""
    body, y = [words(16, 28, title, "head")], 30
    for line in folded(where):
        y += 16
        body.append(words(16, y, line, "small"))
    for panel in panels:
        y += 34
        body += [words(16, y, panel.title), words(WIDTH - 16, y, panel.note, "small", end=True)]
        y += 8
        most = max((max(b.value, b.high) for b in panel.bars if math.isfinite(b.value)), default=0) or 1
        room, top = WIDTH - LABEL - RIGHT, y
        for number, bar in enumerate(panel.bars):
            value = bar.value if math.isfinite(bar.value) else 0
            long = max(value, 0) / most * room
            middle = y + BAR / 2
            body += [words(LABEL - 8, middle + 4, bar.name, "small", end=True),
                     f'<rect x="{LABEL}" y="{y}" width="{long:.1f}" height="{BAR}" rx="2" fill="{colour(bar.name, number)}"/>']
            if bar.high > bar.low:
                low, high = (LABEL + max(v, 0) / most * room for v in (bar.low, bar.high))
                body.append(f'<path class="whisker" fill="none" d="M{low:.1f} {middle - 4}v8M{low:.1f} {middle}H{high:.1f}'
                            f'M{high:.1f} {middle - 4}v8"/>')
            body.append(words(LABEL + max(long, (max(bar.high, 0) / most * room)) + 8, middle + 4, bar.words, "small"))
            y += BAR + GAP
        body.append(f'<path class="axis" d="M{LABEL} {top - 2}V{y - 2}"/>')
    return document(y + 16, body, title)


def lines(title, where, panels):
    """panels: [(title, {name: [(x, y), ...]})]; x in seconds."""
    body, y, tall = [words(16, 28, title, "head")], 30, 130
    for line in folded(where):
        y += 16
        body.append(words(16, y, line, "small"))
    for heading, series in panels:
        y += 34
        body.append(words(16, y, heading))
        for number, name in enumerate(series):
            at = WIDTH - 330 + number * 80
            body += [f'<rect x="{at}" y="{y - 9}" width="10" height="10" fill="{OTHERS[number % len(OTHERS)]}"/>',
                     words(at + 14, y, name, "small")]
        y += 10
        points = [(x, v) for one in series.values() for x, v in one if math.isfinite(v)]
        last = max((x for x, _ in points), default=0) or 1
        most = max((v for _, v in points), default=0) or 1
        room = WIDTH - LABEL - 30
        for number, one in enumerate(series.values()):
            path = " ".join(f"{LABEL + x / last * room:.1f},{y + tall - v / most * tall:.1f}" for x, v in one if math.isfinite(v))
            body.append(f'<polyline fill="none" stroke="{OTHERS[number % len(OTHERS)]}" stroke-width="1.6" points="{path}"/>')
        body += [f'<path class="axis" fill="none" d="M{LABEL} {y}V{y + tall}H{LABEL + room}"/>',
                 words(LABEL - 8, y + 10, f"{most:,.4g}", "small", end=True), words(LABEL - 8, y + tall, "0", "small", end=True),
                 words(LABEL + room, y + tall + 14, f"{last:.0f} s", "small", end=True)]
        y += tall + 16
    return document(y + 16, body, title)
