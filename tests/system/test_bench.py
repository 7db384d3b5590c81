"""The benchmarks run, say what they measured in a form that programs can read, and leave nothing
behind. Times are never judged here."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from harness import BIN, ROOT, SANITIZED, SLOW, wait_for

BENCH = BIN / "timeglas-bench"
pytestmark = pytest.mark.skipif(
    SANITIZED,
    reason=(
        "comparisons of whole systems run against the release build alone: sanitized they take"
        " minutes, and serve nobody"
    ),
)


def folders_of(pid):
    """The temporary folders that the descendants of a process name in their command lines."""
    found, todo = set(), [pid]
    while todo:
        proc = Path(f"/proc/{todo.pop()}")
        try:
            found.update(re.findall(r"/tmp/tgb-\w+", (proc / "cmdline").read_text()))
            todo += (proc / "task" / proc.name / "children").read_text().split()
        except OSError:
            continue  # it has just ended
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
    out = subprocess.run(
        [BENCH, "expiry", "--quick", "--json", str(folder / "out.json"), *plot],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60 * SLOW,
        text=True,
    )
    assert out.returncode == 0, out.stderr
    return {
        "json": json.loads((folder / "out.json").read_text()),
        "table": out.stdout,
        "svg": folder / "out.svg",
    }


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
    assert (
        top["benchmark"] == "expiry"
        and top["redis"].count(".") == 2
        and 200 <= top["blob_bytes"] <= 1000
    )
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
    """What must be so at any speed: nobody is served after the deadline, and the reaper's keys are
    gone."""
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
    rows = [
        line
        for line in figures["table"].splitlines()
        if re.match(r"(timeglas|redis-ttl) +200 busy ", line)
    ]
    assert len(rows) == 2, figures["table"]


@pytest.mark.skipif(not shutil.which("gnuplot"), reason="no gnuplot here: make deps installs it")
def test_expiry_plot_is_an_svg_with_a_curve_for_each_cell(figures):
    text = " ".join(ElementTree.parse(figures["svg"]).getroot().itertext())
    assert "timeglas, 200 live, busy" in text and "Redis TTL, 200 live, busy" in text


PEERS = {
    "nginx": "/usr/lib/nginx/modules/ngx_http_lua_module.so",
    "nginx-simple": "/usr/lib/nginx/modules/ngx_http_lua_module.so",
    "webdis": "/usr/bin/webdis",
    "redis-tls": "/usr/bin/redis-benchmark",
    "redis-unix": "/usr/bin/redis-benchmark",
}


def need(peer):
    if not Path(PEERS[peer]).exists():
        pytest.skip(f"{peer} is not installed here: tools/deps.sh bench installs it")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """What a quick run of a benchmark writes; each is run once."""
    seen = {}

    def run(*args):
        if args not in seen:
            folder = tmp_path_factory.mktemp("bench")
            plot = (
                ["--plot", str(folder / "out.svg")]
                if shutil.which("gnuplot") and args[0] != "connect"
                else []
            )
            out = subprocess.run(
                [BENCH, args[0], "--quick", *args[1:], "--json", str(folder / "out.json"), *plot],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                check=False,
                timeout=100 * SLOW,
                text=True,
            )
            assert out.returncode == 0, out.stderr
            seen[args] = {
                "json": json.loads((folder / "out.json").read_text()),
                "table": out.stdout,
                "svg": folder / "out.svg",
            }
        return seen[args]

    return run


THROUGHPUT = ("throughput", "--sizes", "4k")


def check_spread(spread):
    assert 0 < spread["min"] <= spread["median"] <= spread["max"] and spread["n"] == 1


def test_throughput_tells_what_timeglas_did_and_cost(quick):
    top = quick(*THROUGHPUT)["json"]
    assert (
        top["benchmark"] == "throughput" and top["ratio_of"] == "timeglas" and top["clients"] == 32
    )
    cell = top["cells"][0]
    assert cell["system"] == "timeglas" and cell["bytes"] == 4096 and cell["workers"] == 1
    check_spread(cell["requests_per_s"])
    (run,) = cell["runs"]
    assert run["requests"] == pytest.approx(run["requests_per_s"] * run["seconds"], rel=0.01)
    for part in ("workers_us", "rest_us", "redis_us", "generator_us"):
        assert run[part] > 0
    # No two processors can have done more than there was time.
    spent = (
        sum(run[part] for part in ("workers_us", "rest_us", "redis_us", "generator_us"))
        * run["requests"]
        / 1e6
    )
    assert spent <= run["seconds"] * top["cores"] * 1.05
    assert 0 <= run["others"] <= 1


@pytest.mark.parametrize("peer", ["nginx", "nginx-simple", "webdis"])
def test_throughput_compares_with_a_peer(quick, peer):
    need(peer)
    top = quick(*THROUGHPUT)["json"]
    ours = top["cells"][0]
    (cell,) = [c for c in top["cells"] if c["label"] == peer]
    check_spread(cell["requests_per_s"])
    assert cell["ratio"]["median"] == pytest.approx(
        ours["requests_per_s"]["median"] / cell["requests_per_s"]["median"], abs=0.002
    )
    assert cell["workers_ratio"]["median"] == pytest.approx(
        ours["workers_us"]["median"] / cell["workers_us"]["median"], abs=0.002
    )
    assert cell["runs"][0]["redis_us"] > 0


@pytest.mark.parametrize("peer", ["redis-tls", "redis-unix"])
def test_throughput_shows_the_ceiling(quick, peer):
    need(peer)
    (cell,) = [c for c in quick(*THROUGHPUT)["json"]["cells"] if c["label"] == peer]
    (run,) = cell["runs"]
    assert run["requests_per_s"] == pytest.approx(
        2 / (1 / run["set_per_s"] + 1 / run["get_per_s"]), rel=0.001
    )
    assert run["workers_us"] is None and run["redis_us"] > 0


@pytest.mark.long
def test_throughput_large_blobs_pass_through_every_system(quick):
    """Several records, chunks and slices: what small ones do not reach. Void runs end with status
    1, so that it ran at all is the test."""
    peers = (
        ",".join(p for p in ("nginx", "nginx-simple", "webdis") if Path(PEERS[p]).exists())
        or "none"
    )
    for cell in quick("throughput", "--sizes", "300k", "--peers", peers)["json"]["cells"]:
        check_spread(cell["requests_per_s"])


def test_throughput_prints_a_row_for_each_system(quick):
    rows = re.findall(r"^ +4096 (\S+)", quick(*THROUGHPUT)["table"], re.M)
    assert rows == [c["label"] for c in quick(*THROUGHPUT)["json"]["cells"]]


@pytest.mark.long
def test_latency_quantiles_rise_and_nothing_due_is_left_out(quick):
    need("nginx")
    top = quick("latency")["json"]
    assert [c["system"] for c in top["cells"]] == ["timeglas", "nginx"]
    assert top["cells"][0]["rate"] == top["cells"][1]["rate"] > 0
    for cell in top["cells"]:
        ms = cell["ms"]
        assert 0 < ms["p50"] <= ms["p90"] <= ms["p99"] <= ms["p999"] <= ms["max"]
        assert cell["requests"] >= cell["rate"] * top["seconds"] * 0.99 and cell["void"] == []
        assert cell["curve"] == sorted(cell["curve"]) and len(cell["curve"]) > 10
    assert set(top["cells"][1]["ratio"]) == set(top["cells"][1]["ms"])


def test_mixed_tells_small_requests_beside_large_transfers(quick):
    """Every small request that was due is counted, alone and beside; the transfers moved bytes, and
    every answer of theirs was right: a void run ends with status 1."""
    need("nginx")
    top = quick("mixed")["json"]
    assert [(c["load"], c["system"]) for c in top["cells"]] == [
        (load, system) for load in ("alone", "beside") for system in ("timeglas", "nginx")
    ]
    for cell in top["cells"]:
        assert cell["requests"] >= cell["rate"] * top["seconds"] * 0.99 - 1
        assert cell["void"] == []
        assert 0 < cell["ms"]["p50"] <= cell["ms"]["p999"] <= cell["ms"]["max"]
    assert (top["large_mib"], top["large_at_once"]) == (2, 2)
    for figures in top["transfers"].values():
        for name in ("mib_per_s", "workers_ms_per_mib", "server_ms_per_mib"):
            check_spread(figures[name])
    assert {(p["load"], p["of"], p["to"]) for p in top["pairs"]} == {
        (load, "timeglas", "nginx") for load in ("alone", "beside")
    }
    assert "MiB a second" in quick("mixed")["table"]


@pytest.mark.long
def test_connect_counts_connections_of_both(quick):
    need("nginx")
    for cell in quick("connect")["json"]["cells"]:
        check_spread(cell["requests_per_s"])
        assert cell["runs"][0]["workers_us"] > 0


@pytest.mark.long
@pytest.mark.parametrize("args", [("throughput", "--sizes", "4k"), ("connect",)])
def test_before_compares_two_builds(quick, args):
    """With itself: two builds are not at hand. The other one's path is what is started: a program
    that is none is an error."""
    cells = quick(*args, "--before", str(BIN / "timeglasd"))["json"]["cells"]
    assert [c["label"] for c in cells] == ["timeglas", "before"] and {
        c["system"] for c in cells
    } == {"timeglas"}
    check_spread(cells[1]["ratio"])
    assert cells[1]["ratio"]["median_low"] is None  # one round has no interval
    out = subprocess.run(
        [BENCH, *args, "--quick", "--before", "/bin/false"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False, timeout=60 * SLOW, text=True,
    )
    assert out.returncode == 1 and "did not become ready" in out.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("throughput", "--sizes", "4k", "--peers", "nginx"),
        pytest.param(("latency",), marks=pytest.mark.long),
    ],
)
def test_before_and_a_peer_take_turns(quick, args):
    """Both builds are compared with the peer, and with each other, in the same rounds."""
    need("nginx")
    top = quick(*args, "--before", str(BIN / "timeglasd"))["json"]
    labels = [c["label" if args[0] == "throughput" else "system"] for c in top["cells"]]
    assert labels == ["timeglas", "before", "nginx"]
    assert [(p["of"], p["to"]) for p in top["pairs"]] == [
        ("timeglas", "nginx"),
        ("before", "nginx"),
        ("timeglas", "before"),
    ]
    name = "ratio" if args[0] == "throughput" else "p99"
    now, before, both = (p[name]["median"] for p in top["pairs"])
    assert both == pytest.approx(now / before, rel=0.02, abs=0.002)


@pytest.mark.long
def test_scale_compares_two_workers_with_one(quick):
    cells = quick("scale", "--sizes", "4k")["json"]["cells"]
    assert [c["workers"] for c in cells] == [2, 1]
    check_spread(cells[1]["ratio"])


@pytest.mark.long
def test_live_compares_many_blobs_with_few(quick):
    cells = quick("live", "--sizes", "4k")["json"]["cells"]
    assert [c["standing"] for c in cells] == [3000, 1000]
    check_spread(cells[1]["server_ratio"])
    for cell in cells:  # of 300 bytes, with what the store keeps beside them
        assert 300 < cell["standing_bytes"] < 3000


def test_subject_tells_how_long_an_erasure_takes_and_what_is_left(tmp_path):
    out = subprocess.run(
        [BENCH, "subject", "--live", "100", "--rounds", "3", "--sizes", "4000"],
        stdout=subprocess.PIPE, check=True, text=True, timeout=120,
    ).stdout
    assert "30 blobs, 100 others live, 3 times" in out
    figures = re.search(
        r"4000 bytes +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +(\d+) of 30, (\d+) after 5 s", out
    ).groups()
    median, *_, worst = map(float, figures[:4])
    assert 0 < median <= worst and figures[4] == "30"
    if "asan" not in str(BENCH):  # whose allocator keeps what is freed
        assert figures[5] == "0"


@pytest.mark.long
def test_live_compares_another_build_in_the_same_way(quick):
    top = quick("live", "--sizes", "4k", "--live", "2000", "--before", str(BIN / "timeglasd"))
    cells = top["json"]["cells"]
    assert [c["label"] for c in cells] == [
        "2000 live",
        "1000 live",
        "before, 2000 live",
        "before, 1000 live",
    ]
    assert [(p["of"], p["to"]) for p in top["json"]["pairs"]] == [
        ("2000 live", "1000 live"),
        ("before, 2000 live", "before, 1000 live"),
    ]
    assert top["table"].count("bytes of Redis's memory for each blob") == 4


@pytest.mark.skipif(not shutil.which("gnuplot"), reason="no gnuplot here: make deps installs it")
@pytest.mark.parametrize("args", [THROUGHPUT, pytest.param(("latency",), marks=pytest.mark.long)])
def test_plot_is_an_svg_with_a_curve_for_each_cell(quick, args):
    need("nginx")
    text = " ".join(ElementTree.parse(quick(*args)["svg"]).getroot().itertext())
    assert "timeglas" in text and "nginx" in text


@pytest.mark.parametrize("args", [["expiry", "--live", "1000"], ["throughput"]])
def test_interrupted_leaves_nothing_behind(args):
    with subprocess.Popen(
        [BENCH, *args], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as bench:
        try:
            line = next(line for line in bench.stderr if "is left out" not in line)
            assert "storing" in line or "round 1" in line, line  # a server is up, or was
            (folder,) = wait_for(lambda: folders_of(bench.pid), "no server was started")
            os.kill(bench.pid, signal.SIGINT)
            assert bench.wait(20 * SLOW) != 0
        finally:
            bench.terminate()
    assert not Path(folder).exists()
    assert not users_of(folder)


# seal ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def sealing(tmp_path_factory):
    """What a quick run of seal writes, its table, and the folder that it was given."""
    out, folder = tmp_path_factory.mktemp("seal") / "out.json", tmp_path_factory.mktemp("seal-dir")
    ran = subprocess.run(
        [BENCH, "seal", "--quick", "--dir", folder, "--json", out], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False, timeout=60 * SLOW, text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return {"json": json.loads(out.read_text()), "table": ran.stdout, "folder": folder}


def rising(spread):
    return 0 <= spread["min"] <= spread["median"] <= spread["max"]


def test_seal_quick_run_reports_every_program(sealing):
    top = sealing["json"]
    assert (
        top["benchmark"] == "seal" and top["bytes"] == 3 << 20 and top["rounds"] == 2 and top["age"]
    )
    assert [(c["operation"], c["to"], c["program"]) for c in top["cells"]] == [
        (operation, to, program)
        for operation in ("seal", "open")
        for to in ("file", "/dev/null")
        for program in ("age", "timeglas --raw", "timeglas, signed")
    ]
    for cell in top["cells"]:
        assert (
            all(rising(cell[name]) for name in ("wall_ms", "cpu_ms", "user_ms", "sys_ms"))
            and cell["wall_ms"]["min"] > 0
        )
        assert ("wall_to_age" in cell) == ("cpu_to_age" in cell) == (cell["program"] != "age")
        if cell["program"] != "age":
            assert rising(cell["wall_to_age"]) and rising(cell["cpu_to_age"])


def test_seal_compares_with_another_build(tmp_path):
    out = tmp_path / "out.json"
    subprocess.run(
        [
            BENCH, "seal", "--quick", "--before", str(Path(BENCH).parent / "timeglas"), "--dir",
            tmp_path, "--json", out,
        ],
        check=True,
        timeout=60 * SLOW,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    cells = json.loads(out.read_text())["cells"]
    assert [c["program"] for c in cells] == ["before", "timeglas, signed"] * 4
    assert all(("wall_to_before" in c) == (c["program"] != "before") for c in cells)


def test_seal_quick_run_reports_the_library(sealing):
    rows = sealing["json"]["library"]
    assert [(r["operation"], r["form"]) for r in rows] == [
        ("seal", "raw"),
        ("seal", "signed"),
        ("open", "raw"),
        ("open", "signed"),
    ]
    for row in rows:
        assert row["n"] == 20 and all(
            0 < row[us]["median"] <= row[us]["p99"] <= row[us]["max"]
            for us in ("wall_us", "cpu_us")
        )


def test_seal_prints_a_row_for_each_cell(sealing):
    rows = [
        line
        for line in sealing["table"].splitlines()
        if re.match(r"(seal|open) +(file|/dev/null) ", line)
    ]
    assert len(rows) == 12, sealing["table"]


def test_seal_leaves_nothing_behind(sealing):
    assert list(sealing["folder"].iterdir()) == []


def test_seal_interrupted_leaves_nothing_behind(tmp_path):
    with subprocess.Popen(
        [BENCH, "seal", "--size", "16", "--rounds", "99", "--small", "10", "--dir", tmp_path],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as bench:
        while "sealing" not in (line := bench.stderr.readline()):
            assert line, "it ended by itself"
        assert list(tmp_path.iterdir()) != []
        os.kill(bench.pid, signal.SIGINT)
        assert bench.wait(20 * SLOW) != 0
    assert list(tmp_path.iterdir()) == [] and not users_of(str(tmp_path))


@pytest.mark.parametrize(
    "args",
    [
        ["--age", "/nowhere/age"], ["--age", "false"], ["--dir", "/nowhere"], ["--size", "0"],
        ["--rounds", "x"],
    ],
)
def test_seal_says_what_is_wrong(args, tmp_path):
    where = [] if "--dir" in args else ["--dir", tmp_path]
    out = subprocess.run(
        [BENCH, "seal", "--quick", *where, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        check=False, text=True,
    )
    assert out.returncode == 1 and args[1] in out.stderr and "timeglas-bench: " in out.stderr
    assert list(tmp_path.iterdir()) == []


# memory --------------------------------------------------------------------

MEMORY = [sys.executable, ROOT / "bench" / "memory.py"]
SMALL = [
    "--uploads", "20", "--size", "128KiB", "--rate", "256KiB", "--spread", "0.2", "--every", "0.1",
    "--connections", "20", "--hold", "0.1", "--limit-all", "1GiB", "--limit-each", "100MiB",
]


def test_memory_small_run_counts_answers_and_memory():
    """Limits are generous: what a few connections cost is mostly what the first of them makes a
    worker load."""
    out = subprocess.run(
        [*MEMORY, *SMALL], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        timeout=60 * SLOW, text=True,
    )
    assert out.returncode == 0, out.stdout + out.stderr
    assert (
        "answered 201: 20;" in out.stdout
        and out.stdout.count("20 answered in") == 2
        and out.stdout.count("20 open") == 2
    )
    figures = re.search(
        (
            r"Pss ([0-9.]+) before, ([0-9.]+) at most .* resident sets ever of each, added up,"
            r" ([0-9.]+)\n"
        ),
        out.stdout,
    )
    assert figures, out.stdout
    before, most, resident = map(float, figures.groups())
    assert 0 < before < most <= resident


@pytest.mark.parametrize(
    "args", [["trickle", "--limit-all", "1MiB"], ["idle", "--limit-each", "1"]]
)
def test_memory_broken_limit_ends_with_status_1(args):
    """The last of an option counts."""
    out = subprocess.run(
        [*MEMORY, *SMALL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        timeout=60 * SLOW, text=True,
    )
    assert out.returncode == 1 and out.stdout.startswith(args[0]) and out.stderr == "", (
        out.stdout + out.stderr
    )


# floods --------------------------------------------------------------------


@pytest.mark.long
def test_floods_small_run_names_a_ratio_for_each(tmp_path):
    """One short pair of each flood: it runs, and its ratio is one of two figures that it also
    tells. How large it is is not judged here."""
    command = [
        sys.executable, ROOT / "bench" / "floods.py", "--pairs", "1", "--seconds", "0.4", "--most",
        "1000000",
    ]
    out = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60 * SLOW,
        text=True,
    )
    assert out.returncode == 0, out.stdout + out.stderr
    for name in ("ffdhe40", "ffdhe150", "keyupdates", "silent", "drip"):
        pair = re.search(
            (
                rf"^  {name} 1: flooded ([0-9.]+) [0-9.]+ \((\d+) requests\), beside ([0-9.]+)"
                r" [0-9.]+ \((\d+)\), ratios ([0-9.]+)"
            ),
            out.stdout,
            re.M,
        )
        assert pair and int(pair[2]) > 10 and int(pair[4]) > 10, out.stdout
        assert float(pair[5]) == pytest.approx(float(pair[1]) / float(pair[3]), rel=0.05, abs=0.02)
        assert re.search(
            rf"^{name}: median ratio of requests {pair[5]},", out.stdout, re.M
        ), out.stdout
    broken = subprocess.run(
        [*command[:-1], "0", "silent"], stdout=subprocess.PIPE, check=False, timeout=60 * SLOW,
        text=True,
    )
    assert broken.returncode == 1
    wrong = subprocess.run(
        [*command, "novel"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True
    )
    assert wrong.returncode == 2 and "novel" in wrong.stderr


@pytest.mark.parametrize("load", [["--rate", "300"], ["--clients", "4"]], ids=["outbox", "clients"])
def test_proofs_can_be_had_while_blobs_end(load, tmp_path):
    out = tmp_path / "out.json"
    subprocess.run(
        [BENCH, "proofs", "--seconds", "1", "--json", out, *load],
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=60 * SLOW,
    )
    told = json.loads(out.read_text())
    assert told["proofs"] == 20 and told["ends_per_s"] > 100
    assert 0 < told["median_ms"] <= told["p99_ms"] <= told["max_ms"] < 10_000


# The command line ----------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        [], ["novel"], ["expiry", "more"], ["expiry", "--novel"], ["seal", "more"],
        ["seal", "--novel"], ["throughput", "--novel"], ["latency", "more"], ["keyupdates"],
        ["keyupdates", "more"], ["proofs", "more"],
        ["connect", "--sizes", "4k"], ["connect", "--plot", "x.svg"],
        ["mixed", "--sizes", "4k"],
    ],
)
def test_wrong_usage_ends_with_status_2(args):
    out = subprocess.run(
        [BENCH, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True
    )
    assert out.returncode == 2 and out.stdout == "" and "usage: timeglas-bench" in out.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["expiry", "--live", "5"], ["expiry", "--live", "x"], ["expiry", "--load", "some"],
        ["expiry", "--sample", "0"], ["throughput", "--sizes", "5"],
        ["throughput", "--sizes", "4k,x"], ["throughput", "--peers", "apache"],
        ["connect", "--before", "/nowhere"], ["scale", "--rounds", "0"],
        ["live", "--seconds", "soon"], ["subject", "--blobs", "65"], ["proofs", "--rate", "x"],
        ["latency", "--share", "101"], ["mixed", "--large", "31"],
    ],
)
def test_wrong_value_is_refused(args):
    out = subprocess.run(
        [BENCH, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True
    )
    assert out.returncode == 1 and "timeglas-bench: " in out.stderr


def test_help_names_every_benchmark_and_option():
    out = subprocess.run([BENCH, "--help"], stdout=subprocess.PIPE, check=True, text=True).stdout
    assert all(
        name in out
        for name in (
            "expiry", "throughput", "latency", "connect", "scale", "live", "mixed", "seal",
            "proofs", "keyupdates", "subject",
        )
    )
    out = subprocess.run(
        [BENCH, "expiry", "--help"], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    assert all(option in out for option in ("--live", "--load", "--json", "--plot", "--quick"))
    out = subprocess.run(
        [BENCH, "seal", "--help"], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    assert all(
        option in out for option in ("--size", "--rounds", "--age", "--dir", "--json", "--quick")
    )
