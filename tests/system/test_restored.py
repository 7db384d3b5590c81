"""An operator's mistakes with the evidence. An older copy in its place, as from a backup: what was
signed since must not be told otherwise under the same name, so the recorder goes on only with the
newest one. And two servers with one file: one of them writes it."""
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from audit import verify
from configured import Configured, pki  # noqa: F401  pylint: disable=unused-import
from harness import BIN, SLOW, wait_for
from redis_store import FIT


@pytest.fixture
def configured(pki, tmp_path):  # noqa: F811  pylint: disable=redefined-outer-name
    """A server's configuration, whose servers are ended after the test."""
    c = Configured(pki, tmp_path)
    c.peers["uploader"] += "\nto = verifier"
    c.write()
    yield c
    c.server.kill()


def stored(c, times=1):
    """Starts it, stores, erases and stops. Returns the folder's evidence, all of it."""
    server = c.start()
    for _ in range(times):
        event = server.erase(server.put_ok(server.sealed(300))["blob"]).json()["event"]
        wait_for(
            lambda e=event: server.call("GET", f"/v1/receipts/{e}").status == 200,
            f"{event} is signed",
            5,
        )
    server.stop()
    log = c.file.parent / "audit.jsonl"
    return log.read_bytes()


def refuses(c):
    """Starts it. It is not ready, and says why."""
    said = c.file.parent / "stderr"
    with open(said, "wb") as err:
        started = subprocess.Popen([BIN / "timeglasd", "-c", c.file], stderr=err)
    try:
        wait_for(
            lambda: "an older copy was put in its place" in said.read_text(), "it says why", 10
        )
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://127.0.0.1:{c.admin}/readyz", timeout=5)
    finally:
        started.terminate()
        started.wait(20 * SLOW)


def test_older_log_beside_its_tiles_is_refused(configured):
    old = stored(configured)
    new = stored(configured)
    log = configured.file.parent / "audit.jsonl"
    log.write_bytes(old)
    refuses(configured)
    assert log.read_bytes() == old, "nothing was written to it"
    log.write_bytes(new)
    assert stored(configured).startswith(new)
    assert verify(log)[0] == 7


def test_older_log_and_tiles_are_refused_by_a_store_that_knows_more(configured, store):
    external = store(*FIT)
    configured.write(f"[store]\nurl = unix://{external.socket}")
    folder = configured.file.parent
    stored(configured)
    shutil.copytree(folder / "audit.jsonl.tiles", folder / "backup.tiles")
    old = (folder / "audit.jsonl").read_bytes()
    stored(configured, times=3)
    shutil.rmtree(folder / "audit.jsonl.tiles")
    (folder / "backup.tiles").rename(folder / "audit.jsonl.tiles")
    (folder / "audit.jsonl").write_bytes(old)
    refuses(configured)


def test_second_server_on_one_log_does_not_write_it(configured, pki, tmp_path):  # noqa: F811
    """Also with a key of its own, and while the first one rotates."""
    other = tmp_path / "other"
    other.mkdir()
    log = tmp_path / "audit.jsonl"
    second = Configured(pki, other)
    second.write()
    text = second.file.read_text().replace(f"{other}/audit.jsonl", str(log))
    rotate = "audit_rotate_bytes = 65536\n"
    second.file.write_text(text.replace("drain_s", f"audit_key = {other}/key\n{rotate}drain_s"))
    configured.file.write_text(configured.file.read_text().replace("drain_s", rotate + "drain_s"))
    first = configured.start()
    with first.connect() as conn:

        def rotated(times):
            for _ in range(40):
                conn.request("POST", "/v1/blobs", first.upload_fields(), first.sealed(300))
            return len(list(tmp_path.glob("audit.jsonl.0*"))) >= times

        with open(other / "stderr", "wb") as err:
            started = subprocess.Popen([BIN / "timeglasd", "-c", second.file], stderr=err)
        try:
            wait_for(lambda: rotated(3), "three files are full", 60)
            wait_for(
                lambda: "uses audit_log or audit_key" in (other / "stderr").read_text(),
                "the second one says why it does not write",
                10,
            )
        finally:
            started.terminate()
            started.wait(20 * SLOW)
    first.stop()
    status, report = verify(log, *tmp_path.glob("audit.jsonl.0*"))
    assert status == 7 and len(report["chains"]) == 1, report
