#!/usr/bin/env python3
"""Writes src/tok/unicode_tab.c: what the pinned `tokenizers` package does with every code point.

The facts are probed from the package itself, not taken from a Unicode database: its parts disagree about the Unicode version
(decomposition is 9.0, categories are older, lowercasing and \\w follow the Rust release it was built with), and only what it
does counts.

Usage: make_unicode.py [OUTPUT]      (needs tokenizers 0.23)
"""

import json
import pathlib
import sys
import unicodedata

import tokenizers
from tokenizers import Tokenizer, normalizers, pre_tokenizers

ALL = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
HANGUL = range(0xAC00, 0xAC00 + 11172)

# Bits of a record's `props`, in the order of unicode.h.
PROPS = ["CONTROL", "SPACE", "CJK", "MARK_NONSPACING", "MARK", "PUNCTUATION", "WORD", "DECOMPOSES"]


def bert(**flags):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **flags}).normalize_str


def word_characters():
    """The characters that keep a single_word token in front of them from matching: the regex class \\w."""
    token = dict(id=1, content="Q", single_word=True, lstrip=False, rstrip=False, normalized=False, special=False)
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "Q": 1}}
    tok = Tokenizer.from_str(json.dumps({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [token], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model}))
    words = set()
    for start in range(0, len(ALL), 4096):
        block = ALL[start : start + 4096]
        for c, enc in zip(block, tok.encode_batch_fast(["Q" + chr(c) for c in block])):
            if enc.ids[0] != 1:
                words.add(c)
    return words


def combining_class(nfd, representatives, c):
    """The class by which NFD orders c: c moves behind r exactly where class(c) > class(r) > 0."""
    swaps = [k for k, r in representatives if nfd(chr(c) + r) == r + chr(c) and r != chr(c)]
    if swaps:
        above = [k for k, _ in representatives if k > max(swaps)]
        return above[0] if above else max(swaps) + 1
    last = representatives[-1][1]
    return representatives[0][0] if nfd(last + chr(c)) == chr(c) + last else 0


def probe():
    """(records, decompositions): per code point (props, class, lower delta), and the canonical decompositions."""
    clean, cjk, strip = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
    nfd, lower, marks = normalizers.NFD().normalize_str, normalizers.Lowercase().normalize_str, normalizers.StripAccents().normalize_str
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    words = word_characters()

    # One character for each class, of those that NFD does move: U+0334 has class 1, the lowest.
    seen = {1: "\u0334"}
    for c in ALL:
        k = unicodedata.combining(chr(c))
        if k and k not in seen and nfd(chr(c) + "\u0334") == "\u0334" + chr(c):
            seen[k] = chr(c)
    representatives = sorted(seen.items())

    records, decompositions = {}, {}
    for c in ALL:
        s = chr(c)
        props = set()
        cleaned, pieces, low = clean(s), [p for p, _ in split("a" + s + "b")], lower(s)
        if cleaned == "":
            props.add("CONTROL")
        if pieces == ["a", "b"]:
            props.add("SPACE")
            assert cleaned in (" ", ""), hex(c)
        elif pieces == ["a", s, "b"]:
            props.add("PUNCTUATION")
        else:
            assert pieces == ["a" + s + "b"], hex(c)
        if cleaned == " ":
            assert "SPACE" in props
        if cjk(s) != s:
            assert cjk(s) == f" {s} "
            props.add("CJK")
        if strip(s) == "":
            props.add("MARK_NONSPACING")
        if marks(s) == "":
            props.add("MARK")
        if c in words:
            props.add("WORD")
        delta = 0
        if len(low) != 1:
            assert (c, low) == (0x130, "i\u0307"), hex(c)  # the only one that grows: unicode.h knows it by name
        else:
            delta = ord(low) - c
        d = nfd(s)
        if d != s and c not in HANGUL:
            decompositions[c] = d
            props.add("DECOMPOSES")
        ccc = 0
        if d == s and (unicodedata.category(s)[0] == "M" or unicodedata.combining(s)):
            ccc = combining_class(nfd, representatives, c)
        if c in HANGUL:
            i = c - 0xAC00
            jamo = [0x1100 + i // 588, 0x1161 + i % 588 // 28] + ([0x11A7 + i % 28] if i % 28 else [])
            assert d == "".join(map(chr, jamo))
        records[c] = (sum(1 << PROPS.index(p) for p in props), ccc, delta)
    for c in ALL:  # where a decomposition is not in canonical order or not complete, our loop would be wrong
        d = decompositions.get(c)
        if d:
            assert all(ord(x) not in decompositions for x in d) and nfd(d) == d
    return records, decompositions


def two_stage(values):
    """Splits values [0x110000] into a table of blocks and the distinct blocks, at the block size that makes least text."""
    best = None
    for shift in (5, 6, 7, 8):
        size, blocks, index = 1 << shift, {}, []
        for start in range(0, len(values), size):
            index.append(blocks.setdefault(tuple(values[start : start + size]), len(blocks)))
        cost = len(index) * 3 + sum(len(str(v)) + 1 for b in blocks for v in b)
        if best is None or cost < best[0]:
            best = (cost, shift, index, [v for b in blocks for v in b])
    return best[1:]


def array(out, kind, name, values):
    out.append(f"const {kind} {name}[{len(values)}] = {{")
    line = ""
    for v in map(str, values):
        if len(line) + len(v) + 1 > 126:
            out.append(line)
            line = ""
        line += v + ","
    out.append(line + "};")


def main():
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "src/tok/unicode_tab.c")
    assert tokenizers.__version__.startswith("0.23."), tokenizers.__version__
    facts, decompositions = probe()
    kinds = {}
    kinds.setdefault((0, 0, 0), 0)
    rows = [kinds.setdefault(facts.get(c, (0, 0, 0)), len(kinds)) for c in range(0x110000)]

    # A decomposition is (start << 3 | length) into one array of code points; 0 is none.
    pool, places = [], [0] * 0x110000
    for c, d in decompositions.items():
        code = [ord(x) for x in d]
        at = next((i for i in range(len(pool) - len(code) + 1) if pool[i : i + len(code)] == code), None)
        if at is None:
            at = len(pool)
            pool += code
        assert len(code) < 8 and at < 1 << 13
        places[c] = at << 3 | len(code)

    out = [
        "/* unicode_tab.c - what Hugging Face tokenizers does with every code point. Made by tools/make_unicode.py",
        f" * from tokenizers {tokenizers.__version__}; do not edit. */",
        '#include "tok/unicode.h"',
        "",
        "/* clang-format off */",
    ]
    shift, index, blocks = two_stage(rows)
    shift_d, index_d, blocks_d = two_stage(places)
    head = {"RECORD": (shift, index), "DECOMPOSITION": (shift_d, index_d)}
    for name, (s, i) in head.items():
        out.append(f'_Static_assert(VECD_UNICODE_{name}_SHIFT == {s}, "unicode.h must know the block size");')
    out.append(f"const vecd_unicode_record vecd_unicode_records[{len(kinds)}] = {{")
    line = ""
    for props, ccc, delta in kinds:
        item = f"{{{delta},{props},{ccc}}},"
        if len(line) + len(item) > 126:
            out.append(line)
            line = ""
        line += item
    out.append(line + "};")
    array(out, "uint8_t" if max(index) < 256 else "uint16_t", "vecd_unicode_record_blocks", index)
    array(out, "uint8_t" if len(kinds) <= 256 else "uint16_t", "vecd_unicode_record_of", blocks)
    array(out, "uint8_t" if max(index_d) < 256 else "uint16_t", "vecd_unicode_decomposition_blocks", index_d)
    array(out, "uint16_t", "vecd_unicode_decomposition_of", blocks_d)
    array(out, "uint32_t", "vecd_unicode_decompositions", pool)
    target.write_text("\n".join(out) + "\n", encoding="ascii", newline="\n")
    print(f"{target}: {target.stat().st_size} bytes, shifts {shift} {shift_d}, {len(kinds)} records, {max(index)+1} + {max(index_d)+1} blocks")


if __name__ == "__main__":
    main()
