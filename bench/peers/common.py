"""Where things are and what machine this is: shared by the scripts of bench/. Plain Python only."""

import contextlib
import json
import os
import pathlib
import re
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VECD_BUILD", ROOT / "build"))  # holds vecd and libvecd.so
PEERS = pathlib.Path(os.environ.get("VECD_PEERS_DIR", BUILD / "peers")).absolute()  # the environment, converted models
RESULTS = ROOT / "bench" / "results"
MODEL_ID = "all-MiniLM-L6-v2"

median = statistics.median


def model_folder():
    """The default model's folder, where tools/get_default_model.sh puts it."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    folder = pathlib.Path(os.environ.get("VECD_MODELS") or f"{data}/vecd/models") / MODEL_ID
    if not (folder / "model.safetensors").exists():
        sys.exit(f"bench: {folder} is missing: run tools/get_default_model.sh")
    return folder


@contextlib.contextmanager
def long_model(max_tokens):
    """The default model, made to take more tokens than it says: up to the 512 rows of its position table."""
    with tempfile.TemporaryDirectory() as name:
        goal = pathlib.Path(name)
        for entry in model_folder().iterdir():
            if entry.name != "sentence_bert_config.json":
                (goal / entry.name).symlink_to(entry.absolute())
        (goal / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": max_tokens, "do_lower_case": False}))
        yield goal


def vecd_program():
    """The program to measure, which must be built."""
    program = BUILD / "vecd"
    if not program.exists():
        sys.exit(f"bench: {program} is missing: run `make build`, or set VECD_BUILD")
    return program


def cpu_facts():
    """{name, slug, features} from /proc/cpuinfo. The slug tells apart processors that a hypervisor gives the same name."""
    text = pathlib.Path("/proc/cpuinfo").read_text()

    def field(key):
        found = re.search(rf"^{key}\s*:\s*(.*)$", text, re.MULTILINE)
        return found.group(1).strip() if found else ""

    name = field("model name") or field("CPU part") or os.uname().machine
    slug = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((R|TM)\)|CPU|@.*", "", name).lower()).strip("-")
    if field("cpu family"):
        slug += f"-f{field('cpu family')}m{field('model')}"
        name += f" (family {field('cpu family')}, model {field('model')})"
    told = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8", "asimddp", "i8mm", "bf16")
    flags = set((field("flags") or field("Features")).split())
    return {"name": name, "slug": slug, "features": [f for f in told if f in flags]}


def warn_if_loaded():
    """Figures taken beside other work are worth little: says so on stderr."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"bench: WARNING: load average {load:.2f}: this machine is not quiet, do not keep these figures", file=sys.stderr)


def timed(run, seconds):
    """The milliseconds of one run after another for so many seconds, of one at least; an earlier one is not counted."""
    run()  # wakes the threads, fills the caches: an engine that stood still starts cold
    out, end = [], time.perf_counter() + seconds
    while True:
        begun = time.perf_counter()
        run()
        now = time.perf_counter()
        out.append((now - begun) * 1e3)
        if now >= end:
            return out
