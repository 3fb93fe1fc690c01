#!/usr/bin/env python3
"""Full-size models of several families, random weights: opening, bytes and speed of vecd in both precisions, beside torch.

Each folder is what transformers itself saves of a model it has just made from the family's config (build/bench-models, up to 2.4 GB
each), with the default model's tokenizer: ids go in, so what it says does not matter. vecd and torch take turns on one workload;
shares of the FP32 multiply-add limit are those `vecd bench` measures. Prints a table and writes bench/results/<cpu>-families.csv.
"""

import argparse
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np

import common
import vecd_c

ROOM = pathlib.Path(os.environ.get("VECD_BENCH_DIR", common.BUILD / "bench-models"))

# name: (model_type, config, workload (texts, tokens) for the turns)
FAMILIES = {
    "bert-base": ("bert", dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072), (8, 128)),
    "e5-small-v2": ("bert", dict(hidden_size=384, num_hidden_layers=12, num_attention_heads=12, intermediate_size=1536), (8, 128)),
    "instructor-base": (
        "t5",
        dict(d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12, vocab_size=32128, feed_forward_proj="relu"),
        (8, 128),
    ),
    "multilingual-e5-small": (
        "bert",
        dict(hidden_size=384, num_hidden_layers=12, num_attention_heads=12, intermediate_size=1536, vocab_size=250037),
        (8, 128),
    ),
    "ModernBERT-base": (
        "modernbert",
        dict(hidden_size=768, num_hidden_layers=22, num_attention_heads=12, intermediate_size=1152, vocab_size=50368),
        (8, 128),
    ),
    "Qwen3-Embedding-0.6B": (
        "qwen3",
        dict(
            hidden_size=1024,
            num_hidden_layers=28,
            num_attention_heads=16,
            num_key_value_heads=8,
            head_dim=128,
            intermediate_size=3072,
            vocab_size=151669,
            rope_theta=1000000,
        ),
        (4, 128),
    ),
}


def make_folder(name):
    import torch
    import transformers

    folder = ROOM / name
    if folder.exists():
        return folder
    print(f"families: making {folder}", file=sys.stderr)
    kind, options, _ = FAMILIES[name]
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(kind, **options)
    cls = transformers.T5EncoderModel if kind == "t5" else transformers.AutoModel
    model = cls(config) if kind == "t5" else cls.from_config(config)
    part = folder.with_name(name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part, safe_serialization=True, max_shard_size="10GB")
    shutil.copy(common.model_folder() / "tokenizer.json", part)
    (part / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 512}))
    part.rename(folder)
    return folder


class Torch:
    def __init__(self, folder, kind, threads):
        import torch
        import transformers

        torch.set_num_threads(threads)
        self.torch = torch
        cls = transformers.T5EncoderModel if kind == "t5" else transformers.AutoModel
        self.model = cls.from_pretrained(folder).eval().float()

    def run(self, ids):
        with self.torch.inference_mode():
            return self.model(input_ids=ids).last_hidden_state


def bench(folder, precision, options):
    argv = [common.vecd_program(), "bench", "--json", "--model", folder, "--quantization", precision]
    out = subprocess.run(argv + ["--threads", str(options.threads)], check=True, capture_output=True, text=True).stdout
    return {w["name"]: w for w in json.loads(out)["workloads"]}


def measure(name, options):
    kind, _, (n, length) = FAMILIES[name]
    folder = make_folder(name).absolute()
    draw = np.random.default_rng(1)
    seqs = [draw.integers(1000, 30000, length).tolist() for _ in range(n)]
    engines, row = {}, {"family": name, "texts": n, "tokens": length}
    reference = Torch(folder, kind, options.threads)
    ids = reference.torch.tensor(seqs)
    engines["torch fp32"] = lambda: reference.run(ids)
    for precision in ("fp32", "int8"):
        subprocess.run(["cat", folder / "model.safetensors"], stdout=subprocess.DEVNULL, check=True)
        begun = time.perf_counter()
        model = vecd_c.Model(folder, options.threads, precision)
        row[f"open_ms_{precision}"] = round((time.perf_counter() - begun) * 1e3)
        row[f"resident_mb_{precision}"] = round(model.info.resident_bytes / 1e6)
        engines[f"vecd {precision}"] = lambda m=model, p=model.prepare(seqs): m.encode(p)
    times = {e: [] for e in engines}
    for turn in range(options.rounds + 1):
        for engine, run in engines.items():
            begun = time.perf_counter()
            run()
            if turn:
                times[engine].append(time.perf_counter() - begun)
    for engine, values in times.items():
        row[f"ms {engine}"] = round(common.median(values) * 1e3, 1)
    del reference, engines
    if not options.no_shares:
        fp32, int8 = bench(folder, "fp32", options), bench(folder, "int8", options)
        row["share b32x128 fp32"] = fp32["b32x128"]["share"]
        row["int8/fp32 b32x128"] = round(int8["b32x128"]["ms"] / fp32["b32x128"]["ms"], 3)
    return row


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--only", help="only these families, comma-separated")
    p.add_argument("--no-shares", action="store_true", help="leave out `vecd bench`, which takes minutes for the large ones")
    p.add_argument("--output", type=pathlib.Path, default=common.RESULTS)
    options = p.parse_args()
    common.warn_if_loaded()
    ROOM.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in options.only.split(",") if options.only else FAMILIES:
        rows.append(measure(name, options))
        print("  ".join(f"{k}: {v}" for k, v in rows[-1].items()), flush=True)
    cpu = common.cpu_facts()
    options.output.mkdir(parents=True, exist_ok=True)
    with open(options.output / f"{cpu['slug']}-families.csv", "w", newline="") as f:
        writer = csv.DictWriter(f, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
