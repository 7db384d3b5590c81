"""A verifier opens what it asked for, or nothing. Tried: blobs that somebody with access to Redis
exchanged; heads that are too old or of the future; and replays after the client has forgotten
what it received."""
import json
import os
import subprocess
import time

import pytest

import harness
from cli_server import serve
from harness import BIN, ROOT, SANITIZED, wait_for
from store_form import LUA
from cli_command import TIMEGLAS, environment
from test_cli_claims import acked, claimed, looked_at, outcome, part
from cli_client import (
    Sealed,
    command_env,
    home,
    keys,
    now,
    pki,
    run,
    sealed,
    strays,
    taken,
)  # noqa: F401  fixtures, too

CHUNK = 65_000
DAY_MS = 86_400_000
SLACK_MS = 300_000


@pytest.fixture(scope="module")
def server():
    """One whose store is lied to: its evidence tells of an exchanged blob in two shards, between
    which there is no order."""
    s = harness.Server(workers=2)
    s.evidence_is_true = False
    try:
        yield s
        s.stop()
    finally:
        s.kill()


# The thief's tools. Keys that name A are given the names that they would have if they were B's, and
# the other way round.
EXCHANGE_ALL = """
local a, b = ARGV[1], ARGV[2]
local function shard(id) return '{' .. string.sub(id, 1, 2) .. '}' end
local function renamed(key, from, to)
  local i, j = string.find(key, from, 1, true)
  key = string.sub(key, 1, i - 1) .. to .. string.sub(key, j + 1)
  i, j = string.find(key, shard(from), 1, true)
  return string.sub(key, 1, i - 1) .. shard(to) .. string.sub(key, j + 1)
end
local moved = {}
for from, to in pairs({ [a] = b, [b] = a }) do
  for _, key in ipairs(redis.call('KEYS', 'tg:*:[bc]:' .. from .. '*')) do
    moved[#moved + 1] = { renamed(key, from, to), redis.call('DUMP', key), redis.call('PTTL', key) }
    redis.call('DEL', key)
  end
end
for _, m in ipairs(moved) do redis.call('RESTORE', m[1], math.max(m[3], 0), m[2]) end
return #moved
"""
# Only the bytes: each record keeps its words, but tells the number of chunks, the size, and the
# digest of what is there now.
EXCHANGE_BYTES = LUA + """
local function blob(id)
  local shard = 'tg:{' .. string.sub(id, 1, 2) .. '}:'
  local record = redis.call('GET', shard .. 'b:' .. id)
  local private = string.match(record, '^[^\\n]*\\n([^\\n]*)\\n')
  local fields, bytes, head = public_fields(record), {}, head_of(shard .. 'b:' .. id)
  if head then
    bytes[1] = string.sub(record, head + 1)
  else
    for n = 0, tonumber(fields[FIELD.n]) - 1 do
      bytes[n + 1] = redis.call('GET', shard .. 'c:' .. id .. ':' .. n)
    end
  end
  return { record = shard .. 'b:' .. id, chunk = shard .. 'c:' .. id .. ':', fields = fields,
    bytes = bytes, private = private, head = head }
end
local a, b = blob(ARGV[1]), blob(ARGV[2])
for _, pair in ipairs({ { a, b }, { b, a } }) do
  local mine, other = pair[1], pair[2]
  local ttl = redis.call('PTTL', mine.record)
  for n = 0, #mine.bytes do redis.call('DEL', mine.chunk .. n) end
  local fields = { unpack(mine.fields) }
  for _, i in ipairs({ FIELD.n, FIELD.z, FIELD.p, FIELD.hd }) do fields[i] = other.fields[i] end
  local record = table.concat(fields, '\\t') .. '\\n' .. mine.private .. '\\n'
  if other.head then
    record = record .. string.rep(' ', other.head - #record) .. other.bytes[1]
  else
    for i, value in ipairs(other.bytes) do
      redis.call('SET', mine.chunk .. (i - 1), value, 'PX', ttl)
    end
  end
  redis.call('SET', mine.record, record, 'PX', ttl)
end
return #a.bytes + #b.bytes
"""


def timeglas(server, folder, peer, *args, ok=0, stdin=b""):
    env = {
        **environment(folder),
        **{k: v for k, v in server.env.items() if k.startswith("TIMEGLAS_")},
        "TMPDIR": str(folder),
        "TIMEGLAS_CERT": server.files(peer)[0],
        "TIMEGLAS_KEY": server.files(peer)[1],
        "XDG_STATE_HOME": str(folder / "state"),
    }
    done = subprocess.run(
        [TIMEGLAS, *map(str, args)], input=stdin, capture_output=True, timeout=120, cwd=folder,
        env=env,
    )
    assert done.returncode == ok, (done.returncode, done.stdout[:60], done.stderr.decode())
    return done


def put(server, folder, name, size, *labels):
    """(id, content) of a blob of this person."""
    content = (name.encode() + b"'s passport. ") * (size // 20 + 1)
    (folder / name).write_bytes(content[:size])
    blob = (
        timeglas(server, folder, "uploader", "put", "--kind", *(labels or ["liveness"]), name)
        .stdout.decode()
        .strip()
    )
    server.secrets.add(blob)
    return blob, content[:size]


def assert_exchanged(done, blob):
    assert (
        b"this is not the blob " + blob.encode() + b" that was asked for" in done.stderr
        and b"somebody exchanged it" in done.stderr
    )
    assert done.stdout == b""


@pytest.mark.parametrize("script", [EXCHANGE_ALL, EXCHANGE_BYTES], ids=["records", "bytes"])
@pytest.mark.parametrize(
    "sizes",
    [(4000, 4000), (4000, 9000), (3 * CHUNK, 3 * CHUNK), (3 * CHUNK, 5 * CHUNK), (4000, 3 * CHUNK)],
    ids=["one chunk", "one chunk, other size", "several", "several, other size", "one and several"],
)
@pytest.mark.parametrize("how", ["get", "take"])
def test_exchange_in_redis(server, tmp_path, how, sizes, script):
    """Goal: two people's blobs are exchanged by whoever can write to Redis. Nothing is released;
    after a get the uploader sees why."""
    (a, _), (b, _) = put(server, tmp_path, "anna", sizes[0]), put(server, tmp_path, "bo", sizes[1])
    before = sorted(os.listdir(tmp_path))
    assert int(server.redis("EVAL", script, "0", a, b)) >= 2
    for blob, target in ((a, ["-o", "out"]), (b, [])):
        assert_exchanged(
            timeglas(server, tmp_path, "verifier", how, blob, "--no-keep", *target, ok=4), blob
        )
        answer = server.stat(blob).json()
        assert answer["state"] == "gone" and answer["cause"] == "consumed"
        assert answer["outcome"] == ("mislabelled" if how == "get" else None)
        told = timeglas(server, tmp_path, "uploader", "stat", blob).stdout
        assert b"consumed" in told and (b"mislabelled" in told) == (how == "get")
    assert sorted(set(os.listdir(tmp_path)) - {"state"}) == before


def test_without_the_exchange_all_of_it_opens(server, tmp_path):
    """Goal: the same steps, but nobody exchanges anything."""
    for how in ("get", "take"):
        for size in (4000, 3 * CHUNK):
            blob, content = put(server, tmp_path, "anna", size)
            assert timeglas(server, tmp_path, "verifier", how, blob).stdout == content


def test_exchange_of_kinds_issuers_and_sessions(server, tmp_path):
    """Goal: what is demanded is demanded of the signed head, whatever the server says of the blob
    that was asked for."""
    session = server.session(subject="ab" * 32)["session"]
    blob, content = put(
        server, tmp_path, "anna", 4000, "passport", "--issuer", "SWE", "--session", session,
        "--subject", "ab" * 32,
    )
    for wrong in (
        ["--kind", "liveness"],
        ["--issuer", "DNK"],
        ["--session", "00" + "A" * 22],
        ["--subject", "cd" * 32],
    ):
        other = put(
            server, tmp_path, "anna", 4000, "passport", "--issuer", "SWE", "--session", session,
            "--subject", "ab" * 32,
        )[0]
        done = timeglas(server, tmp_path, "verifier", "get", other, "--no-keep", *wrong, ok=4)
        assert done.stdout == b"" and b"was demanded" in done.stderr
        assert server.stat(other).json()["outcome"] == "mislabelled"
    right = [
        "--kind", "passport", "--issuer", "SWE", "--session", session, "--subject", "ab" * 32,
        "--max-age", "1h",
    ]
    assert timeglas(server, tmp_path, "verifier", "get", blob, *right).stdout == content


def test_sealed_file_of_another_id_is_refused_offline(server, tmp_path):
    """Goal: open --id, for what came in another way; put --sealed --name binds what was sealed
    before."""
    (tmp_path / "in").write_bytes(b"content")
    o = json.loads(
        timeglas(
            server, tmp_path, "uploader", "seal", "--kind", "liveness", "-o", "s.age", "--json",
            "in",
        ).stdout
    )
    blob = (
        timeglas(
            server, tmp_path, "uploader", "put", "--kind", "liveness", "--sealed", "--name",
            o["name"], "s.age",
        )
        .stdout.decode()
        .strip()
    )
    server.secrets.add(blob)
    assert blob.endswith(o["name"])
    assert (
        timeglas(
            server, tmp_path, "uploader", "put", "--kind", "liveness", "--sealed", "--name",
            o["name"], "s.age",
        )
        .stdout.decode()
        .strip()
        == blob
    )
    other = "00" + "A" * 22
    assert (
        timeglas(server, tmp_path, "verifier", "open", "--id", blob, "s.age").stdout == b"content"
    )
    assert_exchanged(
        timeglas(server, tmp_path, "verifier", "open", "--id", other, "s.age", ok=4), other
    )
    assert timeglas(server, tmp_path, "verifier", "get", blob).stdout == b"content"


def test_sealed_file_without_its_name_is_told_at_both_ends(server, tmp_path):
    """Goal: who forgets --name hears it at once, and a reader does not hear of an attack alone; a
    wrong name is the user's mistake, told before anything is sent."""
    (tmp_path / "in").write_bytes(b"content")
    timeglas(server, tmp_path, "uploader", "seal", "--kind", "liveness", "-o", "s.age", "in")
    done = timeglas(server, tmp_path, "uploader", "put", "--kind", "liveness", "--sealed", "s.age")
    assert b"no --name: nothing binds this id" in done.stderr
    blob = done.stdout.decode().strip()
    server.secrets.add(blob)
    done = timeglas(server, tmp_path, "verifier", "get", blob, "--no-keep", ok=4)
    assert b"or it was stored without its name" in done.stderr
    for name in ("foo", "A" * 21 + "B", "A" * 23):
        done = timeglas(
            server, tmp_path, "uploader", "put", "--kind", "liveness", "--sealed", "--name", name,
            "s.age", ok=2,
        )
        assert b"22 characters that timeglas seal printed" in done.stderr
    for option, value in (("--kind", "Liveness"), ("--session", "a b")):
        done = timeglas(server, tmp_path, "verifier", "open", option, value, "s.age", ok=2)
        assert option.encode() + b" takes 1 to " in done.stderr


def test_second_get_of_a_claimed_blob_is_told_what_can_be_done(server, tmp_path):
    """Goal: the text names nothing that `get` does not have (an Idempotency-Key), and says until
    when."""
    blob, _ = put(server, tmp_path, "anna", 4000)
    timeglas(server, tmp_path, "verifier", "get", blob, "--max-size", "1000", ok=1)
    done = timeglas(server, tmp_path, "verifier", "get", blob, ok=1)
    assert (
        b"an earlier get with this certificate has claimed" in done.stderr
        and b"dempotency" not in done.stderr
    )
    assert b"another verifier" not in done.stderr


def test_raw_blob_says_that_nothing_binds_it(server, tmp_path):
    """Goal: a raw blob is refused unless it is asked for as such, and then with a note."""
    (tmp_path / "in").write_bytes(b"content")
    blobs = []
    for _ in range(2):
        done = timeglas(server, tmp_path, "uploader", "put", "--kind", "liveness", "--raw", "in")
        assert b"nothing binds this id" in done.stderr
        blobs.append(done.stdout.decode().strip())
        server.secrets.add(blobs[-1])
    done = timeglas(server, tmp_path, "verifier", "get", blobs[0], "--no-keep", ok=4)
    assert done.stdout == b"" and b"raw" in done.stderr
    done = timeglas(server, tmp_path, "verifier", "get", "--raw", blobs[1])
    assert done.stdout == b"content" and b"nothing says who sealed this" in done.stderr


# Age -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def seal_at(tmp_path_factory, keys):
    """seal_at(content, time_ms): a Sealed as of then."""
    program = tmp_path_factory.mktemp("seal_at") / "seal_at"
    flags = ["-fsanitize=address,undefined"] if SANITIZED else []
    subprocess.run(
        [
            "cc", "-std=gnu11", f"-I{ROOT}/include", *flags, "-o", program,
            ROOT / "tests/system/seal_at.c", BIN / "libtimeglas.a", "-lcurl", "-lssl", "-lcrypto",
            "-lsodium", "-ljansson",
        ],
        check=True,
    )

    def make(content, time_ms):
        done = subprocess.run(
            [
                program, keys["TIMEGLAS_SIGNING_KEY"], keys["TIMEGLAS_RECIPIENT"], "liveness",
                str(time_ms),
            ],
            input=content,
            capture_output=True,
            check=True,
        )
        body = Sealed(done.stdout)
        body.id = "00" + done.stderr.decode().strip()
        return body

    return make


def now_ms():
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    "age_ms, said",
    [
        (25 * 3_600_000, b"s ago"),
        (-DAY_MS, b"clocks is wrong"),
        (DAY_MS + SLACK_MS + 1000, b"s ago"),
        (-SLACK_MS - 20_000, b"clocks is wrong"),
    ],
    ids=["25 hours ago", "of tomorrow", "a second too old", "too far ahead"],
)
def test_old_heads_and_heads_of_the_future_are_refused(
    run, pki, keys, seal_at, tmp_path, age_ms, said
):
    """Goal: by get, take and open; get acks `rejected`."""
    body = seal_at(b"content", now_ms() - age_ms)
    with serve(pki, claimed(body), part(body), acked(body)) as server:
        done = run(server, "get", body.id, "--no-keep", env=keys, ok=4)
        assert done.stdout == b"" and said in done.stderr and outcome(server) == "rejected"
    with serve(pki, taken(body)) as server:
        assert run(server, "take", body.id, "--no-keep", env=keys, ok=4).stdout == b""
    assert run(None, "open", stdin=body, env=keys, url="x", ok=4).stdout == b""
    assert run(
        None, "open", "--max-age", "30d", stdin=body, env=keys, url="x", ok=4 if age_ms < 0 else 0
    ).stdout == (b"" if age_ms < 0 else b"content")


@pytest.mark.parametrize(
    "age_ms",
    [DAY_MS + SLACK_MS - 20_000, DAY_MS, -SLACK_MS + 20_000],
    ids=["20 s left", "of a day", "ahead"],
)
def test_lawful_heads_at_the_edges_open(run, pki, keys, seal_at, tmp_path, age_ms):
    """Goal: a blob of a day, read in its last second, through a clock that is five minutes off."""
    body = seal_at(b"content", now_ms() - age_ms)
    with serve(pki, taken(body)) as server:
        assert run(server, "take", body.id, env=keys, ok=0).stdout == b"content"


def test_max_age_only_tightens(run, pki, keys, seal_at, tmp_path):
    """Goal: get and take take no larger one, as the memory of replays would not be exact."""
    body = seal_at(b"content", now_ms() - 120_000)
    with serve(pki, taken(body)) as server:
        for too_much in ("2d", "86701"):
            run(server, "take", body.id, "--max-age", too_much, env=keys, ok=2)
        assert server.seen == []
        run(server, "take", body.id, "--no-keep", "--max-age", "1m", env=keys, ok=4)
        assert run(server, "take", body.id, "--max-age", "3m", env=keys, ok=0).stdout == b"content"


def test_replay_that_waits_until_its_memory_has_aged(run, pki, keys, seal_at, tmp_path, home):
    """Goal: received in the last seconds in which it is accepted, and served again: known at first,
    too old later, also where nobody remembers."""
    body = seal_at(b"content", now_ms() - DAY_MS - SLACK_MS + 4000)
    with serve(pki, taken(body)) as server:
        assert run(server, "take", body.id, env=keys, ok=0).stdout == b"content"
        again = run(server, "take", body.id, "--no-keep", "--max-age", "86700", env=keys, ok=4)
        assert again.stdout == b"" and (b"replay" in again.stderr or SANITIZED)
        wait_for(
            lambda: b"s ago" in run(server, "take", body.id, "--no-keep", env=keys, ok=4).stderr,
            "it is too old",
            every=0.3,
        )
        (home / "state/timeglas/received").unlink()
        assert b"s ago" in run(server, "take", body.id, "--no-keep", env=keys, ok=4).stderr


def test_replay_is_known_whatever_max_age_said(run, pki, keys, tmp_path):
    """Goal: who receives with --max-age 1m remembers for a day and 5 minutes all the same."""
    body = sealed(keys, tmp_path, b"content")
    with serve(pki, taken(body)) as server:
        run(server, "take", body.id, "--max-age", "1m", env=keys, ok=0)
        record = (tmp_path / "home/state/timeglas/received").read_bytes()[16:]
        until = int.from_bytes(record[:8], "little")
        assert len(record) == 40 and abs(until - now_ms() - DAY_MS - SLACK_MS) < 60_000
        assert b"replay" in run(server, "take", body.id, "--no-keep", env=keys, ok=4).stderr


# Senders -------------------------------------------------------------------


def test_keys_rotate_and_no_blob_is_lost(run, pki, keys, tmp_path, home):
    """Goal: several senders, named in a file and on the command line; the message and the JSON say
    which one signed."""
    new = (
        subprocess.run(
            [TIMEGLAS, "keygen", "--sign", "-o", home / "new"], capture_output=True, check=True
        )
        .stdout.decode()
        .strip()
    )
    old, first = keys["TIMEGLAS_SENDER"], sealed(keys, tmp_path, b"old key")
    second = sealed({**keys, "TIMEGLAS_SIGNING_KEY": home / "new"}, tmp_path, b"new key")
    (home / "senders").write_text(f"# who may send\nbackend {old}\n\nbackend-2027 {new}\n")
    env = {**keys, "TIMEGLAS_SENDER": home / "senders"}
    for body, name in ((first, b"backend"), (second, b"backend-2027")):
        with serve(pki, taken(body)) as server:
            assert b"signed by " + name + b"," in run(server, "take", body.id, env=env, ok=0).stderr
    both = ["--sender", old, "--sender", new]
    for body in (first, second):
        o = json.loads(
            run(
                None, "open", *both, "--json", "-o", "out", stdin=body, env=keys, url="x", ok=0
            ).stdout
        )
        assert o["head"]["sender_name"] == o["head"]["sender"] == (old if body is first else new)
    run(None, "open", "--sender", old, stdin=second, env=keys, url="x", ok=4)
    (home / "senders").write_text(f"backend {old}\nbackend {old[:-1]}\n")
    assert b"line 2" in run(None, "open", stdin=first, env=env, url="x", ok=2).stderr
    assert (
        b"neither a sender"
        in run(None, "open", "--sender", "nowhere", stdin=first, env=keys, url="x", ok=2).stderr
    )
    assert strays(tmp_path) == ["out"]
