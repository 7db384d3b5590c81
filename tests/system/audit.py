"""The evidence of a server under test, and what timeglas audit says of it."""
import json
import os
import re
import signal
import subprocess
from pathlib import Path

from harness import BIN, SLOW, wait_for


def audit(command, *args):
    done = subprocess.run([str(BIN / "timeglas"), "audit", command, *map(str, args)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"}, timeout=120)
    assert "Sanitizer" not in done.stderr.decode() and "runtime error" not in done.stderr.decode(), done.stderr.decode()
    return done


def verify(*args):
    """(exit status, report)"""
    done = audit("verify", "--json", *args)
    assert done.returncode in (0, 5), done.stderr
    return done.returncode, json.loads(done.stdout)


def log_of(server):
    return Path(server.env["TIMEGLAS_AUDIT_LOG"])


def key_of(server):
    return Path(server.env["TIMEGLAS_AUDIT_PUB"]).read_text().strip()


def recorder(server):
    """The pid of its recorder, or None for the moment."""
    return next((p for p in server.children(server.proc.pid) if re.search(r"\brecorder\b", server.title(p))), None)


def lines_of(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


def events_of(log):
    return [r for r in lines_of(log) if "event" in r]


def recorded(server, what, blob, timeout=5):
    return wait_for(lambda: [r for r in events_of(log_of(server)) if r["event"] == what and r.get("ref") == blob["ref"]],
                    f"{what} of {blob['ref']} is recorded", timeout)[0]


def finished(server, tmp_path):
    """Stops it in order, and returns a copy of its log."""
    log, copy = log_of(server), tmp_path / "audit.log"
    pub = key_of(server)
    server.close_connections()
    family = server.descendants()
    os.kill(server.proc.pid, signal.SIGTERM)
    status = server.proc.wait(10 * SLOW)
    copy.write_bytes(log.read_bytes())
    server.check_gone(status, family)
    return copy, pub
