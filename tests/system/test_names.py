"""Names that uploaders choose (Timeglas-Name): one name, one content; whoever repeats an upload
finds it, whoever else comes changes nothing."""
import base64
import os
import re
import threading

import pytest

from harness import digest, seal, wait_for
from problems import check_problem
from redis_store import FIT

LARGE = 400_000  # several chunks


def fresh_name():
    return base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")


def fresh_content(server, size):
    return seal(server.env["TIMEGLAS_RECIPIENT"], os.urandom(size))


def put(server, name, body, peer="uploader", chunked=0, more=(), **fields):
    return server.call(
        "POST",
        "/v1/blobs",
        peer,
        [*server.upload_fields(**fields), ("Timeglas-Name", name), *more],
        body,
        chunked,
    )


def taken(answer):
    problem = check_problem(answer, 409, "id-taken")
    assert "repeat an upload with the same fields and content" in problem["detail"]
    return {
        name: problem[name] for name in ("type", "title", "status", "detail") if name in problem
    }


@pytest.fixture(name="bodies", scope="module")
def fixture_bodies(server):
    return {size: server.sealed(size) for size in (300, LARGE)}


@pytest.mark.parametrize("size", [300, LARGE])
@pytest.mark.parametrize("chunked", [0, 5000])
def test_the_id_ends_with_the_name_and_a_repeat_is_the_first_answer(server, bodies, size, chunked):
    name, body = fresh_name(), bodies[size]
    first = put(server, name, body, chunked=chunked)
    assert first.status == 201
    blob = first.json()["blob"]
    assert blob[2:] == name and int(blob[:2], 16) == base64.urlsafe_b64decode(name + "==")[0] % 64
    again = put(server, name, body, chunked=chunked)
    assert again.status == 200 and again.json() == first.json()
    assert server.take(blob).body == body
    gone = put(server, name, body, chunked=chunked)
    assert (
        gone.status == 200 and gone.json()["state"] == "gone" and gone.json()["cause"] == "consumed"
    )
    taken(put(server, name, bodies[LARGE if size == 300 else 300], chunked=chunked))
    assert server.evidence("stored", tag=first.json()["tag"]) if "tag" in first.json() else True


@pytest.mark.parametrize(
    "name", ["", "short", "A" * 23, "A" * 21 + "B", "A" * 21 + "=", "A" * 20 + "+A", "é" * 11]
)
def test_a_name_of_another_form_is_malformed(server, bodies, name):
    assert put(server, name.encode("utf-8").decode("latin-1"), bodies[300]).status == 400


def test_a_session_names_the_shard(server, bodies):
    name, sid = fresh_name(), server.session()["session"]
    blob = put(server, name, bodies[300], session=sid).json()["blob"]
    assert blob == sid[:2] + name


@pytest.mark.parametrize("size", [300, LARGE])
@pytest.mark.parametrize("state", ["staged", "live", "claimed", "gone"])
def test_who_comes_second_gets_one_answer_and_changes_nothing(server, bodies, state, size):
    """Another content, another description, a shorter life, a digest: the same 409 for each state,
    and the first is untouched."""
    name, body = fresh_name(), bodies[size]
    if state == "staged":
        with server.connect() as conn:
            conn.send(
                conn.head(
                    "POST",
                    "/v1/blobs",
                    [
                        *server.upload_fields(),
                        ("Timeglas-Name", name),
                        ("Content-Length", len(body)),
                    ],
                )
                + body[:-1]
            )
            assert put(server, name, bodies[300 if size == LARGE else LARGE]).status == 201
            conn.send(body[-1:])
            taken(conn.response())
        return
    first = put(server, name, body, content_digest=digest(body)).json()
    claim = server.claim_ok(first["blob"])["claim"] if state == "claimed" else None
    if state == "gone":
        server.erase(first["blob"])
    before = server.stat(first["blob"]).json()
    other = fresh_content(server, size)
    answers = [
        taken(put(server, name, body, kind="face3d")),
        taken(put(server, name, body + b"x")),
        taken(put(server, name, body, to="verifier2")),
        taken(put(server, name, other, content_digest=digest(other))),
    ]
    assert all(a == answers[0] for a in answers)
    assert server.stat(first["blob"]).json() == before
    if state == "live":
        assert server.take(first["blob"]).body == body
    if state == "claimed":
        assert server.read_claim(claim).body == body
    wait_for(
        lambda: not server.chunks(name) or state == "claimed",
        "nothing else to be left under the name",
    )


@pytest.mark.parametrize("size", [300, LARGE])
def test_sixteen_at_once_make_one_blob(server, bodies, size):
    name, answers = fresh_name(), [None] * 16
    contents = [bodies[size] if i % 2 else fresh_content(server, size) for i in range(16)]

    def one(i):
        answers[i] = put(server, name, contents[i], content_digest=digest(contents[i]))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = [i for i, a in enumerate(answers) if a.status == 201]
    assert len(stored) == 1
    won = contents[stored[0]]
    for i, answer in enumerate(answers):
        if i != stored[0]:
            assert answer.status == (200 if contents[i] == won else 409)
    assert server.take(answers[stored[0]].json()["blob"]).body == won
    wait_for(lambda: not server.chunks(name), "no chunk of the others to be left")


def test_a_repeat_is_answered_after_its_session_was_closed(server, bodies):
    sid, name = server.session()["session"], fresh_name()
    for body, n in ((bodies[300], name), (bodies[LARGE], fresh_name())):
        first = put(server, n, body, session=sid)
        assert first.status == 201, first
    server.call("DELETE", f"/v1/sessions/{sid}?erase=all")
    again = put(server, name, bodies[300], session=sid)
    assert again.status == 200 and again.json()["cause"] in ("session-closed", "erased")


def test_an_attempt_that_ends_is_no_word_of_the_blob(server, bodies):
    """Evidence calls a blob by a hash of its id, which is the same for whoever attempts that id: an
    attempt that came to nothing has no tag."""
    name = fresh_name()
    with server.connect() as conn:
        conn.send(
            conn.head(
                "POST",
                "/v1/blobs",
                [*server.upload_fields(), ("Timeglas-Name", name), ("Content-Length", 4 * LARGE)],
            )
            + bodies[LARGE]
        )
        wait_for(lambda: server.chunks(name), "the attempt to have chunks")
        blob = put(server, name, bodies[300]).json()
        assert len(server.chunks(name)) > 1
    wait_for(
        lambda: len(server.chunks(name)) == 1, "the attempt to be erased, and the blob to stay"
    )
    server.erase(blob["blob"])
    server.evidence("gone", tag=blob["tag"])
    assert all(e.get("tag") != blob["tag"] for e in server.evidence("aborted"))


def test_a_repeat_that_is_cut_does_not_refuse_the_first(server, bodies):
    """Both have the same Idempotency-Key, and by their name the same id: what the second reserved,
    it drops. The first is stored all the same, and says so."""
    name, body, more = fresh_name(), bodies[LARGE], [("Idempotency-Key", fresh_name())]

    def begin(conn, n):
        conn.send(
            conn.head(
                "POST",
                "/v1/blobs",
                [
                    *server.upload_fields(),
                    ("Timeglas-Name", name),
                    *more,
                    ("Content-Length", len(body)),
                ],
            )
            + body[:n]
        )

    def keys():
        return set(server.redis("--scan", "--pattern", "tg:{*}:i:*").splitlines())

    def attempts():
        return {key.split(":")[-2] for key in server.chunks(name)}

    others = keys()
    with server.connect() as first:
        begin(first, len(body) - 1)
        wait_for(lambda: len(attempts()) == 1, "the first to have chunks")
        second = server.connect()
        begin(second, len(body) - 1)
        wait_for(lambda: len(attempts()) == 2, "the second to have chunks")
        second.reset()
        wait_for(lambda: len(attempts()) == 1, "the second to be erased")
        wait_for(lambda: keys() == others, "the key to be free")
        first.send(body[-1:])
        answer = first.response()
    assert answer.status == 201, answer
    again = put(server, name, body, more=more)
    assert again.status == 200 and again.json() == answer.json()
    assert server.take(answer.json()["blob"]).body == body


def connect_to_another_worker(server, peer, worker=None):
    """A connection, and the worker that has it: not the one that is given."""
    for _ in range(50):
        before = {pid: server.descriptors(pid) for pid in server.workers()}
        conn = server.connect(peer)
        assert conn.request("GET", "/v1/policy").status == 200
        # The connection before this one may be closed late: then the count tells nothing.
        found = [pid for pid in before if server.descriptors(pid) > before[pid]]
        if len(found) == 1 and found[0] != worker:
            return conn, found[0]
        conn.close()
    raise AssertionError("all connections come to one worker")


def test_a_take_that_an_upload_overtakes_in_the_store_delivers(launch, store):
    """A verifier that knows the name asks for the blob while it is being uploaded, and Redis holds
    up what writes: the take looks for the bytes before the upload, and is decided behind it. It
    gets the bytes, in every round."""
    redis = store(*FIT)
    server = launch(workers=2, options=[("store.url", f"unix://{redis.socket}")])
    body = server.sealed(300)
    uploader, worker = connect_to_another_worker(server, "uploader")
    taker, _ = connect_to_another_worker(server, "verifier", worker)

    def upload_waits():
        return any(
            " flags=b" in line and " cmd=set" in line
            for line in redis.cli("CLIENT", "LIST").splitlines()
        )

    def reads():
        found = re.search(r"cmdstat_get:calls=(\d+)", redis.cli("INFO", "commandstats"))
        return int(found.group(1)) if found else 0

    for _ in range(40):
        name, got = fresh_name(), {}
        blob = f"{base64.urlsafe_b64decode(name + '==')[0] % 64:02x}{name}"
        fields = [*server.upload_fields(), ("Timeglas-Name", name)]
        assert redis.cli("CLIENT", "PAUSE", "4000", "WRITE") == "OK"
        threads = [
            threading.Thread(target=lambda g=got, a=call: g.update({a[1]: a[0].request(*a[2:])}))
            for call in (
                (uploader, "put", "POST", "/v1/blobs", fields, body),
                (taker, "take", "POST", f"/v1/blobs/{blob}/take"),
            )
        ]
        threads[0].start()
        wait_for(upload_waits, "the upload waits", 3)
        before = reads()
        threads[1].start()
        wait_for(lambda n=before: reads() > n, "the take has looked for the bytes", 3)
        assert redis.cli("CLIENT", "UNPAUSE") == "OK"
        for thread in threads:
            thread.join()
        assert got["put"].status == 201 and got["put"].json()["blob"] == blob
        if got["take"].status == 404:  # decided before the upload after all
            got["take"] = taker.request("POST", f"/v1/blobs/{blob}/take")
        assert got["take"].status == 200 and got["take"].body == body, got["take"]
