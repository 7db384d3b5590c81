"""Slow and silent clients are disconnected in time, and nobody else waits for them."""
import socket
import time

import pytest

import harness
from harness import SLOW, wait_for
from problems import check_problem
from wire import Closed

SHORT = [
    ("limits.head_timeout_s", 1), ("limits.body_idle_s", 1), ("limits.send_idle_s", 1),
    ("limits.idle_timeout_s", 2), ("limits.handshake_timeout_s", 1), ("limits.max_blob", "21MiB"),
]


@pytest.fixture(scope="module")
def hasty():
    """A server with timeouts of one second; one worker, so that everybody meets."""
    server = harness.Server(workers=1, options=SHORT)
    try:
        yield server
        server.stop()
    finally:
        server.kill()


@pytest.fixture
def others(hasty):
    """Meanwhile, others are served: checks that a whole put and take works, and quickly."""

    def check():
        began = time.monotonic()
        blob = hasty.put_ok(hasty.sealed(3000))["blob"]
        assert hasty.take(blob).status == 200
        assert time.monotonic() - began < 0.8 * SLOW, "others are served meanwhile"

    return check


def refused_in_time(conn, began, least, most):
    answer = conn.response()
    check_problem(answer, 408, "timeout")
    assert least <= time.monotonic() - began <= most * SLOW
    assert conn.ended()


def test_head_that_does_not_end_is_408(hasty, others):
    """A request's head must be whole within head_timeout_s of its first byte; a trickle does not
    extend it."""
    with hasty.connect() as conn:
        conn.send(b"GET /v1/policy HTTP/1.1\r\n")
        began = time.monotonic()
        others()
        while not conn.readable(0.25) and time.monotonic() - began < 10:
            conn.send(b"X-Slow: 1\r\n")
        refused_in_time(conn, began, 0.9, 3)


@pytest.mark.parametrize("method, target", [("GET", "/v1/policy"), ("POST", "/v1/sessions")])
def test_small_content_that_drips_is_408(hasty, others, method, target):
    """What a call takes as JSON, or not at all, must be whole within head_timeout_s: bytes that
    come one by one extend nothing."""
    with hasty.connect() as conn:
        conn.send(conn.head(method, target, [("Content-Length", "1000")]))
        began = time.monotonic()
        others()
        while not conn.readable(0.25) and time.monotonic() - began < 10:
            conn.send(b" ")
        refused_in_time(conn, began, 0.9, 3)


def test_body_that_stops_is_408_and_leaves_nothing(hasty, others):
    """An upload from which nothing comes for body_idle_s ends, and what it had staged is erased."""
    with hasty.connect() as conn:
        began = time.monotonic()
        conn.send(hasty.upload_head(900_000) + hasty.sealed(900_000)[:400_000])
        wait_for(lambda: hasty.chunks(), "chunks are staged", 3)
        others()
        refused_in_time(conn, began, 0.9, 3)
    wait_for(lambda: not hasty.chunks(), "nothing is left", 3)


def test_body_that_trickles_is_served(hasty):
    """Slow is allowed, silent is not: an upload slower than body_idle_s in all, never silent that
    long, succeeds."""
    body = hasty.sealed(2000)
    with hasty.connect() as conn:
        conn.send(hasty.upload_head(len(body)))
        step = len(body) // 6 + 1
        for at in range(0, len(body), step):
            conn.send(body[at : at + step])
            assert not conn.readable(0.35) or at + step >= len(body)
        answer = conn.response()
    assert answer.status == 201, answer
    assert hasty.take(answer.json()["blob"]).body == body


def test_reader_that_does_not_read_is_cut_off(hasty, others):
    """A take of which nothing is read for send_idle_s is closed and ends as consumed; nothing is
    left."""
    blob = hasty.put_ok(hasty.sealed(20_000_000))["blob"]
    with hasty.connect("verifier", rcvbuf=32768) as conn:
        conn.send(conn.head("POST", f"/v1/blobs/{blob}/take"))
        assert conn.response_head()[0] == 200
        others()
        wait_for(lambda: not hasty.chunks(blob), "it is cut off, and the rest erased", 8)
        with pytest.raises((Closed, OSError)):
            conn.content([("Content-Length", str(len(hasty.sealed(20_000_000))))])
    check_problem(hasty.take(blob), 410, "gone", "consumed")


def test_idle_connection_is_closed(hasty):
    """Between requests a connection may rest for idle_timeout_s, and is then closed without a
    word."""
    with hasty.connect() as conn:
        assert conn.request("GET", "/v1/policy").status == 200
        began = time.monotonic()
        assert conn.ended()
        assert 1.8 <= time.monotonic() - began <= 5 * SLOW


def test_connection_without_a_handshake_is_closed(hasty, others):
    """A TCP connection that never speaks TLS is closed after handshake_timeout_s."""
    with socket.create_connection(hasty.address, timeout=10 * SLOW) as sock:
        began = time.monotonic()
        others()
        try:
            assert sock.recv(100) == b""
        except ConnectionResetError:
            pass
        assert 0.9 <= time.monotonic() - began <= 4 * SLOW


def test_chunked_upload_over_max_blob_is_413(hasty):
    """Where no length is declared, the limit is kept while bytes come in, and what was staged is
    erased."""
    body = b"".join([hasty.sealed(20_000_000), b"\0" * 3_000_000])
    answer = hasty.put(body, chunked=60_000)
    check_problem(answer, 413, "too-large")
    wait_for(lambda: not hasty.chunks(), "nothing is left", 3)
