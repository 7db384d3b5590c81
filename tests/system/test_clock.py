"""Somebody sets the store's clock an hour forward or back. What is held still ends in time or
early, never late, and the service goes on.

Redis runs with a small library of this test's own in front of the C library, which adds to the time
of day what stands in a file. No clock of this machine is touched."""
import os
import signal
import struct
import subprocess
import time

import pytest

from harness import SLOW, let_pass, wait_for

SHIM = r"""
# define _GNU_SOURCE
# include <dlfcn.h>
# include <fcntl.h>
# include <sys/mman.h>
# include <sys/time.h>
# include <time.h>

static volatile long long *shift;

__attribute__((constructor)) static void attach(void)
{
	int fd = open(SHIFT_FILE, O_RDONLY | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(0, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
	shift = p == MAP_FAILED ? 0 : p;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec t;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	tv->tv_sec = t.tv_sec + (shift ? *shift : 0);
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}
"""
HOUR = 3600


class Clock:
    """Redis's: so many seconds from ours."""

    def __init__(self, folder):
        self.file, library, source = folder / "shift", folder / "shim.so", folder / "shim.c"
        self.set(0)
        source.write_text(SHIM)
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", f'-DSHIFT_FILE="{self.file}"', "-o", library, source],
            check=True,
        )
        self.program = folder / "redis"
        self.program.write_text(
            f'#!/bin/sh\nLD_PRELOAD="{library}${{LD_PRELOAD:+:$LD_PRELOAD}}" exec redis-server'
            ' "$@"\n'
        )
        self.program.chmod(0o700)

    def set(self, seconds):
        with open(self.file, "r+b" if self.file.exists() else "w+b") as f:
            f.write(struct.pack("q", seconds))


@pytest.fixture
def clocked(launch, tmp_path):
    """(server, clock)"""
    clock = Clock(tmp_path)
    server = launch(workers=1, options=[("store.redis_server", clock.program)])
    clock.set(100)
    wait_for(lambda: abs(store_time(server) - time.time() - 100) < 5, "Redis goes by our clock")
    clock.set(0)
    return server, clock


def store_time(server):
    return int(server.redis("TIME").split()[0])


def physically_gone(server, blob):
    """Not by asking for it: a key that has expired answers so, too."""
    index = server.redis("ZRANGE", f"tg:{{{blob[:2]}}}:dl", "0", "-1")
    return f"b:{blob}" not in index and not server.chunks(blob)


def test_clock_set_back_an_hour_ends_what_is_held_in_time(clocked):
    """By Redis's clock it would have an hour more."""
    server, clock = clocked
    body = server.sealed(300)
    began = time.monotonic()
    old = server.put_ok(body, ttl=4)["blob"]
    long = server.put_ok(body, ttl=HOUR // 2)["blob"]
    said = len(server.log())
    clock.set(-HOUR)
    wait_for(lambda: physically_gone(server, old), "it is gone", 10)
    took = time.monotonic() - began
    assert 3 < took < 4 + SLOW, took
    assert server.stat(old).json()["cause"] == "expired"
    wait_for(
        lambda: [
            e for e in server.log()[said:] if e["event"] == "store-clock" and "back" in e["detail"]
        ],
        "people are told",
        5,
    )
    # What comes now lives as long as it should, no shorter and no longer.
    began = time.monotonic()
    new = server.put_ok(body, ttl=3)["blob"]
    let_pass(1.5, "half of its life")
    assert server.stat(new).json()["state"] == "live" and server.chunks(new)
    wait_for(lambda: physically_gone(server, new), "it is gone, too", 5)
    assert time.monotonic() - began < 3 + SLOW
    assert server.take(long).body == body


def test_clock_set_back_while_no_reaper_runs(clocked):
    """Its successor knows what it knew."""
    server, clock = clocked
    began = time.monotonic()
    old = server.put_ok(server.sealed(300), ttl=4)["blob"]
    let_pass(1, "a quarter of its life")
    (reaper,) = (pid for pid in server.children(server.proc.pid) if "reaper" in server.title(pid))
    os.kill(reaper, signal.SIGKILL)
    clock.set(-HOUR)
    wait_for(lambda: physically_gone(server, old), "it is gone", 10)
    assert 3 < time.monotonic() - began < 4 + SLOW


def test_clock_set_forward_an_hour_ends_early_and_goes_on(clocked):
    """What is due by the new clock goes at once; uploads live as long as they should; and when the
    clock is put right, still."""
    server, clock = clocked
    body = server.sealed(300)
    half, day = (server.put_ok(body, ttl=ttl)["blob"] for ttl in (HOUR // 2, 86400))
    clock.set(HOUR)
    wait_for(lambda: physically_gone(server, half), "it is gone", 3)
    for shift in (HOUR, 0):
        clock.set(shift)
        let_pass(1.2, "the server has seen the new clock for a second")
        began = time.monotonic()
        new = server.put_ok(body, ttl=2)["blob"]
        let_pass(1, "half of its life")
        assert server.stat(new).json()["state"] == "live" and server.chunks(new)
        wait_for(lambda b=new: physically_gone(server, b), "it is gone in time", 5)
        assert time.monotonic() - began < 2 + SLOW
    assert server.take(day).body == body
    wait_for(
        lambda: [
            e for e in server.log() if e["event"] == "store-clock" and "forward" in e["detail"]
        ],
        "a line of it in the log",
        3,
    )
