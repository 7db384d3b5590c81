"""Goal: what a page says of the tree is true of it: links lead to a page and a heading that are
there, each decision has a record of the agreed form and a row in the index, and the files and
functions that architecture.md sends a reader to exist."""
import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PAGES = sorted(TOP.glob("*.md")) + sorted((TOP / "docs").rglob("*.md"))
RECORDS = sorted((TOP / "docs/decisions").glob("*.md"))
INDEX = TOP / "docs/decisions.md"


def prose(page):
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)


def anchors(page):
    """The fragments by which a forge names the headings of a page."""
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", prose(page), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(TOP)))
def test_each_link_leads_to_a_page_and_a_heading_that_are_there(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if fragment and there.suffix == ".md":
            assert fragment in anchors(there), target


def test_each_record_is_in_the_index_once_and_the_index_names_no_other():
    rows = re.findall(r"^\| (\d{4}) \| \[(.*)\]\(decisions/(.*)\) \|", INDEX.read_text(), re.M)
    titles = {r.name: r.read_text().split("\n", 1)[0] for r in RECORDS}
    assert len(rows) > 60
    assert {name: f"# {number}. {title}" for number, title, name in rows} == titles
    assert len(rows) == len(titles)
    assert sorted(number for number, _, _ in rows) == [f"{n + 1:04}" for n in range(len(rows))]


@pytest.mark.parametrize("record", RECORDS, ids=lambda p: p.stem)
def test_a_record_is_dated_and_half_a_page_of_context_decision_and_consequence(record):
    text = record.read_text()
    assert re.match(r"# \d{4}\. \S.*\n\n20\d\d-\d\d-\d\d, (in force|superseded)", text)
    assert re.findall(r"^## (.*)$", text, re.M) == ["Context", "Decision", "Consequence"]
    assert text.count("\n") <= 32
