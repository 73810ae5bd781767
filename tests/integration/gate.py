"""A gate: a TCP proxy that can cut, delay, trickle, stall and reset at any byte.

    with Gate(server_port) as gate:
        gate.plan = Plan(to_server=Flow(cut_after=100))   # for connections from now on
        ... connect to gate.port ...
"""

import dataclasses
import socket
import struct
import threading
import time


@dataclasses.dataclass
class Flow:
    """What happens to the bytes of one direction."""
    cut_after: int | None = None      # after so many bytes the connection ends
    reset: bool = False               # ... with a TCP reset instead of an orderly end
    stall_after: int | None = None    # after so many bytes nothing more passes, and nothing is closed
    delay: float = 0.0                # seconds before each piece
    step: int = 65536                 # bytes per write
    pause: float = 0.0                # seconds between writes


@dataclasses.dataclass
class Plan:
    to_server: Flow = dataclasses.field(default_factory=Flow)
    to_client: Flow = dataclasses.field(default_factory=Flow)
    refuse: bool = False              # accepted and closed at once
    connect_delay: float = 0.0


class _Pair:
    def __init__(self, client, server):
        self.client, self.server, self.to_server, self.to_client = client, server, 0, 0

    def reset(self):
        for sock in (self.client, self.server):
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
        self.close()

    def close(self):
        for sock in (self.client, self.server):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()


class Gate:
    def __init__(self, port, host="127.0.0.1", plan=None):
        self.target, self.plan = (host, port), plan or Plan()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs, self.lock, self.closing = [], threading.Lock(), False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(client, self.plan), daemon=True).start()

    def _join(self, client, plan):
        if plan.refuse:
            client.close()
            return
        time.sleep(plan.connect_delay)
        try:
            server = socket.create_connection(self.target, timeout=10)
            server.settimeout(None)
        except OSError:
            client.close()
            return
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = _Pair(client, server)
        with self.lock:
            self.pairs.append(pair)
        threading.Thread(target=self._pump, args=(pair, client, server, plan.to_server, "to_server"), daemon=True).start()
        self._pump(pair, server, client, plan.to_client, "to_client")

    def _pump(self, pair, source, sink, flow, counter):
        passed = 0
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                if flow.delay:
                    time.sleep(flow.delay)
                for limit, ends in ((flow.cut_after, True), (flow.stall_after, False)):
                    if limit is not None and passed + len(data) >= limit:
                        sink.sendall(data[:limit - passed])
                        setattr(pair, counter, limit)
                        if ends:
                            pair.reset() if flow.reset else pair.close()
                        else:
                            self._swallow(source)
                        return
                for at in range(0, len(data), flow.step):
                    sink.sendall(data[at:at + flow.step])
                    if flow.pause:
                        time.sleep(flow.pause)
                passed += len(data)
                setattr(pair, counter, passed)
        except OSError:
            pair.close()

    @staticmethod
    def _swallow(source):
        while source.recv(65536):
            pass

    def reset_all(self):
        """Resets every connection that is open now."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            pair.reset()
        return len(pairs)

    def close_all(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            pair.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.close_all()
