"""Goal: docs/memory.md speaks of sizes and decisions that exist, with the values that they have;
and nothing of the buffer policy is without a user."""
import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
HEADER = (TOP / "server/net/buffer_policy.h").read_text()
DOC = (TOP / "docs/memory.md").read_text()
OWN = (TOP / "server/net/buffer_policy.c").read_text()
SIZES = dict(re.findall(r"^#define (BUFFER_\w+) (.+)$", HEADER, re.M))
FUNCTIONS = set(re.findall(r"^\w+ (buffer_policy_\w+)\(", HEADER, re.M))
SOURCES = [p.read_text() for p in (TOP / "server").glob("*/*.[ch]") if p.stem != "buffer_policy"]


def value(name):
    text = re.sub(r"\(size_t\)|u\b", "", SIZES[name])
    text = re.sub(r"BUFFER_\w+", lambda found: str(value(found[0])), text)
    assert re.fullmatch(r"[0-9 ()*/-]+", text), text
    return eval(text.replace("/", "//"))  # digits and operators alone


def test_what_the_document_names_exists():
    named = set(re.findall(r"\bBUFFER_[A-Z_]+\b", DOC)), set(re.findall(r"buffer_policy_\w+", DOC))
    assert len(named[0]) > 12 and len(named[1]) > 5
    assert named[0] <= set(SIZES)
    assert named[1] - {"buffer_policy"} <= FUNCTIONS


@pytest.mark.parametrize("line", [row for row in DOC.splitlines() if row.startswith("|")])
def test_a_row_tells_the_size_that_the_header_has(line):
    """A row with one name: one of the sizes that it tells is that name's."""
    names = set(re.findall(r"\bBUFFER_[A-Z_]+_BYTES\b", line))
    told = {
        float(number) * {"KiB": 1024, "MiB": 1 << 20}[unit]
        for number, unit in re.findall(r"([0-9.]+) (KiB|MiB)", line)
    }
    for name in names:
        # a few bytes less than a power of two: a head of libevent's, or of a record's
        assert any(size - 128 <= value(name) <= size for size in told), (name, value(name), told)


@pytest.mark.parametrize("name", sorted(SIZES) + sorted(FUNCTIONS))
def test_each_has_a_user(name):
    users = SOURCES if name in FUNCTIONS else [*SOURCES, OWN]
    assert any(re.search(rf"\b{name}\b", text) for text in users)
