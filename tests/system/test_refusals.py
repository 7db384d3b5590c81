"""Every row of the API's table of refusals, each with its problem document, and each leaving not
one byte behind."""
import http.client
import json
import re
import ssl
import subprocess

import pytest

from harness import SLOW, digest, seal, wait_for
from problems import check_problem
from wire import Closed

UNKNOWN = "00AAAAAAAAAAAAAAAAAAAAAA"  # well formed, and never drawn


def sealed_with_passphrase_stanza(body):
    """The same age file with its first stanza turned into a well-formed scrypt one (salt, work
    factor)."""
    _, _, stanza_body, rest = body.split(b"\n", 3)
    return (
        b"age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 18\n" + stanza_body + b"\n" + rest
    )


BODIES = {
    "plaintext": lambda s: b"P<DNKSPECIMEN<<THIS<IS<NOT<SEALED<<<<<<<<<<<<" * 20,
    "empty": lambda s: b"",
    "cut in the header": lambda s: s.sealed(1000)[:90],
    "cut after the header": lambda s: s.sealed(1000)[: s.sealed(1000).index(b"\n--- ") + 49],
    "cut in the nonce": lambda s: s.sealed(0)[:-20],
    "cut in the last tag": lambda s: s.sealed(65536 + 10)[:-11],
    "armored": lambda s: subprocess.run(
        ["age", "-a", "-r", s.env["TIMEGLAS_RECIPIENT"]],
        input=b"x",
        stdout=subprocess.PIPE,
        check=True,
    ).stdout,
    "line ends in CRLF": lambda s: s.sealed(1000).replace(b"\n", b"\r\n", 1),
    "a later version": lambda s: s.sealed(1000).replace(b"/v1\n", b"/v2\n", 1),
    "a passphrase recipient": lambda s: sealed_with_passphrase_stanza(s.sealed(1000)),
    "an X25519 share that is zero": lambda s: re.sub(
        rb"-> X25519 \S+", b"-> X25519 " + b"A" * 43, s.sealed(1000)
    ),
    "a hybrid stanza that is cut": lambda s: s.sealed(1000).replace(
        b"v1\n", b"v1\n-> mlkem768x25519 " + b"A" * 1492 + b"\n" + b"A" * 43 + b"\n", 1
    ),
    "a header without end": lambda s: b"age-encryption.org/v1\n" + b"-> grease\n\n" * 20000,
}


@pytest.mark.parametrize("chunked", [0, 777], ids=["length", "chunked"])
@pytest.mark.parametrize("name", BODIES)
def test_upload_that_is_no_envelope_is_415(server, nothing_new, name, chunked):
    """Promise 1: what is not an age envelope is refused, wherever it stops being one."""
    check_problem(server.put(BODIES[name](server), chunked=chunked), 415, "not-an-age-envelope")
    nothing_new()


@pytest.mark.parametrize(
    "fields, status, slug",
    [
        (dict(content_digest=digest(b"something else")), 400, "digest-mismatch"),
        (dict(content_digest="sha-256=:AAAA:"), 400, "malformed"),
        (dict(content_digest="sha-256=nonsense"), 400, "malformed"),
        (dict(content_digest="sha-256=:" + "A" * 44 + ":"), 400, "malformed"),
        (dict(content_digest="junk"), 400, "malformed"),
        (dict(kind=None), 422, "kind"),
        (dict(kind="fingerprint"), 422, "kind"),
        (dict(kind="Passport", issuer="DEU"), 422, "kind"),
        (dict(kind="x" * 200), 422, "kind"),
        (dict(kind="passport"), 422, "issuer"),
        (dict(kind="passport", issuer="ZZZ"), 422, "issuer"),
        (dict(kind="passport", issuer="dnk"), 422, "issuer"),
        (dict(kind="passport", issuer="DENMARK"), 422, "issuer"),
        (dict(kind="passport", issuer="<<<"), 422, "issuer"),
        (dict(kind="liveness", issuer="SWE"), 422, "issuer"),
        (dict(kind="face3d", issuer="DNK"), 422, "issuer"),
        (dict(kind="passport", issuer="DNK"), 422, "session"),
        (dict(kind="passport", issuer="FRO"), 422, "session"),
        (dict(kind="passport", issuer="GRL"), 422, "session"),
        (dict(kind="passport", issuer="DNK", session=UNKNOWN), 422, "session"),
        (dict(kind="passport", issuer="DNK", session="no-such-form"), 422, "session"),
        (dict(kind="liveness", session=UNKNOWN), 422, "session"),
        (dict(ttl=0), 422, "ttl"),
        (dict(ttl=86401), 422, "ttl"),
        (dict(kind="passport", issuer="DEU", ttl=86401), 422, "ttl"),
        (dict(ttl="-1"), 400, "malformed"),
        (dict(ttl="+5"), 400, "malformed"),
        (dict(ttl="10s"), 400, "malformed"),
        (dict(ttl="0x10"), 400, "malformed"),
        (dict(ttl="1.5"), 400, "malformed"),
        (dict(to="nobody"), 422, "recipient"),
        (dict(to="verifier, nobody"), 422, "recipient"),
        (dict(to="uploader"), 422, "recipient"),
        (dict(to="operator"), 422, "recipient"),
    ],
    ids=lambda v: (
        ",".join(f"{k}={str(x)[:24]}" for k, x in v.items()) if isinstance(v, dict) else str(v)
    ),
)
def test_upload_against_the_policy_is_refused(server, nothing_new, fields, status, slug):
    """Each rule of kind, issuer, session, lifetime, addressee and digest is kept; small and large
    bodies alike."""
    for body in (server.sealed(300), server.sealed(200_000)):
        check_problem(server.put(body, **fields), status, slug)
    nothing_new()


def test_danish_passport_ttl_above_an_hour_is_422(server):
    """The ceiling of a Danish passport is its own, also inside an open session."""
    session = server.session()["session"]
    fields = dict(kind="passport", issuer="DNK", session=session, ttl=3601)
    check_problem(server.put(server.sealed(300), **fields), 422, "ttl")
    assert server.call("GET", f"/v1/sessions/{session}").json()["blobs"] == []
    server.call("DELETE", f"/v1/sessions/{session}")


@pytest.mark.parametrize("size", [300, 300_000])
def test_danish_passport_in_a_closed_session_is_422(server, size):
    """Volatile means bound to an active session: none is stored after its end."""
    before = set(server.chunks())
    session = server.session()["session"]
    assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
    fields = dict(kind="passport", issuer="DNK", session=session)
    check_problem(server.put(server.sealed(size), **fields), 422, "session")
    wait_for(lambda: not set(server.chunks()) - before, "no chunk is left", 3)


def test_session_closed_during_the_upload_is_422(server):
    """The session is looked at again when the blob is about to become visible, not only when the
    upload begins."""
    before = set(server.chunks())
    session = server.session()["session"]
    body = server.sealed(400_000)
    with server.connect() as conn:
        fields = server.upload_fields(kind="passport", issuer="DNK", session=session)
        conn.send(
            conn.head("POST", "/v1/blobs", fields + [("Content-Length", len(body))])
            + body[:200_000]
        )
        wait_for(lambda: set(server.chunks()) - before, "the first chunks are staged")
        assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
        conn.send_until_answered(body[200_000:])
        check_problem(conn.response(), 422, "session")
    wait_for(lambda: not set(server.chunks()) - before, "its chunks are gone", 3)


@pytest.mark.parametrize(
    "peer, method, target",
    [
        ("verifier", "POST", "/v1/sessions"), ("processor", "POST", "/v1/sessions"),
        ("operator", "POST", "/v1/sessions"), ("verifier", "POST", "/v1/blobs"),
        ("processor", "POST", "/v1/blobs"), ("operator", "POST", "/v1/blobs"),
        ("uploader", "POST", "/v1/blobs/{blob}/take"),
        ("operator", "POST", "/v1/blobs/{blob}/take"),
        ("processor", "POST", "/v1/blobs/{blob}/take"), ("verifier", "DELETE", "/v1/blobs/{blob}"),
        ("processor", "DELETE", "/v1/blobs/{blob}"),
        ("verifier", "DELETE", "/v1/sessions/{session}"),
        ("verifier", "POST", "/v1/sessions/{session}/touch"),
        ("operator", "POST", "/v1/sessions/{session}/touch"),
    ],
)
def test_call_without_its_role_is_403(server, peer, method, target):
    """Each call is open to the roles that the contract names and to no other; a refused call
    changes nothing."""
    session = server.session()["session"]
    blob = server.put_ok(server.sealed(300), session=session)["blob"]
    body = (
        server.sealed(300) if target == "/v1/blobs" else b"{}" if target == "/v1/sessions" else None
    )
    fields = (
        server.upload_fields()
        if target == "/v1/blobs"
        else [("Content-Type", "application/json")] if body else []
    )
    answer = server.call(method, target.format(blob=blob, session=session), peer, fields, body)
    check_problem(answer, 403, "role")
    detail = answer.json()["detail"]
    assert (
        f"{method} /v1/" in detail
        and f"peer '{peer}'" in detail
        and f"configured as {peer}:" in detail
    ), detail
    assert re.search(r"for the role (uploader|verifier)", detail), detail
    assert server.stat(blob).json()["state"] == "live"
    assert server.call("GET", f"/v1/sessions/{session}").json()["state"] == "open"
    assert server.call("DELETE", f"/v1/sessions/{session}?erase=all").status == 200


@pytest.mark.parametrize(
    "name", [UNKNOWN, "x", "ZZ" + UNKNOWN[2:], UNKNOWN + "A", UNKNOWN[:-1] + "%41", "..", "%00"]
)
def test_unknown_id_is_404(server, name):
    """What never existed, and what cannot be a name at all, gets the same answer."""
    check_problem(server.take(name), 404, "not-found")
    check_problem(server.stat(name), 404, "not-found")
    check_problem(server.erase(name), 404, "not-found")
    check_problem(server.call("GET", f"/v1/sessions/{name}"), 404, "not-found")
    check_problem(server.call("POST", f"/v1/sessions/{name}/touch"), 404, "not-found")
    check_problem(server.call("DELETE", f"/v1/sessions/{name}"), 404, "not-found")


def test_blob_addressed_to_another_is_404(server):
    """A verifier may not even learn that a blob exists that is not addressed to it; its addressee
    still gets it."""
    body = server.sealed(300)
    blob = server.put_ok(body, to="verifier2")["blob"]
    check_problem(server.take(blob, "verifier"), 404, "not-found")
    check_problem(server.stat(blob, "verifier"), 404, "not-found")
    assert server.take(blob, "verifier2").body == body
    check_problem(server.take(blob, "verifier"), 404, "not-found")
    check_problem(server.stat(blob, "verifier"), 404, "not-found")


def test_second_take_is_410_consumed(server):
    """Exactly one reader, and the one who comes second learns that there was a first, and when."""
    blob = server.put_ok(server.sealed(300))["blob"]
    taken = server.take(blob)
    assert taken.status == 200
    for peer in ("verifier", "verifier2"):
        problem = check_problem(server.take(blob, peer), 410, "gone", "consumed")
    for peer in ("uploader", "verifier", "operator"):
        state = server.stat(blob, peer).json()
        assert (state["state"], state["cause"], state["gone_at"]) == (
            "gone",
            "consumed",
            problem["gone_at"],
        )
    check_problem(server.erase(blob), 410, "gone", "consumed")


def test_erased_is_410_erased(server):
    """An uploader's erasure is final and named."""
    blob = server.put_ok(server.sealed(70_000))["blob"]
    receipt = server.erase(blob)
    assert receipt.status == 200 and receipt.json()["cause"] == "erased"
    check_problem(server.take(blob), 410, "gone", "erased")
    check_problem(server.erase(blob), 410, "gone", "erased")
    assert not server.chunks(blob)


def test_closed_session_is_410_session_closed(server):
    """A blob that went with its session says so, to its verifier too."""
    session = server.session()["session"]
    blob = server.put_ok(server.sealed(300), kind="passport", issuer="DNK", session=session)["blob"]
    assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
    check_problem(server.take(blob), 410, "gone", "session-closed")
    check_problem(
        server.call("POST", f"/v1/sessions/{session}/touch"), 410, "gone", "session-closed"
    )


def test_too_large_is_413_from_the_headers(server, nothing_new):
    """A size above max_blob is refused before one byte of content was sent."""
    with server.connect() as conn:
        length = 32 * 1024 * 1024 + 1
        conn.send(server.upload_head(length))
        answer = conn.response()
        check_problem(answer, 413, "too-large")
        assert answer["Connection"].lower() == "close"
        assert conn.ended()
    with server.connect() as conn:
        conn.send(
            conn.head(
                "POST",
                "/v1/blobs",
                server.upload_fields() + [("Content-Length", length), ("Expect", "100-continue")],
            )
        )
        check_problem(conn.response(), 413, "too-large")
    nothing_new()


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'"x"', b'{"idle_s":0}', b'{"idle_s":3601}', b'{"idle_s":"9"}',
        b'{"idle_s":1.5}', b'{"idle_s":9}x', b'{"subject_ref":"' + b"a" * 64 + b'"}',
        b'{"surprise":1}', b"\xff\xfe", b'{"idle_s":9,"idle_s":8}',
    ],
)
def test_malformed_session_request_is_refused(server, nothing_new, body):
    """A session is opened only from JSON that says exactly what the contract allows."""
    answer = server.call(
        "POST", "/v1/sessions", fields=[("Content-Type", "application/json")], body=body
    )
    check_problem(answer, 400, "malformed")
    nothing_new()


def test_refusal_from_the_headers_never_touches_the_store(launch):
    """What the head alone condemns is not written first and removed later: Redis sees none of its
    bytes."""
    server = launch(workers=1)

    def received():
        found = [
            line
            for line in server.redis("INFO", "stats").splitlines()
            if line.startswith("total_net_input_bytes:")
        ]
        return int(found[0].split(":")[1])

    body = server.sealed(200_000)
    before = received()
    for fields in (
        dict(kind="nonsense"), dict(kind="passport"), dict(kind="passport", issuer="DNK"),
        dict(ttl=0), dict(to="nobody"), dict(kind="passport", issuer="DNK", session=UNKNOWN),
    ):
        assert server.put(body, **fields).status == 422
    assert server.put(body, peer="verifier").status == 403
    assert server.put(b"plaintext" * 1000).status == 415
    assert received() < before + 100_000  # what the server's processes say to it meanwhile
    assert server.put(body).status == 201
    assert received() > before + 200_000, "the count does count"


def test_no_client_certificate_fails_in_tls(server):
    """Without a certificate there is no conversation at all."""
    with pytest.raises((ssl.SSLError, ConnectionResetError, Closed)):
        with server.connect(None) as conn:
            conn.sock.sendall(conn.head("GET", "/v1/policy"))
            conn.response()


def test_tls_1_2_is_refused(server):
    """TLS 1.3 only."""
    done = server.curl("--tls-max", "1.2", server.url + "/v1/policy", check=False)
    assert done.returncode == 35, done


def make_certificate(directory, ca=None):
    """A client certificate with a fresh key: signed by ca = (certificate, key), or by itself."""
    key, request, cert = directory / "key.pem", directory / "request.pem", directory / "cert.pem"
    signing = ["-CA", ca[0], "-CAkey", ca[1], "-CAcreateserial"] if ca else ["-signkey", key]
    quiet = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(
        [
            "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-subj", "/CN=stranger", "-keyout", key, "-out", request,
        ],
        **quiet,
    )
    serial = [] if not ca else ["-CAserial", directory / "serial"]
    use = directory / "use.ext"
    use.write_text("extendedKeyUsage=clientAuth\n")
    subprocess.run(
        [
            "openssl", "x509", "-req", "-days", "1", "-in", request, "-out", cert, "-extfile", use,
            *signing, *serial,
        ],
        **quiet,
    )
    return str(cert), str(key)


def dev_ca(server):
    """The dev CA's key: the private key below DIR that belongs to TIMEGLAS_CA."""
    ca = server.env["TIMEGLAS_CA"]
    public = subprocess.run(
        ["openssl", "x509", "-in", ca, "-noout", "-pubkey"], stdout=subprocess.PIPE, check=True
    ).stdout
    for path in sorted((server.dir / "d").rglob("*")):
        if path.is_file() and b"PRIVATE KEY-----" in path.read_bytes():
            own = subprocess.run(
                ["openssl", "pkey", "-in", path, "-pubout"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=False,
            ).stdout
            if own == public:
                return ca, path
    raise AssertionError("no CA key in the dev directory")


def test_certificate_of_no_configured_peer_is_403(server, tmp_path):
    """The CA's signature alone opens nothing: a peer is known by its public key."""
    stranger = make_certificate(tmp_path, dev_ca(server))
    for method, target, body in (
        ("GET", "/v1/policy", None),
        ("POST", "/v1/blobs", server.sealed(300)),
        ("POST", f"/v1/blobs/{UNKNOWN}/take", None),
        ("GET", "/nowhere", None),
    ):
        with server.connect(stranger) as conn:
            check_problem(
                conn.request(method, target, server.upload_fields() if body else (), body),
                403,
                "unknown-peer",
            )


def test_certificate_of_another_ca_fails_in_tls(server, tmp_path):
    """A self-signed certificate does not get as far as a request."""
    with pytest.raises((ssl.SSLError, ConnectionResetError, Closed)):
        with server.connect(make_certificate(tmp_path)) as conn:
            conn.sock.sendall(conn.head("GET", "/v1/policy"))
            conn.response()


def test_early_refusal_is_readable_60_of_60(server, nothing_new):
    """A refusal from the headers reaches a client that is still sending, every time (lingering
    close)."""
    body = seal(server.env["TIMEGLAS_RECIPIENT"], b"x" * 400_000)
    for i in range(60):
        with server.connect() as conn:
            head = server.upload_head(len(body), kind="nonsense")
            conn.send(head + body[: 3000 if i % 2 else 100])
            wait_for(lambda c=conn: c.readable(0), "an answer", 5, 0.001)
            conn.send(body[3000 : 3000 + 64 * 1024])  # still sending, although the answer is there
            answer = conn.response()
            check_problem(answer, 422, "kind")
            assert answer["Connection"].lower() == "close" and not conn.broken
            assert conn.ended(5)
    nothing_new()


@pytest.mark.parametrize("size", [10_000_000, 20_000_000])
def test_early_refusal_reaches_a_client_that_sends_everything_first(server, size):
    """Python's http.client looks for an answer only when all of its body is out; curl, told not to
    wait, while it sends."""
    body = b"x" * size
    fields = dict(server.upload_fields(kind="nonsense"))
    for _ in range(3):
        conn = http.client.HTTPSConnection(
            *server.address, context=server.context("uploader"), timeout=30 * SLOW
        )
        conn.request("POST", "/v1/blobs", body, fields)
        answer = conn.getresponse()
        assert answer.status == 422 and json.loads(answer.read())["type"] == "/problems/kind"
        conn.close()
    args = [arg for name, value in fields.items() for arg in ("-H", f"{name}: {value}")]
    file = server.dir / "large"
    file.write_bytes(body)
    out = server.curl(
        *args, "-H", "Expect:", "--data-binary", f"@{file}", "-w", "%{http_code}",
        server.url + "/v1/blobs",
    )
    file.unlink()
    assert out.stdout.endswith(b"422"), out
