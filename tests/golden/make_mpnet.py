#!/usr/bin/env python3
"""Writes the golden data of all-mpnet-base-v2: what sentence-transformers gives, in float32, for the texts of texts.json.

Files, both beside this script (n = number of texts in texts.json, in its order):
  mpnet_ids.json     n arrays: the token ids fed to the model, special tokens included, cut at max_seq_length (384)
  mpnet_vectors.npy  float32 [ceil(n / 4), 768]: texts 0, 4, 8, ..., each encoded alone, normalised as the folder says

Usage: make_mpnet.py MODEL_FOLDER [ALL_VECTORS.npy]      (the second: where to put the vectors of all n texts too)
"""

import pathlib
import sys

from make_minilm import encode_alone, fed_ids, open_all  # sets one thread before torch comes
from make_texts import dump_lines

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
MAX_TOKENS = 384
DIMENSIONS = 768
EVERY = 4


def main():
    texts, model, _, _ = open_all(pathlib.Path(sys.argv[1]), MAX_TOKENS)
    rows = [fed_ids(model, text) for text in texts]
    assert max(map(len, rows)) == MAX_TOKENS
    vectors = encode_alone(model, texts if len(sys.argv) > 2 else texts[::EVERY])
    assert vectors.dtype == np.float32 and vectors.shape[1] == DIMENSIONS and np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    if len(sys.argv) > 2:
        np.save(sys.argv[2], vectors)
        vectors = vectors[::EVERY]
    dump_lines(HERE / "mpnet_ids.json", rows)
    np.save(HERE / "mpnet_vectors.npy", vectors)


if __name__ == "__main__":
    main()
