#!/usr/bin/env python3
"""Compares our tokenizer with Hugging Face tokenizers on random and hostile texts: ids and offsets, text by text.

Every variant of each tokenizer.json below runs over the same number of texts, which depend on the seed alone: code points of all
blocks, runs of combining marks, special tokens whole and broken, all kinds of space, words of the vocabulary, long words. The
program that is driven reads JSON strings, one a line, and prints {"ids", "offsets"} for each (tests/golden/tokenize_lines.c).
A variant that it refuses as not supported is passed over and named.

Usage: tokenizer_parity.py PROGRAM TOKENIZER_JSON... [--texts N] [--seed S] [--variants a,b,...]
"""

import argparse
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import tokenizers

import pipelines

SPACES = " \t\n\r\x0b\x0c\x1c\x1f\x85\u00a0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\u180e\ufeff"
MARKS = "".join(map(chr, [*range(0x300, 0x370), 0x483, 0x591, 0x5B0, 0x5BF, 0x610, 0x64B, 0x670, 0x6D6, 0x711, 0x93C, 0x94D, 0xE38, 0xEB8, 0xF71, 0xF72, 0xF73, 0xF74, 0xF75, 0xF81, 0xF39, 0x1DCE, 0x1DD0, 0x1DF5, 0x20D0, 0x20DD, 0x302A, 0x302E, 0x302F, 0x3099, 0x309A, 0xA66F, 0xFB1E, 0x16FF0, 0x1D165, 0x1D166, 0x1D16D, 0x1D172, 0x1E944, 0x1E2EC, 0x344, 0x340, 0x343]))
CONTROLS = "\x00\x01\x07\x08\x1b\x7f\x80\x9f\u00ad\u200c\u200d\u200e\u202e\u2060\ufeff\ufff9\ufffd\ue000\U000e0001\U000f0000"
CASES = "\u0130\u0131\u03a3\u03c2\u0390\u03b0\u1e9e\u00df\u1f88\u1fbc\u01c5\u2126\u212a\u212b\ua7dc\u10a0\u13a0\uab70\U0001e900\U00010400\u1c89"
CJK = "\u4e00\u9fff\u3400\u4dbf\u4dc0\u3007\uf900\ufaff\u3042\u30ab\uac00\ud7a3\uac01\u1100\u1161\u11a8\U00020000\U0002a6df\U0002a6e0\U0002b81f\U0002b820\U0002b91f\U0002b920\U0002ceaf\U0002ceb0\U0002f800\U0002fa1f\U00030000"
PUNCT = "".join(map(chr, [*range(0x21, 0x30), *range(0x3A, 0x41), *range(0x5B, 0x61), *range(0x7B, 0x7F)])) + "\u00a1\u00a7\u20ac\u00d7\u2013\u2014\u2018\u2019\u2026\u3001\u3002\uff01\ufe10\u2e5d\U00010100\U0001e95e"
BLOCKS = [0x0, 0x80, 0x100, 0x180, 0x250, 0x300, 0x370, 0x400, 0x530, 0x590, 0x600, 0x700, 0x900, 0xA00, 0xB00, 0xE00, 0xF00, 0x1000, 0x1100, 0x1200, 0x13A0, 0x1700, 0x1800, 0x1C80, 0x1D00, 0x1DC0, 0x1E00, 0x1F00, 0x2000, 0x2080, 0x2100, 0x2C00, 0x2E00, 0x3000, 0x3100, 0x4DB0, 0x9FF0, 0xA640, 0xA720, 0xAB30, 0xAC00, 0xD7A0, 0xF900, 0xFB00, 0xFE00, 0xFF00, 0xFFF0, 0x10400, 0x10A00, 0x11000, 0x16FE0, 0x1BC90, 0x1D100, 0x1D400, 0x1E100, 0x1E900, 0x1F300, 0x1F600, 0x2A6D0, 0x2F800, 0x30000, 0xE0000, 0xF0000, 0x10FFF0]


def added(id, content, **flags):
    off = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    return {"id": id, "content": content, **off, **flags}


def flag_matrix(vocab):
    """Tokens with every combination of single_word, lstrip, rstrip and normalized, some inside of others, some the model's."""
    out = []
    for i in range(16):
        flags = dict(single_word=bool(i & 1), lstrip=bool(i & 2), rstrip=bool(i & 4), normalized=bool(i & 8))
        out.append(added(0, ["<T%d>", "Tok%d", "T\u00e9%dX", "\u4e2d%d"][i % 4] % i, **flags))
    more = ["<T1", "<T1>>", "ab", "ABC", "abcd", "x y", "\u00c9t\u00e9", "[MASK]]", "mid\u0301", "_q_"]
    out += [added(0, c, normalized=i % 2 == 1, single_word=i % 3 == 0) for i, c in enumerate(more)]
    new = itertools.count(len(vocab))
    for token in out:
        token["id"] = vocab[token["content"]] if token["content"] in vocab else next(new)
    return out


def pieces_of(config):
    """The model's tokens."""
    vocab = config["model"]["vocab"]
    return list(vocab) if isinstance(vocab, dict) else [piece for piece, _ in vocab]


def unigram_variants(model, rng):
    """(name, model) of each. Equal scores make ties, positive ones turn what is worth its while upside down."""

    def scored(score):
        return {**model, "vocab": [[piece, score(number)] for piece, number in model["vocab"]]}

    vocab = model["vocab"]
    yield "bytes-too", {**model, "byte_fallback": not model.get("byte_fallback")}
    yield "no-unk", {**model, "unk_id": None}
    yield "flat", scored(lambda number: -1.0)
    yield "coarse", scored(lambda number: round(number))
    yield "positive", scored(lambda number: number + 30)
    yield "random", scored(lambda number: rng.uniform(-9, 2))
    yield "huge", scored(lambda number: rng.choice([-1e308, -1, 1e308, -1.7976931348623157e308]))
    yield "repeats", {**model, "vocab": vocab + [[rng.choice(vocab)[0], rng.uniform(-9, 0)] for _ in range(99)]}
    yield "unk-elsewhere", {**model, "unk_id": len(vocab) - 5}


def bpe_variants(model, rng):
    merges = list(model["merges"])
    rng.shuffle(merges)
    for flag in ["byte_fallback", "fuse_unk", "ignore_merges"]:
        yield flag, {**model, flag: not model.get(flag)}
    yield "no-unk", {**model, "unk_token": None}
    yield "no-unk-bytes", {**model, "unk_token": None, "byte_fallback": True}
    yield "missing-unk", {**model, "unk_token": "<nobody>"}
    yield "shuffled", {**model, "merges": merges}
    yield "repeats", {**model, "merges": model["merges"] + merges[::3]}
    yield "no-merges", {**model, "merges": []}
    if not model.get("continuing_subword_prefix"):
        yield "suffix-ids", {**model, "end_of_word_suffix": "e", "byte_fallback": True}
        vocab = dict(model["vocab"])
        vocab.update((new, len(vocab) + i) for i, new in enumerate(["aa" + c for c in "abcdefgh\u00e9"]) if new not in vocab)
        odd = [m for m in (["aaa", "aab"], ["a", "aaa"], ["aab", "aa"], ["b", "aa"], ["e", "aa"], ["a", "aa"]) if set(m) <= set(vocab) and m[0] + m[1][2:] in vocab]
        yield "prefix-ids", {**model, "vocab": vocab, "continuing_subword_prefix": "aa", "byte_fallback": True, "merges": odd}
        yield "prefix", {**model, "vocab": vocab, "continuing_subword_prefix": "aa", "byte_fallback": False, "merges": odd}


def model_variants(base):
    """(name, tokenizer.json) of each, for the models beside WordPiece."""
    model = base["model"]
    kind = model.get("type") or ("BPE" if "merges" in model else "WordLevel" if isinstance(model["vocab"], dict) else "Unigram")
    rng = random.Random(7)
    plain = {**base, "truncation": None, "padding": None}
    whole = {**plain, "normalizer": None, "pre_tokenizer": None, "post_processor": None}
    split = {**whole, "pre_tokenizer": {"type": "BertPreTokenizer"}}
    vocab = {piece: i for i, piece in enumerate(pieces_of(base))} if kind == "Unigram" else model["vocab"]
    yield "as-is", plain
    yield "whole", whole
    yield "split", split
    yield "added", {**split, "added_tokens": base["added_tokens"] + flag_matrix(vocab)}
    if kind == "WordLevel":
        yield "missing-unk", {**split, "model": {**model, "unk_token": "<nobody>"}}
    for name, other in {"Unigram": unigram_variants, "BPE": bpe_variants}.get(kind, lambda *a: [])(model, rng):
        added_ = [] if name in ("repeats", "prefix", "prefix-ids") else base["added_tokens"]
        yield name, {**(split if rng.random() < 0.3 else whole), "added_tokens": added_, "model": other}


def variants(base):
    """(name, tokenizer.json) of each."""
    if base["model"].get("type") != "WordPiece":
        yield from model_variants(base)
        return

    def bert(clean=True, cjk=True, strip=None, lower=True):
        return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": cjk, "strip_accents": strip, "lowercase": lower}

    def with_(**sections):
        return {**base, "truncation": None, "padding": None, **sections}

    vocab = base["model"]["vocab"]
    sequence = {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]}
    yield "uncased", with_()
    yield "cased", with_(normalizer=bert(lower=False))
    yield "accents", with_(normalizer=bert(strip=False))
    yield "cased-strip", with_(normalizer=bert(strip=True, lower=False))
    yield "no-clean", with_(normalizer=bert(clean=False))
    yield "no-cjk", with_(normalizer=bert(cjk=False))
    yield "bare", with_(normalizer=None)
    yield "no-split", with_(pre_tokenizer=None)
    yield "sequence", with_(normalizer=sequence)
    yield "lower-first", with_(normalizer={"type": "Sequence", "normalizers": [{"type": "Lowercase"}, bert(strip=True, lower=False)]})
    yield "strip-accents", with_(normalizer={"type": "StripAccents"})
    yield "short-words", with_(model={**base["model"], "max_input_chars_per_word": 5})
    yield "no-prefix", with_(model={**base["model"], "continuing_subword_prefix": ""})
    yield "added", with_(added_tokens=base["added_tokens"] + flag_matrix(vocab))
    yield "added-cased", with_(added_tokens=base["added_tokens"] + flag_matrix(vocab), normalizer=bert(lower=False))
    yield "added-accents", with_(added_tokens=base["added_tokens"] + flag_matrix(vocab), normalizer=bert(strip=False, clean=False))
    yield "added-bare", with_(added_tokens=base["added_tokens"] + flag_matrix(vocab), normalizer=None, pre_tokenizer=None)


def pipeline_variants(base):
    """The pipelines of real models before this model, with added tokens of every kind, and the post-processors there are."""
    vocab = dict(base["model"]["vocab"])
    spaces = ["\u0120", "##\u0120", "\u2581", "##\u2581", "##\u0120\u0120", "\u0120\u0120"]
    for word in spaces + [mark + w for mark in "\u0120\u2581" for w in "abcdefghijklmnopqrstuvwxyz0123456789ABCXYZ"] + ["##\u00c3", "##\u00a9", "\u00c3", "\u00e2"]:
        vocab.setdefault(word, len(vocab))
    base = {**base, "model": {**base["model"], "vocab": vocab}}
    tokens = base["added_tokens"] + flag_matrix(vocab)
    left = {"max_length": 7, "stride": 0, "strategy": "LongestFirst", "direction": "Left"}

    def processor(kind, **fields):
        return {"type": kind, **fields}

    ends = dict(sep=["[SEP]", vocab["[SEP]"]], cls=["[CLS]", vocab["[CLS]"]])
    template = base["post_processor"]
    chains = [
        [],
        [processor("ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)],
        [processor("RobertaProcessing", **ends, trim_offsets=True, add_prefix_space=True)],
        [processor("RobertaProcessing", **ends, trim_offsets=True, add_prefix_space=False)],
        [processor("RobertaProcessing", **ends, trim_offsets=False, add_prefix_space=True)],
        [processor("BertProcessing", **ends), processor("ByteLevel", add_prefix_space=True, trim_offsets=True)],
        [processor("ByteLevel", add_prefix_space=True, trim_offsets=True), template],
        [template, processor("ByteLevel", add_prefix_space=True, trim_offsets=True)],
        [processor("BertProcessing", **ends), processor("RobertaProcessing", **ends, trim_offsets=True, add_prefix_space=True), template],
    ]
    for number, (name, n, p) in enumerate(pipelines.families()):
        chain = chains[number % len(chains)]
        post = template if not chain else chain[0] if len(chain) == 1 else {"type": "Sequence", "processors": chain}
        yield f"pipe-{name}", {**base, "truncation": None, "padding": None, "normalizer": n, "pre_tokenizer": p, "added_tokens": base["added_tokens"], "post_processor": post}
        yield f"pipe-{name}-added", {**base, "truncation": left if number % 5 == 3 else None, "padding": None, "normalizer": n, "pre_tokenizer": p, "added_tokens": tokens, "post_processor": post}
    for number, chain in enumerate(chains[1:]):
        post = chain[0] if len(chain) == 1 else {"type": "Sequence", "processors": chain}
        yield f"post-{number}", {**base, "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": pipelines.byte_level(True), "added_tokens": tokens, "post_processor": post}


def character(rng):
    while True:
        c = rng.randrange(0x110000) if rng.random() < 0.2 else rng.choice(BLOCKS) + rng.randrange(128)
        if c < 0x110000 and not 0xD800 <= c <= 0xDFFF:
            return chr(c)


def make_text(rng, words, contents):
    """One text: a dozen parts of random kinds, more or less glued together."""
    parts = []
    for _ in range(rng.choice([1, 2, 3, 5, 8, 13, 30])):
        kind = rng.randrange(14)
        if kind < 3:
            word = rng.choice(words).removeprefix("##")
            parts.append(word.translate({0x2581: " ", 0x120: " "}) if rng.random() < 0.7 else word)
        elif kind == 3:
            parts.append("".join(rng.choice(words).removeprefix("##") for _ in range(rng.randrange(1, 4))).title())
        elif kind == 4:
            parts.append("".join(character(rng) for _ in range(rng.randrange(1, 8))))
        elif kind == 5:
            parts.append(rng.choice("aeiouncA\u00e9\u0439\u0e01\u0915\uac00") + "".join(rng.choice(MARKS) for _ in range(rng.choice([1, 2, 3, 4, 40]))))
        elif kind == 6:
            parts.append("".join(rng.choice(SPACES) for _ in range(rng.randrange(1, 4))))
        elif kind == 7:
            parts.append("".join(rng.choice(PUNCT) for _ in range(rng.randrange(1, 4))))
        elif kind == 8:
            parts.append("".join(rng.choice(CONTROLS) for _ in range(rng.randrange(1, 3))))
        elif kind == 9:
            parts.append("".join(rng.choice(CJK) for _ in range(rng.randrange(1, 5))))
        elif kind == 10:
            parts.append("".join(rng.choice(CASES) for _ in range(rng.randrange(1, 3))))
        elif kind == 11:
            token = rng.choice(contents)
            cut = rng.randrange(6)
            parts.append(token[:-1] if cut == 0 else token[1:] if cut == 1 else token.lower() if cut == 2 else token)
        elif kind == 12 and rng.random() < 0.2:
            parts.append(rng.choice(["x", "ab", "\u00e9", "\u4e2d", "a\u0301"]) * rng.choice([49, 50, 51, 99, 100, 101, 200]))
        else:
            parts.append("".join(rng.choice("abcdefgABCXYZ0123456789 _<>[]T") for _ in range(rng.randrange(1, 12))))
        if rng.random() < 0.5:
            parts.append(" ")
    text = "".join(parts)
    return text * 40 if rng.random() < 0.002 else text


def long_texts(rng, words):
    """Words of a hundred thousand bytes, known and unknown."""
    letters = [w for w in words if len(w) == 1] or ["a"]
    yield "a" * 100_000
    yield "\u2603\u00e9" * 20_000
    yield "".join(rng.choice(words) for _ in range(20_000))
    yield "".join(rng.choice(letters) for _ in range(50_000))
    yield "".join(character(rng) for _ in range(30_000))
    yield "".join(rng.choice(words[:40]) * rng.randrange(1, 40) for _ in range(1000))


def encoded(reference, text):
    """(ids, offsets), or (None, None) where it fails: an unknown character, and no token for those."""
    try:
        enc = reference.encode(text)
    except Exception:  # the package raises nothing more exact
        return None, None
    return enc.ids, [list(o) for o in enc.offsets]


class Unsupported(Exception):
    pass


def compare(program, config, texts, offsets_too):
    """The texts that differ, as (text, ours, theirs)."""
    reference = tokenizers.Tokenizer.from_str(json.dumps(config))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tokenizer.json"
        path.write_text(json.dumps(config), encoding="ascii")
        lines = "".join(json.dumps(t) + "\n" for t in texts)
        cut = ["--max", str(config["truncation"]["max_length"])] if config.get("truncation") else []
        run = subprocess.run([program, str(path), *cut], input=lines.encode("ascii"), capture_output=True)
    if run.returncode:
        raise Unsupported(run.stderr.decode("utf-8").strip())
    ours = run.stdout.decode("ascii").splitlines()
    assert len(ours) == len(texts), (len(ours), len(texts))
    wrong = []
    for text, line in zip(texts, ours):
        got = json.loads(line)
        want = encoded(reference, text)
        if got.get("ids") != want[0] or (offsets_too and got.get("offsets") != want[1]):
            wrong.append((text, got, want))
    return wrong


def show(wrong):
    for text, got, want in sorted(wrong, key=lambda w: len(w[0]))[:3]:
        print(f"  text {json.dumps(text)[:400]}\n  ours {str(got.get('ids'))[:400]} {str(got.get('offsets'))[:400]} {got.get('error', '')}")
        print(f"  want {str(want[0])[:400]} {str(want[1])[:400]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("tokenizer_json", nargs="+")
    parser.add_argument("--texts", type=int, default=5000, help="for each variant")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variants")
    args = parser.parse_args()
    chosen = args.variants.split(",") if args.variants else None
    passed = failed = 0
    for path in map(pathlib.Path, args.tokenizer_json):
        base = json.loads(path.read_text(encoding="utf-8"))
        print(path, flush=True)
        more = pipeline_variants(base) if base["model"].get("type") == "WordPiece" else []
        for number, (name, config) in enumerate(itertools.chain(variants(base), more)):
            if chosen and not any(name.startswith(c) for c in chosen):
                continue
            rng = random.Random(args.seed * 1000 + number)
            words = pieces_of(config)
            contents = [t["content"] for t in config["added_tokens"]] or ["<unk>"]
            texts = [make_text(rng, words, contents) for _ in range(args.texts)]
            if base["model"].get("type") != "WordPiece":
                texts += long_texts(rng, words)
            try:
                wrong = compare(args.program, config, texts, offsets_too=not name.endswith("-ids"))
            except Unsupported as reason:
                if "not supported" not in str(reason):
                    raise
                print(f"{name}: left out: {reason}")
                continue
            print(f"{name}: {len(texts)} texts, {len(wrong)} differ", flush=True)
            show(wrong)
            passed += len(texts) - len(wrong)
            failed += len(wrong)
    print(f"{passed} passed, {failed} failed")
    return failed > 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
