"""Attacks by what a server gives as the proof of an end. Importing this module puts them into the
table. The end itself has happened, so its receipt is printed; no proof is kept."""
from hostile_table import SUBJECT_ERASE, attack
from hostile_wire import END

RM = ["rm", "{id}", "--proof", "out", "--timeout", "2"]
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
PASSED = "the blob is erased; there is no proof"


def lies(name, what, proof, says, exits=5, receipt=None, command=RM, done=PASSED,
    check=None,
):
    """proof: (world, wire) -> the text, or None when it has answered by itself. receipt: what the
    answer to rm says otherwise than an honest one."""

    def respond(server, wire, req):
        if req.step == "rm" and receipt is not None:
            wire.json(200, server.honest.receipt(**{"cause": "erased", **receipt}))
            return True
        if req.step == "subject erase" and receipt is not None:
            wire.json(200, server.honest.erased(**receipt))
            return True
        if req.step != "proof":
            return None
        said = proof(server.world, wire)
        if isinstance(said, bytes):
            wire.answer(200, said, TEXT)
        return END if said is END else True

    attack(
        f"proof-{name}", what, command, exits, respond, says=f"{done}: {says}", printed=True,
        peer="UPLOADER", check=check,
    )


def true(name):
    return lambda world, wire: world.log.proof_of(name)


def with_line(n, change):
    def act(world, wire):
        lines = world.log.proof_of("right").split(b"\n")
        lines[n] = change(lines[n])
        return b"\n".join(lines)

    return act


lies("other-event", "proves another blob's end", true("other"), "the proof is of another event")
lies(
    "other-blob", "says in the receipt, too, that another blob's end was this one's", true("other"),
    "the proof is of another blob", receipt={"event": "00-2-1"},
)
lies(
    "older", "proves an older end under the same id", true("older"), "the proof is of another event"
)
lies(
    "older-told", "tells an older end under the same id as this one, and proves it", true("older"),
    "the log recorded another cause (consumed) than the receipt tells (erased)",
    receipt={"event": "00-0-9"},
)
lies(
    "other-cause", "tells a cause that the log does not have", true("right"),
    "the log recorded another cause (erased) than the receipt tells (expired)",
    receipt={"cause": "expired"},
)
lies(
    "other-outcome", "tells an outcome that the log does not have", true("right"),
    "the log recorded another outcome", receipt={"outcome": "ok"},
)
lies(
    "other-time", "tells another time of erasure than the log", true("right"),
    "the log recorded another time of erasure", receipt={"erased_at": "2026-11-22T11:00:00.123Z"},
)
lies(
    "of-no-end", "proves that the blob was stored", true("stored"), "the proof is of no end",
    receipt={"event": "00-1-0"},
)
lies(
    "other-key", "proves it by a log of its own", lambda w, _: w.stranger_log.proof_of("right"),
    "none of the given keys has signed",
)
lies(
    "other-log", "proves it by a log of another name, signed by the true key's owner",
    lambda w, _: w.log.proof_of("right").replace(b"timeglas/hostile", b"timeglas/hostilf"),
    "none of the given keys has signed",
)
lies(
    "of-the-server-key", "has a signature of which a byte is wrong",
    with_line(-2, lambda line: line[:-6] + bytes([line[-6] ^ 1]) + line[-5:]),
    "the signature of its checkpoint is wrong",
)
lies(
    "other-record", "changes the record", with_line(1, lambda x: x[:40] + b"A" + x[41:]),
    "its record does not stand in the log",
)
lies(
    "cut", "cuts the proof off", lambda w, _: w.log.proof_of("right")[:-80],
    "the checkpoint in it has not the form",
)
lies("empty", "gives an empty proof", lambda w, _: b"", "this has not the form of a proof")
lies(
    "nul", "puts a NUL into the proof", with_line(2, lambda x: x + b"\0"),
    "this has not the form of a proof",
)
lies(
    "pending", "says for ever that there is no checkpoint yet",
    lambda w, wire: wire.answer(202, b"later\n", {**TEXT, "Retry-After": "1"}),
    "no checkpoint of the log covers the event yet", 6,
)
lies(
    "pending-fast", "says so, and to ask again at once",
    lambda w, wire: wire.answer(202, b"later\n", {**TEXT, "Retry-After": "0"}),
    "no checkpoint of the log covers the event yet", 6,
    check=lambda s: "asked too often" if s.count["proof"] > 15 else None,
)
lies(
    "pending-long", "says so, and to ask again in a year",
    lambda w, wire: wire.answer(202, b"later\n", {**TEXT, "Retry-After": "31536000"}),
    "no checkpoint of the log covers the event yet", 6,
)
lies(
    "large", "gives a proof of 5 MiB", lambda w, _: b"c2sp.org/tlog-proof@v1\n" + b"x" * (5 << 20),
    "the server's answer is not one that this client accepts: it is larger", 3,
)
lies(
    "large-pending", "says with 5 MiB that there is none yet",
    lambda w, wire: wire.answer(202, b"x" * (5 << 20), TEXT),
    "the server's answer is not one that this client accepts: it is larger", 3,
)
lies(
    "html", "gives a page instead of a proof",
    lambda w, wire: wire.answer(
        200, b"<html>Welcome</html>", {"Content-Type": "text/html; charset=utf-8"}
    ),
    "the server's answer is not one that this client accepts: it is not the text of a proof", 3,
)
lies(
    "html-as-text", "gives a page, and calls it text", lambda w, _: b"<html>\x1b[2J</html>",
    "this has not the form of a proof",
)
lies(
    "unknown", "does not know the event", lambda w, wire: wire.problem(404, title="not found"),
    "refused (404)", 1,
)
lies(
    "broken", "hangs up in the middle of the proof",
    lambda w, wire: wire.answer(200, w.log.proof_of("right")[:200], TEXT, length=900) or END,
    "the answer was broken off", 3,
)
lies(
    "event-path", "names an event that leads to another folder", true("right"),
    "not the id of an event", receipt={"event": "-..-x"},
)

ERASE = [*SUBJECT_ERASE[:-1], "2", "--certificate", "certificate", "--proof", "folder"]
lies(
    "other-person", "proves that another person's evidence was erased", true("other-erased"),
    "the proof is of another person's evidence", receipt={"event": "00-3-2"}, command=ERASE,
    done="it is erased; there is no proof",
)
lies(
    "other-count", "tells of fewer blobs than the log", true("erased"),
    "the log recorded the erasure otherwise than it was answered",
    receipt={"count": 0, "receipts": []}, command=ERASE, done="it is erased; there is no proof",
)
lies(
    "other-method", "tells another method than the log", true("erased"),
    "the log recorded the erasure otherwise than it was answered", receipt={"method": "delete"},
    command=ERASE, done="it is erased; there is no proof",
)
