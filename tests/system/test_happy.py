"""The main job: upload, look, take, erase; every kind and size, every way that HTTP allows to send
it."""
import datetime
import hashlib
import json
import os
import re
import subprocess
from contextlib import ExitStack

import pytest

from harness import BIN, digest, let_pass, seal, wait_for
from problems import TIME
from wire import chunk

ID = re.compile(r"[0-9A-Za-z_-]{22,64}")


def moment(text):
    assert TIME.fullmatch(text), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


KINDS = [
    ("liveness", None, 86400), ("face3d", None, 86400), ("passport", "SWE", 86400),
    ("passport", "D", 86400), ("passport", "D<<", 86400), ("passport", "UTO", 86400),
]


@pytest.mark.parametrize("kind, issuer, ceiling", KINDS, ids=lambda v: str(v))
def test_upload_then_take_gives_the_same_bytes_once(server, kind, issuer, ceiling):
    """The main job for each kind: the answer's members, the blob's description, and the bytes,
    which age can open."""
    content = b"evidence of " + kind.encode()
    body = seal(server.env["TIMEGLAS_RECIPIENT"], content)
    answer = server.put(body, kind=kind, issuer=issuer, content_digest=digest(body))
    assert answer.status == 201, answer
    blob = answer.json()
    server.secrets.add(blob["blob"])
    assert set(blob) >= {
        "blob", "tag", "kind", "issuer", "size", "sha256", "stored_at", "deadline",
    }, blob
    assert ID.fullmatch(blob["blob"])
    assert (
        blob["tag"]
        == hashlib.sha256(b"timeglas evidence 1\n" + blob["blob"].encode()).hexdigest()[:32]
    ), "who has the id finds its lines"
    assert answer["Location"] == f"/v1/blobs/{blob['blob']}"
    canonical = issuer.rstrip("<") if issuer else None
    assert (blob["kind"], blob["issuer"], blob["size"]) == (kind, canonical, len(body))
    assert blob["sha256"] == hashlib.sha256(body).hexdigest()
    assert ceiling - 5 < moment(blob["deadline"]) - moment(blob["stored_at"]) <= ceiling

    seen = server.stat(blob["blob"], "verifier").json()
    assert (
        seen["blob"] == blob["blob"]
        and seen["state"] == "live"
        and seen["deadline"] == blob["deadline"]
    )
    taken = server.take(blob["blob"])
    assert taken.status == 200 and taken.body == body
    assert (
        taken["Content-Length"] == str(len(body))
        and taken["Content-Type"] == "application/octet-stream"
    )
    assert taken["Timeglas-Kind"] == kind and taken["Timeglas-Stored-At"] == blob["stored_at"]
    assert taken.all("Timeglas-Issuer") == ([canonical] if canonical else [])
    assert taken.all("Timeglas-Session") == []
    assert re.fullmatch(r'"[!#-~]+"', taken["ETag"]), "a strong ETag"
    assert server.opened(taken.body) == content
    assert not server.chunks(blob["blob"])


@pytest.mark.parametrize("issuer", ["DNK", "FRO", "GRL"])
def test_danish_passport_in_an_open_session(server, issuer):
    """A Danish passport is held at most an hour, never past its session, and carries the session's
    id."""
    session = server.session()
    body = server.sealed(30_000)
    blob = server.put_ok(body, kind="passport", issuer=issuer, session=session["session"])
    assert moment(blob["deadline"]) - moment(blob["stored_at"]) <= 3600
    assert moment(blob["deadline"]) <= moment(session["deadline"])
    taken = server.take(blob["blob"])
    assert (taken.status, taken.body) == (200, body)
    assert (taken["Timeglas-Session"], taken["Timeglas-Issuer"]) == (session["session"], issuer)
    assert server.call("DELETE", f"/v1/sessions/{session['session']}").status == 200


SIZES = [0, 1, 100, 4096, 64_740, 65_536, 65_537, 130_000, 262_144, 1_000_000, 5_000_000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunked", [0, 16_000], ids=["length", "chunked"])
def test_every_size_comes_back_byte_for_byte(server, size, chunked):
    """From an empty content to 5 MB, in both framings; without a digest the server computes
    none."""
    body = server.sealed(size)
    blob = server.put_ok(body, chunked=chunked)
    assert blob["size"] == len(body) and blob["sha256"] is None
    assert server.chunks(blob["blob"])
    taken = server.take(blob["blob"], "verifier2")
    assert taken.status == 200 and taken.body == body
    assert not server.chunks(blob["blob"])


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("chunks", [1, 2])
@pytest.mark.parametrize("in_session", [False, True], ids=["large", "session"])
def test_sizes_around_a_store_chunk(server, in_session, chunks, off):
    """The store's chunk of 327,000 bytes (of a session's blob 65,000), one less and one more: no
    chunk is lost or empty."""
    each = 65_000 if in_session else 327_000
    need = each * chunks + off
    overhead = len(server.sealed(need - 1000)) - (need - 1000)
    body = server.sealed(need - overhead)
    assert len(body) == need
    session = server.session() if in_session else None
    blob = server.put_ok(body, session=session["session"] if session else None)
    assert len(server.chunks(blob["blob"])) == -(-need // each)
    assert server.take(blob["blob"]).body == body
    if session:
        server.call("DELETE", f"/v1/sessions/{session['session']}")


def test_chunks_are_as_large_as_the_worker_can_afford(launch):
    """Many uploads at once, or a slow one, have smaller chunks: what a worker holds does not grow
    with them."""
    server = launch(workers=1)
    body = server.sealed(400_000)

    def largest(blob):
        return max(int(server.redis("STRLEN", key)) for key in server.chunks(blob))

    with ExitStack() as stack:
        conns = [stack.enter_context(server.connect()) for _ in range(70)]
        for i, conn in enumerate(conns):
            conn.send(server.upload_head(len(body)) + body[:1000])
            if i < 40:  # of these, more than may have the largest
                conn.send(body[1000:80_000])
            wait_for(lambda n=i + 1: server.metric("timeglas_uploads") == n, "the upload has begun")
        let_pass(0.6, "the others were not quick")
        blobs = []
        for i, conn in enumerate(conns):
            conn.send(body[80_000 if i < 40 else 1000 :])
            answer = conn.response()
            assert answer.status == 201, answer
            blobs.append(answer.json()["blob"])
    sizes = [largest(blob) for blob in blobs]
    assert (
        sizes[:40].count(327_000) == 32
        and sizes[:64].count(65_000) == 32
        and sizes[64:] == [24_000] * 6
    ), sizes
    assert largest(server.put_ok(body)["blob"]) == 327_000  # those of the first 32 are free again
    assert server.take(blobs[0]).body == server.take(blobs[-1]).body == body


def test_upload_byte_by_byte(server):
    """Each byte of head, chunk framing and age header may arrive alone."""
    body = server.sealed(50)
    with server.connect() as conn:
        raw = server.upload_head() + chunk(body, 7)
        for i in range(len(raw)):
            conn.send(raw[i : i + 1])
        answer = conn.response()
    assert answer.status == 201, answer
    assert server.take(answer.json()["blob"]).body == body


def test_expect_100_continue(server):
    """The interim answer comes before any content, and only when asked for."""
    body = server.sealed(3000)
    with server.connect() as conn:
        conn.send(
            conn.head(
                "POST",
                "/v1/blobs",
                server.upload_fields()
                + [("Content-Length", len(body)), ("Expect", "100-continue")],
            )
        )
        assert conn.response().status == 100
        conn.send(body)
        answer = conn.response()
    assert answer.status == 201, answer
    assert server.take(answer.json()["blob"]).body == body


def test_pipelined_requests_are_answered_in_order(server):
    """Twelve requests in one write: twelve answers, in order, each whole."""
    bodies = [server.sealed(n) for n in (10, 70_000, 500, 131_072)]
    with server.connect() as conn:
        raw = b""
        for body in bodies:
            raw += server.upload_head(len(body)) + body
            raw += conn.head("GET", "/v1/policy")
            raw += conn.head("GET", "/v1/blobs/00AAAAAAAAAAAAAAAAAAAAAA")
        conn.send(raw)
        answers = [conn.response() for _ in range(12)]
    assert [a.status for a in answers] == [201, 200, 404] * 4, answers
    blobs = [a.json()["blob"] for a in answers[::3]]
    with server.connect("verifier") as conn:
        conn.send(b"".join(conn.head("POST", f"/v1/blobs/{b}/take") for b in blobs))
        assert [conn.response().body for _ in blobs] == bodies


def test_connection_is_kept_for_the_next_request(server):
    """Fifty uploads and takes on two connections; Connection: close ends one."""
    body = server.sealed(2000)
    with server.connect() as up, server.connect("verifier") as down:
        for _ in range(50):
            blob = up.request("POST", "/v1/blobs", server.upload_fields(), body).json()["blob"]
            assert down.request("POST", f"/v1/blobs/{blob}/take").body == body
        assert (
            up.request("GET", "/v1/policy", [("Connection", "close")])["Connection"].lower()
            == "close"
        )
        assert up.ended()


def test_curl_can_do_the_main_job(server, tmp_path):
    """A client that we did not write, in both framings."""
    file = tmp_path / "evidence.age"
    file.write_bytes(server.sealed(400_000))
    for framing in ([], ["-H", "Transfer-Encoding: chunked"]):
        out = server.curl(
            "-X", "POST", "-T", str(file), "-H", "Timeglas-Kind: face3d", *framing,
            server.url + "/v1/blobs",
        )
        blob = json.loads(out.stdout)["blob"]
        taken = server.curl("-X", "POST", f"{server.url}/v1/blobs/{blob}/take", peer="verifier2")
        assert taken.stdout == file.read_bytes()


def test_uploader_shortens_the_lifetime(server):
    """Timeglas-Ttl counts from the request's first byte."""
    blob = server.put_ok(server.sealed(10), ttl=120)
    assert 119 <= moment(blob["deadline"]) - moment(blob["stored_at"]) <= 120
    assert server.erase(blob["blob"]).status == 200


def test_stat_tells_each_peer_what_it_may_know(server):
    """Looking consumes nothing, and the blob's tag is the uploader's alone."""
    blob = server.put_ok(server.sealed(10))
    for _ in range(3):
        for peer in ("uploader", "verifier", "verifier2", "operator"):
            seen = server.stat(blob["blob"], peer).json()
            assert (seen["blob"], seen["state"], seen["kind"], seen["size"]) == (
                blob["blob"],
                "live",
                "liveness",
                blob["size"],
            )
            assert "cause" not in seen and "gone_at" not in seen
    assert "tag" not in server.stat(blob["blob"], "verifier").json()
    assert server.stat(blob["blob"], "uploader").json()["tag"] == blob["tag"]
    assert server.take(blob["blob"]).status == 200


@pytest.mark.parametrize("peer", ["uploader", "operator"])
def test_erase_gives_a_receipt(server, peer):
    """Erasing names what was erased, when, why, and the event that proves it."""
    blob = server.put_ok(server.sealed(200_000))
    answer = server.erase(blob["blob"], peer)
    assert answer.status == 200, answer
    receipt = answer.json()
    assert set(receipt) == {
        "blob", "tag", "cause", "outcome", "erased_at", "event", "head",
    }, receipt
    assert (receipt["blob"], receipt["tag"], receipt["cause"]) == (
        blob["blob"],
        blob["tag"],
        "erased",
    )
    assert TIME.fullmatch(receipt["erased_at"]) and receipt["event"].startswith(
        blob["blob"][:2] + "-"
    )
    assert not server.chunks(blob["blob"])


def test_policy_is_the_built_in_table(server):
    """Any peer may read the table in force, and it is the published one."""
    tables = [
        server.call("GET", "/v1/policy", peer)
        for peer in ("uploader", "verifier", "processor", "operator")
    ]
    assert all(t.status == 200 and t.json() == tables[0].json() for t in tables)
    text = json.dumps(tables[0].json())
    for word in ("passport", "liveness", "face3d", "3600", "86400"):
        assert word in text


def test_our_own_command_line_does_the_main_job(server, tmp_path):
    """Seal, put, take and open with the CLI: the content comes back, the sender is checked."""
    file = tmp_path / "face.bin"
    file.write_bytes(os.urandom(150_000))
    base = dict(os.environ, **server.env)

    def cli(peer, *args):
        cert, key = server.files(peer)
        return subprocess.run(
            [str(BIN / "timeglas"), *args],
            env=dict(base, TIMEGLAS_CERT=cert, TIMEGLAS_KEY=key),
            stdout=subprocess.PIPE,
            check=True,
        ).stdout

    blob = json.loads(cli("uploader", "--json", "put", "--kind", "face3d", str(file)))["blob"]
    server.secrets.add(blob)
    cli("verifier", "take", blob, "-o", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == file.read_bytes()
