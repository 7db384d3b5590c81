"""Somebody puts an older copy of the evidence in its place, as from a backup. What was signed since
must not be told otherwise under the same name: the recorder goes on only with the newest copy."""
import shutil

import pytest

from audit import verify
from configured import Configured, pki  # noqa: F401  pylint: disable=unused-import
from harness import wait_for
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
    """Starts it. It takes no upload, and says why."""
    try:
        server = c.start()
        server.stop()
        pytest.fail("it is ready with an older copy")
    except AssertionError as e:
        assert "an older copy was put in its place" in str(e), e


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
