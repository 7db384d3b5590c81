"""Claims: one reader with a lease, who may break off and resume as often as need be, and says when
it is done."""
import random
import re
import threading
import time

import pytest

from harness import SANITIZED, SLOW, digest, let_pass, wait_for
from problems import check_problem
from test_happy import moment
from wire import Closed

CUTS = 48 if SANITIZED else 200
UNKNOWN = "00" + "A" * 44


def test_claim_read_ack_in_order(server):
    """Claim, read twice, ack: the bytes both times, then a receipt, and nothing of the blob is
    left."""
    body = server.sealed(200_000)
    blob = server.put_ok(body, kind="passport", issuer="SWE", content_digest=digest(body))
    before = time.time()
    claim = server.claim_ok(blob["blob"])
    assert sorted(claim) == ["claim", "lease_deadline", "sha256", "size"]
    assert claim["size"] == len(body) and claim["sha256"] == blob["sha256"]
    assert re.fullmatch(r"[0-9a-f]{2}[\w-]{44}", claim["claim"]), "URL-safe, and it names its shard"
    assert 55 < moment(claim["lease_deadline"]) - before < 62
    assert server.stat(blob["blob"]).json()["state"] == "claimed"
    for _ in range(2):
        answer = server.read_claim(claim["claim"])
        assert answer.status == 200 and answer.body == body
        assert answer["Timeglas-Kind"] == "passport" and answer["Timeglas-Issuer"] == "SWE"
        assert (
            answer["Timeglas-Stored-At"] == blob["stored_at"] and answer["Accept-Ranges"] == "bytes"
        )
        assert answer["ETag"].startswith('"')
    done = server.ack(claim["claim"])
    assert done.status == 200
    receipt = done.json()
    assert (
        receipt["blob"] == blob["blob"]
        and receipt["tag"] == blob["tag"]
        and receipt["cause"] == "consumed"
    )
    assert not server.chunks(blob["blob"])
    check_problem(server.read_claim(claim["claim"]), 410, "gone", "consumed")
    check_problem(server.ack(claim["claim"]), 410, "gone", "consumed")
    (gone,) = server.evidence("gone", tag=blob["tag"])
    assert gone["cause"] == "consumed" and gone["outcome"] == "ok" and gone["by"] == "verifier"
    (claimed,) = server.evidence("claimed", tag=blob["tag"])
    assert (
        claimed["by"] == "verifier"
        and abs(moment(claimed["lease"]) - moment(claim["lease_deadline"])) < 0.002
    )
    (stored,) = server.evidence("stored", tag=blob["tag"])
    assert stored["n"] < claimed["n"] < gone["n"]


OUTCOMES = ["ok", "decrypt-failed", "bad-signature", "mislabelled", "rejected"]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_erases_and_is_told_to_the_evidence(server, outcome):
    """Whatever the verifier made of it, its ack erases; the outcome stands in the event."""
    blob = server.put_ok(server.sealed(300))
    claim = server.claim_ok(blob["blob"])["claim"]
    receipt = server.ack(claim, outcome).json()
    assert receipt["outcome"] == outcome
    assert not server.chunks(blob["blob"])
    assert server.evidence("gone", tag=blob["tag"])[0]["outcome"] == outcome
    for peer in ("uploader", "operator"):
        gone = server.stat(blob["blob"], peer).json()
        assert (gone["state"], gone["outcome"], gone["event"]) == (
            "gone",
            outcome,
            receipt["event"],
        ), peer
    for peer in ("verifier", "verifier2"):
        assert not {"outcome", "event", "tag"} & set(server.stat(blob["blob"], peer).json()), peer


def test_end_without_an_ack_has_no_outcome(server):
    """Taken, erased, or closed with its session: the uploader is told the event and that there is
    no outcome, in a session's list as well."""
    session = server.session()["session"]
    taken, erased, closed = (
        server.put_ok(server.sealed(300), session=session)["blob"] for _ in range(3)
    )
    assert server.take(taken).status == 200
    receipt = server.erase(erased).json()
    assert server.stat(erased).json()["event"] == receipt["event"] and receipt["outcome"] is None
    listed = {b["blob"]: b for b in server.call("GET", f"/v1/sessions/{session}").json()["blobs"]}
    server.call("DELETE", f"/v1/sessions/{session}?erase=all")
    for blob, cause in ((taken, "consumed"), (erased, "erased"), (closed, "session-closed")):
        gone = server.stat(blob).json()
        assert (
            gone["cause"] == cause
            and gone["outcome"] is None
            and re.fullmatch(r"[0-9a-f]{2}-\d+-\d+", gone["event"])
        )
    assert listed[taken]["outcome"] is None and "outcome" not in listed[closed]


def test_second_claim_is_told_that_it_is_its_own(server):
    """The claimant, who lost its answer and its key: 409 with the end of its own lease, from claim
    and take. Others: the plain 409."""
    blob = server.put_ok(server.sealed(300))["blob"]
    claim = server.claim_ok(blob, key="the first")
    for answer in (server.claim(blob), server.claim(blob, key="another"), server.take(blob)):
        problem = check_problem(answer, 409, "claimed")
        assert (
            problem["lease_deadline"] == claim["lease_deadline"]
            and claim["lease_deadline"] in problem["detail"]
        )
        assert claim["claim"][24:] not in answer.body.decode()
    assert server.claim(blob, key="the first").json() == claim
    for answer in (
        server.claim(blob, "verifier2"),
        server.take(blob, "verifier2"),
        server.claim(blob, "verifier2", key="the first"),
    ):
        problem = check_problem(answer, 409, "claimed")
        assert "lease_deadline" not in problem and claim["lease_deadline"] not in problem["detail"]
    assert server.ack(claim["claim"]).status == 200


def cut_read(server, claim, have, size, rng):
    """Reads from `have` on and vanishes after a random number of bytes; returns what came."""
    with server.connect("verifier") as conn:
        fields = [("Range", f"bytes={have}-")] if have else []
        conn.send(conn.head("GET", f"/v1/claims/{claim}", fields))
        status, _, head = conn.response_head()
        assert status == (206 if have else 200), (status, head)
        want = rng.randrange(1, size - have + 1)
        while len(conn.buf) < want:
            conn.more()
        if rng.random() < 0.5:
            conn.reset()
        return conn.buf[:want]


def test_downloads_cut_at_a_random_byte_resume(server, nothing_new):
    """Each download is broken off at a random byte (every other one by a reset), then resumed,
    perhaps to be cut again: the right bytes in the end; meanwhile a second verifier hears 409, and
    after the ack 410."""
    rng = random.Random(20261122)
    sizes = [700, 64_000, 130_000, 327_000, 700_000, 1_200_000]
    before, cuts, resumed = set(server.chunks()), 0, 0
    for i in range(CUTS):
        body = server.sealed(sizes[i % len(sizes)])
        blob = server.put_ok(body, content_digest=digest(body))["blob"]
        claim = server.claim_ok(blob)["claim"]
        got = b""
        for _ in range(rng.randrange(1, 4)):
            if len(got) < len(body):
                got += cut_read(server, claim, len(got), len(body), rng)
                cuts += 1
        check_problem(server.claim(blob, "verifier2"), 409, "claimed")
        check_problem(server.take(blob, "verifier2"), 409, "claimed")
        if len(got) < len(body):
            answer = server.read_claim(
                claim, fields=[("Range", f"bytes={len(got)}-"), ("If-Range", f'"{blob}"')]
            )
            assert answer.status == 206
            assert answer["Content-Range"] == f"bytes {len(got)}-{len(body) - 1}/{len(body)}"
            got += answer.body
            resumed += 1
        assert got == body
        assert server.ack(claim).status == 200
        check_problem(server.claim(blob, "verifier2"), 410, "gone", "consumed")
    print(f"{CUTS} downloads, {cuts} cuts, {resumed} resumed after the last one")
    assert cuts >= CUTS and resumed > CUTS // 2
    assert not set(server.chunks()) - before


@pytest.mark.parametrize(
    "field, status, part",
    [
        ("bytes=0-0", 206, slice(0, 1)), ("bytes=326999-327000", 206, slice(326_999, 327_001)),
        ("bytes=-7", 206, slice(-7, None)), ("bytes=327000-653999", 206, slice(327_000, 654_000)),
        ("bytes=654000-", 206, slice(654_000, None)), ("bytes=5-99999999", 206, slice(5, None)),
        ("bytes=-99999999", 206, slice(0, None)), ("bytes=99999999-", 416, None),
        ("bytes=-0", 416, None), ("bytes=0-0,5-6", 200, slice(0, None)),
        ("bytes=7-5", 200, slice(0, None)), ("lines=1-2", 200, slice(0, None)),
        ("bytes=a-b", 200, slice(0, None)), ("bytes=-", 200, slice(0, None)),
        ("bytes= 0-1", 200, slice(0, None)),
    ],
)
def test_range_gives_its_part(server, field, status, part):
    """One byte range is obeyed, one outside is refused, and what is no single byte range is passed
    over (RFC 9110)."""
    body = server.sealed(1_000_000)
    claim = server.claim_ok(server.put_ok(body)["blob"])["claim"]
    answer = server.read_claim(claim, fields=[("Range", field)])
    assert answer.status == status
    if status == 416:
        check_problem(answer, 416, "range")
        assert answer["Content-Range"] == f"bytes */{len(body)}"
    else:
        assert answer.body == body[part] and int(answer["Content-Length"]) == len(answer.body)
    assert answer.has("Content-Range") == (status != 200)
    assert server.ack(claim).status == 200


def test_if_range_and_head(server):
    """If-Range with another tag: all of it. HEAD: the length, no byte, and Range is passed over."""
    body = server.sealed(1000)
    claim = server.claim_ok(server.put_ok(body)["blob"])["claim"]
    tag = server.read_claim(claim)["ETag"]
    for cond, status in (
        (tag, 206),
        ('"other"', 200),
        ("W/" + tag, 200),
        ("Sun, 22 Nov 2026 12:00:00 GMT", 200),
    ):
        answer = server.read_claim(claim, fields=[("Range", "bytes=10-19"), ("If-Range", cond)])
        assert answer.status == status and answer.body == (body[10:20] if status == 206 else body)
    head = server.read_claim(claim, fields=[("Range", "bytes=10-19")], method="HEAD")
    assert (
        head.status == 200
        and int(head["Content-Length"]) == len(body)
        and not head.has("Content-Range")
    )
    with server.connect("verifier") as conn:  # and the connection goes on after it
        assert conn.request("HEAD", f"/v1/claims/{claim}").status == 200
        assert conn.request("GET", f"/v1/claims/{claim}").body == body
    assert server.ack(claim).status == 200


def test_claim_is_its_claimants_alone(server):
    """Another verifier with the token, the claimant with another token, and any other role get
    nothing."""
    blob = server.put_ok(server.sealed(300))["blob"]
    claim = server.claim_ok(blob)["claim"]
    other = claim[:-1] + ("A" if claim[-1] != "A" else "Q")
    for peer, token in (
        ("verifier2", claim), ("verifier", other), ("verifier", UNKNOWN), ("verifier", claim[:24]),
        ("verifier", claim + "A"), ("verifier", "x"),
    ):
        check_problem(server.read_claim(token, peer), 404, "not-found")
        check_problem(server.ack(token, peer=peer), 404, "not-found")
    for peer in ("uploader", "operator"):
        check_problem(server.claim(blob, peer), 403, "role")
        check_problem(server.read_claim(claim, peer), 403, "role")
        check_problem(server.ack(claim, peer=peer), 403, "role")
    check_problem(server.claim(blob), 409, "claimed")  # the claimant itself, without a key
    assert server.ack(claim).status == 200
    check_problem(server.read_claim(claim, "verifier2"), 404, "not-found")
    mine = server.put_ok(server.sealed(300), to="verifier2")["blob"]
    check_problem(server.claim(mine), 404, "not-found")
    server.erase(mine)


@pytest.mark.parametrize(
    "body, status, slug",
    [
        (b'{"lease_s":901}', 422, "ttl"), (b'{"lease_s":0}', 422, "ttl"),
        (b'{"lease_s":-1}', 422, "ttl"), (b'{"lease_s":"9"}', 400, "malformed"),
        (b'{"lease_s":1.5}', 400, "malformed"), (b'{"lease":9}', 400, "malformed"),
        (b"[]", 400, "malformed"), (b"{", 400, "malformed"),
    ],
)
def test_malformed_claim_is_refused_and_claims_nothing(server, body, status, slug):
    """What the contract does not allow is refused, and the blob stays free."""
    blob = server.put_ok(server.sealed(300))["blob"]
    check_problem(
        server.call("POST", f"/v1/blobs/{blob}/claim", "verifier", body=body), status, slug
    )
    assert server.stat(blob).json()["state"] == "live"
    claim = server.claim_ok(blob)["claim"]
    for wrong in (
        b"", b"{}", b'{"outcome":"fine"}', b'{"outcome":1}', b'{"outcome":"ok","more":1}',
    ):
        check_problem(
            server.call("POST", f"/v1/claims/{claim}/ack", "verifier", body=wrong), 400, "malformed"
        )
    assert server.ack(claim).status == 200


def test_lease_end_erases(server):
    """A lease that runs out erases the blob, at once and physically: it does not go back for a
    second verifier."""
    blob = server.put_ok(server.sealed(200_000))
    claim = server.claim_ok(blob["blob"], lease_s=1)
    ends = moment(claim["lease_deadline"])
    keys = server.chunks(blob["blob"])
    assert keys and all(
        int(server.redis("PTTL", k)) <= 1050 for k in keys
    ), "Redis's own expiry ends with the lease, too"

    def over():
        try:
            return server.read_claim(claim["claim"]).status != 200
        except Closed:  # it ended in the middle of an answer, which is cut off there
            return True

    wait_for(over, "the lease ends", 4)
    assert time.time() >= ends - 0.01
    check_problem(server.read_claim(claim["claim"]), 410, "gone", "lease-expired")
    check_problem(server.ack(claim["claim"]), 410, "gone", "lease-expired")
    check_problem(server.claim(blob["blob"], "verifier2"), 410, "gone", "lease-expired")
    wait_for(lambda: not server.chunks(blob["blob"]), "nothing is left", 2)
    (last,) = server.evidence("gone", tag=blob["tag"])
    assert (
        last["cause"] == "lease-expired"
        and last["by"] == "verifier"
        and "outcome" not in last
        and last["late_us"] < 500_000 * SLOW
    )


def test_claim_never_passes_the_blobs_deadline(server):
    """A long lease on a short blob ends with the blob."""
    blob = server.put_ok(server.sealed(300), ttl=2)
    claim = server.claim_ok(blob["blob"], lease_s=900)
    assert claim["lease_deadline"] == blob["deadline"]
    wait_for(lambda: server.read_claim(claim["claim"]).status == 410, "it ends", 5)
    assert time.time() >= moment(blob["deadline"]) - 0.01
    assert not server.chunks(blob["blob"])


def test_claim_on_bound_blob_ends_with_its_session_and_counts_as_activity(server):
    """Closing the session ends the claim before the answer; a claim resets the idle clock."""
    session = server.session(idle_s=3)["session"]
    blob = server.put_ok(server.sealed(100_000), kind="passport", issuer="DNK", session=session)[
        "blob"
    ]
    free = server.put_ok(server.sealed(300), session=session)["blob"]
    let_pass(1.6, "the rhythm of use: over half of the idle time")
    claim = server.claim_ok(blob)["claim"]
    let_pass(1.6, "the rhythm of use: over half of the idle time")
    assert server.read_claim(claim).status == 200
    let_pass(1.6, "the rhythm of use: over half of the idle time")
    assert (
        server.call("GET", f"/v1/sessions/{session}").json()["state"] == "open"
    ), "claim and read were activity"
    unbound = server.claim_ok(free)["claim"]
    closed = server.call("DELETE", f"/v1/sessions/{session}").json()
    assert [r["blob"] for r in closed["receipts"]] == [blob]
    check_problem(server.read_claim(claim), 410, "gone", "session-closed")
    check_problem(server.ack(claim), 410, "gone", "session-closed")
    assert not server.chunks(blob)
    assert server.read_claim(unbound).status == 200 and server.ack(unbound).status == 200


def test_erase_ends_a_claim(server):
    """Its uploader's DELETE is stronger than a lease."""
    blob = server.put_ok(server.sealed(300))["blob"]
    claim = server.claim_ok(blob)["claim"]
    assert server.erase(blob).json()["cause"] == "erased"
    check_problem(server.read_claim(claim), 410, "gone", "erased")


def test_processor_may_have_foreign_passports_alone(server):
    """422 for a Danish passport and for what is no passport, 404 where it is not named, 403 for
    take; the rest is as for a verifier."""
    session = server.session()["session"]
    to = "verifier, processor"
    for fields in (
        dict(kind="passport", issuer="DNK", session=session),
        dict(kind="passport", issuer="FRO", session=session),
        dict(kind="liveness"),
        dict(kind="face3d"),
    ):
        blob = server.put_ok(server.sealed(300), to=to, **fields)["blob"]
        check_problem(server.claim(blob, "processor"), 422, "processor")
        assert server.stat(blob).json()["state"] == "live"
        server.erase(blob)
    body = server.sealed(300)
    unnamed = server.put_ok(body, kind="passport", issuer="SWE")["blob"]
    check_problem(server.claim(unnamed, "processor"), 404, "not-found")
    server.erase(unnamed)
    blob = server.put_ok(body, kind="passport", issuer="D", to=to)["blob"]
    check_problem(server.take(blob, "processor"), 403, "role")
    check_problem(server.claim(blob, "processor", lease_s=901), 422, "ttl")
    claim = server.claim_ok(blob, "processor", lease_s=900)["claim"]
    check_problem(server.claim(blob), 409, "claimed")
    assert server.read_claim(claim, "processor").body == body
    assert server.ack(claim, peer="processor").json()["cause"] == "consumed"
    server.call("DELETE", f"/v1/sessions/{session}?erase=all")


def test_slow_reader_is_waited_for_and_cut_off_when_the_blob_ends(launch):
    """A claimant that reads slowly holds the worker's memory to its window; when the blob ends
    meanwhile, the answer is cut off."""
    server = launch(workers=1)
    body = server.sealed(8_000_000)
    blob = server.put_ok(body)["blob"]
    claim = server.claim_ok(blob)["claim"]
    with server.connect("verifier", rcvbuf=4096) as conn:
        conn.send(conn.head("GET", f"/v1/claims/{claim}"))
        conn.response_head()
        let_pass(0.3, "the answer fills every window and stalls")
        assert server.ack(claim).status == 200
        with pytest.raises(Closed):
            while True:
                conn.buf = b""
                conn.more()
    assert not server.chunks()


def race(server, blob, claim, steps):
    """All steps at once; returns name → answer (None: the connection was cut)."""
    gate = threading.Barrier(len(steps))
    got = {}

    def go(name, call):
        gate.wait()
        try:
            got[name] = call()
        except Closed:
            got[name] = None

    threads = [threading.Thread(target=go, args=a) for a in steps.items()]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return got


def test_claim_take_and_close_race_has_one_reader(server):
    """Two claims, two takes and the session's end at once, 40 times: at most one reader, everyone
    else is told 409 or 410."""
    winners = {"claim": 0, "take": 0, "close": 0}
    for i in range(40):
        session = server.session()["session"]
        body = server.sealed(300 if i % 2 else 150_000)
        blob = server.put_ok(body, kind="passport", issuer="DNK", session=session)["blob"]
        got = race(
            server,
            blob,
            None,
            {
                "claim1": lambda b=blob: server.claim(b),
                "claim2": lambda b=blob: server.claim(b, "verifier2"),
                "take1": lambda b=blob: server.take(b),
                "take2": lambda b=blob: server.take(b, "verifier2"),
                "close": lambda s=session: server.call("DELETE", f"/v1/sessions/{s}"),
            },
        )
        assert got["close"].status == 200
        readers = [
            n for n, a in got.items() if n != "close" and (a is None or a.status in (200, 201))
        ]
        assert len(readers) <= 1, got
        for name, answer in got.items():
            if name != "close" and name not in readers:
                assert answer.status in (409, 410), answer
        winners[readers[0][:-1] if readers else "close"] += 1
        if readers and readers[0].startswith("claim"):
            token = got[readers[0]].json()["claim"]
            check_problem(
                server.read_claim(token, "verifier" if readers[0] == "claim1" else "verifier2"),
                410,
                "gone",
                "session-closed",
            )
        wait_for(lambda b=blob: not server.chunks(b), "nothing of it is left", 3)
    print(winners)
    assert winners["claim"] + winners["take"] > 0


def test_ack_and_lease_end_race_has_one_end(server):
    """Acks at the very moment of the lease's end: the blob ends once, and the answer names the
    cause that stands."""
    ends = {"consumed": 0, "lease-expired": 0}
    with server.connect("verifier") as conn:
        claims = []
        for i in range(30):
            blob = server.put_ok(server.sealed(300))["blob"]
            claims.append(
                (
                    blob,
                    conn.request("POST", f"/v1/blobs/{blob}/claim", body=b'{"lease_s":1}').json(),
                )
            )
        for i, (blob, claim) in enumerate(claims):
            end = moment(claim["lease_deadline"]) - 0.004 + 0.00025 * i
            let_pass(end - time.time(), "each acknowledges at another moment around the end")
            answer = conn.request(
                "POST", f"/v1/claims/{claim['claim']}/ack", body=b'{"outcome":"ok"}'
            )
            cause = server.stat(blob).json()["cause"]
            ends[cause] += 1
            if answer.status == 200:
                assert answer.json()["cause"] == "consumed" == cause
            else:
                check_problem(answer, 410, "gone", cause)
            assert not server.chunks(blob)
    print(ends)
    assert sum(ends.values()) == 30


def test_a_record_that_was_altered_in_the_store_ends_no_worker(launch):
    """Who can write into the store makes a claimed blob's record say that nothing is there: its
    reader is told of a fault, and the worker goes on."""
    server = launch(options=[("limits.max_blob", "2MiB")])
    for size in (1000, 700_000):
        sealed = server.sealed(size)
        blob = server.put_ok(sealed)["blob"]
        claim = server.claim_ok(blob)["claim"]
        key = f"tg:{{{blob[:2]}}}:b:{blob}"
        record = server.redis("GETRANGE", key, "0", "600").split("\n")[0]
        fields = record.split("\t")
        chunks = fields.index(str(len(sealed))) - 1
        fields[chunks] = "0" * len(fields[chunks])
        fields[chunks + 1] = "0" * len(fields[chunks + 1])
        server.redis("SETRANGE", key, "0", "\t".join(fields))
        workers = server.workers()
        assert server.read_claim(claim).status in (500, 502, 503)
        assert server.workers() == workers
