"""Goal: what stands in Redis is declared once, in server/store/schema.def: docs/store.md says
nothing else, and neither the functions nor the C code use a state, a cause, an event, a field or a
function that it lacks."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))
sys.dont_write_bytecode = True
import schema  # noqa: E402

S = schema.Schema()
LUA = {p.name: p.read_text() for p in sorted((TOP / "server/store/functions").glob("*.lua"))}
COMMENT = re.compile(r"/\*.*?\*/", re.S)
C = {p.name: COMMENT.sub("", p.read_text()) for p in sorted((TOP / "server/store").glob("*.[ch]"))}
NAMES = {
    "STATE": 1, "CAUSE": 1, "SESSION_STATE": 1, "EVENT": 1, "FIELD": 0, "SESSION": 0,
    "IDEMPOTENCY": 0, "LEASE": 0, "SUBJECT": 0, "KEY": 0, "ENTRY": 0,
}  # fmt: skip
# Of Redis and of Lua; a member that nobody enters; the mark of what is not to be delivered.
OTHERS = {"table", "string", "replication", "last-generated-id", "m", "x"}


def bare(lua):
    """Without its comments."""
    return re.sub(r"(^|\s)--[^\n]*", "", lua)


def declared():
    return {row[at] for kind, at in NAMES.items() for row in S.of[kind]}


def unknown_words(lua):
    return set(re.findall(r"'([a-z][a-z-]*)'", bare(lua))) - declared() - OTHERS


def test_the_document_says_what_is_declared():
    done = subprocess.run(
        [sys.executable, "-B", "tools/schema.py", "docs", "--check", "docs/store.md"],
        cwd=TOP, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_changed_document_is_told_from_it(tmp_path):
    text = (TOP / "docs/store.md").read_text()
    for old, new in (("| sorted set |", "| set |"), ("<!-- schema: keys -->", "")):
        assert old in text
        path = tmp_path / "store.md"
        path.write_text(text.replace(old, new, 1))
        done = subprocess.run(
            [sys.executable, "-B", "tools/schema.py", "docs", "--check", str(path)],
            cwd=TOP, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 1, old


@pytest.mark.parametrize("name", LUA)
def test_functions_use_no_word_that_is_not_declared(name):
    assert not unknown_words(LUA[name])


def test_a_misspelled_word_is_found():
    assert unknown_words("b.st = 'lively' -- 'comment'") == {"lively"}


def test_events_and_records_are_spelled_by_the_schema_alone():
    for name, text in LUA.items():
        assert "'e\\t" not in text, name
        assert not re.search(r"'[a-z]*\\t[a-z\\]*\\t", text), name
    for name, text in C.items():
        assert '"e\\t' not in text.replace('"e\\t" STORE_EVENT_', ""), name


def test_everything_declared_is_used():
    all_lua = "\n".join(bare(t) for t in LUA.values())
    for row in S.of["CAUSE"]:
        session = any(r[2] == row[0] for r in S.of["SESSION_STATE"])
        assert session or f"'{row[1]}'" in all_lua, row
    for row in S.of["EVENT"]:
        assert f"event_{row[0].lower()}(" in all_lua, row
    for row in S.of["FUNCTION"]:
        assert f"function F.{row[0]}(" in all_lua, row
    for name, users, _value, _what in S.of["CONST"]:
        if users != "C":
            assert re.search(rf"\b{name}\b", all_lua), name


def test_c_calls_declared_functions_alone_and_spells_no_word_of_theirs():
    functions = {"tg2_" + row[0] for row in S.of["FUNCTION"]}
    words = {row[1] for kind in ("STATE", "CAUSE", "EVENT") for row in S.of[kind]}
    words -= {"claimed", "gone"}  # also what the API says: store_state_text()
    for name, text in C.items():
        assert set(re.findall(r'"(tg2_\w+)"', text)) <= functions, name
        assert not words & set(re.findall(r'"([a-z-]+)"', text)), name


def test_what_is_not_declared_is_refused():
    text = schema.SCHEMA.read_text()
    for old, new in (
        ('STEP(LIVE, "claim", CLAIMED,', 'STEP(LIVE, "claim", OWNED,'),
        ('STEP(LIVE, "claim",', 'STEP(LIVE, "clam",'),
        ("MEMBER(TAKING, w,", "MEMBER(TAKEN, w,"),
        ("EGONE blob; ENOENT why", "EGONE blob; ENOENTRY why"),
        ("STATE(GONE,", "STAT(GONE,"),
    ):
        assert old in text
        with pytest.raises(schema.Fault):
            schema.Schema(text.replace(old, new, 1))
