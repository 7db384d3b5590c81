"""The benchmarks run, say what they measured in a form that programs can read, and leave nothing behind. Times are never judged here."""
import json
import os
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from harness import BIN, SLOW

BENCH = BIN / "timeglas-bench"


def folders_of(pid):
    """The temporary folders that the descendants of a process name in their command lines."""
    found, todo = set(), [pid]
    while todo:
        proc = Path(f"/proc/{todo.pop()}")
        try:
            found.update(re.findall(r"/tmp/tgb-\w+", (proc / "cmdline").read_text()))
            todo += (proc / "task" / proc.name / "children").read_text().split()
        except OSError:
            continue    # it has just ended
    return found


def users_of(folder):
    """Processes that name a folder in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_text()
        except OSError:
            continue
        if folder in text:
            found.append(f"{entry}: {text}")
    return found


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """What a quick run of expiry writes, and its table."""
    folder = tmp_path_factory.mktemp("bench")
    plot = ["--plot", str(folder / "out.svg")] if shutil.which("gnuplot") else []
    out = subprocess.run([BENCH, "expiry", "--quick", "--json", str(folder / "out.json"), *plot], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False, timeout=60 * SLOW, text=True)
    assert out.returncode == 0, out.stderr
    return {"json": json.loads((folder / "out.json").read_text()), "table": out.stdout, "svg": folder / "out.svg"}


def check_lateness(part):
    """A distribution that holds together: sorted, rising to the part that got there."""
    assert 0 <= part["ended"] <= part["n"] and part["n"] > 0
    curve = part["curve"]
    assert curve == sorted(curve) and len(curve) == min(part["ended"], 200)
    if curve:
        assert curve[-1][1] == pytest.approx(part["ended"] / part["n"], abs=0.001)
        assert part["last_seen_ms"] == curve[-1][0]
    assert (part["max_ms"] is None) == (part["ended"] < part["n"])
    for smaller, larger in (("p50_ms", "p90_ms"), ("p90_ms", "p99_ms"), ("p99_ms", "max_ms")):
        assert part[larger] is None or part[smaller] <= part[larger]


def test_expiry_quick_run_reports_both_systems(figures):
    top = figures["json"]
    assert top["benchmark"] == "expiry" and top["redis"].count(".") == 2 and 200 <= top["blob_bytes"] <= 1000
    assert [cell["system"] for cell in top["cells"]] == ["timeglas", "redis-ttl"]
    for cell in top["cells"]:
        assert cell["live"] == 200 and cell["load"] == "busy"
        assert cell["load_ops_per_s"] > 0 and 0 <= cell["machine_busy"] <= 1
        assert cell["removed"]["n"] == 20 and cell["refused"]["n"] == 3 and cell["memory"]["n"] == 3
        for part in ("removed", "refused", "memory"):
            check_lateness(cell[part])
        for name in ("left_in_redis", "left_in_server"):
            assert 0 <= cell["memory"][name] <= 3


def test_expiry_blobs_are_refused_and_removed(figures):
    """What must be so at any speed: nobody is served after the deadline, and the reaper's keys are gone."""
    cell = figures["json"]["cells"][0]
    assert cell["removed"]["ended"] == cell["removed"]["n"]
    assert cell["refused"]["ended"] == cell["refused"]["confirmed_410"] == cell["refused"]["n"]
    assert cell["refused"]["late_live"] == 0


def test_expiry_memory_search_can_find_a_live_blob(figures):
    """Nothing found after the deadline says something only if the same search finds it before."""
    for cell in figures["json"]["cells"]:
        if not cell["memory"]["readable"]:
            pytest.skip("this user may not read the memory of its own processes")
        assert cell["memory"]["found_live"] == cell["memory"]["n"]


def test_expiry_prints_a_row_for_each_cell(figures):
    rows = [line for line in figures["table"].splitlines() if re.match(r"(timeglas|redis-ttl) +200 busy ", line)]
    assert len(rows) == 2, figures["table"]


@pytest.mark.skipif(not shutil.which("gnuplot"), reason="no gnuplot here: make deps installs it")
def test_expiry_plot_is_an_svg_with_a_curve_for_each_cell(figures):
    text = " ".join(ElementTree.parse(figures["svg"]).getroot().itertext())
    assert "timeglas, 200 live, busy" in text and "Redis TTL, 200 live, busy" in text


def test_expiry_interrupted_leaves_nothing_behind():
    with subprocess.Popen([BENCH, "expiry", "--live", "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as bench:
        line = bench.stderr.readline()
        assert "storing" in line, line   # timeglasd is up
        folder, = folders_of(bench.pid)
        os.kill(bench.pid, signal.SIGINT)
        assert bench.wait(20 * SLOW) != 0
    assert not Path(folder).exists()
    assert not users_of(folder)


# seal ------------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def sealing(tmp_path_factory):
    """What a quick run of seal writes, its table, and the folder that it was given."""
    out, folder = tmp_path_factory.mktemp("seal") / "out.json", tmp_path_factory.mktemp("seal-dir")
    ran = subprocess.run([BENCH, "seal", "--quick", "--dir", folder, "--json", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         check=False, timeout=60 * SLOW, text=True)
    assert ran.returncode == 0, ran.stderr
    return {"json": json.loads(out.read_text()), "table": ran.stdout, "folder": folder}


def rising(spread):
    return 0 <= spread["min"] <= spread["median"] <= spread["max"]


def test_seal_quick_run_reports_every_program(sealing):
    top = sealing["json"]
    assert top["benchmark"] == "seal" and top["bytes"] == 3 << 20 and top["rounds"] == 2 and top["age"]
    assert [(c["operation"], c["to"], c["program"]) for c in top["cells"]] == [
        (operation, to, program) for operation in ("seal", "open") for to in ("file", "/dev/null")
        for program in ("age", "timeglas --raw", "timeglas, signed")]
    for cell in top["cells"]:
        assert all(rising(cell[name]) for name in ("wall_ms", "cpu_ms", "user_ms", "sys_ms")) and cell["wall_ms"]["min"] > 0
        assert ("wall_to_age" in cell) == ("cpu_to_age" in cell) == (cell["program"] != "age")
        if cell["program"] != "age":
            assert rising(cell["wall_to_age"]) and rising(cell["cpu_to_age"])


def test_seal_quick_run_reports_the_library(sealing):
    rows = sealing["json"]["library"]
    assert [(r["operation"], r["form"]) for r in rows] == [("seal", "raw"), ("seal", "signed"), ("open", "raw"), ("open", "signed")]
    assert all(0 < r["median_us"] <= r["p99_us"] <= r["max_us"] and r["n"] == 20 for r in rows)


def test_seal_prints_a_row_for_each_cell(sealing):
    rows = [line for line in sealing["table"].splitlines() if re.match(r"(seal|open) +(file|/dev/null) ", line)]
    assert len(rows) == 12, sealing["table"]


def test_seal_leaves_nothing_behind(sealing):
    assert list(sealing["folder"].iterdir()) == []


def test_seal_interrupted_leaves_nothing_behind(tmp_path):
    with subprocess.Popen([BENCH, "seal", "--size", "16", "--rounds", "99", "--small", "10", "--dir", tmp_path], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as bench:
        while "sealing" not in (line := bench.stderr.readline()):
            assert line, "it ended by itself"
        assert list(tmp_path.iterdir()) != []
        os.kill(bench.pid, signal.SIGINT)
        assert bench.wait(20 * SLOW) != 0
    assert list(tmp_path.iterdir()) == [] and not users_of(str(tmp_path))


@pytest.mark.parametrize("args", [["--age", "/nowhere/age"], ["--age", "false"], ["--dir", "/nowhere"], ["--size", "0"], ["--rounds", "x"]])
def test_seal_says_what_is_wrong(args, tmp_path):
    where = [] if "--dir" in args else ["--dir", tmp_path]
    out = subprocess.run([BENCH, "seal", "--quick", *where, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True)
    assert out.returncode == 1 and args[1] in out.stderr and "timeglas-bench: " in out.stderr
    assert list(tmp_path.iterdir()) == []


# The command line ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args", [[], ["novel"], ["expiry", "more"], ["expiry", "--novel"], ["seal", "more"], ["seal", "--novel"]])
def test_wrong_usage_ends_with_status_2(args):
    out = subprocess.run([BENCH, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True)
    assert out.returncode == 2 and out.stdout == "" and "usage: timeglas-bench" in out.stderr


@pytest.mark.parametrize("args", [["--live", "5"], ["--live", "x"], ["--load", "some"], ["--sample", "0"]])
def test_wrong_value_is_refused(args):
    out = subprocess.run([BENCH, "expiry", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True)
    assert out.returncode == 1 and "timeglas-bench: " in out.stderr


def test_help_names_every_benchmark_and_option():
    out = subprocess.run([BENCH, "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout
    assert "expiry" in out and "seal" in out
    out = subprocess.run([BENCH, "expiry", "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout
    assert all(option in out for option in ("--live", "--load", "--json", "--plot", "--quick"))
    out = subprocess.run([BENCH, "seal", "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout
    assert all(option in out for option in ("--size", "--rounds", "--age", "--dir", "--json", "--quick"))
