#!/usr/bin/python3
"""Makes of server/store/schema.def what is derived from it.

usage: schema.py header OUT     the C header store/schema.h
       schema.py lua OUT        the first file of the Function library: constants, record, events
       schema.py register OUT   its last file: the functions' names
       schema.py docs FILE      writes the tables between the markers of docs/store.md anew
       schema.py docs --check FILE   only says whether they differ; exit 1 then
A file that would not change is left alone.
"""
import ast
import re
import sys
import textwrap
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
SCHEMA = TOP / "server/store/schema.def"
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|/\*.*?\*/|\w+|[^\s\w]', re.S)


class Fault(Exception):
    pass


# The declaration ------------------------------------------------------------------------------


def tokens(text):
    return [t for t in TOKEN.findall(text) if not t.startswith("/*")]


def argument(words):
    """Texts that stand side by side are one; everything else is given back as it stands."""
    if words and all(w.startswith('"') for w in words):
        return "".join(ast.literal_eval(w) for w in words)
    return " ".join(words)


def declarations(text):
    """(name, arguments) of each declaration, in order."""
    found, words = [], tokens(text)
    at = 0
    while at < len(words):
        name, at = words[at], at + 1
        if at >= len(words) or words[at] != "(":
            raise Fault(f"schema: '(' is missing behind {name}")
        args, now, depth, at = [], [], 1, at + 1
        while depth > 0:
            if at >= len(words):
                raise Fault(f"schema: {name} does not end")
            word, at = words[at], at + 1
            depth += {"(": 1, ")": -1}.get(word, 0)
            if depth == 0 or (depth == 1 and word == ","):
                args.append(argument(now))
                now = []
            else:
                now.append(word)
        found.append((name, args))
    return found


SHAPE = {  # how many arguments each has
    "CONST": 4, "SCORE": 3, "KEY": 6, "ENTRY": 4, "FIELD": 6, "STATE": 3, "CAUSE": 3, "SESSION": 5,
    "SESSION_STATE": 3, "IDEMPOTENCY": 3, "LEASE": 3, "SUBJECT": 3, "EVENT": 3,
    "MEMBER": 4, "FUNCTION": 4, "STEP": 6,
}  # fmt: skip


class Schema:
    """All declarations by kind, checked against each other."""

    def __init__(self, text=None):
        self.of = {kind: [] for kind in SHAPE}
        for name, args in declarations(text or SCHEMA.read_text(encoding="utf-8")):
            if SHAPE.get(name) != len(args):
                raise Fault(f"schema: {name} {args[:1]}: unknown, or not of that many arguments")
            self.of[name].append(args)
        self.codes = self.read_codes()
        self.constants = self.evaluate()
        self.check()

    @staticmethod
    def read_codes():
        text = (TOP / "include/timeglas/errors.h").read_text(encoding="utf-8")
        return {n: int(v) for n, v in re.findall(r"X\((E\w+), (\d+), \d+, ", text)}

    def evaluate(self):
        text = (TOP / "include/timeglas/retention.h").read_text(encoding="utf-8")
        known = {}
        for name, value in re.findall(r"#define (TG_\w+) (\(?[\d* u]+\)?)", text):
            known[name] = eval(value.replace("u", ""))
        for name, _users, value, _what in self.of["CONST"]:
            known[name] = eval(value, {"__builtins__": {}}, known)
        return {row[0]: known[row[0]] for row in self.of["CONST"]}

    def answered(self):
        """The codes that functions answer, in the order of their numbers."""
        said = {c for row in self.of["FUNCTION"] for c in re.findall(r"\bE[A-Z]{3,}\b", row[3])}
        unknown = said - set(self.codes)
        if unknown:
            raise Fault(f"schema: no such error: {sorted(unknown)}")
        return sorted(said, key=self.codes.get)

    def members(self, event):
        return [m[1:] for m in self.of["MEMBER"] if m[0] == event]

    def public(self):
        return [f for f in self.of["FIELD"] if f[2] == "PUBLIC"]

    def private(self):
        return [f for f in self.of["FIELD"] if f[2] == "PRIVATE"]

    def check(self):
        names = {kind: {row[0] for row in rows} for kind, rows in self.of.items()}
        for start, by, end, event, cause, _note in self.of["STEP"]:
            wrong = {start, end} - names["STATE"] - {"NONE"}
            wrong |= {event} - names["EVENT"] - {"NONE"}
            wrong |= set(cause.split()) - names["CAUSE"] - {"NONE"}
            wrong |= set(by.split()) - names["FUNCTION"] - {"ANY"}
            if wrong:
                raise Fault(f"schema: STEP from {start} to {end}: unknown: {sorted(wrong)}")
        for row in self.of["MEMBER"]:
            if row[0] not in names["EVENT"]:
                raise Fault(f"schema: MEMBER of {row[0]}, which is no event")
        for row in self.of["SESSION_STATE"]:
            if row[2] not in names["CAUSE"] | {"NONE"}:
                raise Fault(f"schema: SESSION_STATE {row[0]}: no such cause: {row[2]}")
        longest = max(len(row[1]) for row in self.of["CAUSE"])
        if longest > self.constants["CAUSE_MAX"]:
            raise Fault("schema: a cause is longer than CAUSE_MAX")
        self.answered()

    def text_of(self, kind, name):
        return next(row[1] for row in self.of[kind] if row[0] == name)

    def steps(self):
        """Each step once for each of its causes: (from, by, to, event, cause), as texts."""
        for start, by, end, event, causes, _note in self.of["STEP"]:
            for cause in causes.split():
                yield (
                    "" if start == "NONE" else self.text_of("STATE", start),
                    by,
                    "" if end == "NONE" else self.text_of("STATE", end),
                    "" if event == "NONE" else self.text_of("EVENT", event),
                    "" if cause == "NONE" else self.text_of("CAUSE", cause),
                )


# C ---------------------------------------------------------------------------------------------


def x_macro(name, rows):
    lines = [f"#define {name}(X)"] + [f"\tX({', '.join(row)})" for row in rows]
    return " \\\n".join(lines) + "\n"


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def header(s):
    out = [
        "/* schema.h: made by tools/schema.py of server/store/schema.def: do not edit. */",
        "#ifndef STORE_SCHEMA_H",
        "#define STORE_SCHEMA_H",
        "",
    ]
    for name, users, _value, what in s.of["CONST"]:
        if users in ("C", "BOTH"):
            number = s.constants[name]
            suffix = "u" if name.endswith(("_BYTES", "_S")) else ""
            out += [f"/* {what} */", f"#define STORE_{name} {number}{suffix}"]
    out += ["", "/* X(NAME, text) */"]
    out.append(x_macro("STORE_STATES", [(r[0], quoted(r[1])) for r in s.of["STATE"]]))
    out += ["enum store_state {"]
    out += [f"\tSTORE_{r[0]}, /* {r[2]} */" for r in s.of["STATE"]] + ["};", ""]
    out.append(x_macro("STORE_CAUSES", [(r[0], quoted(r[1])) for r in s.of["CAUSE"]]))
    out += [f"#define STORE_CAUSE_{r[0]} {quoted(r[1])}" for r in s.of["CAUSE"]] + [""]
    out += ["/* Fields of a record, in order: the public ones first. */", "enum store_field {"]
    out += [f"\tSTORE_FIELD_{f[1]}, /* {f[0]} */" for f in s.public() + s.private()]
    out += ["\tSTORE_FIELDS,", f"\tSTORE_PUBLIC_FIELDS = {len(s.public())}", "};", ""]
    out += ["/* Fields of a session in an answer, behind its id. */", "enum store_session_field {"]
    told = [f for f in s.of["SESSION"] if f[3] == "TOLD"]
    out += [f"\tSTORE_SESSION_{f[1]}, /* {f[0]} */" for f in told]
    out += ["\tSTORE_SESSION_FIELDS", "};", "", "/* Events, and X(name) for each member */"]
    for name, text, _what in s.of["EVENT"]:
        out.append(f"#define STORE_EVENT_{name} {quoted(text)}")
        rows = [(m[0],) for m in s.members(name)]
        out.append(x_macro(f"STORE_MEMBERS_{name}", rows))
    out += ["/* A blob's life: X(from, by, to, event, cause); \"\" none */"]
    out.append(x_macro("STORE_STEPS", [tuple(map(quoted, row)) for row in s.steps()]))
    out += ["#endif"]
    return "\n".join(out) + "\n"


# Lua -------------------------------------------------------------------------------------------


TAB = "\\t"
ANY = "([^\\t]*)"


def lua_line(names):
    return " .. '\\t' .. ".join(names)


def safe(name):
    """Fields' names that a function may use as its variables."""
    return {"p": "private"}.get(name, name)


def pattern(fields, values, captured):
    """A pattern of a line: what a field must be, what is to be captured, or anything."""
    names = [f[0] for f in fields]
    last = max(names.index(n) for n in list(values) + list(captured))
    parts = [values.get(n, ANY if n in captured else "[^\\t]*") for n in names[: last + 1]]
    return TAB.join(parts) + (TAB + "[^\\n]*" if last + 1 < len(names) else "")


def lua_record(s):
    public, private = [f[0] for f in s.public()], [f[0] for f in s.private()]
    last = "([^\\n]*)"
    args = ", ".join(safe(n) for n in public)
    kept = [f[0] for f in s.public() if f[4] != "DROPPED" and f[0] != "st"]
    gone = ["'gone'"] + [safe(f[0]) if f[0] in kept else "''" for f in s.public()[1:]]
    line = " .. ".join(gone)
    line = "'gone"
    open_quote = True
    for field in s.public()[1:]:
        line += "\\t" if open_quote else " .. '\\t"
        open_quote = True
        if field[0] in kept:
            line += "' .. " + safe(field[0])
            open_quote = False
    line += "'" if open_quote else ""
    fields = ", ".join(f"{n} = {safe(n)}" for n in public)
    blank = ", ".join(f"{n} = ''" for n in private)
    several = ", ".join(f"r.{n}" for n in private)
    plain = {"st": "live", "s": "", "b": "0", "n": "1", "hd": "%d+", "d": "(%S+ %S+ %d)"}
    return f"""
-- A record: its public fields and the rest; its private fields.
local RECORD = '^{TAB.join([ANY] * (len(public) - 1) + [last])}\\n([^\\n]*)\\n'
local PRIVATE = '^{TAB.join([ANY] * (len(private) - 1) + ["(.*)"])}$'
local NO_PRIVATE = '{TAB * (len(private) - 1)}'
-- A live blob as most are, of one chunk behind its record, without session and subject: its public
-- line, and of that what its end needs; its private line.
local PLAIN = '^({pattern(s.public(), plain, ("u", "to", "z", "dl", "d"))})\\n([^\\n]*)\\n'

-- These are the hottest lines of the library. A chain of .. makes one string; table.concat would
-- fill a table first.
local function public_line({args})
	return {lua_line(safe(n) for n in public)}
end

local function private_line({", ".join(private)})
	return {lua_line(private)}
end

local function public_of(b)
	return {lua_line("b." + n for n in public)}
end

local function private_of(b)
	return {lua_line("b." + n for n in private)}
end

-- The public line of a tombstone.
local function tombstone_line({", ".join(safe(n) for n in kept)})
	return {line}
end

-- A record as a table; nil: this is none.
local function record_read(id, v)
	local {args}, rest = string.match(v, RECORD)
	if not rest then
		return nil
	end
	local r = {{id = id, {fields}, {blank}}}
	if rest ~= NO_PRIVATE then
		{several} = string.match(rest, PRIVATE)
	end
	return r
end
"""


def lua_event(name, text, members):
    args = ", ".join(m[0] for m in members)
    parts = [f"'e\\t{text}"]
    for member, when, _what in members:
        if when == "ALWAYS":
            parts[-1] += f"\\t{member}\\t'"
            parts += [member, "'"]
    if parts[-1] == "'":
        parts.pop()
    for member, when, _what in members:
        if when == "FILLED":
            parts.append(f"(({member} or '') ~= '' and '\\t{member}\\t' .. {member} or '')")
    return f"local function event_{name.lower()}({args})\n\treturn {' .. '.join(parts)}\nend\n"


def lua(s):
    out = [
        "#!lua name=timeglas_2",
        "-- schema.lua: made by tools/schema.py of server/store/schema.def: do not edit.",
        "",
        "-- The functions. (A local each would be too many: Lua allows 200.)",
        "local F = {}",
        "",
        "local OK = '0'",
    ]
    codes = s.answered()
    for i in range(0, len(codes), 8):
        part = codes[i : i + 8]
        out.append(f"local {', '.join(part)} = {', '.join(repr(str(s.codes[c])) for c in part)}")
    out.append("")
    for name, users, _value, what in s.of["CONST"]:
        if users in ("LUA", "BOTH"):
            out += [f"-- {what}", f"local {name} = {s.constants[name]}"]
    out += ["-- the same, as SET takes it", f"local TOMBSTONE = '{s.constants['TOMBSTONE_MS']}'"]
    out += ["", "-- Scores of a session's list of its blobs."]
    for name, value, what in s.of["SCORE"]:
        out.append(f"local LIST_{name} = '{value}' -- {what}")
    keys = ", ".join(f"'{row[0]}{row[1]}'" for row in s.of["KEY"])
    out += ["", "-- Behind a shard's prefix: one key of each kind.", f"local KINDS = {{{keys}}}"]
    out.append(lua_record(s))
    out += ["-- What events say: event()."]
    out += [lua_event(n, t, s.members(n)) for n, t, _w in s.of["EVENT"]]
    causes = [(r[1], s.text_of("CAUSE", r[2])) for r in s.of["SESSION_STATE"] if r[2] != "NONE"]
    cause_of = ", ".join(f"{state} = '{cause}'" for state, cause in causes)
    state_of = ", ".join(f"['{cause}'] = '{state}'" for state, cause in causes)
    out += ["-- Why ends what is bound to a session that has ended so, and the other way round."]
    out += [f"local SESSION_CAUSE = {{{cause_of}}}", f"local STATE_OF = {{{state_of}}}", ""]
    fields = ", ".join(f"'{f[0]}'" for f in s.of["SESSION"])
    told = ", ".join(f"s.{f[0]}" for f in s.of["SESSION"] if f[3] == "TOLD")
    out += [f"local SESSION = {{{fields}}}", "", "local function session_record(s)"]
    out += [f"\treturn table.concat({{s.id, {told}}}, '\\t')", "end", "", ""]
    return "\n".join(out)


FLAGS = {"READS": "{'no-writes'}", "WORKS": "{'allow-oom'}", "REFUSED": "{}"}


def register(s):
    out = ["", "-- register.lua: made by tools/schema.py of server/store/schema.def: do not edit."]
    for name, full, _args, _answers in s.of["FUNCTION"]:
        what = f"function_name = 'tg2_{name}', callback = F.{name}, flags = {FLAGS[full]}"
        out.append(f"redis.register_function{{{what}}}")
    return "\n".join(out) + "\n"


# Documents -------------------------------------------------------------------------------------


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [str(cell).replace("|", "\\|") for cell in row]
        lines.append(re.sub(r" +\|", " |", "| " + " | ".join(cells) + " |"))
    return "\n".join(lines)


def code(text):
    return f"`{text}`" if text else ""


def doc_functions(s):
    full = {"READS": "works", "WORKS": "works", "REFUSED": "refused"}
    rows = [(code("tg2_" + r[0]), r[2], r[3], full[r[1]]) for r in s.of["FUNCTION"]]
    return table(["function", "arguments", "answers", "in a full store"], rows)


def doc_events(s):
    rows = []
    for name, text, what in s.of["EVENT"]:
        said = "; ".join(
            f"`{m}` {w}" + (" (only where there is one)" if when == "FILLED" else "")
            for m, when, w in s.members(name)
        )
        rows.append((code(text), what, said))
    return table(["`e`", "says", "other fields, in this order"], rows)


def doc_steps(s):
    def state(name):
        return "-" if name == "NONE" else code(s.text_of("STATE", name))

    rows = []
    for start, by, end, event, causes, note in s.of["STEP"]:
        words = [w for w in by.split() if w != "ANY"]
        who = ", ".join(code(w) for w in words)
        if "ANY" in by.split():
            who += (", " if who else "") + "`reap`, any function that meets it late"
        names = [s.text_of("CAUSE", c) for c in causes.split() if c != "NONE"]
        told = "-" if event == "NONE" else code(s.text_of("EVENT", event))
        if len(names) == len(s.of["CAUSE"]):
            told += " any cause"
        elif names:
            told += " " + ", ".join(code(n) for n in names)
        rows.append((state(start), who, state(end), told, note))
    return table(["from", "by", "to", "event, cause", "when"], rows)


AT_END = {"KEPT": "kept", "DROPPED": "-", "SET": "set"}


def documents(s):
    errors = "Codes: 0, " + ", ".join(f"{c} {s.codes[c]}" for c in s.answered()) + "."
    return {
        "keys": table(
            ["key", "type", "what", "gone at the latest"],
            [(code(r[2]), r[3], r[4], r[5]) for r in s.of["KEY"]],
        ),
        "index": table(
            ["member", "score", "when due"], [(code(r[1]), r[2], r[3]) for r in s.of["ENTRY"]]
        ),
        "record": table(
            ["field", "line", "what", "in a tombstone"],
            [(code(r[0]), r[2].lower(), r[5], AT_END[r[4]]) for r in s.of["FIELD"]],
        ),
        "states": table(["state", "what"], [(code(r[1]), r[2]) for r in s.of["STATE"]]),
        "causes": table(["cause", "why"], [(code(r[1]), r[2]) for r in s.of["CAUSE"]]),
        "session": table(["field", "what"], [(code(r[0]), r[4]) for r in s.of["SESSION"]]),
        "idempotency": table(["field", "what"], [(code(r[0]), r[2]) for r in s.of["IDEMPOTENCY"]]),
        "subject": table(["field", "what"], [(code(r[0]), r[2]) for r in s.of["SUBJECT"]]),
        "lease": table(["field", "what"], [(code(r[0]), r[2]) for r in s.of["LEASE"]]),
        "constants": table(
            ["constant", "value", "what"],
            [(code(r[0]), f"{s.constants[r[0]]:,}", r[3]) for r in s.of["CONST"]],
        ),
        "codes": textwrap.fill(errors, 100),
        "functions": doc_functions(s),
        "events": doc_events(s),
        "steps": doc_steps(s),
    }


MARK = re.compile(r"(<!-- schema: (\w+) -->\n)(.*?)(<!-- end -->)", re.S)


def filled(text, s):
    """A document with its tables made anew."""
    parts = documents(s)
    found = [m.group(2) for m in MARK.finditer(text)]
    if sorted(found) != sorted(parts):
        raise Fault(f"docs: wants one place each for {sorted(parts)}, has {sorted(found)}")
    return MARK.sub(lambda m: m.group(1) + parts[m.group(2)] + "\n" + m.group(4), text)


def write(path, text):
    path = Path(path)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main(args):
    make = {"header": header, "lua": lua, "register": register}
    if len(args) == 2 and args[0] in make:
        write(args[1], make[args[0]](Schema()))
        return 0
    if args[:1] != ["docs"] or len(args) not in (2, 3) or (args[1:-1] not in ([], ["--check"])):
        print(__doc__, file=sys.stderr)
        return 2
    text = Path(args[-1]).read_text(encoding="utf-8")
    new = filled(text, Schema())
    if len(args) == 2:
        write(args[-1], new)
    elif new != text:
        print(f"{args[-1]} differs from server/store/schema.def: run make docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Fault as fault:
        print(fault, file=sys.stderr)
        sys.exit(1)
