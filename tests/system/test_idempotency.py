"""Idempotency-Key on upload, claim and ack: a lost answer loses nothing, and nothing happens
twice."""
import os
import signal
import threading

import pytest

from harness import digest, seal, wait_for
from problems import check_problem
from wire import Closed


def key():
    return os.urandom(12).hex()


def put(server, body, k, peer="uploader", fields=(), **named):
    return server.call(
        "POST",
        "/v1/blobs",
        peer,
        [*server.upload_fields(**named), ("Idempotency-Key", k), *fields],
        body,
    )


@pytest.mark.parametrize("chunked", [0, 1000])
@pytest.mark.parametrize("declared", [False, True])
def test_other_content_under_the_key_is_422_while_the_blob_lives(server, declared, chunked):
    """Another length always; another digest where the first request declared one. Once the blob is
    gone nothing of its content is known."""
    k, body = key(), server.sealed(3000)
    same_length = body[:-1] + bytes([body[-1] ^ 1])

    def again(content, k=k, **named):
        return server.call(
            "POST", "/v1/blobs", "uploader",
            [*server.upload_fields(**named), ("Idempotency-Key", k)], content, chunked,
        )

    blob = put(server, body, k, content_digest=digest(body) if declared else None).json()["blob"]
    others = [body[:-1], body + b"x", server.sealed(400), server.sealed(300_000)]
    for other in others + ([same_length, b"x" * len(body)] if declared else []):
        check_problem(again(other), 422, "idempotency-key")
        (
            check_problem(again(other, content_digest=digest(other)), 422, "idempotency-key")
            if declared or len(other) != len(body)
            else None
        )
    if declared:
        check_problem(again(same_length, content_digest=digest(body)), 400, "digest-mismatch")
    for fields in ({}, {"content_digest": digest(body)}):
        answer = again(body, **fields)
        assert answer.status == 200 and answer.json()["blob"] == blob
    assert server.stat(blob).json()["state"] == "live"
    server.erase(blob)
    assert again(server.sealed(400)).status == 200


def test_other_content_expecting_100_is_422_before_it_is_sent(server):
    """What the head tells is refused from the head; what it does not tell is asked for."""
    k, body = key(), server.sealed(3000)
    blob = put(server, body, k, content_digest=digest(body)).json()["blob"]
    expect = [*server.upload_fields(), ("Idempotency-Key", k), ("Expect", "100-continue")]
    for fields in (
        [("Content-Length", len(body) + 1)],
        [("Content-Length", len(body)), ("Content-Digest", digest(b"other"))],
    ):
        with server.connect() as conn:
            conn.send(conn.head("POST", "/v1/blobs", expect + fields))
            check_problem(conn.response(), 422, "idempotency-key")
    with server.connect() as conn:
        conn.send(
            conn.head(
                "POST",
                "/v1/blobs",
                [*expect, ("Content-Length", len(body)), ("Content-Digest", digest(body))],
            )
        )
        assert conn.response().status == 200
    with server.connect() as conn:
        conn.send(conn.head("POST", "/v1/blobs", [*expect, ("Content-Length", len(body))]))
        assert conn.response().status == 100
        conn.send(body[:-1] + bytes([body[-1] ^ 1]))
        check_problem(conn.response(), 422, "idempotency-key")
    server.erase(blob)


@pytest.mark.parametrize("size", [300, 200_000])
def test_upload_again_gives_the_stored_answer(server, size):
    """201, then 200 with the same blob, also sealed anew, over another connection, and when the
    blob is gone."""
    k = key()
    first = put(server, server.sealed(size), k)
    assert first.status == 201
    blob = first.json()
    before = set(server.chunks())
    for body in (server.sealed(size), seal(server.env["TIMEGLAS_RECIPIENT"], os.urandom(size))):
        again = put(server, body, k)
        assert (
            again.status == 200 and again.json() == blob and again["Location"] == first["Location"]
        )
    assert not set(server.chunks()) - before
    assert server.take(blob["blob"]).body == server.sealed(size)
    gone = put(server, server.sealed(size), k)
    assert (
        gone.status == 200 and gone.json() == server.stat(blob["blob"]).json()
    ), "as long as the tombstone, and no more than it knows"
    assert gone.json()["cause"] == "consumed" and gone.json()["tag"] == blob["tag"]
    assert not server.chunks(blob["blob"])


def test_upload_expecting_100_is_answered_at_once(server):
    """A client that asks first need not send the content again."""
    k = key()
    blob = put(server, server.sealed(300), k).json()["blob"]
    with server.connect() as conn:
        conn.send(
            conn.head(
                "POST",
                "/v1/blobs",
                [
                    *server.upload_fields(),
                    ("Idempotency-Key", k),
                    ("Content-Length", len(server.sealed(300))),
                    ("Expect", "100-continue"),
                ],
            )
        )
        answer = conn.response()
        assert answer.status == 200 and answer.json()["blob"] == blob
    server.erase(blob)


def test_other_description_under_the_key_is_422(server):
    """Kind, issuer, session and To belong to the key, wherever the session's blobs live; other
    peers have keys of their own."""
    k = key()
    sessions = [server.session()["session"] for _ in range(4)]
    blob = put(
        server, server.sealed(300), k, kind="passport", issuer="SWE", session=sessions[0]
    ).json()["blob"]
    wrong = [
        dict(kind="liveness"),
        dict(kind="passport", issuer="NOR", session=sessions[0]),
        dict(kind="passport", issuer="SWE"),
        dict(kind="passport", issuer="SWE", session=sessions[0], to="verifier"),
    ]
    wrong += [dict(kind="passport", issuer="SWE", session=s) for s in sessions[1:]]
    for fields in wrong:
        check_problem(put(server, server.sealed(300), k, **fields), 422, "idempotency-key")
    again = put(
        server, server.sealed(300), k, kind="passport", issuer="SWE", session=sessions[0], ttl=77
    )
    assert again.status == 200 and again.json()["blob"] == blob
    for s in sessions:
        server.call("DELETE", f"/v1/sessions/{s}?erase=all")


def test_key_under_way_is_409_and_free_after_the_break(server, nothing_new):
    """While the first is still coming, the second is told to wait; when the first breaks off, the
    key is free."""
    k = key()
    body = server.sealed(300_000)
    with server.connect() as conn:
        head = conn.head(
            "POST",
            "/v1/blobs",
            [*server.upload_fields(), ("Idempotency-Key", k), ("Content-Length", len(body))],
        )
        begun = server.metric("timeglas_uploads")
        for part in (head + body[:100], body[100:200_000]):
            conn.send(part)
            wait_for(lambda: server.metric("timeglas_uploads") == begun + 1, "it is under way")
            problem = put(server, body, k)
            check_problem(problem, 409, "in-flight")
            assert int(problem["Retry-After"]) >= 1
        check_problem(put(server, body, k, kind="face3d"), 422, "idempotency-key")
        conn.reset()
    wait_for(
        lambda: (a := put(server, body, k)).status == 201
        and server.take(a.json()["blob"]).status == 200,
        "the key is free",
        5,
    )


def test_refused_upload_leaves_the_key_free(server):
    """What was refused did not happen: the key may be used again."""
    k = key()
    check_problem(put(server, b"no envelope at all" * 30, k), 415, "not-an-age-envelope")
    bad = digest(b"other")
    check_problem(put(server, server.sealed(300), k, content_digest=bad), 400, "digest-mismatch")
    answer = put(server, server.sealed(300), k)
    assert answer.status == 201
    server.erase(answer.json()["blob"])


def test_many_at_once_store_one(server):
    """Twelve uploads under one key at the same moment, ten times: one blob; each answer is 201, 200
    or 409."""
    for _ in range(10):
        k, got, gate = key(), [], threading.Barrier(12)

        def go(k=k, got=got, gate=gate):
            gate.wait()
            got.append(put(server, server.sealed(300), k))

        threads = [threading.Thread(target=go) for _ in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted({a.status for a in got}) in (
            [201],
            [200, 201],
            [201, 409],
            [200, 201, 409],
        ), [a.status for a in got]
        assert sum(a.status == 201 for a in got) == 1
        blobs = {a.json()["blob"] for a in got if a.status != 409}
        assert len(blobs) == 1
        server.erase(blobs.pop())


@pytest.mark.parametrize("bad", ["x" * 256, "\x7f", "a\xe9"])
def test_malformed_key_is_400(server, bad):
    """1 to 255 printable ASCII characters, once."""
    check_problem(put(server, server.sealed(300), bad), 400, "malformed")
    check_problem(
        put(server, server.sealed(300), "a", fields=[("Idempotency-Key", "b")]), 400, "malformed"
    )
    check_problem(server.claim("00" + "A" * 22, key=bad), 400, "malformed")


def told(answer):
    """A receipt but for the head of the evidence, which has gone on since."""
    return {name: value for name, value in answer.json().items() if name != "head"}


def test_claim_again_gives_the_same_token(server):
    """Same peer, key and blob: the same claim with 200 while it stands; another blob under the key:
    422; another peer: 409."""
    body = server.sealed(300)
    blob, other = (server.put_ok(body)["blob"] for _ in range(2))
    k = key()
    first = server.claim(blob, key=k)
    assert first.status == 201
    again = server.claim(blob, key=k, lease_s=900)
    assert (
        again.status == 200
        and again.json() == first.json()
        and again["Location"] == first["Location"]
    )
    check_problem(server.claim(other, key=k), 422, "idempotency-key")
    check_problem(server.claim(blob, "verifier2", key=k), 409, "claimed")
    check_problem(server.claim(blob, key=key()), 409, "claimed")
    token = first.json()["claim"]
    assert server.read_claim(token).body == body
    a = key()
    done = server.ack(token, key=a)
    assert done.status == 200
    for _ in range(2):
        repeated = server.ack(token, key=a)
        assert repeated.status == 200 and told(repeated) == told(done)
    check_problem(server.ack(token, "rejected", key=a), 422, "idempotency-key")
    check_problem(server.ack(token, key=k), 422, "idempotency-key")
    check_problem(server.ack(token, key=key()), 410, "gone", "consumed")
    check_problem(server.ack(token), 410, "gone", "consumed")
    check_problem(
        server.claim(blob, key=k), 410, "gone", "consumed"
    )  # its description is forgotten
    check_problem(server.read_claim(token), 410, "gone", "consumed")
    server.erase(other)


def test_store_keeps_no_token_and_no_key(launch):
    """What Redis holds gives neither the claim's secret nor the key away."""
    server = launch(workers=1)
    blob = server.put_ok(server.sealed(300))["blob"]
    k = "a-key-that-nobody-else-uses-" + key()
    token = server.claim(blob, key=k).json()["claim"]
    seen = ""
    for name in server.redis("--scan", "--pattern", "tg:*").splitlines():
        kind = server.redis("TYPE", name)
        seen += (
            name
            + "\n"
            + (
                server.redis("HGETALL", name)
                if kind == "hash"
                else (
                    server.redis("XRANGE", name, "-", "+")
                    if kind == "stream"
                    else (
                        server.redis("ZRANGE", name, "0", "-1")
                        if kind == "zset"
                        else server.redis("GET", name)
                    )
                )
            )
        )
    assert blob in seen and token not in seen and token[24:] not in seen and k not in seen
    assert server.ack(token).status == 200


def test_key_survives_a_worker_that_died(launch):
    """An upload's answer is lost with its worker: the next one, under the same key, is given the
    stored answer."""
    server = launch(workers=1)
    k = key()
    blob = put(server, server.sealed(300), k).json()
    claim_key = key()
    claim = server.claim(blob["blob"], key=claim_key).json()
    (worker,) = server.workers()
    os.kill(worker, signal.SIGKILL)

    def again():
        try:
            return put(server, server.sealed(300), k)
        except (Closed, OSError):
            return None

    answer = wait_for(again, "a new worker serves", 10)
    assert answer.status == 200 and answer.json() == blob
    assert server.claim(blob["blob"], key=claim_key).json() == claim
    assert server.ack(claim["claim"]).status == 200


def test_upload_whose_worker_died_in_the_middle_is_taken_over(launch):
    """A reservation without a blob behind it is in the way for a while only: told 409 first, and
    free when the upload is found dead."""
    server = launch(workers=1)
    k = key()
    body = server.sealed(900_000)
    with server.connect() as conn:
        conn.send(
            conn.head(
                "POST",
                "/v1/blobs",
                [*server.upload_fields(), ("Idempotency-Key", k), ("Content-Length", len(body))],
            )
            + body[:700_000]
        )
        wait_for(lambda: len(server.chunks()) >= 2, "chunks are staged", 5)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: server.workers() and server.workers() != [worker], "a new worker", 10)

    def once(fine):
        try:
            answer = put(server, body, k)
        except (Closed, OSError):
            return None
        assert answer.status in (fine, 409), answer
        return answer

    check_problem(wait_for(lambda: once(409), "an answer", 10), 409, "in-flight")
    # Time passes: the index entry of the dead upload falls due, and the reservation gets old.
    dl = next(x for x in server.store_lines() if ":dl b:" in x).split(" ")
    server.redis("ZADD", dl[0], "XX", "1", dl[1])
    (record,) = server.redis("--scan", "--pattern", "tg:{*}:i:*").splitlines()
    server.redis("HINCRBY", record, "at", "-61000")
    answer = wait_for(lambda: (a := once(201)) and a.status == 201 and a, "it is taken over", 10)
    assert server.take(answer.json()["blob"]).body == body
