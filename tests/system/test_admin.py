"""The admin plane with hostile clients, and with no descriptors left: it still answers in time, and
uses next to no processor time."""
import contextlib
import json
import os
import re
import resource
import select
import socket
import time

from harness import SLOW, let_pass, wait_for

CONNECTIONS_MAX = 64
HEAD_S = 5
TICKS = os.sysconf("SC_CLK_TCK")


def admin_pid(server):
    return next(
        pid
        for pid in server.children(server.proc.pid)
        if re.search(r"\badmin\b", server.title(pid))
    )


def address(server):
    host, port = server.env["TIMEGLAS_ADMIN_URL"].removeprefix("http://").rsplit(":", 1)
    return host, int(port)


def dial(server):
    return socket.create_connection(address(server), timeout=10 * SLOW)


def until_closed(sock):
    """All that comes."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            got += piece
    return got


def ask(server, text):
    """What raw bytes are answered with, once their writer says that it is done."""
    with dial(server) as sock:
        sock.sendall(text)
        sock.shutdown(socket.SHUT_WR)
        return until_closed(sock)


def get(path="/healthz", host="localhost", method="GET", more=""):
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode()


def cpu_s(pid):
    """Processor time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def closed(sock):
    """Has the server ended it?"""
    if not select.select([sock], [], [], 0)[0]:
        return False
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except ConnectionError:
        return True


def test_dripped_heads_end_in_time_and_others_are_answered(launch):
    """90 heads, a byte each 100 ms: at most 64 stand, none for longer than a head may take;
    /healthz is answered all the while."""
    server = launch(workers=1)
    pid = admin_pid(server)
    before, began, worst = cpu_s(pid), time.monotonic(), 0
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(dial(server)) for _ in range(90)]
        wait_for(lambda: sum(map(closed, socks)) >= 90 - CONNECTIONS_MAX, "the oldest went", 3)
        assert all(map(closed, socks[: 90 - CONNECTIONS_MAX])), "and none but the oldest"
        while time.monotonic() < began + HEAD_S + 2 * SLOW and not all(map(closed, socks)):
            for sock in socks:
                with contextlib.suppress(ConnectionError):
                    sock.send(b"G")
            asked = time.monotonic()
            assert server.admin("/healthz")[0] == 200
            worst = max(worst, time.monotonic() - asked)
            let_pass(0.1, "the rhythm of the clients that hold on")
        left = sum(not closed(s) for s in socks)
    used = cpu_s(pid) - before
    assert left == 0, f"{left} of 90 still stand after {time.monotonic() - began:.1f} s"
    assert worst < 0.5 * SLOW and used < 1.0 * SLOW, (worst, used)


def test_used_up_descriptors_cost_nothing_and_others_are_answered(launch):
    """No descriptor is left for who comes next: the oldest goes, a line says so, nothing spins."""
    server = launch(workers=1)
    pid = admin_pid(server)
    spare = 8
    highest = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
    gaps = highest + 1 - server.descriptors(pid)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1 + spare, highest + 1 + spare))
    room = spare + gaps
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(dial(server)) for _ in range(4 * room)]
        for _ in range(
            3
        ):  # it has seen them all: what is measured then is what it costs that they stand there
            server.admin("/healthz")
        before, size, began = (
            cpu_s(pid),
            len(server.log_text()) + len(server.stderr()),
            time.monotonic(),
        )
        for _ in range(10):
            assert server.admin("/healthz")[0] == 200
            let_pass(0.1, "processor time is measured over a second")
        used, span = cpu_s(pid) - before, time.monotonic() - began
        assert sum(not closed(s) for s in socks) <= room
        assert used < 0.2 * SLOW * span, f"{used:.2f} s of processor time in {span:.2f} s"
        assert len(server.log_text()) + len(server.stderr()) - size < 5000
    lines = [e for e in server.log() if "no descriptor is left" in e.get("detail", "")]
    assert len(lines) == 1 and "LimitNOFILE" in lines[0]["detail"], lines


def test_another_host_is_refused(server):
    """A page whose own name points to 127.0.0.1 (DNS rebinding) reads nothing here."""
    port = address(server)[1]
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "localhost.evil.example",
        f"192.0.2.1:{port}",
    ):
        for path in ("/metrics", "/readyz", "/healthz", "/nowhere"):
            answer = ask(server, get(path, host))
            assert answer.startswith(b"HTTP/1.1 421 Misdirected Request\r\n"), answer
            assert b"timeglas_" not in answer and b"Host: localhost" in answer
    for host in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", "[::1]:9", "127.0.0.1"):
        assert ask(server, get("/metrics", host)).startswith(b"HTTP/1.1 200 OK\r\n"), host


def test_requests_follow_each_other_on_one_connection(server):
    """Keep-alive and pipelining, in order; HEAD tells the length and sends no content."""
    answers = ask(
        server,
        get()
        + get(method="HEAD")
        + get("/nowhere")
        + get("/readyz?verbose")
        + get(more="Connection: close\r\n")
        + get(),
    )
    assert re.findall(rb"HTTP/1\.1 (\d+)", answers) == [
        b"200", b"200", b"404", b"200", b"200",
    ], answers
    assert answers.count(b"Content-Length: 3\r\n") == 3 and answers.count(b"\r\n\r\nok\n") == 2
    assert answers.count(b"Connection: close") == 1
    with dial(server) as sock:
        for path, kind in (
            ("/healthz", b"text/plain"),
            ("/readyz", b"application/json"),
            ("/metrics", b"version=0.0.4"),
        ) * 20:
            sock.sendall(get(path, method="HEAD"))
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += sock.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and kind in answer, answer


def test_what_is_no_plain_get_is_refused(server):
    """Other methods, content, other versions, heads without an end: a status that says what would
    do, and an end."""
    cases = [
        (get(method="POST"), 405),
        (get(method="DELETE"), 405),
        (get(method="OPTIONS"), 405),
        (get(method="PUT", more="Content-Length: 3\r\n") + b"abc", 405),
        (get(more="Content-Length: 3\r\n") + b"abc", 413),
        (get(more="Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n", 413),
        (b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", 505),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (get(more="Host: localhost\r\n"), 400),
        (b"\0\1\2", 400),
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 17000, 431),
    ]
    for text, status in cases:
        answer = ask(server, text)
        assert answer.startswith(b"HTTP/1.1 %d " % status), (text[:60], answer)
        assert answer.endswith(b"\n") and len(answer.split(b"\r\n\r\n", 1)[1]) > 10, answer
    assert b"Allow: GET, HEAD\r\n" in ask(server, get(method="POST"))
    with dial(server) as sock:  # the answer reaches one who goes on sending
        sock.sendall(get(method="PUT", more="Content-Length: 10000000\r\n"))
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                sock.sendall(bytes(100_000))
        assert until_closed(sock).startswith(b"HTTP/1.1 405 ")


def test_no_descriptor_is_lost(launch):
    """Connections that end in any way leave nothing behind, and the process goes when it is told
    to."""
    server = launch(workers=1)
    pid = admin_pid(server)
    start = server.descriptors(pid)
    for text in (
        b"", b"GET /healthz", get(), get(host="evil.example"), b"\0",
        get(method="POST", more="Content-Length: 9\r\n"),
    ):
        for abrupt in (False, True):
            with dial(server) as sock:
                sock.sendall(text)
                if abrupt:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_for(
        lambda: server.descriptors(pid) == start, lambda: f"{start} again: {server.fd_list(pid)}", 5
    )
    assert json.loads(server.admin("/readyz")[1])["ready"] is True
