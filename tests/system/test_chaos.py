"""kill -9 of every process under load: the short form of tests/chaos/run, and proof that its judges
can find fault."""
import sys
import time

import pytest

from harness import ROOT, let_pass

sys.path.insert(0, str(ROOT / "tests" / "chaos"))

from arena import start_redis  # noqa: E402
from campaign import Campaign, report  # noqa: E402
from evidence import Event  # noqa: E402
from ledger import Blob, Ledger  # noqa: E402
from watch import Redis  # noqa: E402


def test_six_kills_under_load():
    """Everything overdue is gone a second after each restart, nothing is delivered twice, every
    blob has one end."""
    lines = []
    summary = Campaign(6, 20261122, lines.append, wait_leftovers=False, pause_s=0.6, ttl_s=4).run()
    told = "\n".join(lines) + "\n" + report(summary)
    assert not summary["violations"], told
    assert sum(summary["kills"].values()) >= 6 and {
        "reaper",
        "worker",
        "recorder",
        "master",
    } <= set(summary["kills"]), told
    counts = summary["counts"]
    assert summary["stored"] >= counts["uploads acknowledged"] >= 50, told
    for what in ("takes whole", "claims read whole", "acks", "answer lost"):
        assert counts.get(what, 0) > 0, f"{what}:\n{told}"
    assert {"consumed", "expired", "lease-expired"} <= set(summary["causes"]), told


# What judges ---------------------------------------------------------------
REF = "ab" * 16


def account(*readers):
    """A ledger with one blob, and those who have read it: (peer, how, token, asked how long after
    the end)."""
    ledger = Ledger()
    blob = ledger.stored(Blob("00id", REF, 1000.0, "", 100))
    for peer, how, token, after in readers:
        ledger.first_byte(blob, peer, how, token, 1000.0 + after, 1000.0)
    return ledger


def event(name, n, cause="", by="", tag=REF):
    return Event(f"00-{n}-0", name, tag, cause, by, 1001.0, -1)


STORED, GONE = event("stored", 1), event("gone", 2, "consumed", "verifier")
TAKE = ("verifier", "take", None, -1)


@pytest.mark.parametrize(
    "readers, events, receipt, said",
    [
        ([TAKE], [STORED, GONE], ("consumed", "00-2-0"), None),
        (
            [("verifier", "claim", "t", -2), ("verifier", "claim", "t", -1)],
            [STORED, GONE],
            None,
            None,
        ),
        ([], [STORED, event("gone", 2, "expired")], None, None),
        ([TAKE, ("verifier2", "take", None, -1)], [STORED, GONE], None, "delivered 2 times"),
        ([TAKE, TAKE], [STORED, GONE], None, "delivered 2 times"),
        (
            [("verifier", "claim", "t", -2), ("verifier", "claim", "u", -1)],
            [STORED, GONE],
            None,
            "delivered 2 times",
        ),
        ([("verifier", "take", None, 0.01)], [STORED, GONE], None, "10 ms after its end"),
        ([TAKE], [STORED], None, "0 ends"),
        ([TAKE], [STORED, GONE, event("gone", 3, "expired")], None, "2 ends"),
        ([TAKE], [STORED, GONE, GONE], None, "stands 2 times"),
        ([TAKE], [STORED, STORED, GONE], None, "2 times stored"),
        ([TAKE], [GONE], None, "not in the evidence"),
        ([TAKE], [STORED, event("gone", 2, "expired")], None, "evidence says expired"),
        (
            [TAKE],
            [STORED, event("gone", 2, "consumed", "verifier2")],
            None,
            "consumed by 'verifier2'",
        ),
        ([TAKE], [STORED, GONE], ("consumed", "00-9-0"), "receipt says"),
        ([TAKE], [STORED, GONE, event("stored", 5, tag="cd")], None, "cd: 0 ends"),
        (
            [TAKE],
            [STORED, GONE, event("gone", 5, tag="cd")],
            None,
            "cd: an end without a beginning",
        ),
    ],
)
def test_verdict_names_what_is_wrong(readers, events, receipt, said):
    """A good account passes; each kind of fault is found."""
    ledger = account(*readers)
    if receipt:
        ledger.receipt({"blob": "00id", "cause": receipt[0], "event": receipt[1]})
    ledger.judge(events)
    if said is None:
        assert not ledger.violations
    else:
        assert any(said in v for v in ledger.violations), ledger.violations


def test_watch_sees_what_is_overdue_and_what_is_left(tmp_path):
    """An entry past its time, an expired key that Redis has not removed, a chunk that no entry
    answers for."""
    redis = start_redis(tmp_path, enable_debug_command="local")
    try:
        watch = Redis(str(tmp_path / "redis.sock"))
        watch.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        now, n, age = watch.overdue()
        assert abs(now - time.time() * 1000) < 1000 and (n, age) == (0, 0)
        watch.call(
            "ZADD", "tg:{07}:dl", now - 1500, "b:07gone", now + 60_000, "b:07live", now - 10,
            "s:07session",
        )
        assert watch.overdue()[1] == 2 and 1500 <= watch.overdue()[2] < 5000
        assert watch.overdue(now - 1000)[1] == 1
        assert watch.index()["b:07live"] == now + 60_000

        for key in ("tg:{07}:c:07live:0", "tg:{07}:c:07live:12", "tg:{07}:c:07gone:1"):
            watch.call("SET", key, "x")
        assert watch.whole()[0] == 0 and watch.whole()[2:] == (3, [])
        watch.call("SET", "tg:{07}:c:07other:0", "x")
        orphans = [o.split(" ")[0] for o in sorted(watch.whole()[3])]
        assert orphans == ["tg:{07}:c:07other:0"]

        watch.call("ZREMRANGEBYSCORE", "tg:{07}:dl", "-inf", now)
        watch.call("SET", "tg:{07}:c:07live:1", "x", "PX", 1)
        let_pass(0.01, "a key of a millisecond expires; to ask for it would delete it")
        assert watch.whole()[:2] == (1, 0), "counted before the look itself makes Redis delete it"
        watch.close()
    finally:
        redis.kill()
        redis.wait()
