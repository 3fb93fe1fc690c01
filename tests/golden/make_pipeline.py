#!/usr/bin/env python3
"""Writes pipeline.json: what Hugging Face tokenizers cuts short texts into, for every normalizer and pre-tokenizer with each of its
options and for those of real models (pipelines.py). test_pipeline.c compares.

A case is [name, normalizer, pre_tokenizer, [[text, pieces], ...]], a piece [its text, first character, one behind the last].

Usage: make_pipeline.py [OUTPUT]      (needs tokenizers 0.23)
"""

import json
import pathlib
import sys

import pipelines
import tokenizers
from pipeline_parity import HOSTILE, reference

TEXTS = [
    "Hello, world! It's 2024.",
    "I'LL he'll \u017f'\u017f don't we'RE",
    "  two  spaces\t\ttabs\n\nlines \r\n end ",
    "caf\u00e9 cafe\u0301 \u00c5ngstr\u00f6m A\u030a \u1e9b\u0323",
    "\u4e2d\u6587\u548c\u65e5\u672c\u8a9e\u306e\u6587 \u30ab\u30bf\u30ab\u30ca\u30fc",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab\u0300 \u0e20\u0e32\u0e29\u0e32\u0e33",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0915\u094d\u0915\u0300 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "\u00bd \u00b2 \u2163 \ufb01 \u2460 \uff21\uff22 \u3000x \u00a9\u200d\u00a9 \u2026",
    "aab abcd abab  aaaa b",
    "x1234567y 12 3 \u0663\u0664\u0665 _a_b-c\u2581d \u2581 e",
    "(a)[b]{c} <d> $5 +6 =7 ^8 `9` \u20ac\u00d7\u2014\u201cq\u201d",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001d54f \U00010400 \u01c5 \u0130",
    "a\u00adb\u200bc\ufeffd\x01e\x7ff\x85g\u180eh\u2028i",
    "camelCaseWORDS HTTPServer iOS17 \u00dcn\u00efc\u00f6d\u00e9",
]


def main():
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "pipeline.json")
    assert tokenizers.__version__.startswith("0.23."), tokenizers.__version__
    pool = TEXTS + [t for t in HOSTILE if len(t) < 40]
    families = {name for name, _, _ in pipelines.families()}
    lines = []
    for number, (name, config) in enumerate(pipelines.cases()):
        pieces, refusal = reference(config)
        if refusal or name.startswith(pipelines.REFUSED):
            continue
        texts = pool if name in families else [pool[(number + 11 * i) % len(pool)] for i in range(4)]
        row = [name, config["normalizer"], config["pre_tokenizer"], [[t, pieces(t)] for t in texts]]
        lines.append(json.dumps(row, ensure_ascii=True, separators=(",", ":")))
    target.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="ascii", newline="\n")
    print(f"{target}: {target.stat().st_size} bytes, {len(lines)} cases")


if __name__ == "__main__":
    main()
