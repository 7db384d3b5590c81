"""Goal: tools/deps.sh installs what is missing, and only that, without letting a package start its
service.

apt-get, dpkg-query and the rest are stand-ins in a folder of their own, so nothing is installed.
"""
import os
import subprocess

import pytest

DEPS = os.path.join(os.path.dirname(__file__), "../../tools/deps.sh")


class Machine:
    """A Debian of stand-ins: installed packages, an apt-get that writes down what it was asked and
    what it saw."""

    def __init__(self, folder):
        self.bin, self.log = folder / "bin", folder / "log"
        self.policy = folder / "policy-rc.d"
        self.installed = folder / "installed"
        self.installed.write_text("")
        self.bin.mkdir()
        self.stand_in(
            "dpkg-query", f'grep -qx "$4" {self.installed} && printf "install ok installed"'
        )
        self.stand_in("apt-cache", 'shift; for p; do echo "Candidate: 1"; done')
        self.stand_in(
            "apt-get",
            (
                f'echo "$*" >>{self.log}; [ "$1" != install ] || {{ cat {self.policy} >>{self.log};'
                f" [ ! -e {folder}/broken ]; }}"
            ),
        )
        self.user(0)

    def stand_in(self, name, text):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def user(self, uid):
        self.stand_in("id", f"echo {uid}")
        self.stand_in("sudo", "exit 1")

    def deps(self, *args):
        env = {"PATH": f"{self.bin}:/usr/bin:/bin", "TIMEGLAS_POLICY_RC": str(self.policy)}
        done = subprocess.run([DEPS, *args], env=env, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def asked(self):
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_everything_there_asks_nothing(machine):
    machine.installed.write_text("redis-server\n")
    assert machine.deps("run") == (0, "")
    assert machine.asked() == ""


def test_missing_package_is_installed_without_starting_its_service(machine):
    status, _ = machine.deps("run")
    assert status == 0
    assert "--no-install-recommends redis-server" in machine.asked()
    assert "exit 101" in machine.asked()
    assert not machine.policy.exists()


def test_only_what_is_missing_is_asked_for(machine):
    machine.installed.write_text("redis-server\n")
    machine.deps("run", "cov", "run")
    assert "--no-install-recommends gcovr\n" in machine.asked()


def test_existing_policy_is_left_alone(machine):
    machine.policy.write_text("#!/bin/sh\nexit 0\n")
    machine.deps("run")
    assert "exit 101" not in machine.asked()
    assert machine.policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_failed_installation_is_tried_after_an_update_and_leaves_no_policy(machine, tmp_path):
    (tmp_path / "broken").write_text("")
    status, _ = machine.deps("run")
    assert status != 0
    assert "update" in machine.asked() and machine.asked().count("--no-install-recommends") == 2
    assert not machine.policy.exists()


def test_unknown_package_lists_are_fetched_first(machine):
    machine.stand_in("apt-cache", "")
    machine.deps("run")
    assert machine.asked().startswith("update")


def test_without_root_the_one_command_is_told(machine):
    machine.user(1000)
    status, told = machine.deps("run")
    assert status == 1 and "apt-get install --no-install-recommends redis-server" in told
    assert machine.asked() == ""


def test_check_names_what_is_missing_and_its_cure(machine):
    status, told = machine.deps("--check", "build")
    assert status == 1 and "libevent-dev" in told and "make deps" in told
    assert machine.asked() == ""


def test_unknown_group_is_refused(machine):
    assert machine.deps("novel")[0] == 2
