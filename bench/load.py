#!/usr/bin/env python3
"""How long a model of BERT-base's size (110 million random weights, random_models.py) takes to open, next to reading its file once.

In turns on a warm page cache: `cat` of the weights to /dev/null; vecd_open() in FP32 and in INT8. Prints medians and ratios. Needs
the default model (make run fetches it) and build/libvecd.so; nothing beside Python itself.
"""

import argparse
import subprocess
import time

import random_models
from random_models import common

import vecd_c


def seconds_of(call):
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=7)
    options = p.parse_args()
    folder = random_models.make("bert-base-uncased")
    weights = folder / "model.safetensors"
    times = {"cat": [], "fp32": [], "int8": []}
    resident = {}
    for turn in range(options.rounds + 1):  # the first warms the page cache
        now = {"cat": seconds_of(lambda: subprocess.run(["cat", weights], check=True, stdout=subprocess.DEVNULL))}
        for precision in ("fp32", "int8"):
            model = vecd_c.Model.__new__(vecd_c.Model)
            now[precision] = seconds_of(lambda: model.__init__(folder, options.threads, precision))
            resident[precision] = model.info.resident_bytes
            model.close()
        if turn:
            for name, value in now.items():
                times[name].append(value)
    cat = common.median(times["cat"])
    print(f"{'':6} {'ms':>8} {'times cat':>10} {'resident MB':>12}")
    for name, values in times.items():
        ms = common.median(values)
        print(f"{name:6} {ms * 1e3:8.1f} {ms / cat:10.2f}" + (f" {resident[name] / 1e6:12.1f}" if name in resident else ""))


if __name__ == "__main__":
    main()
