"""Processes that die or hang are replaced. The new ones use the last certificates and
configuration that were good, and no client waits for them."""
import os
import re
import signal
import subprocess
import time

import pytest

import memory_search
from harness import SANITIZED, SLOW, wait_for
from test_config import QUIET, Configured, pki  # noqa: F401


def process(server, name):
    pids = [
        p for p in server.children(server.proc.pid) if re.search(rf"\b{name}\b", server.title(p))
    ]
    return pids[0] if pids else None


def answered(server, n=20, within=3.0):
    """How many of n new connections get an answer in time."""
    got = 0
    for _ in range(n):
        with server.connect("operator") as conn:
            conn.sock.settimeout(within * SLOW)
            got += conn.request("GET", "/v1/policy").status == 200
    return got


@pytest.fixture
def own(pki, tmp_path):  # noqa: F811
    """A configured server whose certificate files are its own."""
    for name in (
        "server.pem",
        "server.key",
        "ca.pem",
        *(
            f"{p}.{e}"
            for p in ("uploader", "other", "verifier", "processor", "operator")
            for e in ("pem", "key")
        ),
    ):
        (tmp_path / name).write_bytes((pki / name).read_bytes())
        os.chmod(tmp_path / name, 0o600)
    c = Configured(tmp_path, tmp_path)
    server = c.start()
    try:
        yield c
        server.stop()
    finally:
        server.kill()


def test_a_worker_that_dies_comes_back_without_its_files(own):
    """Certificate, key and authorities are unusable: a worker that dies is replaced by one that
    serves with the last good ones, and every connection is answered."""
    server = own.server
    assert answered(server, 1) == 1  # the client has read its own files
    for name in ("server.pem", "server.key", "ca.pem"):
        (own.pki / name).write_text("not PEM\n")
    for _ in range(2):
        old = set(server.workers())
        os.kill(min(old), signal.SIGKILL)
        assert answered(server) == 20
        wait_for(
            lambda o=old: len(server.workers()) == 2 and set(server.workers()) != o,
            "another worker",
            5,
        )
    assert server.metric("timeglas_store_up") >= 3, "both workers and the reaper serve"
    server.proc.send_signal(signal.SIGHUP)
    said = wait_for(
        lambda: [e for e in server.log() if e["event"] == "reload" and e["level"] == "error"],
        "the reload is refused",
        5,
    )
    assert {e["process"] for e in said} == {"master"} and "nothing has changed" in said[0]["detail"]
    assert answered(server, 6) == 6


def test_a_reload_is_whole_or_not_at_all(own):
    """A file that is right, with a key that is not: the peer that it removes stays, in every worker
    and in one that is started then. With the key it goes, everywhere."""
    server = own.server
    key = (own.pki / "server.key").read_bytes()
    subprocess.run(
        [
            "openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
            own.pki / "server.key",
        ],
        **QUIET,
    )
    operator = own.peers.pop("operator")
    own.write()
    server.proc.send_signal(signal.SIGHUP)
    wait_for(
        lambda: [e for e in server.log() if e["event"] == "reload" and e["level"] == "error"],
        "the reload is refused",
        5,
    )
    assert answered(server, 8) == 8
    old = set(server.workers())
    os.kill(min(old), signal.SIGKILL)
    wait_for(
        lambda: len(server.workers()) == 2 and set(server.workers()) != old, "another worker", 5
    )
    assert answered(server, 8) == 8
    (own.pki / "server.key").write_bytes(key)
    own.reload()
    assert {server.call("GET", "/v1/policy", "operator").status for _ in range(8)} == {403}
    own.peers["operator"] = operator
    own.write()
    own.reload()


def test_what_only_a_restart_changes_is_said(own):
    """listen and workers have other values in the file: the log names both, and the old ones
    stay."""
    server = own.server
    text = own.file.read_text()
    own.file.write_text(
        text.replace("workers = 2", "workers = 3").replace(
            f"listen = 127.0.0.1:{own.port}", "listen = 127.0.0.1:1"
        )
    )
    own.reload()
    (said,) = [e["detail"] for e in server.log() if e["event"] == "reload" and e["level"] == "warn"]
    assert "listen, workers;" in said and "restart" in said, said
    own.file.write_text(text)
    own.reload()
    assert len([e for e in server.log() if e["event"] == "reload" and e["level"] == "warn"]) == 1
    assert answered(server, 2) == 2


def test_a_dead_workers_socket_takes_nobodys_connection(launch):
    """A worker has died and cannot be replaced (the master stands still): the other one takes what
    the kernel gives to its socket."""
    server = launch(workers=2)
    os.kill(server.proc.pid, signal.SIGSTOP)
    try:
        os.kill(min(server.workers()), signal.SIGKILL)
        assert answered(server) == 20
    finally:
        os.kill(server.proc.pid, signal.SIGCONT)
    wait_for(lambda: len(server.workers()) == 2, "another worker", 5)


def test_what_hangs_is_replaced(launch):
    """A worker, the reaper and the admin process are stopped: new connections are answered at once
    by the other worker, and within 4 s all three are replaced; what fell due meanwhile is
    erased."""
    server = launch(workers=2)
    blob = server.put_ok(server.sealed(300), ttl=1)
    stopped = {name: process(server, name) for name in ("worker-0", "reaper", "admin")}
    began = time.monotonic()
    for pid in stopped.values():
        os.kill(pid, signal.SIGSTOP)
    assert answered(server, 12) == 12
    wait_for(lambda: not any(server.alive(p) for p in stopped.values()), "they are killed", 5)
    wait_for(lambda: all(process(server, name) for name in stopped), "and replaced", 3)
    (gone,) = server.evidence("gone", tag=blob["tag"])
    assert gone["cause"] == "expired" and gone["late_us"] < 4_000_000 * SLOW, gone
    took = time.monotonic() - began
    assert took < 6 * SLOW, took
    assert (
        len(
            [
                e
                for e in server.log()
                if e["event"] == "child-hung" and "stopped by a signal" in e["detail"]
            ]
        )
        == 3
    )
    wait_for(lambda: server.admin("/readyz")[0] == 200, "it is ready", 5)


@pytest.mark.slow
def test_a_store_that_hangs_is_replaced(launch):
    """The embedded Redis is stopped: it is killed with what it holds, and another one serves."""
    server = launch(workers=1)
    old = int(server.env["TIMEGLAS_REDIS_PID"])
    blob = server.put_ok(server.sealed(300))["blob"]
    os.kill(old, signal.SIGSTOP)
    wait_for(lambda: not server.alive(old), "it is killed", 12)
    wait_for(lambda: server.admin("/readyz")[0] == 200, "another one serves", 10)
    assert server.take(blob).status == 404 and server.put(server.sealed(300)).status == 201


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's shadow memory is too large to search")
def test_the_key_of_tls_stands_in_master_and_workers_alone(own, tmp_path):
    """Whoever else of us is broken into has no key to give: also not the process that tidies up,
    nor those that a reload came by."""
    server = own.server
    own.reload()
    master, workers = server.proc.pid, server.workers()
    others = [pid for pid in server.descendants() if pid not in workers and pid != master]
    assert any("tidy" in server.title(pid) for pid in others) and len(others) >= 6
    text = (own.pki / "server.key").read_bytes().splitlines()[1]
    found = memory_search.search(
        memory_search.build(tmp_path),
        [master, *workers, *others],
        [text[i : i + 16] for i in (0, 16, 32)],
    )
    assert all(found[pid] for pid in [master, *workers]), "the search finds what is there"
    assert not [server.title(pid) for pid in others if found[pid]]
