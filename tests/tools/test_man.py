"""Goal: section 3 of the manual is that of the header: each public function is described on one
page, with its prototype, and no member of a public struct goes without a word. `man
tg_identity_load` finds its page."""
import os
import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
HEADERS = TOP / "include/timeglas"
PAGES = sorted((TOP / "docs/man").glob("*.3"))
PLAIN = [
    re.sub(r"/\*.*?\*/", "", (HEADERS / name).read_text(), flags=re.S)
    for name in sorted(os.listdir(HEADERS))
]


def tidy(text):
    return re.sub(r"\s+", " ", text).strip()


def prototypes():
    """Name to (result, arguments), of functions and of function types."""
    found = {}
    for text in PLAIN:
        for ret, name, args in re.findall(r"^((?:\w+ )+\*?)(tg_\w+)\(([^;{]*)\);", text, re.M):
            found[name] = (tidy(ret), [tidy(a) for a in args.split(",")])
    return found


def synopsis(page):
    """The same of a page: .Ft, and .Fn or .Fo .Fa .Fc."""
    found, ret, name, args = {}, None, None, []
    text = page.read_text().split(".Sh SYNOPSIS")[1].split("\n.Sh ")[0]
    for line in text.splitlines():
        macro, _, rest = line.partition(" ")
        if macro == ".Ft":
            ret = tidy(rest)
        elif macro == ".Fn":
            found[rest.split()[0]] = (ret, [tidy(a) for a in re.findall(r'"([^"]*)"', rest)])
        elif macro == ".Fo":
            name, args = rest.strip(), []
        elif macro == ".Fa":
            args.append(tidy(rest.strip('"')))
        elif macro == ".Fc":
            found[name] = (ret, args)
    return found


def names(page):
    return re.findall(r"^\.Nm (\w+)", page.read_text().split(".Sh NAME")[1].split(".Nd")[0], re.M)


def test_each_function_is_on_one_page_with_its_prototype():
    described = {}
    for page in PAGES:
        given = synopsis(page)
        assert set(names(page)) - {"libtimeglas"} == {
            n for n, (ret, _) in given.items() if not ret.startswith("typedef")
        }, page.name
        for name, prototype in given.items():
            assert name not in described or prototype[0].startswith(
                "typedef"
            ), f"{name} is on {page.name} and {described[name][0]}"
            described[name] = (page.name, prototype)
    public = prototypes()
    assert len(public) > 60
    assert public.keys() <= described.keys(), sorted(public.keys() - described.keys())
    assert {n: p for n, (_, p) in described.items()} == public


def test_each_member_of_a_public_struct_is_named():
    structs = [
        m for text in PLAIN for m in re.findall(r"typedef struct \{(.*?)\} (tg_\w+);", text, re.S)
    ]
    assert len(structs) > 10
    for body, name in structs:
        page = next(p for p in PAGES if f".Vt {name}" in p.read_text())
        told = set(
            re.findall(
                r"\b(\w+)\b",
                " ".join(re.findall(r"^\.(?:It )?(?:Fa|Vt|Pq|Li|Dv).*", page.read_text(), re.M)),
            )
        )
        pointers = re.findall(r"\(\*(\w+)\)", body)
        plain = [
            re.findall(r"\w+", re.sub(r"\[[^\]]*\]", "", part))[-1]
            for declaration in re.sub(r"[^;]*\(\*\w+\)[^;]*;", "", body).split(";")
            for part in declaration.split(",")
            if part.strip()
        ]
        assert (
            set(pointers + plain) <= told
        ), f"{name} on {page.name}: {sorted(set(pointers + plain) - told)}"


def test_each_reference_leads_to_a_page():
    pages = {(n, "3") for p in PAGES for n in names(p)} | {
        (p.stem, p.suffix[1:]) for p in (TOP / "docs/man").iterdir()
    }
    for page in PAGES:
        for name, section in re.findall(
            r"^(?:\.It |\.Pq )?\.?Xr (\S+) (\d)", page.read_text(), re.M
        ):
            assert (name, section) in pages or name in (
                "age",
                "snprintf",
            ), f"{page.name}: {name}({section})"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_page_is_formatted_without_a_warning(page):
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", str(page)],
        capture_output=True,
        text=True,
        env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "80"},
        check=True,
    )
    assert done.stderr == "" and "NAME" in done.stdout


def test_man_finds_a_function_by_its_name(tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "TIMEGLAS"))}
    install = ["make", f"DESTDIR={tmp_path}", "PREFIX=/opt/timeglas"]
    subprocess.run([*install, "install"], cwd=TOP, check=True, capture_output=True, env=env)
    man = tmp_path / "opt/timeglas/share/man"
    for name in (n for n, (ret, _) in prototypes().items() if not ret.startswith("typedef")):
        assert (man / f"man3/{name}.3").exists(), name
    text = subprocess.run(
        ["man", "-M", str(man), "3", "tg_identity_load"],
        capture_output=True,
        text=True,
        check=True,
        env={**env, "MANPAGER": "cat", "MANWIDTH": "80"},
    ).stdout
    assert "TG_KEYS(3)" in text
    subprocess.run([*install, "uninstall"], cwd=TOP, check=True, capture_output=True, env=env)
    assert not [f for _, _, files in os.walk(tmp_path) for f in files]
