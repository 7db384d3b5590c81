"""Goal: `timeglas open` does with each sealed file of docs/vectors/ what is written there: exit
status, content, a reason with the same words, and not a byte of what is refused.

The command has no clock but the machine's, so each file is opened at any age; what is refused for
its age is in tests/unit/test_vectors.c."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/vectors"
TIMEGLAS = str(
    pathlib.Path(os.environ.get("TIMEGLAS_BIN_DIR", ROOT / "build/release")) / "timeglas"
)
KEYS = json.loads((FOLDER / "keys.json").read_text())
CASES = [
    c
    for c in json.loads((FOLDER / "sealed.json").read_text())["cases"]
    if c["outcome"] != "TG_EAGE"
]
ANY_AGE = f"{100 * 365}d"


def arguments(case, folder):
    key = folder / f"{case['name']}.key"
    key.write_text(
        "".join(KEYS["identities"][who]["identity"] + "\n" for who in case["identities"])
    )
    key.chmod(0o600)
    args = ["open", "-i", str(key)]
    for who in case["senders"]:
        args += ["--sender", KEYS["signers"][who]["sender"]]
    args += ["--raw"] if case.get("raw") else ["--max-age", ANY_AGE]
    for demand in ("id", "kind", "issuer", "session", "subject"):
        if demand in case:
            args += [f"--{demand}", case[demand]]
    return [*args, str(FOLDER / case["file"])]


def fault(case, folder):
    """What is not as the vector says, or None."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TIMEGLAS_", "XDG_"))}
    done = subprocess.run(
        [TIMEGLAS, *arguments(case, folder)],
        capture_output=True,
        timeout=60,
        env={**env, "HOME": str(folder)},
    )
    said = done.stderr.decode()
    if done.returncode != case["exit"]:
        return f"exit status {done.returncode}: {said}"
    if case["outcome"] == "ok":
        return (
            None
            if hashlib.sha256(done.stdout).hexdigest() == case["content_sha256"]
            else "other content"
        )
    if done.stdout:
        return f"{len(done.stdout)} bytes came out"
    if case.get("says", "") not in said or "line" in case and f"line {case['line']}: " not in said:
        return said
    return None


@pytest.mark.parametrize("outcome", sorted({c["outcome"] for c in CASES}))
def test_files_are_opened_and_refused_as_the_vectors_say(outcome, tmp_path):
    cases = [c for c in CASES if c["outcome"] == outcome]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        faults = dict(
            zip((c["name"] for c in cases), pool.map(lambda c: fault(c, tmp_path), cases))
        )
    assert {name: f for name, f in faults.items() if f} == {}
