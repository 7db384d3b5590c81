"""What the malicious server of hostile_server.py lies about: sealed evidence, the keys and
certificates of a real server, and a client that is set up to ask for it."""
import base64
import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hostile_log import Log

SID = "sess-1"
SUBJECT = "5ca1ab1e" * 8
ERASED = "00-3-1"  # the event of its erasure
OTHER_ID = "01" + "B" * 21 + "A"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def sender_key(text):
    """The 32 bytes of a "timeglas-sender1..." (Bech32, BIP 173)."""
    values = [BECH32.index(c) for c in text[text.rindex("1") + 1 : -6]]
    bits = "".join(f"{v:05b}" for v in values)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, 256, 8))


def name_of(sender, ref):
    """The last 22 characters of the id of what this sender sealed with this ref
    (docs/envelope.md)."""
    digest = hashlib.sha256(b"timeglas blob id 1\n" + sender + ref).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def subject_of(digits):
    """The hash of the uploader's subject (docs/evidence.md)."""
    said = f"timeglas subject 1\nuploader\n{digits}".encode()
    return hashlib.sha256(said).hexdigest()[:32]


@dataclass
class Evidence:
    data: bytes
    sealed: bytes
    kind: str
    issuer: str | None
    session: str | None
    id: str


class World:
    """Keys, certificates and evidence; made once. env: what `timeglasd --dev` writes for a
    shell."""

    def __init__(self, folder, env, client):
        self.folder, self.env, self.client = Path(folder), dict(env), str(Path(client).resolve())
        self.pki = Path(env["TIMEGLAS_CA"]).parent
        (self.folder / "home").mkdir()
        self.sender = sender_key(env["TIMEGLAS_SENDER"])
        self.right = self.seal(b"the evidence that was asked for".ljust(32) * 3000)
        self.other = self.seal(b"another person's evidence".ljust(32) * 3000)
        self.older = self.seal(b"an older picture of one's face".ljust(32) * 3000)
        self.big = self.seal(b"x" * 300_000)
        self.small = self.seal(b"small\n")
        self.kin = self.seal(b"a face in three dimensions\n" * 3000, kind="face3d")
        self.session = self.seal(b"of another session\n" * 3000, session="sess-9")
        self.in_session = self.seal(b"of this session\n" * 3000, session=SID)
        self.raw = self.seal(b"plain age\n" * 3000, raw=True)
        self.log, self.stranger_log = (self.evidence(x) for x in ("log", "stranger-log"))
        self.forged = self.seal(b"another's signature\n" * 3000, signer=self.stranger())

    def evidence(self, name):
        """A log in which the right blob has ended, and what an attack can take for that."""
        log = Log(self.folder / name)
        log.end("stored", self.right.id, "00-1-0", what="stored")
        log.end("older", self.right.id, "00-0-9", "consumed")
        log.end("right", self.right.id)
        log.end("other", OTHER_ID, "00-2-1")
        log.erased("erased", subject_of(SUBJECT), ERASED)
        log.erased("other-erased", subject_of(64 * "0"), "00-3-2")
        for name in log.named:
            log.proof_of(name)
        return log

    def environment(self, state, peer, **more):
        env = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("TIMEGLAS_", "XDG_")) and "proxy" not in k.lower()
        }
        env.update(
            {
                k: self.env[k]
                for k in (
                    "TIMEGLAS_CA", "TIMEGLAS_RECIPIENT", "TIMEGLAS_IDENTITY",
                    "TIMEGLAS_SIGNING_KEY", "TIMEGLAS_SENDER",
                )
            }
        )
        env.update(
            TIMEGLAS_CERT=self.env[f"TIMEGLAS_{peer}_CERT"],
            TIMEGLAS_KEY=self.env[f"TIMEGLAS_{peer}_KEY"], HOME=str(state),
            XDG_STATE_HOME=str(state), TMPDIR=str(state), TERM="xterm",
        )
        return {**env, **{k: str(v) for k, v in more.items()}}

    def run(self, *args, stdin=b""):
        return subprocess.run(
            [self.client, *args], input=stdin, stdout=subprocess.PIPE, check=True,
            stderr=subprocess.DEVNULL, env=self.environment(self.folder / "home", "UPLOADER"),
        ).stdout

    def stranger(self):
        path = self.folder / "stranger.key"
        self.run("keygen", "--sign", "-o", str(path))
        return str(path)

    def seal(self, data, kind="liveness", session=None, raw=False, signer=None):
        labels = (
            ["--raw"]
            if raw
            else [
                "--kind",
                kind,
                *(["--session", session] if session else []),
                *(["--sign", signer] if signer else []),
            ]
        )
        sealed = self.run("seal", *labels, stdin=data)
        if raw or signer:
            return Evidence(data, sealed, kind, None, session, OTHER_ID)
        out = self.folder / "opened"
        head = json.loads(self.run("open", "--json", "-o", str(out), stdin=sealed))
        head = head.get("head", head)
        return Evidence(
            data, sealed, kind, None, session,
            "00" + name_of(self.sender, bytes.fromhex(head["ref"])),
        )

    def certificate(self, name, extensions):
        """A certificate of the dev authority's with these extensions; (certificate, key)."""
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        if not cert.exists():
            ext, csr = self.folder / f"{name}.ext", self.folder / f"{name}.csr"
            ext.write_text(extensions + "\n")
            run = {"check": True, "capture_output": True}
            subprocess.run(
                [
                    "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-keyout", key, "-out", csr, "-subj", f"/CN={name}",
                ],
                **run,
            )
            subprocess.run(
                [
                    "openssl", "x509", "-req", "-in", csr, "-CA", self.pki / "ca.pem", "-CAkey",
                    self.pki / "ca.key", "-set_serial", "99", "-days", "2", "-extfile", ext, "-out",
                    cert,
                ],
                **run,
            )
        return str(cert), str(key)

    def other_authority(self):
        cert, key = self.folder / "self.pem", self.folder / "self.key"
        if not cert.exists():
            subprocess.run(
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                ],
                check=True,
                capture_output=True,
            )
        return str(cert), str(key)
