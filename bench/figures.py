"""What may be said of a few measurements: medians, spread, ratios and verdicts. Pure.

Contestants take turns, so the ratio of two of them is taken round by round: what slows the machine down for a while slows
both. The median of these ratios is told with the interval that the true one lies in with at least 90 % (order statistics of
the binomial distribution: no assumption about how the times are distributed). A bound holds when the whole interval is
within it, and is broken when the whole interval is outside; in between, the spread is too large to say.
"""

import math
import statistics
from dataclasses import dataclass

CONFIDENCE = 0.90

WITHIN, BROKEN, UNSAID, MISSING = "within", "NOT WITHIN", "spread too large to say", "not measured"


@dataclass(frozen=True)
class Bound:
    """`metric` of `whom` is at most (or at least) `limit`, times that of `of` where one is named."""
    metric: str
    limit: float
    of: str = ""            # the contestant that it is compared with; empty: the figure itself
    at_least: bool = False
    whom: str = "weir"
    times: float = 1.0      # what the figure is divided by before it is shown and compared

    def words(self):
        sense = "at least" if self.at_least else "at most"
        return f"{sense} {self.limit:g}" + (f" x {self.of}" if self.of else "")

    def holds(self, value):
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Verdict:
    outcome: str
    value: float = math.nan   # the median of what is compared with the limit
    low: float = math.nan
    high: float = math.nan
    rounds: int = 0


def quartiles(values):
    """First quartile, median, third quartile, interpolated."""
    ordered = sorted(values)

    def at(part):
        place = (len(ordered) - 1) * part
        below = math.floor(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

    return at(0.25), at(0.5), at(0.75)


def percentile(ordered, part):
    """Nearest rank, of values in order; infinity of none."""
    if not ordered:
        return math.inf
    return ordered[min(max(math.ceil(len(ordered) * part) - 1, 0), len(ordered) - 1)]


def interval_of_median(values):
    """Between which of these the true median lies, with CONFIDENCE; of fewer than five, all that were seen."""
    ordered = sorted(values)
    n, cut, outside = len(ordered), 0, 0.0
    # How many may be left out at each end.
    while cut + 1 <= (n - 1) // 2:
        outside += 2 * math.comb(n, cut) / 2 ** n
        if outside + 2 * math.comb(n, cut + 1) / 2 ** n > 1 - CONFIDENCE:
            break
        cut += 1
    return ordered[cut], ordered[n - 1 - cut]


def compared(bound, samples):
    """What is held against the bound, one for each round that has it. `samples`: contestant -> round -> figures."""
    mine, other = samples.get(bound.whom, {}), samples.get(bound.of, {})
    out = []
    for number, figures in sorted(mine.items()):
        value = figures.get(bound.metric)
        if value is None:
            continue
        if bound.of:
            base = other.get(number, {}).get(bound.metric)
            if not base:
                continue
            value /= base
        out.append(value / bound.times)
    return out


def judge(bound, samples, enough=5):
    """Of fewer than `enough` rounds nothing is said."""
    values = compared(bound, samples)
    if not values:
        return Verdict(MISSING)
    low, high = interval_of_median(values)
    told = dict(value=statistics.median(values), low=low, high=high, rounds=len(values))
    if len(values) >= enough:
        if bound.holds(low) and bound.holds(high):
            return Verdict(WITHIN, **told)
        if not bound.holds(low) and not bound.holds(high):
            return Verdict(BROKEN, **told)
    return Verdict(UNSAID, **told)


def summary(rounds, metric):
    """Median and quartiles of a metric over rounds; None if nobody measured it."""
    values = [figures[metric] for figures in rounds.values() if figures.get(metric) is not None]
    if not values:
        return None
    low, middle, high = quartiles(values)
    return {"median": middle, "q1": low, "q3": high, "min": min(values), "max": max(values), "rounds": len(values)}


def ratio(samples, metric, whom, of):
    """The median of the ratios of two contestants, round by round; None if they never met."""
    values = compared(Bound(metric, 0, of=of, whom=whom), samples)
    return statistics.median(values) if values else None
