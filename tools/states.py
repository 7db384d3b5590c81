#!/usr/bin/env python3
"""Draws a state machine from its table of transitions in C, for graphviz:

  tools/states.py FILE.c > docs/states/NAME.dot
  dot -Tsvg docs/states/NAME.dot > docs/states/NAME.svg

FILE.c holds the table as lines "X(FROM, EVENT, TO) \\" of one macro. Events that do not change the
state are not drawn. tests/tools/test_states.py fails when table and drawing differ.
"""
import re
import sys

ROW = re.compile(r"^\tX\((\w+), (\w+), (\w+)\)", re.M)


def word(name):
    return name.lower().replace("_", "-")


def edges(source):
    """{(from, to): [event, …]} of all transitions that change the state."""
    found = {}
    for start, event, end in ROW.findall(source):
        if start != end:
            found.setdefault((word(start), word(end)), []).append(word(event))
    return found


def states(source):
    """All states, in the order of the table."""
    rows = ROW.findall(source)
    return list(dict.fromkeys(word(s) for row in rows for s in (row[0], row[2])))


def dot(path, source):
    name = re.sub(r".*/|_?state\.c$", "", path)
    lines = [
        f"// Made from {path} by tools/states.py.",
        f'digraph "{name}" {{',
        '\tgraph [rankdir=TB, nodesep=0.35, ranksep=0.55, fontname="sans-serif", bgcolor=white];',
        '\tnode [shape=box, style="rounded,filled", fillcolor="#f4f7fa", color="#334455",',
        '\t\tfontname="sans-serif", fontsize=13];',
        '\tedge [color="#667788", fontname="sans-serif", fontsize=9, arrowsize=0.7];',
    ]
    lines += [f'\t"{state}";' for state in states(source)]
    drawn = edges(source)
    often = [(event, end) for (_, end), events in drawn.items() for event in events]
    for (start, end), events in drawn.items():
        label = "\\n".join(events)
        # what leads from many states to one is not what a reader looks for first
        style = ", style=dashed" if all(often.count((e, end)) > 3 for e in events) else ""
        lines.append(f'\t"{start}" -> "{end}" [label="{label}"{style}];')
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="ascii") as file:
        sys.stdout.write(dot(sys.argv[1], file.read()))
