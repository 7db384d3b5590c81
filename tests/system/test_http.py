"""HTTP/1.1 as it stands on the wire: what is malformed is refused, whole, and nothing of it reaches
the store."""
import os
import socket
import ssl
import tarfile
from pathlib import Path

import pytest

from harness import ROOT, wait_for
from problems import check_problem
from wire import Closed, chunk

UNKNOWN = "00AAAAAAAAAAAAAAAAAAAAAA"


def raw(server, data, peer="uploader"):
    """Send these octets, half-close nothing, read one answer; then the server must close."""
    with server.connect(peer) as conn:
        conn.send(data)
        answer = conn.response()
        assert answer["Connection"].lower() == "close", answer
        assert conn.ended()
        return answer


MALFORMED = [
    ("old version", b"GET /v1/policy HTTP/1.0\r\nHost: h\r\n\r\n", 505, "http-version"),
    ("no host", b"GET /v1/policy HTTP/1.1\r\n\r\n", 400, "malformed"),
    ("two hosts", b"GET /v1/policy HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400, "malformed"),
    ("obs-fold", b"GET /v1/policy HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400, "malformed"),
    ("bare LF", b"GET /v1/policy HTTP/1.1\nHost: h\n\n\r\n\r\n", 400, "malformed"),
    ("blank before colon", b"GET /v1/policy HTTP/1.1\r\nHost : h\r\n\r\n", 400, "malformed"),
    (
        "field without colon",
        b"GET /v1/policy HTTP/1.1\r\nHost: h\r\njunk\r\n\r\n",
        400,
        "malformed",
    ),
    ("NUL in a value", b"GET /v1/policy HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 400, "malformed"),
    ("absolute target", b"GET https://h/v1/policy HTTP/1.1\r\nHost: h\r\n\r\n", 400, "malformed"),
    (
        "both framings",
        (
            b"POST /v1/blobs HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding:"
            b" chunked\r\n\r\n0\r\n\r\n"
        ),
        400,
        "malformed",
    ),
    (
        "two lengths",
        (
            b"POST /v1/blobs HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length:"
            b" 5\r\n\r\n12345"
        ),
        400,
        "malformed",
    ),
    (
        "signed length",
        b"POST /v1/blobs HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\n12345",
        400,
        "malformed",
    ),
    (
        "unknown coding",
        b"POST /v1/blobs HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
        501,
        "not-implemented",
    ),
    (
        "other expectation",
        b"POST /v1/blobs HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 0\r\n\r\n",
        417,
        "expectation",
    ),
    ("connect", b"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", None, None),
    ("no request at all", b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, "malformed"),
    ("long target", b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414, "uri-too-long"),
    (
        "long head",
        b"GET /v1/policy HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
        431,
        "headers-too-large",
    ),
    (
        "many fields",
        b"GET /v1/policy HTTP/1.1\r\nHost: h\r\n" + b"X: a\r\n" * 100 + b"\r\n",
        431,
        "headers-too-large",
    ),
]


@pytest.mark.parametrize("name, data, status, slug", MALFORMED, ids=[m[0] for m in MALFORMED])
def test_malformed_request_is_refused_and_the_connection_closed(
    server, nothing_new, name, data, status, slug
):
    """After framing that two readers could see differently nothing on that connection may be
    believed."""
    answer = raw(server, data)
    if status:
        check_problem(answer, status, slug)
    else:
        assert answer.status in (400, 405, 501), answer
    nothing_new()


BAD_CHUNKS = [
    b"5;x=y\r\n12345\r\n0\r\n\r\n", b"5 \r\n12345\r\n0\r\n\r\n", b"0x5\r\n12345\r\n0\r\n\r\n",
    b"5\n12345\r\n0\r\n\r\n", b"5\r\n123456\r\n0\r\n\r\n", b"-5\r\n12345\r\n0\r\n\r\n",
    b"00000000000000005\r\n12345\r\n0\r\n\r\n", b"ffffffffffffffff\r\n12345",
]


@pytest.mark.parametrize("data", BAD_CHUNKS)
@pytest.mark.parametrize("after", [0, 100_000], ids=["at once", "after 100 kB"])
def test_malformed_chunk_is_refused(server, nothing_new, data, after):
    """Bad chunk framing ends an upload, also one that has bytes in the store already."""
    good = chunk(server.sealed(200_000)[:after], 50_000)[:-5] if after else b""
    head = (
        b"POST /v1/blobs HTTP/1.1\r\nHost: h\r\nTimeglas-Kind: liveness\r\nTransfer-Encoding:"
        b" chunked\r\n\r\n"
    )
    with server.connect() as conn:
        conn.send(head + good + data)
        answer = conn.response()
        assert answer.status == 400 or (answer.status == 415 and not after), answer
        assert answer["Connection"].lower() == "close" and conn.ended()
    nothing_new()


def test_trailer_fields_are_refused(server, nothing_new):
    """A trailer could smuggle what the head's check has not seen."""
    body = chunk(server.sealed(100), 50)[:-2] + b"Timeglas-To: processor\r\n\r\n"
    head = (
        b"POST /v1/blobs HTTP/1.1\r\nHost: h\r\nTimeglas-Kind: liveness\r\nTransfer-Encoding:"
        b" chunked\r\n\r\n"
    )
    check_problem(raw(server, head + body), 400, "malformed")
    nothing_new()


@pytest.mark.parametrize(
    "field",
    [
        "Timeglas-Kind: face3d", "Timeglas-Kind: liveness", "Timeglas-Ttl: 5",
        "Timeglas-To: verifier", "Content-Digest: sha-256=:AAAA:",
    ],
)
def test_repeated_field_is_400(server, nothing_new, field):
    """Two values for one rule: neither is believed."""
    name, value = field.split(": ")
    fields = [
        ("Timeglas-Kind", "liveness"), ("Timeglas-Ttl", "5"), ("Timeglas-To", "verifier"),
        ("Content-Digest", "sha-256=:AAAA:"), (name, value),
    ]
    check_problem(
        server.call("POST", "/v1/blobs", fields=fields, body=server.sealed(100)), 400, "malformed"
    )
    nothing_new()


@pytest.mark.parametrize("ttl", ["007", "00", "+5", "5.0", "0x5", "5 ", ""])
def test_ttl_has_one_spelling(server, nothing_new, ttl):
    """A number that another reader might read otherwise is not guessed at. (A blank behind it
    belongs to the field, not to its value.)"""
    answer = server.put(server.sealed(100), ttl=ttl)
    if ttl == "5 ":
        assert answer.status == 201
        assert server.call("DELETE", f"/v1/blobs/{answer.json()['blob']}").status == 200
    else:
        check_problem(answer, 400, "malformed")
        nothing_new()


@pytest.mark.parametrize("target", ["/v1/policy?", "/v1/policy?x=1"])
def test_query_that_nobody_reads_is_refused(server, target):
    """Also an empty one: what is not understood is not ignored."""
    check_problem(server.call("GET", target), 400, "malformed")


@pytest.mark.parametrize(
    "host", ["", ":443", "a b", "user@host", "http://host", "host:65536", "[::1"]
)
def test_host_that_is_none_is_400(server, host):
    answer = raw(server, f"GET /v1/policy HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    check_problem(answer, 400, "malformed")


@pytest.mark.parametrize(
    "method, target, allow",
    [
        ("PUT", "/v1/blobs", {"POST"}),
        ("GET", "/v1/blobs", {"POST"}),
        ("DELETE", "/v1/blobs", {"POST"}),
        ("POST", f"/v1/blobs/{UNKNOWN}", {"GET", "HEAD", "DELETE"}),
        ("GET", f"/v1/blobs/{UNKNOWN}/take", {"POST"}),
        ("HEAD", f"/v1/blobs/{UNKNOWN}/take", {"POST"}),
        ("GET", "/v1/sessions", {"POST"}),
        ("PUT", f"/v1/sessions/{UNKNOWN}", {"GET", "HEAD", "DELETE"}),
        ("DELETE", f"/v1/sessions/{UNKNOWN}/touch", {"POST"}),
        ("DELETE", "/v1/policy", {"GET", "HEAD"}),
    ],
)
def test_wrong_method_is_405_with_allow(server, method, target, allow):
    """Allow names what the path serves; nothing is consumed by GET or HEAD."""
    answer = server.call(method, target, body=b"" if method in ("PUT", "POST") else None)
    assert answer.status == 405, answer
    if method != "HEAD":
        check_problem(answer, 405, "method")
    assert {m.strip() for m in answer["Allow"].split(",")} | {"HEAD"} == allow | {"HEAD"}, answer


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "TRACE", "BREW", "get"])
def test_unknown_method_is_501(server, method):
    """A method that is served nowhere."""
    check_problem(server.call(method, "/v1/policy"), 501, "not-implemented")


@pytest.mark.parametrize(
    "target",
    [
        "/", "/v1", "/v1/", "/v2/blobs", "/v1/blobs/", f"/v1/blobs/{UNKNOWN}/", "/v1/policy/x",
        f"/v1/blobs/{UNKNOWN}/take/x", "/v1/policy%00", "/metrics", "//v1/policy",
    ],
)
def test_unknown_path_is_404(server, target):
    """Paths are exact: no normalising, no trailing slash."""
    answer = server.call("GET", target)
    check_problem(answer, 404, "not-found")


def test_head_has_the_fields_without_the_content(server):
    """HEAD answers like GET, without content, and the connection goes on."""
    with server.connect() as conn:
        whole = conn.request("GET", "/v1/policy")
        empty = conn.request("HEAD", "/v1/policy")
        assert (
            empty.status == 200
            and empty["Content-Length"] == whole["Content-Length"]
            and empty.body == b""
        )
        assert conn.request("GET", "/v1/policy").body == whole.body


def test_head_on_a_blob_consumes_nothing(server):
    """A prefetcher's HEAD and GET leave the evidence where it is."""
    body = server.sealed(300)
    blob = server.put_ok(body)["blob"]
    for method in ("HEAD", "GET", "HEAD"):
        assert server.call(method, f"/v1/blobs/{blob}", "verifier").status == 200
    assert server.take(blob).body == body


def test_refused_early_then_the_next_connection_works(server):
    """Content of a refused upload is never taken for the next request."""
    smuggled = b"POST /v1/sessions HTTP/1.1\r\nHost: h\r\n\r\n"
    with server.connect() as conn:
        conn.send(
            conn.head(
                "POST",
                "/v1/blobs",
                [("Timeglas-Kind", "nonsense"), ("Content-Length", len(smuggled) + 10)],
            )
            + smuggled
        )
        check_problem(conn.response(), 422, "kind")
        assert conn.ended(), "no second answer"


def corpus():
    """Raw requests of the project's HTTP corpus, where it is at hand: (name, octets, expectation,
    number of requests)."""
    folder = Path(os.environ.get("TIMEGLAS_CORPORA", ROOT.parent / "shared" / "corpora")) / "http1"
    if not (folder / "expect.tsv").exists():
        return []
    rows = [line.split("\t") for line in (folder / "expect.tsv").read_text().splitlines()[1:]]
    expect = {
        r[0].removesuffix(".req"): (r[1], r[2]) for r in rows if r[3] in ("llhttp", "smuggle")
    }
    found = []
    with tarfile.open(folder / "cases.tar.gz") as tar:
        for member in tar:
            name = Path(member.name).name.removesuffix(".req")
            if member.isfile() and name in expect:
                found.append((name, tar.extractfile(member).read(), *expect[name]))
    return found


def test_corpus_of_hostile_requests_over_the_wire(server, nothing_new):
    """Not one of the corpus's malformed requests is taken for a request (2xx), and the workers
    survive them all."""
    cases = corpus()
    if not cases:
        pytest.skip("no corpus: set TIMEGLAS_CORPORA")
    workers = server.workers()
    for name, octets, expect, _ in cases:
        if expect == "reject":
            with server.connect() as conn:
                conn.send(octets)
                if "eof-" in name:
                    continue
                statuses = []
                try:
                    while conn.readable(0.3):
                        statuses.append(conn.response(no_content=octets.startswith(b"HEAD")).status)
                except Closed:
                    pass
            assert all(s >= 400 or s == 100 for s in statuses), (name, statuses)
    assert server.workers() == workers
    wait_for(lambda: server.call("GET", "/v1/policy").status == 200, "still serving")
    nothing_new()


@pytest.fixture
def strict(server):
    """Connections that take an end without close_notify for what it may be: a cut."""
    saved, server.contexts = server.contexts, {}
    for peer in ("uploader", "verifier"):
        server.context(peer).options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF

    def connect(peer):
        conn = server.connect(peer)
        conn.sock.suppress_ragged_eofs = False
        return conn

    yield connect
    server.contexts = saved


def half_close(conn):
    socket.socket.shutdown(conn.sock, socket.SHUT_WR)


@pytest.mark.parametrize("answers", (0, 1, 3))
def test_half_closed_client_is_told_that_the_server_ends_too(strict, answers):
    with strict("uploader") as conn:
        for _ in range(answers):
            assert conn.request("GET", "/v1/policy").status == 200
        half_close(conn)
        assert conn.sock.recv(1) == b""


def test_half_closed_client_is_told_that_all_answers_came(server, strict):
    """Also where the last answer, which is held until it is acknowledged, is so at once."""
    for _ in range(25):
        blobs = [server.put_ok(server.sealed(10))["blob"] for _ in range(6)]
        with strict("verifier") as conn:
            conn.send(
                b"".join(
                    b"POST /v1/blobs/%s/take HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
                    % blob.encode()
                    for blob in blobs
                )
            )
            half_close(conn)
            for _ in blobs:
                assert conn.response().status == 200
            assert conn.sock.recv(1) == b""
