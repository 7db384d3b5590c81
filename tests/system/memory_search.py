"""Looks for byte strings in the memory of processes, as whoever owns the machine could
(memory_search.c does the reading).

A process that cannot be read, or of which next to nothing was read, is an error, never "not found".
"""
import subprocess
from pathlib import Path

MARKER = 16
LEAST_BYTES = 1 << 20  # less than this is not a process of ours with its libraries


class Unreadable(Exception):
    """The search says nothing."""


def build(folder):
    """The helper, compiled into a folder."""
    program = Path(folder) / "memory_search"
    subprocess.run(
        [
            "cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program,
            Path(__file__).with_suffix(".c"),
        ],
        check=True,
    )
    return program


def markers(body):
    """Pieces of 16 bytes of a sealed body: its head, its middle, its tail, and up to 600 more at
    even distances, so that no remaining kilobyte hides between them. The head is age's MAC line:
    what stands before may look the same in two blobs."""
    first = body.index(b"\n--- ") + 5
    step = max(64, (len(body) - first) // 600)
    places = {first, len(body) // 2, len(body) - MARKER, *range(first, len(body) - MARKER, step)}
    return [body[at : at + MARKER] for at in sorted(places)]


def search(program, pids, wanted):
    """{pid: {marker: (how often, where the first one is)}} for every process, empty for one that
    holds none of them."""
    out = subprocess.run(
        [program, *map(str, pids)], input=b"".join(wanted), capture_output=True, check=False
    )
    if out.returncode != 0:
        raise Unreadable(out.stderr.decode())
    found, read = {pid: {} for pid in pids}, {}
    for line in out.stdout.decode().splitlines():
        pid, index, value, *place = line.split(" ", 3)
        if index == "read":
            read[int(pid)] = int(value)
        else:
            found[int(pid)][wanted[int(index)]] = (int(value), place[0])
    for pid in pids:
        if read.get(pid, 0) < LEAST_BYTES:
            raise Unreadable(f"process {pid}: {read.get(pid, 0)} bytes could be read")
    return found
