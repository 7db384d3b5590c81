"""What the evidence says of each blob, from the file and from what still stands in the outbox
streams."""
import json
from dataclasses import dataclass
from datetime import datetime

SHARDS = 64


@dataclass(frozen=True)
class Event:
    id: str  # "NN-<stream id>"
    name: str  # stored, claimed, taking, gone, aborted, …
    tag: str
    cause: str
    by: str
    at: float  # Unix seconds
    late_us: int  # -1: no deadline ended it


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def of_stream(shard, stream_id, words):
    words = words[1].split("\t")  # one field: names and values in turn
    f = dict(zip(words[::2], words[1::2]))
    return Event(
        f"{shard:02x}-{stream_id}", f["e"], f.get("d", "-").split(" ")[0], f.get("c", ""),
        f.get("w", ""), int(f["at"]) / 1000, int(f.get("late") or -1),
    )


def of_streams(redis):
    """Events that nobody has drained yet."""
    return [
        of_stream(shard, stream_id, words)
        for shard in range(SHARDS)
        for stream_id, words in redis.call("XRANGE", f"tg:{{{shard:02x}}}:out", "-", "+")
    ]


def of_file(path):
    """Every event in the audit log, as often as it stands there."""
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [
        Event(
            r["id"], r["event"], r.get("tag", "-"), r.get("cause", ""), r.get("by", ""),
            moment(r["time"]), r.get("late_us", -1),
        )
        for r in lines
        if "id" in r
    ]
