#!/usr/bin/python3
"""Fails when a source file includes one of a layer above its own, or beside it.

Each layer may include itself and what lies below it in BELOW (transitively). The public headers,
<timeglas/...>, are for everyone, except that of the server only main includes timeglas.h, for its
version: it is the client library's, which holds keys.

usage: layers.py [ROOT]       check a tree (the current directory)
       layers.py --self-test  check that bad trees are refused
"""
import os
import re
import sys
import tempfile

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
    "master": ["worker", "reaper", "recorder", "admin"],
    "main": ["master"],
    "lib": ["core"],
    "cli": ["lib"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


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
    if parts[0] == "core":
        return "core"
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


def faults(root):
    found, files = [], 0
    for top in ("core", "server", "client"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(n for n in names if n.endswith((".c", ".h"))):
                full = os.path.join(folder, name)
                path = os.path.relpath(full, root)
                files += 1
                found += faults_of(path, open(full, encoding="utf-8").read())
    return found, files


def faults_of(path, text):
    own, found = layer_of(path), []
    if own not in BELOW:
        return [f"{path}: belongs to no layer; name its folder in tools/layers.py"]
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        target = target_of(path, match[1], match[2])
        where = f"{path}:{line}"
        if match[2] == "timeglas/timeglas.h" and path.startswith("server/") and own != "main":
            found.append(f"{where}: the server does not include the client library's header")
        elif target is not None and target not in BELOW:
            found.append(f'{where}: "{match[2]}" belongs to no layer')
        elif target is not None and target not in reachable(own):
            found.append(f'{where}: {own} may not include "{match[2]}": {target} is not below it')
    return found


def self_test():
    """Each bad file must be found, each good one passed."""
    bad = {
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
    }
    good = {
        "server/main.c": (
            '#include "master/master.h"\n#include "base/log.h"\n#include <timeglas/timeglas.h>\n'
        ),
        "server/api/k.c": (
            '#include "store/store.h"\n#include "http/h1.h"\n#include "core/num.h"\n#include'
            ' "local.h"\n'
        ),
        "client/cli/l.c": '#include <timeglas/timeglas.h>\n#include "core/b64.h"\n',
    }
    for tree, expected in ((bad, set(bad)), (good, set()), ({**bad, **good}, set(bad))):
        with tempfile.TemporaryDirectory() as root:
            for path, text in tree.items():
                os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as out:
                    out.write(text)
            named = {fault.split(":")[0] for fault in faults(root)[0]}
            if named != expected:
                sys.exit(f"layers: self-test FAILED: {sorted(named ^ expected)}")
    print(f"layers: the check stops all {len(bad)} files that it must stop")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found, files = faults(sys.argv[1] if len(sys.argv) > 1 else ".")
    if found or files == 0:
        sys.exit("\n".join(found) or "layers: no source files here")
    print(f"layers: {files} files include only what lies below them")


if __name__ == "__main__":
    main()
