#!/usr/bin/env python3
"""Makes the test vectors of this folder: keys, heads, trailers, names, sealed files. The same bytes
each time.

    generate.py [FOLDER]     writes into FOLDER; without one into the folder that it stands in

Nothing is random: what a client draws is here a hash of what it is for, so that every figure can be
followed. Never use these keys."""
import hashlib
import json
import os
import sys

sys.dont_write_bytecode = True
import envelope as env
import primitives as pr

NOW = env.parse_time("2024-11-22T12:00:00.123Z")
SESSION = "00AAAAAAAAAAAAAAAAAAAAAA"
SUBJECT = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
OTHER_SUBJECT = "f" + SUBJECT[1:]


def drawn(what, n):
    """What a client would draw at random."""
    return hashlib.shake_128(b"timeglas test vectors: " + what.encode()).digest(n)


# Keys ----------------------------------------------------------------------

SECRET = {
    who: drawn(f"identity {who}", 32)
    for who in ["bob", "carol", "dora"] + [f"r{i:02}" for i in range(4, 21)]
}
PUBLIC = {who: pr.x25519(secret, pr.BASEPOINT) for who, secret in SECRET.items()}
SEED = {who: drawn(f"signing key {who}", 32) for who in ("alice", "mallory")}
SENDER = {who: pr.ed25519_public(seed) for who, seed in SEED.items()}
TWENTY = list(SECRET)


def keys():
    neutral = b"\1" + bytes(31)
    text = env.recipient_text(PUBLIC["bob"])
    refused = [
        (
            "sender",
            env.sender_text(neutral),
            "a point of small order: anybody's signature would verify",
        ),
        ("sender", env.sender_text(b"\2" + bytes(31)), "no point of the curve"),
        ("sender", env.sender_text(SENDER["alice"]).upper(), "upper case"),
        ("sender", text, "a recipient"),
        (
            "recipient",
            env.recipient_text(bytes(32)),
            "a point of small order: anybody could open the file",
        ),
        ("recipient", env.recipient_text(neutral), "a point of small order"),
        ("recipient", env.recipient_text(PUBLIC["bob"][:31]), "31 bytes"),
        ("recipient", text[:-1] + ("q" if text[-1] != "q" else "p"), "a wrong checksum"),
        ("recipient", text[:10] + text[10:].upper(), "upper and lower case"),
        ("recipient", " " + text, "a blank in front"),
        ("recipient", env.sender_text(SENDER["alice"]), "a sender"),
    ]
    return {
        "about": (
            "Everybody's keys, secret halves included. An identity opens, a signer signs. refused:"
            " texts that are no keys."
        ),
        "identities": {
            who: {
                "identity": env.identity_text(SECRET[who]),
                "recipient": env.recipient_text(PUBLIC[who]),
                "secret_hex": SECRET[who].hex(),
                "public_hex": PUBLIC[who].hex(),
            }
            for who in SECRET
        },
        "signers": {
            who: {
                "signing_key": env.signing_key_text(SEED[who]),
                "sender": env.sender_text(SENDER[who]),
                "seed_hex": SEED[who].hex(),
                "public_hex": SENDER[who].hex(),
            }
            for who in SEED
        },
        "refused": [{"kind": kind, "text": key, "why": why} for kind, key, why in refused],
    }


# Heads ---------------------------------------------------------------------


def fields(ref="head", **changed):
    """A head with the least that it needs, and what is given; None takes a field away."""
    base = {
        "timeglas-head": "1",
        "kind": "passport",
        "time": env.format_time(NOW),
        "sender": env.sender_text(SENDER["alice"]),
        "recipient": [env.recipient_text(PUBLIC["bob"])],
        "ref": drawn(f"ref {ref}", 16).hex(),
    }
    base.update({name.replace("_", "-"): value for name, value in changed.items()})
    return base


FULL = dict(issuer="SWE", session=SESSION, subject=SUBJECT, content_type="application/octet-stream")


def lines(**changed):
    return env.format_head(fields(**changed)).decode("latin-1").split("\n")[:-1]


def joined(rows):
    return "\n".join(rows) + "\n"


def good_heads():
    def case(name, why, **changed):
        f = fields(**changed)
        return {
            "name": name,
            "why": why,
            "head": env.format_head(f).decode("latin-1"),
            "ok": True,
            "time_ms": env.parse_time(f["time"]),
            "fields": f,
        }

    yield case("least", "the fields that are always there")
    yield case("full", "every field", **FULL)
    yield case("issuer-germany", "Germany's code has one letter", issuer="D")
    yield case("session-longest", "64 characters", session="A" * 63 + "-")
    yield case("kind-longest", "31 characters", kind="a" * 30 + "9")
    yield case("content-type-longest", "127 characters", content_type="a/" + "b" * 125)
    yield case(
        "content-type-parameters", "a blank within", content_type='text/plain; charset="utf-8"'
    )
    yield case(
        "time-zero-ms",
        "milliseconds stand there when they are zero",
        time="2026-11-22T12:00:00.000Z",
    )
    yield case("time-leap-day", "29 February of a leap year", time="2028-02-29T23:59:59.999Z")
    yield case(
        "recipients-20",
        "the most that there may be",
        recipient=[env.recipient_text(PUBLIC[who]) for who in TWENTY],
    )
    yield case(
        "recipient-twice",
        "the same key twice is two recipients",
        recipient=[env.recipient_text(PUBLIC["bob"])] * 2,
    )


def bad_heads():
    full = lines(**FULL)
    names = [row.split(":")[0] for row in full[:-1]]

    def case(name, why, rows, line, says):
        return {
            "name": name,
            "why": why,
            "head": rows if isinstance(rows, str) else joined(rows),
            "ok": False,
            "line": line,
            "says": says,
        }

    for i in range(len(full) - 2):
        rows = list(full)
        rows[i], rows[i + 1] = rows[i + 1], rows[i]
        # The second of the two stands too early where the first is needed; otherwise the first
        # comes too late.
        first_needed = next(needed for n, needed, _, _ in env.FIELDS if n == names[i])
        yield case(
            f"order-{names[i + 1]}-before-{names[i]}",
            f'"{names[i]}" stands before "{names[i + 1]}"',
            rows,
            i + 1 if first_needed else i + 2,
            f'"{names[i]}" is missing' if first_needed else f'"{names[i]}" stands too late',
        )
    for i, name in enumerate(names):
        if next(needed for n, needed, _, _ in env.FIELDS if n == name):
            yield case(
                f"missing-{name}", f'"{name}" is always there', full[:i] + full[i + 1 :], i + 1,
                f'"{name}" is missing',
            )
        if name != "recipient":
            yield case(
                f"twice-{name}", f'"{name}" stands once', full[: i + 1] + full[i:], i + 2,
                "a second time",
            )

    def changed(name, row, why, says, what, rows=None):
        at = names.index(what)
        rows = list(rows or full)
        rows[at] = row
        return case(name, why, rows, at + 1, says)

    value = {row.split(": ")[0]: row.split(": ")[1] for row in full[:-1]}
    yield case(
        "cr-everywhere", "lines end with LF, not with CR LF", joined(full).replace("\n", "\r\n"), 1,
        "carriage return",
    )
    yield changed(
        "cr-in-one-line", "session: " + SESSION + "\r", "one line ends with CR LF",
        "carriage return", "session",
    )
    yield case(
        "cr-blank-line", "the blank line ends with CR LF", joined(full[:-1]) + "\r\n", 11,
        "carriage return",
    )
    yield case(
        "blank-line-missing", "content follows without a blank line",
        joined(full[:-1]) + "content\n", 11, "empty line",
    )
    yield case(
        "blank-line-cut", "the text ends before the blank line", joined(full[:-1]), 11,
        "empty line is missing",
    )
    yield case(
        "cut-in-a-line", "the text ends within a line", joined(full)[:100],
        joined(full)[:100].count("\n") + 1, "ends within the head",
    )
    yield case("empty", "nothing at all", "", 1, "ends within the head")
    yield case(
        "blank-line-first", "no field before the blank line", joined([""] + full), 1,
        '"timeglas-head" is missing',
    )
    yield case(
        "blank-line-early", "the blank line stands before the last fields",
        joined(full[:6] + [""] + full[6:]), 7, '"sender" is missing',
    )
    yield case(
        "too-long", "no blank line within 4,096 bytes", joined(full[:-1] + ["x" * 5000, ""]), 11,
        "longer than 4096 bytes",
    )
    yield case(
        "bom", "a byte order mark", "\xef\xbb\xbf" + joined(full), 1, "no field of this name"
    )
    yield changed("version-2", "timeglas-head: 2", "a later version", "version", "timeglas-head")
    yield changed(
        "version-padded", "timeglas-head: 01", "one spelling only", "version", "timeglas-head"
    )
    yield changed("name-upper-case", "Kind: passport", "names are lower case", "lower case", "kind")
    yield changed(
        "name-unknown", "nationality: SWE", "a field that is not in the table",
        "no field of this name", "issuer",
    )
    yield changed("name-empty", ": SWE", "no name", "no field of this name", "issuer")
    yield changed(
        "name-blank", "issuer : SWE", "a blank before the colon", "no field of this name", "issuer"
    )
    yield changed(
        "name-folded", " issuer: SWE", "a blank before the name", "no field of this name", "issuer"
    )
    yield changed("colon-missing", "issuer SWE", "no colon", "neither a field", "issuer")
    yield changed("blank-missing", "issuer:SWE", "no blank behind the colon", "one blank", "issuer")
    yield changed(
        "blank-twice", "issuer:  SWE", "two blanks behind the colon", "one blank", "issuer"
    )
    yield changed("blank-tab", "issuer:\tSWE", "a tab behind the colon", "one blank", "issuer")
    yield changed("kind-upper-case", "kind: Passport", "a kind is lower case", "a kind is", "kind")
    yield changed("kind-empty", "kind: ", "a kind is not empty", "a kind is", "kind")
    yield changed("kind-long", "kind: " + "a" * 32, "32 characters", "a kind is", "kind")
    yield changed(
        "kind-trailing-blank", "kind: passport ", "a blank behind the value", "a kind is", "kind"
    )
    yield changed("kind-nul", "kind: pass\0port", "a byte of zero", "a kind is", "kind")
    yield changed(
        "issuer-fillers", "issuer: D<<", "as in the machine-readable zone, with fillers",
        "without fillers", "issuer",
    )
    yield changed("issuer-lower-case", "issuer: swe", "lower case", "ICAO 9303", "issuer")
    yield changed("issuer-alpha-2", "issuer: SE", "two letters", "ICAO 9303", "issuer")
    yield changed("issuer-unknown", "issuer: QQQ", "no such code", "ICAO 9303", "issuer")
    yield changed("issuer-empty", "issuer: ", "what is left out has no line", "ICAO 9303", "issuer")
    yield changed(
        "session-long", "session: " + "A" * 65, "65 characters", "a session is", "session"
    )
    yield changed("session-character", "session: a.b", "a full stop", "a session is", "session")
    yield changed(
        "session-empty", "session: ", "what is left out has no line", "a session is", "session"
    )
    yield changed(
        "subject-upper-case", "subject: " + SUBJECT.upper(), "upper-case digits",
        "lower-case hexadecimal", "subject",
    )
    yield changed(
        "subject-short", "subject: " + SUBJECT[:62], "62 digits", "64 lower-case", "subject"
    )
    yield changed(
        "subject-number", "subject: L898902C3",
        "a document's number, which is never to stand there", "64 lower-case", "subject",
    )
    yield changed(
        "time-without-ms", "time: 2026-11-22T12:00:00Z",
        "java.time.Instant.toString() leaves .000 out", "milliseconds are missing", "time",
    )
    yield changed(
        "time-six-digits", "time: 2026-11-22T12:00:00.123456Z", "microseconds",
        "exactly three digits", "time",
    )
    yield changed(
        "time-one-digit", "time: 2026-11-22T12:00:00.1Z", "trailing zeros left out",
        "exactly three digits", "time",
    )
    yield changed(
        "time-offset", "time: 2026-11-22T12:00:00.123+00:00",
        "an offset, as Python's isoformat() writes it", "in UTC and ends with Z", "time",
    )
    yield changed(
        "time-lower-z", "time: 2026-11-22T12:00:00.123z", "a small z", "in UTC and ends with Z",
        "time",
    )
    yield changed(
        "time-no-zone", "time: 2026-11-22T12:00:00.123", "no zone", "in UTC and ends with Z", "time"
    )
    yield changed(
        "time-blank", "time: 2026-11-22 12:00:00.123Z", "a blank in place of the T", "not", "time"
    )
    yield changed("time-comma", "time: 2026-11-22T12:00:00,123Z", "a comma", "not", "time")
    yield changed(
        "time-no-such-day", "time: 2026-02-29T12:00:00.123Z", "no leap year", "not", "time"
    )
    yield changed(
        "time-24-hours", "time: 2026-11-22T24:00:00.000Z", "midnight is 00:00", "not", "time"
    )
    yield changed(
        "time-leap-second", "time: 2026-12-31T23:59:60.000Z", "no leap seconds", "not", "time"
    )
    yield changed("time-unix", "time: 1795348800123", "a number", "in UTC and ends with Z", "time")
    yield changed(
        "content-type-leading-blank", "content-type:  text/plain", "two blanks", "one blank",
        "content-type",
    )
    yield changed(
        "content-type-trailing-blank", "content-type: text/plain ", "a blank at the end",
        "a content type is", "content-type",
    )
    yield changed(
        "content-type-empty", "content-type: ", "what is left out has no line", "a content type is",
        "content-type",
    )
    yield changed(
        "content-type-long", "content-type: a/" + "b" * 126, "128 characters", "a content type is",
        "content-type",
    )
    yield changed(
        "content-type-utf-8", "content-type: text/pl\xc3\xa4in", "not ASCII", "a content type is",
        "content-type",
    )
    yield changed(
        "content-type-escape", "content-type: text/\x1b[2Jplain", "a control character",
        "a content type is", "content-type",
    )
    wrong = value["sender"][:-1] + ("q" if value["sender"][-1] != "q" else "p")
    yield changed(
        "sender-checksum", "sender: " + wrong, "a wrong checksum", "the sender is not", "sender"
    )
    yield changed(
        "sender-upper-case", "sender: " + value["sender"].upper(), "upper case",
        "the sender is not", "sender",
    )
    yield changed(
        "sender-is-recipient", "sender: " + value["recipient"], "the wrong kind of key",
        "the sender is not", "sender",
    )
    yield changed(
        "recipient-is-sender", "recipient: " + value["sender"], "the wrong kind of key",
        "the recipient is not", "recipient",
    )
    yield changed(
        "recipient-upper-case", "recipient: " + value["recipient"].upper(), "upper case",
        "the recipient is not", "recipient",
    )
    yield changed(
        "recipient-zero", "recipient: " + env.recipient_text(bytes(32)),
        "a point of small order: anybody could open the file", "the recipient is not", "recipient",
    )
    yield changed(
        "recipient-list",
        "recipient: " + value["recipient"] + ", " + value["recipient"],
        "two on one line",
        "the recipient is not",
        "recipient",
    )
    yield case(
        "recipients-21", "21 recipients", lines(recipient=[env.recipient_text(PUBLIC["bob"])] * 21),
        25, "more than 20 recipients",
    )
    yield case(
        "recipients-apart", "another field between two recipients",
        full[:9] + [full[9], full[8]] + full[10:], 11, '"recipient" stands',
    )
    yield changed(
        "ref-upper-case", "ref: " + value["ref"].upper(), "upper-case digits",
        "lower-case hexadecimal", "ref",
    )
    yield changed("ref-short", "ref: " + value["ref"][:30], "30 digits", "32 lower-case", "ref")
    yield changed(
        "ref-uuid", "ref: 5f0c4d0a-8a5a-4f1e-9f2b-7c3d4e5f6071", "a UUID with hyphens",
        "32 lower-case", "ref",
    )
    yield changed(
        "ref-trailing-blank", "ref: " + value["ref"] + " ", "a blank at the end", "32 lower-case",
        "ref",
    )


def heads():
    return {
        "about": (
            "Heads, each with its blank line. A character is a byte (ISO 8859-1). Where ok is"
            " false, line is the first wrong line, from 1, and says is what our client's reason has"
            " in it."
        ),
        "cases": [*good_heads(), *bad_heads()],
    }


# Trailers ------------------------------------------------------------------


def trailers():
    head = env.format_head(fields()).decode()

    def case(name, why, content, signature, ok, signer="alice", claims="alice"):
        message = head.encode() + content
        return {
            "name": name,
            "why": why,
            "sender": env.sender_text(SENDER[claims]),
            "seed_hex": SEED[signer].hex(),
            "head": head,
            "content_hex": content.hex(),
            "sha512_hex": hashlib.sha512(message).hexdigest(),
            "trailer_hex": signature(message).hex(),
            "ok": ok,
        }

    def ph(message, who="alice", context=b""):
        return pr.ed25519ph_sign(SEED[who], message, context)

    def more(message):
        s = ph(message)
        return s[:32] + (int.from_bytes(s[32:], "little") + pr.L).to_bytes(32, "little")

    return {
        "about": "Signatures over head and content (RFC 8032, Ed25519ph, empty context).",
        "cases": [
            case("content", "some content", b"evidence", ph, True),
            case("empty", "no content: the head alone", b"", ph, True),
            case("chunk-and-more", "content of 70,000 bytes", bytes(70000), ph, True),
            case(
                "other-sender",
                "signed by somebody else",
                b"evidence",
                lambda m: ph(m, "mallory"),
                False,
                signer="mallory",
            ),
            case(
                "other-content",
                "the signature of other content",
                b"evidence",
                lambda m: ph(m[:-1] + b"E"),
                False,
            ),
            case(
                "content-alone",
                "the head is not under the signature",
                b"evidence",
                lambda m: ph(b"evidence"),
                False,
            ),
            case(
                "plain-ed25519",
                "Ed25519, not Ed25519ph",
                b"evidence",
                lambda m: pr.ed25519_sign(SEED["alice"], m),
                False,
            ),
            case(
                "ed25519-of-hash",
                "Ed25519 over the SHA-512 of it, which is not Ed25519ph",
                b"evidence",
                lambda m: pr.ed25519_sign(SEED["alice"], hashlib.sha512(m).digest()),
                False,
            ),
            case(
                "with-context",
                "Ed25519ph with a context",
                b"evidence",
                lambda m: ph(m, context=b"timeglas"),
                False,
            ),
            case("s-plus-order", "a second spelling: S + L", b"evidence", more, False),
            case("zero", "64 bytes of zero", b"evidence", lambda m: bytes(64), False),
        ],
    }


# Names ---------------------------------------------------------------------


def names():
    def name(sender, ref, why):
        text = env.name_of(sender, ref)
        return {
            "why": why,
            "sender_hex": sender.hex(),
            "ref_hex": ref.hex(),
            "name": text,
            "shard": env.shard_of_name(text),
        }

    good = env.name_of(SENDER["alice"], drawn("ref head", 16))
    other = good[:-1] + chr(ord(good[-1]) + 1)  # A, Q, g or w has become B, R, h or x
    good_ids = [("00" + good, "the first shard"), ("3f" + good, "the last shard")]
    bad_ids = [
        ("00" + other, "unused bits of the last character are not zero: it is one of A, Q, g, w"),
        ("40" + good, "there are 64 shards"),
        ("3F" + good, "an upper-case digit"),
        ("0" + good, "one digit"),
        (good, "no shard"),
        ("00" + good + "=", "padding"),
        ("00" + good[:-1], "21 characters"),
        ("00+" + good[1:], "base64, not base64url"),
        ("00" + good[:10] + "\n" + good[11:], "a line feed"),
        ("", "nothing"),
    ]
    return {
        "about": (
            "names: what follows from a sender and a ref. ids: which are well-formed. subjects:"
            " what the store keeps of one. shard: the first byte of the name, or of the hash,"
            " mod 64."
        ),
        "names": [
            name(SENDER["alice"], drawn("ref head", 16), "a ref"),
            name(SENDER["mallory"], drawn("ref head", 16), "the same ref of another sender"),
            name(SENDER["alice"], bytes(16), "a ref of zeros"),
            name(SENDER["alice"], b"\xff" * 16, "a ref of ones"),
            name(bytes(range(32)), bytes(range(32, 48)), "the example in docs/envelope.md"),
        ],
        "ids": [{"id": i, "why": why, "ok": True, "name": i[2:]} for i, why in good_ids] + [
            {"id": i, "why": why, "ok": False} for i, why in bad_ids
        ],
        "subjects": [
            {
                "uploader": uploader,
                "subject": subject,
                "hash": env.subject_hash(uploader, subject),
                "shard": int(env.subject_hash(uploader, subject)[:2], 16) % 64,
            }
            for uploader, subject in (("app", SUBJECT), ("app", OTHER_SUBJECT), ("app-2", SUBJECT))
        ],
    }


# Sealed files --------------------------------------------------------------


class Sealed:
    """A file in the making: whatever a case changes is a member."""

    def __init__(
        self,
        name,
        content=b"evidence\n",
        to=("bob",),
        signer="alice",
        head=None,
        trailer=None,
        **labels,
    ):
        self.name, self.content = name, content
        self.file_key, self.nonce = drawn(f"file key {name}", 16), drawn(f"nonce {name}", 16)
        self.stanzas = [
            env.x25519_stanza(self.file_key, PUBLIC[who], drawn(f"ephemeral {name} {who} {i}", 32))
            for i, who in enumerate(to)
        ]
        labels.setdefault("recipient", [env.recipient_text(PUBLIC[who]) for who in to])
        labels.setdefault("ref", drawn(f"ref {name}", 16).hex())
        ref = labels.pop("ref")
        self.fields = fields(**labels)
        self.fields["ref"] = ref
        self.head = env.format_head(self.fields) if head is None else head
        self.plain = (
            env.signed(self.head, content, SEED[signer])
            if trailer is None
            else self.head + content + trailer
        )

    def key(self):
        return pr.hkdf(self.file_key, self.nonce, b"payload")

    def header(self):
        return env.header(self.file_key, self.stanzas)

    def payload(self):
        return env.payload(self.file_key, self.nonce, self.plain)

    def bytes(self):
        return self.header() + self.payload()

    def id(self, shard=None):
        name = env.name_of(
            env.parse_sender(self.fields["sender"]), bytes.fromhex(self.fields["ref"])
        )
        return f"{env.shard_of_name(name) if shard is None else shard:02x}{name}"


def raw(name, content, to=("bob",), **more):
    s = Sealed(name, content, to, **more)
    s.plain = content
    return s


ACK = {"TG_ESIGNATURE": "bad-signature", "TG_EMISLABELLED": "mislabelled", "TG_EAGE": "rejected"}
USAGE = ("TG_EINVAL", "TG_EKIND", "TG_EISSUER", "TG_ESESSION", "TG_ESUBJECT")


class Cases:
    """Collects the files and what is expected of each."""

    def __init__(self):
        self.files, self.cases = {}, []

    def add(
        self,
        name,
        why,
        data,
        outcome,
        says=None,
        line=None,
        identities=("bob",),
        senders=("alice",),
        file=None,
        now=NOW,
        sealed=None,
        **demands,
    ):
        file = f"sealed/{file or name}.age"
        data = data if isinstance(data, bytes) else data.bytes()
        assert self.files.setdefault(file, data) == data, name
        case = {
            "name": name,
            "why": why,
            "file": file,
            "identities": list(identities),
            "senders": list(senders),
            "now": env.format_time(now),
        }
        case.update(demands)
        case["outcome"] = outcome
        case["exit"] = 0 if outcome == "ok" else 2 if outcome in USAGE else 4
        if outcome == "ok":
            case["content_length"], case["content_sha256"] = (
                len(sealed.content),
                hashlib.sha256(sealed.content).hexdigest(),
            )
            if not demands.get("raw"):
                case["blob_name"] = sealed.id()[2:]
        elif outcome not in USAGE:
            case["ack"] = ACK.get(outcome, "decrypt-failed")
        if says:
            case["says"] = says
        if line:
            case["line"] = line
        self.cases.append(case)

    def good(self, sealed, why, name=None, **more):
        self.add(name or sealed.name, why, sealed, "ok", sealed=sealed, file=sealed.name, **more)

    def bad(self, sealed, why, outcome, says, data=None, name=None, **more):
        self.add(
            name or sealed.name,
            why,
            data if data is not None else sealed,
            outcome,
            says,
            file=None if data is not None else sealed.name,
            **more,
        )


def opening(c):
    """What must open."""
    labels = dict(FULL)
    full = Sealed("full", **labels)
    c.good(Sealed("least"), "a head with the least, one recipient, some content")
    c.good(
        full, "every field, and all of it demanded", id=full.id(), kind="passport", issuer="SWE",
        session=SESSION, subject=SUBJECT,
    )
    c.good(
        full,
        "an id's shard is not compared: it follows from session or subject",
        name="other-shard",
        id=full.id(shard=0x3F),
    )
    c.good(
        Sealed("issuer-germany", issuer="D"), "a demand may be written with fillers", issuer="D<<"
    )
    empty = Sealed("content-empty", b"")
    c.good(empty, "content of 0 bytes")
    inner = env.format_head(fields("inner"))
    c.good(
        Sealed(
            "content-like-trailer",
            b"evidence" + pr.ed25519ph_sign(SEED["alice"], empty.head + b"evidence"),
        ),
        "content that ends like a trailer: only the last 64 bytes are one",
    )
    c.good(
        Sealed("content-like-file", env.signed(inner, b"inner", SEED["alice"])),
        "content that is itself a signed head, content and trailer",
    )
    c.good(Sealed("content-like-head", inner), "content that is a head")
    room = env.CHUNK - len(Sealed("size").head) - env.TRAILER
    c.good(
        Sealed("last-chunk-full", bytes(room)),
        "the plaintext fills its only chunk: no empty one follows",
    )
    c.good(
        Sealed("last-chunk-of-one", bytes(room + 1)),
        "the last chunk holds one byte, and that of the trailer",
    )
    c.good(
        Sealed("trailer-across-chunks", bytes(room + 20)),
        "the trailer begins in one chunk and ends in the next",
    )
    c.good(
        Sealed("trailer-in-last-chunk", bytes(room + env.TRAILER)),
        "the last chunk holds the trailer and nothing else",
    )
    twenty = Sealed("recipients-20", to=TWENTY)
    c.good(twenty, "20 recipients; the last one opens", identities=("r20",))
    c.good(
        twenty,
        "two of the recipients' identities at once",
        name="recipients-20-two",
        identities=("bob", "r11"),
    )
    c.good(
        Sealed("recipients-3", to=("carol", "bob", "dora")), "the second of three recipients opens"
    )
    c.good(
        twenty,
        "an identity that is none of the recipients may be tried, too",
        name="identity-beside",
        identities=("bob", "r20"),
    )
    c.good(
        Sealed("recipient-twice", to=("bob", "bob")),
        "the same key twice, in the head and in the stanzas",
    )
    grease = Sealed("grease-beside")
    grease.stanzas.append(env.stanza(b"kj~Q-grease w0^", drawn("grease", 70)))
    c.good(
        grease,
        (
            "a stanza whose type ends with -grease is nobody's: some implementations add one to"
            " every file"
        ),
    )
    grease = Sealed("grease-first")
    grease.stanzas.insert(0, env.stanza(b"-grease", drawn("grease", 48)))
    c.good(grease, "the same, in front; its body is 64 characters and an empty line")
    c.good(
        Sealed("least"),
        "one of several senders",
        name="senders-several",
        senders=("mallory", "alice"),
    )
    oldest = Sealed("oldest", time=env.format_time(NOW - env.MAX_AGE_MS))
    c.good(oldest, "a day and five minutes old, to the millisecond")
    newest = Sealed("newest", time=env.format_time(NOW + env.MAX_AHEAD_MS))
    c.good(newest, "five minutes in the future, to the millisecond")
    c.good(
        oldest, "any age, when an archive is opened", name="archive", now=NOW + 365 * env.DAY_MS,
        max_age_ms=env.ANY_AGE,
    )
    for s, why in (
        (raw("raw", b"evidence\n"), "sealed without head and trailer"),
        (raw("raw-empty", b""), "no content: an empty chunk"),
    ):
        c.good(s, why, raw=True, senders=())
    foreign = raw("raw-mlkem-beside", b"evidence\n")
    foreign.stanzas.insert(0, mlkem())
    c.good(
        foreign, "a post-quantum recipient beside: the X25519 one opens it", raw=True, senders=()
    )
    foreign = raw("raw-unknown-beside", b"evidence\n")
    foreign.stanzas.append(env.stanza(b"example.org/plugin a b c", drawn("plugin", 200)))
    c.good(foreign, "an unknown type beside: a plugin's", raw=True, senders=())
    c.good(
        Sealed("least"), "raw opens a signed file, too: head and trailer are content",
        name="raw-of-signed", raw=True, senders=(),
    )
    c.cases[-1].update(
        content_length=len(Sealed("least").plain),
        content_sha256=hashlib.sha256(Sealed("least").plain).hexdigest(),
    )


def mlkem():
    share = drawn("mlkem share", 1088) + pr.x25519(drawn("mlkem ephemeral", 32), pr.BASEPOINT)
    return env.stanza(b"mlkem768x25519 " + env.b64(share), drawn("mlkem body", 32))


def bad_files(c):
    """What must not open because the age file is not one, or not whole, or somebody else's."""
    s = Sealed("least")
    head, data = s.header(), s.bytes()

    def edit(name, why, old, new, outcome="TG_EHEADER", says=None):
        assert data.count(old) == 1, name
        c.add(name, why, data.replace(old, new), outcome, says)

    share = head.split(b"\n")[1].split(b" ")[2]
    mac = head.split(b"\n")[3]
    c.add(
        "armored",
        "ASCII armor is not read",
        b"-----BEGIN AGE ENCRYPTED FILE-----\n" + env.b64(data[:48]) + b"\n",
        "TG_EARMOR",
        "armor",
    )
    edit("version", "another version", b"v1\n", b"v2\n", says="first line")
    c.add(
        "header-crlf",
        "lines of the header end with CR LF",
        head.replace(b"\n", b"\r\n") + s.payload(),
        "TG_EHEADER",
    )
    c.add(
        "no-stanza", "no recipient at all", env.header(s.file_key, []) + s.payload(), "TG_EHEADER",
        "no recipient",
    )
    edit("share-padded", "padded base64", share, share + b"=")
    edit(
        "share-not-canonical",
        "unused bits that are not zero",
        share,
        share[:-1] + bytes([share[-1] + 1]),
    )
    edit(
        "share-zero", "a share of small order: anybody could open the file", share,
        env.b64(bytes(32)), says="small order",
    )
    edit("stanza-two-blanks", "two blanks between words", b"-> X25519 ", b"-> X25519  ")
    edit("stanza-argument", "one argument too many", b"-> X25519 ", b"-> X25519 a ")
    edit("mac-changed", "the MAC is another", mac, b"--- " + env.b64(bytes(32)), "TG_EHMAC", "MAC")
    two = Sealed("stanza-taken-away", to=("bob", "carol"))
    c.add(
        "stanza-taken-away", "a recipient is taken out: the MAC covers the header",
        two.bytes().replace(two.stanzas[1], b""), "TG_EHMAC", "MAC",
    )
    c.add(
        "scrypt",
        "a passphrase: no identity opens that",
        env.header(s.file_key, [env.stanza(b"scrypt " + env.b64(bytes(16)) + b" 10", bytes(32))])
        + s.payload(),
        "TG_ENOMATCH",
        "passphrase",
    )
    passphrase = env.stanza(b"scrypt " + env.b64(bytes(16)) + b" 10", bytes(32))
    c.add(
        "scrypt-beside",
        "a passphrase beside a recipient: it stands alone or not at all",
        env.header(s.file_key, [*s.stanzas, passphrase]) + s.payload(),
        "TG_EHEADER",
        "only one",
    )
    for name, why, body in (
        ("body-line-long", "a body's line of 65 characters or more", env.b64(bytes(60)) + b"\n"),
        (
            "body-not-ended",
            "a body of 64 characters without the empty line",
            env.b64(bytes(48)) + b"\n",
        ),
    ):
        c.add(
            name,
            why,
            env.header(s.file_key, [*s.stanzas, b"-> x-grease\n" + body]) + s.payload(),
            "TG_EHEADER",
        )
    c.add(
        "cut-in-header", "cut within the header", head[:60], "TG_EHEADER", "ends within its header"
    )
    c.add(
        "cut-in-nonce", "cut within the nonce", data[: len(head) + 10], "TG_EHEADER",
        "ends within its nonce",
    )
    c.add("no-payload", "cut behind the nonce", data[: len(head) + 16], "TG_EPAYLOAD")
    c.add("cut", "the last byte is missing", data[:-1], "TG_EPAYLOAD", "cut or changed")
    c.add("byte-added", "a byte more", data + b"\0", "TG_EPAYLOAD")
    c.add(
        "bit-changed",
        "one bit of the payload",
        data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
        "TG_EPAYLOAD",
    )
    c.add(
        "other-identity", "somebody else's identity", s, "TG_ENOMATCH", "none of the identities",
        identities=("carol",), file="least",
    )
    part = env.CHUNK + env.TAG
    room = env.CHUNK - len(s.head) - env.TRAILER
    full = Sealed("last-chunk-full", bytes(room))
    start = len(full.header()) + 16
    more = Sealed("trailer-in-last-chunk", bytes(room + env.TRAILER))
    c.add(
        "cut-at-chunk", "the last chunk is missing, the one before it is whole",
        more.bytes()[: start + part], "TG_EPAYLOAD", "cut or changed",
    )
    c.add("byte-added-full", "a byte behind a full last chunk", full.bytes() + b"\0", "TG_EPAYLOAD")
    key = full.key()
    as_middle = pr.aead_seal(key, env.chunk_nonce(0, 0), full.plain)
    c.add(
        "empty-last-chunk",
        "an empty last chunk behind a full one",
        full.header() + full.nonce + as_middle + pr.aead_seal(key, env.chunk_nonce(1, 1), b""),
        "TG_EPAYLOAD",
    )
    small = Sealed("no-last-chunk")
    c.add(
        "no-last-chunk",
        "its only chunk is not marked as the last",
        small.header()
        + small.nonce
        + pr.aead_seal(small.key(), env.chunk_nonce(0, 0), small.plain),
        "TG_EPAYLOAD",
        "cut or changed",
    )
    small = Sealed("chunks-short")
    c.add(
        "chunks-short",
        "two chunks, the first one not full",
        small.header()
        + small.nonce
        + pr.aead_seal(small.key(), env.chunk_nonce(0, 0), small.plain[:-70])
        + pr.aead_seal(small.key(), env.chunk_nonce(1, 1), small.plain[-70:]),
        "TG_EPAYLOAD",
    )
    small = Sealed("chunk-number")
    c.add(
        "chunk-number",
        "counted from 1",
        small.header()
        + small.nonce
        + pr.aead_seal(small.key(), env.chunk_nonce(1, 1), small.plain),
        "TG_EPAYLOAD",
    )


def bad_signatures(c):
    """What must not open because it is not known who sealed it."""
    e, m = "TG_ESIGNATURE", "TG_EMISLABELLED"
    c.bad(
        raw("not-signed", b"evidence, sealed raw\n"),
        "sealed raw, but a signature is expected",
        e,
        "does not begin with a timeglas head",
    )
    c.bad(
        raw("not-signed-empty", b""),
        "nothing at all, but a signature is expected",
        e,
        "does not begin with a timeglas head",
    )
    c.bad(
        Sealed("least"), "another sender than the pinned one", e, "another sender",
        name="sender-not-pinned", senders=("mallory",),
    )
    c.bad(
        Sealed("sender-other", signer="mallory", sender=env.sender_text(SENDER["mallory"])),
        "sealed and signed by somebody else",
        e,
        "another sender",
    )
    c.bad(
        Sealed(
            "sender-small-order",
            sender=env.sender_text(b"\1" + bytes(31)),
            trailer=b"\1" + bytes(63),
        ),
        (
            "the head names the neutral point, for which this trailer would verify: no set of"
            " senders has it"
        ),
        e,
        "another sender",
    )
    c.bad(
        Sealed("sender-claimed", signer="mallory"),
        "the head names the pinned sender, the signature is another's",
        e,
        "does not verify",
    )
    good = Sealed("least")
    c.bad(
        Sealed("other-content", b"Evidence\n", trailer=good.plain[-64:], ref=good.fields["ref"]),
        "the signature of other content",
        e,
        "does not verify",
    )
    c.bad(
        Sealed("other-head", trailer=good.plain[-64:], ref=good.fields["ref"], kind="liveness"),
        "the signature of another head",
        e,
        "does not verify",
    )
    c.bad(
        Sealed("plain-ed25519", trailer=b""),
        "Ed25519, not Ed25519ph",
        e,
        "does not verify",
        data=changed_trailer("plain-ed25519", lambda m: pr.ed25519_sign(SEED["alice"], m)),
    )
    c.bad(
        Sealed("s-plus-order", trailer=b""), "a second spelling of the signature: S + L", e,
        "does not verify", data=changed_trailer("s-plus-order", plus_order),
    )
    c.bad(
        Sealed("trailer-missing", b"", trailer=b""),
        "the head and nothing behind it",
        e,
        "without a signature",
    )
    c.bad(
        Sealed("trailer-cut", b"", trailer=good.plain[-64:-1]),
        "63 bytes behind the head",
        e,
        "without a signature",
    )
    s = Sealed("content-added")
    s.plain += b"more"
    c.bad(s, "something follows the trailer", e, "does not verify")
    s = Sealed("trailer-first")
    s.plain = s.head + s.plain[-64:] + s.content
    c.bad(s, "the signature stands in front of the content", e, "does not verify")
    for case in bad_heads():
        if case["name"] in (
            "time-without-ms", "cr-everywhere", "blank-line-missing", "ref-upper-case",
            "subject-upper-case", "order-time-before-subject", "order-sender-before-content-type",
            "missing-ref", "too-long", "issuer-fillers",
        ):
            s = Sealed("head-" + case["name"], head=case["head"].encode("latin-1"))
            c.bad(
                s, f"a head that is not well-formed: {case['why']}", e, case["says"],
                line=case["line"],
            )


def changed_trailer(name, sign):
    s = Sealed(name, trailer=b"")
    s.plain += sign(s.plain)
    return s.bytes()


def plus_order(message):
    signature = pr.ed25519ph_sign(SEED["alice"], message)
    return signature[:32] + (int.from_bytes(signature[32:], "little") + pr.L).to_bytes(32, "little")


def bad_labels(c):
    """What must not open because it is something else than was asked for, or for somebody else, or
    too old."""
    m, age = "TG_EMISLABELLED", "TG_EAGE"
    recipients = [env.recipient_text(PUBLIC[who]) for who in ("bob", "carol")]
    c.bad(
        Sealed("stanzas-fewer", recipient=recipients),
        "two recipients in the head, one stanza",
        m,
        "other recipients",
    )
    c.bad(
        Sealed("stanzas-more", to=("bob", "carol"), recipient=recipients[:1]),
        "one recipient in the head, two stanzas",
        m,
        "other recipients",
    )
    c.bad(
        Sealed("passed-on", to=("carol",), recipient=recipients[:1]),
        "sealed again, by its recipient, for somebody else", m, "passed on", identities=("carol",),
    )
    c.bad(
        Sealed("passed-on-both", to=("carol", "dora"), recipient=recipients),
        "as many stanzas, for others",
        m,
        "passed on",
        identities=("dora",),
    )
    c.bad(
        Sealed("ours-twice", to=("bob", "bob"), recipient=recipients),
        "two stanzas of ours, one in the head",
        m,
        "other recipients",
    )
    for name, why, foreign in (
        ("mlkem-beside", "a post-quantum stanza: a head names X25519 recipients only", mlkem()),
        (
            "unknown-beside",
            "a stanza of a type that is not known, and no grease",
            env.stanza(b"example.org/plugin a", drawn("plugin", 40)),
        ),
    ):
        s = Sealed(name)
        s.stanzas.append(foreign)
        c.bad(s, why, m, "other recipients")
    s = Sealed("mlkem-in-place", to=("bob", "carol"))
    s.stanzas[1] = mlkem()
    c.bad(s, "two recipients in the head, but one stanza is of another type", m, "other recipients")
    full = Sealed("full", **FULL)
    other = Sealed("least")

    def demand(name, why, says, sealed=full, outcome=m, **demands):
        c.bad(sealed, why, outcome, says, name=name, **demands)

    demand(
        "id-of-another",
        "the id of another ref of the same sender: somebody exchanged the two",
        "not the blob",
        id=other.id(),
    )
    mallory = env.name_of(SENDER["mallory"], bytes.fromhex(full.fields["ref"]))
    demand(
        "id-of-another-sender",
        "the same ref, but another sender's name",
        "not the blob",
        id="00" + mallory,
    )
    name = full.id()
    demand(
        "id-not-canonical",
        "an id with unused bits in its last character: no file has it",
        None,
        outcome="TG_EINVAL",
        id=name[:-1] + chr(ord(name[-1]) + 1),
    )
    demand(
        "id-shard", "an id of a shard that does not exist", None, outcome="TG_EINVAL",
        id="40" + name[2:],
    )
    demand("kind-other", "another kind", "kind", kind="liveness")
    demand("issuer-other", "another issuer", "issuer", issuer="NOR")
    demand("session-other", "another session", "session", session="00AAAAAAAAAAAAAAAAAAAAAE")
    demand("subject-other", "another subject", "subject", subject=OTHER_SUBJECT)
    demand(
        "issuer-none", "an issuer is demanded, the head names none", "names no issuer",
        sealed=other, issuer="SWE",
    )
    demand(
        "session-none", "a session is demanded, the head names none", "names no session",
        sealed=other, session=SESSION,
    )
    demand(
        "subject-none", "a subject is demanded, the head names none", "names no subject",
        sealed=other, subject=SUBJECT,
    )
    demand(
        "subject-demand-upper-case", "a demand that no head can meet", None, outcome="TG_ESUBJECT",
        subject=SUBJECT.upper(),
    )
    demand(
        "raw-with-id", "raw, and an id: nothing binds a raw file to one", None, outcome="TG_EINVAL",
        raw=True, senders=(), id=other.id(), sealed=other,
    )
    day = env.DAY_MS
    c.bad(
        Sealed("too-old", time=env.format_time(NOW - env.MAX_AGE_MS - 1)),
        "a day, five minutes and a millisecond old",
        age,
        "ago",
    )
    c.bad(Sealed("hours-25", time=env.format_time(NOW - 25 * 3600000)), "25 hours old", age, "ago")
    c.bad(
        Sealed("too-new", time=env.format_time(NOW + env.MAX_AHEAD_MS + 1)),
        "five minutes and a millisecond in the future",
        age,
        "from now",
    )
    c.bad(Sealed("tomorrow", time=env.format_time(NOW + day)), "of tomorrow", age, "from now")
    c.bad(
        Sealed("tomorrow", time=env.format_time(NOW + day)),
        "of tomorrow: any age never means the future", age, "from now", name="tomorrow-any-age",
        max_age_ms=env.ANY_AGE,
    )
    hour = Sealed("hour", time=env.format_time(NOW - 3600000))
    c.good(hour, "an hour old, when an hour is the most", max_age_ms=3600000)
    c.bad(
        hour, "an hour and a millisecond old, when an hour is the most", age, "ago",
        name="hour-over", now=NOW + 1, max_age_ms=3600000,
    )


def sealed_files():
    c = Cases()
    opening(c)
    bad_files(c)
    bad_signatures(c)
    bad_labels(c)
    assert len({case["name"] for case in c.cases}) == len(c.cases)
    return c.files, {
        "about": (
            "What happens when a file is opened with these identities (keys.json) for these senders"
            " at this time, with these demands. outcome: ok, or the library's code; exit: of"
            " `timeglas open`; ack: what a fetch tells the buffer; says: what our client's reason"
            " has in it; line: of the head."
        ),
        "cases": c.cases,
    }


def write(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def main(folder):
    files, cases = sealed_files()
    for name, content in (
        ("keys.json", keys()), ("heads.json", heads()), ("trailers.json", trailers()),
        ("names.json", names()), ("sealed.json", cases),
    ):
        write(folder, name, (json.dumps(content, indent=1) + "\n").encode())
    for name, data in files.items():
        write(folder, name, data)
    print(
        f"{len(cases['cases'])} cases with {len(files)} sealed files, {len(heads()['cases'])} heads"
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
