"""The workloads of `vecd bench`, id for id: src/cmd/cmd_bench.c is the model, and check_against() compares the token counts.

Peers get no text they would have to pad much: they are handed the texts sorted by length, in batches of 8 where lengths differ.
"""

import numpy as np

# name: (texts, shortest, longest)
WORKLOADS = {
    "q12": (1, 12, 12),
    "s128": (1, 128, 128),
    "s256": (1, 256, 256),
    "b32x16": (32, 16, 16),
    "b32x128": (32, 128, 128),
    "mix64": (64, 6, 256),
}
LONGEST = 256  # the stride of the id table: text i's ids begin at i * LONGEST
MOST_TEXTS = 64
VOCABULARY = 30522
SORTED_BATCH = 8
SHAPE = {"layers": 6, "hidden": 384, "intermediate": 1536}  # of all-MiniLM-L6-v2, for counting operations


def lengths(name):
    """Token count of each text: many short ones and a few long ones, in no order."""
    n, least, most = WORKLOADS[name]
    if least == most:
        return [most] * n
    ts = [(i * 37 % n) / (n - 1) for i in range(n)]
    return [int(least * (most / least) ** (t * t * t) + 0.5) for t in ts]


def _id_table():
    ids, x = np.empty(MOST_TEXTS * LONGEST, np.uint32), 1
    for i in range(ids.size):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        ids[i] = x * VOCABULARY >> 32
    return ids.reshape(MOST_TEXTS, LONGEST)


def texts(name, _table=[]):
    """The workload as a list of id arrays (uint32)."""
    if not _table:
        _table.append(_id_table())
    return [_table[0][i, :n] for i, n in enumerate(lengths(name))]


def batches(name):
    """[(indices of texts, ids [b, t] padded with 0, lengths [b])] as the peers get them."""
    seqs = texts(name)
    order = sorted(range(len(seqs)), key=lambda i: len(seqs[i]))
    size = len(seqs) if len(seqs[order[0]]) == len(seqs[order[-1]]) else SORTED_BATCH
    out = []
    for first in range(0, len(order), size):
        indices = order[first : first + size]
        ids = np.zeros((len(indices), max(len(seqs[i]) for i in indices)), np.int64)
        for row, i in enumerate(indices):
            ids[row, : len(seqs[i])] = seqs[i]
        out.append((indices, ids, np.array([len(seqs[i]) for i in indices], np.int32)))
    return out


def flops(name):
    """Operations of the linear layers and of attention's two products; real tokens only, a multiply-add counts as two."""
    h, per_token = SHAPE["hidden"], 2 * (4 * SHAPE["hidden"] ** 2 + 2 * SHAPE["hidden"] * SHAPE["intermediate"])
    return SHAPE["layers"] * sum(n * per_token + 4 * n * n * h for n in lengths(name))


def check_against(bench_json):
    """Stops when `vecd bench --json` ran other workloads than these."""
    theirs = {w["name"]: w["tokens"] for w in bench_json["workloads"]}
    ours = {name: sum(lengths(name)) for name in WORKLOADS}
    differ = {name for name in ours if theirs.get(name, ours[name]) != ours[name]}
    if differ:
        raise SystemExit(f"peers: workloads.py and src/cmd/cmd_bench.c differ in {', '.join(sorted(differ))}")
