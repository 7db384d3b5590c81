"""Goal: whoever ends something with the timeglas command has a proof of it afterwards, checked
against the log's key that was pinned before, and good for `timeglas audit receipt` without server
or log. Where there is none, the command says so, and that the end has happened all the same."""
import hashlib
import json
import re
import stat

import pytest

from audit import audit, key_of
from cli_command import cli  # noqa: F401
from harness import wait_for
from test_subjects import Person
from witness_log import COSIGNATURE, vkey


@pytest.fixture
def run(cli, server, tmp_path):  # noqa: F811
    """run(command…, peer=…): the command at the shared server, which pins its log's key."""

    def command(*args, peer="uploader", ok=0, key=True, **more):
        cert, file = server.files(peer)
        env = {
            "TIMEGLAS_URL": server.env["TIMEGLAS_URL"], "TIMEGLAS_CA": server.env["TIMEGLAS_CA"],
            "TIMEGLAS_CERT": cert, "TIMEGLAS_KEY": file,
            **{k: server.env[k] for k in ("TIMEGLAS_RECIPIENT", "TIMEGLAS_IDENTITY",
                                          "TIMEGLAS_SIGNING_KEY", "TIMEGLAS_SENDER")},
            **({"TIMEGLAS_LOG_KEY": server.env["TIMEGLAS_LOG_KEY"]} if key else {}),
        }  # fmt: skip
        return cli(*args, env=env, ok=ok, **more)

    def put(*labels):
        labels = labels or ("--kind", "liveness")
        return run_put(*labels).stdout.decode().strip()

    def run_put(*labels):
        return command("put", *labels, "-", stdin=b"evidence" * 100)

    command.put = put
    return command


def tag_of(blob):
    return hashlib.sha256(b"timeglas evidence 1\n" + blob.encode()).hexdigest()[:32]


def proved(server, path, *words):
    """What audit receipt says of a kept proof, to which nothing but the key is given."""
    done = audit("receipt", path, "--json", "--key", key_of(server))
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["verdict"] == "GOOD"
    for word in words:
        assert word in done.stdout.decode(), (word, told)
    return told


def test_rm_keeps_the_proof_and_prints_the_receipt(run, server, tmp_path):
    blob, kept = run.put(), tmp_path / "kept"
    kept.write_text("an older file, which is replaced whole\n" * 1000)
    done = run("rm", "--json", blob, "--proof", kept)
    receipt = json.loads(done.stdout)
    told = proved(server, kept, tag_of(blob))
    assert (told["id"], told["cause"], told["erased_at"]) == (
        receipt["event"], "erased", receipt["erased_at"],
    )  # fmt: skip
    assert kept.read_bytes().startswith(b"c2sp.org/tlog-proof@v1\n")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("form", ["get", "take"])
def test_the_reader_keeps_the_proof_of_its_read(run, server, tmp_path, form):
    blob, kept = run.put(), tmp_path / "kept"
    done = run(form, blob, "-o", tmp_path / "out", "--proof", kept, peer="verifier")
    assert b"proof kept in" in done.stderr and (tmp_path / "out").read_bytes() == b"evidence" * 100
    told = proved(server, kept, tag_of(blob))
    assert (told["cause"], told["by"]) == ("consumed", "verifier")
    assert told["outcome"] == ("ok" if form == "get" else None)


def test_what_fails_a_check_is_proved_with_its_outcome(run, server, tmp_path):
    blob, kept = run.put(), tmp_path / "kept"
    run(
        "get", blob, "-o", tmp_path / "out", "--kind", "face3d", "--proof", kept, peer="verifier",
        ok=4,
    )
    assert proved(server, kept, tag_of(blob))["outcome"] == "mislabelled"


def test_stat_keeps_the_proof_of_what_has_ended(run, server, tmp_path):
    blob, kept = run.put(), tmp_path / "kept"
    done = run("stat", blob, "--proof", kept, ok=6)
    assert b"the blob is live" in done.stderr and blob.encode() in done.stdout
    assert not kept.exists()
    server.take(blob)
    wait_for(lambda: server.stat(blob).json()["state"] == "gone", "it is gone", 5)
    for peer in ("uploader", "verifier", "operator"):
        run("stat", blob, "--proof", kept, peer=peer)
        assert proved(server, kept, tag_of(blob))["cause"] == "consumed"
        kept.unlink()
    blob = run.put()
    run("get", blob, "-o", tmp_path / "out", peer="verifier")
    done = run("stat", blob, "--proof", kept, peer="verifier", ok=5)
    assert b"in the ack's receipt alone" in done.stderr and not kept.exists()


def test_a_closed_session_has_a_folder_of_proofs(run, server, tmp_path):
    sid = run("session", "open").stdout.decode().strip()
    labels = ("--kind", "passport", "--issuer", "DNK", "--session", sid)
    blobs, folder = [run.put(*labels) for _ in range(3)], tmp_path / "proofs"
    closed = json.loads(run("session", "close", "--json", sid, "--proof", folder).stdout)
    assert {r["blob"] for r in closed["receipts"]} == set(blobs)
    assert {p.name for p in folder.iterdir()} == {f"{r['event']}.proof" for r in closed["receipts"]}
    for r in closed["receipts"]:
        told = proved(server, folder / f"{r['event']}.proof", tag_of(r["blob"]))
        assert told["cause"] == "session-closed"


def test_certificate_has_the_proof_that_it_stands_for(run, server, tmp_path):
    person, file, folder = Person(server), tmp_path / "certificate", tmp_path / "proofs"
    for _ in range(2):
        person.put()
    answer = json.loads(
        run(
            "subject", "erase", "--json", person.digits, "--certificate", file, "--proof", folder
        ).stdout
    )
    text, proof = file.read_text().split("c2sp.org/tlog-proof@v1\n")
    proof = "c2sp.org/tlog-proof@v1\n" + proof
    for name in (
        "CERTIFICATE OF SANITIZATION", "NIST SP 800-88r2", "What", "Media type", "Media source",
        "Manufacturer, model, serial and property number", "Confidentiality", "Destination",
        "When", "Technique", "Method", "Tool", "Who", "Signature", "Verification",
    ):
        assert re.search(rf"^{name}", text, re.M) or name in text, name
    assert hashlib.sha256(proof.encode()).hexdigest() in text
    assert f"{len(proof.encode())} bytes" in text
    assert "of one person: 2 blobs, each" in text
    assert "its witnesses none were asked for" in text, "no policy was given"
    assert (folder / f"{answer['event']}.proof").read_text() == proof
    assert len(list(folder.iterdir())) == 3
    for path in (file, folder / f"{answer['event']}.proof"):
        told = proved(server, path, person.hash)
        assert told["event"] == "subject-erased" and told["record"]["more"]["count"] == "2"
    assert json.loads(audit("receipt", file, "--json", "--key", key_of(server)).stdout)[
        "in_certificate"
    ]
    said = audit("receipt", file, "--key", key_of(server)).stdout.decode()
    assert "Only this is proved" in said
    # a changed certificate proves nothing but what its proof says
    file.write_text(file.read_text().replace("index ", "index 1"))
    assert audit("receipt", file, "--key", key_of(server)).returncode == 5


def test_certificate_without_a_pinned_key_says_where_the_proof_is(run, tmp_path, server):
    person, file = Person(server), tmp_path / "certificate"
    person.put()
    answer = json.loads(
        run(
            "subject", "erase", "--json", person.digits, "--certificate", file, key=False
        ).stdout
    )
    text = file.read_text()
    assert "of one person: 1 blob, each" in text
    assert "not in this file" in text and "tlog-proof@v1" not in text
    command = re.search(r"timeglas (proof --log-key KEY \S+)", text).group(1)
    run(*command.replace("KEY", key_of(server)).split(), "-o", tmp_path / "later", key=False)
    assert proved(server, tmp_path / "later")["id"] == answer["event"]


def test_proof_fetches_later_by_the_event(run, server, tmp_path):
    blob, other, kept = run.put(), run.put(), tmp_path / "kept"
    event = json.loads(run("rm", "--json", blob).stdout)["event"]
    told = json.loads(run("proof", "--json", event, "--id", blob, "-o", kept).stdout)
    assert (told["id"], told["event"], told["tag"]) == (event, "gone", tag_of(blob))
    assert run("proof", event).stdout == kept.read_bytes()
    done = run("proof", event, "--id", other, "-o", tmp_path / "none", ok=5)
    assert b"another blob" in done.stderr and not (tmp_path / "none").exists()
    assert b"not found" in run("proof", "00-1-0", "-o", tmp_path / "none", ok=1).stderr
    assert b"not the id of an event" in run("proof", "../x", ok=2).stderr
    assert b"-o" in run("proof", "--json", event, ok=2).stderr


def test_too_few_witnesses_are_waited_for_and_then_said(run, server, tmp_path):
    blob, policy, kept = run.put(), tmp_path / "policy", tmp_path / "kept"
    policy.write_text(f"witness one {vkey('w', COSIGNATURE, bytes(range(32)))}\nquorum one\n")
    done = run("rm", blob, "--proof", kept, "--policy", policy, "--timeout", "3", ok=5)
    assert b"fewer witnesses have cosigned" in done.stderr
    assert blob.encode() in done.stdout and not kept.exists()
    policy.write_text("quorum none\n")
    run("stat", blob, "--proof", kept, "--policy", policy)


@pytest.mark.parametrize(
    "args, says",
    [
        (["--proof", "kept"], "which key of the log must have signed"),
        (["--log-key", "KEY"], "say where, with --proof"),
        (["--proof", "-", "--log-key", "KEY"], "--proof takes a file"),
        (["--proof", "kept", "--log-key", "nonsense"], "neither a public key"),
        (["--proof", "no/such/folder/kept", "--log-key", "KEY"], "nothing was done"),
        (["--proof", "kept", "--log-key", "KEY", "--policy", "no-file"], "cannot read the policy"),
    ],
)
def test_what_is_wrong_here_is_said_before_anything_ends(run, server, args, says):
    blob = run.put()
    args = [a.replace("KEY", key_of(server)) for a in args]
    done = run("rm", blob, *args, key=False, ok=2)
    assert says in done.stderr.decode() and done.stdout == b""
    assert server.stat(blob).json()["state"] == "live"


def test_get_writes_each_of_its_files_apart(run, server, tmp_path):
    blob = run.put()
    for other in (["-o", "f"], ["-o", "out", "--receipt", "f"]):
        done = run("get", blob, *other, "--proof", "f", peer="verifier", ok=2)
        assert b"a name of its own" in done.stderr
    assert server.stat(blob).json()["state"] == "live"
