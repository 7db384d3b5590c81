"""The timeglas command against a server that attacks it: hostile_server.py has the table. None of
the attacks may succeed: nothing is released but what was asked for, no status claims a success that
is none, nothing steers the terminal, and every command ends in time."""
import concurrent.futures

import pytest

from harness import ROOT, SLOW
from hostile_evidence import World
from hostile_server import rows, run
from hostile_table import HONEST, TABLE
from cli_command import TIMEGLAS


@pytest.fixture(scope="module")
def world(server, tmp_path_factory):
    return World(tmp_path_factory.mktemp("hostile"), server.env, TIMEGLAS)


@pytest.fixture(scope="module")
def results(world):
    """All runs, several at once: most wait for a clock."""
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        runs = {a.name: pool.submit(run, world, a, slow=SLOW) for a in [*HONEST, *TABLE]}
        return {name: future.result() for name, future in runs.items()}


@pytest.mark.parametrize("name", [a.name for a in HONEST])
def test_honest_server_is_served(results, name):
    """Goal: what the attacks change is all that is wrong with this server."""
    faults, err, _ = results[name]
    assert not faults, err


@pytest.mark.parametrize("name", [a.name for a in TABLE])
def test_attack_gets_nowhere(results, name):
    """Goal: the exit status that is due, nothing wrong released, nothing harmful printed, in
    time."""
    faults, err, seconds = results[name]
    assert not faults, f"{faults} after {seconds:.1f} s: {err}"


def test_table_of_the_documents_is_this_one():
    """Goal: the documents tell every attack, and none that is not run."""
    told = [
        line
        for line in (ROOT / "docs/hostile-server.md").read_text().splitlines()
        if line.startswith("| `")
    ]
    assert told == rows(), "python3 tests/system/hostile_server.py --table prints it"
    assert len(TABLE) == len({a.name for a in TABLE}) >= 40
