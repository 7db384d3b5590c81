"""A real timeglasd under test: start it, talk to it, look into its Redis and its processes, and
stop it strictly.

A stop is itself a test: exit status 0, every child gone, nothing left in the file system, no
sanitizer report, no leaked descriptor."""
import base64
import hashlib
import json
import os
import re
import select
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import weakref
from pathlib import Path

from store_form import HOLDS_BYTES
from wire import Conn

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("TIMEGLAS_BIN_DIR", ROOT / "build" / "release"))
if not BIN.is_absolute():
    BIN = ROOT / BIN
SLOW = (
    4 if "asan" in BIN.name or "tsan" in BIN.name else 1
)  # sanitizers are slow: stretch every patience
SANITIZED = SLOW > 1
PEERS = ("uploader", "verifier", "verifier2", "processor", "operator")

# Where a chunk, a session, a blob and the deadline index live: everything, one line each, but the
# outbox streams and the index's reminders ("x:…") to look once more for writes of an ended upload
# that were still on their way.
EVERYTHING = """
local out = {}
for _, key in ipairs(redis.call('KEYS', 'tg:*')) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'zset' then
    for _, m in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      if string.sub(m, 1, 2) ~= 'x:' then out[#out + 1] = key .. ' ' .. m end
    end
  elseif kind == 'set' then
    for _, m in ipairs(redis.call('SMEMBERS', key)) do out[#out + 1] = key .. ' ' .. m end
  elseif kind ~= 'stream' then
    out[#out + 1] = key
  end
end
return out
"""
SANITIZER = re.compile(
    r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Sanitizer:DEADLYSIGNAL)"
)


def wait_for(condition, what, timeout=10.0, every=0.02):
    """Poll until condition() is true; its value is returned. what: a text, or a function that makes
    it afterwards."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert (
            time.monotonic() < end
        ), f"waited {timeout * SLOW:.0f} s in vain: {what() if callable(what) else what}"
        time.sleep(every)


def let_pass(seconds, why):
    """Lets time pass where time itself is what a test is about, and no condition says that it has.
    Every other wait is a wait_for(). why: for the reader."""
    assert why
    time.sleep(max(0, seconds))


def seal(recipient, data):
    """An age file made by the age command."""
    return subprocess.run(
        ["age", "-r", recipient], input=data, stdout=subprocess.PIPE, check=True
    ).stdout


def digest(body):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


class Server:
    def __init__(self, workers=2, options=(), argv=None, env=None, stderr=None):
        """options: ("section.key", value) pairs. argv: replaces "--dev DIR"; then env gives what
        DIR/env would, and /readyz tells when it is ready. stderr: a descriptor of the test's own
        instead of a file that the harness reads."""
        assert (
            BIN / "timeglasd"
        ).exists(), f"no timeglasd in {BIN}: make it first, or set TIMEGLAS_BIN_DIR"
        self.dir = Path(tempfile.mkdtemp(prefix="tgt"))
        self.err_path = self.dir / "stderr.log"
        self.secrets = set()  # ids that must never be logged
        self.conns = weakref.WeakSet()
        self.contexts = {}
        self.sealed_cache = {}
        self.exit_checked = False
        self.ends_with = (0, 3) if argv else (0,)  # 3: live blobs ended with its Redis
        self.evidence_is_true = True  # a test that makes the store lie says otherwise
        args = argv or ["--dev", str(self.dir / "d"), "--workers", str(workers)]
        for key, value in options:
            args += ["--set", f"{key}={value}"]
        (self.dir / "t").mkdir()
        with open(self.err_path, "wb") as err:
            self.proc = subprocess.Popen(
                [str(BIN / "timeglasd"), *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err if stderr is None else stderr,
                env=dict(
                    os.environ, TMPDIR=str(self.dir / "t"), UBSAN_OPTIONS="print_stacktrace=1"
                ),
            )
        try:
            if argv:
                self.env = dict(env)
                wait_for(self.is_ready, lambda: "ready\n" + self.stderr(), 15)
            else:
                self.ready_line = self.read_ready()
                self.env = self.read_env(self.dir / "d" / "env")
            self.url = self.env["TIMEGLAS_URL"]
            host, port = self.url.removeprefix("https://").rsplit(":", 1)
            self.address = (host, int(port))
            self.baseline = {pid: self.descriptors(pid) for pid in self.workers()}
        except BaseException:
            self.kill()
            raise

    def is_ready(self):
        assert self.proc.poll() is None, "ended before it was ready:\n" + self.stderr()
        try:
            return self.admin("/readyz")[0] == 200
        except OSError:
            return False

    def read_ready(self):
        end = time.monotonic() + 15 * SLOW
        line = b""
        while not line.endswith(b"\n"):
            left = end - time.monotonic()
            assert left > 0 and select.select([self.proc.stdout], [], [], left)[0], (
                "no ready line:\n" + self.stderr()
            )
            byte = os.read(self.proc.stdout.fileno(), 1)
            assert byte, "ended before it was ready:\n" + self.stderr()
            line += byte
        assert line.startswith(b"ready https://"), line
        return line.decode().strip()

    @staticmethod
    def read_env(path):
        """DIR/env as a shell sees it."""
        out = subprocess.run(
            ["sh", "-c", 'set -a; . "$1"; env -0', "sh", str(path)],
            stdout=subprocess.PIPE,
            check=True,
            env={"PATH": os.environ["PATH"]},
        ).stdout
        pairs = (item.partition("=") for item in out.decode().split("\0") if item)
        return {k: v for k, _, v in pairs if k.startswith("TIMEGLAS_")}

    # Talking to it ---------------------------------------------------------
    def files(self, peer):
        return self.env[f"TIMEGLAS_{peer.upper()}_CERT"], self.env[f"TIMEGLAS_{peer.upper()}_KEY"]

    def context(self, peer):
        """peer: a name of PEERS, None for no certificate, or a (certificate, key) pair of files."""
        if peer not in self.contexts:
            context = ssl.create_default_context(cafile=self.env["TIMEGLAS_CA"])
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            if peer:
                context.load_cert_chain(*(self.files(peer) if isinstance(peer, str) else peer))
            self.contexts[peer] = context
        return self.contexts[peer]

    def connect(self, peer="uploader", **options):
        conn = Conn(self.address, self.context(peer), timeout=20 * SLOW, **options)
        self.conns.add(conn)
        return conn

    def call(self, method, target, peer="uploader", fields=(), body=None, chunked=0):
        with self.connect(peer) as conn:
            return conn.request(method, target, fields, body, chunked)

    def curl(self, *args, peer="uploader", check=True):
        cert, key = self.files(peer)
        return subprocess.run(
            [
                "curl", "-sS", "--max-time", "60", "--cacert", self.env["TIMEGLAS_CA"], "--cert",
                cert, "--key", key, *args,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=check,
        )

    def sealed(self, size):
        """An age file with size bytes of content, made once."""
        if size not in self.sealed_cache:
            self.sealed_cache[size] = seal(self.env["TIMEGLAS_RECIPIENT"], os.urandom(size))
        return self.sealed_cache[size]

    def opened(self, sealed):
        return subprocess.run(
            ["age", "-d", "-i", self.env["TIMEGLAS_IDENTITY"]],
            input=sealed,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout

    @staticmethod
    def upload_fields(
        kind="liveness",
        issuer=None,
        session=None,
        ttl=None,
        to=None,
        content_digest=None,
        subject=None,
    ):
        named = (
            ("Kind", kind), ("Issuer", issuer), ("Session", session), ("Subject", subject),
            ("Ttl", ttl), ("To", to),
        )
        fields = [(f"Timeglas-{n}", str(v)) for n, v in named if v is not None]
        return fields + ([("Content-Digest", content_digest)] if content_digest else [])

    def upload_head(self, length=None, **fields):
        """The head of an upload of so many bytes; None: chunked."""
        framing = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", length)
        lines = [
            ("Host", f"{self.address[0]}:{self.address[1]}"),
            *self.upload_fields(**fields),
            framing,
        ]
        return (
            b"POST /v1/blobs HTTP/1.1\r\n"
            + "".join(f"{n}: {v}\r\n" for n, v in lines).encode()
            + b"\r\n"
        )

    def put(self, body, peer="uploader", chunked=0, **fields):
        return self.call("POST", "/v1/blobs", peer, self.upload_fields(**fields), body, chunked)

    def put_ok(self, body, **options):
        answer = self.put(body, **options)
        assert answer.status == 201, answer
        blob = answer.json()
        self.secrets.add(blob["blob"])
        return blob

    def take(self, blob, peer="verifier"):
        return self.call("POST", f"/v1/blobs/{blob}/take", peer)

    def claim(self, blob, peer="verifier", key=None, **members):
        return self.call(
            "POST",
            f"/v1/blobs/{blob}/claim",
            peer,
            [("Idempotency-Key", key)] if key else (),
            json.dumps(members).encode() if members else None,
        )

    def claim_ok(self, blob, peer="verifier", **options):
        answer = self.claim(blob, peer, **options)
        assert answer.status == 201, answer
        self.secrets.add(answer.json()["claim"])
        return answer.json()

    def read_claim(self, claim, peer="verifier", fields=(), method="GET"):
        return self.call(method, f"/v1/claims/{claim}", peer, fields)

    def ack(self, claim, outcome="ok", peer="verifier", key=None):
        return self.call(
            "POST",
            f"/v1/claims/{claim}/ack",
            peer,
            [("Idempotency-Key", key)] if key else (),
            json.dumps({"outcome": outcome}).encode(),
        )

    def stat(self, blob, peer="uploader"):
        return self.call("GET", f"/v1/blobs/{blob}", peer)

    def erase(self, blob, peer="uploader"):
        return self.call("DELETE", f"/v1/blobs/{blob}", peer)

    def session(self, peer="uploader", **members):
        answer = self.call(
            "POST", "/v1/sessions", peer, [("Content-Type", "application/json")],
            json.dumps(members).encode(),
        )
        assert answer.status == 201, answer
        session = answer.json()
        self.secrets.add(session["session"])
        return session

    def admin(self, path):
        """(status, text) of the admin plane."""
        try:
            with urllib.request.urlopen(
                self.env["TIMEGLAS_ADMIN_URL"] + path, timeout=10 * SLOW
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metric(self, name):
        """The value of one sample, by its full name with labels."""
        for line in self.admin("/metrics")[1].splitlines():
            if line.rsplit(" ", 1)[0] == name:
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no sample {name}")

    # Looking into its store ------------------------------------------------
    def redis(self, *args):
        out = (
            subprocess.run(
                ["redis-cli", "-s", self.env["TIMEGLAS_REDIS_SOCKET"], *args],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                check=True,
            )
            .stdout.decode("utf-8", "replace")
            .rstrip("\n")
        )
        assert not out.startswith(("ERR", "NOPERM", "NOAUTH", "WRONGTYPE")), out
        return out

    def dbsize(self):
        """Keys that are physically there, expired or not (SCAN would delete the expired ones that
        it meets)."""
        return int(self.redis("DBSIZE"))

    def store_lines(self):
        return set(self.redis("EVAL", EVERYTHING, "0").splitlines())

    def chunks(self, blob=None):
        """Keys of blob bytes; all, or those of one blob."""
        keys = self.redis("EVAL", HOLDS_BYTES, "0").splitlines()
        return [k for k in keys if k and (blob is None or blob in k)]

    # Looking at its processes ----------------------------------------------
    @staticmethod
    def children(pid):
        try:
            return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):  # it may end while it is read
            return []

    def descendants(self):
        found, todo = [], [self.proc.pid]
        while todo:
            more = self.children(todo.pop())
            found += more
            todo += more
        return found

    @staticmethod
    def title(pid):
        try:
            return (
                Path(f"/proc/{pid}/comm").read_text()
                + " "
                + Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            )
        except (FileNotFoundError, ProcessLookupError):  # it may end while it is read
            return ""

    def workers(self):
        return [
            pid
            for pid in self.children(self.proc.pid)
            if re.search(r"\bworker-\d", self.title(pid))
        ]

    @staticmethod
    def descriptors(pid):
        try:
            return len(os.listdir(f"/proc/{pid}/fd"))
        except (FileNotFoundError, ProcessLookupError):  # it may end while it is read
            return None

    def stderr(self):
        return self.err_path.read_text(errors="replace")

    def log_text(self):
        """The log: in DIR under --dev, on standard error otherwise."""
        path = self.dir / "d" / "timeglasd.log"
        return path.read_text() if path.exists() else self.stderr()

    def log(self):
        return [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]

    def evidence(self, event, count=1, **members):
        """The recorded events of that name with those members, oldest first, once there are count
        of them."""
        log = Path(self.env["TIMEGLAS_AUDIT_LOG"])

        def found():
            lines = [
                json.loads(line)
                for line in log.read_text().splitlines(keepends=True)
                if line.endswith("\n")
            ]
            hits = [
                r
                for r in lines
                if r.get("event") == event and all(r.get(k) == v for k, v in members.items())
            ]
            return hits if len(hits) >= count else None

        return wait_for(found, f"{count} of {event} {members} recorded", 5)

    # Stopping it -----------------------------------------------------------
    def close_connections(self):
        for conn in list(self.conns):
            conn.close()

    def check_descriptors(self):
        """Every worker that has lived from the start has no more descriptors than at the start."""
        self.close_connections()
        now = set(self.workers())
        for pid, count in self.baseline.items():
            if pid in now:
                wait_for(
                    lambda p=pid, c=count: (self.descriptors(p) or 0) <= c,
                    lambda p=pid, c=count: (
                        f"descriptors of worker {p} back to {c}: {self.fd_list(p)}"
                    ),
                    5,
                )

    @staticmethod
    def fd_list(pid):
        try:
            return [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except (FileNotFoundError, ProcessLookupError):  # it may end while it is read
            return []

    def stop(self, descriptors=True):
        if descriptors:
            self.check_descriptors()
        self.close_connections()
        family = self.descendants()
        self.proc.send_signal(signal.SIGTERM)
        try:
            status = self.proc.wait(10 * SLOW)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("SIGTERM did not end it:\n" + self.stderr()[-2000:]) from None
        self.check_gone(status, family)

    def check_gone(self, status, family):
        """What must be true once the master has exited. family: its descendants, as they were."""
        socket_dir = (
            Path(self.env["TIMEGLAS_REDIS_SOCKET"]).parent
            if "TIMEGLAS_REDIS_SOCKET" in self.env
            else None
        )
        try:
            self.exit_checked = True
            report = SANITIZER.search(self.stderr())
            assert not report, self.stderr()[max(0, report.start() - 200) : report.start() + 6000]
            assert status in self.ends_with, f"exit status {status}:\n{self.stderr()[-2000:]}"
            for pid in family:
                wait_for(
                    lambda p=pid: not self.alive(p), f"process {pid} ({self.title(pid)}) is gone", 5
                )
            assert socket_dir is None or not socket_dir.exists(), f"{socket_dir} is left over"
            assert not os.listdir(self.dir / "t"), f"left in TMPDIR: {os.listdir(self.dir / 't')}"
            self.check_evidence()
        finally:
            self.proc.stdout.close()
            shutil.rmtree(self.dir, ignore_errors=True)

    def check_evidence(self):
        """Whatever the test did: the log that it leaves contradicts itself in nothing that
        timeglas audit verify computes again. (It need not be whole: tests cut and edit it.)"""
        log = Path(self.env.get("TIMEGLAS_AUDIT_LOG", "/nonexistent"))
        if not log.exists() or not self.evidence_is_true:
            return
        done = subprocess.run(
            [str(BIN / "timeglas"), "audit", "verify", "--json", str(log)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60 * SLOW, check=False,
        )
        wrong = [
            f
            for f in json.loads(done.stdout or "{}").get("findings", [])
            if f["what"] in ("late", "early", "time", "mismatch", "reader")
        ]
        assert not wrong, wrong

    @staticmethod
    def alive(pid):
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def kill(self):
        """After a failure: end what this object started, by pid."""
        if self.exit_checked:
            return
        self.exit_checked = True
        family = self.descendants()
        self.proc.kill()
        self.proc.wait()
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if "TIMEGLAS_REDIS_SOCKET" in getattr(
            self, "env", {}
        ):  # who tidies it up was among the family
            shutil.rmtree(Path(self.env["TIMEGLAS_REDIS_SOCKET"]).parent, ignore_errors=True)
        self.proc.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)
