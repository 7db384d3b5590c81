#!/usr/bin/python3
"""Does a flood from strangers or peers slow down other clients?

There are two development servers of one worker each. Clients of the first are timed while a flood
goes to it, and while the same flood goes to the second, by turns. What a flood costs the machine is
in both times.

usage: bench/floods.py [options] [FLOOD…]        all of them, unless some are named

ffdhe40, ffdhe150   40 or 150 replayed ClientHellos a second that offer nothing but ffdhe8192,
                    without a certificate
keyupdates          8 connections of a peer, each with 30,000 TLS key updates a second
silent              1,000 connections a second that send nothing
drip                90 connections to the admin plane, each with a head whose bytes come one by
                    one, slowly

    --pairs N        pairs of turns of each flood (6)
    --seconds S      of each turn (3)
    --most RATIO     end with status 1 if a median ratio of the 99 % quantiles is larger (1.5)

About 250 requests a second on a kept connection are timed, and about 20 new connections a second
with a request each. A ratio is of the two turns of a pair. The server is build/release/timeglasd,
or the one in TIMEGLAS_BIN_DIR. With that of another build, --keyupdates names a timeglas-bench that
has the command keyupdates."""
import argparse
import multiprocessing
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "system"))
import harness  # noqa: E402

KEPT_EVERY_S, NEW_EVERY_S = 0.004, 0.05
SETTLE_S = 0.5  # between the beginning of a flood and the first request
OPEN_MAX = 6000  # connections of a flood that stay open; then the oldest is closed
DRIPS = 90


# Floods: each function runs in a process of its own until stop is set ------


def client_hello():
    """Returns the ClientHello of a client that offers ffdhe8192 alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [
            "openssl", "s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}", "-groups",
            "ffdhe8192", "-tls1_3",
        ]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ):
            conn, _ = listener.accept()
            with conn:
                return conn.recv(16384)


def connect_at(rate, address, data, stop):
    """Opens rate connections a second. Each sends data, and then nothing."""
    begun, n, left = time.monotonic(), 0, []
    while not stop.is_set():
        due = int((time.monotonic() - begun) * rate)
        while n < due:
            n += 1
            s = socket.socket()
            s.settimeout(1)
            try:
                s.connect(address)
                if data:
                    s.send(data)
                left.append(s)
            except OSError:
                s.close()
            if len(left) > OPEN_MAX:
                left.pop(0).close()
        time.sleep(0.001)


def hellos(rate):
    hello = client_hello()
    return lambda server, stop: connect_at(rate, server.address, hello, stop)


def silent(server, stop):
    connect_at(1000, server.address, b"", stop)


def drip(server, stop):
    """Opens each connection again when the server has closed it."""
    host, port = server.env["TIMEGLAS_ADMIN_URL"].removeprefix("http://").rsplit(":", 1)
    conns = [None] * DRIPS
    while not stop.is_set():
        for i, conn in enumerate(conns):
            try:
                if conn is None:
                    conns[i] = conn = socket.create_connection((host, int(port)), 1)
                    conn.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ")
                else:
                    conn.send(b"x")
            except OSError:
                if conn is not None:
                    conn.close()
                conns[i] = None
        time.sleep(0.2)


def key_updates(program):
    def flood(server, stop):
        cert, key = server.files("uploader")
        while not stop.is_set():
            subprocess.run(
                [
                    program, "keyupdates", "--port", str(server.address[1]), "--ca",
                    server.env["TIMEGLAS_CA"], "--cert", cert, "--key", key, "--seconds", "0.5",
                ],
                stdout=subprocess.DEVNULL,
                check=False,
            )

    return flood


# Well-behaved clients ------------------------------------------------------


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * q))]


def timed(call, every, until, out):
    while time.monotonic() < until:
        begun = time.monotonic()
        call()
        out.append(time.monotonic() - begun)
        time.sleep(max(0, every - (time.monotonic() - begun)))


def serve_others(server, seconds):
    """Returns how long requests and new connections of well-behaved clients took, in seconds. One
    without an answer after 10 s counts as 10 s."""
    kept, new = [], []
    until = time.monotonic() + seconds
    conn = server.connect("verifier")
    conn.sock.settimeout(10)

    def connect():
        with server.connect("operator") as c:
            c.sock.settimeout(10)
            assert c.request("GET", "/v1/policy").status == 200

    def safely(call, every, out):
        try:
            timed(call, every, until, out)
        except (OSError, EOFError, AssertionError):
            out.append(10.0)

    other = threading.Thread(target=safely, args=(connect, NEW_EVERY_S, new))
    other.start()
    safely(lambda: conn.request("GET", "/v1/policy"), KEPT_EVERY_S, kept)
    other.join()
    conn.close()
    return kept, new


def turn(flood, flooded, timed_one, seconds):
    stop = multiprocessing.Event()
    process = multiprocessing.Process(target=flood, args=(flooded, stop), daemon=True)
    process.start()
    try:
        time.sleep(SETTLE_S)
        kept, new = serve_others(timed_one, seconds)
        return quantile(kept, 0.99), quantile(new, 0.99), len(kept)
    finally:
        stop.set()
        process.join(5)
        if process.is_alive():
            process.terminate()


def main():
    usage = __doc__.split("usage: ", 1)[1].split("\n\nTimed")[0].replace("%", "%%")
    parser = argparse.ArgumentParser(usage=usage, add_help=True)
    parser.add_argument("floods", nargs="*")
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--most", type=float, default=1.5)
    parser.add_argument("--keyupdates", default=str(harness.BIN / "timeglas-bench"))
    args = parser.parse_args()
    known = {
        "ffdhe40": lambda: hellos(40),
        "ffdhe150": lambda: hellos(150),
        "keyupdates": lambda: key_updates(args.keyupdates),
        "silent": lambda: silent,
        "drip": lambda: drip,
    }
    unknown = [name for name in args.floods if name not in known]
    if unknown:
        parser.error(f"no flood {' '.join(unknown)}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))

    broken = False
    first, second = harness.Server(workers=1), harness.Server(workers=1)
    try:
        print(
            (
                f"99 % of requests and of new connections took at most, ms; {args.pairs} pairs of"
                f" {args.seconds:g} s"
            ),
            flush=True,
        )
        for name in args.floods or known:
            flood, rows = known[name](), []
            for i in range(args.pairs):
                order = [first, second] if i % 2 == 0 else [second, first]
                took = {id(flooded): turn(flood, flooded, first, args.seconds) for flooded in order}
                own, beside = took[id(first)], took[id(second)]
                rows.append((own, beside, own[0] / beside[0], own[1] / beside[1]))
                print(
                    (
                        f"  {name} {i + 1}: flooded"
                        f" {own[0] * 1e3:.2f} {own[1] * 1e3:.2f} ({own[2]} requests), beside"
                        f" {beside[0] * 1e3:.2f} {beside[1] * 1e3:.2f} ({beside[2]}), ratios"
                        f" {rows[-1][2]:.2f} {rows[-1][3]:.2f}"
                    ),
                    flush=True,
                )
            kept, new = (statistics.median(row[i] for row in rows) for i in (2, 3))
            print(
                f"{name}: median ratio of requests {kept:.2f}, of new connections {new:.2f}",
                flush=True,
            )
            broken = broken or kept > args.most
    finally:
        first.kill()
        second.kill()
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
