"""Attacks by what the server holds or says to people: labels, characters that steer a terminal,
refusals, another content than was asked for. Importing this module puts them into the table."""


from hostile_evidence import OTHER_ID
from hostile_table import (
    GET,
    OPEN,
    POLICY,
    PUT,
    RM,
    SESSION_PUT,
    SHOW,
    STAT,
    TAKE,
    at,
    attack,
    raw,
    says,
)
from hostile_wire import AT, Honest, PROBLEM

# A control, a change of direction, a line separator and so on, where a terminal would see them.
STEERING = (
    "\x1b]0;x\x07", "\x1b[2J", "\x9b2J", "\x7f\x08", "\u202e", "\u2066", "\u200f", "\u061c",
    "\u2028", "\u2029", "\ufeff", "\x85",
)


# What it says that it holds
for name, what, lies in (
    ("other-name", "under another name than was sent", {"blob": OTHER_ID}),
    ("size", "of another size", {"size": 7}),
    ("size-null", "of no size", {"size": None}),
    ("kind", "of another kind", {"kind": "face3d"}),
    ("session", "of another session", {"session": "sess-9"}),
    ("no-session", "of no session", {"session": None}),
    ("deadline", "until a time that is none", {"deadline": "tomorrow"}),
    ("deadline-null", "for ever", {"deadline": None}),
    ("path", "under an id that is a path", {"blob": "../../etc"}),
    ("shell", "under an id that is a command", {"blob": "$(id)"}),
    ("state", "in a state that steers the terminal", {"state": "live\x1b[2J"}),
):
    attack(
        f"put-{name}",
        f"says that it holds the upload {what}",
        SESSION_PUT,
        3,
        says("put", 201, lambda h, r, lies=lies: h.stored(r, **lies)),
        peer="UPLOADER",
    )
attack(
    "put-issuer",
    "says that it holds the passport of another issuer",
    ["put", "--kind", "passport", "--issuer", "UTO", "in"],
    3,
    says("put", 201, lambda h, r: h.stored(r, issuer="DNK")),
    peer="UPLOADER",
)
attack(
    "put-digest",
    "says that it holds other bytes",
    ["put", "--kind", "liveness", "--sealed", "in.age"],
    3,
    says("put", 201, lambda h, r: h.stored(r, sha256="0" * 64)),
    peer="UPLOADER",
)
attack(
    "put-gone",
    "says of a first upload that it is gone already, under another name",
    PUT,
    3,
    says(
        "put",
        200,
        lambda h, r: {"blob": OTHER_ID, "state": "gone", "cause": "erased", "gone_at": AT},
    ),
    peer="UPLOADER",
)
attack(
    "stat-of-another",
    "tells of another blob",
    STAT,
    3,
    says("stat", 200, lambda h, r: h.stat(blob=OTHER_ID)),
    peer="UPLOADER",
)
attack(
    "stat-time",
    "tells a deadline that is none",
    STAT,
    3,
    says("stat", 200, lambda h, r: h.stat(deadline="\x1b[2J")),
    peer="UPLOADER",
)
attack(
    "session-of-another",
    "tells of another session",
    SHOW,
    3,
    says("session show", 200, lambda h, r: h.session(session="sess-2")),
    peer="UPLOADER",
)
attack(
    "session-id",
    "gives a session an id that is a command",
    OPEN,
    3,
    says("session open", 201, lambda h, r: h.session(session="a;id")),
    peer="UPLOADER",
)
attack(
    "session-timeless",
    "opens a session without an end",
    OPEN,
    3,
    says("session open", 201, lambda h, r: h.session(deadline=None)),
    peer="UPLOADER",
)

# What reaches the terminal: every text of a server's, in names as in values, for people and with
# --json
EVIL = "".join(STEERING)
for suffix, json_too in (("", []), ("-json", ["--json"])):
    attack(
        f"terminal-problem{suffix}",
        "steers the terminal from every member of a refusal",
        [*STAT, *json_too],
        1,
        at(
            "stat",
            lambda s, w, r: w.problem(
                409, type="/problems/" + EVIL, title="a" + EVIL, detail="b" + EVIL,
                cause="c" + EVIL, gone_at="d" + EVIL, instance=EVIL,
            ),
        ),
    )
    attack(
        f"terminal-names{suffix}",
        "steers the terminal from the names of members",
        [*STAT, *json_too],
        0,
        says(
            "stat",
            200,
            lambda h, r: h.stat(
                **{EVIL: "x", "list" + EVIL: [{EVIL: "y"}], "object": {EVIL: EVIL}}
            ),
        ),
    )
    attack(
        f"terminal-values{suffix}",
        "steers the terminal from values that nobody knows",
        [*STAT, *json_too],
        0,
        says("stat", 200, lambda h, r: h.stat(more=EVIL, rows=[{"a": EVIL}, {"a": [EVIL]}])),
    )
    attack(
        f"terminal-policy{suffix}",
        "steers the terminal from the policy",
        [*POLICY, *json_too],
        0,
        says("policy", 200, lambda h, r: {"retention": [{"kind": EVIL, EVIL: 1}], EVIL: EVIL}),
    )
    attack(
        f"terminal-session{suffix}",
        "steers the terminal from a session's list",
        [*SHOW, *json_too],
        0,
        says("session show", 200, lambda h, r: h.session(blobs=[{"blob": EVIL, EVIL: 1}])),
    )
    attack(
        f"terminal-receipt{suffix}",
        "steers the terminal from a receipt",
        [*RM, *json_too],
        0,
        says("rm", 200, lambda h, r: h.receipt(more=EVIL, head={EVIL: EVIL})),
    )
attack(
    "terminal-not-utf-8",
    "sends a refusal that is no UTF-8",
    STAT,
    1,
    at("stat", lambda s, w, r: w.json(409, b'{"title":"\x9b2J\xff"}', PROBLEM)),
)
attack(
    "terminal-fields",
    "steers the terminal from the fields of a take",
    TAKE,
    (3, 4),
    at(
        "take",
        lambda s, w, r: w.answer(
            200,
            s.honest.e.sealed,
            s.honest.labels(**{"Timeglas-Kind": b"live\xc2\x9b2J", "Timeglas-Session": "\u202e"}),
        ),
    ),
)
attack(
    "terminal-reason",
    "steers the terminal from the reason behind the status",
    STAT,
    (1, 3),
    raw(
        "stat",
        (
            b"HTTP/1.1 404 \xc2\x9b2J\xe2\x80\xae\r\nContent-Type: text/html\r\nContent-Length:"
            b" 1\r\n\r\nx"
        ),
    ),
)
attack(
    "terminal-certificate",
    "steers the terminal from its certificate",
    POLICY,
    3,
    certificate=lambda w: w.certificate("a\u202eb", "subjectAltName=DNS:elsewhere.example"),
)
attack(
    "names-without-end",
    "names a member with half a million characters",
    POLICY,
    0,
    says("policy", 200, lambda h, r: {"a" * 500_000: 1, **{f"k{i}": i for i in range(500)}}),
    check=lambda s: "blown up" if len(s.stdout) > 500_000 else None,
)

# Refusals
for name, value in (
    ("huge", "9" * 40),
    ("negative", "-5"),
    ("date", "Fri, 31 Dec 1999 23:59:59 GMT"),
    ("escape", "5\u202e"),
):
    attack(
        f"retry-after-{name}",
        f"asks for a retry after {value[:12]!r}",
        STAT,
        6,
        at("stat", lambda s, w, r, value=value: w.problem(503, [("Retry-After", value)])),
        check=lambda s: "printed" if b"try again in" in s.stderr else None,
    )
attack(
    "refuses-429",
    "refuses for now",
    STAT,
    6,
    at("stat", lambda s, w, r: w.problem(429, [("Retry-After", "7")])),
    says="7 s",
)
attack(
    "refuses-types",
    "refuses with members of other types",
    STAT,
    1,
    at(
        "stat",
        lambda s, w, r: w.json(
            404, {"type": 3, "title": ["x"], "detail": {}, "status": "x"}, PROBLEM
        ),
    ),
)
attack(
    "refuses-oddly",
    "calls a success a problem",
    STAT,
    3,
    says("stat", 200, {"type": "/problems/gone", "title": "gone"}, media=PROBLEM),
)


# Another content than was asked for
def exchange(name, what, evidence, relabelled=False, exits=4, outcome="mislabelled"):
    """The server gives out evidence under the id of the right one; labels that fit what it gives
    out when relabelled."""

    def respond(s, w, r):
        e, h = getattr(s.world, evidence), Honest(s.world, getattr(s.world, evidence))
        if r.step == "claim":
            w.json(201, h.claim(claim=s.honest.claim_token()))
        elif r.step in ("take", "read"):
            w.answer(200, e.sealed, h.labels() if relabelled else s.honest.labels())
        else:
            return None
        return True

    attack(f"get-{name}", what, GET, exits, respond, outcome=outcome)
    attack(f"take-{name}", what, TAKE, exits, respond)


exchange("swapped", "gives another person's evidence, with the same labels and size", "other")
exchange("swapped-size", "gives another person's evidence, of several chunks", "big")
exchange("swapped-small", "gives another person's evidence, of a few bytes", "small")
exchange("older", "gives what the same sender sealed earlier", "older")
exchange("other-kind", "gives another kind's evidence", "kin")
exchange("other-kind-relabelled", "gives another kind's evidence, and says so", "kin", True)
exchange("other-session", "gives another session's evidence", "session")
exchange(
    "other-session-relabelled", "gives another session's evidence, and says so", "session", True
)
exchange("unsigned", "gives a plain age file", "raw", outcome="bad-signature")
exchange("forged", "gives what another has signed", "forged", outcome="bad-signature")
for label, value in (("Kind", "face3d"), ("Session", "sess-9"), ("Issuer", "DNK")):
    attack(
        f"relabels-{label.lower()}",
        f"gives the right evidence with another {label.lower()}",
        GET,
        4,
        at(
            "read",
            lambda s, w, r, n=f"Timeglas-{label}", v=value: w.answer(
                200, s.honest.e.sealed, s.honest.labels(**{n: v})
            ),
        ),
        outcome="mislabelled",
    )
attack(
    "unlabels-session",
    "keeps silent about the session",
    TAKE,
    4,
    at(
        "take",
        lambda s, w, r: w.answer(
            200,
            s.honest.e.sealed,
            {k: v for k, v in s.honest.labels().items() if k != "Timeglas-Session"},
        ),
    ),
    evidence="in_session",
)
attack(
    "flipped-bit",
    "changes one bit",
    GET,
    4,
    at(
        "read",
        lambda s, w, r: w.answer(
            200,
            s.honest.e.sealed[:-9] + bytes([s.honest.e.sealed[-9] ^ 1]) + s.honest.e.sealed[-8:],
            s.honest.labels(),
        ),
    ),
    outcome="decrypt-failed",
)
attack(
    "cut",
    "leaves the end out, and lies about the size",
    GET,
    4,
    lambda s, w, r: (
        (w.json(201, s.honest.claim(size=len(s.honest.e.sealed) - 40, sha256=None)) or True)
        if r.step == "claim"
        else (
            (w.answer(200, s.honest.e.sealed[:-40], s.honest.labels()) or True)
            if r.step == "read"
            else None
        )
    ),
    outcome="decrypt-failed",
)
attack(
    "other-digest",
    "claims a digest that differs",
    GET,
    4,
    says("claim", 201, lambda h, r: h.claim(sha256="0" * 64)),
    outcome="decrypt-failed",
)
attack(
    "digest-nonsense",
    "claims a digest that is none",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(sha256="z" * 64)),
)
attack(
    "digest-short",
    "claims half a digest",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(sha256="0" * 32)),
)
attack(
    "empty",
    "gives nothing",
    TAKE,
    (3, 4),
    at("take", lambda s, w, r: w.answer(200, b"", s.honest.labels())),
)
