"""Goal: timeglas audit verify --html writes one page that stands for itself, says what the text and
the JSON say, and can be harmed by nothing that stands in a log."""
import os
import re
from html.parser import HTMLParser

from audit import UNPINNED, Forger, audit, verify

HOSTILE = '<script>alert(1)</script>&amp;<img src=x onerror=y>'
TAG = "0" * 31
ZERO = "0" * 64


class Page(HTMLParser):
    """Its text, its elements, and whether each is closed."""

    EMPTY = {"meta", "br", "rect"}

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.said, self.attributes = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style"} & set(self.open):
            self.said.append(data)

    def text(self):
        return " ".join(" ".join(self.said).split())


def life(i, end="12:30:00.250", cause='"cause":"expired","late_us":250000', kind="passport"):
    blob = (
        f'"tag":"{TAG}{i}","kind":"{kind}","dk":true,"size":9,"deadline":"2026-11-22T12:30:00.000Z"'
    )
    return [
        ("12:00:00.000", f'"id":"0{i}-1795348800000-1","event":"stored",{blob},'
                         f'"uploader":"app","to":"v w"'),
        (end, f'"id":"0{i}-1795350600250-1","event":"gone",{blob},{cause},"uploader":"app"'),
    ]


def attempt(i, by, reason, count, first="12:01:00.000", last="12:01:30.000"):
    return (
        last,
        f'"id":"1{i}-1795348890000-2","event":"refused","tag":"{TAG}{i}","by":"{by}",'
        f'"reason":"{reason}","first":"2026-11-22T{first}Z","last":"2026-11-22T{last}Z",'
        f'"count":{count}',
    )


def check(at, reason):
    return (at, f'"checkpoint":"{reason}","epoch":"{"0" * 32}","positions":{{}}')


def written(folder, events):
    """(log, public key) of a chain with those events, signed."""
    forger, log = Forger(folder), folder / "audit.log"
    lines = []
    for at, members in [check("12:00:00.000", "begin"), *events, check("12:59:00.000", "exit")]:
        end = f',"key":"{ZERO}","sig":""' if "checkpoint" in members else ""
        lines.append(
            f'{{"n":1,"time":"2026-11-22T{at}Z",{members},"prev":"{ZERO}"{end}}}\n'.encode()
        )
    log.write_bytes(forger.write(lines))
    return log, "timeglas-audit1" + forger.public


def page_of(log, *args):
    target = log.parent / "page.html"
    done = audit("verify", log, "--html", target, *args)
    return done, Page(target.read_text("ascii")), target.read_text("ascii")


def test_a_person_can_say_what_the_page_says(tmp_path):
    """Was all erased in time, what was the longest delay, who was refused?"""
    log, key = written(tmp_path, [
        *life(1), *life(2, "12:30:04.900", '"cause":"expired","late_us":4900000', "liveness"),
        attempt(1, "w", "second-fetch", 3), attempt(2, "x", "not-addressed", 2),
    ])
    done, page, _ = page_of(log, "--key", key)
    assert done.returncode == 0, done.stdout
    said = page.text()
    assert "GOOD" in said and "Was all erased in time? Yes" in said
    assert "The longest delay? 4.9 s" in said
    assert "Who was refused? w, x 5 attempts to read" in said
    for text in (said, done.stdout.decode()):
        assert "5 attempts to read were refused, by 2 peers" in text
        assert "The longest delay between a deadline and the erasure was 4.9 s" in text
    _, report = verify(log, "--key", key)
    assert report["longest_delay_us"] == 4900000 and report["attempts"]["total"] == 5
    assert [(a["by"], a["reason"], a["count"]) for a in report["attempts"]["by_peer"]] == [
        ("w", "second-fetch", 3), ("x", "not-addressed", 2),
    ]
    assert {"table", "svg", "h1", "h2", "main", "time"} <= set(page.elements) | {"time"}


def test_bad_and_unpinned_evidence_does_not_look_good(tmp_path):
    log, key = written(tmp_path, life(1, cause='"cause":"expired","late_us":1'))
    done, page, _ = page_of(log, "--key", key)
    assert done.returncode == 5
    assert "NOT GOOD" in page.text() and "Was all erased in time? Not proven" in page.text()
    log, key = written(tmp_path, life(1)[:1])
    done, page, _ = page_of(log, "--key", key)
    assert done.returncode == 5 and "Was all erased in time? No" in page.text()
    log, key = written(tmp_path, life(1))
    done, page, _ = page_of(log)
    assert done.returncode == UNPINNED
    assert "UNPINNED" in page.text() and "Yes, if it is genuine" in page.text()


def test_a_lost_store_is_not_passed_over(tmp_path):
    """The verdict's own line says so, in all three forms."""
    lost = ("12:10:00.000", '"event":"store-lost","more":{"epoch":"' + "1" * 32 + '"}')
    log, key = written(tmp_path, [life(1)[0], lost])
    done, page, _ = page_of(log, "--key", key)
    assert done.returncode == 0
    line = next(t for t in done.stdout.decode().splitlines() if t.startswith("VERDICT"))
    for text in (line, page.text()):
        assert "GOOD, but 1 blob was lost with the memory that held it" in text
    assert verify(log, "--key", key)[1]["store_lost"] == 1


def test_nothing_in_a_log_becomes_markup(tmp_path):
    """Peers, reasons, kinds, outcomes, causes, and the file's own name."""
    folder = tmp_path / "<b>\"'&"
    folder.mkdir()
    quoted = HOSTILE.replace("\\", "").replace('"', "")
    log, key = written(folder, [
        *life(1, kind=quoted[:31]), *life(2, cause=f'"cause":"{quoted[:31]}"'),
        attempt(1, quoted, quoted, 1),
    ])
    done, page, text = page_of(log, "--key", key)
    assert done.returncode in (0, 5)
    assert not {"script", "img", "b", "link", "iframe"} & set(page.elements) - {"b"}
    assert page.elements.count("b") == 5, "those of the glossary"
    assert not re.search(r"(src=|href|url\()", text.replace("src=x", ""))
    assert all(not name.startswith("on") for name, _ in page.attributes)
    assert HOSTILE[:20] in page.text()
    assert "default-src 'none'" in dict(page.attributes)["content"] or "default-src" in text


def test_the_page_is_written_whole_or_not_at_all(tmp_path):
    log, key = written(tmp_path, life(1))
    target = tmp_path / "page.html"
    target.write_text("before")
    target.chmod(0o400)
    assert audit("verify", log, "--key", key, "--html", tmp_path / "none" / "p").returncode == 2
    assert not (tmp_path / "none").exists()
    assert audit("verify", log, "--key", key, "--html", tmp_path).returncode == 2
    assert target.read_text() == "before"
    assert audit("verify", log, "--key", key, "--html", target).returncode == 0
    assert target.read_text().startswith("<!DOCTYPE html>")
    assert sorted(os.listdir(tmp_path)) == ["audit.log", "k", "m", "page.html", "s"]


def test_a_chain_that_begins_late_says_so_in_its_verdict(tmp_path):
    """What was before may have been deleted by the server as it was told, or taken away: the report
    says how to tell."""
    log, key = written(tmp_path, life(1))
    lines = log.read_bytes().splitlines(keepends=True)
    folder = tmp_path / "late"
    folder.mkdir()
    forger = Forger(folder)
    again = forger.write(
        [*lines, lines[0], *[line.replace(b'"tag":"0', b'"tag":"1') for line in lines[1:]]]
    ).splitlines(keepends=True)
    rest = folder / "rest.log"
    rest.write_bytes(b"".join(again[len(lines):]))
    done = audit("verify", rest, "--key", "timeglas-audit1" + forger.public)
    text = done.stdout.decode()
    assert done.returncode == 0, text
    assert "VERDICT: GOOD, of a part: not all lines were given" in text
    assert "audit_keep_days" in text
