#!/usr/bin/env python3
"""Proves the house's rooms: includes point only downward, names are unique, files stay short, headers are guarded.

The table of allowed arrows is the block marked "layers" in docs/ARCHITECTURE.md, so that what people read is what is checked.
usage: check_layers.py [ROOT] | --self-test
"""
import pathlib
import re
import sys
import tempfile

MOST_LINES = 700
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
PUBLIC = "vecd.h"  # allowed in every room


def read_table(root):
    """{room: set of rooms it may include}, in the order of the document, lowest first."""
    text = (root / "docs" / "ARCHITECTURE.md").read_text()
    block = re.search(r"^```layers\n(.*?)^```", text, re.M | re.S)
    if not block:
        raise SystemExit("check_layers: docs/ARCHITECTURE.md has no ```layers block")
    table = {}
    for line in block.group(1).splitlines():
        m = re.match(r"(\w+)\s*->\s*([\w ]*)$", line)
        if not m:
            raise SystemExit(f"check_layers: docs/ARCHITECTURE.md: cannot read the row {line!r}")
        below = set(m.group(2).split())
        if not below <= set(table):
            raise SystemExit(f"check_layers: the row of {m.group(1)} points to {sorted(below - set(table))}, not above it")
        table[m.group(1)] = below
    return table


def guards_of(path):
    """base/arena.h -> VECD_BASE_ARENA_H, kern/x86/gemm.h -> VECD_KERN_GEMM_H, vecd.h -> VECD_H

    A noun that begins with its room's name may leave the room out: kern/kern_list.h -> VECD_KERN_LIST_H."""
    if len(path.parts) == 1:
        return [f"{path.stem.upper()}_H"]
    room, noun = path.parts[0].upper(), path.stem.upper()
    return [f"VECD_{room}_{noun}_H"] + ([f"VECD_{noun}_H"] if noun.split("_")[0] == room else [])


def check(root):
    """Yields one "file:line: fault" a fault; counts the files looked at in check.n_files."""
    table = read_table(root)
    src, include = root / "src", root / "include"
    files = sorted(p for base in (src, include) for p in base.rglob("*") if p.suffix in (".c", ".h"))
    check.n_files = len(files)
    names, stems = {}, {}
    for path in files:
        shown = path.relative_to(root)
        inside = path.relative_to(src if src in path.parents else include)
        room = inside.parts[0] if src in path.parents and len(inside.parts) > 1 else None
        lines = path.read_text(errors="replace").splitlines()

        if src in path.parents and room not in table:
            yield f"{shown}:1: is in no room of the table"
            continue
        if len(lines) > MOST_LINES and not path.stem.endswith("_tab"):
            yield f"{shown}:{len(lines)}: longer than {MOST_LINES} lines: which two nouns live in it?"
        if path.name in names:
            yield f"{shown}:1: the name is taken by {names[path.name]}"
        elif path.stem in stems and stems[path.stem] != room:
            yield f"{shown}:1: the noun {path.stem} lives in {stems[path.stem]} already"
        names[path.name], stems[path.stem] = shown, room

        if path.suffix == ".h" and not path.stem.endswith("_body"):  # a body is a template, meant to be included anew
            guards = guards_of(inside)
            text = "\n".join(lines)
            if not any(f"#ifndef {guard}\n#define {guard}\n" in text for guard in guards):
                yield f"{shown}:1: wants the guard {guards[0]}"

        for number, line in enumerate(lines, 1):
            m = INCLUDE.match(line)
            if not m:
                continue
            target = pathlib.PurePosixPath(m.group(1))
            if (include / target).is_file() and str(target) == PUBLIC:
                continue
            if not (src / target).is_file():
                yield f'{shown}:{number}: includes "{target}", which does not exist (give the path from src/)'
                continue
            to = target.parts[0]
            if room is None:
                yield f"{shown}:{number}: the public header may include nothing of ours"
            elif to != room and to not in table[room]:
                yield f"{shown}:{number}: forbidden arrow {room} -> {to} ({target})"


def self_test():
    """A made-up tree with one fault of each kind must give exactly those faults."""
    header = "#ifndef {0}\n#define {0}\n{1}#endif\n"
    good = {
        "docs/ARCHITECTURE.md": "```layers\nbase ->\ntok -> base\nnn -> base\n```\n",
        "include/vecd.h": header.format("VECD_H", ""),
        "src/base/err.h": header.format("VECD_BASE_ERR_H", '#include "vecd.h"\n'),
        "src/base/err.c": '#include "base/err.h"\n',
        "src/tok/words.h": header.format("VECD_TOK_WORDS_H", '#include "base/err.h"\n'),
        "src/nn/layer.c": '#include "base/err.h"\n#include <stdio.h>\n',
    }
    cases = [
        ({}, None),
        ({"src/nn/layer.c": '#include "base/err.h"\n#include "tok/words.h"\n'}, "src/nn/layer.c:2: forbidden arrow nn -> tok"),
        ({"src/base/err.c": '# include "tok/words.h"\n'}, "src/base/err.c:1: forbidden arrow base -> tok"),
        ({"include/vecd.h": header.format("VECD_H", '#include "base/err.h"\n')}, "include/vecd.h:3: the public header"),
        ({"src/nn/layer.c": '#include "base/gone.h"\n'}, 'src/nn/layer.c:1: includes "base/gone.h", which does not exist'),
        ({"src/nn/err.c": ""}, "src/nn/err.c:1: the name is taken by src/base/err.c"),
        ({"src/nn/words.c": ""}, "src/tok/words.h:1: the noun words lives in nn already"),
        ({"src/nn/long.c": "\n" * (MOST_LINES + 1)}, f"src/nn/long.c:{MOST_LINES + 1}: longer than"),
        ({"src/nn/long_tab.c": "\n" * (MOST_LINES + 1)}, None),
        ({"src/nn/bare.h": "int x;\n"}, "src/nn/bare.h:1: wants the guard VECD_NN_BARE_H"),
        ({"src/attic/a.c": ""}, "src/attic/a.c:1: is in no room"),
    ]
    failed = 0
    for changes, expected in cases:
        with tempfile.TemporaryDirectory() as tmp:
            for name, text in {**good, **changes}.items():
                path = pathlib.Path(tmp, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            faults = list(check(pathlib.Path(tmp)))
        if len(faults) != (expected is not None) or (expected and not faults[0].startswith(expected)):
            failed += 1
            print(f"self-test: {sorted(changes)}: expected {expected!r}, got {faults}")
    print(f"check_layers self-test: {len(cases) - failed} passed, {failed} failed")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 1 if self_test() else 0
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    faults = list(check(root))
    for fault in faults:
        print(fault)
    if check.n_files == 0:
        print("check_layers: found no files: a check of nothing proves nothing")
        return 1
    bad = len({f.split(":")[0] for f in faults})
    print(f"check_layers: {check.n_files - bad} passed, {bad} failed")
    return 1 if faults else 0


sys.exit(main())
