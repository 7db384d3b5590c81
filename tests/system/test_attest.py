"""An external Redis must be volatile and must never evict. The server checks this itself, at start
and while it runs, and says what is wrong."""
import contextlib
import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from harness import BIN, SANITIZED, SLOW, let_pass, wait_for
from store_form import HOLDS_BYTES
from problems import check_problem
from redis_store import FIT

BARRED = ["--rename-command", "CONFIG", ""]
TOLD_S = 2 * SLOW


@pytest.fixture
def serve(store, launch):
    """serve(options for redis-server, more settings): a server in front of such a store."""

    def start(options, settings=(), env=None):
        external = store(*options, env=env)
        server = launch(workers=2, options=[("store.url", f"unix://{external.socket}"), *settings])
        server.env.pop("TIMEGLAS_REDIS_SOCKET")  # its folder is ours, and stays
        return server, external

    return start


def chunks(external):
    return set(external.cli("EVAL", HOLDS_BYTES, "0").splitlines()) - {""}


def refused(server, word):
    """Uploads and sessions are refused, and everybody is told why. Returns the problem."""
    problem = check_problem(server.put(server.sealed(300)), 503, "store-not-attested")
    assert word in problem["detail"], problem
    check_problem(server.put(server.sealed(200_000)), 503, "store-not-attested")
    check_problem(server.call("POST", "/v1/sessions"), 503, "store-not-attested")
    status, text = server.admin("/readyz")
    assert status == 503 and word in text, text
    wait_for(
        lambda: [
            e for e in server.log() if e["event"] == "store-not-attested" and word in e["detail"]
        ],
        "a line of it in the log",
        3,
    )
    assert server.metric("timeglas_store_attested") == 0
    return problem


@pytest.mark.parametrize(
    "options, word",
    [
        (["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"], "appendonly"),
        (
            ["--save", "3600 1", "--appendonly", "no", "--maxmemory-policy", "noeviction"],
            "snapshots",
        ),
        (
            [
                "--save", "", "--appendonly", "no", "--maxmemory", "100mb", "--maxmemory-policy",
                "volatile-lru",
            ],
            "noeviction",
        ),
        ([*FIT, "--repl-diskless-sync", "no"], "repl-diskless-sync"),
    ],
    ids=["aof", "rdb", "evicts", "sync-by-disk"],
)
def test_store_that_persists_or_evicts_gets_nothing(serve, options, word):
    """From the first request on."""
    server, external = serve(options)
    refused(server, word)
    assert not chunks(external), "nothing was written"


@pytest.mark.parametrize(
    "wrong, right, word",
    [
        (("appendonly", "yes"), ("appendonly", "no"), "appendonly"),
        (("save", "900 1"), ("save", ""), "snapshots"),
        (("maxmemory-policy", "allkeys-lru"), ("maxmemory-policy", "noeviction"), "noeviction"),
    ],
    ids=["aof", "rdb", "evicts"],
)
def test_store_changed_while_running(serve, wrong, right, word):
    """Somebody else turns it on: within two seconds uploads are refused, fetching and erasing go
    on, and it is well again when the store is."""
    server, external = serve(FIT)
    body = server.sealed(300)
    taken, erased = (server.put_ok(body)["blob"] for _ in range(2))
    assert server.admin("/readyz")[0] == 200 and server.metric("timeglas_store_attested") == 1
    assert external.cli("CONFIG", "SET", *wrong) == "OK"
    began = time.monotonic()
    wait_for(lambda: server.put(body).status == 503, "uploads are refused", 3)
    assert time.monotonic() - began < TOLD_S
    refused(server, word)
    assert server.take(taken).body == body
    assert server.erase(erased).status == 200
    assert external.cli("CONFIG", "SET", *right) == "OK"
    wait_for(lambda: server.put(body).status == 201, "uploads are taken again", 3)
    assert server.admin("/readyz")[0] == 200
    word_of = {"appendonly": "aof", "snapshots": "rdb", "noeviction": "evicts"}
    told = [
        e["event"] for e in server.log() if e["event"] in ("store-attested", "store-not-attested")
    ]
    assert told == ["store-attested", "store-not-attested", "store-attested"]
    told = [e["cause"] for e in server.evidence("attestation", 4)]
    told = [cause for cause in told if not cause.startswith("wiping-")]
    assert told == ["seen", word_of[word], "seen"], "each change stands in the evidence"


def test_upload_under_way_is_not_committed_to_a_store_that_changed(serve):
    """The head came in time; the content did not."""
    server, external = serve(FIT)
    body = server.sealed(600_000)
    with server.connect() as conn:
        conn.send(server.upload_head(len(body)) + body[:400_000])
        staged = wait_for(lambda: chunks(external), "the upload is under way")
        external.cli("CONFIG", "SET", "save", "900 1")
        wait_for(lambda: server.put(server.sealed(300)).status == 503, "uploads are refused", 3)
        conn.send(body[400_000:])
        check_problem(conn.response(), 503, "store-not-attested")
    wait_for(lambda: not chunks(external) & staged, "nothing of it is left", 3)


def test_snapshot_made_by_hand_is_noticed(serve):
    """BGSAVE changes no setting, but evidence has been on a disk."""
    server, external = serve(FIT)
    let_pass(1.1, "INFO has the time of the last snapshot, or of the start, in seconds")
    external.cli("SAVE")
    began = time.monotonic()
    wait_for(lambda: server.put(server.sealed(300)).status == 503, "uploads are refused", 3)
    assert time.monotonic() - began < TOLD_S
    refused(server, "snapshot")
    os.unlink(external.dir / "dump.rdb")


def test_barred_config_needs_somebody_who_vouches(serve):
    """Snapshots cannot be seen without CONFIG GET."""
    server, _ = serve(FIT + BARRED)
    refused(server, "store_attested_by")


def test_barred_config_with_somebody_who_vouches(serve):
    """Then uploads are taken; the name stands in /readyz, the log and the evidence. What INFO shows
    is believed before the name."""
    server, external = serve(FIT + BARRED, [("store.store_attested_by", "J. Auditor")])
    body = server.sealed(300)
    assert server.take(server.put_ok(body)["blob"]).body == body
    status, text = server.admin("/readyz")
    assert status == 200 and "J. Auditor" in text
    wait_for(
        lambda: [
            e for e in server.log() if e["event"] == "store-vouched" and "J. Auditor" in e["detail"]
        ],
        "a line of it in the log",
        3,
    )
    assert server.evidence("attestation", by="J. Auditor")


def test_vouching_does_not_outweigh_what_is_seen(serve):
    """An AOF shows in INFO."""
    server, _ = serve(
        ["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction", *BARRED],
        [("store.store_attested_by", "J. Auditor")],
    )
    refused(server, "appendonly")


def test_acl_that_bars_config_and_info(serve):
    """NOPERM is no knowledge; without INFO nothing can be vouched for."""
    user = ["--user", "default", "on", "nopass", "~*", "&*", "+@all"]
    server, external = serve(FIT + user, [("store.store_attested_by", "J. Auditor")])
    server.put_ok(server.sealed(300))
    external.cli("ACL", "SETUSER", "default", "-config", "-info")
    wait_for(lambda: server.put(server.sealed(300)).status == 503, "uploads are refused", 3)
    refused(server, "INFO")


def test_dead_reaper_attests_nothing_and_is_replaced(serve):
    """Stopped, not killed: nobody looks, so after three seconds nothing new is stored. Killed, by
    whoever comes first: its successor looks at once."""
    server, _ = serve(FIT)
    (reaper,) = (pid for pid in server.children(server.proc.pid) if "reaper" in server.title(pid))
    body = server.sealed(300)
    os.kill(reaper, 19)
    try:
        answer = wait_for(
            lambda: (a := server.put(body)).status == 503 and a, "what was seen is stale", 5
        )
        check_problem(answer, 503, "store-not-attested")
    finally:
        with contextlib.suppress(
            ProcessLookupError
        ):  # the master replaces who does nothing for three seconds
            os.kill(reaper, 9)
    wait_for(lambda: server.put(body).status == 201, "the next reaper has looked", 5)


def test_the_rights_that_the_operations_guide_names_suffice(store, launch):
    """What docs/operations.md writes for the user of timeglasd: with that, every call works and
    nothing is refused behind anybody's back."""
    guide = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    text = " ".join(guide.split()).split("The user of timeglasd needs", 1)[1].split(";", 1)[0]
    rights = " ".join(re.findall(r"`([^`]*)`", text)).split()
    external = store(*FIT)
    assert "~tg:*" in rights and "+@write" in rights
    assert external.cli("ACL", "SETUSER", "default", "reset", "on", "nopass", *rights) == "OK"
    server = launch(workers=2, options=[("store.url", f"unix://{external.socket}")])
    server.env.pop("TIMEGLAS_REDIS_SOCKET")
    for size in (300, 200_000, 1_000_000):
        body = server.sealed(size)
        assert server.take(server.put_ok(body)["blob"]).body == body
        claim = server.claim_ok(server.put_ok(body)["blob"])["claim"]
        assert server.read_claim(claim).body == body and server.ack(claim).status == 200
        assert server.erase(server.put_ok(body)["blob"]).status == 200
    session = server.session()["session"]
    assert (
        server.put(server.sealed(300), kind="passport", issuer="DNK", session=session).status == 201
    )
    assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
    server.evidence("session-end")
    assert not [e for e in server.log() if "NOPERM" in str(e)]


def test_store_queue_is_nothing_while_there_is_no_store(serve):
    """The gauge of what waits for the store does not keep its last value through an outage."""
    server, external = serve(FIT)
    gauge = "timeglas_store_queue_bytes"
    external.proc.send_signal(signal.SIGSTOP)
    conns = [server.connect() for _ in range(4)]
    for conn in conns:
        conn.sock.settimeout(1)
        body = server.sealed(900_000)
        try:
            conn.sock.sendall(server.upload_head(len(body)) + body)
        except TimeoutError:
            pass
    wait_for(lambda: server.metric(gauge) > 0, "uploads wait for the store", 4)
    external.proc.kill()
    external.proc.wait()
    wait_for(lambda: server.metric(gauge) == 0, "nothing waits for a store that is not there", 4)
    external.start()
    wait_for(lambda: server.put(server.sealed(300)).status == 201, "service is back", 6)
    wait_for(lambda: server.metric(gauge) == 0, "what is stored now is written", 4)


EVERYTHING_BUT = ["SET", "XADD", "UNLINK", "ZREM"]
ALSO_EVERYTHING_BUT = [
    "XDEL", "GETDEL", "GETRANGE", "PEXPIREAT", "XTRIM", "XREAD", "ZADD", "HSET", "STRLEN", "MULTI",
    "SUBSCRIBE", "PUBLISH", "DEL",
]


@pytest.mark.parametrize(
    "command",
    [*EVERYTHING_BUT, *(pytest.param(c, marks=pytest.mark.long) for c in ALSO_EVERYTHING_BUT)],
)
def test_command_denied_from_the_start(serve, command):
    """The store's user may do everything but this: nothing is stored or handed out, and everybody
    is told which command it is."""
    user = ["--user", "default", "on", "nopass", "~*", "&*", "+@all", f"-{command.lower()}"]
    server, external = serve(FIT + user)
    problem = refused(server, command)
    assert "docs/operations.md" in problem["detail"]
    assert not chunks(external), "nothing was written"


@pytest.mark.parametrize(
    "commands",
    [
        ("XADD", "UNLINK"),
        pytest.param(("SET", "ZREM", *ALSO_EVERYTHING_BUT), marks=pytest.mark.long),
    ],
    ids=["two", "others"],
)
def test_command_denied_while_blobs_live(serve, commands):
    """Within two seconds nothing is stored or handed out. When the right is back, what was held is
    handed out, or ends, each blob with one event of its end."""
    server, external = serve(FIT + ["--user", "default", "on", "nopass", "~*", "&*", "+@all"])
    small, large = server.sealed(300), server.sealed(200_000)
    for command in commands:
        session = server.session()["session"]
        blobs = {
            "taken": server.put_ok(small),
            "claimed": server.put_ok(large),
            "erased": server.put_ok(large),
            "due": server.put_ok(small, ttl=1),
            "bound": server.put_ok(large, kind="passport", issuer="DNK", session=session),
        }
        assert external.cli("ACL", "SETUSER", "default", f"-{command.lower()}") == "OK"
        # At once, before anybody has noticed: each call either is carried out or changes nothing
        # that could not be ended later.
        answers = {
            "taken": server.take(blobs["taken"]["blob"]).status,
            "erased": server.erase(blobs["erased"]["blob"]).status,
            "closed": server.call("DELETE", f"/v1/sessions/{session}").status,
        }
        assert set(answers.values()) <= {200, 410, 503}, (command, answers)
        wait_for(
            lambda: server.admin("/readyz")[0] == 503 and command in server.admin("/readyz")[1],
            f"{command} is missed",
            3,
        )
        refused(server, command)
        check_problem(
            server.call("POST", f"/v1/blobs/{blobs['claimed']['blob']}/claim", "verifier"),
            503,
            "store-not-attested",
        )
        let_pass(0.6, "the reaper meets what is due, again and again")
        assert external.cli("ACL", "SETUSER", "default", f"+{command.lower()}") == "OK"
        wait_for(lambda: server.admin("/readyz")[0] == 200, "it is well again", 5)
        for name, done in (("taken", server.take), ("erased", server.erase)):
            assert done(blobs[name]["blob"]).status in (200, 410), (command, name)
        assert server.ack(server.claim_ok(blobs["claimed"]["blob"])["claim"]).status == 200
        assert server.call("DELETE", f"/v1/sessions/{session}").status == 200
        wait_for(lambda: not chunks(external), f"without {command} nothing was left for ever", 10)
        for name, blob in blobs.items():
            ends = server.evidence("gone", tag=blob["tag"])
            assert len(ends) == 1, (command, name, ends)


def test_a_store_of_another_version_is_left_alone(serve):
    """Two versions would not understand each other's records: a server that finds another one's
    library stores nothing and changes nothing, and says what to do. When the store is empty it goes
    on."""
    server, external = serve(FIT)
    other = "#!lua name=timeglas_1\nredis.register_function('tg1_time', function() return '0' end)"
    assert external.cli("FUNCTION", "DELETE", "timeglas_2") == "OK"
    assert external.cli("FUNCTION", "LOAD", other) == "timeglas_1"
    external.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    external.cli("CLIENT", "KILL", "TYPE", "pubsub")
    wait_for(
        lambda: [e for e in server.log() if "another version of timeglas" in e.get("detail", "")],
        "it is told",
        5,
    )
    assert server.put(server.sealed(300)).status == 503
    assert "timeglas_2" not in external.cli("FUNCTION", "LIST")
    assert external.cli("FLUSHALL") == external.cli("FUNCTION", "FLUSH") == "OK"
    wait_for(lambda: server.put(server.sealed(300)).status == 201, "it goes on", 10)


LIBRARY = BIN / "libtimeglas-wipe.so"
WIPES = pytest.mark.skipif(SANITIZED, reason="a sanitizer's build has another allocator")


def wiped(server):
    """What /metrics and /readyz say, which must agree."""
    told = json.loads(server.admin("/readyz")[1])["wiped"]
    assert told["server"] == "yes"
    assert {"yes": 1, "no": 0, "unknown": -1}[told["store"]] == server.metric(
        "timeglas_memory_wiped"
    )
    return told["store"]


@WIPES
@pytest.mark.parametrize(
    "environment, answer, words",
    [
        ({"LD_PRELOAD": str(LIBRARY)}, "yes", "overwrites what it frees, moves and leaves"),
        ({"MALLOC_CONF": "junk:true"}, "no", "when it is freed only"),
        ({}, "no", "does not overwrite"),
    ],
    ids=["library", "junk", "nothing"],
)
def test_wiping_of_an_external_store_is_told(serve, environment, answer, words):
    """By its allocator's own words. It is preferred, so uploads are taken all the same."""
    server, _ = serve(FIT, env=dict(os.environ, **environment))
    assert wiped(server) == answer
    level = "info" if answer == "yes" else "warn"
    lines = [e for e in server.log() if e["event"] == "wipe"]
    assert [e["level"] for e in lines] == [level] and words in lines[0]["detail"], lines
    server.put_ok(server.sealed(300), subject="ab" * 32)
    erased = server.call("DELETE", "/v1/subjects/" + "ab" * 32).json()
    assert erased["count"] == 1
    assert erased["method"] == ("overwrite" if answer == "yes" else "delete")


@WIPES
def test_store_that_does_not_say_whether_it_wipes(serve):
    """MEMORY is denied to its user: unknown, which is neither yes nor no; and the rest works."""
    server, external = serve(FIT)
    assert wiped(server) == "no"
    assert external.cli("ACL", "SETUSER", "default", "-memory") == "OK"
    assert external.cli("CLIENT", "KILL", "TYPE", "normal") != ""
    wait_for(lambda: server.metric("timeglas_memory_wiped") == -1, "it is asked again", 10)
    wait_for(lambda: server.admin("/readyz")[0] == 200, "ready again", 10)
    assert wiped(server) == "unknown"
    server.put_ok(server.sealed(300))


@WIPES
def test_wiping_that_is_required(serve):
    """Without it nothing new is stored, with a problem of its own; fetching goes on, and a store
    with the library in its place is served at once."""
    server, external = serve(FIT, [("store.store_wipe", "required")])
    for answer in (
        server.put(server.sealed(300)),
        server.put(server.sealed(600_000)),
        server.call("POST", "/v1/sessions"),
    ):
        problem = check_problem(answer, 503, "store-not-wiping")
        assert "libtimeglas-wipe.so" in problem["detail"]
        assert int(answer.all("Retry-After")[0]) > 0
    status, text = server.admin("/readyz")
    assert status == 503 and "uploads are refused: the store does not overwrite" in text
    external.env = dict(os.environ, LD_PRELOAD=str(LIBRARY))
    external.restart()
    wait_for(lambda: server.put(server.sealed(300)).status == 201, "uploads are taken", 10)
    assert wiped(server) == "yes"
    wait_for(lambda: server.admin("/readyz")[0] == 200, lambda: server.admin("/readyz")[1], 5)
    server.evidence("attestation", cause="wiping-yes")
    told = [e["cause"] for e in server.evidence("attestation")]
    wiping = [cause for cause in told if cause.startswith("wiping-")]
    assert wiping == ["wiping-no", "wiping-yes"], "each change stands in the evidence"


def test_wiping_that_is_not_asked(serve):
    """off: neither a question nor a warning."""
    server, external = serve(FIT, [("store.store_wipe", "off")])
    server.put_ok(server.sealed(300))
    assert json.loads(server.admin("/readyz")[1])["wiped"]["store"] == "unknown"
    assert server.metric("timeglas_memory_wiped") == -1
    told = [e for e in server.log() if e["event"] == "wipe"]
    assert not [e for e in told if e["process"] == "reaper"], "of the store"
    assert "cmdstat_memory" not in external.cli("INFO", "commandstats")
