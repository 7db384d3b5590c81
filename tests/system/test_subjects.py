"""The subject of evidence is a keyed pseudonym. It is checked, hashed at once, and only the hash is
kept."""
import hashlib

import pytest

from audit import key_of, log_of, verify
from harness import digest
from problems import check_problem

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
