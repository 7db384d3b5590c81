"""Goal: no command can be sent to Redis without somebody who hears of its refusal: the compiler
refuses a callback that is left out."""
import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
FLAGS = "-std=gnu11 -D_GNU_SOURCE -I. -Iinclude -Iserver -Ibuild/release/gen -Wall -Werror".split()
HEADERS = ("store/transaction.h", "store/abort.h")
CALLS = {
    "rconn_cmd": "rconn_cmd(0, {cb}, 0, 0, 0, 0)",
    "rconn_expect": "rconn_expect(0, {cb}, 0, 0, 0, 0)",
    "rconn_cmd_early": "rconn_cmd_early(0, {cb}, 0, 0, 0, 0)",
    "rconn_store": "rconn_store(0, {cb}, 0, 0, 0, 0, 0)",
    "rconn_fetch": "rconn_fetch(0, {bulk}, 0, 0, 0, 0, 0)",
    "rconn_on_push": "rconn_on_push(0, {cb}, 0)",
    "cmd_send": "cmd_send(0, 0, {cb}, 0)",
    "transaction_begin": "transaction_begin(0, 0, {cb}, 0)",
    "transaction_exec": "transaction_exec(0, {cb})",
    "abort_send": "abort_send(0, 0, 0, 0, 0, {cb}, 0)",
}


def compiled(call):
    code = "".join(f'#include "{h}"\n' for h in HEADERS)
    code += "void heard(void *ctx, const redisReply *r);\n"
    code += "void moved(void *ctx, long got, const redisReply *r);\n"
    code += "void f(void);\nvoid f(void) { " + call + "; }\n"
    return subprocess.run(
        ["cc", *FLAGS, "-fsyntax-only", "-xc", "-"],
        input=code, text=True, cwd=TOP, capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_callback_cannot_be_left_out(name):
    good = compiled(CALLS[name].format(cb="heard", bulk="moved"))
    assert good.returncode == 0, good.stderr
    bad = compiled(CALLS[name].format(cb="0", bulk="0"))
    assert bad.returncode != 0 and "nonnull" in bad.stderr


def test_every_way_to_send_is_known_here():
    """Of rconn.h and cmd.h, whatever takes a callback."""
    for header in ("server/redis/rconn.h", "server/store/cmd.h", "server/store/transaction.h"):
        text = re.sub(r"/\*.*?\*/", "", (TOP / header).read_text(), flags=re.S)
        found = re.findall(r"\b(\w+)\([^;{]*rconn_(?:bulk_)?cb \*\w+[^;{]*\)", text)
        assert set(found) <= set(CALLS), header
