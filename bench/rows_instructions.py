"""Rows of instructions: what one query costs Weir outside of the kernel, counted by callgrind, with the same input each time."""

import pathlib
import re
import shutil

from pgbench import pgbench
from row import Failed, Row
from rows_path import script
from servers import Weir
from stage import make_pooler, start

GROUP = "Instructions per query"
MODES = {
    "weir simple": ("-S", "-M", "simple"),
    "weir extended": ("-S", "-M", "extended"),
    "weir prepared": ("-S", "-M", "prepared"),
    "weir inlined": ("-M", "simple"),
    "weir TPC-B": ("-M", "simple"),
}


class CountedWeir(Weir):
    """Under callgrind, which writes what it has counted when Weir ends."""

    def command(self):
        return ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={self.folder}/callgrind.out", *super().command()]

    def counted(self):
        """Ends it; the instructions of its whole life."""
        self.stop(seconds=120)
        totals = re.findall(r"^(?:totals|summary): (\d+)", pathlib.Path(f"{self.folder}/callgrind.out").read_text(), re.M)
        if not totals:
            raise Failed("callgrind has written no sum")
        return int(totals[-1])


def life(stage, options, each):
    weir = make_pooler(stage, CountedWeir)
    try:
        start(weir)
        said = pgbench(weir, *options, "-c", 8, "-j", 1, "-t", each, "--random-seed=1")
        return weir.counted(), said["transactions"]
    finally:
        if weir.alive():
            weir.stop(seconds=120)


def instructions(stage, name, length):
    """Two lives of the process: what the longer one has cost more, by the queries that it had more."""
    if not shutil.which("valgrind"):
        return {}
    options = [*MODES[name], *(script(stage, "inlined") if name == "weir inlined" else [])]
    few, many = (2, 6) if length.short else (50, 250)
    (low, fewer), (high, more) = life(stage, options, few), life(stage, options, many)
    return {"instructions": (high - low) / (more - fewer)}


ROWS = [Row(GROUP, "pgbench, 8 clients", instructions, tuple(MODES), shows=("instructions",), rounds=(2, 2), steady=True,
            note="callgrind; nothing of the kernel. Wake-ups differ a little from run to run, as what is ready at a time does")]
