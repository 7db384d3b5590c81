"""Attacks by what an answer claims: sizes, times, JSON, receipts. Importing this module puts them
into the table."""
import json

from hostile_evidence import OTHER_ID
from hostile_table import (
    CLOSE,
    GET,
    POLICY,
    PUT,
    RM,
    STAT,
    SUBJECT_ERASE,
    SUBJECT_FREEZE,
    SUBJECT_RELEASE,
    SUBJECT_SHOW,
    TAKE,
    at,
    attack,
    says,
)
from hostile_wire import END, LATER, PROBLEM

# Sizes and times
attack(
    "claim-too-small",
    "claims to have fewer bytes than it sends",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(size=len(h.e.sealed) - 1)),
)
attack(
    "claim-too-large",
    "claims to have more bytes than it sends",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(size=len(h.e.sealed) + 1)),
)
for name, value in (
    ("zero", 0), ("negative", -1), ("text", "97"), ("real", 97.5), ("null", None), ("max", 2**63),
    ("list", [97]),
):
    attack(
        f"claim-size-{name}",
        f"claims a size of {value!r}",
        GET,
        3,
        says("claim", 201, lambda h, r, value=value: h.claim(size=value)),
    )
attack(
    "claim-over-max-size",
    "claims to have more than is accepted",
    [*GET, "--max-size", "1000"],
    1,
    check=lambda s: "read" if s.count.get("read") else None,
)
attack(
    "take-over-max-size", "sends more than is accepted", [*TAKE, "--max-size", "1000"], 1,
    says="take",
)
attack(
    "take-of-exabytes",
    "announces exabytes",
    TAKE,
    1,
    at(
        "take",
        lambda s, w, r: w.send(w.head(200, s.honest.labels(), 2**62))
        or [w.send(b"x" * 65536) for _ in range(100_000)]
        and END,
    ),
    says="take",
)
attack(
    "endless-read",
    "announces exabytes in claim and read, and sends without an end",
    [*GET, "--max-size", "1MiB"],
    (1, 3),
    at("claim", lambda s, w, r: w.json(201, s.honest.claim(size=2**62))),
)
attack(
    "short",
    "hangs up in the middle of a take",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.answer(
            200, s.honest.e.sealed[:5000], s.honest.labels(), length=len(s.honest.e.sealed)
        )
        or END,
    ),
)
attack(
    "long",
    "sends more behind the content",
    TAKE,
    0,
    at(
        "take",
        lambda s, w, r: w.send(
            w.head(200, s.honest.labels(), len(s.honest.e.sealed))
            + s.honest.e.sealed
            + b"junk" * 1000
        )
        or END,
    ),
    released=True,
)
attack(
    "dripping-take",
    "sends a byte of a take now and then",
    TAKE,
    3,
    at(
        "take",
        lambda s, w, r: w.send(w.head(200, s.honest.labels(), len(s.honest.e.sealed)))
        or w.drip(s.honest.e.sealed),
    ),
)
attack(
    "dripping-read",
    "sends a byte of a read now and then: the lease ends",
    GET,
    3,
    at(
        "read",
        lambda s, w, r: w.send(w.head(200, s.honest.labels(), len(s.honest.e.sealed)))
        or w.drip(s.honest.e.sealed),
    ),
)
attack(
    "dripping-parts",
    "sends ten bytes and hangs up, again and again: the lease ends",
    GET,
    3,
    at(
        "read",
        lambda s, w, r: w.send(
            w.head(
                206 if r.first else 200,
                {**s.honest.labels(), **(s.honest.range(r.first) if r.first else {})},
                len(s.honest.e.sealed) - r.first,
            )
            + s.honest.e.sealed[r.first : r.first + 10]
        )
        or END,
    ),
)
attack(
    "dripping-json",
    "sends a byte of a JSON answer now and then",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(w.head(200, {"Content-Type": "application/json"}, 900))
        or w.drip(b" " * 900),
    ),
)
attack(
    "dripping-claim",
    "sends a byte of a claim now and then",
    [*GET, "--timeout", "1"],
    3,
    at(
        "claim",
        lambda s, w, r: w.send(w.head(201, {"Content-Type": "application/json"}, 900))
        or w.drip(b" " * 900),
    ),
)
attack(
    "dripping-problem",
    "sends a byte of a refusal now and then",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(w.head(500, {"Content-Type": PROBLEM}, 900)) or w.drip(b" " * 900),
    ),
)
attack(
    "reads-slowly",
    "does not answer an upload that it has read",
    PUT,
    3,
    at("put", lambda s, w, r: w.silence()),
    peer="UPLOADER",
)
attack(
    "lease-nonsense",
    "names a lease deadline that is no time",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(lease_deadline="soon")),
)
attack(
    "lease-none",
    "names no lease deadline",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(lease_deadline=None)),
)
attack(
    "lease-of-a-year",
    "grants a lease of a year and drips: the lease that was asked for ends it",
    GET,
    3,
    lambda s, w, r: (
        (w.json(201, s.honest.claim(lease_deadline="2027-11-22T12:00:00.000Z")) or True)
        if r.step == "claim"
        else (
            (
                w.send(w.head(200, s.honest.labels(), len(s.honest.e.sealed)))
                or w.drip(s.honest.e.sealed)
            )
            if r.step == "read"
            else None
        )
    ),
)
attack(
    "claim-of-another",
    "gives the claim of another blob",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(claim=h.claim_token(OTHER_ID))),
)
attack(
    "claim-token-path",
    "gives a claim that is a path",
    GET,
    3,
    says("claim", 201, lambda h, r: h.claim(claim="../blobs/x")),
)
attack(
    "patience",
    "asks for patience without an end",
    [*GET, "--timeout", "1"],
    6,
    at(
        "claim",
        lambda s, w, r: w.problem(503, [("Retry-After", "1")], type="/problems/store-unreachable"),
    ),
)

# JSON
attack(
    "json-endless",
    "announces a JSON answer of exabytes",
    POLICY,
    3,
    at(
        "policy",
        lambda s, w, r: w.send(w.head(200, {"Content-Type": "application/json"}, 2**62))
        or [w.send(b" " * 65536) for _ in range(100_000)]
        and END,
    ),
)
attack(
    "json-deep", "nests a million arrays", POLICY, 3, says("policy", 200, b'{"a":' + b"[" * 900_000)
)
attack(
    "json-deep-and-whole", "nests a thousand objects", POLICY, 3,
    says("policy", 200, b'{"a":' * 1000 + b"1" + b"}" * 1000),
)
attack(
    "json-many", "sends half a million elements", POLICY, 3,
    says("policy", 200, b'{"a":[' + b"0," * 450_000 + b"0]}"),
)
attack(
    "json-twice",
    "names a member twice, with another value",
    STAT,
    3,
    says("stat", 200, lambda h, r: json.dumps(h.stat())[:-1].encode() + b',"state":"gone"}'),
    peer="UPLOADER",
)
attack(
    "json-nul",
    "sends a NUL in a text",
    STAT,
    3,
    says("stat", 200, lambda h, r: h.stat(state="live\0x")),
    peer="UPLOADER",
)
attack(
    "json-nul-in-name",
    "sends a NUL in a member's name",
    STAT,
    3,
    says("stat", 200, lambda h, r: h.stat(**{"a\0b": 1})),
    peer="UPLOADER",
)
attack(
    "json-not-utf-8",
    "sends bytes that are no UTF-8",
    STAT,
    3,
    says(
        "stat", 200, lambda h, r: json.dumps(h.stat(more="XX")).encode().replace(b"XX", b"\xff\x9b")
    ),
    peer="UPLOADER",
)
attack(
    "json-number",
    "sends a number that nothing can hold",
    STAT,
    3,
    says(
        "stat",
        200,
        lambda h, r: json.dumps(h.stat(size=7)).encode().replace(b": 7", b": " + b"9" * 999),
    ),
    peer="UPLOADER",
)
attack("json-array", "sends an array", POLICY, 3, says("policy", 200, b"[]"))
attack("json-cut", "sends half an object", POLICY, 3, says("policy", 200, b'{"retention": ['))
attack(
    "json-more", "sends something behind the object", POLICY, 3,
    says("policy", 200, b'{"retention": []} {}'),
)
attack(
    "json-html", "sends HTML", POLICY, 3, says("policy", 200, b"<html>{}</html>", media="text/html")
)
attack(
    "json-as-text", "sends an object that it calls text", POLICY, 3,
    says("policy", 200, b"{}", media="text/plain"),
)

# Receipts
for name, what, lies in (
    ("of-another", "for another blob", {"blob": OTHER_ID}),
    ("nameless", "for no blob", {"blob": None}),
    ("timeless", "without a time", {"erased_at": None}),
    ("time-nonsense", "with a time that is none", {"erased_at": "soon"}),
    ("number", "whose blob is a number", {"blob": 7}),
    ("long", "whose blob is endless", {"blob": "A" * 9000}),
    ("tagless", "without a tag", {"ref": None, "tag": None}),
    ("tag-nonsense", "whose tag is none", {"ref": "x" * 32, "tag": "x" * 32}),
    ("eventless", "without an event", {"event": None}),
    ("causeless", "without a cause", {"cause": None}),
):
    attack(
        f"ack-receipt-{name}",
        f"answers an ack with a receipt {what}",
        GET,
        3,
        says("ack", 200, lambda h, r, lies=lies: h.receipt(**lies)),
        released=True,
    )
    if name in ("of-another", "nameless", "timeless", "tag-nonsense"):
        attack(
            f"rm-receipt-{name}",
            f"answers an erasure with a receipt {what}",
            RM,
            3,
            says("rm", 200, lambda h, r, lies=lies: h.receipt(**lies)),
            peer="UPLOADER",
        )
attack(
    "ack-no-receipt",
    "answers an ack with an empty object",
    GET,
    3,
    says("ack", 200, {}),
    released=True,
)
attack(
    "ack-receipts",
    "answers an ack with somebody's list of receipts",
    GET,
    3,
    says("ack", 200, lambda h, r: {"receipts": [h.receipt(blob=OTHER_ID)]}),
    released=True,
)
attack(
    "ack-other-outcome",
    "acknowledges another outcome than was sent",
    GET,
    3,
    says("ack", 200, lambda h, r: h.receipt(outcome="rejected")),
    released=True,
)
attack(
    "rm-no-receipt",
    "answers an erasure with what it knows of the blob",
    RM,
    3,
    says("rm", 200, lambda h, r: h.stat()),
    peer="UPLOADER",
)
attack(
    "rm-empty",
    "answers an erasure with an empty object",
    RM,
    3,
    says("rm", 200, {}),
    peer="UPLOADER",
)
attack(
    "close-no-receipts",
    "ends a session without receipts",
    CLOSE,
    3,
    says("session close", 200, lambda h, r: h.session(state="closed")),
    peer="UPLOADER",
)
attack(
    "close-broken-receipt",
    "ends a session with a receipt that says nothing",
    CLOSE,
    3,
    says("session close", 200, lambda h, r: h.session(state="closed", receipts=[h.receipt(), {}])),
    peer="UPLOADER",
)
attack(
    "close-still-open",
    "says that a session which was to end is open",
    CLOSE,
    3,
    says("session close", 200, lambda h, r: h.session(receipts=[])),
    peer="UPLOADER",
)
attack(
    "close-of-another",
    "ends another session",
    CLOSE,
    3,
    says(
        "session close", 200, lambda h, r: h.session(session="sess-2", state="closed", receipts=[])
    ),
    peer="UPLOADER",
)
attack(
    "subject-of-another",
    "shows another person's evidence",
    SUBJECT_SHOW,
    3,
    says("subject show", 200, lambda h, r: h.subject("0d" * 32, live=[])),
    peer="UPLOADER",
)
attack(
    "erase-of-another",
    "erases another person's evidence",
    SUBJECT_ERASE,
    3,
    says("subject erase", 200, lambda h, r: h.erased(subject="0d" * 16)),
    peer="UPLOADER",
)
attack(
    "erase-fewer-receipts",
    "says that more was erased than it has receipts for",
    SUBJECT_ERASE,
    3,
    says("subject erase", 200, lambda h, r: h.erased(count=2)),
    peer="UPLOADER",
)
attack(
    "erase-no-event",
    "erases a person's evidence and names no event",
    SUBJECT_ERASE,
    3,
    says("subject erase", 200, lambda h, r: h.erased(event=None)),
    peer="UPLOADER",
)
attack(
    "freeze-not",
    "says that a person's evidence is not frozen after all",
    SUBJECT_FREEZE,
    3,
    says("subject freeze", 200, lambda h, r: h.subject(frozen_until=None)),
    peer="UPLOADER",
)
attack(
    "release-not",
    "says that what was to be released is frozen",
    SUBJECT_RELEASE,
    3,
    says("subject release", 200, lambda h, r: h.subject(frozen_until=LATER)),
    peer="UPLOADER",
)
