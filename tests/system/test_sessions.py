"""Sessions: opened, shown, kept alive and ended; what is bound to one is physically gone when it
ends."""
import time

import pytest

from harness import let_pass, wait_for
from problems import TIME, check_problem
from test_happy import ID, moment

DANISH = dict(kind="passport", issuer="DNK")


def show(server, session, peer="uploader"):
    return server.call("GET", f"/v1/sessions/{session}", peer)


def test_open_session_has_its_members(server):
    """201 with exactly what the contract names; an hour at most, idle after ten minutes unless
    asked otherwise."""
    for members, idle in (
        ({}, 600),
        ({"idle_s": 42}, 42),
        ({"subject": "ab" * 32, "idle_s": 3600}, 3600),
    ):
        session = server.session(**members)
        assert set(session) == {"session", "state", "opened_at", "deadline", "idle_s"}, session
        assert (
            ID.fullmatch(session["session"])
            and session["state"] == "open"
            and session["idle_s"] == idle
        )
        assert moment(session["deadline"]) - moment(session["opened_at"]) == 3600
        assert server.call("DELETE", f"/v1/sessions/{session['session']}").status == 200


def test_session_opens_without_a_body(server):
    """Both members are optional, so is the JSON object."""
    answer = server.call("POST", "/v1/sessions")
    assert answer.status == 201 and answer.json()["idle_s"] == 600
    assert server.call("DELETE", f"/v1/sessions/{answer.json()['session']}").status == 200


@pytest.mark.parametrize(
    "text, says",
    [
        ("[]", "object, or nothing"), ("7", "JSON"), ("{", "JSON"),
        ('{"idle_s": 5, "idle_s": 6}', "uplicate"),
        ('{"idle_s": 99999999999999999999}', "too big integer"), ('{"idle_s": 3601}', "idle_s"),
        ('{"idle": 5}', "idle_s"), ("\xff", "JSON"),
    ],
)
def test_content_that_cannot_be_read_is_told_why(server, text, says):
    """The detail says what is wrong with it."""
    answer = server.call("POST", "/v1/sessions", body=text.encode("latin-1"))
    check_problem(answer, 400, "malformed")
    assert says in answer.json()["detail"], answer.json()["detail"]


@pytest.mark.parametrize("size", [300, 500_000])
def test_closing_erases_danish_passports_before_the_answer(server, size):
    """When the answer is there, no byte of a session-bound blob is: looked up in Redis itself."""
    session = server.session()["session"]
    blobs = [server.put_ok(server.sealed(size), session=session, **DANISH) for _ in range(3)]
    other = server.put_ok(server.sealed(size), kind="passport", issuer="SWE", session=session)
    with server.connect() as conn:
        answer = conn.request("DELETE", f"/v1/sessions/{session}")
        left = [c for b in blobs for c in server.chunks(b["blob"])]
    assert not left
    assert answer.status == 200
    body = answer.json()
    assert set(body) == {"session", "state", "receipts"} and body["state"] == "closed"
    assert {(r["blob"], r["tag"], r["cause"]) for r in body["receipts"]} == {
        (b["blob"], b["tag"], "session-closed") for b in blobs
    }
    assert (
        server.stat(other["blob"]).json()["state"] == "live"
    ), "what is not bound to the session stays"
    assert show(server, session).json()["state"] == "closed"
    assert server.erase(other["blob"]).status == 200


def test_closing_with_erase_all_takes_the_others_too(server):
    """?erase=all ends every blob of the session."""
    session = server.session()["session"]
    blobs = [
        server.put_ok(server.sealed(100_000), session=session, **fields)
        for fields in (DANISH, dict(kind="passport", issuer="SWE"), dict(kind="liveness"))
    ]
    outside = server.put_ok(server.sealed(300))
    answer = server.call("DELETE", f"/v1/sessions/{session}?erase=all")
    assert {r["blob"] for r in answer.json()["receipts"]} == {b["blob"] for b in blobs}
    for blob in blobs:
        assert not server.chunks(blob["blob"])
        assert server.stat(blob["blob"]).json()["state"] == "gone"
    assert server.erase(outside["blob"]).status == 200


@pytest.mark.parametrize("query", ["?erase=some", "?erase", "?surprise=1", "?"])
def test_closing_with_an_unknown_query_is_refused(server, query):
    """A misspelt erase=all must not look like one that was obeyed."""
    session = server.session()["session"]
    check_problem(server.call("DELETE", f"/v1/sessions/{session}{query}"), 400, "malformed")
    assert show(server, session).json()["state"] == "open"
    assert server.call("DELETE", f"/v1/sessions/{session}").status == 200


def test_operator_may_close(server):
    """An operator ends a session that is not its own."""
    session = server.session()["session"]
    assert server.call("DELETE", f"/v1/sessions/{session}", "operator").json()["state"] == "closed"


def test_operator_sees_what_it_may_close(server):
    """An operator sees a session of another with all of its blobs, and by which name the evidence
    has them; but not its subject."""
    session = server.session(subject="ab" * 32)["session"]
    blobs = {
        server.put_ok(server.sealed(100), session=session, to=to)["blob"]
        for to in ("verifier", "verifier2")
    }
    answer = server.call("GET", f"/v1/sessions/{session}", "operator")
    assert answer.status == 200, answer
    seen = answer.json()
    assert {b["blob"] for b in seen["blobs"]} == blobs and seen["state"] == "open"
    assert all("tag" in b for b in seen["blobs"]) and b"abab" not in answer.body
    assert server.call("GET", "/v1/sessions/00" + "A" * 22, "operator").status == 404
    assert server.call("DELETE", f"/v1/sessions/{session}?erase=all", "operator").status == 200


def test_closing_again_erases_nothing_and_says_so(server):
    """A lost answer may be asked for again: the state is told, and no receipt is made up."""
    session = server.session()["session"]
    assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
    for query in ("", "?erase=all"):
        answer = server.call("DELETE", f"/v1/sessions/{session}{query}")
        assert answer.status == 200 and answer.json() == {
            "session": session,
            "state": "closed",
            "receipts": [],
        }, answer


def test_others_can_be_erased_after_the_close(server):
    """erase=all on a session that is closed already takes what has stayed."""
    session = server.session()["session"]
    blob = server.put_ok(server.sealed(300), session=session)["blob"]
    assert server.call("DELETE", f"/v1/sessions/{session}").json()["receipts"] == []
    receipts = server.call("DELETE", f"/v1/sessions/{session}?erase=all").json()["receipts"]
    assert [r["blob"] for r in receipts] == [blob] and not server.chunks(blob)


def test_session_shows_each_peer_its_blobs(server):
    """The uploader sees all; a verifier those addressed to it; one without any such blob sees no
    session."""
    session = server.session()["session"]
    check_problem(show(server, session, "verifier"), 404, "not-found")
    both = server.put_ok(server.sealed(300), session=session)
    second = server.put_ok(server.sealed(300), session=session, to="verifier2", **DANISH)
    listing = {
        peer: {b["blob"] for b in show(server, session, peer).json()["blobs"]}
        for peer in ("uploader", "verifier", "verifier2")
    }
    assert listing["uploader"] == listing["verifier2"] == {both["blob"], second["blob"]}
    assert listing["verifier"] == {both["blob"]}
    check_problem(show(server, session, "processor"), 403, "role")
    assert server.take(both["blob"]).status == 200
    states = {b["blob"]: b["state"] for b in show(server, session).json()["blobs"]}
    assert states[second["blob"]] == "live" and states.get(both["blob"], "gone") == "gone"
    assert server.call("DELETE", f"/v1/sessions/{session}?erase=all").status == 200


def test_idle_session_ends_by_itself(server):
    """Nobody closes it: the idle limit does, and its Danish passport is gone within about two
    seconds."""
    session = server.session(idle_s=1)["session"]
    blob = server.put_ok(server.sealed(200_000), session=session, **DANISH)["blob"]
    stays = server.put_ok(server.sealed(300), session=session)["blob"]
    assert server.chunks(blob)
    wait_for(lambda: not server.chunks(blob), "the passport's bytes are gone", 3.5)
    check_problem(server.take(blob), 410, "gone", "session-idle")
    assert show(server, session).json()["state"] == "idle"
    assert server.stat(stays).json()["state"] == "live"
    check_problem(server.put(server.sealed(300), session=session, **DANISH), 422, "session")
    assert server.erase(stays).status == 200


def test_touch_keeps_a_session(server):
    """Touching resets the idle clock and never the deadline."""
    session = server.session(idle_s=2)
    sid = session["session"]
    blob = server.put_ok(server.sealed(300), session=sid, **DANISH)["blob"]
    started = moment(session["opened_at"])

    def touched():
        answer = server.call("POST", f"/v1/sessions/{sid}/touch")
        assert answer.status == 200, answer
        assert answer.json()["deadline"] == session["deadline"] and answer.json()["state"] == "open"
        return time.time() - started > 5

    wait_for(touched, "five seconds of touching", 9, 0.4)
    assert server.take(blob).status == 200, "alive after more than twice its idle limit"
    wait_for(lambda: show(server, sid).json()["state"] == "idle", "then it ends after all", 6, 0.1)


def test_uploads_and_takes_count_as_activity(server):
    """A session in use does not go idle."""
    session = server.session(idle_s=2)["session"]
    end = time.monotonic() + 4.5
    while time.monotonic() < end:
        blob = server.put_ok(server.sealed(300), session=session, **DANISH)["blob"]
        let_pass(0.5, "the rhythm of use")
        assert server.take(blob).status == 200
    assert show(server, session).json()["state"] == "open"
    assert server.call("DELETE", f"/v1/sessions/{session}").status == 200


def test_blob_lives_no_longer_than_its_session(server):
    """A Danish passport's deadline is the session's when that comes first; its ceiling is counted
    from its own upload."""
    session = server.session()
    blob = server.put_ok(server.sealed(300), session=session["session"], **DANISH)
    assert moment(blob["deadline"]) <= moment(session["deadline"])
    short = server.put_ok(server.sealed(300), session=session["session"], ttl=60, **DANISH)
    assert moment(short["deadline"]) - moment(short["stored_at"]) <= 60
    assert server.call("DELETE", f"/v1/sessions/{session['session']}").status == 200


def test_session_holds_at_most_32_bound_blobs(server):
    """Closing must stay one short call: the 33rd session-bound blob is refused, another kind is
    not."""
    session = server.session()["session"]
    body = server.sealed(10)
    with server.connect() as conn:
        fields = server.upload_fields(session=session, **DANISH)
        blobs = [conn.request("POST", "/v1/blobs", fields, body) for _ in range(32)]
        assert {b.status for b in blobs} == {201}
        check_problem(conn.request("POST", "/v1/blobs", fields, body), 429, "quota")
    assert server.put(body, session=session).status == 201
    answer = server.call("DELETE", f"/v1/sessions/{session}?erase=all").json()
    assert len(answer["receipts"]) == 33
    assert all(TIME.fullmatch(r["erased_at"]) for r in answer["receipts"])
