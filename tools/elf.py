"""Reads ELF files and archives of them: segments and the dynamic section as the loader sees them,
section headers, and symbol tables. Only 64-bit little-endian files. For check-symbols.py and
layers.py, which judge what is read here."""
import os
import struct

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK = 1, 2, 3, 0x6474E551
PF_X, PF_W = 1, 2
SHT_SYMTAB, SHF_EXECINSTR = 2, 4
DT = {
    "NEEDED": 1,
    "HASH": 4,
    "STRTAB": 5,
    "SYMTAB": 6,
    "RELA": 7,
    "RELASZ": 8,
    "RPATH": 15,
    "TEXTREL": 22,
    "JMPREL": 23,
    "PLTRELSZ": 2,
    "RUNPATH": 29,
    "FLAGS": 30,
    "GNU_HASH": 0x6FFFFEF5,
    "VERSYM": 0x6FFFFFF0,
    "VERNEED": 0x6FFFFFFE,
    "VERNEEDNUM": 0x6FFFFFFF,
    "CONFIG": 0x6FFFFEFA,
    "DEPAUDIT": 0x6FFFFEFB,
    "AUDIT": 0x6FFFFEFC,
    "AUXILIARY": 0x7FFFFFFD,
    "FILTER": 0x7FFFFFFF,
}
DF_TEXTREL = 4
STT_OBJECT, STT_FUNC, STT_IFUNC = 1, 2, 10


class Unreadable(Exception):
    """A file that is not what this check can judge: never a pass."""


class Elf:
    """One ELF file: program headers and dynamic section as the loader sees them; the symbol table
    where there is one."""

    def __init__(self, data, what):
        self.data, self.what = data, what
        if data[:6] != b"\x7fELF\x02\x01":
            raise Unreadable(f"{what}: not a 64-bit little-endian ELF file")
        self.type, self.machine = struct.unpack_from("<HH", data, 16)
        phoff, shoff = struct.unpack_from("<QQ", data, 32)
        phentsize, phnum, shentsize, shnum, shstrndx = struct.unpack_from("<HHHHH", data, 54)
        names = "type flags offset vaddr paddr filesz memsz align".split()
        self.segments = [
            dict(zip(names, struct.unpack_from("<IIQQQQQQ", data, phoff + i * phentsize)))
            for i in range(phnum)
        ]
        names = "name type flags addr offset size link info align entsize".split()
        self.sections = (
            [
                dict(zip(names, struct.unpack_from("<IIQQQQIIQQ", data, shoff + i * shentsize)))
                for i in range(shnum)
            ]
            if shoff
            else []
        )
        if self.sections:
            for s in self.sections:
                s["name"] = self.string(self.sections[shstrndx]["offset"] + s["name"])

    def string(self, at):
        return self.data[at : self.data.index(b"\0", at)].decode("utf-8", "replace")

    def loads(self):
        return [s for s in self.segments if s["type"] == PT_LOAD]

    def at(self, address):
        """The file's offset of an address."""
        for s in self.loads():
            if s["vaddr"] <= address < s["vaddr"] + s["filesz"]:
                return s["offset"] + address - s["vaddr"]
        raise Unreadable(f"{self.what}: address {address:#x} is in no segment")

    def dynamic(self):
        """The entries of the dynamic section, in order."""
        for s in self.segments:
            if s["type"] == PT_DYNAMIC:
                for at in range(s["offset"], s["offset"] + s["filesz"], 16):
                    tag, value = struct.unpack_from("<QQ", self.data, at)
                    if tag == 0:
                        return
                    yield tag, value

    def symbol(self, at, strings):
        name, info, other, shndx, value, size = struct.unpack_from("<IBBHQQ", self.data, at)
        return {
            "name": self.string(strings + name),
            "type": info & 15,
            "global": info >> 4 != 0,
            "defined": shndx != 0,
            "value": value,
            "size": size,
            "index": shndx,
            "visible": other & 3 in (0, 3),
        }

    def dynamic_symbols(self):
        """What is imported and exported: all symbols up to the last one that the hash table or a
        relocation names."""
        tags = dict(self.dynamic())
        if DT["SYMTAB"] not in tags:
            return
        symtab, strtab = self.at(tags[DT["SYMTAB"]]), self.at(tags[DT["STRTAB"]])
        count = 1
        if DT["HASH"] in tags:
            count = struct.unpack_from("<II", self.data, self.at(tags[DT["HASH"]]))[1]
        if DT["GNU_HASH"] in tags:
            table = self.at(tags[DT["GNU_HASH"]])
            buckets, first, bloom, _ = struct.unpack_from("<IIII", self.data, table)
            chains = table + 16 + 8 * bloom + 4 * buckets
            last = max(
                struct.unpack_from(f"<{buckets}I", self.data, table + 16 + 8 * bloom), default=0
            )
            while (
                last >= first
                and not struct.unpack_from("<I", self.data, chains + 4 * (last - first))[0] & 1
            ):
                last += 1
            count = max(count, last + 1, first)
        for start, size in (("RELA", "RELASZ"), ("JMPREL", "PLTRELSZ")):
            if DT[start] in tags:
                at = self.at(tags[DT[start]])
                for entry in range(at, at + tags[DT[size]], 24):
                    count = max(
                        count, (struct.unpack_from("<Q", self.data, entry + 8)[0] >> 32) + 1
                    )
        libraries = self.version_libraries(tags, strtab)
        versym = self.at(tags[DT["VERSYM"]]) if DT["VERSYM"] in tags else None
        for i in range(1, count):
            symbol = self.symbol(symtab + 24 * i, strtab)
            version = (
                struct.unpack_from("<H", self.data, versym + 2 * i)[0] & 0x7FFF
                if versym is not None
                else 0
            )
            symbol["library"] = libraries.get(version)
            yield symbol

    def version_libraries(self, tags, strtab):
        """Version index → the library that an import with this version is bound to."""
        libraries = {}
        at = self.at(tags[DT["VERNEED"]]) if DT["VERNEED"] in tags else 0
        for _ in range(tags.get(DT["VERNEEDNUM"], 0)):
            _, count, name, aux, following = struct.unpack_from("<HHIII", self.data, at)
            entry = at + aux
            for _ in range(count):
                _, _, index, _, after = struct.unpack_from("<IHHII", self.data, entry)
                libraries[index] = self.string(strtab + name)
                entry += after
            at += following
        return libraries

    def symbols(self):
        """The symbol table (not the dynamic one)."""
        for s in self.sections:
            if s["type"] == SHT_SYMTAB:
                strings = self.sections[s["link"]]["offset"]
                for at in range(s["offset"] + 24, s["offset"] + s["size"], 24):
                    yield self.symbol(at, strings)


def members(path):
    """Name and content of an archive's members; of one object, itself."""
    with open(path, "rb") as f:
        data = f.read()
    if not data.startswith(b"!<arch>\n"):
        yield os.path.basename(path), data
        return
    at, long_names = 8, b""
    while at + 60 <= len(data):
        name, size = data[at : at + 16].decode().rstrip(), int(data[at + 48 : at + 58])
        content = data[at + 60 : at + 60 + size]
        if name == "//":
            long_names = content
        elif name not in ("/", "/SYM64/"):
            if name.startswith("/"):
                start = int(name[1:])
                name = long_names[start : long_names.index(b"\n", start)].decode()
            yield name.rstrip("/"), content
        at += 60 + size + size % 2
