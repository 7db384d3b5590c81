"""Goal: tests/run believes no program that crashed, was silent, or says something else than it
exits with."""
import importlib.machinery
import importlib.util
import os
import subprocess

PATH = os.path.join(os.path.dirname(__file__), "../run")
loader = importlib.machinery.SourceFileLoader("runner", PATH)
runner = importlib.util.module_from_spec(importlib.util.spec_from_loader("runner", loader))
loader.exec_module(runner)

PASSES = "[ RUN      ] a_b_c\n[       OK ] a_b_c\n"
SKIPS = "[ RUN      ] d_e_f\nSKIP: no vectors here\n[  SKIPPED ] d_e_f\n"
FAILS = "[ RUN      ] g_h_i\n[  ERROR   ] --- 1 != 2\n[   LINE   ] --- x.c:1\n[  FAILED  ] g_h_i\n"


def counts(output, cases, status=0):
    if cases is not None:
        output += f"[==========] {cases} test(s) run.\n"
    tally = runner.cmocka_cases("t", status, output)
    return tally.passed, len(tally.failed), len(tally.skipped)


def test_every_case_counts():
    assert counts(PASSES + SKIPS + FAILS, 3, status=1) == (1, 1, 1)


def test_skips_keep_their_reason():
    assert runner.cmocka_cases("t", 0, SKIPS + "[==========] 1 test(s) run.").skipped == [
        "t.d_e_f: no vectors here"
    ]


def test_crash_in_a_case_is_a_failure():
    assert counts(PASSES + "[ RUN      ] j_k_l\n", None, status=-11) == (1, 1, 0)


def test_exit_in_a_case_is_a_failure():
    assert counts(PASSES + "[ RUN      ] j_k_l\n", None, status=0) == (1, 1, 0)


def test_silence_is_a_failure():
    assert counts("", None) == (0, 1, 0)


def test_cases_that_were_never_run_are_a_failure():
    assert counts(PASSES, 2)[1] == 1


def test_bad_exit_status_after_passing_is_a_failure():
    assert counts(PASSES, 1, status=99) == (1, 1, 0)


def test_time_over_is_a_failure():
    assert counts(PASSES, None, status=None) == (1, 1, 0)


def told(output, status=0):
    tally = runner.told("g", status, output)
    return tally.passed, len(tally.failed), len(tally.skipped)


def test_lane_takes_over_what_a_group_said():
    assert told("g: …\nskipped  a: why\nall of it took 1 s\n3 passed, 0 failed, 1 skipped\n") == (
        3,
        0,
        1,
    )
    assert told("FAILED  b\n2 passed, 1 failed, 0 skipped\n", status=1) == (2, 1, 0)


def test_lane_believes_no_group_that_did_not_sum_up():
    assert told("", status=-9) == (0, 1, 0)
    assert told("3 passed, 0 failed, 0 skipped in 2 s\n") == (0, 1, 0)


def test_lane_believes_no_group_that_contradicts_itself():
    assert told("3 passed, 1 failed, 0 skipped\n", status=1)[1] == 1
    assert told("3 passed, 0 failed, 0 skipped\n", status=1)[1] == 1
    assert told("FAILED  b\n3 passed, 1 failed, 0 skipped\n", status=0)[1] == 2
    assert told("3 passed, 0 failed, 2 skipped\nskipped  a\n")[1] == 1


def test_lanes_run_every_group_once():
    """All but what `make test-all` names."""
    assert sorted(group for groups in runner.LANES for group in groups) == sorted(
        set(runner.GROUPS) - set(runner.ONLY_WHEN_NAMED)
    )


def test_check_says_that_it_is_a_part_and_when_it_took_too_long(capsys):
    assert {group for groups in runner.CHECK_LANES for group in groups} <= set(runner.GROUPS)
    for seconds, late in ((60, False), (61, True)):
        runner.say_time(seconds, runner.CHECK_LANES)
        out = capsys.readouterr().out
        assert "`make test` runs every test" in out and ("too long" in out) == late
    runner.say_time(61, runner.LANES)
    out = capsys.readouterr().out
    assert "make test" in out and "too long" not in out and "every test" not in out


def test_process_left_behind_is_a_failure(tmp_path):
    """A shell that ends before its child: the child must be found and ended, and counted."""
    script = f"""
import importlib.machinery, importlib.util
loader = importlib.machinery.SourceFileLoader("runner", {PATH!r})
runner = importlib.util.module_from_spec(importlib.util.spec_from_loader("runner", loader))
loader.exec_module(runner)
def leave():
    tally = runner.Tally()
    status, out = runner.run(["sh", "-c", "sleep 300 >/dev/null 2>&1 & echo $!"], 10)
    tally.passed = int(status == 0)
    print("pid", out.strip())
    return tally
runner.GROUPS.clear()
runner.GROUPS["leave"] = leave
runner.main(["leave"])
"""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    pid = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("pid "))
    assert done.returncode == 1
    assert "left a process behind: sleep 300" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"
    assert not os.path.exists(f"/proc/{pid}")
