"""Starting, stopping, reloading, running full, losing the store."""
import collections
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from harness import BIN, PEERS, SLOW, wait_for
from problems import ERRORS, check_problem
from wire import Closed


def try_call(server, *args, **options):
    """The answer, or None while nobody listens."""
    try:
        return server.call(*args, **options)
    except (OSError, Closed):
        return None


def test_dev_environment_is_complete_and_private(server):
    """DIR/env has what the contract names, as a shell reads it; keys are for their owner alone."""
    names = {
        "URL", "ADMIN_URL", "CA", "RECIPIENT", "IDENTITY", "SIGNING_KEY", "SENDER", "REDIS_SOCKET",
        "REDIS_PID", "PID", "AUDIT_LOG",
    } | {f"{peer.upper()}_{part}" for peer in PEERS for part in ("CERT", "KEY")}
    assert {f"TIMEGLAS_{n}" for n in names} <= set(server.env), names
    assert server.ready_line == f"ready {server.url}" and server.url.startswith(
        "https://127.0.0.1:"
    )
    assert server.env["TIMEGLAS_RECIPIENT"].startswith("age1")
    assert int(server.env["TIMEGLAS_PID"]) == server.proc.pid
    for name in ("UPLOADER_KEY", "VERIFIER_KEY", "IDENTITY", "SIGNING_KEY"):
        assert os.stat(server.env["TIMEGLAS_" + name]).st_mode & 0o077 == 0, name
    socket_dir = os.path.dirname(server.env["TIMEGLAS_REDIS_SOCKET"])
    assert os.stat(socket_dir).st_mode & 0o077 == 0, "the store's socket lies in a 0700 directory"
    assert len(server.env["TIMEGLAS_REDIS_SOCKET"]) <= 107


def test_embedded_store_is_volatile_and_never_evicts(server):
    """No persistence of any kind, and noeviction under a maxmemory."""
    info = dict(
        line.strip().split(":", 1) for line in server.redis("INFO").splitlines() if ":" in line
    )
    assert info["aof_enabled"] == "0" and info["rdb_bgsave_in_progress"] == "0"
    assert info["maxmemory_policy"] == "noeviction" and int(info["maxmemory"]) > 0
    config = server.redis("CONFIG", "GET", "save").splitlines()
    assert config in (["save"], ["save", ""]), config
    assert int(server.env["TIMEGLAS_REDIS_PID"]) in server.descendants()


def test_sigterm_in_dev_ends_at_once(launch):
    """drain_s is 0: blobs that are live do not hold it up, nothing is left running."""
    server = launch(workers=2)
    server.put_ok(server.sealed(1000))
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 5 * SLOW


def test_drain_finishes_transfers_and_serves_fetches(launch):
    """SIGTERM: uploads under way are finished, new ones refused with 503, fetches served until
    nothing is live; exit 0."""
    server = launch(workers=2, options=[("server.drain_s", 60)])
    body = server.sealed(600_000)
    waiting = server.put_ok(body)["blob"]
    family = server.descendants()
    with server.connect() as upload, server.connect("verifier", rcvbuf=65536) as reader:
        big = server.put_ok(server.sealed(20_000_000))["blob"]
        upload.send(server.upload_head(len(body)) + body[:400_000])
        reader.send(reader.head("POST", f"/v1/blobs/{big}/take"))
        _, _, fields = reader.response_head()
        wait_for(lambda: server.metric("timeglas_uploads") == 1, "the upload is under way")
        server.proc.send_signal(signal.SIGTERM)
        wait_for(
            lambda: server.call("POST", "/v1/sessions").status == 503, "it drains", 5
        )  # a blob let in would keep it
        check_problem(server.put(server.sealed(100)), 503, "draining")
        check_problem(server.call("POST", "/v1/sessions"), 503, "draining")
        upload.send(body[400_000:])
        answer = upload.response()
        assert answer.status == 201, answer
        assert reader.content(fields) == server.sealed(20_000_000)
    late = answer.json()["blob"]
    assert server.proc.poll() is None, "two blobs are live"
    assert server.take(waiting).body == body
    assert server.take(late, "verifier2").body == body
    server.check_gone(server.proc.wait(20 * SLOW), family)


def test_drain_ends_with_its_time(launch):
    """What nobody fetches does not keep it for ever: drain_s is the bound."""
    server = launch(workers=1, options=[("server.drain_s", 2)])
    server.put_ok(server.sealed(1000))
    family = server.descendants()
    began = time.monotonic()
    server.proc.send_signal(signal.SIGTERM)
    status = server.proc.wait(15 * SLOW)
    assert 1.0 < time.monotonic() - began < 7 * SLOW
    server.check_gone(status, family)


@pytest.mark.parametrize("sig", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_while_it_starts_is_taken_when_it_has_started(tmp_path, sig):
    """Before the master took its signals itself, one of them ended it as it stood, and left what it
    had made."""
    argv = [str(BIN / "timeglasd"), "--dev", str(tmp_path / "d"), "--workers", "1"]
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ, TMPDIR=str(tmp_path)),
    ) as server:
        wait_for((tmp_path / "d").exists, "it has begun", every=0.001)
        server.send_signal(sig)
        if sig == signal.SIGHUP:
            assert server.stdout.readline().startswith(b"ready https://")
            server.terminate()
        assert server.wait(20 * SLOW) in (0, 1), "it ended by itself"
        assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_sighup_keeps_connections_and_transfers(launch):
    """A reload drops nobody: an idle connection goes on, and an upload under way is finished."""
    server = launch(workers=2)
    body = server.sealed(600_000)
    workers = server.workers()
    with server.connect() as idle, server.connect() as upload:
        assert idle.request("GET", "/v1/policy").status == 200
        upload.send(server.upload_head(len(body)) + body[:400_000])
        wait_for(lambda: server.chunks(), "the upload is under way")
        lines = len(server.log())
        server.proc.send_signal(signal.SIGHUP)
        wait_for(
            lambda: [e for e in server.log()[lines:] if "reload" in e.get("event", "")],
            "the reload is logged",
            5,
        )
        assert idle.request("GET", "/v1/policy").status == 200
        upload.send(body[400_000:])
        answer = upload.response()
        assert answer.status == 201, answer
    assert server.workers() == workers
    assert server.take(answer.json()["blob"]).body == body


def test_full_store_refuses_uploads_and_still_gives_and_erases(launch):
    """507 with Retry-After when Redis is at its maxmemory; take, erase and closing a session work,
    and make room again."""
    server = launch(workers=1, options=[("store.max_bytes", "24MiB")])
    session = server.session()["session"]
    body = server.sealed(1_000_000)
    danish = server.put_ok(server.sealed(1000), kind="passport", issuer="DNK", session=session)[
        "blob"
    ]
    blobs = []
    with server.connect() as conn:
        for _ in range(40):
            answer = conn.request("POST", "/v1/blobs", server.upload_fields(), body)
            if answer.status != 201:
                break
            blobs.append(answer.json()["blob"])
    check_problem(answer, 507, "store-full")
    assert len(blobs) >= 5
    small = server.put(server.sealed(60_000))
    if small.status == 201:
        blobs.append(small.json()["blob"])
    else:
        check_problem(small, 507, "store-full")
    wait_for(
        lambda: all(any(b in c for b in blobs + [danish]) for c in server.chunks()),
        "refused uploads left nothing",
        5,
    )
    assert server.take(blobs[0]).body == body
    assert server.erase(blobs[1]).status == 200
    closed = server.call("DELETE", f"/v1/sessions/{session}")
    assert closed.status == 200 and not server.chunks(danish)
    assert server.put(body).status == 201
    assert server.take(blobs[2]).body == body


def hover(server, body, seconds):
    """Upload that body over two connections at the limit, erasing one blob for each refusal.
    Returns answers, and what lives."""
    answers, live, end = [], collections.deque(), time.monotonic() + seconds

    def work():
        with server.connect() as eraser:
            while time.monotonic() < end:
                with server.connect() as conn:
                    again = True
                    while again and time.monotonic() < end:
                        answer = conn.request("POST", "/v1/blobs", server.upload_fields(), body)
                        answers.append(answer)
                        again = not answer.has("Connection")  # refused in the middle
                        if answer.status == 201:
                            live.append(answer.json()["blob"])
                        elif live:
                            assert (
                                eraser.request("DELETE", f"/v1/blobs/{live.popleft()}").status
                                == 200
                            )

    threads = [threading.Thread(target=work) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return answers, live


@pytest.mark.parametrize("size", [4000, 60_000, 400_000])
def test_store_at_its_limit_says_507_and_nothing_else(launch, size):
    """Uploads that hover at the limit: whichever of an upload's commands finds the store full, the
    answer is 507; nothing of it stays."""
    server = launch(workers=1, options=[("store.max_bytes", "16MiB")])
    stored, filler = set(), server.sealed(1_000_000)
    while (answer := server.put(filler)).status == 201:
        stored.add(answer.json()["blob"])
    answers, live = hover(server, server.sealed(size), 1)
    refused = [a for a in answers if a.status != 201]
    print(
        f"{size}: {len(answers)} uploads, refused {collections.Counter(a.status for a in refused)}"
    )
    assert len(refused) >= 20 and len(answers) - len(refused) >= 20
    for answer in refused:
        check_problem(answer, 507, "store-full")
    stored |= set(live)

    def found(pattern, lines):
        """Ids in the keys of what holds bytes, or in the members of the index."""
        return {m[1] for m in (re.search(pattern, line) for line in lines) if m}

    wait_for(
        lambda: found(":[bc]:([^:]+)", server.chunks())
        == stored
        == found(" b:([^:\t]+)", server.store_lines()),
        "what the store has is what was stored",
        5,
    )


def test_lost_store_is_503_and_comes_back(launch):
    """Redis killed: an upload under way and new calls hear 503 with Retry-After, what was stored is
    gone, service returns."""
    server = launch(workers=2)
    old = server.put_ok(server.sealed(300))["blob"]
    body = server.sealed(900_000)
    with server.connect() as conn:
        conn.send(server.upload_head(len(body)) + body[:500_000])
        wait_for(server.chunks, "the upload is under way")
        pid = int(server.env["TIMEGLAS_REDIS_PID"])
        assert pid in server.descendants()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not server.alive(pid) or pid not in server.descendants(), "redis is dead")
        conn.send_until_answered(body[500_000:])
        answer = conn.response()
        slug = answer.json()["type"].removeprefix("/problems/")
        # the second where the next Redis was there before the rest was sent
        assert slug in ("store-unreachable", "store-not-attested")
        check_problem(answer, 503, slug)
    heard = []

    def back():
        answer = try_call(
            server, "POST", "/v1/blobs", fields=server.upload_fields(), body=server.sealed(300)
        )
        if answer is not None:
            heard.append(answer)
        return answer is not None and answer.status == 201

    wait_for(back, lambda: f"service returns: {heard[-1:]}", 20, 0.05)
    for answer in heard[:-1]:
        assert answer.status == 503, answer
        assert ERRORS[answer.json()["type"].removeprefix("/problems/")][0] == 503
        assert int(answer["Retry-After"]) >= 1
    check_problem(server.take(old), 404, "not-found")
    blob = server.put_ok(body)["blob"]
    assert server.take(blob).body == body
