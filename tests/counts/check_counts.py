#!/usr/bin/env python3
"""Counts the instructions of count_workloads' workloads under callgrind and compares them with counts.txt.

check_counts.py PROGRAM [--update]

Fails when one has grown by more than 3 %. Whoever means it to grow runs this with --update and commits counts.txt: then
the growth is announced. Counts depend on the compiler, so those of another than the file names (its major version
counts) are not compared; exit code 77, which Meson shows as SKIP. They do not depend on the processor: under valgrind
each that has AVX2 is the same Haswell, to the C library's choice of memcpy() too.

The model is all-MiniLM-L6-v2, by default where tools/get_default_model.sh puts it, or the folder VECD_TEST_MODEL. To encode, a
copy with one of its six layers will do: valgrind emulates a fused multiply-add slowly. What callgrind wrote stays beside PROGRAM,
for callgrind_annotate.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNTS = ROOT / "tests" / "counts" / "counts.txt"
WORKLOADS = ("tokenize", "encode-fp32", "encode-int8", "open-fp32", "print-vector")
MOST_GROWTH = 0.03
SKIP = 77
HEAD = """\
# Instructions of each workload of count_workloads.c (callgrind, AVX2 kernels). Made by check_counts.py --update.
"""


def model_folder():
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    models = os.environ.get("VECD_MODELS") or f"{data}/vecd/models"
    folder = pathlib.Path(os.environ.get("VECD_TEST_MODEL") or f"{models}/all-MiniLM-L6-v2").absolute()
    if not (folder / "model.safetensors").exists():
        sys.exit(f"counts: {folder} is missing: run tools/get_default_model.sh")
    return folder


def link_with_one_layer(folder, goal):
    """The same model with only its first layer; the weights of the others are left unread."""
    for entry in folder.iterdir():
        if entry.name != "config.json":
            (goal / entry.name).symlink_to(entry)
    config = json.loads((folder / "config.json").read_text())
    (goal / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))


def count(program, workload, folder):
    """The instructions of one workload."""
    out = program.parent / f"{workload}.callgrind"
    argv = ["valgrind", "--tool=callgrind", "--quiet", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    env = {"PATH": os.environ["PATH"], "LD_BIND_NOW": "1"}  # neither a user's settings nor the linker's work are counted
    done = subprocess.run([*argv, program, workload, folder], env=env, stdin=subprocess.DEVNULL)
    if done.returncode == SKIP:
        sys.exit(SKIP)
    if done.returncode:
        sys.exit(f"counts: {program.name} {workload} failed under valgrind with exit code {done.returncode}: see above")
    found = re.search(r"^totals: (\d+)$", out.read_text(), re.MULTILINE)
    if not found or int(found.group(1)) == 0:
        sys.exit(f"counts: {out} counts nothing")
    return int(found.group(1))


def read_counts():
    """(compiler, {workload: instructions}) of the committed file."""
    rows = [line.split(" ", 1) for line in COUNTS.read_text().splitlines() if line and not line.startswith("#")]
    facts = dict(rows)
    return facts.pop("compiler"), {name: int(n) for name, n in facts.items()}


def major(compiler):
    """"gcc 12" of "gcc 12.2.0"."""
    return compiler.split(".")[0]


def compare(old, new):
    """Prints the table; the names that have grown, and those that have shrunk, by more than 3 %."""
    grown, shrunk = [], []
    print(f"{'':14}{'counts.txt':>14}{'now':>14}{'change':>9}")
    for name, n in new.items():
        change = n / old[name] - 1
        print(f"{name:14}{old[name]:14}{n:14}{change:+9.2%}")
        if change > MOST_GROWTH:
            grown.append(name)
        elif change < -MOST_GROWTH:
            shrunk.append(name)
    return grown, shrunk


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program", type=pathlib.Path, help="count_workloads of an optimised build")
    p.add_argument("--update", action="store_true", help="write counts.txt anew")
    options = p.parse_args()
    program = options.program.absolute()
    if not shutil.which("valgrind"):
        sys.exit("counts: valgrind is missing: run tools/setup.sh test")
    compiler = subprocess.run([program, "--compiler"], check=True, capture_output=True, text=True).stdout.strip()
    theirs, old = read_counts() if COUNTS.exists() else (compiler, {})
    if not options.update and major(compiler) != major(theirs):
        print(f"counts: SKIPPED: this build is {compiler}'s, counts.txt holds those of {theirs}")
        sys.exit(SKIP)
    if not options.update and set(old) != set(WORKLOADS):
        sys.exit(f"counts: counts.txt has {', '.join(old) or 'nothing'}, not {', '.join(WORKLOADS)}: use --update")

    folder = model_folder()
    with tempfile.TemporaryDirectory() as cut:
        link_with_one_layer(folder, pathlib.Path(cut))
        new = {name: count(program, name, cut if name.startswith("encode") else folder) for name in WORKLOADS}
    if options.update:
        COUNTS.write_text(HEAD + f"compiler {compiler}\n" + "".join(f"{name} {n}\n" for name, n in new.items()))
        print(f"counts: {COUNTS} is written")
        return
    grown, shrunk = compare(old, new)
    built = os.path.relpath(program.parent, ROOT)
    how = f"tests/counts/check_counts.py {built}/{program.name} --update"
    if shrunk:
        print(f"counts: {', '.join(shrunk)}: over 3 % less than counts.txt says. To keep the gain: {how}; commit the file")
    if grown:
        print(f"counts: FAILED: {', '.join(grown)}: over 3 % more than counts.txt says. To see where:")
        print("".join(f"    callgrind_annotate {built}/{name}.callgrind\n" for name in grown) + "If it must be so:")
        print(f"    {how}\nand commit counts.txt with the reason")
        sys.exit(1)


if __name__ == "__main__":
    main()
