"""Goal: what timeglas audit says lets somebody go on who has nothing but the evidence: it names the
log's key as witnesses want it, takes a checkpoint as it was handed out, says when a file is
missing at the end, and what to do when something is wrong."""
import base64
import hashlib
import json

from audit import audit, finished, verify

ORIGIN = "log.example.org/1"


def log_key(pub):
    """The public key as C2SP signed-note writes it."""
    public = bytes.fromhex(pub.removeprefix("timeglas-audit1"))
    name = hashlib.sha256(ORIGIN.encode() + b"\n\1" + public).hexdigest()[:8]
    return f"{ORIGIN}+{name}+{base64.b64encode(b'%c' % 1 + public).decode()}"


def test_the_logs_key_and_checkpoint_can_be_used_as_they_are_given(launch, tmp_path):
    server = launch(workers=1, options=[("server.audit_origin", ORIGIN)])
    server.erase(server.put_ok(server.sealed(300))["blob"])
    told = {e["detail"] for e in server.log() if e["event"] == "audit-key"}
    log, pub = finished(server, tmp_path)
    assert f"for witnesses and policies: {log_key(pub)}" in told
    status, report = verify(log, "--key", pub)
    assert status == 0 and report["chains"][0]["head"]["log_key"] == log_key(pub)
    assert f"for witnesses and policies: {log_key(pub)}" in audit("verify", log).stdout.decode()
    # a checkpoint is a receipt, with and without a policy
    note = tmp_path / "audit.log.tiles" / "checkpoint"
    for key in (pub, log_key(pub)):
        status, report = verify(log, "--key", key, "--receipt", note)
        assert status == 0 and report["receipt"]["proof"] and report["receipt"]["head"]
    # a shell's audit.log* names the folder of tiles, too
    assert verify(*tmp_path.glob("audit.log*"), "--key", pub)[0] == 0
    only = audit("verify", tmp_path / "audit.log.tiles")
    assert only.returncode == 2 and b"give the log's files, too" in only.stderr
    note.write_text(note.read_text().replace("\n\n", "\n1\n\n"))
    status, report = verify(log, "--key", pub, "--receipt", note)
    assert status == 5 and {f["what"] for f in report["findings"]} == {"receipt"}
    # what is neither is said to be neither
    (tmp_path / "neither").write_text("a text\n\n-- \nof somebody")
    done = audit("verify", log, "--receipt", tmp_path / "neither")
    assert done.returncode == 2 and b"holds no receipt" in done.stderr


def test_what_to_do_is_said_when_something_is_wrong(launch, tmp_path):
    server = launch(workers=1)
    server.erase(server.put_ok(server.sealed(300))["blob"])
    log, pub = finished(server, tmp_path)
    good = audit("verify", log, "--key", pub)
    assert good.returncode == 0 and b"What to do" not in good.stdout
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]) + lines[-1].replace(b"exit", b"time"))
    page = tmp_path / "page.html"
    bad = audit("verify", log, "--key", pub, "--html", page)
    assert bad.returncode == 5 and b"What to do: keep these files" in bad.stdout
    assert "What to do: keep these files" in page.read_text()


def test_a_blob_that_is_still_held_is_not_called_ended(launch, tmp_path):
    server = launch(workers=1)
    server.put_ok(server.sealed(300))
    log, pub = finished(server, tmp_path)
    lines = log.read_bytes().splitlines(keepends=True)
    stored = next(i for i, line in enumerate(lines) if b'"stored"' in line)
    log.write_bytes(b"".join(lines[: stored + 1]))
    text = audit("verify", log, "--key", pub).stdout.decode()
    assert "No blob that has ended had reached its deadline." in text


def test_a_log_keeps_its_name_and_says_so(launch, tmp_path):
    def configs(name):
        server = launch(
            workers=1,
            options=[("server.audit_origin", name), ("server.audit_log", tmp_path / "audit.log")],
        )
        told = [e["detail"] for e in server.log() if e["event"] == "config"]
        server.stop()
        return told

    assert configs(ORIGIN) == []
    (warning,) = configs("another/2")
    assert "another/2 is not in force" in warning and f"the name {ORIGIN} " in warning


def test_what_is_no_proof_is_named(server, tmp_path):
    """A programmer with curl keeps what comes: a refusal, an answer that is not ready, a log."""
    kept = tmp_path / "kept"

    def said(content, status):
        kept.write_bytes(content)
        done = audit("receipt", kept)
        assert done.returncode == status, done.stderr
        return (done.stdout + done.stderr).decode()

    missing = server.call("GET", "/v1/receipts/00-1-0")
    assert missing.status == 404
    assert "is a refusal by the server" in said(missing.body, 2)
    event = server.erase(server.put_ok(server.sealed(300))["blob"]).json()["event"]
    soon = server.call("GET", f"/v1/receipts/{event}")
    if soon.status == 202:  # unless a checkpoint was made just now
        assert soon.reason == "Accepted"
        assert "is another answer of the server" in said(soon.body, 5)
    assert "is a log of evidence" in said(b'{"n":1,"time":', 2)
    assert "is a receipt without a proof" in said(b'{"blob":"x","event":"y"}', 2)


def test_an_erasure_tells_how_many_blobs_and_by_which_method(launch, tmp_path):
    person = "5b" * 32
    server = launch(workers=1)
    server.put_ok(server.sealed(300), subject=person)
    erased = server.call("DELETE", f"/v1/subjects/{person}").json()
    log, pub = finished(server, tmp_path)
    said = audit("show", log, "--key", pub, "--subject", person).stdout.decode()
    assert f"1 blob ended, method {erased['method']}" in said
    shown = json.loads(audit("show", "--json", log, "--key", pub, "--subject", person).stdout)
    (event,) = [e for e in shown["events"] if e["event"] == "subject-erased"]
    assert (event["blobs"], event["method"]) == (1, erased["method"])
