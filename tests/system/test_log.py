"""The log: the server does not wait for its reader, says how many lines were lost, and opens the
file again when it was rotated."""
import json
import os
import pty
import signal
import socket
import subprocess
import time

import pytest

from configured import Configured, free_port, pki  # noqa: F401  pylint: disable=unused-import
from harness import BIN, SLOW, wait_for

DROPPED = "timeglas_log_lines_dropped_total"


def stuck_pipe():
    return os.pipe()


def stuck_terminal():
    return pty.openpty()


def stuck_socket():
    return tuple(s.detach() for s in socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM))


def fill(fd):
    """Until it takes nothing more, without a change to how others write to it."""
    try:
        own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # a socket
        with socket.socket(fileno=os.dup(fd)) as s:
            try:
                while s.send(b"x" * 4095 + b"\n", socket.MSG_DONTWAIT):
                    pass
            except BlockingIOError:
                return
    try:
        for size in (4096, 1):
            try:
                while os.write(own, b"x" * (size - 1) + b"\n"):
                    pass
            except BlockingIOError:
                pass
    finally:
        os.close(own)


@pytest.mark.parametrize("kind", [stuck_pipe, stuck_terminal, stuck_socket])
def test_a_log_that_nobody_reads_stops_nobody(kind, pki, tmp_path):  # noqa: F811
    """stderr takes nothing more (a full pipe, a terminal that stands, a full socket): requests are
    answered, a worker that dies is replaced, SIGTERM ends the server."""
    reader, writer = kind() if kind is not stuck_terminal else pty.openpty()
    server = Configured(pki, tmp_path).start(stderr=writer)
    try:
        fill(writer)
        for _ in range(8):
            assert server.call("GET", "/v1/policy").status == 200
        old = set(server.workers())
        os.kill(min(old), signal.SIGKILL)
        wait_for(
            lambda: len(server.workers()) == 2 and set(server.workers()) != old, "another worker", 5
        )
        wait_for(lambda: server.admin("/readyz")[0] == 200, "it is ready", 5)
        began = time.monotonic()
        server.stop(descriptors=False)
        assert time.monotonic() - began < 6 * SLOW
    finally:
        server.kill()
        os.close(reader)
        os.close(writer)


def test_dropped_lines_are_counted_and_told(launch, tmp_path):
    """More lines than fit while nobody reads: the metric counts them, and a line says how many once
    somebody does. Every line that came through is whole."""
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    server = launch(workers=2, options=[("server.log", str(fifo))])
    text = b""
    with server.connect() as conn:
        for _ in range(200):
            if server.metric(DROPPED) > 0:
                break
            conn.send(conn.head("GET", "/v1/policy") * 200)
            assert all(conn.response().status == 200 for _ in range(200))
    dropped = server.metric(DROPPED)
    assert dropped > 0

    def told():
        nonlocal text
        try:
            text += os.read(reader, 1 << 20)
        except BlockingIOError:
            pass
        return [line for line in text.splitlines() if b'"log-dropped"' in line]

    line = json.loads(wait_for(told, "what was dropped is told", 5)[0])
    assert line["process"] == "logger" and int(
        line["detail"].split()[0]
    ) == dropped == server.metric(DROPPED)
    for line in text[: text.rindex(b"\n")].splitlines():
        json.loads(line)
    os.close(reader)


def test_sighup_opens_the_log_anew(launch, tmp_path):
    """Who rotates the log renames the file and sends SIGHUP: every process writes into the new one,
    and none into the old."""
    path, old = tmp_path / "t.log", tmp_path / "t.log.1"
    server = launch(workers=2, options=[("server.log", str(path))])
    path.rename(old)
    server.proc.send_signal(signal.SIGHUP)
    wait_for(lambda: path.exists() and '"event":"log"' in path.read_text(), "a new file", 5)
    server.call("GET", "/v1/policy")
    wait_for(
        lambda: "GET /v1/policy" in path.read_text(),
        "the request's line, which a worker that is killed would take along",
        5,
    )
    os.kill(server.workers()[0], signal.SIGKILL)

    def processes():
        return {json.loads(line)["process"] for line in path.read_text().splitlines()}

    wait_for(
        lambda: "master" in processes() and any(p.startswith("worker") for p in processes()),
        lambda: f"all write there: {processes()}",
        5,
    )
    size = old.stat().st_size
    for _ in range(4):
        server.call("GET", "/v1/policy")
    wait_for(lambda: path.read_text().count("GET /v1/policy") >= 5, "the requests' lines", 5)
    assert old.stat().st_size == size and old.read_text().endswith("\n")
    # A logger that is replaced goes on with the new file, not with that of the start.
    (logger,) = [pid for pid in server.children(server.proc.pid) if "logger" in server.title(pid)]
    os.kill(logger, signal.SIGKILL)
    wait_for(
        lambda: [
            pid
            for pid in server.children(server.proc.pid)
            if "logger" in server.title(pid) and pid != logger
        ],
        "another logger",
        5,
    )
    for _ in range(3):
        server.call("GET", "/v1/policy")
    wait_for(lambda: path.read_text().count("GET /v1/policy") >= 8, "the requests' lines", 5)
    assert old.stat().st_size == size


def test_a_store_that_is_not_there_is_named(pki, tmp_path):  # noqa: F811
    """Address and reason stand in the log, and nothing of the password."""
    c, port, log = Configured(pki, tmp_path), free_port(), tmp_path / "stderr"
    c.write(f"[store]\nurl = redis://someone:hunter2@127.0.0.1:{port}")
    with open(log, "wb") as err:
        server = subprocess.Popen(
            [BIN / "timeglasd", "-c", c.file], stdin=subprocess.DEVNULL, stderr=err
        )
    try:
        wait_for(
            lambda: f"127.0.0.1 port {port} is lost: connection error: Connection refused"
            in log.read_text(),
            lambda: log.read_text(),
            5,
        )
        server.send_signal(signal.SIGTERM)
        server.wait(10 * SLOW)
    finally:
        server.kill()
        server.wait()
    assert "hunter2" not in log.read_text()
