"""Attacks by the connection and by the heads of answers: TLS, redirections, fields, status codes,
ranges. Importing this module puts them into the table."""
import ssl

from hostile_evidence import OTHER_ID, World
from hostile_table import (
    GET,
    OPEN,
    POLICY,
    PUT,
    RM,
    STAT,
    TAKE,
    at,
    attack,
    breaks,
    part,
    raw,
    says,
)
from hostile_wire import END

# Who it is, and what it speaks
attack(
    "tls-1.2", "offers TLS 1.2 at most", POLICY, 3,
    versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
)
attack(
    "other-authority", "has a certificate that it issued to itself", POLICY, 3,
    certificate=World.other_authority,
)
attack(
    "other-host",
    "has a certificate of the right authority for another host",
    POLICY,
    3,
    certificate=lambda w: w.certificate(
        "elsewhere", "subjectAltName=DNS:elsewhere.example\nextendedKeyUsage=serverAuth"
    ),
)
attack(
    "client-certificate",
    (
        "is a hacked peer: its certificate, of the right authority and with the right address, is"
        " one for clients"
    ),
    POLICY,
    3,
    certificate=lambda w: w.certificate(
        "peer", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=clientAuth"
    ),
)
attack(
    "no-tls",
    "answers without TLS",
    POLICY,
    3,
    bare=lambda s, w: w.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
)
attack(
    "slow-handshake",
    "sends a byte of the handshake now and then",
    POLICY,
    3,
    bare=lambda s, w: w.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03" + b"x" * 500),
)
attack(
    "http-2",
    "chooses HTTP/2 and speaks it",
    POLICY,
    3,
    raw("policy", b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x64\0\4\x40\0\0\0\0\2\0\0\0\0"),
    alpn=["h2"],
)
attack(
    "http-0.9", "answers with content alone, without a head", POLICY, 3,
    raw("policy", b'{"retention": []}\r\n'),
)
attack(
    "http-1.0",
    "answers with HTTP/1.0",
    POLICY,
    3,
    raw(
        "policy",
        b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ),
)
attack(
    "http-1.2",
    "answers with a version that does not exist",
    POLICY,
    3,
    raw(
        "policy",
        b"HTTP/1.2 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ),
)
attack(
    "switches-protocol",
    "answers 101 and goes on with its own words",
    POLICY,
    3,
    raw("policy", b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n{}"),
)
attack(
    "says-nothing",
    "takes the request and says nothing",
    POLICY,
    3,
    at("policy", lambda s, w, r: w.silence()),
)
attack("hangs-up", "takes the request and hangs up", POLICY, 3, at("policy", lambda s, w, r: END))

# Where it sends the client
for status in (301, 302, 307, 308):
    attack(
        f"redirect-{status}",
        f"answers {status}, to another path",
        STAT if status < 307 else PUT,
        3,
        at(
            "stat" if status < 307 else "put",
            lambda s, w, r, status=status: w.answer(status, b"", {"Location": "/v1/policy"}),
        ),
        peer="UPLOADER",
        check=lambda s: "followed" if len(s.seen) > 1 else None,
    )
attack(
    "redirect-of-a-take",
    "answers a take with 303, to another blob",
    TAKE,
    3,
    at("take", lambda s, w, r: w.answer(303, b"", {"Location": f"/v1/blobs/{OTHER_ID}/take"})),
    check=lambda s: "followed" if len(s.seen) > 1 else None,
)
attack(
    "cookies",
    "sets a cookie, HSTS, Alt-Svc and a challenge: nothing of it may come back",
    GET,
    0,
    says(
        "claim",
        201,
        lambda h, r: h.claim(),
        fields=[
            ("Set-Cookie", "a=b"),
            ("Strict-Transport-Security", "max-age=9"),
            ("Alt-Svc", 'h2=":1"'),
            ("WWW-Authenticate", "Basic realm=x"),
        ],
    ),
    released=True,
    check=lambda s: (
        "sent"
        if any({"cookie", "authorization", "upgrade"} & set(f) for _, _, f in s.seen)
        else None
    ),
)
attack(
    "proxy-of-the-environment",
    "is only reached when the proxy that the environment names is not asked",
    POLICY,
    0,
    env={"https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"},
)

# Heads of answers
attack(
    "endless-fields",
    "sends fields without an end",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(b"HTTP/1.1 200 X\r\n")
        or [w.send(b"X-%d: y\r\n" % i * 100) for i in range(100_000)]
        and END,
    ),
)
attack(
    "endless-field",
    "sends one field without an end",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(b"HTTP/1.1 200 X\r\nX: ")
        or [w.send(b"y" * 65536) for _ in range(200)]
        and END,
    ),
)
attack(
    "dripping-head",
    "sends a byte of the head now and then",
    POLICY,
    3,
    at("policy", lambda s, w, r: w.drip(b"HTTP/1.1 200 X\r\nX: " + b"y" * 300)),
)
attack(
    "endless-100",
    "sends 100 Continue without an end",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: [w.send(b"HTTP/1.1 100 X\r\n\r\n" * 50) for _ in range(2000)] and END,
    ),
)
attack(
    "dripping-100",
    "sends a 100 Continue now and then",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: [w.drip(b"HTTP/1.1 100 X\r\n\r\n", 0.02) for _ in range(100)] and END,
    ),
)
attack(
    "early-hints",
    "sends 103 before its answer",
    POLICY,
    3,
    raw(
        "policy",
        (
            b"HTTP/1.1 103 X\r\nLink: </x>\r\n\r\nHTTP/1.1 200 X\r\nContent-Type:"
            b" application/json\r\nContent-Length: 2\r\n\r\n{}"
        ),
    ),
)
attack(
    "folded-field",
    "folds a field",
    POLICY,
    3,
    raw(
        "policy",
        (
            b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nX: a\r\n b\r\nContent-Length:"
            b" 2\r\n\r\n{}"
        ),
    ),
)
attack(
    "control-in-field",
    "sends a control character in a field",
    TAKE,
    3,
    at("take", lambda s, w, r: w.answer(200, s.honest.e.sealed, s.honest.labels(X=b"a\x1b[2Jb"))),
)
attack(
    "nul-in-field",
    "sends a NUL in a field",
    TAKE,
    3,
    at("take", lambda s, w, r: w.answer(200, s.honest.e.sealed, s.honest.labels(X=b"a\0b"))),
)
attack(
    "bare-lf",
    "ends its lines with LF alone",
    POLICY,
    3,
    raw("policy", b"HTTP/1.1 200 X\nContent-Type: application/json\nContent-Length: 2\n\n{}"),
)
attack(
    "expects-in-vain",
    "never says 100 Continue: the upload goes on without",
    [*PUT, "--raw"],
    0,
    before_body=lambda s, w, f: None,
    peer="UPLOADER",
)
attack(
    "refuses-expectations",
    "answers 417 for ever",
    PUT,
    1,
    before_body=lambda s, w, f: w.problem(417),
    peer="UPLOADER",
    respond=at("put", lambda s, w, r: w.problem(417)),
)
for name, value in (
    ("negative", "-1"), ("plus", "+7"), ("hex", "0x7"), ("list", "7, 7"), ("huge", "9" * 30),
    ("empty", ""), ("fraction", "7.0"),
):
    attack(
        f"length-{name}",
        f"sends Content-Length: {value[:20]}",
        TAKE,
        3,
        at(
            "take",
            lambda s, w, r, value=value: w.send(
                w.head(200, {**s.honest.labels(), "Content-Length": value}) + s.honest.e.sealed
            )
            or END,
        ),
    )
attack(
    "two-lengths",
    "sends two lengths that differ",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.send(
            w.head(
                200,
                [
                    *s.honest.labels().items(),
                    ("Content-Length", "7"),
                    ("Content-Length", str(len(s.honest.e.sealed))),
                ],
            )
            + s.honest.e.sealed
        )
        or END,
    ),
)
attack(
    "no-length",
    "sends content until it hangs up",
    TAKE,
    3,
    at("take", lambda s, w, r: w.send(w.head(200, s.honest.labels()) + s.honest.e.sealed) or END),
)
attack(
    "chunked",
    "sends content in chunks, with no length",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.send(
            w.head(200, {**s.honest.labels(), "Transfer-Encoding": "chunked"})
            + b"%x\r\n%s\r\n0\r\n\r\n" % (len(s.honest.e.sealed), s.honest.e.sealed)
        ),
    ),
)
attack(
    "chunked-and-length",
    "sends chunks and a length",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.send(
            w.head(200, {**s.honest.labels(), "Transfer-Encoding": "chunked"}, 7)
            + b"%x\r\n%s\r\n0\r\n\r\n" % (len(s.honest.e.sealed), s.honest.e.sealed)
        ),
    ),
)
attack(
    "endless-chunks",
    "sends a JSON answer in chunks that do not end",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(
            w.head(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
        )
        or [w.send(b"400\r\n" + b" " * 1024 + b"\r\n") for _ in range(100_000)]
        and END,
    ),
)
attack(
    "gzip",
    "says that the content is compressed",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.answer(
            200, s.honest.e.sealed, s.honest.labels(**{"Content-Encoding": "gzip"})
        ),
    ),
)
attack(
    "gzip-json",
    "compresses a JSON answer",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.answer(
            200,
            __import__("gzip").compress(b'{"a":"' + b" " * 900_000 + b'"}'),
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        ),
    ),
)
attack(
    "two-kinds",
    "sends Timeglas-Kind twice",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.answer(
            200, s.honest.e.sealed, [*s.honest.labels().items(), ("Timeglas-Kind", "face3d")]
        ),
    ),
)
attack(
    "no-kind",
    "sends no Timeglas-Kind",
    TAKE,
    3,
    at("take", lambda s, w, r: w.answer(200, s.honest.e.sealed, {"ETag": '"e"'})),
)
attack(
    "bidi-in-label",
    "names a session with a change of direction",
    TAKE,
    (3, 4),
    at(
        "take",
        lambda s, w, r: w.answer(
            200, s.honest.e.sealed, s.honest.labels(**{"Timeglas-Session": "a\u202eb"})
        ),
    ),
)

# Status
attack(
    "status-999",
    "answers 999",
    POLICY,
    3,
    raw(
        "policy", b"HTTP/1.1 999 X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    ),
)
attack(
    "session-200",
    "answers 200 where 201 belongs: no session was opened",
    OPEN,
    3,
    says("session open", 200, lambda h, r: h.session()),
    peer="UPLOADER",
)
attack(
    "put-200",
    "answers 200 to an upload that cannot be a repeat",
    ["put", "--kind", "liveness", "--raw", "-"],
    3,
    says("put", 200, lambda h, r: h.stored(r)),
    peer="UPLOADER",
    stdin=b"x" * 1000,
)
attack(
    "stat-201",
    "answers 201 where 200 belongs",
    STAT,
    3,
    says("stat", 201, lambda h, r: h.stat()),
    peer="UPLOADER",
)
attack(
    "ack-202",
    "answers an ack with 202: it has erased nothing yet",
    GET,
    3,
    says("ack", 202, lambda h, r: h.receipt()),
    released=True,
)
attack(
    "rm-204", "answers an erasure with 204 and no receipt", RM, 3,
    raw("rm", b"HTTP/1.1 204 X\r\n\r\n"), peer="UPLOADER",
)
attack(
    "take-206",
    "answers a take with a part",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.answer(
            206, s.honest.e.sealed[100:], {**s.honest.labels(), **s.honest.range(100)}
        ),
    ),
)

# Ranges
attack(
    "range-whole",
    "answers a resumption with all of it",
    GET,
    3,
    breaks(5000, part(lambda h, n: {"Content-Range": None}, 200, lambda h, n: h.e.sealed)),
)
attack(
    "range-other-start",
    "answers a resumption with another part",
    GET,
    3,
    breaks(5000, part(lambda h, n: h.range(n - 1000), body=lambda h, n: h.e.sealed[n - 1000 :])),
)
attack(
    "range-other-end",
    "answers a resumption with a shorter part",
    GET,
    3,
    breaks(
        5000,
        part(
            lambda h, n: {"Content-Range": f"bytes {n}-{n + 99}/{len(h.e.sealed)}"},
            body=lambda h, n: h.e.sealed[n : n + 100],
        ),
    ),
)
attack(
    "range-other-total",
    "changes the total between two parts",
    GET,
    3,
    breaks(
        5000,
        part(
            lambda h, n: {"Content-Range": f"bytes {n}-{len(h.e.sealed) - 1}/{len(h.e.sealed) + 7}"}
        ),
    ),
)
attack(
    "range-none",
    "sends a part that does not say where it belongs",
    GET,
    3,
    breaks(5000, part(lambda h, n: {"Content-Range": None})),
)
attack(
    "range-prefix",
    "sends a part whose range only begins as the one that was asked for",
    GET,
    3,
    breaks(5000, part(lambda h, n: {"Content-Range": f"bytes {n}-junk"})),
)
attack("etag-changes", "changes the ETag between two parts", GET, 3, breaks(5000, part(ETag='"f"')))
attack(
    "etag-vanishes", "sends the second part without the ETag", GET, 3, breaks(5000, part(ETag=None))
)
attack(
    "multipart",
    "sends a part as multipart/byteranges",
    GET,
    3,
    breaks(
        5000,
        part(
            lambda h, n: {"Content-Range": None, "Content-Type": "multipart/byteranges; boundary=x"}
        ),
    ),
)
attack(
    "part-of-another",
    "sends the second half of another blob",
    GET,
    4,
    breaks(5000, part(body=lambda h, n: h.world.other.sealed[n:])),
)
