"""The graph of the program's files, read from the compiled objects' symbol tables and from the
include lines of the sources. layers.py judges it.

A file is named by its path without extension, so that foo.c and foo.h are one. One file uses
another when its object refers to a symbol that the other's object defines, or when one of the two
includes the other's header. Calls through a pointer leave no trace here and do not count."""
import os
import re

from elf import Elf, Unreadable, members

SOURCE_FOLDERS = ("core", "server", "client", "bench")
# What these define anew is libc's to everyone who calls it: all of a file, or the names given.
IN_PLACE_OF_LIBC = {"server/wipe/preload": None, "server/wipe/realloc": {"realloc"}}
# Where the compiler looks for an include, after the folder of the file that has it.
INCLUDE_FOLDERS = ("", "include", "client", "server")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def sources(root):
    """The paths of all C files of the program below root."""
    found = []
    for top in SOURCE_FOLDERS:
        for folder, _, names in os.walk(os.path.join(root, top)):
            found += [
                os.path.relpath(os.path.join(folder, name), root)
                for name in names
                if name.endswith((".c", ".h"))
            ]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read()


def included(root, path, name):
    """The path of the file that an include of `name` in `path` leads to; None outside the tree."""
    for folder in (os.path.dirname(path), *INCLUDE_FOLDERS):
        target = os.path.normpath(os.path.join(folder, name))
        if os.path.isfile(os.path.join(root, target)):
            return target
    return None


def stands_for_libc(file, symbol):
    names = IN_PLACE_OF_LIBC.get(file, set())
    return names is None or symbol in names


class Program:
    """The files of a tree that has been built.

    defined  symbol -> the files whose objects define it; more than one is a fault
    users    symbol -> the files whose objects refer to it, without those that define it
    uses     file -> {file that it uses: why (symbols and includes)}
    """

    def __init__(self, root, build, linked):
        """linked(file, definer) says whether a symbol that two files define may be the definer's
        in `file`: whether one program links both."""
        self.root, self.defined, self.users, self.uses = root, {}, {}, {}
        wanted = {}
        for path in sources(root):
            self.uses.setdefault(path[:-2], {})
            if path.endswith(".c"):
                self._read_object(root, build, path, wanted)
        generated = os.path.join(root, build, "obj/gen")
        for name in sorted(os.listdir(generated)) if os.path.isdir(generated) else []:
            if name.endswith(".o"):
                self._add_symbols(os.path.join(generated, name), f"gen/{name[:-2]}", wanted)
        for file, symbols in wanted.items():
            for symbol in symbols & self.defined.keys():
                self.users.setdefault(symbol, set()).add(file)
                definers = self.defined[symbol]
                for definer in [d for d in definers if linked(file, d)] or definers:
                    self._add_use(file, definer, symbol)
        for path in sources(root):
            for _, name in INCLUDE.findall(read(root, path)):
                target = included(root, path, name)
                if target is not None:
                    self._add_use(path[:-2], target[:-2], f'includes "{name}"')

    def _read_object(self, root, build, path, wanted):
        made = os.path.join(root, build, "obj", path[:-2] + ".o")
        if not os.path.exists(made):
            raise Unreadable(f"{path}: has no object in {build}/obj; run make first")
        if os.path.getmtime(made) < os.path.getmtime(os.path.join(root, path)):
            raise Unreadable(f"{path}: is newer than its object in {build}/obj; run make first")
        self._add_symbols(made, path[:-2], wanted)

    def _add_symbols(self, made, file, wanted):
        for name, data in members(made):
            for symbol in Elf(data, name).symbols():
                if not symbol["global"] or not symbol["name"]:
                    continue
                if not symbol["defined"]:
                    wanted.setdefault(file, set()).add(symbol["name"])
                elif symbol["name"] != "main" and not stands_for_libc(file, symbol["name"]):
                    self.defined.setdefault(symbol["name"], []).append(file)

    def _add_use(self, file, target, why):
        if file != target:
            self.uses.setdefault(file, {}).setdefault(target, []).append(why)
            self.uses.setdefault(target, {})

    def circles(self):
        """The files that use each other in a circle: a list of sorted lists (Tarjan's strongly
        connected components of more than one file)."""
        index, low, stack, on_stack, found = {}, {}, [], set(), []

        def enter(file):
            index[file] = low[file] = len(index)
            stack.append(file)
            on_stack.add(file)
            return iter(self.uses[file])

        for start in sorted(self.uses):
            if start in index:
                continue
            path = [(start, enter(start))]
            while path:
                file, targets = path[-1]
                target = next(targets, None)
                if target is None:
                    path.pop()
                    if path:
                        low[path[-1][0]] = min(low[path[-1][0]], low[file])
                    if low[file] == index[file]:
                        at = stack.index(file)
                        component = stack[at:]
                        del stack[at:]
                        on_stack.difference_update(component)
                        if len(component) > 1:
                            found.append(sorted(component))
                elif target not in index:
                    path.append((target, enter(target)))
                elif target in on_stack:
                    low[file] = min(low[file], index[target])
        return sorted(found)

    def unused(self, public):
        """The symbols that no other object uses and the library does not export."""
        return {
            symbol: files[0]
            for symbol, files in self.defined.items()
            if symbol not in self.users and symbol not in public
        }
