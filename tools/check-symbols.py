#!/usr/bin/env python3
"""Can a server binary open an envelope? Checks what it imports, what it links, and where each of
its functions comes from.

    tools/check-symbols.py BINARY                 exit 1 and each fault with its cure
    tools/check-symbols.py --must-fail BINARY…    exit 1 when one of these is not stopped for its
                                                  reason (the check's own test)

What may be imported and linked stands in tools/check-symbols.allow. The binary is read the way the
loader reads it (program headers, dynamic section), so section headers that lie change nothing.
docs/threat-model.md says what this proves and what not. A bad server is BUILD/symbols/NAME; the
opening comment of tests/symbols/NAME.c ends with the words that must be among its faults."""
import os
import re
import struct
import subprocess
import sys

sys.dont_write_bytecode = True

from elf import (  # noqa: E402
    DF_TEXTREL,
    DT,
    PF_W,
    PF_X,
    PT_GNU_STACK,
    PT_INTERP,
    SHF_EXECINSTR,
    STT_FUNC,
    STT_IFUNC,
    STT_OBJECT,
    Elf,
    Unreadable,
    members,
)

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALLOWED = "tools/check-symbols.allow"

# What the C compiler itself adds: names, and the most that one may weigh.
STARTUP = {
    "_start", "_init", "_fini", "deregister_tm_clones", "register_tm_clones",
    "__do_global_dtors_aux", "frame_dummy", "_IO_stdin_used", "__abi_tag", "completed.0",
    "call_weak_fn",
}
STARTUP_MAX = 96
PADDING_MAX = 31  # between two functions that are aligned to 32 bytes
TOLD_OF_A_KIND = 20
# Constants that an implementation of the primitive can hardly do without. The server has none of
# its own.
WORDS32 = "32-bit words"
CONSTANTS = {
    "ChaCha20 or XSalsa20": (WORDS32, (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)),
    "Curve25519, 121665": (WORDS32, (121665,)),
    "Curve25519, 121666": (WORDS32, (121666,)),
    "Poly1305 in 64-bit words": ("bytes", struct.pack("<Q", 0x0FFFFFFC0FFFFFFC)),
    "SHA-256": (WORDS32, (0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5)),
    "AES, S-box": ("bytes", bytes.fromhex("637c777bf26b6fc53001672bfed7ab76")),
    "AES, inverse S-box": ("bytes", bytes.fromhex("52096ad53036a538bf40a39e81f3d7fb")),
    "age, X25519 stanza's key": ("bytes", b"age-encryption.org/v1/X25519"),
    "age, scrypt stanza's key": ("bytes", b"age-encryption.org/v1/scrypt"),
}
# Instructions that the compiler uses for nothing else; each has bytes to look for, and a name to
# look for where they stand.
INSTRUCTIONS = {
    "x86": (
        rb"\x0f\x05|\x0f\x34|\xcd\x80|\x66\x0f\x38[\xdb-\xdf]|\x66\x0f\x3a[\x44\xdf]|"
        rb"\xc4[\x00-\xff]{2}[\x44\xdb-\xdf]|"
        rb"\x62[\x00-\xff]{3}[\x44\xdc-\xdf]|\x0f\x38[\xc8-\xcd]|\x0f\x3a\xcc",
        r"\b(syscall|sysenter|int +\$0x80|v?aes\w+|v?pclmul\w+|sha(1|256)\w+)",
    ),
    "aarch64": (rb"[\x00-\xff]", r"\b(svc|aes(d|e|mc|imc)|pmull2?|sha(1|256|512)\w+)\b"),
}
MACHINES = {62: "x86", 183: "aarch64"}


def stem(soname):
    """libcrypto.so.3 → libcrypto, libevent_core-2.1.so.7 → libevent_core"""
    return re.sub(r"(-[0-9.]+)?\.so.*$", "", soname)


def plain(name):
    """The function that glibc's checked and C23 names stand for: __memcpy_chk → memcpy,
    __isoc23_strtol → strtol."""
    fortified = re.fullmatch(r"__(\w+)_chk", name)
    return re.sub(r"^__isoc\d\d_", "", fortified.group(1) if fortified else name)


def allow_list():
    """{library: names}, and the names that may be exported, under "exports"."""
    lists, library = {}, None
    with open(os.path.join(TOP, ALLOWED), encoding="ascii") as f:
        for number, line in enumerate(f, 1):
            words = line.split("#")[0].split()
            if len(words) == 1 and re.fullmatch(r"\[.*\]", words[0]):
                library = lists.setdefault(words[0][1:-1], set())
            elif words and library is None:
                raise Unreadable(f"{ALLOWED}:{number}: a name before the first [library]")
            elif words:
                library.update(words)
    return lists


class Server:
    """What the build made for the server, and what it must not hold. Read once for all binaries."""

    def __init__(self, build):
        self.allowed = allow_list()
        own = [f"{build}/obj/server/main.o", f"{build}/libserver.a", f"{build}/libcore.a"]
        sources = {
            f[:-2]
            for folder in ("server", "core")
            for _, _, names in os.walk(os.path.join(TOP, folder))
            for f in names
            if f.endswith(".c")
        } | {"functions_lua"}
        # (name, size) of each function and object that the server's own objects define
        self.defined, self.strangers, core = set(), [], set()
        for path in own:
            for name, data in members(path):
                if name[:-2] not in sources:
                    self.strangers.append(
                        f"links {name} of {path}, which has no source in server/ or core/: "
                        "take it out of the Makefile's list"
                    )
                for s in Elf(data, name).symbols():
                    if s["defined"] and s["type"] in (STT_FUNC, STT_OBJECT, STT_IFUNC):
                        self.defined.add((s["name"], s["size"]))
                if path.endswith("libcore.a"):
                    core.add(name)
        self.client = {
            s["name"]: name
            for name, data in members(f"{build}/libtimeglas.a")
            if name not in core
            for s in Elf(data, name).symbols()
            if s["defined"] and s["global"] and s["type"] == STT_FUNC
        }
        if not self.defined or not self.client:
            raise Unreadable(
                f"{build}: the objects have no symbols (built for link-time optimization?): build"
                " without"
            )


def imports(elf, allowed):
    """Libraries and symbols, against the list."""
    strings = elf.at(dict(elf.dynamic())[DT["STRTAB"]])
    needed = [elf.string(strings + value) for tag, value in elf.dynamic() if tag == DT["NEEDED"]]
    for soname in needed:
        if stem(soname) not in allowed:
            yield (
                f"links {soname}: take it out, or put [{stem(soname)}] with what is called into"
                f" {ALLOWED}, and the reason into docs/decisions.md"
            )
    of = {
        name: library
        for library, names in allowed.items()
        if library != "exports"
        for name in names
    }
    for s in elf.dynamic_symbols():
        name = s["name"]
        if s["defined"]:
            if s["visible"] and name not in allowed["exports"]:
                yield (
                    f"exports {name}, which then stands before every library's: make it static, "
                    f"or list it under [exports] in {ALLOWED}"
                )
        elif name not in of and plain(name) not in of:
            yield (
                f"imports {name}: do without it, or put it into {ALLOWED} with the reason in"
                " docs/decisions.md; never what decrypts, derives a shared secret, or finds a"
                " function by its name"
            )
        elif s["library"] and stem(s["library"]) != of.get(name, of.get(plain(name))):
            yield (
                f"imports {name} from {s['library']}, but {ALLOWED} has it of"
                f" {of.get(name, of.get(plain(name)))}"
            )


def loading(elf):
    """How the binary is loaded: by the system's loader, from the system's folders, nothing both
    writable and executable."""
    tags, strings = list(elf.dynamic()), None
    interpreter = [s for s in elf.segments if s["type"] == PT_INTERP]
    if not interpreter or not any(tag == DT["NEEDED"] for tag, _ in tags):
        yield (
            "is statically linked: what it holds cannot be told from its imports; link it"
            " dynamically"
        )
        return
    if not re.fullmatch(
        r"/lib(64)?/([\w-]+/)?ld[\w.-]*\.so\.\d", elf.string(interpreter[0]["offset"])
    ):
        yield f"is loaded by {elf.string(interpreter[0]['offset'])}: use the system's loader"
    strings = elf.at(dict(tags)[DT["STRTAB"]])
    for name in ("RPATH", "RUNPATH", "CONFIG", "DEPAUDIT", "AUDIT", "AUXILIARY", "FILTER"):
        for tag, value in tags:
            if tag == DT[name]:
                yield (
                    f"has DT_{name} {elf.string(strings + value)}: another library could take the"
                    " place of the system's; link without it"
                )
    if any(
        tag == DT["TEXTREL"] or tag == DT["FLAGS"] and value & DF_TEXTREL for tag, value in tags
    ):
        yield "has text relocations: its code is written to at start; compile with -fPIC"
    for s in elf.loads():
        if s["flags"] & PF_X and s["flags"] & PF_W:
            yield f"has a segment at {s['vaddr']:#x} that is both writable and executable"
    stack = [s for s in elf.segments if s["type"] == PT_GNU_STACK]
    if not stack or any(s["flags"] & PF_X for s in stack):
        yield "has an executable stack: link with -z noexecstack"
    if len([s for s in elf.loads() if s["flags"] & PF_X]) != 1:
        yield "has more or less than one executable segment"


def origins(elf, server):
    """Every function and object is one of the server's own objects', and every executable byte
    belongs to a function."""
    own = [
        s for s in elf.symbols() if s["defined"] and s["type"] in (STT_FUNC, STT_OBJECT, STT_IFUNC)
    ]
    if not any(s["name"] == "main" for s in own):
        yield "has no symbol table (stripped): check the binary before it is stripped"
        return
    for s in own:
        name = s["name"]
        if name in server.client:
            yield f"holds {name} of the client's {server.client[name]}: the server links core only"
        elif (
            (name, s["size"]) not in server.defined
            and not (name in STARTUP and s["size"] <= STARTUP_MAX)
            and s["size"] > 0
        ):
            yield (
                f"holds {name}, which no object of the server defines in this size: what was linked"
                " in, or built from other sources?"
            )
    code = [s for s in elf.loads() if s["flags"] & PF_X]
    for segment in code:
        start, end = segment["vaddr"], segment["vaddr"] + segment["filesz"]
        covered = []
        for s in own:
            if start <= s["value"] < end:
                if s["type"] == STT_OBJECT:
                    yield (
                        f"has the object {s['name']} among its code: data are not to be executable"
                    )
                else:
                    covered.append((s["value"], s["value"] + s["size"], s["name"]))
        limit = 32 * (len(list(elf.dynamic_symbols())) + 2)
        for s in elf.sections:
            if s["flags"] & SHF_EXECINSTR and s["name"].startswith(".plt") and s["size"] <= limit:
                covered.append((s["addr"], s["addr"] + s["size"], s["name"]))
        at, before = start, "the start"
        for first, last, name in sorted(covered) + [(end, end, "the end")]:
            if first - at > (
                STARTUP_MAX if before in STARTUP or before == "the start" else PADDING_MAX
            ):
                yield (
                    f"has {first - at} bytes of nameless code behind {before}: was a symbol"
                    " stripped?"
                )
            if last >= at:
                at, before = last, name


def constants(elf):
    """Tables and numbers of ciphers and curves, in code or data; instructions that decrypt, or call
    the kernel past libc."""
    images = [elf.data[s["offset"] : s["offset"] + s["filesz"]] for s in elf.loads()]
    for what, (form, value) in CONSTANTS.items():
        wanted = [value] if form == "bytes" else [struct.pack("<I", word) for word in value]
        if all(any(w in image for image in images) for w in wanted):
            yield (
                f"holds constants of a cipher, curve or hash ({what}): the server is not to compute"
                " one itself"
            )
    pattern, mnemonics = INSTRUCTIONS.get(MACHINES.get(elf.machine), (None, None))
    if pattern is None:
        return
    functions = sorted(
        (s["value"], s["value"] + s["size"], s["name"])
        for s in elf.symbols()
        if s["defined"] and s["type"] == STT_FUNC and s["size"]
    )
    suspects = {}
    for first, last, name in functions:
        offset = elf.at(first)
        if re.search(pattern, elf.data[offset : offset + last - first], re.DOTALL):
            suspects[(first, last)] = name
    # Bytes may stand across two instructions, so a disassembler decides.
    for (first, last), name in merged(suspects).items():
        text = subprocess.run(
            [
                "objdump", "--disassemble", f"--start-address={first}", f"--stop-address={last}",
                elf.what,
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for found in sorted({m.group(1) for m in re.finditer(r"\t" + mnemonics, text)}):
            yield (
                f"has the instruction {found} ({name}): the server is neither to encrypt nor to"
                " call the kernel past libc"
            )


def merged(suspects):
    """One run of the disassembler for all, where there are many: the functions between them do no
    harm."""
    if len(suspects) <= 4:
        return suspects
    return {
        (
            min(first for first, _ in suspects),
            max(last for _, last in suspects),
        ): "one of several functions"
    }


def faults(path, server):
    try:
        with open(path, "rb") as f:
            elf = Elf(f.read(), path)
        found = list(loading(elf))
        if any(fault.startswith("is statically") for fault in found):
            return found + list(origins(elf, server))
        return (
            found
            + list(imports(elf, server.allowed))
            + list(origins(elf, server))
            + list(constants(elf))
        )
    except (Unreadable, OSError, struct.error, IndexError, KeyError, ValueError) as e:
        return [f"cannot be read: {e!r}"]


def tell(found):
    """The faults, of each kind (its first word) the first few: a library that was linked in has
    hundreds."""
    for kind in sorted({fault.split()[0] for fault in found}):
        of_kind = [fault for fault in found if fault.split()[0] == kind]
        for fault in of_kind[:TOLD_OF_A_KIND]:
            print(f"  {fault}", file=sys.stderr)
        if len(of_kind) > TOLD_OF_A_KIND:
            print(f"  … and {kind} {len(of_kind) - TOLD_OF_A_KIND} more", file=sys.stderr)


def expected(path):
    """The words in a bad server's opening comment: `… Fault: WORDS. */`"""
    with open(
        os.path.join(TOP, "tests/symbols", os.path.basename(path) + ".c"), encoding="utf-8"
    ) as f:
        words = re.search(r"Fault: (.*?)\.\s*\*/", f.read(), re.DOTALL).group(1)
        return re.sub(r"\s*\n \* ", " ", words)


def must_fail(paths, server):
    def one(path):
        want, found = expected(path), faults(path, server)
        return (
            None
            if any(re.search(rf"(^|\W){re.escape(want)}(\W|$)", f) for f in found)
            else (path, want, found)
        )

    missed = [m for m in map(one, paths) if m]
    for path, want, found in missed:
        print(f"check-symbols: FAILED to stop {path} at '{want}'; it said:", file=sys.stderr)
        tell(found or ["nothing"])
    if not missed:
        print(
            f"check-symbols: the check stops all {len(paths)} binaries that it must stop, each for"
            " its reason"
        )
    return 1 if missed or not paths else 0


def main(argv):
    testing = argv[:1] == ["--must-fail"]
    paths = argv[1:] if testing else argv
    if not paths or not testing and len(paths) != 1:
        print("usage: tools/check-symbols.py BINARY | --must-fail BINARY…", file=sys.stderr)
        return 2
    build = os.path.dirname(paths[0])
    try:
        server = Server(os.path.dirname(build) if testing else build)
    except (Unreadable, OSError) as e:
        print(f"check-symbols: {e}", file=sys.stderr)
        return 2
    if testing:
        return must_fail(paths, server)
    found = server.strangers + faults(paths[0], server)
    if found:
        print(
            f"check-symbols: {paths[0]} is not known to be unable to open an envelope:",
            file=sys.stderr,
        )
        tell(found)
        return 1
    names = sum(len(names) for library, names in server.allowed.items() if library != "exports")
    print(
        f"check-symbols: {paths[0]} imports nothing but {names} listed functions of "
        f"{len(server.allowed) - 1} listed libraries; all its code is the server's own"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
