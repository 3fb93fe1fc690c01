#!/usr/bin/env python3
"""How long a model of BERT-base's size (110 million random weights) takes to open, next to reading its file once.

Makes the folder in $VECD_BENCH_DIR (build/bench-models) where it is missing: the default model's tokenizer, weights drawn from a
normal distribution. Then, in turns on a warm page cache: `cat` of the weights to /dev/null; vecd_open() in FP32 and in INT8.
Prints medians and ratios. Needs the default model (make run fetches it) and build/libvecd.so; nothing beside Python itself.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import time
from array import array

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import common  # noqa: E402
import vecd_c  # noqa: E402

HIDDEN, LAYERS, WIDE, VOCAB, POSITIONS = 768, 12, 3072, 30522, 512
ROOM = pathlib.Path(os.environ.get("VECD_BENCH_DIR", "build/bench-models"))


def tensors():
    """(name, shape) of every tensor, in the file's order."""
    yield "embeddings.word_embeddings.weight", (VOCAB, HIDDEN)
    yield "embeddings.position_embeddings.weight", (POSITIONS, HIDDEN)
    yield "embeddings.token_type_embeddings.weight", (2, HIDDEN)
    for part in ("weight", "bias"):
        yield f"embeddings.LayerNorm.{part}", (HIDDEN,)
    for i in range(LAYERS):
        at = f"encoder.layer.{i}."
        linears = [(f"attention.self.{x}", HIDDEN, HIDDEN) for x in ("query", "key", "value")]
        linears += [("attention.output.dense", HIDDEN, HIDDEN), ("intermediate.dense", WIDE, HIDDEN), ("output.dense", HIDDEN, WIDE)]
        for name, n_out, n_in in linears:
            yield f"{at}{name}.weight", (n_out, n_in)
            yield f"{at}{name}.bias", (n_out,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            for part in ("weight", "bias"):
                yield f"{at}{name}.{part}", (HIDDEN,)


def make_folder(folder):
    """A bert-base of random weights. The values repeat after a million: nobody looks."""
    source = common.model_folder()
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    shutil.copy(source / "tokenizer.json", part)
    config = json.loads((source / "config.json").read_text())
    config.update(hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=12, intermediate_size=WIDE)
    (part / "config.json").write_text(json.dumps(config, indent=1))
    header, at = {}, 0
    for name, shape in tensors():
        n = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + n]}
        at += n
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    draw = random.Random(1)
    values = array("f", (draw.gauss(0, 0.02) for _ in range(1 << 20))).tobytes()
    with open(part / "model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for first in range(0, at, len(values)):
            f.write(values[: at - first])
    part.rename(folder)


def seconds_of(call):
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=7)
    options = p.parse_args()
    folder = ROOM / "bert-base-random"
    if not folder.exists():
        print(f"load: making {folder} (440 MB)", file=sys.stderr)
        make_folder(folder)
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
