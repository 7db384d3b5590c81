"""Seals and opens what docs/envelope.md describes: age v1 with X25519, head, trailer, name. A
second implementation, for test vectors.

Written from the specification, not from the client's sources, and with no library but Python's own.
A file is in memory as a whole here, and nothing is returned of one that is refused; a program for
real evidence needs constant-time primitives and streams."""
import base64
import calendar
import hashlib
import re
import time

import primitives as pr

VERSION_LINE = b"age-encryption.org/v1\n"
CHUNK, TAG, TRAILER = 65536, 16, 64
HEAD_MAX, RECIPIENTS_MAX = 4096, 20
DAY_MS = 86400000
MAX_AGE_MS, MAX_AHEAD_MS = DAY_MS + 300000, 300000
ANY_AGE = -1

# ISO 3166-1 alpha-3, ICAO Doc 9303-3 section 5 parts B to D, and codes that were withdrawn; and
# Germany's D.
ISSUERS = set(
    re.findall(
        "...",
        (
            "ABWAFGAGOAIAALAALBANDAREARGARMASMATAATFATGAUSAUTAZEBDIBELBENBESBFABGDBGRBHRBHSBIHBLM"
            "BLRBLZBMUBOLBRABRBBRNBTNBVTBWACAFCANCCKCHECHLCHNCIVCMRCODCOGCOKCOLCOMCPVCRICUBCUWCXR"
            "CYMCYPCZEDEUDJIDMADNKDOMDZAECUEGYERIESHESPESTETHFINFJIFLKFRAFROFSMGABGBRGEOGGYGHAGIB"
            "GINGLPGMBGNBGNQGRCGRDGRLGTMGUFGUMGUYHKGHMDHNDHRVHTIHUNIDNIMNINDIOTIRLIRNIRQISLISRITA"
            "JAMJEYJORJPNKAZKENKGZKHMKIRKNAKORKWTLAOLBNLBRLBYLCALIELKALSOLTULUXLVAMACMAFMARMCOMDA"
            "MDGMDVMEXMHLMKDMLIMLTMMRMNEMNGMNPMOZMRTMSRMTQMUSMWIMYSMYTNAMNCLNERNFKNGANICNIUNLDNOR"
            "NPLNRUNZLOMNPAKPANPCNPERPHLPLWPNGPOLPRIPRKPRTPRYPSEPYFQATREUROURUSRWASAUSDNSENSGPSGS"
            "SHNSJMSLBSLESLVSMRSOMSPMSRBSSDSTPSURSVKSVNSWESWZSXMSYCSYRTCATCDTGOTHATJKTKLTKMTLSTON"
            "TTOTUNTURTUVTWNTZAUGAUKRUMIURYUSAUZBVATVCTVENVGBVIRVNMVUTWLFWSMYEMZAFZMBZWEEUEGBDGBN"
            "GBOGBPGBSIAORKSUNAUNKUNOUTOXBAXCCXCEXCOXDCXECXESXIMXMPXOMXPOXXAXXBXXCXXX"
            "ANTBURBYSCSKDDRFXXNTZROMSCGSUNTMPYMDYUGZAR"
        ),
    )
) | {"D"}


class Refused(Exception):
    """A file, head or demand that is not accepted: the client's code, the reason, and for a head
    the line."""

    def __init__(self, code, why, line=None):
        super().__init__(f"{code}: {why}")
        self.code, self.why, self.line = code, why, line


# Keys as text (section 4) --------------------------------------------------


def b64(data):
    return base64.b64encode(data).rstrip(b"=")


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text, alphabet=b"+/"):
    """The bytes of base64 without padding in its one spelling, or None."""
    if not re.fullmatch(rb"[A-Za-z0-9%s]*" % re.escape(alphabet), text) or len(text) % 4 == 1:
        return None
    data = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=alphabet)
    return data if base64.b64encode(data, altchars=alphabet).rstrip(b"=") == text else None


def identity_text(secret):
    return pr.bech32_encode("age-secret-key-", secret).upper()


def signing_key_text(seed):
    return pr.bech32_encode("timeglas-signing-key-", seed).upper()


def recipient_text(public):
    return pr.bech32_encode("age", public)


def sender_text(public):
    return pr.bech32_encode("timeglas-sender", public)


def weak_share(share):
    """A point of small order: its shared secret is zero whatever the other half is."""
    return pr.x25519(bytes(32), share) == bytes(32)


def parse_recipient(text):
    key = pr.bech32_decode("age", text)
    return key if key is not None and len(key) == 32 and not weak_share(key) else None


def decode_sender(text):
    key = pr.bech32_decode("timeglas-sender", text)
    return key if key is not None and len(key) == 32 else None


def parse_sender(text):
    """A key that may be trusted. In a head the form is enough: another key than a trusted one ends
    it anyway."""
    key = decode_sender(text)
    return key if key is not None and pr.in_main_subgroup(key) else None


# Names, ids, subjects ------------------------------------------------------


def name_of(sender, ref):
    return b64url(hashlib.sha256(b"timeglas blob id 1\n" + sender + ref).digest()[:16])


def name_of_id(ident):
    """The last 22 characters of an id, or None where it is none: 00..3f, then a name in its one
    spelling."""
    if (
        not re.fullmatch(r"[0-3][0-9a-f][A-Za-z0-9_-]{22}", ident)
        or unb64(ident[2:].encode(), b"-_") is None
    ):
        return None
    return ident[2:]


def shard_of_name(name):
    return unb64(name.encode(), b"-_")[0] % 64


def subject_hash(uploader, subject):
    return hashlib.sha256(
        b"timeglas subject 1\n" + uploader.encode() + b"\n" + subject.encode()
    ).hexdigest()[:32]


# The head (section 3) ------------------------------------------------------


def format_time(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03}Z"


def parse_time(text):
    """Milliseconds since 1970, or why not."""
    form = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?Z", text, re.ASCII)
    if not form:
        return (
            "the time is not of the form 2026-11-22T12:00:00.123Z"
            if text.endswith("Z")
            else "the time is in UTC and ends with Z"
        )
    year, month, day, hour, minute, second = (int(n) for n in form.groups()[:6])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if (
        not 1 <= month <= 12
        or not 1 <= day <= days[month - 1]
        or hour > 23
        or minute > 59
        or second > 59
    ):
        return "the time is not of the form 2026-11-22T12:00:00.123Z: there is no such time"
    if form.group(7) is None:
        return "milliseconds are missing: the time ends with .000Z, also when they are zero"
    if len(form.group(7)) != 4:
        return "the time has exactly three digits of a second's fraction"
    return calendar.timegm((year, month, day, hour, minute, second)) * 1000 + int(form.group(7)[1:])


def _matches(pattern, rule):
    return lambda text: None if re.fullmatch(pattern, text, re.ASCII | re.DOTALL) else rule


def _issuer(text):
    if text == "D<<":
        return "the issuer is written without fillers"
    return None if text in ISSUERS else "the issuer is not an ICAO 9303 code"


def _time(text):
    result = parse_time(text)
    return result if isinstance(result, str) else None


# Name, needed, repeated, what is wrong with a value
FIELDS = (
    ("timeglas-head", True, False, _matches("1", "this version of the head is not known")),
    ("kind", True, False, _matches("[a-z0-9-]{1,31}", "a kind is 1 to 31 of a-z, 0-9 and '-'")),
    ("issuer", False, False, _issuer),
    (
        "session",
        False,
        False,
        _matches("[A-Za-z0-9_-]{1,64}", "a session is 1 to 64 of A-Z, a-z, 0-9, '-' and '_'"),
    ),
    (
        "subject",
        False,
        False,
        _matches("[0-9a-f]{64}", "a subject is 64 lower-case hexadecimal digits"),
    ),
    ("time", True, False, _time),
    (
        "content-type",
        False,
        False,
        _matches(
            "[!-~]([ -~]{0,125}[!-~])?",
            "a content type is 1 to 127 printable ASCII characters, without a blank at either end",
        ),
    ),
    (
        "sender",
        True,
        False,
        lambda text: (
            None
            if decode_sender(text)
            else "the sender is not a well-formed timeglas-sender1... key"
        ),
    ),
    (
        "recipient",
        True,
        True,
        lambda text: (
            None if parse_recipient(text) else "the recipient is not a well-formed age X25519 key"
        ),
    ),
    ("ref", True, False, _matches("[0-9a-f]{32}", "a ref is 32 lower-case hexadecimal digits")),
)
NAMES = [f[0] for f in FIELDS]


def format_head(fields):
    """The head's bytes, of a dict by name; "recipient" is a list."""
    lines = []
    for name in NAMES:
        value = fields.get(name)
        for one in value if isinstance(value, list) else [value] if value is not None else []:
            lines.append(f"{name}: {one}\n")
    return "".join(lines).encode() + b"\n"


def parse_head(data):
    """Fields by name, and the head's length with its blank line. Raises Refused with the first line
    that is wrong."""
    fields, at, number, following = {}, 0, 0, 0

    def refuse(why):
        raise Refused("TG_ESIGNATURE", why, number)

    def want(before):
        for name, needed, _, _ in FIELDS[following:before]:
            if needed and name not in fields:
                refuse(f'the field "{name}" is missing here')

    while True:
        number += 1
        end = data[:HEAD_MAX].find(b"\n", at)
        if end < 0:
            refuse(
                "the head is longer than 4096 bytes, or its empty line is missing"
                if len(data) > HEAD_MAX
                else "the content ends within the head, or its empty line is missing"
            )
        line, at = data[at:end].decode("latin-1"), end + 1
        if line == "":
            want(len(FIELDS))
            return fields, at
        if "\r" in line:
            refuse("a carriage return: lines end with a line feed alone")
        name, colon, value = line.partition(":")
        if not colon:
            refuse('neither a field, as "name: value", nor the empty line that ends the head')
        if name not in NAMES:
            refuse(
                f'the name of the field "{name.lower()}" is written in lower case'
                if name.lower() in NAMES
                else "there is no field of this name in a head"
            )
        i = NAMES.index(name)
        if not value.startswith(" "):
            refuse("one blank stands between the colon and the value")
        if i < following and not (FIELDS[i][2] and following == i + 1):
            refuse(
                f'the field "{name}" stands here a second time'
                if name in fields
                else f'the field "{name}" stands too late'
            )
        want(i)
        value = value[1:]
        if value.startswith(" "):
            refuse("one blank stands between the colon and the value")
        if len(fields.get("recipient", [])) == RECIPIENTS_MAX and name == "recipient":
            refuse("more than 20 recipients")
        fault = FIELDS[i][3](value)
        if fault:
            refuse(fault)
        if FIELDS[i][2]:
            fields.setdefault(name, []).append(value)
        else:
            fields[name] = value
        following = i + 1


# Sealing (section 1) -------------------------------------------------------


def x25519_stanza(file_key, recipient, ephemeral):
    share = pr.x25519(ephemeral, pr.BASEPOINT)
    key = pr.hkdf(
        pr.x25519(ephemeral, recipient), share + recipient, b"age-encryption.org/v1/X25519"
    )
    return stanza(b"X25519 " + b64(share), pr.aead_seal(key, bytes(12), file_key))


def stanza(args, body):
    text = b64(body)
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    if len(text) % 64 == 0:
        lines.append(b"")
    return b"-> " + args + b"\n" + b"\n".join(lines) + b"\n"


def header(file_key, stanzas):
    text = VERSION_LINE + b"".join(stanzas) + b"---"
    return text + b" " + b64(pr.hmac_sha256(pr.hkdf(file_key, b"", b"header"), text)) + b"\n"


def chunk_nonce(number, last):
    return number.to_bytes(11, "big") + bytes([last])


def payload(file_key, nonce, plain):
    key = pr.hkdf(file_key, nonce, b"payload")
    parts = [plain[i : i + CHUNK] for i in range(0, len(plain), CHUNK)] or [b""]
    return nonce + b"".join(
        pr.aead_seal(key, chunk_nonce(i, i == len(parts) - 1), part) for i, part in enumerate(parts)
    )


def signed(head, content, seed):
    """What is sealed: head, content, trailer."""
    return head + content + pr.ed25519ph_sign(seed, head + content)


# Opening -------------------------------------------------------------------

# Type: arguments' sizes in bytes, the body's. Others pass by the general rules.
NATIVE = {
    b"X25519": ((32,), 32),
    b"mlkem768x25519": ((1120,), 32),
    b"p256tag": ((4, 65), 32),
    b"mlkem768p256tag": ((4, 1153), 32),
}


def parse_header(data):
    """Stanzas as (words, body), the text that the MAC covers, the MAC, where the payload begins."""
    if data.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----"):
        raise Refused("TG_EARMOR", "the file is armored")

    def refuse(why):
        raise Refused("TG_EHEADER", why)

    if not data.startswith(VERSION_LINE):
        refuse("the first line is not age-encryption.org/v1")
    at, stanzas = len(VERSION_LINE), []

    def line():
        nonlocal at
        end = data.find(b"\n", at, at + 8192)
        if end < 0:
            refuse("the file ends within its header, or a line is too long")
        text, at = data[at:end], end + 1
        return text

    while True:
        start, text = at, line()
        if text.startswith(b"---"):
            mac = unb64(text[4:])
            if not text.startswith(b"--- ") or mac is None or len(text) != 47:
                refuse("the MAC line is not --- and 32 bytes of canonical base64")
            if not stanzas:
                refuse("the header names no recipient")
            if any(words[0] == b"scrypt" for words, _ in stanzas) and len(stanzas) > 1:
                refuse("a scrypt stanza is the only one")
            return stanzas, data[: start + 3], mac, at
        words = text.split(b" ")
        if (
            words[0] != b"->"
            or len(words) < 2
            or not all(re.fullmatch(rb"[!-~]+", w) for w in words)
        ):
            refuse("not a stanza: visible ASCII words with one space between them")
        body = b""
        while True:
            part = line()
            body += part
            if len(part) > 64:
                refuse("a line of a body is longer than 64 characters")
            if len(part) < 64:
                break
        decoded = unb64(body)
        if decoded is None:
            refuse("a body is not canonical base64")
        stanzas.append((words[1:], decoded))
        if words[1] in NATIVE:
            sizes, size = NATIVE[words[1]]
            args = [unb64(w) for w in words[2:]]
            if [None if a is None else len(a) for a in args] != list(sizes) or len(decoded) != size:
                refuse(f"a {words[1].decode()} stanza has other arguments or another body")
            if words[1].endswith(b"25519") and weak_share(args[0][-32:]):
                refuse("a share is a point of small order")
            if words[1].endswith(b"p256tag") and args[1][-65] != 4:
                refuse("a P-256 share is not uncompressed")


def unwrap(stanzas, identities):
    """The file key, and for each X25519 stanza that an identity opens, that identity's public
    half."""
    file_key, ours = None, []
    for words, body in stanzas:
        if words[0] != b"X25519":
            continue
        share = unb64(words[1])
        for secret in identities:
            public = pr.x25519(secret, pr.BASEPOINT)
            key = pr.hkdf(pr.x25519(secret, share), share + public, b"age-encryption.org/v1/X25519")
            opened = pr.aead_open(key, bytes(12), body)
            if opened is not None:
                file_key = file_key or opened
                ours.append(public)
                break
    if file_key is None:
        raise Refused("TG_ENOMATCH", "none of the identities is a recipient of this file")
    return file_key, ours


def open_chunks(file_key, data):
    """Each chunk's plaintext, as it is found authentic."""
    if len(data) < 16:
        raise Refused("TG_EHEADER", "the file ends within its nonce")
    key, sealed, number = pr.hkdf(file_key, data[:16], b"payload"), data[16:], 0
    while True:
        part, sealed = sealed[: CHUNK + TAG], sealed[CHUNK + TAG :]
        plain = pr.aead_open(key, chunk_nonce(number, 1), part)
        if plain is not None:
            if plain == b"" and number > 0:
                raise Refused("TG_EPAYLOAD", "an empty last chunk behind another one")
            if sealed:
                raise Refused("TG_EPAYLOAD", "something follows the last chunk")
            yield plain
            return
        plain = pr.aead_open(key, chunk_nonce(number, 0), part) if sealed else None
        if plain is None:
            raise Refused("TG_EPAYLOAD", "a chunk is not authentic, or the last one is missing")
        yield plain
        number += 1


def check_demands(expect):
    """Can these be met by any file? As the client says before it reads one."""
    named = [k for k in ("id", "kind", "issuer", "session", "subject") if k in expect]
    if expect.get("raw"):
        if named:
            raise Refused("TG_EINVAL", "a raw file has no head to compare with")
        return
    if not expect["senders"] or "id" in expect and name_of_id(expect["id"]) is None:
        raise Refused("TG_EINVAL", "no senders, or not an id")
    for name, code in (
        ("kind", "TG_EKIND"),
        ("issuer", "TG_EISSUER"),
        ("session", "TG_ESESSION"),
        ("subject", "TG_ESUBJECT"),
    ):
        value = {"D<<": "D"}.get(expect.get(name), expect.get(name))
        fault = FIELDS[NAMES.index(name)][3](value) if value is not None else None
        if fault:
            raise Refused(code, fault)


def check_head(head, stanzas, ours, expect):
    """Head against file, and against what the caller knows: recipients, name, labels, age."""
    sender, recipients = decode_sender(head["sender"]), [
        parse_recipient(r) for r in head["recipient"]
    ]
    if sender not in expect["senders"]:
        raise Refused(
            "TG_ESIGNATURE", "the head names another sender than those that were expected"
        )
    foreign = [
        words for words, _ in stanzas if words[0] != b"X25519" and not words[0].endswith(b"-grease")
    ]
    mine = [pr.x25519(secret, pr.BASEPOINT) for secret in expect["identities"]]
    if (
        sum(words[0] == b"X25519" for words, _ in stanzas) != len(recipients)
        or foreign
        or any(ours.count(public) != recipients.count(public) for public in mine)
    ):
        raise Refused(
            "TG_EMISLABELLED", "the file has other recipients than the sender sealed it to"
        )
    if "id" in expect and name_of_id(expect["id"]) != name_of(sender, bytes.fromhex(head["ref"])):
        raise Refused("TG_EMISLABELLED", "this is not the blob that was asked for")
    for name in ("kind", "issuer", "session", "subject"):
        if name in expect and {"D<<": "D"}.get(expect[name], expect[name]) != head.get(name):
            raise Refused(
                "TG_EMISLABELLED", f"the signed head has another {name} than was demanded"
            )
    age, limit = expect["now_ms"] - parse_time(head["time"]), expect.get("max_age_ms", MAX_AGE_MS)
    if age < -MAX_AHEAD_MS:
        raise Refused("TG_EAGE", "the head is of the future")
    if limit != ANY_AGE and age > limit:
        raise Refused("TG_EAGE", "the head is too old")


def open_sealed(data, expect):
    """Head (None when raw) and content of a sealed file, or Refused.

    expect: identities (secrets), senders (public keys), now_ms; raw, max_age_ms, id, kind, issuer,
    session, subject where demanded."""
    check_demands(expect)
    stanzas, covered, mac, at = parse_header(data)
    file_key, ours = unwrap(stanzas, expect["identities"])
    if pr.hmac_sha256(pr.hkdf(file_key, b"", b"header"), covered) != mac:
        raise Refused("TG_EHMAC", "the header was changed after sealing")
    plain, head, length = b"", None, 0
    for part in open_chunks(file_key, data[at:]):
        if head is None and not expect.get("raw"):
            if not part[:13].lower() == b"timeglas-head":
                raise Refused("TG_ESIGNATURE", "the content does not begin with a timeglas head")
            head, length = parse_head(part)
            check_head(head, stanzas, ours, expect)
        plain += part
    if head is None:
        return None, plain
    message, trailer = plain[:-TRAILER], plain[-TRAILER:]
    if len(message) < length:
        raise Refused("TG_ESIGNATURE", "the content ends without a signature")
    if not pr.ed25519ph_verify(decode_sender(head["sender"]), message, trailer):
        raise Refused("TG_ESIGNATURE", "the sender's signature does not verify")
    return head, message[length:]
