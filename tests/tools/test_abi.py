"""Goal: what programs are built against stays: the version map lists each public function by its
name, and the headers are C and C++ of themselves."""
import glob
import os
import re
import subprocess

import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
HEADERS = sorted(glob.glob(os.path.join(TOP, "include/timeglas/*.h")))
LIBRARY = os.path.join(TOP, os.environ.get("TIMEGLAS_BUILD", "build/release"), "libtimeglas.so")


def declared():
    """The functions that the headers declare, without typedefs and macros."""
    text = "".join(open(h, encoding="utf-8").read() for h in HEADERS)
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = "\n".join(line for line in text.splitlines() if not re.match(r"\s*(typedef|#)", line))
    return set(re.findall(r"\b(tg_\w+)\(", text))


def listed():
    text = re.sub(
        r"/\*.*?\*/",
        " ",
        open(os.path.join(TOP, "client/libtimeglas.map"), encoding="utf-8").read(),
        flags=re.S,
    )
    return text.split("global:")[1].split("local:")[0].replace(";", " ").split()


def test_version_map_lists_each_public_function_by_name():
    names = listed()
    assert names == sorted(set(names)), "in order, each once"
    assert not [
        n for n in names if not re.fullmatch(r"tg_\w+", n)
    ], "no patterns: a new symbol is a decision"
    assert set(names) == declared()


def test_library_exports_what_the_map_lists_and_nothing_else():
    out = subprocess.run(
        ["nm", "-D", "--defined-only", LIBRARY], check=True, capture_output=True, text=True
    ).stdout
    names = {line.split()[2] for line in out.splitlines()} - {"TIMEGLAS_0"}
    assert names == {f"{n}@@TIMEGLAS_0" for n in listed()} or {
        n.split("@")[0] for n in names
    } == set(listed())


@pytest.mark.parametrize("header", [os.path.basename(h) for h in HEADERS])
@pytest.mark.parametrize(
    "compiler",
    [["cc", "-x", "c", "-std=c99"], ["c++", "-x", "c++", "-std=c++11"]],
    ids=["c99", "c++11"],
)
def test_each_header_compiles_alone(header, compiler):
    done = subprocess.run(
        [
            *compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
            f"-I{TOP}/include", "-",
        ],
        input=f"#include <timeglas/{header}>\nextern int unit;\n",  # C wants a declaration
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
