"""Rows of size: idle crowds, memory under load, results and COPYs that are larger than any buffer, and the start."""

import resource
import ssl
import struct
import subprocess
import time

from pgbench import pgbench
from processes import forget_peak, peak_kib, rss_kib
from row import Bound, Failed, Row
from stage import Closed, PgBouncer, Raw, Weir, make_pooler, unprivileged

MEMORY, BULK = "Memory and start", "Large results and COPY"
MIB = 1 << 20
FLAT_KIB = 1024  # what "flat" allows: a buffer of either side, and the allocator's mood


def room_for(wanted):
    """As many connections as this process may hold open; a pooler holds as many."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500
    if most < wanted:
        raise Failed(f"{wanted} clients need more descriptors than ulimit -n allows ({most + 500})")
    return wanted


def crowd(variant):
    def measure(stage, name, length):
        stage.stop(name, variant)  # memory that was needed before would be used again
        contestant = stage.contestant(name, variant)
        clients = room_for(length.crowd)
        context = None
        if variant == "tls":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        def login():
            raw = Raw.connect(contestant.port, host=contestant.host)
            if context:
                raw.start_tls(context)
            return raw.login("postgres", "", "bench")

        held = [login()]
        try:
            held[0].value("SELECT 1")
            start = rss_kib(contestant.pid)
            for _ in range(clients):
                held.append(login())
            time.sleep(0.2 if length.short else 1)
            idle = (rss_kib(contestant.pid) - start) / clients
            for one in held:
                one.value("SELECT 1")
            time.sleep(0.2 if length.short else 1)
            return {"idle_kib": idle, "queried_kib": (rss_kib(contestant.pid) - start) / clients}
        finally:
            for one in held:
                one.drop()
            stage.stop(name, variant)
    return measure


def busy(stage, name, length):
    """The most memory that 500 clients at work have needed."""
    stage.stop(name)
    contestant = stage.contestant(name)
    clients = min(500, length.clients_most)
    pgbench(contestant, "-S", "-M", "extended", "-c", clients, "-j", 1, *(("-t", 3) if length.short else ("-T", length.seconds)))
    return {"rss_mib": peak_kib(contestant.pid) / 1024}


def start(stage, name, _length):
    """From the start of the process to the answer to a first query, its log-in and the server's included."""
    kind = {"weir": Weir, "pgbouncer": PgBouncer}[name]
    pooler = make_pooler(stage, kind)
    pooler.write()
    command = [str(c) for c in pooler.command()]
    host = str(pooler.folder)
    with pooler.logfile.open("ab") as log:
        began = time.perf_counter()
        pooler.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=pooler.folder,
                                          start_new_session=True, **unprivileged())
    try:
        while True:
            try:
                with Raw.connect(pooler.port, host=host).login("postgres", "", "bench") as client:
                    client.value("SELECT 1")
                return {"start_ms": (time.perf_counter() - began) * 1000}
            except (OSError, Closed):
                if time.perf_counter() - began > 20 or pooler.process.poll() is not None:
                    raise Failed(f"{name} did not start:\n{pooler.log()[-1500:]}")
                time.sleep(0.0005)
    finally:
        pooler.stop()


READY = b"Z\x00\x00\x00\x05I"


def drain(client):
    """Reads up to ReadyForQuery, whose bytes nothing of ours contains; how many there were."""
    room, total, tail = bytearray(MIB), 0, b""
    view = memoryview(room)
    client.sock.settimeout(300)
    while True:
        got = client.sock.recv_into(view)
        if not got:
            raise Failed("the connection was closed in the middle of a result")
        total += got
        tail = (tail + bytes(view[max(got - 6, 0):got]))[-6:]
        if tail == READY:
            return total


def measured_transfer(contestant, run):
    """MB/s of run(client), and by how much the most memory was more than before."""
    with Raw.connect(contestant.port, host=contestant.host).login("postgres", "", "bench") as client:
        client.value("SELECT 1")
        if contestant.pid:
            forget_peak(contestant.pid)
            before = rss_kib(contestant.pid)
        began = time.perf_counter()
        size = run(client)
        figures = {"mb_s": size / 1e6 / (time.perf_counter() - began)}
        if contestant.pid:
            figures["growth_kib"] = max(peak_kib(contestant.pid) - before, 0)
        return figures


def ask_for(statement, megabytes):
    def run(client):
        text = statement.format(rows=megabytes * 1000).encode()  # each row holds a thousand bytes
        client.send(b"Q" + struct.pack("!I", len(text) + 5) + text + b"\0")
        size = drain(client)
        if size < megabytes * 1e6:
            raise Failed(f"only {size} bytes came")
        return size
    return run


def copy_in(megabytes):
    """Lines that PostgreSQL reads and, as the WHERE says, does not keep: no disk takes part."""
    lines = (b"x" * 999 + b"\n") * 64
    message = memoryview(b"d" + struct.pack("!I", len(lines) + 4) + lines)

    def run(client):
        text = b"COPY sink FROM STDIN WHERE false\0"
        client.send(b"Q" + struct.pack("!I", len(text) + 4) + text)
        client.until("G")
        client.sock.settimeout(300)
        count = megabytes * 1000 // 64 + 1
        for _ in range(count):
            client.sock.sendall(message)
        client.send(b"c\x00\x00\x00\x04")
        drain(client)
        return count * len(lines)
    return run


def bulk(make):
    def measure(stage, name, length):
        return measured_transfer(stage.contestant(name), make(length))
    return measure


def bulk_row(name, make):
    return Row(BULK, name, bulk(make), shows=("mb_s", "growth_kib"),
               bounds=(Bound("mb_s", 0.95, of="direct", at_least=True), Bound("growth_kib", FLAT_KIB)))


THOUSANDS = "SELECT repeat('x', 1000) FROM generate_series(1, {rows})"
POOLERS = ("pgbouncer", "weir")
ROWS = [
    Row(MEMORY, "10,000 idle clients", crowd("plain"), POOLERS, shows=("idle_kib", "queried_kib"),
        bounds=(Bound("idle_kib", 1.0), Bound("queried_kib", 2.0)), rounds=(1, 2), steady=True),
    Row(MEMORY, "10,000 idle clients, TLS", crowd("tls"), POOLERS, shows=("idle_kib", "queried_kib"),
        bounds=(Bound("queried_kib", 20.0),), rounds=(1, 2), steady=True),
    Row(MEMORY, "500 busy clients", busy, POOLERS, shows=("rss_mib",), bounds=(Bound("rss_mib", 64.0),), rounds=(1, 3),
        steady=True),
    Row(MEMORY, "clean start to first query", start, POOLERS, shows=("start_ms",), bounds=(Bound("start_ms", 50.0),)),

    bulk_row("100 MB result", lambda length: ask_for(THOUSANDS, length.result_mb)),
    bulk_row("1 GB COPY out", lambda length: ask_for(f"COPY ({THOUSANDS}) TO STDOUT", length.copy_mb)),
    bulk_row("1 GB COPY in", lambda length: copy_in(length.copy_mb)),
]
