#!/usr/bin/env python3
"""vecd and its peers side by side on one model: token ids in, normalised vectors out, the workloads of `vecd bench`.

In every round each workload is run by each engine in turn (another one begins each time), so that a clock that wanders meets
them all alike. A turn gives the median of its runs; the figure is the median over rounds. `vecd bench` measures the FP32
multiply-add limit before and after. Prints a table and writes bench/results/<cpu>-<isa>.csv and .svg.
"""

import argparse
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import common
import engines
import plot
import report
import turns
import workloads


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=float, default=0.15, help="length of a turn; one run at least (%(default)s)")
    p.add_argument("--isa", choices=["avx2"], help="hold vecd, and the peers that can be told, to this instruction set")
    p.add_argument("--engines", help="only those whose name has one of these words, comma-separated, and the reference")
    p.add_argument("--workloads", help="only these, comma-separated")
    p.add_argument("--output", type=pathlib.Path, default=common.RESULTS, help="folder of the CSV and the SVG")
    return p.parse_args()


def vecd_bench(threads, isa):
    """What `vecd bench --json` says; fp32, the FP32 limit among it."""
    argv = [common.vecd_program(), "bench", "--json", "--model", common.model_folder(), "--threads", str(threads)]
    out = json.loads(subprocess.run(argv + (["--isa", isa] if isa else []), check=True, capture_output=True).stdout)
    workloads.check_against(out)
    return out


def bench_shares(*runs):
    """{workload: vecd's own measure of its share of the limit}, which is taken within a moment of each other."""
    shares = {}
    for run in runs:
        for w in run["workloads"]:
            shares.setdefault(w["name"], []).append(w["share"])
    return {name: sum(values) / len(values) for name, values in shares.items()}


def least_cosines(all_turns, names, folder):
    """{(engine, workload): least cosine to the reference's vectors}."""
    vectors = {}
    for worker in all_turns.workers:
        for name in names:
            file = f"{folder}/vectors.npy"
            worker.ask(do="vectors", workload=name, file=file)
            v = np.load(file, mmap_mode="r")
            if v.shape != (workloads.WORKLOADS[name][0], workloads.SHAPE["hidden"]):
                sys.exit(f"peers: {worker.name} gives vectors of shape {v.shape} for {name}")
            vectors[worker.name, name] = v.astype(np.float64)
    out = {}
    for (engine, name), v in vectors.items():
        r = vectors[engines.REFERENCE, name]
        if not np.allclose(np.linalg.norm(v, axis=1), 1, atol=1e-3):
            sys.exit(f"peers: {engine} gives vectors for {name} that are not normalised")
        out[engine, name] = float(((v * r).sum(1) / np.linalg.norm(v, axis=1) / np.linalg.norm(r, axis=1)).min())
    return out


def run_rounds(all_turns, names, options):
    """{(engine, workload): [ms of each round]}."""
    ms = {(w.name, name): [] for w in all_turns.workers for name in names}
    n = len(all_turns.workers)
    for turn in range(options.rounds):
        for k, name in enumerate(names):
            if sys.stderr.isatty():
                print(f"\rround {turn + 1} of {options.rounds}, {name:8}", end="", file=sys.stderr)
            for i in range(n):
                worker = all_turns.workers[(i + turn + k) % n]
                ms[worker.name, name].append(common.median(all_turns.time(worker, name, options.seconds)))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return ms


def main():
    options = parse()
    turns.limit_memory()
    names = options.workloads.split(",") if options.workloads else list(workloads.WORKLOADS)
    cpu = common.cpu_facts()
    wanted = engines.chosen(cpu["features"], options.isa)
    if options.engines:
        words = options.engines.lower().split(",")
        wanted = [e for e in wanted if e == engines.REFERENCE or any(w in e.lower() for w in words)]
    common.warn_if_loaded()
    before = vecd_bench(options.threads, options.isa)
    all_turns = turns.Turns(wanted, options.threads, options.isa)
    with tempfile.TemporaryDirectory() as folder:
        cosines = least_cosines(all_turns, names, folder)
    ms = run_rounds(all_turns, names, options)
    versions = {w.name: w.version for w in all_turns.workers}
    resident = {w.name: w.resident for w in all_turns.workers}
    all_turns.end()
    after = vecd_bench(options.threads, options.isa)
    limits = before["limit_gflops"], after["limit_gflops"]

    if all_turns.idle_ms > 0.005 * all_turns.turn_ms:
        sys.exit(f"peers: engines not in turn used {all_turns.idle_ms:.0f} ms of processor time: the figures are void")
    foreign = all_turns.foreign_share()
    if foreign > 0.03:
        print(f"peers: WARNING: {foreign:.1%} of the time went to other processes: do not keep these figures", file=sys.stderr)
    if max(limits) > 1.05 * min(limits):
        print("peers: WARNING: the limit moved by more than 5 %: shares of it mean little here", file=sys.stderr)
    run = {
        "cpu": cpu["name"],
        "isa": before["isa"],
        "features": " ".join(cpu["features"]),
        "date": datetime.date.today().isoformat(),
        "threads": options.threads,
        "rounds": options.rounds,
        "limit_gflops": sum(limits) / 2,
        "limits": limits,
        "bench_shares": bench_shares(before, after),
        "foreign_share": foreign,
        "idle_ms": all_turns.idle_ms,
    }
    result = report.Result(run, wanted, names, ms, cosines, versions, resident)
    print(result.text())
    options.output.mkdir(parents=True, exist_ok=True)
    stem = options.output / f"{cpu['slug']}-{before['isa']}"
    result.write_csv(f"{stem}.csv")
    pathlib.Path(f"{stem}.svg").write_text(plot.svg(result))
    print(f"\n{stem}.csv and .svg are written")


if __name__ == "__main__":
    main()
