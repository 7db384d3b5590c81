"""Fixtures of the system tests: one shared server, and a factory for tests that need one of their
own.

`server`: two workers with the defaults, shared by the whole run. `launch(workers=…,
options=[("limits.max_blob", "1MiB")])`: a server of the test's own. Both are stopped strictly
(harness.py). The binaries come from TIMEGLAS_BIN_DIR (build/release unless set)."""
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import harness  # noqa: E402
from redis_store import Store  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes over ten seconds of waiting")
    config.addinivalue_line(
        "markers", "long: floods, large stores, long faults: left to `make test-all`"
    )


@pytest.fixture(scope="session", autouse=True)
def nothing_left_in_tmp(tmp_path_factory):
    """Throwaway keys and evidence do not outlive the run."""
    yield
    shutil.rmtree(tmp_path_factory.getbasetemp(), ignore_errors=True)


@pytest.fixture(scope="session")
def server():
    s = harness.Server(workers=2)
    try:
        yield s
        s.stop()
    finally:
        s.kill()


@pytest.fixture
def launch():
    """launch(...) starts a Server; each that the test has not stopped itself is stopped, strictly,
    at its end."""
    started = []

    def start(**options):
        started.append(harness.Server(**options))
        return started[-1]

    try:
        yield start
        for s in started:
            if not s.exit_checked:
                s.stop()
    finally:
        for s in started:
            s.kill()


@pytest.fixture
def store():
    """store(option…) starts one; all are ended after the test, whose servers have stopped by
    then."""
    started = []

    def start(*options, env=None):
        started.append(Store(*options, env=env))
        return started[-1]

    yield start
    for s in started:
        s.stop()


@pytest.fixture(scope="session")
def abandoned():
    """(server, moment): one whose worker was killed at that moment, in the middle of an upload.
    What it left behind is looked at half a minute later, by a test that runs last, so that nobody
    waits for it."""
    s = harness.Server(workers=1)
    try:
        conn = s.connect()
        conn.send(s.upload_head(900_000) + s.sealed(900_000)[:500_000])
        harness.wait_for(lambda: s.chunks(), "a chunk is staged", 5)
        (worker,) = s.workers()
        os.kill(worker, signal.SIGKILL)
        yield s, time.monotonic()
        s.stop()
    finally:
        s.kill()


def pytest_collection_modifyitems(items):
    items.sort(
        key=lambda item: item.get_closest_marker("slow") is not None
    )  # a stable sort: slow ones last


@pytest.fixture
def nothing_new(server):
    """A check that the store holds nothing that it did not hold when the test began (outbox events
    aside)."""
    before = server.store_lines()

    def check():
        harness.wait_for(
            lambda: not server.store_lines() - before,
            lambda: f"nothing left in the store: {sorted(server.store_lines() - before)[:8]}",
            4,
        )

    return check
