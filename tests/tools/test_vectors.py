"""Goal: docs/vectors/ is what its generator makes, byte by byte, and what a second implementation,
which shares nothing with the client, makes of it.

The client itself is compared with the vectors in tests/unit/test_vectors.c.
"""
import filecmp
import json
import os
import shutil
import subprocess
import sys

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
FOLDER = os.path.join(TOP, "docs/vectors")
sys.path.insert(0, FOLDER)
import check  # noqa: E402
import envelope  # noqa: E402
import primitives  # noqa: E402


def run(script, *args):
    return subprocess.run(
        [sys.executable, "-B", os.path.join(FOLDER, script), *args],
        capture_output=True,
        text=True,
        timeout=120,
    )


def load(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
        return json.load(f)


def files(root):
    return sorted(
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
    )


def test_the_generator_makes_the_same_bytes(tmp_path):
    assert run("generate.py", str(tmp_path)).returncode == 0
    made = files(tmp_path)
    assert made == [name for name in files(FOLDER) if name.endswith((".json", ".age"))]
    assert filecmp.cmpfiles(tmp_path, FOLDER, made, shallow=False)[1:] == ([], [])


def test_the_second_implementation_agrees():
    result = run("check.py")
    assert result.returncode == 0, result.stderr


def test_the_check_notices_what_is_not_as_it_says(tmp_path):
    copy = tmp_path / "vectors"
    shutil.copytree(FOLDER, copy)
    sealed, heads = load("sealed.json"), load("heads.json")
    sealed["cases"][0]["outcome"] = "TG_EPAYLOAD"
    next(c for c in heads["cases"] if not c["ok"])["line"] += 1
    (copy / "sealed.json").write_text(json.dumps(sealed))
    (copy / "heads.json").write_text(json.dumps(heads))
    result = run("check.py", str(copy))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 2


# A rule, a reader that leaves it out, and the vectors that must notice.
LENIENT = {
    "check_head": (lambda *_: None, "sealed"),
    "ed25519ph_verify": (lambda *_: True, "trailers"),
    "weak_share": (lambda _: False, "keys"),
    "name_of_id": (lambda ident: ident[2:] or None, "names"),
    "decode_sender": (
        lambda text: primitives.bech32_decode("timeglas-sender", text.lower()),
        "heads",
    ),
    "parse_time": (
        lambda text: PARSE_TIME(text.replace("Z", ".000Z") if len(text) == 20 else text),
        "heads",
    ),
}
PARSE_TIME = envelope.parse_time


@pytest.mark.parametrize("rule", LENIENT)
def test_a_reader_that_leaves_a_rule_out_is_found(rule, monkeypatch):
    lenient, kind = LENIENT[rule]
    monkeypatch.setattr(primitives if rule == "ed25519ph_verify" else envelope, rule, lenient)
    vectors = load(kind + ".json")
    results = (
        check.check_sealed(FOLDER, vectors, load("keys.json"))
        if kind == "sealed"
        else getattr(check, "check_" + kind)(vectors)
    )
    assert [name for name, result in results if not result]


def test_each_case_has_a_reason_and_an_exit_status():
    for case in load("sealed.json")["cases"]:
        assert (
            case["why"]
            and case["exit"] == (0 if case["outcome"] == "ok" else case["exit"])
            and case["exit"] in (0, 2, 4)
        ), case["name"]
        assert ("ack" in case) == (case["exit"] == 4), case["name"]
    for case in load("heads.json")["cases"]:
        assert case["why"] and (case["ok"] or case["line"] > 0 and case["says"]), case["name"]


@pytest.mark.skipif(shutil.which("age") is None, reason="no age command")
def test_the_age_command_opens_what_opens(tmp_path):
    """A third implementation, for the part that is plain age."""
    keys, opened = load("keys.json"), 0
    for case in load("sealed.json")["cases"]:
        if case["outcome"] != "ok":
            continue
        key = tmp_path / "key"
        key.write_text(
            "".join(keys["identities"][who]["identity"] + "\n" for who in case["identities"])
        )
        result = subprocess.run(
            ["age", "-d", "-i", str(key), os.path.join(FOLDER, case["file"])],
            capture_output=True,
            timeout=30,
        )
        assert result.returncode == 0, (case["name"], result.stderr)
        assert len(result.stdout) >= case["content_length"]
        opened += 1
    assert opened > 20
