#!/usr/bin/python3
"""Does a server's memory stay bounded with many clients at once? Against a development server of
two workers, over mutual TLS.

usage: bench/memory.py [trickle] [idle] [options]        both, unless one is named

trickle: many uploads at once, each at a low rate. All must be answered 201, and the workers'
         memory must stay below a limit.
idle:    many connections that have made one small request each, and now do nothing. The memory
         that each costs must stay below a limit: after the requests, some seconds later, and after
         another request on each.

The figures are of the workers together, from /proc: Pss (shared pages divided among those who share
them), and the highest resident sets ever (VmHWM). Buffers of the kernel are not in them. The server
is build/release/timeglasd, or the one in TIMEGLAS_BIN_DIR."""
import argparse
import collections
import multiprocessing
import re
import resource
import selectors
import signal
import socket
import ssl
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "system"))
import harness  # noqa: E402

CLIENTS = 2  # processes that make the load
BLOCKED_S = 0.005  # until a slice that its socket did not take is offered again
KIB, MIB = 1 << 10, 1 << 20


def size(text):
    found = re.fullmatch(r"([0-9]+)(KiB|MiB|GiB|)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text}: a size is as 8MiB or 65536")
    return int(found[1]) * {"": 1, "KiB": KIB, "MiB": MIB, "GiB": 1 << 30}[found[2]]


# What the workers use ------------------------------------------------------


def memory(pids):
    """Returns the bytes of these processes together: pss, hwm. Where Pss may not be read, pss is
    the resident set, which is never less."""
    total = collections.Counter()
    for pid in pids:
        fields = dict(
            re.findall(r"^(\w+):\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.M)
        )
        try:
            pss = re.search(
                r"^Pss:\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M
            )[1]
        except PermissionError:
            pss = fields["VmRSS"]
        total.update(pss=int(pss) * KIB, hwm=int(fields["VmHWM"]) * KIB)
    return total


def load_average():
    return "load average " + " ".join(Path("/proc/loadavg").read_text().split()[:3])


# Clients -------------------------------------------------------------------


class Clients:
    """Processes that run work(pipe, share, …). The shares add up to total."""

    def __init__(self, work, total, *args):
        self.all = []
        for i in range(CLIENTS):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(
                target=work,
                args=(theirs, total // CLIENTS + (i < total % CLIENTS), *args),
                daemon=True,
            )
            process.start()
            theirs.close()
            self.all.append((process, ours))

    def tell(self, word):
        for _, pipe in self.all:
            pipe.send(word)

    def said(self):
        """Waits for a message of each and returns them. EOFError: one ended without a message."""
        return [pipe.recv() for _, pipe in self.all]

    def silent(self):
        return not all(pipe.poll() for _, pipe in self.all)

    def end(self):
        for process, pipe in self.all:
            pipe.close()
            process.terminate()
            process.join()


def connect(address, context):
    raw = socket.create_connection(address, timeout=60)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, server_hostname=address[0])


class Drip:
    """One upload: sends a head, then slices of a body when they are due; reads the answer."""

    def __init__(self, sock, body, piece):
        self.sock, self.body, self.piece = sock, body, piece
        self.at, self.end, self.answer = 0, min(piece, len(body)), b""
        self.due = time.monotonic()

    def send(self):
        """Sends the slice that is due, or what is left of it. Returns whether all of it is sent."""
        try:
            self.at += self.sock.send(self.body[self.at : self.end])
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        if self.at < self.end:
            return False
        self.end = min(self.at + self.piece, len(self.body))
        return True

    def receive(self):
        """Reads what came. Returns the answer's status when the answer is complete."""
        try:
            data = self.sock.recv(65536)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return None
        self.answer += data
        if data and b"\r\n" not in self.answer:
            return None
        return self.answer.split(b" ", 2)[1].decode() if data else "closed without an answer"


class Drips:
    """Many uploads in one thread. Each slice is due a fixed time after the one before, so the
    upload that was served last is due last, and a queue keeps them in order."""

    def __init__(self, body, piece, period):
        self.body, self.piece, self.period = memoryview(body), piece, period
        self.selector, self.queue, self.blocked = selectors.EpollSelector(), collections.deque(), []
        self.ends, self.late = collections.Counter(), 0.0

    def begin(self, address, context, head):
        try:
            sock = connect(address, context)
            sock.sendall(head)
        except OSError as e:
            self.ends[f"{type(e).__name__} while connecting"] += 1
            return
        sock.setblocking(False)
        drip = Drip(sock, self.body, self.piece)
        self.selector.register(sock, selectors.EVENT_READ, drip)
        self.queue.append(drip)

    def over(self, drip, how):
        self.ends[how] += 1
        self.selector.unregister(drip.sock)
        drip.sock.close()

    def serve(self, drip):
        if drip.sock.fileno() < 0:
            return
        try:
            if not drip.send():
                self.blocked.append(drip)
            elif drip.at < len(self.body):
                drip.due += self.period
                self.queue.append(drip)
        except OSError as e:
            self.over(drip, f"{type(e).__name__} while sending")

    def turn(self, longest):
        """Sends what is due, then waits for answers until more is due, at most some seconds."""
        now, again, self.blocked = time.monotonic(), self.blocked, []
        for drip in again:
            self.serve(drip)
        while self.queue and self.queue[0].due <= now:
            self.late = max(self.late, now - self.queue[0].due)
            self.serve(self.queue.popleft())
        if self.queue:
            longest = min(longest, self.queue[0].due - time.monotonic())
        for key, _ in self.selector.select(
            max(0.0, min(longest, BLOCKED_S) if self.blocked else longest)
        ):
            try:
                status = key.data.receive()
            except OSError as e:
                status = type(e).__name__
            if status:
                self.over(key.data, status)


def trickle_client(pipe, share, address, context, head, body, piece, period, spread):
    """Makes share uploads that begin evenly over spread seconds. Sends how they ended, and how late
    the latest slice was."""
    drips, begun, start = Drips(body, piece, period), 0, time.monotonic()
    while sum(drips.ends.values()) < share:
        if begun < share and time.monotonic() >= start + begun * spread / share:
            drips.begin(address, context, head)
            begun += 1
        drips.turn(spread / share if begun < share else 1.0)
    pipe.send((drips.ends, drips.late))


def ask(sock, request):
    """Sends a request. Returns whether it was answered 200 with a body of the announced length."""
    sock.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = sock.recv(65536)
        if not data:
            return False
        answer += data
    head, body = answer.split(b"\r\n\r\n", 1)
    left = int(re.search(rb"\r\nContent-Length: (\d+)", head)[1]) - len(body)
    while left > 0:
        data = sock.recv(left)
        if not data:
            return False
        left -= len(data)
    return head.startswith(b"HTTP/1.1 200 ")


def idle_client(pipe, share, address, context, request):
    """Opens share connections. For each message it sends one request on each, one after the
    other, and sends back how many were answered."""
    socks = []
    while pipe.recv():
        good = 0
        for i in range(share):
            if i == len(socks):
                socks.append(connect(address, context))
            good += ask(socks[i], request)
        pipe.send(good)


# Measurements --------------------------------------------------------------


def start(args, connections, store):
    """Starts the server. Its limits let all connections be in one worker, since the kernel spreads
    them by chance."""
    return harness.Server(
        workers=args.workers,
        options=[
            ("store.max_bytes", max(store, 64 * MIB)), ("server.log_level", "warn"),
            ("limits.max_connections", connections + 64), ("limits.max_blob", "1GiB"),
            ("limits.handshake_timeout_s", 60), ("limits.idle_timeout_s", 600),
        ],
    )


def trickle(args):
    # 65,000 bytes take 65,584 in the store. The rest is for its keys and its buffers.
    server, clients = (
        start(args, args.uploads, int(args.uploads * (args.size + 64 * KIB) * 1.05)),
        None,
    )
    try:
        body, pids, samples, together = server.sealed(args.size), server.workers(), [], 0
        before, began = memory(pids), time.monotonic()
        clients = Clients(
            trickle_client, args.uploads, server.address, server.context("uploader"),
            server.upload_head(len(body)), body, args.slice, args.slice / args.rate, args.spread,
        )
        while clients.silent():
            time.sleep(args.every)
            samples.append(memory(pids))
            together = max(together, int(server.metric("timeglas_uploads")))
        took, after, said = time.monotonic() - began, memory(pids), clients.said()
        # The sum of the highest values of each worker. They were not that large at the same moment,
        # and the libraries that they share are in both.
        ever = after["hwm"]
    finally:
        if clients:
            clients.end()
        server.kill()
    ends, pss = sum((ends for ends, _ in said), collections.Counter()), max(
        m["pss"] for m in samples
    )
    print(
        f"trickle: {args.uploads} uploads of {len(body)} bytes at {args.rate / KIB:g} KiB/s,"
        f" {args.slice} bytes at a time; {args.workers} workers; {load_average()}\n  answered"
        f" {', '.join(f'{how}: {n}' for how, n in sorted(ends.items()))}; {together} at once;"
        f" {took:.1f} s, of {len(body) / args.rate:.1f} that the rate asks for; slices were"
        f" {max(late for _, late in said):.2f} s late at most\n  workers' memory, MiB: Pss"
        f" {before['pss'] / MIB:.1f} before, {pss / MIB:.1f} at most in {len(samples)} samples,"
        f" {after['pss'] / MIB:.1f} after (limit {args.limit_all / MIB:g}); the highest resident"
        f" sets ever of each, added up, {ever / MIB:.1f}"
    )
    return ends == {"201": args.uploads} and pss <= args.limit_all


def idle(args):
    server, clients, kept = start(args, args.connections, 0), None, True
    try:
        pids, n = server.workers(), args.connections
        before = memory(pids)["pss"]
        print(
            f"idle: {n} connections; {args.workers} workers; {load_average()}\n  Pss before:"
            f" {before / MIB:.1f} MiB"
        )
        request = (
            f"GET /v1/policy HTTP/1.1\r\nHost: {server.address[0]}:{server.address[1]}\r\n\r\n"
            .encode()
        )
        clients = Clients(idle_client, n, server.address, server.context("uploader"), request)
        for what in ("connecting, and a request on each", "another request on each"):
            began = time.monotonic()
            clients.tell("ask")
            answered = sum(clients.said())
            took, figures = time.monotonic() - began, []
            for wait in (0, args.hold):
                time.sleep(wait)
                figures.append((memory(pids)["pss"] - before) / n)
            open_now = int(server.metric("timeglas_connections"))
            print(
                f"  {what}: {answered} answered in {took:.1f} s; KiB per connection:"
                f" {figures[0] / KIB:.1f} at once, {figures[1] / KIB:.1f} after {args.hold:g} s"
                f" (limit {args.limit_each / KIB:g}); {open_now} open; {load_average()}"
            )
            kept = kept and answered == open_now == n and max(figures) <= args.limit_each
    finally:
        if clients:
            clients.end()
        server.kill()
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "what", nargs="*", choices=("trickle", "idle", []), help="both, unless one is named"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument(
        "--size",
        type=size,
        default=8 * MIB,
        help="of each upload's content; sealed, it is a little more (8MiB)",
    )
    parser.add_argument("--rate", type=size, default=64 * KIB, help="of each, a second (64KiB)")
    parser.add_argument(
        "--slice",
        type=size,
        default=8 * KIB,
        help="bytes sent at a time, in one TLS record up to 16 KiB (8KiB)",
    )
    parser.add_argument(
        "--spread", type=float, default=8.0, help="seconds over which they begin (8)"
    )
    parser.add_argument(
        "--every", type=float, default=1.0, help="seconds between two samples of memory (1)"
    )
    parser.add_argument(
        "--limit-all",
        type=size,
        default=128 * MIB,
        help="for the workers' memory while uploads trickle in (128MiB)",
    )
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--hold", type=float, default=5.0, help="seconds that they are idle (5)")
    parser.add_argument(
        "--limit-each",
        type=size,
        default=40 * KIB,
        help="for what an idle connection costs (40KiB)",
    )
    args = parser.parse_args()
    files = max(args.uploads, args.connections) + 512  # a server inherits it, too
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, hard)))
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(1)
    )  # as Ctrl-C does: the server must not outlive us
    kept = [
        {"trickle": trickle, "idle": idle}[what](args) for what in args.what or ("trickle", "idle")
    ]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
