"""What an attack of hostile_server.py is, and the ways to write one: TABLE has all of them once the
modules hostile_connection, hostile_answers and hostile_content have been imported."""
import ssl
from dataclasses import dataclass, field

from hostile_evidence import SID, SUBJECT
from hostile_wire import END


@dataclass
class Attack:
    name: str
    what: str  # what the server does
    command: list
    exits: tuple  # exit statuses that are due
    respond: object = None
    says: str = ""  # stands in stderr
    # True: the right content may be released (what came was good, what came after it a lie)
    released: bool = False
    printed: bool = False  # True: the end's receipt is printed, though its proof is refused
    evidence: str = "right"  # what the honest part holds
    outcome: str | None = None  # the ack that is due
    host: str = "127.0.0.1"
    certificate: object = None
    versions: tuple = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)
    alpn: list = field(default_factory=list)
    bare: object = None  # talks without TLS
    before_body: object = None  # instead of 100 Continue
    peer: str = "VERIFIER"
    stdin: bytes = b""
    check: object = None  # of the server afterwards: what is wrong, or None
    env: dict = field(default_factory=dict)


TABLE = []
GET = ["get", "{id}", "-o", "out", "--lease", "1"]
TAKE = ["take", "{id}", "-o", "out", "--timeout", "1"]
PUT = ["put", "--kind", "liveness", "in", "--timeout", "2"]
STAT, RM, POLICY = (
    ["stat", "{id}", "--timeout", "1"],
    ["rm", "{id}", "--timeout", "1"],
    ["policy", "--timeout", "1"],
)
OPEN, SHOW, CLOSE = (
    ["session", w, *rest, "--timeout", "1"]
    for w, *rest in (["open"], ["show", SID], ["close", SID])
)
SUBJECT_SHOW, SUBJECT_ERASE, SUBJECT_FREEZE, SUBJECT_RELEASE = (
    ["subject", w, SUBJECT, "--timeout", "1"] for w in ("show", "erase", "freeze", "release")
)
SESSION_PUT = [*PUT, "--session", SID]


def attack(name, what, command, exits, respond=None, **more):
    TABLE.append(
        Attack(
            name, what, command, exits if isinstance(exits, tuple) else (exits,), respond, **more
        )
    )


def at(step, act):
    """At this step act(server, wire, request); honest before and after. What act returns, unless
    None, is what the step returns."""

    def respond(server, wire, req):
        if req.step != step:
            return None
        said = act(server, wire, req)
        return True if said is None else said

    return respond


def says(step, status, o, **more):
    """At this step a JSON answer; o may be a function of (honest server, request)."""
    return at(step, lambda s, w, r: w.json(status, o(s.honest, r) if callable(o) else o, **more))


def raw(step, data, then=END):
    """At this step bytes; data may be a function of the honest server."""

    def act(server, wire, req):
        wire.send(data(server.honest) if callable(data) else data)
        return then

    return at(step, act)


def breaks(after, second):
    """A read that breaks off after so many bytes, and second(server, wire, request) for the part
    that is asked for then."""

    def respond(server, wire, req):
        if req.step != "read":
            return None
        if req.first == 0:
            wire.answer(
                200,
                server.honest.e.sealed[:after],
                server.honest.labels(),
                length=len(server.honest.e.sealed),
            )
            return END
        second(server, wire, req)
        return END

    return respond


def part(lies=None, status=206, body=None, **labels):
    def second(server, wire, req):
        h = server.honest
        fields = {
            **h.labels(**labels),
            **h.range(req.first),
            **(lies(h, req.first) if lies else {}),
        }
        wire.answer(
            status,
            h.e.sealed[req.first :] if body is None else body(h, req.first),
            {k: v for k, v in fields.items() if v is not None},
        )

    return second


HONEST = [
    Attack(
        f"honest-{c[0]}-{c[1] + '-' if c[0] in ('session', 'subject') else ''}{i}", "none", c, (0,),
        peer=p, released=True,
    )
    for i, (c, p) in enumerate(
        [
            (GET, "VERIFIER"), (TAKE, "VERIFIER"), (PUT, "UPLOADER"), (SESSION_PUT, "UPLOADER"),
            (STAT, "UPLOADER"), (RM, "UPLOADER"),
            ([*RM, "--proof", "kept"], "UPLOADER"), (POLICY, "VERIFIER"), (OPEN, "UPLOADER"),
            (SHOW, "UPLOADER"), (CLOSE, "UPLOADER"), (SUBJECT_SHOW, "UPLOADER"),
            (SUBJECT_ERASE, "UPLOADER"),
            ([*SUBJECT_ERASE, "--certificate", "kept"], "UPLOADER"), (SUBJECT_FREEZE, "UPLOADER"),
            (SUBJECT_RELEASE, "UPLOADER"),
        ]
    )
]
