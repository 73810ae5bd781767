"""Percentiles for each second of a run, from pgbench's log of its transactions, while it runs. Tail alone reads files."""

import collections
import glob
import math

KEPT = 10  # seconds after which nothing new is expected: pgbench writes its log through a buffer


class Times:
    """How long many things took, to three digits, in little room."""

    def __init__(self):
        self.counts, self.total, self.most = collections.Counter(), 0, 0

    def add(self, microseconds):
        step = 10 ** max(len(str(microseconds)) - 3, 0)
        self.counts[(microseconds + step // 2) // step * step] += 1
        self.total += 1
        self.most = max(self.most, microseconds)

    def percentiles(self, *parts):
        """In milliseconds, nearest rank; infinity where there is nothing."""
        out, ranks = [], [max(math.ceil(self.total * part), 1) for part in parts]
        if not self.total:
            return [math.inf for _ in parts]
        seen, ordered = 0, iter(sorted(self.counts.items()))
        value = 0
        for rank in ranks:  # ascending
            while seen < rank:
                value, count = next(ordered)
                seen += count
            out.append(value / 1000)
        return out


class Seconds:
    """Transactions by the second that they ended in. `part` of them are in the log."""

    def __init__(self, start, part=1.0):
        self.start, self.part = start, part
        self.all, self.open, self.closed = Times(), {}, {}

    def add(self, ended, microseconds):
        self.all.add(microseconds)
        second = int(ended - self.start)
        if second >= 0 and second not in self.closed:
            self.open.setdefault(second, Times()).add(microseconds)

    def row(self, second):
        if second in self.closed:
            return self.closed[second]
        times = self.open.get(second, Times())
        p50, p95, p99 = times.percentiles(0.50, 0.95, 0.99)
        return {"second": second, "tps": times.total / self.part, "p50": p50, "p95": p95, "p99": p99, "max": times.most / 1000}

    def close(self, before):
        """What is older than that keeps its percentiles alone."""
        for second in [s for s in self.open if s < before - KEPT]:
            self.closed[second] = self.row(second)
            del self.open[second]

    def rows(self, until):
        """One for each second, the quiet ones too."""
        return [self.row(second) for second in range(until)]


class Tail:
    """What has been added to pgbench's log files since the last look."""

    def __init__(self, pattern):
        self.pattern, self.files = pattern, {}

    def new(self):
        """(seconds since 1970, microseconds that it took) of each transaction that did not fail."""
        for name in sorted(glob.glob(self.pattern)):
            if name not in self.files:
                self.files[name] = [open(name), ""]
        for entry in self.files.values():
            text = entry[1] + entry[0].read()
            whole, _, entry[1] = text.rpartition("\n")
            for line in whole.split("\n"):
                fields = line.split()
                if len(fields) >= 6 and fields[2].isdigit():
                    yield int(fields[4]) + int(fields[5]) / 1e6, int(fields[2])

    def close(self):
        for entry in self.files.values():
            entry[0].close()
