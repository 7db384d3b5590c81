"""Rounds of kill -9 under load, and what must hold after each and at the end (the verdict:
ledger.py).

A round: at a random moment one process is killed, sometimes two. From the moment at which it runs
again, everything that was due by then must be gone within a second; Redis must physically hold
nothing that is over; and each chunk must have an index entry that will see to its end."""
import random
import time
from collections import Counter

import evidence
from arena import Arena
from harness import SLOW, wait_for
from ledger import Ledger
from load import Load
from stalls import Stalls
from store_form import fields, key

RECEIPTS = 10  # so many of those that clients were given are held against the audit log
LIMIT_MS = 1000 * SLOW
READY_S = 20
STAGED_S = 30  # how long the index lets an upload stand whose worker died (docs/store.md)
WEIGHTS = {"reaper": 35, "worker": 30, "recorder": 20, "master": 15}


class Campaign:
    def __init__(self, rounds, seed, say, wait_leftovers=True, pause_s=1.2, **load):
        """pause_s: at most that long between rounds. wait_leftovers: at the end, for what killed
        workers had staged."""
        self.rounds, self.seed, self.say = rounds, seed, say
        self.wait_leftovers, self.pause_s, self.load_options = wait_leftovers, pause_s, load
        self.rng = random.Random(seed)
        self.ledger = Ledger()
        self.kills, self.restarts = Counter(), {}
        self.drained_ms, self.due_at_restart, self.steady_ms = [], [], 0
        self.order = []
        self.stalls = Stalls()

    def run(self):
        """Returns the summary, a dictionary; its "violations" must be empty."""
        begun = time.monotonic()
        self.arena = Arena()
        self.stalls.start()
        try:
            load = Load(
                self.ledger, self.arena.address, self.arena.contexts(), self.arena.recipient,
                self.seed, **self.load_options,
            )
            load.start()
            try:
                self.plan()
                for number, victims in enumerate(self.order, 1):
                    self.round(number, victims)
            finally:
                load.finish()
            self.settle()
            summary = self.verdict()
        finally:
            self.arena.kill()
            self.stalls.stop()
        summary["stalls"] = [to - start for start, to in self.stalls.found]
        summary["seconds"] = round(time.monotonic() - begun, 1)
        return summary

    def plan(self):
        """Each kind of victim in the first rounds, then at random; in every eighth round two."""
        kinds = list(WEIGHTS)
        first = kinds[:]
        self.rng.shuffle(first)
        while len(self.order) < self.rounds:
            victims = (
                [first.pop()] if first else self.rng.choices(kinds, [WEIGHTS[k] for k in kinds])
            )
            if not first and self.rng.random() < 0.125 and victims != ["master"]:
                victims.append(self.rng.choice([k for k in kinds if k not in ("master", *victims)]))
            self.order.append(victims)

    # A round ---------------------------------------------------------------
    def round(self, number, victims):
        self.look_for(self.rng.uniform(0.1, self.pause_s))
        told = []
        for kind in victims:
            took, look, restart_ms = self.strike(kind)
            told.append(
                f"{kind}, back after {took * 1000:.0f} ms, {look[1]} overdue then, "
                f"gone {self.drain(look, restart_ms)} ms later"
            )
        wait_for(
            self.arena.server.is_ready,
            lambda: "ready again\n" + self.arena.server.stderr()[-3000:],
            READY_S,
        )
        self.look_whole()
        self.say(f"round {number}: kill -9 {'; '.join(told)}")

    def strike(self, kind):
        if kind == "master":
            result = self.arena.kill_master(self.rng.uniform(0, 1.5))
        else:
            names = sorted(name for name in self.arena.processes() if name.startswith(kind))
            result = self.arena.kill_child(self.rng.choice(names))
        self.kills[kind] += 1
        self.restarts.setdefault(kind, []).append(result[0])
        return result

    def drain(self, look, at):
        """look: (store's ms, entries due, …) before the restart; at: the store's ms when it ran
        again. Waits until nothing that was due then is there any more; returns how many ms after
        the restart that was."""
        by, due, _ = look
        self.due_at_restart.append(due)
        if due == 0:
            return 0
        now, left, _ = self.arena.watch.overdue(by)
        while left and now - at <= 5 * LIMIT_MS:
            time.sleep(0.002)
            now, left, _ = self.arena.watch.overdue(by)
        if left or now - at > LIMIT_MS + self.stalled_ms((now - at) / 1000):
            self.ledger.violation(
                f"{left} of {due} overdue entries still there {now - at:.0f} ms after the restart"
            )
        self.drained_ms.append(round(now - at))
        return round(now - at)

    def stalled_ms(self, seconds):
        """How much of the last seconds the machine kept the test itself waiting."""
        return 1000 * self.stalls.since(time.monotonic() - seconds - 0.05)

    def look_whole(self):
        expired, due, _, orphans = self.arena.watch.whole()
        if expired > due:
            self.ledger.violation(
                f"Redis holds {expired} keys whose time is over, the index knows of {due}"
            )
        for orphan in orphans:
            self.ledger.violation(f"no index entry for the chunk {orphan}")

    def look_for(self, seconds):
        """Nothing is overdue for long while everything runs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            overdue = self.arena.watch.overdue()[2]
            self.steady_ms = max(self.steady_ms, overdue)
            if overdue > LIMIT_MS and overdue > LIMIT_MS + self.stalled_ms(overdue / 1000):
                self.ledger.violation(
                    f"an entry is overdue by {overdue:.0f} ms while every process runs"
                )
            time.sleep(0.05)

    # The end ---------------------------------------------------------------
    def leftovers(self):
        """What killed workers had staged, and sweeps for their late writes; they have no end but
        `aborted`."""
        now = time.time() * 1000
        index = {m: s for m, s in self.arena.watch.index().items() if not m.startswith("s:")}
        for member, score in index.items():
            if score > now + 60_000:
                self.ledger.violation(
                    f"{member} would stay for {(score - now) / 1000:.0f} s, and nobody uploads"
                )
        return index, {m for m in index if m.startswith("b:") and self.state(m) in ("staged", None)}

    def state(self, member):
        name = member.split("\t")[0]
        record = self.arena.watch.call("GET", key(member[2:4], "b:", name[2:]))
        return record and fields(record)["st"]

    def settle(self):
        """Everything that was live has ended; what is left is staged, and (if asked to) gone in the
        end."""
        wait_for(
            lambda: {m for m in self.leftovers()[0] if m.startswith("b:")} == self.leftovers()[1],
            "every visible blob has ended",
            20,
        )
        if self.wait_leftovers:
            self.say("waiting for what killed workers had staged")
            wait_for(
                lambda: not self.leftovers()[1] and self.arena.watch.whole()[2] == 0,
                lambda: f"nothing is left: {self.leftovers()}",
                STAGED_S + 10,
                0.2,
            )
        self.look_whole()

    def verdict(self):
        """Stops timeglasd, reads the evidence whole, and lets the ledger judge."""
        self.arena.stop()
        left = evidence.of_streams(self.arena.watch)
        if left:
            self.ledger.violation(
                f"{len(left)} events are still in the outbox after an orderly end"
            )
        events = evidence.of_file(self.arena.dir / "audit.log") + left
        receipts = (
            self.ledger.receipts[:: max(1, len(self.ledger.receipts) // RECEIPTS)]
            + self.ledger.receipts[-1:]
        )
        for receipt in [None, *receipts]:
            status, told = self.arena.audit_verify(receipt)
            if status != 0:
                self.ledger.violation(
                    f"timeglas audit verify, receipt {receipt}: exit status {status}:"
                    f" {told[-3000:]}"
                )
        summary = {
            "rounds": self.rounds,
            "seed": self.seed,
            "kills": dict(self.kills),
            "restarts": self.restarts,
            "drained_ms": max(self.drained_ms, default=0),
            "due_at_restart": sum(self.due_at_restart),
            "restarts_with_overdue": sum(n > 0 for n in self.due_at_restart),
            "steady_ms": self.steady_ms,
            "counts": dict(self.ledger.counts),
            "blobs_read": sum(bool(b.readers) for b in self.ledger.blobs.values()),
            "read_twice": sum(len(b.readers) > 1 for b in self.ledger.blobs.values()),
            "receipts": len(receipts),
            **self.ledger.judge(events),
        }
        summary["violations"] = self.ledger.violations
        return summary


def milliseconds(values):
    values = sorted(values)
    return f"median {values[len(values) // 2] * 1000:.0f}, most {values[-1] * 1000:.0f} ms"


def report(s):
    """The summary as text."""
    stalls = s["stalls"]
    lines = [
        (
            f"{s['rounds']} rounds with seed {s['seed']} in {s['seconds']} s; {s['events']} events"
            f" in the audit log, verified whole and against {s['receipts']} receipts"
        ),
        "",
        "kill -9 of      times  runs again after (the master: is ready)",
    ]
    for kind, took in sorted(s["restarts"].items()):
        lines.append(f"  {kind:<12} {s['kills'][kind]:>6}  {milliseconds(took)}")
    lines += [
        "",
        (
            f"overdue at a restart: {s['due_at_restart']} entries at"
            f" {s['restarts_with_overdue']} of {sum(s['kills'].values())} restarts; gone at the"
            f" latest {s['drained_ms']} ms after it"
        ),
        f"most overdue while every process ran: {s['steady_ms']:.0f} ms",
        f"latest end after a deadline, whoever was down meanwhile: {s['late_us'] / 1000:.0f} ms",
        (
            f"the machine kept the test itself waiting {len(stalls)} times, {sum(stalls):.1f} s in"
            f" all, {max(stalls, default=0):.1f} s at the longest: not counted against the second"
        ),
        "",
        (
            f"blobs stored: {s['stored']}, of which {s['unacknowledged']} without their uploader"
            " hearing of it"
        ),
        (
            "ends per blob:"
            f" {', '.join(f'{n} for {k}' for n, k in sorted(s['ends_per_blob'].items()))}"
        ),
        f"causes: {', '.join(f'{c} {n}' for c, n in s['causes'].most_common())}",
        f"blobs that somebody read: {s['blobs_read']}; read by two: {s['read_twice']}",
        "clients:",
    ]
    lines += [f"  {n:>7}  {what}" for what, n in sorted(s["counts"].items())]
    lines += ["", f"VIOLATIONS: {len(s['violations'])}"] + [f"  {v}" for v in s["violations"][:40]]
    return "\n".join(lines)
