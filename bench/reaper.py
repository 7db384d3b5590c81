#!/usr/bin/python3
"""How late does the reaper end blobs, and how long do clients wait meanwhile?

usage: bench/reaper.py spread [--live 1000000] [--ending 10000] [--within 10]
       bench/reaper.py same   [--live 1000000]

spread: --live blobs live on, and --ending more end within --within seconds. Tells the time from
        each deadline to the removal of the bytes, by Redis's key events.
same:   --live blobs end at one instant. Tells how long it takes until the last byte is gone, and
        how long the slowest upload or take lasts meanwhile.

Blobs are made by the functions that the server uses (SET, tg2_commit), pipelined, straight on the
store's socket. The server is build/release/timeglasd, or the one in TIMEGLAS_BIN_DIR."""
import argparse
import os
import socket
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "system"))
import harness  # noqa: E402

BYTES = b"x" * 100
BATCH = 500


def command(*words):
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        out.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(out)


class Redis:
    """One connection. It reads as much of RESP2 as these commands answer."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.file = self.sock.makefile("rb")

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        return int(rest) if kind == b":" else rest

    def __call__(self, *words):
        self.sock.sendall(command(*words))
        return self.reply()

    def pipeline(self, commands, replies):
        self.sock.sendall(b"".join(commands))
        return [self.reply() for _ in range(replies)]

    def now(self):
        seconds, micros = self("TIME")
        return int(seconds) + int(micros) / 1e6


def load(redis, name, count, deadline_of):
    """Stores count blobs. deadline_of(i) is when blob i ends, in Unix seconds. A blob ends at now +
    ttl, so each batch chooses its ttl anew."""
    for first in range(0, count, BATCH):
        now, commands, last = redis.now(), [], min(first + BATCH, count)
        for i in range(first, last):
            shard = b"tg:{%02x}:" % (i % 64)
            blob = b"%02x%s%010d" % (i % 64, name, i)
            ttl = int((deadline_of(i) - now) * 1000)
            pending = b"pending\t384\n\n".ljust(384) + BYTES
            commands.append(command("SET", shard + b"b:" + blob, pending, "PX", ttl + 5000))
            commands.append(
                command(
                    "FCALL", "tg2_commit", 1, shard + b"dl", blob, "uploader", " verifier ", "", 0,
                    1, len(BYTES), ttl, 0, "0123456789abcdef0123456789abcdef liveness 0", "- -", 0,
                )
            )
        for answer in redis.pipeline(commands, len(commands))[1::2]:
            assert answer.split(b"\n")[0] == b"0", answer


def percentile(ordered, p):
    return ordered[min(len(ordered) - 1, int(len(ordered) * p))]


def spread(server, args):
    path = server.env["TIMEGLAS_REDIS_SOCKET"]
    redis, events = Redis(path), Redis(path)
    began, long = time.monotonic(), redis.now() + 3600
    load(redis, b"L", args.live, lambda i: long + i % 80000)
    print(f"{args.live} live after {time.monotonic() - began:.1f} s, {redis('DBSIZE')} keys")
    redis("CONFIG", "SET", "notify-keyspace-events", "E$gx")
    start = redis.now() + 5 + args.ending / 20000
    load(redis, b"E", args.ending, lambda i: start + args.within * i / args.ending)
    events("PSUBSCRIBE", "__keyevent@0__:*")
    assert redis.now() < start, "loading took too long"
    deadline = {}
    for shard in range(64):
        found = redis(
            "ZRANGEBYSCORE", "tg:{%02x}:dl" % shard, "-inf", int((start + args.within + 1) * 1000),
            "WITHSCORES",
        )
        for member, score in zip(found[::2], found[1::2]):
            deadline[member[2:].split(b"\t")[0]] = int(score)
    assert len(deadline) == args.ending, len(deadline)
    late, how = [], {}
    while len(late) < args.ending:
        _, _, channel, key = events.reply()
        seen = time.time()
        event = channel.rsplit(b":", 1)[1].decode()
        if b":b:" in key and event in ("set", "del", "unlink", "expired", "evicted"):
            blob = key.split(b":")[3]
            if blob in deadline:
                late.append(seen * 1000 - deadline.pop(blob))
                how[event] = how.get(event, 0) + 1
    late.sort()
    print(
        f"{len(late)} chunks removed by {how}; ms after the deadline: min {late[0]:.2f}, p50"
        f" {percentile(late, .5):.2f}, p99 {percentile(late, .99):.2f}, p99.9"
        f" {percentile(late, .999):.2f}, max {late[-1]:.2f}"
    )
    return late[0] >= 0 and percentile(late, 0.999) <= 10 and late[-1] <= 50


class Probe(threading.Thread):
    """Uploads and takes one small blob after another, and keeps how long each request took."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended = server, False
        self.waits = []

    def run(self):
        body = self.server.sealed(300)
        with self.server.connect() as up, self.server.connect("verifier") as down:
            while not self.ended:
                began = time.monotonic()
                put = up.request("POST", "/v1/blobs", self.server.upload_fields(), body)
                middle = time.monotonic()
                assert put.status == 201, put
                taken = down.request("POST", f"/v1/blobs/{put.json()['blob']}/take")
                assert taken.status == 200, taken
                self.waits += [middle - began, time.monotonic() - middle]
                time.sleep(0.002)


def same(server, args):
    redis = Redis(server.env["TIMEGLAS_REDIS_SOCKET"])
    deadline = redis.now() + 20 + args.live / args.load
    began = time.monotonic()
    load(redis, b"S", args.live, lambda i: deadline)
    print(
        f"{args.live} live after {time.monotonic() - began:.1f} s, {redis('DBSIZE')} keys,"
        f" {deadline - redis.now():.1f} s to go"
    )
    assert redis.now() < deadline - 2, "loading took too long"
    redis("CONFIG", "RESETSTAT")
    redis("CONFIG", "SET", "latency-monitor-threshold", 20)
    probe = Probe(server)
    time.sleep(max(0.0, deadline - time.time() - 1))
    probe.start()
    keys = redis("DBSIZE")
    # Redis's own expiry works at the same time. It removes a blob's string, and the reaper puts a
    # tombstone there later. Where the reaper comes first, it replaces the string by the tombstone.
    # So of the blobs that are left in the index, as many have lost their string as there are keys
    # missing.
    took = None
    while True:
        left = sum(redis("ZCARD", "tg:{%02x}:dl" % shard) for shard in range(64))
        probed = len(probe.waits) // 2  # each has left a tombstone
        strings = redis("DBSIZE") - keys + left - probed
        if took is None and strings <= args.live / 500 and redis.now() >= deadline:
            took = redis.now() - deadline
        if left <= 100 or redis.now() >= deadline + 120:
            break
        time.sleep(0.05)
    recorded = redis.now() - deadline
    probe.ended = True
    probe.join()
    waits = sorted(probe.waits)
    print(
        "Redis was held up for more than 20 ms by:",
        {e[0].decode(): f"max {e[3]} ms" for e in redis("LATENCY", "LATEST")} or "nothing",
    )
    stats = redis("INFO", "commandstats").decode()
    print(*(line for line in stats.split("\r\n") if line.startswith("cmdstat_fcall:")))
    print(
        f"bytes gone {took or float('inf'):.1f} s after the deadline,"
        f" each end recorded after {recorded:.1f} s;"
        f" {len(waits)} requests meanwhile, ms: p50 {percentile(waits, .5) * 1e3:.1f}, p99"
        f" {percentile(waits, .99) * 1e3:.1f}, max {waits[-1] * 1e3:.1f}"
    )
    return left <= 100 and took is not None and took <= 30 and waits[-1] <= 0.25


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("spread", "same"))
    parser.add_argument("--live", type=int, default=1000000)
    parser.add_argument("--ending", type=int, default=10000)
    parser.add_argument(
        "--load", type=float, default=6000, help="blobs a second that loading reaches at least"
    )
    parser.add_argument("--within", type=float, default=10.0)
    args = parser.parse_args()
    server = harness.Server(
        workers=1, options=[("store.max_bytes", "3GiB"), ("server.log_level", "warn")]
    )
    try:
        kept = {"spread": spread, "same": same}[args.what](server, args)
        print(
            "reaper: "
            + "; ".join(
                line
                for line in server.admin("/metrics")[1].splitlines()
                if "backlog " in line and "#" not in line
            )
        )
    finally:
        server.kill()
    sys.exit(0 if kept else 1)


main()
