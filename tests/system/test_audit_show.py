"""Goal: timeglas audit show answers an incident, or a person who asks, from the evidence, in the
order of time; and refuses what the evidence does not know."""
import hashlib
import json

import pytest

from audit import audit, finished, recorded

SUBJECT, OTHER = "5b" * 32, "6c" * 32


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """(log, what was told of two blobs of one person, one of another, and a session)"""
    from harness import Server

    server = Server(workers=1)
    told = {}
    try:
        told["session"] = server.session(subject=SUBJECT)["session"]
        other = server.session(subject=OTHER)["session"]
        told["bound"] = server.put_ok(
            server.sealed(300), kind="passport", issuer="DNK", session=told["session"]
        )
        told["video"] = server.put_ok(server.sealed(300), subject=SUBJECT, to="verifier")
        told["other"] = server.put_ok(
            server.sealed(300), kind="passport", issuer="SWE", subject=OTHER
        )
        claim = server.claim_ok(told["video"]["blob"])["claim"]
        assert server.ack(claim, outcome="rejected").status == 200
        assert server.take(told["other"]["blob"], "verifier2").status == 200
        assert server.call("DELETE", f"/v1/sessions/{told['session']}").status == 200
        assert server.call("DELETE", f"/v1/sessions/{other}").status == 200
        recorded(server, "gone", told["bound"])
        log, told["key"] = finished(server, tmp_path_factory.mktemp("show"))
        return log, told
    finally:
        server.kill()


@pytest.fixture
def ask(told):
    def ask(*question, status=0):
        done = audit("show", "--json", told[0], "--key", told[1]["key"], *question)
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout or done.stderr)

    return ask


def summary(answer):
    assert [e["time"] for e in answer["events"]] == sorted(e["time"] for e in answer["events"])
    return [(e["event"], e["tag"], e["by"]) for e in answer["events"]]


def test_all_of_a_person(ask, told):
    """Whoever has the pseudonym: what was stored, who read it, what became of it; the session, too,
    and nothing of anybody else."""
    video, bound = told[1]["video"]["tag"], told[1]["bound"]["tag"]
    answer = ask("--subject", SUBJECT)
    assert sorted(summary(answer), key=str) == sorted([
        ("session-open", None, None), ("stored", bound, None), ("stored", video, None),
        ("claimed", video, "verifier"), ("gone", video, "verifier"), ("gone", bound, None),
        ("session-end", None, None),
    ], key=str), answer
    gone = next(e for e in answer["events"] if e["event"] == "gone" and e["tag"] == video)
    assert gone["outcome"] == "rejected" and gone["cause"] == "consumed"
    text = audit("show", told[0], "--key", told[1]["key"], "--subject", SUBJECT).stdout.decode()
    assert "consumed, rejected" in text and told[1]["other"]["tag"] not in text
    assert ask("--subject", "7d" * 32)["n"] == 0
    assert ask("--subject", "7d", status=2)["error"] == "usage"


def test_all_of_a_blob_and_of_a_session(ask, told):
    """By the ids that only those know who were told them."""
    bound = told[1]["bound"]
    by_id = ask("--blob", bound["blob"])
    assert [e[0] for e in summary(by_id)] == ["stored", "gone"]
    assert ask("--blob", bound["tag"]) == by_id
    assert hashlib.sha256(b"timeglas evidence 1\n" + bound["blob"].encode()).hexdigest()[:32] == (
        bound["tag"]
    )
    of_session = ask("--session", told[1]["session"])
    assert {e[0] for e in summary(of_session)} == {"session-open", "stored", "session-end", "gone"}
    assert {e["tag"] for e in of_session["events"]} == {None, bound["tag"]}
    assert ask("--blob", "short", status=2)["error"] == "usage"


def test_only_passports_are_danish_or_not(ask, told):
    answer = ask("--peer", "uploader")
    issuer = {e["kind"]: e["dk"] for e in answer["events"] if e["event"] == "stored"}
    assert issuer == {"passport": False, "liveness": None}
    text = audit("show", told[0], "--key", told[1]["key"], "--peer", "uploader").stdout.decode()
    assert "not DK" not in text and "Danish" in text and "other" in text


def test_what_the_evidence_does_not_know_is_refused(ask, told):
    """A moment outside it, and a peer that does not occur, with those that do."""
    for question in (
        ("--at", "2020-01-01T00:00:00Z"), ("--at", "2090-01-01T00:00:00Z"),
        ("--attempts", "--to", "2020-01-01T00:00:00Z"),
    ):
        assert "this evidence tells of the time from" in ask(*question, status=2)["detail"]
    said = ask("--peer", "verifer", status=2)["detail"]
    assert "those that occur" in said and "verifier" in said and "uploader" in said
    assert ask("--at", told[1]["video"]["stored_at"])["n"] == 2
    assert ask(status=2)["error"] == "usage"
    assert ask("--attempts", "--blob", told[1]["bound"]["blob"], status=2)["error"] == "usage"
    backwards = ("--from", "2026-11-22T12:00:01Z", "--to", "2026-11-22T12:00:00Z")
    assert "later than --to" in ask("--attempts", *backwards, status=2)["detail"]
    assert "24 characters" in ask("--session", "short", status=2)["detail"]


def test_nothing_of_an_id_that_was_typed_is_said_with_a_warning(told):
    """It may be mistyped, or stand in a file that was not given."""
    log, key = told[0], told[1]["key"]
    for question in (("--blob", "0" * 24), ("--session", "0" * 24), ("--subject", "7d" * 32)):
        done = audit("show", log, "--key", key, *question)
        assert done.returncode == 0 and done.stdout == b"nothing\n"
        assert b"see that it is written as it was told to you" in done.stderr
    known = audit("show", log, "--key", key, "--blob", told[1]["bound"]["blob"])
    assert known.stderr == b""


def test_without_a_key_it_says_so(told):
    done = audit("show", told[0], "--attempts")
    assert done.returncode == 0 and b"nobody said which key" in done.stderr
    assert json.loads(audit("show", "--json", told[0], "--attempts").stdout)["pinned"] is False
