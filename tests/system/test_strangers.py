"""Clients that are no peers take no connection away from peers. The log says what they do, in
words, and not for each of them."""
import os
import resource
import signal
import socket
import ssl

import pytest

from harness import Server, wait_for
from problems import check_problem
from test_refusals import dev_ca, make_certificate
from wire import Closed


def test_silent_connections_take_no_peers_place(tmp_path):
    """120 silent connections where 40 are allowed: a peer that was there goes on, another one gets
    in, and a stranger is told."""
    server = Server(workers=1, options=[("limits.max_connections", 40), ("limits.max_unknown", 16)])
    try:
        with server.connect("verifier") as there:
            assert there.request("GET", "/v1/policy").status == 200
            silent = [socket.create_connection(server.address) for _ in range(120)]
            try:
                assert there.request("GET", "/v1/policy").status == 200
                assert server.call("GET", "/v1/policy").status == 200
                stranger = make_certificate(tmp_path, dev_ca(server))
                with server.connect(stranger) as conn:
                    check_problem(conn.request("GET", "/v1/policy"), 403, "unknown-peer")
                    try:
                        conn.request("GET", "/v1/policy")
                        raise AssertionError("a stranger got a second answer")
                    except (Closed, OSError):
                        pass
            finally:
                for s in silent:
                    s.close()
        lines = wait_for(
            lambda: [e for e in server.log() if e["event"] == "connection-made-room"], "a line"
        )
        assert "127.0.0.1" in lines[0]["detail"] and len(lines) < 10
        server.stop()
    finally:
        server.kill()


def test_refused_handshakes_stand_in_the_log_once_a_second(server):
    """50 clients without TLS: at most a few lines, which count them and name the last one's
    address."""

    def lines():
        return [e["detail"] for e in server.log() if e["event"] == "tls-refused"]

    before = len(lines())  # of other tests' clients
    for _ in range(50):
        with socket.create_connection(server.address) as s:
            s.sendall(b"GET / HTTP/1.1\r\n\r\n")
            try:
                s.recv(100)
            except ConnectionResetError:
                pass
    told = wait_for(
        lambda: any(
            "of them" in line and ("TLS" in line or "request" in line) for line in lines()[before:]
        )
        and lines()[before:],
        lines,
    )
    assert all("127.0.0.1: " in line for line in told), told
    assert len(told) < 20


def held_handshake(server):
    """A connection whose handshake lacks its last flight, and that flight."""
    sock = socket.create_connection(server.address)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = server.context("uploader").wrap_bio(
        incoming, outgoing, server_hostname=server.address[0]
    )
    while True:
        try:
            tls.do_handshake()
            return sock, outgoing.read()
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))


def leave_no_descriptors(server, worker, count):
    """The worker can open `count` more, and no more."""
    most = server.descriptors(worker) + count
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (most, most))


@pytest.mark.parametrize("short_of", ["places", "descriptors"])
def test_a_handshake_that_makes_room_may_be_completed_in_the_same_turn(launch, short_of):
    """The oldest handshake was ended to make room for a new connection, and its last flight came
    before the worker had freed it: that ended the worker, with every client's request in it."""
    most = 16 if short_of == "places" else 1024
    server = launch(workers=1, options=[("limits.max_unknown", most)])
    (worker,) = server.workers()
    if short_of == "descriptors":
        leave_no_descriptors(server, worker, 4)
    idle = server.descriptors(worker)
    for _ in range(5):
        wait_for(lambda: server.descriptors(worker) <= idle, "the connections before have gone", 10)
        held = [held_handshake(server) for _ in range(4)]
        os.kill(worker, signal.SIGSTOP)  # so that all of it comes in one turn
        late = socket.create_connection(server.address)
        for sock, flight in held:
            sock.sendall(flight)
        os.kill(worker, signal.SIGCONT)
        wait_for(lambda s=late: server.call("GET", "/v1/policy").status == 200, "it serves", 10)
        for sock in [late, *(sock for sock, _ in held)]:
            sock.close()
        assert server.workers() == [worker]
