"""What the kernel says of a process: processor time and memory."""

import os
import pathlib
import re

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time so far; 0 of None."""
    if pid is None:
        return 0.0
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _status(pid, name):
    found = re.search(rf"{name}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def rss_kib(pid):
    return _status(pid, "VmRSS")


def peak_kib(pid):
    """The most since forget_peak(), or since the process began where the kernel does not let us forget."""
    return max(_status(pid, "VmHWM"), rss_kib(pid))


def forget_peak(pid):
    try:
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        pass
