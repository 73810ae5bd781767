"""pgbench: what it is told, and what is read from what it says."""

import glob
import os
import re
import shutil
import subprocess
import tempfile

from figures import percentile
from processes import cpu_seconds
from row import Failed
from stage import PG_BIN, SECRET


def environment(contestant):
    return dict(os.environ) | {"PGSSLMODE": "require" if contestant.variant == "tls" else "disable", "PGGSSENCMODE": "disable",
                               "PGPASSWORD": SECRET if contestant.variant == "scram" else ""}


def command(contestant, *options):
    return [str(PG_BIN / "pgbench"), "-n", "-h", str(contestant.host), "-p", str(contestant.port), "-U", "postgres",
            *map(str, options), "bench"]


def parse(out, err=""):
    """tps, latency_ms, transactions and how many clients were lost."""
    said = {}
    for key, pattern in (("tps", r"tps = ([\d.]+)"), ("latency_ms", r"latency average = ([\d.]+)"),
                         ("transactions", r"transactions actually processed: (\d+)"),
                         ("failed", r"number of failed transactions: (\d+)")):
        found = re.search(pattern, out)
        said[key] = float(found[1]) if found else 0.0
    said["aborted"] = len(re.findall(r"client \d+ aborted|client \d+ script \d+ aborted", err))
    return said


def ended(options, code, words):
    return Failed(f"pgbench {' '.join(map(str, options))} ended with {code}:\n{words[-1500:]}")


def pgbench(contestant, *options, timeout=600, may_lose=False):
    """Runs it. Failed, with its words, if it failed; `may_lose`: clients that it lost are told and no failure."""
    done = subprocess.run(command(contestant, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, env=environment(contestant))
    said = parse(done.stdout, done.stderr)
    if done.returncode not in ((0, 2) if may_lose else (0,)) or (not said["transactions"] and not may_lose):
        raise ended(options, done.returncode, done.stdout + done.stderr)
    return said


MANY_PER_SECOND = 20000  # transactions, about


def lasting(length, clients, short_transactions=20):
    """For how long: seconds, or in short so many transactions of each client."""
    return ("-t", max(short_transactions // max(clients // 8, 1), 2)) if length.short else ("-T", length.seconds)


def loaded(contestant, options, clients, length, many=False):
    """CPU per transaction, throughput and latency. `many`: what the log-ins of so many clients cost is taken off, as a
    run of one transaction each has cost it."""
    login_cpu = login_transactions = 0
    if many:
        before = cpu_seconds(contestant.pid)
        login_transactions = pgbench(contestant, *options, "-c", clients, "-t", 1)["transactions"]
        login_cpu = cpu_seconds(contestant.pid) - before
    # Of so many, the time that logging in takes is no small part of a duration, which has begun by then.
    lasts = ("-t", max(MANY_PER_SECOND * length.seconds // clients, 2)) if many else lasting(length, clients)
    before = cpu_seconds(contestant.pid)
    said = pgbench(contestant, *options, "-c", clients, *lasts)
    spent = cpu_seconds(contestant.pid) - before - login_cpu
    figures = {"tps": said["tps"], "latency_ms": said["latency_ms"]}
    if contestant.pid is not None and spent > 0:  # the clock ticks in hundredths of a second
        figures["cpu_us"] = spent / max(said["transactions"] - login_transactions, 1) * 1e6
    return figures


class Logged:
    """A run in the background whose transactions are all written down."""

    def __init__(self, contestant, *options):
        self.folder = tempfile.mkdtemp(prefix="weir-bench-log-")
        self.options = options
        self.process = subprocess.Popen(command(contestant, *options, "-l", "--log-prefix", "tx"), cwd=self.folder, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(contestant))

    def finish(self, timeout=600, may_lose=False):
        """What pgbench says, and `taken`: what each transaction took in microseconds, in order."""
        try:
            out, err = self.process.communicate(timeout=timeout)
            said = parse(out, err)
            if self.process.returncode not in ((0, 2) if may_lose else (0,)):
                raise ended(self.options, self.process.returncode, out + err)
            said["taken"] = sorted(int(fields[2]) for name in glob.glob(f"{self.folder}/tx*") for line in open(name)
                                   if (fields := line.split())[2].isdigit())
            for key, part in (("p50_us", 0.50), ("p95_us", 0.95), ("p99_us", 0.99)):
                said[key] = percentile(said["taken"], part)
            return said
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Failed(f"pgbench {' '.join(map(str, self.options))} did not end within {timeout} s")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
