"""The subject of evidence is a keyed pseudonym. It is checked, hashed at once, and only the hash is
kept. What is held of a person is shown, erased and frozen by it."""
import hashlib
import json
import re
import secrets
import subprocess
import threading
import time

import pytest

from audit import key_of, log_of, verify
from cli_command import TIMEGLAS, environment
from harness import SLOW, digest, let_pass, wait_for
from problems import TIME, check_problem
from test_stalled import Stalled, all_stall, check_cut_off

SUBJECT = "5ca1ab1e" * 8
OTHER = "0ddba11f" * 8


CONTENT = """
local out = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  out[#out + 1] = key
  if kind == 'string' then out[#out + 1] = redis.call('GET', key)
  elseif kind == 'hash' then out[#out + 1] = table.concat(redis.call('HGETALL', key), ' ')
  elseif kind == 'zset' then out[#out + 1] = table.concat(redis.call('ZRANGE', key, 0, -1), ' ')
  elseif kind == 'stream' then
    for _, e in ipairs(redis.call('XRANGE', key, '-', '+')) do
      out[#out + 1] = table.concat(e[2], ' ')
    end
  end
end
return out
"""


def hash_of(subject, uploader="uploader"):
    return hashlib.sha256(f"timeglas subject 1\n{uploader}\n{subject}".encode()).hexdigest()[:32]


def shard_of(hashed):
    return f"{int(hashed[:2], 16) % 64:02x}"


@pytest.mark.parametrize("size", [300, 200_000])
@pytest.mark.parametrize("how", ["field", "session", "both"])
def test_subject_is_kept_as_its_hash_in_its_shard(server, size, how):
    """Said in the field, or by the session, or by both: the hash names the shard, and stands in
    each event of the blob."""
    hashed = hash_of(SUBJECT)
    session = server.session(subject=SUBJECT)["session"] if how != "field" else None
    blob = server.put_ok(
        server.sealed(size), session=session, subject=SUBJECT if how != "session" else None
    )
    assert blob["blob"][:2] == shard_of(hashed) == (session or blob["blob"])[:2]
    assert server.ack(server.claim_ok(blob["blob"])["claim"]).status == 200
    for event in ("stored", "claimed", "gone"):
        record = server.evidence(event, tag=blob["tag"])[0]
        assert record["subject"] == hashed and record["kind"] == "liveness" and "more" not in record
    if session:
        server.evidence("session-open", subject=hashed)


def test_without_a_subject_no_event_has_one(server):
    """What nobody named is not made up."""
    blob = server.put_ok(server.sealed(300), session=server.session()["session"])
    assert server.take(blob["blob"]).status == 200
    assert "subject" not in server.evidence("gone", tag=blob["tag"])[0]


def test_subjects_digits_are_nowhere(launch):
    """Redis, while the session is open and when it has ended, the log and the evidence hold the
    hash of the subject, not its digits; and the audit is content."""
    server = launch(workers=2)
    session = server.session(subject=SUBJECT)["session"]
    for size in (300, 200_000):
        server.put_ok(server.sealed(size), session=session, subject=SUBJECT)
        server.put_ok(server.sealed(size), subject=OTHER)
    check_problem(server.put(server.sealed(300), session=session, subject=OTHER), 422, "subject")
    check_problem(server.put(server.sealed(300), subject=OTHER[:-1] + "F"), 422, "subject")
    seen = server.redis("EVAL", CONTENT, "0")
    assert hash_of(SUBJECT) in seen and hash_of(OTHER) in seen
    assert server.call("DELETE", f"/v1/sessions/{session}?erase=all").status == 200
    seen += server.redis("EVAL", CONTENT, "0")
    server.evidence("gone", count=2)
    evidence = log_of(server).read_text()
    assert hash_of(SUBJECT) in evidence
    for digits in (SUBJECT, OTHER):
        for text in (seen, evidence, server.log_text(), server.stderr()):
            assert digits[:16] not in text
    status, report = verify("--key", key_of(server), log_of(server))
    assert status == 0, report


@pytest.mark.parametrize("size", [300, 200_000])
@pytest.mark.parametrize("of", [SUBJECT, None])
def test_another_subject_than_the_sessions_is_refused(server, size, of):
    """A session is of one subject, or of none: what names another is refused, with one chunk or
    several, and nothing of it is left."""
    before = set(server.chunks())
    session = server.session(**({"subject": of} if of else {}))["session"]
    problem = check_problem(
        server.put(server.sealed(size), session=session, subject=OTHER), 422, "subject"
    )
    assert "Timeglas-Subject" in problem["detail"]
    check_problem(
        server.put(server.sealed(size), session=session, subject=OTHER, chunked=30_000),
        422,
        "subject",
    )
    assert server.call("DELETE", f"/v1/sessions/{session}").json()["receipts"] == []
    assert not set(server.chunks()) - before


@pytest.mark.parametrize(
    "wrong", ["", "12", "g" * 64, SUBJECT[:-1], SUBJECT + "0", SUBJECT.upper(), " " + SUBJECT[1:]]
)
def test_malformed_subject_is_refused(server, nothing_new, wrong):
    """64 lower-case hexadecimal digits, or 422 (an empty field: 400)."""
    if wrong:
        answer = server.call(
            "POST",
            "/v1/sessions",
            fields=[("Content-Type", "application/json")],
            body=b'{"subject":"%s"}' % wrong.encode(),
        )
        check_problem(answer, 422, "subject")
    check_problem(
        server.put(server.sealed(300), subject=wrong),
        *((422, "subject") if wrong else (400, "malformed")),
    )
    nothing_new()


def test_subject_is_the_uploaders_own_and_part_of_its_request(server):
    """Two uploaders' equal digits are two hashes; under one Idempotency-Key another subject is
    another request."""
    assert hash_of(SUBJECT) != hash_of(SUBJECT, "uploader2")
    body = server.sealed(300)
    fields = [
        *server.upload_fields(content_digest=digest(body), subject=SUBJECT),
        ("Idempotency-Key", "one of a subject"),
    ]
    first = server.call("POST", "/v1/blobs", fields=fields, body=body)
    assert first.status == 201 and first.json()["blob"][:2] == shard_of(hash_of(SUBJECT))
    again = server.call("POST", "/v1/blobs", fields=fields, body=body)
    assert again.status == 200 and again.json() == first.json()
    other = [
        (n, OTHER if n == "Timeglas-Subject" else v)
        for n, v in server.upload_fields(content_digest=digest(body), subject=SUBJECT)
    ]
    check_problem(
        server.call(
            "POST", "/v1/blobs", fields=[*other, ("Idempotency-Key", "one of a subject")], body=body
        ),
        422,
        "idempotency-key",
    )


def test_processor_gets_a_foreign_passport_of_a_subject(server):
    """The rule for processors reads the description, to which a subject belongs: a foreign passport
    yes, a Danish one no."""
    session = server.session(subject=SUBJECT)["session"]
    for issuer, status in (("SWE", 201), ("DNK", 422)):
        blob = server.put_ok(
            server.sealed(300), kind="passport", issuer=issuer, session=session,
            to="verifier, processor",
        )["blob"]
        assert server.claim(blob, "processor").status == status
    server.call("DELETE", f"/v1/sessions/{session}?erase=all")


# A person's rights -------------------------------------------------------------------------------


class Person:
    """A subject of its own."""

    def __init__(self, server):
        self.server = server
        self.digits = secrets.token_hex(32)
        server.secrets.add(self.digits)
        self.hash = hash_of(self.digits)
        self.path = f"/v1/subjects/{self.digits}"

    def put(self, size=300, **fields):
        return self.server.put_ok(self.server.sealed(size), subject=self.digits, **fields)

    def call(self, method, after="", peer="uploader"):
        return self.server.call(method, self.path + after, peer)

    def ok(self, method, after="", peer="uploader"):
        answer = self.call(method, after, peer)
        assert answer.status == 200, answer
        assert self.digits[:16] not in answer.body.decode()
        return answer.json()

    def show(self):
        shown = self.ok("GET")
        assert all(b["state"] != "gone" for b in shown["live"])
        return {b["blob"]: b for b in shown["live"] + shown["ended"]}

    def key(self, kind):
        return f"tg:{{{shard_of(self.hash)}}}:{kind}:{self.hash}"


def method_of(server):
    """What is told to become of the bytes; a sanitizer's build has an allocator that keeps them."""
    return "overwrite" if server.metric("timeglas_memory_wiped") == 1 else "delete"


def test_30_blobs_of_a_person_are_erased_with_a_receipt_each(launch):
    """Small and large, live, claimed, consumed, of a session or not: DELETE ends what is there, and
    nothing else; nothing of it is left in Redis; the evidence has each end and the erasure, and
    nobody has the digits."""
    server = launch(workers=2)
    person, other = Person(server), Person(server)
    session = server.session(subject=person.digits)["session"]
    blobs = [
        person.put(size, session=session if i % 3 == 0 else None)
        for i, size in enumerate([300, 30_000, 200_000] * 10)
    ]
    assert server.take(blobs[0]["blob"]).status == 200
    for blob in blobs[1:4]:
        server.claim_ok(blob["blob"], "verifier")
    kept = [other.put(), server.put_ok(server.sealed(200_000))]
    shown = person.show()
    assert list(shown) and shown[blobs[0]["blob"]]["reader"] == "verifier"
    assert sum(b["state"] == "claimed" for b in shown.values()) == 3
    erased = person.ok("DELETE")
    assert erased["subject"] == person.hash and erased["uploader"] == "uploader"
    method = method_of(server)
    assert erased["count"] == 29 and erased["method"] == method
    assert erased["by"] == "uploader" and erased["tool"].startswith("timeglasd ")
    assert {r["blob"] for r in erased["receipts"]} == {b["blob"] for b in blobs[1:]}
    assert {r["cause"] for r in erased["receipts"]} == {"erased"}
    assert not any(server.chunks(b["blob"]) for b in blobs)
    for blob in blobs[1:]:
        check_problem(server.take(blob["blob"]), 410, "gone", "erased")
    for blob in kept:
        assert server.take(blob["blob"]).status == 200
    record = server.evidence("subject-erased", subject=person.hash)[0]
    assert record["uploader"] == record["by"] == "uploader" and record["id"] == erased["event"]
    assert record["more"] == {"count": "29", "method": method}
    ends = server.evidence("gone", count=30, subject=person.hash)
    assert {r["event"] for r in erased["receipts"]} == {e["id"] for e in ends} - {
        person.show()[blobs[0]["blob"]]["event"]
    }
    assert person.ok("DELETE")["receipts"] == [] and person.ok("GET")["more"] is False
    for text in (
        server.redis("EVAL", CONTENT, "0"), log_of(server).read_text(), server.log_text(),
        server.stderr(),
    ):
        assert person.digits[:16] not in text
    status, report = verify("--key", key_of(server), log_of(server))
    assert status == 0, report


def test_a_subject_is_its_uploaders_and_operators_name_it(server):
    """Who may not is refused, and an operator names the uploader. (Two uploaders' equal digits:
    test_config.py.)"""
    person = Person(server)
    blob = person.put()["blob"]
    for method, after in (("GET", ""), ("DELETE", ""), ("POST", "/freeze"), ("POST", "/release")):
        for peer in ("verifier", "processor"):
            check_problem(person.call(method, after, peer), 403, "role")
        check_problem(person.call(method, after, "operator"), 400, "malformed")
        check_problem(person.call(method, after + "?uploader=verifier2"), 403, "role")
        for query in ("?", "?uploader=", "?uploader=A", "?who=uploader", "?uploader=" + "a" * 32):
            check_problem(person.call(method, after + query, "operator"), 400, "malformed")
    for wrong in (person.digits[1:], person.digits + "0", person.digits[1:] + "A", "g" * 64):
        check_problem(server.call("GET", "/v1/subjects/" + wrong), 404, "not-found")
    assert person.ok("GET", "?uploader=uploader")["live"]
    assert person.ok("GET", "?uploader=nobody", "operator")["live"] == []
    assert person.ok("POST", "/freeze?uploader=uploader", "operator")["event"]
    check_problem(server.take(blob), 423, "frozen")
    erased = person.ok("DELETE", "?uploader=uploader", "operator")
    assert [r["blob"] for r in erased["receipts"]] == [blob]
    record = server.evidence("subject-erased", subject=person.hash)[0]
    assert (record["by"], record["uploader"]) == ("operator", "uploader")


@pytest.mark.parametrize("size", [300, 200_000])
def test_frozen_is_not_read_until_it_is_released(server, size):
    """Nobody takes, claims or reads on, also of what is uploaded meanwhile; the uploader sees it,
    and a claimant may be done with it; released, everything goes on."""
    person = Person(server)
    early, claimed, acked = (person.put(size) for _ in range(3))
    claim = server.claim_ok(claimed["blob"])["claim"]
    done = server.claim_ok(acked["blob"])["claim"]
    frozen = person.ok("POST", "/freeze")
    assert TIME.fullmatch(frozen["frozen_until"]) and frozen["event"]
    late = person.put(size)
    for blob in (early, late):
        check_problem(server.take(blob["blob"]), 423, "frozen")
        check_problem(server.claim(blob["blob"]), 423, "frozen")
        check_problem(server.take(blob["blob"], "verifier2"), 423, "frozen")
        assert server.stat(blob["blob"]).json()["state"] == "live"
    check_problem(server.read_claim(claim), 423, "frozen")
    assert person.ok("GET")["frozen_until"] == frozen["frozen_until"]
    assert server.ack(done).status == 200
    released = person.ok("POST", "/release")
    assert released["frozen_until"] is None and released["event"]
    assert person.ok("POST", "/release")["event"] is None
    assert server.read_claim(claim).status == 200
    assert server.take(early["blob"]).body == server.sealed(size)
    assert server.take(late["blob"]).status == 200
    for event in ("subject-frozen", "subject-released"):
        record = server.evidence(event, subject=person.hash)[0]
        assert record["by"] == "uploader"
    assert server.evidence("subject-frozen", subject=person.hash)[0]["deadline"] == (
        frozen["frozen_until"]
    )


def test_frozen_lasts_a_day_of_the_stores_time_and_clocks_run_on(server):
    """Its end is 24 hours ahead, and comes by itself; a deadline before that ends the blob."""
    person = Person(server)
    short, long = person.put(ttl=2), person.put()
    before = time.time()
    person.ok("POST", "/freeze")
    ends = int(server.redis("HGET", person.key("jf"), "fz"))
    assert before + 86_390 < ends / 1000 < time.time() + 86_410
    wait_for(lambda: server.stat(short["blob"]).json()["state"] == "gone", "its deadline", 5)
    check_problem(server.take(short["blob"]), 410, "gone", "expired")
    server.redis("HSET", person.key("jf"), "fz", str(int(time.time() * 1000) + 300))
    check_problem(server.take(long["blob"]), 423, "frozen")
    wait_for(lambda: server.take(long["blob"]).status == 200, "the freeze is over", 3)


@pytest.mark.parametrize("how", ["DELETE", "/freeze"])
def test_readers_under_way_are_reset(launch, how):
    """Erased or frozen, a reader that stalls gets nothing of what it has not received."""
    server = launch(workers=1)
    person = Person(server)
    readers = {}
    for size in (500_000, 8_000_000):
        blob = person.put(size)["blob"]
        readers["take", size] = Stalled(server, "POST", f"/v1/blobs/{blob}/take")
        claim = server.claim_ok(person.put(size)["blob"])["claim"]
        readers["claim", size] = Stalled(server, "GET", f"/v1/claims/{claim}")
    all_stall(readers)
    if how == "DELETE":
        person.ok("DELETE")
        assert not server.chunks()
    else:
        person.ok("POST", how)
    check_cut_off(readers)
    states = sorted(b["state"] for b in person.show().values())
    assert states == (["gone"] * 4 if how == "DELETE" else ["claimed"] * 2 + ["gone"] * 2)


def test_an_upload_that_began_before_an_erasure_is_refused(server):
    """Its bytes are still coming, few or many: 410 with the cause, and nothing of it is left."""
    person = Person(server)
    for size in (20_000, 400_000):
        body = server.sealed(size)
        with server.connect() as conn:
            conn.send(server.upload_head(len(body), subject=person.digits) + body[: size * 3 // 4])
            if size > 100_000:
                wait_for(lambda: server.chunks(), "something of it is stored", 5)
            else:
                wait_for(lambda: conn.readable(0.2) is False, "it waits", 2)
            assert person.ok("DELETE")["count"] == 0
            conn.send(body[size * 3 // 4 :])
            check_problem(conn.response(), 410, "gone", "erased")
    assert person.show() == {}
    assert not server.redis("ZCARD", person.key("j")).strip("0\n ")
    person.put()
    assert person.ok("DELETE")["count"] == 1


@pytest.mark.parametrize("what", ["DELETE", "/freeze"])
def test_a_race_with_readers_has_one_outcome_for_each_blob(launch, what):
    """Takes, claims and uploads run while all is erased or frozen: each blob is read whole, or
    never; what is stored behind an erasure is a new upload; and the audit agrees."""
    server = launch(workers=2)
    sizes = (300, 200_000)
    for size in sizes:
        server.sealed(size)
    person = Person(server)
    blobs = [person.put(sizes[i % 2])["blob"] for i in range(40)]
    got, stored, start = {}, [], threading.Barrier(4, timeout=60 * SLOW)

    def take(some):
        with server.connect("verifier") as conn:
            start.wait()
            for blob in some:
                got[blob] = conn.request("POST", f"/v1/blobs/{blob}/take")

    def upload():
        start.wait()
        for i in range(12):
            answer = server.put(server.sealed(sizes[i % 2]), subject=person.digits)
            assert answer.status in (201, 410), answer
            if answer.status == 201:
                stored.append(answer.json()["blob"])

    def end():
        start.wait()
        let_pass(0.01, "in their midst; any moment will do")
        person.ok("DELETE") if what == "DELETE" else person.ok("POST", what)

    threads = [
        threading.Thread(target=take, args=(blobs[:20],)),
        threading.Thread(target=take, args=(blobs[20:],)),
        threading.Thread(target=upload), threading.Thread(target=end),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 40
    shown = person.show()
    refused = "gone" if what == "DELETE" else "frozen"
    for i, blob in enumerate(blobs):
        answer = got[blob]
        if answer.status == 200:
            assert answer.body == server.sealed(sizes[i % 2])
            assert shown[blob]["cause"] == "consumed"
        else:
            assert answer.json()["type"] == f"/problems/{refused}", answer
            assert shown[blob].get("cause") == ("erased" if what == "DELETE" else None)
    if what == "/freeze":
        for blob in stored:
            check_problem(server.take(blob), 423, "frozen")
    assert person.ok("DELETE")["count"] == sum(b["state"] != "gone" for b in shown.values())
    assert not server.chunks()
    server.evidence("gone", count=40 + len(stored), subject=person.hash)


def test_a_person_has_64_blobs_and_no_more(server):
    """The 65th is refused until there is room; another person's is not."""
    person, other = Person(server), Person(server)
    blobs = [person.put(300) for _ in range(64)]
    refused = server.put(server.sealed(300), subject=person.digits)
    check_problem(refused, 429, "quota")
    check_problem(server.put(server.sealed(200_000), subject=person.digits), 429, "quota")
    other.put()
    assert server.take(blobs[0]["blob"]).status == 200
    person.put()
    assert person.ok("DELETE")["count"] == 64
    assert len(person.ok("GET")["ended"]) == 65


class Command:
    """timeglas subject, as a peer."""

    def __init__(self, server, folder, peer="uploader"):
        cert, key = server.files(peer)
        self.env = {
            **environment(folder),
            **{k: v for k, v in server.env.items() if k in ("TIMEGLAS_URL", "TIMEGLAS_CA")},
            "TIMEGLAS_CERT": cert, "TIMEGLAS_KEY": key,
        }

    def __call__(self, *args, ok=0):
        done = subprocess.run(
            [TIMEGLAS, "subject", *map(str, args)], capture_output=True, timeout=60, env=self.env
        )
        assert done.returncode == ok, (done.returncode, done.stdout, done.stderr)
        assert b"Sanitizer" not in done.stderr
        return done.stderr.decode() if ok else done.stdout.decode()


def test_the_command_shows_freezes_and_erases_with_a_certificate(server, tmp_path):
    """What is held, for people and as JSON; the certificate says what, when, how, by whom and by
    what, and names each blob's event and the one in the evidence that stands for all."""
    person = Person(server)
    blobs = [person.put() for _ in range(3)]
    assert server.take(blobs[0]["blob"]).status == 200
    me, operator = Command(server, tmp_path), Command(server, tmp_path, "operator")
    shown = me("show", person.digits)
    assert blobs[1]["blob"] in shown and "verifier" in shown and "ended:" in shown
    assert json.loads(me("show", "--json", person.digits))["frozen_until"] is None
    assert "frozen_until" in me("freeze", person.digits)
    check_problem(server.take(blobs[1]["blob"]), 423, "frozen")
    assert "--uploader" in operator("release", person.digits, ok=1)
    operator("release", "--uploader", "uploader", person.digits)
    file = tmp_path / "certificate.txt"
    missing = me("erase", "--certificate", tmp_path / "no/such/folder", person.digits, ok=2)
    assert "nothing was erased" in missing and len(person.ok("GET")["live"]) == 2
    answer = json.loads(
        operator(
            "erase", "--json", "--uploader", "uploader", "--certificate", file, person.digits
        )
    )
    text = file.read_text()
    assert answer["count"] == 2 and answer["by"] == "operator"
    for words in (
        f"What            all that the buffer held of one person: {answer['count']} blobs",
        f"When            {answer['erased_at']}",
        "Method          " + ("overwrite:" if answer["method"] == "overwrite" else "deletion:"),
        f"Tool            {answer['tool']}", "Who             operator asked for it",
        "Verification", answer["event"], person.hash, "NIST SP 800-88r2",
    ):
        assert words in text, words
    for receipt in answer["receipts"]:
        line = [receipt["tag"], receipt["cause"], receipt["erased_at"], receipt["event"]]
        assert "  " + "  ".join(line) + "\n" in text
    assert person.digits not in text and max(map(len, text.splitlines())) <= 120
    assert re.search(r"[^\n -~]", text) is None, "plain ASCII"
    kept = me("erase", "--certificate", file, person.digits, ok=2)
    assert "is there already" in kept and file.read_text() == text
    assert "receipts: none" in me("erase", person.digits)
    assert "64 lower-case" in me("erase", "12", ok=2)
