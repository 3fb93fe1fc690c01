#!/usr/bin/env python3
"""Compares our normalizers and pre-tokenizers with those of Hugging Face tokenizers: pieces and their places, text by text.

Every component runs alone with each of its options, and in the compositions that real models have. A normalizer is followed by
FixedLength of one character, so that the place of every single character is compared. The texts depend on the seed alone:
collected ones, random ones of all blocks of Unicode, hostile ones; with --codepoints every code point stands in some text.

The program that is driven reads JSON strings, one a line, and prints [[piece, start, end], ...] (tests/golden/pieces_lines.c).

Usage: pipeline_parity.py PROGRAM [--texts N] [--seed S] [--only NAME,...] [--codepoints]
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import tokenizers
from tokenizers import PreTokenizedString, Tokenizer

from pipelines import REFUSED, cases
from tokenizer_parity import CASES, CJK, CONTROLS, MARKS, PUNCT, SPACES, character

HERE = pathlib.Path(__file__).parent

def collected():
    return json.loads((HERE / "texts.json").read_text(encoding="utf-8"))


HOSTILE = ["", " ", "  ", "a", "\n", "\r\n", "\r\r\n\n", "\x00", "a\x00b", "\u0301", "\u0301\u0301e", " \u0301", "aab aaab", "a" * 3000, " " * 3000, " " * 500 + "x", "ab" * 700, "\u0301" * 400, "e" + "\u0301\u0327" * 300,
           "\u1100\u1161\u11a8\u1161\u11a8\u0300", "\u00a9\u200d\u00a9\u0300", "\u00a9\u0300\u200d\u00a9", "\u0915\u094d\u0915\u0300", "\u0600a", "\u0600\u00e9", "\U0001f1e6\U0001f1e7\U0001f1e8", "I'M he'Ll \u017f'\u017f don't", "12345 1234\n\n  12",
           "A \t\n\u3000B\u2028C\u0085D\u180eE\u200bF\ufeffG", "\u2581 \u2581\u2581a", "_a b_", "``x''", "xX\u00bd\u00bd", "\r\na\u0301\r\n", "end\n", "\nend", "a\n\nb\n"]


def make_text(rng):
    parts = []
    for _ in range(rng.choice([1, 2, 3, 5, 8, 13, 30])):
        kind = rng.randrange(12)
        if kind == 0:
            parts.append("".join(character(rng) for _ in range(rng.randrange(1, 8))))
        elif kind == 1:
            parts.append(rng.choice("aeiouncA\u00e9\u0439\u0e01\u0915\uac00\u1100") + "".join(rng.choice(MARKS) for _ in range(rng.choice([1, 2, 3, 4, 40]))))
        elif kind == 2:
            parts.append("".join(rng.choice(SPACES) for _ in range(rng.randrange(1, 5))))
        elif kind == 3:
            parts.append("".join(rng.choice(PUNCT) for _ in range(rng.randrange(1, 4))))
        elif kind == 4:
            parts.append("".join(rng.choice(CONTROLS) for _ in range(rng.randrange(1, 3))))
        elif kind == 5:
            parts.append("".join(rng.choice(CJK) for _ in range(rng.randrange(1, 5))))
        elif kind == 6:
            parts.append("".join(rng.choice(CASES) for _ in range(rng.randrange(1, 3))))
        elif kind == 7:
            parts.append(rng.choice(["'s", "'S", "'ll", "'LL", "'t", "'\u017f", "don't", "we'RE", "123", "1234567", "\u0663\u0664", "\u00bd\u00b2", "``", "\u2581", "\r\n", "\n\n", "\u00a9\u200d", "\u0915\u094d", "\u1100\u1161", "x\u0300"]))
        elif kind == 8:
            parts.append("".join(rng.choice("ab") for _ in range(rng.randrange(1, 9))))
        else:
            parts.append("".join(rng.choice("abcdexkABCXYZ0123456789 _<>[]T") for _ in range(rng.randrange(1, 12))))
        if rng.random() < 0.4:
            parts.append(" ")
    return "".join(parts)


def every_codepoint():
    """Each one between letters, and next to another of its block."""
    all_of_them = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    for start in range(0, len(all_of_them), 512):
        block = all_of_them[start : start + 512]
        yield "".join("a" + c for c in block)
        yield "".join(block)
        yield "".join(c + "\u0301 " for c in block)


def reference(config):
    """What gives the pieces of a text; None where the package refuses the config."""
    whole = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "post_processor": None, "decoder": None,
             "model": {"type": "WordPiece", "unk_token": "u", "continuing_subword_prefix": "##", "max_input_chars_per_word": 1, "vocab": {"u": 0}}}
    try:
        tokenizer = Tokenizer.from_str(json.dumps({**whole, **config}))
    except BaseException as e:
        return None, str(e)

    def pieces(text):
        string = PreTokenizedString(text)
        if tokenizer.normalizer:
            string.normalize(lambda n: tokenizer.normalizer.normalize(n))
        if tokenizer.pre_tokenizer:
            tokenizer.pre_tokenizer.pre_tokenize(string)
        return [[p, *place] for p, place, _ in string.get_splits("original", "char") if p]

    return pieces, None


def compare(program, config, texts):
    """(number of texts that differ, what to show of the shortest), or a string where one of both refuses the config."""
    pieces, refusal = reference(config)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "config.json"
        path.write_text(json.dumps(config), encoding="ascii")
        run = subprocess.run([program, str(path)], input="".join(json.dumps(t) + "\n" for t in texts).encode("ascii"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode:
        return f"refused: {run.stderr.decode().split(': ', 1)[-1].strip()[:110]}" + (" (by both)" if refusal else "")
    if refusal:
        return f"NOT REFUSED, but there: {refusal[:110]}"
    ours = [json.loads(line) for line in run.stdout.decode("ascii").splitlines()]
    assert len(ours) == len(texts), (len(ours), len(texts))
    wrong = []
    for text, got in zip(texts, ours):
        want = pieces(text)
        if got != want:
            wrong.append((text, got, want))
    return len(wrong), sorted(wrong, key=lambda w: len(w[0]))[:2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--texts", type=int, default=300, help="random ones for each case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--codepoints", action="store_true")
    args = parser.parse_args()
    passed = failed = 0
    for number, (name, config) in enumerate(cases()):
        if args.only and not any(name.startswith(o) for o in args.only.split(",")):
            continue
        rng = random.Random(args.seed * 1000 + number)
        texts = HOSTILE + collected() + [make_text(rng) for _ in range(args.texts)]
        if args.codepoints:
            texts = list(every_codepoint())
        result = compare(args.program, config, texts)
        if isinstance(result, str):
            expected = name.startswith(REFUSED) and result.startswith("refused")
            if not expected:
                print(f"{name}: {result}", flush=True)
            passed += expected
            failed += not expected
            continue
        n_wrong, shown = result
        if n_wrong:
            print(f"{name}: {len(texts)} texts, {n_wrong} differ", flush=True)
        for text, got, want in shown:
            at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want))) if isinstance(got, list) else 0
            print(f"  text {json.dumps(text)[:300]}\n  ours {json.dumps(got[at:at + 4] if isinstance(got, list) else got)}\n  want {json.dumps(want[at:at + 4])}")
        passed += len(texts) - n_wrong
        failed += n_wrong
    print(f"{passed} passed, {failed} failed")
    return failed > 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
