"""Goal: the drawings of the state machines in docs/states show what the tables of transitions in C
say: each state, each change of state, each event that makes it, and nothing else."""
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"
ROW = re.compile(r"^\tX\((\w+), (\w+), (\w+)\)", re.M)
DRAWINGS = sorted((TOP / "docs/states").glob("*.dot"))


def source_of(drawing):
    """The file in C that holds the table, as the drawing's first line names it."""
    return re.match(r"// Made from (\S+) by", drawing.read_text()).group(1)


def table(path):
    """{(from, to): {events}} of all that changes the state, and all states."""
    changes, states = {}, set()
    for start, event, end in ROW.findall((TOP / path).read_text()):
        start, event, end = (name.lower().replace("_", "-") for name in (start, event, end))
        states |= {start, end}
        if start != end:
            changes.setdefault((start, end), set()).add(event)
    return changes, states


def drawn(svg):
    """The same of a picture."""
    changes, states = {}, set()
    for group in ElementTree.fromstring(svg.read_text()).iter(f"{SVG}g"):
        title = group.findtext(f"{SVG}title")
        if group.get("class") == "node":
            states.add(title)
        elif group.get("class") == "edge":
            start, end = title.split("->")
            changes[start, end] = {text.text for text in group.iter(f"{SVG}text")}
    return changes, states


def test_there_is_a_drawing_of_the_recorder():
    assert "recorder" in [path.stem for path in DRAWINGS]


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.stem)
def test_dot_is_made_of_the_table(drawing):
    made = subprocess.run(
        [sys.executable, "tools/states.py", source_of(drawing)],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
    )
    assert drawing.read_text() == made.stdout, "tools/states.py tells how it is made anew"


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.stem)
def test_picture_shows_the_table_and_nothing_else(drawing):
    changes, states = table(source_of(drawing))
    assert len(changes) > 5 and len(states) > 4, "the table was read"
    assert drawn(drawing.with_suffix(".svg")) == (changes, states)
