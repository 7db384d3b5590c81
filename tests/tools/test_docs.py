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
    assert len({number for number, _, _ in rows}) == len(rows)


@pytest.mark.parametrize("record", RECORDS, ids=lambda p: p.stem)
def test_a_record_is_dated_and_half_a_page_of_context_decision_and_consequence(record):
    text = record.read_text()
    assert re.match(r"# \d{4}\. \S.*\n\n20\d\d-\d\d-\d\d, (in force|superseded)", text)
    assert re.findall(r"^## (.*)$", text, re.M) == ["Context", "Decision", "Consequence"]
    assert text.count("\n") <= 32


ARCHITECTURE = TOP / "docs/architecture.md"
FILE = re.compile(r"`((?:core|server|client|include|tests|tools)/[\w./]+\.\w+)`")
PLACE = re.compile(r"`((?:F\.)?\w+)\(\)`\s+in\s+`([\w./]+)`")


def defines(path, name):
    """Is there a definition of a function in that file, of C or of Lua?"""
    text = path.read_text()
    if path.suffix == ".lua":
        return re.search(rf"^(?:local )?function {re.escape(name)}\(", text, re.M)
    return re.search(rf"^\w[^;=\n]*\b{name}\([^;]*?\)\n\{{", text, re.M)


@pytest.mark.parametrize(
    "page, least", [("docs/architecture.md", 40), ("CONTRIBUTING.md", 10), ("SECURITY.md", 3)]
)
def test_the_files_that_a_page_names_are_there(page, least):
    named = {f for f in FILE.findall((TOP / page).read_text()) if "NAME" not in f}
    assert len(named) >= least
    assert [f for f in sorted(named) if not (TOP / f).is_file()] == []


def test_the_functions_that_architecture_names_stand_where_it_says():
    text = ARCHITECTURE.read_text().split("\n## Where is")[1].split("\n## ")[0]
    places = PLACE.findall(text)
    assert len(places) > 25
    assert [f"{n}() in {f}" for n, f in places if not defines(TOP / f, n)] == []
    assert "`malloc_conf`" in text and "*malloc_conf = " in (TOP / "server/wipe/wipe.c").read_text()


def test_each_drawing_of_a_state_machine_is_shown():
    text = ARCHITECTURE.read_text()
    drawn = {p.name for p in (TOP / "docs/states").glob("*.svg")}
    assert drawn and drawn == set(re.findall(r"\(states/([\w.]+)\)", text))


def test_where_answers_what_a_newcomer_asks_first():
    text = ARCHITECTURE.read_text()
    for what in (
        "a deadline enforced", "the one reader decided", "a freed byte overwritten",
        "an upload ended whose client vanishes", "plaintext refused", "an event made evidence",
    ):
        answer = text.split(f"**… {what}?**")[1].split("\n**…")[0]
        assert FILE.search(answer), what


def test_the_glossary_has_thirty_words_at_most_in_order_that_the_code_uses():
    rows = re.findall(
        r"^\| ([\w -]+) \| .* \|$",
        ARCHITECTURE.read_text().split("\n## Words\n")[1].split("\n## ")[0],
        re.M,
    )[1:]
    assert 15 < len(rows) <= 30 and rows == sorted(rows)
    code = "\n".join(
        p.read_text()
        for f in ("core", "server", "client", "include")
        for p in (TOP / f).rglob("*.[chl]*")
    ).lower()
    assert [w for w in rows if w.split()[-1] not in code] == []


def test_the_commands_of_the_first_day_exist():
    """Targets of make, groups of tests/run, and functions and tables where something is added."""
    text = (TOP / "CONTRIBUTING.md").read_text()
    makefile = (TOP / "Makefile").read_text()
    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)\b(?!-)", text, re.M))
    assert len(targets) > 6
    assert [t for t in sorted(targets) if not re.search(rf"^{t}%?:", makefile, re.M)] == []
    metrics = (TOP / "server/base/metrics.h").read_text()
    for name in re.findall(r"`((?:metrics_|METRICS_)\w+)", text):
        assert re.search(rf"\b{name}\(", metrics), name
    assert "#define TG_ERRORS(" in (TOP / "include/timeglas/errors.h").read_text()
    assert "struct option table[]" in (TOP / "server/conf/options.c").read_text()


@pytest.mark.parametrize(
    "page",
    sorted((TOP / "docs/man").iterdir()) + [TOP / "docs/openapi.yaml"] + PAGES,
    ids=lambda p: str(p.relative_to(TOP)),
)
def test_no_line_is_wider_than_100_columns(page):
    """But rows of a table in Markdown, which have to stand on one line."""
    wide = [
        f"{n}: {line[:60]}"
        for n, line in enumerate(page.read_text().splitlines(), 1)
        if len(line.expandtabs(8)) > 100 and not (page.suffix == ".md" and line.startswith("|"))
    ]
    assert wide == []


def test_each_event_that_warns_is_explained_to_the_operator():
    """The table in operations.md has a row for each event of a warning or an error, and no
    other."""
    code = "\n".join(p.read_text() for p in sorted((TOP / "server").rglob("*.c")))
    warns = set(re.findall(r'log_(?:warn|error)\(\s*"([^"]+)"', code))
    warns |= set(re.findall(r'\.event = "([^"]+)"', code))
    section = (TOP / "docs/operations.md").read_text().split("\n## What the log says\n")[1]
    rows = re.findall(r"^\| (`.*?`) \|", section.split("\n## ")[0], re.M)
    told = {event for row in rows for event in re.findall(r"`([^`]+)`", row)}
    assert len(warns) > 30
    assert told == warns


def test_readme_leads_to_every_document():
    readme = (TOP / "README.md").read_text()
    pages = [p for p in PAGES if p.parent == TOP / "docs"] + [
        p for p in PAGES if p.parent == TOP and p.name != "README.md"
    ]
    assert [p.name for p in pages if f"({p.relative_to(TOP)})" not in readme] == []


EXAMPLE = TOP / "deploy/timeglasd.conf"


def test_the_example_of_a_configuration_has_each_setting_on_a_line_of_its_own():
    text = EXAMPLE.read_text()
    assert [line for line in text.splitlines() if len(re.findall(r"\b[a-z_.]+ = ", line)) > 1] == []
    given = set(re.findall(r"^(?:# )?([a-z_.]+) = ", text, re.M))
    # each setting that the manual describes, but for what only stands in for another
    manual = (TOP / "docs/man/timeglasd.conf.5").read_text()
    manual = re.findall(r"^\.It Cm ([a-z_ ,]+)$", manual, re.M)
    described = {name for row in manual for name in re.findall(r"[a-z_]+", row)}
    assert described - given - {"role", "spki", "to", "certificate"} <= {"run_dir"}
