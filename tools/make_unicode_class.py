#!/usr/bin/env python3
"""Writes src/tok/unicode_class_tab.c and unicode_compose_tab.c: more of what the pinned `tokenizers` package does with every
code point.

As in make_unicode.py the facts are probed from the package, because its parts follow different versions of Unicode: general
categories, scripts and \\w as its regular expressions have them, the scripts of UnicodeScripts, the digits of Digits, grapheme
clusters as Precompiled cuts them, compatibility decompositions and compositions as NFKC makes them.

Usage: make_unicode_class.py [FOLDER]      (needs tokenizers 0.23)
"""

import base64
import pathlib
import struct
import sys

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

from make_unicode import ALL, HANGUL, array, two_stage

# In the order of unicode_class.h.
CATEGORIES = "Cn Cc Cf Co Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs".split()
REGEX_SCRIPTS = "Arabic Armenian Bengali Bopomofo Common Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana Inherited Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Oriya Sinhala Tamil Telugu Thai Tibetan".split()
CLUSTERS = "OTHER CR LF CONTROL EXTEND ZWJ SPACING PREPEND PICTURE L V T LV LVT".split()
FLAGS = ["WORD", "NUMERIC", "CONSONANT", "LINKER", "CONJOINER"]

TEXT = "".join(map(chr, ALL))


def members(pattern):
    """The code points one character of which the regular expression matches."""
    rest = normalizers.Replace(Regex(pattern), "").normalize_str(TEXT)
    return set(ALL) - set(map(ord, rest))


def charsmap_of_every_byte():
    """A charsmap in which every byte but NUL is a key that becomes "X": so every cluster of less than 6 bytes becomes one X,
    and every character of a longer one does."""
    units = [0] * 512
    units[0] = 256 << 10  # its children begin at unit 256: unit 256 ^ byte
    for byte in range(1, 256):
        child = 256 ^ byte
        # The value lies at the child's own place ^ its offset, which is to be unit `byte`.
        units[child] = (child ^ byte) << 10 | 1 << 8 | byte
        units[byte] = 1 << 31  # the value 0: "X" stands there
    trie = struct.pack("<512I", *units)
    return struct.pack("<I", len(trie)) + trie + b"X\0"


def clusters():
    """({code point: class}, {code point: set of flags}) by the clusters Precompiled makes of short texts."""
    count = normalizers.Precompiled(charsmap_of_every_byte()).normalize_str
    assert count("abc") == "XXX" and count("e\u0301") == "X" and count("\u00e9\u0301\u0301") == "XXX"
    kinds, flags = {}, {}
    for c in ALL:
        s, n = chr(c), len(chr(c).encode())
        if c == 0:
            kinds[c] = "CONTROL"  # a NUL ends every search, so nothing can be seen; it is one
            continue
        alone = count(s) == "X"
        assert alone, hex(c)
        kind = "OTHER"
        if count("a" + s) == "X":
            kind = "ZWJ" if c == 0x200D else "EXTEND"
        elif c in (13, 10):
            kind = "CR" if c == 13 else "LF"
        elif n < 4 and count(s + "\u0300") != "X":
            kind = "CONTROL"
        elif count(s + "a") == "X":
            kind = "PREPEND"
        elif n < 4 and len(count("\u00a9\u200d" + s + "\u0300")) == 4:
            kind = "PICTURE"
        if kind == "EXTEND":
            # A picture, extenders, a joiner and a picture are one cluster; a spacing mark breaks that.
            joined = len(count("\u00a9" + s + "\u200d\u00a9\u0300"))
            kind = "EXTEND" if joined == 5 else "SPACING"
        kinds[c] = kind
        mine = flags[c] = set()
        if n < 4:
            if len(count("\u0915\u094d" + s + "\u0300")) == 4 and kind == "OTHER":
                mine.add("CONSONANT")
            if kind in ("EXTEND", "ZWJ"):
                if len(count("\u0915" + s + "\u0915\u0300")) == 4:
                    mine.add("LINKER")
                elif len(count("\u0915\u094d" + s + "\u0915\u0300")) == 5:
                    mine.add("CONJOINER")
    for c in ALL:  # Hangul: two syllables' parts and a mark are longer than 5 bytes, one part and a mark are not
        if kinds[c] != "OTHER" or not 0x1100 <= c < 0xD800:
            continue
        s = chr(c)

        def joins(left, right):
            return len(count(left + right + "\u0300")) == 3

        before_v, after_l, before_t, after_v = joins(s, "\u1161"), joins("\u1100", s), joins(s, "\u11a8"), joins("\u1161", s)
        after_t = joins("\u11a8", s)
        if before_v and before_t and after_l:
            kinds[c] = "LV" if not joins("\u1161", s) else "V"
        elif before_t and after_l:
            kinds[c] = "LVT"
        elif before_t and after_v:
            kinds[c] = "T"
        elif before_v and after_l:
            kinds[c] = "L"
        elif before_v or after_l or before_t or after_v or after_t:
            raise SystemExit(f"U+{c:04X}: no Hangul class fits")
    return kinds, flags


def scripts():
    """{code point: number of its script}, 0 for those that never part, as UnicodeScripts parts them."""
    split = pre_tokenizers.UnicodeScripts().pre_tokenize_str
    parts = lambda a, b: len(split(a + b)) > 1
    representatives, out, last = [], {}, None
    for c in ALL:
        s = chr(c)
        if not parts("a", s) and not parts("\u0436", s):
            out[c] = last = 0
            continue
        if last and c != 0xE000 and not parts(chr(c - 1), s):
            out[c] = last
            continue
        for number, r in enumerate(representatives, 1):
            if not parts(r, s):
                out[c] = last = number
                break
        else:
            representatives.append(s)
            out[c] = last = len(representatives)
    return out


def compositions():
    """{(first, second): composed} of NFC, but for Hangul."""
    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    pairs = {}
    for c in ALL:
        s = chr(c)
        d = nfd(s)
        if len(d) < 2 or c in HANGUL or nfc(d) != s:
            continue
        first = nfc(d[:-1])
        assert len(first) == 1 and nfc(first + d[-1]) == s, hex(c)
        pairs[ord(first), ord(d[-1])] = c
    return pairs


def compatible():
    """{code point: its NFKD where that is not its NFD}."""
    nfd, nfkd = normalizers.NFD().normalize_str, normalizers.NFKD().normalize_str
    return {c: nfkd(chr(c)) for c in ALL if nfkd(chr(c)) != nfd(chr(c))}


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    print(f"{path}: {path.stat().st_size} bytes")


def head(name, what):
    return [f"/* {name} - {what} Made by tools/make_unicode_class.py", f" * from tokenizers {tokenizers.__version__}; do not edit. */"]


def write_classes(path):
    category = {c: k for k, name in enumerate(CATEGORIES) for c in members(rf"\p{{{name}}}")}
    assert len(category) == len(ALL) and sum(len(members(rf"\p{{{n}}}")) for n in CATEGORIES) == len(ALL)
    script_of_regex = {c: k for k, name in enumerate(REGEX_SCRIPTS, 1) for c in members(rf"\p{{{name}}}")}
    word, space, digit = members(r"\w"), members(r"\s"), members(r"\d")
    assert space == set(map(ord, "\t\n\x0b\x0c\r \x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000")) | set(range(0x2000, 0x200B))
    assert digit == {c for c in ALL if CATEGORIES[category[c]] == "Nd"}
    assert members(r"\h") == set(map(ord, "0123456789abcdefABCDEF"))
    digits = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str
    kinds, flags = clusters()
    script = scripts()
    records, rows = {(0, 0, 0, 0, 0): 0}, []
    for c in range(0x110000):
        if 0xD800 <= c <= 0xDFFF:
            rows.append(0)
            continue
        mine = flags.get(c, set())
        if c in word:
            mine.add("WORD")
        if len(digits("a" + chr(c))) > 1:
            mine.add("NUMERIC")
        record = (category[c], CLUSTERS.index(kinds[c]), script[c], script_of_regex.get(c, 0), sum(1 << FLAGS.index(f) for f in mine))
        rows.append(records.setdefault(record, len(records)))
    shift, index, blocks = two_stage(rows)
    out = head(path.name, "categories, scripts and clusters.") + ['#include "tok/unicode_class.h"', "", "/* clang-format off */"]
    out.append(f'_Static_assert(VECD_UNICODE_CLASS_SHIFT == {shift}, "unicode_class.h must know the block size");')
    array(out, "vecd_unicode_class", "vecd_unicode_classes", ["{%d,%d,%d,%d,%d}" % r for r in records])
    array(out, "uint16_t" if max(index) > 255 else "uint8_t", "vecd_unicode_class_blocks", index)
    array(out, "uint16_t", "vecd_unicode_class_of", blocks)
    write(path, out)


def write_compositions(path):
    pairs = sorted((b, a, c) for (a, b), c in compositions().items())
    out = head(path.name, "compositions and compatibility decompositions.") + ['#include "tok/unicode_compose.h"', "", "/* clang-format off */"]
    array(out, "vecd_unicode_pair", "vecd_unicode_pairs", ["{%d,%d,%d}" % p for p in pairs])
    out.append(f"const size_t vecd_unicode_n_pairs = {len(pairs)};")
    pool, rows = [], []
    for c, d in sorted(compatible().items()):
        code = [ord(x) for x in d]
        at = next((i for i in range(len(pool) - len(code) + 1) if pool[i : i + len(code)] == code), None)
        if at is None:
            at = len(pool)
            pool += code
        rows.append((c, at, len(code)))
    assert max(n for _, _, n in rows) <= 18
    array(out, "vecd_unicode_compatible", "vecd_unicode_compatibles", ["{%d,%d,%d}" % r for r in rows])
    out.append(f"const size_t vecd_unicode_n_compatibles = {len(rows)};")
    array(out, "uint32_t", "vecd_unicode_compatible_pool", pool)
    write(path, out)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "src/tok")
    assert tokenizers.__version__.startswith("0.23."), tokenizers.__version__
    write_compositions(folder / "unicode_compose_tab.c")
    write_classes(folder / "unicode_class_tab.c")


if __name__ == "__main__":
    main()
