#!/usr/bin/python3
"""Fails when a file uses one of a layer above its own or beside it, when files use each other in a
circle, and when a global symbol has no user.

"Uses" means an include, or a symbol that the compiled object refers to; so the tree must have been
built. Each layer may use itself and what lies below it in BELOW (transitively). The public headers,
<timeglas/...>, are for everyone, except that the server does not include timeglas.h: it is the
client library's, which holds keys.

What is tolerated stands in tools/layers.allow. An entry there that is no longer true is a fault.

usage: layers.py [--build BUILD] [ROOT]   check a tree (the current directory), built in
                                          ROOT/BUILD (build/release)
       layers.py --prune [ROOT]           delete the entries of the allow list that are untrue
       layers.py --self-test              check that bad trees are refused
"""
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

from elf import Unreadable  # noqa: E402
from objects import INCLUDE, Program, read, sources  # noqa: E402

ALLOW = "tools/layers.allow"
KNOWN = {  # sections of the allow list that are to become empty
    "circles": "files that use each other in circles",
    "twice": "names of two things",
    "unused": "exports without a user",
}
PUBLIC = "client/libtimeglas.map"
BELOW = {
    "core": [],
    "wipe": ["core"],
    "base": ["core", "wipe"],
    "conf": ["base"],
    "net": ["base"],
    "redis": ["conf", "net"],
    "store": ["redis"],
    "http": ["conf", "net"],
    "api": ["store", "http"],
    "worker": ["api"],
    "reaper": ["api"],
    "recorder": ["api"],
    "admin": ["api"],
    "witness": ["admin"],
    "courier": ["conf", "net"],
    "master": ["worker", "reaper", "recorder", "admin", "courier"],
    "main": ["master"],
    "late": [],
    "lib": ["core", "late"],
    "cli": ["lib"],
    "bench": ["master", "lib"],
}


def reachable(layer):
    seen, todo = set(), [layer]
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo += BELOW[at]
    return seen


def layer_of(path):
    """The layer of a file given by its path in the tree, or None."""
    parts = path.split("/")
    if parts[0] in ("core", "bench"):
        return parts[0]
    if parts[0] == "server":
        return "main" if len(parts) == 2 else parts[1]
    return parts[1] if parts[0] == "client" and len(parts) > 2 else None


def target_of(path, quote, name):
    """The layer that an include leads to, or None for a system or public header."""
    if quote == "<" or name.startswith("timeglas/"):
        return None
    if name.startswith("."):
        return layer_of(os.path.normpath(os.path.join(os.path.dirname(path), name)))
    return name.split("/")[0] if "/" in name else layer_of(path)


def include_faults(path, text):
    """What is wrong with the include lines of one file."""
    own, found = layer_of(path), []
    if own not in BELOW:
        return [f"{path}: belongs to no layer; name its folder in tools/layers.py"]
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        target = target_of(path, match[1], match[2])
        where = f"{path}:{line}"
        if match[2] == "timeglas/timeglas.h" and path.startswith("server/"):
            found.append(f"{where}: the server does not include the client library's header")
        elif target is not None and target not in BELOW:
            found.append(f'{where}: "{match[2]}" belongs to no layer')
        elif target is not None and target not in reachable(own):
            found.append(f'{where}: {own} may not include "{match[2]}": {target} is not below it')
    return found


def may_use(file, target):
    """Whether the layers let one file use another; yes for files that were generated."""
    own, other = layer_of(file), layer_of(target)
    return own not in BELOW or other not in BELOW or other in reachable(own)


def call_faults(program, known):
    """Uses of a symbol that a layer above, or beside, defines; symbols that are defined twice, but
    for the known ones; and known ones that are not."""
    found = [
        f"{ALLOW}: {symbol} is not defined twice any more: delete the line in [twice]"
        for symbol in sorted(known)
        if len(program.defined.get(symbol, ())) < 2
    ]
    for symbol, definers in sorted(program.defined.items()):
        if len(definers) > 1 and symbol not in known:
            found.append(f"{definers[0]}.c: {symbol} is also in {definers[1]}.c: rename one")
        for file in sorted(program.users.get(symbol, ())):
            if not any(may_use(file, definer) for definer in definers):
                found.append(f"{file}.c: may not use {symbol}: {definers[0]}.c is not below it")
    return found


def allowed(root):
    """{section: {entry: reason}} of tools/layers.allow; a section that is not there is empty."""
    lists, section = {"circles": {}, "twice": {}, "unused": {}, "kept": {}}, None
    if not os.path.exists(os.path.join(root, ALLOW)):
        return lists
    for line in read(root, ALLOW).splitlines():
        words = line.split(None, 1)
        if not words or words[0].startswith("#"):
            continue
        if re.fullmatch(r"\[\w+\]", words[0]):
            section = lists[words[0][1:-1]]
        else:
            section[words[0]] = words[1] if len(words) > 1 else ""
    return lists


def prune(root, build):
    """Deletes the entries of tools/layers.allow that are no longer true."""
    found = "\n".join(faults(root, build)[0])
    untrue = set(re.findall(rf"^{ALLOW}: (\S+) .*: delete", found, re.M))
    lines = read(root, ALLOW).splitlines(keepends=True)
    kept = [line for line in lines if (line.split(None, 1) or [""])[0] not in untrue]
    with open(os.path.join(root, ALLOW), "w", encoding="utf-8") as out:
        out.writelines(kept)
    print(f"layers: {len(lines) - len(kept)} lines deleted from {ALLOW}")


def circle_faults(program, known):
    """Circles of files, but for those whose files are all known; and known files in no circle."""
    found, seen = [], set()
    for circle in program.circles():
        seen.update(circle)
        if set(circle) <= set(known):
            continue
        uses = [
            f"    {file} -> {target}: {', '.join(why)}"
            for file in circle
            for target, why in sorted(program.uses[file].items())
            if target in circle
        ]
        found.append(f"{circle[0]}: these {len(circle)} files use each other in a circle:")
        found[-1] = "\n".join([found[-1], *uses])
    for file in sorted(set(known) - seen):
        found.append(f"{ALLOW}: {file} is in no circle any more: delete the line in [circles]")
    return found


def tests_using(root, symbols):
    """Those of the symbols that a unit test, fuzzer or system test in C names."""
    found = set()
    for folder, _, names in os.walk(os.path.join(root, "tests")):
        for name in names:
            if name.endswith((".c", ".h")):
                path = os.path.join(folder, name)
                found |= symbols & set(re.findall(r"\w+", open(path, encoding="utf-8").read()))
    return found


def export_faults(root, program, lists):
    """Global symbols without a user; and entries of the allow list that are no longer true."""
    public = set()
    if os.path.exists(os.path.join(root, PUBLIC)):
        public = set(re.findall(r"^\s*(\w+);", read(root, PUBLIC), re.M))
    unused, known = program.unused(public), {**lists["unused"], **lists["kept"]}
    tested, found = tests_using(root, set(unused)), []
    for symbol in sorted(set(unused) - set(known)):
        who = "only tests use" if symbol in tested else "nothing but its own file uses"
        found.append(f"{unused[symbol]}.c: {who} {symbol}: make it static, or delete it")
    for section in ("unused", "kept"):
        for symbol in sorted(set(lists[section]) - set(unused)):
            found.append(f"{ALLOW}: {symbol} has a user, or is gone: delete it from [{section}]")
    for symbol in sorted(s for s, reason in lists["kept"].items() if not reason):
        found.append(f"{ALLOW}: {symbol} is kept without a reason")
    return found


def faults(root, build):
    """All that is wrong with a tree, and the number of its files."""
    paths, found = sources(root), []
    for path in paths:
        found += include_faults(path, read(root, path))
    program, lists = Program(root, build, may_use), allowed(root)
    found += call_faults(program, lists["twice"])
    found += circle_faults(program, lists["circles"])
    found += export_faults(root, program, lists)
    return found, len(paths)


# Files of bad trees; each one must be named in a fault, by its path or by its symbol.
BAD_INCLUDES = {
    "server/base/a.c": '#include "net/loop.h"\n',
    "server/http/b.c": '#include <stdio.h>\n#include "store/store.h"\n',
    "server/store/c.h": '#  include "http/httpd.h"\n',
    "server/conf/d.c": '#include "../net/loop.h"\n',
    "server/reaper/e.c": '#include "worker/worker.h"\n',
    "server/api/f.c": '#include "lib/keys.h"\n',
    "server/api/g.c": "#include <timeglas/timeglas.h>\n",
    "server/novel/h.c": "\n",
    "core/i.c": '#include "lib/keys.h"\n',
    "client/cli/j.c": '#include "net/loop.h"\n',
    "server/store/k.c": '#include "bench/seed.h"\n',
}
GOOD_INCLUDES = {
    "server/main.c": (
        '#include "master/master.h"\n#include "base/log.h"\n#include <timeglas/version.h>\n'
    ),
    "server/api/l.c": (
        '#include "store/store.h"\n#include "http/h1.h"\n#include "core/num.h"\n'
        '#include "local.h"\n'
    ),
    "client/cli/m.c": '#include <timeglas/timeglas.h>\n#include "core/b64.h"\n',
    "bench/n.c": '#include "master/redis_embed.h"\n#include "lib/keys.h"\n',
}
# Trees that are compiled: (what it shows, files, the words that must be in one fault each; none
# for a good tree). main.c is added to each; it uses `start`.
COMPILED = [
    ("a good tree", {"core/a.c": "int start(void); int start(void) { return 0; }\n"}, []),
    (
        "two files that call each other",
        {
            "core/a.c": "int start(void), back(void); int start(void) { return back(); }\n",
            "core/b.c": "int start(void), back(void); int back(void) { return start(); }\n",
        },
        ["these 2 files"],
    ),
    (
        "three files: a call, a variable, an include",
        {
            "core/a.c": "extern int last; int start(void); int start(void) { return last; }\n",
            "core/b.h": '#include "a.h"\n',
            "core/b.c": '#include "b.h"\nextern int last; int last = 1;\n',
            "core/a.h": '#pragma once\n#include "c.h"\n',
            "core/c.h": '#include "b.h"\n',
        },
        ["these 3 files"],
    ),
    (
        "a call up the layers, declared by hand",
        {
            "core/a.c": "int start(void), up(void); int start(void) { return up(); }\n",
            "server/base/b.c": "int up(void); int up(void) { return 1; }\n",
        },
        ["core/a.c: may not use up"],
    ),
    (
        "one name for two things",
        {
            "core/a.c": "int start(void); int start(void) { return 0; }\n",
            "server/base/b.c": "int start(void); int start(void) { return 1; }\n",
        },
        ["start is also in"],
    ),
    (
        "symbols without a user",
        {
            "core/a.c": (
                "int start(void), lonely(void); int start(void) { return lonely(); }\n"
                "int lonely(void) { return 1; }\n"
                "extern const char text[]; const char text[] = {1};\n"
            ),
            "core/b.c": (
                "int tested(void), told(void), tg_public(void);\n"
                "int tested(void) { return 1; }\nint told(void) { return 1; }\n"
                "int tg_public(void) { return 1; }\n"
            ),
            "tests/unit/test_b.c": "int tested(void);\n",
            "client/libtimeglas.map": "X {\nglobal:\n\ttg_public;\n};\n",
            "tools/layers.allow": "[kept]\ntold  as a program outside the tree calls it\n",
        },
        ["file uses lonely", "file uses text", "only tests use tested"],
    ),
    (
        "an allow list that is no longer true",
        {
            "core/a.c": (
                "int start(void), odd(void); int start(void) { return 0; }\n"
                "int odd(void) { return 0; }\n"
            ),
            "tools/layers.allow": (
                "[circles]\ncore/a\n[twice]\nstart\n[unused]\nstart\ngone\n[kept]\nodd\n"
            ),
        },
        [
            "core/a is in no circle", "start is not defined twice", "start has a user",
            "gone has a user", "odd is kept without a reason",
        ],
    ),
]


def write_tree(root, tree):
    for path, text in tree.items():
        os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as out:
            out.write(text)


def compile_tree(root):
    for path in [p for p in sources(root) if p.endswith(".c")]:
        made = os.path.join(root, "b/obj", path[:-2] + ".o")
        os.makedirs(os.path.dirname(made), exist_ok=True)
        command = ["cc", "-c", "-I.", "-Iserver", "-Iclient", "-o", made, path]
        subprocess.run(command, cwd=root, check=True)


def refused_unbuilt(root, what):
    try:
        faults(root, "b")
    except Unreadable:
        return
    sys.exit(f"layers: self-test FAILED: {what} is not noticed")


def self_test():
    """Each bad tree must be refused for its reason, each good one passed."""
    named = {p for p, text in BAD_INCLUDES.items() if include_faults(p, text)}
    wronged = {p for p, text in GOOD_INCLUDES.items() if include_faults(p, text)}
    if named != set(BAD_INCLUDES) or wronged:
        sys.exit(f"layers: self-test FAILED: {sorted(named ^ set(BAD_INCLUDES) | wronged)}")
    for what, tree, wanted in COMPILED:
        with tempfile.TemporaryDirectory() as root:
            main_c = "int start(void); int main(void) { return start(); }\n"
            write_tree(root, {**tree, "server/main.c": main_c})
            refused_unbuilt(root, "a tree that was not built")
            compile_tree(root)
            found = faults(root, "b")[0]
            missed = [w for w in wanted if not any(w in fault for fault in found)]
            if missed or len(found) != len(wanted):
                sys.exit(f"layers: self-test FAILED: {what}: missed {missed}, said {found}")
            os.utime(os.path.join(root, "core/a.c"), (2**32, 2**32))
            refused_unbuilt(root, "a source newer than its object")
    bad = len(BAD_INCLUDES) + sum(len(wanted) for _, _, wanted in COMPILED)
    print(f"layers: the check stops all {bad} faults that it must stop")


def main(argv):
    if argv == ["--self-test"]:
        return self_test()
    build = "build/release"
    if argv[:1] == ["--build"] and len(argv) > 1:
        build, argv = argv[1], argv[2:]
    pruning = argv[:1] == ["--prune"]
    root = argv[-1] if len(argv) > pruning else "."
    try:
        if pruning:
            return prune(root, build)
        found, files = faults(root, build)
    except (Unreadable, OSError) as e:
        sys.exit(f"layers: {e}")
    if found or files == 0:
        sys.exit("\n".join(found) or "layers: no source files here")
    lists = allowed(root)
    print(f"layers: {files} files use only what lies below them")
    for section, what in KNOWN.items():
        if lists[section]:
            print(f"layers: tolerated for now: {len(lists[section])} {what}")


if __name__ == "__main__":
    main(sys.argv[1:])
